"""recipes/corpus.py: dialogues in, tokenizer and packed rows out."""

import json
from pathlib import Path

import numpy as np
import pytest

zstandard = pytest.importorskip("zstandard", reason="pip install 'tertulia[train]'")
pytest.importorskip("tqdm", reason="pip install 'tertulia[train]'")
from tests.data.test_scenes import ROW  # noqa: E402

from tertulia import tokenizer  # noqa: E402
from tertulia.recipes.corpus import Mixture, Settings, run  # noqa: E402
from tertulia.training import packing  # noqa: E402


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    turns = [{"speaker": "AB"[n % 2], "text": f"I have {n} dogs. And you?"} for n in range(6)]
    rows = [
        {"id": f"d{n}", "situation": None, "personas": None, "knowledge": None, "turns": turns}
        for n in range(120)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    packed = zstandard.ZstdCompressor().compress(lines)
    (tmp_path / "self_dialogue.jsonl.zst").write_bytes(packed)
    for name, identity in (("train", "home-1"), ("valid", "home-2")):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(ROW | {"id": identity}) + "\n")
    mixture = Mixture(name="all", passes={"self_dialogue": 1, "scenes": 2}, width=192, exchanges=20)
    return Settings(
        sets=str(tmp_path), scenes=str(tmp_path), folder=str(tmp_path / "corpus"),
        mixtures=(mixture,), vocabulary=400,
    )  # fmt: skip


def test_a_corpus_is_rows_that_begin_with_an_example(settings: Settings) -> None:
    run(settings)
    folder = Path(settings.folder)
    rows = np.load(folder / "all.npy")
    assert rows.shape[1] == 192 and (rows[:, 0] == 1).all()
    assert (rows >= packing.LEARNED).any()
    assert set(np.load(folder / "held_out.npz")) == {"self_dialogue", "scenes", "exchanges"}
    assert json.loads((folder / "counts.json").read_text())["all"]["scenes"] > 50
    assert tokenizer.load(folder).control("<|begin|>") == 1


def test_the_same_settings_give_the_same_rows(settings: Settings) -> None:
    run(settings)
    first = np.load(Path(settings.folder) / "all.npy")
    run(settings)
    assert np.array_equal(first, np.load(Path(settings.folder) / "all.npy"))
