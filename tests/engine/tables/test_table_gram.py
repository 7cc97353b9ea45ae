"""The Gram matrix of a table: every cell against fractions, whatever came and went."""

from fractions import Fraction

import numpy as np
import pytest

import naive
from sqlearn.engine.readout.gram_view import GramView
from sqlearn.engine.readout.linear_map import LinearMap
from sqlearn.engine.sums.gram_blocks import packed_cell
from sqlearn.engine.sums.statistic import Block
from sqlearn.engine.sums.transaction import Log
from sqlearn.engine.tables.gram import TableGram

LEVELS = [["a", "b", "c", "d"], [3, 1, 2]]


def records(rng, n, level):
    x = naive.hard_rows(rng, n, 3, level)
    x[rng.random(x.shape) < 0.2] = np.nan
    codes = np.stack([rng.integers(-1, 4, n), rng.integers(0, 3, n)], axis=1)
    weights = rng.choice([1.0, 1.0, 0.5, 0.1, 0.0], n)
    return x, codes, rng.integers(0, 2, n), naive.hard_rows(rng, n, 1, level), weights


def put(statistic, given, index, sign):
    x, codes, rows, targets, weights = (part[index] for part in given)
    names = np.zeros((len(x), 6), np.uint64)
    statistic.deposit(Block(x, statistic.encode(codes, LEVELS)[0], rows, targets, weights, names), sign, Log())
    statistic.prune()


def expected(given, index):
    """The columns' names, and each class's Gram matrix in fractions."""
    x, codes, rows, targets, weights = (part[index] for part in given)
    counted = weights > 0
    columns = [("number", i, np.where(np.isnan(x[:, i]), 0.0, x[:, i])) for i in range(x.shape[1])]
    columns += [("missing", i, np.isnan(x[:, i])) for i in range(x.shape[1])]
    for j, levels in enumerate(LEVELS):
        columns += [((j, level), 0, codes[:, j] == levels.index(level)) for level in sorted(levels)]
        columns.append(((j, None), 0, codes[:, j] < 0))
    columns = [column for column in columns if column[0] == "number" or column[2][counted].any()]
    z = np.column_stack([np.ones(len(x)), *(column for *_, column in columns), targets]).astype(float)
    grams = np.full((2, z.shape[1], z.shape[1]), Fraction(0), object)
    for record, row, weight in zip(z, rows, weights, strict=True):
        exact = np.array([naive.exact(value) for value in record], object)
        grams[row] += naive.exact(weight) * np.outer(exact, exact)
    return grams


def value(gram, i, j):
    return naive.value_of(gram.digits[packed_cell(min(i, j), max(i, j), gram.width)], gram.low)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_every_cell_is_exact_after_any_history(level):
    rng = np.random.default_rng([1, level])
    given = records(rng, 60, level)
    statistic = TableGram(3, 1)
    statistic.resize(2)
    every = np.arange(60)
    for part in np.array_split(rng.permutation(every), 5):
        put(statistic, given, part, 1.0)
    shuffled = rng.permutation(every)
    for held, gone in ((shuffled[20:], shuffled[:20]), (shuffled[55:], shuffled[20:55])):
        put(statistic, given, gone, -1.0)
        truth = expected(given, held)
        n_levels = len(statistic.vocabulary)
        assert truth.shape[1] == 1 + 3 + n_levels + 1
        for gram, own in zip(grams_of_all(statistic), truth, strict=True):
            assert [[value(gram, i, j) for j in range(len(own))] for i in range(len(own))] == own.tolist()
    put(statistic, given, shuffled[55:], -1.0)
    assert not len(statistic.vocabulary)
    assert not statistic.digits(np.arange(2))[0].any()


def grams_of_all(statistic):
    digits, low = statistic.digits(np.arange(2))
    n_features = 3 + len(statistic.vocabulary)
    return [GramView(matrix, low, n_features, 1) for matrix in digits]


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_mapped_gram_matrix_is_exact(level):
    rng = np.random.default_rng([2, level])
    given = records(rng, 30, level)
    statistic = TableGram(3, 1)
    statistic.resize(2)
    put(statistic, given, np.arange(30), 1.0)
    gram = grams_of_all(statistic)[0]
    truth = expected(given, np.arange(30))[0]
    order = len(truth)
    columns = [{0: Fraction(1)}]
    for i in range(1, 4):
        shift = naive.exact(rng.normal()) + Fraction(1, 2**100)
        columns.append({i: naive.exact(rng.normal()), 0: shift, 5: Fraction(3)})
    columns += [{4: Fraction(0)}, {order - 1: Fraction(1)}]
    matrix = np.full((order, len(columns)), Fraction(0), object)
    for k, column in enumerate(columns):
        for source, factor in column.items():
            matrix[source, k] = factor
    wanted = matrix.T @ truth @ matrix
    found = LinearMap.of(columns[1:-1]).applied(gram)
    assert (found.n_features, found.n_targets) == (4, 1)
    assert [[value(found, i, j) for j in range(6)] for i in range(6)] == wanted.tolist()
