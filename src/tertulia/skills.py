"""The 39 skills in five categories and the eleven action codes, and how models name a skill."""

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from tertulia.errors import UnknownName
from tertulia.registry import nearest

INTERPERSONAL = "Interpersonal"
MEMORY = "Memory & Knowledge Management"
COGNITIVE = "Cognitive & Problem-Solving"
COMMUNICATION = "Communication & Listening"
TASK = "Task-Oriented"

SKILLS: Mapping[str, str] = {
    "Empathy": INTERPERSONAL,
    "Personal Background": INTERPERSONAL,
    "Persona Recall": INTERPERSONAL,
    "Self-disclosure": INTERPERSONAL,
    "Negotiation": INTERPERSONAL,
    "Conflict Resolution": INTERPERSONAL,
    "Conflict Avoidance": INTERPERSONAL,
    "Persuasion": INTERPERSONAL,
    "Memory Recall": MEMORY,
    "Topic Transition": COMMUNICATION,
    "Ethics": INTERPERSONAL,
    "Harmlessness": INTERPERSONAL,
    "Helpfulness": INTERPERSONAL,
    "Avoiding Social Bias": INTERPERSONAL,
    "Cultural Sensitivity": INTERPERSONAL,
    "Commonsense Understanding": INTERPERSONAL,
    "Rhetoric": COMMUNICATION,
    "Preference Elicitation": INTERPERSONAL,
    "Knowledge Sharing": MEMORY,
    "Knowledge Acquisition": MEMORY,
    "Knowledge Searching": MEMORY,
    "Active Listening": COMMUNICATION,
    "Factual Problem Solving": COGNITIVE,
    "Logical Thinking": COGNITIVE,
    "Critical Thinking": COGNITIVE,
    "Creative Problem Solving": COGNITIVE,
    "Immediate Response": COMMUNICATION,
    "Rephrasing": COMMUNICATION,
    "Echoing": COMMUNICATION,
    "Mentoring": INTERPERSONAL,
    "Reflective Listening": COMMUNICATION,
    "Image-Sharing": INTERPERSONAL,
    "Image-Commenting": INTERPERSONAL,
    "Recommendation": TASK,
    "Task Execution": TASK,
    "Urgency Recognition": TASK,
    "Clarification": COMMUNICATION,
    "Confirmation": COMMUNICATION,
    "Decision-making": COGNITIVE,
}
"""Skill -> category, in the order of Thanos' prompt. The names are Thanos'; which skill belongs to
which category was never published as text, so the assignment is this project's own."""

ACTIONS: tuple[str, ...] = (
    "ask about kids.",
    "ask about pets.",
    "talk about work.",
    "ask about marital status.",
    "talk about travel.",
    "ask about age and gender.",
    "ask about hobbies.",
    "ask about favorite food.",
    "talk about movies.",
    "talk about music.",
    "talk about politics.",
)
"""PersonaGPT's turn-level goals, in the order of its picker. Source: illidanlab/personaGPT."""

SPELLINGS: Mapping[str, str] = {
    "harmlesseness": "Harmlessness",
    "selfdisclosure": "Self-disclosure",
    "imagesharing": "Image-Sharing",
    "imagecommenting": "Image-Commenting",
    "decisionmaking": "Decision-making",
}


def letters(name: str) -> str:
    """A name without case, blanks, hyphens and points: what two spellings have in common."""
    return re.sub(r"[^a-z0-9]+", "", name.lower())


BY_LETTERS: Mapping[str, str] = {**{letters(name): name for name in SKILLS}, **SPELLINGS}
ACTIONS_BY_LETTERS: Mapping[str, str] = {letters(code): code for code in ACTIONS}


def known_skill(name: str) -> str | None:
    """The skill's own spelling for any variant of it (`Harmlesseness`, `self disclosure`)."""
    return BY_LETTERS.get(letters(name))


def skill(name: str) -> str:
    """Like known_skill; raises UnknownName with the nearest one."""
    found = known_skill(name)
    if found is None:
        close = difflib.get_close_matches(letters(name), BY_LETTERS, n=1)
        hint = f"did you mean {BY_LETTERS[close[0]]!r}? " if close else ""
        raise UnknownName(f"no skill {name!r}: {hint}skills are {', '.join(SKILLS)}")
    return found


def action(code: str) -> str:
    """The exact action code for its number (0 to 10) or any spelling of it."""
    if code.strip().isdecimal() and int(code) < len(ACTIONS):
        return ACTIONS[int(code)]
    found = ACTIONS_BY_LETTERS.get(letters(code))
    if found is None:
        raise UnknownName(f"no action code {code!r}: {nearest(code, ACTIONS)}, or 0 to 10")
    return found


@dataclass(frozen=True, slots=True)
class Skill:
    """A skill was named: one of the 39 in its own spelling, or a short name of the model's own."""

    explanation: str
    skill: str


@dataclass(frozen=True, slots=True)
class NoSkill:
    """The text has no marker."""

    raw: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """The text has a marker, but no skill behind it."""

    raw: str
    why: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """One entry of a teacher's annotation of a reply; the counterfactual is a less skilled one."""

    skill: str
    explanation: str
    counterfactual: str


MARKER = re.compile(r"\[\s{0,9}RESULT\s{1,9}SKILL\s{0,9}\]:?|RESULT\s{1,9}SKILL\s{0,9}:", re.I)
ANNOTATION_KEYS = ("skill", "explanation", "counterfactual response")
MAX_SKILL_WORDS = 5
"""A longer name behind a marker is a sentence, not a skill."""


def parse_skill(text: str) -> Skill | NoSkill | Malformed:
    """What a Thanos planner wrote, `explanation [RESULT SKILL] skill`. Never raises.

    The last marker that one of the 39 follows wins, in any spelling; with none of them, the last
    that a short name follows. `RESULT SKILL:` is a marker too.
    """
    marks = list(MARKER.finditer(text))
    if not marks:
        return NoSkill(text)
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    labels = [label(text[mark.end() : end]) for mark, end in zip(marks, ends, strict=True)]
    named = [n for n, each in enumerate(labels) if known_label(each)]
    named = named or [
        n for n, each in enumerate(labels) if 0 < len(each.split()) <= MAX_SKILL_WORDS
    ]
    if not named:
        return Malformed(text, f"no skill follows the marker, but {labels[-1][:60]!r}")
    chosen = named[-1]
    before = text[marks[chosen - 1].end() : marks[chosen].start()] if chosen else ""
    explanation = before.strip().partition("\n")[2].strip() or text[: marks[0].start()].strip()
    explanation = explanation.removeprefix("### Explanation:").strip()
    return Skill(explanation, known_label(labels[chosen]) or labels[chosen])


def label(text: str) -> str:
    """The first line with anything on it, without quotes, brackets and points around it."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    return line.strip("\"'`*[](){}<>.,:;! \t")


def known_label(text: str) -> str | None:
    """The skill a label names, alone or before whatever else is said of it."""
    return known_skill(text) or known_skill(re.split(r"[.,;:(\[]| - ", text, maxsplit=1)[0])


def inference_py(text: str) -> tuple[str, str]:
    """(explanation, skill) as Thanos' inference.py reads it, faults kept; ("", "") for no marker.

    Raises ValueError for two markers, as published. `parse_skill` is the one to use.
    """
    if "[RESULT SKILL]" not in text:
        return "", ""
    explanation, skill = text.split("[RESULT SKILL]")
    return explanation.strip(), skill.strip()


def output_py(text: str) -> tuple[str, str]:
    """The same as output.py reads it for BST and Prosocial: the first two of all parts."""
    for marker in ("[RESULT SKILL]", "RESULT SKILL:"):
        parts = text.split(marker)
        if len(parts) > 1:
            return parts[0].strip(), parts[1].strip()
    return "", ""


def parse_annotations(generation: str) -> tuple[Annotation, ...] | None:
    """The entries of a teacher's answer, a JSON list, fenced or not; None for anything else."""
    text = generation.strip().removeprefix("```json").removeprefix("```").removesuffix("```")
    try:
        found = json.loads(text)
        entries = [[each[key] for key in ANNOTATION_KEYS] for each in found]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if not all(isinstance(value, str) for entry in entries for value in entry):
        return None
    return tuple(Annotation(*entry) for entry in entries)
