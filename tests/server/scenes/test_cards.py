"""A card over HTTP becomes a talk in which its lore is told, traced and kept."""

from typing import Any

import pytest

from tertulia import Agent, Conversation, engines, formats
from tertulia.conversation import Plan
from tests.cards.made import as_png, card, entry
from tests.server.talking import Client, serving, talked

BOOK = {"entries": [entry("honey", content="{{char}}'s honey is dark.")]}
PICTURE = as_png(("ccv3", card(character_book=BOOK)))
HALF = {"content": "x", "constant": True, "probability": 0.5}


async def begun(client: Client) -> str:
    """A talk with Ana, whose card was posted."""
    path = "/tertulia/cards?user=Bo"
    told = client.json(await client.http.post(path, content=PICTURE), 201)
    assert told["report"]["name"] == "Ana" and told["scene"]["user"] == "Bo"
    talk = await client.send("POST", "/talks", {"scene_id": told["scene_id"]}, 201)
    await client.say(str(talk["id"]), "Do you sell honey?")
    return str(talk["id"])


def test_the_lore_of_a_posted_card_is_told_in_its_talk() -> None:
    async def act(client: Client) -> Any:
        talk = await begun(client)
        [generation] = await client.reply(talk)
        return dict(await client.events(generation))

    told = talked(act)
    [span] = [each for each in told["prompt"]["spans"] if each["field"] == "lore.0.content"]
    assert span["text"].strip() == "Ana's honey is dark."
    fired = {"entry": 0, "by": "turn", "key": "honey", "told": True, "held": ""}
    assert told["reply"]["turn"]["reply"]["fired"] == [fired]


def test_the_planner_of_a_served_agent_knows_the_passages() -> None:
    seen: list[tuple[str, ...]] = []

    class Planner:
        def plan(self, conversation: Conversation, seed: int | None) -> Plan:
            seen.append(conversation.direction.knowledge)
            return conversation.plan

    agent = Agent(format=formats.load("native"), engine=engines.load("scripted"), planner=Planner())

    async def act(client: Client) -> None:
        talk = await begun(client)
        await client.answered(talk)
        await client.send("POST", "/plans", {"talk": talk})

    talked(act, agents={"mini": agent})
    assert seen == [("Ana's honey is dark.",)] * 2


def test_a_reply_whose_lore_was_left_to_chance_tells_the_seed_that_makes_it_again() -> None:
    async def act(client: Client) -> tuple[Any, Any]:
        talk = await client.begin({"lore": [HALF] * 40})
        await client.say(talk, "Hi.", "User")
        first = (await client.answered(talk))["reply"]
        before = (await client.get(f"/talks/{talk}"))["active"][-2]
        again = {"parent": before, "decoding": {"seed": first["seed"]}}
        return first["fired"], (await client.answered(talk, **again))["reply"]["fired"]

    first, second = talked(act)
    assert first == second and 5 < len(first) < 35


@pytest.mark.parametrize("content", [b"", b"GIF89a", PICTURE[:60], b'{"spec": 1}'])
def test_a_file_that_is_no_card_is_refused(content: bytes) -> None:
    async def act() -> int:
        async with serving() as client:
            return (await client.http.post("/tertulia/cards", content=content)).status_code

    import asyncio

    assert asyncio.run(act()) == 400
