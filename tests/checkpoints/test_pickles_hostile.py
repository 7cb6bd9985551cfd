"""checkpoints/pickles.py meets files that were made to do harm: none does, all are refused."""

import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tertulia.checkpoints import pickles, pickles_described
from tertulia.checkpoints.pickles_described import Limits
from tertulia.errors import CheckpointError

PROTO, STOP = b"\x80\x02", b"."
STORAGE = "ctorch\nFloatStorage\n"
REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"


def text(said: str) -> bytes:
    return b"X" + struct.pack("<I", len(said.encode())) + said.encode()


def whole(number: int) -> bytes:
    return b"I%d\n" % number


def some(numbers: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(whole, numbers)) + b"t"


def storage(numel: int, key: str = "0", kind: str = "FloatStorage") -> bytes:
    told = text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text("cpu") + whole(numel)
    return b"(" + told + b"tQ"


def tensor(
    shape: tuple[int, ...] = (2, 2),
    stride: tuple[int, ...] = (2, 1),
    offset: int = 0,
    held: bytes | None = None,
) -> bytes:
    place = storage(4) if held is None else held
    return REBUILD + b"(" + place + whole(offset) + some(shape) + some(stride) + b"\x89}tR"


def named(content: bytes, name: str = "a") -> bytes:
    """The pickle of a dict with one entry."""
    return PROTO + b"}" + text(name) + content + b"s" + STOP


def archive(path: Path, description: bytes, members: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("m/data.pkl", description)
        for name, content in ({"m/data/0": bytes(16)} if members is None else members).items():
            file.writestr(name, content)
    return path


def stacked(path: Path, description: bytes, keys: object = ("0",), numel: int = 4) -> Path:
    """The layout before torch 1.6, of one storage."""
    head = [0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}]
    listed = pickle.dumps(list(keys) if isinstance(keys, tuple) else keys, 2)
    first = b"".join(pickle.dumps(each, 2) for each in head)
    path.write_bytes(first + description + listed + struct.pack("<q", numel) + bytes(16))
    return path


class Calls:
    """Pickles as the call of a function."""

    def __init__(self, function: Callable[..., object], *said: object) -> None:
        self.call = (function, said)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


def called(module: str, name: str, *said: object, protocol: int = 2) -> bytes:
    """The pickle of a call of what need not exist here."""
    arguments = pickle.dumps(said, protocol)[2:-1]
    return PROTO + f"c{module}\n{name}\n".encode() + arguments + b"R" + STOP


def exploits(canary: Path) -> dict[str, bytes]:
    touch = f"touch {canary}"
    opening = f"open({str(canary)!r}, 'w').close()"
    evil = pickle.dumps(Calls(os.system, touch))
    spelled = touch.encode()
    return {
        "os.system": evil,
        "os.system, protocol 0": pickle.dumps(Calls(os.system, touch), 0),
        "os.system, protocol 5": pickle.dumps(Calls(os.system, touch), 5),
        "as a tensor's name": PROTO + b"}" + evil[2:-1] + tensor() + b"s" + STOP,
        "as a tensor": named(pickle.dumps(Calls(os.system, touch), 2)[2:-1]),
        "as a storage": named(tensor(held=pickle.dumps(Calls(os.system, touch), 2)[2:-1])),
        "as a hook": PROTO + b"}" + text("a") + REBUILD + b"(" + storage(4) + whole(0)
        + some((4,)) + some((1,)) + b"\x89" + pickle.dumps(Calls(os.system, touch), 2)[2:-1]
        + b"tRs" + STOP,
        "before a good checkpoint": PROTO + pickle.dumps(Calls(os.system, touch), 2)[2:-1] + b"0"
        + named(tensor())[2:],
        "popped by the end": named(tensor())[:-1] + b"cos\nsystem\n(" + text(touch) + b"tR0" + STOP,
        "eval": pickle.dumps(Calls(eval, opening)),
        "exec": pickle.dumps(Calls(exec, opening)),
        "import": pickle.dumps(Calls(__import__, "antigravity")),
        "getattr of a module": pickle.dumps(Calls(getattr, Calls(__import__, "os"), "system")),
        "open": pickle.dumps(Calls(open, str(canary), "w")),
        "subprocess": pickle.dumps(Calls(subprocess.Popen, ["touch", str(canary)])),
        "INST": b"(S'" + spelled + b"'\nios\nsystem\n.",
        "OBJ": PROTO + b"(cos\nsystem\n" + text(touch) + b"o" + STOP,
        "NEWOBJ": PROTO + b"csubprocess\nPopen\n(" + text(touch) + b"t\x81" + STOP,
        "dots in a name": b"\x80\x04\x8c\x08builtins\x8c\x0deval.__call__\x93" + STOP,
        "through a known module": PROTO + b"ctorch._utils\nsys.modules\n" + STOP,
        "a known class's attribute": b"\x80\x04" + text("collections")
        + text("OrderedDict.__init__.__globals__") + b"\x93" + STOP,
        "a pickle in a pickle": pickle.dumps(Calls(pickle.loads, evil)),
        "torch.load": called("torch", "load", str(canary)),
        "a storage from bytes": called("torch.storage", "_load_from_bytes", evil),
        "torch script": called("torch.jit", "load", str(canary)),
        "numpy's objects": called("numpy.core.multiarray", "_reconstruct", 1, (0,), b"b"),
        "numpy.load": called("numpy", "load", str(canary), None, True),
        "numpy runs a string": called("numpy.testing._private.utils", "runstring", opening, {}),
        "numpy's scalar of a pickle": called("numpy.core.multiarray", "scalar", object, evil),
        "codecs": called("_codecs", "lookup", "zip"),
        "copyreg": called("copyreg", "_reconstructor", object, object, None),
        "extension registry": PROTO + b"\x82\x01" + STOP,
        "persistent text": b"P" + spelled + b"\n.",
        "persistent call": PROTO + pickle.dumps(Calls(os.system, touch), 2)[2:-1] + b"Q" + STOP,
        "BUILD of a function": PROTO + REBUILD + b"}" + text("__globals__") + b"}sb" + STOP,
        "BUILD of a class": PROTO + b"ccollections\nOrderedDict\n}" + text("get")
        + b"cos\nsystem\nsb" + STOP,
        "slots of a function": PROTO + REBUILD + b"}}" + text("__code__") + b"}s\x86b" + STOP,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "layout"),
    [(name, archive) for name in exploits(Path("x"))]
    + [(name, stacked) for name in ("os.system", "as a storage", "popped by the end", "INST")],
)
def test_a_pickle_that_wants_to_run_something_does_not(
    tmp_path: Path, name: str, layout: Callable[[Path, bytes], Path]
) -> None:
    canary = tmp_path / "canary"
    source = layout(tmp_path / "m.pth", exploits(canary)[name])
    with pytest.raises(CheckpointError, match=r"m\.pth is not opened: .* Nothing in it was run"):
        pickles.to_safetensors(source, tmp_path / "out.safetensors")
    assert not canary.exists() and list(tmp_path.iterdir()) == [source]


def test_the_exploits_work_where_pickles_are_run(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    for name in ("os.system", "exec", "INST", "a pickle in a pickle"):
        pickle.loads(exploits(canary)[name])
        assert canary.exists()
        canary.unlink()


def twice(depth: int) -> bytes:
    """A tuple that holds itself below twice, depth times: 2 ** depth paths through it."""
    return b")" + b"2\x86" * depth


BOMBS = {
    "memo index": b"\x80\x02Nr\xff\xff\xff\xff.",
    "text of 2**60 bytes": b"\x80\x04\x8d" + struct.pack("<Q", 1 << 60) + STOP,
    "bytes of 2**40": b"\x80\x05\x96" + struct.pack("<Q", 1 << 40) + STOP,
    "frame of 2**62": b"\x80\x04\x95" + struct.pack("<Q", 1 << 62) + STOP,
    "integer of 2**31 bytes": PROTO + b"\x8b" + struct.pack("<i", (1 << 31) - 1) + STOP,
    "integer of a million digits": PROTO + b"I" + b"9" * 1_000_000 + b"\n.",
    "size of 4000 digits": named(tensor(shape=(10**4000, 1))),
    "storage of 4000 digits": named(tensor(held=storage(10**4000))),
    "depth of marks": PROTO + b"(" * 1_000_000 + STOP,
    "depth of lists": PROTO + b"]" + b"]" * 200_000 + b"a" * 200_000 + STOP,
    "depth of a key": PROTO + b"}" + b")" + b"\x85" * 1_000_000 + b"Ns" + STOP,
    "a key without end": PROTO + b"}" + twice(200) + b"Ns" + STOP,
    "a million numbers": PROTO + b"]" + b"(" + b"K\x01" * 1_000_000 + b"e" + STOP,
    "nothing at all": b"",
    "no end": PROTO + b"}",
    "no opcode": PROTO + b"\xff" + STOP,
}


@pytest.mark.parametrize(
    ("name", "layout"),
    [(name, archive) for name in BOMBS]
    + [(name, stacked) for name in BOMBS if " of " in name and "depth" not in name],
)
def test_a_pickle_that_takes_everything_takes_no_more_than_its_limits(
    tmp_path: Path, name: str, layout: Callable[[Path, bytes], Path]
) -> None:
    source = layout(tmp_path / "m.pth", BOMBS[name])
    with pytest.raises(CheckpointError, match=r"m\.pth is not opened"):
        pickles_described.described(source, Limits(memory=1 << 28, processor_seconds=1))


def test_a_pickle_that_waits_is_ended_by_the_clock(tmp_path: Path) -> None:
    source = archive(tmp_path / "m.pth", BOMBS["a key without end"])
    with pytest.raises(CheckpointError, match="broke down, or took too long"):
        pickles_described.described(source, Limits(seconds=0.3))


LIES = {
    "beyond its storage": tensor(shape=(3, 2)),
    "an offset beyond": tensor(offset=1),
    "a negative offset": tensor(offset=-1),
    "a negative stride": tensor(stride=(-2, 1)),
    "a negative size": tensor(shape=(-2, -2)),
    "a billion times a billion": tensor(shape=(10**9, 10**9), stride=(0, 0)),
    "nothing of a billion cubed": tensor(shape=(0, 10**9, 10**9, 10**9), stride=(0, 0, 0, 0)),
    "rows that overlap": tensor(shape=(3, 2), stride=(1, 1)),
    "one number many times": tensor(shape=(4, 1000), stride=(1, 0)),
    "more sizes than strides": tensor(shape=(2, 2, 1)),
    "ninety dimensions": tensor(shape=(1,) * 90, stride=(1,) * 90),
    "a size that is a truth": tensor(shape=(True, True)).replace(b"I1\n", b"\x88"),
    "a size that is a text": REBUILD + b"(" + storage(4) + whole(0) + text("ab") + some((1, 1))
    + b"\x89}tR",
    "sizes that are a list of lists": REBUILD + b"(" + storage(4) + whole(0) + b"(]]l"
    + some((1, 1)) + b"\x89}tR",
    "an offset that is none": REBUILD + b"(" + storage(4) + b"N" + some((1,)) + some((1,))
    + b"\x89}tR",
    "a storage of another size": tensor(held=storage(5)),
    "a storage of another type": tensor(held=storage(4, kind="DoubleStorage")),
    "a storage of no type": tensor(held=storage(4, kind="Storage")),
    "a storage of negative size": tensor(held=storage(-4)),
    "no such storage": tensor(held=storage(4, key="1")),
    "a storage up the tree": tensor(held=storage(4, key="../0")),
    "a storage by its path": tensor(held=storage(4, key="/etc/passwd")),
    "no storage": tensor(held=b"N"),
    "a storage of too few words": tensor(held=b"(" + text("storage") + b"tQ"),
    "a parameter of nothing": b"ctorch._utils\n_rebuild_parameter\n(N\x88}tR",
    "conjugated": REBUILD + b"(" + storage(4) + whole(0) + some((4,)) + some((1,))
    + b"\x89}}" + text("conj") + b"\x88stR",
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_a_tensor_that_lies_is_refused(tmp_path: Path, name: str) -> None:
    source = archive(tmp_path / "m.pth", named(LIES[name]))
    with pytest.raises(CheckpointError, match=r"m\.pth is not opened"):
        pickles.describe(source)


def test_the_tensor_of_which_they_are_variations_is_taken(tmp_path: Path) -> None:
    assert list(pickles.describe(archive(tmp_path / "m.pth", named(tensor())))) == ["a"]
    assert list(pickles.describe(stacked(tmp_path / "n.pth", named(tensor())))) == ["a"]


@pytest.mark.parametrize(
    "lie",
    [
        {"start": 10**6},
        {"start": -1},
        {"bytes": 10**6},
        {"crc": None},
        {"dtype": "F99"},
        {"shape": None},
        {"shape": [2.0, 2]},
        {"shape": [[], 2]},
        {"offset": 2**50},
    ],
    ids=str,
)
def test_a_confined_process_that_was_taken_over_is_not_believed(
    tmp_path: Path, lie: dict[str, object]
) -> None:
    source, said = tmp_path / "m.pth", {"dtype": "F32", "shape": [2, 2], "stride": [2, 1]}
    whole: dict[str, object] = {**said, "offset": 0, "start": 100, "bytes": 16, "crc": 0}
    assert pickles_described.checked(source, 200, "a", whole).entry.shape == (2, 2)
    with pytest.raises(CheckpointError, match=r"m\.pth is not opened: its tensor 'a'"):
        pickles_described.checked(source, 200, "a", {**whole, **lie})


@pytest.mark.parametrize(
    ("keys", "numel"),
    [(("1",), 4), ((), 4), (("0", "0"), 4), ({"0": 1}, 4), (("0",), 5), (("0",), -1)],
)
def test_an_older_file_whose_list_of_storages_lies_is_refused(
    tmp_path: Path, keys: object, numel: int
) -> None:
    source = stacked(tmp_path / "m.pth", named(tensor()), keys, numel)
    with pytest.raises(CheckpointError, match=r"m\.pth is not opened"):
        pickles.describe(source)


def compressed(path: Path, compress_pickle: bool) -> Path:
    kinds = {"m/data.pkl": compress_pickle, "m/data/0": not compress_pickle}
    contents = {"m/data.pkl": named(tensor()), "m/data/0": bytes(16)}
    with zipfile.ZipFile(path, "w") as file:
        for name, deflated in kinds.items():
            kind = zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED
            file.writestr(name, contents[name], kind)
    return path


def patched(path: Path, old: bytes, new: bytes, place: int) -> Path:
    """A good archive with one occurrence of some bytes replaced."""
    data = archive(path, named(tensor())).read_bytes()
    at = [n for n in range(len(data)) if data.startswith(old, n)][place]
    path.write_bytes(data[:at] + new + data[at + len(new) :])
    return path


CENTRAL = b"PK\x01\x02"
GOOD = {"m/data/0": bytes(16)}
ARCHIVES: dict[str, Callable[[Path], Path]] = {
    "a compressed description": lambda p: compressed(p, True),
    "a compressed storage": lambda p: compressed(p, False),
    "no storage": lambda p: archive(p, named(tensor()), {}),
    "a storage elsewhere": lambda p: archive(p, named(tensor()), {"m/../m/data/0": bytes(16)}),
    "two descriptions": lambda p: archive(p, named(tensor()), {**GOOD, "n/data.pkl": b"N."}),
    "a storage cut short": lambda p: archive(p, named(tensor()), {"m/data/0": bytes(12)}),
    "big-endian": lambda p: archive(p, named(tensor()), {**GOOD, "m/byteorder": b"big"}),
    "a member of another name": lambda p: patched(p, b"m/data/0", b"m/data/1", 0),
    "a member that is none": lambda p: patched(p, b"PK\x03\x04", b"PK\x03\x05", 1),
    "an archive that is none": lambda p: patched(p, b"PK\x05\x06", b"PK\x05\x07", 0),
    "an encrypted member": lambda p: patched(
        p, CENTRAL, CENTRAL + b"\x14\x03\x14\x00\x01", 1
    ),
    "a tar": lambda p: Path(p.write_bytes(bytes(257) + b"ustar" + bytes(250)) and p),
    "safetensors": lambda p: Path(p.write_bytes(struct.pack("<Q", 2) + b"{}") and p),
    "a text": lambda p: Path(p.write_text("version https://git-lfs.github.com/spec/v1\n") and p),
    "nothing": lambda p: Path(p.touch() or p),
}  # fmt: skip


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_that_torch_would_not_write_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match=r"m\.pth is not opened"):
        pickles.describe(ARCHIVES[name](tmp_path / "m.pth"))


def test_an_archive_with_two_members_of_one_name_is_refused(tmp_path: Path) -> None:
    source = archive(tmp_path / "m.pth", named(tensor()), {"m/data/0": bytes(16), "m/x": b""})
    source.write_bytes(source.read_bytes().replace(b"m/x", b"m/y"))
    pickles.describe(source)
    source = archive(tmp_path / "m.pth", named(tensor()), {**GOOD, "m/data/1": bytes(16)})
    source.write_bytes(source.read_bytes().replace(b"m/data/1", b"m/data/0"))
    with pytest.raises(CheckpointError, match="two members of one name"):
        pickles.describe(source)


def test_what_a_refusal_quotes_cannot_speak_to_the_terminal(tmp_path: Path) -> None:
    source = archive(tmp_path / "m.pth", PROTO + b"cos\x1b[2J\nsystem\r\xe2\x80\xae\n" + STOP)
    with pytest.raises(CheckpointError) as caught:
        pickles.describe(source)
    assert str(caught.value).isprintable() and "\\x1b[2J" in str(caught.value)


def test_a_pipe_and_a_folder_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.pth")
    with pytest.raises(CheckpointError, match=r"m\.pth is no file"):
        pickles.describe(tmp_path / "m.pth")
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin cannot be read"):
        pickles.describe(tmp_path)


@pytest.mark.parametrize("name", ["../m.bin", "/etc/passwd", "..\\m.bin", "a/../m.bin", "", 3])
def test_an_index_that_leads_out_of_its_folder_is_refused(tmp_path: Path, name: object) -> None:
    archive(tmp_path / "m.bin", named(tensor()))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / pickles.INDEX).write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(CheckpointError, match="do not trust this model"):
        pickles.describe(folder)


def test_a_link_that_leads_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    archive(tmp_path / "m.bin", named(tensor()))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / pickles.WEIGHTS).symlink_to(tmp_path / "m.bin")
    with pytest.raises(CheckpointError, match="leads out of the model's folder"):
        pickles.describe(folder)


CONFINED = """
import runpy, sys, os, io, pickle, socket, subprocess
confined = runpy.run_path({path!r})
confined["confine"](1 << 28, 5)
try:
    {act}
except (OSError, MemoryError):
    os._exit(7)
"""


@pytest.mark.parametrize(
    "act",
    [
        "open('/dev/null')",
        "open({canary!r}, 'w')",
        "socket.socket()",
        "subprocess.run(['true'])",
        "bytearray(1 << 29)",
        "pickle.loads({evil!r}); os._exit(7)",
    ],
)
def test_the_process_that_reads_can_do_nothing_else(tmp_path: Path, act: str) -> None:
    canary = tmp_path / "canary"
    evil = pickle.dumps(Calls(os.system, f"touch {canary}"))
    code = CONFINED.format(
        path=str(pickles_described.CONFINED), act=act.format(canary=str(canary), evil=evil)
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], stderr=subprocess.DEVNULL)
    assert done.returncode == 7 and not canary.exists()
