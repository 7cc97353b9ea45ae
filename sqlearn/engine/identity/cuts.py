"""Where to cut bytes into pieces, by their contents: a change moves the cuts near it, and no others."""

from itertools import pairwise

import numpy as np

from sqlearn.engine.kernels import kernel

_SHIFT = np.uint64(54)  # a cut where the ten highest bits of the rolling hash are 0
_WINDOW = 64  # bytes that the hash depends on


@kernel
def _cut(content, least, most, ends):
    """Write where each piece ends. Returns how many there are."""
    n, start, found = len(content), 0, 0
    while start < n:
        stop = min(n, start + most)
        at = min(stop, start + least)
        hashed = np.uint64(0)
        for i in range(max(start, at - _WINDOW), at):
            hashed = (hashed << np.uint64(1)) + _spread(content[i])
        while at < stop and hashed >> _SHIFT:
            hashed = (hashed << np.uint64(1)) + _spread(content[at])
            at += 1
        ends[found] = at
        found += 1
        start = at
    return found


@kernel
def _spread(byte):
    mixed = (np.uint64(byte) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xD6E8FEB86659FD93)
    return mixed ^ (mixed >> np.uint64(32))


def cuts(content: bytes, least: int, most: int) -> list[bytes]:
    """Bytes in pieces of `least` to `most` bytes (the last may be shorter)."""
    ends = np.empty(1 + len(content) // least, np.int64)
    found = _cut(np.frombuffer(content, np.uint8), least, most, ends)
    edges = [0, *ends[:found].tolist()]
    return [content[start:stop] for start, stop in pairwise(edges)]
