"""Coordinate descent on second moments: the iterations of scikit-learn's solver."""

import numpy as np
import pytest
from sklearn.linear_model import enet_path

from sqlearn.engine.solvers import descend


def problem_of(n, d, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) + shift * rng.normal(size=(n, 1))
    y = X[:, : d // 2].sum(axis=1) + rng.normal(size=n)
    return np.asfortranarray(X), y


def path_of(X, y, alphas, l1_ratio, max_iter=1000, tol=1e-4, positive=False):
    n, d = X.shape
    path, n_iter = np.empty((len(alphas), d)), np.empty(len(alphas), np.int64)
    failed = descend(X.T @ X / n, X.T @ y / n, y @ y / n, n, alphas, l1_ratio, max_iter, tol, positive, path, n_iter)
    return path, n_iter, failed


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.3])
@pytest.mark.parametrize(("shift", "tol"), [(0.0, 1e-4), (3.0, 1e-7)])
def test_passes_and_solutions_are_those_of_scikit_learn(positive, l1_ratio, shift, tol):
    X, y = problem_of(60, 8, 1, shift)
    X[:, 2] = 0.0
    alphas = np.geomspace(1.0, 1e-3, 20) * np.abs(X.T @ y).max() / 60 / l1_ratio
    alphas[-1] = 0.0  # least squares, or no penalty at all
    _, expected, _, passes = enet_path(
        X, y, l1_ratio=l1_ratio, alphas=alphas, precompute=True, Xy=X.T @ y, return_n_iter=True, positive=positive,
        tol=tol,
    )  # fmt: skip
    path, n_iter, failed = path_of(X, y, alphas, l1_ratio, tol=tol, positive=positive)
    np.testing.assert_allclose(path.T, expected, rtol=1e-9, atol=1e-11)
    assert n_iter.tolist() == passes
    assert failed == np.count_nonzero(n_iter == 1000)


def test_only_ridge_penalties():
    X, y = problem_of(50, 4, 2)
    path, _, failed = path_of(X, y, np.array([2.0]), 0.0, tol=1e-12)
    np.testing.assert_allclose(path[0], np.linalg.solve(X.T @ X / 50 + 2.0 * np.eye(4), X.T @ y / 50), rtol=1e-6)
    assert failed == 0


def test_tells_how_many_did_not_converge():
    X, y = problem_of(60, 8, 1, 3.0)
    _, n_iter, failed = path_of(X, y, np.array([1e-3, 1e-4, 1e9]), 1.0, max_iter=2, tol=1e-12)
    assert failed == 2
    assert n_iter.tolist()[:2] == [2, 2]


def test_numbers_beyond_float64_end_at_once():
    path, n_iter = np.empty((2, 2)), np.empty(2, np.int64)
    gram = np.array([[1e308, -1e308], [-1e308, 1e308]])
    failed = descend(gram, np.array([1e308, -1e308]), np.inf, 3, np.ones(2), 1.0, 10**9, 1e-4, False, path, n_iter)
    assert failed == 2
