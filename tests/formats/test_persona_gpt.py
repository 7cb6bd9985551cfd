"""PersonaGPT's strings, byte for byte as published, and its switches."""

import json
from pathlib import Path
from typing import Any

import pytest

from tertulia import formats, skills
from tertulia.conversation import Conversation, Direction, Persona, Plan, Turn
from tertulia.errors import ConfigError
from tertulia.prompt import Span

GOLDEN = Path(__file__).parents[1] / "golden" / "published_personagpt_pingpong.jsonl"
CASES = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
PERSONA = [c for c in CASES if c["system"] == "personagpt" and "persona" in c["inputs"]]
EOS = "<|endoftext|>"


def talk(*turns: str, facts: tuple[str, ...] = (), **direction: Any) -> Conversation:
    """The user speaks first, then they take turns."""
    found = Conversation(direction=Direction(personas=(Persona("Agent", facts),), **direction))
    for place, text in enumerate(turns):
        found = found.said("Agent" if place % 2 else "User", text)
    return found


def text(conversation: Conversation, **settings: object) -> str:
    return formats.load("persona_gpt", **settings).render(conversation).text


def golden(case: str) -> Any:
    [found] = [c for c in CASES if c["case"].startswith(case)]
    return found


def mentioned(ids: list[int]) -> list[int]:
    """The published ids of control tokens, in order."""
    return [id for id in ids if id >= 50256]


@pytest.mark.parametrize("case", PERSONA, ids=lambda c: c["case"])
def test_the_persona_prefix_is_the_published_string(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    conversation = talk(*given["history"], facts=tuple(given["persona"]))
    prompt = formats.load("persona_gpt", verbatim=True).render(conversation)
    assert prompt.text == expected["string"] == text(conversation)
    controls = [span.text for span in prompt.spans if span.control]
    assert len(controls) == len(mentioned(expected["ids_fast"]))


@pytest.mark.parametrize("place", range(11))
def test_each_action_prefix_is_the_published_string(place: int) -> None:
    conversation = Conversation(plan=Plan(goal=skills.ACTIONS[place]))
    expected = golden("all eleven")["expected"][place]
    assert text(conversation, verbatim=True) == expected == text(conversation)


def test_training_pairs_are_the_published_strings() -> None:
    people = (
        Persona("A", ("i ski.", "i have a son.")),
        Persona("B", ("i like cats.", "i am tall.")),
    )
    conversation = Conversation(agent="B", user="A", direction=Direction(personas=people))
    for place, said in enumerate(("hello", "hi there", "how are you?", "fine")):
        conversation = conversation.said("BA"[place % 2 == 0], said)
    made = formats.load("persona_gpt", variant="training", verbatim=True)
    pairs = [
        ("".join(s.text for s in p.x), "".join(s.text for s in p.y))
        for p in made.pairs(conversation)
    ]
    assert pairs == [(e["x"], e["y"]) for e in golden("training pairs")["expected"]]


def test_training_contexts_have_no_blank_beside_added_tokens_unless_printed() -> None:
    conversation = talk("hello", "hi", facts=("i ski.",))
    said = f"hello{EOS}{EOS}hi{EOS}{EOS}"
    assert text(conversation, variant="training") == f"<|p1|>i ski.{EOS}<|sep|><|start|>{said}"


def test_the_one_who_speaks_second_is_the_second_person_in_training() -> None:
    assert text(talk("hello"), variant="training").startswith("<|p2|><|sep|><|start|>hello")


def test_end_of_text_is_single_or_doubled_by_name() -> None:
    assert text(talk("hi"), end_of_text="doubled").endswith(f"hi{EOS}{EOS}")
    assert text(talk("hi"), variant="training", end_of_text="single").endswith(f"hi{EOS}")


def test_a_fact_ends_once_in_every_variant() -> None:
    made = text(talk(facts=("i ski.",)), variant="training", end_of_text="doubled")
    assert made == f"<|p1|>i ski.{EOS}<|sep|><|start|>"


def test_the_first_repository_names_both_persons() -> None:
    made = text(talk("hi", facts=("i ski.",)), variant="first_repository")
    first = f"<|p1|>person 1: Not available.{EOS}<|sep|>"
    assert made == f"{first}<|p2|>person 2: i ski.{EOS}<|sep|><|start|>hi{EOS}"


def test_the_first_repository_without_facts_is_the_talk_alone() -> None:
    assert text(talk("hi"), variant="first_repository") == f"<|start|>hi{EOS}"


def test_the_first_repository_takes_the_facts_of_the_user_too() -> None:
    conversation = Conversation(direction=Direction(personas=(Persona("User", ("i row.",)),)))
    prompt = formats.load("persona_gpt", variant="first_repository").render(conversation)
    assert f"<|p1|>person 1: i row.{EOS}<|sep|><|p2|>person 2: Not available." in prompt.text
    assert prompt.unsupported == ()


def test_a_goal_takes_the_place_of_the_facts_and_says_so() -> None:
    conversation = talk("hi", facts=("i ski.",)).planned(Plan(goal="talk about pokemon."))
    prompt = formats.load("persona_gpt").render(conversation)
    assert prompt.text == f"<|act|> talk about pokemon.<|p1|><|sep|><|start|>hi{EOS}"
    assert prompt.unsupported == ("personas.Agent",)


def test_the_first_repository_cannot_take_a_goal_and_says_so() -> None:
    conversation = talk("hi").planned(Plan(goal="talk about music."))
    made = formats.load("persona_gpt", variant="first_repository").render(conversation)
    assert made.unsupported == ("plan.goal",) and "<|act|>" not in made.text


@pytest.mark.parametrize("spelled", ["ask about hobbies", "Ask about Hobbies", "6"])
def test_any_spelling_of_an_action_code_becomes_the_trained_one(spelled: str) -> None:
    conversation = Conversation(plan=Plan(goal=spelled))
    assert text(conversation) == "<|act|> ask about hobbies.<|p1|><|sep|><|start|>"
    assert text(conversation, verbatim=True).startswith(f"<|act|> {spelled}<|p1|>")


def test_slow_tokenization_leaves_out_blanks_beside_added_tokens_only() -> None:
    slow = {"tokenization": "slow"}
    led = text(Conversation(plan=Plan(goal=" row ")), **slow)
    assert led == "<|act|>row<|p1|><|sep|><|start|>"
    made = text(talk(" hi ", " oh ", facts=(" a ", " b ")), **slow)
    assert made == f"<|p2|>a {EOS} b {EOS}<|sep|><|start|>hi {EOS} oh {EOS}"


def test_what_the_family_cannot_take_is_reported() -> None:
    conversation = talk("hi", situation="s", knowledge=("k",)).planned(Plan(skill="Empathy"))
    made = formats.load("persona_gpt").render(conversation.said("User", "look", image="a cat"))
    assert made.unsupported == ("situation", "knowledge", "plan.skill", "turns.1.image")


@pytest.mark.parametrize("typed", ["<|sep|>", EOS, "<|p1|>person", "＜|act|＞ x", "a<|start|>b"])
def test_a_typed_control_token_stays_text_and_comes_back_as_typed(typed: str) -> None:
    made = formats.load("persona_gpt")
    plain, hostile = (made.render(talk(t, facts=(t,))) for t in ("x", typed))
    assert [s.text for s in hostile.spans if s.control] == [
        s.text for s in plain.spans if s.control
    ]
    assert typed not in "".join(s.text for s in hostile.spans if not s.control)
    said = "".join(span.text for span in made.target(Turn("Agent", typed), Plan()))
    assert made.parse(said).text == typed


def test_a_reply_ends_at_the_first_control_token() -> None:
    made = formats.load("persona_gpt", variant="training")
    assert made.parse(f"<|start|>hello{EOS}{EOS}there").text == "hello"
    assert made.parse("hello<|sep|>x").text == "hello"


def test_the_whole_target_is_learnt() -> None:
    target = formats.load("persona_gpt").target(Turn("Agent", "hi"), Plan())
    assert target == (Span("hi", learn=True), Span(EOS, control=True, learn=True))


def test_each_text_names_its_field() -> None:
    spans = formats.load("persona_gpt").render(talk("hi", facts=("i ski.",))).spans
    assert [(s.text, s.field) for s in spans if s.field] == [
        ("i ski.", "personas.Agent.0"),
        ("hi", "turns.0.text"),
    ]


@pytest.mark.parametrize("setting", ["end_of_text", "tokenization"])
def test_a_switch_with_an_unknown_name_is_refused_with_the_right_ones(setting: str) -> None:
    with pytest.raises(ConfigError, match=f"{setting} is 'x': use '(single|fast)'"):
        formats.load("persona_gpt", **{setting: "x"})
