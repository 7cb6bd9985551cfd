"""The line editor of a real terminal: history, completion, keys. Loads prompt_toolkit."""

import os
from collections.abc import Callable, Iterable

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from tertulia.cli._terminal import one_line
from tertulia.cli.chat.commands import COMMANDS
from tertulia.cli.chat.session import Session
from tertulia.store import default_path


def reader(session: Session, remembered: bool) -> Callable[[], str]:
    """Reads one line, or several parted by Alt-Enter, under the name of the person's side.

    Raises EOFError at Ctrl-D and KeyboardInterrupt at Ctrl-C on an empty line; on a line with
    text Ctrl-C clears it.
    """
    editor: PromptSession[str] = PromptSession(
        history=history() if remembered else InMemoryHistory(),
        completer=CommandCompleter(),
        complete_while_typing=True,
        reserve_space_for_menu=5,
        key_bindings=keys(),
    )
    style = "" if os.environ.get("NO_COLOR") else "bold ansigreen"

    def read() -> str:
        name = one_line(session.conversation.user)
        return editor.prompt(FormattedText([(style, f"{name}:"), ("", " ")]))

    return read


class CommandCompleter(Completer):
    """Commands after a slash, and what may stand behind them."""

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        line = document.text_before_cursor
        for found, told in completions(line):
            yield Completion(
                found, start_position=-len(line.partition(" ")[2] or line), display_meta=told
            )


def completions(line: str) -> list[tuple[str, str]]:
    """(what may stand in place of the last part of the line, what it is for)."""
    if not line.startswith("/") or line.startswith("//"):
        return []
    name, space, rest = line.partition(" ")
    if not space:
        return [(f"/{n}", c.told) for n, c in COMMANDS.items() if n.startswith(name[1:].lower())]
    found = COMMANDS.get(name[1:])
    choices = found.choices() if found else ()
    return [(each, "") for each in choices if each.lower().startswith(rest.lower())]


class Remembered(FileHistory):
    """A history file that may fail: the arrow keys are not worth ending a talk for."""

    def store_string(self, string: str) -> None:
        try:
            super().store_string(string)
        except (OSError, UnicodeError):
            return


def history() -> History:
    """The file of typed lines, beside the default store; in memory where it cannot be written."""
    path = default_path().with_name("history")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError:
        return InMemoryHistory()
    return Remembered(path)


def keys() -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("escape", "enter")
    def further_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @bindings.add("c-c")
    def clear_or_leave(event: KeyPressEvent) -> None:
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            event.app.exit(exception=KeyboardInterrupt, style="class:aborting")

    return bindings
