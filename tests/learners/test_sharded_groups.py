"""Ensembles whose shards are groups: the group is a part of the record, and goes as a whole."""

import datetime
import pickle
from collections import Counter

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from laws import assert_same, snapshot, unchanged
from learners import crossed
from small_shards import History
from sqlearn.ensemble import ShardedClassifier, ShardedRegressor
from sqlearn.errors import (
    BusyError,
    InvalidValueError,
    MergeError,
    NotLearnedError,
    ShapeError,
    SqlearnError,
    UndefinedAttributeError,
    UnsupportedError,
)
from sqlearn.naive_bayes import GaussianNB

pytestmark = pytest.mark.filterwarnings("ignore")

NAMES = ["ann", 1, "1", 2.5, "bob", -3]


def table(n=60, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    groups = np.empty(n, object)
    groups[:] = [NAMES[i % 4] for i in range(n)]
    return X, (X[:, 0] > 0).astype(int), groups


def fitted(estimator=None):
    X, y, groups = table()
    return ShardedClassifier(estimator or DecisionTreeClassifier()).fit(X, y, groups=groups)


@crossed(
    5,
    model=[
        ShardedClassifier(DecisionTreeClassifier()),
        ShardedClassifier(GaussianNB()),
        ShardedRegressor(DecisionTreeRegressor(max_depth=2)),
    ],
    seed=range(5),
)
def test_any_history(model, seed):
    History(model, np.random.default_rng(seed), NAMES, hard=seed == 1, weighted=seed == 2).run(30)


def test_groups_are_shards_named_by_them():
    X, _, groups = table()
    model = fitted()
    assert [shard.name for shard in model.shards_] == [1, 2.5, "1", "ann"]
    assert {shard.name: shard.n_records for shard in model.shards_} == Counter(groups.tolist())
    assert all(shard.is_fitted and shard.weight == 1.0 for shard in model.shards_)
    assert model.names_ == [1, 2.5, "1", "ann"]
    assert model.predict(X).shape == (60,)


def test_forgetting_a_group_touches_no_other():
    X, y, groups = table()
    model = fitted()
    others = model.estimators_
    model.set_group_weight("1", 0.5)
    digest = model.set_group_weight("1", 1).digest()
    model.set_group_weight("1", 7).forget_groups(["ann", "1"])
    assert [(shard.name, shard.is_fitted) for shard in model.shards_] == [(1, True), (2.5, True)]
    keep = np.array([name in (1, 2.5) and not isinstance(name, str) for name in groups])
    assert_same(model, clone(model).fit(X[keep], y[keep], groups=groups[keep]))
    assert len(model.estimators_) == len(others) - 2
    model.partial_fit(X[~keep], y[~keep], groups=groups[~keep])
    assert model.digest() == digest  # its weight went with it
    model.forget_groups(NAMES[:4])
    assert model.n_records_ == 0
    assert model.shards_ == []


def test_weights_switch_members_off_and_on():
    X, y, groups = table()
    model = fitted()
    before, told = model.digest(), model.predict_proba(X)
    model.set_group_weight("ann", 0)
    assert model.digest() != before
    assert [shard.weight for shard in model.shards_] == [1.0, 1.0, 1.0, 0.0]
    rest = groups != "ann"
    assert model.predict_proba(X).tobytes() == clone(model).fit(X[rest], y[rest], groups=groups[rest]).predict_proba(
        X
    ).tobytes()  # fmt: skip
    twin = pickle.loads(pickle.dumps(model))
    assert_same(twin, model)
    model.forget(X[0], y[0], groups=groups[0]).partial_fit(X[0], y[0], groups=groups[0])
    assert model.set_group_weight("ann", np.float32(1)).digest() == before
    assert model.predict_proba(X).tobytes() == told.tobytes()
    for name in NAMES[:4]:
        model.set_group_weight(name, 0)
    with pytest.raises(UndefinedAttributeError, match="switched off"):
        model.predict(X)
    for weight in (-1, float("nan"), float("inf"), "1", None, True, 10**400):
        with unchanged(model), pytest.raises(InvalidValueError):
            model.set_group_weight("ann", weight)
    model.set_group_weight("ann", 1e308).set_group_weight(1, 1e308)
    assert np.isfinite(model.predict_proba(X)).all()


class Always(RegressorMixin, BaseEstimator):
    def __init__(self, value=0.0):
        self.value = value

    def fit(self, X, y, sample_weight=None):
        self.n_features_in_ = len(X[0])
        return self

    def predict(self, X):
        return np.full(len(X), self.value)


@pytest.mark.parametrize("weights", [[1.0] * 49, [*range(1, 50)], [1e308] * 30 + [5e-324] * 19, [0.1, 1e-300, 3.0]])
def test_what_all_members_say_is_what_the_vote_says(weights):
    X = np.arange(len(weights), dtype=float)[:, None]
    for value in (7.0, 0.1, -1.7976931348623157e308, 5e-324, 1e12 + 1 / 3, -0.0):
        model = ShardedRegressor(Always(value)).fit(X, X[:, 0], groups=np.arange(len(X)))
        for name, weight in enumerate(weights):
            model.set_group_weight(name, weight)
        assert model.predict(X[:2]).tobytes() == np.full(2, value).tobytes()
        assert model.weights_.tolist() == weights
    X = np.concatenate([X, X])
    y = np.arange(len(X)) < len(weights)
    model = ShardedClassifier(GaussianNB()).fit(np.where(y, 0.0, 1e6)[:, None] + X, y, groups=X[:, 0])
    for name, weight in enumerate(weights):
        model.set_group_weight(name, weight)
    assert (model.predict_proba([[0.0], [1e6]]) == [[0.0, 1.0], [1.0, 0.0]]).all()


@pytest.mark.parametrize("voting", ["soft", "hard"])
def test_equal_shares_of_whole_weights_tie(voting):
    X = np.array([[0.0], [9.0]] * 3)
    y = np.array([0, 1, 0, 1, 1, 0])  # the third group says the opposite of the two others
    model = ShardedClassifier(DecisionTreeClassifier(), voting=voting).fit(X, y, groups=[0, 0, 1, 1, 2, 2])
    for weights in ([1, 2, 3], [3, 4, 7], [10, 11, 21], [0.5, 1e300, 1e300]):
        for name, weight in enumerate(weights):
            model.set_group_weight(name, weight)
        assert model.predict([[0.0], [9.0]]).tolist() == [0, 0]  # the first one of equal shares
    model.set_group_weight(0, 1).set_group_weight(1, 2).set_group_weight(2, 3.0000000000000004)
    assert model.predict([[0.0], [9.0]]).tolist() == [1, 0]


def test_a_weight_goes_with_the_last_record_of_its_group():
    X, y, groups = table()
    model = fitted()
    mine = groups == "ann"
    model.set_group_weight("ann", 3).forget(X[mine], y[mine], groups=groups[mine])
    assert_same(model, clone(model).fit(X[~mine], y[~mine], groups=groups[~mine]))
    model.set_group_weight(1, 3)
    ones = np.array([type(name) is int for name in groups])
    before = model.digest()
    with model.without(X[ones], y[ones], groups=groups[ones]):
        assert 1 not in model.names_
    assert model.digest() == before
    changed = 1 - y[ones]
    model.relabel(X[ones], y[ones], changed, groups=groups[ones])
    assert next(shard.weight for shard in model.shards_ if shard.name == 1) == 3


def test_a_row_is_found_without_its_group():
    X, y, groups = table()
    model, refit = fitted(), clone(fitted()).fit(X[6:], y[6:], groups=groups[6:])
    for i in range(3):
        model.forget(X[i], y[i])
    model.forget(X[3:6], y[3:6])
    assert_same(model, refit)
    model.partial_fit(X[:6], y[:6], groups=groups[:6])
    model.relabel(X[0], y[0], 1 - y[0]).relabel(X[0], 1 - y[0], y[0])
    with model.without(X[:6], y[:6]):
        assert_same(model, refit)
    assert_same(model, fitted())
    model.partial_fit(X[0], y[0], groups="ann")
    model.forget(X[0], y[0])  # twice in one group
    model.partial_fit(X[0], y[0], groups="bob")
    with unchanged(model), pytest.raises(NotLearnedError, match=r"held in the groups \['ann', 'bob'\]") as caught:
        model.forget(X[[1, 0]], y[[1, 0]])
    assert caught.value.row == 1
    model.forget(X[0], y[0], groups="bob").forget(X[0], y[0]).forget_groups([1, "1"])
    for row, label in ((X[0], y[0]), (X[1], y[1]), (X[2], y[2]), (X[3] + 1, y[3]), (X[3], 9)):
        with unchanged(model), pytest.raises(SqlearnError) as caught:
            model.forget(row, label)
    weightless = ShardedClassifier(DecisionTreeClassifier()).partial_fit(X, y, sample_weight=y * 1.0, groups=groups)
    with unchanged(weightless), pytest.raises(NotLearnedError, match="weight 0"):
        weightless.forget(X[y == 0], y[y == 0], sample_weight=np.zeros((y == 0).sum()))
    weightless.forget(X[y == 0], y[y == 0], sample_weight=np.zeros((y == 0).sum()), groups=groups[y == 0])


def test_groups_whose_records_all_have_weight_zero():
    X, y, _ = table()
    model = fitted()
    before = model.digest()
    model.partial_fit(X[:3], y[:3], sample_weight=np.zeros(3), groups=["bob"] * 3)
    assert [shard.name for shard in model.shards_][-1] == "bob"
    assert "bob" not in model.names_
    assert_same(pickle.loads(pickle.dumps(model)), model)
    assert model.forget_groups("bob").digest() == before


@pytest.mark.parametrize(
    "form",
    [
        np.array,
        list,
        tuple,
        pd.Series,
        pl.Series,
        lambda names: np.array(names, object),
        lambda names: pd.Series(names, dtype="category"),
        lambda names: pd.Series(names, dtype="str"),
        lambda names: np.array(names, np.dtypes.StringDType()),
    ],
)
def test_names_in_any_form(form):
    X, y, _ = table(8)
    names = ["a", "b", "b", "a"] * 2
    assert_same(*(ShardedClassifier(GaussianNB()).fit(X, y, groups=given) for given in (names, form(names))))


def test_equal_names_are_one_group():
    X, y, _ = table(8)
    ones = [1, 1.0, True, np.int32(1), np.float16(1), np.bool_(True), np.uint64(1), 1]
    model = ShardedClassifier(GaussianNB()).fit(X, y, groups=ones)
    assert [shard.name for shard in model.shards_] == [1]
    assert_same(model, ShardedClassifier(GaussianNB()).fit(X, y, groups=np.ones(8)))
    assert_same(model, ShardedClassifier(GaussianNB()).fit(X, y, groups=np.ones(8, np.int8)))
    model.set_group_weight(1.0, 2).partial_fit(X, y, groups=["1"] * 4 + [np.str_("1")] * 4)
    assert [shard.name for shard in model.shards_] == [1, "1"]
    assert [shard.weight for shard in model.shards_] == [2.0, 1.0]
    model.forget_groups(np.array([True]))
    assert model.names_ == ["1"]


@pytest.mark.parametrize(
    ("groups", "error"),
    [
        (["a"] * 7, ShapeError),
        ("a", ShapeError),
        (b"aaaaaaaa", ShapeError),
        (3, ShapeError),
        ([["a"]] * 8, InvalidValueError),
        ([["a"], ["a", "b"]] * 4, InvalidValueError),
        (np.zeros((8, 1)), ShapeError),
        (set("abcdefgh"), ShapeError),
        (dict.fromkeys("abcdefgh"), ShapeError),
        ((name for name in "abcdefgh"), ShapeError),
        ([b"a"] * 8, InvalidValueError),
        ([("a", 1)] * 8, InvalidValueError),
        (["a"] * 7 + [None], InvalidValueError),
        (["a"] * 7 + [float("nan")], InvalidValueError),
        ([1.0] * 7 + [float("inf")], InvalidValueError),
        (["a"] * 7 + [pd.NA], InvalidValueError),
        ([datetime.date(2026, 1, 1)] * 8, InvalidValueError),
        (np.array(["2026-01-01"] * 8, "datetime64[ns]"), InvalidValueError),
        (np.array([1] * 8, "timedelta64[s]"), InvalidValueError),
        (np.array([1j] * 8), InvalidValueError),
        (np.ma.array(["a"] * 8, mask=[0] * 7 + [1]), InvalidValueError),
        ([frozenset("a")] * 8, InvalidValueError),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_names_no_group(groups, error):
    X, y, _ = table(8)
    with pytest.raises(error, match="Nothing was changed"):
        ShardedClassifier(GaussianNB()).fit(X, y, groups=groups)
    model = ShardedClassifier(GaussianNB()).fit(X, y, groups=["a"] * 8)
    for verb in (model.partial_fit, model.forget):
        if not hasattr(groups, "gi_frame"):
            with unchanged(model), pytest.raises(error):
                verb(X, y, groups=groups)


def test_groups_that_are_not_held():
    X, y, groups = table()
    model = fitted()
    for call in (
        lambda: model.forget_groups(["ann", "nobody"]),
        lambda: model.forget_groups("1.0"),
        lambda: model.set_group_weight("nobody", 0),
        lambda: model.forget(X[:2], y[:2], groups=["ann", "nobody"]),
        lambda: model.forget(X[0], y[0], groups="bob"),
        lambda: model.relabel(X[0], y[0], 1, groups="bob"),
    ):
        with unchanged(model), pytest.raises(NotLearnedError, match="holds"):
            call()
    with unchanged(model), pytest.raises(NotLearnedError, match="another label, weight or group"):
        model.forget(X[0], y[0], groups=1)
    with unchanged(model), pytest.raises(ShapeError, match="no groups are given"):
        model.partial_fit(X[0], y[0])
    with unchanged(model), pytest.raises(InvalidValueError):
        model.forget_groups([None])
    assert model.forget_groups([]) is model
    numbered = ShardedClassifier(DecisionTreeClassifier(), 2).fit(X, y)
    for call in (
        lambda: numbered.forget_groups([0]),
        lambda: numbered.set_group_weight(0, 0),
        lambda: numbered.partial_fit(X, y, groups=groups),
        lambda: numbered.forget(X, y, groups=groups),
    ):
        with unchanged(numbered), pytest.raises(UnsupportedError):
            call()


def test_groups_inside_without():
    X, y, groups = table()
    model = fitted()
    before = snapshot(model)
    with model.without(X[0], y[0], groups=groups[0]):
        for call in (lambda: model.forget_groups("ann"), lambda: model.set_group_weight("ann", 0)):
            with pytest.raises(BusyError):
                call()
    assert snapshot(model) == before


def test_groups_merge():
    X, y, groups = table()
    first, second = clone(fitted()), clone(fitted())
    first.fit(X[:30], y[:30], groups=groups[:30])
    second.fit(X[30:], y[30:], groups=["bob"] * 10 + groups[40:].tolist()).set_group_weight("bob", 0)
    whole = clone(first).fit(X, y, groups=groups[:30].tolist() + ["bob"] * 10 + groups[40:].tolist())
    assert_same(first.merge(second), whole.set_group_weight("bob", 0))
    second.set_group_weight("ann", 2)
    with unchanged(first), pytest.raises(MergeError, match=r"weights 1\.0 and 2\.0"):
        first.merge(second)


def test_what_pickles_do_not_hide():
    model = fitted()
    contents = model.__getstate__()
    parts = contents["state"]["parts"]
    assert "rows" in parts
    for name in filter(parts.get, parts):
        altered = pickle.loads(pickle.dumps(contents))
        altered["state"]["parts"][name] = parts[name][:-1] + bytes([parts[name][-1] ^ 1])
        with pytest.raises(SqlearnError):
            clone(model).__setstate__(altered)
