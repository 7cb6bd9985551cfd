"""A person picks the goal of each reply, by number, spelling or in their own words.

The goals are PersonaGPT's eleven action codes unless others are set. The planner itself asks
nobody: whoever has a person at hand gives it a way to ask,

    replace(planner, ask=lambda conversation, goals: input("goal? "))

and without one the goal is the pinned one.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from tertulia import skills
from tertulia.conversation import Conversation, Plan
from tertulia.engines import Engine
from tertulia.errors import UnknownName
from tertulia.formats import Format

Ask = Callable[[Conversation, tuple[str, ...]], str]
"""The talk and the goals -> the answer: a number from 0, a goal in any spelling, another goal in
free words, or nothing for a reply without a goal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The goals to pick from, in the order of their numbers."""

    goals: tuple[str, ...] = skills.ACTIONS

    def __post_init__(self) -> None:
        if not self.goals or not all(goal.strip() for goal in self.goals):
            raise ValueError("goals is empty or holds an empty goal: name at least one")
        spelled = [skills.letters(goal) for goal in self.goals]
        for place, goal in enumerate(self.goals):
            if spelled[place] and spelled[place] in spelled[:place]:
                raise ValueError(f"goals holds {goal!r} twice: leave one out")


@dataclass(frozen=True, slots=True)
class ActionPicker:
    settings: Settings
    ask: Ask | None = None

    def plan(self, conversation: Conversation, seed: int | None) -> Plan:
        """The pinned plan; its empty goal is asked for. A pinned goal keeps its meaning, in the
        spelling of the goal that it names.

        Raises UnknownName when the answer is the number of no goal.
        """
        plan = conversation.plan
        if plan.goal:
            return replace(plan, goal=self.known(plan.goal) or plan.goal)
        answer = "" if self.ask is None else self.ask(conversation, self.settings.goals).strip()
        return replace(plan, goal=self.picked(answer))

    def picked(self, answer: str) -> str:
        """The goal an answer stands for. Raises UnknownName for the number of no goal."""
        found = self.known(answer)
        if found is None and answer.isdecimal():
            raise UnknownName(
                f"no goal {answer}: goals are numbered 0 to {len(self.settings.goals) - 1}; pick "
                "one, or say another in words"
            )
        return answer if found is None else found

    def known(self, answer: str) -> str | None:
        """The goal of that number or spelling, None for another one."""
        goals = self.settings.goals
        if answer.isdecimal() and int(answer) < len(goals):
            return goals[int(answer)]
        letters = skills.letters(answer)
        return next((goal for goal in goals if letters and skills.letters(goal) == letters), None)


def load(settings: Settings, format: Format, engine: Engine) -> ActionPicker:
    return ActionPicker(settings)
