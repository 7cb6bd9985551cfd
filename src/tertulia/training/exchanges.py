"""Short machine-written exchanges whose replies can only be right if words come from the direction.

A bank is a folder of JSON lines, two kinds of line:

    {"slot": "pet_name", "words": ["Biscuit", "Moby", …]}
    {"kind": "persona", "given": ["i have a dog called {pet_name}."], "says": ["Any pets?"],
     "reply": ["Yes, {pet_name}. He thinks that he is a lion."], "earlier": [["you", "Hi!"]]}

`given` are ways to write the direction (for the kind "image", the picture shared in that turn),
`says` what the other side says ("" where the agent opens the talk), `reply` what the agent answers;
every combination fits. A slot is drawn once an exchange; `{slot.2}` is another of its words.
`{name}` is the agent, `{you}` the other; more in `builtin`.

An example is one exchange at its end; around it stand the direction of others, some of which have
been talked about before.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from tertulia.conversation import Conversation, Direction, Persona, Plan, Turn
from tertulia.data import held_out
from tertulia.errors import ConfigError
from tertulia.training.conditions import NAMES, Example

KINDS = (
    *("persona", "you", "knowledge", "memory", "situation", "instruction"),
    *("goal", "explanation", "skill", "image", "earlier"),
)
PLANNED = ("goal", "explanation", "skill")
BESIDE = ("persona", "you", "knowledge", "memory", "situation", "instruction")
"""Kinds that say something even when it is not talked about."""

ALONE = {"situation", "instruction"}
"""Kinds of which a talk holds one."""

AS_IT_STANDS = ("persona", "you", "image", *PLANNED)
"""Kinds whose direction is no run of sentences."""

SLOT = re.compile(r"\{(\w+)(\.\d)?\}")
DOUBLED = re.compile(r"\b(?:[Aa]n?|[Tt]he) (an?|the) ")
BEGINNING = re.compile(r"(?:^|(?<=[.!?] ))[a-z]")
SYLLABLES = (
    "ba be bo da do el en fa fen gar gil ha hel is ja jo ka kor la li lu ma mi mor na ne nor"
    " o pa per qui ra ri ros sa sel so ta tha ti to ul va vi wen xi ya yo za zel"
).split()
RECITALS: Mapping[str, tuple[str, ...]] = {
    "persona": (
        "Tell me about yourself.", "So, who are you?", "What should I know about you?",
        "And you?", "What's your story?", "Introduce yourself, please.",
    ),
    "knowledge": (
        "What does it say?", "Read it to me.", "What do you know?", "What have you heard?",
        "Tell me all you know.", "What's new?",
    ),
    "echo": (
        "Repeat after me: {said}", "Say this: {said}", "Say it with me. {said}",
        "Now you say it: {said}",
    ),
}  # fmt: skip
"""What the other says before something is said again word for word."""

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = (
    "January February March April May June July August September October November December".split()
)
HALVES = ("half past", "quarter past", "quarter to")
HOURS = "one two three four five six seven eight nine ten eleven twelve".split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One template; the fields are those of its line."""

    kind: str
    given: tuple[str, ...]
    says: tuple[str, ...]
    reply: tuple[str, ...]
    earlier: tuple[tuple[str, str], ...] = ()

    @property
    def slots(self) -> frozenset[str]:
        """Names of the slots in the direction, without their numbers."""
        return frozenset(found[0] for text in self.given for found in SLOT.findall(text))

    @property
    def held_out(self) -> bool:
        """Whether no training may see it: one in twenty."""
        return held_out(self.given[0] + self.reply[0], percent=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """How often something is done, in [0, 1]."""

    default_names: float = 0.3
    made_name: float = 0.15
    told_before: float = 0.65  # a companion has been talked about before
    goal_after: float = 0.2  # the reply goes on to what a goal asks for
    thought: float = 0.15  # the goal is the model's to think up
    recited: float = 0.15  # all facts, a passage or the other's words are said again, word for word


ODDS = Odds()


@dataclass(frozen=True, slots=True)
class Bank:
    """All exchanges and the words of every slot."""

    exchanges: tuple[Exchange, ...]
    words: Mapping[str, Sequence[str]]

    def split(self) -> tuple["Bank", "Bank"]:
        """Those that are learned, and those that are held out; words are in both."""
        kept = tuple(each for each in self.exchanges if not each.held_out)
        out = tuple(each for each in self.exchanges if each.held_out)
        return Bank(kept, self.words), Bank(out, self.words)


@dataclass(slots=True)
class Draw:
    """The words of one talk: the same slot with the same number is the same word throughout."""

    bank: Bank
    agent: str
    user: str
    chance: Random
    bound: dict[str, str] = field(default_factory=dict)

    def fill(self, text: str) -> str:
        """The text with its words in; of two articles, the word's own stays."""
        filled = SLOT.sub(lambda found: self.word(found[1], found[2] or ""), text)
        return DOUBLED.sub(r"\1 ", filled)

    def told(self, each: Exchange) -> str:
        """One of the ways to write an exchange's direction."""
        text = self.fill(self.chance.choice(each.given))
        return text if each.kind in AS_IT_STANDS else sentences(text)

    def knows(self, text: str) -> bool:
        """Whether every word the text asks for has been drawn: not all ways to write a direction
        hold all its words."""
        slots = (slot + number for slot, number in SLOT.findall(text))
        return all(slot in ("name", "you") or slot in self.bound for slot in slots)

    def word(self, slot: str, number: str) -> str:
        if slot in ("name", "you"):
            return self.agent if slot == "name" else self.user
        key = f"{slot}{number}"
        while key not in self.bound:
            drawn = self.drawn(slot)
            others = [word for name, word in self.bound.items() if name.partition(".")[0] == slot]
            if drawn not in (*others, self.agent, self.user) or self.chance.random() < 0.01:
                self.bound[key] = drawn
        return self.bound[key]

    def drawn(self, slot: str) -> str:
        if slot in self.bank.words:
            return self.chance.choice(self.bank.words[slot])
        return builtin(slot, self.chance)


def sentences(text: str) -> str:
    """The same, sentences begun with a capital letter, whatever word a slot put there."""
    return BEGINNING.sub(lambda found: found[0].upper(), text)


def builtin(slot: str, chance: Random) -> str:
    """A word of a slot that no bank needs to list."""
    match slot:
        case "person":
            return called(chance)
        case "n":
            return str(chance.randint(2, 99))
        case "price":
            return f"{chance.randint(1, 60)}.{chance.choice((50, 20, 80, 95, 99))}"
        case "hour":
            plain = chance.random() < 0.5
            hour = chance.choice(HOURS)
            return str(chance.randint(1, 12)) if plain else f"{chance.choice(HALVES)} {hour}"
        case "day":
            return chance.choice(DAYS)
        case "month":
            return chance.choice(MONTHS)
        case "year":
            return str(chance.randint(1790, 2016))
    raise ConfigError(f"exchanges: no slot {{{slot}}}: give its words on a line of the bank")


def called(chance: Random, made: float = 0.3) -> str:
    """A first name, at times one that nobody has."""
    if chance.random() > made:
        return chance.choice(NAMES)
    return "".join(chance.choices(SYLLABLES, k=chance.choice((2, 2, 3)))).capitalize()


def read(folder: Path) -> Bank:
    """The banks of a folder, one slot list and one list of exchanges.

    Raises ConfigError for a line that is neither a slot nor an exchange.
    """
    exchanges: list[Exchange] = []
    words: dict[str, list[str]] = {}
    for file in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            match json.loads(line):
                case {"slot": str(slot), "words": list(listed)}:
                    words.setdefault(slot, []).extend(listed)
                case {"kind": str(kind), **rest} if kind in KINDS:
                    exchanges.append(exchange(kind, rest))
                case _:
                    raise ConfigError(f"{file}:{number}: neither a slot nor an exchange")
    every = {name: tuple(dict.fromkeys(listed)) for name, listed in words.items()}
    nouns = sorted({word for listed in every.values() for word in listed if word.isalpha()})
    every["word"] = tuple(word for word in nouns if word.islower() and not word.endswith("s"))
    every["words"] = tuple(word for word in nouns if word.islower() and word.endswith("s"))
    return Bank(tuple(exchanges), every)


def exchange(kind: str, row: Mapping[Any, Any]) -> Exchange:
    return Exchange(
        kind=kind,
        given=tuple(row["given"]),
        says=tuple(row["says"]),
        reply=tuple(row["reply"]),
        earlier=tuple((who, text) for who, text in row.get("earlier", ())),
    )


def examples(bank: Bank, count: int, chance: Random, odds: Odds = ODDS) -> Iterator[Example]:
    """So many talks, each kind of exchange as often as the bank has it."""
    goals = [each for each in bank.exchanges if each.kind == "goal"]
    for _ in range(count):
        main = chance.choice(bank.exchanges)
        companions = alongside(bank, main, chance)
        agent, user = names(odds, chance)
        if chance.random() < odds.recited:
            yield recital(bank, [main, *companions], agent, user, chance)
            continue
        yield talk(bank, main, companions, goals, agent, user, odds, chance)


def names(odds: Odds, chance: Random) -> tuple[str, str]:
    """Of the agent and the other."""
    if chance.random() < odds.default_names:
        return "Agent", "User"
    agent = called(chance, odds.made_name)
    user = called(chance, odds.made_name)
    return (agent, user) if agent != user else (agent, "User")


def alongside(bank: Bank, main: Exchange, chance: Random) -> list[Exchange]:
    """A few exchanges that can stand beside another one: about other things."""
    chosen: list[Exchange] = []
    taken, alone = set(main.slots), {main.kind} & ALONE
    for _ in range(chance.choice((0, 1, 1, 2, 2, 3, 4))):
        each = chance.choice(bank.exchanges)
        if each.slots & taken or each.kind in alone or each.kind not in BESIDE:
            continue
        chosen.append(each)
        taken |= each.slots
        alone |= {each.kind} & ALONE
    return chosen


def talk(
    bank: Bank,
    main: Exchange,
    companions: Sequence[Exchange],
    goals: Sequence[Exchange],
    agent: str,
    user: str,
    odds: Odds,
    chance: Random,
) -> Example:
    """One example: the companions' direction, some of them talked about, then the exchange."""
    draw = Draw(bank, agent, user, chance)
    told: dict[str, list[str]] = {kind: [] for kind in KINDS}
    turns: list[Turn] = []
    for each in companions:
        part = Draw(bank, agent, user, chance, dict(draw.bound))
        told[each.kind].append(part.told(each))
        if chance.random() < odds.told_before:
            turns += said(each, part, agent, user, opening=not turns)
    given = draw.told(main)
    told[main.kind].append(given)
    *before, reply = said(main, draw, agent, user, opening=not turns)
    aimed = Plan(**{main.kind: given}) if main.kind in PLANNED else Plan()
    if main.kind == "image":
        before[-1] = replace(before[-1], image=given)
    elif goals and not aimed and chance.random() < odds.goal_after:
        after = chance.choice(goals)
        aimed = Plan(goal=draw.fill(chance.choice(after.given)))
        more = sentences(draw.fill(chance.choice(after.reply)))
        reply = replace(reply, text=f"{reply.text} {more}")
    thought = chance.random() < odds.thought
    conversation = Conversation(
        agent=agent,
        user=user,
        direction=direction(told, agent, user, chance),
        plan=Plan() if thought else aimed,
        turns=(*turns, *before),
    )
    return Example(
        conversation=conversation,
        reply=reply,
        thought=aimed if thought else Plan(),
        names=chance.random() < 0.05,
        own=True,
    )


def recital(
    bank: Bank, every: Sequence[Exchange], agent: str, user: str, chance: Random
) -> Example:
    """A talk in which many words in a row are copied: quickest to teach that words can be."""
    draw = Draw(bank, agent, user, chance)
    told: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for each in every:
        if each.kind in BESIDE:
            told[each.kind].append(draw.told(each))
    known = direction(told, agent, user, chance)
    kinds = [kind for kind in ("persona", "knowledge") if told[kind]]
    kind = chance.choice(kinds) if kinds and chance.random() < 0.75 else "echo"
    if kind == "echo":
        reply = sentences(draw.fill(chance.choice(every[0].reply)))
    elif kind == "persona":
        reply = sentences(re.sub(r"\bi\b", "I", " ".join(known.facts(agent))))
    else:
        reply = " ".join(known.knowledge)
    asked = chance.choice(RECITALS[kind]).format(said=reply)
    talk = Conversation(agent=agent, user=user, direction=known, turns=(Turn(user, asked),))
    return Example(conversation=talk, reply=Turn(agent, reply), thought=Plan(), names=False)


def said(each: Exchange, draw: Draw, agent: str, user: str, opening: bool) -> list[Turn]:
    """The turns of one exchange, the reply last.

    opening  nothing was said before, so that the agent may begin
    """
    speaker = {"me": agent, "you": user}
    turns = [Turn(speaker[who], sentences(draw.fill(text))) for who, text in each.earlier]
    asked = [text for text in each.says if text or opening] or ["Well?"]
    if text := draw.fill(draw.chance.choice(asked)):
        turns.append(Turn(user, sentences(text)))
    answers = [text for text in each.reply if draw.knows(text)] or each.reply
    return [*turns, Turn(agent, sentences(draw.fill(draw.chance.choice(answers))))]


def direction(
    told: Mapping[str, Sequence[str]], agent: str, user: str, chance: Random
) -> Direction:
    """The direction that was drawn, facts in any order."""

    def mixed(kind: str) -> tuple[str, ...]:
        return tuple(chance.sample(told[kind], len(told[kind])))

    return Direction(
        situation=" ".join(told["situation"]),
        instruction=" ".join(told["instruction"]),
        personas=(Persona(agent, mixed("persona")), Persona(user, mixed("you"))),
        knowledge=mixed("knowledge"),
        memory=mixed("memory"),
    )
