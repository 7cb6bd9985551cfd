"""GODEL in a terminal: grounded or not, and the knowledge of each turn is what there is then."""

from tertulia import Agent, Conversation, engines, formats
from tertulia.engines.scripted import Scripted
from tertulia.formats.godel import GROUNDED, UNGROUNDED
from tests.cli.talking import begun, events

TEA, HOT = "Tea is ready.", "Tea is hot."


def seen(*lines: str) -> list[str]:
    """The prompts of every reply of a talk in which these lines are typed."""
    agent = Agent(
        format=formats.load("godel", default_instruction=True),
        engine=engines.load("scripted", lines=("A.", "B.", "C.", "D.")),
    )
    events(begun(Conversation(), agent=agent), *lines)
    assert isinstance(agent.engine, Scripted)
    return [prompt.text for prompt in agent.engine.seen]


def test_each_reply_is_grounded_in_the_knowledge_there_is_then() -> None:
    prompts = seen(
        "hi", f"/knowledge {TEA}", "drink?", "/knowledge -", f"/knowledge {HOT}", "how?",
        "/knowledge -", "bye",
    )  # fmt: skip
    assert prompts == [
        f"{UNGROUNDED} [CONTEXT] hi ",
        f"{GROUNDED} [CONTEXT] hi EOS A. EOS drink? [KNOWLEDGE] {TEA}",
        f"{GROUNDED} [CONTEXT] hi EOS A. EOS drink? EOS B. EOS how? [KNOWLEDGE] {HOT}",
        f"{UNGROUNDED} [CONTEXT] hi EOS A. EOS drink? EOS B. EOS how? EOS C. EOS bye ",
    ]


def test_an_instruction_of_ones_own_takes_the_place_of_both() -> None:
    prompts = seen("/instruction Be brief.", "hi", f"/knowledge {TEA}", "drink?")
    assert prompts[0] == "Be brief. [CONTEXT] hi "
    assert prompts[1] == f"Be brief. [CONTEXT] hi EOS A. EOS drink? [KNOWLEDGE] {TEA}"


def test_the_same_turn_can_be_asked_again_with_other_knowledge() -> None:
    first, second = seen(f"/knowledge {TEA}", "drink?", "/knowledge -1", "/again")
    assert first.endswith(f"drink? [KNOWLEDGE] {TEA}")
    assert second == f"{UNGROUNDED} [CONTEXT] drink? "
