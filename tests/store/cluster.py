"""A PostgreSQL server of the tests' own, in a folder that is gone afterwards."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOUND = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
"""Where Debian keeps it; elsewhere it is on the PATH."""

FAST = "-c fsync=off -c full_page_writes=off -c max_connections=40 -c shared_buffers=16MB"


def binaries() -> Path | None:
    on_path = shutil.which("initdb")
    found = Path(on_path) if on_path else next(reversed(FOUND), None)
    return found.parent if found else None


def lacking() -> str:
    """Why no server can be started here; empty when one can."""
    if binaries() is None:
        return "PostgreSQL is not installed here: install the package postgresql"
    if os.geteuid() == 0 and user() is None:
        return "PostgreSQL does not run as root, and there is no user postgres or nobody"
    return ""


def user() -> pwd.struct_passwd | None:
    known = {each.pw_name: each for each in pwd.getpwall()}
    return known.get("postgres") or known.get("nobody")


@contextmanager
def running() -> Iterator[str]:
    """The URL of a server without a database's name; it runs while the block does."""
    programs = binaries()
    assert programs
    folder = Path(tempfile.mkdtemp(prefix="tertulia-postgres-"))
    owner = user() if os.geteuid() == 0 else None
    if owner:
        os.chown(folder, owner.pw_uid, owner.pw_gid)

    def call(program: str, *words: str) -> None:
        command = [str(programs / program), *words]
        who = {"user": owner.pw_uid, "group": owner.pw_gid} if owner else {}
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, **who)
        assert done.returncode == 0, done.stderr or done.stdout

    data = str(folder / "data")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    try:
        call("initdb", "-D", data, "-U", "tertulia", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 {FAST}"
        call("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql://tertulia@127.0.0.1:{port}"
        finally:
            call("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        # A server that is still there ends by itself when it misses its folder.
        shutil.rmtree(folder, ignore_errors=True)
