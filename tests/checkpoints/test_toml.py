"""tertulia.toml, and what is told without one: for certain, or not at all."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.tiny_llama import tiny_llama

from tertulia import assembly, checkpoints
from tertulia.checkpoints import manifest
from tertulia.checkpoints.known import KNOWN
from tertulia.checkpoints.manifest import Manifest
from tertulia.errors import CheckpointError, ConfigError, UnknownName

T5 = {"model_type": "t5", "is_encoder_decoder": True}
GPT2 = {"model_type": "gpt2"}
LLAMA = {"model_type": "llama"}
PERSONA = {"<|sep|>": 50257, "<|act|>": 50262}
DIALOGUE = {"task_specific_params": {"conversational": {"max_length": 1000}}}
TEMPLATE = json.dumps({"chat_template": "{{ messages }}"})


def model(folder: Path, config: dict[str, Any], **files: str) -> Path:
    """A folder that has no weights; files by their name, with _ for the dot."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    for name, text in files.items():
        (folder / name.replace("_json", ".json").replace("_toml", ".toml")).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("name", "config", "format", "decoding"),
    [
        ("cosmo-xl", T5, "cosmo", "cosmo"),
        ("cosmo-xl-int8", T5, "cosmo", "cosmo"),
        ("GODEL-v1_1-base-seq2seq", T5, "godel", "godel_card"),
        ("godel-large", T5, "godel", "godel_card"),
        ("Thanos-8B", LLAMA, "thanos", "thanos_card"),
        ("personaGPT", GPT2, "persona_gpt", "persona_gpt"),
        ("DialoGPT-medium", GPT2, "dialogpt", "dialogpt"),
        ("anything", {**GPT2, **DIALOGUE}, "dialogpt", "dialogpt"),
        ("anything", {"model_type": "pingpong_gpt"}, "pingpong_gpt", "pingpong_gpt_top_p"),
        ("anything", {"model_type": "pingpong_meena", "is_encoder_decoder": True}, "meena", None),
        ("gpt2", GPT2, "transcript", ""),
        ("cosmo-xl", LLAMA, "transcript", ""),
        ("cosmo-1b", LLAMA, "transcript", ""),
        ("my-thanos-8b-merge", LLAMA, "transcript", ""),
    ],
)
def test_family_and_name_tell_the_format(
    tmp_path: Path, name: str, config: dict[str, Any], format: str, decoding: str | None
) -> None:
    found = checkpoints.described(model(tmp_path / name, config))
    assert (found.format, found.family) == (format, config["model_type"])
    assert decoding is None or found.decoding == decoding


@pytest.mark.parametrize("name", ["model", "cosmo", "cosmo-xl-law", "my-godel", "flan-t5", "xl"])
def test_an_encoder_decoder_without_a_published_name_is_not_guessed(
    tmp_path: Path, name: str
) -> None:
    folder = model(tmp_path / name, {**T5, "_name_or_path": "allenai/cosmo-xl"})
    with pytest.raises(CheckpointError, match=r"write tertulia\.toml .* format = .* --format"):
        checkpoints.described(folder)


def test_the_tokenizer_tells_what_a_name_does_not(tmp_path: Path) -> None:
    persona = model(tmp_path / "a", {**GPT2, **DIALOGUE}, added_tokens_json=json.dumps(PERSONA))
    assert checkpoints.described(persona).format == "persona_gpt"
    chat = model(tmp_path / "b", LLAMA, tokenizer_config_json=TEMPLATE)
    assert checkpoints.described(chat).format == "chat_template"
    ours = checkpoints.described(tiny_llama(tmp_path / "c"))
    assert (ours.format, ours.decoding, ours.tokenizer) == ("native", "native", "tokenizer.json")


def test_the_name_in_hugging_faces_cache_is_that_of_the_model(tmp_path: Path) -> None:
    place = tmp_path / "models--allenai--cosmo-xl" / "snapshots" / "0123456789abcdef"
    assert checkpoints.described(model(place, T5)).format == "cosmo"


def test_every_published_model_is_told_by_its_name_on_the_hub(tmp_path: Path) -> None:
    for known in (known for known in KNOWN.values() if known.hub):
        config = {"model_type": known.family, "is_encoder_decoder": known.family == "t5"}
        found = checkpoints.described(model(tmp_path / known.hub, config))
        assert (found.format, found.decoding) == (known.format, known.preset)


def test_what_is_written_goes_before_what_it_looks_like(tmp_path: Path) -> None:
    told = 'format = "godel"\nvariant = "training"\ndecoding = "greedy"\nlicence = "MIT"\n'
    folder = model(tmp_path / "cosmo-xl", T5, tertulia_toml=told)
    found = checkpoints.described(folder)
    assert found == Manifest(format="godel", variant="training", decoding="greedy", licence="MIT")


def test_a_written_manifest_is_read_back(tmp_path: Path) -> None:
    told = Manifest(format="godel", licence='"MIT"\n\\', source="ö@1", quantization="int8")
    manifest.write(told, tmp_path)
    assert manifest.read(tmp_path) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('fromat = "cosmo"', r"tertulia\.toml: no key 'fromat': did you mean 'format'"),
        ("format = 3", "format is 3, must be a string"),
        ('family = "t5"', "format is missing"),
        ('format = ""', "format is missing"),
        ('format = "cosmo"\ndecoding = "cosmos"', "no preset 'cosmos': did you mean 'cosmo'"),
        ('format = "cosmo"\nquantization = "int4"', "quantization is 'int4': did you mean 'int8'"),
        ('format = "cosmo"\ntokenizer = "../spiece.model"', "must be a file of the folder"),
        ('format = "cosmo"\ntokenizer = "/etc/passwd"', "must be a file of the folder"),
        ('format = "cosmo"\ntokenizer = "C:x"', "must be a file of the folder"),
        ('format = "cosmo"\ntokenizer = "spiece.model"', "the one that is read here is missing"),
        ('format = "cosmo"\nfamily = "gpt2"', "family is 'gpt2', and model_type .* is 't5'"),
        ("format = ", "is not TOML"),
        ("[" * 5000, "is not TOML"),
    ],
)
def test_what_is_wrong_in_it_is_named_with_its_cure(tmp_path: Path, text: str, told: str) -> None:
    folder = model(tmp_path / "m", T5, tertulia_toml=text)
    with pytest.raises(ConfigError, match=told):
        checkpoints.described(folder)


def test_a_manifest_without_end_is_not_read(tmp_path: Path) -> None:
    folder = model(tmp_path / "m", T5, tertulia_toml="#" * (manifest.LARGEST + 1))
    with pytest.raises(ConfigError, match="over 1 MB"):
        checkpoints.described(folder)


def test_the_manifest_makes_the_agent(tmp_path: Path) -> None:
    told = 'format = "godel"\nvariant = "server"\ndecoding = "godel_server"\n'
    table = assembly.suited(model(tmp_path / "m", T5, tertulia_toml=told))
    assert table["format"] == {"name": "godel", "variant": "server"}
    assert assembly.decoded(assembly.section(table, "decoding", ""), "").min_length == 32


def test_a_chat_model_speaks_by_its_own_template(tmp_path: Path) -> None:
    folder = model(tmp_path / "m", LLAMA, tokenizer_config_json=TEMPLATE)
    assert assembly.suited(folder)["format"] == {"name": "chat_template", "template": str(folder)}


def test_a_wrong_format_is_answered_with_the_nearest(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path / "m")
    (folder / manifest.NAME).write_text('format = "natve"')
    with pytest.raises(UnknownName, match="did you mean 'native'"):
        assembly.open_agent(model=str(folder))
