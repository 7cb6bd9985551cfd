"""A prompt being read, stretch by stretch, from where a kept prefix ends."""

import numpy as np

from tertulia.engines.onnxruntime.cache import Prefixes
from tertulia.engines.onnxruntime.decoder import Across, Network
from tertulia.engines.onnxruntime.request import Ids
from tertulia.engines.onnxruntime.weights import Floats

STRETCH = 256
"""Tokens read at once: attention over a stretch needs memory for stretch x positions x heads."""

BLOCK = 16
"""No stretch has one token more than a multiple of this. The attention kernel works in blocks of
twice the head's size, which is a multiple of 16; a block of a single token goes through another
kernel (a vector times a matrix), whose last bits differ. Without such blocks keys, values and
logits are the same however a prompt is cut, so what was kept before does not change a reply."""

LEAST = 2
"""Tokens of a prompt that are read even when all of them were kept."""


class Prefill:
    """The state of one prompt, or of what a decoder behind an encoder has to read.

    kept    keys and values, [2 * layers, groups, positions, head]
    cached  tokens that were kept from earlier work
    first   the first position whose logits are wanted; the last of the prompt otherwise
    logits  [positions, vocabulary] of those wanted in the latest stretch
    """

    def __init__(
        self,
        network: Network,
        prefixes: Prefixes,
        ids: Ids,
        first: int | None = None,
        source: Floats | None = None,
    ) -> None:
        decoder = network.decoder
        self.network, self.ids = network, ids
        self.first = len(ids) - 1 if first is None else first
        self.room = np.empty(
            (2 * decoder.layers, 1, decoder.groups, len(ids), decoder.head), np.float32
        )
        found = prefixes.find(ids)
        self.cached = 0
        if found is not None:
            self.cached = max(min(found.shape[2], len(ids) - LEAST, self.first), 0)
            self.kept[:, :, : self.cached] = found[:, :, : self.cached]
        self.at = self.cached
        self.across = None if source is None else seen(source, len(ids))
        self.logits: Floats = np.empty((0, decoder.vocabulary), np.float32)

    @property
    def kept(self) -> Floats:
        return self.room[:, 0]

    @property
    def done(self) -> bool:
        return self.at == len(self.ids)

    def step(self) -> int:
        """Read the next stretch; how many tokens it had."""
        size = stretch(len(self.ids) - self.at)
        ids = self.ids[None, self.at : self.at + size]
        places = range(max(self.first - self.at, 0), size) or range(size - 1, size)
        kept = np.array([self.at], np.int32)
        logits = self.network.run(ids, kept, self.room, places, self.across)
        self.at += size
        self.logits = logits if self.at > self.first else logits[:0]
        return size


def seen(source: Floats, tokens: int) -> Across:
    """A source as the rows of one prompt of so many tokens see it.

    source  [2 * layers, groups, positions, head]
    """
    halves, groups, length, head = source.shape
    room = np.empty((halves, 1, groups, length + min(tokens, STRETCH), head), np.float32)
    room[:, 0, :, :length] = source
    return Across(room, np.array([length], np.int32))


def stretch(rest: int) -> int:
    """How many of the rest to read at once; a lone token only where the rest is one."""
    size = min(rest, STRETCH)
    lone = size % BLOCK == 1 or rest - size == 1
    return size - 2 if lone and size > LEAST else size
