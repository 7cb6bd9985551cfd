"""A reply as plain values: what `--json` prints and what is kept with a turn."""

import math
from collections.abc import Mapping
from typing import Any

from tertulia.agent import Reply
from tertulia.conversation import Plan
from tertulia.engines import Completion
from tertulia.planners import Unread
from tertulia.rankers import Candidate


def record(reply: Reply) -> dict[str, Any]:
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


def planned(plan: Plan) -> Mapping[str, str]:
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
