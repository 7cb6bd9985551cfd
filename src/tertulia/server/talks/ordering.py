"""What a request for a reply comes to: who speaks, after which turn, under which direction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tertulia.conversation import Conversation, Plan, Turn
from tertulia.decoding import Decoding
from tertulia.formats import Format
from tertulia.scene import PLAN_KEYS
from tertulia.server.doors.refusals import invalid
from tertulia.server.making import continuing
from tertulia.server.making.asked import Asked
from tertulia.server.making.continuing import Continued
from tertulia.server.making.speaking import Speak
from tertulia.server.making.way import Way, way
from tertulia.server.playing import playing
from tertulia.server.scenes import directing
from tertulia.server.served import House, Served
from tertulia.server.talks.finding import end, one, path_to
from tertulia.server.talks.shapes import PromptAsked, ReplyAsked
from tertulia.store import Store, TalkId, TurnId


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A reply that was asked for.

    parent    the turn that is answered; None for a first turn
    work      what the engine is asked for
    header    the direction under which it is said, which is kept with it
    given     the plan that the director gave
    uses_up   the plan was the talk's, and is used up by the reply
    activate  the reply ends the active path, unless that goes elsewhere meanwhile
    end       where the active path ended when the reply was asked for
    dry       nothing is kept
    """

    talk: TalkId
    parent: TurnId | None
    served: Served
    way: Way
    work: Speak
    header: Conversation
    given: Plan
    uses_up: bool
    activate: bool
    end: TurnId | None
    dry: bool

    @property
    def decoding(self) -> Decoding:
        return self.work.decoding

    @property
    def format(self) -> Format:
        """Reads what the model says."""
        own = self.served.agent.format
        return own if self.work.go_on is None else Continued(own, self.work.go_on)


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
