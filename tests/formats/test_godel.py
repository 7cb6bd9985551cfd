"""godel: five published strings."""

import pytest

from tertulia import formats
from tertulia.conversation import Conversation, Direction
from tertulia.errors import ConfigError
from tertulia.formats.godel import GROUNDED, UNGROUNDED

TALK = Conversation().said("User", "hi").said("Agent", "hello")


def text(direction: Direction, **settings: object) -> str:
    return formats.load("godel", **settings).render(TALK.directed(direction)).text


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("v1_1", "Be kind. [CONTEXT] hi EOS hello [KNOWLEDGE] a b"),
        ("training", "hi EOS hello <|Knowledge|> a b => "),
        ("training_no_kb", "hi EOS hello => "),
        ("generate_no_kb", "Be kind.  hi EOS hello => "),
        ("server", "hi EOS hello <|knowledge|> a b =>"),
    ],
)
def test_passages_are_joined_by_a_blank_in_each_variant(variant: str, expected: str) -> None:
    direction = Direction(instruction="Be kind.", knowledge=("a", "b"))
    assert text(direction, variant=variant) == expected


def test_without_a_source_prefix_generate_py_leaves_its_two_blanks() -> None:
    assert text(Direction(), variant="generate_no_kb") == "  hi EOS hello => "


def test_an_empty_instruction_stays_empty() -> None:
    assert text(Direction()) == " [CONTEXT] hi EOS hello "


@pytest.mark.parametrize(
    ("direction", "instruction"),
    [
        (Direction(), UNGROUNDED),
        (Direction(knowledge=("a",)), GROUNDED),
        (Direction(instruction="Mine."), "Mine."),
    ],
)
def test_the_cards_instruction_is_there_when_asked_for(
    direction: Direction, instruction: str
) -> None:
    assert text(direction, default_instruction=True).startswith(f"{instruction} [CONTEXT] ")


def test_the_cards_instruction_is_refused_where_there_is_none() -> None:
    with pytest.raises(ConfigError, match="variant 'v1_1'"):
        formats.load("godel", variant="server", default_instruction=True)


@pytest.mark.parametrize(
    ("variant", "typed", "seen"),
    [
        ("v1_1", "Canon EOS R5", "Canon E¦OS R5"),
        ("v1_1", "a => b", "a => b"),
        ("v1_1", "EOSs <|Knowledge|>", "EOSs <|Knowledge|>"),
        ("server", "a => b", "a =¦> b"),
        ("training", "[CONTEXT] <|KNOWLEDGE|>", "[CONTEXT] <|K¦NOWLEDGE|>"),
    ],
)
def test_only_the_markers_of_the_variant_are_barred(variant: str, typed: str, seen: str) -> None:
    prompt = formats.load("godel", variant=variant).render(Conversation().said("User", typed))
    assert next(span.text for span in prompt.spans if span.field == "turns.0.text") == seen
