"""What a Thanos prompt can be told to be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

VARIANTS = ("planner", "base", "skill", "explanation", "both", "doctor", "cosmo")
TOLD = {
    "base": (),
    "skill": ("skill",),
    "explanation": ("explanation",),
    "both": ("skill", "explanation"),
}
"""Variant -> fields of the plan that a responder is told."""

CHOICES = {
    "image": ("prompt", "stark"),
    "dialogue": ("all", "speakers_a_b", "none"),
    "responder": ("chat", "godel"),
    "begin_of_text": ("single", "doubled"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """verbatim leaves people's text and names as they are.

    image           "prompt": `[Sharing Image] …`, as every prompt says; "stark":
                    `[Sharing Image: …]`, as one of the data sets writes it; both are read
    dialogue        of the cosmo variant. "all": every turn. Published faults: "speakers_a_b" leaves
                    out whoever is not named Speaker A or Speaker B; "none" all of it, as
                    generate() did
    responder       whose string base, skill, explanation and both are: "chat", a chat model's;
                    "godel", GODEL's, the plan in its instruction
    system          the system message; None is the published one, "" none (Gemma's responders)
    template        the chat template of a chat model: its folder, its tokenizer_config.json or a
                    .jinja file. Where an agent's engine runs a folder of weights, it is the
                    folder's own unless given
    date            today for the template, as 2025-01-31; empty leaves it to the template
    arguments       further variables of the template
    special_tokens  control tokens besides those in the template's folder
    begin_of_text   the token before the template's text: "single", as inference.py has it, or
                    "doubled", as training and evaluation had it
    """

    variant: str = "planner"
    verbatim: bool = False
    image: str = "prompt"
    dialogue: str = "all"
    responder: str = "chat"
    system: str | None = None
    template: Path | None = None
    date: str = ""
    arguments: Mapping[str, object] = field(default_factory=dict)
    special_tokens: tuple[str, ...] = ()
    begin_of_text: str = "single"

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is {getattr(self, name)!r}, must be {', '.join(choices)}")
        if self.responder == "godel" and self.variant not in TOLD:
            raise ValueError(
                f"responder is 'godel' with variant {self.variant!r}: use {', '.join(TOLD)}"
            )
        asked: dict[str, object] = {"date": self.date, "arguments": self.arguments}
        asked |= {"special_tokens": self.special_tokens, "begin_of_text": self.doubled}
        alone = [name for name, value in asked.items() if value and self.template is None]
        if alone:
            raise ValueError(f"{alone[0]} says how a template is used: give the template as well")

    @property
    def doubled(self) -> bool:
        return self.begin_of_text == "doubled"
