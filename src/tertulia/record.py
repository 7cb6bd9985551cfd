"""A reply as plain values: what it is, and all that makes it again."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tertulia import __version__
from tertulia.agent import Agent, Reply
from tertulia.conversation import Plan
from tertulia.engines import Completion
from tertulia.planners import Unread
from tertulia.rankers import Candidate


def record(
    agent: Agent,
    reply: Reply,
    *,
    agent_file: str = "",
    given: Plan | None = None,
    timings: Mapping[str, float] | None = None,
    status: str = "whole",
) -> dict[str, Any]:
    """What the store keeps with a turn: JSON values, from which the reply can be made again.

    agent_file  the text of the file that describes this agent
    given       the plan before the agent's planner filled it; None when it is not known
    timings     seconds, by what took them; those of the completion when not given
    status      "whole", or "stopped" before its end
    """
    return {
        **told(reply),
        **made_by(agent, agent_file, given),
        "timings": dict(timings) if timings is not None else timed(reply.completion),
        "fired": [asdict(each) for each in reply.fired],
        "status": status,
    }


def opening(
    agent: Agent, *, agent_file: str = "", given: Plan | None = None, seed: int | None = None
) -> dict[str, Any]:
    """What is known of a reply before its first word, for a draft."""
    return {**made_by(agent, agent_file, given), "seed": seed}


def made_by(agent: Agent, agent_file: str, given: Plan | None) -> dict[str, Any]:
    """Who makes a reply, and how it decodes."""
    decoding = asdict(agent.decoding)
    return {
        "agent": agent.name,
        "agent_file": agent_file,
        "decoding": {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in decoding.items()
        },
        "given": None if given is None else planned(given),
        "version": __version__,
    }


def told(reply: Reply) -> dict[str, Any]:
    """The eight keys of `tertulia chat --json`; the score of a dropped candidate is null."""
    return {
        "text": reply.text,
        "speaker": reply.speaker,
        "plan": planned(reply.plan),
        "candidates": [candidate(each) for each in reply.candidates],
        "dropped": [
            {"speaker": turn.speaker, "text": turn.text, "image": turn.image}
            for turn in reply.dropped
        ],
        "unsupported": list(reply.prompt.unsupported),
        "usage": usage(reply.completion),
        "seed": reply.seed,
    }


def planned(plan: Plan) -> dict[str, str]:
    """Its three fields; "written" as well, where a planner wrote what is no plan."""
    fields = {"goal": plan.goal, "skill": plan.skill, "explanation": plan.explanation}
    return {**fields, "written": plan.written.raw} if isinstance(plan, Unread) else fields


def candidate(each: Candidate) -> Mapping[str, Any]:
    return {
        "text": each.text,
        "image": each.image,
        "finish": each.completion.finish,
        "tokens": each.completion.completion_tokens,
        "scores": {name: value if math.isfinite(value) else None for name, value in each.scores},
    }


def usage(made: Completion) -> Mapping[str, Any]:
    """Of the candidate that is said; null where the engine cannot tell."""
    return {
        "prompt_tokens": made.prompt_tokens,
        "cached_tokens": made.cached_tokens,
        "completion_tokens": made.completion_tokens,
        "first_seconds": round(made.first_seconds, 4),
        "seconds": round(made.seconds, 4),
    }


def timed(made: Completion) -> dict[str, float]:
    return {"first_token": round(made.first_seconds, 4), "total": round(made.seconds, 4)}
