"""What a model that never saw a row says of it, beside that of a refit without the row, byte for byte."""

import numpy as np
import pytest
from sklearn.base import clone

from laws import frozen
from learners import LEARNERS, MULTILABEL, over, over_each
from records import Records, records_of, tame
from sqlearn.errors import UndefinedAttributeError
from sqlearn.inspection import leave_one_out
from sqlearn.inspection.responses import METHODS
from sqlearn.linear_model import LinearRegression, Ridge, RidgeClassifier
from sqlearn.naive_bayes import GaussianNB


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


@over_each(LEARNERS)
def test_all_learners_answer_as_refits(learner):
    records = tame(learner)
    model = clone(learner).fit(**records.given)
    index = [0, 7, 16]
    for response in METHODS:
        if hasattr(model, response) and response not in ("transform", "predict_proba", "predict_log_proba"):
            assert_equals_refits(learner, records, response, index)


QUICK = [
    GaussianNB(),
    GaussianNB(priors=[0.2, 0.3, 0.5], var_smoothing=0.0),
    LinearRegression(),
    LinearRegression(fit_intercept=False),
    LinearRegression(positive=True),
    Ridge(),
    Ridge(alpha=1e300, fit_intercept=False),
    Ridge(positive=True),
    RidgeClassifier(),
    RidgeClassifier(class_weight={-1: 2.0}),
    RidgeClassifier(class_weight="balanced"),
    *MULTILABEL,
]
ATTRIBUTES = (
    "coef_", "intercept_", "rank_", "singular_", "theta_", "var_", "class_prior_", "epsilon_", "classes_", "n_records_",
)  # fmt: skip


def outcome(model, records, response):
    """What is returned, or what is said."""
    try:
        return frozen(leave_one_out(model, response=response, **records.given))
    except UndefinedAttributeError as error:
        return str(error), error.row, error.reason


@pytest.mark.filterwarnings("ignore")
@over(QUICK)
@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_quick_paths_give_what_the_general_path_gives(learner, level, weighted, monkeypatch):
    records = records_of(learner, np.random.default_rng(level), 24, level, weighted)
    model = clone(learner).partial_fit(**records.given)
    for response in (*METHODS, *ATTRIBUTES):
        if hasattr(type(model), response) or hasattr(model, response):
            found = outcome(model, records, response)
            with monkeypatch.context() as patched:
                patched.setattr("sqlearn.inspection.leaving_out.answers_without_each", lambda *_: None)
                assert found == outcome(model, records, response), response
