"""A tiny checkpoint opened twice: by our engine and by transformers, which says what is right."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from tests.engines.tiny_families import FAMILIES, opened
from tests.folders import new_folder

from tertulia.decoding import Decoding
from tertulia.engines.onnxruntime import OnnxRuntime
from tertulia.prompt import Prompt, Span

TOKENS = 6
REPLY = (Span(" and then"), Span("<|end|>", control=True))
"""What is scored."""


@dataclass(frozen=True, eq=False)
class Pair:
    """One family.

    folder   of the checkpoint
    twofold  an encoder reads the prompt
    engine   ours, in float32
    model    transformers', in float32
    """

    folder: Path
    twofold: bool
    engine: OnnxRuntime
    model: Any

    def alike(self, prompts: Sequence[Prompt]) -> Iterator[Any]:
        """Ids of prompts, those of one length together: a batch that needs no padding."""
        import torch

        rows = [self.engine.tokenizer.ids(each.runs()) for each in prompts]
        for _, group in groupby(rows, len):
            yield torch.tensor(list(group))

    def generated(self, prompts: Sequence[Prompt], **settings: Any) -> list[list[int]]:
        """What generate() says, without what stands before it and without padding."""
        found: list[list[int]] = []
        end = self.model.config.eos_token_id
        asked = {"do_sample": False, "max_new_tokens": TOKENS, "pad_token_id": 0, **settings}
        for ids in self.alike(prompts):
            rows = self.model.generate(ids, **asked)
            said = rows[:, 1 if self.twofold else ids.shape[1] :].tolist()
            found += [row[: row.index(end) + 1] if end in row else row for row in said]
        return found

    def scores(self, prompts: Sequence[Prompt]) -> np.ndarray:
        """Log-probability of each token of REPLY by transformers, [prompts, tokens]."""
        import torch

        reply = torch.tensor(self.engine.tokenizer.ids(REPLY))
        rows = []
        for ids in self.alike(prompts):
            said = reply.expand(len(ids), -1)
            with torch.no_grad():
                logits = self.logits(ids, said[:, :-1])[:, -len(reply) :].double()
            told = logits.log_softmax(-1).gather(2, said[:, :, None])
            rows.append(told[:, :, 0].numpy())
        return np.concatenate(rows)

    def logits(self, ids: Any, said: Any) -> Any:
        """Of the whole decoder, when it has said these after that prompt."""
        import torch

        if not self.twofold:
            return self.model(torch.cat([ids, said], 1)).logits
        start = torch.full((len(ids), 1), self.model.config.decoder_start_token_id)
        return self.model(input_ids=ids, decoder_input_ids=torch.cat([start, said], 1)).logits

    def lesser(self, quantization: str) -> OnnxRuntime:
        """Our engine with fewer bits: "int8", or weights that were rounded to "bfloat16"."""
        if quantization == "int8":
            return opened(self.folder, "int8")
        return opened(rounded(self.folder))


@cache
def paired(name: str) -> Pair:
    """The family of that name, made once in a process."""
    import torch

    torch.set_num_threads(1)  # Tiny matrices are slowest when many threads share them.
    family = FAMILIES[name]
    folder = new_folder("twofold" if family.twofold else "decoder")
    model = family.make(folder)
    return Pair(folder, family.twofold, opened(folder), model)


@cache
def rounded(folder: Path) -> Path:
    """The same checkpoint with its weights in bfloat16."""
    from safetensors.torch import load_file, save_file

    half = new_folder("bfloat16")
    for name in ("config.json", "tokenizer.json"):
        (half / name).write_bytes((folder / name).read_bytes())
    weights = load_file(folder / "model.safetensors")
    save_file({n: each.bfloat16() for n, each in weights.items()}, half / "model.safetensors")
    return half


def first_tokens(engine: OnnxRuntime, prompts: Sequence[Prompt]) -> np.ndarray:
    """The likeliest token after each prompt."""
    rows = engine.generate(prompts, Decoding(temperature=0.0, max_new_tokens=1))
    return np.array([row[0].tokens[0] for row in rows])
