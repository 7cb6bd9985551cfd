"""The page's files as routes, under a policy that leaves a browser no room for anything else.

The files are few and small, and are read once, when the routes are made: a request can name only
what was found then.
"""

import hashlib
from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-cache",
}
MODULES = b"<!-- modules -->"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def routes() -> list[Route]:
    """A route for each file of the page; index.html is at /, with links to all modules."""
    found = dict(served(files("tertulia.studio") / "page", "/studio/"))
    content, kind = found.pop("/studio/index.html")
    found["/"] = (content.replace(MODULES, preloads(found)), kind)
    return [route(path, content, kind) for path, (content, kind) in sorted(found.items())]


def preloads(found: Iterable[str]) -> bytes:
    """A link for each module, so that a browser asks for all at once, not import by import."""
    modules = sorted(path for path in found if path.endswith(".js"))
    return "\n    ".join(f'<link rel="modulepreload" href="{each}" />' for each in modules).encode()


def served(folder: Traversable, under: str) -> list[tuple[str, tuple[bytes, str]]]:
    """(path, (content, media type)) of every file of a kind that a page needs."""
    found: list[tuple[str, tuple[bytes, str]]] = []
    for each in folder.iterdir():
        if each.is_dir():
            found += served(each, f"{under}{each.name}/")
            continue
        kind = TYPES.get(each.name[each.name.rfind(".") :])
        if kind:
            found.append((f"{under}{each.name}", (each.read_bytes(), kind)))
    return found


def route(path: str, content: bytes, kind: str) -> Route:
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'

    async def answer(request: Request) -> Response:
        headers = {**HEADERS, "ETag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)

    return Route(path, answer, methods=["GET"], include_in_schema=False)
