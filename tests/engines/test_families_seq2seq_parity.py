"""The same encoder-decoder weights in transformers: ids, hypotheses, log-probabilities."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import tiny_seq2seq
from tests.tiny_llama import write_safetensors
from tests.tiny_seq2seq import tiny_seq2seq as written

from tertulia import engines
from tertulia.decoding import Decoding
from tertulia.engines.onnxruntime import OnnxRuntime, meena
from tertulia.engines.onnxruntime.cache import Prefixes, Sources
from tertulia.engines.onnxruntime.decoder import Network
from tertulia.engines.onnxruntime.encoder import Reader
from tertulia.engines.onnxruntime.prefill import Prefill
from tertulia.engines.onnxruntime.t5 import bucket
from tertulia.engines.onnxruntime.weights import Checkpoint
from tertulia.prompt import Prompt, Span

pytestmark = pytest.mark.models

GOLDEN = Path(__file__).parents[3] / "shared" / "golden" / "pingpong_meena_small.npz"
MADE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "t5 1.1": (tiny_seq2seq.T5, {}),
    "t5 original": (tiny_seq2seq.T5, tiny_seq2seq.ORIGINAL),
    "t5 gated and tied": (tiny_seq2seq.T5, {"tie_word_embeddings": True}),
    "t5 of small heads": (tiny_seq2seq.T5, {"d_kv": 12, "num_heads": 3}),
    "bart": (tiny_seq2seq.BART, {}),
    "bart with a forced start": (
        tiny_seq2seq.BART,
        {"forced_bos_token_id": 40, "scale_embedding": True},
    ),
    "marian": (tiny_seq2seq.MARIAN, {}),
    "blenderbot": (tiny_seq2seq.BLENDERBOT, {}),
    "blenderbot-small": (tiny_seq2seq.BLENDERBOT_SMALL, {}),
    "meena": (tiny_seq2seq.MEENA, {}),
}
WORDS = ("the ", "and then ", "A ", "rain, ", "I am ", "oh! ", "no? ")
PROMPTS = [
    Prompt(
        (Span("".join(WORDS[(n * n + k * k + k) % 7] for k in range(1 + 2 * n))),),
        closing=("<|end|>",),
    )
    for n in range(5)
]


@dataclass(frozen=True)
class Pair:
    """One checkpoint, opened twice.

    before  tokens of the decoder before the reply
    """

    engine: OnnxRuntime
    model: Any
    torch: Any
    before: int

    def ids(self, prompt: Prompt) -> Any:
        return self.torch.tensor([self.engine.tokenizer.ids(prompt.runs())])

    def own(self, prompt: Prompt, **settings: Any) -> list[list[int]]:
        decoding = Decoding(temperature=0.0, **{"max_new_tokens": 16, **settings})
        return [list(each.tokens) for each in self.engine.generate([prompt], decoding)[0]]

    def told(self, prompt: Prompt, **settings: Any) -> list[list[int]]:
        """What generate() says behind what the decoder begins with, without padding."""
        asked = {"max_new_tokens": 15 + self.before, "do_sample": False, **settings}
        found = self.model.generate(self.ids(prompt), pad_token_id=0, **asked)
        rows = [row[self.before :].tolist() for row in found]
        end = self.model.config.eos_token_id
        return [row[: row.index(end) + 1] if end in row else row for row in rows]

    def logprobs(self, prompt: Prompt, reply: list[int]) -> np.ndarray:
        encoder = self.engine.network.decoder.encoder
        assert encoder is not None
        said = self.torch.tensor([[*encoder.start, *reply]])
        with self.torch.no_grad():
            logits = self.model(input_ids=self.ids(prompt), decoder_input_ids=said[:, :-1]).logits
        told = logits.log_softmax(-1)[0, self.before - 1 :]
        found: np.ndarray = told.gather(1, said[0, self.before :, None])[:, 0].numpy()
        return found


@pytest.fixture(scope="module", params=MADE)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    torch = pytest.importorskip("torch", reason="pip install 'tertulia[torch]'")
    transformers = pytest.importorskip("transformers", reason="pip install 'tertulia[torch]'")
    config, changed = MADE[request.param]
    folder = written(tmp_path_factory.mktemp("made"), config, **changed)
    engine = engines.load("onnxruntime", model=folder, threads=1, quantization="float32")
    assert isinstance(engine, OnnxRuntime)
    torch.set_num_threads(1)
    if config is tiny_seq2seq.MEENA:
        model = as_marian(folder, transformers, torch)
    else:
        name = config["architectures"][0]
        model = getattr(transformers, name).from_pretrained(folder)
    return Pair(engine, model.eval(), torch, 1 + ("forced_bos_token_id" in changed))


def as_marian(folder: Path, transformers: Any, torch: Any) -> Any:
    """Meena's weights in transformers' Marian: its mathematics, positions and epsilon apart."""
    told = json.loads((folder / "config.json").read_text())
    read = told["max_encoder_length"]
    config = transformers.MarianConfig(
        **{**told, "max_position_embeddings": read},
        scale_embedding=True,
        activation_function="gelu_new",
        forced_eos_token_id=None,
    )
    model = transformers.MarianMTModel(config)
    weights = tiny_seq2seq.tiny_weights(told)
    tensors = {name: torch.tensor(array) for name, array in weights.items()}
    places = tensors.pop("model.position.weight")
    missing, unknown = model.load_state_dict(tensors, strict=False)
    assert not unknown
    model.tie_weights()
    for stack, rows in ((model.model.encoder, places[:read]), (model.model.decoder, places[read:])):
        stack.embed_positions.weight = torch.nn.Parameter(rows.clone())
    for part in model.modules():
        if isinstance(part, torch.nn.LayerNorm):
            part.eps = 1e-6
    return model


def test_greedy_ids_are_those_of_generate(pair: Pair) -> None:
    for prompt in PROMPTS:
        assert pair.own(prompt) == pair.told(prompt)


BEAMS: list[tuple[int, float, dict[str, Any], dict[str, Any]]] = [
    (4, 0.5, {"repetition_penalty": 1.3}, {"repetition_penalty": 1.3}),
    (5, 2.0, {"no_repeat_ngram": 2}, {"no_repeat_ngram_size": 2}),
    (3, 1.0, {"min_length": 9, "max_length": 14}, {"min_length": 9, "max_length": 14}),
]


@pytest.mark.parametrize(("beams", "penalty", "ours", "theirs"), BEAMS)
def test_every_hypothesis_of_the_beam_is_that_of_generate(
    pair: Pair, beams: int, penalty: float, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    theirs = {"max_new_tokens": None, **theirs} if "max_length" in theirs else theirs
    for prompt in PROMPTS[1:4]:
        mine = pair.own(prompt, beams=beams, candidates=beams, length_penalty=penalty, **ours)
        asked = {"num_beams": beams, "num_return_sequences": beams, "length_penalty": penalty}
        assert mine == pair.told(prompt, **asked, **theirs)


def test_log_probabilities_of_what_is_said_and_given_are_the_models_own(pair: Pair) -> None:
    sampled = Decoding(temperature=1.0, seed=3, top_k=30, max_new_tokens=12)
    whole = pair.engine.generate(PROMPTS, sampled)
    for prompt, (completion,) in zip(PROMPTS, whole, strict=True):
        expected = pair.logprobs(prompt, list(completion.tokens))
        assert np.abs(np.array(completion.logprobs) - expected).max() < 5e-5
    reply = [Span(" and then"), Span("<|end|>", control=True)]
    expected = pair.logprobs(PROMPTS[2], pair.engine.tokenizer.ids(reply))
    assert np.abs(np.array(pair.engine.score([PROMPTS[2]], [reply])[0]) - expected).max() < 5e-5


def test_logits_are_not_flat(pair: Pair) -> None:
    """Or the tests above would say little."""
    completion = pair.engine.generate(PROMPTS[:1], Decoding(temperature=1.0, seed=1))[0][0]
    assert np.std(completion.logprobs) > 0.3


def test_a_t5_as_transformers_5_saves_it_keeps_its_scale(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="pip install 'tertulia[torch]'")
    for n, change in enumerate(({}, tiny_seq2seq.ORIGINAL)):
        first = written(tmp_path / f"first{n}", tiny_seq2seq.T5, **change)
        second = written(tmp_path / f"second{n}", tiny_seq2seq.T5, **change)
        transformers.T5ForConditionalGeneration.from_pretrained(first).save_pretrained(second)
        assert json.loads((second / "config.json").read_text())["tie_word_embeddings"] is True
        before, after = (
            engines.load("onnxruntime", model=folder, threads=1, quantization="float32").score(
                PROMPTS[:1], [[Span("and then")]]
            )
            for folder in (first, second)
        )
        assert before == after


def test_a_decoder_may_be_deeper_than_its_encoder(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="pip install 'tertulia[torch]'")
    transformers = pytest.importorskip("transformers", reason="pip install 'tertulia[torch]'")
    folder = written(tmp_path, tiny_seq2seq.T5, num_layers=1, num_decoder_layers=3)
    engine = engines.load("onnxruntime", model=folder, threads=1, quantization="float32")
    assert isinstance(engine, OnnxRuntime)
    model = transformers.T5ForConditionalGeneration.from_pretrained(folder).eval()
    model.config.use_cache = False
    deep = Pair(engine, model, torch, 1)
    reply = [Span("I am the rain")]
    expected = deep.logprobs(PROMPTS[1], engine.tokenizer.ids(reply))
    assert np.abs(np.array(engine.score([PROMPTS[1]], [reply])[0]) - expected).max() < 5e-5


@pytest.mark.parametrize("buckets, far", [(32, 128), (8, 20), (64, 256)])
def test_buckets_are_those_of_transformers_at_every_distance(buckets: int, far: int) -> None:
    torch = pytest.importorskip("torch", reason="pip install 'tertulia[torch]'")
    pytest.importorskip("transformers", reason="pip install 'tertulia[torch]'")
    from transformers.models.t5.modeling_t5 import T5Attention

    away = np.arange(-4000, 4000)
    for both in (True, False):
        expected = T5Attention._relative_position_bucket(torch.tensor(away), both, buckets, far)
        assert np.array_equal(bucket(away, buckets, far, both=both), expected.numpy())


@pytest.mark.skipif(not GOLDEN.exists(), reason="the published code's tensors are not here")
def test_meena_gives_the_logits_of_the_published_code(tmp_path: Path) -> None:
    golden = np.load(GOLDEN)
    weights = {name[3:]: golden[name] for name in golden if name.startswith("sd:")}
    write_safetensors(tmp_path / "model.safetensors", weights)
    sizes = {"vocab_size": 97, "d_model": 24, "max_position_embeddings": 32}
    sizes |= {"max_encoder_length": 16, "encoder_layers": 2, "decoder_layers": 3}
    sizes |= {f"{stack}_attention_heads": 4 for stack in ("encoder", "decoder")}
    sizes |= {f"{stack}_ffn_dim": 96 for stack in ("encoder", "decoder")}
    told = {"model_type": "pingpong_meena", "bos_token_id": 2, "eos_token_id": 3, **sizes}
    (tmp_path / "config.json").write_text(json.dumps(told), encoding="utf-8")
    decoder = meena.build(Checkpoint(tmp_path), int8=False, window=None)
    assert decoder.encoder is not None
    network = Network(decoder, 1)
    reader = Reader(decoder.encoder, decoder.sizes, 1, Sources(0))
    for row in range(len(golden["src"])):
        source = golden["src"][row][golden["attention_mask"][row] == 1]
        room, _ = reader.read(source)
        said = Prefill(network, Prefixes(0), golden["decoder_input_ids"][row], 0, room)
        said.step()
        assert said.done
        assert np.abs(said.logits - golden["logits"][row]).max() < 1e-5
