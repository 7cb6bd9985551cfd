"""Single rated replies for KTO: the prompt, the reply, and whether it was liked.

    {"prompt": [{"role": "system", …}, {"role": "user", …}],
     "completion": [{"role": "assistant", …}], "label": true, "note": "", "direction": "{…}",
     "talk": "…"}

The columns are those of TRL's conversational unpaired preference sets. A rating of 1 is true, of -1
false; 0 and none have no line. An edited reply that nobody rated is false, and the edit true: who
mends a reply did not like it. Prompt and `direction` as in `preferences`.

Source: "Dataset formats and types" of the TRL documentation.
"""

from collections.abc import Iterable, Iterator

from tertulia.interchange import Report, _messages
from tertulia.interchange._lines import line
from tertulia.interchange._tree import PARTS, Tree, is_agents, tally
from tertulia.store import StoredTurn, WholeTalk

ABOUT = "rated replies for KTO (TRL), with the direction"
SUFFIX = ".jsonl"
MEDIA = "application/jsonl"
HOLDS = frozenset(PARTS) - {
    *("title", "created", "agent_file", "turns.created", "turns.reply", "turns.status"),
    *("turns.alternatives", "turns.branches", "turns.hidden"),
}


def write(talks: Iterable[WholeTalk], report: Report) -> Iterator[str]:
    """A line for each reply that somebody judged."""
    for talk in talks:
        tree = Tree(talk)
        tally(tree, HOLDS, report)
        edited = {each.edited_from for each in tree.turns if is_agents(each)}
        judged = [(each, label(each, each.id in edited)) for each in tree.turns if is_agents(each)]
        report.lose("talks without ratings", int(all(liked is None for _, liked in judged)))
        for each, liked in judged:
            if liked is None:
                continue
            before = tree.before(each)
            row = {
                "prompt": _messages.columns(_messages.prompt(before)),
                "completion": _messages.columns([_messages.reply(each.turn)]),
                "label": liked,
                "note": each.note,
                "direction": _messages.direction(before),
                "talk": talk.id,
            }
            yield line(row, report)


def label(turn: StoredTurn, was_edited: bool) -> bool | None:
    """Whether a reply was liked; None when nobody said."""
    if turn.rating:
        return turn.rating > 0
    if turn.rating is None and was_edited:
        return False
    if turn.rating is None and turn.edited_from is not None:
        return True
    return None
