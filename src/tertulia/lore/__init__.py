"""Lore: passages that join the knowledge of a reply when they are spoken of.

`fired` says which entries of a lorebook fire for a talk, and why; `informed` puts their passages
behind the scene's own knowledge; `traced` gives the spans of a prompt the paths they came from. All
are pure: the same talk and seed give the same passages, and timers are found again from the talk.
Matching, as in the cards' specification, is "is the key in what was said", looked for in each turn
by itself. Timers, groups and levels follow SillyTavern's documentation of World Info.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from tertulia.conversation import Conversation, Fired, LoreEntry, Turn
from tertulia.lore.book import Book, remembered, timed
from tertulia.lore.firing import Chance, Moment
from tertulia.lore.history import Talk, since
from tertulia.lore.patterns import KEYS, MAX_PATTERNS, check, compiled, size
from tertulia.prompt import Prompt, Span

__all__ = [
    "KEYS",
    "MAX_PATTERNS",
    "Count",
    "chancy",
    "check",
    "compiled",
    "fired",
    "informed",
    "size",
    "traced",
]

Count = Callable[[str], int]
"""Tokens in a text, by the tokenizer of the model that replies."""


def fired(
    lore: Sequence[LoreEntry],
    turns: Sequence[Turn],
    seed: int | None,
    count: Count = len,
    agent: str = "Agent",
) -> tuple[Fired, ...]:
    """The entries that are due, in the order in which they are told.

    seed   of the draws; None is 0. A draw depends on it, on the number of turns, and on the entry's
           place or its group; in a lorebook with timers on what was said last instead of the seed
    count  how budgets are counted; characters where nothing else is given
    agent  who replies: replies are what timers are counted at

    An entry fires once. One that is held back, or over its budget, is among them with `told` False;
    one that chance is against is not. Raises ConfigError for a regular expression that RE2 does not
    read (see check).
    """
    timers = any(timed(each) for each in lore if each.enabled)
    book = Book(lore, turns, remembered(lore, turns, timers))
    talk = Talk(turns, agent, seed, timers)
    now = len(turns)
    past = since(book, talk) if timers else {}
    chance = Chance.at(turns, now, seed, timers)
    found = Moment(book, now, talk.spoken(now), past, chance, book.known).look(book.known)
    ordered = sorted(found.values(), key=lambda each: (lore[each.entry].order, each.entry))
    over = over_budget(lore, ordered, count)
    return tuple(
        replace(each, told=False, held="budget") if each.entry in over else each for each in ordered
    )


def over_budget(lore: Sequence[LoreEntry], found: Sequence[Fired], count: Count) -> set[int]:
    """The entries that their budgets leave out: the lowest priority first, then the latest."""
    places = [each.entry for each in found if each.told]
    if not any(lore[n].budget for n in places):
        return set()
    out: set[int] = set()
    total = 0
    for place in sorted(places, key=lambda n: (-lore[n].priority, n)):
        size = count(lore[place].content)
        if lore[place].budget and total + size > lore[place].budget:
            out.add(place)
        else:
            total += size
    return out


def informed(conversation: Conversation, seed: int | None, count: Count = len) -> Conversation:
    """The conversation whose knowledge ends with the passages that fire; itself without lore."""
    direction = conversation.direction
    if not direction.lore or conversation.fired is not None:
        return conversation
    found = fired(direction.lore, conversation.turns, seed, count, conversation.agent)
    passages = tuple(direction.lore[each.entry].content for each in found if each.told)
    knowing = replace(direction, knowledge=(*direction.knowledge, *passages))
    return replace(conversation, direction=knowing, fired=found)


def chancy(lore: Iterable[LoreEntry]) -> bool:
    """Whether some entry is left to the seed, so that a reply needs one to be made again."""
    open_to_it = [each for each in lore if each.enabled]
    if any(map(timed, open_to_it)):
        return False
    return any(0 < each.probability < 1 or each.groups for each in open_to_it)


def traced(prompt: Prompt, conversation: Conversation) -> Prompt:
    """The prompt of an informed conversation, its passages told by their paths, "lore.3.content".

    A family that takes no knowledge reports "lore", and "knowledge" only where the scene has some.
    """
    told = [each.entry for each in conversation.fired or () if each.told]
    if not told:
        return prompt
    own = len(conversation.direction.knowledge) - len(told)
    paths = {f"knowledge.{own + n}": f"lore.{place}.content" for n, place in enumerate(told)}

    def renamed(span: Span) -> Span:
        return replace(span, field=paths[span.field]) if span.field in paths else span

    unsupported = (each for each in prompt.unsupported if own or each != "knowledge")
    return replace(prompt, spans=tuple(map(renamed, prompt.spans)), unsupported=tuple(unsupported))
