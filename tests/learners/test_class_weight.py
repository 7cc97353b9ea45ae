"""Balanced classes: scikit-learn's answers, and the bytes of a refit when the balance moves or a class goes."""

import numpy as np
import pytest
from sklearn import linear_model as peers
from sklearn import svm as peer_svm

from learners import crossed
from sqlearn.linear_model import LogisticRegression
from sqlearn.svm import LinearSVC
from tiny_rounds import shrink


def records(n, classes, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    eta = X @ rng.normal(size=(4, classes)) - 1.5 * np.arange(classes)
    return X, np.argmax(eta + rng.gumbel(size=(n, classes)), axis=1), rng.choice([1.0, 2.0, 0.5, 0.0], n)


def pair(name, class_weight):
    if name == "logistic":
        peer = peers.LogisticRegression(class_weight=class_weight, solver="newton-cholesky", tol=1e-10)
        return LogisticRegression(class_weight=class_weight), peer
    peer = peer_svm.LinearSVC(class_weight=class_weight, dual=False, tol=1e-10, max_iter=100_000)
    return LinearSVC(class_weight=class_weight), peer


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("class_weight", ["balanced", {0: 0.3, 1: 5.0}, {0: 2.0, 1: 1.0, 2: 7.0}], ids=str)
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("n", [300, 9000])
@pytest.mark.parametrize("name", ["logistic", "hinge"])
@pytest.mark.crossed(2)
def test_agrees_with_scikit_learn(name, n, classes, class_weight, weighted):
    if isinstance(class_weight, dict) and len(class_weight) > classes:
        pytest.skip("no such class")
    X, y, w = records(n, classes)
    given = (w,) if weighted else ()
    model, peer = (learner.fit(X, y, *given) for learner in pair(name, class_weight))
    assert np.allclose(model.coef_, peer.coef_, rtol=1e-5, atol=1e-5 * np.abs(peer.coef_).max())
    assert np.allclose(model.intercept_, peer.intercept_, rtol=1e-5, atol=1e-5 * np.abs(peer.coef_).max())


@pytest.mark.filterwarnings("ignore")
@crossed(4, name=["logistic", "hinge"], classes=[2, 3], width=["coarse", "fine"])
def test_forgetting_leaves_the_bytes_of_a_refit(name, classes, width, monkeypatch):
    """Record by record through rounds, until the last class has gone."""
    shrink(monkeypatch, width=width)
    X, y, w = records(110, classes, seed=1)
    model, _ = pair(name, "balanced")
    model.fit(X, y, w)
    left = np.arange(110)
    order = np.random.default_rng(2).permutation(50)
    for step, i in enumerate(order):
        model.forget(X[i], y[i], sample_weight=w[[i]])
        left = left[left != i]
        if step % 9 == 0:
            assert model.digest() == pair(name, "balanced")[0].fit(X[left], y[left], w[left]).digest()
    last = left[y[left] == classes - 1]
    model.forget(X[last], y[last], sample_weight=w[last])
    rest = left[y[left] != classes - 1]
    again = pair(name, "balanced")[0].partial_fit(X[rest], y[rest], sample_weight=w[rest])
    assert model.digest() == again.digest()
    assert len(model._state.labels()) == classes - 1


def test_balanced_classes_seldom_move_what_is_asked():
    """A record more or less moves the weights in the step, not where records are asked."""
    X, y, _ = records(20_000, 2, seed=3)
    model = LogisticRegression(class_weight="balanced").fit(X, y)
    scans = 0
    for i in range(60):
        model.forget(X[i], y[i])
        scans += model.last_update_.rows_scanned > 0
    assert scans <= 20
    assert model.digest() == LogisticRegression(class_weight="balanced").fit(X[60:], y[60:]).digest()
