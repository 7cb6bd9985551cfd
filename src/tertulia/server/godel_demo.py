"""GODEL's demo server's protocol: GET or POST /generate, as its web page asks it.

    {"msg": ["all turns so far", "user's and agent's"], "knowledge": "a text"} -> {"response": "…"}

Served where an agent with the `godel` format is. Two things are not as published: JSON that cannot
be read is a JSON error with status 400, where the demo answered `invalid input: ` with 200; and
pages of other origins are refused unless --allow-origin names them, where the demo let every page
in. Source: microsoft/GODEL, GODEL/server.py and the page beside it.
"""

from dataclasses import replace
from itertools import cycle
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tertulia.conversation import Conversation, Direction, Turn
from tertulia.formats.godel import Godel
from tertulia.server.description.documented import documented
from tertulia.server.doors import reading, sse
from tertulia.server.doors.shapes import refused
from tertulia.server.making.speaking import Speak
from tertulia.server.openai import answers
from tertulia.server.openai.shapes import MAX_MESSAGES
from tertulia.server.served import House, Served, client_of, house_of

ROUTES = APIRouter()


class DemoAsked(BaseModel):
    """The turns so far, the user's last; and one text of knowledge, which may be empty."""

    model_config = ConfigDict(strict=True, frozen=True)

    msg: Annotated[list[str], Field(min_length=1, max_length=MAX_MESSAGES)]
    knowledge: str = ""


class DemoAnswer(BaseModel):
    """The next turn, as GODEL's page reads it."""

    response: str


@ROUTES.get("/generate", openapi_extra=documented(DemoAsked, DemoAnswer))
@ROUTES.post("/generate", openapi_extra=documented(DemoAsked, DemoAnswer))
async def generate(request: Request) -> Response:
    """The next turn of the agent, by the first agent here with the `godel` format."""
    house = house_of(request)
    try:
        asked = DemoAsked.model_validate(
            reading.parsed(await reading.body(request, house.settings))
        )
    except ValidationError as error:
        raise refused(error) from None
    house.open_to_work()
    served = speaks_godel(house)
    work = Speak(conversation=conversation(asked), decoding=served.agent.decoding)
    job = served.runner.submit(work, client_of(request))
    try:
        reply = (await sse.unless_gone(request, job.said())).reply
    finally:
        served.runner.cancel(job)
    return JSONResponse({"response": reply.text}, headers=answers.dropping(reply))


def speaks_godel(house: House) -> Served:
    """The first agent with the `godel` format; the route is there only with one."""
    return next(each for each in house.agents.values() if isinstance(each.agent.format, Godel))


def conversation(asked: DemoAsked) -> Conversation:
    """The talk as the page sends it: the sides take turns, and the last turn is the user's."""
    knowledge = (asked.knowledge,) if asked.knowledge.strip() else ()
    talk = Conversation(direction=Direction(knowledge=knowledge))
    backward = cycle((talk.user, talk.agent))
    turns = [Turn(next(backward), text) for text in reversed(asked.msg)]
    return replace(talk, turns=tuple(reversed(turns)))
