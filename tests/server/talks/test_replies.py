"""/tertulia/talks/…/replies: who speaks, after what, under which direction, and what is kept."""

from typing import Any

import pytest

from tertulia import Conversation, assembly
from tests.server.asking import scripted
from tests.server.talking import SCENE, Client, talked

SEED = {"decoding": {"seed": 0}}


def test_the_reply_is_the_one_that_the_agent_gives_anywhere_else() -> None:
    agent = scripted(candidates=3)
    talk = Conversation(agent="Ann", user="Bo").said("Bo", "Hi")
    elsewhere = agent.reply(talk, seed=7)

    async def act(client: Client) -> None:
        id = await client.begin({"agent": "Ann", "user": "Bo"})
        said = await client.say(id, "Hi")
        turn = await client.answered(id, decoding={"seed": 7})
        assert (turn["speaker"], turn["text"]) == ("Ann", elsewhere.text)
        assert (turn["parent"], turn["status"]) == (said, "whole")
        assert await client.texts(id) == ["Hi", elsewhere.text]

    talked(act, agents={"mini": agent})


def test_all_that_replays_a_reply_is_kept_with_it() -> None:
    async def act(client: Client) -> None:
        id = await client.begin()
        await client.say(id, "Hi")
        plan = {"goal": "ask", "skill": "Empathy", "explanation": "i care."}
        turn = await client.answered(id, plan=plan, decoding={"candidates": 2, "top_k": 5})
        kept = (await client.get(f"/talks/{id}/turns/{turn['id']}"))["turn"]["reply"]
        assert kept == turn["reply"]
        assert kept["agent"] == "mini" and kept["plan"] == kept["given"] == plan
        assert (kept["decoding"]["top_k"], kept["decoding"]["seed"]) == (5, kept["seed"])
        assert [each["text"] for each in kept["candidates"]][0] == turn["text"]
        assert set(kept["candidates"][0]) == {
            "text", "image", "score", "scores", "mean_logprob", "finish", "tokens",
        }  # fmt: skip
        assert set(kept["timings"]) == {"waited", "planned", "first_token", "total"}
        assert (kept["chosen"], kept["planned_by"], kept["status"]) == (0, "director", "whole")

    talked(act)


def test_a_seed_that_was_drawn_is_told_and_gives_the_reply_again() -> None:
    async def act(client: Client) -> None:
        id = await client.begin()
        told = await client.send("POST", f"/talks/{id}/replies", {}, 202)
        [begun] = told["generations"]
        first = dict(await client.events(begun["id"]))["reply"]["turn"]
        again = await client.answered(id, parent=None, decoding={"seed": begun["seed"]})
        assert first["reply"]["seed"] == begun["seed"] and again["text"] == first["text"]

    talked(act)


def test_several_agents_answer_the_same_turn_side_by_side() -> None:
    agents = {"one": scripted("One."), "two": scripted("Two.")}

    async def act(client: Client) -> None:
        id = await client.begin()
        said = await client.say(id, "Hi")
        found = []
        for each in await client.reply(id, agents=["one", "two"]):
            found.append(dict(await client.events(each))["reply"]["turn"])
        assert [each["text"] for each in found] == ["One.", "Two."]
        assert [each["parent"] for each in found] == [said, said]
        assert [each["reply"]["agent"] for each in found] == ["one", "two"]
        assert len((await client.get(f"/talks/{id}"))["active"]) == 2

    talked(act, agents=agents)


def test_a_dry_reply_leaves_nothing_behind() -> None:
    async def act(client: Client) -> None:
        id = await client.begin()
        await client.say(id, "Hi")
        before = await client.get(f"/talks/{id}")
        turn = await client.answered(id, dry=True, plan={"goal": "ask"}, **SEED)
        assert (turn["id"], turn["text"]) == (None, "Hello there, friend.")
        assert turn["direction"]["plan"]["goal"] == "ask"
        assert await client.get(f"/talks/{id}") == before

    talked(act)


def test_a_direction_may_hold_for_one_reply_only() -> None:
    async def act(client: Client) -> None:
        id = await client.begin()
        await client.say(id, "Hi")
        turn = await client.answered(id, direction={"situation": "A storm."})
        assert turn["direction"]["situation"] == "A storm."
        assert turn["direction"]["instruction"] == SCENE["instruction"]
        assert (await client.get(f"/talks/{id}"))["scene"]["situation"] == SCENE["situation"]

    talked(act)


def test_the_talks_own_plan_is_used_up_by_the_reply_and_a_given_one_leaves_it() -> None:
    async def act(client: Client) -> None:
        id = await client.begin({**SCENE, "plan": {"goal": "ask"}})
        await client.answered(id, plan={"goal": "other"})
        assert (await client.get(f"/talks/{id}"))["scene"]["plan"]["goal"] == "ask"
        turn = await client.answered(id)
        assert turn["reply"]["plan"]["goal"] == "ask"
        assert (await client.get(f"/talks/{id}"))["scene"]["plan"]["goal"] == ""

    talked(act)


def test_the_other_side_is_spoken_too_without_the_agents_instruction_and_plan() -> None:
    agent = scripted("I am Bo.")

    async def act(client: Client) -> None:
        id = await client.begin({**SCENE, "plan": {"goal": "ask"}})
        turn = await client.answered(id, speaker="Bo")
        assert (turn["speaker"], turn["text"]) == ("Bo", "I am Bo.")
        told = await client.get(f"/talks/{id}")
        assert (told["scene"]["agent"], told["scene"]["plan"]["goal"]) == ("Ann", "ask")
        shown = await client.send("POST", "/prompts", {"talk": id, "speaker": "Bo"})
        fields = {each["field"] for each in shown["spans"]}
        assert "situation" in fields and "instruction" not in fields

    talked(act, agents={"mini": agent})


def test_a_reply_goes_on_from_a_text_as_a_sibling_of_it() -> None:
    agent = scripted(" And a cake.", "Rye.")

    async def act(client: Client) -> None:
        id = await client.begin()
        said = await client.say(id, "What is there?")
        first = await client.answered(id, decoding={"seed": 1})
        turn = await client.answered(id, **{"continue": first["id"]}, **SEED)
        assert (turn["text"], turn["parent"]) == ("Rye. And a cake.", said)
        assert turn["reply"]["continues"]["text"] == "Rye."
        assert await client.texts(id) == ["What is there?", "Rye. And a cake."]
        own = await client.answered(id, **{"continue": said}, **SEED)
        assert (own["speaker"], own["text"]) == ("Bo", "What is there? And a cake.")

    talked(act, agents={"mini": agent})


def test_the_rest_of_a_reply_has_the_plan_of_its_beginning() -> None:
    async def act(client: Client) -> None:
        id = await client.begin()
        first = await client.answered(id, plan={"goal": "ask", "skill": "Empathy"})
        for more, goal in (({}, "ask"), ({"plan": {"goal": "other"}}, "other")):
            turn = await client.answered(id, **{"continue": first["id"]}, **more)
            assert turn["reply"]["plan"]["goal"] == goal
            assert turn["direction"]["plan"]["goal"] == goal
        assert (await client.get(f"/talks/{id}"))["scene"]["plan"]["goal"] == ""

    talked(act)


def test_where_a_family_cannot_go_on_from_a_text_that_is_refused() -> None:
    agent = scripted(format="godel")
    agent.engine.twofold = True

    async def act(client: Client) -> None:
        id = await client.begin()
        said = await client.say(id, "Hi")
        told = await client.send("POST", f"/talks/{id}/replies", {"continue": said}, 400)
        assert told["error"]["param"] == "continue" and "encoder" in told["error"]["message"]
        [listed] = (await client.get("/agents"))["agents"]
        assert listed["continue"] and listed["takes"]["situation"]

    talked(act, agents={"mini": agent})


def test_a_reply_that_is_not_to_be_active_is_a_branch_aside() -> None:
    async def act(client: Client) -> None:
        id = await client.begin()
        await client.say(id, "Hi")
        turn = await client.answered(id, activate=False)
        assert await client.texts(id) == ["Hi"]
        assert turn["id"] in [each["id"] for each in (await client.get(f"/talks/{id}"))["turns"]]

    talked(act)


def test_what_was_dropped_and_what_is_unsupported_is_told_and_kept() -> None:
    agent = scripted(format="godel", window=80, max_new_tokens=20)

    async def act(client: Client) -> None:
        id = await client.begin()
        for n in range(5):
            await client.say(id, f"turn {n} " + "word " * 20)
        [generation] = await client.reply(id)
        told = dict(await client.events(generation))
        assert told["prompt"]["unsupported"] == ["situation", "personas.Ann"]
        assert told["prompt"]["dropped"][0]["text"].startswith("turn 0")
        kept = told["reply"]["turn"]["reply"]
        assert kept["unsupported"] == told["prompt"]["unsupported"]
        assert len(kept["dropped"]) == len(told["prompt"]["dropped"])

    talked(act, agents={"mini": agent})


def test_a_prompt_that_cannot_fit_fails_with_its_cure_and_leaves_no_turn() -> None:
    async def act(client: Client) -> None:
        id = await client.begin()
        said = await client.say(id, "word " * 500)
        [generation] = await client.reply(id)
        told = dict(await client.events(generation))
        assert told["error"]["code"] == "context_length_exceeded"
        assert (await client.get(f"/generations/{generation}"))["state"] == "failed"
        assert [each["id"] for each in (await client.get(f"/talks/{id}"))["turns"]] == [said]

    talked(act, agents={"mini": scripted(window=100)})


@pytest.mark.parametrize(("body", "status", "param"), [
    ({"agent": "nope"}, 404, "agent"), ({"agents": ["mini", "nope"]}, 404, "agent"),
    ({"agent": "mini", "agents": ["mini"]}, 400, "agents"), ({"agents": []}, 400, "agents"),
    ({"agents": ["mini"] * 9}, 400, "agents"), ({"speaker": "Cy"}, 400, "speaker"),
    ({"plan": {"gaol": "x"}}, 400, "plan"), ({"plan": {"goal": 1}}, 400, "plan"),
    ({"direction": {"turns": []}}, 400, "direction.turns"), ({"direction": []}, 400, "direction"),
    ({"direction": {"situation": 1}}, 400, "direction"), ({"dry": 1}, 400, "dry"),
    ({"decoding": {"temperature": -1}}, 400, "decoding.temperature"),
    ({"decoding": {"candidates": 2**63}}, 400, "decoding.candidates"),
    ({"decoding": {"beams": 4}}, 400, "decoding.beams"),
    ({"decoding": {"nope": 1}}, 400, "decoding"),
    ({"decoding": {"max_new_tokens": 0}}, 400, "decoding.max_new_tokens"),
    ({"parent": 0}, 400, "parent"), ({"parent": 2**63}, 400, "parent"), ({"parent": 9}, 404, None),
    ({"continue": -1}, 400, "continue"), ({"continue": 2**63 - 1}, 404, None),
    ({"continue": 1, "speaker": "Ann"}, 400, "speaker"),
    ({"continue": 1, "parent": 1}, 400, "parent"), ({"activate": None}, 400, "activate"),
])  # fmt: skip
def test_what_cannot_be_honoured_is_refused_by_its_field(
    body: Any, status: int, param: str | None
) -> None:
    async def act(client: Client) -> None:
        id = await client.begin()
        await client.say(id, "Hi")
        told = await client.send("POST", f"/talks/{id}/replies", body, status)
        assert told["error"]["param"] == param
        found = await client.get(f"/talks/{id}")
        assert (found["generations"], len(found["turns"])) == ([], 1)

    talked(act)


def test_of_several_agents_none_begins_when_the_talk_has_moved_on() -> None:
    agents = {"one": scripted(), "two": scripted()}

    async def act(client: Client) -> None:
        id = await client.begin()
        body = {"agents": ["one", "two"], "decoding": {"seed": 1}, "version": 9}
        await client.send("POST", f"/talks/{id}/replies", body, 409)
        assert (await client.get(f"/talks/{id}"))["generations"] == []

    talked(act, agents=agents)


def test_a_planner_is_told_apart_from_the_director() -> None:
    agent = assembly.thinking(scripted(" i care.<|skill|> Empathy<|says|>"), True)

    async def act(client: Client) -> None:
        id = await client.begin()
        [generation] = await client.reply(id, plan={"goal": "ask"})
        plan = dict(await client.events(generation))["plan"]
        assert plan == {
            "goal": "ask", "skill": "Empathy", "explanation": "i care.", "planned_by": "planner",
            "written": "",
        }  # fmt: skip

    talked(act, agents={"mini": agent})


def test_the_built_in_model_tells_its_tokens() -> None:
    agent = assembly.open_agent("mini", changes={"candidates": 2, "max_new_tokens": 8})

    async def act(client: Client) -> None:
        id = await client.begin()
        await client.say(id, "Hi")
        turn = await client.answered(id, decoding={"seed": 3})
        for each in turn["reply"]["candidates"]:
            assert "".join(text for text, _ in each["tokens"]).strip() == each["text"]
            assert all(logprob <= 0 for _, logprob in each["tokens"])
        again = await client.answered(id, **{"continue": turn["id"]}, decoding={"seed": 1})
        assert again["text"].startswith(turn["text"])

    talked(act, agents={"mini": agent})
