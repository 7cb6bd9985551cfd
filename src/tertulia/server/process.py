"""The process around the application: its address, its log, and its end.

On SIGTERM and Ctrl-C nothing new is begun, what is under way or waits is finished, up to a limit;
a second Ctrl-C ends it at once. Another address than this machine's own needs a key.
"""

import ipaddress
import logging
import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import FrameType

import uvicorn

from tertulia.agent import Agent
from tertulia.assembly import Written
from tertulia.errors import ConfigError
from tertulia.server.app import application
from tertulia.server.doors.journal import LOG, logged
from tertulia.server.doors.patience import Patient
from tertulia.server.served import House
from tertulia.server.settings import Settings

WILDCARDS = ("0.0.0.0", "::")
KEEP_ALIVE_SECONDS = 5
HEADER_BYTES = 64 * 1024
BACKLOG = 2048
"""Connections that the system holds for us until they are accepted."""


class Server(uvicorn.Server):
    """Tells where it listens, and stops beginning things as soon as it is told to end."""

    def __init__(self, config: uvicorn.Config, house: House, welcome: Callable[[], None]) -> None:
        super().__init__(config)
        self.house, self.welcome = house, welcome

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.welcome()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.house.draining = True
        super().handle_exit(sig, frame)


def serve(
    agents: Mapping[str, Agent | Written],
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 8178,
    drain_seconds: int = 30,
    ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve these agents until the process is told to end; port 0 takes a free one.

    ready  called when the server answers, with its address, such as http://127.0.0.1:8178

    Raises ConfigError for an address that cannot be had, or that needs a key.
    """
    settings = reachable(settings, host)
    listening = bound(host, port)
    app = application(agents, settings)
    house: House = app.state.house
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http=Patient,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=drain_seconds,
        h11_max_incomplete_event_size=HEADER_BYTES,
    )
    logged(logging.INFO)
    name = f"[{host}]" if ":" in host else host
    address = f"http://{name}:{listening.getsockname()[1]}"

    def welcome() -> None:
        LOG.info(f"serving {', '.join(agents)} at {address}/v1")
        ready(address)

    Server(config, house, welcome).run([listening])


def reachable(settings: Settings, host: str) -> Settings:
    """The settings with the host among the names it answers to.

    Raises ConfigError for a key that no header can hold, and for a host that others can reach
    without one.
    """
    if not settings.every_key and not is_loopback(host):
        raise ConfigError(
            f"host {host} can be reached from other machines: set a key in TERTULIA_KEY, or leave "
            "--host out"
        )
    if host in WILDCARDS:
        return settings
    name = f"[{host}]" if ":" in host else host.lower()
    return replace(settings, hosts=tuple(dict.fromkeys((*settings.hosts, name))))


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bound(host: str, port: int) -> socket.socket:
    """A listening socket at that address; raises ConfigError when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, for asyncio sends small pieces at once (TCP_NODELAY) only where TCP is: without it each
    # answer waits 40 ms for an acknowledgement.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listening.close()
        raise ConfigError(
            f"{host}:{port} cannot be had ({error}): choose another --port, or 0 for a free one"
        ) from error
    return listening
