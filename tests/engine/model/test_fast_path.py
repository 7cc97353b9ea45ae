"""The short paths: a record in a plain form never takes the long way; what is not plain does, and ends alike."""

import copy
import decimal
import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone

import hostile
from laws import assert_same, refit, unchanged
from learners import named, over, over_each
from records import tame
from refusals import COLUMNS, NEGATIVE, NOT_AN_INTEGER, NOT_FINITE, NOT_NUMERIC, raises
from sqlearn import (
    NotLearnedError,
    TooLargeError,
)
from sqlearn.engine.identity.ledger import MOST_COPIES
from sqlearn.engine.model.state import State
from sqlearn.feature_selection import SelectKBest, chi2
from sqlearn.linear_model import LinearRegression, LogisticRegression
from sqlearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MixedNB, MultinomialNB

pytestmark = pytest.mark.filterwarnings("ignore")

SPARSE = [MultinomialNB(), ComplementNB(), BernoulliNB(), BernoulliNB(binarize=2.0), BernoulliNB(binarize=None)]
SPARSE += [SelectKBest(chi2, k=2)]


class short:
    """Context in which the long way is closed."""

    def __enter__(self):
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(State, "change", lambda *args: pytest.fail("the long way"))

    def __exit__(self, *_):
        self.patch.undo()


@pytest.mark.parametrize("binarize", [0.0, 0.5, None])
def test_one_row_of_any_numbers(binarize):
    """BernoulliNB takes negative ones, which other learners of counts refuse."""
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(30, 5)) * rng.integers(0, 2, (30, 5)), np.arange(30) % 2
    learner = BernoulliNB(binarize=binarize)
    model = clone(learner).fit(X, y)
    for row in (X[3], sp.csr_array(X[[3]])):
        with short():
            model.forget(row, y[3])
        assert_same(model, clone(learner).fit(np.delete(X, 3, 0), np.delete(y, 3)))
        with short():
            model.partial_fit(row, y[3])
        assert_same(model, clone(learner).fit(X, y))


def test_one_row_of_categories():
    rng = np.random.default_rng(4)
    X, y = rng.integers(0, 3, (40, 6)), np.arange(40) % 2
    frame = pd.DataFrame(X, columns=list("abcdef"))
    model = CategoricalNB().fit(frame, y)
    rest = CategoricalNB().fit(frame.drop(index=7), np.delete(y, 7))
    for row in (X[7], X[7].astype(np.float32), X[7].tolist(), tuple(X[7].tolist()), frame.iloc[7]):
        with short():
            model.forget(row, y[7])
        assert_same(model, rest)
        with short():
            model.partial_fit(row, y[7])
    assert_same(pickle.loads(pickle.dumps(model)), CategoricalNB().fit(frame, y))
    model.partial_fit([0, 0, 0, 0, 0, 9], 1).forget([0, 0, 0, 0, 0, 9], 1)  # a category that comes and goes
    assert_same(model, CategoricalNB().fit(frame, y))
    for row, kind in (
        ([0, 0, 0, 0, 0, 9], NotLearnedError),
        ([0, 0, 0, 0, 0, 0.5], NOT_AN_INTEGER),
        ([0, 0, 0, 0, 0, -1], NOT_AN_INTEGER),
        ([0, 0, 0, 0, 0, None], NOT_FINITE),
        ([0, 0, 0, 0, 0, "x"], NOT_NUMERIC),
        ([0, 0, 0, 0, 0], COLUMNS),
    ):
        with unchanged(model), raises(kind):
            model.forget(row, 0)


def counts(n=30, d=7, seed=0):
    rng = np.random.default_rng(seed)
    return rng.poisson(0.7, (n, d)) * rng.choice([1.0, 0.1, 1e12], (n, d)), np.arange(n) % 2


@over(SPARSE)
def test_one_sparse_row(learner):
    X, y = counts()
    X[4] = 0.0
    model = clone(learner).fit(X, y)
    for i in (3, 4):
        forms = [X[i], X[i].astype(np.float64), sp.csr_array(X[[i]]), sp.csr_matrix(X[i])]
        rest = clone(learner).fit(np.delete(X, i, 0), np.delete(y, i))
        whole = clone(learner).fit(X, y)
        for row in forms:
            with short():
                model.forget(row, y[i])
            assert_same(model, rest)
            with short():
                model.partial_fit(row, y[i])
            assert_same(model, whole)
    assert_same(pickle.loads(pickle.dumps(model)), whole)


@over(SPARSE)
def test_sparse_rows_that_are_not_plain(learner):
    X, y = counts()
    model = clone(learner).fit(X, y)
    i = int(np.flatnonzero((X > 0).sum(axis=1) > 2)[0])
    rest = clone(learner).fit(np.delete(X, i, 0), np.delete(y, i))
    columns = np.flatnonzero(X[i])
    backwards = sp.csr_array((X[i, columns[::-1]], columns[::-1], [0, len(columns)]), shape=(1, 7))
    halves = sp.csr_array((np.repeat(X[i, columns] / 2, 2), np.repeat(columns, 2), [0, 2 * len(columns)]), shape=(1, 7))
    zeros = sp.csr_array((X[i], np.arange(7), [0, 7]), shape=(1, 7))
    for row in (backwards, halves, zeros, sp.csc_array(X[[i]]), X[i].tolist(), X[[i]]):
        assert_same(model.forget(row, y[i]), rest)
        model.partial_fit(row, y[i])
    for value, kinds in ((np.nan, NOT_FINITE), (np.inf, NOT_FINITE), (-1.0, NEGATIVE)):
        bad = X[i].copy()
        bad[columns[0]] = value
        for row in (bad, sp.csr_array(bad[None])):
            for update in (model.partial_fit, model.forget):
                if value == -1.0 and isinstance(learner, BernoulliNB):
                    kinds = NotLearnedError
                    if update == model.partial_fit:
                        continue
                with unchanged(model), raises(kinds):
                    update(row, y[i])
    with unchanged(model), pytest.raises(NotLearnedError):
        model.forget(sp.csr_array(X[[i]]), 1 - y[i])
    with unchanged(model), pytest.raises(ValueError):
        model.forget(sp.csr_array(X[[i], :5]), y[i])


def test_one_row_of_a_table():
    learner = MixedNB()
    records = tame(learner, weighted=False)
    frame, y = records.X, records.y
    model = refit(learner, records)
    hits = 0
    for i in range(len(records)):
        values = frame.iloc[i].tolist()
        rest, whole = refit(learner, records.take(np.delete(np.arange(24), i))), refit(learner, records)
        last = (frame["port"] == values[1]).sum() == 1
        for row in (frame.iloc[i], values, tuple(values), np.array(values, object)):
            if last:
                model.forget(row, y[i])
            else:
                with short():
                    model.forget(row, y[i])
                hits += 1
            assert_same(model, rest)
            model.partial_fit(row, y[i])
            assert_same(model, whole)
    assert hits > 40


def test_rows_of_a_table_that_are_not_plain():
    frame = pd.DataFrame({"a": [1.0, 2.0, np.nan, 4.0], "b": [True, False, True, True], "c": list("xxyy")})
    model = MixedNB(categorical_features=["c"]).fit(frame, [0, 1, 0, 1])
    for row, kind in (
        (["1.0", True, "x"], NOT_NUMERIC),
        ([np.inf, True, "x"], NOT_FINITE),
        ([np.complex128(1), True, "x"], NOT_NUMERIC),
        ([10**400, True, "x"], NOT_FINITE),
        ([1.0, True, {}], NOT_NUMERIC),
        ([1.0, True, "y"], NotLearnedError),
        ([1.0, True, "z"], NotLearnedError),
        ([1.0, True, 1], NotLearnedError),
    ):
        with unchanged(model), raises(kind):
            model.forget(row, 0)
    wrong = frame.iloc[0].rename({"a": "b", "b": "a"})
    with unchanged(model), pytest.raises(ValueError, match="feature names"):
        model.forget(wrong, 0)
    for row in ([1, 1, "x"], [np.float32(1), np.bool_(True), np.str_("x")], [1.0, 1.0, "x"]):
        assert model.forget(row, 0).n_records_ == 3
        model.partial_fit(row, 0)
    for row in ([None, True, "y"], [float("nan"), True, "y"], [pd.NA, True, "y"], [-np.nan, 1, "y"]):
        assert model.forget(row, 0).n_records_ == 3
        model.partial_fit(row, 0)
    assert_same(model, MixedNB(categorical_features=["c"]).fit(frame, [0, 1, 0, 1]))


@pytest.mark.parametrize("form", [0, 1])
@over([GaussianNB(), LinearRegression(), MultinomialNB(), BernoulliNB(), CategoricalNB(), MixedNB()])
def test_more_copies_than_a_ledger_counts(learner, form):
    """By either path the last copy that can be counted is learned, and the next one is refused."""
    X, y = np.array([[1, 0, 2], [1, 0, 2], [0, 1, 0], [2, 0, 1], [1, 1, 1]]), np.array([0, 0, 0, 1, 1])
    row, label = (X[0], y[0]) if form else (X[:1], y[:1])
    model = clone(learner).fit(X, y)
    _, copies, counters = model._state.ledger.arrays
    (slot,) = np.flatnonzero(copies == 2)
    copies[slot] += MOST_COPIES - 3
    counters[1] += MOST_COPIES - 3
    model.partial_fit(row, label)
    assert copies[slot] == MOST_COPIES
    with unchanged(model), pytest.raises(TooLargeError, match="copy 2,147,483,648 of its record"):
        model.partial_fit(row, label)
    with unchanged(model), pytest.raises(TooLargeError, match=r"Row 1 .*copy 2,147,483,648"):
        model.partial_fit(X[[3, 0]], y[[3, 0]])
    with unchanged(model), pytest.raises(TooLargeError, match="Together"):
        model.merge(clone(learner).fit(X[:2], y[:2]) if model._state.vocabulary is None else clone(learner).fit(X, y))
    model.forget(row, label)
    assert copies[slot] == MOST_COPIES - 1
    model.partial_fit(row, label)
    assert copies[slot] == MOST_COPIES


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("learner", [GaussianNB(), LinearRegression(), MixedNB(), MultinomialNB()])
def test_limbs_of_an_extreme_value_go_with_it(learner, batch):
    """They cost time in every read-out; what is left is as fast as if it had never been there."""
    rng = np.random.default_rng(0)
    X, y = rng.random((50, 3)), np.arange(50) % 2
    model = clone(learner).fit(X, y)
    digest, before = model.digest(), limbs(model)
    extreme = np.array([1e308, 5e-324, 1.0])
    given = (extreme[None], y[:1]) if batch else (extreme, y[0])
    model.partial_fit(*given)
    assert limbs(model) > 2 * before
    with model.without(*given):
        assert limbs(model) > 2 * before  # coming back must not need memory
        assert model.digest() == digest
    model.forget(*given)
    assert limbs(model) <= before
    assert model.digest() == digest
    model.partial_fit(*given).relabel(extreme[None], y[:1], y[1:2]).forget(extreme, y[1])
    assert limbs(model) <= before
    assert_same(model, clone(learner).fit(X, y))


def test_limbs_of_an_adaptive_learner_go_by_either_path():
    rng = np.random.default_rng(0)
    X, y = rng.random((50, 3)), np.arange(50) % 2
    model = LogisticRegression().fit(X, y)
    before, extreme = limbs(model), np.array([1e150, 5e-324, 1.0])
    for given in ((extreme, y[0]), (extreme[None], y[:1])):
        model.partial_fit(*given)
        assert limbs(model) > before
        model.forget(*given)
        assert limbs(model) <= before


def limbs(model):
    """The most limbs that one of the model's sums has."""
    statistic = model._state.statistic
    return max(len(member.total.limbs) for member in getattr(statistic, "members", (statistic,)))


@over_each(named("GaussianNB", "MultinomialNB", "MixedNB", "CategoricalNB", "LinearRegression", "LogisticRegression",
                 "PoissonRegressor", "KMeans"))  # fmt: skip
def test_values_out_of_the_ordinary_take_the_long_path(learner):
    """The path of one record does not raise at them: what it raises is final. Both paths say the same."""
    records = tame(learner, weighted=False)
    model = refit(learner, records)
    row = records.row(3)
    x, y = row["X"], row.get("y")
    values = np.asarray(x.toarray() if sp.issparse(x) else x, object).ravel().tolist()
    odd = (None, 10**400, -1, np.nan, pd.NA, decimal.Decimal("snan"), hostile.Rude(), np.zeros(2), {}, "\0", 1j)
    for value in odd:
        given = [(x, value)]
        given += [([*values[:j], value, *values[j + 1 :]], y) for j in (0, len(values) - 1)]
        for X, label in given:
            for update in ("partial_fit", "forget"):
                twins = copy.deepcopy(model), copy.deepcopy(model)
                twins[1]._state.fast_path = None
                said = []
                for twin in twins:
                    try:
                        getattr(twin, update)(X, label)
                        said.append(twin.digest())
                    except Exception as error:
                        said.append(f"{type(error)}: {error}")
                        assert twin.digest() == model.digest()
                assert said[0] == said[1]
