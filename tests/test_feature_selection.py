"""SelectKBest: agreement with scikit-learn's scores, cancellation, sparse rows, degenerate states."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import feature_selection as peers
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from laws import check_contract
from records import records_of
from sqlearn import NegativeValueError, ParameterError, verify
from sqlearn.feature_selection import SelectKBest, chi2, f_classif

LOADERS = [load_iris, load_wine, load_digits, load_breast_cancer]
SCORES = pytest.mark.parametrize("score_func", [f_classif, chi2], ids=["f_classif", "chi2"])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("loader", LOADERS)
@SCORES
def test_agrees_with_scikit_learn(loader, score_func):
    X, y = loader(return_X_y=True)
    for k in (2, "all", 0):
        ours, theirs = SelectKBest(score_func, k=k).fit(X, y), peers.SelectKBest(score_func, k=k).fit(X, y)
        np.testing.assert_allclose(ours.scores_, theirs.scores_, rtol=1e-8)
        np.testing.assert_allclose(ours.pvalues_, theirs.pvalues_, rtol=1e-6, atol=1e-300)
        np.testing.assert_array_equal(ours.get_support(), theirs.get_support())
        np.testing.assert_array_equal(ours.fit_transform(X, y), theirs.transform(X))


def test_nothing_cancels():
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 9, (60, 3)) * 1.0, np.arange(60) % 3
    far = SelectKBest(k=1).fit(X + 1e12, y)
    np.testing.assert_allclose(far.scores_, f_classif(X, y)[0], rtol=1e-12)
    assert not np.allclose(f_classif(X + 1e12, y)[0], far.scores_)


def test_constant_features_and_perfect_ones():
    X, y = np.array([[1.0, 0.1, 0.0], [1.0, 0.1, 1.0], [2.0, 0.1, 0.5], [2.0, 0.1, 1.5]]), [0, 0, 1, 1]
    selector = SelectKBest(k=1).fit(X, y)
    assert selector.scores_[0] == np.inf and selector.pvalues_[0] == 0.0 and np.isnan(selector.scores_[1])
    assert selector.get_support().tolist() == [True, False, False]
    assert np.isnan(SelectKBest(chi2, k=1).fit(np.eye(3) * [1, 1, 0], [0, 1, 1]).scores_[2])


def test_other_scores_are_refused():
    for score_func in (peers.mutual_info_classif, lambda X, y: X.sum(axis=0)):
        with pytest.raises(ParameterError, match="f_classif or chi2"):
            SelectKBest(score_func).fit([[0.0], [1.0]], [0, 1])


def test_chi2_refuses_negative_values():
    selector = SelectKBest(chi2, k=1).fit([[1, 0], [0, 3]], [0, 1])
    before = selector.digest()
    for update in (selector.fit, selector.partial_fit, selector.forget):
        with pytest.raises(NegativeValueError, match=r"Negative values .* -3\.0 first, in row 1, column 1"):
            update([[1, 0], [0, -3]], [0, 1])
    assert selector.digest() == before


def test_k_beyond_the_features_warns():
    with pytest.warns(UserWarning, match="k=9 is greater"):
        SelectKBest(k=9).fit(*load_iris(return_X_y=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SelectKBest(k="all").fit(*load_iris(return_X_y=True))


@SCORES
def test_sparse_rows_are_the_dense_ones(score_func):
    rng = np.random.default_rng(0)
    X, y = rng.poisson(0.5, (40, 5)).astype(float), rng.choice(["a", "b", "c"], 40)
    selector = SelectKBest(score_func, k=2).fit(sp.csc_matrix(X), y)
    assert selector.digest() == SelectKBest(score_func, k=2).fit(X, y).digest()
    np.testing.assert_allclose(selector.scores_, score_func(sp.csr_array(X), y)[0])
    assert verify(selector.forget(sp.csr_array(X[:7]), y[:7]), X[7:], y[7:])
    assert sp.issparse(selector.transform(sp.csr_array(X)))


@SCORES
def test_degenerate_states(score_func):
    X, y = np.arange(8.0).reshape(4, 2) ** 2, np.array([0, 0, 1, 1])
    selector = SelectKBest(score_func, k=1).fit(X, y)
    for left in ([0, 2], [0], []):
        gone = [i for i in range(4) if i not in left]
        with selector.without(X[gone], y[gone]):
            if left:
                assert selector.transform(X).shape == (4, 1)
                assert verify(selector, X[left], y[left])


@SCORES
@pytest.mark.parametrize("level", [0, 2])
def test_contract(score_func, level):
    rng = np.random.default_rng(level)
    learner = SelectKBest(score_func, k=2)
    check_contract(learner, records_of(learner, rng, 16, level), rng)
