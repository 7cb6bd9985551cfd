"""What a model folder is, told from its config, its tokenizer and its name, or not told at all.

A guess is made only from what cannot be otherwise. In this order:

    its vocabulary holds tertulia's own control tokens     native
    it holds PersonaGPT's                                  persona_gpt
    the family is Pingpong's                               pingpong_gpt, meena
    family and name are those of a published model         its format
    an encoder-decoder                                     refused: COSMO, GODEL and a hundred other
                                                           models are the same to look at
    it brings a chat template                              chat_template
    a GPT-2 with DialoGPT's task in its config             dialogpt
    any other decoder                                      transcript, which takes any of them

config.json's `_name_or_path` is no evidence: it often names what a model was trained from.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tertulia import tokenizer
from tertulia.checkpoints import manifest
from tertulia.checkpoints.folder import config
from tertulia.checkpoints.known import KNOWN
from tertulia.checkpoints.manifest import Manifest
from tertulia.errors import CheckpointError, ConfigError, TokenizerError

NAMES: Mapping[str, str] = {
    "cosmo": "cosmo[-_](xl|3b|11b)",
    "godel": "godel([-_]v1_1)?[-_](base|large)([-_]seq2seq)?",
    "thanos": "thanos[-_](1b|3b|8b)",
    "persona_gpt": "persona[-_]?gpt",
    "dialogpt": "dialogpt[-_](small|medium|large)",
}
"""Format -> the whole of the names under which its published weights are known, in small letters;
`tertulia convert` may have put a quantization behind."""
OURS = b'"<|says|>"'
PERSONA_GPT = b'"<|act|>"'
SPELLING = ("tokenizer.json", "added_tokens.json", "tokenizer_config.json")
LARGEST_READ = 64 << 20
PRESETS = {known.format: known.preset for known in KNOWN.values()} | {"native": "native"}


def described(folder: Path, *, format: str = "", name: str = "") -> Manifest:
    """What a model folder says of itself in tertulia.toml, or what can be told for certain.

    format  the dialect, when somebody knows better
    name    of the model, where the folder is not called so

    Raises ConfigError for a manifest that does not fit the folder, and CheckpointError when there
    is none and the format cannot be told.
    """
    found = manifest.read(folder)
    if found is None:
        return guessed(folder, format, name or name_of(folder))
    where, family = folder / manifest.NAME, config(folder).get("model_type", "")
    if found.family and found.family != family:
        raise ConfigError(
            f"{where}: family is {found.family!r}, and model_type in config.json is {family!r}: "
            "take both from the same model"
        )
    read = spelling(folder)
    if found.tokenizer and found.tokenizer != read:
        raise ConfigError(
            f"{where}: tokenizer is {found.tokenizer!r}, and the one that is read here is "
            f"{read or 'missing'}: put the first there, and take the second away"
        )
    if not format or format == found.format:
        return found
    return replace(found, format=format, variant="", decoding=PRESETS.get(format, ""))


def guessed(folder: Path, format: str, name: str) -> Manifest:
    """The manifest of a folder that has none."""
    table = config(folder)
    family = str(table.get("model_type", ""))
    format = format or told(folder, table, family, name)
    if not format:
        raise CheckpointError(
            f"{folder} is an encoder-decoder ({family}), and nothing in it says what dialect it "
            f'was taught: write {manifest.NAME} beside its weights with format = "cosmo", "godel" '
            "or another, or give --format to `tertulia pull` or `tertulia convert`"
        )
    return Manifest(
        format=format, family=family, tokenizer=spelling(folder), decoding=PRESETS.get(format, "")
    )


def told(folder: Path, table: Mapping[str, Any], family: str, name: str) -> str:
    """The format; empty when it cannot be told."""
    if mentions(folder, OURS):
        return "native"
    if family == "gpt2" and mentions(folder, PERSONA_GPT):
        return "persona_gpt"
    for known in KNOWN.values():
        if family == known.family and (not known.hub or called(name, known.format)):
            return known.format
    if table.get("is_encoder_decoder"):
        return ""
    if has_template(folder):
        return "chat_template"
    tasks = table.get("task_specific_params")
    if family == "gpt2" and isinstance(tasks, dict) and "conversational" in tasks:
        return "dialogpt"
    return "transcript"


def called(name: str, format: str) -> bool:
    pattern = f"{NAMES.get(format, '(?!)')}([-_](int8|bfloat16|float32))?"
    return re.fullmatch(pattern, name.lower()) is not None


def name_of(folder: Path) -> str:
    """The model's name as its folder has it, in Hugging Face's cache too."""
    folder = folder.absolute()
    if folder.parent.name == "snapshots":
        return folder.parents[1].name.rpartition("--")[2]
    return folder.name


def spelling(folder: Path) -> str:
    """The name of the file that makes the ids; empty when the folder has none."""
    try:
        return tokenizer.tokenizer_file(folder).name
    except TokenizerError:
        return ""


def has_template(folder: Path) -> bool:
    template = (folder / "chat_template.jinja").is_file()
    return template or holds(folder / "tokenizer_config.json", b'"chat_template"')


def mentions(folder: Path, words: bytes) -> bool:
    return any(holds(folder / name, words) for name in SPELLING)


def holds(path: Path, words: bytes) -> bool:
    """Whether a tokenizer's file mentions these words, in its first 64 MB."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return words in file.read(LARGEST_READ)
