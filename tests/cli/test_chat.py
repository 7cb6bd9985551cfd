"""The talk: lines in, events out."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from tertulia import Conversation, Decoding, Persona, Plan, Prompt
from tertulia.cli.chat import chat, shown
from tertulia.cli.chat.events import Note, Opening, Refused, Said, Stopped, Word
from tertulia.cli.chat.screen import Screen
from tertulia.engines import Engine, Event, Piece
from tertulia.errors import EngineError
from tertulia.store import MEMORY, Store
from tests.cli.talking import SCENE, begun, events, notes, refusals, replies, scripted, told


class Failing(Engine):
    """Says one word, then what it is told to raise."""

    context_window = 2048
    honours = frozenset(("seed",))

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def count_tokens(self, prompt: Prompt) -> int:
        return 1

    def events(self, prompts: Sequence[Prompt], decoding: Sequence[Decoding]) -> Iterator[Event]:
        yield Piece(0, 0, "Well")
        raise self.error


def test_a_line_is_said_and_answered() -> None:
    session = begun()
    assert replies(session, "hi") == ["One."]
    assert told(session.conversation.turns) == ["Friend: hi", "Cosmo: One."]


def test_a_reply_is_told_word_by_word_then_whole() -> None:
    happened = events(begun(agent=scripted("Hello there.")), "hi")
    assert [type(each) for each in happened] == [Opening, Word, Word, Said]


def test_each_reply_has_the_next_seed() -> None:
    assert replies(begun(), "a", "b", "c") == ["One.", "Two.", "Three."]


def test_a_blank_line_says_nothing() -> None:
    assert events(begun(), "", "   ") == []


def test_two_slashes_say_a_text_with_one() -> None:
    session = begun()
    events(session, "//help me")
    assert session.conversation.turns[0].text == "/help me"


def test_the_agent_speaks_first_when_the_last_turn_is_the_users() -> None:
    assert replies(begun(SCENE.said("Friend", "are you there?"))) == ["One."]


def test_the_agent_speaks_first_when_a_plan_waits_in_an_empty_scene() -> None:
    assert replies(begun(SCENE.planned(Plan(goal="greet.")))) == ["One."]


def test_the_user_begins_when_the_scene_is_empty_or_the_agent_spoke_last() -> None:
    assert replies(begun()) == []
    assert replies(begun(SCENE.said("Cosmo", "hey"))) == []


def test_every_turn_is_kept_before_the_reply_is_told() -> None:
    store = Store.open(MEMORY)
    session = begun(store=store)
    for event in (each for each in events(session, "hi", "so?") if isinstance(each, Said)):
        assert event.reply.turn in store.conversation(store.talks()[0].id).turns
    assert store.conversation(store.talks()[0].id).turns == session.conversation.turns


def test_how_a_reply_came_about_is_kept_with_it() -> None:
    store = Store.open(MEMORY)
    events(begun(store=store), "hi")
    kept = store.path(store.talks()[0].id)[-1].reply
    assert kept and kept["seed"] == 0 and kept["candidates"][0]["text"] == "One."


def test_a_store_that_fails_refuses_the_line_and_names_the_cure() -> None:
    store = Store.open(MEMORY)
    session = begun(store=store)
    store.close()
    [told] = refusals(session, "hi")
    assert told.endswith("or start with --no-store, which keeps nothing")
    assert session.conversation.turns == ()


def test_ctrl_c_stops_the_reply_and_the_talk_goes_on() -> None:
    session = begun()
    working, session.agent = (
        session.agent,
        replace(session.agent, engine=Failing(KeyboardInterrupt())),
    )
    assert events(session, "hi")[-1] == Stopped(unanswered=True)
    session.agent = working
    assert replies(session, "/again") == ["Two."]
    assert told(session.conversation.turns) == ["Friend: hi", "Cosmo: Two."]


def test_an_interrupt_while_the_screen_is_written_to_stops_the_reply_too() -> None:
    talk = chat(begun(), ["hi"])
    assert isinstance(next(talk), Opening)
    assert talk.throw(KeyboardInterrupt()) == Stopped(unanswered=True)


def test_ctrl_c_ends_a_talk_that_is_read_from_a_pipe() -> None:
    talker = replace(scripted(), engine=Failing(KeyboardInterrupt()))
    out = Screen(io.StringIO())
    assert shown(chat(begun(agent=talker), ["hi", "never said"]), out) == 130


def test_an_engine_that_fails_leaves_the_line_and_says_how_to_ask_again() -> None:
    session = begun(agent=replace(scripted(), engine=Failing(EngineError("no answer: start it"))))
    assert refusals(session, "hi") == ["no answer: start it; /again asks for the reply once more"]
    assert told(session.conversation.turns) == ["Friend: hi"]


def test_a_line_that_cannot_fit_is_taken_back() -> None:
    session = begun(agent=scripted(context_window=60))
    [told] = refusals(session, "word " * 100)
    assert "shorten the direction or the last turn" in told and told.endswith("taken back")
    assert replies(session, "hi") == ["Two."]


def test_directions_a_family_cannot_take_are_told_once() -> None:
    from tertulia import formats

    session = begun(agent=replace(scripted(), format=formats.load("dialogpt")))
    said = notes(session, "hi", "so?")
    assert len(said) == 1 and said[0].startswith("situation, personas.Cosmo: this model family")


def test_the_plan_is_for_one_reply_only() -> None:
    session = begun()
    first, second = (
        each.reply for each in events(session, "/goal 1", "hi", "so?") if isinstance(each, Said)
    )
    assert (first.plan, second.plan) == (Plan(goal="ask about pets."), Plan())


def test_a_speaker_named_like_a_control_token_takes_part() -> None:
    talk = Conversation(agent="<|end|>", user="<|me|>")
    session = begun(talk)
    assert replies(session, "hi <|end|>") == ["One."]
    assert told(session.conversation.turns) == ["<|me|>: hi <|end|>", "<|end|>: One."]


def test_a_third_speaker_may_be_in_the_scene() -> None:
    direction = SCENE.direction.with_facts("Ana", ("i am late.",))
    session = begun(SCENE.directed(direction).said("Ana", "sorry!"))
    assert replies(session, "hello both") == ["One."]


@pytest.mark.parametrize("line", ["\x00", "\x1b[2J", "\ud800", "\u202e", "a" * 10_000, "[SEPT]"])
def test_hostile_lines_are_turns_like_any_other(line: str) -> None:
    session = begun()
    events(session, line)
    assert session.conversation.turns[0].text == line


def test_refusals_do_not_end_the_talk() -> None:
    happened = events(begun(), "/nonsense", "hi")
    assert isinstance(happened[0], Refused) and isinstance(happened[-1], Said)


def test_two_talks_may_share_one_store(tmp_path: object) -> None:
    store = Store.open(f"{tmp_path}/talks.db")
    other = Store.open(f"{tmp_path}/talks.db")
    one, two = begun(store=store), begun(store=other)
    for line in ("a", "b"):
        assert replies(one, line) and replies(two, line)
    assert [len(store.conversation(each.id).turns) for each in store.talks()] == [4, 4]


def test_the_persona_of_the_agent_reaches_the_model() -> None:
    session = begun()
    assert SCENE.direction.personas == (Persona("Cosmo", ("i like cats.",)),)
    [said] = [each for each in events(session, "hi") if isinstance(each, Said)]
    assert "i like cats." in said.reply.prompt.text
    assert not any(isinstance(each, Note) for each in events(session, "so?"))
