"""The search over sparse records finds the minimum that other solvers find."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import minimize
from sklearn import linear_model

from sqlearn.engine.solvers import LOGISTIC, MULTINOMIAL, POISSON, SQUARED_HINGE, minimum_sparse, newton

KINDS = {LOGISTIC: 1, MULTINOMIAL: 3, POISSON: 1, SQUARED_HINGE: 1}


def problem(kind: int, seed: int, first: int, n: int = 200, d: int = 60):
    rng = np.random.default_rng(seed)
    x = sp.random_array((n, d), density=0.1, format="csr", rng=rng)
    x.data += rng.choice([0.0, 5.0])
    y = {LOGISTIC: 2, MULTINOMIAL: 3, POISSON: 5, SQUARED_HINGE: 2}[kind]
    y = rng.integers(y, size=n).astype(float)
    if kind == SQUARED_HINGE:
        y = 2.0 * y - 1.0
    mean = np.append(np.zeros(first), x.mean(axis=0) * first)
    rows = x.data, (x.indices + first).astype(np.uint32), x.indptr.astype(np.int64), mean
    ridge = np.ones(first + d)
    ridge[:first] = 0.0
    return x.toarray() - mean[first:], rows, y, rng.uniform(0.5, 2.0, size=n), ridge


def gradient(kind, z, y, w, theta, ridge):
    eta = z @ theta.T
    if kind == LOGISTIC:
        slopes = 1.0 / (1.0 + np.exp(-eta)) - y[:, None]
    elif kind == POISSON:
        slopes = np.exp(eta) - y[:, None]
    elif kind == SQUARED_HINGE:
        slopes = -2.0 * y[:, None] * np.maximum(1.0 - y[:, None] * eta, 0.0)
    else:
        slopes = np.exp(eta) / np.exp(eta).sum(axis=1, keepdims=True) - (y[:, None] == np.arange(3))
    return (w[:, None] * slopes).T @ z + ridge * theta


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.crossed(4)
def test_the_gradient_vanishes(kind, seed, first):
    z, rows, y, w, ridge = problem(kind, seed, first)
    z = np.hstack([np.ones((200, first)), z])
    found = minimum_sparse(kind, KINDS[kind], rows, y, w, first, (ridge, np.zeros(len(ridge)), 0.0), exactly=True)
    start = np.abs(gradient(kind, z, y, w, np.zeros_like(found.theta), ridge)).max()
    assert found.certain
    assert np.abs(gradient(kind, z, y, w, found.theta, ridge)).max() < 1e-5 * start


def hinge_loss(theta, z, y, w, ridge, bond, weight):
    """The penalised loss and its gradient."""
    margins = np.maximum(1.0 - y * (z @ theta), 0.0)
    held = ridge * theta + weight * (bond @ theta) * bond
    return (w * margins**2).sum() + 0.5 * theta @ held, held - 2.0 * z.T @ (w * y * margins)


@pytest.mark.parametrize("weight", [0.25, 3.0])
@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.crossed(2)
def test_the_dual_of_a_squared_hinge_ends_at_the_minimum(seed, first, weight):
    z, rows, y, w, ridge = problem(SQUARED_HINGE, seed, first, 60, 200)
    z = np.hstack([np.ones((60, first)), z])
    ridge[first:] *= np.random.default_rng(seed).choice([0.5, 1.0, 2.0], 200)
    bond = np.append(np.ones(first), -rows[3][first:]) * first
    loss = hinge_loss, np.zeros(first + 200), (z, y, w, ridge, bond, weight * first)
    options = {"maxiter": 20_000, "maxfun": 40_000, "ftol": 1e-16, "gtol": 1e-12}
    least = minimize(*loss, jac=True, method="L-BFGS-B", options=options).fun
    for exactly, gap in ((False, 2.0**-20), (True, 1e-12)):
        found = minimum_sparse(SQUARED_HINGE, 1, rows, y, w, first, (ridge, bond, weight * first), exactly)
        assert found.certain
        assert hinge_loss(found.theta[0], *loss[2])[0] <= least * (1.0 + gap) + 2.0**-33 * w.sum() * (not exactly)
    again = minimum_sparse(SQUARED_HINGE, 1, rows, y, w, first, (ridge, bond, weight * first), exactly)
    assert again.theta.tobytes() == found.theta.tobytes()


def test_a_parameter_that_nothing_holds_is_left_to_the_search(monkeypatch):
    _, rows, y, w, ridge = problem(SQUARED_HINGE, 3, 1, 60, 200)
    found = minimum_sparse(SQUARED_HINGE, 1, rows, y, w, 1, (ridge, np.zeros(201), 0.0), True)
    monkeypatch.setattr(newton, "_MORE_PATIENCE", 1)
    again = minimum_sparse(SQUARED_HINGE, 1, rows, y, w, 1, (ridge, np.zeros(201), 0.0), True)
    assert found.certain and again.theta.tobytes() == found.theta.tobytes()


def test_separable_classes_without_a_penalty_have_no_minimum():
    z, rows, _, w, _ = problem(LOGISTIC, 0, 1)
    y = (z[:, 0] > 0).astype(float)
    found = minimum_sparse(LOGISTIC, 1, rows, y, w, 1, (np.zeros(61), np.zeros(61), 0.0))
    assert found.loss < 1e-8 or found.moved > 0.1


def test_many_columns_of_large_means_are_centred():
    rng = np.random.default_rng(0)
    x = 1e4 + rng.normal(size=(300, 40))
    y = rng.integers(2, size=300)
    rows = (
        x.ravel(),
        np.tile(np.arange(1, 41, dtype=np.uint32), 300),
        np.arange(0, 12_001, 40),
        np.append(0, x.mean(axis=0)),
    )
    found = minimum_sparse(
        LOGISTIC, 1, rows, y.astype(float), np.ones(300), 1, (np.append(0.0, np.ones(40)), np.zeros(41), 0.0), True
    )
    peer = linear_model.LogisticRegression(solver="newton-cholesky", tol=1e-12).fit(x - x.mean(axis=0), y)
    assert found.certain and found.passes < 60
    np.testing.assert_allclose(found.theta[0, 1:], peer.coef_[0], atol=1e-5)
