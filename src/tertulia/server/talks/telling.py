"""Talks, turns and prompts as JSON."""

from dataclasses import asdict
from typing import Any

from tertulia import scene
from tertulia.conversation import Plan
from tertulia.planners import Unread
from tertulia.server.making.speaking import Rendered
from tertulia.server.scenes.directing import header
from tertulia.store import Store, StoredTurn, TalkId, TalkSummary


def talk(store: Store, id: TalkId, *, light: bool = False, hidden: bool = False) -> dict[str, Any]:
    """A talk with its tree, but for the replies under way; raises NotKept."""
    version, summary = store.version(id), store.summary(id)
    return {
        "id": id,
        "version": version,
        "title": summary.title,
        "agent_name": summary.agent_name,
        "created": summary.created.isoformat(),
        "changed": summary.changed.isoformat(),
        "scene": header(store.header(id)),
        "active": active(store, id),
        "turns": [turn(each, light=light) for each in store.tree(id, hidden=hidden, light=light)],
    }


def active(store: Store, id: TalkId) -> list[int]:
    """Ids of the turns of the active path, the first turn first."""
    return [each.id for each in store.path(id, light=True)]


def listed(summary: TalkSummary) -> dict[str, Any]:
    """A talk in a list."""
    return {
        "id": summary.id,
        "version": summary.version,
        "title": summary.title,
        "agent_name": summary.agent_name,
        "agent": summary.agent,
        "user": summary.user,
        "situation": summary.situation,
        "created": summary.created.isoformat(),
        "changed": summary.changed.isoformat(),
        "turns": summary.turns,
        "last": summary.last,
    }


def turn(each: StoredTurn, *, light: bool = False) -> dict[str, Any]:
    """One turn; a light one without its direction and without how it came about."""
    told: dict[str, Any] = {
        "id": each.id,
        "parent": each.parent,
        "created": each.created.isoformat(),
        "speaker": each.turn.speaker,
        "text": each.turn.text,
        "image": each.turn.image,
        "status": each.status,
        "edited_from": each.edited_from,
        "rating": each.rating,
        "note": each.note,
        "hidden": each.hidden,
    }
    if not light:
        told |= {"direction": header(each.scene), "reply": each.reply}
    return told


def plan(planned: Plan) -> dict[str, str]:
    """Its three fields."""
    return {name: getattr(planned, name) for name in scene.PLAN_KEYS}


def planner(planned: Plan, given: Plan) -> str:
    """Who made a plan: the planner where something was added to what was given."""
    if plan(planned) != plan(given):
        return "planner"
    return "director" if given else ""


def unread(planned: Plan) -> str:
    """What a model wrote instead of a plan; empty where it could be read."""
    return planned.written.raw if isinstance(planned, Unread) else ""


def prompt(rendered: Rendered) -> dict[str, Any]:
    """A prompt, exactly as the model reads it, and how much of the context window it takes."""
    shown = rendered.prompt
    closing = ({"text": name, "control": True, "field": ""} for name in shown.closing)
    spans = ({"text": s.text, "control": s.control, "field": s.field} for s in shown.spans)
    return {
        "spans": [*spans, *closing],
        "dropped": [asdict(each) for each in rendered.dropped],
        "unsupported": list(shown.unsupported),
        "tokens": rendered.tokens,
        "context_window": rendered.context_window,
    }
