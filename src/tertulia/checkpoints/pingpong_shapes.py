"""What arrays Pingpong's two models have, by the names and in the shapes of the published code.

Config keys and their defaults are those of GPT2Config and MeenaConfig there; `n_ctxt`, which the
published GPT configs say, is a misspelling that the code never reads. Source:
pingpong-ai/dialogue-generation-models, configuration_*.py and modeling_*.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tertulia.errors import CheckpointError

Sizes = Mapping[str, int]
Shapes = dict[str, tuple[int, ...]]

LARGEST_SIZE = 1 << 24
MOST_LAYERS = 1024
IDS = {"pad_token_id": 0, "unk_token_id": 1, "bos_token_id": 2, "eos_token_id": 3} | {
    "sept_token_id": 4
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One of the two architectures.

    marks     config keys that tell it
    sizes     config keys that are whole numbers, with the code's defaults
    shapes    of all its parameters, for given sizes
    aliases   other names that torch.save gives to the same parameters -> their own
    """

    model_type: str
    format: str
    decoding: str
    marks: frozenset[str]
    sizes: Sizes
    shapes: Callable[[Sizes], Shapes]
    aliases: Mapping[str, str]


def gpt_shapes(sizes: Sizes) -> Shapes:
    width, inner = sizes["n_embd"], sizes["n_inner"]
    found: Shapes = {
        "transformer.wte.weight": (sizes["vocab_size"], width),
        "transformer.wpe.weight": (sizes["n_positions"], width),
    }
    for layer in range(sizes["n_layer"]):
        at = f"transformer.h.{layer}."
        found |= norm(f"{at}ln_1", width)
        found |= turned(f"{at}attn.c_attn", width, 3 * width)
        found |= turned(f"{at}attn.c_proj", width, width)
        found |= norm(f"{at}ln_2", width)
        found |= turned(f"{at}mlp.c_fc", width, inner)
        found |= turned(f"{at}mlp.c_proj", inner, width)
    return found


def meena_shapes(sizes: Sizes) -> Shapes:
    width = sizes["d_model"]
    found: Shapes = {
        "model.shared.weight": (sizes["vocab_size"], width),
        "model.position.weight": (sizes["max_position_embeddings"], width),
    }
    for part, attentions in (
        ("encoder", ("self_attn",)),
        ("decoder", ("self_attn", "encoder_attn")),
    ):
        inner = sizes[f"{part}_ffn_dim"]
        for layer in range(sizes[f"{part}_layers"]):
            at = f"model.{part}.layers.{layer}."
            for attention in attentions:
                for each in "kvq":
                    found |= linear(f"{at}{attention}.{each}_proj", width, width)
                found |= linear(f"{at}{attention}.out_proj", width, width)
                found |= norm(f"{at}{attention}_layer_norm", width)
            found |= linear(f"{at}fc1", width, inner) | linear(f"{at}fc2", inner, width)
            found |= norm(f"{at}final_layer_norm", width)
    return found


def linear(name: str, into: int, out: int) -> Shapes:
    return {f"{name}.weight": (out, into), f"{name}.bias": (out,)}


def turned(name: str, into: int, out: int) -> Shapes:
    """GPT's Conv1D, a linear layer stored the other way round."""
    return {f"{name}.weight": (into, out), f"{name}.bias": (out,)}


def norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


GPT = Family(
    model_type="pingpong_gpt",
    format="pingpong_gpt",
    decoding="pingpong_gpt_top_p",
    marks=frozenset(("n_embd", "n_layer", "n_head", "sept_token_id")),
    sizes=IDS
    | {"vocab_size": 32000, "n_positions": 256, "n_embd": 768}
    | {"n_layer": 12, "n_head": 12, "n_inner": 3072},
    shapes=gpt_shapes,
    aliases={"lm_head.weight": "transformer.wte.weight"},
)
MEENA = Family(
    model_type="pingpong_meena",
    format="meena",
    decoding="pingpong_meena_top_p",
    marks=frozenset(("d_model", "max_encoder_length", "decoder_layers", "sept_token_id")),
    sizes=IDS
    | {"vocab_size": 32000, "max_position_embeddings": 256, "max_encoder_length": 128}
    | {"d_model": 768, "encoder_ffn_dim": 3072, "decoder_ffn_dim": 3072}
    | {"encoder_layers": 2, "encoder_attention_heads": 12}
    | {"decoder_layers": 12, "decoder_attention_heads": 12},
    shapes=meena_shapes,
    aliases={
        "model.encoder.embed_tokens.weight": "model.shared.weight",
        "model.decoder.embed_tokens.weight": "model.shared.weight",
        "model.encoder.embed_positions.weight": "model.position.weight",
        "model.decoder.embed_positions.weight": "model.position.weight",
    },
)
FAMILIES = (GPT, MEENA)
NOT_READ = "n_ctxt"
EPSILON = "layer_norm_epsilon"
"""The only number of a config that is not whole: GPT's; Meena's is 1e-6 in the code."""


def family_of(table: Mapping[str, Any]) -> Family | None:
    """Whose config this is, None when it is not one of Pingpong's."""
    if "model_type" in table:
        return None
    return next((family for family in FAMILIES if family.marks <= table.keys()), None)


def config_of(table: Mapping[str, Any], family: Family, where: str) -> dict[str, Any]:
    """The config as the published code understands it: defaults filled in, unread keys left out.

    Raises CheckpointError for a size that is none, and for heads that do not divide the width.
    """
    told: dict[str, Any] = {"model_type": family.model_type}
    for key, otherwise in family.sizes.items():
        size = table.get(key, otherwise)
        least = 0 if key in IDS else 1
        most = MOST_LAYERS if "layer" in key else LARGEST_SIZE
        if type(size) is not int or not least <= size <= most:
            raise CheckpointError(
                f"{where}: {key} is {size!r}, must be a whole number from {least} to {most}"
            )
        told[key] = size
    if NOT_READ in table:
        told[NOT_READ] = table[NOT_READ]
    if family is GPT:
        told[EPSILON] = epsilon(table, where)
    width = told["n_embd"] if family is GPT else told["d_model"]
    for key in (key for key in told if key.endswith(("n_head", "attention_heads"))):
        if width % told[key]:
            raise CheckpointError(f"{where}: {key} is {told[key]}, must divide the width {width}")
    return told


def epsilon(table: Mapping[str, Any], where: str) -> float:
    value = table.get(EPSILON, 1e-5)
    if not isinstance(value, float) or not 0 < value < 1:
        raise CheckpointError(f"{where}: {EPSILON} is {value!r}, must be a number from 0 to 1")
    return value
