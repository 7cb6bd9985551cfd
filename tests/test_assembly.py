"""Assembly: an agent file becomes an agent, and what is wrong in it is named."""

from pathlib import Path
from typing import Any

import pytest

from tertulia import Conversation, assembly
from tertulia.errors import CheckpointError, ConfigError, UnknownName, UnsupportedDecoding

FILE: dict[str, Any] = {"format": "native", "engine": {"name": "scripted", "lines": ["Hello."]}}
HI = Conversation().said("User", "Hi")


def test_an_agent_file_becomes_an_agent() -> None:
    assert assembly.assemble(FILE).reply(HI).text == "Hello."


def test_a_preset_can_be_changed_in_part() -> None:
    table = {**FILE, "decoding": {"preset": "meena_sample_and_rank", "candidates": 3}}
    agent = assembly.assemble(table)
    assert (agent.decoding.temperature, agent.decoding.candidates) == (0.88, 3)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"fromat": "x"}, "no key 'fromat': did you mean 'format'"),
        ({"decoding": {"temprature": 1}}, r"\[decoding\]: no key 'temprature'"),
        ({"decoding": {"top_p": 2.0}}, r"\[decoding\]: top_p is 2.0, must be in"),
        ({"engine": {"lines": []}}, r"\[engine\]: name is missing"),
        ({"engine": 3}, "engine is 3, must be a name or a table"),
        ({"rankers": "likelihood"}, "rankers is 'likelihood', must be a list of rankers: "),
        ({"engine": "onnxruntime"}, "engine 'onnxruntime': model is missing: write model = …"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_its_cure(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        assembly.assemble({**FILE, **change}, "a.toml")


@pytest.mark.parametrize(
    "change", [{"format": "natve"}, {"planner": "pined"}, {"decoding": "cosmos"}]
)
def test_a_wrong_name_in_a_file_is_answered_with_the_nearest(change: dict[str, Any]) -> None:
    with pytest.raises(UnknownName, match="did you mean"):
        assembly.assemble({**FILE, **change})


def test_a_decoding_that_the_engine_cannot_do_is_refused_when_the_file_is_opened() -> None:
    with pytest.raises(UnsupportedDecoding, match="repetition_penalty"):
        assembly.assemble({**FILE, "decoding": {"repetition_penalty": 1.2}})


def test_an_agent_can_be_opened_from_a_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('format = "native"\n[engine]\nname = "scripted"\nlines = ["Mine."]\n')
    agent = assembly.open_agent(str(path))
    assert (agent.name, agent.reply(HI).text) == ("mine", "Mine.")


@pytest.mark.parametrize("bad", [b"format = ", b"[[[" * 50_000])
def test_a_file_that_is_no_toml_is_refused_by_name(bad: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(bad)
    with pytest.raises(ConfigError, match=r"bad\.toml is not TOML"):
        assembly.open_agent(str(path))


def test_a_file_in_another_encoding_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes('description = "Zoë"'.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"bad\.toml is not UTF-8 \(byte 17 is 0xeb\)"):
        assembly.open_agent(str(path))


def test_a_byte_order_mark_is_not_part_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b'\xef\xbb\xbfformat = "native"\nengine = "scripted"\n')
    assert assembly.written(str(path)).text.startswith("format")


def test_a_scene_in_the_place_of_an_agent_file_is_told_so() -> None:
    with pytest.raises(ConfigError, match=r"a\.toml is a scene, no agent file"):
        assembly.assemble({"agent": "Ann", "user": "Bo"}, "a.toml")


def test_an_unknown_agent_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="no agent 'minni': did you mean 'mini'"):
        assembly.open_agent("minni")


def test_a_published_model_that_is_not_here_is_answered_with_how_to_get_it() -> None:
    with pytest.raises(CheckpointError, match=r"cosmo-xl .*Apache-2.0.* are not here: download"):
        assembly.open_agent(model="cosmo-xl")


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is no model folder: config.json cannot be read"):
        assembly.open_agent(model=str(tmp_path))


@pytest.mark.parametrize("name", assembly.names())
def test_every_shipped_agent_file_says_what_it_is(name: str) -> None:
    assert assembly.read(assembly.find(name))["description"]
