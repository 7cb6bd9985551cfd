"""The talk in a real terminal, with an editor and without one."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.terminal import PATIENCE_SECONDS, opened

CTRL_D, ENTER, ALT_ENTER, TAB = "\x04", "\r", "\x1b\r", "\t"
KINDS = ("dumb", "xterm-256color")


@pytest.mark.parametrize("kind", KINDS)
def test_a_talk_is_held_and_left_with_ctrl_d(kind: str, script: str) -> None:
    with opened("chat", "--agent", script, "--seed", "0", TERM=kind) as terminal:
        terminal.expect("/help lists the commands")
        terminal.expect("User:")
        terminal.send(f"hello{ENTER}")
        terminal.expect("One.")
        terminal.expect("User:")
        terminal.send(CTRL_D)
        assert terminal.ended() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_ctrl_c_twice_at_the_prompt_leaves_with_130(kind: str, script: str) -> None:
    with opened("chat", "--agent", script, TERM=kind) as terminal:
        terminal.expect("User:")
        terminal.interrupt()
        terminal.expect("Ctrl-C once more")
        terminal.expect("User:")
        terminal.interrupt()
        assert terminal.ended() == 130
        assert "Traceback" not in terminal.words


def test_a_dumb_terminal_gets_no_codes(script: str) -> None:
    with opened("chat", "--agent", script, TERM="dumb") as terminal:
        terminal.expect("User:")
        terminal.send(f"hello{ENTER}")
        terminal.expect("User:")
        terminal.send(CTRL_D)
        terminal.ended()
        assert "\x1b" not in terminal.seen and "\b" not in terminal.seen


def test_no_color_is_obeyed(script: str) -> None:
    with opened("chat", "--agent", script, TERM="xterm", NO_COLOR="1") as terminal:
        terminal.expect("User:")
        terminal.send(f"/why{ENTER}")
        terminal.expect("! no reply was made")
        assert "\x1b[31" not in terminal.seen and "\x1b[1;36m" not in terminal.seen


def test_alt_enter_begins_a_further_line(script: str) -> None:
    with opened("chat", "--agent", script, TERM="xterm") as terminal:
        terminal.expect("User:")
        terminal.send(f"one{ALT_ENTER}two{ENTER}")
        terminal.expect("Agent:")
        terminal.send(f"/export -{ENTER}")
        terminal.expect("  two")


def test_tab_completes_commands(script: str) -> None:
    with opened("chat", "--agent", script, TERM="xterm") as terminal:
        terminal.expect("User:")
        terminal.send(f"/counterf{TAB}")
        terminal.expect("/counterfactual")


@contextmanager
def endpoint_that_never_answers(folder: Path) -> Iterator[tuple[str, threading.Event]]:
    """An agent file whose engine waits for a server that is silent; set when it was asked."""
    asked, over = threading.Event(), threading.Event()

    class Silent(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802 - the library's name
            asked.set()
            over.wait()

        def log_message(self, *words: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    path = folder / "silent.toml"
    path.write_text(
        'format = "chat_template"\n[engine]\nname = "openai"\nmodel = "default"\n'
        f'base_url = "http://127.0.0.1:{server.server_port}/v1"\n'
    )
    try:
        yield str(path), asked
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("kind", KINDS)
def test_ctrl_c_while_generating_stops_the_reply_and_the_talk_goes_on(
    kind: str, tmp_path: Path
) -> None:
    with endpoint_that_never_answers(tmp_path) as (agent, asked):
        with opened("chat", "--agent", agent, TERM=kind) as terminal:
            terminal.expect("User:")
            terminal.send(f"hello{ENTER}")
            assert asked.wait(PATIENCE_SECONDS)
            terminal.interrupt()
            terminal.expect("(stopped; /again asks once more, /back takes your line back)")
            terminal.expect("User:")
            terminal.send(f"/back{ENTER}")
            terminal.expect("taken back; no turns now")
            terminal.expect("User:")
            terminal.send(CTRL_D)
            assert terminal.ended() == 0


def test_a_person_picks_the_goals_where_the_agent_file_says_so(tmp_path: Path, script: str) -> None:
    agent = tmp_path / "picked.toml"
    agent.write_text('planner = "action_picker"\n' + Path(script).read_text())
    with opened("chat", "--agent", str(agent), "--seed", "0", TERM="dumb") as terminal:
        terminal.expect("User:")
        terminal.send(f"hello{ENTER}")
        terminal.expect("10  talk about politics.")
        terminal.send(f"11{ENTER}")
        terminal.expect("0 to 10, please.")
        terminal.send(f"9{ENTER}")
        terminal.expect("Agent: One.")
        terminal.send(f"/why{ENTER}")
        terminal.expect("plan: goal: talk about music.")
