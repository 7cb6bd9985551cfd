"""recipes/pretrain.py on a two-layer model: the loss falls, a killed run goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

for package in ("torch", "transformers", "accelerate", "matplotlib", "tqdm"):
    pytest.importorskip(package, reason="pip install 'tertulia[train]'")
from safetensors.numpy import load_file  # noqa: E402

from tertulia.recipes.pretrain import Settings, Stage  # noqa: E402
from tertulia.training import packing  # noqa: E402
from tertulia.training.masking import Tokens  # noqa: E402

pytestmark = pytest.mark.slow

PROGRAM = """
import json, sys
from tertulia.recipes.pretrain import Settings, Stage, run
told = json.loads(sys.argv[1])
told["stages"] = tuple(Stage(**stage) for stage in told["stages"])
run(Settings(**told))
"""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    chance = np.random.default_rng(3)
    counting = [
        Tokens([1, *(int(start + n) % 60 + 30 for n in range(14))], [False] + [True] * 14)
        for start in chance.integers(0, 60, 200)
    ]
    rows = packing.pack(counting, 32, pad=0)
    np.save(tmp_path / "rows.npy", rows)
    np.savez(tmp_path / "held_out.npz", counting=rows[:4])
    return tmp_path


def settings(corpus: Path, run: str, **more: Any) -> Settings:
    told: dict[str, Any] = {
        "corpus": str(corpus),
        "run": str(corpus / run),
        "stages": (Stage(rows="rows", steps=10, batch=4, first_rate=1e-2, last_rate=1e-3),),
        "vocabulary": 96, "width": 32, "layers": 2, "heads": 2, "inner": 48, "context_window": 64,
        "warmup_steps": 2, "log_every": 1, "evaluate_every": 5, "checkpoint_every": 2,
        "compile": False, "threads": 1,
    }  # fmt: skip
    return Settings(**(told | more))


def start(told: Settings) -> subprocess.Popen[bytes]:
    given = json.dumps(asdict(told))
    return subprocess.Popen([sys.executable, "-c", PROGRAM, given], stderr=subprocess.DEVNULL)


def losses(run: Path) -> dict[int, float]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {line["step"]: line["loss"] for line in lines if "loss" in line}


def test_the_loss_falls_and_the_run_leaves_what_it_promises(corpus: Path) -> None:
    assert start(settings(corpus, "whole")).wait() == 0
    run = corpus / "whole"
    found = losses(run)
    assert found[10] < found[1] - 0.3
    assert json.loads((run / "settings.json").read_text())["layers"] == 2
    assert (run / "loss.png").stat().st_size > 1_000
    assert (run / "weights" / "model.safetensors").exists()
    assert sorted(each.name for each in run.glob("step-*")) == ["step-000008", "step-000010"]


def test_a_killed_run_goes_on_to_the_same_weights(corpus: Path) -> None:
    assert start(settings(corpus, "whole")).wait() == 0
    told = settings(corpus, "killed")
    process = start(told)
    while not list((corpus / "killed").glob("step-*")):
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert start(told).wait() == 0
    whole = load_file(corpus / "whole" / "weights" / "model.safetensors")
    again = load_file(corpus / "killed" / "weights" / "model.safetensors")
    assert whole.keys() == again.keys()
    assert all(np.array_equal(whole[name], again[name]) for name in whole)


def test_a_run_can_begin_from_the_weights_of_another(corpus: Path) -> None:
    assert start(settings(corpus, "whole")).wait() == 0
    told = settings(corpus, "more", weights=str(corpus / "whole" / "weights"))
    assert start(told).wait() == 0
    assert losses(corpus / "more")[1] < losses(corpus / "whole")[2]
