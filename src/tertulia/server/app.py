"""The application: routes, the middleware around them, and errors in one shape."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from tertulia import __version__
from tertulia.agent import Agent
from tertulia.assembly import Written
from tertulia.errors import TertuliaError
from tertulia.formats.godel import Godel
from tertulia.server import godel_demo, playing, probes
from tertulia.server.description import docs
from tertulia.server.description.documented import described
from tertulia.server.doors.guard import Guard
from tertulia.server.doors.journal import Journal
from tertulia.server.doors.refusals import INVALID, Refusal, refusal_of
from tertulia.server.openai import chat, completions, models
from tertulia.server.responses import routes as responses
from tertulia.server.scenes import cards, scenes
from tertulia.server.served import house
from tertulia.server.settings import Settings
from tertulia.server.storeroom import Storeroom
from tertulia.server.talks import exports, plans, replies, talks, turns
from tertulia.server.talks.generations import Generations
from tertulia.studio import serving

ROUTES = (
    *(chat, completions, responses, models, probes, docs),
    *(playing, scenes, cards, exports, talks, turns, replies, plans),
)


def application(agents: Mapping[str, Agent | Written], settings: Settings) -> FastAPI:
    """The server's ASGI application over agents, by the names they are asked for.

    Those that are open work on threads of this process, and are closed with it; those that are
    written down work in processes of their own, which come and go.
    """
    shared = house(agents, settings, int(time.time()))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        shared.start()
        yield
        await app.state.generations.close()
        shared.close()
        if app.state.storeroom:
            app.state.storeroom.close()

    app = FastAPI(
        title="Tertulia",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.house = shared
    app.state.storeroom = Storeroom(settings.store) if settings.store else None
    app.state.generations, app.state.remembered = Generations(), scenes.Remembered()
    app.state.takes, app.state.importing = {}, asyncio.Lock()
    for routes in ROUTES:
        app.include_router(routes.ROUTES)
    if any(isinstance(each.agent.format, Godel) for each in shared.agents.values()):
        app.include_router(godel_demo.ROUTES)
    if settings.page:
        app.router.routes.extend(serving.routes())
    for kind in (Refusal, TertuliaError, HTTPException):
        app.add_exception_handler(kind, told)
    # The last that is added is the first that is passed.
    app.add_middleware(Guard, settings=settings)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["authorization", "content-type", "x-api-key", "last-event-id"],
            expose_headers=["content-disposition", "x-tertulia-report", "x-tertulia-warning"],
        )
    app.add_middleware(Journal)
    app.openapi = lambda: described(app)  # type: ignore[method-assign]  # FastAPI's own way
    return app


async def told(request: Request, error: Exception) -> Response:
    """An error as OpenAI's clients expect it."""
    if isinstance(error, HTTPException):
        missing = error.status_code == 404
        message = f"no {request.method} {request.url.path[:100]}" if missing else error.detail
        refused = Refusal(error.status_code, message, kind=INVALID, headers=error.headers)
        return refused.response()
    return refusal_of(error).response()
