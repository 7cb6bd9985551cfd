"""Asking the person at the terminal for the goal of each reply, as PersonaGPT's picker does."""

from dataclasses import replace

from tertulia.agent import Agent
from tertulia.cli._terminal import one_line, rows
from tertulia.cli.chat.screen import Screen
from tertulia.conversation import Conversation
from tertulia.planners import action_picker

QUESTION = "goal, by number or in words (Enter for none): "


def asking(agent: Agent, screen: Screen) -> Agent:
    """The same agent; if a person is to pick its goals, they are asked for on this screen."""
    planner = agent.planner
    if not isinstance(planner, action_picker.ActionPicker):
        return agent

    def ask(conversation: Conversation, goals: tuple[str, ...]) -> str:
        screen.clear()
        print(f"What is {one_line(conversation.agent)} to do?")
        print(rows([(str(n), one_line(goal)) for n, goal in enumerate(goals)]))
        return answered(len(goals))

    return replace(agent, planner=replace(planner, ask=ask))


def answered(goals: int) -> str:
    """A number of a goal, or words; a number that is none is asked for again, the end is none."""
    while True:
        try:
            answer = input(QUESTION).strip()
        except EOFError:
            return ""
        if not answer.isdecimal() or int(answer) < goals:
            return answer
        print(f"0 to {goals - 1}, please.")
