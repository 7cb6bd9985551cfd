"""How the next token is chosen, and the published ways of choosing it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

from tertulia.errors import UnknownName
from tertulia.registry import nearest

MAX_CANDIDATES = 256
MAX_NEW_TOKENS = 65_536
MAX_ALTERNATIVES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """Decoding settings, checked on construction. The order of the rules is transformers' own:
    penalties and bans, then temperature, top-k, top-p, min-p.

    temperature              0 is greedy; otherwise divides the logits
    top_k                    keep the k likeliest tokens; 0 keeps all
    top_p                    nucleus mass in (0, 1], arXiv:1904.09751; 1 keeps all
    min_p                    keep tokens at least this share of the likeliest, in [0, 1),
                             arXiv:2407.01082; 0 keeps all
    beams                    1 samples or is greedy; more is beam search (temperature 0)
    candidates               samples, or hypotheses of the beam (at most `beams`)
    max_new_tokens           at most so many tokens per candidate
    min_new_tokens           no end before so many tokens
    max_length, min_length   published quirk: the same limits with the prompt counted too, as
                             transformers counts them: a decoder's whole prompt, of an
                             encoder-decoder the start token only; None and 0 switch them off
    repetition_penalty       divides (multiplies, when negative) logits of tokens already seen,
                             arXiv:1909.05858; 1 is off
    no_repeat_ngram          no n-gram of so many tokens twice; 0 is off
    penalties_count_prompt   the two rules above also look at the prompt: transformers' way for
                             decoders (an encoder's input never counts)
    length_penalty           beams are ranked by log-probability / length ** length_penalty
    stop                     strings that end a reply, besides those of the format
    banned                   tokens that are never said, by their name in the vocabulary
    alternatives             so many of the likeliest tokens are told beside each that is said; 0
                             tells none, and only sampling and greedy decoding can
    seed                     in [0, 2**63); None draws one, which the completion reports
    """

    temperature: float = 0.7
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    beams: int = 1
    candidates: int = 1
    max_new_tokens: int = 128
    min_new_tokens: int = 0
    max_length: int | None = None
    min_length: int = 0
    repetition_penalty: float = 1.0
    no_repeat_ngram: int = 0
    penalties_count_prompt: bool = True
    length_penalty: float = 1.0
    stop: tuple[str, ...] = ()
    banned: tuple[str, ...] = ()
    alternatives: int = 0
    seed: int | None = None

    def __post_init__(self) -> None:
        for name, low, high, cure in RANGES:
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise ValueError(f"{name} is {value}, must be in [{low}, {high}]; {cure}")
        self.check_limits()
        self.check_lists()
        if self.beams > 1 and self.temperature != 0:
            raise ValueError(
                f"beams is {self.beams} with temperature {self.temperature}: beam search does not "
                "sample; set temperature=0, or beams=1"
            )
        if self.beams > 1 and self.alternatives:
            raise ValueError(
                f"alternatives is {self.alternatives} with {self.beams} beams: a search by beams "
                "does not tell them; set alternatives=0, or beams=1"
            )
        if self.candidates > 1 and self.temperature == 0 and self.beams < self.candidates:
            raise ValueError(
                f"{self.candidates} candidates from {self.beams} beam(s): greedy candidates would "
                "be identical; raise temperature above 0, or set beams to at least candidates"
            )

    def check_limits(self) -> None:
        if self.top_p == 0:
            raise ValueError("top_p is 0, which keeps no token; use 1 to switch it off")
        if self.min_new_tokens > self.max_new_tokens:
            raise ValueError(
                f"min_new_tokens is {self.min_new_tokens}, more than max_new_tokens "
                f"{self.max_new_tokens}: lower the first or raise the second"
            )
        if self.max_length is not None and self.min_length > self.max_length:
            raise ValueError(
                f"min_length is {self.min_length}, more than max_length {self.max_length}: lower "
                "the first or raise the second"
            )

    def check_lists(self) -> None:
        for name in ("stop", "banned"):
            if isinstance(getattr(self, name), str):
                raise ValueError(f"{name} is a string, must be a list of strings: wrap it in one")
        if "" in self.stop:
            raise ValueError("stop holds an empty string, which every reply contains; remove it")

    @property
    def greedy(self) -> bool:
        return self.temperature == 0 and self.beams == 1

    def changed(self) -> tuple[str, ...]:
        """Names of the fields that differ from their default."""
        return tuple(f.name for f in fields(self) if getattr(self, f.name) != f.default)


RANGES: tuple[tuple[str, float, float, str], ...] = (
    ("temperature", 0.0, 100.0, "use 0 for greedy decoding, 1 for the model's own distribution"),
    ("top_k", 0, 1_000_000, "use 0 to switch it off"),
    ("top_p", 0.0, 1.0, "use 1 to switch it off"),
    ("min_p", 0.0, 0.999999, "use 0 to switch it off"),
    ("beams", 1, 64, "use 1 for sampling or greedy decoding"),
    ("candidates", 1, MAX_CANDIDATES, "use 1 for a single reply"),
    ("max_new_tokens", 1, MAX_NEW_TOKENS, "use 128 for a normal reply"),
    ("min_new_tokens", 0, MAX_NEW_TOKENS, "use 0 to switch it off"),
    ("max_length", 1, 10_000_000, "leave it out to switch it off"),
    ("min_length", 0, 10_000_000, "use 0 to switch it off"),
    ("repetition_penalty", 0.01, 100.0, "use 1 to switch it off"),
    ("no_repeat_ngram", 0, 1_000, "use 0 to switch it off"),
    ("length_penalty", -10.0, 10.0, "use 1 for the mean log-probability"),
    ("alternatives", 0, MAX_ALTERNATIVES, "use 0 to switch it off"),
    ("seed", 0, 2**63 - 1, "use a whole number such as 7"),
)


class Preset(NamedTuple):
    """A published way of decoding and where it was published."""

    decoding: Decoding
    source: str


LIBRARY_TOP_K = 50
"""transformers' own default top_k, silently on in every published example that samples."""

COSMO = Decoding(temperature=1.0, top_p=0.95, top_k=LIBRARY_TOP_K, max_new_tokens=128)
PINGPONG = Decoding(
    temperature=1.0,
    top_p=0.8,
    top_k=LIBRARY_TOP_K,
    max_length=48,
    min_length=8,
    repetition_penalty=1.3,
    no_repeat_ngram=3,
    candidates=10,
    banned=("[SEPT]",),
)
PINGPONG_BEAM = replace(PINGPONG, temperature=0.0, top_p=1.0, top_k=0, beams=10)

STRUCTURE = tuple(
    f"<|{name}|>"
    for name in "pad begin situation instruction knowledge memory persona fact me you says"
    " goal explanation skill".split()
)
"""Control tokens of the `native` format that no reply holds."""

PRESETS: Mapping[str, Preset] = {
    "native": Preset(
        Decoding(
            temperature=0.6,
            top_k=50,
            top_p=0.92,
            min_new_tokens=3,
            max_new_tokens=60,
            candidates=16,
            banned=STRUCTURE,
        ),
        "chosen for tertulia-mini; see its model card",
    ),
    "greedy": Preset(Decoding(temperature=0.0), "the likeliest token each time"),
    "cosmo": Preset(COSMO, "allenai/cosmo-xl model card; top_k 50 is the library's default"),
    "godel_card": Preset(
        Decoding(temperature=1.0, top_p=0.9, top_k=LIBRARY_TOP_K, max_length=128, min_length=8),
        "microsoft/GODEL-v1_1-*-seq2seq model card",
    ),
    "godel_server": Preset(
        Decoding(temperature=0.0, max_length=128, min_length=32, no_repeat_ngram=4),
        "microsoft/GODEL demo server: it never samples, so its top_k of 10 has no effect",
    ),
    "godel_evaluation": Preset(
        Decoding(temperature=0.0, beams=5, max_length=128),
        "microsoft/GODEL generate.py with the options of its README",
    ),
    "thanos_card": Preset(
        Decoding(temperature=0.9, top_p=1.0, top_k=LIBRARY_TOP_K, max_new_tokens=256),
        "passing2961/Thanos README and inference.py",
    ),
    "thanos_eval": Preset(
        Decoding(temperature=1.0, top_p=0.9, top_k=LIBRARY_TOP_K, max_new_tokens=256, seed=0),
        "passing2961/Thanos evaluation script",
    ),
    "persona_gpt": Preset(
        Decoding(temperature=1.0, top_k=10, top_p=0.92, max_length=1000),
        "af1tang/personaGPT model card; max_length counts the prompt. The limit of 128 new tokens "
        "is ours: without one a talk would have no room in the 1024 positions",
    ),
    "pingpong_gpt_top_p": Preset(
        replace(PINGPONG, seed=42), "pingpong-ai/dialogue-generation-models, run_gpt.py top_p"
    ),
    "pingpong_gpt_beam_search": Preset(
        replace(PINGPONG_BEAM, seed=42),
        "pingpong-ai/dialogue-generation-models, run_gpt.py beam_search",
    ),
    "pingpong_meena_top_p": Preset(
        replace(PINGPONG, banned=(), seed=42),
        "pingpong-ai/dialogue-generation-models, run_meena.py top_p",
    ),
    "pingpong_meena_beam_search": Preset(
        replace(PINGPONG_BEAM, banned=(), seed=42),
        "pingpong-ai/dialogue-generation-models, run_meena.py beam_search",
    ),
    "meena_sample_and_rank": Preset(
        Decoding(temperature=0.88, candidates=20),
        "arXiv:2001.09977, section 2.4: N = 20, T = 0.88, ranked by likelihood",
    ),
    "dialogpt": Preset(
        Decoding(temperature=0.0, max_length=1000),
        "microsoft/DialoGPT model card: greedy; the limit of 128 new tokens is ours",
    ),
}


def preset(name: str) -> Preset:
    """The preset of that name; raises UnknownName with the nearest one."""
    if name not in PRESETS:
        raise UnknownName(f"no decoding preset {name!r}: {nearest(name, PRESETS)}")
    return PRESETS[name]
