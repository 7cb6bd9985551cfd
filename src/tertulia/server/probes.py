"""GET /health, /ready and /metrics: for whoever looks after the process."""

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tertulia.server.description.documented import documented
from tertulia.server.served import house_of

ROUTES = APIRouter()

TEXT = {"text/plain": {"schema": {"type": "string"}}}
PLAIN = {"responses": {"200": {"description": "Every metric", "content": TEXT}}}


class Status(BaseModel):
    status: str


@ROUTES.get("/health", openapi_extra=documented(answer=Status))
async def health() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@ROUTES.get("/ready", openapi_extra=documented(answer=Status, errors=(503,)))
async def ready(request: Request) -> Response:
    """Requests are welcome: 200; 503 while it ends, preloads, or every model is broken."""
    house = house_of(request)
    states = (
        ("draining", house.draining),
        ("broken", house.pool.broken),
        ("loading", house.settings.preload and house.pool.opening),
    )
    status = next((name for name, true in states if true), "ready")
    return JSONResponse({"status": status}, 200 if status == "ready" else 503)


@ROUTES.get("/metrics", openapi_extra=PLAIN)
async def metrics(request: Request) -> Response:
    """Prometheus' text format."""
    return Response(house_of(request).metrics.text(), media_type=CONTENT_TYPE_LATEST)
