"""data/dialogues.py: public sets in one shape, zstd-compressed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

zstandard = pytest.importorskip("zstandard", reason="pip install 'tertulia[train]'")
from tertulia.data import dialogues  # noqa: E402  (needs zstandard)


def row(**more: Any) -> dict[str, Any]:
    turns = [
        {"speaker": "A", "text": "Hi.", "act": "greeting+off-task"},
        {"speaker": "B", "text": "Hello!", "knowledge": "Hello: a word to greet with."},
    ]
    return {
        "id": "x",
        "situation": None,
        "personas": None,
        "knowledge": None,
        "turns": turns,
    } | more


def write(path: Path, *rows: Mapping[str, Any]) -> Path:
    lines = "".join(json.dumps(each) + "\n" for each in rows)
    path.write_bytes(zstandard.ZstdCompressor().compress(lines.encode()))
    return path


def test_the_second_to_speak_is_the_agent_and_acts_are_split(tmp_path: Path) -> None:
    (found,) = dialogues.read(write(tmp_path / "persuasion_for_good.jsonl.zst", row(topic="art")))
    assert (found.source, found.topic) == ("persuasion_for_good", "art")
    assert (found.conversation.user, found.conversation.agent) == ("A", "B")
    assert found.notes[0].acts == ("greeting", "off-task")
    assert found.notes[1].knowledge == ("Hello: a word to greet with.",)


def test_dialogues_with_swapped_personas_or_one_speaker_are_left_out(tmp_path: Path) -> None:
    good = row(persona_own=0.5, persona_cross=0.2)
    swapped = row(persona_own=0.5, persona_cross=0.48)
    alone = row(turns=[{"speaker": "A", "text": "Anybody?"}])
    file = write(tmp_path / "synthetic_persona_chat.jsonl.zst", good, swapped, alone)
    assert len(list(dialogues.read(file))) == 1
