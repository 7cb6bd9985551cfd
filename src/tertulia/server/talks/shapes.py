"""What requests about kept talks may hold; every number has its bounds here."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from tertulia.server.doors.shapes import Name, Shape, example
from tertulia.server.scenes.shapes import Title

LARGEST = 2**63 - 1
MAX_AGENTS = 8
"""Agents that may be asked for the same turn at once."""

TurnNumber = Annotated[int, Field(ge=1, le=LARGEST)]
Version = Annotated[int, Field(ge=0, le=LARGEST)]
Note = Annotated[str, StringConstraints(max_length=10_000)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class TalkAsked(Shape):
    """A new talk, of a scene or of one that was posted; with neither, an empty one.

    scene     the scene; its turns become the first of the talk
    scene_id  of a scene that is listed
    agent     the name of the agent that plays; the first that is served where it is left out
    title     what the talk is called in lists; empty for none
    """

    model_config = example({"scene_id": "bakery", "agent": "mini"})

    scene: dict[str, Any] | None = None
    scene_id: Id | None = None
    agent: Name | None = None
    title: Title = ""


class TalkChanged(Shape):
    """What changes of a talk; what is left out stays.

    scene    fields of the scene, but no turns: each takes the place of the talk's
    title    what the talk is called in lists
    agent    the name of the agent that plays from now on
    version  the talk's, when it was read; another one is a conflict
    """

    model_config = example({"scene": {"situation": "It begins to rain."}})

    scene: dict[str, Any] | None = None
    title: Title | None = None
    agent: Name | None = None
    version: Version | None = None


class TurnAsked(Shape):
    """One more turn.

    parent   the turn it answers; null for a first turn; left out, the end of the active path
    speaker  who says it
    text     what is said
    image    a picture that is shared, in words; empty for none
    version  the talk's, when it was read; another one is a conflict
    """

    model_config = example({"speaker": "Customer", "text": "Is there any rye bread?"})

    parent: TurnNumber | None = None
    speaker: Name
    text: str
    image: str = ""
    version: Version | None = None


class ActiveAsked(Shape):
    """The turn in which the active path is to end; null for the start of the talk.

    turn     its id
    version  the talk's, when it was read; another one is a conflict
    """

    model_config = example({"turn": 2})

    turn: TurnNumber | None
    version: Version | None = None


class TurnChanged(Shape):
    """A turn said otherwise: a sibling of it that says so.

    text     what is said instead
    image    the picture instead; left out, the turn's own
    version  the talk's, when it was read; another one is a conflict
    """

    model_config = example({"text": "Is there any white bread?"})

    text: str
    image: str | None = None
    version: Version | None = None


class Rated(Shape):
    """What somebody thinks of a turn.

    rating  1 for good, -1 for bad, 0 for neither; null takes it back
    note    why, in words
    """

    model_config = example({"rating": 1, "note": "kind"})

    rating: Annotated[int, Field(ge=-1, le=1)] | None
    note: Note = ""


class Taken(Shape):
    """A candidate of a reply that is to be said instead.

    turn       the id of the reply
    candidate  its place among the reply's candidates, from 0
    version    the talk's, when it was read; another one is a conflict
    """

    model_config = example({"turn": 3, "candidate": 1})

    turn: TurnNumber
    candidate: Annotated[int, Field(ge=0, le=255)]
    version: Version | None = None


class ReplyAsked(Shape):
    """The next turn of a talk, by one agent or by several.

    agent      the name of the agent; left out, the talk's
    agents     names of several, each of which answers
    parent     the turn that is answered; null for a first turn; left out, the end of the active
               path
    plan       goal, skill and explanation of this reply, instead of the talk's
    direction  fields of the scene for this reply only
    decoding   how the next token is chosen, over the agent's own settings
    speaker    whose turn it is: one of the two sides; left out, the agent's
    activate   the reply ends the active path, unless the talk moved on meanwhile
    continue   the id of a turn whose text the reply goes on from
    dry        nothing is kept: what would be said
    version    the talk's, when it was read; another one is a conflict
    """

    model_config = example({"plan": {"goal": "offer the last loaf"}, "decoding": {"seed": 7}})

    agent: Name | None = None
    agents: Annotated[list[Name], Field(min_length=1, max_length=MAX_AGENTS)] | None = None
    parent: TurnNumber | None = None
    plan: dict[str, Any] | None = None
    direction: dict[str, Any] | None = None
    decoding: dict[str, Any] | None = None
    speaker: Name | None = None
    activate: bool = True
    go_on: TurnNumber | None = Field(default=None, alias="continue")
    dry: bool = False
    version: Version | None = None


class PlanAsked(Shape):
    """The plan of the next reply, and nothing after it.

    talk    the id of a kept talk
    scene   a whole scene instead, its turns included
    parent  the turn of the talk that is answered; null for a first turn; left out, the end of the
            active path
    agent   the name of the agent; left out, the talk's
    plan    what is given of the plan already
    seed    makes the plan repeatable; drawn where it is left out
    """

    model_config = example({"scene": {"turns": [{"speaker": "User", "text": "Hi!"}]}})

    talk: Id | None = None
    scene: dict[str, Any] | None = None
    parent: TurnNumber | None = None
    agent: Name | None = None
    plan: dict[str, Any] | None = None
    seed: Annotated[int, Field(ge=0, le=LARGEST)] | None = None


class PromptAsked(Shape):
    """The prompt of the next reply, as its model would read it.

    talk       the id of a kept talk
    scene      a whole scene instead, its turns included
    parent     the turn of the talk that is answered; null for a first turn; left out, the end of
               the active path
    agent      the name of the agent; left out, the talk's
    plan       goal, skill and explanation, instead of the talk's
    direction  fields of the scene over the talk's
    decoding   how the next token is chosen: it decides how much room there is
    speaker    whose turn it is: one of the two sides; left out, the agent's
    continue   the id of a turn whose text the reply goes on from
    """

    model_config = example({"scene": {"turns": [{"speaker": "User", "text": "Hi!"}]}})

    talk: Id | None = None
    scene: dict[str, Any] | None = None
    parent: TurnNumber | None = None
    agent: Name | None = None
    plan: dict[str, Any] | None = None
    direction: dict[str, Any] | None = None
    decoding: dict[str, Any] | None = None
    speaker: Name | None = None
    go_on: TurnNumber | None = Field(default=None, alias="continue")
