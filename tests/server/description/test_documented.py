"""What the OpenAPI description says is what the server does, with its numbers and against it."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tertulia.server.app import application
from tertulia.server.settings import Settings
from tests.server.asking import asked, scripted
from tests.server.live import listening

schemathesis = pytest.importorskip("schemathesis", reason="pip install schemathesis")

from schemathesis import checks, openapi  # noqa: E402
from schemathesis.specs.openapi import checks as conformance  # noqa: E402

AGENTS = {"mini": scripted(), "godel": scripted(format="godel")}
DESCRIPTION = asked(lambda http: http.get("/openapi.json"), agents=AGENTS).json()
ROUTES = [
    (path, method)
    for path, methods in DESCRIPTION["paths"].items()
    for method in methods
    if path != "/metrics"
]
SCHEMA = openapi.from_dict(DESCRIPTION)
EVERY = [
    checks.not_a_server_error,
    conformance.status_code_conformance,
    conformance.content_type_conformance,
    conformance.response_schema_conformance,
    conformance.response_headers_conformance,
]
REFUSED = [*EVERY, conformance.negative_data_rejection]
POSITIVE, NEGATIVE = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
WITH_BODY = [
    (path, method) for path, method in ROUTES if "requestBody" in DESCRIPTION["paths"][path][method]
]
EDGES = (-1, 0, 2**63)
"""Tried for every number, beside its own bounds and what lies just outside of them."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with listening(application(AGENTS, Settings(store=":memory:"))) as found:
        yield found


@pytest.fixture(scope="module")
def http(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=20) as client:
        yield client


@pytest.fixture
def known(address: str) -> dict[str, Any]:
    """Names for the path parameters of every route, of things that are there."""
    return begun(address)


@pytest.fixture(scope="module")
def lasting(address: str) -> dict[str, Any]:
    """The same for tests that take nothing away."""
    return begun(address)


def begun(address: str) -> dict[str, Any]:
    with httpx.Client(base_url=address, timeout=20) as http:
        scene = {"scene": {"turns": [{"speaker": "User", "text": "Hi"}]}}
        talk = http.post("/tertulia/talks", json={**scene, "agent": "mini"}).json()
        replies = http.post(f"/tertulia/talks/{talk['id']}/replies", json={}).json()
        posted = http.post("/tertulia/scenes", json=scene).json()
        response = http.post("/v1/responses", json={"model": "mini", "input": "Hi"}).json()
    return {
        "talk": talk["id"],
        "turn": talk["active"][-1],
        "generation": replies["generations"][0]["id"],
        "scene": posted["id"],
        "id": response["id"],
        "name": "mini",
    }


def named(case: Any) -> Any:
    """The case asked of an agent that is served, where the name it has could be one."""
    for field in ("model", "agent"):
        name = case.body.get(field) if isinstance(case.body, dict) else None
        if isinstance(name, str) and 0 < len(name) <= 256:
            case.body[field] = "mini"
    return case


def tried(
    address: str, known: dict[str, Any], route: tuple[str, str], mode: Any, examples: int
) -> None:
    """Ask a route with what schemathesis makes of its description."""
    path, method = route
    operation = SCHEMA[path][method.upper()]
    told = DESCRIPTION["paths"][path][method].get("parameters", ())
    places = {each["name"]: known[each["name"]] for each in told if each["in"] == "path"}
    cases = operation.as_strategy(generation_mode=mode, path_parameters=places or None).map(named)

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def asks(case: Any) -> None:
        response = case.call(base_url=address, timeout=20)
        case.validate_response(response, checks=REFUSED if mode is NEGATIVE else EVERY)

    asks()


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_what_fits_the_description_is_answered_as_it_says(
    address: str, known: dict[str, Any], route: tuple[str, str]
) -> None:
    tried(address, known, route, POSITIVE, 8)


@pytest.mark.parametrize("route", WITH_BODY, ids=" ".join)
def test_what_does_not_fit_the_description_is_refused(
    address: str, known: dict[str, Any], route: tuple[str, str]
) -> None:
    tried(address, known, route, NEGATIVE, 8)


@pytest.mark.slow
@pytest.mark.parametrize("mode", [POSITIVE, NEGATIVE], ids=["positive", "negative"])
@pytest.mark.parametrize("route", WITH_BODY, ids=" ".join)
def test_many_bodies_are_answered_as_the_description_says(
    address: str, known: dict[str, Any], route: tuple[str, str], mode: Any
) -> None:
    tried(address, known, route, mode, 15)


def numbers(schema: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """(path, schema) of every number that an object may hold, in the objects inside it too."""
    schema = resolved(schema)
    if schema.get("type") in ("integer", "number"):
        yield at, schema
    for each in schema.get("anyOf", ()):
        yield from numbers(each, at)
    for name, each in schema.get("properties", {}).items():
        yield from numbers(each, (*at, name))


def resolved(schema: Any) -> Any:
    if "$ref" not in schema:
        return schema
    return DESCRIPTION["components"]["schemas"][schema["$ref"].rpartition("/")[2]]


def body_of(route: tuple[str, str]) -> Any:
    content = DESCRIPTION["paths"][route[0]][route[1]]["requestBody"]["content"]
    return resolved(next(iter(content.values()))["schema"])


def whole_body(route: tuple[str, str], known: dict[str, Any]) -> dict[str, Any]:
    """A body that is good."""
    schema = body_of(route)
    if "examples" in schema:
        return dict(schema["examples"][0])
    given = {"turn": known["turn"], "candidate": 0, "speaker": "User", "text": "Hi", "scene": {},
             "rating": 1}  # fmt: skip
    wanted = {*schema.get("required", ()), "scene"} & set(schema["properties"])
    return {name: given[name] for name in wanted}


def fits(value: float, schema: Any) -> bool:
    """Whether a number is within the bounds that the description gives."""
    if schema["type"] == "integer" and value != int(value):
        return False
    low, high = schema.get("minimum", -float("inf")), schema.get("maximum", float("inf"))
    return low <= value <= high and value != schema.get("exclusiveMinimum")


FIELDS = [(route, at, schema) for route in WITH_BODY for at, schema in numbers(body_of(route))]


def test_every_number_that_a_request_may_hold_has_bounds() -> None:
    unbounded = [
        (route, at)
        for route, at, schema in FIELDS
        if not {"minimum", "exclusiveMinimum"} & set(schema) or "maximum" not in schema
    ]
    assert unbounded == []


@pytest.mark.parametrize(
    ("route", "at", "schema"), FIELDS, ids=[f"{r[0]} {'.'.join(at)}" for r, at, _ in FIELDS]
)
def test_numbers_at_their_edges_are_taken_or_refused_by_name(
    http: httpx.Client,
    lasting: dict[str, Any],
    route: tuple[str, str],
    at: tuple[str, ...],
    schema: Any,
) -> None:
    low, high = schema.get("minimum", 0), schema.get("maximum", 0)
    for value in dict.fromkeys((*EDGES, low, low - 1, high, high + 1)):
        inner: Any = value
        for name in reversed(at):
            inner = {name: inner}
        body = {**whole_body(route, lasting), **inner}
        response = http.request(route[1].upper(), route[0].format(**lasting), json=body)
        assert response.status_code < 500, response.text
        if not fits(value, schema):
            told = response.json().get("error") or {}
            assert (response.status_code, told.get("param")) == (400, ".".join(at)), value
