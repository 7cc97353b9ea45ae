"""Boosters of few records, whose Hessians are not written out: the answers of those where they are."""

import numpy as np
import pytest
from sklearn.base import clone

from small_boosting import SmallBoosting, SmallBoostingRegressor, booster_of, described, records_of
from small_trees import plain
from sqlearn.engine.boosting import booster as booster_module

pytestmark = pytest.mark.filterwarnings("ignore")


def learner_and_records(classes, n):
    rng = np.random.default_rng(classes)
    X = plain(rng, n)
    if classes:
        return SmallBoosting(pilot=20), X, (X[:, 0] > 0).astype(int) + (X[:, 2] > 1) * (classes == 3)
    return SmallBoostingRegressor(pilot=20), X, X[:, 1] + (np.arange(n) == 0) * 64.0


def written_out(learner, X, y, monkeypatch):
    """The answer of a booster that never has few records."""
    with monkeypatch.context() as patch:
        patch.setattr(booster_module, "_FEWER", 0.0)
        booster = booster_of(clone(learner).fit(X, y))
        assert not booster._are_few
        return answered(booster)


def answered(booster):
    return booster.solution().tobytes(), described(booster)


@pytest.mark.parametrize("classes", [0, 2, 3])
@pytest.mark.parametrize("one_by_one", [True, False])
def test_few_and_many(monkeypatch, classes, one_by_one):
    """Records go and come back, until there is no room; then there are more than a few."""
    monkeypatch.setattr(booster_module, "_MOST_WAITING", 40)
    monkeypatch.setattr(booster_module, "_FEW", 10**9 if one_by_one else 0)
    learner, X, y = learner_and_records(classes, 300)
    p = booster_of(clone(learner).fit(X, y)).gradients.shape[1]
    monkeypatch.setattr(booster_module, "_FEWER", 304 / p)
    model = clone(learner).fit(X, y)
    kept = booster_of(model)
    assert kept._are_few
    everything = written_out(learner, X, y, monkeypatch)
    assert answered(kept) == everything
    outside = np.array([r.keyed > kept.limit and r.y < 60.0 for r in records_of(model)])
    gone = np.flatnonzero(outside)[:30]
    left = np.delete(np.arange(300), gone)
    without = written_out(learner, X[left], y[left], monkeypatch)
    for _ in range(12):
        model.forget(X[gone], y[gone])
        assert booster_of(model) is kept
        assert answered(kept) == without
        model.partial_fit(X[gone], y[gone])
    assert answered(kept) == everything
    assert kept._are_few
    kept._most_few = 10  # as if it had so many columns
    for _ in range(20):
        model.forget(X[gone], y[gone])
        model.partial_fit(X[gone], y[gone])
        assert answered(kept) == everything
    assert booster_of(model) is kept
    assert not kept._are_few
