"""One tiny checkpoint of every family that the default engine runs, and what is asked of it.

Listing and asking need no torch, so that another process may do it; making one needs transformers.
"""

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from tests import tiny_models, tiny_seq2seq
from tests.tiny_llama import tiny_tokenizer

from tertulia import engines
from tertulia.decoding import Decoding
from tertulia.engines import Completion
from tertulia.engines.onnxruntime import OnnxRuntime
from tertulia.prompt import Prompt, Span

LENGTHS, EACH = (5, 9, 16, 30), 50
"""Tokens of a prompt's text, and how many prompts there are of each length."""

WORDS = "the and a rain hat sea I am here oh no, then. one two little in an end? THE".split()
SAMPLED = Decoding(temperature=1.0, top_k=40, top_p=0.95, max_new_tokens=10)
BATCH = 32


@dataclass(frozen=True)
class Family:
    """A checkpoint that can be made.

    make    writes a folder; gives the same model in transformers
    twofold an encoder reads the prompt
    """

    make: Callable[[Path], Any]
    twofold: bool


def decoder(**config: object) -> Family:
    return Family(lambda folder: tiny_models.tiny_model(folder, **config), False)


def encoder_decoder(config: dict[str, Any], **changed: object) -> Family:
    def make(folder: Path) -> Any:
        import transformers

        tiny_seq2seq.tiny_seq2seq(folder, config, **changed)
        return getattr(transformers, config["architectures"][0]).from_pretrained(folder).eval()

    return Family(make, True)


def meena(folder: Path) -> Any:
    """Meena's weights in transformers' Marian, whose mathematics it is but for two places."""
    import torch
    import transformers

    tiny_seq2seq.tiny_seq2seq(folder, tiny_seq2seq.MEENA)
    told = json.loads((folder / "config.json").read_text("utf-8"))
    read = told["max_encoder_length"]
    config = transformers.MarianConfig(
        **{**told, "max_position_embeddings": read},
        scale_embedding=True,
        activation_function="gelu_new",
        forced_eos_token_id=None,
    )
    model = transformers.MarianMTModel(config)
    arrays = tiny_seq2seq.tiny_weights(told)
    tensors = {name: torch.tensor(array) for name, array in arrays.items()}
    places = tensors.pop("model.position.weight")
    assert not model.load_state_dict(tensors, strict=False).unexpected_keys
    model.tie_weights()
    for stack, rows in ((model.model.encoder, places[:read]), (model.model.decoder, places[read:])):
        stack.embed_positions.weight = torch.nn.Parameter(rows.clone())
    for part in model.modules():
        if isinstance(part, torch.nn.LayerNorm):
            part.eps = 1e-6
    return model.eval()


FAMILIES: dict[str, Family] = {
    **{name: decoder(**config) for name, config in tiny_models.FAMILIES.items()},
    "t5 1.1": encoder_decoder(tiny_seq2seq.T5),
    "t5": encoder_decoder(tiny_seq2seq.T5, **tiny_seq2seq.ORIGINAL),
    "bart": encoder_decoder(tiny_seq2seq.BART),
    "marian": encoder_decoder(tiny_seq2seq.MARIAN),
    "blenderbot": encoder_decoder(tiny_seq2seq.BLENDERBOT),
    "blenderbot-small": encoder_decoder(tiny_seq2seq.BLENDERBOT_SMALL),
    "meena": Family(meena, True),
}
VARIANTS = ("untied", "heads of", "sliding", "one after the other")
for name in [name for name in FAMILIES if any(part in name for part in VARIANTS)]:
    del FAMILIES[name]
"""One of each model type; variants of one are compared elsewhere."""


@cache
def texts() -> tuple[str, ...]:
    """Two hundred, fifty of each length, those of one length together."""
    chance, found, tokenizer = random.Random(5), set[str](), tiny_tokenizer()
    wanted = Counter(dict.fromkeys(LENGTHS, EACH))
    while wanted.total():
        text = " ".join(chance.choices(WORDS, k=chance.randint(1, 12)))
        size = len(tokenizer.encode(text).ids)
        if wanted[size] > 0 and text not in found:
            found.add(text)
            wanted[size] -= 1
    return tuple(sorted(found, key=lambda text: (len(tokenizer.encode(text).ids), text)))


def prompts(twofold: bool) -> list[Prompt]:
    if twofold:
        return [Prompt((Span(text),), closing=("<|end|>",)) for text in texts()]
    return [Prompt((Span("<|begin|>", control=True), Span(text))) for text in texts()]


def opened(folder: Path, quantization: str = "float32") -> OnnxRuntime:
    engine = engines.load("onnxruntime", model=folder, threads=1, quantization=quantization)
    assert isinstance(engine, OnnxRuntime)
    return engine


def bits(completion: Completion) -> list[Any]:
    """All of a reply that a seed must bring back."""
    return [completion.text, list(completion.tokens), list(completion.logprobs), completion.finish]


def seeded() -> list[Decoding]:
    """What the first prompts are asked with: other seeds and other limits each."""
    return [replace(SAMPLED, seed=n, max_new_tokens=3 + n % 8) for n in range(BATCH)]


def asked(twofold: bool) -> list[Prompt]:
    """Prompts of all lengths."""
    return prompts(twofold)[:: len(texts()) // BATCH][:BATCH]


def replayed(folder: Path, twofold: bool, quantization: str = "int8") -> list[list[Any]]:
    """Their replies, made in one batch by an engine opened for it."""
    rows = opened(folder, quantization).generate(asked(twofold), seeded())
    return [bits(row[0]) for row in rows]


def main(folders: Sequence[str]) -> None:
    """The replies of each folder as one line of JSON; a folder's name begins with its kind."""
    for folder in map(Path, folders):
        twofold = folder.name.startswith("twofold")
        print(json.dumps(replayed(folder, twofold)), flush=True)  # noqa: T201 - a script


if __name__ == "__main__":
    main(sys.argv[1:])
