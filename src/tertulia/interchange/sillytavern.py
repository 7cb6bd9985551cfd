"""SillyTavern's chat files: JSON lines, a header, then a message a line with all of its swipes.

    {"user_name": "Ann", "character_name": "Cosmo", "create_date": "2024-07-12@01h31m37s",
     "chat_metadata": {"scenario": "…", "system_prompt": "…"}}
    {"name": "Ann", "is_user": true, "is_system": false, "send_date": "…", "mes": "hey"}
    {"name": "Cosmo", "is_user": false, "mes": "Hello.", "swipes": ["Hi.", "Hello."],
     "swipe_id": 1, "swipe_info": [{"send_date": "…", "extra": {}}, …], "extra": {}}

Swipes are turns that answer the same turn; the shown one is gone on from. A shown text that is none
of the swipes was edited, and stands beside them. `scenario` is the situation, `system_prompt` the
instruction, and the model's `reasoning` the plan's explanation. What else we direct with stands in
`chat_metadata.tertulia`, which SillyTavern keeps and does not look at; what was changed there since
wins over ours.

Taken, too: files without a header, groups (names per message, "unused" in the header), swipes that
are objects with a `message` (chub.ai), and all four ways in which SillyTavern has written times,
read as UTC where they name no zone.

Sources: src/endpoints/chats.js and public/script.js of SillyTavern/SillyTavern.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tertulia import scene
from tertulia.config import fitted
from tertulia.conversation import Conversation, Plan, Turn
from tertulia.errors import InterchangeError
from tertulia.interchange import Report
from tertulia.interchange._growing import MAX_TURNS, Growing, header, named, table, text, unread
from tertulia.interchange._lines import line
from tertulia.interchange._source import Source
from tertulia.interchange._tree import Tree, is_agents, plan_of, tally
from tertulia.store import StoredTurn, TurnId, WholeTalk

ABOUT = "SillyTavern's chat file, with all swipes"
SUFFIX = ".jsonl"
MEDIA = "application/jsonl"
SIGN = re.compile(r'(?<!\\)"(?:chat_metadata|user_name|character_name|is_user|mes)"\s*:')
HOLDS = frozenset(
    (
        *("created", "names", "plan", "turns.speaker", "turns.created", "turns.plan"),
        "turns.alternatives",
        *Conversation().direction.__dataclass_fields__,
    )
)
MAX_SWIPES = 10_000
"""Of one message; people's have tens."""

UNUSED = "unused"
OWN = "tertulia"
OVERRIDES = {"scenario": "situation", "system_prompt": "instruction"}
"""What SillyTavern lets a chat have instead of its character's -> our name for it."""

MILLISECONDS = 1e11
"""A number this large counts milliseconds, a smaller one seconds: both are of our century."""

HEADER_KEYS = ("user_name", "character_name", "create_date", "chat_metadata")
MESSAGE_KEYS = (
    *("name", "is_user", "is_system", "mes", "send_date", "swipes", "swipe_id", "swipe_info"),
    "extra",
)
NUMBERS = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2}) ?@ ?(\d{1,2})h ?(\d{1,2})m ?(\d{1,2})s(?: ?(\d{1,3})ms)?"
)
MONTHS = "January February March April May June July August September October November December"
WORDS = re.compile(r"([A-Z][a-z]+) (\d{1,2}), (\d{4}) (\d{1,2}):(\d{2}) ?([ap]m)", re.IGNORECASE)


def write(talks: Iterable[WholeTalk], report: Report) -> Iterator[str]:
    """One chat; SillyTavern has one in a file.

    Raises InterchangeError for a second talk.
    """
    for number, talk in enumerate(talks):
        if number:
            raise InterchangeError(
                "a SillyTavern file holds one chat, and there are several talks: export each alone"
            )
        tree = Tree(talk)
        tally(tree, HOLDS, report)
        thoughts(tree, report)
        yield line(headed(tree), report)
        for each in tree.path:
            yield line(message(each, tree), report)


def thoughts(tree: Tree, report: Report) -> None:
    """Of a plan only the explanation has a place; those of other swipes go with them."""
    told = [each for turn in tree.path for each in tree.alternatives(turn) if is_agents(each)]
    if lost := sum(bool(replace(plan_of(each), explanation="")) for each in told):
        report.lose("turns.plan", lost)


def headed(tree: Tree) -> dict[str, Any]:
    talk = tree.talk.header
    told = scene.table(talk)
    del told["turns"]
    metadata = {key: told[field] for key, field in OVERRIDES.items() if told[field]}
    return {
        "user_name": talk.user,
        "character_name": talk.agent,
        "create_date": written(tree.talk.created),
        "chat_metadata": {**metadata, OWN: told},
    }


def message(turn: StoredTurn, tree: Tree) -> dict[str, Any]:
    swipes = tree.alternatives(turn)
    told = {
        "name": turn.turn.speaker,
        "is_user": turn.turn.speaker == tree.talk.header.user,
        "is_system": False,
        "send_date": written(turn.created),
        "mes": turn.turn.text,
        "extra": extra(turn),
    }
    if len(swipes) > 1:
        told["swipes"] = [each.turn.text for each in swipes]
        told["swipe_id"] = next(n for n, each in enumerate(swipes) if each.id == turn.id)
        told["swipe_info"] = [
            {"send_date": written(each.created), "extra": extra(each)} for each in swipes
        ]
    return told


def extra(turn: StoredTurn) -> dict[str, Any]:
    thought = plan_of(turn).explanation if is_agents(turn) else ""
    return {"reasoning": thought} if thought else {}


def written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def read(source: Source, report: Report, moments: Iterator[datetime]) -> Iterator[WholeTalk]:
    """One talk. Raises InterchangeError for what is no message."""
    rows = source.values()
    first = next(rows, None)
    if first is None:
        return
    place, found = first
    top = table(found, place)
    messages = [(place, top)] if "mes" in top else []
    if messages:
        top = {}
    for at, each in rows:
        messages.append((at, table(each, at)))
        if len(messages) > MAX_TURNS:
            raise InterchangeError(f"{at}: more than {MAX_TURNS} messages in one chat: split it")
    talk = opened(top, messages, place, next(moments), report)
    for at, told in messages:
        grow(talk, told, at, report)
    yield talk.whole()


def opened(
    top: Mapping[str, Any],
    messages: list[tuple[str, Mapping[str, Any]]],
    place: str,
    now: datetime,
    report: Report,
) -> Growing:
    """The talk without turns: names and direction of the header, or of the first who speak."""
    unread(top, HEADER_KEYS, "", report)
    metadata = table(top.get("chat_metadata") or {}, f"{place}: chat_metadata")
    unread(metadata, (*OVERRIDES, OWN), "chat_metadata.", report)
    names = {True: text(top, "user_name", place, ""), False: text(top, "character_name", place, "")}
    for where, told in messages:
        side = told.get("is_user") is True
        if names[side] in ("", UNUSED):
            names[side] = text(told, "name", where, "")
    directed = Conversation()
    if metadata.get(OWN) is not None:
        directed = header(metadata[OWN], f"{place}: chat_metadata.{OWN}")
    started = named(names[False], names[True], directed)
    changed: dict[str, Any] = {
        field: text(metadata, key, f"{place}: chat_metadata", "")
        for key, field in OVERRIDES.items()
        if key in metadata
    }
    direction = replace(directed.direction, **changed)
    began = moment(top.get("create_date")) or next(
        (at for _, told in messages if (at := moment(told.get("send_date")))), now
    )
    return Growing(replace(started, direction=direction), began, place)


def grow(talk: Growing, told: Mapping[str, Any], place: str, report: Report) -> None:
    """One message: its swipes side by side, and the talk goes on from the shown one."""
    unread(told, MESSAGE_KEYS, "message.", report)
    if told.get("is_system") is True:
        report.lose("message.is_system")
    said = words(told.get("mes"), f"{place}: mes")
    is_user = told.get("is_user") is True
    usual = talk.scene.user if is_user else talk.scene.agent
    speaker = text(told, "name", place, "") or usual
    if speaker == talk.scene.agent and is_user:
        speaker = talk.scene.user
    swipes = listed(told, "swipes", place)
    details = listed(told, "swipe_info", place)
    report.lose("message.swipe_info", max(0, len(details) - max(1, len(swipes))))
    parent = talk.last
    at = moment(told.get("send_date")) or latest(talk)
    place_of = chosen(swipes, told.get("swipe_id"), said)
    kept: dict[int, TurnId] = {}
    for n, swipe in enumerate(swipes):
        if swipe is None:
            report.lose("message.swipes")
            continue
        detail = table((details[n : n + 1] or [None])[0] or {}, f"{place}: swipe_info[{n}]")
        unread(detail, ("send_date", "extra"), "swipe_info.", report)
        # The shown one's own fields stand with the message.
        own = told if n == place_of else detail
        turn = Turn(speaker, words(swipe, f"{place}: swipes[{n}]"))
        when = moment(detail.get("send_date")) or at
        kept[n] = talk.beside(turn, parent, at=when, plan=thought(own, place, report))
    if place_of in kept:
        talk.last = kept[place_of]
        return
    index = told.get("swipe_id")
    edited = kept.get(index) if isinstance(index, int) else None
    plan = thought(told, place, report)
    talk.last = talk.beside(Turn(speaker, said), parent, at=at, plan=plan, edited_from=edited)


def latest(talk: Growing) -> datetime:
    """When the last turn was said: the time of one that does not tell."""
    return talk.turns[talk.last - 1].created if talk.last else talk.created


def chosen(swipes: list[Any], index: object, said: str) -> int:
    """The place of the shown text among the swipes; -1 when it is none of them."""
    texts = [each.get("message") if isinstance(each, dict) else each for each in swipes]
    if isinstance(index, int) and 0 <= index < len(texts) and texts[index] == said:
        return index
    return texts.index(said) if said in texts else -1


def words(found: object, place: str) -> str:
    """A text, or a chub.ai object around one."""
    if isinstance(found, dict) and "message" in found:
        found = found["message"]
    if found is None:
        raise InterchangeError(f"{place} is missing: a message says something, if only ''")
    told: str = fitted(found, str, place)
    return told


def listed(told: Mapping[str, Any], key: str, place: str) -> list[Any]:
    found = told.get(key)
    if found is None:
        return []
    several: list[Any] = fitted(found, list, f"{place}: {key}")
    if len(several) > MAX_SWIPES:
        raise InterchangeError(
            f"{place}: {len(several)} {key}, more than {MAX_SWIPES}: take some out"
        )
    return several


def thought(told: Mapping[str, Any], place: str, report: Report) -> Plan:
    """What the model thought before it spoke, as the explanation of a plan."""
    found = table(told.get("extra") or {}, f"{place}: extra")
    unread(found, ("reasoning",), "extra.", report)
    why = found.get("reasoning")
    return Plan(explanation=why if isinstance(why, str) else "")


def moment(found: object) -> datetime | None:
    """A time as some SillyTavern wrote it: ISO, milliseconds, 2024-7-12@01h31m37s, in words."""
    try:
        if isinstance(found, (int, float)) and not isinstance(found, bool):
            seconds = found / 1000 if abs(found) > MILLISECONDS else found
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        if not isinstance(found, str):
            return None
        if match := NUMBERS.fullmatch(found.strip()):
            parts = [int(each or 0) for each in match.groups()]
            year, month, day, hour, minute, second, thousandths = parts
            return datetime(year, month, day, hour, minute, second, thousandths * 1000, tzinfo=UTC)
        if match := WORDS.fullmatch(found.strip()):
            return in_words(match)
        told = datetime.fromisoformat(found.strip())
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def in_words(match: re.Match[str]) -> datetime:
    """June 19, 2023 2:20pm."""
    name, day, year, hour, minute, half = match.groups()
    month = MONTHS.split().index(name.capitalize()) + 1
    hours = int(hour) % 12 + (12 if half.lower() == "pm" else 0)
    return datetime(int(year), month, int(day), hours, int(minute), tzinfo=UTC)
