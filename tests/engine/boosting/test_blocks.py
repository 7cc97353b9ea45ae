"""Sums in blocks of any size, and the trees that answers consist of, against the slow twin."""

import numpy as np
import pytest
from sklearn.base import clone

from small_boosting import (
    SmallBoosting,
    SmallBoostingRegressor,
    answer_of,
    assert_as_naive,
    booster_of,
    columns_by_nodes,
    described,
    naive_of,
    records_of,
)
from small_trees import KINDS, plain
from sqlearn.engine.boosting import booster as booster_module

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("halved", [0, 1])
def test_sums_of_more_records_than_a_block_has(halved):
    """More than are asked for second derivatives together; those of the twin, of which each is a loop."""
    rng = np.random.default_rng(0)
    X = np.round(rng.normal(size=(33_500, 2)), 1)
    y = (X[:, 0] + rng.normal(size=len(X)) > 0).astype(int)
    learner = SmallBoosting(n_trees=2, n_leaves=3, pilot=300, most_bins=4, halved=halved)
    model = learner.fit(X, y)
    assert booster_of(model).n == len(X)
    assert_as_naive(model)


@pytest.mark.parametrize("classes", [2, 3])
def test_sums_do_not_depend_on_blocks(monkeypatch, classes):
    rng = np.random.default_rng(1)
    X = plain(rng, 5000)
    y = (X[:, 0] + X[:, 1] > 0).astype(int) + (X[:, 2] > 1) * (classes == 3)
    learner = SmallBoosting(pilot=100)
    expected = described(booster_of(clone(learner).fit(X, y)))
    for size in (1, 63, 2047, 2048, 2049):
        with monkeypatch.context() as patch:
            patch.setattr(booster_module, "_AT_ONCE", size)
            if size == 1:
                patch.setattr(booster_module, "_FEW", 0)
            assert described(booster_of(clone(learner).fit(X, y))) == expected


@pytest.mark.parametrize("few", [0, 10**9])
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_records_in_blocks_and_one_by_one(monkeypatch, few, classes):
    """Whatever is added and subtracted, and however: the sums are those of what is left."""
    rng = np.random.default_rng(2)
    X = plain(rng, 3000)
    y = (X[:, 0] > 0).astype(int) + (X[:, 2] > 1) * (classes == 3)
    learner = SmallBoosting(pilot=50, halved=1)
    if not classes:
        learner, y = SmallBoostingRegressor(pilot=50, halved=1), X[:, 1] + (np.arange(3000) == 0) * 64.0
    monkeypatch.setattr(booster_module, "_FEW", few)
    model = clone(learner).fit(X, y)
    kept = booster_of(model)
    outside = [r.keyed > kept.limit and r.y < 60.0 for r in records_of(model)]
    gone = np.flatnonzero(outside)[:900]
    model.forget(X[gone], y[gone])
    assert booster_of(model) is kept
    left = np.delete(np.arange(3000), gone)
    assert described(kept) == described(booster_of(clone(learner).fit(X[left], y[left])))
    assert not np.triu(kept.hessians, 1).any()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("most_bins", [5, 63])
@pytest.mark.parametrize("categorical", [None, [0, 1]])
@pytest.mark.crossed(4)
def test_trees_of_answers_lead_to_the_columns(kind, most_bins, categorical):
    """Of records held, and of values that were never seen."""
    rng = np.random.default_rng(3)
    X, y = kind(rng, 120), rng.integers(0, 3, 120)
    model = SmallBoosting(pilot=90, most_bins=most_bins, categorical=categorical).fit(X, y)
    naive, answer = naive_of(model), answer_of(model)
    others = kind(rng, 20) * 1.5
    others[rng.random(others.shape) < 0.1] = np.nan
    others[:5] = np.array([[1e308], [-1e308], [5e-324], [-5e-324], [3.5e38]])
    asked = np.concatenate([X[:40], others]) + 0.0
    if categorical:  # numbers of categories are small
        asked = np.clip(asked, -1e38, 1e38)
    for x in asked:
        for k in range(3):
            assert columns_by_nodes(answer, x, k) == naive.columns_of(x.tolist(), k)
