"""An application behind a real address, for clients that need one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from tertulia.server.process import bound


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """The address of an application on a free port of this machine; it is closed at the end."""
    socket = bound("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, http="h11", ws="none"))
    thread = threading.Thread(target=server.run, args=([socket],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
