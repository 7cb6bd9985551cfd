"""data/scenes.py: directed dialogues, one JSON object a line."""

import json
from pathlib import Path

from tertulia.conversation import Plan
from tertulia.data import held_out, scenes

ROW = {
    "id": "home-1",
    "situation": "Ana is at Ben's bakery.",
    "instruction": "You are Ben.",
    "agent": "Ben",
    "user": "Ana",
    "personas": {"Ben": ["i bake bread."]},
    "knowledge": ["Rye bread costs three crowns."],
    "memory": ["Ana bought rolls last week."],
    "turns": [
        {"speaker": "Ana", "text": "Morning!", "image": "a wet dog"},
        {
            "speaker": "Ben",
            "text": "Rye again?",
            "goal": "ask about food.",
            "skill": "Memory Recall",
            "explanation": "She was here last week.",
        },
    ],
}


def test_a_line_becomes_a_conversation_with_the_plan_of_every_turn(tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text(json.dumps(ROW) + "\n")
    (found,) = scenes.read(file)
    talk = found.conversation
    assert (talk.agent, talk.user, talk.turns[0].image) == ("Ben", "Ana", "a wet dog")
    assert talk.direction.facts("Ben") == ("i bake bread.",)
    assert found.notes[0].plan == Plan()
    assert found.notes[1].plan.goal == "ask about food."


def test_two_in_a_hundred_dialogues_are_held_out_and_always_the_same() -> None:
    out = [n for n in range(5_000) if held_out(f"dialogue-{n}")]
    assert 60 < len(out) < 140
    assert out == [n for n in range(5_000) if held_out(f"dialogue-{n}")]
