"""Thanos in front of any responder: why the next reply should use which of the 39 skills.

The planner may have weights of its own, on an engine of its own, or ask the model that speaks. An
agent file says so:

    [planner]
    name = "thanos"
    own_engine = {name = "onnxruntime", model = "thanos-1b"}

Without own_engine, or where it is the same as [engine], planner and responder share one engine,
which is opened once. The model is asked in the thanos format, inside its own chat template; a
responder whose format can plan (thanos, native) is asked in that.

What cannot be read as a plan is no error: the reply then has no skill, and its plan is an Unread,
which keeps what the model wrote.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tertulia import config, formats
from tertulia.conversation import Conversation, Plan
from tertulia.decoding import Decoding, preset
from tertulia.engines import Completion, Engine
from tertulia.errors import ConfigError
from tertulia.formats import Format, Thinking
from tertulia.planners import Unread, fitted
from tertulia.skills import Malformed, NoSkill, Skill, parse_skill

USES = {"skill": ("skill",), "explanation": ("explanation",), "both": ("explanation", "skill")}
"""What of a plan the reply is told, as in the published task types thanos_next_resp_*."""

PRESET = "thanos_card"
TEMPLATE = ("template", "date", "arguments", "special_tokens")
"""Settings of a responder's format that say how its model's chat template is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the plan is for, and what writes it.

    uses        what of it the reply is told: "skill", "explanation" or "both"
    own_engine  as [engine] of an agent file: a name, a model and so on; left out, the agent's own
    own_format  settings of the thanos format, such as image = "stark"
    decoding    as [decoding] of an agent file, over the preset thanos_card
    """

    uses: str = "both"
    own_engine: Mapping[str, object] = field(default_factory=dict)
    own_format: Mapping[str, object] = field(default_factory=dict)
    decoding: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.uses not in USES:
            raise ValueError(f"uses is {self.uses!r}, must be {', '.join(USES)}")


@dataclass(frozen=True, slots=True)
class Thanos:
    settings: Settings
    format: Thinking
    engine: Engine
    decoding: Decoding

    def plan(self, conversation: Conversation, seed: int | None) -> Plan:
        """The given fields, and those of `uses` that the model wrote.

        A given explanation is the beginning of the model's answer, so that the skill follows from
        it. An explanation that argues for another skill than the given one is left out.

        Raises PromptTooLong when not even the last turn fits the context window.
        """
        given, fields = conversation.plan, USES[self.settings.uses]
        if all(getattr(given, name) for name in fields):
            return given
        asked = replace(self.decoding, seed=seed)
        cure = "[planner.decoding]"
        prompt = fitted(self.format, self.engine, conversation, asked.max_new_tokens, cure)
        [[completion]] = self.engine.generate([prompt], asked)
        found = written(completion, given)
        thought = self.format.parse_plan(completion.text, conversation)
        kept = {name: getattr(thought, name).strip() for name in fields}
        if isinstance(found, Malformed):
            kept.pop("explanation", None)
        plan = given.over(Plan(**kept))
        if plan != given or isinstance(found, Skill):
            return plan
        return Unread(
            goal=given.goal, skill=given.skill, explanation=given.explanation, written=found
        )


def written(completion: Completion, given: Plan) -> Skill | NoSkill | Malformed:
    """What the model wrote, and whether it goes with the given plan."""
    found = parse_skill(completion.text)
    if isinstance(found, NoSkill) and completion.finish == "length":
        return Malformed(found.raw, "cut at its length limit, before a skill")
    if isinstance(found, Skill) and given.skill not in ("", found.skill):
        told = f"it argues for {found.skill}, and the given skill is {given.skill}"
        return Malformed(completion.text, told)
    return found


def asking(settings: Settings, format: Format) -> Thinking:
    """The format in which the model is asked; raises ConfigError for a model that is no planner."""
    told: Mapping[str, object] = {}
    if not settings.own_engine:
        if isinstance(format, Thinking) and not settings.own_format:
            return format
        told = templated(format)
    thanos = formats.load("thanos", **{**told, **settings.own_format})
    if not isinstance(thanos, Thinking):
        raise ConfigError(
            "[planner.own_format] is of a responder, which writes no plan: leave out "
            "variant and responder"
        )
    return thanos


def templated(format: Format) -> Mapping[str, object]:
    """How the chat template of the responder's model is used."""
    settings = getattr(format, "settings", None)
    if not hasattr(settings, "template"):
        raise ConfigError(
            "planner 'thanos' has no engine of its own, and the agent's model, of format "
            f"{type(format).__name__}, is no chat model that it could ask: give it one, as in "
            '[planner] own_engine = {name = "onnxruntime", model = "thanos-1b"}'
        )
    return {name: getattr(settings, name) for name in TEMPLATE}


def decoded(changes: Mapping[str, object]) -> Decoding:
    """The preset with changes over it; raises ConfigError and UnknownName for wrong ones."""
    settings = dict(changes)
    start = preset(str(settings.pop("preset", PRESET))).decoding
    kept = {name: getattr(start, name) for name in start.changed()}
    made = config.build(Decoding, {**kept, **settings}, "[planner.decoding]")
    if made.candidates != 1:
        raise ConfigError(f"[planner.decoding]: candidates is {made.candidates}, but a plan is one")
    return made


def load(settings: Settings, format: Format, engine: Engine) -> Thanos:
    """Raises ConfigError for a model that cannot be asked, and UnsupportedDecoding."""
    decoding = decoded(settings.decoding)
    engine.check(decoding)
    return Thanos(settings, asking(settings, format), engine, decoding)
