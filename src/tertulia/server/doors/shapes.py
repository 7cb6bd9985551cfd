"""What the body of a request may be: a shape, held against it field by field."""

import re
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError

from tertulia.server.doors.refusals import Refusal, invalid

MAX_NAMED = 16

Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]


def whole(given: object) -> object:
    """1.0 is a whole number too, by JSON Schema's reading of one."""
    return int(given) if isinstance(given, float) and given.is_integer() else given


WHOLE = BeforeValidator(whole)


def example(body: dict[str, Any]) -> ConfigDict:
    """The setting of a shape that shows one body in the description."""
    return ConfigDict(json_schema_extra={"examples": [body]})


class Shape(BaseModel):
    """Fields and their bounds; those that it does not know are told in a header.

    inert  fields that are not its own, and of which nothing is told
    """

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    inert: ClassVar[tuple[str, ...]] = ()


Body = TypeVar("Body", bound=Shape)


def taken(shape: type[Body], table: dict[str, Any]) -> Body:
    """A request of that shape; raises Refusal naming the field that is wrong."""
    try:
        return shape.model_validate(table)
    except ValidationError as error:
        raise refused(error) from None


def warning(asked: Shape) -> dict[str, str]:
    """The header that names the fields nobody here knows; empty where there are none."""
    unknown = [name for name in asked.model_extra or () if name not in asked.inert]
    named = [re.sub(r"[^\w.-]", "?", name[:40], flags=re.ASCII) or "?" for name in unknown]
    told = f"unknown fields ignored: {', '.join(named[:MAX_NAMED])}"
    return {"X-Tertulia-Warning": told} if named else {}


def refused(error: ValidationError) -> Refusal:
    """The first thing that is wrong, by the path of its field."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    param = path(first["loc"])
    code = "missing_required_parameter" if first["type"] == "missing" else "invalid_value"
    return invalid(f"{param}: {first['msg']}", param, code)


def path(place: tuple[int | str, ...]) -> str:
    """The path as OpenAI writes one; which type of a union was tried is left out."""
    told = ""
    for each in place:
        if isinstance(each, int):
            told += f"[{each}]"
        elif each.isidentifier() and each not in ("str", "bool", "int", "float"):
            told += f".{each}" if told else each
    return told
