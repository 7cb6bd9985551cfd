"""A reply that goes on from a text: what the model reads, and what is heard of it."""

import pytest

from tertulia import Agent, Conversation, Decoding, engines, formats
from tertulia.conversation import Plan, Turn
from tertulia.server.making.continuing import Continued, why_not

TALK = Conversation(agent="Ann", user="Bo").said("Bo", "Any rye bread?")
DECODERS = ("native", "transcript", "dialogpt", "persona_gpt", "pingpong_gpt", "meena")


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("text", ["Yes, two", "Yes  ", "<|says|> [EOS] ann: x", "네, 두"])
def test_the_reply_begins_with_the_text_and_goes_on(name: str, text: str) -> None:
    own = formats.load(name)
    format = Continued(own, Turn("Ann", text, "a loaf"))
    assert format.parse(" loaves.").text == f"{text.rstrip()} loaves."
    prompt, plain = format.render(TALK), own.render(TALK)
    assert prompt.spans[: len(plain.spans)] == plain.spans
    assert (prompt.stop, prompt.unsupported) == (plain.stop, plain.unsupported)
    assert not any(span.control for span in prompt.spans[len(plain.spans) :])


@pytest.mark.parametrize("name", DECODERS)
def test_the_model_reads_what_it_would_have_written_itself(name: str) -> None:
    own = formats.load(name)
    whole = "".join(span.text for span in own.target(Turn("Ann", "Yes, two"), Plan()))
    written = Continued(own, Turn("Ann", "Yes, two")).render(TALK).text
    begun = written.removeprefix(own.render(TALK).text)
    assert whole.startswith(begun) and begun.endswith("two")


def test_an_agent_says_the_text_and_the_rest() -> None:
    engine = engines.load("scripted", lines=(" loaves.",))
    format = Continued(formats.load("native"), Turn("Ann", "Yes, two"))
    agent = Agent(format=format, engine=engine, decoding=Decoding(seed=0))
    assert agent.reply(TALK).turn == Turn("Ann", "Yes, two loaves.")


def test_where_it_cannot_be_done_there_is_a_reason() -> None:
    native, plain = formats.load("native"), engines.load("scripted")
    assert why_not(native, plain) == ""
    twofold = engines.load("scripted")
    twofold.twofold = True
    assert "encoder" in why_not(native, twofold)
    chat = engines.load("openai", base_url="http://127.0.0.1:1/v1", model="x")
    assert "endpoint" in why_not(native, chat)
