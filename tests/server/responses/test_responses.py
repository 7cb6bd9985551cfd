"""/v1/responses: the same spine, and talks that the server keeps."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tertulia import Agent, Decoding, assembly, formats
from tertulia.conversation import Turn
from tertulia.engines import Completion, Engine, Event, Finished, Piece
from tertulia.errors import EngineError
from tertulia.prompt import Prompt
from tertulia.server.app import application
from tertulia.server.responses.answered import ResponseTold
from tertulia.server.settings import Settings
from tertulia.store import Store
from tests.server.asking import asked, error, scripted
from tests.server.live import listening
from tests.server.queue.test_runner import Client as Gone
from tests.server.queue.test_runner import Gated, gated, http, until

openai = pytest.importorskip("openai", reason="pip install openai")

LINES = ("Hello there, 친구 👋🏽.", "No.", "Maybe so.")
KEPT = ":memory:"


def agents() -> dict[str, Any]:
    return {
        "mini": scripted(*LINES),
        "thinking": scripted("<think>Is it? 네.</think> Yes. It is.", format="chat_template"),
    }


def post(body: dict[str, Any], store: str = "", **made: Any) -> httpx.Response:
    full = {"model": "mini", "input": "Hi", "decoding": {"seed": 0}, **body}
    made.setdefault("agents", agents())
    return asked(lambda http: http.post("/v1/responses", json=full), store=store, **made)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """The official client for Python, of a server with a store."""
    with listening(application(agents(), Settings(store=KEPT))) as address:
        with openai.OpenAI(base_url=f"{address}/v1", api_key="x", max_retries=0) as made:
            yield made


def create(client: Any, seed: int = 0, **more: Any) -> Any:
    body = {"model": "mini", "input": "Hi", "extra_body": {"decoding": {"seed": seed}}, **more}
    return client.responses.create(**body)


def talk_of(client: Any, response: Any) -> dict[str, Any]:
    """The stored talk of a response, as the server tells it."""
    id = response.model_extra["tertulia"]["talk"]
    found = httpx.get(str(client.base_url).replace("/v1/", f"/tertulia/talks/{id}"))
    return dict(found.json())


def test_a_string_is_answered_by_the_agent() -> None:
    found = post({}).json()
    assert (found["object"], found["status"], found["model"]) == ("response", "completed", "mini")
    [item] = found["output"]
    assert (item["type"], item["role"]) == ("message", "assistant")
    assert item["content"][0]["text"] == LINES[0]
    usage = found["usage"]
    assert usage["output_tokens"] == 4
    assert usage["total_tokens"] == usage["input_tokens"] + 4


def test_items_are_turns_and_instructions() -> None:
    agent = scripted(*LINES)
    items = [
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
         "content": [{"type": "output_text", "text": "Hello.", "annotations": []}]},
        {"role": "user", "content": "And you?"},
    ]  # fmt: skip
    post({"input": items, "instructions": "Be short."}, agents={"mini": agent})
    prompt = agent.engine.seen[0].text  # type: ignore[attr-defined]
    assert "Be short.\nBe kind." in prompt
    assert prompt.index("Hi") < prompt.index("Hello.") < prompt.index("And you?")


def test_a_reply_that_was_cut_is_incomplete() -> None:
    found = post({"max_output_tokens": 2}).json()
    assert found["status"] == "incomplete"
    assert found["incomplete_details"] == {"reason": "max_output_tokens"}


def test_thinking_is_an_item_of_its_own() -> None:
    first, second = post({"model": "thinking"}).json()["output"]
    assert (first["type"], first["content"][0]["text"]) == ("reasoning", "Is it? 네.")
    assert second["content"][0]["text"] == "Yes. It is."


def test_without_a_store_nothing_is_kept_and_the_answer_says_so() -> None:
    found = post({}).json()
    assert found["store"] is False and found["tertulia"]["talk"] is None
    missing = asked(lambda http: http.get(f"/v1/responses/{found['id']}"))
    assert error(missing) == (404, None, "no_store")


@pytest.mark.parametrize("field", ["store", "previous_response_id", "conversation"])
def test_what_needs_a_store_is_refused_by_name_without_one(field: str) -> None:
    value = True if field == "store" else "resp_1_0000000000000000"
    assert error(post({field: value})) == (400, field, "no_store")


@pytest.mark.parametrize(
    ("field", "value", "param", "code"),
    [
        ("tools", [{"type": "function"}], "tools", "unsupported_value"),
        ("background", True, "background", "unsupported_value"),
        ("reasoning", {"effort": "high"}, "reasoning", "unsupported_value"),
        ("text", {"format": {"type": "json_object"}}, "text.format.type", "invalid_value"),
        ("input", [], "input", "invalid_value"),
        ("input", None, "input", "invalid_value"),
        ("input", [{"type": "function_call_output"}], "input[0].type", "unsupported_value"),
        ("input", [{"role": "user"}], "input[0].content", "missing_required_parameter"),
        ("input", [{"content": "Hi"}], "input[0].role", "missing_required_parameter"),
        ("input", [{"role": "user", "content": [{"type": "input_image"}]}],
         "input[0].content[0]", "unsupported_value"),
        ("input", [{"role": "user", "name": "Agent", "content": "Hi"}],
         "input[0].name", "invalid_value"),
        ("input", "word " * 3000, "input", "context_length_exceeded"),
        ("include", ["reasoning.encrypted_content"], "include[0]", "invalid_value"),
        ("max_output_tokens", 0, "max_output_tokens", "invalid_value"),
        ("top_logprobs", 2, "top_logprobs", None),
        ("metadata", {"a": 1}, "metadata.a", "invalid_value"),
        ("direction", {"turns": []}, "direction.turns", None),
        ("model", "none", "model", "model_not_found"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_by_name(
    field: str, value: object, param: str, code: str | None
) -> None:
    for stream in (False, True):
        status, *told = error(post({field: value, "stream": stream}))
        assert (status, *told) == (404 if field == "model" else 400, param, code)


def test_turns_that_do_not_fit_are_refused_where_none_may_be_left_out() -> None:
    long = [{"role": "user", "content": f"turn {n} " + "word " * 20} for n in range(6)]
    small = {"mini": scripted(window=100, max_new_tokens=20)}
    found = post({"input": long}, agents=small).json()
    assert len(found["tertulia"]["dropped"]) == 3 and found["truncation"] == "auto"
    refused = post({"input": long, "truncation": "disabled"}, agents=small)
    assert error(refused) == (400, "input", "context_length_exceeded")


def test_unknown_fields_are_named_in_a_warning() -> None:
    response = post({"sampler_x": 1, "user": "u", "prompt_cache_key": "k"})
    assert response.headers["x-tertulia-warning"] == "unknown fields ignored: sampler_x"


def test_the_events_are_numbered_and_say_what_the_whole_says() -> None:
    for model in ("mini", "thinking"):
        whole = post({"model": model}).json()
        streamed = post({"model": model, "stream": True})
        blocks = [block.split("\n") for block in streamed.text.strip().split("\n\n")]
        events = [json.loads(data.removeprefix("data: ")) for _, data in blocks]
        assert [f"event: {each['type']}" for each in events] == [name for name, _ in blocks]
        assert [each["sequence_number"] for each in events] == list(range(len(events)))
        assert events[0]["response"]["status"] == "in_progress"
        last = events[-1]["response"]
        texts = [item["content"][0]["text"] for item in last["output"]]
        assert texts == [item["content"][0]["text"] for item in whole["output"]]
        for kind, text in zip(("output_text", "reasoning_text"), reversed(texts), strict=False):
            deltas = [e["delta"] for e in events if e["type"] == f"response.{kind}.delta"]
            assert "".join(deltas) == text


def test_probabilities_are_told_where_they_are_included() -> None:
    mini = assembly.open_agent("mini-streams", changes={"max_new_tokens": 4})
    include = ["message.output_text.logprobs"]
    body = {"include": include, "model": "mini"}
    [item] = post(body, agents={"mini": mini}).json()["output"]
    told = item["content"][0]["logprobs"]
    assert "".join(each["token"] for each in told).strip() == item["content"][0]["text"]
    assert error(post({"include": include})) == (400, "logprobs", "unsupported_value")


def test_a_kept_response_is_given_again(client: Any) -> None:
    made = create(client, metadata={"a": "b"})
    again = client.responses.retrieve(made.id)
    assert again == made and again.metadata == {"a": "b"}
    items = client.responses.input_items.list(made.id)
    assert [each.content[0].text for each in items] == ["Hi"]


def test_a_response_goes_on_from_another_and_the_talk_branches_there(client: Any) -> None:
    first = create(client)
    one = create(client, 1, input="And?", previous_response_id=first.id)
    two = create(client, 2, input="Or?", previous_response_id=first.id)
    assert (one.output_text, two.output_text) == (LINES[1], LINES[2])
    talk = talk_of(client, first)
    texts = {each["id"]: each["text"] for each in talk["turns"]}
    parents = {each["text"]: texts.get(each["parent"]) for each in talk["turns"]}
    assert parents == {"Hi": None, LINES[0]: "Hi", "And?": LINES[0], LINES[1]: "And?",
                       "Or?": LINES[0], LINES[2]: "Or?"}  # fmt: skip
    assert [texts[turn] for turn in talk["active"]] == ["Hi", LINES[0], "Or?", LINES[2]]


def test_a_response_goes_on_at_the_end_of_a_talk(client: Any) -> None:
    first = create(client)
    id = first.model_extra["tertulia"]["talk"]
    then = create(client, 1, input="And?", conversation=id)
    assert then.conversation.id == id and then.previous_response_id is None
    assert len(talk_of(client, first)["active"]) == 4


def test_instructions_are_for_one_response_and_a_direction_stays(client: Any) -> None:
    direction = {"situation": "A storm.", "plan": {"goal": "calm them"}}
    body = {"direction": direction, "decoding": {"seed": 0}}
    first = create(client, instructions="Be short.", extra_body=body)
    then = create(client, 1, input="And?", previous_response_id=first.id)
    said, scene = talk_of(client, first)["turns"], talk_of(client, then)["scene"]
    assert said[1]["direction"]["instruction"] == "Be short."
    assert first.model_extra["tertulia"]["plan"]["goal"] == "calm them"
    assert (scene["situation"], scene["instruction"]) == ("A storm.", "")
    assert then.model_extra["tertulia"]["plan"]["goal"] == ""


def test_a_response_that_is_not_to_be_kept_is_not(client: Any) -> None:
    first = create(client)
    then = create(client, 1, previous_response_id=first.id, store=False)
    assert then.output_text == LINES[1] and then.model_extra["store"] is False
    with pytest.raises(openai.NotFoundError) as caught:
        client.responses.retrieve(then.id)
    assert caught.value.code == "response_not_found"
    assert len(talk_of(client, first)["turns"]) == 2


def test_a_deleted_response_is_gone_and_its_talk_goes_on_without_it(client: Any) -> None:
    first = create(client)
    then = create(client, 1, input="And?", previous_response_id=first.id)
    client.responses.delete(then.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(then.id)
    with pytest.raises(openai.NotFoundError):
        create(client, previous_response_id=then.id)
    assert create(client, 2, previous_response_id=first.id).output_text == LINES[2]


@pytest.mark.parametrize("id", ["resp_1", "resp_999999_0000000000000000", "x" * 300, "resp_1_gg"])
def test_a_response_nobody_made_is_not_found(client: Any, id: str) -> None:
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(id)
    with pytest.raises(openai.NotFoundError) as caught:
        create(client, previous_response_id=id[:256])
    assert caught.value.param == "previous_response_id"


def test_the_client_gathers_the_events(client: Any) -> None:
    for model, kinds in (("mini", ["message"]), ("thinking", ["reasoning", "message"])):
        with client.responses.stream(model=model, input="Hi") as stream:
            texts = [each.delta for each in stream if each.type == "response.output_text.delta"]
            found = stream.get_final_response()
        assert "".join(texts) == found.output_text
        assert [each.type for each in found.output] == kinds
        assert client.responses.retrieve(found.id).output_text == found.output_text


def test_input_items_come_in_pages(client: Any) -> None:
    given = [{"role": "user", "content": str(n)} for n in range(5)]
    made = create(client, input=given)
    page = client.responses.input_items.list(made.id, limit=2, order="asc")
    assert [each.content[0].text for each in page.data] == ["0", "1"] and page.has_more
    assert [each.content[0].text for each in page] == ["0", "1", "2", "3", "4"]


class Breaking(Engine):
    """Says a word, and then its runtime fails."""

    context_window = 2048
    honours = frozenset(("temperature", "seed"))

    def count_tokens(self, prompt: Prompt) -> int:
        return 1

    def events(self, prompts: Sequence[Prompt], decoding: Sequence[Decoding]) -> Iterator[Event]:
        yield Piece(0, 0, "Hello there")
        raise EngineError("the runtime failed")


def test_a_failure_in_the_middle_ends_the_events_and_what_was_said_is_kept() -> None:
    agents = {"mini": Agent(format=formats.load("native"), engine=Breaking())}

    async def act(http: httpx.AsyncClient) -> tuple[httpx.Response, Any, httpx.Response]:
        body = {"model": "mini", "input": "Hi"}
        streamed = await http.post("/v1/responses", json={**body, "stream": True})
        [talk] = (await http.get("/tertulia/talks")).json()["talks"]
        turns = (await http.get(f"/tertulia/talks/{talk['id']}")).json()["turns"]
        return streamed, turns, await http.post("/v1/responses", json=body)

    streamed, turns, whole = asked(act, agents=agents, store=KEPT)
    last = json.loads(streamed.text.strip().rpartition("data: ")[2])
    assert last["type"] == "response.failed"
    assert last["response"]["error"] == {"code": "server_error", "message": "the runtime failed"}
    told = [(each["speaker"], each["text"], each["status"]) for each in turns]
    assert told == [("User", "Hi", "whole"), ("Agent", "Hello there", "interrupted")]
    assert turns[1]["reply"]["response"] == last["response"]
    assert error(whole) == (500, None, "engine_error")


@asynccontextmanager
async def hung_up(words: int, stream: bool = True) -> AsyncIterator[tuple[Any, Gone, Gated]]:
    """A client that left a response after so many words, and one that looks what was kept."""
    with gated(words=100, store=KEPT) as (app, engine):
        gone = Gone(app, "/v1/responses", input="Hi", stream=stream)
        await until(lambda: engine.began)
        engine.let(words)
        if stream and words:
            await until(lambda: said(gone).count("word") >= words)
        gone.hung_up.set()
        await gone.task
        engine.let(1)
        await until(lambda: engine.closed)
        async with http(app) as looking:
            yield looking, gone, engine


def events_of(gone: Gone) -> list[dict[str, Any]]:
    lines = gone.text.splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if "{" in line]


def said(gone: Gone) -> str:
    told = [each for each in events_of(gone) if each["type"] == "response.output_text.delta"]
    return "".join(each["delta"] for each in told)


def test_what_was_said_until_the_client_hung_up_is_kept_and_can_be_gone_on_from() -> None:
    async def act() -> None:
        async with hung_up(2) as (client, gone, engine):
            id = events_of(gone)[0]["response"]["id"]
            kept = (await client.get(f"/v1/responses/{id}")).json()
            assert kept["status"] == "cancelled"
            [item] = kept["output"]
            assert (item["status"], item["content"][0]["text"]) == ("incomplete", "word word")
            ResponseTold.model_validate(kept)
            [talk] = (await client.get("/tertulia/talks")).json()["talks"]
            turns = (await client.get(f"/tertulia/talks/{talk['id']}")).json()["turns"]
            assert [each["status"] for each in turns] == ["whole", "stopped"]
            assert turns[1]["reply"]["seed"] is not None
            engine.let(100)
            onward = {"model": "mini", "input": "On?", "previous_response_id": id}
            then = await client.post("/v1/responses", json=onward)
            assert then.json()["output"][0]["content"][0]["text"].startswith("word word word")
            active = (await client.get(f"/tertulia/talks/{talk['id']}")).json()["active"]
            assert active[:2] == [each["id"] for each in turns] and len(active) == 4

    asyncio.run(act())


@pytest.mark.parametrize(("words", "stream"), [(0, True), (3, False)])
def test_a_client_that_was_told_no_word_leaves_its_question_at_the_most(
    words: int, stream: bool
) -> None:
    async def act() -> None:
        async with hung_up(words, stream) as (client, *_):
            talks = (await client.get("/tertulia/talks")).json()["talks"]
            assert [each["last"] for each in talks] in ([], ["Hi"])

    asyncio.run(act())


def test_a_reply_to_a_talk_that_somebody_else_continued_is_kept_beside_it(tmp_path: Path) -> None:
    place = str(tmp_path / "talks.db")

    class Meddling(Breaking):
        def events(
            self, prompts: Sequence[Prompt], decoding: Sequence[Decoding]
        ) -> Iterator[Event]:
            yield Piece(0, 0, "Hello.")
            with Store.open(place) as other:
                deadline = time.monotonic() + 20
                while not other.talks() and time.monotonic() < deadline:
                    time.sleep(0.01)
                [talk] = other.talks()
                end = other.path(talk.id)[-1]
                other.keep(talk.id, Turn("User", "Wait."), conversation=end.scene, parent=end.id)
            yield Finished(0, 0, Completion(text="Hello."))

    agents = {"mini": Agent(format=formats.load("native"), engine=Meddling())}
    found = post({"decoding": {}}, agents=agents, store=place).json()
    assert found["output"][0]["content"][0]["text"] == "Hello."
    with Store.open(place) as store:
        [talk] = store.talks()
        assert [each.turn.text for each in store.path(talk.id)] == ["Hi", "Wait."]
        assert sorted(each.turn.text for each in store.tree(talk.id)) == ["Hello.", "Hi", "Wait."]


def test_nothing_of_a_request_that_is_refused_is_kept() -> None:
    async def act(http: httpx.AsyncClient) -> tuple[int, Any]:
        body = {"model": "mini", "input": "word " * 3000}
        refused = await http.post("/v1/responses", json=body)
        return refused.status_code, (await http.get("/tertulia/talks")).json()["talks"]

    assert asked(act, agents=agents(), store=KEPT) == (400, [])


def test_a_talk_that_somebody_else_continued_can_be_gone_on_with(tmp_path: Path) -> None:
    place = str(tmp_path / "talks.db")

    async def act(http: httpx.AsyncClient) -> list[httpx.Response]:
        body = {"model": "mini", "input": "Hi", "decoding": {"seed": 0}}
        first = (await http.post("/v1/responses", json=body)).json()
        with Store.open(place) as other:
            [talk] = other.talks()
            end = other.path(talk.id)[-1]
            other.keep(talk.id, Turn("User", "Wait."), conversation=end.scene, parent=end.id)
        then = {**body, "previous_response_id": first["id"]}
        onward = {**body, "conversation": talk.id}
        return [await http.post("/v1/responses", json=each) for each in (then, onward)]

    assert [each.status_code for each in asked(act, agents=agents(), store=place)] == [200, 200]
