"""The picture of a run: training loss and held-out losses over steps."""

import json
from pathlib import Path

from matplotlib.figure import Figure


def draw(metrics: Path, picture: Path) -> None:
    """Read metrics.jsonl and draw its losses in nats; the picture's suffix chooses its format."""
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    trained = [(line["step"], line["loss"]) for line in lines if "loss" in line]
    if trained:
        axes.plot(*zip(*trained, strict=True), color="lightgrey", label="training")
    held: dict[str, list[tuple[int, float]]] = {}
    for line in lines:
        for name, loss in line.get("held_out", {}).items():
            held.setdefault(name, []).append((line["step"], loss))
    for name, points in held.items():
        axes.plot(*zip(*points, strict=True), marker=".", label=name)
    axes.set(xlabel="step", ylabel="loss, nats per learned token")
    axes.legend(fontsize="small")
    figure.savefig(picture)
