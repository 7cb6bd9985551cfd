"""tertulia.toml, beside the weights: what a model folder says of itself."""

from dataclasses import dataclass, fields
from pathlib import Path

from tertulia import config
from tertulia.checkpoints.folder import plain
from tertulia.decoding import PRESETS
from tertulia.errors import ConfigError
from tertulia.registry import nearest
from tertulia.scene import quoted

NAME = "tertulia.toml"
LARGEST = 1 << 20
STORED = ("int8", "bfloat16", "float16", "float32")
HEAD = "# What this model is, for Tertulia: docs/howto/get-a-model.md tells the keys.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a model is; an empty string says nothing.

    format        the dialect it was trained on, a name of `tertulia.formats`
    variant       of that format; the format's first, when empty
    family        config.json's model_type, which must be the same
    tokenizer     the file of the folder that makes its ids, which must be the one that is read
    decoding      a preset; plain sampling when empty
    licence       of the weights
    source        where they came from: a name on the hub and a commit
    quantization  how they are stored: int8, bfloat16, float16 or float32
    """

    format: str = ""
    variant: str = ""
    family: str = ""
    tokenizer: str = ""
    decoding: str = ""
    licence: str = ""
    source: str = ""
    quantization: str = ""

    def __post_init__(self) -> None:
        if not self.format:
            raise ValueError('format is missing: write the one it was trained on, format = "…"')
        if self.decoding and self.decoding not in PRESETS:
            raise ValueError(f"no preset {self.decoding!r}: {nearest(self.decoding, PRESETS)}")
        if self.quantization and self.quantization not in STORED:
            told = nearest(self.quantization, STORED)
            raise ValueError(f"quantization is {self.quantization!r}: {told}")
        if self.tokenizer and not plain(self.tokenizer):
            raise ValueError(f"tokenizer is {self.tokenizer!r}, must be a file of the folder")


def read(folder: Path) -> Manifest | None:
    """The manifest of a folder, None where there is no such file; ConfigError when it is wrong."""
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); check the path") from error
    if len(data) > LARGEST:
        raise ConfigError(f"{path} is over {LARGEST >> 20} MB, no such file is")
    return config.build(Manifest, config.toml(data, str(path)), str(path))


def write(manifest: Manifest, folder: Path) -> None:
    """tertulia.toml in a folder, what is empty left out."""
    told = {field.name: getattr(manifest, field.name) for field in fields(manifest)}
    lines = [f"{name} = {quoted(value)}\n" for name, value in told.items() if value]
    (folder / NAME).write_text(HEAD + "".join(lines), encoding="utf-8")
