"""The Gram matrix through BLAS has the bytes of the one summed row by row."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import naive
from sqlearn.engine.sums.deposit import deposit_triangle
from sqlearn.engine.sums.exact import Deposit, ExactSum
from sqlearn.engine.sums.gram_blocks import BLOCK, deposit_gram

ORDER = np.arange(2)


def both_ways(z, w):
    n, p = z.shape
    sums = [ExactSum(2, p * (p + 1) // 2) for _ in range(2)]
    held = np.zeros((2, 2), np.int64)
    assert sum(deposit_gram(sums[0], z, w, 1, 1.0, held[0])) == n
    rows = Deposit(n, deposit_triangle, (z, w, np.ones(n, np.int64)), (np.empty((2, p)),))
    sums[1].deposit(rows, 1.0, held[1])
    assert held[0].tolist() == held[1].tolist()
    assert sums[0].canonical(ORDER) == sums[1].canonical(ORDER)
    for _ in deposit_gram(sums[0], z[::-1].copy(), w[::-1].copy(), 1, -1.0, held[0]):
        pass
    assert sums[0].canonical(ORDER) == ExactSum(2, p * (p + 1) // 2).canonical(ORDER)
    assert not held[0].any()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_blas_equals_rows(level, weighted):
    rng = np.random.default_rng([level, weighted])
    for n, p in [(60, 3), (700, 7), (BLOCK + 100, 4)]:
        z = naive.hard_rows(rng, n, p, level)
        usual = [1.0, 0.1, 0.0, 1e-3, 7.5]
        both_ways(z, rng.choice(usual, n) if weighted else np.ones(n))
        if weighted:
            both_ways(z, rng.choice([*usual, 1e-200, 1e300, 5e-324], n))


@pytest.mark.parametrize(
    "values",
    [
        np.full((BLOCK, 2), np.nextafter(2.0, 0)),  # every slice full, every product of one sign: the 2**53 bound
        np.full((BLOCK, 2), 2.0**22 - 1),
        np.tile([[2.0**21, -(2.0**21)]], (BLOCK, 1)),
        np.zeros((BLOCK, 3)),
        np.tile([[1.0, 0.0, 1e-300]], (BLOCK, 1)),
        np.tile([[1e140, 1e-140, 3.0]], (BLOCK, 1)),
        np.tile(
            [[3.0, 1e-140, -1e-140]], (BLOCK, 1)
        ),  # the last slices' products, far below the scales that float64 has
        np.tile([[1e-115, 1e-115 / 3, 1e-115 + 1e-130]], (BLOCK, 1)),  # the same, just inside the bounds
        np.tile([[1e144, 1e144 / 3, 1e-115]], (BLOCK, 1)),
    ],
)
def test_extreme_blocks(values):
    both_ways(values, np.ones(len(values)))


def test_float32_and_integers():
    rng = np.random.default_rng(0)
    both_ways(rng.normal(size=(500, 5)).astype(np.float32).astype(float), np.ones(500))
    both_ways(rng.integers(-9, 9, (500, 5)).astype(float), np.ones(500))


def test_blocks_by_several_threads():
    z = np.random.default_rng(0).normal(size=(4 * BLOCK + 100, 5))
    with threadpool_limits(3, "blas"):
        both_ways(z, np.ones(len(z)))
        assert {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"} == {3}
