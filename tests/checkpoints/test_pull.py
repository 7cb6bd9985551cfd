"""checkpoints/pull.py against a small hub of this machine: data only, checked, whole or not."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from tests.fake_hub import COMMIT, Hub, serving
from tests.tiny_llama import tiny_llama

from tertulia import checkpoints
from tertulia.checkpoints import download, folder, manifest, pull
from tertulia.checkpoints.safetensors import stored
from tertulia.errors import CheckpointError

pytest.importorskip("huggingface_hub")

MODEL = "some-one/thanos-1b"
WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    folder = tiny_llama(tmp_path_factory.mktemp("tiny"))
    extra = {"README.md": b"# Tiny", "LICENSE": b"words", "evil.py": b"raise SystemExit"}
    return {path.name: path.read_bytes() for path in folder.iterdir()} | extra


@pytest.fixture
def hub(
    model: Mapping[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hub]:
    import huggingface_hub.constants as constants

    monkeypatch.setenv("TERTULIA_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0)
    with serving(Hub(models={MODEL: dict(model)}), monkeypatch) as hub:
        yield hub


def pulled(name: str = MODEL, format: str = "") -> Path:
    return pull.pull(pull.planned(name), format)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def kept() -> list[str]:
    """What there is below the folder of pulled models, locks left out."""
    home = checkpoints.home()
    files = (p.relative_to(home).as_posix() for p in home.rglob("*") if p.is_file())
    return sorted(name for name in files if not name.startswith(".locks/"))


def test_a_pulled_model_is_found_by_its_name_and_says_what_it_is(
    hub: Hub, model: Mapping[str, bytes]
) -> None:
    hub.cards[MODEL] = {"license": "mit"}
    folder = pulled()
    assert checkpoints.find(MODEL) == folder == checkpoints.home() / MODEL
    assert (folder / WEIGHTS).read_bytes() == model[WEIGHTS]
    found = checkpoints.described(folder)
    assert (found.format, found.family, found.licence) == ("native", "llama", "mit")
    assert found.source == f"{MODEL}@{COMMIT}"


def test_code_is_neither_fetched_nor_kept(hub: Hub) -> None:
    folder = pulled()
    assert names(folder) == {
        *("config.json", "tokenizer.json", WEIGHTS, "README.md", "LICENSE", manifest.NAME)
    }
    assert "evil.py" not in hub.fetched()


def test_nothing_but_the_model_is_left_behind(hub: Hub) -> None:
    folder = pulled()
    assert kept() == sorted(f"{MODEL}/{path.name}" for path in folder.iterdir())


def test_a_pull_that_broke_off_goes_on_from_there(hub: Hub, model: Mapping[str, bytes]) -> None:
    hub.breaks[WEIGHTS] = [1000, 0, 0, 0, 0, 0]
    plan = pull.planned(MODEL)
    with pytest.raises(CheckpointError, match="broke off 5 times.*run the same command again"):
        pull.pull(plan)
    with pytest.raises(CheckpointError, match="tertulia pull"):
        checkpoints.find(MODEL)
    hub.breaks.clear()
    hub.asked.clear()
    again = pull.planned(MODEL)
    assert again.missing == len(model[WEIGHTS]) - 1000
    folder = pull.pull(again)
    assert hub.fetched() == [WEIGHTS]
    assert hub.asked[-1][1]["range"] == "bytes=1000-"
    assert (folder / WEIGHTS).read_bytes() == model[WEIGHTS]


def test_a_line_that_breaks_often_but_moves_on_is_borne(
    hub: Hub, model: Mapping[str, bytes]
) -> None:
    hub.breaks[WEIGHTS] = [1000] * 12
    assert (pulled() / WEIGHTS).read_bytes() == model[WEIGHTS]


def test_a_hub_that_gives_no_parts_is_asked_for_the_whole(
    hub: Hub, model: Mapping[str, bytes]
) -> None:
    hub.ranges = False
    hub.breaks[WEIGHTS] = [1000]
    heard: list[int] = []
    folder = pull.pull(pull.planned(MODEL), told=lambda name, more: heard.append(more))
    assert (folder / WEIGHTS).read_bytes() == model[WEIGHTS]
    assert sum(heard) == pull_bytes(model)


def pull_bytes(model: Mapping[str, bytes]) -> int:
    return sum(len(data) for name, data in model.items() if name != "evil.py")


@pytest.mark.parametrize("name", [WEIGHTS, "config.json"])
def test_bytes_that_are_not_the_announced_ones_are_thrown_away(hub: Hub, name: str) -> None:
    right = hub.models[MODEL][name]
    hub.sent[name] = right[:-1] + bytes([right[-1] ^ 1])
    with pytest.raises(CheckpointError, match=f"{name} is not what the hub announced"):
        pulled()
    assert not any(path.endswith(name) for path in kept())
    with pytest.raises(CheckpointError, match="tertulia pull"):
        checkpoints.find(MODEL)


def test_more_bytes_than_announced_are_refused(hub: Hub) -> None:
    hub.sent[WEIGHTS] = hub.models[MODEL][WEIGHTS] + b"more"
    with pytest.raises(CheckpointError, match="more than the .* bytes it announced"):
        pulled()


@pytest.mark.parametrize(
    ("code", "told"), [(401, "HF_TOKEN"), (403, "terms"), (404, "revision"), (500, "broke off")]
)
def test_an_answer_that_is_not_the_file_is_told(hub: Hub, code: int, told: str) -> None:
    hub.answers[WEIGHTS] = code
    with pytest.raises(CheckpointError, match=told):
        pulled()


def test_the_token_goes_to_the_hub_and_nowhere_else(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.elsewhere = True
    pulled()
    tokens = {
        path.startswith("/elsewhere"): {k.lower(): v for k, v in sent.items()}.get("authorization")
        for path, sent in hub.asked
    }
    assert tokens == {False: "Bearer hf_secret", True: None}


def test_what_hugging_faces_cache_has_is_not_fetched(
    hub: Hub, model: Mapping[str, bytes], tmp_path: Path
) -> None:
    snapshot = cached(tmp_path / "cache", model)
    plan = pull.planned(MODEL)
    assert plan.missing == 0
    folder = pull.pull(plan)
    assert hub.fetched() == []
    assert (folder / WEIGHTS).read_bytes() == (snapshot / WEIGHTS).read_bytes()
    assert not (folder / WEIGHTS).is_symlink()


def cached(cache: Path, model: Mapping[str, bytes], name: str = MODEL) -> Path:
    """Hugging Face's cache with one model in it, links to blobs as it has them."""
    repository = cache / f"models--{name.replace('/', '--')}"
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    for n, (file, data) in enumerate(model.items()):
        (repository / "blobs" / str(n)).write_bytes(data)
        (snapshot / file).symlink_to(Path("../../blobs") / str(n))
    return snapshot


def test_a_damaged_cache_is_not_trusted(
    hub: Hub, model: Mapping[str, bytes], tmp_path: Path
) -> None:
    wrong = {**model, WEIGHTS: model[WEIGHTS][:-1] + b"!"}
    snapshot = cached(tmp_path / "cache", wrong)
    with pytest.raises(CheckpointError, match="not what the hub announced"):
        pulled()
    assert (snapshot / WEIGHTS).read_bytes() == wrong[WEIGHTS]


def test_a_model_that_is_here_is_not_asked_for_again(
    hub: Hub, model: Mapping[str, bytes], tmp_path: Path
) -> None:
    assert pull.already(MODEL) is None
    snapshot = cached(tmp_path / "cache", model)
    assert pull.already(MODEL) == snapshot
    shutil.rmtree(tmp_path / "cache")
    folder = pulled()
    assert pull.already(MODEL) == pull.already(MODEL, COMMIT) == folder
    assert pull.already(MODEL, "another") is None
    with pytest.raises(CheckpointError, match="is there already: take it away"):
        pull.planned(MODEL)


def test_a_disk_without_room_is_known_before_anything_is_fetched(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull, "ROOM_BYTES", 1 << 60)
    with pytest.raises(CheckpointError, match="needs .* GB and its disk has"):
        pull.planned(MODEL)
    assert hub.fetched() == []


def test_an_encoder_decoder_without_a_known_name_is_refused_before_its_weights_come(
    hub: Hub, model: Mapping[str, bytes]
) -> None:
    t5 = json.dumps({"model_type": "t5", "is_encoder_decoder": True}).encode()
    hub.models["some-one/seq2seq"] = {"config.json": t5, WEIGHTS: model[WEIGHTS]}
    with pytest.raises(CheckpointError, match="what dialect .* --format"):
        pulled("some-one/seq2seq")
    assert kept() == [] and WEIGHTS not in hub.fetched()
    folder = pulled("some-one/seq2seq", "godel")
    assert checkpoints.described(folder).decoding == "godel_card"


def test_a_published_model_comes_by_its_short_name(hub: Hub, model: Mapping[str, bytes]) -> None:
    t5 = json.dumps({"model_type": "t5", "is_encoder_decoder": True}).encode()
    hub.models["allenai/cosmo-xl"] = {"config.json": t5, WEIGHTS: model[WEIGHTS]}
    folder = pulled("cosmo-xl")
    assert checkpoints.find("cosmo-xl") == checkpoints.find("allenai/cosmo-xl") == folder
    found = checkpoints.described(folder)
    assert (found.format, found.decoding, found.licence) == ("cosmo", "cosmo", "Apache-2.0")


def test_the_parts_of_a_large_model_are_those_of_its_index(
    hub: Hub, model: Mapping[str, bytes]
) -> None:
    parts = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    index = {"weight_map": {"a": parts[0], "b": parts[1]}}
    files = {"config.json": model["config.json"], "tokenizer.json": model["tokenizer.json"]}
    files |= {folder.INDEX: json.dumps(index).encode(), parts[0]: model[WEIGHTS]}
    hub.models[MODEL] = files
    with pytest.raises(CheckpointError, match=f"has no {parts[1]}, which its index names"):
        pulled()
    assert kept() == []
    hub.models[MODEL] = {**files, parts[1]: model[WEIGHTS]}
    assert {*parts, folder.INDEX} <= names(pulled())


@pytest.mark.parametrize(
    ("licence", "asks"),
    [
        ({"license": "cc-by-nc-4.0"}, True),
        ({"license": "other", "license_name": "acme-research-license"}, True),
        ({"license": "other", "license_name": "acme-non-commercial"}, True),
        ({"license": ["mit", "cc-by-nc-sa-4.0"]}, True),
        ({"license": "apache-2.0"}, False),
        ({"license": "llama3.2"}, False),
        ({}, False),
    ],
)
def test_a_licence_that_forbids_commercial_use_is_known_by_its_name(
    hub: Hub, licence: Mapping[str, object], asks: bool
) -> None:
    hub.cards[MODEL] = licence
    assert pull.planned(MODEL).non_commercial is asks


def test_offline_nothing_is_asked_for(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="HF_HUB_OFFLINE keeps it from being fetched"):
        pull.planned(MODEL)
    assert hub.asked == []


def test_a_model_that_the_hub_does_not_have_is_told(hub: Hub) -> None:
    with pytest.raises(CheckpointError, match="the hub has no model 'some-one/else'"):
        pull.planned("some-one/else")


def test_withdrawn_weights_cannot_be_pulled(hub: Hub) -> None:
    with pytest.raises(CheckpointError, match="withdrawn in 2021"):
        pull.planned("meena")
    assert hub.asked == []


def test_two_do_not_pull_the_same_at_once(hub: Hub) -> None:
    plan = pull.planned(MODEL)
    with pull.alone(plan), pytest.raises(CheckpointError, match="by another process"):
        pull.pull(plan)


@pytest.mark.models
def test_weights_of_torch_become_safetensors(
    hub: Hub, model: Mapping[str, bytes], tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"w": torch.arange(6.0).reshape(2, 3)}, tmp_path / "saved.bin")
    small = {name: model[name] for name in ("config.json", "tokenizer.json")}
    saved = (tmp_path / "saved.bin").read_bytes()
    hub.models[MODEL] = {**small, "pytorch_model.bin": saved}
    folder = pulled()
    assert names(folder) == {*small, WEIGHTS, manifest.NAME}
    np.testing.assert_array_equal(
        stored(folder / WEIGHTS)["w"].mapped(), np.arange(6.0).reshape(2, 3)
    )


def test_without_the_package_the_line_to_install_it_is_told(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tertulia.errors import MissingExtra

    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra, match=r"pip install 'tertulia\[hub\]'"):
        pull.planned(MODEL)
    with pytest.raises(CheckpointError, match="tertulia pull"):
        checkpoints.find(MODEL)
