"""What tells one family with rotary positions from another: sizes, and a style."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tertulia.engines.onnxruntime import rotary
from tertulia.engines.onnxruntime.config import Config
from tertulia.engines.onnxruntime.heads import Heads, heads

FULL, SLIDING = "full_attention", "sliding_attention"
LAYER_TYPES = (FULL, SLIDING)
"""The words of layer_types in config.json."""

NO_ROTATION = ""
"""In place of a rotation's name: a layer that does not know positions."""

ATTENTION = frozenset({"q_proj", "k_proj", "v_proj", "o_proj"})
GATED = frozenset({"gate_proj", "up_proj", "down_proj"})
"""Names of linear layers, for those with a bias."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Sizes of one checkpoint.

    window  positions the model knows
    """

    layers: int
    width: int
    inner: int
    vocabulary: int
    window: int
    eps: float
    heads: Heads

    def known(self, window: int | None) -> int:
        """Positions there is room for, when so many are asked for."""
        return min(self.window, window or self.window)


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What is a family's own; the defaults are Llama's.

    rotations   their parameters, by names of the family's choice
    rotated     the rotation of each layer, or NO_ROTATION
    sliding     the sliding window of each layer, None where it sees everything
    biased      the linear layers that have a bias
    packed      queries, keys and values are one matrix, gate and up another
    head_norms  RMS norms of queries and keys: "each" head's own, "all" heads at once; "" for none
    before      names of the norms in front of the attention and of the gated layer; "" for none
    after       names of the norms behind them
    norm        "rms"; "rms1", which multiplies by 1 + its weight; "layer"; "bare", without weights
    activation  of the gate
    scale       of products of queries and keys; 1 / sqrt(head) where it is None
    cap         soft cap of these products; 0 for none
    last_cap    soft cap of logits; 0 for none
    embedded    what embeddings are multiplied by
    tied        the head is the embedding
    """

    rotations: Mapping[str, rotary.Parameters]
    rotated: Sequence[str]
    sliding: Sequence[int | None]
    biased: frozenset[str] = frozenset()
    packed: bool = False
    head_norms: str = ""
    before: tuple[str, str] = ("input_layernorm", "post_attention_layernorm")
    after: tuple[str, str] = ("", "")
    norm: str = "rms"
    activation: str = "silu"
    scale: float | None = None
    cap: float = 0.0
    last_cap: float = 0.0
    embedded: float = 1.0
    tied: bool = False


def sizes(
    config: Config,
    *,
    head: int | None = None,
    turned: float = 1.0,
    eps_key: str = "rms_norm_eps",
    eps: float = 1e-6,
) -> Shape:
    """Sizes as Llama's config.json names them.

    head    numbers of a head where config.json does not say; width / heads by default
    turned  the share of a head that rotations turn, where it does not say that
    """
    count, width = config.whole("num_attention_heads"), config.whole("hidden_size")
    size = config.whole("head_dim", otherwise=head or width // count)
    return Shape(
        layers=config.whole("num_hidden_layers"),
        width=width,
        inner=config.whole("intermediate_size"),
        vocabulary=config.whole("vocab_size"),
        window=config.whole("max_position_embeddings"),
        eps=config.number(eps_key, eps),
        heads=heads(
            config,
            count=count,
            groups=config.whole("num_key_value_heads", otherwise=count),
            size=size,
            turned=rotary.turned(rotary.parameters(config, part=turned), size, config),
        ),
    )


def sliding(types: Sequence[str], window: int | None) -> tuple[int | None, ...]:
    """The sliding window of each layer, by these words of layer_types."""
    return tuple(window if each == SLIDING else None for each in types)
