"""Which arrays of a family are matrices to be made small, and which way round they are stored."""

import re
from collections.abc import Collection, Mapping

from tertulia.errors import CheckpointError

CONV1D = re.compile(r"(^|\.)(c_attn|c_proj|c_fc|q_attn)\.weight")
TURNED: Mapping[str, re.Pattern[str]] = {
    "gpt2": CONV1D,
    "openai-gpt": CONV1D,
    "pingpong_gpt": CONV1D,
}
"""Families that store some matrices as [in, out], and the names of these."""

UPRIGHT = frozenset(
    (
        *("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "phi3"),
        *("olmo", "olmo2", "smollm3", "stablelm", "granite", "cohere", "gpt_neox", "opt"),
        *("t5", "mt5", "umt5", "bart", "mbart", "marian", "pegasus"),
        *("blenderbot", "blenderbot-small", "pingpong_meena"),
    )
)
"""Families whose matrices are all [out, in]."""

FLOATS = re.compile(
    r"relative_attention_bias|(^|\.)wpe\.|position|final_logits_bias|layer_?norm|(^|[._])norm\b"
)
"""Tables that are small and added to everything, and norms: they stay as precise as they were."""

LOOKED_UP = re.compile(r"(^|\.)(shared|embed_tokens|embed_in|wte|tokens_embed)\.weight$")
"""Embeddings: a token is a row of theirs."""

HEAD = re.compile(r"(^|\.)(lm_head|embed_out)\.weight$")

LEFT_OUT = re.compile(r"\.attn\.(bias|masked_bias)$|\.rotary_emb\.inv_freq$|\.position_ids$")
"""What old checkpoints keep besides weights, and every reader makes itself."""

OVERFLOWING = ("t5", "mt5", "umt5", "longt5", "switch_transformers")
"""Families whose activations leave float16's range: replies turn to noise, without an error."""


def known(family: object) -> bool:
    """Whether a family's arrays are known here, and so needs no code of its own."""
    return family in UPRIGHT or family in TURNED


def check(family: str, where: str) -> None:
    """Raises CheckpointError for a family whose arrays are not known."""
    if not known(family):
        names = ", ".join(sorted((*UPRIGHT, *TURNED)))
        raise CheckpointError(
            f"{where}: how model_type {family!r} stores its matrices is not known, and int8 the "
            f"wrong way round would be noise: use --quantization bfloat16; known are {names}"
        )


def left_out(name: str) -> bool:
    return LEFT_OUT.search(name) is not None


def is_matrix(name: str, shape: tuple[int, ...]) -> bool:
    """Whether an array is a matrix of a layer, an embedding or a head."""
    return len(shape) == 2 and FLOATS.search(name) is None


def is_looked_up(name: str) -> bool:
    """Whether rows of a matrix are read one by one."""
    return LOOKED_UP.search(name) is not None


def tied_head(names: Collection[str]) -> str:
    """The embedding that is the head, too; empty where the head has weights of its own."""
    if any(map(HEAD.search, names)):
        return ""
    found = [name for name in names if is_looked_up(name)]
    shared = [name for name in found if name.endswith("shared.weight")]
    return next(iter(shared or found), "")


def is_turned(family: str, name: str) -> bool:
    """Whether a matrix is stored as [in, out]."""
    pattern = TURNED.get(family)
    return pattern is not None and pattern.search(name) is not None
