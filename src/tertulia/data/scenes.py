"""Fully directed dialogues, one JSON object a line: the scene shape of ARCHITECTURE.md.

Every turn of the agent carries the plan it was written to: `goal`, `skill`, `explanation`.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tertulia.conversation import Conversation, Direction, Persona, Plan, Turn
from tertulia.data import Dialogue, Note


def read(path: Path) -> Iterator[Dialogue]:
    """The dialogues of one `.jsonl` file, in order."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield dialogue(json.loads(line))


def dialogue(row: Mapping[str, Any]) -> Dialogue:
    """One line as a dialogue; the row is read here and nowhere else."""
    personas = tuple(Persona(name, tuple(facts)) for name, facts in row["personas"].items())
    direction = Direction(
        situation=row["situation"],
        instruction=row["instruction"],
        personas=personas,
        knowledge=tuple(row["knowledge"]),
        memory=tuple(row["memory"]),
    )
    turns = tuple(Turn(t["speaker"], t["text"], t.get("image", "")) for t in row["turns"])
    notes = tuple(
        Note(plan=Plan(**{name: t.get(name, "") for name in ("goal", "skill", "explanation")}))
        for t in row["turns"]
    )
    talk = Conversation(agent=row["agent"], user=row["user"], direction=direction, turns=turns)
    return Dialogue(id=row["id"], source="scenes", conversation=talk, notes=notes)
