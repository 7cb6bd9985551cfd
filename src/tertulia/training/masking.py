"""From an example to token ids, each with whether it is learned."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from tertulia.formats.native import PLAN_FIELDS, Native
from tertulia.prompt import Span
from tertulia.training.conditions import Example

TALK = ("<|image|>", "<|end|>")
"""Control tokens that a speaker, not the director, puts into a turn."""

Encode = Callable[[Span], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token ids of one example, and for each whether it counts in the loss; equally long."""

    ids: list[int]
    learned: list[bool]


def spans(example: Example, native: Native) -> tuple[Span, ...]:
    """All that the model sees of an example, marked for learning.

    Learned are the words of every turn with what ends them, the plan that is to be thought up,
    and the reply. The direction, the given plan and who speaks are shown and not learned.
    """
    talk, given, thought = example.conversation, example.conversation.plan, example.thought
    if thought:
        asked = next(name for name in PLAN_FIELDS if getattr(thought, name))
        tail = (*native.plan(given), Span(f"<|{asked}|>", control=True))
        head = (*native.prompt(talk, tail, ()).spans, *native.target_plan(thought, given))
    else:
        head = native.render(talk).spans
    whole = given.over(thought)
    shown = mark_turns(head, example.own) if example.history else head
    return (*shown, *native.target(example.reply, whole))


def tokens(marked: Iterable[Span], encode: Encode) -> Tokens:
    """Every span through the tokenizer; `encode` knows control tokens by name."""
    ids: list[int] = []
    learned: list[bool] = []
    for span in marked:
        found = encode(span)
        ids.extend(found)
        learned.extend([span.learn] * len(found))
    return Tokens(ids, learned)


def mark_turns(spans: Iterable[Span], own: bool = False) -> Iterable[Span]:
    """The same spans, the words of earlier turns and what ends them learned.

    own  the agent's turns only
    """
    talking, mine = False, False
    for span in spans:
        if span.control and span.text in ("<|me|>", "<|you|>"):
            mine = span.text == "<|me|>"
        if span.field.startswith("turns.") and not span.field.endswith(".speaker"):
            talking = True
        elif not (talking and span.text in TALK):
            talking = False
        yield replace(span, learn=True) if talking and (mine or not own) else span
