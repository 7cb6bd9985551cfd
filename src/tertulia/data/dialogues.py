"""Public dialogue sets in one shape: zstd-compressed JSON lines, a dialogue a line.

A row has `id`, `turns` of {speaker, text, knowledge?, act?} and, for the whole talk, `situation`,
`personas`, `knowledge`, `topic` where the set gives them. Speakers go by the set's own names; the
first to speak is the user, the second the agent.
"""

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import zstandard

from tertulia.conversation import Conversation, Direction, Persona, Turn
from tertulia.data import Dialogue, Note

SEPARATORS = {"multiwoz21_val_test": ";", "persuasion_for_good": "+", "casino": ","}
"""What stands between two acts of one turn, by set; other sets have one act a turn."""

OWN_MARGIN = 0.05
"""Persona sets: facts must overlap the own turns more than the partner's by this much."""


def read(path: Path) -> Iterator[Dialogue]:
    """The dialogues of one `.jsonl.zst` file, in order, the unusable ones left out."""
    source = path.name.removesuffix(".jsonl.zst")
    with path.open("rb") as packed:
        unpacked = zstandard.ZstdDecompressor().stream_reader(packed)
        for line in io.TextIOWrapper(unpacked, encoding="utf-8"):
            row = json.loads(line)
            if usable(row):
                yield dialogue(row, source)


def usable(row: Mapping[str, Any]) -> bool:
    """Whether two people speak in it, and its personas are not swapped or foreign."""
    if len({turn["speaker"] for turn in row["turns"]}) != 2:
        return False
    if "persona_own" not in row:
        return True
    return bool(row["persona_own"] > row["persona_cross"] + OWN_MARGIN)


def dialogue(row: Mapping[str, Any], source: str) -> Dialogue:
    """One row as a dialogue; the row is read here and nowhere else."""
    user, agent = dict.fromkeys(turn["speaker"] for turn in row["turns"])
    personas = tuple(Persona(name, tuple(facts)) for name, facts in (row["personas"] or {}).items())
    direction = Direction(
        situation=row["situation"] or "",
        personas=personas,
        knowledge=tuple(row["knowledge"] or ()),
    )
    turns = tuple(Turn(turn["speaker"], turn["text"]) for turn in row["turns"])
    talk = Conversation(agent=agent, user=user, direction=direction, turns=turns)
    notes = tuple(note(turn, source) for turn in row["turns"])
    return Dialogue(
        id=row["id"], source=source, topic=row.get("topic") or "", conversation=talk, notes=notes
    )


def note(turn: Mapping[str, Any], source: str) -> Note:
    """The set's remarks on one turn."""
    acts = turn.get("act") or ""
    separator = SEPARATORS.get(source)
    return Note(
        knowledge=(turn["knowledge"],) if turn.get("knowledge") else (),
        acts=tuple(acts.split(separator) if separator else (acts,)) if acts else (),
    )
