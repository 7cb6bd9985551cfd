"""GET /health, /ready and /metrics: for whoever looks after the process."""

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tertulia.server.served import house_of

ROUTES = APIRouter()


@ROUTES.get("/health")
async def health() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@ROUTES.get("/ready")
async def ready(request: Request) -> Response:
    """Requests are welcome: 200; 503 when the server is ending."""
    if house_of(request).draining:
        return JSONResponse({"status": "draining"}, 503)
    return JSONResponse({"status": "ready"})


@ROUTES.get("/metrics")
async def metrics(request: Request) -> Response:
    """Prometheus' text format."""
    return Response(house_of(request).metrics.text(), media_type=CONTENT_TYPE_LATEST)
