"""`tertulia card`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tertulia import cards, scene
from tertulia.cli import main
from tests.cards.made import as_json, as_png, card, entry

Typed = Callable[[str | bytes], None]


@pytest.fixture
def ana(tmp_path: Path) -> str:
    """A card in a picture, in the folder the test runs in."""
    (tmp_path / "ana.png").write_bytes(as_png(("ccv3", card())))
    return "ana.png"


def test_a_card_becomes_a_scene_file_here(ana: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", "import", ana, "--user", "Bo"]) == 0
    out = capsys.readouterr().out
    assert "Written to ana.toml; play it: tertulia chat ana.toml" in out
    expected, _ = cards.scene(cards.read(Path(ana).read_bytes()), user="Bo")
    assert scene.load("ana.toml") == expected


def test_the_report_is_told(ana: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["card", "import", ana])
    out = capsys.readouterr().out
    for line in (
        "Ana: a PNG card, chara_card_v3",
        "  description                personas.Ana.0-2  a fact for each line",
        "  1 lore entry               lore",
        "  x_later                   not known here",
        "It has 2 openings; number 0 was taken (--greeting N).",
        "Its creator says: Written for a test.",
    ):
        assert line in out.split("\n")


def test_options_choose_greeting_seed_and_examples(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(as_json(card(scenario="{{roll:1000000}}")))
    words = ["card", "import", "a.json", "--greeting", "1", "--seed", "5", "--examples", "turns"]
    assert main([*words, "-o", "one.json"]) == main([*words, "-o", "two.toml"]) == 0
    one, two = scene.load("one.json"), scene.load("two.toml")
    assert one == two and one.turns[-1].text == "Hush." and one.direction.memory == ()


def test_a_scene_that_is_there_is_kept_unless_forced(
    ana: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ana.toml").write_text("mine")
    assert main(["card", "import", ana]) == 2
    assert "ana.toml is there already: add --force" in capsys.readouterr().err
    assert (tmp_path / "ana.toml").read_text() == "mine"
    assert main(["card", "import", ana, "--force"]) == 0 and scene.load("ana.toml").agent == "Ana"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ana.png", "ana.toml"]


def test_the_file_is_named_by_the_card_s_file_and_never_by_the_card(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(as_json(card(name="../../out")))
    assert main(["card", "import", "x.json"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.json", "x.toml"]


def test_a_card_from_stdin_goes_to_stdout(typed: Typed, capsys: pytest.CaptureFixture[str]) -> None:
    typed(as_json(card()))
    assert main(["card", "import", "-", "-o", "-"]) == 0
    told = capsys.readouterr()
    assert scene.read(told.out, "stdout").agent == "Ana" and "a JSON card" in told.err


def test_a_card_from_stdin_has_no_name_to_write_to(
    typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(as_json(card()))
    assert main(["card", "import", "-"]) == 2
    assert "with -o SCENE" in capsys.readouterr().err


def test_the_report_as_json(ana: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", "import", ana, "--json", "--format", "cosmo"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["path"] == "ana.toml" and told["spec"] == "chara_card_v3"
    assert told["agent"] == {
        "name": "cosmo",
        "missed": ["description", "personality", "mes_example", "character_book"],
    }


def test_an_agent_that_takes_all_of_it_says_how_much_room_it_needs(
    ana: str, script: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["card", "import", ana, "--agent", script]) == 0
    out = capsys.readouterr().out
    assert "script takes all of it." in out and " tokens." in out


def test_a_card_that_does_not_fit_is_imported_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "long.json").write_bytes(as_json(card(scenario="word " * 3_000)))
    assert main(["card", "import", "long.json", "--agent", "mini"]) == 1
    assert "It does not fit mini: the prompt has" in capsys.readouterr().out
    assert scene.load("long.toml").agent == "Ana"


def test_nothing_of_a_card_reaches_the_terminal_as_a_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J"
    book = {"entries": [entry(f"{evil}(", use_regex=True)]}
    document = card(name=f"A{evil}", creator_notes=evil, character_book=book, scenario=evil)
    document["data"][evil] = evil
    (tmp_path / "a.json").write_bytes(as_json(document))
    for words in (["import", "a.json"], ["show", "a.json"]):
        assert main(["card", *words]) == 0
        assert "\x1b" not in (out := capsys.readouterr().out) and "\x07" not in out


def test_show_tells_what_is_in_it(ana: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", "show", ana]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Ana: chara_card_v3, PNG, ") and "  {{char}} keeps bees." in out


def test_show_as_json_has_the_whole_card(ana: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", "show", ana, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["card"] == card() and (told["form"], told["keyword"]) == ("png", "ccv3")


def test_export_in_its_own_form_is_the_same_file(ana: str, tmp_path: Path) -> None:
    assert main(["card", "export", ana, "-o", "again.png"]) == 0
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / ana).read_bytes()


def test_export_tells_what_another_form_loses(ana: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", "export", ana, "-o", "ana.json"]) == 0
    assert capsys.readouterr().out.split("\n")[1] == "not as it was: the picture"
    assert json.loads(Path("ana.json").read_bytes()) == card()


@pytest.mark.parametrize("form", cards.FORMS)
def test_a_scene_becomes_a_new_card(form: str) -> None:
    assert main(["card", "export", "bad_day", "-o", f"day.{form}"]) == 0
    made = cards.read(Path(f"day.{form}").read_bytes())
    assert made.spec == "chara_card_v3" and made.name == "Tom"


def test_a_scene_in_json_is_no_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "talk.json").write_text(scene.to_json(scene.load(scene.find("bakery"))))
    assert main(["card", "export", "talk.json", "-o", "talk.png"]) == 0
    assert "a plain picture was made for it" in capsys.readouterr().out


def test_a_changed_scene_goes_back_onto_its_card(ana: str, tmp_path: Path) -> None:
    main(["card", "import", ana, "--user", "Bo"])
    text = (tmp_path / "ana.toml").read_text().replace("Ana opens her hive", "Ana shuts her hive")
    (tmp_path / "ana.toml").write_text(text)
    assert main(["card", "export", "ana.toml", "--onto", ana, "-o", "new.png"]) == 0
    made = cards.read((tmp_path / "new.png").read_bytes())
    assert made.data["scenario"] == "Ana shuts her hive while Bo watches."
    assert {**made.data, "scenario": ""} == {**card()["data"], "scenario": ""}


MISTAKES = {
    ("import", "none.png"): "none.png cannot be read (No such file or directory)",
    ("import", "."): ". cannot be read (Is a directory)",
    ("import", "ana.png", "-o", "a.txt"): "a.txt: a scene's file ends in .toml or .json",
    ("import", "ana.png", "-o", "no/a.toml"): "no/a.toml cannot be written",
    ("import", "ana.png", "--greeting", "9"): "no greeting 9: the card has 3",
    ("import", "ana.png", "--user", "Ana"): "both called 'Ana'",
    ("import", "ana.png", "--agent", "nobody"): "no agent 'nobody'",
    ("import", "ana.png", "--format", "nobody"): "no 'nobody' in tertulia.formats",
    ("show", "bad.png"): "bad.png: the picture ends before its IEND chunk",
    ("export", "ana.png", "-o", "a.gif"): "a card's file ends in .png, .json, .charx",
    ("export", "ana.png", "--onto", "ana.png", "-o", "b.png"): "--onto is for scenes",
    ("export", "ana.png", "-o", "ana.png"): "ana.png is there already: add --force",
}


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_is_one_line_with_its_cure_and_writes_nothing(
    words: tuple[str, ...], ana: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.png").write_bytes(Path(ana).read_bytes()[:40])
    assert main(["card", *words]) == 2
    err = capsys.readouterr().err
    assert MISTAKES[words] in err and err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ana.png", "bad.png"]


WORLD = {"entries": {"0": {"uid": 0, "key": ["rain"], "content": "{{char}} covers the hives."}}}
ROOF = 'agent = "Ana"\nuser = "Bo"\n\n[[lore]]\nconstant = true\ncontent = "Own."\n'


@pytest.fixture
def roof(tmp_path: Path) -> Path:
    """A scene with lore of its own, beside a World Info file."""
    (tmp_path / "world.json").write_bytes(as_json(WORLD))
    (tmp_path / "roof.toml").write_text(ROOF)
    return tmp_path


def test_a_lorebook_goes_into_a_scene_and_comes_back(
    roof: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["card", "import", "world.json", "--into", "roof.toml", "-o", "both.toml"]) == 0
    assert capsys.readouterr().out.startswith("Lorebook: a lorebook, world_info\n")
    found = scene.load("both.toml").direction.lore
    assert [each.content for each in found] == ["Own.", "Ana covers the hives."]
    assert main(["card", "import", "world.json", "-o", "alone.toml"]) == 0
    assert main(["card", "export", "alone.toml", "--onto", "world.json", "-o", "back.json"]) == 0
    assert (roof / "back.json").read_bytes() == (roof / "world.json").read_bytes()


def test_a_scene_is_added_to_in_place_only_when_forced(
    roof: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["card", "import", "world.json", "--into", "roof.toml"]) == 2
    assert "roof.toml is there already: add --force" in capsys.readouterr().err
    assert (roof / "roof.toml").read_text() == ROOF
    assert main(["card", "import", "world.json", "--into", "roof.toml", "--force"]) == 0
    assert len(scene.load("roof.toml").direction.lore) == 2


@pytest.mark.parametrize("kind", ["lorebook_v3", "world_info"])
def test_a_scene_s_lore_is_exported_alone(roof: Path, kind: str) -> None:
    assert main(["card", "export", "roof.toml", "--lore", kind, "-o", "book.json"]) == 0
    found = cards.read((roof / "book.json").read_bytes())
    assert found.spec == "lorebook_v3" and isinstance(found.book["entries"], (list, dict))


def test_a_lorebook_has_no_picture_and_a_card_no_lore_to_leave(
    roof: Path, ana: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["card", "export", "roof.toml", "--lore", "world_info", "-o", "a.png"]) == 2
    assert "write it as .json" in capsys.readouterr().err
    assert main(["card", "export", ana, "--lore", "world_info", "-o", "a.json"]) == 2
    assert "--lore is for scenes" in capsys.readouterr().err
