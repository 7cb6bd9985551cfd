"""From dialogue sets to what `recipes/pretrain.py` reads: a tokenizer and packed rows of tokens.

Written into one folder:

    settings.json        exactly what was asked for
    tokenizer.json       trained on the same text, unless one is given
    <mixture>.npy        uint16 [row, width] of stored tokens, shuffled
    held_out.npz         the same for dialogues that no mixture may use, a few rows a set
    counts.json          tokens and examples of every set in every mixture

Every pass over a dialogue draws anew which of its turns are the tail and which direction is shown.
"""

import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from typing import cast

import numpy as np
from tqdm import tqdm

from tertulia import formats, tokenizer
from tertulia.data import Dialogue, dialogues, held_out, scenes
from tertulia.formats.native import Native
from tertulia.prompt import Span
from tertulia.training import conditions, exchanges, masking, mining, packing, vocabulary
from tertulia.training.conditions import Example, Odds
from tertulia.training.exchanges import Bank
from tertulia.training.masking import Tokens

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """One file of rows: how often each set is gone through, and in what lengths.

    passes     by set; "set:prefix" means those dialogues whose id begins so, and comes on top
    exchanges  how many talks are made from the banks (training/exchanges.py)
    """

    name: str
    passes: dict[str, float]  # a fraction takes that share of the dialogues, by chance
    width: int = 256  # tokens a row; the longest example
    words: int = 150  # of turns in an example at most; the direction takes the rest of a row
    odds: Odds = field(default_factory=Odds)
    exchanges: int = 0


# About 13 M tokens, of them 8 M learned: a first stage that goes once through everything.
FIRST = Mixture(
    name="first",
    passes={
        "self_dialogue": 1,
        "synthetic_persona_chat": 2,
        "topical_chat": 1,
        "casino": 1,
        "persuasion_for_good": 0.75,
        "multiwoz21_val_test": 0.2,
        "taskmaster4": 0.1,
        "scenes": 1,
    },
)
# Half scenes; of the public sets what shows its direction.
DIRECTED = Odds(goal=0.65, mined_knowledge=0.5, aimless=0.25)
SECOND = Mixture(
    name="second",
    passes={
        "self_dialogue": 0.12,
        "synthetic_persona_chat": 1.5,
        "topical_chat": 0.25,
        "casino": 0.5,
        "persuasion_for_good": 0.15,
        "multiwoz21_val_test": 0.06,
        "scenes": 1.4,
        "scenes:plain": 2,  # the slices written for small models
    },
    words=170,
    odds=DIRECTED,
)
# The scenes' held-out loss rose during the second stage: fewer of them, and of their turns the
# replies only most of the time, since a turn is part of the talk before five tails.
SPARING = replace(DIRECTED, history=0.25, aimless=0.35)
THIRD = Mixture(
    name="third",
    passes={
        "self_dialogue": 0.1,
        "synthetic_persona_chat": 0.35,
        "topical_chat": 0.12,
        "casino": 0.2,
        "persuasion_for_good": 0.1,
        "multiwoz21_val_test": 0.03,
        "scenes": 0.5,
    },
    words=170,
    odds=SPARING,
)
LONG = replace(THIRD, name="long", width=1_024, words=600)
# A second sitting, from the weights that these gave: what is in the direction was hardly copied
# into a reply, so half of it are talks made to teach that (docs/log.md).
MORE = Mixture(
    name="more",
    passes={
        "self_dialogue": 0.55,
        "synthetic_persona_chat": 0.5,
        "topical_chat": 0.8,
        "casino": 0.3,
        "persuasion_for_good": 0.3,
        "multiwoz21_val_test": 0.08,
        "scenes": 0.3,
        "taskmaster4": 0.02,
    },
)
READ = Mixture(
    name="read",
    passes={
        "self_dialogue": 0.2,
        "synthetic_persona_chat": 0.6,
        "topical_chat": 0.4,
        "casino": 0.15,
        "persuasion_for_good": 0.12,
        "multiwoz21_val_test": 0.04,
        "taskmaster4": 0.02,
        "scenes": 0.9,
    },
    words=160,
    odds=replace(SPARING, aimless=0.5),
    exchanges=32_000,
)
READ_MORE = Mixture(
    name="read_more",
    passes={
        "self_dialogue": 0.06,
        "synthetic_persona_chat": 0.2,
        "topical_chat": 0.12,
        "casino": 0.05,
        "persuasion_for_good": 0.04,
        "multiwoz21_val_test": 0.01,
        "scenes": 0.3,
    },
    words=160,
    odds=replace(SPARING, aimless=0.5),
    exchanges=17_000,
)
LAST = Mixture(
    name="last",
    passes={
        "self_dialogue": 0.07,
        "synthetic_persona_chat": 0.2,
        "topical_chat": 0.12,
        "casino": 0.05,
        "persuasion_for_good": 0.04,
        "multiwoz21_val_test": 0.01,
        "taskmaster4": 0.02,
        "scenes": 0.5,
    },
    words=160,
    odds=replace(SPARING, aimless=0.4),
    exchanges=14_000,
)
LONG_LAST = Mixture(
    name="long_last",
    passes={
        "self_dialogue": 0.012,
        "synthetic_persona_chat": 0.06,
        "topical_chat": 0.03,
        "casino": 0.02,
        "persuasion_for_good": 0.02,
        "scenes": 0.1,
    },
    width=1_024,
    words=600,
    odds=replace(SPARING, aimless=0.4),
    exchanges=300,
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The corpus of tertulia-mini; `sets`, `scenes` and `banks` are the folders the data lie in."""

    sets: str  # <name>.jsonl.zst
    scenes: str  # train.jsonl and valid.jsonl
    folder: str
    banks: str = str(Path(__file__).parent / "exchanges")
    mixtures: tuple[Mixture, ...] = (
        FIRST,
        SECOND,
        THIRD,
        LONG,
        MORE,
        READ,
        READ_MORE,
        LAST,
        LONG_LAST,
    )
    vocabulary: int = 8_192
    scene_weight: int = 4  # scenes are told so often to the tokenizer: few, but what it is for
    held_out_rows: int = 48  # a set, 256 wide
    tokenizer: str = ""  # an existing tokenizer.json; trained when empty
    seed: int = 11


def run(settings: Settings) -> None:
    """Read the sets, train the tokenizer, write every mixture and the held-out rows."""
    folder = Path(settings.folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.json").write_text(json.dumps(asdict(settings), indent=1) + "\n")
    sets = read(settings)
    known = mining.lexicon(
        turn.text for found in sets.values() for each in found for turn in each.conversation.turns
    )
    writer = Writer(tokenizer.load(make_tokenizer(settings, sets)), known)

    counts = {mixture.name: mix(writer, sets, mixture, settings) for mixture in settings.mixtures}
    hold_out(writer, sets, settings)
    (folder / "counts.json").write_text(json.dumps(counts, indent=1) + "\n")


def mix(
    writer: "Writer", sets: dict[str, list[Dialogue]], mixture: Mixture, settings: Settings
) -> dict[str, int]:
    """Write the rows of one mixture; the tokens of each set in it."""
    chance = Random(f"{settings.seed} {mixture.name}")
    counts: Counter[str] = Counter()
    told: list[Tokens] = []
    for name, passes in mixture.passes.items():
        source, _, prefix = name.partition(":")
        learnable = keep(sets[source], kept_out=False, prefix=prefix)
        for dialogue in tqdm(list(repeated(learnable, passes, chance)), desc=name, mininterval=5):
            found = list(writer.tokens(dialogue, mixture, chance))
            counts[name] += sum(len(each.ids) for each in found)
            told += found
    if mixture.exchanges:
        learned, _ = exchanges.read(Path(settings.banks)).split()
        found = list(writer.made(learned, mixture.exchanges, mixture.width, chance))
        counts["exchanges"] = sum(len(each.ids) for each in found)
        told += found
    chance.shuffle(told)
    rows = packing.pack(told, mixture.width, pad=0)
    np.random.default_rng(settings.seed).shuffle(rows)
    np.save(Path(settings.folder) / f"{mixture.name}.npy", rows)
    log.info("%s: %d examples in %d rows", mixture.name, len(told), len(rows))
    return dict(counts)


def hold_out(writer: "Writer", sets: dict[str, list[Dialogue]], settings: Settings) -> None:
    """Write a few rows of every set's held-out dialogues, under the odds of a first stage."""
    chance = Random(settings.seed)
    plain = Mixture(name="held_out", passes={})
    rows = {}
    for name, found in sets.items():
        kept = keep(found, kept_out=True)
        told = [each for one in kept for each in writer.tokens(one, plain, chance)]
        chance.shuffle(told)
        rows[name] = packing.pack(told[:400], plain.width, pad=0)[: settings.held_out_rows]
    if any(mixture.exchanges for mixture in settings.mixtures):
        _, unseen = exchanges.read(Path(settings.banks)).split()
        told = list(writer.made(unseen, 400, plain.width, chance))
        rows["exchanges"] = packing.pack(told, plain.width, pad=0)[: settings.held_out_rows]
    np.savez(Path(settings.folder) / "held_out.npz", allow_pickle=False, **rows)


def read(settings: Settings) -> dict[str, list[Dialogue]]:
    """Every set that a mixture names, whole; scenes with their own held-out file."""
    passes = (name for mixture in settings.mixtures for name in mixture.passes)
    names = dict.fromkeys(name.partition(":")[0] for name in passes)
    sets = {
        name: list(dialogues.read(Path(settings.sets) / f"{name}.jsonl.zst"))
        for name in names
        if name != "scenes"
    }
    files = [Path(settings.scenes) / name for name in ("train.jsonl", "valid.jsonl")]
    train, valid = (list(scenes.read(file)) for file in files)
    return {**sets, "scenes": [*train, *(replace(each, source="valid") for each in valid)]}


def keep(found: Iterable[Dialogue], kept_out: bool, prefix: str = "") -> list[Dialogue]:
    """The dialogues that are, or are not, held out: valid scenes and 2 % of every other set.

    prefix  of the ids that are wanted
    """
    out = {"valid": True, "scenes": False}
    return [
        replace(each, source="scenes") if each.source == "valid" else each
        for each in found
        if out.get(each.source, held_out(each.id)) == kept_out and each.id.startswith(prefix)
    ]


def repeated(found: Sequence[Dialogue], passes: float, chance: Random) -> Iterator[Dialogue]:
    """Each dialogue as often as the passes say; the fraction by chance."""
    for dialogue in found:
        for _ in range(int(passes) + (chance.random() < passes % 1)):
            yield dialogue


def make_tokenizer(settings: Settings, sets: dict[str, list[Dialogue]]) -> Path:
    """The tokenizer file of this corpus, trained when there is none to copy."""
    target = Path(settings.folder) / "tokenizer.json"
    if settings.tokenizer:
        target.write_bytes(Path(settings.tokenizer).read_bytes())
    else:
        learnable = [each for found in sets.values() for each in keep(found, kept_out=False)]
        texts = (
            f" {text}"
            for each in learnable
            for _ in range(settings.scene_weight if each.source == "scenes" else 1)
            for text in every_text(each)
        )
        vocabulary.train(texts, settings.vocabulary).save(str(target))
    return target


def every_text(dialogue: Dialogue) -> Iterator[str]:
    """All that people wrote in a dialogue and its direction."""
    talk = dialogue.conversation
    yield from (talk.direction.situation, talk.direction.instruction)
    yield from (*talk.direction.knowledge, *talk.direction.memory)
    yield from (fact for persona in talk.direction.personas for fact in persona.facts)
    for turn, note in zip(talk.turns, dialogue.notes, strict=True):
        yield from (turn.text, turn.image, note.plan.goal, note.plan.skill, note.plan.explanation)


class Writer:
    """Dialogues to tokens; remembers how each text is spelled, since texts come again and again."""

    def __init__(self, spelling: tokenizer.Tokenizer, known: mining.Lexicon) -> None:
        self.spelling, self.known = spelling, known
        self.native = {names: native(names) for names in (False, True)}
        self.spelled: dict[tuple[str, bool], list[int]] = {}

    def tokens(self, dialogue: Dialogue, mixture: Mixture, chance: Random) -> Iterator[Tokens]:
        """The examples one pass over a dialogue gives, each at most a row long."""
        odds, words = mixture.odds, mixture.words
        for example in conditions.examples(dialogue, self.known, odds, chance, words):
            if fitting := self.fit(example, mixture.width):
                yield fitting

    def made(self, bank: Bank, count: int, width: int, chance: Random) -> Iterator[Tokens]:
        """The tokens of so many talks made from a bank, each at most a row long."""
        for example in exchanges.examples(bank, count, chance):
            if fitting := self.fit(example, width):
                yield fitting

    def fit(self, example: Example, width: int) -> Tokens | None:
        """Its tokens, the oldest turns forgotten until they fit; None when nothing fits."""
        while True:
            marked = masking.spans(example, self.native[example.names])
            found = masking.tokens(marked, self.encode)
            if len(found.ids) <= width:
                return found
            if not example.conversation.turns:
                return None
            example = replace(example, conversation=example.conversation.without_oldest_turn())

    def encode(self, span: Span) -> list[int]:
        key = (span.text, span.control)
        if key not in self.spelled:
            self.spelled[key] = self.spelling.ids([span])
        return self.spelled[key]


def native(names: bool) -> Native:
    """The built-in model's format, by its name on the shelf."""
    return cast(Native, formats.load("native", names=names))  # the shelf promises only a Format
