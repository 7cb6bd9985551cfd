"""What the OpenAPI description says is what the server does, with its numbers and against it."""

from collections.abc import Iterator
from typing import Any

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
BEYOND = (2**63, 2**64, -(2**63))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with listening(application(AGENTS, Settings())) as found:
        yield found


def named(case: Any) -> Any:
    """The case asked of an agent that is served, where the name it has could be one."""
    if isinstance(case.body, dict):
        model = case.body.get("model")
        if isinstance(model, str) and 0 < len(model) <= 256:
            case.body["model"] = "mini"
    return case


def tried(address: str, path: str, method: str, mode: Any, examples: int) -> None:
    """Ask a route with what schemathesis makes of its description."""
    cases = SCHEMA[path][method.upper()].as_strategy(generation_mode=mode).map(named)

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


@pytest.mark.parametrize(("path", "method"), ROUTES)
def test_what_fits_the_description_is_answered_as_it_says(
    address: str, path: str, method: str
) -> None:
    tried(address, path, method, POSITIVE, 12)


@pytest.mark.parametrize(
    ("path", "method"),
    [each for each in ROUTES if "requestBody" in DESCRIPTION["paths"][each[0]][each[1]]],
)
def test_what_does_not_fit_the_description_is_refused(address: str, path: str, method: str) -> None:
    tried(address, path, method, NEGATIVE, 12)
