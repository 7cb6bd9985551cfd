"""A small server that speaks the studio's part of the contract, and says what a test tells it to.

Nothing is checked and nothing is kept on a disk: it is for looking at the page, with replies that
no model would give, and with generations that wait until a test lets them go on.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tertulia.skills import ACTIONS, SKILLS
from tertulia.studio import serving

SCENE = {
    "agent": "Mrs. Hill",
    "user": "Alex",
    "situation": "Alex wants to work at a zoo. Mrs. Hill, the boss, asks Alex some questions.",
    "instruction": "You are Mrs. Hill. Find out if Alex is good for the job.",
    "personas": {"Mrs. Hill": ["i am the boss of a zoo.", "i love elephants."], "Alex": []},
    "knowledge": ["The zoo has four elephants and two lions."],
    "memory": [],
}
KINDS = (
    "situation", "instruction", "personas.agent", "personas.user", "personas.others", "knowledge",
    "memory", "image", "plan.goal", "plan.skill", "plan.explanation", "speakers",
)  # fmt: skip


def agent(name: str, format: str, **refused: str) -> dict[str, Any]:
    return {
        "name": name,
        "format": format,
        "engine": "scripted",
        "takes": {kind: refused.get(kind.replace(".", "_"), "") for kind in KINDS},
        "decoding": {"temperature": 0.7},
        "presets": ["careful", "bold"],
        "context_window": 2048,
        "loaded": True,
    }


class Fake:
    """Talks in memory.

    lines  what replies say, in turn
    held   replies wait before their last word until this is false
    tokens of every prompt
    """

    def __init__(self, *lines: str) -> None:
        self.lines, self.held = list(lines or ("Hello there, friend.",)), False
        self.agents = [
            agent("mini", "native"),
            agent("godel", "godel", memory="godel has no place for memory",
                  personas_agent="godel takes no persona facts"),
        ]  # fmt: skip
        self.scenes = [{"id": "interview", "title": "Interview", "posted": False, "scene": SCENE}]
        self.talks: dict[str, dict[str, Any]] = {}
        self.generations: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, str, Any]] = []
        self.count, self.said, self.tokens = 0, 0, 120

    def new(self) -> int:
        self.count += 1
        return self.count

    def begin(self, scene: dict[str, Any], agent_name: str = "mini", title: str = "") -> str:
        talk = f"t{self.new()}"
        header = {key: value for key, value in scene.items() if key != "turns"}
        self.talks[talk] = {
            "id": talk, "version": 1, "title": title, "agent_name": agent_name,
            "created": time.time(), "changed": time.time(), "scene": header, "active": [],
            "turns": {}, "hidden": False,
        }  # fmt: skip
        for each in scene.get("turns", []):
            self.add(talk, each["speaker"], each["text"], each.get("image", ""))
        return talk

    def add(self, talk: str, speaker: str, text: str, image: str = "", **more: Any) -> dict:
        """A turn at the end of the active path, or under more["parent"]."""
        found = self.talks[talk]
        parent = more.pop("parent", found["active"][-1] if found["active"] else None)
        activate = more.pop("activate", True)
        turn = {
            "id": self.new(), "parent": parent, "created": time.time(), "speaker": speaker,
            "text": text, "image": image, "status": "whole", "edited_from": None, "rating": None,
            "note": "", "hidden": False, **more,
        }  # fmt: skip
        found["turns"][turn["id"]] = turn
        if activate:
            found["active"] = self.path(talk, turn["id"])
        found["version"] += 1
        return turn

    def path(self, talk: str, turn: int | None) -> list[int]:
        turns, found = self.talks[talk]["turns"], []
        while turn is not None:
            found.insert(0, turn)
            turn = turns[turn]["parent"]
        return found

    def under(self, talk: str, turn: int) -> Iterator[dict[str, Any]]:
        for each in self.talks[talk]["turns"].values():
            if turn in self.path(talk, each["id"]):
                yield each

    def shown(self, talk: str) -> dict[str, Any]:
        found = self.talks[talk]
        going = [
            each["id"]
            for each in self.generations.values()
            if each["talk"] == talk and each["state"] in ("waiting", "running")
        ]
        return {**found, "turns": list(found["turns"].values()), "generations": going}

    def restart(self) -> None:
        """The server ends and is started anew: what was said until then became turns."""
        for each in self.generations.values():
            if each["state"] == "running":
                each["task"].get_loop().call_soon_threadsafe(each["task"].cancel)
                more = {"parent": each["parent"], "status": "interrupted"}
                self.add(each["talk"], each["speaker"], each["text"], **more)
        self.generations.clear()

    def next_line(self) -> str:
        self.said += 1
        return self.lines[(self.said - 1) % len(self.lines)]


async def asked(request: Request) -> dict[str, Any]:
    body = await request.body()
    fake: Fake = request.app.state.fake
    given: dict[str, Any] = json.loads(body) if body[:1] == b"{" else {}
    fake.asked.append((request.method, request.url.path, given))
    return given


async def house(request: Request) -> Response:
    fake: Fake = request.app.state.fake
    return JSONResponse({"agents": fake.agents, "goals": ACTIONS, "skills": list(SKILLS)})


async def scenes(request: Request) -> Response:
    fake: Fake = request.app.state.fake
    if request.method == "POST":
        given = await asked(request)
        scene = {"id": f"s{fake.new()}", "posted": True, **given}
        fake.scenes.insert(0, scene)
        return JSONResponse(scene, 201)
    return JSONResponse({"scenes": fake.scenes})


async def unpost(request: Request) -> Response:
    fake: Fake = request.app.state.fake
    fake.scenes = [each for each in fake.scenes if each["id"] != request.path_params["scene"]]
    return Response(status_code=204)


async def health(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def prompts(request: Request) -> Response:
    """A prompt of the last turn, of as many tokens as the test says."""
    fake: Fake = request.app.state.fake
    given = await asked(request)
    turns = fake.talks[given["talk"]]["turns"]
    text = turns[given["parent"]]["text"] if given.get("parent") else ""
    spans = [{"text": text, "control": False, "field": "turns.0.text"}]
    return JSONResponse(
        {"spans": spans, "dropped": [], "unsupported": [], "tokens": fake.tokens,
         "context_window": 2048}
    )  # fmt: skip


async def forms(request: Request) -> Response:
    return JSONResponse({"forms": []})


async def cards(request: Request) -> Response:
    fake: Fake = request.app.state.fake
    card = json.loads(await request.body())
    scene = {"agent": card["name"], "user": "You", "situation": card.get("scenario", "")}
    name = f"card{fake.new()}"
    fake.scenes.append({"id": name, "title": card["name"], "posted": True, "scene": scene})
    at = int(request.query_params.get("greeting", "0"))
    greetings = [card.get("first_mes", "Hello."), *card.get("alternate_greetings", [])]
    scene["turns"] = [{"speaker": card["name"], "text": greetings[at]}]
    parts = [{"part": "scenario", "to": "situation", "note": ""},
             {"part": "creator", "to": "", "note": ""}]  # fmt: skip
    report = {"name": card["name"], "greetings": greetings, "parts": parts, "notes": []}
    return JSONResponse({"scene_id": name, "scene": scene, "report": report}, 201)


async def talks(request: Request) -> Response:
    fake: Fake = request.app.state.fake
    if request.method == "POST":
        given = await asked(request)
        named = (each["scene"] for each in fake.scenes if each["id"] == given.get("scene_id"))
        scene = given.get("scene") or next(named)
        talk = fake.begin(scene, given.get("agent", "mini"), given.get("title", ""))
        return JSONResponse(fake.shown(talk), 201)
    search = request.query_params.get("search", "")
    found = []
    for each in reversed(list(fake.talks.values())):
        last = each["turns"][each["active"][-1]]["text"] if each["active"] else ""
        summary = {key: each[key] for key in ("id", "title", "agent_name", "created", "changed")}
        scene = each["scene"]
        sides = {key: scene.get(key, "") for key in ("agent", "user", "situation")}
        if not each["hidden"] and search in json.dumps(each):
            found.append({**summary, **sides, "turns": len(each["turns"]), "last": last})
    return JSONResponse({"talks": found})


async def talk(request: Request) -> Response:
    fake: Fake = request.app.state.fake
    name = request.path_params["talk"]
    found = fake.talks[name]
    if request.method == "DELETE":
        found["hidden"] = True
        return Response(status_code=204)
    if request.method == "PATCH":
        given = await asked(request)
        stale = given.get("version", found["version"]) != found["version"]
        if stale:
            error = {"message": "read it again (/load t)", "code": "conflict"}
            return JSONResponse({"error": error}, 409)
        found["scene"] = {**found["scene"], **given.get("scene", {})}
        found["title"] = given.get("title", found["title"])
        found["agent_name"] = given.get("agent", found["agent_name"])
        found["version"] += 1
    return JSONResponse(fake.shown(name))


async def restore_talk(request: Request) -> Response:
    request.app.state.fake.talks[request.path_params["talk"]]["hidden"] = False
    return Response(status_code=204)


async def add_turn(request: Request) -> Response:
    fake: Fake = request.app.state.fake
    given, name = await asked(request), request.path_params["talk"]
    given.pop("version", None)
    turn = fake.add(name, **given)
    return JSONResponse({"turn": turn, "version": fake.talks[name]["version"]}, 201)


def moved(fake: Fake, name: str) -> Response:
    found = fake.talks[name]
    return JSONResponse({"active": found["active"], "version": found["version"]})


async def active(request: Request) -> Response:
    fake: Fake = request.app.state.fake
    given, name = await asked(request), request.path_params["talk"]
    fake.talks[name]["active"] = fake.path(name, given["turn"])
    return moved(fake, name)


async def one_turn(request: Request) -> Response:
    fake: Fake = request.app.state.fake
    name, turn = request.path_params["talk"], request.path_params["turn"]
    found = fake.talks[name]
    if request.method == "GET":
        whole = {**found["turns"][turn], "reply": None, "direction": found["scene"]}
        return JSONResponse({"turn": whole})
    for each in fake.under(name, turn):
        each["hidden"] = True
    if turn in found["active"]:
        found["active"] = fake.path(name, found["turns"][turn]["parent"])
    return moved(fake, name)


async def act(request: Request) -> Response:
    fake: Fake = request.app.state.fake
    name, turn = request.path_params["talk"], request.path_params["turn"]
    given, found = await asked(request), fake.talks[name]
    old = found["turns"][turn]
    if request.path_params["act"] == "restore":
        for each in fake.under(name, turn):
            each["hidden"] = False
        return moved(fake, name)
    if request.path_params["act"] == "rating":
        old["rating"] = given["rating"]
        return JSONResponse({"turn": old})
    new = fake.add(name, old["speaker"], given["text"], given.get("image", ""),
                   parent=old["parent"], edited_from=turn)  # fmt: skip
    return JSONResponse({"turn": new, "version": found["version"]}, 201)


async def replies(request: Request) -> Response:
    fake: Fake = request.app.state.fake
    given, name = await asked(request), request.path_params["talk"]
    found = fake.talks[name]
    made = []
    for each in given.get("agents") or [given.get("agent") or found["agent_name"]]:
        generation = {
            "id": f"g{fake.new()}", "talk": name, "agent_name": each, "state": "running",
            "plan": given.get("plan"), "text": "", "turn": None, "error": None,
            "parent": given.get("parent", found["active"][-1] if found["active"] else None),
            "speaker": given.get("speaker") or found["scene"]["agent"],
            "line": fake.next_line(), "events": [], "given": given,
        }  # fmt: skip
        fake.generations[generation["id"]] = generation
        generation["task"] = asyncio.create_task(speak(fake, generation))
        made.append({"id": generation["id"], "agent_name": each})
    return JSONResponse({"generations": made}, 202)


async def speak(fake: Fake, generation: dict[str, Any]) -> None:
    """The generation from its beginning to its end."""
    events, given = generation["events"], generation["given"]
    events.append(("state", {"state": "running"}))
    plan = {"goal": "", "skill": "", "explanation": "", **(given.get("plan") or {})}
    events.append(("plan", {**plan, "planned_by": "you"}))
    words = generation["line"].split(" ")
    for place, word in enumerate(words):
        last = place == len(words) - 1
        while last and fake.held and generation["state"] == "running":
            await asyncio.sleep(0.01)
        if generation["state"] == "stopped":
            break
        piece = word if place == 0 else f" {word}"
        generation["text"] += piece
        events.append(("piece", {"candidate": 0, "text": piece}))
        await asyncio.sleep(0)
    finish(fake, generation)


def finish(fake: Fake, generation: dict[str, Any]) -> None:
    given, name = generation["given"], generation["talk"]
    turn = None
    if not given.get("dry"):
        before = fake.talks[name]["turns"].get(given.get("continue"))
        text = (before["text"] + " " if before else "") + generation["text"]
        stopped = generation["state"] == "stopped"
        turn = fake.add(
            name, generation["speaker"], text, parent=generation["parent"],
            activate=given.get("activate", True), status="stopped" if stopped else "whole",
        )  # fmt: skip
    generation["turn"] = turn
    if generation["state"] == "running":
        generation["state"] = "done"
    text = generation["text"]
    candidates = [{"text": text, "score": -0.4, "scores": {"likelihood": -0.4},
                   "mean_logprob": -0.4, "tokens": [[text, -0.4]]}]  # fmt: skip
    told = {
        "turn": turn, "version": fake.talks[name]["version"], "candidates": candidates,
        "timings": {"waited": 0.0, "first_token": 0.1, "total": 0.2},
    }  # fmt: skip
    generation["events"] += [("reply", told), ("end", {})]


FORGOTTEN = {"error": {"message": "no reply with this id is on its way", "code": "not_found"}}


async def generation(request: Request) -> Response:
    found = request.app.state.fake.generations.get(request.path_params["id"])
    if found is None:
        return JSONResponse(FORGOTTEN, 404)
    hidden = ("events", "given", "line", "task")
    return JSONResponse({key: value for key, value in found.items() if key not in hidden})


async def events(request: Request) -> Response:
    fake: Fake = request.app.state.fake
    found = fake.generations.get(request.path_params["id"])
    if found is None:
        return JSONResponse(FORGOTTEN, 404)

    async def told() -> AsyncIterator[str]:
        at = int(request.headers.get("last-event-id", "0"))
        while found["id"] in fake.generations:
            while at < len(found["events"]):
                name, data = found["events"][at]
                at += 1
                yield f"id: {at}\nevent: {name}\ndata: {json.dumps(data)}\n\n"
                if name == "end":
                    return
            await asyncio.sleep(0.01)

    return StreamingResponse(told(), media_type="text/event-stream")


async def stop(request: Request) -> Response:
    found = request.app.state.fake.generations[request.path_params["id"]]
    if found["state"] == "running":
        found["state"] = "stopped"
    return JSONResponse({"state": found["state"]})


def application(fake: Fake) -> Starlette:
    talk_at = "/tertulia/talks/{talk}"
    app = Starlette(
        routes=[
            *serving.routes(),
            Route("/tertulia/agents", house),
            Route("/health", health),
            Route("/tertulia/scenes", scenes, methods=["GET", "POST"]),
            Route("/tertulia/scenes/{scene}", unpost, methods=["DELETE"]),
            Route("/tertulia/prompts", prompts, methods=["POST"]),
            Route("/tertulia/forms", forms),
            Route("/tertulia/cards", cards, methods=["POST"]),
            Route("/tertulia/talks", talks, methods=["GET", "POST"]),
            Route(talk_at, talk, methods=["GET", "PATCH", "DELETE"]),
            Route(f"{talk_at}/restore", restore_talk, methods=["POST"]),
            Route(f"{talk_at}/turns", add_turn, methods=["POST"]),
            Route(f"{talk_at}/active", active, methods=["POST"]),
            Route(f"{talk_at}/replies", replies, methods=["POST"]),
            Route(f"{talk_at}/turns/{{turn:int}}", one_turn, methods=["GET", "DELETE"]),
            Route(f"{talk_at}/turns/{{turn:int}}/{{act}}", act, methods=["POST", "PUT"]),
            Route("/tertulia/generations/{id}", generation),
            Route("/tertulia/generations/{id}/events", events),
            Route("/tertulia/generations/{id}/stop", stop, methods=["POST"]),
        ]
    )
    app.state.fake = fake
    return app
