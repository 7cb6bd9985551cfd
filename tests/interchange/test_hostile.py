"""Files made to harm: a typed error with the line, and nothing of the file in the store."""

import io
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia import interchange
from tertulia.errors import InterchangeError, UnknownName
from tertulia.interchange import _source
from tertulia.store import MEMORY, Store
from tests.interchange.talks import FERRY

READ = interchange.forms(reads=True)
JSON = tuple(form for form in READ if form != "persona_chat")
FILES = Path(__file__).parent / "files"
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def good(form: str) -> bytes:
    return (FILES / f"ferry.{form}{interchange.about(form).suffix}").read_bytes()


def refused(form: str, content: bytes) -> str:
    """The message with which a file is refused; nothing of it is kept."""
    with Store.open(MEMORY) as store:
        with pytest.raises(InterchangeError) as caught:
            store.adopt_all(interchange.imported(form, io.BytesIO(content), where="f")[0])
        assert store.talks() == ()
    return str(caught.value)


BAD = {
    "not JSON": (b'{"a": \n', "f line 2 is not JSON"),
    "not UTF-8": (b'{"a": "\xff\xfe"}\n', "f line 2 is not UTF-8 (byte 8 is 0xff)"),
    "a key twice": (b'{"a": 1, "b": 2, "a": 3}\n', "f line 2: key 'a' stands twice"),
    "NaN": (b'{"a": NaN}\n', "f line 2: NaN is not JSON"),
    "a number too large": (b'{"a": 1e999}\n', "f line 2: 1e999 is not JSON"),
    "too many digits": (b'{"a": ' + b"9" * 5000 + b"}\n", "f line 2 is not JSON"),
    "too deep": (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", "f line 2 is nested"),
    "deep": (b'{"a": ' + b"[" * 60 + b"]" * 60 + b"}\n", "f line 2 is nested deeper than 40"),
    "no object": (b"[1, 2]\n", "f line 2"),
    "a text": (b'"hi"\n', "f line 2"),
}


@pytest.mark.parametrize("form", JSON)
@pytest.mark.parametrize("case", BAD)
def test_a_bad_second_line_is_named_and_the_first_is_not_kept(form: str, case: str) -> None:
    line, told = BAD[case]
    first = good(form).splitlines(keepends=True)[0]
    if form == "godel" and case in ("no object", "a text"):
        line = line.replace(b"[1, 2]", b"7")
    assert refused(form, first + line).startswith(told)


@pytest.mark.parametrize("form", READ)
@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_a_file_without_a_talk_is_said_to_be_one(form: str, content: bytes) -> None:
    assert refused(form, content).startswith("f holds no talk")


@pytest.mark.parametrize("form", READ)
def test_a_line_too_long_is_not_read_to_its_end(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_source, "MAX_LINE_BYTES", 1000)
    endless = io.BufferedReader(Endless())
    talks, _ = interchange.imported(form, endless, where="f")
    with pytest.raises(InterchangeError, match="f line 1 is longer than"):
        list(talks)


class Endless(io.RawIOBase):
    """A file that never ends."""

    def readable(self) -> bool:
        return True

    def readinto(self, into: bytearray) -> int:  # type: ignore[override]
        into[:] = b"1" * len(into)
        return len(into)


@pytest.mark.parametrize("form", JSON)
def test_a_line_of_too_many_values_is_refused_before_it_is_parsed(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_source, "MAX_PARTS", 1000)
    crowded = b'{"a": [' + b"[]," * 1000 + b"[]]}\n"
    assert "more than 1000: split it" in refused(form, crowded)
    assert "more than 1000: split it" in refused(form, b"[" + crowded + b"]")


def test_a_file_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_source, "MAX_FILE_BYTES", 1000)
    assert "f is larger than" in refused("godel", good("godel") * 10)


@pytest.mark.parametrize("form", READ)
def test_a_file_with_a_mark_of_its_order_and_windows_lines_is_read(form: str) -> None:
    content = b"\xef\xbb\xbf" + good(form).replace(b"\n", b"\r\n")
    marked, plain = (
        list(interchange.imported(form, io.BytesIO(each), now=NOW)[0])
        for each in (content, good(form))
    )
    assert marked == plain


@pytest.mark.parametrize("form", ["messages", "sharegpt"])
@pytest.mark.parametrize("indent", [None, 2])
def test_one_json_list_of_talks_is_read_like_lines(form: str, indent: int | None) -> None:
    rows = [json.loads(line) for line in good(form).splitlines()] * 3
    content = json.dumps(rows, indent=indent).encode()
    talks, report = interchange.imported(form, io.BytesIO(content), now=NOW)
    assert len(list(talks)) == 3
    one, _ = interchange.imported(form, io.BytesIO(json.dumps(rows[0], indent=indent).encode()))
    assert len(list(one)) == 1


def test_a_bad_row_of_a_list_is_told_by_its_number() -> None:
    content = json.dumps([json.loads(good("messages")), {"messages": 7}]).encode()
    assert refused("messages", content).startswith("f talk 2: messages is 7, must be a list")


@pytest.mark.parametrize("form", READ)
@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "CON", "a\0b", "x" * 100_000])
def test_a_name_is_only_ever_a_name(form: str, name: str, tmp_path: Path) -> None:
    content = json.loads(json.dumps(good(form).decode().replace("Cosmo", "NAME")))
    escaped = json.dumps(json.dumps(name)[1:-1])[1:-1]
    text = content.replace("NAME", name if form == "persona_chat" else escaped)
    if "direction" not in text and form not in ("persona_chat", "godel"):
        text = content.replace("NAME", json.dumps(name)[1:-1])
    with Store.open(tmp_path / "talks.db") as store:
        (talk,) = store.adopt_all(interchange.imported(form, io.BytesIO(text.encode()))[0])
        assert store.path(talk)
    assert {path.name.split("-")[0] for path in tmp_path.iterdir()} == {"talks.db"}


@pytest.mark.parametrize("form", READ)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_and_nothing_else(form: str, data: st.DataObject) -> None:
    content = bytearray(good(form))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.sampled_from(b'{}[]",:0\\nx\xff\n'))
    talks, report = interchange.imported(form, io.BytesIO(bytes(content)))
    try:
        assert all(talk.turns is not None for talk in talks)
    except InterchangeError as error:
        assert str(error)


@pytest.mark.parametrize("form", JSON)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_a_value_of_another_type_is_refused_or_read_and_nothing_else(
    form: str, data: st.DataObject
) -> None:
    rows = [json.loads(line) for line in good(form).splitlines()]
    holders = [holder for row in rows for holder in inside(row)]
    holder, key = data.draw(st.sampled_from(holders))
    holder[key] = data.draw(
        st.sampled_from((None, 7, -1, 1e9, True, "", "x", [], [None], {}, {"a": 1}))
    )
    content = "\n".join(map(json.dumps, rows)).encode()
    with Store.open(MEMORY) as store:
        try:
            store.adopt_all(interchange.imported(form, io.BytesIO(content))[0])
        except InterchangeError as error:
            assert str(error) and store.talks() == ()


def inside(value: object) -> Iterator[tuple[object, object]]:
    """(container, key) of everything in a value."""
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        yield value, key
        yield from inside(value[key])  # type: ignore[index]


def test_a_report_can_be_told_whatever_the_keys_are() -> None:
    row = {"messages": [{"role": "user", "content": "hi", "\ud800": 1, "x" * 9999: 1, "\0": 1}]}
    talks, report = interchange.imported("messages", io.BytesIO(json.dumps(row).encode()))
    assert len(list(talks)) == 1
    told = report.table()["lost"]
    assert len(str(told).encode()) < 400 and "messages.?" in told


def test_a_million_unknown_keys_are_counted_and_not_all_named() -> None:
    rng = random.Random(0)
    row = {"messages": [{"role": "user", "content": "hi"}]}
    row |= {f"{rng.random()}": "x" for _ in range(100_000)}  # type: ignore[misc]
    talks, report = interchange.imported("messages", io.BytesIO(json.dumps(row).encode()))
    list(talks)
    lost = report.table()["lost"]
    assert len(lost) <= interchange.MOST_PATHS + 1 and sum(lost.values()) == 100_000


def changed(**values: object) -> bytes:
    row = json.loads(good("jsonl"))
    for path, value in values.items():
        *way, last = (int(part) if part.isdecimal() else part for part in path.split("__"))
        holder = row
        for part in way:
            holder = holder[part]
        holder[last] = value
    return json.dumps(row).encode()


TREES = {
    "a parent that is not there": (changed(turns__3__parent=77), "turns[3]: parent is 77"),
    "a parent that comes later": (changed(turns__0__parent=3), "turns[0]: parent is 3"),
    "a turn that answers itself": (changed(turns__0__parent=1), "turns[0]: parent is 1"),
    "an id twice": (changed(turns__1__id=1), "turns[1]: id 1 is another turn's too"),
    "an edit of nothing": (changed(turns__5__edited_from=99), "turns[5]: edited_from is 99"),
    "an active turn of nobody": (changed(active=99), "active is 99"),
    "an active turn that is a list": (changed(active=[1]), "active is [1]"),
    "a rating of five": (changed(turns__1__rating=5), "turns[1]: rating is 5"),
    "a rating that is true": (changed(turns__1__rating=True), "turns[1]: rating is True"),
    "a status nobody has": (changed(turns__1__status="x"), "turns[1]: status is 'x'"),
    "a scene that is not there": (changed(turns__1__scene=9), "turns[1]: scene is 9"),
    "a scene before the first": (changed(now=-1), "now is -1"),
    "a scene that is none": (changed(scenes__0__agnet="x"), "no key 'agnet'"),
    "a time that is none": (changed(created="soon"), "created is 'soon'"),
    "a key nobody knows": (changed(mood="x"), "no key 'mood'"),
    "a newer form": (changed(tertulia=2), "tertulia is 2"),
    "a reply that is a text": (changed(turns__1__reply="x"), "turns[1]: reply is 'x'"),
    "a speaker without a name": (changed(turns__1__speaker=""), "turns[1]: speaker is empty"),
}


@pytest.mark.parametrize("case", TREES)
def test_a_tree_that_does_not_hold_together_is_refused(case: str) -> None:
    content, told = TREES[case]
    assert told in refused("jsonl", content)


def test_a_talk_of_too_many_turns_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from tertulia.interchange import _growing, jsonl

    monkeypatch.setattr(_growing, "MAX_TURNS", 3)
    monkeypatch.setattr(jsonl, "MAX_TURNS", 3)
    for form in ("jsonl", "messages", "sharegpt", "sillytavern", "persona_chat"):
        assert "turns" in refused(form, good(form)) and "split" in refused(form, good(form))


def test_a_form_that_is_only_written_is_not_read() -> None:
    with pytest.raises(InterchangeError, match="forms to read are godel, jsonl"):
        interchange.imported("html", io.BytesIO(b""))


def test_a_wrong_name_of_a_form_comes_with_the_nearest() -> None:
    for refused_form in (
        lambda: interchange.exported("sillytaven", [FERRY]),
        lambda: interchange.about("_tree"),
    ):
        with pytest.raises(UnknownName, match="known names are godel, html"):
            refused_form()


def test_a_folder_and_a_file_that_is_not_there_are_told(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere.jsonl", Path("a\0b")):
        with pytest.raises(InterchangeError, match="cannot be read"):
            list(interchange.imported("jsonl", path)[0])


@pytest.mark.parametrize("text", ["", " \n", "\ufeff"])
def test_an_empty_file_is_said_to_be_empty(text: str) -> None:
    with pytest.raises(InterchangeError, match="the file is empty"):
        interchange.guess(text)


@pytest.mark.parametrize("text", ["hello", "<html>", '{"a": 1}', "\0\1\2", '[{"x": [1]}]'])
def test_a_file_of_no_form_is_not_guessed(text: str) -> None:
    with pytest.raises(InterchangeError, match="name the form"):
        interchange.guess(text)
