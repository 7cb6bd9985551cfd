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

    def __post_init__(self) -> None:
        check_list("facts", self.facts)


def check_list(name: str, texts: object) -> None:
    """Raises TypeError for one string: its letters would pass for texts."""
    if isinstance(texts, str):
        raise TypeError(f"{name} is a string, must be a tuple of strings: write ({texts[:40]!r},)")


LOGICS = ("any", "all", "not_any", "not_all")
"""How secondary keys count: one of them is said, all are, none is, not all are."""

FOREVER = 1_000_000
"""The largest count of a lore entry; a timer of so many turns never ends."""

COUNTS = ("recursion_level", "sticky", "cooldown", "delay", "after_replies", "every_replies")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoreEntry:
    """A passage that joins the knowledge when one of its keys is said.

    content         the passage; an empty one never joins
    keys            words that bring it up, looked for in what was said
    secondary_keys  more words, which count as `logic` says when the entry is selective
    additional_keys one of these must be said as well; empty for no such condition
    exclude_keys    none of these may be said
    constant        it joins whatever is said
    regex           all keys are regular expressions, as RE2 reads them
    whole_words     a key with a letter or digit right beside it is not found; not with regex
    scan_depth      how many of the latest turns are looked at; 0 for all of them
    recursive       its keys are also looked for in passages that have fired
    recursion_level at 1 and above it fires only once passages have, the lowest level first
    fires_others    keys of recursive entries are looked for in this passage
    hidden          words looked for there with the passage, and never told
    probability     in [0, 1]: how often it fires when its keys are said
    order           passages are told from the lowest to the highest
    priority        under a budget the highest come first
    budget          it is left out when it would take all passages above so many tokens; 0 for none
    groups          of all entries of a group whose keys are said, one fires
    group_weight    how often it is the one, against the weights of the others
    group_priority  it is the one before those without, the highest order first
    group_scoring   it cannot be the one when another's keys were found more often
    sticky          having fired, it fires again for so many turns, whatever is said
    cooldown        having fired, or been sticky, it does not fire for so many turns
    delay           it does not fire before so many turns were said
    after_replies   it does not fire before the agent has spoken so often
    every_replies   it fires only when the agent has spoken a multiple of so many times

    Counts are at most FOREVER, a million; 0 is for none.
    """

    content: str
    keys: tuple[str, ...] = ()
    secondary_keys: tuple[str, ...] = ()
    additional_keys: tuple[str, ...] = ()
    exclude_keys: tuple[str, ...] = ()
    selective: bool = False
    logic: str = "any"
    constant: bool = False
    regex: bool = False
    case_sensitive: bool = False
    whole_words: bool = False
    scan_depth: int = 0
    recursive: bool = False
    recursion_level: int = 0
    fires_others: bool = True
    hidden: str = ""
    probability: float = 1.0
    order: int = 0
    priority: int = 0
    budget: int = 0
    groups: tuple[str, ...] = ()
    group_weight: int = 100
    group_priority: bool = False
    group_scoring: bool = False
    sticky: int = 0
    cooldown: int = 0
    delay: int = 0
    after_replies: int = 0
    every_replies: int = 0
    enabled: bool = True
    name: str = ""

    def __post_init__(self) -> None:
        if self.logic not in LOGICS:
            raise ValueError(f"logic is {self.logic!r}, must be one of {', '.join(LOGICS)}")
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability is {self.probability}, must be in [0, 1]")
        for name in ("scan_depth", "budget"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, must be 0 or more")
        for name in (*COUNTS, "group_weight"):
            least = int(name == "group_weight")
            if not least <= getattr(self, name) <= FOREVER:
                raise ValueError(
                    f"{name} is {getattr(self, name)}, must be in [{least}, {FOREVER}]"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """A lore entry that was due for one reply: why it fired, or what held it back.

    entry  its place in Direction.lore, from 0
    by     "constant", "turn" or "passage": where its key was found; "sticky" when it fired before
    key    the key that was found; empty for a constant or sticky entry
    told   whether its passage is told
    held   what held it back when it is not: "budget", "group", "cooldown" or "delay"
    """

    entry: int
    by: str
    key: str = ""
    told: bool = True
    held: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """What the director asks for the whole talk. Every field may be empty.

    situation    the scene, in the third person (COSMO's narrative)
    instruction  what the agent is to do or be (COSMO's role, GODEL's instruction)
    personas     facts per speaker, any number of speakers, in the order given
    knowledge    passages the reply may draw on
    memory       what these people said or did in earlier talks
    lore         passages that join the knowledge when they are spoken of
    """

    situation: str = ""
    instruction: str = ""
    personas: tuple[Persona, ...] = ()
    knowledge: tuple[str, ...] = ()
    memory: tuple[str, ...] = ()
    lore: tuple[LoreEntry, ...] = ()

    def __post_init__(self) -> None:
        for each in self.personas:
            if not isinstance(each, Persona):
                raise TypeError(f"personas holds {each!r:.60}, must hold Persona(speaker, facts)")
        check_list("knowledge", self.knowledge)
        check_list("memory", self.memory)

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
    """What was said, by whom, under which direction, and the plan of the next reply.

    fired  the lore that was due for the next reply, as `lore.informed` found it; passages of what
           is told stand at the end of the knowledge. None before that; no part of the scene
    """

    agent: str = "Agent"
    user: str = "User"
    direction: Direction = field(default_factory=Direction)
    plan: Plan = field(default_factory=Plan)
    turns: tuple[Turn, ...] = ()
    fired: tuple[Fired, ...] | None = None

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
