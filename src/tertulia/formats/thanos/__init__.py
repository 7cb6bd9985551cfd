"""Thanos: a Llama that names the skill of the next reply, and the prompts that put it to use.

    planner      social context, dialogue -> `{explanation} [RESULT SKILL] {skill}`
    base         a chat model's next response, without a plan
    skill        the same, told the skill
    explanation  the same, told the explanation
    both         the same, told both
    doctor       the same, told the explanation as DOCTOR's rationale
    cosmo        COSMO's string, the plan in its role slot (cosmo.py)

The social context is all that directs the talk, the dialogue `Name: text` lines (author.py). What a
plan leaves empty is left out: `both` without an explanation is `skill`, without either `base`. With
`verbatim` each variant keeps its own string, with a gap in it.

Planner and responders are chat models: the prompt is a system message and one user message. An
endpoint gets the messages and a local engine the text that the model's own template makes of them
(template.py); without a template the text is that of the user message alone.

Source: passing2961/Thanos (README, inference.py, utils/prompt_templates.py, output.py).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tertulia.conversation import Conversation, Plan, Turn
from tertulia.formats import Format, Parsed, unsupported
from tertulia.formats.thanos import godel, template
from tertulia.formats.thanos.author import Author, parted
from tertulia.formats.thanos.cosmo import Cosmo
from tertulia.formats.thanos.settings import TOLD, VARIANTS, Settings
from tertulia.formats.thanos.template import Chat, Entry
from tertulia.formats.thanos.wording import (
    BEFORE,
    COSMO_LINE,
    COSMO_NAME,
    COSMO_TURN,
    END,
    KNOWN,
    LINE,
    NAME,
    PLANNER,
    PLANNER_SYSTEM,
    RESPONDER_SYSTEM,
    RESULT,
    TASKS,
    THE_MOST,
    THUS,
)
from tertulia.prompt import Message, Prompt, Span
from tertulia.skills import Skill, parse_skill

__all__ = ["BEFORE", "KNOWN", "LINE", "NAME", "THUS", "VARIANTS", "Settings", "load", "parted"]

SCENE = frozenset(
    ("situation", "instruction", "personas.agent", "personas.user", "personas.others")
    + ("knowledge", "memory", "image", "speakers")
)
TAKEN = {
    "planner": SCENE,
    "doctor": SCENE | {"plan.explanation"},
    **{variant: SCENE | {f"plan.{name}" for name in told} for variant, told in TOLD.items()},
}


@dataclass(frozen=True, slots=True)
class Thanos:
    """The planner, and the responders that are chat models."""

    settings: Settings
    author: Author
    chat: Chat | None = None
    models: tuple[str, ...] = ("passing2961/Thanos-*", "*Thanos-*B*")

    def render(self, conversation: Conversation) -> Prompt:
        if self.settings.variant == "planner":
            return self.planner(conversation)
        spans, taken = self.responder(conversation), TAKEN[self.settings.variant]
        return self.asked(conversation, spans, RESPONDER_SYSTEM, taken)

    def render_plan(self, conversation: Conversation) -> Prompt:
        """A given explanation is the beginning of the answer, so that the skill follows from it."""
        explanation = conversation.plan.explanation
        if not explanation:
            return self.planner(conversation)
        begun = (self.author.line(explanation, "plan.explanation"), Span(f" {RESULT}"))
        return self.planner(conversation, begun)

    def parse_plan(self, completion: str, conversation: Conversation) -> Plan:
        given = conversation.plan
        begun = RESULT if given.explanation else ""
        return given.over(self.planned(f"{begun}{completion}").plan)

    def planner(self, conversation: Conversation, begun: tuple[Span, ...] = ()) -> Prompt:
        spans = (
            Span(f"{PLANNER}\n\n### Social Context:\n"),
            *self.author.context(conversation),
            Span("\n\n### Dialogue:\n"),
            *self.author.dialogue(conversation),
            Span("\n\n### Explanation: "),
        )
        return self.asked(conversation, spans, PLANNER_SYSTEM, TAKEN["planner"], begun)

    def asked(
        self,
        conversation: Conversation,
        spans: Iterable[Span],
        system: str,
        taken: frozenset[str],
        begun: tuple[Span, ...] = (),
    ) -> Prompt:
        """What a chat model is asked, as text and as messages.

        begun  the beginning of its answer; an endpoint, which takes none, reads it after the rest
        """
        told = system if self.settings.system is None else self.settings.system
        top = [Entry("system", (Span(told),))] if told else []
        entry = Entry("user", tuple(spans))
        whole = Entry("user", (*entry.spans, *begun))
        return Prompt(
            (*self.chat.spans([*top, entry]), *begun) if self.chat else whole.spans,
            stop=self.chat.stop if self.chat else (END,),
            unsupported=unsupported(conversation, taken),
            messages=tuple(Message(each.role, each.text) for each in (*top, whole)),
        )

    def responder(self, conversation: Conversation) -> Iterator[Span]:
        plan, task, author = conversation.plan, self.task(conversation.plan), self.author
        explanation = author.line(plan.explanation, "plan.explanation")
        skill = author.line(plan.skill, "plan.skill")
        yield Span(TASKS[task])
        if task == "doctor":
            yield from (Span("\n\n[Rationale]\n"), explanation)
        yield from (Span("\n\n[Social Context]\n"), *author.context(conversation))
        yield from (Span("\n\n[Dialogue]\n"), *author.dialogue(conversation))
        if task == "skill":
            yield from (Span(f"\n\n[Conversational Skill]\n{THE_MOST} "), skill, Span("."))
        if task == "explanation":
            yield from (Span("\n\n[Explanation]\n"), explanation)
        if task == "both":
            yield from (Span("\n\n[Explanation and Skill]\n"), explanation)
            yield from (Span(f" Thus, {THUS} "), skill, Span("."))
        yield Span("\n\n[Next Response]\n")
        yield from (author.name(conversation.agent, "agent"), Span(":\n"))

    def task(self, plan: Plan) -> str:
        """The responder prompt that this plan can fill."""
        variant = self.settings.variant
        if self.settings.verbatim or variant == "base":
            return variant
        given = (bool(plan.explanation), bool(plan.skill))
        told, named = given[0] and variant != "skill", given[1] and variant in ("skill", "both")
        if told and named:
            return "both"
        if told:
            return "doctor" if variant == "doctor" else "explanation"
        return "skill" if named else "base"

    def target(self, turn: Turn, plan: Plan) -> tuple[Span, ...]:
        """The planner writes the plan; the responders write the turn."""
        spans: Iterable[Span] = self.author.told(turn, "")
        if self.settings.variant == "planner":
            told = (self.author.line(plan.explanation, ""), Span(f" {RESULT} "))
            spans = (*told, self.author.line(plan.skill, ""))
        if self.chat:
            return self.chat.target("".join(span.text for span in spans))
        learned = (Span(span.text, learn=True) for span in spans)
        return (*learned, Span(END, control=True, learn=True))

    def parse(self, completion: str) -> Parsed:
        if self.settings.variant == "planner":
            return self.planned(completion)
        text = self.said(completion)
        _, header, answer = text.partition("assistant\n")
        words, image = self.author.heard(answer.lstrip("\n") if header else text)
        return Parsed(text=words, image=image)

    def planned(self, completion: str) -> Parsed:
        """The plan that was written; what names no skill is given back as text."""
        text = self.said(completion)
        found = parse_skill(text)
        if not isinstance(found, Skill):
            return Parsed(text=text)
        explanation, skill = self.author.typed(found.explanation), self.author.typed(found.skill)
        return Parsed(text="", plan=Plan(explanation=explanation, skill=skill))

    def said(self, completion: str) -> str:
        """The answer without what ends it, and without the thinking that some models do first."""
        return self.chat.answer(completion) if self.chat else completion.partition(END)[0]


def load(settings: Settings) -> Format:
    """Raises ConfigError for a template that cannot be used."""
    if settings.responder == "godel":
        return godel.load(TOLD[settings.variant], settings.verbatim)
    harmless = {"verbatim": settings.verbatim, "stark": settings.image == "stark"}
    if settings.variant == "cosmo":
        author = Author(lines=COSMO_LINE, names=COSMO_NAME, turns=COSMO_TURN, **harmless)
        return Cosmo(author, settings.dialogue)
    if settings.template is None:
        return Thanos(settings, Author(lines=LINE, names=NAME, turns=LINE, **harmless))
    chat = template.load(
        settings.template,
        date=settings.date,
        arguments=settings.arguments,
        special_tokens=settings.special_tokens,
        system=settings.system != "",
        doubled=settings.doubled,
    )
    lines, names = (chat.guarded(each) for each in (LINE, NAME))
    return Thanos(settings, Author(lines=lines, names=names, turns=lines, **harmless), chat)
