"""A fake server whose replies are known in full: plan, candidates, tokens, prompt, timings."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.studio import fake as plain
from tests.studio.browsing import opened, served
from tests.studio.fake import SCENE, Fake, asked

TALK = "/tertulia/talks/{talk}"
FORMS = [
    {"name": "jsonl", "extension": ".jsonl", "reads": True, "writes": True, "about": "all of it"},
    {"name": "sharegpt", "extension": ".json", "reads": True, "writes": True, "about": ""},
    {"name": "html", "extension": ".html", "reads": False, "writes": True, "about": "to read"},
]
PLAN = {
    "goal": "offer help.",
    "skill": "Empathy",
    "explanation": "i know how it is to be tired.",
}


def candidate(text: str, score: float | None, *tokens: list[Any]) -> dict[str, Any]:
    return {
        "text": text,
        "image": "",
        "score": score,
        "scores": {"likelihood": score, "no_repeat": 0.0 if score else None},
        "mean_logprob": score,
        "finish": "stop",
        "tokens": [list(each) for each in tokens] or None,
    }


def record(*candidates: dict[str, Any], plan: dict[str, str] = PLAN) -> dict[str, Any]:
    """What is kept with a reply."""
    return {
        "text": candidates[0]["text"],
        "plan": plan,
        "given": {"goal": "", "skill": "", "explanation": ""},
        "planned_by": "native",
        "candidates": list(candidates),
        "chosen": 0,
        "dropped": [],
        "unsupported": [],
        "usage": {"prompt_tokens": 120, "cached_tokens": 80, "completion_tokens": 9},
        "seed": 7,
        "agent": "mini",
        "decoding": {"temperature": 0.7, "candidates": len(candidates)},
        "timings": {"waited": 0.05, "first_token": 0.25, "total": 0.85},
        "version": "0.1",
        "status": "whole",
    }


def spans(scene: dict[str, Any], turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A prompt in which every field of the scene has a span."""
    found = [{"text": "<s>", "control": True, "field": ""}]
    for field in ("situation", "instruction"):
        found.append({"text": f"{scene.get(field, '')}\n", "control": False, "field": field})
    for speaker, facts in scene.get("personas", {}).items():
        for n, fact in enumerate(facts):
            field = f"personas.{speaker}.{n}"
            found.append({"text": f"{fact}\n", "control": False, "field": field})
    for field in ("knowledge", "memory"):
        for n, text in enumerate(scene.get(field, [])):
            found.append({"text": f"{text}\n", "control": False, "field": f"{field}.{n}"})
    for n, turn in enumerate(turns):
        found.append({"text": turn["speaker"], "control": False, "field": f"turns.{n}.speaker"})
        found.append({"text": ": ", "control": False, "field": ""})
        found.append({"text": f"{turn['text']}\n", "control": False, "field": f"turns.{n}.text"})
    found.append({"text": PLAN["goal"], "control": False, "field": "plan.goal"})
    found.append({"text": scene["agent"], "control": False, "field": "agent"})
    found.append({"text": ":", "control": False, "field": ""})
    return found


class Knowing(Fake):
    """Turns with a record, prompts, plans, and files.

    records   turn id -> its reply record
    dropped   turns that no prompt holds
    spans     of every prompt; empty for those of the talk
    uploaded  bodies of the files that were imported
    """

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.records: dict[int, dict[str, Any]] = {}
        self.dropped: list[dict[str, str]] = []
        self.unsupported: list[str] = []
        self.spans: list[dict[str, Any]] = []
        self.uploaded: list[bytes] = []

    def reply(self, talk: str, *candidates: dict[str, Any], **more: Any) -> dict[str, Any]:
        """A turn of the agent with a record."""
        speaker = self.talks[talk]["scene"]["agent"]
        kept = record(*candidates, plan=more.pop("plan", PLAN))
        turn = self.add(talk, speaker, candidates[0]["text"], **more)
        self.records[turn["id"]] = kept
        return turn


async def one_turn(request: Request) -> Response:
    fake: Knowing = request.app.state.fake
    found = fake.talks[request.path_params["talk"]]
    number = request.path_params["turn"]
    kept = {"reply": fake.records.get(number), "direction": found["scene"]}
    return JSONResponse({"turn": {**found["turns"][number], **kept}})


async def talks(request: Request) -> Response:
    """As the plain server tells them, a page at a time."""
    told = json.loads((await plain.talks(request)).body)["talks"]
    offset, limit = (int(request.query_params[name]) for name in ("offset", "limit"))
    return JSONResponse({"talks": told[offset : offset + limit]})


async def prompts(request: Request) -> Response:
    fake: Knowing = request.app.state.fake
    given = await asked(request)
    found = fake.talks[given["talk"]]
    turns = [found["turns"][each] for each in fake.path(given["talk"], given["parent"])]
    scene = given.get("direction") or found["scene"]
    shown = fake.spans or spans(scene, turns[len(fake.dropped) :])
    told = {"dropped": fake.dropped, "unsupported": fake.unsupported}
    return JSONResponse({"spans": shown, "tokens": 120, "context_window": 2048, **told})


async def plans(request: Request) -> Response:
    await asked(request)
    thought = {"goal": "ask about pet.", "skill": "Rapport", "explanation": "i love animals."}
    return JSONResponse({"plan": thought, "written": ""})


async def candidates(request: Request) -> Response:
    fake: Knowing = request.app.state.fake
    given, talk = await asked(request), request.path_params["talk"]
    old = fake.talks[talk]["turns"][given["turn"]]
    kept = fake.records[given["turn"]]
    text = kept["candidates"][given["candidate"]]["text"]
    turn = fake.add(talk, old["speaker"], text, parent=old["parent"])
    fake.records[turn["id"]] = {**kept, "text": text, "chosen": given["candidate"]}
    return JSONResponse({"turn": turn, "version": fake.talks[talk]["version"]}, 201)


async def forms(request: Request) -> Response:
    return JSONResponse({"forms": FORMS})


async def export(request: Request) -> Response:
    report = {"form": request.query_params["form"], "lost": {"turns.rating": 2}}
    headers = {
        "Content-Disposition": 'attachment; filename="talk.jsonl"',
        "X-Tertulia-Report": json.dumps(report),
    }
    return Response(b'{"talk": 1}\n', media_type="application/octet-stream", headers=headers)


async def alone(request: Request) -> Response:
    headers = {"Content-Disposition": 'attachment; filename="talk.html"'}
    return Response("<!doctype html><p>A talk.", media_type="text/html", headers=headers)


async def imported(request: Request) -> Response:
    fake: Knowing = request.app.state.fake
    fake.uploaded.append(await request.body())
    scene = {"agent": "Ana", "user": "Ben", "turns": [{"speaker": "Ben", "text": "Imported."}]}
    return JSONResponse({"talks": [fake.begin(scene)], "report": {"lost": {}}})


def application(fake: Knowing) -> Starlette:
    """The fake server with these routes before its own."""
    app = plain.application(fake)
    app.router.routes[:0] = [
        Route("/tertulia/talks", talks, methods=["GET"]),
        Route(f"{TALK}/turns/{{turn:int}}", one_turn, methods=["GET"]),
        Route(f"{TALK}/candidates", candidates, methods=["POST"]),
        Route(f"{TALK}/export", export),
        Route(f"{TALK}/page", alone),
        Route("/tertulia/talks/import", imported, methods=["POST"]),
        Route("/tertulia/prompts", prompts, methods=["POST"]),
        Route("/tertulia/plans", plans, methods=["POST"]),
        Route("/tertulia/forms", forms),
    ]
    return app


SAID = candidate(
    "That is a long time.",
    -0.61,
    ["That", -0.4],
    [" is", -0.1],
    [" a", -0.7],
    [" long", -3.2],
    [" time", -0.05],
    [".", -0.3],
)
"""A candidate whose tokens are known: the likeliest is " time" (95 %), the rarest " long" (4 %)."""

OTHER = candidate("Lions! We have two.", -0.92)
BROKEN = candidate("I see. I see. I see.", None)


class Zoo:
    """The page at a talk of three turns; the second is a reply of which everything is known."""

    def __init__(self, page: Any, address: str, fake: Knowing) -> None:
        self.page, self.address, self.fake = page, address, fake
        self.talk = fake.begin(SCENE, title="At the zoo")
        self.hello = fake.add(self.talk, "Alex", "I fed lions for two years.")
        self.reply = fake.reply(self.talk, SAID, OTHER, BROKEN)

    def open(self, sheet: str = "") -> Any:
        self.page.goto(f"{self.address}/#/talks/{self.talk}")
        if sheet:
            self.page.get_by_role("tab", name=sheet, exact=True).click()
        return self.page

    def asked(self, path: str) -> Any:
        """What was sent last to a path that ends so."""
        return [body for _, at, body in self.fake.asked if at.endswith(path)][-1]


@pytest.fixture(scope="package")
def knowing() -> Iterator[tuple[Starlette, str]]:
    """One server for all tests; each gives it talks of its own."""
    app = application(Knowing())
    with served(app) as address:
        yield app, address


@pytest.fixture
def zoo(browser: Any, knowing: tuple[Starlette, str]) -> Iterator[Zoo]:
    app, address = knowing
    app.state.fake = Knowing()
    with opened(browser, address) as page:
        yield Zoo(page, address, app.state.fake)
