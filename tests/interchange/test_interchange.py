"""Every form: what is not in its report comes back as it was; its names, its signs, its errors."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings

from tertulia import interchange
from tertulia.interchange._tree import Tree, is_agents, plan_of, undirected
from tertulia.store import TalkId, WholeTalk
from tests.interchange.talks import talks

NOW = datetime(2026, 5, 1, tzinfo=UTC)
LOSSY = ("messages", "sharegpt", "sillytavern", "godel", "persona_chat")
READ = interchange.forms(reads=True)


def written(form: str, *talks: WholeTalk) -> tuple[str, Mapping[str, int]]:
    pieces, report = interchange.exported(form, talks)
    text = "".join(pieces)
    lost: Mapping[str, int] = report.table()["lost"]
    return text, lost


def read(form: str, text: str | bytes) -> tuple[list[WholeTalk], interchange.Report]:
    content = text.encode() if isinstance(text, str) else text
    found, report = interchange.imported(form, io.BytesIO(content), where="talk", now=NOW)
    return list(found), report


def there_and_back(form: str, whole: WholeTalk) -> tuple[WholeTalk | None, Mapping[str, int]]:
    text, lost = written(form, whole)
    if not text:
        return None, lost
    (back,), _ = read(form, text)
    return back, lost


def swipes(tree: Tree) -> list[tuple[str, list[str]]]:
    return [
        (each.turn.text, sorted(other.turn.text for other in tree.alternatives(each)))
        for each in tree.path
    ]


def said_by(tree: Tree) -> list[str]:
    """Who speaks, where the names themselves may be lost."""
    sides = {tree.talk.header.agent: "agent", tree.talk.header.user: "user"}
    return [sides.get(each.turn.speaker, "another") for each in tree.path]


def facts(tree: Tree) -> list[tuple[str, ...]]:
    talk = tree.talk.header
    return [talk.direction.facts(speaker) for speaker in (talk.agent, talk.user, "Third")]


SEEN: Mapping[str, Callable[[Tree], object]] = {
    "names": lambda tree: (tree.talk.header.agent, tree.talk.header.user),
    "situation": lambda tree: tree.talk.header.direction.situation,
    "instruction": lambda tree: tree.talk.header.direction.instruction,
    "personas": facts,
    "knowledge": lambda tree: tree.talk.header.direction.knowledge,
    "memory": lambda tree: tree.talk.header.direction.memory,
    "lore": lambda tree: tree.talk.header.direction.lore,
    "plan": lambda tree: tree.talk.header.plan,
    "title": lambda tree: tree.talk.title,
    "created": lambda tree: tree.talk.created,
    "agent_file": lambda tree: (tree.talk.agent, tree.talk.agent_name),
    "turns.speaker": said_by,
    "turns.text": lambda tree: [each.turn.text for each in tree.path],
    "turns.image": lambda tree: [each.turn.image for each in tree.path],
    "turns.created": lambda tree: [each.created for each in tree.path],
    "turns.direction": lambda tree: [
        undirected(each.scene) == undirected(tree.talk.header) for each in tree.path
    ],
    "turns.plan": lambda tree: [plan_of(each) for each in tree.path if is_agents(each)],
    "turns.reply": lambda tree: [each.reply for each in tree.path],
    "turns.rating": lambda tree: [each.rating for each in tree.path],
    "turns.note": lambda tree: [each.note for each in tree.path],
    "turns.status": lambda tree: [each.status for each in tree.path],
    "turns.alternatives": swipes,
    "turns.branches": lambda tree: tree.off_path()[1],
    "turns.hidden": lambda tree: len(tree.talk.turns) - len(tree.turns),
}
"""Part of a talk -> how to look at it."""

BLURS = {
    "surrogates": {*SEEN},
    "turns.text": {"turns.text", "turns.alternatives"},
    "turns.speaker": {"turns.speaker", "turns.plan"},
    "turns.unanswered": {path for path in SEEN if path.startswith("turns.")},
    "turns.empty": {path for path in SEEN if path.startswith("turns.")},
    "turns.direction": {"turns.plan"},
    "names": {"turns.plan"},
}
"""What a path of a report also stands for."""


@settings(deadline=None, max_examples=60)
@given(whole=talks())
def test_our_own_form_gives_back_the_very_same_talk(whole: WholeTalk) -> None:
    text, lost = written("jsonl", whole)
    (back,), _ = read("jsonl", text)
    same = json.loads(json.dumps(lost)) == {}
    assert same and replace(back, id=TalkId("")) == replace(unsplit(whole), id=TalkId(""))


def unsplit(whole: WholeTalk) -> WholeTalk:
    """Each turn with the id of its talk, as the store has it."""
    return replace(whole, turns=tuple(replace(each, talk=whole.id) for each in whole.turns))


@pytest.mark.parametrize("form", LOSSY)
@settings(deadline=None, max_examples=60)
@given(whole=talks())
def test_what_a_report_does_not_list_comes_back(form: str, whole: WholeTalk) -> None:
    back, lost = there_and_back(form, whole)
    if back is None:
        assert {"talks without turns", "talks without replies"} & set(lost)
        return
    blurred = {other for path in lost for other in (path, *BLURS.get(path, ()))}
    before, after = Tree(whole), Tree(back)
    for path, look in SEEN.items():
        if path not in blurred:
            assert (path, look(after)) == (path, look(before))
