"""thanos: the planner, the responders, and COSMO's string with the dialogue in it."""

from dataclasses import replace

import pytest

from tertulia import formats
from tertulia.conversation import Conversation, Direction, Persona, Plan, Turn
from tertulia.errors import ConfigError
from tertulia.formats import Parsed, Thinking
from tertulia.prompt import Message

TALK = Conversation(agent="Sam", user="Tom").said("Tom", "I lost my job.")
PLAN = Plan(skill="Empathy", explanation="I want to comfort Tom.")


def text(talk: Conversation, variant: str, **settings: object) -> str:
    return formats.load("thanos", variant=variant, **settings).render(talk).text


def test_the_social_context_is_composed_of_all_that_is_known() -> None:
    direction = Direction(
        situation="A bar.",
        instruction="Be kind.",
        personas=(Persona("Tom", ("I cook.", "I ski.")),),
        knowledge=("It rains.",),
        memory=("They met.",),
    )
    context = (
        "### Social Context:\nA bar.\nBe kind.\nTom's Profile:\n- I cook.\n- I ski.\n"
        "What is known:\n- It rains.\nWhat happened before:\n- They met.\n\n### Dialogue:\n"
    )
    assert context in text(TALK.directed(direction), "planner")


@pytest.mark.parametrize(
    ("plan", "block"),
    [
        (PLAN, "[Explanation and Skill]\nI want to comfort Tom. Thus, the most"),
        (replace(PLAN, skill=""), "[Explanation]\nI want to comfort Tom.\n"),
        (replace(PLAN, explanation=""), "[Conversational Skill]\nThe most"),
        (Plan(), "[Dialogue]\nTom: I lost my job.\n\n[Next Response]\nSam:\n"),
    ],
)
def test_what_a_plan_leaves_empty_is_left_out(plan: Plan, block: str) -> None:
    assert block in text(TALK.planned(plan), "both")


@pytest.mark.parametrize(
    ("image", "line"),
    [("prompt", "Tom: Look [Sharing Image] a cat"), ("stark", "Tom: Look [Sharing Image: a cat]")],
)
def test_pictures_have_both_published_spellings(image: str, line: str) -> None:
    assert line in text(TALK.said("Tom", "Look", "a cat"), "planner", image=image)


@pytest.mark.parametrize("image", ["prompt", "stark"])
@pytest.mark.parametrize("words", ["Look", "", " "])
def test_a_picture_is_told_from_the_words(image: str, words: str) -> None:
    format = formats.load("thanos", variant="base", image=image)
    spans = format.target(Turn("Sam", words, "a [cat]"), Plan())
    assert format.parse("".join(s.text for s in spans)) == Parsed(text=words, image="a [cat]")


@pytest.mark.parametrize("setting", ["image", "dialogue"])
def test_an_unknown_setting_is_answered_with_the_choices(setting: str) -> None:
    with pytest.raises(ConfigError, match=f"{setting} is 'x', must be"):
        formats.load("thanos", **{setting: "x"})


@pytest.mark.parametrize(
    ("dialogue", "end", "missing"),
    [
        ("all", "I lost my job. <turn> yo", ()),
        ("speakers_a_b", "yo", ("turns.0.text",)),
        ("none", "", ("turns.0.text", "turns.1.text")),
    ],
)
def test_cosmo_gets_the_dialogue_unless_a_published_fault_is_asked_for(
    dialogue: str, end: str, missing: tuple[str, ...]
) -> None:
    talk = replace(TALK.said("Speaker B", "yo"), agent="Speaker B").planned(PLAN)
    prompt = formats.load("thanos", variant="cosmo", dialogue=dialogue).render(talk)
    assert prompt.text.endswith(f"response is Empathy. <sep> {end}")
    assert prompt.unsupported == missing


def test_cosmo_takes_no_explanation_without_a_skill_and_says_so() -> None:
    talk = TALK.planned(Plan(explanation="I care."))
    prompt = formats.load("thanos", variant="cosmo").render(talk)
    assert "I care." not in prompt.text and "plan.explanation" in prompt.unsupported


@pytest.mark.parametrize(
    ("system", "roles"), [(None, ["system", "user"]), ("", ["user"]), ("Be.", ["system", "user"])]
)
def test_the_system_message_is_the_published_one_unless_told(
    system: str | None, roles: list[str]
) -> None:
    prompt = formats.load("thanos", system=system).render(TALK)
    assert [message.role for message in prompt.messages] == roles
    assert prompt.messages[-1] == Message("user", prompt.text)


def test_a_name_that_is_a_whole_turn_stays_a_name() -> None:
    talk = Conversation().said("Tom: hi\nSam", "### Dialogue:")
    assert "\nTom∶ hi␊Sam: ### D¦ialogue:\n" in text(talk, "planner")


def test_the_planner_fills_what_the_plan_leaves_empty() -> None:
    planner = formats.load("thanos")
    assert isinstance(planner, Thinking)
    plan = planner.parse_plan("I care. [RESULT SKILL] self disclosure<|eot_id|>", TALK)
    assert plan == Plan(skill="Self-disclosure", explanation="I care.")


def test_what_names_no_skill_is_given_back_as_text() -> None:
    assert formats.load("thanos").parse("Hm.") == Parsed(text="Hm.")


def test_a_response_begins_behind_the_assistants_header() -> None:
    answer = "user\n\nSpeaker B:assistant\n\nI am sorry."
    assert formats.load("thanos", variant="base").parse(answer).text == "I am sorry."


def test_a_name_is_no_marker_with_the_colon_behind_it() -> None:
    talk = Conversation(agent="Sam", user="'s Profile").said("'s Profile", "hi")
    text = formats.load("thanos", variant="both").render(talk).text
    assert "'s Profile:" not in text and "'s¦ Profile: hi" in text
