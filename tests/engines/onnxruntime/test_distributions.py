"""Every preset and every rule gives the distribution it names, by chi-square over 20,000 draws.

The oracle is what generate() would do with the settings as they were published: its own logits
processors, in its own order, on the same logits. Seeds are fixed, so a test passes or it does not.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.folders import new_folder
from tests.tiny_llama import tiny_llama
from tokenizers import AddedToken, decoders, models
from tokenizers import Tokenizer as Library

from tertulia import engines, tokenizer
from tertulia.decoding import PINGPONG, PRESETS, Decoding
from tertulia.engines.onnxruntime.request import Request, request
from tertulia.engines.onnxruntime.sampler import apply_rules, draw, log_probabilities, stream
from tertulia.prompt import Prompt, Span

pytestmark = pytest.mark.models
torch = pytest.importorskip("torch", reason="pip install 'tertulia[torch]'")
library = pytest.importorskip("transformers", reason="pip install 'tertulia[torch]'")

DRAWS, STREAMS, WALKS = 20_000, 200, 8_000
END, SEPARATOR = "[EOS]", "[SEPT]"
LETTERS = [chr(ord("一") + n) for n in range(104)]
NAMES = (*LETTERS, END, SEPARATOR, *PRESETS["native"].decoding.banned)
"""The vocabulary: its ids are places in here."""

A, B, C, D = LETTERS[:4]
PROMPT, SAID = (A, B, C, B, D), (A, B)
"""After these seven tokens C would complete a trigram for the second time, C and D a bigram."""

TRUE, FALSE = 1e-4, 1e-9
"""p-values: above the first a distribution is taken for the one named, below the second for
another one."""


def told(decoding: Decoding) -> dict[str, Any]:
    """The same for generate(); for the preset of our own, which nobody else has published."""
    return {
        "temperature": decoding.temperature,
        "top_k": decoding.top_k,
        "top_p": decoding.top_p,
        "min_p": decoding.min_p or None,
        "min_new_tokens": decoding.min_new_tokens,
        "repetition_penalty": decoding.repetition_penalty,
        "no_repeat_ngram_size": decoding.no_repeat_ngram,
        "bad_words_ids": [[NAMES.index(name)] for name in decoding.banned] or None,
    }


PUBLISHED: dict[str, dict[str, Any]] = {
    "native": told(PRESETS["native"].decoding),
    "greedy": {"do_sample": False},
    "cosmo": {"temperature": 1.0, "top_k": 50, "top_p": 0.95},
    "godel_card": {"top_k": 50, "top_p": 0.9, "min_length": 8},
    "godel_server": {"do_sample": False, "min_length": 32, "no_repeat_ngram_size": 4},
    "godel_evaluation": {"do_sample": False, "num_beams": 5},
    "thanos_card": {"temperature": 0.9, "top_k": 50, "top_p": 1.0},
    "thanos_eval": {"temperature": 1.0, "top_k": 50, "top_p": 0.9},
    "persona_gpt": {"top_k": 10, "top_p": 0.92},
    "meena_sample_and_rank": {"temperature": 0.88, "top_k": 0},
    "dialogpt": {"do_sample": False},
}
RULES = {"min_length": 8, "repetition_penalty": 1.3, "no_repeat_ngram_size": 3}
BAN = {"bad_words_ids": [[NAMES.index(SEPARATOR)]]}
for name, ban in (("pingpong_gpt", BAN), ("pingpong_meena", {})):
    PUBLISHED[f"{name}_top_p"] = {"top_k": 50, "top_p": 0.8, **RULES, **ban}
    PUBLISHED[f"{name}_beam_search"] = {"do_sample": False, "num_beams": 10, **RULES, **ban}
"""The settings that bear on one token, as their authors hand them to generate(); top_k 50 is the
library's own default at the time."""

SAMPLING = [name for name in PUBLISHED if PUBLISHED[name].get("do_sample", True)]
GREEDY = [name for name in PUBLISHED if name not in SAMPLING]

ALL = Decoding(temperature=1.0)
EACH_RULE: dict[str, tuple[Decoding, dict[str, Any]]] = {
    "temperature": (replace(ALL, temperature=0.6), {"temperature": 0.6}),
    "top_k": (replace(ALL, top_k=12), {"top_k": 12}),
    "top_p": (replace(ALL, top_p=0.7), {"top_p": 0.7}),
    "temperature and top_p": (
        replace(ALL, temperature=0.6, top_p=0.9),
        {"temperature": 0.6, "top_p": 0.9},
    ),
    "min_p": (replace(ALL, min_p=0.15), {"min_p": 0.15}),
    "repetition_penalty": (replace(ALL, repetition_penalty=1.5), {"repetition_penalty": 1.5}),
    "no_repeat_ngram": (replace(ALL, no_repeat_ngram=3), {"no_repeat_ngram_size": 3}),
    "banned": (replace(ALL, banned=(SEPARATOR,)), BAN),
    "min_new_tokens": (replace(ALL, min_new_tokens=3), {"min_new_tokens": 3}),
    "min_length": (replace(ALL, min_length=8), {"min_length": 8}),
    "an end that is allowed again": (replace(ALL, min_length=7), {"min_length": 7}),
    "all of them": (
        replace(PINGPONG, temperature=0.7, top_k=8, min_p=0.3, min_new_tokens=3),
        {**PUBLISHED["pingpong_gpt_top_p"], "temperature": 0.7, "top_k": 8, "min_p": 0.3}
        | {"min_new_tokens": 3},
    ),
}
CASES = [*SAMPLING, *EACH_RULE]
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("cosmo", {"top_k": 49}),
    ("thanos_card", {"top_k": 51}),
    ("cosmo", {"top_p": 0.93}),
    ("thanos_card", {"temperature": 1.0}),
    ("meena_sample_and_rank", {"top_k": 50}),
    ("min_new_tokens", {"min_new_tokens": 2}),
    ("godel_card", {"min_length": 7}),
    ("persona_gpt", {"top_k": 11}),
    ("pingpong_gpt_top_p", {"repetition_penalty": 1.1}),
    ("pingpong_gpt_top_p", {"no_repeat_ngram_size": 2}),
    ("pingpong_gpt_top_p", {"no_repeat_ngram_size": 4}),
    ("pingpong_gpt_top_p", {"bad_words_ids": None}),
    ("top_k", {"top_k": 11}),
    ("min_p", {"min_p": 0.12}),
    ("temperature", {"temperature": 0.66}),
    ("repetition_penalty", {"repetition_penalty": 1.2}),
    ("an end that is allowed again", {"min_length": 8}),
    ("all of them", {"min_p": None}),
]


@cache
def letters() -> tokenizer.Tokenizer:
    """A tokenizer of 120 tokens, each a letter or a control token."""
    whole = Library(models.BPE({name: n for n, name in enumerate(NAMES)}, []))
    whole.decoder = decoders.Sequence([decoders.Fuse()])
    whole.add_special_tokens([AddedToken(n, normalized=False) for n in NAMES[len(LETTERS) :]])
    folder = new_folder("tertulia")
    whole.save(str(folder / "tokenizer.json"))
    return tokenizer.load(folder)


@cache
def asked_for(decoding: Decoding) -> tuple[Request, np.ndarray]:
    """A request in which every rule has something to do, and what was said of its reply."""
    spans = (Span("".join(PROMPT)),)
    said = np.array(letters().ids([Span("".join(SAID))]))
    ends = frozenset((NAMES.index(END),))
    return request(Prompt(spans), decoding, letters(), ends, 512), said


@cache
def given_logits() -> np.ndarray:
    """Lively logits [120]; likely ones for what the rules are about, one of them negative."""
    logits = np.random.default_rng(11).standard_normal(len(NAMES)).astype(np.float32)
    logits[:4] = 2.4, -0.8, 2.6, 1.9
    logits[[NAMES.index(END), NAMES.index(SEPARATOR)]] = 2.2, 2.0
    return logits


@cache
def generating() -> Any:
    """A model of the library, which alone knows how generate() puts its processors together."""
    torch.set_num_threads(1)  # Tiny matrices are slowest when many threads share them.
    return library.LlamaForCausalLM.from_pretrained(checkpoint()).eval()


@cache
def checkpoint() -> Path:
    return tiny_llama(new_folder("tertulia"))


def processors(settings: Mapping[str, Any], end: int, prompt: int) -> Any:
    """What generate() does to the logits with these settings."""
    config = library.GenerationConfig(
        **{"do_sample": True, "top_k": 0, **settings}, eos_token_id=end, pad_token_id=end
    )
    generating()._prepare_special_tokens(config)
    return generating()._get_logits_processor(config, input_ids_seq_length=prompt)


def expected(settings: Mapping[str, Any], logits: np.ndarray | None = None) -> np.ndarray:
    """Probabilities of the next token, float64 [120], as generate() would have them."""
    steps = processors(settings, NAMES.index(END), len(PROMPT))
    return probabilities(steps, given_logits() if logits is None else logits)


def probabilities(steps: Any, logits: np.ndarray) -> np.ndarray:
    asked, said = asked_for(ALL)
    ids = torch.tensor(np.concatenate((asked.ids, said)))[None]
    warped: np.ndarray = steps(ids, torch.tensor(logits)[None]).double().softmax(-1)[0].numpy()
    return warped


@cache
def drawn(name: str) -> np.ndarray:
    """How often each token comes out of the sampler, some draws from each of many streams."""
    decoding, _ = case(name)
    asked, said = asked_for(decoding)
    ruled = given_logits().copy()
    apply_rules(ruled, asked, said)
    tokens = []
    for candidate in range(STREAMS):
        chance = stream(CASES.index(name), candidate)
        tokens += [draw(ruled, decoding, chance) for _ in range(DRAWS // STREAMS)]
    return np.bincount(tokens, minlength=len(ruled))


def p_value(counts: np.ndarray, shares: np.ndarray) -> float:
    """How often the truth looks this far from itself; 0 when it cannot look like this at all.

    Pearson's chi-square with cells of fewer than five expected put together.
    """
    if counts[shares == 0].any():
        return 0.0
    wanted = shares * counts.sum()
    few = wanted < 5
    counts = np.append(counts[~few], counts[few].sum())
    wanted = np.append(wanted[~few], wanted[few].sum())
    counts, wanted = counts[wanted > 0], wanted[wanted > 0]
    if len(wanted) == 1:
        return 1.0
    far = ((counts - wanted) ** 2 / wanted).sum()
    half = torch.tensor([(len(wanted) - 1) / 2, far / 2], dtype=torch.float64)
    return float(torch.special.gammaincc(half[0], half[1]))


def case(name: str) -> tuple[Decoding, dict[str, Any]]:
    """Our decoding, and the settings that were published or that mean the same."""
    if name in EACH_RULE:
        return EACH_RULE[name]
    return PRESETS[name].decoding, PUBLISHED[name]


def test_every_preset_is_proven_here() -> None:
    assert set(PUBLISHED) == set(PRESETS)


@pytest.mark.parametrize("name", CASES)
def test_draws_follow_what_generate_would_draw_from(name: str) -> None:
    _, settings = case(name)
    assert p_value(drawn(name), expected(settings)) > TRUE


@pytest.mark.parametrize("name", EACH_RULE)
def test_every_rule_has_something_to_do(name: str) -> None:
    _, settings = case(name)
    if "again" not in name:
        assert np.abs(expected(settings) - expected({})).max() > 0.01


@pytest.mark.parametrize(("name", "change"), WRONG, ids=str)
def test_a_setting_that_is_a_little_wrong_is_found_out(name: str, change: dict[str, Any]) -> None:
    _, settings = case(name)
    assert p_value(drawn(name), expected({**settings, **change})) < FALSE


ORDERS = [
    ("temperature and top_p", "Temperature", "TopP"),
    ("cosmo", "TopK", "TopP"),
    ("all of them", "Temperature", "MinP"),
    ("all of them", "RepetitionPenalty", "TopK"),
    ("pingpong_gpt_top_p", "NoRepeatNGram", "TopP"),
    ("pingpong_gpt_top_p", "NoBadWords", "TopP"),
]
"""A preset or rule, and two of generate()'s steps whose order makes a difference to it."""


@pytest.mark.parametrize(("name", "first", "then"), ORDERS)
def test_rules_in_another_order_are_found_out(name: str, first: str, then: str) -> None:
    _, settings = case(name)
    steps = processors(settings, NAMES.index(END), len(PROMPT))
    kinds = [type(each).__name__ for each in steps]
    places = [next(n for n, kind in enumerate(kinds) if kind.startswith(w)) for w in (first, then)]
    assert places == sorted(places)
    steps[places[0]], steps[places[1]] = steps[places[1]], steps[places[0]]
    assert p_value(drawn(name), probabilities(steps, given_logits())) < FALSE


@pytest.mark.parametrize("name", GREEDY)
def test_presets_that_do_not_sample_choose_from_what_generate_chooses_from(name: str) -> None:
    decoding, settings = case(name)
    asked, said = asked_for(decoding)
    # Beam search hands log-probabilities to the rules, greedy search the logits as they are.
    beams = decoding.beams > 1
    logits = log_probabilities(given_logits()) if beams else given_logits()
    ruled = logits.copy()
    apply_rules(ruled, asked, said)
    shares = np.exp(ruled - ruled.max(), dtype=np.float64)
    assert shares / shares.sum() == pytest.approx(expected(settings, logits), abs=1e-6)
    assert draw(ruled, decoding, stream(0, 0)) == expected(settings, logits).argmax()
    assert decoding.beams == settings.get("num_beams", 1)


def test_penalties_may_leave_the_prompt_out() -> None:
    decoding = replace(ALL, repetition_penalty=1.5, penalties_count_prompt=False)
    asked, said = asked_for(decoding)
    ruled = given_logits().copy()
    apply_rules(ruled, asked, said)
    penalty = library.RepetitionPenaltyLogitsProcessor(1.5)
    warped = penalty(torch.tensor(said)[None], torch.tensor(given_logits())[None])[0].numpy()
    assert np.array_equal(ruled, warped)


WALKED = Decoding(
    temperature=0.9,
    top_k=6,
    top_p=0.97,
    repetition_penalty=1.4,
    min_new_tokens=2,
    max_new_tokens=2,
    candidates=250,
)
WALKED_SETTINGS = {
    "temperature": 0.9,
    "top_k": 6,
    "top_p": 0.97,
    "repetition_penalty": 1.4,
    "min_new_tokens": 2,
}
BEGUN = Prompt((Span("<|begin|>", control=True), Span(" the rain and a")))


def test_the_first_two_tokens_of_whole_replies_follow_generate() -> None:
    engine = engines.load("onnxruntime", model=checkpoint(), quantization="float32", threads=1)
    requests = [replace(WALKED, seed=seed) for seed in range(WALKS // WALKED.candidates)]
    rows = engine.generate([BEGUN] * len(requests), requests)
    size = generating().config.vocab_size
    said = np.array([each.tokens for row in rows for each in row])
    counts = np.bincount(said[:, 0] * size + said[:, 1], minlength=size * size)
    ids = engine.tokenizer.ids(BEGUN.runs())  # type: ignore[attr-defined]  # this engine's own
    assert len(said) == WALKS
    assert p_value(counts, walked(ids).ravel()) > TRUE
    assert p_value(counts, walked(ids, temperature=1.0).ravel()) < FALSE
    assert p_value(counts, walked(ids, repetition_penalty=1.3).ravel()) < FALSE


def walked(ids: list[int], **change: float) -> np.ndarray:
    """Probability of each pair of first tokens, [vocabulary, vocabulary], by generate()'s rules."""
    model = generating()
    steps = processors({**WALKED_SETTINGS, **change}, model.config.eos_token_id, len(ids))
    first = after(torch.tensor([ids]), steps)[0]
    likely = first.nonzero()[0]
    then = after(torch.tensor([[*ids, token] for token in likely]), steps)
    pairs = np.zeros((len(first), len(first)))
    pairs[likely] = first[likely, None] * then
    return pairs


def after(ids: Any, steps: Any) -> np.ndarray:
    with torch.no_grad():
        logits = generating()(ids).logits[:, -1]
    found: np.ndarray = steps(ids, logits).double().softmax(-1).numpy()
    return found
