"""The picture of a run: training loss and held-out losses over steps."""

import json
from pathlib import Path

from matplotlib.figure import Figure


def draw(metrics: Path, picture: Path) -> None:
    """Read metrics.jsonl and draw its losses in nats; the picture's suffix chooses its format.

    A step that was done again after a kill counts once, as it went last.
    """
    curves: dict[str, dict[int, float]] = {"training": {}}
    for line in map(json.loads, metrics.read_text().splitlines()):
        if "loss" in line:
            curves["training"][line["step"]] = line["loss"]
        for name, loss in line.get("held_out", {}).items():
            curves.setdefault(name, {})[line["step"]] = loss
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    for name, points in curves.items():
        color, marker = ("lightgrey", "") if name == "training" else (None, ".")
        axes.plot(list(points), list(points.values()), color=color, marker=marker, label=name)
    axes.set(xlabel="step", ylabel="loss, nats per learned token")
    axes.legend(fontsize="small")
    figure.savefig(picture)
