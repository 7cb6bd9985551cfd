"""The scene: reading, writing, and what is said about wrong ones."""

import io
import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia import scene
from tertulia.conversation import Conversation, Direction, Persona, Plan, Turn
from tertulia.errors import SceneError

SCHEMA_FILE = Path(scene.__file__).with_name("scene.schema.json")

scalar_text = st.text(st.characters(exclude_categories=["Cs"]))
any_text = st.text(st.characters()) | st.sampled_from(["\0", "\r\n", "\ud800", '"""', "\\u0041"])


def conversations(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Conversation]:
    names = texts.filter(bool)
    many = st.lists(texts, max_size=3).map(tuple)
    personas = st.lists(
        st.builds(Persona, texts, many), max_size=3, unique_by=lambda each: each.speaker
    )
    direction = st.builds(
        Direction,
        situation=texts,
        instruction=texts,
        personas=personas.map(tuple),
        knowledge=many,
        memory=many,
    )
    sides = st.tuples(names, names).filter(lambda pair: pair[0] != pair[1])
    turns = st.lists(st.builds(Turn, names, texts, texts), max_size=4).map(tuple)
    plans = st.builds(Plan, goal=texts, skill=texts, explanation=texts)
    return st.builds(
        lambda pair, *rest: Conversation(
            agent=pair[0], user=pair[1], direction=rest[0], plan=rest[1], turns=rest[2]
        ),
        sides,
        direction,
        plans,
        turns,
    )


def paired(text: str) -> bool:
    """Whether a high surrogate stands before a low one: JSON reads them as one character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") != text


unpaired_text = any_text.filter(lambda text: not paired(text))


@given(conversations(unpaired_text))
@settings(max_examples=150, deadline=None)
def test_json_gives_back_every_text(talk: Conversation) -> None:
    written = scene.to_json(talk)
    assert scene.read(written, "a.json") == talk == scene.read(written.encode(), "stdin")


@given(conversations(scalar_text))
@settings(max_examples=150, deadline=None)
def test_toml_gives_back_every_text_it_can_hold(talk: Conversation) -> None:
    assert scene.read(scene.to_toml(talk).encode(), "a.toml") == talk


@given(conversations(scalar_text))
@settings(max_examples=100, deadline=None)
def test_a_table_gives_back_its_conversation_and_meets_the_schema(talk: Conversation) -> None:
    table = scene.table(talk)
    jsonschema.validate(table, scene.SCHEMA)
    assert scene.from_table(table, "table") == talk


@given(st.text(st.characters(), max_size=300))
@settings(max_examples=150, deadline=None)
def test_no_text_is_answered_with_anything_but_a_scene_or_a_scene_error(text: str) -> None:
    try:
        scene.read(text, "some.toml")
        scene.read("{" + text, "stdin")
    except SceneError as error:
        assert str(error)


odd = st.sampled_from([None, True, 1, 0.5, "", "a", [], ["a"], [1], {}, {"a": ["b"]}, {"a": 1}])
turn = st.dictionaries(st.sampled_from((*scene.TURN_KEYS, "x")), odd, max_size=3)
plan = st.dictionaries(st.sampled_from((*scene.PLAN_KEYS, "x")), odd, max_size=2)
odd_tables = st.dictionaries(
    st.sampled_from((*scene.KEYS, "x")), odd | plan | st.lists(turn, max_size=2), max_size=3
)


@given(odd_tables)
@settings(max_examples=150, deadline=None)
def test_reading_and_the_schema_agree_on_what_is_a_scene(table: dict[str, object]) -> None:
    fits = not list(jsonschema.Draft202012Validator(scene.SCHEMA).iter_errors(table))
    same_names = table.get("agent", "Agent") == table.get("user", "User")
    try:
        scene.from_table(table, "table")
    except SceneError:
        assert not fits or same_names
    else:
        assert fits


def test_toml_answers_a_lone_surrogate_with_json() -> None:
    with pytest.raises(SceneError, match=r"lone surrogate \(U\+D800\).*write JSON instead"):
        scene.to_toml(Conversation().said("User", "a\ud800"))


def test_two_personas_of_one_speaker_come_back_as_one() -> None:
    twice = (Persona("Ann", ("a",)), Persona("Ann", ("b",)))
    talk = Conversation(direction=Direction(personas=twice))
    back = scene.read(scene.to_json(talk), "a.json")
    assert back.direction.personas == (Persona("Ann", ("a", "b")),)


def test_the_published_schema_is_the_one_in_the_code() -> None:
    jsonschema.Draft202012Validator.check_schema(scene.SCHEMA)
    assert json.loads(SCHEMA_FILE.read_text()) == scene.SCHEMA


def test_a_byte_order_mark_is_not_part_of_the_scene() -> None:
    assert scene.read(b'\xef\xbb\xbfagent = "Ann"', "a.toml").agent == "Ann"


def test_a_turn_may_come_from_somebody_nobody_introduced() -> None:
    talk = scene.read('[[turns]]\nspeaker = "Passer-by"\ntext = "Hi."', "a.toml")
    assert talk.cast == ("Agent", "User", "Passer-by")


@pytest.mark.parametrize("write", [scene.to_json, scene.to_toml])
def test_ten_thousand_turns_are_read_and_written(write: object) -> None:
    assert callable(write)
    talk = Conversation(turns=tuple(Turn("User", f"Number {n}.") for n in range(10_000)))
    assert scene.read(write(talk), "stdin") == talk


WRONG = {
    '[plan]\ngoals = "x"': "a.toml: plan: no key 'goals': did you mean 'goal'?",
    'Situation = "x"': "a.toml: no key 'Situation': did you mean 'situation'?",
    '[[turns]]\nspeaker = "A"\ntext = ""\nimgae = ""': "a.toml: turns[0]: no key 'imgae': did you",
    '{"agent": "a", "agent": "b"}': "a.toml: key 'agent' stands twice",
    '{"plan": {"goal": "", "goal": ""}}': "a.toml: key 'goal' stands twice",
    'agent = "a"\nagent = "b"': "a.toml is not TOML: Cannot overwrite a value",
    "agent = 3": "a.toml: agent is 3, must be a string",
    '{"agent": null}': "a.toml: agent is None, must be a string",
    '{"agent": NaN}': "a.toml: NaN is not JSON",
    "agent = true": "a.toml: agent is True, must be a string",
    'agent = ""': "a.toml: agent is empty: give a name",
    'agent = "User"': "a.toml: agent and user are both 'User'",
    'knowledge = ["a", 2]': "a.toml: knowledge[1] is 2, must be a string",
    'memory = "a"': "a.toml: memory is 'a', must be a list: write [\"…\"]",
    '[[turns]]\nspeaker = "A"\ntext = ""\nagent = "A"': "a.toml: turns[0]: no key 'agent' in it",
    '[personas]\nAnn = []\nsituation = "x"': "a.toml: personas.situation is 'x': in TOML the keys",
    '{"spec": "chara_card_v2", "data": {}}': "a.toml is a character card, no scene: `tertulia",
    'format = "native"\nengine = "scripted"': "a.toml is an agent file, no scene: give it with --a",
    'personas = ["a"]': "a.toml: personas is ['a'], must be a table",
    '[personas]\nAnn = "a"': "a.toml: personas.Ann is 'a', must be a list",
    '[personas]\n"the cook" = [1]': "a.toml: personas.'the cook'[0] is 1, must be a string",
    "turns = 3": "a.toml: turns is 3, must be a list",
    "turns = [3]": "a.toml: turns[0] is 3, must be a table",
    '[[turns]]\nspeaker = "A"': "a.toml: turns[0] has no text",
    '[[turns]]\ntext = "A"': "a.toml: turns[0] has no speaker",
    '[[turns]]\ntext = ""\nspeaker = ""': "a.toml: turns[0].speaker is empty: give a name",
    'plan = "x"': "a.toml: plan is 'x', must be a table",
    "": "a.toml is empty",
    " \n\t\n": "a.toml is empty",
    "agent = ": "a.toml is not TOML: Invalid value (at end of document)",
    '{"agent": }': "a.toml is not JSON: Expecting value: line 1 column 11",
    '{"agent": ' + "[" * 100_000: "a.toml is nested too deep",
    "turns = " + "[" * 100_000: "a.toml is not TOML: it is nested too deep",
    '{"agent": ' + "1" * 5_000 + "}": "a.toml is not JSON: Exceeds the limit",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: WRONG[text])
def test_a_wrong_scene_is_answered_with_its_place_and_its_cure(text: str) -> None:
    with pytest.raises(SceneError) as caught:
        scene.read(text, "a.toml")
    assert str(caught.value).startswith(WRONG[text])


def test_bytes_that_are_not_utf_8_are_told_from_a_scene() -> None:
    with pytest.raises(SceneError, match=r"byte 9 is 0xff\): save it as UTF-8"):
        scene.read(b'agent = "\xff"', "a.toml")


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n", b"PK\x03\x04"])
def test_a_card_in_the_place_of_a_scene_is_told_how_it_becomes_one(content: bytes) -> None:
    with pytest.raises(SceneError, match=r"`tertulia card import ana\.png` makes a scene of it"):
        scene.read(content, "ana.png")


def test_messages_stay_short_whatever_the_value() -> None:
    with pytest.raises(SceneError) as caught:
        scene.read(json.dumps({"x" * 1_000_000: 1}), "a.json")
    assert len(str(caught.value)) < 300


def test_a_conversation_that_could_not_be_read_back_is_not_written() -> None:
    with pytest.raises(SceneError, match="agent and user are both 'Ann'"):
        scene.to_json(Conversation(agent="Ann", user="Ann"))


def test_a_scene_is_loaded_from_a_file_and_from_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('agent = "Ann"')
    assert scene.load(file) == scene.load("-", io.BytesIO(file.read_bytes()))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="no scene file .*nowhere.toml"):
        scene.load(tmp_path / "nowhere.toml")


def test_a_folder_is_no_scene(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="is a folder: give one scene file in it"):
        scene.load(scene.find(str(tmp_path)))


def test_a_scene_of_fifty_megabytes_is_refused_with_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "large.toml"
    with file.open("wb") as sparse:
        sparse.truncate(50_000_000)
    with pytest.raises(SceneError, match="larger than 8 MB, the most a scene may have"):
        scene.load(file)


def test_a_name_means_a_file_here_before_a_shipped_scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert scene.find("bakery") == scene.shipped()["bakery"]
    Path("bakery.json").write_text("{}")
    assert scene.find("bakery") == Path("bakery.json")


@pytest.mark.parametrize("name", ["bakry", "bakry.toml", "no/such/bakry.json"])
def test_an_unknown_name_is_answered_with_the_nearest_shipped_scene(name: str) -> None:
    with pytest.raises(SceneError, match="did you mean 'bakery'"):
        scene.find(name)


@pytest.mark.parametrize("name", ["a\0b", "x" * 5_000, "\ud800"])
def test_a_name_no_file_can_have_is_an_unknown_name(name: str) -> None:
    with pytest.raises(SceneError, match="no scene"):
        scene.find(name)
