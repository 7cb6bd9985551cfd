"""What a server allows: where it listens, whom it answers, and how much it takes on."""

from dataclasses import dataclass, field

from tertulia.server.keys import Key, named

MEBI = 1 << 20
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Limits and permissions of one server.

    key             what a client must show; without it and `keys` everybody is let in
    keys            more of them, each with the name that stands for its client
    requests        that each client may ask in a minute; None for no limit
    tokens          of prompts and replies that each client may have in a minute
    hosts           names, without port, that a Host header may hold
    origins         of web pages that may call, such as http://localhost:3000; "null" never may
    body_bytes      the largest body that is read
    body_seconds    a body that takes longer to arrive is given up
    memory_bytes    that the processes of all models may hold; None for no limit
    preload         models are opened at the start, as far as they fit; else at their first use
    rows            requests of one agent that are made together
    queue           requests of one agent that may wait; one more is refused
    queue_seconds   what has waited longer never starts
    reply_seconds   what has taken longer since it began is stopped
    ping_seconds    a comment is sent into a stream that has been silent so long
    store           the file or URL of the store of talks; empty keeps none
    page            the studio's page is served at /
    """

    key: str = field(default="", repr=False)
    keys: tuple[Key, ...] = ()
    requests: int | None = None
    tokens: int | None = None
    hosts: tuple[str, ...] = LOOPBACK
    origins: tuple[str, ...] = ()
    body_bytes: int = 8 * MEBI
    body_seconds: float = 30.0
    memory_bytes: int | None = None
    preload: bool = False
    rows: int = 16
    queue: int = 64
    queue_seconds: float = 120.0
    reply_seconds: float = 600.0
    ping_seconds: float = 15.0
    store: str = ""
    page: bool = False

    @property
    def every_key(self) -> tuple[Key, ...]:
        return (named("key", self.key), *self.keys) if self.key else self.keys
