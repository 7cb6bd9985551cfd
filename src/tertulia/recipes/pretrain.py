"""Pretrain a small dialogue model from packed rows of tokens: one run, read from top to bottom.

`recipes/corpus.py` writes the rows; this file turns them into weights. A run lives in one folder:

    settings.json        exactly what was asked for
    metrics.jsonl        one line per logged step and one per evaluation
    loss.png             both as a picture
    step-000400/         a checkpoint: weights, optimizers, the step; the two newest are kept, and
                         every 800th step
    weights/             config.json and model.safetensors (float32), written at the end

Start the same run again and it goes on from its newest checkpoint, with the same rows in the same
order, also after a kill.
"""

import json
import logging
import math
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from tqdm import tqdm
from transformers import LlamaConfig, LlamaForCausalLM

from tertulia.training import packing
from tertulia.training.curves import draw

log = logging.getLogger(__name__)

Losses = dict[str, float]
"""Held-out loss by set, nats per learned token."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Some steps on the rows of one file; the rate goes in a straight line from first to last."""

    rows: str  # <rows>.npy in the corpus folder, [row, width] of stored tokens
    steps: int
    batch: int = 16  # rows a step; 16 x 256 = 4 096 tokens, as are 8 x 512 and 4 x 1 024
    first_rate: float = 3e-3
    last_rate: float = 2e-3


# 2 600 steps of 4 096 tokens: 10.6 M tokens, two thirds of them learned.
MINI = (
    Stage(rows="first", steps=1_600, first_rate=3e-3, last_rate=1.9e-3),
    Stage(rows="second", steps=800, first_rate=1.8e-3, last_rate=6.75e-4),
    Stage(rows="third", steps=200, first_rate=6.75e-4, last_rate=4e-4),
)
# A second run of 1.0 M tokens, from the mean of the weights after 1 600 and after 2 600 steps
# (training/averaging.py): docs/log.md says what that mean was worth.
MINI_LONG = (Stage(rows="long", steps=240, batch=4, first_rate=5e-4, last_rate=0.0),)
# A third run of 9.1 M tokens, from what the second gave in eight bits: talks that can only be
# answered by reading the direction.
MINI_READ = (
    Stage(rows="more", steps=350, first_rate=2.2e-3, last_rate=2.16e-3),
    Stage(rows="read", steps=800, first_rate=2e-3, last_rate=1.44e-3),
    Stage(rows="read_more", steps=600, first_rate=1.4e-3, last_rate=9.4e-4),
    Stage(rows="last", steps=440, first_rate=9.5e-4, last_rate=8e-5),
    Stage(rows="long_last", steps=40, batch=4, first_rate=8e-5, last_rate=0.0),
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """tertulia-mini: 17.3 M parameters = 8 192 x 384 (tied) + 8 x (4 x 384^2 + 3 x 384 x 1 024)."""

    corpus: str
    run: str
    stages: tuple[Stage, ...] = MINI
    weights: str = ""  # a float checkpoint to begin from (checkpoints/int8.py expands the shipped)
    vocabulary: int = 8_192
    width: int = 384
    layers: int = 8
    heads: int = 6  # 64 wide each
    inner: int = 1_024
    context_window: int = 1_024
    optimizer: str = "muon"  # for matrices; "adamw" uses AdamW for all
    weight_decay: float = 0.1
    clip: float = 1.0
    warmup_steps: int = 20
    log_every: int = 10
    evaluate_every: int = 300
    checkpoint_every: int = 100
    keep_every: int = 800  # checkpoints of such steps are never removed
    seed: int = 7
    compile: bool = True
    threads: int = 0  # of the processor; 0 leaves it to torch

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted over all stages."""
        warm = min(1.0, (step + 1) / self.warmup_steps)
        for stage in self.stages:
            if step < stage.steps:
                done = step / stage.steps
                return warm * (stage.first_rate + done * (stage.last_rate - stage.first_rate))
            step -= stage.steps
        return 0.0


class Learner(torch.nn.Module):  # type: ignore[misc]  # torch is not followed: see pyproject
    """The model with its loss: stored rows in, mean negative log-likelihood in nats out."""

    def __init__(self, model: LlamaForCausalLM, begin: int) -> None:
        super().__init__()
        self.model, self.begin = model, begin

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Rows [row, width] int64 of stored tokens; the mean is over learned tokens."""
        ids = rows % packing.LEARNED
        learned = rows >= packing.LEARNED
        # Examples share a row and must not see each other: same example and not later.
        example = (ids == self.begin).cumsum(1)
        seen = (example[:, :, None] == example[:, None, :]).tril()
        mask = torch.where(seen, 0.0, -1e9).to(torch.bfloat16)[:, None]
        with torch.autocast(rows.device.type, torch.bfloat16):
            logits = self.model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        logits = logits[:, :-1].float().flatten(0, 1)
        target = ids[:, 1:].masked_fill(~learned[:, 1:], -100).flatten()
        return torch.nn.functional.cross_entropy(logits, target)


def run(settings: Settings) -> None:
    """Train all stages, from the newest checkpoint where there is one."""
    if settings.threads:
        torch.set_num_threads(settings.threads)
    set_seed(settings.seed)
    accelerator = Accelerator(mixed_precision="no")  # bf16 is in Learner, inside the compiled part
    folder = Path(settings.run)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.json").write_text(json.dumps(asdict(settings), indent=1) + "\n")

    model = begin(settings)
    optimizers = make_optimizers(model, settings)
    learner = Learner(model, begin=1)
    learner, *optimizers = accelerator.prepare(learner, *optimizers)
    done = resume(accelerator, folder)
    compute = torch.compile(learner, dynamic=False) if settings.compile else learner

    total = sum(stage.steps for stage in settings.stages)
    metrics = Metrics(folder, accelerator.is_main_process)
    bar = tqdm(total=total, initial=done, disable=not accelerator.is_main_process, mininterval=10)
    began, tokens, losses = time.monotonic(), 0, []
    for step, batch in batches(settings, done, accelerator):
        loss = compute(batch)
        accelerator.backward(loss)
        norm = accelerator.clip_grad_norm_(learner.parameters(), settings.clip)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = settings.rate(step)
            optimizer.step()
            optimizer.zero_grad()
        losses.append(loss.detach())
        tokens += batch.numel() * accelerator.num_processes
        done = step + 1
        bar.update()
        if done % settings.log_every == 0 or done == total:
            mean = torch.stack(losses).mean().item()
            speed = tokens / (time.monotonic() - began)
            metrics.write(step=done, loss=mean, rate=settings.rate(step), norm=float(norm),
                          tokens_per_second=round(speed))  # fmt: skip
            bar.set_postfix(loss=f"{mean:.3f}", tokens_per_second=f"{speed:.0f}")
            began, tokens, losses = time.monotonic(), 0, []
        if done % settings.evaluate_every == 0 or done == total:
            metrics.write(step=done, held_out=evaluate(compute, settings))
            draw(folder / "metrics.jsonl", folder / "loss.png")
            began, tokens = time.monotonic(), 0
        if done % settings.checkpoint_every == 0 or done == total:
            save(accelerator, folder, done, settings.keep_every)
    accelerator.unwrap_model(learner).model.save_pretrained(folder / "weights")


def begin(settings: Settings) -> LlamaForCausalLM:
    """The model before its first step: the given weights, else random ones."""
    if settings.weights:
        return LlamaForCausalLM.from_pretrained(settings.weights, attn_implementation="eager")
    return LlamaForCausalLM(architecture(settings))


def architecture(settings: Settings) -> LlamaConfig:
    """A plain Llama, its attention written out: on a processor the fused kernel's backward pass
    makes a step of 4 096 tokens take 1.2 s instead of 0.9 s (docs/log.md)."""
    return LlamaConfig(
        vocab_size=settings.vocabulary,
        hidden_size=settings.width,
        intermediate_size=settings.inner,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.heads,
        max_position_embeddings=settings.context_window,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        attn_implementation="eager",
    )


def make_optimizers(model: LlamaForCausalLM, settings: Settings) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for embeddings and norms.

    Muon's update is scaled to the size of AdamW's, so one learning rate serves both. Source:
    Liu et al. (2025), "Muon is scalable for LLM training", arXiv 2502.16982, section 2.2.
    """
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    adamw = {"betas": (0.9, 0.95), "lr": settings.rate(0)}
    rest = torch.optim.AdamW(others, weight_decay=0.0, **adamw)
    if settings.optimizer == "adamw":
        decay = settings.weight_decay
        return [torch.optim.AdamW(matrices, weight_decay=decay, **adamw), rest]
    muon = torch.optim.Muon(
        matrices,
        lr=settings.rate(0),
        weight_decay=settings.weight_decay,
        adjust_lr_fn="match_rms_adamw",
    )
    return [muon, rest]


def batches(
    settings: Settings, done: int, accelerator: Accelerator
) -> Iterator[tuple[int, torch.Tensor]]:
    """(step, rows [batch, width]) from a step on; rows were shuffled when they were written.

    Each process takes its share of a batch. A stage longer than its file goes round again.
    """
    first = 0
    for stage in settings.stages:
        rows = np.load(Path(settings.corpus) / f"{stage.rows}.npy", mmap_mode="r")
        share = stage.batch // accelerator.num_processes
        for step in range(max(done, first), first + stage.steps):
            start = (step - first) * stage.batch + accelerator.process_index * share
            chosen = np.arange(start, start + share) % len(rows)
            taken = torch.from_numpy(rows[chosen].astype(np.int64))
            yield step, taken.to(accelerator.device)
        first += stage.steps


def evaluate(compute: Callable[[torch.Tensor], torch.Tensor], settings: Settings) -> Losses:
    """Mean negative log-likelihood per learned token, in nats, of each held-out set."""
    found = {}
    for name, rows in np.load(Path(settings.corpus) / "held_out.npz").items():
        losses, weights = [], []
        for start in range(0, len(rows), 16):
            part = torch.from_numpy(rows[start : start + 16].astype(np.int64))
            with torch.no_grad():
                losses.append(compute(part).item())
            weights.append(int((part[:, 1:] >= packing.LEARNED).sum()))
        found[name] = round(math.fsum(np.multiply(losses, weights)) / max(1, sum(weights)), 4)
    return found


def resume(accelerator: Accelerator, folder: Path) -> int:
    """Load the newest whole checkpoint; the number of steps done, 0 without one."""
    found = sorted(folder.glob("step-*"))
    if not found:
        return 0
    accelerator.load_state(str(found[-1]))
    log.info("going on from %s", found[-1])
    return int(found[-1].name.removeprefix("step-"))


def save(accelerator: Accelerator, folder: Path, step: int, keep_every: int) -> None:
    """Write a checkpoint and only then name it, so that a kill leaves whole ones only."""
    growing = folder / "growing"
    accelerator.save_state(str(growing))
    if accelerator.is_main_process:
        growing.rename(folder / f"step-{step:06d}")
        for old in sorted(folder.glob("step-*"))[:-2]:
            if int(old.name.removeprefix("step-")) % keep_every:
                shutil.rmtree(old)
    accelerator.wait_for_everyone()


@dataclass(frozen=True)
class Metrics:
    """Lines of metrics.jsonl; only the main process writes."""

    folder: Path
    active: bool
    began: float = field(default_factory=time.time)

    def write(self, **values: float | Losses) -> None:
        """One line, with the time since the process began in seconds."""
        if self.active:
            line = {"seconds": round(time.time() - self.began, 1), **values}
            with (self.folder / "metrics.jsonl").open("a") as lines:
                lines.write(json.dumps(line) + "\n")
