"""Text as it appears, and stop strings."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia import tokenizer
from tertulia.tokenizer.writer import Writer
from tests.tiny_llama import tiny_tokenizer


def letters(folder: Path) -> tokenizer.Tokenizer:
    file = folder / "tokenizer.json"
    tiny_tokenizer().save(str(file))
    return tokenizer.load(file)


def written(spelling: tokenizer.Tokenizer, text: str, stop: str) -> tuple[list[str], bool]:
    writer, pieces = Writer(spelling, (stop,)), []
    for letter in text:
        pieces.append(writer.add(spelling.vocabulary.ids[letter]))
        if writer.stopped:
            return pieces, True
    return [*pieces, writer.end()], writer.stopped


def test_the_pieces_add_up_to_what_comes_before_the_stop_string(tmp_path: Path) -> None:
    spelling = letters(tmp_path)

    @settings(deadline=None)
    @given(st.text("ab", max_size=30), st.text("ab", min_size=1, max_size=5))
    def holds(text: str, stop: str) -> None:
        pieces, stopped = written(spelling, text, stop)
        assert "".join(pieces) == text.split(stop)[0]
        assert stopped == (stop in text)

    holds()


def test_only_what_may_become_a_stop_string_is_held_back(tmp_path: Path) -> None:
    pieces, _ = written(letters(tmp_path), "so stand up", "stop")
    assert pieces == ["", "so", " ", "", "", "sta", "n", "d", " ", "u", "p", ""]


def test_half_a_character_waits_for_its_other_half(tmp_path: Path) -> None:
    spelling = letters(tmp_path)
    writer = Writer(spelling, ())
    ids = [spelling.vocabulary.ids[f"<0x{byte:02X}>"] for byte in "é".encode()]
    assert [writer.add(ids[0]), writer.add(ids[1]), writer.end()] == ["", "é", ""]
