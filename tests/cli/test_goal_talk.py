"""PersonaGPT's two ways to talk, in a terminal: facts, and self-play led by goals."""

from tertulia import Agent, Conversation, engines, formats, scene
from tertulia.engines.scripted import Scripted
from tests.cli.talking import begun, events, notes

END = "<|endoftext|>"
START = "<|sep|><|start|>"
LINES = ("hello do you like movies?", "i love the simpsons.", "do you sing?", "no.")


def persona_gpt() -> Agent:
    engine = engines.load("scripted", lines=LINES)
    return Agent(format=formats.load("persona_gpt"), engine=engine)


def seen(talk: Conversation, *lines: str) -> list[str]:
    """The prompts of every reply of a talk in which these lines are typed."""
    agent = persona_gpt()
    events(begun(talk, agent=agent), *lines)
    assert isinstance(agent.engine, Scripted)
    return [prompt.text for prompt in agent.engine.seen]


def test_a_talk_with_facts_has_them_before_every_reply() -> None:
    talk = scene.load(scene.find("persona_chat"))
    facts = "".join(fact + END for fact in talk.direction.facts("Bot"))
    first, second = seen(talk, "not bad")
    assert first == f"<|p2|>{facts}{START}yo whats good fam?{END}"
    assert second == f"{first}{LINES[0]}{END}not bad{END}"


def test_in_self_play_a_goal_leads_as_person_1_and_the_answer_is_person_2s() -> None:
    talk = scene.load(scene.find("goal_talk"))
    facts = "".join(fact + END for fact in talk.direction.facts("Bot 2"))
    prompts = seen(talk, "/self 1", "/goal 9", "/self 2")
    said = [f"{line}{END}" for line in LINES]
    assert prompts == [
        f"<|act|> talk about movies.<|p1|>{START}",
        f"<|p2|>{facts}{START}{said[0]}",
        f"<|act|> talk about music.<|p1|>{START}{said[0]}{said[1]}",
        f"<|p2|>{facts}{START}{said[0]}{said[1]}{said[2]}",
    ]


def test_it_is_told_that_a_goal_leaves_the_facts_out() -> None:
    talk = scene.load(scene.find("persona_chat"))
    told = notes(begun(talk, agent=persona_gpt()), "/goal 3")
    assert [note for note in told if note.startswith("personas.Bot:")]


def test_the_python_way_says_what_the_terminal_says() -> None:
    talk = scene.load(scene.find("goal_talk"))
    replies = persona_gpt().self_play(talk, ["talk about movies.", "talk about music."], seed=0)
    said = [each.text for each in replies]
    assert said == list(LINES)
