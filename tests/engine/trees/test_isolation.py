"""Isolation trees against a slow twin, and after updates of the kinds that can go wrong."""

from unittest import mock

import numpy as np
import pytest
from sklearn.base import clone

from small_isolation import IsolationHistory, assert_as_fresh, assert_as_naive, trees_of
from small_trees import KINDS, far, plain
from sqlearn.engine.rounds import rows as rows_module
from sqlearn.engine.trees import lowest as lowest_module
from sqlearn.engine.trees.lowest import Lowest
from sqlearn.ensemble import IsolationForest

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("n", [1, 2, 3, 40, 400])
@pytest.mark.crossed(2)
def test_trees_are_those_of_the_definitions(kind, n):
    rng = np.random.default_rng(n)
    X = kind(rng, n)
    for size, share in ((256, 1.0), (16, 0.5), (1, 1.0)):
        learner = IsolationForest(n_estimators=3, max_samples=size, max_features=share, random_state=n)
        assert_as_naive(learner.fit(X))


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.crossed(5)
def test_histories(seed):
    IsolationHistory(seed).run(16, naive=seed % 4 == 0)


def test_single_records_on_the_fast_path():
    """The path of one record takes them from some hundred calls on; its samples and those of a fresh fit agree."""
    rng = np.random.default_rng(3)
    X = far(rng, 1500)
    X[np.isnan(X)] = 0.5
    learner = IsolationForest(n_estimators=4, max_samples=32)
    model = clone(learner).fit(X[:700])
    for i in range(260):
        model.forget(X[i]).partial_fit(X[i])
    assert model._state.fast_path.is_ready
    with mock.patch.object(lowest_module, "_LEAST_SPARE", 6), mock.patch.object(rows_module, "_MOST_EMPTY", 8):
        for i in range(700, 1500):
            model.partial_fit(X[i])
            if i % 100 == 0:
                assert_as_fresh(model, clone(learner).fit(X[: i + 1]))
        for i in range(1480):
            model.forget(X[i])
            assert model.last_update_.records_rebuilt == model.last_update_.trees * min(32, 1499 - i)
            if i % 100 == 0 or i > 1440:
                assert_as_fresh(model, clone(learner).fit(X[i + 1 :]))


def test_an_update_that_is_interrupted_on_the_fast_path():
    """Wherever it ends: the samples are found anew from the records."""
    X = plain(np.random.default_rng(4), 600)
    learner = IsolationForest(n_estimators=4, max_samples=32)
    model = clone(learner).fit(X)
    for i in range(260):
        model.forget(X[i]).partial_fit(X[i])
    interrupted = mock.Mock(side_effect=KeyboardInterrupt)
    with mock.patch.object(Lowest, "follow", interrupted), pytest.raises(KeyboardInterrupt):
        model.forget(X[0])
    assert model.n_records_ == 599
    assert_as_fresh(model, clone(learner).fit(X[1:]))


@pytest.mark.parametrize("factor", [0.5, 1, 10])
def test_a_limit_that_is_guessed_wrong(factor):
    """Where it gives too few records or too many, they are counted out."""
    keyed = np.random.default_rng(5).integers(0, 2**64, 4000, np.uint64)
    w = np.ones(len(keyed))
    w[::7] = 0.0
    lowest = Lowest(3, 256, np.uint64(1))
    lowest.look_through(keyed, w, int(factor * w.sum()))
    for t, shift in enumerate(lowest._shifts):
        expected = np.sort(lowest_module._tree_hashes(keyed, w, shift))
        np.testing.assert_array_equal(lowest.hashes[t, :256], expected[:256])
        assert lowest._counts[t] == (expected <= lowest._limits[t]).sum()


def test_trees_that_an_update_leaves_alone_are_not_grown_again():
    X = plain(np.random.default_rng(6), 5000)
    model = IsolationForest(n_estimators=50, max_samples=64).fit(X)
    cost = model.cost_of_forgetting(X[0])
    before = trees_of(model)
    touched = model.forget(X[0]).last_update_.trees
    assert touched == cost.trees
    assert sum(a is not b for a, b in zip(trees_of(model), before, strict=True)) == touched
