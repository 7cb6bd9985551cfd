"""The candidate from which a reverse model foretells best what was said."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests import reference_tokenizers
from tests.tiny_llama import tiny_llama

from tertulia import Agent, Conversation, Decoding, engines, formats, rankers
from tertulia.engines import Completion, Engine
from tertulia.errors import CheckpointError, ConfigError, PromptTooLong, UnsupportedDecoding
from tertulia.prompt import Prompt, Span
from tertulia.rankers import Candidate
from tertulia.rankers.mmi import OPEN, Mmi

END = Span("<|endoftext|>", control=True)
TALK = Conversation(agent="Ana", user="Ben").said("Ben", "Hi.").said("Ana", "Hello.")
ASKED = TALK.said("Ben", "How are you today?")
SOURCE = (Span("How are you today?"), END, Span("Hello."), END, Span("Hi."), END)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny_llama(tmp_path_factory.mktemp("reverse"), vocab_size=620, eos_token_id=600)
    return reference_tokenizers.persona_gpt(folder)


@pytest.fixture(scope="module")
def reverse(folder: Path) -> Iterator[Engine]:
    opened = engines.load("onnxruntime", model=str(folder))
    yield opened
    opened.close()


def ranker(folder: Path, *, window: int = 512, **settings: object) -> Mmi:
    engine = {"name": "onnxruntime", "model": str(folder), "context_window": window}
    return loaded(reverse=engine, **settings)


def loaded(**settings: object) -> Mmi:
    made = rankers.load(
        "mmi", format=formats.load("native"), engine=engines.load("scripted"), **settings
    )
    assert isinstance(made, Mmi)
    return made


def candidates(*texts: str) -> list[Candidate]:
    return [Candidate(text=each, image="", completion=Completion(text=each)) for each in texts]


def logprobs(reverse: Engine, text: str, source: tuple[Span, ...] = SOURCE) -> tuple[float, ...]:
    [found] = reverse.score([Prompt((Span(text), END))], [source])
    return found


def test_the_candidate_is_read_first_and_the_latest_turn_is_foretold_first(
    folder: Path, reverse: Engine
) -> None:
    found = ranker(folder).score(ASKED, candidates("I am fine.", "Yes."))
    means = [sum(row) / len(row) for row in (logprobs(reverse, t) for t in ("I am fine.", "Yes."))]
    assert found == pytest.approx(means, abs=1e-6)


def test_the_papers_own_score_is_the_sum(folder: Path, reverse: Engine) -> None:
    [found] = ranker(folder, per_token=False).score(ASKED, candidates("Yes."))
    assert found == pytest.approx(sum(logprobs(reverse, "Yes.")), abs=1e-4)


def test_the_source_can_be_the_last_turn_alone(folder: Path, reverse: Engine) -> None:
    [found] = ranker(folder, turns=1, per_token=False).score(ASKED, candidates("Yes."))
    assert found == pytest.approx(sum(logprobs(reverse, "Yes.", SOURCE[:2])), abs=1e-4)


def test_a_weight_multiplies_the_score(folder: Path) -> None:
    [whole] = ranker(folder).score(ASKED, candidates("Yes."))
    [half] = ranker(folder, weight=0.5).score(ASKED, candidates("Yes."))
    assert half == pytest.approx(whole / 2)


def test_where_nothing_was_said_nothing_is_foretold(folder: Path) -> None:
    assert ranker(folder).score(Conversation(), candidates("Yes.", "No.")) == [0.0, 0.0]


def test_a_source_that_is_too_long_begins_later_for_all_candidates(
    folder: Path, reverse: Engine
) -> None:
    window = reverse.count_tokens(Prompt((Span("I am fine."), END, *SOURCE[:4])))
    texts = ("Yes.", "I am fine.")
    found = ranker(folder, window=window).score(ASKED, candidates(*texts))
    rows = [logprobs(reverse, text, SOURCE[:4]) for text in texts]
    assert found == pytest.approx([sum(row) / len(row) for row in rows], abs=1e-6)


def test_a_candidate_that_leaves_no_room_is_an_error_with_its_cure(folder: Path) -> None:
    told = r"reverse model has a context window of 24.*lower decoding.max_new_tokens"
    with pytest.raises(PromptTooLong, match=told):
        ranker(folder, window=24).score(ASKED, candidates("Yes. " * 20))


def test_the_scores_stand_in_the_reply(folder: Path) -> None:
    agent = Agent(
        format=formats.load("native"),
        engine=engines.load("scripted", lines=("I am fine.", "Yes.")),
        decoding=Decoding(candidates=2),
        rankers=(ranker(folder),),
    )
    reply = agent.reply(ASKED, seed=0)
    wanted = dict(
        zip(
            ("I am fine.", "Yes."),
            ranker(folder).score(ASKED, candidates("I am fine.", "Yes.")),
            strict=True,
        )
    )
    assert {each.text: dict(each.scores) for each in reply.candidates} == {
        text: {"mmi": score} for text, score in wanted.items()
    }
    assert reply.text == max(wanted, key=wanted.__getitem__)


def test_rankers_with_the_same_reverse_model_share_it(folder: Path) -> None:
    first, second = ranker(folder, turns=1), ranker(folder, weight=2.0)
    assert first.reverse is second.reverse
    assert first.reverse is not ranker(folder, window=99).reverse


def test_a_reverse_model_goes_with_its_last_ranker(folder: Path) -> None:
    kept = ranker(folder, window=77)
    mine = [key for key in OPEN if '"context_window": 77' in key]
    assert len(mine) == 1 and OPEN[mine[0]] is kept.reverse
    del kept
    gc.collect()
    assert mine[0] not in OPEN


def test_without_a_reverse_model_it_says_how_to_give_one() -> None:
    with pytest.raises(UnsupportedDecoding, match="no reverse model: give it one .* contrast"):
        loaded().score(ASKED, candidates("Yes."))


@pytest.mark.parametrize(
    ("settings", "error", "told"),
    [
        ({"reverse": {"model": "x"}}, ConfigError, "reverse has no name: write"),
        ({"reverse": {"name": "scripted", "lnes": []}}, ConfigError, "no key 'lnes'"),
        (
            {"reverse": {"name": "onnxruntime", "model": "x"}},
            CheckpointError,
            "no model folder 'x'",
        ),
        ({"turns": -1}, ConfigError, "turns is -1: use 0 for all"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_when_the_agent_is_opened(
    settings: dict[str, object], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        loaded(**settings)


@pytest.mark.models
def test_the_score_is_the_loss_of_the_published_script(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="pip install 'tertulia[torch]'")
    library: Any = pytest.importorskip("transformers", reason="pip install 'tertulia[torch]'")
    torch.manual_seed(0)
    config = library.GPT2Config(
        vocab_size=620, n_positions=64, n_embd=32, n_layer=2, n_head=2, initializer_range=0.5
    )
    model = library.GPT2LMHeadModel(config).eval()
    model.save_pretrained(reference_tokenizers.dialogpt(tmp_path))
    made = loaded(reverse={"name": "transformers", "model": str(tmp_path), "device": "cpu"})
    assert made.reverse is not None
    tokens = made.reverse.tokenizer  # type: ignore[attr-defined]  # this engine's own
    for text in ("I am fine.", "Yes."):
        said, source = tokens.ids((Span(text), END)), tokens.ids(SOURCE)
        with torch.no_grad():
            loss = model(
                torch.tensor([said + source]), labels=torch.tensor([[-100] * len(said) + source])
            ).loss.item()
        assert made.score(ASKED, candidates(text)) == pytest.approx([-loss], abs=1e-5)
