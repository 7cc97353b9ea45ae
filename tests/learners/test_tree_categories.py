"""Trees and forests of categories: whatever a column holds, a forget leaves what a refit gives."""

import copy
import pickle
import sys
from collections import Counter

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import ensemble as peers
from sklearn.inspection import partial_dependence
from sklearn.model_selection import train_test_split
from sklearn.tree import export_text

from learners import crossed
from small_trees import (
    CLASSIFIERS,
    REGRESSORS,
    SmallExtra,
    SmallForest,
    SmallForestRegressor,
    SmallTree,
    assert_as_fresh,
    assert_as_naive,
)
from sqlearn import verify
from sqlearn.compose import TableModel
from sqlearn.engine.tables import numbers_of
from sqlearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor
from sqlearn.errors import InvalidValueError, NotLearnedError, ParameterError, ShapeError, UndefinedAttributeError
from sqlearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

MODELS = [
    RandomForestClassifier(12, oob_score=True),
    RandomForestRegressor(6),
    ExtraTreesClassifier(4),
    ExtraTreesRegressor(4),
    DecisionTreeClassifier(),
    DecisionTreeRegressor(splitter="random"),
]


def table(n, seed=0):
    """Numbers beside categories: few, many, rare ones, missing ones, booleans, and one that all rows have."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=n).round(1),
            "port": rng.choice(["S", "C", "Q", None], n),
            "street": [f"street {k}" for k in rng.zipf(1.3, n) % 400],
            "paid": rng.random(n) < 0.3,
            "code": pd.Categorical(rng.integers(0, 9, n)),
            "land": "here",
            "name": [f"person {k}" for k in range(n)],
        }
    )
    frame.loc[rng.random(n) < 0.1, "size"] = np.nan
    frame.loc[rng.random(n) < 0.02, "land"] = "there"
    known = frame.port.isin(["S", None]) ^ (frame["size"] > 0) ^ frame.code.isin([2, 5])
    return frame, np.where(rng.random(n) < 0.1, rng.integers(0, 3, n), known.astype(int))


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_all_verbs_of_frames(model):
    X, y = table(400)
    model.fit(X, y)
    assert model.score(X, y) > 0.9
    assert model.feature_importances_.shape == (7,)
    assert verify(model.forget(X[:40], y[:40]), X[40:], y[40:])
    assert model.cost_of_forgetting(X[40:42], y[40:42]).trees > 0
    assert verify(model.forget(X.iloc[40], y[40]), X[41:], y[41:])
    model.partial_fit(X[:41], y[:41])
    assert model.digest() == copy.deepcopy(model).fit(X[::-1], y[::-1]).digest()
    copied = pickle.loads(pickle.dumps(model))
    assert copied.digest() == model.digest()
    np.testing.assert_array_equal(copied.predict(X), model.predict(X))
    with model.without(X[100:200], y[100:200]):
        assert verify(model, X.drop(index=range(100, 200)), np.delete(y, slice(100, 200)))
    model.relabel(X[:9], y[:9], 2 - y[:9])
    assert verify(model, X, np.r_[2 - y[:9], y[9:]])
    merged = copy.deepcopy(model).fit(X[:150], y[:150]).merge(copy.deepcopy(model).fit(X[150:], y[150:]))
    assert verify(merged, X, y)
    assert not model.pending_params()


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_predictions_are_those_of_scikit_learn_over_indicators(model):
    X, y = table(500)
    model.fit(X[:400], y[:400])
    unknown = X.copy()
    unknown.loc[450:, "port"] = "nowhere"
    unknown.loc[460:, "street"] = None
    pipeline = model.to_sklearn(X)
    names = pipeline[0].get_feature_names_out().tolist()
    assert {"size", "port_S"} <= {*names} and all(name.split("_")[0] in X.columns for name in names)
    plain = model.to_sklearn()
    for rows in (X, unknown):
        x = pipeline[0].transform(rows)
        assert x.dtype == np.float32 and x.shape == (500, len(names))
        assert type(pipeline[-1]).__module__.startswith("sklearn")
        np.testing.assert_array_equal(pipeline.predict(rows), model.predict(rows))
        np.testing.assert_array_equal(plain.predict(rows), model.predict(rows))
        np.testing.assert_array_equal(pipeline[-1].apply(x), model.apply(rows))
        if model._target == "label":
            np.testing.assert_array_equal(pipeline.predict_proba(rows), model.predict_proba(rows))
        ways, theirs = model.decision_path(rows), pipeline[-1].decision_path(x)
        if isinstance(ways, tuple):
            np.testing.assert_array_equal(ways[1], theirs[1])
            ways, theirs = ways[0], theirs[0]
        assert (ways != theirs).nnz == 0
    tree = getattr(pipeline[-1], "estimators_", [pipeline[-1]])[0]
    assert " <= 0.50" in export_text(tree, feature_names=names)
    own = getattr(model, "estimators_", [model])[0]
    with pytest.raises(UndefinedAttributeError, match="to_sklearn") as caught:
        export_text(own)
    assert caught.value.reason == "not encoded"
    assert isinstance(copy.deepcopy(own.tree_), type(own.tree_))


def test_partial_dependence_does_not_take_categories_for_numbers():
    X, y = table(200)
    X = X[["size", "port"]]
    model = RandomForestRegressor(5).fit(X, y)
    with pytest.raises(UndefinedAttributeError, match="recursion"):
        partial_dependence(model, X, ["size"], method="recursion")
    assert partial_dependence(model, X, ["size"], method="brute", kind="average")["average"].shape[0] == 1


def test_columns_may_be_named_in_any_way():
    X, y = table(150)
    chosen = ["port", "street", "paid", "code", "land", "name"]
    by_name = RandomForestClassifier(3, categorical_features=chosen).fit(X, y)
    for asked in ([1, 2, 3, 4, 5, 6], [False] + 6 * [True], "from_dtype"):
        model = RandomForestClassifier(3, categorical_features=asked).fit(X, y)
        assert model.digest() == by_name.digest() and not model.pending_params()
        assert model.set_params(categorical_features=[0]).pending_params() == ["categorical_features"]
    assert by_name.fitted_params()["categorical_features"] == [1, 2, 3, 4, 5, 6]
    arrays = RandomForestClassifier(3, categorical_features=range(1, 7)).fit(X.to_numpy(object), y)
    assert arrays.fit(X.to_numpy(object).tolist(), y).digest() == arrays.digest()
    np.testing.assert_array_equal(arrays.predict(X.to_numpy(object)), by_name.predict(X))
    assert arrays.forget(X.to_numpy(object)[0], y[0]).forget(X.iloc[1].tolist(), y[1]).n_records_ == 148
    polars = RandomForestClassifier(3).fit(pl.from_pandas(X.drop(columns="code")), y)
    pandas = RandomForestClassifier(3).fit(X.drop(columns="code"), y)
    assert polars.digest() == pandas.digest()
    plain = X[["size"]]
    for asked in (None, "from_dtype", []):
        found = RandomForestClassifier(3, categorical_features=asked).fit(plain, y)
        assert found.digest() == RandomForestClassifier(3).fit(plain, y).digest() and not found.pending_params()


def test_equal_values_are_one_category():
    y = [0, 1, 0]
    rows = [[value, 1.0] for value in (1, "1", None)]
    model = DecisionTreeClassifier(categorical_features=[0])
    for one in (1, 1.0, True, np.int8(1), np.float32(1)):
        for none in (None, np.nan, pd.NA):
            rows[0][0], rows[2][0] = one, none
            assert (
                model.fit(rows, y).digest() == copy.deepcopy(model).fit([[1, 1.0], ["1", 1.0], [None, 1.0]], y).digest()
            )
    coded = np.array([[3.0, 0.1], [7.0, 0.2], [np.nan, 0.3], [3.0, 0.4]])
    model = RandomForestClassifier(4, categorical_features=[0]).fit(coded, [0, 1, 1, 0])
    as_text = coded.astype(object)
    as_text[[0, 1, 3], 0] = [3, 7, 3]
    assert verify(model, as_text, [0, 1, 1, 0])
    assert verify(model.forget(coded[0], 0), coded[1:], [1, 1, 0])
    with pytest.raises(NotLearnedError):
        model.forget(coded[0], 0)
    assert model.n_records_ == 3


@crossed(6, made=[*CLASSIFIERS, *REGRESSORS], seed=range(3))
def test_histories_of_tables(made, seed):
    """Many values, rare ones that vanish and come back, one value: each step leaves what a refit and the twin give."""
    rng = np.random.default_rng(seed)
    X, y = table(260, seed)
    target = y if made in CLASSIFIERS else y + X["size"].fillna(0).to_numpy()
    params = {"random_state": seed, "max_features": [None, 2, 3][seed]}
    params |= {} if "Tree" in made.__name__ else {"n_estimators": 2}
    learner = made(**params)
    held = [*range(120)]
    model = copy.deepcopy(learner).fit(X.iloc[held], target[held])
    for step in range(14):
        if step == 6:  # all rows of the usual street
            usual = X.street.iloc[held].mode()[0]
            gone = [i for i in held if X.street[i] == usual]
        elif step == 9:  # all but one land
            gone = [i for i in held if X.land[i] == "there"]
        else:
            gone = rng.choice(held, min(len(held) - 20, int(rng.choice([1, 5, 30]))), replace=False).tolist()
        if gone:
            model.forget(X.iloc[gone], target[gone])
            left = Counter(held) - Counter(gone)
            held = sorted(left.elements())
        come = rng.integers(0, 260, int(rng.choice([1, 8, 50]))).tolist()
        model.partial_fit(X.iloc[come], target[come])
        held += come
        order = rng.permutation(held)
        assert_as_fresh(model, copy.deepcopy(learner).fit(X.iloc[order], target[order]))
    assert_as_naive(model)


def test_a_category_goes_with_its_last_row():
    X, y = table(200)
    rows = X.copy()
    rows.loc[7, "port"] = "a word that nobody else has"
    for model in (SmallForest(3), SmallForestRegressor(3), SmallExtra(3), SmallTree()):
        before = copy.deepcopy(model).fit(X.drop(index=7), np.delete(y, 7))
        model.fit(rows, y).forget(rows[7:8], y[7:8])
        assert_as_fresh(model, before)
        assert pickle.dumps(model) == pickle.dumps(before)


def test_names_of_rows_tell_categories_apart_that_trees_do_not(monkeypatch):
    """Two categories may have one number in float32: then they are one to the trees, and two to the records."""

    def words(label):
        return np.array([2**51 + (label == "b"), 0], np.uint64)

    monkeypatch.setattr(sys.modules[numbers_of.__module__], "label_words", words)
    one, other, none = numbers_of(["a", "b"])
    assert one != other and np.float32(one) == np.float32(other) and np.isnan(none)
    model = RandomForestClassifier(5, categorical_features=[0]).fit([["a", 1.0], ["b", 2.0], ["a", 3.0]], [0, 1, 0])
    with pytest.raises(NotLearnedError):
        model.forget(["b", 1.0], 0)
    assert verify(model.forget(["a", 1.0], 0), [["b", 2.0], ["a", 3.0]], [1, 0])


def test_numbers_of_categories():
    numbers = numbers_of([f"category {k}" for k in range(200_000)])[:-1]
    assert len({*numbers.tolist()}) == 200_000
    size = np.abs(numbers)
    assert (size >= 2.0**-64).all() and (size < 2.0**64).all()
    assert 199_980 <= len({*numbers.astype(np.float32).tolist()}) < 200_000  # 9.3 pairs are expected to have one


def test_what_is_refused():
    X, y = table(60)
    model = RandomForestClassifier(3).fit(X, y)
    digest, text = model.digest(), X[:1].astype({"size": object})
    text.loc[0, "size"] = "large"
    with pytest.raises(InvalidValueError, match=r"'large'.*categories and fit again") as caught:
        model.partial_fit(text, y[:1])
    assert (caught.value.row, caught.value.column) == (0, "size")
    with pytest.raises(ShapeError):
        model.partial_fit(X[["port", "size", *X.columns[2:]]], y)
    infinite = X.copy()
    infinite.loc[3, "size"] = np.inf
    for call in (model.partial_fit, model.fit):
        with pytest.raises(InvalidValueError, match="infinite"):
            call(infinite, y)
    with pytest.raises(InvalidValueError, match="not a category"):
        model.partial_fit(X[:1].assign(port=[[1]]), y[:1])
    assert model.digest() == digest
    for asked in (["nowhere"], [9], [True], [1.5]):
        with pytest.raises(ParameterError):
            RandomForestClassifier(3, categorical_features=asked).fit(X, y)
    with pytest.raises(ValueError, match="categorical_features"):
        RandomForestClassifier(3, categorical_features="all").fit(X, y)
    for rows in (X.to_numpy(object), X.to_numpy(object).tolist()):
        with pytest.raises(InvalidValueError) as caught:
            RandomForestClassifier(3).fit(rows, y)
        assert "categorical_features" in caught.value.__notes__[0]
    numeric = RandomForestClassifier(3).fit(X[["size"]], y)
    with pytest.raises(InvalidValueError) as caught:
        numeric.partial_fit(text[["size"]], y[:1])
    assert (caught.value.row, caught.value.column) == (0, "size") and caught.value.__notes__


@pytest.mark.parametrize(
    "learner", [RandomForestClassifier(5), ExtraTreesRegressor(3), DecisionTreeClassifier()], ids=repr
)
def test_in_a_table_model(learner):
    X, y = table(300)
    columns = {"name": "drop", "code": "number"}
    model = TableModel(learner, columns=columns).fit(X, y)
    direct = copy.deepcopy(learner).fit(X.drop(columns="name").astype({"code": int}), y)
    np.testing.assert_array_equal(model.predict(X), direct.predict(X.drop(columns="name").astype({"code": int})))
    assert model.get_feature_names_out().tolist() == [*X.columns[:6]]
    assert verify(model.forget(X[:30], y[:30]), X[30:], y[30:])
    assert model.last_update_.trees > 0 and model.feature_importances_.shape == (6,)
    assert verify(pickle.loads(pickle.dumps(model)), X[30:], y[30:])
    row = {name: X[name][30] for name in X}
    assert model.forget(row, y[30]).n_records_ == 269
    np.testing.assert_array_equal(model.to_sklearn().predict(X), model.predict(X))
    with pytest.raises(ParameterError, match="ledger"):
        TableModel(learner, ledger=False).fit(X, y)
    with pytest.raises(ParameterError, match="`columns`"):
        TableModel(copy.deepcopy(learner).set_params(categorical_features=[1])).fit(X, y)


def test_as_right_as_scikit_learn_over_one_hot_columns():
    """Many categories, each with its own odds; `max_features` counts columns, of which there are three."""
    rng = np.random.default_rng(0)
    n = 8000
    X = pd.DataFrame({"street": rng.integers(0, 40, n).astype(str), "week": rng.integers(0, 7, n).astype(str)})
    X["age"] = rng.integers(18, 90, n)
    odds = rng.normal(size=40)[X.street.astype(int)] + (X.week == "3") + (X.age - 50) / 20 - 0.3
    y = (rng.random(n) < 1 / (1 + np.exp(-2 * odds))).astype(int)
    scores = []
    for seed in range(3):
        X1, X2, y1, y2 = train_test_split(X, y, random_state=seed)
        ours = RandomForestClassifier(50, random_state=seed, max_features=None).fit(X1, y1).score(X2, y2)
        encoded = [pd.get_dummies(rows, columns=["street", "week"]) for rows in (X1, X2)]
        theirs = peers.RandomForestClassifier(50, random_state=seed).fit(encoded[0], y1)
        scores.append((ours, theirs.score(encoded[1], y2)))
    ours, theirs = np.mean(scores, axis=0)
    assert ours > theirs - 0.003


def test_one_column_of_categories():
    model = DecisionTreeClassifier(categorical_features=[0]).fit([["a"], ["b"], ["c"], ["a"]], [0, 1, 1, 0])
    assert model.predict([["a"], ["c"], ["unknown"]]).tolist() == [0, 1, 1]
