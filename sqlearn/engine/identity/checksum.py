"""Checksums of rows of 64-bit words, in the first word of each: against accidents, not against forgers.

Each step ``h = (h ^ word) * ODD; h ^= h >> 32`` can be undone, so no change of one word goes unnoticed, and of other
changes one in 2^63 does. The lowest bit of a checksum is not one of it: it says whether the row is in use, and is
hashed like the words.
"""

import numpy as np

from sqlearn.engine.kernels import kernel


@kernel
def _checksum(words, i, place, seed, used):
    odd, shift = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)
    h = (seed ^ np.uint64(place)) * odd
    h ^= h >> shift
    h = (h ^ used) * odd
    for j in range(1, words.shape[1]):
        h ^= h >> shift
        h = (h ^ words[i, j]) * odd
    h ^= h >> shift
    h *= np.uint64(0xD6E8FEB86659FD93)
    h ^= h >> shift
    return (h & ~np.uint64(1)) | used


@kernel
def stamp(words, places, seed, used):
    """Write the checksums of rows.

    Parameters
    ----------
    words : uint64[n, k], C-contiguous
        The rows; the first word of each is overwritten.
    places : int64[n]
        The number of each row, which is hashed too: so a row that has come to another place shows.
    seed : uint64
        What else is hashed.
    used : uint64
        1 for rows in use, 0 for others.
    """
    for i in range(len(words)):
        words[i, 0] = _checksum(words, i, places[i], seed, used)


@kernel
def first_bad(words, places, seed, used):
    """Index of the first row whose checksum is not the one that :func:`stamp` gives it; -1 where there is none.

    Where `used` is 1, rows that are not in use are bad, too.
    """
    for i in range(len(words)):
        own = words[i, 0] & np.uint64(1)
        if own < used or words[i, 0] != _checksum(words, i, places[i], seed, own):
            return i
    return -1
