"""The shape of the package, held by tests."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "tertulia"
SOURCES = sorted(PACKAGE.rglob("*.py"))
JUNK = {"utils", "util", "helpers", "helper", "misc", "common", "manager", "base", "core", "types"}
HEAVY = set("torch transformers onnxruntime numpy httpx sqlite3 sqlalchemy jinja2".split())


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_rooms_import_only_downward() -> None:
    tool = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([tool], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = f"import tertulia, sys; print(*({HEAVY} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_every_module_opens_with_one_sentence_saying_what_it_is(path: Path) -> None:
    said = ast.get_docstring(ast.parse(path.read_text()))
    assert said and said.splitlines()[0].endswith((".", ":"))


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_no_junk_drawers(path: Path) -> None:
    assert path.stem not in JUNK


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_files_stay_readable_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_functions_stay_readable_at_a_glance(path: Path) -> None:
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    long = {f.name: f.end_lineno - f.lineno + 1 for f in functions if f.end_lineno}
    assert {name: lines for name, lines in long.items() if lines > 50} == {}


def test_the_architecture_page_names_every_room() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text()
    rooms = {
        p.stem if p.is_file() else p.name for p in PACKAGE.iterdir() if p.suffix in ("", ".py")
    }
    rooms -= {"__init__", "__pycache__", "__main__"}
    missing = {room for room in rooms if not re.search(rf"^  {room}(\.py|/)", page, re.MULTILINE)}
    assert missing == set()


def test_the_architecture_page_shows_the_stack_that_is_enforced() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    [stack] = [each for each in contracts if each.get("containers") == ["tertulia"]]
    assert "\n".join(stack["layers"]) in (ROOT / "ARCHITECTURE.md").read_text()


def test_no_text_of_the_project_holds_an_absolute_path_of_a_machine() -> None:
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT)
    names = [n for n in tracked.stdout.splitlines() if n.endswith((".py", ".md", ".toml", ".json"))]
    place = re.compile(r"(?<![\w.~])/(?:work|root|home)/\w")
    texts = {n: (ROOT / n).read_text(errors="replace") for n in names if (ROOT / n).exists()}
    assert [name for name, text in texts.items() if place.search(text)] == []
