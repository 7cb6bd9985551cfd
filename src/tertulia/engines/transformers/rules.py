"""From logits to the next token: the library's own processors, then one draw of our own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import transformers as library

from tertulia.decoding import Decoding
from tertulia.engines.transformers.request import Request
from tertulia.engines.transformers.voice import Voice
from tertulia.errors import EngineError
from tertulia.tokenizer import Tokenizer

COLDEST = 1e-30
"""Temperatures below are taken for it: a logit of 32 bits divided by less may be no number."""


def stream(seed: int, candidate: int) -> np.random.Generator:
    """The chance of one candidate: one number for each token it draws."""
    return np.random.Generator(np.random.Philox(key=np.array([seed, candidate], np.uint64)))


class Penalties:
    """The rules before temperature, over rows of logits [rows, vocabulary]."""

    def __init__(self, request: Request) -> None:
        self.request = request
        decoding = request.decoding
        self.processors = library.LogitsProcessorList()
        if decoding.repetition_penalty != 1:
            penalty = float(decoding.repetition_penalty)
            self.processors.append(library.RepetitionPenaltyLogitsProcessor(penalty))
        if decoding.no_repeat_ngram:
            self.processors.append(library.NoRepeatNGramLogitsProcessor(decoding.no_repeat_ngram))

    def __call__(self, ids: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """Changed logits; ids [rows, tokens] are the decoder's so far, before the reply too."""
        before = len(self.request.before)
        seen = ids if self.request.decoding.penalties_count_prompt else ids[:, before:]
        logits = self.processors(seen, logits).clone()
        logits[:, list(self.request.banned)] = -torch.inf
        if ids.shape[1] - before < self.request.least:
            logits[:, list(self.request.ends)] = -torch.inf
        return logits


class Rules:
    """All rules, for one row."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.penalties = Penalties(request)
        self.warpers = warpers(request.decoding)

    def __call__(self, logits: torch.Tensor, said: Sequence[int]) -> torch.Tensor:
        ids = torch.tensor([[*self.request.before, *said]], device=logits.device)
        logits = self.penalties(ids, logits)
        if torch.all(logits == -torch.inf):
            raise EngineError(
                f"after {len(said)} tokens the rules of the decoding forbid every token of the "
                "vocabulary: loosen no_repeat_ngram, banned or min_new_tokens"
            )
        warped: torch.Tensor = self.warpers(ids, logits)
        return warped


def warpers(decoding: Decoding) -> library.LogitsProcessorList:
    """Temperature, top-k, top-p, min-p in the library's order; none when greedy."""
    found = library.LogitsProcessorList()
    if decoding.temperature == 0:
        return found
    if decoding.temperature != 1:
        found.append(library.TemperatureLogitsWarper(max(float(decoding.temperature), COLDEST)))
    if decoding.top_k:
        found.append(library.TopKLogitsWarper(decoding.top_k))
    if decoding.top_p < 1:
        found.append(library.TopPLogitsWarper(decoding.top_p))
    if decoding.min_p:
        found.append(library.MinPLogitsWarper(decoding.min_p))
    return found


@dataclass(frozen=True, slots=True)
class Drawn:
    """The next token, and its log-probability under the model itself.

    likeliest  (token, log-probability) of as many as decoding.alternatives asks for
    """

    token: int
    logprob: float
    likeliest: tuple[tuple[int, float], ...]


def chosen(
    logits: torch.Tensor, rules: Rules, said: Sequence[int], chance: np.random.Generator
) -> Drawn:
    """The next token; logits [1, vocabulary]."""
    if not torch.isfinite(logits.max()) or torch.isnan(logits).any():
        raise EngineError(
            "the model gave logits that are no numbers: the weights are damaged, or overflow in "
            "this dtype; use dtype = 'float32' or 'bfloat16'"
        )
    warped = rules(logits, said)[0]
    token = draw(warped, rules.request.decoding, chance)
    logprobs = logits[0].double().log_softmax(-1)
    wanted = min(rules.request.decoding.alternatives, len(logprobs))
    values, tokens = logprobs.topk(wanted)
    likeliest = tuple(zip(tokens.tolist(), values.tolist(), strict=True))
    return Drawn(token, float(logprobs[token]), likeliest)


def draw(logits: torch.Tensor, decoding: Decoding, chance: np.random.Generator) -> int:
    """The likeliest token at temperature 0, else one draw by a walk over the heaped-up shares."""
    if decoding.temperature == 0:
        return int(logits.argmax())
    tokens = torch.nonzero(logits > -torch.inf)[:, 0]
    if decoding.top_p < 1 or decoding.min_p:
        # From the likeliest on, as our own engine walks: one seed then says one thing on both.
        tokens = tokens[torch.argsort(-logits[tokens], stable=True)]
    heap = logits[tokens].double().softmax(-1).cumsum(-1).cpu().numpy()
    place = np.searchsorted(heap, chance.random() * heap[-1], side="right")
    return int(tokens[min(int(place), len(tokens) - 1)])


class BeamRules(library.LogitsProcessor):  # type: ignore[misc]  # the library is untyped here
    """Penalties and bans for the library's beam search, which hands log-probabilities to them."""

    def __init__(self, request: Request) -> None:
        self.penalties = Penalties(request)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        return self.penalties(input_ids, scores)


class SaidStop(library.StoppingCriteria):  # type: ignore[misc]  # the library is untyped here
    """Ends a hypothesis at a stop string."""

    def __init__(self, tokenizer: Tokenizer, request: Request) -> None:
        self.tokenizer = tokenizer
        self.request = request

    def __call__(self, input_ids: torch.Tensor, scores: object, **_: object) -> torch.Tensor:
        rows = input_ids[:, len(self.request.before) :].tolist()
        return torch.tensor([self.stops(row) for row in rows], device=input_ids.device)

    def stops(self, row: Sequence[int]) -> bool:
        voice = Voice(self.tokenizer, self.request)
        for token in row if self.request.stops else ():
            voice.say(token)
        return voice.stopped_by_string
