"""A reply that goes on from a text: the prompt ends with what was said so far.

The text stands where the model would have written it, in the form of its family (what the format's
`target` gives, without the end), so that the next token is the one that would have followed.
"""

from dataclasses import dataclass, replace

from tertulia.conversation import Conversation, Plan, Turn
from tertulia.engines import Engine
from tertulia.engines.openai import OpenAI
from tertulia.formats import Format, Parsed
from tertulia.prompt import Prompt, Span
from tertulia.server.doors.refusals import invalid
from tertulia.server.making.growing import opened


@dataclass(frozen=True, slots=True)
class Continued:
    """A format whose replies begin with the text of a turn; they are parsed with it."""

    format: Format
    turn: Turn

    @property
    def models(self) -> tuple[str, ...]:
        return self.format.models

    def render(self, conversation: Conversation) -> Prompt:
        prompt = self.format.render(conversation)
        return replace(prompt, spans=(*prompt.spans, *self.begun()))

    def target(self, turn: Turn, plan: Plan) -> tuple[Span, ...]:
        return self.format.target(turn, plan)

    def parse(self, completion: str) -> Parsed:
        said = "".join(span.text for span in self.begun())
        return self.format.parse(said + completion)

    def begun(self) -> list[Span]:
        """The text as the model would have written it, without what ends a reply.

        Blanks at its end are left out: a model writes the blank together with the next word.
        """
        turn = Turn(self.turn.speaker, self.turn.text.rstrip())
        spans = list(self.format.target(turn, Plan()))
        while spans and (spans[-1].control or not spans[-1].text.strip()):
            spans.pop()
        last = [replace(each, text=each.text.rstrip()) for each in spans[-1:]]
        return [replace(span, learn=False) for span in (*spans[:-1], *last)]


def check(format: Format, engine: Engine) -> None:
    """Raises Refusal where replies of an agent cannot go on from a text."""
    if reason := why_not(format, engine):
        raise invalid(
            f"continue cannot be honoured by this agent: {reason}; leave it out",
            "continue",
            "unsupported_value",
        )


def why_not(format: Format, engine: Engine) -> str:
    """Why replies of an agent cannot go on from a text; empty where they can."""
    if engine.twofold:
        return "an encoder reads the prompt, and the decoder always begins a reply anew"
    if isinstance(engine, OpenAI) and engine.settings.api == "chat":
        return "a chat endpoint begins every reply anew"
    if opened(format, format.render(Conversation().said("User", "Hi"))):
        return "this model thinks before it speaks"
    return ""
