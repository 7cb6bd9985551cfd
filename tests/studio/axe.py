"""axe-core's accessibility checks, run in the page as it stands."""

from importlib.resources import files
from typing import Any

import pytest

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Any) -> list[str]:
    """What axe finds wrong, a line for each place; skips where axe is not installed."""
    pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    source = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
    page.evaluate(f"() => {{ {source} }}")
    found = page.evaluate("(tags) => axe.run({ runOnly: tags })", TAGS)
    return [
        f"{each['id']}: {node['target']} {node.get('failureSummary', '')}"
        for each in found["violations"]
        for node in each["nodes"]
    ]
