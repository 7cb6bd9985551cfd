"""Where a chat template and the names of its control tokens are read: the files of a model."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tertulia.errors import ConfigError
from tertulia.tokenizer.vocabulary import ordinary

MAX_BYTES = 256 * 2**20
PLAIN = (
    "{% if not messages %}{{ raise_exception('nobody speaks') }}{% endif %}"
    "{% for message in messages %}[{{ message.role }}]\n{{ message.content }}\n\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant]\n{% endif %}"
)
"""What is shown when no template is given; endpoints get the messages and use their own."""

TOKEN_NAMES = ("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token")


@dataclass(frozen=True, slots=True)
class Source:
    """A template, the file it came from, and what its tokenizer's files say.

    variables  bos_token, eos_token, …, as the template may name them
    controls   every control token of the vocabulary, by name
    """

    template: str = PLAIN
    where: str = "the plain template"
    variables: Mapping[str, str] = field(default_factory=dict)
    controls: tuple[str, ...] = ()


def read(path: Path, name: str) -> Source:
    """The template of a model folder, of its tokenizer_config.json, or of a .jinja file in it.

    name  which of several templates in one tokenizer_config.json

    Raises ConfigError when there is none, or when a file cannot be read.
    """
    folder = path if path.is_dir() else path.parent
    config = table(folder / "tokenizer_config.json")
    return Source(
        template=template(path, config, name),
        where=str(path),
        variables=variables({**table(folder / "special_tokens_map.json"), **config}),
        controls=controls(folder, config),
    )


def template(path: Path, config: Mapping[str, Any], name: str) -> str:
    """A folder's own chat_template.jinja goes before the one in its tokenizer_config.json."""
    if path.is_dir() and (path / "chat_template.jinja").is_file():
        return text(path / "chat_template.jinja")
    if not path.is_dir() and path.suffix != ".json":
        return text(path)
    if not path.is_dir():
        config = json_of(path, text(path))
    found = config.get("chat_template")
    if isinstance(found, list):
        found = chosen(found, name, path)
    if not isinstance(found, str) or not found.strip():
        raise ConfigError(
            f"{path} holds no chat template: give a folder with chat_template.jinja, a "
            "tokenizer_config.json with chat_template, or a .jinja file"
        )
    return found


def chosen(listed: list[Any], name: str, path: Path) -> object:
    by_name = {e.get("name"): e.get("template") for e in listed if isinstance(e, Mapping)}
    if name not in by_name:
        raise ConfigError(
            f"{path} has no chat template {name!r}: set name to one of "
            f"{', '.join(map(str, by_name))}"
        )
    return by_name[name]


def variables(config: Mapping[str, Any]) -> dict[str, str]:
    """The special tokens by the names that templates use; null ones are left out."""
    found = {key: token_text(config.get(key)) for key in TOKEN_NAMES}
    return {key: token for key, token in found.items() if token}


def token_text(token: object) -> str:
    """A token as the config writes it: its text, or a table with its content."""
    if isinstance(token, Mapping):
        token = token.get("content")
    return token if isinstance(token, str) else ""


def controls(folder: Path, config: Mapping[str, Any]) -> tuple[str, ...]:
    """Added tokens, special or not; blanks and single characters stay text, as in tokenizer."""
    listed = config.get("added_tokens_decoder")
    entries = list(listed.values()) if isinstance(listed, Mapping) else []
    if not entries:
        found = table(folder / "tokenizer.json").get("added_tokens")
        entries = found if isinstance(found, list) else []
    tables = [each for each in entries if isinstance(each, Mapping)]
    names = [(token_text(each), bool(each.get("special"))) for each in tables]
    kept = [name for name, special in names if name and (special or not ordinary(name))]
    return tuple(dict.fromkeys((*kept, *table(folder / "added_tokens.json"))))


def table(path: Path) -> Mapping[str, Any]:
    """A JSON object; empty when there is no such file."""
    return json_of(path, text(path)) if path.is_file() else {}


def json_of(path: Path, content: str) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON ({error}): fetch the file again") from error
    if not isinstance(found, Mapping):
        raise ConfigError(f"{path} is not a JSON object: fetch the file again")
    return found


def text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(
                f"{path} is larger than {MAX_BYTES // 2**20} MiB: is it the right file?"
            )
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot read chat template {path}: {error}; is the path right?"
        ) from error


BRACKETED = re.compile(r"<+[^<>\s]+>+|\[[^\[\]\s]+\]")
ROLES = frozenset(
    (
        "user",
        "assistant",
        "system",
        "human",
        "ai",
        "bot",
        "model",
        "instruction",
        "response",
        "input",
    )
)


def plain_markers(literal: str) -> list[str]:
    """Words of a template's own text that mark a turn without being tokens of the vocabulary:
    `[INST]`, `<|user|>`, `###`, `USER:`.
    """
    found: list[str] = []
    for word in literal.split():
        found += BRACKETED.findall(word)
        rest = BRACKETED.sub("", word)
        role = rest.endswith(":") and rest.rstrip(":").casefold() in ROLES
        if len(rest) > 1 and (role or re.search(r"[{}|#]", rest)):
            found.append(rest)
    return found
