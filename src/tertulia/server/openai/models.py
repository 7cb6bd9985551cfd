"""GET /v1/models: the agents that are served, under the names they are asked for by."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from tertulia.server.description.documented import documented
from tertulia.server.openai.answered import Model, Models
from tertulia.server.served import House, Served, house_of

ROUTES = APIRouter()


@ROUTES.get("/v1/models", openapi_extra=documented(answer=Models))
async def models(request: Request) -> dict[str, Any]:
    """All of them."""
    house = house_of(request)
    listed = [model(house, each) for each in house.agents.values()]
    return {"object": "list", "data": listed}


@ROUTES.get("/v1/models/{name:path}", openapi_extra=documented(answer=Model))
async def one_model(request: Request, name: str) -> dict[str, Any]:
    """One of them."""
    house = house_of(request)
    return model(house, house.find(name))


def model(house: House, served: Served) -> dict[str, Any]:
    """What is told of an agent; `tertulia` holds what OpenAI's object has no field for.

    context_window is null until the model was opened once.
    """
    return {
        "id": served.name,
        "object": "model",
        "created": house.began,
        "owned_by": "tertulia",
        "tertulia": {
            "loaded": served.loaded,
            "context_window": served.agent.engine.context_window or None,
            "candidates": served.agent.decoding.candidates,
            "rankers": [each.name for each in served.agent.rankers],
        },
    }
