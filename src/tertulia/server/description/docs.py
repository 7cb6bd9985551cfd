"""GET /docs: the OpenAPI description as one page, made here, without a script or a foreign file."""

import base64
import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

ROUTES = APIRouter(include_in_schema=False)

STYLE = """
:root { color-scheme: light dark; --line: #8884; --quiet: #8882;
  --mark: light-dark(#8a3b12, #f0a070) }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem }
h1, h2, h3 { line-height: 1.25 }
h2 { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1rem }
h3 { margin: 2rem 0 .5rem }
code, pre { font-family: ui-monospace, monospace; font-size: .9em }
pre { background: var(--quiet); padding: .75rem 1rem; overflow-x: auto; border-radius: .4rem }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; display: block;
  overflow-x: auto }
th, td { padding: .3rem .75rem .3rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line) }
a, .method, .must { color: var(--mark) }
.method { font-weight: 700 }
nav ul { padding: 0; columns: 20rem; list-style: none }
"""
HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{HASH}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
KINDS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "minLength", "maxLength",
         "minItems", "maxItems")  # fmt: skip
SIGNS = ("≥", ">", "≤", "<", "at least", "at most", "at least", "at most")


@ROUTES.get("/docs")
async def docs(request: Request) -> Response:
    """The page."""
    found = request.app.openapi()
    return HTMLResponse(page(found, str(request.base_url)), headers=HEADERS)


def page(found: Mapping[str, Any], address: str) -> str:
    """The whole page of a description; `address` is the server's own, for the examples."""
    title = f"{found['info']['title']} {found['info']['version']}"
    every = [
        (path, method, told) for path, by in found["paths"].items() for method, told in by.items()
    ]
    listed = "".join(f"<li>{link(method, path)}</li>" for path, method, _ in every)
    components = found["components"]["schemas"]
    routes = "".join(
        operation(path, method, told, components, address) for path, method, told in every
    )
    shapes = "".join(shape(name, each) for name, each in components.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{escape(title)}</h1><p>The routes of this server and what they take and answer. For "
        'programs: <a href="openapi.json">openapi.json</a>. Where a key is set it is shown as '
        "<code>Authorization: Bearer …</code> or <code>x-api-key</code>.</p>"
        f"<nav><ul>{listed}</ul></nav>{routes}<h2>Shapes</h2>{shapes}</main></body></html>"
    )


def link(method: str, path: str) -> str:
    return f'<a href="#{anchor(method, path)}"><code>{method.upper()} {escape(path)}</code></a>'


def anchor(method: str, path: str) -> str:
    return escape(f"{method}-{path.strip('/').replace('/', '-').translate({123: None, 125: None})}")


def operation(
    path: str, method: str, told: Mapping[str, Any], shapes: Mapping[str, Any], address: str
) -> str:
    """One route: what it does, an example, what it takes, what it answers."""
    parameters = "".join(
        row(each["name"], each["schema"], f"in the {each['in']}. {each.get('description', '')}",
            each.get("required", False))
        for each in told.get("parameters", ())
    )  # fmt: skip
    answers = "".join(
        f"<tr><td><code>{status}</code></td><td>{escape(each.get('description', ''))}</td>"
        f"<td>{', '.join(contents(each.get('content', {})))}</td></tr>"
        for status, each in told["responses"].items()
    )
    body = "".join(contents(told.get("requestBody", {}).get("content", {})))
    return (
        f'<h2 id="{anchor(method, path)}"><span class="method">{method.upper()}</span> '
        f"<code>{escape(path)}</code></h2><p>{escape(told.get('description', ''))}</p>"
        f"<pre>{escape(curl(path, method, told, shapes, address))}</pre>"
        + (f"<table>{parameters}</table>" if parameters else "")
        + (f"<p>The body: {body}</p>" if body else "")
        + f"<table><tr><th>Status</th><th>When</th><th>Body</th></tr>{answers}</table>"
    )


def curl(
    path: str, method: str, told: Mapping[str, Any], shapes: Mapping[str, Any], address: str
) -> str:
    """A command that asks the route; words in capitals stand for one's own."""
    for each in told.get("parameters", ()):
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", each["name"].upper())
    bodies = told.get("requestBody", {}).get("content", {})
    # curl itself takes GET without a body, and POST with one.
    usual = "post" if bodies else "get"
    words = ["curl", f"-X {method.upper()}" if method != usual else "",
             f"{address.rstrip('/')}{path}"]  # fmt: skip
    if bodies and "application/json" not in bodies:
        words.append("--data-binary @FILE")
    if body := bodies.get("application/json"):
        named = shapes.get(body["schema"].get("$ref", "").rpartition("/")[2], {})
        given = json.dumps(named.get("examples", [{}])[0], ensure_ascii=False)
        words += ["-H 'content-type: application/json'", f"-d {shlex.quote(given)}"]
    return " ".join(word for word in words if word)


def contents(content: Mapping[str, Any]) -> Iterator[str]:
    """What each media type of a body or an answer holds."""
    for media, each in content.items():
        schema = each.get("schema", {})
        told = type_of(schema) if media == "application/json" else escape(media)
        yield told or escape(media)


def shape(name: str, schema: Mapping[str, Any]) -> str:
    """One component: its fields."""
    must = schema.get("required", ())
    rows = "".join(
        row(field, each, each.get("description", ""), field in must)
        for field, each in schema.get("properties", {}).items()
    )
    return (
        f'<h3 id="shape-{escape(name)}"><code>{escape(name)}</code></h3>'
        f"<p>{escape(schema.get('description', ''))}</p><table>{rows}</table>"
    )


def row(name: str, schema: Mapping[str, Any], told: str, must: bool) -> str:
    needed = ' <span class="must">required</span>' if must else ""
    return (
        f"<tr><td><code>{escape(name)}</code>{needed}</td><td>{type_of(schema)}</td>"
        f"<td>{escape(told)}</td></tr>"
    )


def type_of(schema: Mapping[str, Any]) -> str:
    """The type of a value, with its bounds, as HTML."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#shape-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(map(type_of, schema["anyOf"]))
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " or ".join(f"<code>{escape(json.dumps(each))}</code>" for each in values)
    kind = schema.get("type", "any")
    told = escape(kind if isinstance(kind, str) else " or ".join(kind))
    if "items" in schema:
        told += f" of {type_of(schema['items'])}"
    bounds = [
        f"{sign} {schema[kind]}" for kind, sign in zip(KINDS, SIGNS, strict=True) if kind in schema
    ]
    return f"{told} ({escape(', '.join(bounds))})" if bounds else told
