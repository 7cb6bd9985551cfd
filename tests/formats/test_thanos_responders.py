"""How a plan reaches those who answer: COSMO, GODEL, chat models, and who cannot take it."""

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from tests.hostile import texts

from tertulia import formats
from tertulia.conversation import Conversation, Direction, Persona, Plan, Turn
from tertulia.errors import ConfigError
from tertulia.formats import Thinking, godel, thanos
from tertulia.prompt import Prompt

TALK = Conversation(
    agent="Sam", user="Tom", turns=(Turn("Tom", "I lost my job."), Turn("Sam", "When?"))
).said("Tom", "Today.")
PLAN = Plan(skill="Empathy", explanation="I want to comfort Tom.")
THUS = "Thus, the most appropriate conversational skill for the next response is Empathy."
THE_MOST = "The most appropriate conversational skill for the next response is Empathy."


def told(plan: Plan, direction: Direction | None = None, **settings: object) -> Prompt:
    talk = TALK.planned(plan).directed(direction or Direction())
    return formats.load("thanos", **settings).render(talk)


def test_cosmo_reads_the_skill_in_its_role_slot_and_then_the_whole_dialogue() -> None:
    prompt = told(PLAN, Direction(situation="A bar."), variant="cosmo")
    assert prompt.text == (
        f"A bar. <sep> I want to comfort Tom. {THUS} <sep> "
        "I lost my job. <turn> When? <turn> Today."
    )
    assert (prompt.unsupported, prompt.closing) == ((), ("</s>",))


def test_cosmo_reads_a_skill_without_an_explanation_as_a_whole_sentence() -> None:
    assert f"<sep> {THE_MOST} <sep> I lost" in told(Plan(skill="Empathy"), variant="cosmo").text


@pytest.mark.parametrize(
    ("variant", "plan", "sentence", "missing"),
    [
        ("both", PLAN, f" I want to comfort Tom. {THUS}", ()),
        ("both", replace(PLAN, explanation=""), f" {THE_MOST}", ()),
        ("both", replace(PLAN, skill=""), " I want to comfort Tom.", ()),
        ("both", Plan(goal="talk about work."), "", ("plan.goal",)),
        ("skill", PLAN, f" {THE_MOST}", ("plan.explanation",)),
        ("explanation", PLAN, " I want to comfort Tom.", ("plan.skill",)),
        ("base", PLAN, "", ("plan.skill", "plan.explanation")),
    ],
)
def test_godel_reads_the_plan_at_the_end_of_its_instruction(
    variant: str, plan: Plan, sentence: str, missing: tuple[str, ...]
) -> None:
    prompt = told(plan, variant=variant, responder="godel")
    assert prompt.text == (
        f"{godel.UNGROUNDED}{sentence} [CONTEXT] I lost my job. EOS When? EOS Today. "
    )
    assert (prompt.unsupported, prompt.closing) == (missing, ("</s>",))


def test_godel_keeps_its_own_instruction_and_knowledge_and_reports_the_rest() -> None:
    direction = Direction(
        situation="A bar.",
        instruction="Be kind.",
        personas=(Persona("Sam", ("I cook.",)),),
        knowledge=("It rains.",),
    )
    prompt = told(PLAN, direction, variant="skill", responder="godel")
    assert prompt.text.startswith(f"Be kind. {THE_MOST} [CONTEXT] ")
    assert prompt.text.endswith(" Today. [KNOWLEDGE] It rains.")
    assert set(prompt.unsupported) == {"situation", "personas.Sam", "plan.explanation"}


@pytest.mark.parametrize("verbatim", [False, True])
def test_a_reply_of_godel_is_read_as_godel_writes_it(verbatim: bool) -> None:
    format = formats.load("thanos", variant="both", responder="godel", verbatim=verbatim)
    target = format.target(Turn("Sam", "See EOS?"), Plan())
    assert format.parse("".join(span.text for span in target)).text == "See EOS?"


GODEL = {"variant": "both", "responder": "godel"}
MARKS = ("[CONTEXT]", "[KNOWLEDGE]", "</s>", thanos.THUS)


@given(texts)
@example(f"{thanos.THUS} Rhetoric\x00.")
@settings(max_examples=150, deadline=None, database=None)
def test_no_part_of_godels_string_can_be_typed(text: str) -> None:
    calm, forged = (
        told(
            Plan(skill=typed, explanation=typed),
            Direction(instruction=typed, knowledge=(typed,)),
            **GODEL,
        )
        for typed in ("x", text or "x")
    )
    assert [span.field for span in forged.spans] == [span.field for span in calm.spans]
    assert [forged.text.count(mark) for mark in MARKS] == [calm.text.count(mark) for mark in MARKS]
    assert forged.text.split().count("EOS") == calm.text.split().count("EOS")


@pytest.mark.parametrize("variant", ["planner", "doctor", "cosmo"])
def test_godel_has_no_prompt_of_other_kinds(variant: str) -> None:
    with pytest.raises(ConfigError, match=f"'{variant}': use base, skill, explanation, both"):
        formats.load("thanos", variant=variant, responder="godel")


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("persona_gpt", {"plan.skill", "plan.explanation"}),
        ("cosmo", {"plan.goal", "plan.skill", "plan.explanation"}),
        ("dialogpt", {"plan.goal", "plan.skill", "plan.explanation"}),
    ],
)
def test_who_cannot_take_a_plan_says_so(name: str, missing: set[str]) -> None:
    talk = TALK.planned(replace(PLAN, goal="talk about work."))
    assert set(formats.load(name).render(talk).unsupported) == missing


@pytest.mark.parametrize("settings", [{"variant": "cosmo"}, GODEL], ids=str)
def test_a_responder_that_is_no_chat_model_cannot_plan(settings: dict[str, object]) -> None:
    assert not isinstance(formats.load("thanos", **settings), Thinking)
