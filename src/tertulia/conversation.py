"""The one conversation object. Frozen, standard library only, the same in every room."""

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance by one speaker.

    image  a description, in words, of a picture shared with this turn; empty for none
    """

    speaker: str
    text: str
    image: str = ""


@dataclass(frozen=True, slots=True)
class Persona:
    """What holds about one speaker, as short facts in the first person."""

    speaker: str
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """What the director asks for the whole talk. Every field may be empty.

    situation    the scene, in the third person (COSMO's narrative)
    instruction  what the agent is to do or be (COSMO's role, GODEL's instruction)
    personas     facts per speaker, any number of speakers, in the order given
    knowledge    passages the reply may draw on
    memory       what these people said or did in earlier talks
    """

    situation: str = ""
    instruction: str = ""
    personas: tuple[Persona, ...] = ()
    knowledge: tuple[str, ...] = ()
    memory: tuple[str, ...] = ()

    def facts(self, speaker: str) -> tuple[str, ...]:
        """The facts of one speaker; empty when there are none."""
        return tuple(
            fact for each in self.personas if each.speaker == speaker for fact in each.facts
        )

    def with_facts(self, speaker: str, facts: tuple[str, ...]) -> "Direction":
        """A new direction in which this speaker has exactly these facts."""
        new = Persona(speaker, facts)
        if any(each.speaker == speaker for each in self.personas):
            kept = tuple(new if each.speaker == speaker else each for each in self.personas)
            return replace(self, personas=kept)
        return replace(self, personas=(*self.personas, new))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the next reply is to do, decided before a word of it is written.

    goal         what it should achieve (PersonaGPT's action code, or free text)
    skill        the conversational skill it uses (Thanos' skill-of-mind)
    explanation  why, in the first person
    """

    goal: str = ""
    skill: str = ""
    explanation: str = ""

    def __bool__(self) -> bool:
        return bool(self.goal or self.skill or self.explanation)

    def over(self, other: "Plan") -> "Plan":
        """This plan, its empty fields filled from another."""
        return Plan(
            goal=self.goal or other.goal,
            skill=self.skill or other.skill,
            explanation=self.explanation or other.explanation,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What was said, by whom, under which direction, and the plan of the next reply."""

    agent: str = "Agent"
    user: str = "User"
    direction: Direction = field(default_factory=Direction)
    plan: Plan = field(default_factory=Plan)
    turns: tuple[Turn, ...] = ()

    @property
    def cast(self) -> tuple[str, ...]:
        """Everyone in it, once each: the agent, the user, then others as they appear."""
        named = (each.speaker for each in self.direction.personas)
        spoke = (turn.speaker for turn in self.turns)
        return tuple(dict.fromkeys((self.agent, self.user, *named, *spoke)))

    def said(self, speaker: str, text: str, image: str = "") -> "Conversation":
        """A new conversation with one more turn."""
        return replace(self, turns=(*self.turns, Turn(speaker, text, image)))

    def planned(self, plan: Plan) -> "Conversation":
        """A new conversation whose next reply has this plan."""
        return replace(self, plan=plan)

    def directed(self, direction: Direction) -> "Conversation":
        """A new conversation under another direction."""
        return replace(self, direction=direction)

    def without_oldest_turn(self) -> "Conversation":
        """A new conversation that has forgotten its first turn."""
        return replace(self, turns=self.turns[1:])

    def swapped(self) -> "Conversation":
        """The same talk with the agent and the user in each other's place."""
        return replace(self, agent=self.user, user=self.agent)
