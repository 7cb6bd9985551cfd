"""Published models that Tertulia has a format for."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A published model that Tertulia has a format for.

    family     config.json's model_type
    gigabytes  size of the published weights, about
    """

    hub: str
    family: str
    format: str
    preset: str
    licence: str
    gigabytes: float
    note: str = ""


KNOWN: Mapping[str, Known] = {
    "cosmo-xl": Known(
        hub="allenai/cosmo-xl",
        family="t5",
        format="cosmo",
        preset="cosmo",
        licence="Apache-2.0",
        gigabytes=11.4,
    ),
    "godel-base": Known(
        hub="microsoft/GODEL-v1_1-base-seq2seq",
        family="t5",
        format="godel",
        preset="godel_card",
        licence="MIT",
        gigabytes=0.9,
    ),
    "godel-large": Known(
        hub="microsoft/GODEL-v1_1-large-seq2seq",
        family="t5",
        format="godel",
        preset="godel_card",
        licence="MIT",
        gigabytes=3.1,
    ),
    "thanos-1b": Known(
        hub="passing2961/Thanos-1B",
        family="llama",
        format="thanos",
        preset="thanos_card",
        licence="CC-BY-NC-4.0",
        gigabytes=2.5,
        note="not for commercial use",
    ),
    "thanos-3b": Known(
        hub="passing2961/Thanos-3B",
        family="llama",
        format="thanos",
        preset="thanos_card",
        licence="CC-BY-NC-4.0",
        gigabytes=6.4,
        note="not for commercial use",
    ),
    "thanos-8b": Known(
        hub="passing2961/Thanos-8B",
        family="llama",
        format="thanos",
        preset="thanos_card",
        licence="CC-BY-NC-4.0",
        gigabytes=16.1,
        note="not for commercial use",
    ),
    "persona-gpt": Known(
        hub="af1tang/personaGPT",
        family="gpt2",
        format="persona_gpt",
        preset="persona_gpt",
        licence="GPL-3.0",
        gigabytes=1.4,
    ),
    "dialogpt-small": Known(
        hub="microsoft/DialoGPT-small",
        family="gpt2",
        format="dialogpt",
        preset="dialogpt",
        licence="MIT",
        gigabytes=0.35,
    ),
    "dialogpt-medium": Known(
        hub="microsoft/DialoGPT-medium",
        family="gpt2",
        format="dialogpt",
        preset="dialogpt",
        licence="MIT",
        gigabytes=0.9,
    ),
    "dialogpt-large": Known(
        hub="microsoft/DialoGPT-large",
        family="gpt2",
        format="dialogpt",
        preset="dialogpt",
        licence="MIT",
        gigabytes=1.8,
    ),
    "pingpong-gpt": Known(
        hub="",
        family="pingpong_gpt",
        format="pingpong_gpt",
        preset="pingpong_gpt_top_p",
        licence="Apache-2.0 (code)",
        gigabytes=1.3,
        note="weights withdrawn in 2021 for privacy; the architecture only",
    ),
    "meena": Known(
        hub="",
        family="pingpong_meena",
        format="meena",
        preset="pingpong_meena_top_p",
        licence="Apache-2.0 (code)",
        gigabytes=1.8,
        note="weights withdrawn in 2021 for privacy; the architecture only",
    ),
}
"""Sizes and licences as their model cards give them."""
