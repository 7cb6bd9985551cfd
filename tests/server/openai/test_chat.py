"""/v1/chat/completions: OpenAI's contract over the spine, whole and streamed."""

import asyncio

import httpx
import pytest

from tertulia import Agent, Conversation, Decoding, assembly, rankers
from tests.server.asking import HI, asked, chat, error, frames, said, scripted, streamed_text


def test_a_message_is_answered_by_the_agent() -> None:
    found = chat({"seed": 0}).json()
    assert found["object"] == "chat.completion" and found["model"] == "mini"
    [choice] = found["choices"]
    assert choice["message"]["content"] == "Hello there, friend."
    assert (choice["message"]["role"], choice["finish_reason"]) == ("assistant", "stop")


def test_the_reply_is_the_one_that_the_agent_gives_anywhere_else() -> None:
    talk = Conversation().said("User", "Hi")
    for candidates in (1, 3):
        agent = scripted(candidates=candidates)
        kept = agent.reply(talk, seed=7).text
        assert said(chat({"seed": 7}, agents={"mini": agent})) == kept


def test_the_built_in_model_says_over_http_what_it_says_in_the_terminal() -> None:
    agent = assembly.open_agent("mini", changes={"candidates": 2, "max_new_tokens": 8})
    kept = agent.reply(Conversation().said("User", "Hi"), seed=3)
    for stream in (False, True):
        agent = assembly.open_agent("mini", changes={"candidates": 2, "max_new_tokens": 8})
        response = chat({"seed": 3, "stream": stream}, agents={"mini": agent})
        text = streamed_text(frames(response)) if stream else said(response)
        assert text == kept.text


def test_usage_counts_the_prompt_and_what_was_said() -> None:
    usage = chat({"seed": 0, "messages": [{"role": "user", "content": "a b c"}]}).json()["usage"]
    assert usage["completion_tokens"] == 3
    assert usage["total_tokens"] == usage["prompt_tokens"] + 3


def test_several_choices_are_as_many_candidates() -> None:
    choices = chat({"n": 3, "seed": 0}).json()["choices"]
    assert [each["index"] for each in choices] == [0, 1, 2]
    assert [each["message"]["content"] for each in choices] == [
        "Hello there, friend.",
        "No.",
        "Maybe so.",
    ]


def test_fewer_choices_than_candidates_are_the_best_ranked() -> None:
    agent = scripted("I like tea.", "Yes, I like tea.", "So do I!", candidates=3)
    ranker = rankers.load("no_repeat", format=agent.format, engine=agent.engine)
    agent = type(agent)(
        format=agent.format, engine=agent.engine, decoding=agent.decoding, rankers=(ranker,)
    )
    talk = [{"role": "user", "content": "Yes, I like tea."}]
    found = chat({"seed": 0, "messages": talk}, agents={"mini": agent})
    kept = agent.reply(Conversation().said("User", "Yes, I like tea."), seed=0).text
    assert said(found) == kept


def test_fewer_tokens_than_the_reply_has_end_it_by_length() -> None:
    for field in ("max_tokens", "max_completion_tokens"):
        [choice] = chat({"seed": 0, field: 2}).json()["choices"]
        assert (choice["message"]["content"], choice["finish_reason"]) == ("Hello there,", "length")


def test_a_seed_that_was_drawn_is_told_and_gives_the_reply_again() -> None:
    first = chat({}).json()
    again = chat({"seed": first["tertulia"]["seed"]}).json()
    assert first["choices"] == again["choices"]


def test_a_stream_has_the_role_first_the_reason_last_and_then_the_usage() -> None:
    body = {"stream": True, "seed": 0, "stream_options": {"include_usage": True}}
    first, *middle, last, counted = frames(chat(body))
    assert first["choices"][0]["delta"]["role"] == "assistant"
    assert [each["choices"][0]["finish_reason"] for each in middle] == [None] * len(middle)
    assert last["choices"][0]["finish_reason"] == "stop"
    assert counted["choices"] == [] and counted["usage"]["completion_tokens"] == 3
    assert {each["id"] for each in middle} == {first["id"]}
    assert last["tertulia"]["seed"] == 0


def test_usage_is_streamed_only_where_it_is_asked_for() -> None:
    assert all("usage" not in each for each in frames(chat({"stream": True})))


@pytest.mark.parametrize("candidates", [1, 3])
def test_a_stream_says_what_the_whole_reply_says(candidates: int) -> None:
    lines = ("Héllo 👋🏽 世界 <b> a|b", "안녕 [x] ¦ EOS\nnext ", "  ")
    agents = {"mini": scripted(*lines, candidates=candidates)}
    for seed in range(3):
        whole = said(chat({"seed": seed}, agents=agents))
        assert streamed_text(frames(chat({"seed": seed, "stream": True}, agents=agents))) == whole


def test_choices_are_streamed_side_by_side() -> None:
    found = frames(chat({"stream": True, "n": 2, "seed": 0}))
    ended = [c["index"] for f in found for c in f["choices"] if c["finish_reason"]]
    assert ended == [0, 1]


def test_what_does_not_fit_is_dropped_and_told() -> None:
    turns = [{"role": "user", "content": f"turn {n} " + "word " * 20} for n in range(6)]
    agents = {"mini": scripted(window=100, max_new_tokens=20)}
    told = chat({"messages": turns}, agents=agents).json()["tertulia"]
    assert told["dropped"][0] == {"speaker": "User", "text": turns[0]["content"], "image": ""}
    assert len(told["dropped"]) < 6


def test_a_last_message_that_does_not_fit_is_an_error_of_its_own() -> None:
    long = [{"role": "user", "content": "word " * 500}]
    for stream in (False, True):
        body = {"messages": long, "stream": stream}
        found = chat(body, agents={"mini": scripted(window=100)})
        assert error(found) == (400, "messages", "context_length_exceeded")


def test_what_a_family_cannot_take_is_told() -> None:
    agents = {"mini": scripted(format="godel")}
    body = {"direction": {"situation": "A storm."}}
    assert chat(body, agents=agents).json()["tertulia"]["unsupported"] == ["situation"]


def test_the_plan_of_the_direction_is_in_the_answer_and_is_no_thinking() -> None:
    plan = {"goal": "ask", "skill": "Empathy", "explanation": "i care."}
    found = chat({"direction": {"plan": plan}}).json()
    assert found["tertulia"]["plan"] == plan
    assert "reasoning_content" not in found["choices"][0]["message"]


def test_what_the_planner_thought_is_reasoning() -> None:
    agent = scripted(" i care.<|skill|> Empathy<|says|>")
    agent = assembly.thinking(agent, True)
    for stream in (False, True):
        response = chat({"stream": stream, "direction": {"plan": {"goal": "ask"}}},
                        agents={"mini": agent})  # fmt: skip
        if stream:
            assert streamed_text(frames(response), "reasoning_content") == "i care."
        else:
            assert response.json()["choices"][0]["message"]["reasoning_content"] == "i care."


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_model_thinks_never_is_content(stream: bool) -> None:
    agents = {"mini": scripted("<think>hm. so\nit is</think> Yes, it is.", format="chat_template")}
    response = chat({"stream": stream}, agents=agents)
    if stream:
        thought = streamed_text(frames(response), "reasoning_content")
        text = streamed_text(frames(response))
    else:
        thought = response.json()["choices"][0]["message"]["reasoning_content"]
        text = said(response)
    assert (thought, text) == ("hm. so\nit is", "Yes, it is.")


def test_candidates_are_listed_where_they_are_asked_for() -> None:
    agents = {"mini": scripted(candidates=3)}
    assert "candidates" not in chat({}, agents=agents).json()["tertulia"]
    found = chat({"decoding": {"return_candidates": True}, "seed": 0}, agents=agents).json()
    texts = [each["text"] for each in found["tertulia"]["candidates"]]
    assert texts == ["Hello there, friend.", "No.", "Maybe so."]


def test_probabilities_are_those_of_the_engine() -> None:
    changes = {"candidates": 1, "max_new_tokens": 4}
    agent = assembly.open_agent("mini", changes=changes)
    response = chat({"seed": 3, "logprobs": True}, agents={"mini": agent})
    agent = assembly.open_agent("mini", changes=changes)
    kept = agent.reply(Conversation().said("User", "Hi"), seed=3).completion
    content = response.json()["choices"][0]["logprobs"]["content"]
    assert [each["logprob"] for each in content] == pytest.approx(kept.logprobs[: len(content)])
    assert "".join(each["token"] for each in content).strip() == said(response)


def test_probabilities_that_an_engine_does_not_tell_are_refused() -> None:
    assert error(chat({"logprobs": True})) == (400, "logprobs", "unsupported_value")
    found = error(chat({"logprobs": True, "top_logprobs": 2}))
    assert found == (400, "top_logprobs", "unsupported_value")


@pytest.mark.parametrize("stream", [False, True])
def test_the_likeliest_tokens_are_told_beside_each(stream: bool) -> None:
    agent = assembly.open_agent("mini-streams", changes={"max_new_tokens": 4})
    body = {"seed": 3, "logprobs": True, "top_logprobs": 3, "stream": stream}
    response = chat(body, agents={"mini": agent})
    if stream:
        choices = [each["choices"][0] for each in frames(response)]
        [told] = [each["logprobs"] for each in choices if each["logprobs"]]
    else:
        told = response.json()["choices"][0]["logprobs"]
    for each in told["content"]:
        ranked = [other["logprob"] for other in each["top_logprobs"]]
        assert len(ranked) == 3 and ranked == sorted(ranked, reverse=True)
        assert ranked[0] >= each["logprob"] and each["bytes"] == list(each["token"].encode())


def test_the_likeliest_tokens_are_told_beside_probabilities_only() -> None:
    agent = assembly.open_agent("mini-streams", changes={"max_new_tokens": 4})
    found = error(chat({"top_logprobs": 3}, agents={"mini": agent}))
    assert found == (400, "top_logprobs", None)


def test_unknown_fields_are_named_in_a_warning() -> None:
    response = chat({"sampler_x": 1, "a\r\nb": 2})
    assert response.status_code == 200
    assert response.headers["x-tertulia-warning"] == "unknown fields ignored: sampler_x, a??b"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tools", [{"type": "function"}]),
        ("response_format", {"type": "json_object"}),
        ("presence_penalty", 0.5),
        ("logit_bias", {"50": 1}),
        ("store", True),
    ],
)
def test_known_fields_that_cannot_be_honoured_are_refused_by_name(
    field: str, value: object
) -> None:
    assert error(chat({field: value})) == (400, field, "unsupported_value")


def test_fields_that_ask_for_nothing_are_taken() -> None:
    nothing = {"tools": [], "presence_penalty": 0.0, "logit_bias": {}, "user": "u", "seed": None}
    response = chat({**nothing, "store": False, "response_format": {"type": "text"}})
    assert response.status_code == 200 and "x-tertulia-warning" not in response.headers


@pytest.mark.parametrize("field", ["n", "max_tokens", "max_completion_tokens", "seed",
                                   "temperature", "top_p", "top_logprobs"])  # fmt: skip
@pytest.mark.parametrize("value", [-1, 2**31, 2**63, 2**70, 1e300, "1", True])
def test_numbers_beyond_their_bounds_are_refused_by_name(field: str, value: object) -> None:
    response = chat({field: value})
    if (field, value) == ("seed", 2**31):
        assert response.status_code == 200
    else:
        assert error(response)[:2] == (400, field)


def test_an_agent_that_is_not_served_is_a_404_with_the_nearest_name() -> None:
    response = chat({"model": "mimi"})
    assert error(response) == (404, "model", "model_not_found")
    assert "did you mean 'mini'?" in response.json()["error"]["message"]


def test_models_are_listed_by_name_and_found_one_by_one() -> None:
    agents = {"mini": scripted(), "owner/other": scripted()}
    listed = asked(lambda http: http.get("/v1/models"), agents=agents).json()
    assert [each["id"] for each in listed["data"]] == ["mini", "owner/other"]
    one = asked(lambda http: http.get("/v1/models/owner/other"), agents=agents).json()
    # Another application, which may have begun in another second.
    assert {**one, "created": 0} == {**listed["data"][1], "created": 0}
    assert one["object"] == "model"
    missing = asked(lambda http: http.get("/v1/models/none"), agents=agents)
    assert error(missing) == (404, "model", "model_not_found")


def test_the_description_of_the_server_has_the_shape_of_a_request() -> None:
    found = asked(lambda http: http.get("/openapi.json")).json()
    body = found["paths"]["/v1/chat/completions"]["post"]["requestBody"]
    name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert "messages" in found["components"]["schemas"][name]["properties"]


def test_an_error_of_the_engine_is_a_typed_error_and_the_next_request_is_served() -> None:
    agent = scripted()

    def broken(*_: object) -> None:
        raise RuntimeError("the prompt was: secret")

    async def act(http):  # type: ignore[no-untyped-def]
        agent.engine.said, kept = broken, agent.engine.said
        failed = await http.post("/v1/chat/completions", json={"model": "mini", "messages": HI})
        agent.engine.said = kept
        return failed, await http.post(
            "/v1/chat/completions", json={"model": "mini", "messages": HI}
        )

    failed, next_one = asked(act, agents={"mini": agent})
    assert error(failed) == (500, None, "internal_error") and "secret" not in failed.text
    assert next_one.status_code == 200


def test_decoding_stands_over_the_agents_own() -> None:
    found = chat({"decoding": {"max_new_tokens": 1}, "seed": 0}).json()
    assert found["choices"][0]["message"]["content"] == "Hello"
    assert Decoding().max_new_tokens > 1


def test_replies_are_the_same_alone_and_in_company() -> None:
    def agents() -> dict[str, Agent]:
        return {"mini": assembly.open_agent("mini-streams", changes={"max_new_tokens": 12})}

    talks = [[{"role": "user", "content": text}] for text in ("Hi", "Who are you?", "I like tea.")]

    async def together(http: httpx.AsyncClient) -> list[str]:
        bodies = [{"model": "mini", "messages": talk, "seed": 5} for talk in talks]
        asking = (http.post("/v1/chat/completions", json=body) for body in bodies)
        return [said(each) for each in await asyncio.gather(*asking)]

    alone = [said(chat({"messages": talk, "seed": 5}, agents=agents())) for talk in talks]
    assert asked(together, agents=agents()) == alone


def test_a_setting_that_is_null_is_the_agents_own() -> None:
    assert chat({"decoding": {"candidates": None, "max_new_tokens": None}}).status_code == 200


def test_candidates_that_are_no_number_are_refused_by_name() -> None:
    assert error(chat({"decoding": {"candidates": "many"}}))[:2] == (
        400,
        "decoding.candidates",
    )
