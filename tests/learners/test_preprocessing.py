"""StandardScaler: agreement with scikit-learn, exact moments, missing values, NIST's univariate data."""

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn import preprocessing as peers
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from laws import check_contract
from naive import hard_rows
from records import Records
from sqlearn import UndefinedAttributeError, verify
from sqlearn.preprocessing import StandardScaler

NIST = sorted((Path(__file__).resolve().parents[1] / "nist" / "univariate").glob("*.dat"))
LOADERS = [load_iris, load_wine, load_digits, load_breast_cancer]


def assert_agrees(ours, theirs, rtol=1e-9):
    for name in ("mean_", "var_", "scale_", "n_samples_seen_"):
        a, b = getattr(ours, name), getattr(theirs, name)
        assert (a is None) == (b is None), name
        if a is not None:
            assert np.shape(a) == np.shape(b) and np.asarray(a).dtype == np.float64, name
            np.testing.assert_allclose(a, b, rtol=rtol, err_msg=name)


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("with_mean", [False, True])
@pytest.mark.parametrize("with_std", [False, True])
@pytest.mark.crossed(2)
def test_agrees_with_scikit_learn(loader, weighted, with_mean, with_std):
    X = loader().data
    w = np.random.default_rng(0).integers(0, 4, len(X)) / 2 if weighted else None
    ours, theirs = (kind(with_mean=with_mean, with_std=with_std) for kind in (StandardScaler, peers.StandardScaler))
    a, b = ours.fit_transform(X, sample_weight=w), theirs.fit_transform(X, sample_weight=w)
    if weighted and not with_mean and not with_std:
        theirs.n_samples_seen_ = w.sum()  # scikit-learn 1.9 counts rows here
    assert_agrees(ours, theirs)
    np.testing.assert_allclose(a, b, atol=1e-9)
    np.testing.assert_allclose(ours.inverse_transform(a), X, atol=1e-9)


def test_missing_values_are_not_counted():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    X[rng.random(X.shape) < 0.3] = np.nan
    assert_agrees(StandardScaler().fit(X), peers.StandardScaler().fit(X), rtol=1e-12)
    X[:, 1] = np.nan
    with np.errstate(all="ignore"):
        assert_agrees(StandardScaler().fit(X), peers.StandardScaler().fit(X), rtol=1e-12)
    model = StandardScaler().fit(X)
    negative = X[3].copy()
    negative[np.isnan(negative)] = -np.nan  # what 0 / 0 gives on some machines
    assert verify(model.forget(negative), np.delete(X, 3, axis=0))


@pytest.mark.parametrize("level", [0, 1, 2])
def test_contract_with_missing_values_and_weights(level):
    rng = np.random.default_rng(level)
    X = hard_rows(rng, 16, 3, level)
    X[rng.random(X.shape) < 0.3] = np.nan
    check_contract(StandardScaler(), Records(X, None, rng.choice([1.0, 0.0, 0.5, 0.1], 16)), rng)


@pytest.mark.parametrize("light", [1.0, 1e-300, 1e-310])
def test_weights_cost_no_accuracy(light):
    """The variance of a constant is 0, and none is below 0, also where float64 holds no product with a weight."""
    rng = np.random.default_rng(0)
    w = rng.random(50) * light
    constant = np.tile([0.1, -1e-3, 1e10 / 3, 1.0], (50, 1))
    scaler = StandardScaler().fit(constant, sample_weight=w)
    assert not scaler.var_.any() and (scaler.scale_ == 1.0).all()
    x = constant * (1.0 + 2.0**-50 * (rng.random(constant.shape) < 0.1))
    weights, columns = [Fraction(v) for v in w], [[Fraction(v) for v in column] for column in x.T]
    means = [sum(a * v for a, v in zip(weights, c, strict=True)) / sum(weights) for c in columns]
    squares = [
        sum(a * (v - m) ** 2 for a, v in zip(weights, c, strict=True)) for c, m in zip(columns, means, strict=True)
    ]
    expected = [float(square / sum(weights)) for square in squares]
    np.testing.assert_allclose(scaler.fit(x, sample_weight=w).var_, expected, rtol=1e-15)


def test_sparse_rows_are_the_dense_ones():
    rng = np.random.default_rng(0)
    X = rng.poisson(0.3, (50, 8)).astype(float)
    X[0, 0] = np.nan
    scaler = StandardScaler(with_mean=False)
    dense, sparse = scaler.fit(X).digest(), StandardScaler(with_mean=False).fit(sp.csc_matrix(X))
    assert sparse.digest() == dense
    theirs = peers.StandardScaler(with_mean=False).fit(sp.csr_array(X))
    assert_agrees(sparse, theirs)
    np.testing.assert_allclose(sparse.transform(sp.csr_array(X)).toarray(), theirs.transform(sp.csr_array(X)).toarray())
    assert verify(sparse.forget(sp.csr_array(X[:20])), X[20:])
    with pytest.raises(ValueError, match="Cannot center sparse"):
        StandardScaler().fit(sp.csr_array(X))


def test_a_constant_feature_has_scale_one():
    X = np.full((10, 2), 0.1)
    X[0, 1] += 1e-14  # a mean/deviation ratio of 1e13 is still no constant
    scaler = StandardScaler().fit(X)
    assert scaler.var_[0] == 0.0 and scaler.scale_[0] == 1.0
    assert 0 < scaler.scale_[1] < 1e-14
    weighted = StandardScaler().fit(X[:, :1], sample_weight=np.linspace(0.1, 0.3, 10))
    assert weighted.scale_ == 1.0 and weighted.mean_ == 0.1


@pytest.mark.parametrize("average", [1e-10, 1.0, 1e10])
@pytest.mark.parametrize("n", [10, 100, 10_000])
def test_a_feature_that_is_constant_but_for_rounding_has_scale_one(average, n):
    """scikit-learn's bound decides, and a forgotten outlier takes no part in it."""
    X = np.full((n, 2), average)
    X[::2, 1] = np.nextafter(average, 2 * average)
    scaler, theirs = StandardScaler().fit(np.vstack([X, X[:1] * 1e6])), peers.StandardScaler().fit(X)
    assert not np.array_equal(scaler.scale_, [1.0, 1.0])
    scaler.forget(X[0] * 1e6)
    assert scaler.scale_.tolist() == theirs.scale_.tolist() == [1.0, 1.0]
    assert scaler.var_[0] == 0.0 and 0.0 < scaler.var_[1] < (1e-15 * average) ** 2
    assert np.abs(scaler.transform(X)).max() < 1e-4


class Hearing:
    """A callback that notes what it hears."""

    def __init__(self):
        self.heard = []

    def setup(self, estimator, context):
        self.heard.append("setup")

    def on_fit_task_begin(self, estimator, context):
        self.heard.append("begin")

    def on_fit_task_end(self, estimator, context):
        self.heard.append("end")

    def teardown(self, estimator, context):
        self.heard.append("teardown")


def test_callbacks_hear_of_a_fit():
    X = np.arange(6.0).reshape(3, 2)
    callback = Hearing()
    scaler = StandardScaler().set_callbacks(callback)
    everything = ["setup", "begin", "end", "teardown"]
    assert scaler.fit(X) is scaler and callback.heard == everything
    assert scaler.partial_fit(X[0]).n_records_ == 4 and callback.heard == 2 * everything
    before = scaler.digest()
    with pytest.raises(ValueError):
        scaler.fit([[np.inf, 0.0]])
    assert callback.heard[8:] == ["setup", "begin", "teardown"] and scaler.digest() == before
    assert scaler.set_callbacks().fit(X) is scaler and len(callback.heard) == 11


def test_frames_and_names():
    frame = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [0.0, 5.0, 5.0]})
    scaler, theirs = (kind().set_output(transform="pandas") for kind in (StandardScaler, peers.StandardScaler))
    pd.testing.assert_frame_equal(scaler.fit_transform(frame), theirs.fit_transform(frame))
    assert scaler.get_feature_names_out().tolist() == ["a", "b"]
    assert verify(scaler.forget(frame.iloc[0]), frame.iloc[1:])


def test_degenerate_states():
    scaler = StandardScaler().fit([[1.0], [1e308], [-1e308]])
    with pytest.raises(UndefinedAttributeError, match="beyond float64"):
        _ = scaler.scale_
    assert scaler.forget([[1e308], [-1e308]]).scale_ == 1.0
    with pytest.raises(UndefinedAttributeError, match="no rows"):
        _ = scaler.forget([1.0]).mean_


# --- NIST's Statistical Reference Datasets ----------------------------------------------------------------------------


def read(path):
    """The numbers as written, and the certified mean and standard deviation."""
    head, data = path.read_text().split("Data: Y")
    wanted = ("Sample Mean", "Sample Standard")
    certified = [Fraction(line.split(":")[1].strip()) for line in head.splitlines() if line.startswith(wanted)]
    return [Fraction(number) for number in data.split() if number.strip("-")], *certified


def exact_moments(values):
    mean = sum(values) / len(values)
    return mean, sum((v - mean) ** 2 for v in values) / (len(values) - 1)


def digits(found, certified):
    return 16.0 if found == certified else -math.log10(abs(Fraction(found) / certified - 1))


@pytest.mark.parametrize("path", NIST, ids=lambda path: path.stem)
def test_nist_univariate(path):
    written, mean, deviation = read(path)
    n = len(written)
    # tenths are no binary fractions, ten times them is exact
    rows = np.array([[float(v), float(10 * v)] for v in written])
    scaler = StandardScaler().fit(rows)
    for _ in range(2):
        found = scaler.scale_ * math.sqrt(n / (n - 1))
        assert digits(scaler.mean_[1], 10 * mean) >= 14 and digits(found[1], 10 * deviation) >= 14
        # and whatever the floats are, their moments are right
        float_mean, float_variance = exact_moments([Fraction(v) for v in rows[:, 0]])
        assert digits(scaler.mean_[0], float_mean) >= 14.9
        assert digits(scaler.var_[0], float_variance * (n - 1) / n) >= 14.9
        scaler.partial_fit([1e12, -1e300]).forget([1e12, -1e300])
