"""The OpenAPI description: bodies that `reading` reads itself, what is answered, and every error.

A route says which shapes it takes and gives; the rest follows from its method and path. `decoding`
and `direction` have one schema each, made from the dataclass and the scene.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, get_args

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, TypeAdapter

from tertulia.decoding import PRESETS, RANGES, Decoding
from tertulia.registry import names
from tertulia.scene import SCHEMA
from tertulia.server.doors.guard import PUBLIC
from tertulia.server.making.way import MOST

REFERENCE = "#/components/schemas/{model}"
FIELD = re.compile(r"^(\w+(?:, \w+)*) {2,}(\S.*)$")
TURNS = "turns"

ERRORS: Mapping[int, str] = {
    400: "A field is wrong or cannot be honoured: `param` names it",
    401: "A key is set and was not shown",
    403: "The host, or the origin of a web page, may not use this server",
    404: "Nothing of that name",
    408: "The body did not arrive in time",
    409: "Somebody else wrote to the same talk first",
    413: "The body is larger than the server reads",
    415: "The body is no JSON by its Content-Type",
    429: "As many requests wait as may: see Retry-After",
    500: "The engine or the server failed",
    503: "The request waited too long to be begun, or the server is ending",
    504: "The reply took too long and was stopped",
}
WARNED = {
    "description": "Names the fields that nobody here knows, which were ignored",
    "schema": {"type": "string"},
}
EVENT = {
    "type": "object",
    "description": "One of the events: its data is a JSON object, and at the end [DONE]",
    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
    "required": ["data"],
}
ALWAYS = (401, 403, 500)
WITH_BODY = (400, 404, 408, 413, 415, 429, 503, 504)


class ErrorTold(BaseModel):
    """What went wrong.

    message  the place, the value and the cure
    type     the sort of error
    param    the field at fault, as a path such as messages[0].content
    code     a word for programs
    """

    message: str
    type: str
    param: str | None
    code: str | None


class Error(BaseModel):
    """Every error, in OpenAI's shape."""

    error: ErrorTold


def documented(
    shape: type[BaseModel] | None = None,
    answer: type[BaseModel] | None = None,
    *,
    streams: bool = False,
    status: int = 200,
    errors: tuple[int, ...] = (),
) -> dict[str, Any]:
    """What a route's `openapi_extra` says of its body and of its answer.

    streams  the answer may be server-sent events instead
    status   of an answer that is no error
    errors   statuses besides those that every route of its kind may have
    """
    told: dict[str, Any] = {}
    if shape is not None:
        told["requestBody"] = {"required": True, "content": json_of(shape)}
    if answer is not None:
        content = json_of(answer)
        if streams:
            content["text/event-stream"] = {"schema": EVENT}
        headers = {"X-Tertulia-Warning": WARNED} if shape is not None else {}
        good = {"description": sentence(answer), "content": content, "headers": headers}
        told["responses"] = {str(status): good}
    if errors:
        told["x-errors"] = list(errors)
    return told


def json_of(shape: type[BaseModel]) -> dict[str, Any]:
    SHAPES[shape.__name__] = shape
    return {"application/json": {"schema": {"$ref": REFERENCE.format(model=shape.__name__)}}}


SHAPES: dict[str, type[BaseModel]] = {"Error": Error}
"""Every shape that a route has named; routes are told when their files are imported."""


def sentence(shape: type[BaseModel]) -> str:
    """The first sentence of a shape's own docstring."""
    return inspect.cleandoc(shape.__doc__ or shape.__name__).partition("\n\n")[0]


def described(app: FastAPI) -> dict[str, Any]:
    """The description of an application, made once."""
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, routes=app.routes)
        for path, methods in found["paths"].items():
            for operation in methods.values():
                completed(path, operation)
        parts = found.setdefault("components", {})
        parts["schemas"] = referred(found["paths"], schemas())
        parts["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
        }
        found["security"] = [{}, {"bearer": []}, {"x-api-key": []}]
        app.openapi_schema = found
    return app.openapi_schema


def completed(path: str, operation: dict[str, Any]) -> None:
    """Add to an operation the errors that it may answer with."""
    answers = operation["responses"]
    answers.pop("422", None)
    if path in PUBLIC:
        return
    told = {*ALWAYS, *operation.pop("x-errors", ())}
    if "requestBody" in operation:
        told |= {*WITH_BODY}
    named = any(each["in"] == "path" for each in operation.get("parameters", ()))
    if named or path.startswith("/tertulia/"):
        told.add(404)
    if any(each["in"] == "query" for each in operation.get("parameters", ())):
        told.add(400)
    for status in sorted(told):
        answers.setdefault(str(status), {"description": ERRORS[status], "content": json_of(Error)})


def schemas() -> Mapping[str, Any]:
    """Every component, by name."""
    found: dict[str, Any] = {"Decoding": decoding(), "Direction": direction()}
    for shape in SHAPES.values():
        schema = shape.model_json_schema(ref_template=REFERENCE)
        for name, each in [*schema.pop("$defs", {}).items(), (shape.__name__, schema)]:
            found[name] = told_by_field(each)
    return found


def referred(paths: object, components: Mapping[str, Any]) -> dict[str, Any]:
    """The components that the paths lead to, by name."""
    found: dict[str, Any] = {}
    ahead = list(references(paths))
    while ahead:
        name = ahead.pop()
        if name not in found:
            found[name] = components[name]
            ahead += references(components[name])
    return dict(sorted(found.items()))


def references(value: object) -> Iterator[str]:
    """Names of the components that a part of the description refers to."""
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            yield reference.rpartition("/")[2]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def told_by_field(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema whose fields have the descriptions that the docstring of its class gives them."""
    text, by_field = parted(schema.get("description", ""))
    if text:
        schema["description"] = text
    for name, each in schema.get("properties", {}).items():
        if name in ("decoding", "direction"):
            reference = {"$ref": REFERENCE.format(model=name.title())}
            schema["properties"][name] = each = {"anyOf": [reference, {"type": "null"}]}
        each.pop("title", None)
        if name in by_field:
            each["description"] = by_field[name]
    return schema


def parted(docstring: str) -> tuple[str, dict[str, str]]:
    """(the text, what it says of each field): lines `name  what it is`, further ones indented."""
    text: list[str] = []
    by_field: dict[str, str] = {}
    under: tuple[str, ...] = ()
    for line in inspect.cleandoc(docstring).splitlines():
        if found := FIELD.match(line):
            under = tuple(found[1].split(", "))
            by_field |= dict.fromkeys(under, found[2])
        elif under and line.startswith(" "):
            by_field |= {name: f"{by_field[name]} {line.strip()}" for name in under}
        else:
            under = ()
            text.append(line)
    return "\n".join(text).strip(), by_field


def decoding() -> dict[str, Any]:
    """The schema of a `decoding` object; null leaves what the agent has."""
    text, by_field = parted(Decoding.__doc__ or "")
    bounds = {name: {"minimum": low, "maximum": high} for name, low, high, _ in RANGES}
    properties: dict[str, Any] = {}
    for each in fields(Decoding):
        kind: Any = int if int in get_args(each.type) else each.type
        schema = TypeAdapter(kind).json_schema() | bounds.get(each.name, {})
        if each.name in MOST:
            schema["maxItems"] = MOST[each.name]
        properties[each.name] = nullable(schema, by_field.get(each.name, ""), each.default)
    named = {"type": "array", "items": {"enum": [*names("tertulia.rankers")]}}
    properties["preset"] = nullable(
        {"enum": [*PRESETS]}, "a published way of decoding, which the other fields change"
    )
    properties["rankers"] = nullable(
        {**named, "maxItems": MOST["rankers"]},
        "what orders the candidates, instead of the agent's own rankers",
    )
    properties["return_candidates"] = nullable(
        {"type": "boolean"}, "the answer lists every candidate with its scores", False
    )
    return {
        "title": "Decoding",
        "description": text,
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }


def nullable(schema: dict[str, Any], description: str, default: object = None) -> dict[str, Any]:
    whole = {"anyOf": [schema, {"type": "null"}], "description": description}
    return whole if default is None else {**whole, "default": default}


def direction() -> dict[str, Any]:
    """The schema of a `direction` object: a scene whose turns are the messages."""
    own = {key: value for key, value in SCHEMA.items() if key != "$schema"}
    properties = {name: each for name, each in own["properties"].items() if name != TURNS}
    properties["scene_id"] = {
        "type": ["string", "null"],
        "description": "Of a scene that was posted: its fields hold where none is given here, and "
        "its turns come before the messages",
    }
    return {**own, "title": "Direction", "properties": properties}
