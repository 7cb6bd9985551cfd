"""Cards in CHARX files: a zip whose `card.json` is read, and nothing else unless it is asked for.

Nothing is ever unpacked to disk. Sizes are counted while a member is read, whatever the header
says; the header is looked at too, so that a lie in either direction is refused.
"""

import io
import stat
import zipfile
import zlib
from collections.abc import Iterable, Mapping

from tertulia.cards.document import MAX_JSON
from tertulia.config import shown
from tertulia.errors import CardError

MAX_ENTRIES = 200
MAX_UNPACKED = 200 * 1024 * 1024
MAX_RATIO = 100
PIECE = 64 * 1024
CARD = "card.json"
START = b"PK\x03\x04"
LISTED = b"PK\x01\x02"
"""What every entry of a zip's list begins with."""

BROKEN = (
    zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError,
    ValueError, OverflowError, LookupError,
)  # fmt: skip
"""What the standard library raises for damaged, encrypted and odd files."""


def opened(content: bytes, where: str) -> zipfile.ZipFile:
    """The zip, its list looked through. Raises CardError for one that breaks a limit."""
    # Counted first: the library makes an object of half a kilobyte for each entry it lists.
    if content.count(LISTED) > MAX_ENTRIES:
        raise CardError(f"{where}: more than {MAX_ENTRIES} files in it: leave some assets out")
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except BROKEN as error:
        raise CardError(
            f"{where}: no CHARX file, its zip is damaged ({error}): fetch it again"
        ) from error
    members = archive.infolist()
    for member in members:
        check(member, where)
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise CardError(f"{where}: two files of one name in it: pack it again")
    if sum(member.file_size for member in members) > MAX_UNPACKED:
        raise CardError(f"{where}: more than {MAX_UNPACKED // 1024**2} MB unpacked: leave some out")
    return archive


def check(member: zipfile.ZipInfo, where: str) -> None:
    """Raises CardError for a member that is a link, locked, packed too hard, or leads out."""
    name, at = member.filename, f"{where}: {shown(member.filename)}"
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or not parts[0] or ":" in parts[0] or "\0" in member.orig_filename:
        raise CardError(f"{at} leads out of the file's own folder: pack it again")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise CardError(f"{at} is a link: pack it again without links")
    if member.flag_bits & 0x1:
        raise CardError(f"{at} is encrypted: export the card without a password")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise CardError(f"{at} is packed in another way than deflate: pack it again")
    if member.file_size > max(member.compress_size, 1) * MAX_RATIO:
        raise CardError(f"{at} is packed more than {MAX_RATIO} times smaller: pack it again")


def unpacked(archive: zipfile.ZipFile, name: str, most: int, where: str) -> bytes:
    """One member, at most so many bytes. Raises CardError for more, and for a damaged one."""
    pieces: list[bytes] = []
    total = 0
    try:
        member = archive.getinfo(name)
        limit = min(most, max(member.compress_size, 1) * MAX_RATIO)
        with archive.open(member) as file:
            while piece := file.read(PIECE):
                total += len(piece)
                if total > limit:
                    raise CardError(
                        f"{where}: {name} unpacks to more than {limit} bytes: pack it again"
                    )
                pieces.append(piece)
    except CardError:
        raise
    except BROKEN as error:
        raise CardError(f"{where}: {name} cannot be read ({error}): pack it again") from error
    return b"".join(pieces)


def card(content: bytes, where: str) -> bytes:
    """The JSON of the card in it."""
    archive = opened(content, where)
    if CARD not in archive.namelist():
        raise CardError(f"{where}: no {CARD} at its root: give a CHARX file or the card's JSON")
    return unpacked(archive, CARD, MAX_JSON, where)


def names(content: bytes, where: str) -> tuple[str, ...]:
    """What else is in it, folders left out."""
    listed = opened(content, where).namelist()
    return tuple(name for name in listed if name != CARD and not name.endswith("/"))


def member(content: bytes, name: str, most: int, where: str) -> bytes:
    """One asset's bytes, at most so many."""
    return unpacked(opened(content, where), name, most, where)


def packed(members: Mapping[str, bytes] | Iterable[tuple[str, bytes]]) -> bytes:
    """A CHARX file of these members; the same members give the same bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in dict(members).items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()
