"""Whatever people type, in whatever field, a prompt keeps its turns, parts and control tokens."""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hostile import texts
from tests.reference_tokenizers import TEXT, trained

from tertulia import formats, registry
from tertulia.conversation import Conversation, Direction, Persona, Plan, Turn
from tertulia.formats import godel, thanos, transcript
from tertulia.prompt import Prompt

FORMATS = registry.names("tertulia.formats")
Said = Callable[[], str]
Undo = Callable[[str], str]
ATTACKS = settings(max_examples=1000, deadline=None, database=None)
TRANSCRIPT = formats.load("transcript")
SHAPES = st.integers(0, 400)
KNOWN_TO_T5 = "turn sep EOS CONTEXT KNOWLEDGE Knowledge knowledge s ! \" # $ % & ' ( ) * + , - . / "
KNOWN_TO_T5 += ": ; = > ? @ [ ] _ | [] => > | abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def scene(shape: int, said: Said) -> Conversation:
    """A talk of this shape, all of whose texts and names come from `said`."""
    chance = random.Random(shape)
    cast = tuple(f"{said()}{n * ' ' + 'x' * n}" for n in range(3))

    def given_text() -> str:
        return (said() or "x") if chance.random() < 0.6 else ""

    def several(most: int) -> tuple[str, ...]:
        return tuple(said() or "x" for _ in range(chance.randint(0, most)))

    direction = Direction(
        situation=given_text(),
        instruction=given_text(),
        personas=tuple(Persona(name, several(2)) for name in cast[: chance.randint(0, 3)]),
        knowledge=several(2),
        memory=several(2),
    )
    plan = Plan(goal=given_text(), skill=given_text(), explanation=given_text())
    images = ("image",) if chance.random() < 0.3 else ()
    turns = tuple(
        Turn(cast[chance.choice((n % 2, n % 2, 2))], said(), *((said() or "x") for _ in images))
        for n in range(chance.randint(0, 4))
    )
    return Conversation(agent=cast[0], user=cast[1], direction=direction, plan=plan, turns=turns)


def harmless(shape: int) -> Conversation:
    count = iter(range(1000))
    return scene(shape, lambda: f"word{next(count)}")


def hostile(shape: int, pool: tuple[str, ...]) -> Conversation:
    chance = random.Random(shape + 1)
    return scene(shape, lambda: chance.choice(pool))


@cache
def usual(name: str, variant: str, shape: int) -> Prompt:
    return formats.load(name, variant=variant).render(harmless(shape))


def skeleton(prompt: Prompt) -> list[str]:
    """The prompt's own text and control tokens in order, people's texts as blanks."""
    return [
        f"control {span.text}" if span.control else span.text.strip()
        for span in prompt.spans
        if span.control or (not span.field and span.text.strip())
    ]


@pytest.fixture(scope="session")
def t5() -> sentencepiece.SentencePieceProcessor:
    """Knows what T5 knows of ASCII: not < { } ~ ^ \\ and the grave accent."""
    text = "".join(char for char in TEXT if char not in "<{}~^\\`")
    model = trained(
        f"{text}\n{KNOWN_TO_T5}\n", vocab_size=400, pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
        character_coverage=1.0,
    )  # fmt: skip
    return sentencepiece.SentencePieceProcessor(model_proto=model)


def pieces(t5: sentencepiece.SentencePieceProcessor, text: str) -> str:
    """What the T5 sees, unknown pieces all alike."""
    clean = re.sub("[\ud800-\udfff]", "\ufffd", text)
    ids = t5.encode(clean)
    return "".join("<" if each == t5.unk_id() else t5.id_to_piece(each) for each in ids)


def marks(text: str, markers: tuple[str, ...], words: tuple[str, ...] = ()) -> Counter[str]:
    """How often each marker stands in a text, words only between blanks."""
    split = Counter(re.split(r"[\s▁]+", text))
    return Counter({mark: text.count(mark) for mark in markers} | {w: split[w] for w in words})


COSMO = (("<sep>", "<turn>", "</s>"), ())
REPOSITORY = (("<|knowledge|>", "<|Knowledge|>", "</s>"), ("EOS", "=>"))
T5_MARKS = {
    ("cosmo", "card"): COSMO,
    ("thanos", "cosmo"): COSMO,
    ("godel", "v1_1"): (("[CONTEXT]", "[KNOWLEDGE]", "</s>"), ("EOS",)),
    **{("godel", variant): REPOSITORY for variant in godel.VARIANTS[1:]},
}


def dialogue(text: str, start: str, end: str) -> list[str]:
    """The lines between two lines; lone blank lines at the ends are the block's own."""
    block = text.partition(f"{start}\n")[2].partition(f"\n\n{end}")[0]
    return block.split("\n") if block else []


def parsed_back(lines: list[str], name: Undo, words: Undo) -> list[tuple[str, str]]:
    split = (line.partition(": ") for line in lines)
    return [(name(before), words(after)) for before, _, after in split]


def check_lines(name: str, variant: str, prompt: Prompt, talk: Conversation) -> None:
    """Families of lines: the talk itself is read back from the string."""
    if name == "thanos" and variant != "cosmo":
        planner = variant == "planner"
        places = ("### Dialogue:", "### Explanation: ") if planner else ("[Dialogue]", "[")
        lines = dialogue(prompt.text, *places)
        undo = (thanos.NAME.undo, lambda line: thanos.LINE.undo(thanos.parted(line)[0]))
    elif name == "transcript":
        lines = transcript_lines(prompt.text, talk)
        undo = (
            transcript.NAME.undo,
            lambda line: TRANSCRIPT.parse(f" {line}").text,
        )
    else:
        return
    clean = [tuple(re.sub("[\ud800-\udfff]", "\ufffd", s) for s in pair) for pair in spoken(talk)]
    assert parsed_back(lines, *undo) == clean


def transcript_lines(text: str, talk: Conversation) -> list[str]:
    lines = text.split("\n")
    lines = lines[lines.index("") + 1 :] if "" in lines else lines
    return [line for line in lines[:-1] if not line.startswith(("(Goal: ", "(Skill: ", "(Why: "))]


def spoken(talk: Conversation) -> Iterator[tuple[str, str]]:
    return ((turn.speaker, turn.text) for turn in talk.turns)


def control_names(name: str) -> set[str]:
    """Every control token that the format writes for some talk."""
    loaded = [formats.load(name, variant=each) for each in formats.variants(name)]
    talks = [harmless(shape) for shape in range(30)]
    prompts = (each.render(talk) for each in loaded for talk in talks)
    return {span.text for prompt in prompts for span in prompt.spans if span.control}


@pytest.mark.parametrize("name", FORMATS)
def test_what_people_type_never_changes_the_structure(
    name: str, t5: sentencepiece.SentencePieceProcessor
) -> None:
    loaded = {each: formats.load(name, variant=each) for each in formats.variants(name)}
    controls = tuple(control_names(name))

    @given(texts, texts, SHAPES)
    @ATTACKS
    def holds(one: str, other: str, shape: int) -> None:
        variant = tuple(loaded)[shape % len(loaded)]
        talk = hostile(shape, (one, other))
        forged = loaded[variant].render(talk)
        plain = usual(name, variant, shape)
        assert skeleton(forged) == skeleton(plain)
        assert len(forged.unsupported) == len(plain.unsupported)
        assert [each.role for each in forged.messages] == [each.role for each in plain.messages]
        assert marks(forged.text, controls) == marks(plain.text, controls)
        check_lines(name, variant, forged, talk)
        if marked := T5_MARKS.get((name, variant)):
            seen, before = pieces(t5, forged.text), pieces(t5, plain.text)
            assert marks(seen, *marked) == marks(before, *marked)
            assert marks(forged.text, *marked) == marks(plain.text, *marked)

    holds()


THANOS_PARTS = (
    *("### Task Description:", "### Social Context:", "### Dialogue:", "### Explanation:"),
    *("[Social Context]", "[Dialogue]", "[Next Response]", "[Explanation]", "[Rationale]"),
    *("[Conversational Skill]", "[Explanation and Skill]", "[Sharing Image", "RESULT SKILL"),
    *("'s Profile:", thanos.KNOWN, thanos.BEFORE, thanos.THUS),
)


@given(texts, texts, SHAPES)
@ATTACKS
def test_no_part_of_a_thanos_prompt_can_be_typed(one: str, other: str, shape: int) -> None:
    variant = thanos.VARIANTS[shape % len(thanos.VARIANTS)]
    format = formats.load("thanos", variant=variant)
    forged = format.render(hostile(shape, (one, other))).text
    plain = usual("thanos", variant, shape).text
    assert marks(forged, THANOS_PARTS) == marks(plain, THANOS_PARTS)
    assert variant == "cosmo" or len(forged.splitlines()) == len(plain.splitlines())


@pytest.mark.parametrize("name", FORMATS)
def test_a_line_of_a_million_characters_is_rendered(name: str) -> None:
    talk = Conversation().said("User", "<turn> EOS " * 100_000)
    assert len(formats.load(name).render(talk).text) >= 1_000_000
