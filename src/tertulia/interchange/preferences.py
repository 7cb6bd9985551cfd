"""Pairs for preference optimisation (DPO): at each place where the agent said several things.

    {"prompt": [{"role": "system", …}, {"role": "user", …}], "chosen": [{"role": "assistant", …}],
     "rejected": [{"role": "assistant", …}], "why": "edit", "direction": "{…}", "talk": "…"}

The columns are those of TRL's conversational preference sets. The prompt is what a chat model is
asked with there (_messages.py), plan and direction as they were; `direction` is the same as JSON in
a text. `why` says how we know:

    rating  one was rated better than the other; no rating counts as 0
    edit    somebody wrote the chosen one over the rejected one
    pick    the talk went on from the chosen one, and from the rejected one it never did

At each place the best is paired with every worse one, and each edit with what it was made from.
Where direction, goal or skill were changed in between, two replies do not answer the same prompt,
and are no pair; thoughts of two replies that differ are left out of it. A reply that was stopped or
broke off is in none. See `ratings` for single rated ones.

Source: "Dataset formats and types" of the TRL documentation.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from tertulia.conversation import Conversation, Plan
from tertulia.interchange import Report, _messages
from tertulia.interchange._lines import line
from tertulia.interchange._tree import PARTS, Tree, is_agents, tally
from tertulia.store import StoredTurn, WholeTalk

ABOUT = "pairs for DPO (TRL): swipes, edits and ratings, with the direction"
SUFFIX = ".jsonl"
MEDIA = "application/jsonl"
HOLDS = frozenset(PARTS) - {
    *("title", "created", "agent_file", "turns.created", "turns.reply", "turns.status"),
    *("turns.note", "turns.hidden"),
}
Pair = tuple[StoredTurn, StoredTurn, str]


def write(talks: Iterable[WholeTalk], report: Report) -> Iterator[str]:
    """A line a pair; a talk in which nothing was preferred has none."""
    for talk in talks:
        tree = Tree(talk)
        tally(tree, HOLDS, report)
        found = False
        for place in places(tree):
            for chosen, rejected, why in pairs(tree, place, report):
                found = True
                before = tree.before(chosen).planned(shared(chosen, rejected))
                row = {
                    "prompt": _messages.columns(_messages.prompt(before)),
                    "chosen": _messages.columns([_messages.reply(chosen.turn)]),
                    "rejected": _messages.columns([_messages.reply(rejected.turn)]),
                    "why": why,
                    "direction": _messages.direction(before),
                    "talk": talk.id,
                }
                yield line(row, report)
        report.lose("talks without pairs", int(not found))


def places(tree: Tree) -> Iterator[list[StoredTurn]]:
    """The agent's replies wherever there are several to one turn."""
    for answers in tree.answers.values():
        replies = [each for each in answers if is_agents(each) and each.status == "whole"]
        if len(replies) > 1:
            yield replies


def pairs(tree: Tree, replies: Sequence[StoredTurn], report: Report) -> Iterator[Pair]:
    """(chosen, rejected, why) at one place."""
    best = max(replies, key=lambda each: standing(tree, each))
    by_id = {each.id: each for each in replies}
    # The best may itself be the edit of another: that is one pair.
    told: set[tuple[int, int]] = set()
    for other in replies:
        source = by_id.get(other.edited_from) if other.edited_from is not None else None
        rivals = [(best, other)] + ([(other, source)] if source else [])
        for chosen, rejected in rivals:
            why = reason(tree, chosen, rejected)
            if not why or (chosen.id, rejected.id) in told:
                continue
            told.add((chosen.id, rejected.id))
            if unexplained(chosen.scene) != unexplained(rejected.scene):
                report.lose("pairs under two directions")
            else:
                yield chosen, rejected, why


def unexplained(scene: Conversation) -> Conversation:
    return scene.planned(replace(scene.plan, explanation=""))


def shared(chosen: StoredTurn, rejected: StoredTurn) -> Plan:
    """The plan that was given for both."""
    plan = chosen.scene.plan
    return plan if plan == rejected.scene.plan else replace(plan, explanation="")


def standing(tree: Tree, turn: StoredTurn) -> tuple[int, bool, bool, int]:
    """What makes a reply the best of its place: rating, gone on from, an edit, newest."""
    went_on = turn.id in tree.on_path and bool(tree.answers.get(turn.id))
    return (turn.rating or 0, went_on, turn.edited_from is not None, turn.id)


def reason(tree: Tree, chosen: StoredTurn, rejected: StoredTurn) -> str:
    """How we know that one is better; empty when we do not."""
    if chosen.turn == rejected.turn or (chosen.rating or 0) < (rejected.rating or 0):
        return ""
    if (chosen.rating or 0) > (rejected.rating or 0):
        return "rating"
    if chosen.edited_from == rejected.id:
        return "edit"
    went_on = chosen.id in tree.on_path and tree.answers.get(chosen.id)
    return "pick" if went_on and not tree.answers.get(rejected.id) else ""
