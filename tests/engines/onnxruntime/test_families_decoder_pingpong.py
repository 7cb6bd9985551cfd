"""Pingpong's GPT: its published logits, and its mapping onto transformers' OpenAIGPT."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.tiny_llama import write_safetensors
from tests.tiny_models import GPT, tiny_model

from tertulia.engines.onnxruntime import openai_gpt
from tertulia.engines.onnxruntime.decoder import Network
from tertulia.engines.onnxruntime.weights import Checkpoint

GOLDEN = Path(__file__).parents[4] / "shared" / "golden" / "pingpong_gpt_small.npz"
PUBLISHED = 1e-5
SIZES = {"vocab_size": 97, "n_positions": 32, "n_embd": 24, "n_layer": 3, "n_head": 4}


def written(folder: Path, arrays: dict[str, np.ndarray], **config: object) -> Path:
    """A folder of these arrays under their published names; GPT's masks stay out of it."""
    told = {"model_type": "pingpong_gpt", **config}
    (folder / "config.json").write_text(json.dumps(told), encoding="utf-8")
    kept = {name: array for name, array in arrays.items() if array.dtype == np.float32}
    write_safetensors(folder / "model.safetensors", kept)
    return folder


def run(folder: Path, ids: np.ndarray, cuts: tuple[int, ...]) -> np.ndarray:
    """Logits of all positions, read in stretches that end at these cuts."""
    decoder = openai_gpt.build(Checkpoint(folder), int8=False, window=None)
    network, rows, logits, start = Network(decoder, threads=1), len(ids), [], 0
    size = (2 * decoder.layers, rows, decoder.groups, ids.shape[1], decoder.head)
    room = np.zeros(size, np.float32)
    for end in cuts:
        kept, places = np.full(rows, start, np.int32), range(rows * (end - start))
        found = network.run(ids[:, start:end], kept, room, places)
        logits.append(found.reshape(rows, end - start, -1))
        start = end
    return np.concatenate(logits, axis=1)


@pytest.mark.skipif(not GOLDEN.exists(), reason="golden/pingpong_gpt_small.npz is not here")
@pytest.mark.parametrize("cuts", [(9,), (4, 6, 9)])
@pytest.mark.parametrize("spelling", ["n_positions", "n_ctx", "n_ctxt"])
def test_logits_are_those_of_the_published_code(
    tmp_path: Path, cuts: tuple[int, ...], spelling: str
) -> None:
    golden = np.load(GOLDEN)
    arrays = {name[3:]: golden[name] for name in golden.files if name.startswith("sd:")}
    sizes = {spelling if key == "n_positions" else key: size for key, size in SIZES.items()}
    folder = written(tmp_path, arrays, **sizes)
    rows = [run(folder, row[None], cuts) for row in golden["input_ids"]]
    assert np.abs(np.concatenate(rows) - golden["logits"]).max() < PUBLISHED


@pytest.mark.models
def test_it_is_openais_gpt_with_larger_embeddings_and_a_head_of_its_own(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="pip install 'tertulia[torch]'")
    pytest.importorskip("transformers", reason="pip install 'tertulia[torch]'")
    config: dict[str, Any] = {**GPT, "n_embd": 48, "tie_word_embeddings": False}
    model = tiny_model(tmp_path, model_type="openai-gpt", **config)
    words = {"transformer.tokens_embed.weight", "lm_head.weight"}
    arrays = {k: v.numpy() for k, v in model.state_dict().items() if k not in words}
    arrays["transformer.wpe.weight"] = arrays.pop("transformer.positions_embed.weight")
    arrays["transformer.wte.weight"] = model.lm_head.weight.detach().numpy()
    with torch.no_grad():
        model.transformer.tokens_embed.weight.copy_(model.lm_head.weight * 48**0.5)
    folder = tmp_path / "pingpong"
    folder.mkdir()
    written(folder, arrays, **{**GPT, "n_embd": 48}, vocab_size=model.config.vocab_size)
    ids = np.random.default_rng(0).integers(0, model.config.vocab_size, (2, 40))
    with torch.no_grad():
        expected = model(torch.tensor(ids)).logits.numpy()
    assert np.abs(run(folder, ids, (40,)) - expected).max() < PUBLISHED
