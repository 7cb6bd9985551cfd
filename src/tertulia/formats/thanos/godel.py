"""GODEL as Thanos' responder: its card's string, the plan at the end of the instruction.

    {instruction} {explanation} Thus, the most … is {skill}. [CONTEXT] {turn} EOS … [KNOWLEDGE] …

Nobody has published GODEL behind Thanos: this is our own, after what the published code does with
COSMO's role. An empty instruction becomes the card's; all else is as in the godel format.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tertulia import formats
from tertulia.conversation import Conversation, Plan, Turn
from tertulia.formats import Format, Parsed
from tertulia.formats.thanos.wording import T5_END, THE_MOST, THUS
from tertulia.neutral import Neutral
from tertulia.prompt import Prompt, Span

CONTEXT = Span(" [CONTEXT] ")
OWN = Neutral(markers=(THUS,))
PLAN = Neutral(markers=("[CONTEXT]", "[KNOWLEDGE]", T5_END, THUS), words=("EOS",), unknown="<")


@dataclass(frozen=True, slots=True)
class Godel:
    """fields are those of the plan that it is told; own is the godel format."""

    own: Format
    fields: tuple[str, ...]
    verbatim: bool
    models: tuple[str, ...] = ("microsoft/GODEL-*", "*GODEL*", "*godel*")

    def render(self, conversation: Conversation) -> Prompt:
        plan = conversation.plan
        rest = replace(plan, **dict.fromkeys(self.fields, ""))
        prompt = self.own.render(conversation.planned(rest))
        place = prompt.spans.index(CONTEXT)
        own = [self.guarded(span) for span in prompt.spans]
        told = Plan(**{name: getattr(plan, name) for name in self.fields})
        return replace(prompt, spans=(*own[:place], *self.sentence(told), *own[place:]))

    def guarded(self, span: Span) -> Span:
        """What the godel format wrote, in which nobody's words begin the sentence of the plan."""
        return span if self.verbatim else replace(span, text=OWN.make(span.text))

    def sentence(self, plan: Plan) -> Iterator[Span]:
        if plan.explanation:
            yield from (Span(" "), self.text(plan.explanation, "plan.explanation"))
        if plan.skill:
            yield Span(f" Thus, {THUS} " if plan.explanation else f" {THE_MOST} ")
            yield from (self.text(plan.skill, "plan.skill"), Span("."))

    def text(self, text: str, field: str) -> Span:
        return Span(text if self.verbatim else PLAN.make(text), field=field)

    def target(self, turn: Turn, plan: Plan) -> tuple[Span, ...]:
        return self.own.target(turn, plan)

    def parse(self, completion: str) -> Parsed:
        return self.own.parse(completion)


def load(fields: tuple[str, ...], verbatim: bool) -> Godel:
    own = formats.load("godel", variant="v1_1", default_instruction=True, verbatim=verbatim)
    return Godel(own, fields, verbatim)
