"""Sums of fourth order: exact whatever the values and the way; Ledoit and Wolf's shrinkage from them."""

from fractions import Fraction

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf, ledoit_wolf_shrinkage
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.preprocessing import StandardScaler

import naive
from sqlearn.engine.readout.shrinkage import spreads_of
from sqlearn.engine.sums.fourth_moments import FourthMoments, Spread
from sqlearn.engine.sums.statistic import Block
from sqlearn.engine.sums.transaction import Log

ROWS = np.arange(2)


def block(x, rows=None):
    n = len(x)
    rows = np.zeros(n, np.int64) if rows is None else rows
    return Block(x, np.zeros((n, 0), int), rows, np.zeros((n, 0)), np.ones(n), np.zeros((n, 6), np.uint64))


def learned(kind, x, rows=None):
    statistic = kind(x.shape[1], 0)
    statistic.resize(2)
    statistic.deposit(block(x, rows), 1.0, Log())
    return statistic


def exact_sums(x):
    """The cells, by fractions."""
    d = x.shape[1]
    records = [[Fraction(v) for v in row] for row in x.tolist()]
    third = [sum(row[i] ** 2 * row[j] for row in records) for i in range(d) for j in range(d)]
    return third + [sum(row[i] ** 2 * row[j] ** 2 for row in records) for i in range(d) for j in range(i, d)]


@pytest.mark.parametrize("n", [12, 100])  # by the kernel alone; through BLAS, where a record fits
@pytest.mark.parametrize("level", [0, 1, 2])
def test_sums_are_those_of_fractions(level, n):
    x = naive.hard_rows(np.random.default_rng(level), n, 4, level)
    (digits, _), low = learned(FourthMoments, x).digits(ROWS)
    assert [naive.value_of(cell, low) for cell in digits] == exact_sums(x)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_blas_equals_rows(level):
    rng = np.random.default_rng(level)
    for n, d in [(60, 3), (500, 5), (3000, 2)]:
        x, rows = naive.hard_rows(rng, n, d, level), rng.integers(0, 2, n)
        statistic, other = learned(FourthMoments, x, rows), FourthMoments(d, 0)
        other.resize(2)
        other.total.deposit(other._by_row(x, rows), 1.0, other.record_counts)
        assert statistic.canonical(ROWS) == other.canonical(ROWS)
        for part in np.array_split(rng.permutation(n), [5, n // 2]):
            statistic.deposit(block(x[part], rows[part]), -1.0, Log())
        assert statistic.canonical(ROWS) == learned(FourthMoments, np.empty((0, d))).canonical(ROWS)


@pytest.mark.parametrize("level", [0, 2])
def test_what_failed_is_taken_back_either_way(level):
    rng = np.random.default_rng(level)
    x, rows = naive.hard_rows(rng, 200, 3, level), rng.integers(0, 2, 200)
    statistic = learned(FourthMoments, x, rows)
    before = statistic.canonical(ROWS)
    for at_leisure in (False, True):
        log = Log()
        log.at_leisure = at_leisure
        statistic.deposit(block(x[:150], rows[:150]), -1.0, log)
        statistic.deposit(block(0.5 * x[:70], rows[:70]), 1.0, log)
        assert statistic.canonical(ROWS) != before
        log.take_back()
        assert statistic.canonical(ROWS) == before


def test_many_records_between_two_carries():
    """The largest terms in every limb, more often than room is counted for."""
    x = np.full((1 << 16, 1), np.nextafter(2.0, 0.0))
    statistic = FourthMoments(1, 0)
    statistic.resize(1)
    for _ in range(24):
        statistic.deposit(block(x), 1.0, Log())
    for _ in range(40):  # few at a time: by the kernel
        statistic.deposit(block(x[:40]), 1.0, Log())
    count, value = 24 * (1 << 16) + 1600, Fraction(x[0, 0])
    (digits,), low = statistic.digits(np.zeros(1, np.int64))
    assert [naive.value_of(cell, low) for cell in digits] == [count * value**3, count * value**4]


def test_room_is_counted_twice():
    statistic = FourthMoments(2, 0)
    statistic.resize(1)
    room = statistic.total.deposits_left
    statistic.deposit(block(np.ones((40, 2))), 1.0, Log())
    assert room - statistic.total.deposits_left == 80


def test_kurtosis_is_centred_exactly():
    rng = np.random.default_rng(0)
    z = rng.integers(-(1 << 20), 1 << 20, (300, 4)) / 2.0**19
    z[:, 1] += z[:, 0]
    kurtosis, correlation = spreads_of(learned(Spread, z + 2.0**27), np.zeros(1, np.int64))[0].kurtosis()
    standard = StandardScaler().fit_transform(z)
    np.testing.assert_allclose(kurtosis, (standard**2).T @ standard**2 / 300, rtol=1e-12)
    np.testing.assert_allclose(correlation, standard.T @ standard / 300, rtol=1e-11)


@pytest.mark.parametrize("loader", [load_iris, load_breast_cancer, load_digits])
def test_shrinkage_is_that_of_scikit_learn(loader):
    x = loader().data
    (spread,) = spreads_of(learned(Spread, x), np.zeros(1, np.int64))
    scaler = StandardScaler().fit(x)
    z = scaler.transform(x)
    share, _ = spread.shrinkage(np.where(scaler.var_ > 0, 1.0, 0.0))
    assert share == pytest.approx(ledoit_wolf_shrinkage(z), rel=1e-12)
    np.testing.assert_allclose(
        spread.covariance(), ledoit_wolf(z)[0] * np.outer(scaler.scale_, scaler.scale_), rtol=1e-10, atol=1e-12
    )
    share, _ = spread.shrinkage(scaler.var_)  # of features as they are
    assert share == pytest.approx(ledoit_wolf_shrinkage(x), rel=1e-9)


def test_extreme_scales():
    """Features of any size have the shrinkage of their standardized selves."""
    z = np.random.default_rng(0).normal(size=(50, 3)) @ [[1, 0.5, 0], [0, 1, 0.3], [0, 0, 1]]
    (spread,) = spreads_of(learned(Spread, z), np.zeros(1, np.int64))
    (far,) = spreads_of(learned(Spread, z * [2.0**400, 1.0, 2.0**-400]), np.zeros(1, np.int64))
    assert far.shrinkage(np.ones(3)) == spread.shrinkage(np.ones(3))
    np.testing.assert_allclose(far.covariance(), spread.covariance() * np.outer(*[2.0 ** np.array([400, 0, -400])] * 2))
    assert spread.shrinkage(np.ones(3))[0] > 0.0


@pytest.mark.parametrize("k", [-1000, -700, -540, -530, -300, -1, 1, 300, 500, 900])
def test_shrinkage_is_that_of_any_unit(k):
    """Also where the products of variances, or the variances, are no float64 without their units."""
    z = np.random.default_rng(0).integers(-(1 << 20), 1 << 20, (50, 3)) @ [[4, 2, 0], [0, 4, 1], [0, 0, 1]] / 2.0**20
    (spread,) = spreads_of(learned(Spread, z), np.zeros(1, np.int64))
    (scaled,) = spreads_of(learned(Spread, np.ldexp(z, k)), np.zeros(1, np.int64))
    assert scaled.shrinkage(np.ones(3)) == spread.shrinkage(np.ones(3))
    variances = z.var(axis=0)
    if abs(k) < 500:
        share, mean = scaled.shrinkage(np.ldexp(variances, 2 * k))
        assert (share, np.ldexp(mean, -2 * k)) == spread.shrinkage(variances)
    units, unit = scaled.units(), spread.units()
    back = np.ldexp(scaled.covariance(units), np.add.outer(units - unit, units - unit) - 2 * k)
    np.testing.assert_array_equal(back, spread.covariance(unit))
    np.testing.assert_array_equal(np.ldexp(spread.covariance(unit), np.add.outer(unit, unit)), spread.covariance())
