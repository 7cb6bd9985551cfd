"""The 39 conversational skills in their five categories, and the eleven action codes, as data."""

import difflib
import re
from collections.abc import Mapping

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
