"""POST /tertulia/talks/{talk}/replies: the next turn of a kept talk, by one agent or several."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tertulia.conversation import Conversation, Plan, Turn
from tertulia.errors import NotKept
from tertulia.scene import PLAN_KEYS
from tertulia.server import continuing, directing, reading, telling
from tertulia.server.asked import Way, way
from tertulia.server.documented import documented
from tertulia.server.generations import Generation, generations_of
from tertulia.server.keeping import InStore, Keeping, Nowhere, drafted
from tertulia.server.ordering import Order
from tertulia.server.playing import playing
from tertulia.server.refusals import invalid
from tertulia.server.runner import Job
from tertulia.server.served import House, Served, client_of, house_of
from tertulia.server.shapes import Asked
from tertulia.server.speaking import Speak
from tertulia.server.storeroom import Storeroom, storeroom_of
from tertulia.server.talk_answers import GenerationsBegun
from tertulia.server.talk_shapes import PromptAsked, ReplyAsked, taken, warning
from tertulia.server.talks import talk_id
from tertulia.server.turns import end, one
from tertulia.store import Store, StoredTurn, TalkId, TurnId

ROUTES = APIRouter(prefix="/tertulia/talks")
BEGUN = documented(ReplyAsked, GenerationsBegun, status=202, errors=(409,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a talk something is asked for.

    conversation  up to the turn that is answered, under the talk's direction now
    end           where the active path ends
    agent_name    the agent that plays; empty where the talk does not say
    go_on         the turn whose text the reply goes on from
    plan          of that turn, which holds for the rest of it, too
    """

    conversation: Conversation
    parent: TurnId | None
    end: TurnId | None
    agent_name: str
    go_on: Turn | None
    plan: Plan = Plan()


@ROUTES.post("/{talk}/replies", status_code=202, openapi_extra=BEGUN)
async def replies(request: Request, talk: str) -> Response:
    """A reply on its way for each agent; /tertulia/generations tells what becomes of it."""
    house, room, id = house_of(request), storeroom_of(request), talk_id(talk)
    asked = taken(ReplyAsked, await reading.table(request, house.settings))
    house.open_to_work()
    given = "parent" in asked.model_fields_set
    where = await room.ask(placed(id, asked.parent, given=given, go_on=asked.go_on))
    orders = [order(id, asked, where, served) for served in asked_of(house, asked, where)]
    under_way = await begun(room, orders, asked.version, client_of(request))
    for each in under_way:
        generations_of(request).add(each)
    told = [
        {"id": g.id, "agent_name": g.order.served.name, "seed": g.order.decoding.seed}
        for g in under_way
    ]
    return telling.Told({"generations": told}, 202, headers=warning(asked))


def placed(
    id: TalkId, parent: int | None, *, given: bool, go_on: int | None = None
) -> Callable[[Store], Place]:
    """Finds, in the store, where in the talk a reply is asked for.

    given  the parent was named, be it null; otherwise it is the end of the active path
    go_on  the turn whose text the reply goes on from
    """

    def found(store: Store) -> Place:
        agent_name, active = store.summary(id).agent_name, end(store, id, None, False)
        said = None if go_on is None else one(store, id, TurnId(go_on))
        if said is None:
            last = end(store, id, parent, True) if given else active
        elif given and parent != said.parent:
            raise invalid(
                "continue and parent are both given, and differ: leave parent out", "parent"
            )
        else:
            last = said.parent
        turns = tuple(each.turn for each in path_to(store, id, last))
        return Place(
            conversation=replace(store.header(id), turns=turns),
            parent=last,
            end=active,
            agent_name=agent_name,
            go_on=said.turn if said else None,
            plan=planned(said.reply) if said else Plan(),
        )

    return found


def planned(reply: Mapping[str, Any] | None) -> Plan:
    """The plan that is kept with a reply; a talk that was imported may hold anything there."""
    kept = (reply or {}).get("plan")
    table = kept if isinstance(kept, dict) else {}
    return Plan(**{name: each for name in PLAN_KEYS if isinstance(each := table.get(name), str)})


def path_to(store: Store, id: TalkId, last: TurnId | None) -> tuple[StoredTurn, ...]:
    """The turns up to one, the first turn first; raises NotKept for one that is out of sight."""
    path = () if last is None else store.path_to(last, light=True)
    if any(each.hidden for each in path):
        raise NotKept(f"the turn {last} of the talk {id} is hidden: restore it first")
    return path


def asked_of(house: House, asked: ReplyAsked, where: Place) -> list[Served]:
    """The agents that are asked; raises Refusal for one that is not served."""
    if asked.agent is not None and asked.agents is not None:
        raise invalid("agent and agents are both given: keep one", "agents")
    names: list[str | None] = [*asked.agents] if asked.agents else [asked.agent or where.agent_name]
    return [playing(house, name or None) for name in names]


def order(id: TalkId, asked: ReplyAsked, where: Place, served: Served) -> Order:
    """What one agent is asked for; raises Refusal for what cannot be honoured."""
    header, view = directed(asked, where)
    chosen = how(served, asked.decoding)
    if where.go_on is not None:
        continuing.check(served.agent.format, served.agent.engine)
    return Order(
        talk=id,
        parent=where.parent,
        served=served,
        way=chosen,
        work=Speak(
            conversation=view,
            decoding=chosen.agent.decoding,
            rankers=chosen.rankers,
            pieces=True,
            numbered=chosen.live,
            spelled=True,
            go_on=where.go_on,
        ),
        header=replace(header, turns=()),
        given=view.plan,
        uses_up=asked.plan is None and where.go_on is None and bool(view.plan),
        activate=asked.activate,
        end=where.end,
        dry=asked.dry,
    )


def directed(asked: ReplyAsked | PromptAsked, where: Place) -> tuple[Conversation, Conversation]:
    """(the talk under the direction of this reply, the same from the side whose turn it is)."""
    talk = where.conversation
    if asked.direction is not None:
        talk = directing.over(talk, asked.direction, "direction")
    speaker = asked.speaker
    if where.go_on is not None:
        if speaker not in (None, where.go_on.speaker):
            raise invalid("continue and speaker do not fit: leave speaker out", "speaker")
        speaker = where.go_on.speaker
    view = directing.spoken_by(talk, speaker)
    if asked.plan is not None:
        view = view.planned(directing.planned(asked.plan))
    elif where.plan:
        view = view.planned(where.plan)
    return talk.planned(view.plan), view


def how(served: Served, decoding: dict[str, object] | None) -> Way:
    """The agent's decoding with the request's over it; raises Refusal naming the setting."""
    return way(served.agent, Asked(model=served.name, decoding=decoding))


async def begun(
    room: Storeroom, orders: list[Order], version: int | None, client: str
) -> list[Generation]:
    """All of them on their way, or none: raises Refusal, NotKept or Conflict."""
    jobs: list[Job] = []
    try:
        for each in orders:
            jobs.append(each.served.runner.submit(each.work, client))
        kept = await room.ask(lambda store: [keeping(store, each, version) for each in orders])
    except BaseException:
        for each, job in zip(orders, jobs, strict=False):
            each.served.runner.cancel(job)
        raise
    return [
        Generation(order=each, job=job, keeping=place(room))
        for each, job, place in zip(orders, jobs, kept, strict=True)
    ]


def keeping(store: Store, order: Order, version: int | None) -> Callable[[Storeroom], Keeping]:
    """Where an order's reply goes; raises Conflict when the talk has another version."""
    if order.dry:
        return lambda room: Nowhere(order)
    draft = drafted(store, order, version)
    return lambda room: InStore(room, order, draft)
