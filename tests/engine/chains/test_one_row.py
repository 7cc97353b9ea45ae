"""One row through a chain without validation per step: scikit-learn's bits, and its words where a row is unusual."""

import numpy as np
import pandas as pd
import pytest

from sqlearn.compose import make_column_transformer
from sqlearn.compose.chains.reader import predicted_of_table
from sqlearn.decomposition import PCA
from sqlearn.engine.chains import one_predicted
from sqlearn.impute import SimpleImputer
from sqlearn.linear_model import LinearRegression, Ridge
from sqlearn.pipeline import make_pipeline
from sqlearn.preprocessing import MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler

rng = np.random.default_rng(0)
X = rng.normal(size=(30, 5)) @ rng.normal(size=(5, 5)) + 100.0
Y = rng.normal(size=(30, 2))


@pytest.mark.parametrize(
    ("steps", "y"),
    [
        ([StandardScaler(), PCA(2), Ridge()], Y[:, 0]),
        ([StandardScaler(with_mean=False), LinearRegression()], Y),
        ([PCA(3), StandardScaler(with_std=False), Ridge(fit_intercept=False)], Y[:, :1]),
    ],
    ids=["scaled", "targets", "components"],
)
def test_bits(steps, y):
    model = make_pipeline(*steps).fit(X, y)
    theirs = model.to_sklearn()
    for i in range(len(X)):
        given = X[i : i + 1].copy()
        found, expected = one_predicted(theirs.steps, given), theirs.predict(given)
        assert found is not None and found.shape == expected.shape and found.tobytes() == expected.tobytes()
        assert model.predict(given).tobytes() == expected.tobytes() and (given == X[i]).all()
        model.predict(given)[...] = 0.0  # the caller's own
        assert model.predict(given).tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    "row",
    [X[:2], X[0], X[:1, :4], np.full((1, 5), np.nan), np.full((1, 5), 1e308), X[:1].astype(np.float32), [[1.0] * 5]],
    ids=["rows", "vector", "narrow", "nan", "huge", "float32", "list"],
)
def test_unusual_rows_are_left_to_the_pipeline(row):
    wide = X * [1e-200, 1, 1, 1, 1]
    theirs = make_pipeline(StandardScaler(), PCA(2), Ridge()).fit(wide, Y[:, 0]).to_sklearn()
    with np.errstate(over="ignore"):
        assert one_predicted(theirs.steps, row) is None


def test_other_steps_are_left_to_the_pipeline():
    whitened = make_pipeline(PCA(2, whiten=True), Ridge()).fit(X, Y[:, 0]).to_sklearn()
    framed = make_pipeline(StandardScaler(), Ridge()).set_output(transform="pandas").fit(X, Y[:, 0]).to_sklearn()
    in_place = make_pipeline(StandardScaler(copy=False), Ridge()).fit(X, Y[:, 0]).to_sklearn()
    for theirs in (whitened, framed, in_place):
        assert one_predicted(theirs.steps, X[:1]) is None


def _table():
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "k": np.where(X[:, 2] > 100, "u", "v"), "n": np.arange(30)})
    return frame.mask(np.arange(30)[:, None] % [7, 5, 40, 40] == [3, 1, 40, 40])


def _columns(scaler, encoder):
    numbers = make_pipeline(SimpleImputer(add_indicator=True), scaler)
    return make_column_transformer((numbers, ["b", "a"]), (encoder, ["k"]), ("passthrough", ["n"]))


@pytest.mark.parametrize(
    ("scaler", "encoder", "y"),
    [
        (StandardScaler(), OneHotEncoder(handle_unknown="ignore"), Y[:, 0]),
        (RobustScaler(), OneHotEncoder(sparse_output=False), Y),
        (MinMaxScaler(), OneHotEncoder(), Y[:, 0]),
    ],
    ids=["sparse", "dense", "ranged"],
)
def test_bits_of_tables(scaler, encoder, y):
    table = _table()
    model = make_pipeline(_columns(scaler, encoder), Ridge()).fit(table, y)
    theirs, reads = model.to_sklearn(), model._model().reads()
    for i in range(8):
        found = predicted_of_table(reads, table[i : i + 1], np.array(list(table)))
        expected = theirs.predict(table[i : i + 1])
        assert found is not None and found.shape == expected.shape and found.tobytes() == expected.tobytes()
        assert model.predict(table[i : i + 1]).tobytes() == expected.tobytes()


def test_unusual_rows_of_tables_are_left_to_the_pipeline():
    table = _table()
    row, names = table[:1], np.array(list(table))
    reads = make_pipeline(_columns(StandardScaler(), OneHotEncoder()), Ridge()).fit(table, Y[:, 0])._model().reads()
    assert predicted_of_table(reads, row, names) is not None
    unusual = [
        table[:2], row[["k", "n", "a", "b"]], row.astype({"a": "float32"}), row.assign(k="w"), row.assign(k=None),
        row.assign(a=np.inf), row.assign(n=np.nan), row.assign(n="1"), row.to_numpy(object), [[1.0, 2.0, "u", 3]],
    ]  # fmt: skip
    for given in unusual:
        assert predicted_of_table(reads, given, names) is None
    whole = make_column_transformer((OneHotEncoder(drop="first"), ["k"]), ("passthrough", ["n"]))
    assert predicted_of_table(make_pipeline(whole, Ridge()).fit(table, Y[:, 0])._model().reads(), row, names) is None
