"""A tokenizer.json, or GPT-2's vocab.json and merges.txt, over the tokenizers library."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tertulia.errors import TokenizerError
from tertulia.tokenizer.vocabulary import (
    EVERYWHERE,
    NEVER,
    ONCE,
    Added,
    Control,
    Vocabulary,
    added,
    beside,
    broken,
    content,
    is_id,
    piece_bytes,
    table,
)

SEQUENCES = {
    "normalizer": "normalizers",
    "pre_tokenizer": "pretokenizers",
    "decoder": "decoders",
}


def from_pair(data: bytes, file: Path) -> Vocabulary:
    """GPT-2's files as a tokenizer.json: its entries that no merge can make are control tokens."""
    vocabulary = table(data, str(file))
    text = content(file.with_name("merges.txt")).decode("utf-8", "replace")
    lines = [line.rstrip("\r") for line in text.split("\n") if line.strip()]
    lines = lines[1:] if lines and lines[0].startswith("#version") else lines
    made = {line.replace(" ", "", 1) for line in lines}
    extra = [
        {"content": name, "id": id, "special": True}
        for name, id in vocabulary.items()
        if len(name) > 1 and name not in made
    ]
    extra += [
        {"content": a.name, "id": a.id, "special": a.special, "lstrip": a.left, "rstrip": a.right}
        for a in beside(file)
    ]
    bytes_first = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    whole = {
        "added_tokens": extra,
        "pre_tokenizer": {**bytes_first, "use_regex": True},
        "decoder": bytes_first,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": lines},
    }
    return from_json(whole, str(file))


def from_json(data: dict[str, Any], where: str) -> Vocabulary:
    """A tokenizer.json; its control tokens are taken out before its text is tokenized."""
    listed, model = data.get("added_tokens") or [], data.get("model")
    if not isinstance(listed, list) or not isinstance(model, dict):
        raise broken(where, "without a model, or with a wrong list of added tokens")
    every = [added(entry, where) for entry in listed]
    ids = entries(model, where)
    unknown = unknown_name(model, ids)
    kept = [one for one in every if one.ordinary or one.name == unknown]
    controls = {one.name: one.control(one.name not in ids) for one in every if one not in kept}
    plain = [entry for entry, one in zip(listed, every, strict=True) if one in kept]
    model = without(model, controls)
    spell = spelling(data.get("decoder"), where)
    spelled = {id: spell(name) for name, id in ids.items() if name not in controls}
    spelled |= {one.id: one.name.encode("utf-8", "replace") for one in kept}
    return Vocabulary(
        encode=hugging_face({**data, "added_tokens": plain, "model": model}, kept, where),
        ids={**ids, **{one.name: one.id for one in every}},
        controls=controls,
        spelled=spelled,
        blank=blank(data),
    )


def entries(model: Mapping[str, Any], where: str) -> dict[str, int]:
    """The vocabulary of the model part of a tokenizer.json."""
    found = model.get("vocab")
    if isinstance(found, list):
        if all(isinstance(e, list) and len(e) == 2 and isinstance(e[0], str) for e in found):
            return {piece: id for id, (piece, _) in enumerate(found)}
    elif isinstance(found, dict) and all(map(is_id, found.values())):
        return found
    raise broken(where, "without a vocabulary that can be read")


def unknown_name(model: Mapping[str, Any], ids: Mapping[str, int]) -> str | None:
    """What stands for unknown text; None when no text is unknown, as with all bytes at hand."""
    if all(letter in ids for letter in byte_letters().values()):
        return None
    if model.get("type") == "Unigram":
        return next((name for name, id in ids.items() if id == model.get("unk_id")), None)
    unknown = model.get("unk_token")
    return unknown if isinstance(unknown, str) else None


def without(model: dict[str, Any], controls: Mapping[str, Control]) -> dict[str, Any]:
    """The model unable to make a control token out of letters."""
    vocab = model["vocab"]
    if isinstance(vocab, list):
        # Unigram ids are places, so the entry stays; no text is as short as an empty piece.
        return {**model, "vocab": [["", e[1]] if e[0] in controls else e for e in vocab]}
    whole = {**model, "vocab": {name: id for name, id in vocab.items() if name not in controls}}
    if str(model.get("unk_token")) in controls:
        whole["unk_token"] = None
    hidden = any(name in vocab for name in controls)
    if hidden and isinstance(model.get("merges"), list):
        whole["merges"] = [each for each in model["merges"] if not touches(each, controls)]
    return whole


def touches(merge: Any, controls: Mapping[str, Control]) -> bool:  # noqa: ANN401 - JSON
    parts = merge.split(" ", 1) if isinstance(merge, str) else merge
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return False
    return any(name in controls for name in (*parts, "".join(parts)))


def steps(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The parts of one stage of a tokenizer.json, sequences laid open."""
    stage = data.get(key)
    if not isinstance(stage, dict):
        return []
    inner = stage.get(SEQUENCES[key])
    parts = inner if isinstance(inner, list) else [stage]
    return [each for each in parts if isinstance(each, dict)]


def blank(data: Mapping[str, Any]) -> int:
    """Where this tokenizer puts a blank before text."""
    if any(each.get("type") == "Prepend" for each in steps(data, "normalizer")):
        return EVERYWHERE
    for each in steps(data, "pre_tokenizer"):
        if each.get("type") == "Metaspace":
            scheme = each.get("prepend_scheme")
            if scheme is None:
                scheme = "always" if each.get("add_prefix_space", True) else "never"
            return {"always": EVERYWHERE, "first": ONCE}.get(str(scheme), NEVER)
    return NEVER


def spelling(decoder: object, where: str) -> Callable[[str], bytes]:
    """What turns the name of an entry into the bytes it stands for."""
    parts = steps({"decoder": decoder}, "decoder")
    kinds = {str(each.get("type")) for each in parts}
    if not kinds or kinds - {"ByteLevel", "Metaspace", "Replace", "ByteFallback", "Fuse", "Strip"}:
        raise TokenizerError(
            f"tokenizer {where} has a decoder that is not known here ({', '.join(sorted(kinds))}): "
            "byte-level, metaspace and byte-fallback ones are"
        )
    if "ByteLevel" in kinds:
        letters = {ord(letter): byte for byte, letter in byte_letters().items()}
        known = frozenset(map(chr, letters))
        return lambda name: (
            name.translate(letters).encode("latin-1")
            if known.issuperset(name)
            else name.encode("utf-8", "replace")
        )
    spaced = bool(kinds & {"Metaspace", "Replace"})
    return lambda name: piece_bytes(name, spaced, "ByteFallback" in kinds)


def byte_letters() -> dict[int, str]:
    """GPT-2's visible letter for each byte."""
    seen = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), 256)]
    unseen = [byte for byte in range(256) if byte not in seen]
    return {byte: chr(byte) for byte in seen} | {b: chr(256 + n) for n, b in enumerate(unseen)}


def hugging_face(
    data: dict[str, Any], kept: Sequence[Added], where: str
) -> Callable[[str, bool], list[int]]:
    """Text to ids by the tokenizers library, without its post-processor, padding and truncation."""
    data |= {"post_processor": None, "truncation": None, "padding": None, "version": "1.0"}
    start = rust_tokenizer(data, where)
    later = rust_tokenizer(never_blank(data), where) if blank(data) == ONCE else start
    # The library numbers added tokens as it meets them; with some taken out that is another number.
    moved = {start.token_to_id(one.name): one.id for one in kept}

    def encode(text: str, at_start: bool) -> list[int]:
        chosen = start if at_start else later
        ids: list[int] = chosen.encode(text, add_special_tokens=False).ids
        return [moved.get(id, id) for id in ids]

    return encode


def rust_tokenizer(data: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401 - no stubs
    import tokenizers

    try:
        return tokenizers.Tokenizer.from_str(json.dumps(data))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - it raises Exception itself, and Rust's panics
        raise broken(where, f"refused by the tokenizers library ({error})") from error


def never_blank(data: dict[str, Any]) -> dict[str, Any]:
    parts = [
        {**each, "prepend_scheme": "never"} if each.get("type") == "Metaspace" else each
        for each in steps(data, "pre_tokenizer")
    ]
    return {**data, "pre_tokenizer": {"type": "Sequence", "pretokenizers": parts}}
