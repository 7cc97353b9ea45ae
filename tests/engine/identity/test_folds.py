"""The fold of a record: fixed forever, alike by kernel and by vector, independent of what else a digest chooses."""

import numpy as np
import pytest

from sqlearn.engine.arithmetic import mix
from sqlearn.engine.identity.folds import MOST_FOLDS, fold_of, folds_of

WORDS = np.array(
    [[0, 0], [1, 0], [0, 1], [2**64 - 1, 2**64 - 1], [0x0123456789ABCDEF, 0xFEDCBA9876543210], [2**63, 1]], np.uint64
)
PINNED = {
    1: [0, 0, 0, 0, 0, 0],
    2: [1, 0, 1, 0, 0, 0],
    3: [1, 0, 1, 0, 0, 0],
    5: [2, 0, 2, 0, 1, 1],
    10: [5, 0, 5, 1, 3, 3],
    MOST_FOLDS: [571276, 99011, 613961, 193992, 332849, 326720],
}


@pytest.mark.parametrize(("n_folds", "pinned"), PINNED.items())
def test_folds_are_fixed_forever(n_folds, pinned):
    assert folds_of(WORDS, n_folds).tolist() == pinned
    assert [fold_of(first, second, n_folds) for first, second in WORDS] == pinned


def test_both_forms_agree():
    digests = np.random.default_rng(0).integers(0, 2**64, (500, 6), dtype=np.uint64)
    for n_folds in (2, 5, 7, 1000):
        found = folds_of(digests, n_folds)
        assert found.dtype == np.int64
        assert found.tolist() == [fold_of(first, second, n_folds) for first, second, *_ in digests]
        assert found.min() >= 0
        assert found.max() < n_folds


def chi_squared(observed):
    expected = observed.sum() / observed.size
    return ((observed - expected) ** 2 / expected).sum()


def test_folds_are_even_and_independent_of_samples_and_trees():
    """Folds of 5 within a sample by the highest bits of word 0, and within trees that its mixes choose."""
    n = 60_000
    digests = np.random.default_rng(1).integers(0, 2**64, (n, 2), dtype=np.uint64)
    folds = folds_of(digests, 5)
    keyed = digests[:, 0]
    trees = np.array([int(mix(word, np.uint64(1000))) % 4 for word in keyed])
    shards = keyed % np.uint64(4)
    high = (keyed >> np.uint64(62)).astype(int)
    second = (digests[:, 1] >> np.uint64(62)).astype(int)
    for other in (trees, shards.astype(int), high, second):
        table = np.zeros((5, 4))
        np.add.at(table, (folds, other), 1)
        assert chi_squared(table) < 43.8  # 19 degrees of freedom, one in 1,000


def test_consecutive_words_have_unlike_folds():
    digests = np.zeros((10_000, 2), np.uint64)
    for column in range(2):
        digests[:] = 0
        digests[:, column] = np.arange(10_000)
        assert chi_squared(np.bincount(folds_of(digests, 10), minlength=10)) < 27.9  # 9 degrees of freedom
