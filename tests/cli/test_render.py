"""`tertulia render`."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tertulia import formats, scene, tokenizer
from tertulia.cli import main
from tests.reference_tokenizers import pingpong

Typed = Callable[[str | bytes], None]
Out = pytest.CaptureFixture[bytes]
KEYS = ["text", "spans", "stop", "dropped", "unsupported"]


def talk(**changes: object) -> str:
    table = {"turns": [{"speaker": "User", "text": "Hello, how are you today?"}], **changes}
    return json.dumps(table)


def rendered(out: Out, *words: str) -> Mapping[str, Any]:
    assert main(["render", *words, "--json"]) == 0
    found: Mapping[str, Any] = json.loads(out.readouterr().out)
    return found


def refused(out: Out, *words: str) -> str:
    assert main(["render", *words]) == 2
    told = out.readouterr()
    assert told.out == b"" and told.err.count(b"\n") == 1
    return told.err.decode()


def test_it_prints_the_string_and_one_newline(capsysbinary: Out) -> None:
    assert main(["render", "bakery", "--format", "native"]) == 0
    wanted = formats.load("native").render(scene.load(scene.find("bakery"))).text
    assert capsysbinary.readouterr().out == wanted.encode() + b"\n"


def test_the_scene_may_come_from_standard_input(capsysbinary: Out, typed: Typed) -> None:
    typed('situation = "Cosmo is at sea."\n[[turns]]\nspeaker = "User"\ntext = "Ahoy."')
    main(["render", "-", "--format", "cosmo", "--verbatim"])
    assert capsysbinary.readouterr().out == b"Cosmo is at sea. <sep> Ahoy.\n"


def test_a_closed_standard_input_is_told(
    capsysbinary: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert "there is no input" in refused(capsysbinary, "-", "--format", "cosmo")


def test_a_marker_is_left_as_it_was_typed_only_when_verbatim(
    capsysbinary: Out, typed: Typed
) -> None:
    typed(talk(situation="a <sep> b"))
    assert rendered(capsysbinary, "-", "--format", "cosmo")["text"].count("<sep>") == 1
    typed(talk(situation="a <sep> b"))
    there = rendered(capsysbinary, "-", "--format", "cosmo", "--verbatim")
    assert there["text"].count("<sep>") == 2


def test_json_is_one_object_with_the_spans_and_their_fields(capsysbinary: Out) -> None:
    told = rendered(capsysbinary, "photo", "--format", "native")
    assert list(told) == KEYS
    assert "".join(span["text"] for span in told["spans"]) == told["text"]
    assert all(list(span) == ["text", "control", "learn", "field"] for span in told["spans"])
    fields = {span["field"]: span["text"] for span in told["spans"]}
    assert fields["turns.0.text"] == " Grandma, look who is here!"
    assert told["stop"] == ["<|end|>"] and told["dropped"] == told["unsupported"] == []


def test_json_tells_which_directions_a_family_cannot_take(capsysbinary: Out) -> None:
    told = rendered(capsysbinary, "photo", "--format", "cosmo")
    assert {"plan.goal", "turns.0.image", "personas.Leo"} <= set(told["unsupported"])


def test_a_variant_is_chosen_by_name(capsysbinary: Out) -> None:
    main(["render", "bakery", "--format", "godel", "--variant", formats.variants("godel")[-1]])
    last = capsysbinary.readouterr().out
    main(["render", "bakery", "--format", "godel"])
    assert last != capsysbinary.readouterr().out


def test_a_setting_of_the_format_is_given_as_key_and_value(capsysbinary: Out) -> None:
    fields = [
        {span["field"] for span in rendered(capsysbinary, *words)["spans"]}
        for words in (
            ("bakery", "--format", "native"),
            ("bakery", "--format", "native", "--set", "names=true"),
        )
    ]
    assert fields[1] - fields[0] == {"turns.0.speaker"}


def test_a_chat_template_is_read_from_its_file(capsysbinary: Out, tmp_path: Path) -> None:
    file = tmp_path / "a.jinja"
    file.write_text("{% for m in messages %}[{{ m.role }}] {{ m.content }};{% endfor %}")
    words = ("blank", "--format", "chat_template", "--template", str(file))
    assert "user" not in rendered(capsysbinary, *words)["text"]
    told = rendered(capsysbinary, "bakery", *words[1:])
    assert told["text"].endswith("[user] Good morning! It smells so good in here.;")


def test_ids_are_those_of_the_models_own_tokenizer(
    capsysbinary: Out, tmp_path: Path, typed: Typed
) -> None:
    path = pingpong(tmp_path)
    words = ("-", "--format", "pingpong_gpt", "--ids", "--tokenizer", str(path))
    typed(talk())
    told = rendered(capsysbinary, *words)
    prompt = formats.load("pingpong_gpt").render(scene.read(talk(), "talk"))
    assert told["ids"] == tokenizer.load(path).ids(prompt.runs())
    typed(talk())
    assert main(["render", *words]) == 0
    assert capsysbinary.readouterr().out.decode() == " ".join(map(str, told["ids"])) + "\n"


def test_turns_that_do_not_fit_a_context_window_are_told(
    capsysbinary: Out, tmp_path: Path, typed: Typed
) -> None:
    turns = [{"speaker": "User", "text": f"Hello {n}", "image": ""} for n in range(20)]
    window = ("--context-window", "60", "--max-new-tokens", "20")
    words = ("--format", "pingpong_gpt", "--tokenizer", str(pingpong(tmp_path)), *window)
    typed(talk(turns=turns))
    told = rendered(capsysbinary, "-", "--ids", *words)
    kept = len(turns) - len(told["dropped"])
    assert 0 < kept < 20 and told["dropped"] == turns[:-kept]
    assert len(told["ids"]) <= 40 and "Hello 19" in told["text"]


def test_output_is_utf_8_whatever_the_terminal_is(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    text = "é 안녕 \U0001f600 \u202e\r\n\x1b[31m"
    file.write_text(talk(turns=[{"speaker": "User", "text": text}]), encoding="utf-8")
    command = [sys.executable, "-m", "tertulia", "render", str(file), "--format", "cosmo"]
    odd = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    done = subprocess.run([*command, "--verbatim"], capture_output=True, env=odd)
    assert done.stdout == f"{text}\n".encode()


def test_a_lone_surrogate_is_told_with_its_field(capsysbinary: Out, typed: Typed) -> None:
    typed(talk(situation="\ud800"))
    told = refused(capsysbinary, "-", "--format", "cosmo", "--verbatim")
    assert "situation holds a lone surrogate (U+D800)" in told and "use --json" in told


def test_json_holds_a_lone_surrogate(capsysbinary: Out, typed: Typed) -> None:
    typed(talk(situation="\ud800"))
    told = rendered(capsysbinary, "-", "--format", "cosmo", "--verbatim")
    assert told["text"].startswith("\ud800 <sep> ")


MISTAKES = {
    "--format natve": "did you mean 'native'",
    "--format native --variant x": "format 'native' has no variant 'x'",
    "--format native --set name=true": "no setting 'name': did you mean 'names'",
    "--format native --set names=perhaps": "names is 'perhaps', must be true or false",
    "--format native --set names": "write KEY=VALUE",
    "--format native --set names=true --set names=true": "names is given twice",
    "--format native --template x": "no key 'template'",
    "--format native --ids": "add --tokenizer PATH",
    "--format native --tokenizer x": "add --ids or --context-window",
    "--format native --context-window 9": "add --tokenizer PATH",
    "--format native --max-new-tokens 9": "add --context-window N",
    "--format native --context-window x": "invalid int value",
    "--format native --context-window 0 --tokenizer x": "give at least 1",
    "--format native --ids --tokenizer nowhere": "nowhere",
    "": "--format",
}


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_is_answered_in_one_line(capsysbinary: Out, words: str) -> None:
    try:
        told = refused(capsysbinary, "bakery", *words.split())
    except SystemExit as left:
        assert left.code == 2
        told = capsysbinary.readouterr().err.decode()
    assert MISTAKES[words] in told


@pytest.mark.parametrize("name", ["nowhere.toml", ".", "a\0b"])
def test_what_is_no_scene_is_answered_in_one_line(capsysbinary: Out, name: str) -> None:
    assert "scene" in refused(capsysbinary, name, "--format", "native")


def test_a_talk_that_cannot_fit_is_told_with_the_cure(capsysbinary: Out, tmp_path: Path) -> None:
    words = ("--tokenizer", str(pingpong(tmp_path)), "--context-window", "3")
    told = refused(capsysbinary, "bakery", "--format", "pingpong_gpt", *words)
    assert "lower decoding.max_new_tokens" in told


def test_lore_is_shown_as_the_model_would_see_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = '[[lore]]\ncontent = "{0} is old."\nkeys = ["{0}"]\nbudget = 9\n'
    said = '[[turns]]\nspeaker = "User"\ntext = "The castle?"\n'
    (tmp_path / "a.toml").write_text(entry.format("castle") + entry.format("tower") + said)
    assert main(["render", str(tmp_path / "a.toml"), "--format", "transcript", "--json"]) == 0
    spans = json.loads(capsys.readouterr().out)["spans"]
    told = [(each["field"], each["text"]) for each in spans if "lore" in each["field"]]
    assert told == [("lore.0.content", "castle is old.")]
