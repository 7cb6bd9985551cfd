"""GET /v1/models: the agents that are served, under the names they are asked for by."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from tertulia.server.served import House, Served, house_of

ROUTES = APIRouter()


@ROUTES.get("/v1/models")
async def models(request: Request) -> dict[str, Any]:
    """All of them."""
    house = house_of(request)
    listed = [model(house, each) for each in house.agents.values()]
    return {"object": "list", "data": listed}


@ROUTES.get("/v1/models/{name:path}")
async def one_model(request: Request, name: str) -> dict[str, Any]:
    """One of them."""
    house = house_of(request)
    return model(house, house.find(name))


def model(house: House, served: Served) -> dict[str, Any]:
    """What is told of an agent; `tertulia` holds what OpenAI's object has no field for."""
    return {
        "id": served.name,
        "object": "model",
        "created": house.began,
        "owned_by": "tertulia",
        "tertulia": {
            "context_window": served.agent.engine.context_window,
            "candidates": served.agent.decoding.candidates,
            "rankers": [each.name for each in served.agent.rankers],
        },
    }
