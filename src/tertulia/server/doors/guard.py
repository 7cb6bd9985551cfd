"""Who may ask: one check for the key, and for where a browser comes from.

A web page that a user has open must not reach a server on the same machine. Browsers tell the page
in `Origin`, and a name that was bound to 127.0.0.1 afterwards (DNS rebinding) in `Host`; both are
held to a list. Where a browser tells that it asks for a page of another site (`Sec-Fetch-Site`),
even reading is refused. One check finds the key, in
whichever of its two headers it comes; from then on its name stands for the client.
"""

import hmac
from collections.abc import Iterator, Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from tertulia.config import shown
from tertulia.server.doors.refusals import Refusal
from tertulia.server.keys import Key, digest
from tertulia.server.settings import Settings

SAFE = ("GET", "HEAD", "OPTIONS")
PUBLIC = ("/health", "/ready")
"""Answered without a key, and by any name: what asks is a supervisor, and nothing is told."""


class Guard:
    """Middleware: refuses before anything of a body is read."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in PUBLIC:
            try:
                name = self.check(scope["method"], scope["path"], Headers(scope=scope))
            except Refusal as refused:
                await refused.response()(scope, receive, send)
                return
            scope.setdefault("state", {})["client"] = name
        await self.app(scope, receive, send)

    def check(self, method: str, path: str, headers: Headers) -> str:
        """The name of the key that a request shows; raises Refusal for what is not let in."""
        check_host(headers, self.settings)
        check_site(headers, self.settings)
        if method not in SAFE or "content-length" in headers or "transfer-encoding" in headers:
            check_origin(headers, self.settings)
        # The page's files are no secret, and a browser that opens them has no way to show a key.
        if self.settings.page and method in SAFE and of_the_page(path):
            return ""
        return shown_by(headers, self.settings.every_key)


def check_host(headers: Headers, settings: Settings) -> None:
    """Raises Refusal unless there is one Host, and it is one of the server's names."""
    given = headers.getlist("host")
    if len(given) == 1 and without_port(given[0]) in settings.hosts:
        return
    name = given[0] if given else ""
    raise Refusal(
        403,
        f"this server does not answer to the host {shown(name)}: use one of "
        f"{', '.join(settings.hosts)}, or start it with --allow-host",
        kind="permission_error",
        code="host_not_allowed",
    )


def without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdecimal() else host).lower()


def check_origin(headers: Headers, settings: Settings) -> None:
    """Raises Refusal for a web page from elsewhere; programs send no Origin."""
    for origin in headers.getlist("origin"):
        own = origin in (f"{scheme}://{headers['host']}" for scheme in ("http", "https"))
        if not own and (origin == "null" or origin not in settings.origins):
            raise Refusal(
                403,
                f"pages of {shown(origin)} may not use this server: start it with --allow-origin",
                kind="permission_error",
                code="origin_not_allowed",
            )


def check_site(headers: Headers, settings: Settings) -> None:
    """Raises Refusal where a browser asks for the sake of a page from elsewhere.

    Such a page may show this server's pages as a link does, and no more; "same-site" is another
    port of this machine, which is another server.
    """
    if headers.get("sec-fetch-site") not in ("cross-site", "same-site"):
        return
    if headers.get("sec-fetch-mode") == "navigate" or headers.get("origin") in settings.origins:
        return
    raise Refusal(
        403,
        "pages from elsewhere may not use this server: start it with --allow-origin",
        kind="permission_error",
        code="origin_not_allowed",
    )


def of_the_page(path: str) -> bool:
    return path == "/" or path.startswith("/studio/")


def shown_by(headers: Headers, keys: Sequence[Key]) -> str:
    """The name of the key that a request shows; empty where none is needed.

    As `Authorization: Bearer …`, as `x-api-key`, or the same in both. Raises Refusal otherwise. The
    time it takes tells nothing of any key, its length included.
    """
    if not keys:
        return ""
    names = {known(given, keys) for given in every(headers)}
    if len(names) == 1 and (name := names.pop()):
        return name
    raise Refusal(
        401,
        "the key is missing or wrong: send it as 'Authorization: Bearer KEY' or as 'x-api-key'",
        kind="authentication_error",
        code="invalid_api_key",
        headers={"WWW-Authenticate": "Bearer"},
    )


def known(given: str, keys: Sequence[Key]) -> str:
    """The name of a key; empty for what is none. Compares with every one."""
    made = digest(given)
    found = [each.name for each in keys if hmac.compare_digest(each.digest, made)]
    return found[0] if found else ""


def every(headers: Headers) -> Iterator[str]:
    """Every key that a request shows."""
    for each in headers.getlist("authorization"):
        scheme, _, given = each.partition(" ")
        yield given.strip() if scheme.lower() == "bearer" else ""
    yield from headers.getlist("x-api-key")
