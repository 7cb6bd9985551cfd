"""A tiny engine of every kind: a new file on the shelf needs one here, then meets the contract."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.engines.openai_server import serving, talking
from tests.tiny_llama import tiny_llama
from tests.tiny_seq2seq import tiny_seq2seq

from tertulia import engines
from tertulia.engines import Engine


@contextmanager
def scripted(folder: Path) -> Iterator[Engine]:
    yield engines.load("scripted", lines=("one two three", "four five six", "seven"))


@contextmanager
def onnxruntime(folder: Path) -> Iterator[Engine]:
    engine = engines.load("onnxruntime", model=str(tiny_llama(folder)))
    yield engine
    engine.close()


@contextmanager
def transformers(folder: Path) -> Iterator[Engine]:
    torch = pytest.importorskip("torch", reason="pip install 'tertulia[torch]'")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # Tiny matrices are slowest when many threads share them.
    engine = engines.load("transformers", model=str(tiny_llama(folder)), device="cpu")
    yield engine
    engine.close()
    torch.set_num_threads(threads)


@contextmanager
def openai(folder: Path) -> Iterator[Engine]:
    with serving(talking) as server:
        engine = engines.load("openai", base_url=server.url, model="m", key_env="NO_KEY_IS_NEEDED")
        yield engine
        engine.close()


@contextmanager
def ctranslate2(folder: Path) -> Iterator[Engine]:
    pytest.importorskip("ctranslate2", reason="pip install 'tertulia[ctranslate2]'")
    from tests.tiny_ctranslate2 import converted, opened

    engine = opened(converted(tiny_seq2seq(folder / "tiny")), replayable=False)
    yield engine
    engine.close()


TINY: dict[str, Callable[[Path], "contextmanager[Engine]"]] = {  # type: ignore[type-arg]
    "scripted": scripted,
    "onnxruntime": onnxruntime,
    "transformers": transformers,
    "openai": openai,
    "ctranslate2": ctranslate2,
}
MARKS = {"transformers": [pytest.mark.models]}
