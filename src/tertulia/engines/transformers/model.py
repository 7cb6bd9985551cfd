"""A causal or seq2seq model behind four verbs: read, read on, search, score."""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import transformers as library

from tertulia.errors import CheckpointError, EngineError

if TYPE_CHECKING:
    from tertulia.engines.transformers.request import Request

T5_WINDOW = 512
"""T5 has relative positions and so no limit; 512 is what it was trained with."""


@dataclass(slots=True)
class State:
    """Where the model stands in one reply.

    ids     in the decoder so far
    logits  [1, vocabulary] of the next token, float32
    cache   None for the few models that keep none: they read everything again
    """

    ids: list[int]
    logits: torch.Tensor
    cache: Any = None
    encoded: Any = None


class Model:
    """Every row alone, so that nothing is ever padded.

    twofold  an encoder reads the prompt, a decoder says the reply
    start    what the decoder of such a model begins with; empty for others
    ends     the model's own end tokens
    window   prompt plus reply; each of both alone when twofold
    """

    def __init__(self, model: Any, window: int | None) -> None:  # noqa: ANN401 - untyped library
        self.model = model
        self.twofold = bool(model.config.is_encoder_decoder)
        self.start = start_token(model) if self.twofold else ()
        self.ends = end_tokens(model)
        self.window = window or positions(model)
        accepted = inspect.signature(model.forward).parameters
        self.last_only = {"logits_to_keep": 1} if "logits_to_keep" in accepted else {}
        # Whatever the checkpoint advises (a temperature, forced tokens), a Decoding says it all.
        model.generation_config = library.GenerationConfig()

    def read(self, ids: Sequence[int]) -> State:
        """The model after the prompt."""
        if not self.twofold:
            return self.forward(list(ids), [], None, None)
        with running("read the prompt"):
            encoded = self.model.get_encoder()(**self.tensors(ids))
        return self.forward(list(self.start), [], None, encoded)

    def read_on(self, state: State, token: int) -> State:
        """The model after one more token; the state given is not used again."""
        if state.cache is None:
            return self.forward([*state.ids, token], [], None, state.encoded)
        return self.forward([token], state.ids, state.cache, state.encoded)

    def forward(self, new: list[int], known: list[int], cache: Any, encoded: Any) -> State:  # noqa: ANN401
        ids = self.row(new)
        given: dict[str, Any] = {} if cache is None else {"past_key_values": cache}
        if self.twofold:
            given |= {"encoder_outputs": encoded, "decoder_input_ids": ids}
        else:
            given |= {"input_ids": ids, **self.last_only}
        with running("take a step"):
            out = self.model(**given, use_cache=True, return_dict=True)
        kept = getattr(out, "past_key_values", None)
        return State([*known, *new], out.logits[:, -1].float(), kept, encoded)

    def search(self, request: "Request", rules: Any, stops: Any) -> list[list[int]]:  # noqa: ANN401
        """Token ids of the hypotheses, best first, with whatever pads them."""
        settings = library.GenerationConfig(
            do_sample=False,
            num_beams=request.decoding.beams,
            num_return_sequences=request.decoding.candidates,
            length_penalty=request.decoding.length_penalty,
            max_new_tokens=request.most,
            eos_token_id=list(request.ends) or None,
            pad_token_id=request.ends[0] if request.ends else 0,
            decoder_start_token_id=self.start[0] if self.start else None,
        )
        with running("search with beams"):
            found = self.model.generate(
                **self.tensors(request.ids),
                generation_config=settings,
                logits_processor=library.LogitsProcessorList([rules]),
                stopping_criteria=library.StoppingCriteriaList([stops]),
            )
        rows: list[list[int]] = found[:, len(request.before) :].tolist()
        return rows

    def logprobs(self, ids: Sequence[int], reply: Sequence[int]) -> list[float]:
        """Natural-log probability of each token of a reply under the model itself."""
        if not reply:
            return []
        before = self.start or tuple(ids)
        said = [*before, *reply[:-1]]
        given = self.tensors(said)
        if self.twofold:
            given = {**self.tensors(ids), "decoder_input_ids": self.row(said)}
        with running("score a reply"):
            logits = self.model(**given, use_cache=False).logits[0, len(before) - 1 :].double()
        found: list[float] = logits.log_softmax(-1).gather(1, self.row(reply).T)[:, 0].tolist()
        return found

    def tensors(self, ids: Sequence[int]) -> dict[str, torch.Tensor]:
        """[1, tokens], nothing of it padding."""
        row = self.row(ids)
        return {"input_ids": row, "attention_mask": torch.ones_like(row)}

    def row(self, ids: Sequence[int]) -> torch.Tensor:
        return torch.tensor([list(ids)], device=self.model.device)


@contextmanager
def running(doing: str) -> Iterator[None]:
    """No gradients are kept, and what goes wrong inside torch becomes an EngineError."""
    try:
        with torch.no_grad():
            yield
    except (RuntimeError, IndexError, ValueError) as error:
        raise EngineError(
            f"transformers could not {doing}: {error}; a smaller model, dtype = 'bfloat16' or a "
            "shorter prompt needs less memory"
        ) from error


def end_tokens(model: Any) -> tuple[int, ...]:  # noqa: ANN401 - untyped library
    """What the checkpoint itself says ends a reply."""
    found = model.generation_config.eos_token_id
    if found is None:
        found = getattr(model.config, "eos_token_id", None)
    return () if found is None else (found,) if isinstance(found, int) else tuple(found)


def start_token(model: Any) -> tuple[int, ...]:  # noqa: ANN401 - untyped library
    """The id with which a decoder that follows an encoder begins, as the library looks for it."""
    for where in (model.generation_config, model.config):
        for name in ("decoder_start_token_id", "bos_token_id"):
            found = getattr(where, name, None)
            if isinstance(found, int):
                return (found,)
    raise CheckpointError(
        "config.json names no decoder_start_token_id: add the one this model was trained with "
        "(T5: 0)"
    )


def positions(model: Any) -> int:  # noqa: ANN401 - untyped library
    """Tokens that the model can tell apart by place."""
    for name in ("max_position_embeddings", "n_positions", "n_ctx"):
        found = getattr(model.config.get_text_config(), name, None)
        if isinstance(found, int) and found > 0:
            return found
    return T5_WINDOW
