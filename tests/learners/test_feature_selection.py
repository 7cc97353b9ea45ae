"""Feature selection: agreement with scikit-learn's scores, cancellation, sparse rows, degenerate states."""

import warnings
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import feature_selection as peers
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.utils._param_validation import InvalidParameterError

from laws import check_contract
from records import records_of
from refusals import LABEL, NEGATIVE, SHAPE, raises
from sqlearn import DegenerateError, ParameterError, verify
from sqlearn.compose import TableModel
from sqlearn.feature_selection import (
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    VarianceThreshold,
    chi2,
    f_classif,
    f_regression,
    r_regression,
)

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
        with pytest.raises(ParameterError, match="f_regression or r_regression"):
            SelectKBest(score_func).fit([[0.0], [1.0]], [0, 1])


def test_chi2_refuses_negative_values():
    selector = SelectKBest(chi2, k=1).fit([[1, 0], [0, 3]], [0, 1])
    before = selector.digest()
    for update in (selector.fit, selector.partial_fit, selector.forget):
        with raises(NEGATIVE, match=r"Negative values .* -3\.0 first, in row 1.*, column 1"):
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


# ------------------------------------------------------------------------------------------------- values to predict


def exact_regression(X, y):
    """r, and r**2 / (1 - r**2), of each feature, by fractions; None where undefined, infinite where r**2 is 1."""
    n, y = len(y), [Fraction(value) for value in y.tolist()]
    found = []
    for column in X.T.tolist():
        x = [Fraction(value) for value in column]
        a = n * sum(v * v for v in x) - sum(x) ** 2
        b = n * sum(v * v for v in y) - sum(y) ** 2
        c = n * sum(u * v for u, v in zip(x, y, strict=True)) - sum(x) * sum(y)
        if a == 0 or b == 0:
            found.append((0.0, 0.0))
            continue
        square = c * c / (a * b)
        r = float(square) ** 0.5 * (1 if c >= 0 else -1)
        found.append((r, np.inf if square == 1 else float(square / (1 - square))))
    return np.array(found).T


@pytest.mark.parametrize("level", [0, 1, 2])
def test_correlations_are_those_of_fractions(level):
    rng = np.random.default_rng(level)
    learner = SelectKBest(r_regression, k=1)
    records = records_of(learner, rng, 30, level)
    r, ratios = exact_regression(records.X, records.y)
    np.testing.assert_allclose(learner.fit(records.X, records.y).scores_, r, rtol=1e-14)
    scores = SelectKBest(f_regression, k=1).fit(records.X, records.y).scores_
    np.testing.assert_allclose(scores, np.minimum(ratios * 28, np.finfo(float).max), rtol=1e-14)


def test_regression_agrees_with_scikit_learn():
    X, y = load_diabetes(return_X_y=True)
    ours, theirs = SelectKBest(f_regression, k=4).fit(X, y), peers.SelectKBest(f_regression, k=4).fit(X, y)
    np.testing.assert_allclose(ours.scores_, theirs.scores_, rtol=1e-12)
    np.testing.assert_allclose(ours.pvalues_, theirs.pvalues_, rtol=1e-9)
    np.testing.assert_array_equal(ours.get_support(), theirs.get_support())
    ours = SelectKBest(r_regression).fit(X, y)
    np.testing.assert_allclose(ours.scores_, r_regression(X, y), rtol=1e-12)
    assert ours.pvalues_ is None


def test_nothing_cancels_in_correlations():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 9, (60, 3)) * 1.0
    y = X[:, 0] + rng.integers(0, 9, 60)
    far = SelectKBest(f_regression, k=1).fit(X + 1e12, y + 1e12)
    np.testing.assert_allclose(far.scores_, f_regression(X, y)[0], rtol=1e-12)
    assert not np.allclose(f_regression(X + 1e12, y + 1e12)[0], far.scores_, rtol=1e-4)


def test_lines_and_constants():
    t = np.arange(9.0)
    X = np.column_stack([t, -2 * t, np.full(9, 0.1), t + np.eye(9)[0] * 1e-9])
    selector = SelectKBest(f_regression, k=1).fit(X, 3 * t + 1)
    largest = np.finfo(float).max
    assert selector.scores_[:3].tolist() == [largest, largest, 0.0] and 0 < selector.scores_[3] < largest
    assert selector.pvalues_[:3].tolist() == [0.0, 0.0, 1.0]
    assert SelectKBest(r_regression, k=1).fit(X, 3 * t + 1).scores_[:3].tolist() == [1.0, -1.0, 0.0]
    for n in (1, 2):  # a line goes through any two points
        few = SelectKBest(f_regression, k=1).partial_fit(X[:n], t[:n])
        assert few.scores_.tolist() == [0.0] * 4 and few.pvalues_.tolist() == [1.0] * 4


@pytest.mark.parametrize("level", [0, 2])
@pytest.mark.parametrize("score_func", [f_regression, r_regression])
def test_contract_of_regression(score_func, level):
    rng = np.random.default_rng(level)
    learner = SelectKBest(score_func, k=2)
    check_contract(learner, records_of(learner, rng, 16, level), rng)


def test_sparse_rows_with_values():
    rng = np.random.default_rng(0)
    X, y = rng.poisson(0.5, (40, 5)).astype(float), rng.normal(size=40)
    selector = SelectKBest(f_regression, k=2).fit(sp.csc_array(X), y)
    assert selector.digest() == SelectKBest(f_regression, k=2).fit(X, y).digest()
    assert verify(selector.forget(sp.csr_array(X[:7]), y[:7]), X[7:], y[7:])


def test_one_target():
    selector = SelectKBest(f_regression, k=1).fit([[0.0], [1.0], [3.0]], [1.0, 2.0, 2.0])
    before = selector.digest()
    with raises(SHAPE):
        selector.partial_fit([[0.0], [1.0]], [[1.0, 2.0], [2.0, 1.0]])
    assert selector.digest() == before


def test_the_score_in_force_is_that_of_fit():
    X, y = load_iris(return_X_y=True)
    selector = SelectKBest(f_regression, k=1).fit(X, y + 0.5)
    selector.set_params(score_func=f_classif)
    assert verify(selector.forget(X[0], 0.5), X[1:], y[1:] + 0.5)
    assert selector.fit(X, y).scores_ == pytest.approx(f_classif(X, y)[0])


def test_over_tables():
    table = {"age": [22.0, None, 35.0, 54.0, 61.0], "port": ["S", "C", "S", "Q", "C"]}
    paid = np.array([7.0, 71.0, 8.0, 51.0, 70.0])
    model = TableModel(SelectKBest(f_regression, k=2)).fit(table, paid)
    encoded = model.encode(table)
    np.testing.assert_allclose(model.scores_, f_regression(encoded, paid)[0], rtol=1e-12)
    chosen = TableModel(VarianceThreshold(0.2)).fit(table)
    np.testing.assert_allclose(chosen.variances_, chosen.encode(table).var(axis=0), rtol=1e-12)


# ----------------------------------------------------------------------------------------------------- several labels


def labels_of(rng, n, t=3):
    return (rng.random((n, t)) < np.linspace(0.2, 0.8, t)).astype(int)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array], ids=["dense", "sparse"])
def test_several_labels_agree_with_scikit_learn(form):
    rng = np.random.default_rng(0)
    X, Y = rng.poisson(1, (60, 5)).astype(float), labels_of(rng, 60, 4)
    ours = SelectKBest(chi2, k=2).fit(form(X), Y)
    scores, chances = chi2(X, Y)
    np.testing.assert_allclose(ours.scores_, scores, rtol=1e-12)
    np.testing.assert_allclose(ours.pvalues_, chances, rtol=1e-12)
    assert ours.digest() == SelectKBest(chi2, k=2).fit(X, sp.csc_array(Y)).digest()
    assert verify(ours.forget(form(X[:9]), Y[:9]), X[9:], Y[9:])
    ours.relabel(X[9], Y[9], 1 - Y[9])
    assert verify(ours, X[9:], np.vstack([1 - Y[9], Y[10:]]))


@pytest.mark.parametrize("level", [0, 1, 2])
def test_contract_of_several_labels(level):
    rng = np.random.default_rng(level)
    learner = SelectKBest(chi2, k=2)
    records = records_of(learner, rng, 20, level)
    records = replace(records, y=labels_of(rng, 20))
    check_contract(learner, records, rng)
    check_contract(clone(learner).set_params(ledger=False), records, rng)


def test_indicator_matrices_are_checked():
    X, Y = np.eye(3), np.array([[1, 0], [0, 1], [1, 1]])
    selector = SelectKBest(chi2, k=1).fit(X, Y)
    before = selector.digest()
    with raises(LABEL, match=r"Row 1 .* is \[2.0, 0.0\]"):
        selector.partial_fit(X, [[1, 0], [2, 0], [0, 0]])
    for score_func in (f_classif, f_regression):
        with raises(SHAPE):
            SelectKBest(score_func, k=1).fit(X, Y)
    assert selector.digest() == before


# ---------------------------------------------------------------------------------------------------- other selectors


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("score_func", [f_classif, chi2, f_regression])
@pytest.mark.parametrize(
    "selector",
    [
        SelectPercentile(percentile=30),
        SelectFpr(alpha=1e-3),
        SelectFdr(alpha=1e-3),
        SelectFwe(alpha=1e-3),
        GenericUnivariateSelect(mode="k_best", param=3),
        GenericUnivariateSelect(mode="fdr", param=1e-5),
    ],
    ids=repr,
)
@pytest.mark.crossed(3)
def test_selectors_agree_with_scikit_learn(selector, score_func, loader):
    X, y = loader(return_X_y=True)
    selector = clone(selector).set_params(score_func=score_func)
    params = {name: value for name, value in selector.get_params().items() if name not in ("ledger", "key")}
    theirs = getattr(peers, type(selector).__name__)(**params).fit(X, y)
    np.testing.assert_array_equal(selector.fit(X, y).get_support(), theirs.get_support())
    np.testing.assert_array_equal(selector.transform(X), theirs.transform(X))


def test_what_needs_p_values_refuses_scores_without():
    X, y = load_diabetes(return_X_y=True)
    for selector in (SelectFpr(), SelectFdr(), SelectFwe(), GenericUnivariateSelect(mode="fwe", param=0.1)):
        with pytest.raises(ParameterError, match="r_regression computes no p-values"):
            selector.set_params(score_func=r_regression).fit(X, y)
    assert SelectPercentile(r_regression, percentile=20).fit(X, y).get_support().sum() == 2


def test_generic_parameters_are_checked_by_mode():
    X, y = load_iris(return_X_y=True)
    for mode, param in (("percentile", 200), ("k_best", 0.5), ("fpr", "all"), ("fdr", 3)):
        with pytest.raises(InvalidParameterError):
            GenericUnivariateSelect(mode=mode, param=param).fit(X, y)
    with pytest.warns(UserWarning, match="k=9 is greater"):
        GenericUnivariateSelect(mode="k_best", param=9).fit(X, y)


# ----------------------------------------------------------------------------------------------------------- variances


@pytest.mark.parametrize("threshold", [0.0, 0.5, 3.0])
def test_variances_agree_with_scikit_learn(threshold):
    rng = np.random.default_rng(0)
    X = np.round(rng.normal(size=(50, 6)) * [0.0, 0.1, 0.8, 1, 2, 3], 2)
    X[rng.random(X.shape) < 0.1] = np.nan
    X[:, 0] = 7.25
    ours, theirs = VarianceThreshold(threshold).fit(X), peers.VarianceThreshold(threshold).fit(X)
    np.testing.assert_allclose(ours.variances_, np.nanvar(X, axis=0), rtol=1e-12)
    np.testing.assert_array_equal(ours.get_support(), theirs.get_support())
    np.testing.assert_array_equal(ours.transform(X), theirs.transform(X))
    assert verify(ours.forget(X[:9]), X[9:])


def test_constants_have_no_variance_whatever_their_size():
    X = np.column_stack([np.full(9, 0.1), np.full(9, 1e17), np.full(9, 1e17) + np.arange(9) * 16, np.arange(9.0)])
    assert VarianceThreshold().fit(X).variances_[:2].tolist() == [0.0, 0.0]
    assert VarianceThreshold().fit(X).get_support().tolist() == [False, False, True, True]


def test_no_feature_above_the_threshold():
    selector = VarianceThreshold(2.0).fit([[0.0, 1.0], [9.0, 1.0]])
    before = selector.digest()
    for X, message in (([[0.0, 1.0], [1.0, 1.0]], "threshold 2.00000. Nothing"), ([[0.0, 1.0]], "only one sample")):
        with pytest.raises(DegenerateError, match=message):
            selector.fit(X)
    assert selector.digest() == before
    assert not selector.forget([9.0, 1.0]).get_support().any()


def test_sparse_variances():
    X = np.random.default_rng(0).poisson(0.3, (40, 5)).astype(float)
    selector = VarianceThreshold(0.3).fit(sp.csc_array(X))
    assert selector.digest() == VarianceThreshold(0.3).fit(X).digest()
    np.testing.assert_allclose(selector.variances_, X.var(axis=0))
