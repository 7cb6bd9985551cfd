"""GET /tertulia/agents: who is served, what each can be told, and the words of plans."""

import tomllib
from dataclasses import asdict, replace
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from tertulia.agent import Agent
from tertulia.conversation import Conversation, Direction, Persona, Plan, Turn
from tertulia.decoding import PRESETS
from tertulia.errors import TertuliaError
from tertulia.server.description.documented import documented
from tertulia.server.doors.answering import Answer
from tertulia.server.doors.refusals import Refusal
from tertulia.server.making.continuing import why_not
from tertulia.server.served import House, Served, house_of
from tertulia.skills import ACTIONS, SKILLS

ROUTES = APIRouter(prefix="/tertulia/agents")
TALK = Conversation(turns=(Turn("User", "Hi"),))
PROBES = {
    "situation": replace(TALK, direction=Direction(situation="A storm.")),
    "instruction": replace(TALK, direction=Direction(instruction="Be kind.")),
    "personas.agent": replace(TALK, direction=Direction(personas=(Persona("Agent", ("i",)),))),
    "personas.user": replace(TALK, direction=Direction(personas=(Persona("User", ("i",)),))),
    "personas.others": replace(TALK, direction=Direction(personas=(Persona("Bo", ("i",)),))),
    "knowledge": replace(TALK, direction=Direction(knowledge=("Rye is a grain.",))),
    "memory": replace(TALK, direction=Direction(memory=("They met.",))),
    "image": replace(TALK, turns=(Turn("User", "Hi", "a loaf"),)),
    "plan.goal": replace(TALK, plan=Plan(goal="ask")),
    "plan.skill": replace(TALK, plan=Plan(skill="Empathy")),
    "plan.explanation": replace(TALK, plan=Plan(explanation="i care.")),
    "speakers": replace(TALK, turns=(*TALK.turns, Turn("Bo", "Hello"))),
}
"""A talk for each kind of direction that holds nothing else."""


class AgentTold(BaseModel):
    """An agent that is served.

    format          the family whose dialect it speaks
    engine          what runs its weights
    takes           kind of direction -> empty, or the reason why it cannot take it
    continue        empty, or the reason why its replies cannot go on from a text
    decoding        its own settings
    rankers         what orders its candidates
    presets         published ways of decoding, by name
    context_window  prompt plus reply, in tokens
    loaded          it can answer at once
    """

    name: str
    format: str
    engine: str
    takes: dict[str, str]
    goes_on: str = Field(alias="continue")
    decoding: dict[str, Any]
    rankers: list[str]
    presets: list[str]
    context_window: int
    loaded: bool


class AgentsTold(BaseModel):
    """The agents, and the words that plans are made of.

    goals   the eleven action codes
    skills  the 39 conversational skills
    """

    agents: list[AgentTold]
    goals: list[str]
    skills: list[str]


@ROUTES.get("", openapi_extra=documented(None, AgentsTold))
async def agents(request: Request) -> Response:
    """The agents in the order they were named; the first plays where nobody is asked for."""
    known: dict[str, dict[str, str]] = request.app.state.takes
    listed = [told(each, known) for each in house_of(request).agents.values()]
    return Answer({"agents": listed, "goals": list(ACTIONS), "skills": list(SKILLS)})


def told(served: Served, known: dict[str, dict[str, str]]) -> dict[str, Any]:
    """An agent; what it takes is found out once."""
    agent = served.agent
    if served.name not in known:
        known[served.name] = takes(agent)
    return {
        "name": served.name,
        "format": family(agent),
        "engine": served.engine,
        "takes": known[served.name],
        "continue": why_not(agent.format, agent.engine) or unless_elsewhere(served),
        "decoding": asdict(agent.decoding),
        "rankers": [each.name for each in agent.rankers],
        "presets": list(PRESETS),
        "context_window": agent.engine.context_window,
        "loaded": served.loaded,
    }


def unless_elsewhere(served: Served) -> str:
    """Why replies cannot go on from a text at an endpoint; its engine may not be open here."""
    table = tomllib.loads(served.agent_file) if served.engine == "openai" else {}
    engine = table.get("engine", {})
    chats = isinstance(engine, dict) and engine.get("api", "chat") == "chat"
    return "a chat endpoint begins every reply anew" if table and chats else ""


def takes(agent: Agent) -> dict[str, str]:
    """Kind of direction -> empty, or the reason why the agent's family cannot take it."""
    return {kind: reason(agent, talk) for kind, talk in PROBES.items()}


def reason(agent: Agent, talk: Conversation) -> str:
    try:
        missed = agent.format.render(talk).unsupported
    except TertuliaError as error:
        return str(error)
    return f"the {family(agent)} format has no place for it" if missed else ""


def family(agent: Agent) -> str:
    """The name of an agent's format on its shelf."""
    return type(agent.format).__module__.removeprefix("tertulia.formats.").partition(".")[0]


def playing(house: House, name: str | None) -> Served:
    """The agent of that name, the first where none is given; raises Refusal naming the field."""
    if name is None:
        return next(iter(house.agents.values()))
    try:
        return house.find(name)
    except Refusal as refused:
        raise Refusal(404, refused.message, param="agent", code="model_not_found") from None
