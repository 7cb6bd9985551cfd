"""What a torch checkpoint says of its tensors, found out by a process that can do nothing else.

`pickles_described` runs this file alone (`python -I -S`, the checkpoint as standard input); it
knows nothing of the package. What it needs is imported first; then it gives up files, sockets,
children, and memory and time beyond its limits. Names in a pickle are looked up in KNOWN and
nowhere else, and what stands there builds descriptions only. It prints one JSON object, of which
its reader believes nothing unchecked:

    {"tensors": {NAME: {"dtype", "shape", "stride", "offset", "start", "bytes", "crc"}}}
    {"refused": WHY}

Layouts: torch/serialization.py, `_save` (since 1.6, a zip of stored members) and `_legacy_save`
(five pickles, then each storage as its length and its bytes).
"""

import encodings.cp437
import encodings.utf_8  # noqa: F401
import io
import json
import os
import pickle
import resource
import struct
import sys
import zipfile
from collections.abc import Mapping
from typing import IO, NamedTuple

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
LARGEST_PICKLE = 64 << 20
LOCAL_HEADER = 30
"""Bytes of a zip member's own header before its name."""

NESTED = ("state_dict", "model", "model_state_dict", "module")
"""Under these names training scripts keep the weights beside other things."""


class Refused(Exception):
    """Why this checkpoint is not described; becomes the message a person reads."""


class Kind(NamedTuple):
    """A type of numbers, by safetensors' name, and their size in bytes."""

    dtype: str
    size: int


class Storage(NamedTuple):
    """numel numbers, kept under a key."""

    kind: Kind
    key: str
    numel: int


class Place(NamedTuple):
    """Where a storage lies in the file; crc is 0 where none was written down."""

    start: int
    bytes: int
    crc: int


class Described(NamedTuple):
    """A tensor: a view of a storage, all counted in numbers."""

    storage: Storage
    offset: object
    shape: object
    stride: object


class Names(dict[object, object]):
    """Stands for an OrderedDict, whose attributes (`_metadata`) say nothing of tensors."""

    def __setstate__(self, state: object) -> None:
        pass


class Inert:
    """Stands for numpy's dtypes, which say nothing of tensors."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


def tensor(
    storage: object,
    offset: object,
    shape: object,
    stride: object,
    requires_grad: object = None,
    hooks: object = None,
    metadata: object = None,
) -> Described:
    if not isinstance(storage, Storage):
        raise Refused("a tensor in it has no storage")
    if metadata:
        raise Refused("a tensor in it is conjugated or negated")
    return Described(storage, offset, shape, stride)


def parameter(data: object, *_: object) -> object:
    return data


def number(*_: object) -> None:
    """Stands for numpy's scalars, which are no weights."""


KNOWN: Mapping[tuple[str, str], object] = {
    ("collections", "OrderedDict"): Names,
    ("torch._utils", "_rebuild_tensor"): tensor,
    ("torch._utils", "_rebuild_tensor_v2"): tensor,
    ("torch._utils", "_rebuild_parameter"): parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): parameter,
    ("torch", "FloatStorage"): Kind("F32", 4),
    ("torch", "DoubleStorage"): Kind("F64", 8),
    ("torch", "HalfStorage"): Kind("F16", 2),
    ("torch", "BFloat16Storage"): Kind("BF16", 2),
    ("torch", "LongStorage"): Kind("I64", 8),
    ("torch", "IntStorage"): Kind("I32", 4),
    ("torch", "ShortStorage"): Kind("I16", 2),
    ("torch", "CharStorage"): Kind("I8", 1),
    ("torch", "ByteStorage"): Kind("U8", 1),
    ("torch", "BoolStorage"): Kind("BOOL", 1),
    ("numpy", "dtype"): Inert,
    ("numpy.core.multiarray", "scalar"): number,
    ("numpy._core.multiarray", "scalar"): number,
    ("_codecs", "encode"): number,
}


class Reader(pickle.Unpickler):
    """Reads descriptions; storages holds every storage it met, by its key."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, encoding="utf-8")
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in KNOWN:
            raise Refused(
                f"it asks for {short(f'{module}.{name}')}, and plain tensors need no such thing"
            )
        return KNOWN[module, name]

    def persistent_load(self, said: object) -> Storage:
        match said:
            case ("storage", Kind() as kind, str(key), str(_), int(numel)):
                pass
            case ("storage", Kind() as kind, str(key), str(_), int(numel), None):
                pass
            case _:
                raise Refused(f"it describes a storage by {short(type(said).__name__)}")
        found = Storage(kind, key, numel)
        if self.storages.setdefault(key, found) != found:
            raise Refused(f"it describes the storage {short(key)} in two ways")
        return found


def short(text: str) -> str:
    return ascii(text)[:100]


def zipped(file: IO[bytes], size: int) -> tuple[object, dict[str, Place]]:
    """The object in a zip checkpoint, and where its storages lie."""
    members = zipfile.ZipFile(file).infolist()
    found = {member.filename: member for member in members}
    if len(found) < len(members):
        raise Refused("its archive has two members of one name")
    tops = [name.removesuffix("/data.pkl") for name in found if name.endswith("/data.pkl")]
    if len(tops) != 1:
        raise Refused(f"its archive has {len(tops)} members data.pkl")
    if f"{tops[0]}/byteorder" in found:
        order = content(file, placed(file, size, found, f"{tops[0]}/byteorder"))
        if order != b"little":
            raise Refused(f"its byte order is {short(order.decode('latin-1'))}, must be little")
    reader = Reader(io.BytesIO(content(file, placed(file, size, found, f"{tops[0]}/data.pkl"))))
    root = reader.load()
    places = {}
    for key, storage in reader.storages.items():
        places[key] = placed(file, size, found, f"{tops[0]}/data/{key}")
        if places[key].bytes != storage.numel * storage.kind.size:
            raise Refused(f"the storage {short(key)} is not of the size it says")
    return root, places


def placed(file: IO[bytes], size: int, found: Mapping[str, zipfile.ZipInfo], name: str) -> Place:
    """Where a member's bytes lie; the archive's list of contents and the member must agree."""
    member = found.get(name)
    if member is None:
        raise Refused(f"its archive has no member {short(name)}")
    plain = member.compress_type == zipfile.ZIP_STORED and not member.flag_bits & 1
    if not plain or member.compress_size != member.file_size:
        raise Refused(f"{short(name)} in its archive is compressed, which torch.save never does")
    file.seek(member.header_offset)
    head = file.read(LOCAL_HEADER)
    if len(head) < LOCAL_HEADER or not head.startswith(b"PK\x03\x04"):
        raise Refused(f"{short(name)} is not where its archive says")
    letters, extra = struct.unpack_from("<HH", head, 26)
    spelled = file.read(letters).decode("utf-8" if member.flag_bits & 0x800 else "cp437")
    start = member.header_offset + LOCAL_HEADER + letters + extra
    if spelled != member.orig_filename or start + member.file_size > size:
        raise Refused(f"{short(name)} is not where its archive says")
    return Place(start, member.file_size, member.CRC)


def content(file: IO[bytes], place: Place) -> bytes:
    if place.bytes > LARGEST_PICKLE:
        raise Refused(f"its description is over {LARGEST_PICKLE >> 20} MB, no model's is")
    file.seek(place.start)
    return file.read(place.bytes)


def stacked(file: IO[bytes], size: int) -> tuple[object, dict[str, Place]]:
    """The object in a checkpoint from before torch 1.6, and where its storages lie."""
    if Reader(file).load() != MAGIC or Reader(file).load() != PROTOCOL:
        raise Refused("it is a pickle, and not one of torch.save")
    machine = Reader(file).load()
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise Refused("its byte order must be little")
    reader = Reader(file)
    root, keys = reader.load(), Reader(file).load()
    if not isinstance(keys, list) or sorted(map(str, keys)) != sorted(reader.storages):
        raise Refused("its list of storages is not that of its tensors")
    places = {}
    for key in keys:
        storage = reader.storages[key]
        held = int.from_bytes(file.read(8), "little", signed=True)
        places[key] = Place(file.tell(), storage.numel * storage.kind.size, 0)
        if held != storage.numel or not 0 <= places[key].bytes <= size - places[key].start:
            raise Refused(f"the storage {short(key)} is cut short, or not of the size it says")
        file.seek(places[key].bytes, os.SEEK_CUR)
    return root, places


def weights(root: object) -> dict[str, Described]:
    """The named tensors of a checkpoint: its own, or those of the one part that has some."""
    if not isinstance(root, dict):
        raise Refused(f"it holds {short(type(root).__name__)}, not tensors by name")
    parts = [root] if tensors(root) else [root.get(name) for name in NESTED]
    named = [part for part in parts if isinstance(part, dict) and tensors(part)]
    if len(named) != 1:
        raise Refused(f"it has {len(named)} parts that may be the weights, must be one")
    for name, value in named[0].items():
        if not isinstance(value, Described | str | int | float | None):
            raise Refused(f"{short(str(name))} in it is {type(value).__name__}, not a tensor")
    return tensors(named[0])


def tensors(part: dict[object, object]) -> dict[str, Described]:
    found: dict[str, Described] = {}
    for name, value in part.items():
        if isinstance(value, Described):
            if not isinstance(name, str):
                raise Refused("a tensor in it has no name")
            found[name] = value
    return found


def described(file: IO[bytes]) -> dict[str, dict[str, object]]:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    first = file.read(512)
    file.seek(0)
    if first[257:262] == b"ustar":
        raise Refused("it was written by torch 0.1 (a tar archive)")
    if not first.startswith((b"PK\x03\x04", b"\x80")):
        raise Refused("it is not a file of torch.save")
    root, places = (zipped if first.startswith(b"PK") else stacked)(file, size)
    return {
        name: {
            "dtype": each.storage.kind.dtype,
            "shape": each.shape,
            "stride": each.stride,
            "offset": each.offset,
            **places[each.storage.key]._asdict(),
        }
        for name, each in weights(root).items()
    }


def confine(memory: int, seconds: int) -> None:
    """From here on: no new file, socket or process, nothing written but to what is open."""
    limits = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_CORE: 0,
    }
    # macOS takes no limit of address space; time is its only bound on memory.
    if sys.platform != "darwin":
        limits[resource.RLIMIT_AS] = memory
    for limit, most in limits.items():
        hard = resource.getrlimit(limit)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (least, least))


def main() -> None:
    confine(*map(int, sys.argv[1:]))
    try:
        answer = json.dumps({"tensors": described(sys.stdin.buffer)})
    except MemoryError:
        answer = json.dumps({"refused": "describing it takes more memory than any model's does"})
    except (zipfile.BadZipFile, pickle.UnpicklingError, EOFError):
        answer = json.dumps({"refused": "it is damaged or cut short"})
    except Refused as refused:
        answer = json.dumps({"refused": str(refused)})
    sys.stdout.write(answer)
    sys.stdout.flush()
    # Nothing is taken down in order: freeing what a hostile pickle has built may crash.
    os._exit(0)


if __name__ == "__main__":
    main()
