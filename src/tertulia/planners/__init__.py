"""Planners decide what the next reply is to do, before a word of it is written.

A file on this shelf has `Settings` (a frozen dataclass) and `load(settings, format, engine)`, which
gives a Planner; most have no use for the format and the engine of the agent they plan for.
"""

from dataclasses import dataclass, replace
from typing import Protocol

from tertulia import config, registry
from tertulia.conversation import Conversation, Plan
from tertulia.engines import Engine
from tertulia.errors import PromptTooLong
from tertulia.formats import Format, Thinking
from tertulia.prompt import Prompt
from tertulia.skills import Malformed, NoSkill


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread(Plan):
    """The director's plan, alone because nothing could be added to it.

    written  what the model wrote instead
    """

    written: NoSkill | Malformed


class Planner(Protocol):
    def plan(self, conversation: Conversation, seed: int | None) -> Plan:
        """The plan of the next reply; empty for none.

        What the director pinned in conversation.plan is kept as it is; a planner only fills what
        is empty. The same conversation and seed give the same plan.
        """


def fitted(
    format: Thinking, engine: Engine, conversation: Conversation, most: int, where: str
) -> Prompt:
    """The prompt that asks for a plan, with the most recent turns that leave room to think.

    most   tokens of a plan at the most
    where  this is set, for the error

    Raises PromptTooLong when not even the last turn fits the context window; the direction stays.
    """
    room = engine.context_window - most
    while True:
        prompt = format.render_plan(conversation)
        used = engine.count_tokens(prompt)
        if used <= room:
            return prompt
        turns = conversation.turns
        if len(turns) < 2:
            break
        # A quarter at a time: one by one, ten thousand turns would be rendered as many times.
        conversation = replace(conversation, turns=turns[max(len(turns) // 4, 1) :])
    raise PromptTooLong(
        f"the planner's prompt has {used} tokens with the last turn alone, and there is room "
        f"for {room}: shorten the direction or the last turn, or lower max_new_tokens in {where}"
    )


def load(name: str, *, format: Format, engine: Engine, **settings: object) -> Planner:
    """The planner in the file of that name, for an agent with this format and engine."""
    module = registry.load(__name__, name)
    built = config.build(module.Settings, settings, f"planner {name!r}")
    planner: Planner = module.load(built, format, engine)
    return planner
