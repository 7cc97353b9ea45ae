"""What a model that never saw a row says of it, beside that of a refit without the row, byte for byte."""

import numpy as np
import pytest
from sklearn.base import clone

from learners import LEARNERS
from records import Records, tame
from sqlearn.inspection import leave_one_out
from sqlearn.inspection.responses import METHODS


def refits(learner, records: Records, index):
    """A refit without each of these records, and the record."""
    for i in index:
        yield clone(learner).partial_fit(**records.take(np.delete(np.arange(len(records)), i)).given), i


def answered(refit, records: Records, i, response):
    """What a refit answers for a record on its own."""
    X = records.take([i]).X
    if response == "score":
        return refit.score(X, *([] if records.y is None else [records.y[i : i + 1]]))
    if response.endswith("_"):
        return getattr(refit, response)
    return getattr(refit, response)(X)[0]


def assert_equals_refits(learner, records: Records, response, index=None):
    model = clone(learner).partial_fit(**records.given)
    index = np.arange(len(records)) if index is None else np.asarray(index)
    before = model.digest()
    found = leave_one_out(model, response=response, **records.take(index).given)
    assert model.digest() == before
    assert len(found) == len(index)
    for row, (refit, i) in zip(found, refits(learner, records, index), strict=True):
        expected = answered(refit, records, i, response)
        assert np.asarray(row).dtype.kind == np.asarray(expected).dtype.kind
        assert np.asarray(row).tobytes() == np.asarray(expected).tobytes(), (response, i)


@pytest.mark.parametrize("learner", LEARNERS, ids=str)
def test_all_learners_answer_as_refits(learner):
    records = tame(learner)
    model = clone(learner).fit(**records.given)
    index = [0, 7, 16]
    for response in METHODS:
        if hasattr(model, response) and response not in ("transform", "predict_proba", "predict_log_proba"):
            assert_equals_refits(learner, records, response, index)
