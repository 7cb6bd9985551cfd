"""transcript and dialogpt: the two plainest forms."""

from tertulia import formats
from tertulia.conversation import Conversation, Direction, Persona, Plan

TALK = Conversation(agent="Ana", user="Bo").said("Bo", "hello\nthere", "a dog")


def test_a_transcript_puts_directions_before_the_talk_and_the_plan_behind_it() -> None:
    direction = Direction(situation="A bar.", personas=(Persona("Ana", ("i ski.", "i cook.")),))
    talk = TALK.directed(direction).planned(Plan(goal="ask about pets."))
    assert formats.load("transcript").render(talk).text == (
        "Situation: A bar.\nAbout Ana: i ski. i cook.\n\n"
        "Bo: hello␊there [picture: a dog]\n(Goal: ask about pets.)\nAna:"
    )


def test_a_transcript_ends_at_the_line_or_verbatim_at_the_next_name() -> None:
    assert formats.load("transcript").render(TALK).stop == ("\n",)
    assert formats.load("transcript", verbatim=True).render(TALK).stop == ("\nAna:", "\nBo:")


def test_a_base_model_that_writes_on_says_one_line() -> None:
    assert formats.load("transcript").parse(" Hi.\nBo: What?").text == "Hi."


def test_dialogpt_closes_every_turn_with_its_end_of_text() -> None:
    prompt = formats.load("dialogpt").render(TALK.said("Ana", "<|endoftext|>"))
    assert prompt.text == "hello\nthere<|endoftext|><|e¦ndoftext|><|endoftext|>"
    assert [span.text for span in prompt.spans if span.control] == ["<|endoftext|>"] * 2
