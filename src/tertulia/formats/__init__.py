"""Formats: the dialect each model family was trained on. Pure text, no tokens, no weights.

A file on this shelf has `Settings` (a frozen dataclass with at least `variant` and `verbatim`),
`VARIANTS` (their names, the default first), and `load(settings)`, which gives a Format.
"""

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from tertulia import config, registry
from tertulia.conversation import Conversation, Plan, Turn
from tertulia.errors import UnknownName
from tertulia.prompt import Prompt, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a raw completion says, markers taken out and neutralised text restored."""

    text: str
    image: str = ""
    plan: Plan = field(default_factory=Plan)


KINDS = {name: name for name in ("situation", "instruction", "knowledge", "memory")}
KINDS["lore"] = "knowledge"
"""Field of the direction -> the kind that a family takes or not: lore is told as knowledge."""


class Format(Protocol):
    """One model family's way of writing a talk down."""

    @property
    def models(self) -> tuple[str, ...]:
        """Name patterns of the models it serves, as `fnmatch` globs."""

    def render(self, conversation: Conversation) -> Prompt:
        """The prompt that asks the agent for its next turn, under conversation.plan.

        Directions that the family cannot take are listed in Prompt.unsupported. Unless the format
        is verbatim, the number of turns and parts never depends on what any text says.
        """

    def target(self, turn: Turn, plan: Plan) -> tuple[Span, ...]:
        """What a perfect model would emit for this turn, what ends it included; for training."""

    def parse(self, completion: str) -> Parsed:
        """What a raw completion says. Never raises."""


@runtime_checkable
class Thinking(Protocol):
    """A format whose model can also plan before it speaks."""

    def render_plan(self, conversation: Conversation) -> Prompt:
        """The prompt that asks for the fields of the plan that conversation.plan leaves empty."""

    def parse_plan(self, completion: str, conversation: Conversation) -> Plan:
        """The whole plan: the given fields and those in the completion. Never raises."""


def load(name: str, /, **settings: object) -> Format:
    """The format in the file of that name, with its own settings (variant, verbatim, …)."""
    module = registry.load(__name__, name)
    variant = settings.get("variant")
    if variant is not None and variant not in module.VARIANTS:
        told = registry.nearest(str(variant), module.VARIANTS)
        raise UnknownName(f"format {name!r} has no variant {variant!r}: {told}")
    found: Format = module.load(config.build(module.Settings, settings, f"format {name!r}"))
    return found


def variants(name: str) -> tuple[str, ...]:
    """The variants of a format, the default first."""
    found: tuple[str, ...] = registry.load(__name__, name).VARIANTS
    return found


def unsupported(conversation: Conversation, taken: frozenset[str]) -> tuple[str, ...]:
    """Paths of the directions that are given and not among those a family takes.

    taken  of "situation", "instruction", "personas.agent", "personas.user", "personas.others",
           "knowledge", "memory", "image", "plan.goal", "plan.skill", "plan.explanation", and
           "speakers", by a family that can tell a third speaker from the agent and the user
    """
    missed = [path for path, kind in given(conversation) if kind not in taken]
    return tuple(dict.fromkeys(missed))


def given(conversation: Conversation) -> list[tuple[str, str]]:
    """(path, kind) of every direction that is not empty."""
    direction, plan = conversation.direction, conversation.plan
    found: list[tuple[str, str]] = []
    for name, kind in KINDS.items():
        if getattr(direction, name):
            found.append((name, kind))
    sides = {conversation.agent: "agent", conversation.user: "user"}
    for persona in direction.personas:
        if persona.facts:
            side = sides.get(persona.speaker, "others")
            found.append((f"personas.{persona.speaker}", f"personas.{side}"))
    for name in ("goal", "skill", "explanation"):
        if getattr(plan, name):
            found.append((f"plan.{name}", f"plan.{name}"))
    for n, turn in enumerate(conversation.turns):
        if turn.speaker not in sides:
            found.append((f"turns.{n}.speaker", "speakers"))
        if turn.image:
            found.append((f"turns.{n}.image", "image"))
    return found
