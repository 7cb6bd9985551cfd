"""`tertulia replay`."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tertulia import __version__, assembly
from tertulia.cli import main, replay
from tertulia.conversation import Conversation, Direction, Plan, Turn
from tertulia.record import record
from tertulia.store import MEMORY, Store, StoredTurn, TurnId

Out = pytest.CaptureFixture[str]
Typed = Callable[[str | bytes], None]
DIRECTED = Direction(situation="A ferry at night.")
TALK = Conversation(agent="Ann", user="Bob", direction=DIRECTED).said("Bob", "Ahoy?")


def kept(file: str, **changes: Any) -> TurnId:
    """A reply in the default store, made by this agent with seed 2."""
    agent = assembly.open_agent(file)
    plan = Plan(goal="greet.")
    reply = agent.reply(TALK.planned(plan), seed=2)
    told = record(agent, reply, agent_file=Path(file).read_text(), given=plan)
    with Store.open() as store:
        talk = store.begin(TALK)
        parent = store.path(talk)[-1].id
        text = changes.pop("said", reply.text)
        return store.keep(
            talk,
            Turn("Ann", text),
            conversation=TALK.planned(plan),
            parent=parent,
            reply={**told, **changes},
        )


def test_a_reply_of_the_terminal_is_the_same_again(script: str, typed: Typed, capsys: Out) -> None:
    typed("Hello!\n/goal joke.\nAnd now?\n/again\n")
    assert main(["chat", "--agent", script, "--seed", "1"]) == 0
    with Store.open() as store:
        (talk,) = store.talks()
        replies = [each.id for each in store.tree(talk.id) if each.reply]
    capsys.readouterr()
    assert len(replies) == 3
    for turn in replies:
        assert main(["replay", str(turn)]) == 0
        assert "the same, byte for byte" in capsys.readouterr().out


def test_a_planner_is_not_asked_again(tmp_path: Path, typed: Typed, capsys: Out) -> None:
    agent = tmp_path / "picks.toml"
    agent.write_text(
        'format = "native"\nplanner = "native"\n[engine]\nname = "scripted"\n'
        'lines = ["<|goal|>joke.<|end|>", "Ha."]\n'
    )
    typed("Hello!\n")
    main(["chat", "--agent", str(agent), "--seed", "1"])
    capsys.readouterr()
    assert main(["replay", "2"]) == 0


def test_a_reply_is_made_again_under_its_direction_plan_and_decoding(
    script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    plain = assembly.assemble

    def watched(table: Any, where: str = "") -> Any:
        seen.append(plain(table, where))
        return seen[-1]

    turn = kept(script)
    monkeypatch.setattr(assembly, "assemble", watched)
    assert main(["replay", str(turn)]) == 0
    (prompt,) = seen[0].engine.seen
    assert "A ferry at night." in prompt.text and "greet." in prompt.text


def test_a_reply_that_differs_shows_where_and_why_it_may(script: str, capsys: Out) -> None:
    turn = kept(script, said="Thrice.", version="0.0.1")
    assert main(["replay", str(turn)]) == 1
    told = capsys.readouterr().out
    assert "differs from letter 4 on (seed 2)" in told
    assert "kept: Thrice." in told and "made: Three." in told
    assert f"made by tertulia 0.0.1, this is {__version__}" in told


def test_json_tells_the_same_to_a_program(script: str, capsys: Out) -> None:
    same, other = kept(script), kept(script, said="Threefold.")
    assert main(["replay", str(same), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["equal"] is True
    assert main(["replay", str(other), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["turn"], told["equal"], told["differs_at"]) == (other, False, 5)
    assert (told["kept"], told["made"]) == ("Threefold.", "Three.")


def test_a_candidate_that_was_chosen_later_is_found_again(tmp_path: Path) -> None:
    file = tmp_path / "three.toml"
    file.write_text(
        'format = "native"\n[engine]\nname = "scripted"\nlines = ["One.", "Two.", "Three."]\n'
        "[decoding]\ncandidates = 3\n"
    )
    assert main(["replay", str(kept(str(file), said="One.", chosen=1))]) == 0


def test_a_reply_of_the_other_side_is_made_from_its_side(script: str) -> None:
    agent = assembly.open_agent(script)
    instructed = TALK.directed(Direction(situation="A ferry.", instruction="Whisper."))
    other = instructed.swapped().directed(Direction(situation="A ferry."))
    reply = agent.reply(other, seed=3)
    told = record(agent, reply, agent_file=Path(script).read_text())
    with Store.open() as store:
        talk = store.begin(instructed)
        parent = store.path(talk)[-1].id
        kept = store.keep(talk, reply.turn, conversation=instructed, parent=parent, reply=told)
        turn = store.turn(kept)
    assert replay.side(turn) == replace(other, turns=())
    assert main(["replay", str(kept)]) == 0


def test_a_reply_that_goes_on_from_a_text_begins_with_it(script: str, capsys: Out) -> None:
    begun = {"speaker": "Ann", "text": "Well. ", "image": ""}
    assert main(["replay", str(kept(script, said="Well.Three.", continues=begun))]) == 0


def test_rankers_that_a_request_asked_for_take_the_place_of_the_agent_s(tmp_path: Path) -> None:
    file = tmp_path / "two.toml"
    file.write_text(
        'format = "native"\n[engine]\nname = "scripted"\nlines = ["b b b b", "One."]\n'
        '[decoding]\ncandidates = 2\n[[rankers]]\nname = "no_repeat"\n'
    )
    assert main(["replay", str(kept(str(file)))]) == 0
    assert main(["replay", str(kept(str(file), rankers=[]))]) == 1
    assert main(["replay", str(kept(str(file), rankers=["no_repeat"]))]) == 0


def test_words_that_were_cut_off_are_the_beginning_of_the_reply(script: str, capsys: Out) -> None:
    assert main(["replay", str(kept(script, said="Thr", status="interrupted"))]) == 0
    assert "as far as it was interrupted" in capsys.readouterr().out
    assert main(["replay", str(kept(script, said="Thu", status="interrupted"))]) == 1


def test_what_a_person_said_cannot_be_made_again(script: str, capsys: Out) -> None:
    assert main(["replay", str(kept(script) - 1)]) == 2
    assert "turn 1 was said by Bob, not made by an agent" in capsys.readouterr().err


@pytest.mark.parametrize("lacking", ["agent_file", "seed", "decoding"])
def test_a_reply_of_which_too_little_is_kept_is_told_as_such(
    script: str, lacking: str, capsys: Out
) -> None:
    assert main(["replay", str(kept(script, **{lacking: None}))]) == 2
    assert f"was kept without {lacking}" in capsys.readouterr().err


ENGINE = '[engine]\nname = "openai"\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "x"\n'
REVERSE = (
    '[engine]\nname = "scripted"\n[[rankers]]\nname = "mmi"\n'
    'reverse = {name = "openai", base_url = "http://127.0.0.1:9/v1", model = "x"}\n'
)


@pytest.mark.parametrize("engine", [ENGINE, REVERSE])
def test_a_stranger_s_talk_sends_nothing_to_an_address_of_its_own(
    script: str, engine: str, capsys: Out
) -> None:
    turn = kept(script, agent_file=f'format = "native"\n{engine}')
    assert main(["replay", str(turn)]) == 2
    assert "sends the talk elsewhere" in capsys.readouterr().err


def test_another_agent_may_be_asked_instead(script: str, tmp_path: Path, capsys: Out) -> None:
    turn = kept(script)
    other = tmp_path / "other.toml"
    other.write_text('format = "native"\n[engine]\nname = "scripted"\nlines = ["Four."]\n')
    assert main(["replay", str(turn), "--agent", str(other)]) == 1
    assert "another agent was given" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["no = [", "# --model 'gone-model'\n", "# --model 'a' + 'b'\n"])
def test_a_kept_agent_that_cannot_be_opened_is_a_mistake_with_its_cure(
    script: str, text: str, capsys: Out
) -> None:
    assert main(["replay", str(kept(script, agent_file=text))]) == 2
    assert capsys.readouterr().err.startswith("tertulia: ")


def test_the_text_of_an_agent_opens_the_agent_that_was_written(script: str) -> None:
    for given in (assembly.written(script), assembly.written(script, model="builtin")):
        again = assembly.rewritten(given.text, "here")
        assert (dict(again.table), again.text) == (dict(given.table), given.text)


def test_a_reply_goes_from_one_store_to_another_and_is_the_same(script: str, capsys: Out) -> None:
    turn = kept(script)
    with Store.open() as here, Store.open(MEMORY) as there:
        moved: tuple[StoredTurn, ...] = there.tree(there.adopt(here.whole(here.turn(turn).talk)))
        assert moved[-1].reply == here.turn(turn).reply
