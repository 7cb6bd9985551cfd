"""checkpoints.find: a model by path, by its short name, by its name on the hub; never fetched."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.tiny_llama import tiny_llama

from tertulia import Conversation, assembly, checkpoints
from tertulia.checkpoints import folder, listing
from tertulia.errors import CheckpointError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
Cache = Callable[..., Path]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TERTULIA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home" / "models"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """Puts a tiny model into Hugging Face's cache; its snapshot, made of links as the real one."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))

    def put(name: str, *, without: str = "") -> Path:
        repository = tmp_path / "cache" / f"models--{name.replace('/', '--')}"
        snapshot = repository / "snapshots" / COMMIT
        for made in (snapshot, repository / "blobs", repository / "refs"):
            made.mkdir(parents=True)
        (repository / "refs" / "main").write_text(COMMIT)
        for file in tiny_llama(tmp_path / "source").iterdir():
            if file.name != without:
                (repository / "blobs" / file.name).write_bytes(file.read_bytes())
                (snapshot / file.name).symlink_to(Path("../../blobs") / file.name)
        return snapshot

    return put


def test_a_folder_is_found_by_its_path(tmp_path: Path) -> None:
    made = tiny_llama(tmp_path / "mine")
    assert checkpoints.find(str(made)) == made
    assert checkpoints.find("mine") == Path("mine")


def test_a_pulled_model_is_found_by_either_name(home: Path) -> None:
    made = tiny_llama(home / "passing2961" / "Thanos-1B")
    assert checkpoints.find("thanos-1b") == checkpoints.find("passing2961/Thanos-1B") == made


def test_a_model_in_hugging_faces_cache_is_found_by_either_name(cache: Cache) -> None:
    snapshot = cache("passing2961/Thanos-1B")
    assert checkpoints.find("thanos-1b") == checkpoints.find("passing2961/Thanos-1B") == snapshot


def test_the_cache_goes_behind_what_was_pulled(home: Path, cache: Cache) -> None:
    made = tiny_llama(home / "some-one" / "model")
    cache("some-one/model")
    assert checkpoints.find("some-one/model") == made


def test_a_cache_that_has_the_config_only_is_not_the_model(cache: Cache) -> None:
    cache("passing2961/Thanos-1B", without=folder.WEIGHTS)
    with pytest.raises(CheckpointError, match="not here: download them with `tertulia pull"):
        checkpoints.find("thanos-1b")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("cosmo-xl", r"11.4 GB, Apache-2.0\) are not here: .*`tertulia pull cosmo-xl`"),
        ("some-one/model", "`tertulia pull some-one/model`"),
        ("cosmo-lx", "did you mean 'cosmo-xl'"),
        ("meena", "withdrawn"),
        ("../../etc/passwd", "no model folder"),
        ("/nowhere/at-all", "no model folder"),
        ("a/../b", "no model folder"),
        ("..", "no model folder: config.json"),
    ],
)
def test_what_is_not_here_is_told_with_its_cure(name: str, told: str) -> None:
    with pytest.raises(CheckpointError, match=told):
        checkpoints.find(name)


def test_a_model_of_which_a_part_is_missing_is_not_whole(tmp_path: Path) -> None:
    made = tiny_llama(tmp_path / "mine")
    parts = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (made / folder.INDEX).write_text(json.dumps({"weight_map": parts}))
    (made / folder.WEIGHTS).rename(made / parts["a"])
    with pytest.raises(CheckpointError, match=f"lacks 1 of 2 files of weights, {parts['b']}"):
        checkpoints.find("mine")


def test_weights_of_torch_are_pointed_to_their_conversion(tmp_path: Path) -> None:
    made = tiny_llama(tmp_path / "mine")
    (made / folder.WEIGHTS).rename(made / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="can run code .* `tertulia convert` makes"):
        checkpoints.find("mine")


def test_a_model_talks_by_its_name(home: Path) -> None:
    tiny_llama(home / "some-one" / "talker")
    agent = assembly.open_agent(
        model="some-one/talker", changes={"max_new_tokens": 5, "candidates": 1}
    )
    try:
        assert agent.reply(Conversation().said("User", "Hi"), seed=1).completion.tokens
    finally:
        agent.engine.close()


def test_what_is_here_is_listed_with_what_it_is(home: Path, cache: Cache) -> None:
    tiny_llama(home / "passing2961" / "Thanos-1B", int8=True)
    tiny_llama(home / "some-one" / "broken")
    (home / "some-one" / "broken" / folder.WEIGHTS).unlink()
    (home / "some-one" / ".model.part").mkdir()
    cache("some-one/cached")
    here = {each.name: each for each in listing.here()}
    assert list(here) == ["builtin", "thanos-1b", "some-one/broken", "some-one/cached"]
    assert (here["thanos-1b"].quantization, here["thanos-1b"].licence) == ("int8", "CC-BY-NC-4.0")
    assert (here["some-one/cached"].quantization, here["some-one/cached"].problem) == (
        "float32",
        "",
    )
    assert "has no weights" in here["some-one/broken"].problem
