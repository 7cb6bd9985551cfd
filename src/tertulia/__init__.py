"""Conversations you can direct."""

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
