"""The buckets of a store's hash tables: entries of two words, those in use in front, a hash and a number in each."""

import numpy as np

from sqlearn.engine.kernels import kernel


@kernel
def find(entries, buckets, hashes, of_number, out):
    """Where hashes stand.

    Parameters
    ----------
    entries : uint64[b, e, 2], C-contiguous
        Buckets of entries.
    buckets : int64[n]
        The bucket to look for each hash in.
    hashes : uint64[n, 2]
        The hashes.
    of_number : uint64
        The bits of an entry's second word that are its number, and not of the hash.
    out : int64[n]
        Where the index in the bucket goes, or -1 where the hash is not there.
    """
    for i in range(len(hashes)):
        out[i] = -1
        first, second, bucket = hashes[i, 0], hashes[i, 1], buckets[i]
        for j in range(entries.shape[1]):
            word = entries[bucket, j, 1]
            if word == 0:
                break
            if entries[bucket, j, 0] == first and (word & ~of_number) == second:
                out[i] = j
                break


@kernel
def pack(entries):
    """Move entries in use, whose second word is not 0, to the front of their buckets; zeros follow."""
    for i in range(len(entries)):
        n = 0
        for j in range(entries.shape[1]):
            if entries[i, j, 1] != 0:
                entries[i, n, 0], entries[i, n, 1] = entries[i, j, 0], entries[i, j, 1]
                n += 1
        for j in range(n, entries.shape[1]):
            entries[i, j, 0] = np.uint64(0)
            entries[i, j, 1] = np.uint64(0)
