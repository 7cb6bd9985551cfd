"""The scenes that come with the package: valid, playable, and together showing every direction."""

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from tertulia import formats, scene, skills
from tertulia.conversation import Conversation
from tertulia.errors import UnknownName

SHIPPED = scene.shipped()
FILES = list(SHIPPED.values())
TALKS = [scene.load(file) for file in FILES]

every = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def test_a_dozen_scenes_are_shipped() -> None:
    assert len(FILES) >= 12


@every
def test_it_meets_the_published_schema(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    table = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    jsonschema.Draft202012Validator(scene.SCHEMA).validate(table)


@every
def test_it_survives_being_written_in_both_shapes(file: Path) -> None:
    talk = scene.load(file)
    assert scene.read(scene.to_toml(talk), "a.toml") == talk
    assert scene.read(scene.to_json(talk), "a.json") == talk


@pytest.mark.parametrize("file", [file for file in FILES if file.suffix == ".toml"])
def test_its_first_line_says_what_to_try(file: Path) -> None:
    assert file.read_text(encoding="utf-8").startswith("# ")


@every
def test_its_skill_is_one_of_the_39(file: Path) -> None:
    wanted = scene.load(file).plan.skill
    assert not wanted or skills.skill(wanted) == wanted


@every
def test_every_speaker_with_facts_is_in_the_talk(file: Path) -> None:
    talk = scene.load(file)
    spoke = {talk.agent, talk.user, *(turn.speaker for turn in talk.turns)}
    assert {each.speaker for each in talk.direction.personas} <= spoke


@every
def test_our_own_format_takes_all_of_it(file: Path) -> None:
    assert formats.load("native").render(scene.load(file)).unsupported == ()


def has_image(talk: Conversation) -> bool:
    return any(turn.image and turn.speaker == talk.user for turn in talk.turns)


def has_action(talk: Conversation) -> bool:
    try:
        return bool(talk.plan.goal) and skills.action(talk.plan.goal) == talk.plan.goal
    except UnknownName:
        return False


SHOWN = {
    "a situation": lambda talk: talk.direction.situation,
    "an instruction": lambda talk: talk.direction.instruction,
    "facts of the agent": lambda talk: talk.direction.facts(talk.agent),
    "facts of the user": lambda talk: talk.direction.facts(talk.user),
    "knowledge": lambda talk: talk.direction.knowledge,
    "memory": lambda talk: talk.direction.memory,
    "a goal": lambda talk: talk.plan.goal,
    "an action code": has_action,
    "a skill": lambda talk: talk.plan.skill,
    "an explanation": lambda talk: talk.plan.explanation,
    "a picture from the user": has_image,
    "three speakers": lambda talk: len(talk.cast) == 3,
    "no direction at all": lambda talk: not formats.given(talk),
    "no turn yet": lambda talk: not talk.turns,
    "the agent's opening": lambda talk: talk.turns and talk.turns[0].speaker == talk.agent,
}


@pytest.mark.parametrize("what", SHOWN)
def test_together_they_show(what: str) -> None:
    assert any(SHOWN[what](talk) for talk in TALKS)
