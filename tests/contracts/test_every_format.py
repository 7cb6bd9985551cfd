"""What every file on the formats shelf promises, in each of its variants."""

import random
from dataclasses import replace

import pytest

from tertulia import formats, registry
from tertulia.conversation import Conversation, Direction, Persona, Plan, Turn
from tertulia.formats import Format, given
from tertulia.prompt import Prompt

EACH = [
    (name, variant)
    for name in registry.names("tertulia.formats")
    for variant in formats.variants(name)
]
TOLD = Direction(
    situation="Ana meets Bo at the harbour.",
    instruction="Be kind to Bo.",
    personas=(Persona("Ana", ("i ski.", "i have a son.")), Persona("Bo", ("i fish.",))),
    knowledge=("The ferry leaves at nine.", "It is red."),
    memory=("They met in May.",),
)
PLAN = Plan(goal="ask about pets.", skill="Empathy", explanation="I want to comfort Bo.")
TALK = Conversation(agent="Ana", user="Bo", direction=TOLD, plan=PLAN).said("Bo", "Last word?")
LONG = replace(TALK, turns=tuple(Turn(("Bo", "Ana")[n % 2], f"turn number {n}") for n in range(41)))
THREE = TALK.said("Ana", "Hello.").said("Cleo", "May I join?")
PICTURE = TALK.said("Ana", "Look.").said("Bo", "Mine.", image="a red ferry")
EMPTY = Conversation(agent="Ana", user="Bo")
TALKS = (EMPTY, EMPTY.said("Bo", "Hi."), TALK, LONG, THREE, PICTURE)
WORDS = ("Hello there.", "", "two\nlines", "안녕 ☕ naïve", "a ␊ sign", "x¦y", "<turn> EOS", "a: b")

every = pytest.mark.parametrize(("name", "variant"), EACH)


def made(name: str, variant: str, verbatim: bool = False) -> Format:
    return formats.load(name, variant=variant, verbatim=verbatim)


def fields(prompt: Prompt) -> set[str]:
    return {span.field for span in prompt.spans if span.field}


def stands_in(path: str, found: set[str]) -> bool:
    return any(field == path or field.startswith(f"{path}.") for field in found)


@every
@pytest.mark.parametrize("talk", TALKS[1:], ids=("one", "told", "long", "three", "picture"))
def test_the_last_thing_said_is_in_the_prompt(name: str, variant: str, talk: Conversation) -> None:
    prompt = made(name, variant).render(talk)
    assert talk.turns[-1].text in prompt.text
    assert f"turns.{len(talk.turns) - 1}.text" in fields(prompt)


@every
@pytest.mark.parametrize("text", WORDS)
def test_parse_undoes_target(name: str, variant: str, text: str) -> None:
    format = made(name, variant)
    target = format.target(Turn("Ana", text), PLAN)
    parsed = format.parse("".join(span.text for span in target))
    planned = (parsed.plan.skill, parsed.plan.explanation) == (PLAN.skill, PLAN.explanation)
    assert parsed.text == text or (parsed.text == "" and planned)


@every
def test_a_picture_in_a_target_comes_back_or_is_reported(name: str, variant: str) -> None:
    format = made(name, variant)
    target = format.target(Turn("Ana", "Look.", "a red ferry"), PLAN)
    parsed = format.parse("".join(span.text for span in target))
    reported = "turns.2.image" in format.render(PICTURE).unsupported
    assert reported or parsed.image == "a red ferry" or parsed.plan


@every
def test_all_that_a_model_learns_to_write_is_marked_and_ends_it(name: str, variant: str) -> None:
    format = made(name, variant)
    target = format.target(Turn("Ana", "Hello."), PLAN)
    stop = format.render(TALK).stop
    assert all(span.learn for span in target if span.text)
    assert not stop or "".join(span.text for span in target).rstrip(" ").endswith(stop)


@every
@pytest.mark.parametrize("talk", TALKS)
def test_control_spans_never_hold_what_people_said(
    name: str, variant: str, talk: Conversation
) -> None:
    for span in made(name, variant).render(talk).spans:
        assert not (span.control and span.field)


@every
@pytest.mark.parametrize("talk", TALKS)
def test_every_direction_is_either_in_the_prompt_or_reported(
    name: str, variant: str, talk: Conversation
) -> None:
    prompt = made(name, variant).render(talk)
    asked = {path for path, _ in given(talk)}
    found = fields(prompt)
    missing = {path for path in asked if not stands_in(path, found)}
    assert missing - {"turns.3.speaker"} == set(prompt.unsupported) - {"turns.3.speaker"}


@every
def test_nothing_is_unsupported_when_nothing_is_asked(name: str, variant: str) -> None:
    assert made(name, variant).render(EMPTY.said("Bo", "Hi.")).unsupported == ()


@every
def test_a_third_speaker_is_told_apart_or_reported(name: str, variant: str) -> None:
    prompt = made(name, variant).render(THREE)
    assert "Cleo" in prompt.text or "turns.2.speaker" in prompt.unsupported


@every
@pytest.mark.parametrize("talk", TALKS[1:], ids=("one", "told", "long", "three", "picture"))
def test_harmless_text_is_the_same_with_verbatim(
    name: str, variant: str, talk: Conversation
) -> None:
    plain, verbatim = made(name, variant).render(talk), made(name, variant, True).render(talk)
    people = [[s.text.strip() for s in p.spans if s.field and s.text] for p in (plain, verbatim)]
    assert people[0] == people[1]
    assert plain.unsupported == verbatim.unsupported


@every
def test_a_prompt_is_made_of_its_spans_alone(name: str, variant: str) -> None:
    prompt = made(name, variant).render(TALK)
    assert prompt.text == "".join(span.text for span in prompt.spans)


@every
def test_rendering_leaves_the_talk_and_the_chance_alone(name: str, variant: str) -> None:
    before, state = repr(PICTURE), random.getstate()
    first = made(name, variant).render(PICTURE)
    assert (repr(PICTURE), random.getstate()) == (before, state)
    assert made(name, variant).render(PICTURE) == first


@every
@pytest.mark.parametrize("completion", ["", " ", "\n", "¦", "<|end|>", "[RESULT SKILL]", "\ud800"])
def test_parse_takes_any_completion(name: str, variant: str, completion: str) -> None:
    assert isinstance(made(name, variant).parse(completion).text, str)


@every
def test_every_field_names_a_place_in_the_scene(name: str, variant: str) -> None:
    heads = {"situation", "instruction", "personas", "knowledge", "memory", "plan", "turns"}
    found = {field.partition(".")[0] for field in fields(made(name, variant).render(PICTURE))}
    assert found <= heads | {"agent", "user"}
