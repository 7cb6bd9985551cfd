"""The vocabulary of the built-in model: byte-pair encoding that loses nothing.

A piece is a word with the space before it, a contraction, one digit, a run of punctuation or a
run of white space; merges never reach over a piece. What has no piece of its own is written as
its UTF-8 bytes, `<0x00>` to `<0xFF>`, so any text comes back exactly as it went in.
"""

import json
from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from tertulia.formats.native import CONTROLS

CONTROL = (*CONTROLS, *(f"<|reserved_{number}|>" for number in range(8)))
"""Control tokens; the position is the token id. The reserved ones are for what comes later."""

PIECES = r"'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\d| ?[^\s\p{L}\d]+|\s+(?!\S)|\s+"
BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))


def train(texts: Iterable[str], size: int) -> Tokenizer:
    """A tokenizer of `size` ids: control tokens, then the 256 bytes, then merges by frequency.

    A text should begin with a space, as every text does in a prompt.
    """
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=False))
    # The space stays a space inside a piece: with a stand-in such as U+2581, that character
    # itself would not come back.
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PIECES), behavior="isolated")
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[*CONTROL, *BYTES],
        min_frequency=2,
        limit_alphabet=160,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return only_control_is_special(tokenizer)


def only_control_is_special(tokenizer: Tokenizer) -> Tokenizer:
    """The same vocabulary, with the bytes as plain pieces that a person cannot type by name."""
    form = json.loads(tokenizer.to_str())
    form["added_tokens"] = [each for each in form["added_tokens"] if each["content"] in CONTROL]
    return Tokenizer.from_str(json.dumps(form))
