"""Pingpong's models under transformers' names, for the engine over that library.

pingpong_gpt    OpenAIGPTLMHeadModel: the embedding times sqrt(width), and a head of its own
pingpong_meena  MarianMTModel: the table of positions cut in two; its layer norms have an
                epsilon of 1e-5 instead of 1e-6, which moves logits in the sixth decimal
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tertulia.checkpoints import folder as folders
from tertulia.checkpoints import manifest
from tertulia.checkpoints.pingpong_shapes import GPT, MEENA
from tertulia.checkpoints.safetensors import Array, Entry, Stored, blocks, cured, stored, writing
from tertulia.errors import CheckpointError

TOKENIZER = "tokenizer.model"


@dataclass(frozen=True, slots=True)
class Part:
    """One array to write, and its numbers in pieces that come when they are asked for."""

    entry: Entry
    pieces: Iterator[Array]


def to_transformers(folder: Path, target: Path) -> None:
    """Writes a model folder that transformers opens.

    folder  a converted one, with model_type pingpong_gpt or pingpong_meena
    target  does not exist yet, or is an empty folder

    Raises CheckpointError for sizes that the library's classes cannot have.
    """
    config = folders.config(folder)
    [weights] = folders.weights(folder)
    held = stored(weights)
    where = str(folder / folders.CONFIG)
    if config.get("model_type") == GPT.model_type:
        table, parts = gpt_config(config, where), gpt_parts(config, held)
    elif config.get("model_type") == MEENA.model_type:
        table, parts = marian_config(config, where), marian_parts(config, held)
    else:
        raise CheckpointError(f"{where} has no model_type {GPT.model_type} or {MEENA.model_type}")
    with folders.whole(target) as hidden:
        with writing(
            hidden / folders.WEIGHTS, {name: p.entry for name, p in parts.items()}
        ) as file:
            for name, part in parts.items():
                file.extend(name, part.pieces)
        with cured(target):
            (hidden / folders.CONFIG).write_text(json.dumps(table, indent=2) + "\n")
            shutil.copyfile(folder / TOKENIZER, hidden / TOKENIZER)
            family = GPT if table["model_type"] == "openai-gpt" else MEENA
            about = manifest.Manifest(
                format=family.format,
                family=table["model_type"],
                tokenizer=TOKENIZER,
                decoding=family.decoding,
            )
            manifest.write(about, hidden)


def gpt_parts(config: Mapping[str, Any], held: Mapping[str, Stored]) -> dict[str, Part]:
    names = {
        "transformer.wte.weight": "lm_head.weight",
        "transformer.wpe.weight": "transformer.positions_embed.weight",
    }
    embedding = held["transformer.wte.weight"]
    scaled = Part(Entry("F32", embedding.entry.shape), grown(embedding, config["n_embd"]))
    same = {names.get(name, name): copied(each) for name, each in held.items()}
    return {"transformer.tokens_embed.weight": scaled, **same}


def grown(embedding: Stored, width: int) -> Iterator[Array]:
    """The embedding times sqrt(width), in float32."""
    for block in blocks(embedding.mapped()):
        yield floats(block, embedding.entry.dtype) * np.float32(width**0.5)


def floats(block: Array, dtype: str) -> NDArray[np.float32]:
    if dtype == "BF16":
        return (block.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return block.astype(np.float32)


def marian_parts(config: Mapping[str, Any], held: Mapping[str, Stored]) -> dict[str, Part]:
    table, cut = held["model.position.weight"], config["max_encoder_length"]
    entry = Entry(table.entry.dtype, (cut, config["d_model"]))
    bias = np.zeros((1, config["vocab_size"]), np.float32)
    own = {name: copied(each) for name, each in held.items() if name != "model.position.weight"}
    return own | {
        "model.encoder.embed_positions.weight": Part(entry, iter([table.mapped()[:cut]])),
        "model.decoder.embed_positions.weight": Part(entry, iter([table.mapped()[cut:]])),
        "final_logits_bias": Part(Entry("F32", bias.shape), iter([bias])),
    }


def copied(each: Stored) -> Part:
    return Part(each.entry, blocks(each.mapped()))


def gpt_config(config: Mapping[str, Any], where: str) -> dict[str, Any]:
    if config["n_inner"] != 4 * config["n_embd"]:
        raise CheckpointError(
            f"{where}: n_inner is {config['n_inner']}, and transformers' OpenAIGPT only knows "
            f"4 x n_embd = {4 * config['n_embd']}: use the onnxruntime engine"
        )
    kept = ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "layer_norm_epsilon")
    return {
        "model_type": "openai-gpt",
        "architectures": ["OpenAIGPTLMHeadModel"],
        **{key: config[key] for key in kept},
        "afn": "gelu",
        "tie_word_embeddings": False,
        **ids(config),
    }


def marian_config(config: Mapping[str, Any], where: str) -> dict[str, Any]:
    cut = config["max_encoder_length"]
    if 2 * cut != config["max_position_embeddings"]:
        raise CheckpointError(
            f"{where}: max_encoder_length is {cut} of {config['max_position_embeddings']} positions"
            ", and transformers' Marian only knows two equal halves: use the onnxruntime engine"
        )
    kept = (
        *("vocab_size", "d_model", "encoder_ffn_dim", "encoder_layers", "encoder_attention_heads"),
        *("decoder_ffn_dim", "decoder_layers", "decoder_attention_heads"),
    )
    return {
        "model_type": "marian",
        "architectures": ["MarianMTModel"],
        **{key: config[key] for key in kept},
        "max_position_embeddings": cut,
        "scale_embedding": True,
        "activation_function": "gelu_new",
        "is_encoder_decoder": True,
        "share_encoder_decoder_embeddings": True,
        "tie_word_embeddings": True,
        "decoder_start_token_id": config["bos_token_id"],
        "forced_eos_token_id": None,
        **ids(config),
    }


def ids(config: Mapping[str, Any]) -> dict[str, int]:
    return {key: config[key] for key in ("pad_token_id", "bos_token_id", "eos_token_id")}
