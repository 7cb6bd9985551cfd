"""Checkpoints made to do harm are refused with a word about them, and do nothing on the way."""

import json
import os
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.fake_hub import Hub, serving
from tests.tiny_llama import tiny_llama

from tertulia import assembly, checkpoints
from tertulia.checkpoints import convert, download, folder, pull, wanted
from tertulia.checkpoints.hub import Remote, Repository
from tertulia.errors import CheckpointError

MODEL = "some-one/model"
SECRET = "the canary's secret"
OUTSIDE = [
    *("../evil", "a/../../evil", "..", "./evil", "/etc/passwd", "//host/share", "a//b", ""),
    *("..\\evil", "C:evil", "C:\\evil", "\\\\host\\share", "a\\b", "evil\0.json", "evil\n.json"),
]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TERTULIA_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of somebody else's, outside of any model."""
    path = tmp_path / "secret.txt"
    path.write_text(SECRET)
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny_llama(tmp_path / "models" / "model")


def refused(model: Path, told: str) -> None:
    """Neither found nor converted, and nothing is left of the attempt."""
    before = sorted(model.parent.iterdir())
    with pytest.raises(CheckpointError, match=told):
        checkpoints.find(str(model))
    with pytest.raises(CheckpointError, match=told):
        convert.planned(checkpoints.here(str(model)), model.with_name("small"), "int8")
    assert sorted(model.parent.iterdir()) == before


def test_a_config_without_end_is_not_read(model: Path) -> None:
    with (model / "config.json").open("r+b") as file:
        file.truncate(1 << 40)
    refused(model, "over 4 MB")


@pytest.mark.parametrize("text", ["{", "[]", "null", '"x"', "[" * 100_000, "\ud800"])
def test_a_config_that_is_no_object_is_refused(model: Path, text: str) -> None:
    (model / "config.json").write_text(text, errors="surrogatepass")
    refused(model, "is not JSON|no JSON object")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_in_place_of_a_file_does_not_stop_us(model: Path) -> None:
    for name in ("config.json", folder.WEIGHTS):
        (model / name).rename(model / "kept")
        os.mkfifo(model / name)
        refused(model, "is no file|has no weights")
        (model / name).unlink()
        (model / "kept").rename(model / name)


@pytest.mark.parametrize("name", [n for n in OUTSIDE if n] + ["config.json", "model.bin"])
def test_an_index_names_no_file_but_the_models_own(model: Path, name: str) -> None:
    (model / folder.INDEX).write_text(json.dumps({"weight_map": {"w": name}}))
    refused(model, "do not trust this model")


@pytest.mark.parametrize("names", [None, [], {}, {"w": 3}, {"w": None}, {"w": ["a"]}])
def test_an_index_of_another_shape_is_refused(model: Path, names: object) -> None:
    (model / folder.INDEX).write_text(json.dumps({"weight_map": names}))
    refused(model, "has no weight_map|do not trust this model")


@pytest.mark.parametrize("name", [folder.WEIGHTS, "config.json", "tokenizer.json", "LICENSE"])
def test_a_link_that_leads_out_of_the_folder_is_not_followed(
    model: Path, secret: Path, name: str
) -> None:
    (model / name).unlink(missing_ok=True)
    (model / name).symlink_to(secret)
    refused(model, "a link that leads out of the model's folder")


def test_neither_is_one_through_another_folder(model: Path, secret: Path) -> None:
    (model / "inside").symlink_to(secret.parent)
    (model / "LICENSE").symlink_to(Path("inside") / secret.name)
    refused(model, "a link that leads out")


def test_a_link_within_the_folder_is_followed(model: Path) -> None:
    (model / folder.WEIGHTS).rename(model / "blob")
    (model / folder.WEIGHTS).symlink_to("blob")
    assert checkpoints.find(str(model)) == model


def test_a_folder_that_looks_like_the_cache_leads_no_further(tmp_path: Path, secret: Path) -> None:
    snapshot = tiny_llama(tmp_path / "models--a--b" / "snapshots" / "c")
    (snapshot / "LICENSE").symlink_to(secret)
    refused(snapshot, "a link that leads out")


def header(model: Path, entry: Mapping[str, object], length: int | None = None) -> None:
    text = json.dumps({"w": entry}).encode()
    size = len(text) if length is None else length
    (model / folder.WEIGHTS).write_bytes(size.to_bytes(8, "little") + text + bytes(16))


@pytest.mark.parametrize(
    ("entry", "length"),
    [
        ({"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}, 1 << 60),
        ({"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}, None),
        ({"dtype": "F32", "shape": [4], "data_offsets": [8, 24]}, None),
        ({"dtype": "F32", "shape": [2], "data_offsets": [0, 16]}, None),
        ({"dtype": "object", "shape": [4], "data_offsets": [0, 16]}, None),
    ],
)
def test_a_header_that_lies_is_not_converted(
    model: Path, entry: Mapping[str, object], length: int | None
) -> None:
    header(model, entry, length)
    with pytest.raises(CheckpointError, match="is damaged or no safetensors file"):
        convert.planned(model, model.with_name("small"), "int8")
    assert not model.with_name("small").exists()


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_hub_names_no_file_outside_of_the_model(name: str) -> None:
    right = [Remote(name=n, size=1) for n in ("config.json", folder.WEIGHTS)]
    files = (*right, Remote(name=name, size=1))
    with pytest.raises(CheckpointError, match="leads out of its folder: do not trust it"):
        wanted.needed(Repository(hub=MODEL, commit="c", licence="", files=files))


def test_files_that_are_one_on_some_systems_are_refused() -> None:
    names = ("config.json", folder.WEIGHTS, "LICENSE.txt", "LICENSE.TXT")
    files = tuple(Remote(name=name, size=1) for name in names)
    with pytest.raises(CheckpointError, match="differ in their case only"):
        wanted.needed(Repository(hub=MODEL, commit="c", licence="", files=files))


class Canary:
    """Sings when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "weights.pth"])
def test_a_pickle_is_not_run(model: Path, tmp_path: Path, name: str) -> None:
    (model / folder.WEIGHTS).unlink()
    (model / name).write_bytes(pickle.dumps(Canary(tmp_path / "sang")))
    with pytest.raises(CheckpointError, match="can run code"):
        checkpoints.find(str(model))
    with pytest.raises(CheckpointError):
        convert.planned(model, model.with_name("small"), "int8")
    assert not (tmp_path / "sang").exists()


@pytest.fixture
def hub(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0)
    files = {path.name: path.read_bytes() for path in model.iterdir()}
    with serving(Hub(models={MODEL: files}), monkeypatch) as hub:
        yield hub


def changed(config: bytes, **keys: object) -> bytes:
    return json.dumps({**json.loads(config), **keys}).encode()


def test_a_model_that_needs_code_of_its_own_is_neither_fetched_nor_run(
    hub: Hub, tmp_path: Path, model: Path
) -> None:
    sings = f"import os; os.mkdir({str(tmp_path / 'sang')!r})"
    asks = {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Config"}}
    config = changed(hub.models[MODEL]["config.json"], **asks)
    hub.models[MODEL] = {**hub.models[MODEL], "config.json": config, "evil.py": sings.encode()}
    with pytest.raises(CheckpointError, match=r"code of its own \(auto_map .* never run"):
        pull.pull(pull.planned(MODEL))
    assert not set(hub.fetched()) & {"evil.py", folder.WEIGHTS}
    (model / "config.json").write_bytes(config)
    (model / "evil.py").write_text(sings)
    with pytest.raises(CheckpointError, match=r"code of its own \(auto_map .* never run"):
        assembly.open_agent(model=str(model))
    assert not (tmp_path / "sang").exists()


def test_code_beside_a_family_that_is_known_is_left_where_it_is(hub: Hub) -> None:
    config = changed(hub.models[MODEL]["config.json"], auto_map={"AutoModel": "evil.Model"})
    hub.models[MODEL] = {**hub.models[MODEL], "config.json": config, "evil.py": b"1/0"}
    made = pull.pull(pull.planned(MODEL))
    assert "evil.py" not in {path.name for path in made.iterdir()}


def test_a_pickle_of_the_hub_is_not_run(hub: Hub, tmp_path: Path) -> None:
    files = {name: data for name, data in hub.models[MODEL].items() if name != folder.WEIGHTS}
    evil = pickle.dumps(Canary(tmp_path / "sang"))
    hub.models[MODEL] = {**files, "pytorch_model.bin": evil}
    with pytest.raises(CheckpointError):
        pull.pull(pull.planned(MODEL))
    assert not (tmp_path / "sang").exists()
    with pytest.raises(CheckpointError, match="tertulia pull"):
        checkpoints.find(MODEL)
