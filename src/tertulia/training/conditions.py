"""From a dialogue to what a model is shown: one prefix, one tail, a random part of the direction.

An example is a Conversation ending before some turn of the side taken as agent, the reply that
follows, and which fields of its plan are given or to be thought up. Every direction is dropped at
random, so that any subset works; in public sets much of it is mined from the text itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from tertulia.conversation import Conversation, Direction, Persona, Plan, Turn
from tertulia.data import Dialogue, Note
from tertulia.training import mining

NAMES = tuple(
    "Alex Sam Maya Leo Nora Ben Ruby Omar Lena Tom Priya Jack Ana Kofi Rosa Max Ines Hugo Mei Carl"
    " Zoe Ivan Lucy Noah Tara Emil Jo Amir Bea Dan Cosmo Friend Elena Finn Grace Yuki Pablo Vera"
    " Otis Freya Marco Hana Theo Clara Musa Ada Igor Lily Reza Stella".split()
)
ROLES = {"persuasion_for_good", "multiwoz21_val_test", "taskmaster4"}
"""Sets whose speaker names say what a speaker is to do."""

SERVICE = {
    ("multiwoz21_val_test", "assistant"): "You are an assistant who helps visitors of a town.",
    ("taskmaster4", "assistant"): "You are a coffee bar worker and you are talking to a customer.",
    ("persuasion_for_good", "Persuader"): "Persuade the other person to donate to the charity.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """How often something is shown, in [0, 1]; for what a set gives and for what is mined."""

    given: float = 0.6  # each condition of the set is kept this often, so dropped 40 %
    own_facts: float = 0.75
    other_facts: float = 0.5
    mined_knowledge: float = 0.35
    topic: float = 0.25
    goal: float = 0.55
    goal_thought: float = 0.12
    skill: float = 0.3
    skill_thought: float = 0.1
    no_plan: float = 0.3  # scenes: the reply comes without any plan
    field_given: float = 0.35  # scenes: each field, when there is a plan
    field_thought: float = 0.45
    history: float = (
        1.0  # scenes: the turns before the tail are learned too; they come in many tails
    )
    swapped: float = 0.2  # scenes: the other side is taken as agent
    default_names: float = 0.4
    names_in_turns: float = 0.05
    aimless: float = 1.0  # public sets: a tail in which no direction shows is kept this often


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What is rendered for training.

    conversation  up to the reply, with the part of the plan that is given
    reply         the tail to be learned
    thought       the fields of the plan the model is to write itself
    names         the speakers' names are written in every turn
    history       the turns before the reply are learned as well
    own           of these only the agent's own
    """

    conversation: Conversation
    reply: Turn
    thought: Plan
    names: bool
    history: bool = True
    own: bool = False


def examples(
    dialogue: Dialogue, known: mining.Lexicon, odds: Odds, chance: Random, most_words: int
) -> Iterator[Example]:
    """Prefixes that together show every turn about once (scenes: every planned turn as a tail).

    most_words  words of turns in one example at most; the oldest turns are forgotten first
    """
    turns = dialogue.conversation.turns
    if dialogue.source == "scenes":
        swap = chance.random() < odds.swapped and may_swap(dialogue.conversation)
        agent = dialogue.conversation.user if swap else dialogue.conversation.agent
        tails = [n for n, turn in enumerate(turns) if turn.speaker == agent]
        for last in tails:
            yield scene_example(dialogue, last, swap, odds, chance, most_words)
        return
    last = len(turns) - 1 - chance.choice((0, 0, 0, 1, 2))
    while last >= 0:
        first = start(turns, last, chance.randint(most_words // 3, most_words))
        example = mined_example(dialogue, first, last, known, odds, chance)
        if shows(example) or chance.random() < odds.aimless:
            yield example
        again = 2 < first < last - 1 and chance.random() < 0.3  # two turns are shown twice
        last = first + 1 if again else first - 1


def start(turns: Sequence[Turn], last: int, most_words: int) -> int:
    """The first turn of the longest run ending at `last` that has at most so many words."""
    words = len(turns[last].text.split())
    first = last
    while first > 0 and words + len(turns[first - 1].text.split()) + 2 <= most_words:
        first -= 1
        words += len(turns[first].text.split()) + 2
    return first


def may_swap(talk: Conversation) -> bool:
    """Whether the direction says who the user is, so that he can be played as well."""
    return bool(talk.direction.situation or talk.direction.facts(talk.user))


def scene_example(
    dialogue: Dialogue, last: int, swap: bool, odds: Odds, chance: Random, most_words: int
) -> Example:
    """One planned turn of a scene, with a random part of the scene's direction."""
    talk = dialogue.conversation.swapped() if swap else dialogue.conversation
    first = start(talk.turns, last, most_words)
    given, thought = split(dialogue.notes[last].plan, odds, chance)
    direction = thinned(talk.direction, odds, chance)
    if swap:
        direction = replace(direction, instruction="")
    kept = replace(talk, direction=direction, plan=given, turns=talk.turns[first:last])
    names = chance.random() < odds.names_in_turns
    history = chance.random() < odds.history
    return Example(
        conversation=kept, reply=talk.turns[last], thought=thought, names=names, history=history
    )


def thinned(direction: Direction, odds: Odds, chance: Random) -> Direction:
    """Each part kept by chance; of a persona that is kept, now and then a fact is lost."""

    def keep() -> bool:
        return chance.random() < odds.given

    personas = tuple(
        Persona(each.speaker, tuple(fact for fact in each.facts if chance.random() < 0.9))
        for each in direction.personas
        if keep()
    )
    return Direction(
        situation=direction.situation if keep() else "",
        instruction=direction.instruction if keep() else "",
        personas=personas,
        knowledge=direction.knowledge if chance.random() < 0.75 else (),
        memory=direction.memory if chance.random() < 0.75 else (),
    )


def split(plan: Plan, odds: Odds, chance: Random) -> tuple[Plan, Plan]:
    """A plan as (given, to be thought up); what is in neither is left out."""
    if chance.random() < odds.no_plan:
        return Plan(), Plan()
    if chance.random() < 0.25:  # as the planner asks: nothing given, all to be written
        return Plan(), plan
    given: dict[str, str] = {}
    thought: dict[str, str] = {}
    for name in ("goal", "skill", "explanation"):
        draw = chance.random()
        if draw < odds.field_given:
            given[name] = getattr(plan, name)
        elif draw < odds.field_given + odds.field_thought:
            thought[name] = getattr(plan, name)
    return Plan(**given), Plan(**thought)


def mined_example(
    dialogue: Dialogue, first: int, last: int, known: mining.Lexicon, odds: Odds, chance: Random
) -> Example:
    """One run of turns of a public set, under direction that is given or mined."""
    talk = dialogue.conversation
    if talk.turns[last].speaker != talk.agent:
        talk = talk.swapped()
    shown = range(first, last + 1)
    names = dict(zip((talk.agent, talk.user), called(dialogue, talk, odds, chance), strict=True))
    agent, user = names.values()
    personas = tuple(
        Persona(names[side], tuple(mined_facts(dialogue, side, shown, share, odds, chance)))
        for side, share in ((talk.agent, odds.own_facts), (talk.user, odds.other_facts))
    )
    given, thought = mined_plan(dialogue, last, known, odds, chance)
    direction = Direction(
        situation=situation(dialogue, agent, user, odds, chance),
        instruction=instruction(dialogue, talk.agent, agent, user, odds, chance),
        personas=personas,
        knowledge=tuple(mined_knowledge(talk.turns, dialogue.notes, shown, odds, chance)),
    )
    turns = tuple(replace(turn, speaker=names[turn.speaker]) for turn in talk.turns[first:last])
    kept = Conversation(agent=agent, user=user, direction=direction, plan=given, turns=turns)
    return Example(
        conversation=kept,
        reply=replace(talk.turns[last], speaker=agent),
        thought=thought,
        names=chance.random() < odds.names_in_turns,
    )


def shows(example: Example) -> bool:
    """Whether some direction that is given can be seen in the reply."""
    talk = example.conversation
    told = (*talk.direction.facts(talk.agent), *talk.direction.knowledge)
    said = mining.content(example.reply.text)
    aimed = talk.plan or example.thought
    return bool(aimed) or any(mining.content(each) & said for each in told)


def mined_facts(
    dialogue: Dialogue, speaker: str, shown: range, share: float, odds: Odds, chance: Random
) -> list[str]:
    """Facts of one speaker: the set's own, else his words about himself, seen turns first."""
    turns = dialogue.conversation.turns
    told = dialogue.conversation.direction.facts(speaker)
    if told:
        if chance.random() > odds.given + 0.1:
            return []
        kept = [fact if chance.random() < 0.1 else fact[:1].lower() + fact[1:] for fact in told]
        kept = [fact.replace(" I ", " i ").replace(" I'm ", " i'm ") for fact in kept]
        chance.shuffle(kept)
        return kept
    if chance.random() > share:
        return []
    seen = mining.facts([turns[n].text for n in shown if turns[n].speaker == speaker])
    unseen = [
        each
        for each in mining.facts([turn.text for turn in turns if turn.speaker == speaker])
        if each not in seen
    ]
    chance.shuffle(seen)
    chance.shuffle(unseen)
    kept = seen[:4] + unseen[: chance.randint(0, 2)]
    chance.shuffle(kept)
    return kept


def mined_plan(
    dialogue: Dialogue, last: int, known: mining.Lexicon, odds: Odds, chance: Random
) -> tuple[Plan, Plan]:
    """The plan of a reply as its words betray it: (given, to be thought up)."""
    turns, note = dialogue.conversation.turns, dialogue.notes[last]
    text = turns[last].text
    goal = drawn_goal(text, turns[last - 1].text if last else "", known, chance)
    skills = mining.skills(text, dialogue.source, note.acts)
    skill = chance.choice(skills) if skills else ""
    given, thought = {}, {}
    draw = chance.random()
    if draw < odds.goal:
        given["goal"] = goal
    elif draw < odds.goal + odds.goal_thought:
        thought["goal"] = goal
    draw = chance.random()
    if draw < odds.skill:
        given["skill"] = skill
    elif draw < odds.skill + odds.skill_thought:
        thought["skill"] = skill
    return Plan(**given), Plan(**thought)


def drawn_goal(text: str, before: str, known: mining.Lexicon, chance: Random) -> str:
    """One of the goals the reply betrays; topic words two times in three when there are any."""
    topics = mining.topic_goals(text, known)
    surface = mining.surface_goals(text, before)
    if topics and (not surface or chance.random() < 0.67):
        return chance.choices(list(topics), list(topics.values()))[0]
    return chance.choice(surface) if surface else ""


def mined_knowledge(
    turns: Sequence[Turn], notes: Sequence[Note], shown: range, odds: Odds, chance: Random
) -> list[str]:
    """Passages that a shown turn draws on; at most two, the reply's first.

    Where the set gives none, a sentence of a turn that states something about the world serves.
    """
    found: dict[str, None] = {}
    for n in reversed(shown):
        for passage in notes[n].knowledge:
            if (kept := mining.passage(passage, turns[n].text)) and chance.random() < 0.7:
                found[kept] = None
    share = odds.mined_knowledge if not found else odds.mined_knowledge / 3
    if chance.random() < share:
        for n in reversed(shown):
            stated = mining.statements(turns[n].text)
            if stated and chance.random() < 0.6:
                found[chance.choice(stated)] = None
    kept_passages = list(found)[: chance.choice((1, 2, 2))]
    chance.shuffle(kept_passages)
    return kept_passages if chance.random() < 0.9 else []


def situation(dialogue: Dialogue, agent: str, user: str, odds: Odds, chance: Random) -> str:
    """The set's own situation, else one made of its topic."""
    if own := dialogue.conversation.direction.situation:
        return own if chance.random() < odds.given else ""
    topic = dialogue.topic
    if not topic or chance.random() > odds.topic:
        return ""
    frames = (
        f"Two friends are talking about {topic}.",
        f"{agent} and {user} talk about {topic}.",
        f"{agent} is having a friendly conversation with {user} about {topic}.",
    )
    return chance.choice(frames)


def instruction(
    dialogue: Dialogue, role: str, agent: str, user: str, odds: Odds, chance: Random
) -> str:
    """What the agent's part in the set is, else a plain role or a topic.

    role  the agent's name in the set; agent, user: the names shown
    """
    if part := SERVICE.get((dialogue.source, role)):
        return part if chance.random() < odds.given else ""
    if chance.random() > odds.topic:
        return ""
    frames = [f"You are {agent} and you are talking to {user}."]
    if dialogue.topic:
        frames.append(f"You are talking to a friend about {dialogue.topic}.")
        frames.append(f"Talk about {dialogue.topic}.")
    return chance.choice(frames)


def called(dialogue: Dialogue, talk: Conversation, odds: Odds, chance: Random) -> tuple[str, str]:
    """Names for (agent, user): their own words, their part, the defaults, or drawn."""
    if dialogue.source in ROLES and chance.random() < 0.5:
        return talk.agent.capitalize(), talk.user.capitalize()
    texts = {
        speaker: [turn.text for turn in talk.turns if turn.speaker == speaker]
        for speaker in (talk.agent, talk.user)
    }
    told = [mining.told_name(texts[speaker]) for speaker in (talk.agent, talk.user)]
    if chance.random() < odds.default_names:
        drawn = ["Agent", "User"]
    else:
        drawn = chance.sample(NAMES, 2)
    agent, user = (own or name for own, name in zip(told, drawn, strict=True))
    return (agent, user) if agent != user else (agent, "User")
