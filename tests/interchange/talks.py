"""Talks to export: one written by hand that has everything, and any talk at all."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from tertulia.conversation import Conversation, Direction, LoreEntry, Persona, Plan, Turn
from tertulia.store import StoredTurn, TalkId, TurnId, WholeTalk

BEGAN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SCENE = Conversation(
    agent="Cosmo",
    user="Friend",
    direction=Direction(
        situation="Two friends on a ferry.",
        instruction="Be kind.",
        personas=(Persona("Cosmo", ("i like cats.", "i row.")), Persona("Friend", ("i bake.",))),
        knowledge=("The ferry leaves at nine.", "Tickets are two euros."),
        memory=("Friend was ill.",),
    ),
)


def stored(
    id: int,
    parent: int | None,
    speaker: str,
    text: str,
    *,
    scene: Conversation = SCENE,
    plan: Plan | None = None,
    image: str = "",
    **more: object,
) -> StoredTurn:
    return StoredTurn(
        id=TurnId(id),
        talk=TalkId("t"),
        parent=None if parent is None else TurnId(parent),
        created=BEGAN + timedelta(seconds=id),
        turn=Turn(speaker, text, image),
        scene=scene.planned(plan or Plan()),
        **{"reply": None, **more},  # type: ignore[arg-type]
    )


def talk(*turns: StoredTurn, active: int | None, scene: Conversation = SCENE) -> WholeTalk:
    last = max((each.created for each in turns), default=BEGAN)
    return WholeTalk(
        id=TalkId("20260301-120000-abcd"),
        created=BEGAN,
        changed=last,
        title="On the ferry",
        agent_name="mini",
        agent='format = "native"\n',
        scene=scene,
        header=scene,
        turns=turns,
        active=None if active is None else TurnId(active),
    )


FERRY = talk(
    stored(1, None, "Friend", "Is that our ferry?"),
    stored(2, 1, "Cosmo", "No idea.", rating=-1, note="lazy"),
    stored(
        3,
        1,
        "Cosmo",
        "It is! It leaves at nine.",
        plan=Plan(goal="reassure", skill="Helpfulness", explanation="They worry."),
        image="a white ferry",
        rating=1,
    ),
    stored(4, 3, "Friend", "Good."),
    stored(5, 4, "Cosmo", "Ticket?"),
    stored(6, 4, "Cosmo", "Shall I buy the tickets?", edited_from=TurnId(5)),
    stored(7, 2, "Friend", "Look again."),
    stored(8, 7, "Cosmo", "Nine o'clock, ours."),
    stored(9, 3, "Friend", "bd", hidden=True),
    active=6,
)
"""Swipes, an edit, ratings, a branch, a plan, a picture, a hidden turn."""

NASTY = (
    *("", " ", "\n", "\t", "|", "\\n", "\r\n", "a\nb", " x ", "EOS", "a EOS b", "=>", "¦"),
    *("<think>x</think>", "[Image: a cat]", "\n[Image: a cat]", "Friend: hi", "__SILENCE__"),
    *("your persona: i lie.", "\ud800", "\u202e", "\u2028", "\x85", "\0", "안녕 ☕", "</script>"),
    *('{"messages": [', "1 your persona: x", "NaN", "\ufeff", "é", "e\u0301", "😀"),
)
TEXTS = st.sampled_from(NASTY) | st.text(max_size=8)
NAMES = TEXTS.filter(bool)
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
REPLIES = st.none() | st.dictionaries(
    TEXTS,
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | TEXTS,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
        max_leaves=4,
    ),
    max_size=2,
)


@st.composite
def scenes(draw: st.DrawFn) -> Conversation:
    agent, user = draw(st.lists(NAMES, min_size=2, max_size=2, unique=True))
    people = draw(st.lists(st.sampled_from((agent, user, "Third")), max_size=2, unique=True))
    facts = st.lists(TEXTS, max_size=2).map(tuple)
    lists = st.lists(TEXTS, max_size=2).map(tuple)
    return Conversation(
        agent=agent,
        user=user,
        direction=Direction(
            situation=draw(TEXTS),
            instruction=draw(TEXTS),
            personas=tuple(Persona(who, draw(facts)) for who in people),
            knowledge=draw(lists),
            memory=draw(lists),
            lore=tuple(LoreEntry(content=each, keys=("k",)) for each in draw(lists)),
        ),
        plan=draw(plans()),
    )


def plans() -> st.SearchStrategy[Plan]:
    return st.builds(Plan, goal=TEXTS, skill=TEXTS, explanation=TEXTS) | st.just(Plan())


@st.composite
def talks(draw: st.DrawFn) -> WholeTalk:
    """A tree of up to eight turns: replies, alternatives, branches, ratings, another direction."""
    directions = draw(st.lists(scenes(), min_size=1, max_size=2))
    turns: list[StoredTurn] = []
    for number in range(1, draw(st.integers(0, 8)) + 1):
        turns.append(draw(grown(number, turns, directions)))
    ids: list[int | None] = [None, *(each.id for each in turns)]
    active = draw(st.sampled_from(ids))
    while active is not None and any(each.hidden for each in turns if each.id == active):
        active = next(each.parent for each in turns if each.id == active)
    return WholeTalk(
        id=TalkId(draw(NAMES)),
        created=draw(TIMES),
        changed=draw(TIMES),
        title=draw(TEXTS),
        agent_name=draw(TEXTS),
        agent=draw(TEXTS),
        scene=directions[0],
        header=draw(st.sampled_from(directions)),
        turns=tuple(turns),
        active=None if active is None else TurnId(active),
    )


@st.composite
def grown(
    draw: st.DrawFn, number: int, turns: list[StoredTurn], directions: list[Conversation]
) -> StoredTurn:
    scene = draw(st.sampled_from(directions))
    # Mostly the newest one is answered, so that some talks have a length.
    ids: list[int | None] = [None, *(each.id for each in turns)]
    parent = draw(st.sampled_from(ids) | st.just(ids[-1]))
    speaker = draw(st.sampled_from((scene.agent, scene.user, scene.agent, scene.user, "Third")))
    return StoredTurn(
        id=TurnId(number),
        talk=TalkId("t"),
        parent=None if parent is None else TurnId(parent),
        created=draw(TIMES),
        turn=Turn(speaker, draw(TEXTS), draw(TEXTS | st.just(""))),
        scene=scene.planned(draw(plans())),
        reply=draw(REPLIES),
        edited_from=draw(st.sampled_from([None, *(each.id for each in turns)])),
        rating=draw(st.sampled_from((None, -1, 0, 1))),
        note=draw(TEXTS),
        hidden=draw(st.sampled_from((False, False, False, True))),
        status=draw(st.sampled_from(("whole", "whole", "stopped", "interrupted"))),
    )
