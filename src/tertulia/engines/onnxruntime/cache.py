"""Keys and values: of rows that are being decoded, and of processed text that may come again."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from tertulia.engines.onnxruntime.embedding import Ids
from tertulia.engines.onnxruntime.weights import Floats

STRIDE = 128
"""Positions that a new room has, and those of a reply that are made room for at once."""

BLOCK = 16
"""Positions of a room are a multiple of this."""


@dataclass(slots=True, eq=False)
class Slot:
    """One row of the batch.

    place   among the rows, which are always 0 to n - 1
    length  positions that are filled
    source  positions of its source; 0 without an encoder
    """

    place: int
    length: int
    source: int = 0


class Room:
    """Keys and values of rows in one array, [2 * layers, rows, groups, positions, head].

    It grows by doubling and is never cleared: what lies beyond a row's length is not read. While
    it is empty its memory takes any shape, since memory that the system hands out anew is slow.

    window  positions at the most
    flat    the memory, of which the array is a view
    """

    def __init__(self, sizes: tuple[int, int, int], window: int) -> None:
        self.sizes, self.window = sizes, window
        self.flat: Floats = np.empty(0, np.float32)
        self.shape(1, min(STRIDE, window))

    def shape(self, rows: int, positions: int) -> None:
        """Make it of so many rows and positions; what was in it is lost."""
        halves, groups, head = self.sizes
        shape = halves, rows, groups, positions, head
        if prod(shape) > self.flat.size:
            self.flat = np.empty(prod(shape), np.float32)
        self.array = self.flat[: prod(shape)].reshape(shape)

    def reserve(self, rows: int, positions: int, filled: Sequence[int]) -> None:
        """Make room for so many rows of so many positions.

        filled  positions of each row that is there
        """
        have_rows, have = self.array.shape[1], self.array.shape[3]
        if rows <= have_rows and positions <= have:
            return
        if filled:
            rows = max(rows, 2 * have_rows) if rows > have_rows else have_rows
            positions = max(positions, 2 * have) if positions > have else have
        # What is empty is made to measure: it may be told at once how long rows will become.
        wanted = min(-(-positions // BLOCK) * BLOCK, self.window)
        old = self.array
        if filled:
            self.flat = np.empty(0, np.float32)
        self.shape(rows, wanted)
        for place, length in enumerate(filled):
            self.array[:, place, :, :length] = old[:, place, :, :length]

    def put(self, place: int, prefix: Floats) -> None:
        self.array[:, place, :, : prefix.shape[2]] = prefix

    def move(self, origin: int, place: int, length: int) -> None:
        self.array[:, place, :, :length] = self.array[:, origin, :, :length]

    def rest(self, idle_bytes: int) -> None:
        """Let go of an array that nothing is in and that is larger than this."""
        if self.flat.nbytes > idle_bytes:
            self.flat = np.empty(0, np.float32)
            self.shape(1, min(STRIDE, self.window))


class Slots:
    """The rows of the batch, with what they said and, behind an encoder, with their sources.

    window      positions of a row at the most
    sources     positions of a source at the most; None without an encoder
    idle_bytes  of rows, and of sources, that are held on to while nothing is being decoded
    """

    def __init__(
        self,
        layers: int,
        groups: int,
        head: int,
        window: int,
        sources: int | None = None,
        idle_bytes: int = 0,
    ) -> None:
        self.sizes = 2 * layers, groups, head
        self.idle_bytes = idle_bytes
        self.rows: list[Slot] = []
        self.said = Room(self.sizes, window)
        # One position more, which hides itself: see decoder.Network.bind_across.
        self.sources = None if sources is None else Room(self.sizes, sources + 1)

    @property
    def room(self) -> Floats:
        """[2 * layers, rows, groups, positions, head]; there may be more rows than slots."""
        return self.said.array

    def take(self, prefix: Floats, source: Floats | None = None) -> Slot:
        """A new last row that begins with this prefix, [2 * layers, groups, positions, head].

        source  the row's own, shaped alike
        """
        slot = Slot(len(self.rows), prefix.shape[2])
        self.reserve(slot.place + 1, slot.length + 1)
        self.said.put(slot.place, prefix)
        if self.sources is not None and source is not None:
            slot.source = source.shape[2]
            filled = [each.source for each in self.rows]
            self.sources.reserve(slot.place + 1, slot.source + 1, filled)
            self.sources.put(slot.place, source)
        self.rows.append(slot)
        return slot

    def reserve(self, rows: int, positions: int) -> None:
        """Make room for so many rows of so many positions."""
        self.said.reserve(rows, positions, [each.length for each in self.rows])

    def expect(self, rows: int, positions: int, source: int) -> None:
        """Make room at once for rows that are coming: room that grows row by row is copied.

        rows       all there will be
        positions  of a row that is coming
        source     positions of its source; 0 without an encoder
        """
        self.reserve(rows, positions)
        if self.sources is not None:
            self.sources.reserve(rows, source + 1, [each.source for each in self.rows])

    def free(self, slot: Slot) -> None:
        """Give a row back; the last row moves into its place."""
        last = self.rows[-1]
        if last is not slot:
            self.said.move(last.place, slot.place, last.length)
            if self.sources is not None:
                self.sources.move(last.place, slot.place, last.source)
            self.rows[slot.place] = last
            last.place = slot.place
        self.rows.pop()
        if not self.rows:
            self.said.rest(self.idle_bytes)
            if self.sources is not None:
                self.sources.rest(self.idle_bytes)

    def reorder(self, slots: Sequence[Slot], origins: Sequence[int], start: int) -> None:
        """Each slot goes on from another of them; below start they are all the same."""
        places = [slot.place for slot in slots]
        moves = [(place, places[origin]) for place, origin in zip(places, origins, strict=True)]
        moves = [(place, source) for place, source in moves if place != source]
        if not moves:
            return
        end = max(slot.length for slot in slots)
        onto, sources = [place for place, _ in moves], [source for _, source in moves]
        self.room[:, onto, :, start:end] = self.room[:, sources, :, start:end]


@dataclass(slots=True, eq=False)
class Kept:
    """One processed prefix.

    ids   its tokens
    room  [2 * layers, groups, positions, head], not changed any more
    """

    ids: Ids
    room: Floats


class Prefixes:
    """Processed prefixes by how lately they were used, within a budget of bytes.

    Only what was processed as a prompt is kept: a reply's own keys and values, made one token at
    a time, differ from those in their last bits, and a seed must replay whatever was kept.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.kept: list[Kept] = []

    def find(self, ids: Ids) -> Floats | None:
        """Keys and values of the longest kept beginning of these ids; None when there is none."""
        best, longest = None, 0
        for each in self.kept:
            shared = common(each.ids, ids)
            if shared > longest:
                best, longest = each, shared
        if best is None:
            return None
        self.kept.remove(best)
        self.kept.append(best)
        return best.room[:, :, :longest]

    def add(self, ids: Ids, room: Floats) -> None:
        """Keep one more; those it goes on from are dropped, then the least lately used."""
        if room.nbytes > self.budget:
            return
        self.kept = [each for each in self.kept if common(each.ids, ids) < len(each.ids)]
        self.kept.append(Kept(ids, room))
        while sum(each.room.nbytes for each in self.kept) > self.budget:
            self.kept.pop(0)

    def clear(self) -> None:
        self.kept.clear()


class Sources:
    """What an encoder made of sources, by how lately they were used, within a budget of bytes.

    One more token changes all positions of a source: only exactly the same ids find it again.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.kept: OrderedDict[bytes, Floats] = OrderedDict()

    def find(self, ids: Ids) -> Floats | None:
        """Keys and values of these ids, [2 * layers, groups, tokens, head]."""
        room = self.kept.get(ids.tobytes())
        if room is not None:
            self.kept.move_to_end(ids.tobytes())
        return room

    def add(self, ids: Ids, room: Floats) -> None:
        """Keep one more; the least lately used are dropped. The room is not changed any more."""
        if room.nbytes > self.budget:
            return
        self.kept[ids.tobytes()] = room
        while sum(each.nbytes for each in self.kept.values()) > self.budget:
            self.kept.popitem(last=False)

    def clear(self) -> None:
        self.kept.clear()


def common(left: Ids, right: Ids) -> int:
    """How many ids are the same at the beginning."""
    size = min(len(left), len(right))
    differ = np.flatnonzero(left[:size] != right[:size])
    return int(differ[0]) if len(differ) else size
