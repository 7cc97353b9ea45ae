"""Scores and medians that decide what adaptive learners see: as scikit-learn's, and steady."""

from fractions import Fraction

import numpy as np
import pytest
from sklearn.feature_selection import chi2, f_classif

from sqlearn.engine.chains import class_scores, settled_medians, variances
from sqlearn.engine.chains.margins import Source, SumsOf
from sqlearn.engine.ordered import Ordered, OrderView
from sqlearn.engine.sums import Block, Log


def sums_of(x):
    exact = [[Fraction(value) for value in column] for column in x.T.tolist()]
    weight = Fraction(len(x))
    first = [weight, *(sum(column, Fraction(0)) for column in exact)]
    return SumsOf(first, [weight, *(sum((v * v for v in column), Fraction(0)) for column in exact)], len(x))


@pytest.mark.parametrize("function", [f_classif, chi2])
def test_scores_are_scikit_learns(function):
    rng = np.random.default_rng(1)
    x, y = rng.random((60, 4)), rng.integers(0, 3, 60)
    x[:, 2], x[:, 3] = (y == 1) * 2.5, 0.0
    source = Source(sums_of(x), [sums_of(x[y == label]) for label in range(3)])
    terms = [{1 + j: Fraction(1)} for j in range(4)]
    found, (scores, _) = class_scores(function, source, terms), function(x, y)
    assert np.allclose(found, scores, rtol=1e-12, equal_nan=True)
    source.classes.reverse()
    assert class_scores(function, source, terms).tobytes() == found.tobytes()
    assert np.isnan(class_scores(function, Source(source.whole), terms)).all()
    scaled = [{1 + j: Fraction(2), 0: Fraction(1)} for j in range(4)]
    assert np.allclose(variances(source, scaled), (2 * x + 1).var(axis=0), rtol=1e-12)


def medians_of(x, seed):
    order = Ordered(x.shape[1], 0)
    order.resize(1)
    n = len(x)
    order.deposit(
        Block(x, np.zeros((n, 0)), np.zeros(n, int), np.zeros((n, 0)), np.ones(n), None), 1.0, Log(keeps=False)
    )
    return settled_medians(OrderView(order), seed)


def test_medians_are_steady():
    """One record seldom moves them; what many share, or nothing varies beside, stays as it is."""
    rng = np.random.default_rng(2)
    x = np.column_stack(
        [rng.normal(size=900), rng.integers(0, 7, 900), np.full(900, 7.3), rng.normal(size=900) * 1e-300]
    )
    x[:, 1] -= 0.1
    found = medians_of(x, 5)
    assert found[1:3].tolist() == np.median(x, axis=0)[1:3].tolist()
    for j in (0, 3):
        low, high = np.quantile(x[:, j], [0.25, 0.75])
        assert abs(found[j] - np.median(x[:, j])) <= (high - low) / 8
    moved = [medians_of(np.delete(x, rng.integers(900), axis=0), 5).tobytes() != found.tobytes() for _ in range(20)]
    assert sum(moved) <= 2
    assert np.isnan(medians_of(np.full((3, 1), np.nan), 5)).all()
