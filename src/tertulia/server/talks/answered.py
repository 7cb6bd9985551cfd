"""What answers about kept talks hold, for the OpenAPI description."""

from typing import Any, Literal

from pydantic import BaseModel

Status = Literal["whole", "stopped", "interrupted"]
State = Literal["waiting", "running", "done", "stopped", "failed"]


class TalkTurn(BaseModel):
    """One turn of the tree.

    id           null for a turn that was not kept
    parent       the turn it answers; null for a first turn
    created      UTC
    speaker      who said it
    text         what was said
    image        a picture that was shared, in words; empty for none
    status       stopped by somebody, interrupted by the server's end, or whole
    edited_from  the turn that was said otherwise here
    rating       1, 0, -1; null for none
    note         why it was rated so
    hidden       it was taken out, with all that follows
    direction    the scene without its turns when it was said; left out of a light answer
    reply        how the agent came to say it; null for what people say, left out of a light answer
    """

    id: int | None
    parent: int | None
    created: str
    speaker: str
    text: str
    image: str
    status: Status
    edited_from: int | None
    rating: int | None
    note: str
    hidden: bool
    direction: dict[str, Any] | None = None
    reply: dict[str, Any] | None = None


class TalkTold(BaseModel):
    """A talk: a tree of turns, and the path through it that is active.

    id           letters, digits and dashes
    version      grows with every change; a request may name the one it has seen
    title        what it is called; empty for none
    agent_name   the agent that plays
    created      UTC
    changed      UTC
    scene        who talks and what directs them now
    active       ids of the turns of the active path, the first turn first
    turns        in the order they were kept; hidden ones only where they are asked for
    generations  ids of the replies under way
    """

    id: str
    version: int
    title: str
    agent_name: str
    created: str
    changed: str
    scene: dict[str, Any]
    active: list[int]
    turns: list[TalkTurn]
    generations: list[str]


class TalkListed(BaseModel):
    """A talk in a list.

    agent      the side that the model plays
    user       the side that the person plays
    situation  the scene
    turns      on the active path
    last       what was said last there
    """

    id: str
    version: int
    title: str
    agent_name: str
    agent: str
    user: str
    situation: str
    created: str
    changed: str
    turns: int
    last: str


class TalksTold(BaseModel):
    """Talks, the one that changed last first."""

    talks: list[TalkListed]


class TurnKept(BaseModel):
    """A turn as it is kept, and the talk's version after it."""

    turn: TalkTurn
    version: int


class TurnShown(BaseModel):
    """One turn, whole."""

    turn: TalkTurn


class ActiveTold(BaseModel):
    """The active path, and the talk's version after the change."""

    active: list[int]
    version: int


class GenerationBegun(BaseModel):
    """A reply that is on its way.

    seed  the same request with it gives the same reply
    """

    id: str
    agent_name: str
    seed: int


class GenerationsBegun(BaseModel):
    """One for each agent that was asked."""

    generations: list[GenerationBegun]


class GenerationTold(BaseModel):
    """A reply on its way, or one that ended lately.

    plan        what it is to do, once it is known
    text        of the candidate that is kept while it grows
    candidates  how many are made
    turn        the turn that it became; null while it grows, or when nothing was said
    error       what went wrong
    """

    id: str
    talk: str | None
    parent: int | None
    agent_name: str
    speaker: str
    seed: int
    dry: bool
    state: State
    plan: dict[str, str] | None
    text: str
    candidates: int
    turn: TalkTurn | None
    error: dict[str, Any] | None


class StateTold(BaseModel):
    """How a reply stands."""

    state: State


class PlanAlone(BaseModel):
    """A plan.

    planned_by  "director" where the whole of it was given, "planner" where something was added,
                "" where there is none
    written     what a model wrote that is no plan; empty where it could be read
    seed        the same request with it gives the same plan
    """

    plan: dict[str, str]
    planned_by: str
    written: str
    seed: int


class SpanTold(BaseModel):
    """A stretch of a prompt.

    control  one control token, by its name
    field    the part of the scene that it comes from; empty for what the format itself wrote
    """

    text: str
    control: bool
    field: str


class PromptAlone(BaseModel):
    """A prompt, exactly as the model reads it.

    dropped         turns that do not fit the context window, oldest first
    unsupported     directions that the family cannot take, as paths of the scene
    tokens          of the prompt
    context_window  prompt plus reply, in tokens
    """

    spans: list[SpanTold]
    dropped: list[dict[str, str]]
    unsupported: list[str]
    tokens: int
    context_window: int


class FormTold(BaseModel):
    """A form of other programs.

    extension  of its files, with the dot
    reads      such files can be imported
    writes     talks can be exported so
    about      one line
    """

    name: str
    extension: str
    reads: bool
    writes: bool
    about: str


class FormsTold(BaseModel):
    """Every form."""

    forms: list[FormTold]


class Imported(BaseModel):
    """Talks of a file, as they are kept.

    talks   their ids
    report  how many, and what could not be kept
    """

    talks: list[str]
    report: dict[str, Any]
