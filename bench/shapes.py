"""Random checkpoints of real shapes, and texts of so many tokens to give them.

Speed does not depend on the weights. A character is a token.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

SHAPES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "gpt2-medium": (
        "GPT2Config",
        "GPT2LMHeadModel",
        {"n_embd": 1024, "n_layer": 24, "n_head": 16, "vocab_size": 50_263},
    ),
    "t5-base": (
        "T5Config",
        "T5ForConditionalGeneration",
        {
            "d_model": 768, "d_ff": 3072, "num_layers": 12, "num_heads": 12, "vocab_size": 32_128,
            "decoder_start_token_id": 0,
        },
    ),
    "t5-large": (
        "T5Config",
        "T5ForConditionalGeneration",
        {
            "d_model": 1024, "d_ff": 4096, "num_layers": 24, "num_heads": 16, "vocab_size": 32_128,
            "decoder_start_token_id": 0,
        },
    ),
    "llama-1b": (
        "LlamaConfig",
        "LlamaForCausalLM",
        {
            "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16,
            "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128_256,
            "max_position_embeddings": 2048, "tie_word_embeddings": True,
        },
    ),
    "pingpong-gpt-large": (
        "OpenAIGPTConfig",
        "OpenAIGPTLMHeadModel",
        {"n_embd": 1024, "n_layer": 24, "n_head": 16, "vocab_size": 32_000, "n_positions": 256},
    ),
    "meena-large": (
        "MarianConfig",
        "MarianMTModel",
        {
            "d_model": 1024, "encoder_layers": 2, "decoder_layers": 24, "vocab_size": 32_000,
            "encoder_attention_heads": 16, "decoder_attention_heads": 16,
            "encoder_ffn_dim": 4096, "decoder_ffn_dim": 4096, "max_position_embeddings": 128,
            "activation_function": "gelu_new", "scale_embedding": True, "pad_token_id": 0,
            "decoder_start_token_id": 0, "forced_eos_token_id": None,
        },
    ),
}  # fmt: skip
"""Config class, model class and sizes, by transformers' names."""

LONGEST = {"pingpong-gpt-large": 256 - 24, "meena-large": 128}
"""Prompt tokens that a family has positions for; of longer talks the end is read."""

OWN_CONVERTER = ("pingpong-gpt-large", "meena-large")
"""Families whose random checkpoints CTranslate2's converter refuses; ours converts them."""


def make(family: str, folder: Path) -> None:
    """The random checkpoint, with a tokenizer in which a character is a token."""
    import transformers

    config_class, model_class, sizes = SHAPES[family]
    config = getattr(transformers, config_class)(**sizes)
    made = folder.with_name(folder.name + ".part")
    shutil.rmtree(made, ignore_errors=True)
    model = getattr(transformers, model_class)(config)
    model.generation_config.eos_token_id = None
    model.save_pretrained(made)
    (made / "tokenizer.json").write_text(json.dumps(spelling(sizes["vocab_size"])))
    made.rename(folder)


def spelling(size: int) -> dict[str, Any]:
    """A byte-level tokenizer without merges, filled up to the size."""
    from tokenizers.pre_tokenizers import ByteLevel

    letters = sorted(ByteLevel.alphabet())
    vocab = {letter: n + 3 for n, letter in enumerate(letters)}
    vocab |= {f"[unused{n}]": n for n in (*range(3), *range(len(letters) + 3, size))}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    return {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {**level, "use_regex": False},
        "decoder": level,
        "model": {"type": "BPE", "vocab": vocab, "merges": []},
    }


def text(tokens: int, salt: int = 0) -> str:
    """So many letters, different for each salt."""
    chance = np.random.default_rng(salt)
    return "".join(map(chr, chance.integers(97, 123, tokens)))


def talk(turn: int, family: str = "") -> str:
    """The prompt of a turn: 35 tokens for each turn before it, 15 for its own."""
    whole = text(2000)[: 35 * (turn - 1) + 15]
    return whole[-LONGEST.get(family, len(whole)) :]


def weight_bytes(folder: Path) -> int:
    """Of the matrices in int8 that one token of a decoder reads, embeddings once as the head."""
    from safetensors import safe_open

    total = 0
    for file in folder.glob("*.safetensors"):
        with safe_open(file, "np") as opened:
            for name in opened.keys():  # noqa: SIM118 - it is no dict
                shape = opened.get_slice(name).get_shape()
                if len(shape) == 2 and not name.startswith("encoder."):
                    total += shape[0] * shape[1]
    return total
