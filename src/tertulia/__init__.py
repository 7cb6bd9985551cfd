"""Conversations you can direct.

    from tertulia import Conversation, Direction, assembly

    agent = assembly.open_agent()  # the built-in model; a name or a file for another agent
    talk = Conversation(agent="Rosa", user="Bo", direction=Direction(situation="A bakery."))
    talk = talk.said("Bo", "Good morning!")
    reply = agent.reply(talk, seed=7)  # reply.text, .candidates, .prompt, …
    talk = talk.said(reply.speaker, reply.text)

Values are frozen: every method gives a new one. `scene` reads and writes talks as files; `formats`,
`engines`, `planners` and `rankers` are what an agent is made of; `store` keeps talks.
"""

from tertulia.agent import Agent, Reply
from tertulia.conversation import Conversation, Direction, Persona, Plan, Turn
from tertulia.decoding import Decoding
from tertulia.errors import TertuliaError
from tertulia.prompt import Prompt, Span

__all__ = [
    "Agent",
    "Conversation",
    "Decoding",
    "Direction",
    "Persona",
    "Plan",
    "Prompt",
    "Reply",
    "Span",
    "TertuliaError",
    "Turn",
]
__version__ = "0.1.0"
