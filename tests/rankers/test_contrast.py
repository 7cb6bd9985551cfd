"""What a condition made likelier ranks higher; what is likely anyhow gains nothing."""

from collections.abc import Iterator

import pytest
from tests.tiny_llama import tiny_llama

from tertulia import Conversation, Plan, Turn, engines, formats, rankers
from tertulia.conversation import Direction
from tertulia.engines import Completion, Engine
from tertulia.errors import ConfigError, UnsupportedDecoding
from tertulia.prompt import Prompt
from tertulia.rankers import Candidate, Ranker
from tertulia.rankers.contrast import CONDITIONS, stripped

TALK = Conversation(agent="Ana", user="Ben", direction=Direction(situation="At sea."))
ASKED = TALK.said("Ben", "Hello there.").planned(Plan(goal="greet."))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    opened = engines.load("onnxruntime", model=str(tiny_llama(tmp_path_factory.mktemp("tiny"))))
    yield opened
    opened.close()


def contrast(engine: Engine, **settings: object) -> Ranker:
    return rankers.load("contrast", format=formats.load("native"), engine=engine, **settings)


def said(logprob: float) -> Candidate:
    completion = Completion(text="Hi", logprobs=(logprob,), tokens=(1,))
    return Candidate(text="Hi", image="", completion=completion)


def alone(engine: Engine, prompt: Prompt) -> float:
    reply = formats.load("native").target(Turn("Ana", "Hi"), Plan())
    [logprobs] = engine.score([prompt], [reply])
    return sum(logprobs) / len(logprobs)


def test_the_score_is_the_gain_over_the_reply_without_the_condition(engine: Engine) -> None:
    bare = formats.load("native").render(stripped(ASKED, CONDITIONS))
    [score] = contrast(engine).score(ASKED, [said(-1.0)])
    assert score == pytest.approx(-1.0 - alone(engine, bare), abs=1e-6)


def test_a_weight_multiplies_the_gain(engine: Engine) -> None:
    [whole] = contrast(engine).score(ASKED, [said(-1.0)])
    [half] = contrast(engine, weight=0.5).score(ASKED, [said(-1.0)])
    assert half == pytest.approx(whole / 2)


def test_a_condition_that_is_not_there_gains_nothing(engine: Engine) -> None:
    talk = TALK.said("Ben", "Hello there.")
    assert contrast(engine, without=["plan"]).score(talk, [said(-1.0)]) == [0.0]


def test_only_what_is_named_is_left_out() -> None:
    assert stripped(ASKED, ("plan",)) == ASKED.planned(Plan())
    assert stripped(ASKED, ("situation",)).direction == Direction()
    assert stripped(ASKED, ("turns",)).turns == ()


def test_its_name_tells_what_it_leaves_out(engine: Engine) -> None:
    assert contrast(engine).name == "contrast"
    assert contrast(engine, without=["plan", "memory"]).name == "contrast:plan+memory"
    assert contrast(engine, label="all").name == "contrast:all"


def test_a_long_talk_is_cut_as_the_agent_cuts_it(engine: Engine) -> None:
    talk = ASKED
    for n in range(60):
        talk = talk.said("Ana" if n % 2 == 0 else "Ben", "the sea and the land")
    [score] = contrast(engine, without=["plan"]).score(talk, [said(-1.0)])
    assert score != 0.0


def test_an_unknown_condition_is_refused(engine: Engine) -> None:
    with pytest.raises(ConfigError, match="without holds 'mood', must be of turns, situation"):
        contrast(engine, without=["mood"])


def test_an_engine_that_cannot_score_is_answered_with_the_cure() -> None:
    with pytest.raises(UnsupportedDecoding, match="cannot score given text"):
        contrast(engines.load("scripted")).score(ASKED, [said(-1.0)])
