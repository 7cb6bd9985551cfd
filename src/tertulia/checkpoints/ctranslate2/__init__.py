"""A model folder as one for CTranslate2: its arrays under the names of that library.

    source   the folder that is converted    gpt2, t5, llama, bart  what families put where
    layers   what families have in common

Written with the library's own specifications but not by its converters, which read weights with
transformers, drop what transformers spells anew, and need torch. The vocabulary of the result is
"0", "1", "2" …: ids are made by our tokenizers, and no name can be taken for another. config.json
keeps what the source's says, and has a table `ctranslate2` with what the engine asks:

    conversion  VERSION of this room
    positions   [prompt, reply], of a decoder alone twice the same; null where there is no end
    window      tokens it was trained with, where positions have no end; null otherwise
    start       what a decoder behind an encoder begins with; empty for a decoder alone
    ends        tokens that end a reply
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from tertulia.checkpoints import folder as folders
from tertulia.checkpoints import guess, layout, manifest
from tertulia.checkpoints.ctranslate2 import bart, gpt2, llama, t5
from tertulia.checkpoints.ctranslate2.layers import Layers, Spec
from tertulia.checkpoints.ctranslate2.source import Model, opened
from tertulia.checkpoints.manifest import Manifest
from tertulia.checkpoints.requantize import Told
from tertulia.checkpoints.safetensors import check_room, cured
from tertulia.errors import CheckpointError
from tertulia.registry import nearest

VERSION = 1
QUANTIZATIONS = {"int8": 1, "float16": 2, "float32": 4}
"""How matrices are stored, and their bytes a number."""

FAMILIES = {name: family for family in (bart, gpt2, llama, t5) for name in family.MODEL_TYPES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A conversion, checked, of which nothing is done yet."""

    source: Path
    target: Path
    manifest: Manifest
    bytes_read: int
    bytes_written: int


def planned(source: Path, target: Path, quantization: str, format: str = "") -> Plan:
    """What a conversion will do; `bytes_written` is about what it will write.

    target  does not exist yet, or is an empty folder
    format  the dialect, where the folder does not tell it

    Raises CheckpointError for a source that cannot be read, trusted or given to CTranslate2, a
    target that is taken and a disk without room; ConfigError for a manifest that is wrong.
    """
    check(source, quantization)
    told = replace(guess.described(source, format=format), quantization=quantization)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CheckpointError(f"{target} is there already: take it away, or name another folder")
    entries = [each.held.entry for each in opened(source, silent).sources.values()]
    each = QUANTIZATIONS[quantization]
    written = sum(each * entry.bytes // max(1, item(entry.dtype)) for entry in entries)
    plan = Plan(
        source=source,
        target=target.absolute(),
        manifest=told,
        bytes_read=sum(entry.bytes for entry in entries),
        bytes_written=written,
    )
    with cured(target):
        plan.target.parent.mkdir(parents=True, exist_ok=True)
    check_room(plan.target, plan.bytes_written)
    return plan


def check(source: Path, quantization: str) -> None:
    """Raises CheckpointError for what is not converted faithfully."""
    table = folders.config(source)
    if folders.for_ctranslate2(source):
        raise CheckpointError(f"{source} is for CTranslate2 already: take the model's own folder")
    family = table.get("model_type")
    if not isinstance(family, str) or family not in FAMILIES:
        raise CheckpointError(
            f"{source}: model_type is {family!r}, and for CTranslate2 only "
            f"{', '.join(sorted(FAMILIES))} are converted: use the onnxruntime engine"
        )
    if quantization not in QUANTIZATIONS:
        raise CheckpointError(
            f"quantization is {quantization!r}: {nearest(quantization, QUANTIZATIONS)}"
        )
    if quantization == "float16" and family in layout.OVERFLOWING:
        raise CheckpointError(
            f"{source}: a {family} overflows in float16 and then talks noise: use int8 or float32"
        )
    if table.get("quantization_config"):
        raise CheckpointError(
            f"{source}: the weights are quantised already, in a way that is not read here "
            "(quantization_config in config.json): take the model's own ones"
        )


def item(dtype: str) -> int:
    """Bytes a number of that type has in safetensors."""
    return {"F64": 8, "F32": 4, "I8": 1}.get(dtype, 2)


def silent(name: str, done: int) -> None:
    """Hears of an array and does nothing."""


def convert(plan: Plan, told: Told = silent) -> Path:
    """Carries the plan out; the target, which is there when it is whole, or not at all.

    Raises CheckpointError when the disk fills up, or arrays are not those of the family.
    """
    model = opened(plan.source, told)
    quantization = plan.manifest.quantization
    with folders.whole(plan.target) as hidden:
        spec = family(model).spec(Layers(model, quantization == "int8"))
        table = about(model)
        named(spec, model, table)
        spec.validate()
        spec.optimize(None if quantization == "int8" else quantization)
        with cured(plan.target):
            spec.save(str(hidden))
            write_beside(plan, hidden, table)
    return plan.target


def family(model: Model) -> ModuleType:
    return FAMILIES[model.config["model_type"]]


def named(spec: Spec, model: Model, table: Mapping[str, Any]) -> None:
    """Gives the specification its vocabulary, and tokens that the library insists on."""
    names = [str(token) for token in range(model.whole("vocab_size", otherwise=32128))]
    spec.config.unk_token = spec.config.bos_token = names[0]
    spec.config.eos_token = str(table["ends"][0]) if table["ends"] else names[0]
    if table["start"]:
        spec.config.decoder_start_token = str(table["start"][0])
        spec.register_source_vocabulary(names)
        spec.register_target_vocabulary(names)
    else:
        spec.register_vocabulary(names)


def about(model: Model) -> dict[str, Any]:
    """The table that the engine reads."""
    place = model.folder / "generation_config.json"
    first: Mapping[str, Any] = {}
    if place.exists():
        first = folders.json_object(place, folders.LARGEST_CONFIG, "fetch the model again")
    ends = first.get("eos_token_id", model.config.get("eos_token_id"))
    twofold = family(model) in (bart, t5)
    return {
        "conversion": VERSION,
        "positions": positions(model),
        "window": model.whole("n_positions", otherwise=t5.WINDOW) if family(model) is t5 else None,
        "start": list(start(model, first)) if twofold else [],
        "ends": ends if isinstance(ends, list) else [] if ends is None else [ends],
    }


def positions(model: Model) -> list[int | None]:
    """Those of the prompt and of the reply."""
    if family(model) is t5:
        return [None, None]
    known = model.whole("max_position_embeddings", "n_positions", "n_ctx", "n_ctxt")
    if model.config["model_type"] == bart.MEENA:
        read = model.whole("max_encoder_length")
        return [read, known - read]
    return [known, known]


def start(model: Model, first: Mapping[str, Any]) -> Iterator[int]:
    """What the decoder begins with: decoder_start_token_id, and a token forced behind it.

    first  generation_config.json, which goes before config.json
    """

    def told(name: str) -> Any:  # noqa: ANN401 - JSON
        value = first.get(name)
        return model.config.get(name) if value is None else value

    begin = told("decoder_start_token_id")
    begin = told("bos_token_id") if begin is None else begin
    if begin is None:
        raise CheckpointError(
            f"{model.place} names no decoder_start_token_id: add the one this model was trained "
            "with (T5: 0)"
        )
    yield begin
    if told("forced_bos_token_id") is not None:
        yield told("forced_bos_token_id")


def write_beside(plan: Plan, hidden: Path, table: Mapping[str, Any]) -> None:
    """The config of both, the manifest, and what the source has beside its weights."""
    for path in folders.companions(plan.source):
        shutil.copyfile(path, hidden / path.name)
    left = ("quantization", "auto_map", "torch_dtype", "dtype")
    kept = {k: v for k, v in folders.config(plan.source).items() if k not in left}
    library = folders.config(hidden)
    whole = {**kept, **library, "ctranslate2": table}
    (hidden / folders.CONFIG).write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    manifest.write(plan.manifest, hidden)
