"""Learners that keep their records: those of all pieces in one place, or none."""

import numpy as np
import pytest
from sklearn.base import clone

from learners import LEARNERS, over
from records import tame
from sqlearn.distributed import fit
from sqlearn.errors import TooLargeError

KEEPING = [learner for learner in LEARNERS if learner.keeps_records]


def pieces_of(records):
    order = np.random.default_rng(0).permutation(len(records))
    parts = [records.take(index) for index in np.split(order, [9, 9, 30])]
    return [(part.X, part.y, part.w) for part in parts]


@over(KEEPING)
def test_records_are_gathered(learner):
    records = tame(learner, 40)
    model = fit(clone(learner), pieces_of(records))
    assert model.digest() == clone(learner).fit(**records.given).digest()


def test_more_records_than_the_limit_are_refused():
    learner = next(learner for learner in KEEPING if type(learner).__name__ == "KNeighborsClassifier")
    records = tame(learner, 40)
    model = clone(learner).fit(**records.take(range(9)).given)
    digest = model.digest()
    with pytest.raises(TooLargeError, match=r"keeps its records.*more than the 800 bytes of gather_limit"):
        fit(model, pieces_of(records), gather_limit=800)
    assert model.digest() == digest
    assert fit(model, pieces_of(records), gather_limit=40 * (3 + 1) * 8).n_records_ == 40
