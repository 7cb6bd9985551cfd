"""Commands that write files: `/save` and `/export`. A file is whole or it is not there."""

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from tertulia import scene
from tertulia.cli.chat.events import Event, Note
from tertulia.cli.chat.session import Session
from tertulia.conversation import Conversation, Turn
from tertulia.errors import ConfigError

EXPORT_HELP = """\
By the file's ending: .jsonl is the scene on one line; .json is {"messages": [{"role", "content"}]};
.txt is a line a turn, and - shows that here. /export! overwrites a file that is there."""


def save(session: Session, rest: str) -> Iterator[Event]:
    path, force = target("save", rest)
    writers = {".toml": scene.to_toml, ".json": scene.to_json}
    written(path, chosen(path, writers)(session.conversation), force)
    yield Note(f"saved as {path}; open it with: tertulia chat {path}")


def export(session: Session, rest: str) -> Iterator[Event]:
    if rest.removeprefix("!") == "-":
        yield Note(as_text(session.conversation).rstrip("\n"))
        return
    path, force = target("export", rest)
    writers = {".jsonl": as_jsonl, ".json": as_messages, ".txt": as_text}
    written(path, chosen(path, writers)(session.conversation), force)
    yield Note(f"exported to {path}")


def target(name: str, rest: str) -> tuple[Path, bool]:
    """The file that is named, and whether one that is there may be overwritten."""
    file = rest.removeprefix("!").strip()
    if not file:
        raise ConfigError(f"/{name} needs a file: /{name} FILE")
    return Path(file).expanduser(), rest.startswith("!")


Writer = Callable[[Conversation], str]


def chosen(path: Path, writers: Mapping[str, Writer]) -> Writer:
    """The writer for this file's ending."""
    if path.suffix.lower() not in writers:
        raise ConfigError(f"{path}: the file's ending must be one of {', '.join(writers)}")
    return writers[path.suffix.lower()]


def as_jsonl(conversation: Conversation) -> str:
    return json.dumps(scene.table(conversation)) + "\n"


def as_messages(conversation: Conversation) -> str:
    """The turns as chat messages; who is neither agent nor user speaks with their name before."""
    roles = {conversation.agent: "assistant", conversation.user: "user"}
    messages = [
        {
            "role": roles.get(turn.speaker, "user"),
            "content": words(turn) if turn.speaker in roles else f"{turn.speaker}: {words(turn)}",
        }
        for turn in conversation.turns
    ]
    return json.dumps({"messages": messages}, indent=2) + "\n"


def as_text(conversation: Conversation) -> str:
    """A line a turn; further lines of a turn are indented, so that none can pass for a turn."""
    lines = (f"{turn.speaker}: {words(turn)}".replace("\n", "\n  ") for turn in conversation.turns)
    return "".join(f"{line}\n" for line in lines)


def words(turn: Turn) -> str:
    """What was said, a picture in words behind it."""
    picture = f"[picture: {turn.image}]" if turn.image else ""
    return " ".join(filter(None, (turn.text, picture)))


def written(path: Path, text: str, force: bool) -> None:
    """Write a file as a whole: what was there before stays until the new one is on the disk.

    Raises ConfigError when it is there and may not be overwritten, and when it cannot be written.
    """
    try:
        content = text.encode("utf-8")
    except UnicodeEncodeError as error:
        lone = text[error.start]
        raise ConfigError(
            f"{path}: the talk holds a lone surrogate (U+{ord(lone):04X}), which UTF-8 cannot "
            "hold: use .json or .jsonl, which escape it"
        ) from error
    try:
        put(path, content, force)
    except FileExistsError as error:
        raise ConfigError(
            f"{path} is there already: add a ! to the command to overwrite it"
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path} cannot be written ({reason}): choose another place") from error


def put(path: Path, content: bytes | Iterable[bytes], force: bool) -> None:
    """A file as a whole, or piece by piece: nothing is there before the last of them is written."""
    pieces = [content] if isinstance(content, bytes) else content
    if path.is_dir():
        raise IsADirectoryError(0, "it is a folder")
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:50]}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        if force:
            os.replace(name, path)
        else:
            placed(name, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def placed(name: str, path: Path) -> None:
    """Give the file its name, unless another has it: a link, unlike a rename, replaces nothing."""
    try:
        os.link(name, path)
    except FileExistsError:
        raise
    except OSError:  # this file system has no links
        if path.exists():
            raise FileExistsError(path) from None
        os.replace(name, path)
