"""One row through a chain without validation per step: scikit-learn's bits, and its words where a row is unusual."""

import numpy as np
import pytest

from sqlearn.decomposition import PCA
from sqlearn.engine.chains import one_predicted
from sqlearn.linear_model import LinearRegression, Ridge
from sqlearn.pipeline import make_pipeline
from sqlearn.preprocessing import StandardScaler

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
