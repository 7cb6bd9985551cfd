"""A Reply as OpenAI's response object: its output is items, thinking is one of them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tertulia.agent import Reply
from tertulia.conversation import Conversation
from tertulia.engines import Completion
from tertulia.server.making.growing import heard
from tertulia.server.making.way import Way
from tertulia.server.openai import answers
from tertulia.server.responses.shapes import ResponseAsked


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """Ids of one response and of its items."""

    response: str

    @property
    def thought(self) -> str:
        return self.response.replace("resp_", "rs_", 1)

    @property
    def message(self) -> str:
        return self.response.replace("resp_", "msg_", 1)


NAMELESS = Naming(response="")
"""Before it is sure that there will be a response."""


def begun(
    asked: ResponseAsked, model: str, way: Way, naming: Naming, talk: str | None
) -> dict[str, Any]:
    """The response before anything of it is made."""
    decoding = way.agent.decoding
    return {
        "id": naming.response,
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "background": False,
        "completed_at": None,
        "conversation": {"id": talk} if talk and asked.conversation else None,
        "error": None,
        "incomplete_details": None,
        "instructions": asked.instructions,
        "max_output_tokens": asked.max_output_tokens,
        "metadata": dict(asked.metadata or {}),
        "model": model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": asked.previous_response_id,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": talk is not None,
        "temperature": decoding.temperature,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": decoding.alternatives,
        "top_p": decoding.top_p,
        "truncation": asked.truncation or "auto",
        "usage": None,
        "user": (asked.model_extra or {}).get("user"),
        "tertulia": None,
    }


def finished(
    begun: Mapping[str, Any],
    reply: Reply,
    way: Way,
    output: Sequence[Mapping[str, Any]],
    talk: str | None,
) -> dict[str, Any]:
    """The response when it is whole, or was cut at its longest."""
    whole = reply.completion.finish == "stop"
    return {
        **begun,
        "status": "completed" if whole else "incomplete",
        "completed_at": int(time.time()) if whole else None,
        "incomplete_details": None if whole else {"reason": "max_output_tokens"},
        "output": list(output),
        "usage": usage(reply.completion),
        "tertulia": {**answers.extension(reply, way), "talk": talk},
    }


def unfinished(
    begun: Mapping[str, Any],
    naming: Naming,
    thought: str,
    said: str,
    error: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The response as far as it came: cancelled by its client, or failed."""
    items = [thinking(naming, thought)] if thought else []
    if said:
        items.append(message(naming, said, (), "incomplete"))
    return {**begun, "status": "failed" if error else "cancelled", "error": error, "output": items}


def output(
    naming: Naming,
    reply: Reply,
    way: Way,
    given: Conversation,
    logprobs: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """The items of a reply: what was thought before it, if anything, and what is said."""
    parsed = heard(way.agent.format, reply.prompt, reply.completion.text)
    thoughts = (answers.planners(reply.plan, given.plan), parsed.plan.explanation)
    thought = "\n".join(filter(None, thoughts))
    whole = reply.completion.finish == "stop"
    items = [thinking(naming, thought)] if thought else []
    return [*items, message(naming, parsed.text, logprobs, "completed" if whole else "incomplete")]


def thinking(naming: Naming, text: str, status: str = "completed") -> dict[str, Any]:
    return {
        "id": naming.thought,
        "type": "reasoning",
        "status": status,
        "summary": [],
        "content": [thought_part(text)] if text else [],
    }


def thought_part(text: str) -> dict[str, Any]:
    return {"type": "reasoning_text", "text": text}


def message(
    naming: Naming, text: str, logprobs: Sequence[Mapping[str, Any]], status: str
) -> dict[str, Any]:
    return {
        "id": naming.message,
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": [said_part(text, logprobs)],
    }


def said_part(text: str, logprobs: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": list(logprobs)}


def usage(made: Completion) -> dict[str, Any]:
    """Counts of tokens; those of thinking are not told apart."""
    counted = answers.usage([made])
    return {
        "input_tokens": counted["prompt_tokens"],
        "input_tokens_details": {
            "cached_tokens": counted["prompt_tokens_details"]["cached_tokens"],
            "cache_write_tokens": 0,
        },
        "output_tokens": counted["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": counted["total_tokens"],
    }
