"""Slices of shards: a refit starts behind the last slice that never saw the row, and ends where a whole one does."""

from collections import Counter
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

from laws import assert_same
from learners import crossed
from small_shards import History
from sqlearn.ensemble import ShardedClassifier, ShardedRegressor
from sqlearn.errors import ParameterError
from sqlearn.naive_bayes import GaussianNB

pytestmark = pytest.mark.filterwarnings("ignore")


class Counting(SGDClassifier):
    """A classifier that notes how many slices it learns."""

    slices: ClassVar[Counter] = Counter()

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        Counting.slices[len(X)] += 1
        return super().partial_fit(X, y, classes, sample_weight)


def table(n=300, seed=0):
    X = np.random.default_rng(seed).normal(size=(n, 3))
    return X, (X[:, 0] > 0).astype(int)


@crossed(
    6,
    model=[
        ShardedClassifier(SGDClassifier(loss="log_loss", average=True), 2, 4),
        ShardedClassifier(MLPClassifier(3), 1, 3),
        ShardedRegressor(SGDRegressor(), 2, 5),
    ],
    groups=[None, ["a", "b", 3]],
    seed=range(3),
)
def test_any_history(model, groups, seed):
    History(model, np.random.default_rng(seed), groups, weighted=seed == 2 and "MLP" not in str(model)).run(20)


def test_a_refit_starts_behind_the_last_slice_that_never_saw_the_row():
    X, y = table()
    model = ShardedClassifier(Counting(loss="log_loss"), 1, 6, check_refit=False).fit(X, y)
    assert Counting.slices.total() == 6
    shard = model.state.statistic.shards[0]
    for i in range(40):
        Counting.slices.clear()
        before = shard.fitted.checkpoints
        model.forget(X[i], y[i])
        assert shard.fitted is None
        left = [] if shard.started is None else shard.started.checkpoints
        kept = sum(one is not None for one in left)
        assert left[:kept] == before[:kept]
        model.predict(X)
        assert Counting.slices.total() == 6 - kept
    assert_same(model, clone(model).fit(X[40:], y[40:]))
    Counting.slices.clear()
    model.forget(X[40:60], y[40:60]).predict(X)
    assert Counting.slices.total() <= 6


class ToldWeights(SGDClassifier):
    """A classifier that keeps for each slice whether weights were passed."""

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        self.told_ = [*getattr(self, "told_", []), sample_weight is not None]
        return super().partial_fit(X, y, classes, sample_weight)


def test_a_slice_is_told_weights_where_it_has_some():
    """Checkpoints are functions of the records up to their slice, so weights of later ones must not show."""
    X, y = table(60)
    for i in range(12):
        w = np.ones(60)
        w[i] = 2.0
        model = ShardedClassifier(ToldWeights(loss="log_loss"), 1, 3).fit(X, y, w).refit().forget(X[i], y[i], 2.0)
        refit = clone(model).fit(np.delete(X, i, axis=0), np.delete(y, i))
        assert_same(model, refit)
        assert model.estimators_[0].told_ == refit.estimators_[0].told_


def test_a_class_that_goes_takes_all_slices_with_it():
    X, y = table()
    y[7] = 2
    model = ShardedClassifier(SGDClassifier(loss="log_loss"), 1, 4).fit(X, y)
    model.forget(X[7], 2)
    assert_same(model, clone(model).fit(np.delete(X, 7, axis=0), np.delete(y, 7)))
    assert model.predict_proba(X).shape == (300, 2)


def test_learners_of_this_package_have_no_slices():
    X, y = table()
    model = ShardedClassifier(GaussianNB(), 2, 4).fit(X, y).forget(X[0], y[0])
    assert all(shard.is_fitted for shard in model.shards_)
    assert_same(model, clone(model).fit(X[1:], y[1:]))


def test_slices_are_a_parameter():
    X, y = table()
    digests = {ShardedClassifier(GaussianNB(), 2, n).fit(X, y).digest() for n in (1, 2, 3)}
    assert len(digests) == 3
    with pytest.raises(ParameterError, match="SVC has no partial_fit"):
        ShardedClassifier(SVC(), 2, 2, "hard").fit(X, y)
