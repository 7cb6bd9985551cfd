"""/tertulia/plans, /prompts, /agents: what comes before a reply, and what can be told to whom."""

from typing import Any

import pytest

from tertulia import assembly, scene
from tertulia.decoding import PRESETS
from tertulia.skills import ACTIONS, SKILLS
from tests.server.asking import scripted
from tests.server.talking import SCENE, Client, talked

WITH_TURN = {**SCENE, "turns": [{"speaker": "Bo", "text": "Any rye?"}]}
KINDS = (
    "situation", "instruction", "personas.agent", "personas.user", "personas.others", "knowledge",
    "memory", "image", "plan.goal", "plan.skill", "plan.explanation", "speakers",
)  # fmt: skip


def test_the_plan_alone_is_that_of_the_next_reply() -> None:
    agent = assembly.thinking(scripted(" i care.<|skill|> Empathy<|says|>"), True)

    async def act(client: Client) -> None:
        talk = await client.begin(WITH_TURN)
        for where in ({"talk": talk}, {"scene": WITH_TURN}):
            body = {**where, "plan": {"goal": "ask"}, "seed": 0}
            told = await client.send("POST", "/plans", body)
            assert told == {
                "plan": {"goal": "ask", "skill": "Empathy", "explanation": "i care."},
                "planned_by": "planner", "written": "", "seed": 0,
            }  # fmt: skip
        assert len((await client.get(f"/talks/{talk}"))["turns"]) == 1

    talked(act, agents={"mini": agent})


def test_an_agent_without_a_planner_keeps_the_directors_plan() -> None:
    async def act(client: Client) -> None:
        body = {"scene": SCENE, "plan": {"goal": "ask"}}
        told = await client.send("POST", "/plans", body)
        assert (told["plan"]["goal"], told["planned_by"]) == ("ask", "director")
        told = await client.send("POST", "/plans", {"scene": SCENE})
        assert told["planned_by"] == "" and 0 <= told["seed"] < 2**31

    talked(act)


def test_the_prompt_is_the_one_that_the_model_reads() -> None:
    agent = scripted()
    talk = scene.from_table(WITH_TURN, "scene")
    prompt = agent.format.render(talk)

    async def act(client: Client) -> None:
        id = await client.begin(WITH_TURN)
        for where in ({"talk": id}, {"scene": WITH_TURN}):
            told = await client.send("POST", "/prompts", where)
            assert "".join(each["text"] for each in told["spans"]) == prompt.text
            assert [each["control"] for each in told["spans"]] == [s.control for s in prompt.spans]
            assert (told["dropped"], told["unsupported"]) == ([], [])
            assert told["tokens"] == agent.engine.count_tokens(prompt)
            assert told["context_window"] == 2048

    talked(act, agents={"mini": agent})


def test_a_kept_turns_prompt_is_shown_again_from_what_is_kept_with_it() -> None:
    async def act(client: Client) -> None:
        id = await client.begin(WITH_TURN)
        [generation] = await client.reply(id, direction={"situation": "A storm."})
        told = dict(await client.events(generation))
        turn = told["reply"]["turn"]
        body = {"talk": id, "parent": turn["parent"], "agent": "mini",
                "plan": turn["reply"]["plan"], "direction": turn["direction"]}  # fmt: skip
        again = await client.send("POST", "/prompts", body)
        assert again["spans"] == told["prompt"]["spans"]

    talked(act)


def test_what_the_next_reply_would_forget_is_told() -> None:
    turns = [{"speaker": "Bo", "text": f"turn {n} " + "word " * 20} for n in range(6)]

    async def act(client: Client) -> None:
        told = await client.send("POST", "/prompts", {"scene": {**SCENE, "turns": turns}})
        assert told["dropped"][0] == {"speaker": "Bo", "text": turns[0]["text"], "image": ""}
        assert len(told["dropped"]) < 6

    talked(act, agents={"mini": scripted(window=100, max_new_tokens=20)})


@pytest.mark.parametrize("path", ["/plans", "/prompts"])
@pytest.mark.parametrize(("body", "status", "param"), [
    ({}, 400, "talk"), ({"talk": "x", "scene": {}}, 400, "talk"), ({"talk": "nope"}, 404, None),
    ({"scene": {"nope": 1}}, 400, "scene"), ({"scene": {}, "agent": "nope"}, 404, "agent"),
    ({"scene": {}, "plan": {"goal": 1}}, 400, "plan"), ({"scene": {}, "plan": []}, 400, "plan"),
    ({"scene": {}, "parent": 2**63}, 400, "parent"), ({"talk": ""}, 400, "talk"),
])  # fmt: skip
def test_what_is_asked_wrongly_is_refused_by_its_field(
    path: str, body: Any, status: int, param: str | None
) -> None:
    async def act(client: Client) -> None:
        told = await client.send("POST", path, body, status)
        assert told["error"]["param"] == param

    talked(act)


@pytest.mark.parametrize(("body", "param"), [
    ({"scene": {}, "continue": 1}, "continue"), ({"scene": {}, "speaker": "Cy"}, "speaker"),
    ({"scene": {}, "decoding": {"max_new_tokens": 2**63}}, "decoding.max_new_tokens"),
    ({"scene": {}, "direction": {"turns": []}}, "direction.turns"),
])  # fmt: skip
def test_a_prompt_has_fields_of_its_own(body: Any, param: str) -> None:
    async def act(client: Client) -> None:
        told = await client.send("POST", "/prompts", body, 400)
        assert told["error"]["param"] == param

    talked(act)


@pytest.mark.parametrize("seed", [-1, 2**63, 0.5])
def test_a_plans_seed_is_within_its_bounds(seed: float) -> None:
    async def act(client: Client) -> None:
        told = await client.send("POST", "/plans", {"scene": {}, "seed": seed}, 400)
        assert told["error"]["param"] == "seed"

    talked(act)


def test_plans_and_prompts_of_a_scene_need_no_store() -> None:
    async def act(client: Client) -> None:
        for path in ("/plans", "/prompts"):
            await client.send("POST", path, {"scene": SCENE})
            told = await client.send("POST", path, {"talk": "x"}, 404)
            assert told["error"]["code"] == "no_store"

    talked(act, store="")


def test_agents_are_told_with_what_each_of_them_takes() -> None:
    agents = {"mini": scripted(candidates=2), "godel": scripted(format="godel")}

    async def act(client: Client) -> None:
        told = await client.get("/agents")
        assert (told["goals"], told["skills"]) == (list(ACTIONS), list(SKILLS))
        mini, godel = told["agents"]
        assert (mini["name"], mini["format"], mini["engine"]) == ("mini", "native", "scripted")
        assert tuple(mini["takes"]) == KINDS and not any(mini["takes"].values())
        assert godel["takes"]["knowledge"] == "" and "godel" in godel["takes"]["situation"]
        assert mini["decoding"]["candidates"] == 2 and mini["presets"] == list(PRESETS)
        assert (mini["context_window"], mini["loaded"], mini["continue"]) == (2048, True, "")

    talked(act, agents=agents)


def test_what_an_agent_takes_is_what_its_prompt_does_not_report() -> None:
    agent = scripted(format="cosmo")

    async def act(client: Client) -> None:
        [told] = (await client.get("/agents"))["agents"]
        body = {"scene": {"memory": ["They met."], "situation": "A storm."}}
        shown = await client.send("POST", "/prompts", body)
        assert bool(told["takes"]["memory"]) == ("memory" in shown["unsupported"])
        assert bool(told["takes"]["situation"]) == ("situation" in shown["unsupported"])

    talked(act, agents={"mini": agent})


def test_decoding_of_a_prompt_decides_how_much_room_there_is() -> None:
    async def act(client: Client) -> None:
        talk = await client.begin({"turns": [{"speaker": "User", "text": "word " * 60}]})
        body = {"talk": talk, "decoding": {"max_new_tokens": 90}}
        told = await client.send("POST", "/prompts", body, 400)
        assert told["error"]["code"] == "context_length_exceeded"
        await client.send("POST", "/prompts", {"talk": talk, "decoding": {"max_new_tokens": 9}})

    talked(act, agents={"mini": scripted(window=100)})
