"""Arrays in temporary files: what is read again, and space that is free again."""

import gc
import weakref

import numpy as np
import pytest

from sqlearn.distributed import blocks, fit
from sqlearn.distributed.blocks import SHARE, Blocks, Volume
from sqlearn.naive_bayes import GaussianNB

ARRAYS = [
    (np.arange(40.0).reshape(10, 4), np.arange(10, dtype=np.uint8)),
    (np.zeros((0, 3)), np.zeros(0, np.uint64)),
    (np.zeros((7, 0)), np.arange(7)[::-1]),
    (np.full((3, 2, 2), 5e-324), np.array([-0.0, np.nan, 1e308])),
]


@pytest.fixture
def volumes(monkeypatch):
    """The files of this process that are open, however many there were."""
    found = weakref.WeakSet()

    class Noted(Volume):
        def __init__(self):
            super().__init__()
            found.add(self)

    monkeypatch.setattr(blocks, "Volume", Noted)
    monkeypatch.setattr(blocks, "LARGEST", 1 << 16)
    monkeypatch.setattr(blocks, "_overflow", blocks.Overflow())
    return found


@pytest.mark.parametrize("limit", [0, 350, 1 << 20])
def test_rows_of_blocks_are_read_again(limit, volumes):
    kept = Blocks(limit and SHARE.used + limit)  # beside what other tests keep
    for arrays in ARRAYS:
        kept.append(arrays)
    assert len(volumes) == (limit < 1 << 20)
    for rows in (slice(None), slice(2, 5), slice(4, 4), slice(5, 1000), slice(0, 0), slice(8, 3)):
        for number, arrays in enumerate(ARRAYS):
            for found, array in zip(kept.read(number, rows), arrays, strict=True):
                assert found.tobytes() == array[rows].tobytes()
                assert (found.shape, found.dtype) == (array[rows].shape, array.dtype)


def test_files_are_closed_when_nobody_needs_them(volumes):
    """A model that lives on does not keep the space of others that are fitted again and again."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 2))
    y = (X[:, 0] > 0).astype(int)
    lives_on, sizes = fit(GaussianNB(), [(X[:100], y[:100])], memory=0), []
    for _ in range(4):
        model = fit(GaussianNB(), [(X[i::4], y[i::4]) for i in range(4)], memory=0)
        gc.collect()
        sizes.append(sum(volume.size for volume in volumes))
    assert max(sizes) <= 2 * 18 * len(X) + 3 * (1 << 16), sizes
    del model
    gc.collect()
    assert sum(volume.size for volume in volumes) <= 3 * (1 << 16)
    lives_on.forget(X[:1], y[:1])
    assert lives_on.digest() == GaussianNB().fit(X[1:100], y[1:100]).digest()
