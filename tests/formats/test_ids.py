"""Ids, not only strings: spans give the ids that published code gives on the whole string."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import reference_tokenizers
from tests.formats.chat_templates import TEMPLATES, folder
from tests.hostile import texts

from tertulia import formats, skills, tokenizer
from tertulia.conversation import Conversation, Direction, Persona, Plan
from tertulia.formats import Format

HARMLESS = (
    "Hello, how are you today?",
    "i'm single and am looking for love. (café, naïve; 31,415 birds & 265 bears!)",
    "최근에 영화 본 거 있어? 你好 世界 ☕",
    "two  blanks,\ttab\nand line",
)
T5_VARIANTS = [("cosmo", "")] + [("godel", variant) for variant in formats.variants("godel")]
FAMILIES: dict[str, Callable[[Path], Path]] = {
    "t5": reference_tokenizers.t5,
    "pingpong": reference_tokenizers.pingpong,
    "persona_gpt": reference_tokenizers.persona_gpt,
    "persona_gpt_files": reference_tokenizers.persona_gpt_files,
    "dialogpt": reference_tokenizers.dialogpt,
}


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: make(tmp_path_factory.mktemp(name)) for name, make in FAMILIES.items()}


@pytest.fixture(scope="module")
def loaded(paths: dict[str, Path]) -> dict[str, tokenizer.Tokenizer]:
    return {name: tokenizer.load(path) for name, path in paths.items()}


def talk(*lines: str) -> Conversation:
    direction = Direction(
        situation="Cosmo is having a friendly conversation with a friend.",
        instruction="Instruction: given a dialog context, you need to response empathically.",
        personas=(Persona("Agent", ("i like cats.", "i am a quiet engineer.")),),
        knowledge=("We counted 31,415 birds.",),
    )
    made = Conversation(direction=direction)
    for place, text in enumerate(lines):
        made = made.said("Agent" if place % 2 else "User", text)
    return made


def published(path: Path, **flags: bool) -> Any:
    """The tokenizers library on the whole string, added tokens with these flags."""
    data = json.loads((path / "tokenizer.json").read_text())
    for entry in data["added_tokens"]:
        if entry["content"] in reference_tokenizers.PERSONA_GPT:
            entry |= flags
    return tokenizers.Tokenizer.from_str(json.dumps(data))


def processor(path: Path, name: str) -> Any:
    return sentencepiece.SentencePieceProcessor(model_file=str(path / name))


@pytest.mark.parametrize("name, variant", T5_VARIANTS)
def test_a_t5_family_gets_the_ids_of_the_whole_string(
    name: str,
    variant: str,
    paths: dict[str, Path],
    loaded: dict[str, tokenizer.Tokenizer],
) -> None:
    made = formats.load(name, **({"variant": variant} if variant else {}))
    prompt = made.render(talk(*HARMLESS))
    whole = processor(paths["t5"], "spiece.model").encode(prompt.text)
    assert loaded["t5"].ids(prompt.spans) == whole
    assert loaded["t5"].ids(prompt.runs())[: len(whole)] == whole


@pytest.mark.parametrize("goal", ["", *skills.ACTIONS, "talk about birds & bears!"])
def test_personagpt_gets_the_ids_of_the_fast_tokenizer(
    goal: str, paths: dict[str, Path], loaded: dict[str, tokenizer.Tokenizer]
) -> None:
    prompt = formats.load("persona_gpt").render(talk(*HARMLESS).planned(Plan(goal=goal)))
    whole = published(paths["persona_gpt"]).encode(prompt.text).ids
    assert loaded["persona_gpt"].ids(prompt.spans) == whole


@pytest.mark.parametrize("variant", ["card", "first_repository", "training"])
@pytest.mark.parametrize("goal", ["", "ask about hobbies."])
def test_personagpt_in_its_slow_form_gets_the_ids_of_the_slow_tokenizer(
    variant: str, goal: str, paths: dict[str, Path], loaded: dict[str, tokenizer.Tokenizer]
) -> None:
    conversation = talk(" Hello there ", " how are you? ").planned(Plan(goal=goal))
    fast, slow = (
        formats.load("persona_gpt", variant=variant, tokenization=way).render(conversation)
        for way in ("fast", "slow")
    )
    oracle = published(paths["persona_gpt"], lstrip=True, rstrip=True)
    assert loaded["persona_gpt"].ids(slow.spans) == oracle.encode(fast.text).ids


def test_slow_and_fast_differ_in_the_word_after_act(
    loaded: dict[str, tokenizer.Tokenizer],
) -> None:
    conversation = Conversation(plan=Plan(goal="ask about kids."))
    fast, slow = (
        loaded["persona_gpt"].ids(
            formats.load("persona_gpt", tokenization=way).render(conversation).spans
        )
        for way in ("fast", "slow")
    )
    assert fast[0] == slow[0] and fast[1] != slow[1] and fast[-3:] == slow[-3:]


def test_training_pairs_have_the_ids_of_their_printed_strings(
    paths: dict[str, Path], loaded: dict[str, tokenizer.Tokenizer]
) -> None:
    oracle = published(paths["persona_gpt"], lstrip=True, rstrip=True)
    made, printed = (
        formats.load("persona_gpt", variant="training", verbatim=verbatim)
        for verbatim in (False, True)
    )
    for ours, theirs in zip(
        made.pairs(talk(*HARMLESS)),  # type: ignore[attr-defined]
        printed.pairs(talk(*HARMLESS)),  # type: ignore[attr-defined]
        strict=True,
    ):
        whole = "".join(span.text for span in (*theirs.x, *theirs.y))
        assert loaded["persona_gpt"].ids([*ours.x, *ours.y]) == oracle.encode(whole).ids


@pytest.mark.parametrize("files", ["persona_gpt_files", "dialogpt"])
def test_gpt2s_pair_of_files_gives_the_same_ids(
    files: str, paths: dict[str, Path], loaded: dict[str, tokenizer.Tokenizer]
) -> None:
    name = "dialogpt" if files == "dialogpt" else "persona_gpt"
    prompt = formats.load(name).render(talk(*HARMLESS))
    whole = published(paths["persona_gpt"]).encode(prompt.text).ids
    assert loaded[files].ids(prompt.spans) == whole


@pytest.mark.parametrize("name", ["pingpong_gpt", "meena"])
def test_pingpongs_families_get_each_utterances_ids_and_a_separator(
    name: str, paths: dict[str, Path], loaded: dict[str, tokenizer.Tokenizer]
) -> None:
    model = processor(paths["pingpong"], "sp.model")
    bos, sept = model.piece_to_id("[BOS]"), model.piece_to_id("[SEPT]")
    whole = [bos] if name == "pingpong_gpt" else []
    for text in HARMLESS:
        whole += [*model.encode(text), sept]
    assert loaded["pingpong"].ids(formats.load(name).render(talk(*HARMLESS)).spans) == whole


ATTACKED: list[tuple[str, str]] = [
    ("cosmo", "t5"),
    ("godel", "t5"),
    ("persona_gpt", "persona_gpt"),
    ("dialogpt", "dialogpt"),
    ("pingpong_gpt", "pingpong"),
    ("meena", "pingpong"),
]
FORMATS: dict[str, Format] = {name: formats.load(name) for name, _ in ATTACKED}


@given(text=texts, family=st.sampled_from(ATTACKED))
@settings(max_examples=300, deadline=None)
def test_hostile_text_never_changes_the_control_ids(
    text: str, family: tuple[str, str], loaded: dict[str, tokenizer.Tokenizer]
) -> None:
    name, words = family[0], loaded[family[1]]
    special = {control.id for control in words.vocabulary.controls.values()}
    counts = [
        [i for i in words.ids(FORMATS[name].render(talk(each, each)).runs()) if i in special]
        for each in (text, "x")
    ]
    assert counts[0] == counts[1]


@pytest.mark.models
@pytest.mark.parametrize("name", TEMPLATES)
def test_a_chat_template_gives_the_string_and_ids_of_transformers(
    name: str, tmp_path: Path
) -> None:
    import transformers

    path = folder(name, tmp_path)
    oracle = transformers.AutoTokenizer.from_pretrained(path)
    prompt = formats.load("chat_template", template=str(path)).render(talk(*HARMLESS[:3]))
    messages = [{"role": each.role, "content": each.text} for each in prompt.messages]
    asked = {"add_generation_prompt": True}
    if name == "llama_3":
        asked["date_string"] = "26 Jul 2024"  # type: ignore[assignment]
    assert prompt.text == oracle.apply_chat_template(messages, tokenize=False, **asked)
    ids = oracle.apply_chat_template(messages, return_dict=False, **asked)
    assert tokenizer.load(path).ids(prompt.spans) == ids
