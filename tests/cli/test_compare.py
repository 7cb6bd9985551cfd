"""`tertulia compare`."""

import gc
import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from tertulia import assembly
from tertulia.cli import main
from tertulia.cli.compare.cells import compared, sides
from tertulia.conversation import Conversation, Turn
from tertulia.decoding import preset
from tertulia.engines.scripted import Scripted

Out = pytest.CaptureFixture[str]
SAY = ("blank", "--say", "Hello!", "--seed", "0")
KEYS = [
    "agent",
    "model",
    "preset",
    "error",
    "text",
    "speaker",
    "plan",
    "candidates",
    "dropped",
    "unsupported",
    "usage",
    "seed",
    "prompt",
    "timings",
]


@pytest.fixture
def other(tmp_path: Path) -> str:
    """A second agent, of another family and with other lines."""
    path = tmp_path / "other.toml"
    lines = 'name = "scripted"\nlines = ["A.", "B.", "C."]'
    path.write_text(f'format = "cosmo"\n[engine]\n{lines}\n')
    return str(path)


def run(out: Out, *words: str) -> tuple[int, str]:
    code = main(["compare", *words])
    return code, out.readouterr().out


def objects(out: Out, *words: str) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in run(out, *words, "--json")[1].splitlines()]


def test_every_agent_is_a_row_in_the_order_given(capsys: Out, script: str, other: str) -> None:
    found = objects(capsys, *SAY, "--agent", other, "--agent", script)
    assert [(each["agent"], each["text"]) for each in found] == [(other, "A."), (script, "One.")]


def test_every_preset_is_a_row_of_each_agent(capsys: Out, script: str, other: str) -> None:
    agents = ("--agent", script, "--agent", other)
    found = objects(capsys, *SAY, *agents, "--preset", "greedy", "--preset", "cosmo")
    told = [(each["agent"], each["preset"], len(each["candidates"])) for each in found]
    assert told == [(a, p, 1) for a in (script, other) for p in ("greedy", "cosmo")]


def test_json_tells_everything_of_a_reply(capsys: Out, script: str) -> None:
    [told] = objects(capsys, "interview", "--agent", script, "--seed", "2")
    assert list(told) == KEYS
    assert (told["text"], told["seed"], told["error"], told["preset"]) == ("Three.", 2, None, None)
    assert told["plan"]["goal"] == "talk about work."
    assert told["prompt"].startswith("<|begin|>")
    assert list(told["timings"]) == ["open_seconds", "reply_seconds", "first_seconds"]


def test_the_same_seed_is_everyones_and_drawn_when_none_is_given(
    capsys: Out, script: str, other: str
) -> None:
    agents = ("--agent", script, "--agent", other)
    first, second = objects(capsys, *SAY[:3], *agents)
    assert first["seed"] == second["seed"]
    again = objects(capsys, *SAY[:3], *agents, "--seed", str(first["seed"]))
    assert [each["text"] for each in again] == [first["text"], second["text"]]


def test_what_fails_is_told_in_its_row_and_the_others_go_on(capsys: Out, script: str) -> None:
    words = (*SAY, "--model", "nowhere", "--agent", "mimi", "--agent", script)
    assert main(["compare", *words, "--json"]) == 1
    first, second, third = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["model"] == "nowhere" and "no model folder 'nowhere'" in first["error"]
    assert second["agent"] == "mimi" and "did you mean 'mini'" in second["error"]
    assert third["text"] == "One."


def test_a_preset_that_an_engine_cannot_do_fails_alone(capsys: Out, script: str) -> None:
    words = ("--agent", script, "--preset", "pingpong_gpt_top_p", "--preset", "cosmo")
    code, told = run(capsys, *SAY, *words)
    assert code == 1 and "cannot do" in told and "One." in told


def test_without_agents_and_models_the_default_agent_answers() -> None:
    [side] = sides(())
    assert (side.agent, side.model) == (assembly.DEFAULT, "builtin")


def test_a_model_beside_an_agent_is_its_files(script: str) -> None:
    [agent, model] = sides([("agent", "mini"), ("model", "here")])
    assert (agent.name, agent.model) == ("mini", "builtin")
    assert (model.name, model.agent) == ("here", "")


def opened(besides: Collection[int]) -> list[int]:
    """The scripted engines of this process, by identity."""
    gc.collect()
    found = [id(each) for each in gc.get_objects() if type(each) is Scripted]
    return [each for each in found if each not in besides]


def test_one_engine_is_open_at_a_time_and_serves_all_presets(script: str, other: str) -> None:
    presets = {name: preset(name).decoding for name in ("greedy", "cosmo")}
    talk = Conversation().said("User", "Hi")
    engines = []
    others = opened(())
    for _ in compared(talk, sides([("agent", script), ("agent", other)]), presets, 0):
        engines.append(opened(others))
    assert [len(each) for each in engines] == [1, 1, 1, 1]
    assert engines[0] == engines[1] and engines[2] == engines[3]


def test_the_table_shows_the_turn_and_each_answer(
    capsys: Out, script: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    code, told = run(capsys, *SAY, "--agent", script, "--agent", other)
    lines = told.splitlines()
    assert code == 0 and lines[0] == "You: Hello!"
    assert lines[2].split() == ["who", "seconds", "tokens", "Sam,", "seed", "0"]
    assert [line.split()[-1] for line in lines[3:]] == ["One.", "A."]


def test_the_table_tells_what_had_no_effect_and_what_was_forgotten(
    capsys: Out, tmp_path: Path
) -> None:
    path = tmp_path / "short.toml"
    text = 'format = "cosmo"\n[engine]\nname = "scripted"\ncontext_window = 60\n'
    path.write_text(f"{text}[decoding]\nmax_new_tokens = 4\n")
    scene = {"turns": [{"speaker": "User", "text": f"{n} " * 20} for n in range(5)]}
    file = tmp_path / "talk.json"
    file.write_text(json.dumps({**scene, "knowledge": ["Tea is hot."]}))
    _, told = run(capsys, str(file), "--agent", str(path))
    assert "forgotten: the oldest 3 of 5 turns" in told and "without effect: knowledge" in told


def test_a_narrow_terminal_has_the_answers_below_their_rows(
    capsys: Out, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    _, told = run(capsys, *SAY, "--agent", script)
    assert told.splitlines()[-1] == "    One."


def test_nothing_that_was_said_can_command_the_terminal(capsys: Out, tmp_path: Path) -> None:
    path = tmp_path / "loud.toml"
    line = r"a\u001b[31m\nb"
    path.write_text(f'format = "native"\n[engine]\nname = "scripted"\nlines = ["{line}"]\n')
    told = run(capsys, "blank", "--say", "x\x1b]0;y\x07", "--agent", str(path))[1]
    assert "\x1b" not in told and "\x07" not in told and r"\x1b" in told


MISTAKES: Mapping[tuple[str, ...], str] = {
    ("blank",): "has no turn to answer: add --say TEXT",
    ("detective",): "last turn is Inspector Gray's own: add --say",
    ("blank", "--say", " "): "--say is empty",
    ("bakery", "--preset", "cosmos"): "did you mean 'cosmo'",
    ("bakery", "--html", "."): "no file can be put there",
    ("bakery", "--html", "nowhere/a.html"): "no file can be put there",
    ("nowhere",): "no scene 'nowhere'",
}


@pytest.mark.parametrize("words", MISTAKES, ids=" ".join)
def test_a_mistake_is_answered_in_one_line_before_any_model_is_opened(
    capsys: Out, words: tuple[str, ...]
) -> None:
    assert main(["compare", *words]) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1 and MISTAKES[words] in told.err


def test_a_plan_that_waits_in_silence_is_a_turn_to_take(capsys: Out, script: str) -> None:
    [told] = objects(capsys, "small_talk", "--agent", script, "--seed", "0")
    assert (told["speaker"], told["text"]) == ("Anna", "One.")


def test_the_scene_may_come_from_standard_input(
    capsys: Out, script: str, typed: Callable[[str | bytes], None]
) -> None:
    typed('[[turns]]\nspeaker = "User"\ntext = "Ahoy."')
    [told] = objects(capsys, "-", "--agent", script, "--seed", "1")
    assert told["text"] == "Two." and "Ahoy." in told["prompt"]


def test_the_turn_that_is_said_is_the_users(capsys: Out, script: str) -> None:
    talk = Conversation(agent="Sam", user="You", turns=(Turn("You", "Hello!"),))
    [told] = objects(capsys, *SAY, "--agent", script)
    assert told["prompt"] == assembly.open_agent(script).format.render(talk).text
