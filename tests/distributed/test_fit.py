"""Fits over pieces: the bytes of one process, whatever the pieces, their order, and what makes the calls."""

import numpy as np
from sklearn.base import clone

from learners import LEARNERS, over
from records import pool_of
from sqlearn.distributed import fit

SUMS = [learner for learner in LEARNERS if not learner.keeps_records]
KEEPING = [learner for learner in LEARNERS if learner.keeps_records]


def in_pieces(records, rng, n):
    """These records in `n` pieces, some of which may be empty, in any order."""
    cuts = np.sort(rng.integers(0, len(records) + 1, n - 1))
    order = rng.permutation(len(records))
    parts = [records.take(index) for index in np.split(order, cuts)]
    return [(part.X, part.y, part.w) for part in parts]


@over(SUMS)
def test_sums_have_the_digest_of_one_process(learner):
    rng = np.random.default_rng(3)
    pool = pool_of(learner, rng, 60)
    alone = clone(learner).partial_fit(**pool.given)
    model = fit(clone(learner), in_pieces(pool, rng, 7))
    assert model.digest() == alone.digest()
    gone = rng.permutation(60)[:25]
    model.forget(**pool.take(gone).given)
    alone = clone(learner).partial_fit(**pool.take(np.setdiff1d(np.arange(60), gone)).given)
    assert model.digest() == alone.digest()
