"""The model that speaks thinks first: it writes the fields of the plan that nobody gave.

For formats whose model was trained to plan (tertulia-mini's own). A skill that is one of the 39, in
any spelling, gets its proper one; any other is kept as the model said it, so that it can be seen.
"""

from dataclasses import dataclass

from tertulia import skills
from tertulia.conversation import Conversation, Plan
from tertulia.decoding import Decoding
from tertulia.engines import Engine
from tertulia.errors import ConfigError
from tertulia.formats import Format, Thinking
from tertulia.planners import fitted

FIELDS = ("goal", "explanation", "skill")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the model thinks. The meaning of the numbers is Decoding's; colder than it speaks.

    fields  of what it thinks up, what is kept: any of goal, explanation, skill
    """

    temperature: float = 0.6
    top_k: int = 40
    top_p: float = 0.95
    max_new_tokens: int = 64
    fields: tuple[str, ...] = FIELDS

    def __post_init__(self) -> None:
        for name in self.fields:
            if name not in FIELDS:
                raise ValueError(f"fields holds {name!r}, must be of {', '.join(FIELDS)}")
        self.decoding(None)

    def decoding(self, seed: int | None) -> Decoding:
        return Decoding(
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            max_new_tokens=self.max_new_tokens,
            seed=seed,
        )


@dataclass(frozen=True, slots=True)
class Native:
    settings: Settings
    format: Thinking
    engine: Engine

    def plan(self, conversation: Conversation, seed: int | None) -> Plan:
        """The given fields, and those of `fields` that the model wrote; it may have written none.

        Raises PromptTooLong when not even the last turn fits the context window.
        """
        given = conversation.plan
        if all(getattr(given, name) for name in self.settings.fields):
            return given
        most = self.settings.max_new_tokens
        prompt = fitted(self.format, self.engine, conversation, most, "[planner]")
        [[completion]] = self.engine.generate([prompt], self.settings.decoding(seed))
        thought = self.format.parse_plan(completion.text, conversation)
        kept = {name: getattr(thought, name).strip() for name in self.settings.fields}
        if skill := kept.get("skill"):
            kept["skill"] = skills.known_skill(skill) or skill
        return given.over(Plan(**kept))


def load(settings: Settings, format: Format, engine: Engine) -> Native:
    """Raises ConfigError when the agent's format has no way to think."""
    if not isinstance(format, Thinking):
        raise ConfigError(
            f"planner 'native' needs a format whose model can plan, and {type(format).__name__} "
            "cannot: use the native format, or the planner 'pinned'"
        )
    return Native(settings, format, engine)
