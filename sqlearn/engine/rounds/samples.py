"""Samples of records by their keyed hashes, and blocks of a size that BLAS sums exactly."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from sqlearn.engine.rounds.problem import Source
from sqlearn.engine.rounds.row_source import MAX_HASH, Records
from sqlearn.engine.sums import BLOCK


@lru_cache(maxsize=64)
def sample_threshold(octave: int, size: int) -> int:
    """The highest keyed hash of a sample of `size` to ``2 * size`` records; `size` is a power of two.

    Its share is a power of two that depends on the octave of the number of records alone, so it seldom changes.
    """
    return MAX_HASH >> max(0, octave - size.bit_length())


def parts_of(records: Records) -> Iterator[Records]:
    """Parts of at most BLOCK records: of more, sums in BLAS might not be exact."""
    if 0 < len(records.w) <= BLOCK:
        yield records
        return
    for a in range(0, len(records.w), BLOCK):
        yield records.take(slice(a, a + BLOCK))


def lowest_hash(records: Records) -> int:
    """The lowest keyed hash among records; the highest there is, of none."""
    hashes = records.hashes
    return int(hashes[0] if len(hashes) == 1 else hashes.min(initial=MAX_HASH))


def within(source: Source, limit: int) -> Source:
    """The records of a source whose keyed hash is at most `limit`."""
    return lambda: (records.take(records.hashes <= np.uint64(limit)) for records in source())
