"""Bodies in the OpenAPI description: they are read by `reading`, so FastAPI does not know them."""

from typing import Any

from pydantic import BaseModel

REFERENCE = "#/components/schemas/{model}"


def documented(shape: type[BaseModel]) -> dict[str, Any]:
    """What a route's `openapi_extra` says of its body."""
    schema = {"$ref": REFERENCE.format(model=shape.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def schemas(*shapes: type[BaseModel]) -> dict[str, Any]:
    """The components that these refer to, by name."""
    found: dict[str, Any] = {}
    for shape in shapes:
        schema = shape.model_json_schema(ref_template=REFERENCE)
        found |= schema.pop("$defs", {})
        found[shape.__name__] = schema
    return found
