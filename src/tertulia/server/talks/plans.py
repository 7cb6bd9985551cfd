"""What comes before a reply, alone: its plan, and the prompt that its model would read."""

import secrets

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tertulia.conversation import Plan
from tertulia.errors import EngineError
from tertulia.server.description.documented import documented
from tertulia.server.doors import reading, sse
from tertulia.server.doors.answering import Answer
from tertulia.server.doors.refusals import invalid
from tertulia.server.doors.shapes import taken, warning
from tertulia.server.making import continuing
from tertulia.server.making.speaking import Render, Rendered, Think, Told, Work
from tertulia.server.playing import playing
from tertulia.server.queue.runner import Job
from tertulia.server.scenes import directing
from tertulia.server.served import House, Served, client_of, house_of
from tertulia.server.storeroom import storeroom_of
from tertulia.server.talks import telling
from tertulia.server.talks.answered import PlanAlone, PromptAlone
from tertulia.server.talks.finding import talk_id
from tertulia.server.talks.ordering import Place, directed, how, placed
from tertulia.server.talks.shapes import PlanAsked, PromptAsked

ROUTES = APIRouter(prefix="/tertulia")


@ROUTES.post("/plans", openapi_extra=documented(PlanAsked, PlanAlone))
async def plans(request: Request) -> Response:
    """What the next reply would be to do; nothing of it is kept."""
    house = house_of(request)
    asked = taken(PlanAsked, await reading.table(request, house.settings))
    where, served = await asked_at(request, house, asked)
    talk = where.conversation
    if asked.plan is not None:
        talk = talk.planned(directing.planned(asked.plan))
    seed = secrets.randbelow(2**31) if asked.seed is None else asked.seed
    made = await only(request, served, Think(conversation=talk, seed=seed))
    if not isinstance(made, Plan):
        raise EngineError("the planner ended without a plan; this is a fault of the planner")
    told = {
        "plan": telling.plan(made),
        "planned_by": telling.planner(made, talk.plan),
        "written": telling.unread(made),
        "seed": seed,
    }
    return Answer(told, headers=warning(asked))


@ROUTES.post("/prompts", openapi_extra=documented(PromptAsked, PromptAlone))
async def prompts(request: Request) -> Response:
    """The prompt of the next reply under the plan that is given; no planner is asked."""
    house = house_of(request)
    asked = taken(PromptAsked, await reading.table(request, house.settings))
    where, served = await asked_at(request, house, asked)
    if where.go_on is not None:
        continuing.check(served.agent.format, served.agent.engine)
    _, view = directed(asked, where)
    decoding = how(served, asked.decoding).agent.decoding
    work = Render(conversation=view, decoding=decoding, go_on=where.go_on)
    made = await only(request, served, work)
    if not isinstance(made, Rendered):
        raise EngineError("no prompt was made; this is a fault of the engine")
    return Answer(telling.prompt(made), headers=warning(asked))


async def asked_at(
    request: Request, house: House, asked: PlanAsked | PromptAsked
) -> tuple[Place, Served]:
    """Where in which talk something is asked for, and of whom; raises Refusal."""
    house.open_to_work()
    if (asked.talk is None) == (asked.scene is None):
        raise invalid("give one of talk and scene", "talk", "missing_required_parameter")
    go_on = asked.go_on if isinstance(asked, PromptAsked) else None
    if asked.scene is not None:
        if go_on is not None:
            raise invalid("continue names a turn of a talk: give talk", "continue")
        talk = directing.whole(asked.scene)
        where = Place(conversation=talk, parent=None, end=None, agent_name="", go_on=None)
    else:
        given, id = "parent" in asked.model_fields_set, talk_id(asked.talk or "")
        find = placed(id, asked.parent, given=given, go_on=go_on)
        where = await storeroom_of(request).ask(find)
    return where, playing(house, asked.agent or where.agent_name or None)


async def only(request: Request, served: Served, work: Work) -> Told:
    """The one thing that comes of some work."""
    job = served.runner.submit(work, client_of(request))
    try:
        return await sse.unless_gone(request, first(job))
    finally:
        served.runner.cancel(job)


async def first(job: Job) -> Told:
    async for event in job.events():
        return event
    raise EngineError("the engine ended without an answer; this is a fault of the engine")
