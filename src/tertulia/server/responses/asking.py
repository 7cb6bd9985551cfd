"""One request for a response: what is asked, of whom, after what, and whether it is kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from tertulia.conversation import Conversation, Turn
from tertulia.server.doors.refusals import invalid
from tertulia.server.making.speaking import Speak
from tertulia.server.making.way import Way, way
from tertulia.server.responses import items, keeping, objects
from tertulia.server.responses.items import Input
from tertulia.server.responses.keeping import Before, Kept
from tertulia.server.responses.objects import NAMELESS, Naming
from tertulia.server.responses.shapes import ResponseAsked
from tertulia.server.served import House, Served
from tertulia.server.storeroom import Storeroom
from tertulia.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One request on its way to its answer.

    before        the stored talk that it goes on with
    heard         what it adds to the talk
    header        the talk's names and direction, as they stay
    conversation  the same with this response's instructions and every turn
    stores        the response is to be kept
    kept          where the reply will stand in the store, once it is sure to be made
    begun         the response before anything of it is made, from then on
    """

    asked: ResponseAsked
    served: Served
    way: Way
    before: Before | None
    heard: Input
    header: Conversation
    conversation: Conversation
    stores: bool
    kept: Kept | None = None
    naming: Naming = NAMELESS
    begun: Mapping[str, Any] = field(default_factory=dict)

    def keeping(
        self, turn: Turn, made: Mapping[str, Any], response: Mapping[str, Any]
    ) -> Callable[[Store], object]:
        """Keeps the reply, with the record of how it was made and the response that it is."""
        assert self.kept is not None, "nothing is kept before its place is known"
        told = {keeping.RESPONSE: response, keeping.INPUT: list(self.heard.items)}
        return partial(
            keeping.keep_reply,
            kept=self.kept,
            conversation=self.conversation,
            header=self.header,
            turn=turn,
            made={**made, **told},
        )


async def prepared(asked: ResponseAsked, house: House, room: Storeroom | None) -> Asking:
    """What is asked, of whom, after what; raises Refusal for what cannot be done."""
    served = house.find(asked.model)
    made = way(served.agent, asked)
    stored = storing(asked, room)
    before = await earlier(asked, room)
    header = items.header(before.header if before else None, asked.direction)
    heard = items.heard(asked, header)
    plan, header = header.plan, items.instructed(header, *heard.told)
    turns = (*(before.turns if before else ()), *heard.turns)
    given = items.instructed(header, asked.instructions or "").planned(plan)
    return Asking(
        asked=asked,
        served=served,
        way=made,
        before=before,
        heard=heard,
        header=header,
        conversation=replace(given, turns=turns),
        stores=stored,
    )


def storing(asked: ResponseAsked, room: Storeroom | None) -> bool:
    """Whether the response is to be kept; raises Refusal where it cannot be."""
    cure = "this server keeps no talks: start it with --store, or leave {} out"
    if room is None:
        for field in ("previous_response_id", "conversation", "store"):
            if getattr(asked, field):
                raise invalid(cure.format(field), field, "no_store")
    if asked.previous_response_id and asked.conversation:
        raise invalid(
            "conversation and previous_response_id both say where the talk goes on: give one",
            "conversation",
        )
    return room is not None and asked.store is not False


async def earlier(asked: ResponseAsked, room: Storeroom | None) -> Before | None:
    """The stored talk that is gone on with."""
    if room is None:
        return None
    if asked.previous_response_id:
        id = asked.previous_response_id
        return await room.ask(partial(keeping.after_response, id=id))
    if asked.talk:
        return await room.ask(partial(keeping.after_talk, id=asked.talk))
    return None


async def placed(asking: Asking, room: Storeroom | None) -> Asking:
    """The same with its ids; what was said is on the disk before any of its answer is told."""
    place: Kept | None = None
    if asking.stores and room is not None:
        place = await room.ask(
            lambda store: keeping.keep_input(
                store, asking.before, asking.header, asking.heard.turns, asking.served
            )
        )
    naming = Naming(response=keeping.new_id(place.parent if place else None))
    talk = place.talk if place else None
    begun = objects.begun(asking.asked, asking.served.name, asking.way, naming, talk)
    return replace(asking, kept=place, naming=naming, begun=begun)


def wanted(asking: Asking) -> Speak:
    """What the engine is asked for."""
    way = asking.way
    return Speak(
        conversation=asking.conversation,
        decoding=way.agent.decoding,
        rankers=way.rankers,
        pieces=way.live and bool(asking.asked.stream),
        numbered=way.live,
        spelled=asking.asked.tells_logprobs,
    )
