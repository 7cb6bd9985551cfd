"""The director's own plan, unchanged."""

from dataclasses import dataclass

from tertulia.conversation import Conversation, Plan
from tertulia.engines import Engine
from tertulia.formats import Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Nothing to set."""


class Pinned:
    def plan(self, conversation: Conversation, seed: int | None) -> Plan:
        return conversation.plan


PLANNER = Pinned()


def load(settings: Settings, format: Format, engine: Engine) -> Pinned:
    return PLANNER
