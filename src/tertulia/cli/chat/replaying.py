"""Commands that go back, go another way, or let the other side speak."""

from collections.abc import Iterator
from dataclasses import replace

from tertulia.cli.chat.directing import goal_text, skill_name, with_field
from tertulia.cli.chat.events import Compared, Event, Note, Opening
from tertulia.cli.chat.looking import latest
from tertulia.cli.chat.session import Session
from tertulia.conversation import Conversation
from tertulia.errors import ConfigError, UnknownName
from tertulia.registry import nearest

FIELDS = (
    "situation",
    "instruction",
    "persona",
    "user_persona",
    "knowledge",
    "memory",
    "goal",
    "skill",
    "explanation",
)
LISTS = ("knowledge", "memory")
FIELDS_HELP = (
    f"FIELD is one of {', '.join(FIELDS)}. Same history, same seed; nothing behind the = takes the "
    "direction away, | parts several facts or passages. It is a look aside: the talk goes on "
    "as it was, and the other reply is not kept."
)
MOST_TURNS = 200


def again(session: Session, rest: str) -> Iterator[Event]:
    """The last turn once more; what was pinned for it still holds unless something else is now."""
    talk = session.conversation
    last = session.exchanges.get(len(talk.turns) - 1)
    if last:
        sides = talk if last.before.agent == talk.agent else session.other_side()
        plan = talk.plan.over(last.before.plan)
        before = replace(sides, turns=talk.turns[:-1], plan=plan)
    elif talk.turns and talk.turns[-1].speaker == talk.agent:
        before = replace(talk, turns=talk.turns[:-1])
    else:
        before = talk
    yield from session.speak(before)


def back(session: Session, rest: str) -> Iterator[Event]:
    """Take back the turns from the user's last one on; the last turn when the user has none."""
    talk = session.conversation
    own = [n for n, turn in enumerate(talk.turns) if turn.speaker == talk.user]
    if not talk.turns:
        raise ConfigError("there is nothing to take back: the talk has no turns")
    session.rewind(own[-1] if own else len(talk.turns) - 1)
    turns = session.conversation.turns
    where = f"the last turn is {turns[-1].speaker}: {turns[-1].text}" if turns else "no turns now"
    yield Note(f"taken back; {where}")


def reset(session: Session, rest: str) -> Iterator[Event]:
    instructions = session.instructions
    session.begin(replace(session.conversation, turns=()))
    session.instructions = instructions
    yield Note("a fresh start under the same directions")


def swap(session: Session, rest: str) -> Iterator[Event]:
    session.conversation = session.other_side()
    talk = session.conversation
    yield Note(f"you are {talk.user} now, and {talk.agent} answers")
    yield from session.warnings()
    if session.expects_reply:
        yield from session.speak(talk)


def self_talk(session: Session, rest: str) -> Iterator[Event]:
    """Both sides by the model, each under its own direction; what is pinned is for the first."""
    if not (rest or "4").isdecimal() or not 1 <= int(rest or "4") <= MOST_TURNS:
        raise ConfigError(f"/self {rest!r}: give a number of turns from 1 to {MOST_TURNS}")
    for _ in range(int(rest or "4")):
        turns, agent = session.conversation.turns, session.conversation.agent
        mine = not turns or turns[-1].speaker != agent
        yield from session.speak(session.conversation if mine else session.other_side())


def counterfactual(session: Session, rest: str) -> Iterator[Event]:
    last = latest(session)
    field, equals, value = rest.partition("=")
    field, value = field.strip(), value.strip()
    if not equals:
        raise ConfigError("/counterfactual needs FIELD=VALUE, such as /counterfactual goal=7")
    if field not in FIELDS:
        raise UnknownName(f"no direction {field!r}: {nearest(field, FIELDS)}")
    changed = redirected(last.before, field, value)
    yield Opening(changed.agent)
    second = last.agent.reply(changed, seed=last.reply.seed)
    yield Compared(f"{field} = {value}" if value else f"without {field}", last.reply, second)


def redirected(before: Conversation, field: str, value: str) -> Conversation:
    """The conversation with one direction replaced; an empty value takes it away."""
    facts = tuple(part.strip() for part in value.split("|")) if value else ()
    if field in ("persona", "user_persona"):
        speaker = before.agent if field == "persona" else before.user
        return before.directed(before.direction.with_facts(speaker, facts))
    if field in LISTS:
        return before.directed(with_field(before.direction, field, facts))
    if field in ("situation", "instruction"):
        return before.directed(with_field(before.direction, field, value))
    if value and field == "goal":
        value = goal_text(value)
    if value and field == "skill":
        value = skill_name(value)
    return before.planned(replace(before.plan, **{field: value}))


def fields() -> tuple[str, ...]:
    return tuple(f"{field}=" for field in FIELDS)
