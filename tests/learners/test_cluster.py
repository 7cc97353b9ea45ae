"""KMeans: the bytes of a refit whatever breaks, and scikit-learn's results."""

import copy
import pickle
import warnings
from collections import Counter

import numpy as np
import pytest
from sklearn import cluster as peers
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from laws import assert_same, check_contract
from learners import EVERYWHERE
from records import records_of
from sqlearn import verify
from sqlearn.cluster import KMeans
from sqlearn.engine.problems import clustering_problem
from sqlearn.engine.rounds import samples
from sqlearn.engine.rounds import walk as rounds
from sqlearn.errors import ParameterError, UndefinedAttributeError


def blobs(rng, n, d=3, k=4, spread=2.0):
    return rng.normal(size=(k, d))[rng.integers(0, k, n)] * spread + rng.normal(size=(n, d)) + 50.0


@pytest.fixture
def fine(monkeypatch):
    """Small samples and fine grids, so that rounds and breaks happen with few records."""
    monkeypatch.setattr(rounds, "PILOT", 8)
    monkeypatch.setattr(clustering_problem, "_FINE", 2.0**-8)
    monkeypatch.setattr(clustering_problem, "_COARSE", 1.0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_contract(level, init):
    rng = np.random.default_rng(level)
    learner = KMeans(n_clusters=3, init=init)
    check_contract(learner, records_of(learner, rng, 30, level), rng)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("level", [0, 1])
def test_contract_in_rounds(level, fine):
    rng = np.random.default_rng(level)
    learner = KMeans(n_clusters=2)
    check_contract(learner, records_of(learner, rng, 150, level), rng)


def test_random_histories_in_rounds(fine):
    breaks = Counter()
    for seed in range(3):
        rng = np.random.default_rng(seed)
        X = blobs(rng, 1000)
        X[rng.integers(0, 1000, 60)] = X[rng.integers(0, 1000, 60)]  # copies
        X[rng.integers(0, 1000, 3)] *= 10.0 ** (3 * seed)
        w = rng.choice([1.0, 1.0, 0.5, 3.0, 0.0], 1000)
        model = KMeans(n_clusters=4, random_state=seed)
        held = set(range(800))
        model.fit(X[:800], sample_weight=w[:800])
        for _ in range(60 if EVERYWHERE else 30):
            if rng.random() < 0.5:
                rows = rng.permutation([i for i in range(1000) if i not in held])[: rng.choice([1, 1, 5])]
                model.partial_fit(X[rows], sample_weight=w[rows])
                held |= set(rows.tolist())
            else:
                rows = rng.permutation(sorted(held))[: rng.choice([1, 1, 30])]
                model.forget(X[rows], sample_weight=w[rows])
                held -= set(rows.tolist())
            breaks[model.last_update_.broke_at] += 1
            now = rng.permutation(sorted(held))
            assert verify(model, X[now], sample_weight=w[now])
    assert {None, "grid", "pilot", 1} <= breaks.keys(), breaks


def test_blocks_threads_and_order_do_not_show(fine, monkeypatch):
    rng = np.random.default_rng(0)
    X = blobs(rng, 3000)
    whole = KMeans(4).fit(X)
    monkeypatch.setattr(samples, "BLOCK", 100)
    monkeypatch.setattr(clustering_problem, "BLOCK", 37)
    assert_same(KMeans(4).fit(X[rng.permutation(3000)]), whole)
    left, right = KMeans(4).fit(X[:1000]), KMeans(4).fit(X[1000:])
    assert_same(right.merge(left), whole)
    assert_same(pickle.loads(pickle.dumps(whole)), whole)


def test_a_failed_forget_changes_nothing(fine):
    rng = np.random.default_rng(0)
    X = blobs(rng, 300)
    model = KMeans(3).fit(X)
    digest, trace = model.digest(), model._state.statistic.trace
    with pytest.raises(ValueError, match="not held"):
        model.forget(np.concatenate([X[:5], X[:1]]))
    assert model.digest() == digest
    assert model._state.statistic.trace is trace


def test_inertia_is_that_of_scikit_learn():
    rng = np.random.default_rng(1)
    for n in (500, 30000):
        X = blobs(rng, n, 5, 5, 3.0)
        ours, theirs = KMeans(5, n_init=3).fit(X), peers.KMeans(5, n_init=3, random_state=0).fit(X)
        assert ours.inertia_ <= theirs.inertia_ * 1.001
        assert ours.inertia_ == pytest.approx(-ours.score(X), rel=1e-3)


def test_from_given_centres_it_is_scikit_learn():
    rng = np.random.default_rng(2)
    X = blobs(rng, 500) * 1000.0
    w = rng.integers(1, 4, 500).astype(float)
    start = X[:6]
    ours, theirs = (
        KMeans_(6, init=start, n_init=1, tol=0.0).fit(X, sample_weight=w) for KMeans_ in (KMeans, peers.KMeans)
    )
    np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=1e-10)
    assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=1e-9)
    assert ours.n_iter_ == theirs.n_iter_
    assert (ours.labels_ == theirs.labels_).all()
    assert ours.score(X, sample_weight=w) == pytest.approx(theirs.score(X, sample_weight=w))


def test_weights_are_copies():
    rng = np.random.default_rng(3)
    X = blobs(rng, 60)
    w = rng.integers(1, 4, 60)
    weighted, copies = KMeans(4).fit(X, sample_weight=w), KMeans(4).fit(np.repeat(X, w, axis=0))
    np.testing.assert_allclose(weighted.cluster_centers_, copies.cluster_centers_, rtol=1e-9)


def test_empty_clusters_move_to_the_farthest_records():
    X = np.array([[0.0], [1.0], [10.0], [11.0], [30.0]])
    start = np.array([[0.0], [1000.0], [2000.0]])
    ours, theirs = (KMeans_(3, init=start, n_init=1).fit(X) for KMeans_ in (KMeans, peers.KMeans))
    np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_)
    assert (ours.labels_ == theirs.labels_).all()


def test_an_empty_cluster_in_rounds(fine):
    rng = np.random.default_rng(4)
    X = np.concatenate([rng.normal(size=(200, 2)), rng.normal(size=(3, 2)) + 40.0])
    model = KMeans(4, random_state=1).fit(X)
    for i in range(200, 203):
        model.forget(X[i])
        assert verify(model, np.concatenate([X[:200], X[i + 1 :]]))


def test_equal_rows():
    X = np.repeat([[0.1, 1e9], [0.3, 1e9]], 5, axis=0)
    with pytest.warns(ConvergenceWarning, match="fewer distinct rows"):
        model = KMeans(3).fit(X)
    assert model.inertia_ == 0.0
    model.forget(X[5:])
    assert verify(model, X[:5])
    np.testing.assert_allclose(model.cluster_centers_, np.repeat(X[:1], 3, axis=0), rtol=1e-15)


def test_labels_describe_the_last_fit_alone():
    rng = np.random.default_rng(5)
    X = blobs(rng, 100)
    model = KMeans(3)
    labels = model.fit_predict(X)
    assert labels.dtype == np.int32
    assert (model.labels_ == labels).all()
    assert (model.labels_ == model.predict(X)).all()
    assert verify(model, X)
    assert not hasattr(copy.deepcopy(model), "labels_")
    model.forget(X[0])
    assert not hasattr(model, "labels_")
    assert (model.partial_fit(X[0]).predict(X) == labels).all()


def test_a_fit_that_fails_after_learning_changes_nothing(monkeypatch):
    rng = np.random.default_rng(6)
    X = blobs(rng, 100)
    model, fresh = KMeans(3).fit(X), KMeans(3)
    digest, labels = model.digest(), model.labels_

    def fail(self, X):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(KMeans, "predict", fail)
        for one in (model, fresh):
            with pytest.raises(MemoryError):
                one.fit(X[:50])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConvergenceWarning):
            model.fit(np.ones((4, 3)))
    assert model.digest() == digest
    assert model.labels_ is labels
    assert not hasattr(fresh, "labels_")
    with pytest.raises(NotFittedError):
        fresh.digest()


def test_refusals():
    X = np.arange(10.0)[:, None]
    with pytest.raises(ParameterError, match="function"):
        KMeans(2, init=lambda X, k, random_state: X[:k]).fit(X)
    with pytest.raises(ValueError, match="n_samples=10 should be >= n_clusters=11"):
        KMeans(11).fit(X)
    with pytest.raises(ValueError, match="shape of the initial centers"):
        KMeans(2, init=[[0.0], [1.0], [2.0]]).fit(X)
    model = KMeans(4).fit(X).forget(X[:7])
    with pytest.raises(UndefinedAttributeError, match="fewer records than its 4 clusters"):
        model.predict(X)
    assert len(model.partial_fit(X[:1]).cluster_centers_) == 4
