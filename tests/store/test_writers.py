"""Several programs write to one store: nobody is refused for want of a turn, nothing is lost."""

import subprocess
import sys

from tertulia.store import Store, TalkId

WRITERS = 8
TURNS = 8

WRITER = """
import sys
from tertulia.conversation import Conversation, Turn
from tertulia.errors import Conflict
from tertulia.store import Store

place, talk, name, turns = *sys.argv[1:4], int(sys.argv[4])
empty = Conversation()
lost = 0
with Store.open(place) as store:
    print("open", flush=True)
    sys.stdin.readline()
    own, last = store.begin(empty), None
    for number in range(turns):
        last = store.keep(own, Turn(name, str(number)), conversation=empty, parent=last)
        said = False
        while not said:
            path = store.path(talk, light=True)
            parent = path[-1].id if path else None
            try:
                store.keep(talk, Turn(name, str(number)), conversation=empty, parent=parent)
                said = True
            except Conflict:
                lost += 1
print(lost, flush=True)
"""


def test_eight_programs_write_to_one_talk_and_each_to_its_own(place: str) -> None:
    from tertulia.conversation import Conversation

    with Store.open(place) as store:
        talk = store.begin(Conversation())
    words = [sys.executable, "-c", WRITER, place, talk]
    writers = [
        subprocess.Popen(
            [*words, f"W{n}", str(TURNS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(WRITERS)
    ]
    for each in writers:
        assert each.stdout and each.stdout.readline() == "open\n"
    ended = [each.communicate("go\n") for each in writers]
    assert [error for _, error in ended] == [""] * WRITERS
    assert_all_is_there(place, talk)


def assert_all_is_there(place: str, talk: TalkId) -> None:
    """Each writer's turns stand in its own talk, and in order on the one path of the shared one."""
    with Store.open(place) as store:
        own = [each for each in store.talks() if each.id != talk]
        assert [each.turns for each in own] == [TURNS] * WRITERS
        path = store.path(talk)
        assert len(path) == len(store.tree(talk)) == WRITERS * TURNS
        for n in range(WRITERS):
            said = [each.turn.text for each in path if each.turn.speaker == f"W{n}"]
            assert said == [str(number) for number in range(TURNS)]
