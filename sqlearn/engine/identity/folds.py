"""The fold of a record in cross-validation: a function of its keyed digest and of the number of folds, nothing else.

So folds never shift: a record stays where it is whatever comes or goes, and equal records share a fold. The digest's
words are mixed again, with constants of their own, so that folds are independent of the samples and the trees that
the same words choose. These values are fixed forever: a choice made with them must be made alike by every version.
"""

import numpy as np

from sqlearn.engine.kernels import kernel

_FIRST = np.uint64(0xFF51AFD7ED558CCD)  # the finaliser of MurmurHash3 (Appleby, 2011)
_SECOND = np.uint64(0xC4CEB9FE1A85EC53)
_SALT = np.uint64(0x666F6C6473206F66)  # "folds of"
_HALF = np.uint64(32)
_SHIFT = np.uint64(33)

MOST_FOLDS = 1 << 20  # far below 2**32, where a few folds would get more records than others


@kernel
def fold_of(first, second, n_folds):
    """The fold, below `n_folds`, of a record whose digest begins with these two words."""
    z = first ^ _SALT
    for turn in range(2):
        z = (z ^ (z >> _SHIFT)) * _FIRST
        z = (z ^ (z >> _SHIFT)) * _SECOND
        z ^= z >> _SHIFT
        if turn == 0:
            z ^= second
    return np.int64(((z >> _HALF) * np.uint64(n_folds)) >> _HALF)


def folds_of(digests: np.ndarray, n_folds: int) -> np.ndarray:
    """The folds of records, int64[n], by their digests, uint64[n, 2] or wider: what :func:`fold_of` gives for each."""
    z = digests[:, 0] ^ _SALT
    for turn in range(2):
        z = (z ^ (z >> _SHIFT)) * _FIRST
        z = (z ^ (z >> _SHIFT)) * _SECOND
        z ^= z >> _SHIFT
        if turn == 0:
            z ^= digests[:, 1]
    return (((z >> _HALF) * np.uint64(n_folds)) >> _HALF).astype(np.int64)
