"""exp, log, cos, small linear algebra by fixed arithmetic: near the true values, the same bits in every place."""

import math
from fractions import Fraction

import numpy as np
import pytest

from sqlearn.engine.arithmetic.cholesky import cholesky, solve_lower, solve_upper
from sqlearn.engine.arithmetic.elementary import NEAR, _cos_far, cos, cos_near, exp, log, mix
from sqlearn.engine.kernels.decorator import kernel


@kernel
def exp_all(x, out):
    for i in range(len(x)):
        out[i] = exp(x[i])


@kernel
def log_all(x, out):
    for i in range(len(x)):
        out[i] = log(x[i])


@kernel
def cos_all(x, out):
    for i in range(len(x)):
        out[i] = cos(x[i])


@kernel
def near_all(x, out):
    for i in range(len(x)):
        out[i] = cos_near(x[i])


def over(function, x):
    out = np.empty(len(x))
    function(np.ascontiguousarray(x), out)
    return out


def ulps(values, expected):
    return np.abs(values - expected) / np.spacing(np.abs(expected))


RNG = np.random.default_rng(0)
EXPONENTS = np.concatenate(
    [
        np.linspace(-708, 709, 100_001),
        RNG.normal(size=50_000),
        RNG.normal(size=10_000) * 1e-8,
        [0.0, -0.0, 1.0, -1.0, 5e-324, -5e-324, 2.0**-53, -(2.0**-53), math.log(2), -math.log(2), 708.9, 709.0, -708.0],
        (np.arange(-1020, 1022) + 0.5) * math.log(2),  # where the reduction turns
    ]
)
POSITIVE = np.concatenate(
    [
        np.ldexp(1.0 + RNG.random(50_000), RNG.integers(-1022, 1023, 50_000)),
        1.0 + RNG.normal(size=20_000) * 1e-3,
        1.0 + np.arange(-1000, 1000) * 2.0**-52,
        np.nextafter(math.sqrt(2), [0.0, 9.0]),
        [2.2250738585072014e-308, 1.7976931348623157e308, 1.0, 2.0, 0.5, math.e, math.sqrt(0.5)],
    ]
)
ANGLES = np.concatenate(
    [
        np.linspace(-10, 10, 20_001),
        RNG.uniform(-1, 1, 20_000) * 10.0 ** RNG.uniform(-9, 6, 20_000),
        (np.arange(-2000, 2000) * math.pi / 2)[:, None].repeat(3, 1).ravel() + np.tile([0.0, 1e-9, -1e-9], 4000),
        [0.0, -0.0, 5e-324, 2.2250738585072014e-308, math.pi / 4, 3 * math.pi / 4, NEAR, -NEAR],
    ]
)
FAR = np.concatenate(
    [
        np.ldexp(1.0 + RNG.random(300), RNG.integers(20, 1023, 300)) * RNG.choice([-1.0, 1.0], 300),
        np.nextafter([NEAR, -NEAR], [np.inf, -np.inf]),
        [6381956970095103 * 2.0**797, 5319372648326541 * 2.0**80],  # as near to a multiple of pi / 2 as float64 comes
        [1.7976931348623157e308, 2.0**1023, 2.0**62, 2.0**63, 2.0**64, 1e22],
    ]
)


def exact_cos(values):
    """Cosines by integers alone: Machin's pi of 1,400 bits, the series of the rest."""
    bits = 1400

    def arctan(inverse):
        total, term, n = 0, (1 << bits) // inverse, 1
        while term:
            total, term, n = total + (term // n if n % 4 == 1 else -(term // n)), term // inverse**2, n + 2
        return total

    turn = 8 * (4 * arctan(5) - arctan(239))
    for value in values:
        x = int(Fraction(float(value)) * (1 << bits)) % turn
        total, term, n = 1 << bits, 1 << bits, 0
        while term:
            term = -term * x // (1 << bits) * x // (1 << bits) // ((n + 1) * (n + 2)) if n < 400 else 0
            total, n = total + term, n + 2
        yield float(Fraction(total, 1 << bits))


def test_exp():
    expected = np.array([math.exp(v) for v in EXPONENTS])
    assert ulps(over(exp_all, EXPONENTS), expected).max() <= 2.0
    assert exp(0.0) == exp(-0.0) == 1.0


def test_exp_at_the_ends():
    assert exp(-1e308) == exp(-708.0) == exp(-np.inf) > 0.0
    assert exp(1e308) == exp(709.0) == exp(np.inf) < np.inf
    assert ulps(exp(709.0), math.exp(709.0)) <= 2.0
    assert ulps(exp(-708.0), math.exp(-708.0)) <= 2.0


def test_exp_is_monotone_where_neighbours_are_near():
    x = np.sort(
        np.concatenate(
            [np.linspace(-1, 1, 20_001), *(np.nextafter(k * math.log(2) / 2, [-9, 9]) for k in (-3, -1, 1, 3))]
        )
    )
    assert (np.diff(over(exp_all, x)) >= 0).all()


def test_log():
    expected = np.array([math.log(v) for v in POSITIVE])
    found = over(log_all, POSITIVE)
    assert (found[expected == 0] == 0).all()
    expected, found = expected[expected != 0], found[expected != 0]
    assert ulps(found, expected).max() <= 4.0
    back = np.array([log(v) for v in over(exp_all, EXPONENTS[:20_000:7])])
    assert np.abs(back - EXPONENTS[:20_000:7]).max() < 1e-12


def test_cos():
    near = ANGLES[:: len(ANGLES) // 500]
    assert ulps(over(cos_all, near), np.array(list(exact_cos(near)))).max() <= 2.0
    assert ulps(over(cos_all, ANGLES), np.array([math.cos(v) for v in ANGLES])).max() <= 3.0
    assert over(near_all, ANGLES).tobytes() == over(cos_all, ANGLES).tobytes()
    assert cos(0.0) == cos(-0.0) == 1.0 and np.abs(over(cos_all, ANGLES)).max() == 1.0


def test_cos_of_large_arguments():
    assert ulps(over(cos_all, FAR), np.array(list(exact_cos(FAR)))).max() <= 3.0
    assert over(cos_all, -FAR).tobytes() == over(cos_all, FAR).tobytes()
    assert np.isnan([cos(np.inf), cos(-np.inf), cos(np.nan)]).all()
    both = np.linspace(NEAR / 2, NEAR, 997)  # where either way of reducing them would do
    far = np.array([_cos_far(v) for v in both])
    assert np.abs(far - over(cos_all, both)).max() < 3e-16


@pytest.mark.parametrize(
    "kernel_all, one, values",
    [
        (exp_all, exp, EXPONENTS[::97]),
        (log_all, log, POSITIVE[::97]),
        (cos_all, cos, np.concatenate([ANGLES[::97], FAR])),
        (near_all, cos_near, ANGLES[::97]),
    ],
)
def test_bits_do_not_depend_on_the_place(kernel_all, one, values):
    """Scalar, vectorised, at every position of every vector, in the tail after it."""
    alone = np.array([one(float(v)) for v in values])
    assert over(kernel_all, values).tobytes() == alone.tobytes()
    for n in range(1, 40):
        assert over(kernel_all, values[:n]).tobytes() == alone[:n].tobytes()
        assert over(kernel_all, values[n:]).tobytes() == alone[n:].tobytes()
    order = RNG.permutation(len(values))
    assert over(kernel_all, values[order]).tobytes() == alone[order].tobytes()
    strided = np.empty(2 * len(values))[::2]
    kernel_all(values, strided)
    assert strided.tobytes() == alone.tobytes()


def test_mix():
    seed, mask = 12345, 2**64 - 1
    for word in (0, 1, 2**63, mask, 987654321):
        z = (word + seed * 0x9E3779B97F4A7C15) & mask
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        assert int(mix(np.uint64(word), np.uint64(seed))) == z ^ (z >> 31)


# ---------------------------------------------------------------------------------------------------- linear algebra


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 17, 40])
def test_cholesky_and_solves(n):
    rng = np.random.default_rng(n)
    b = rng.normal(size=(n + 5, n))
    a = b.T @ b
    low = cholesky(a)
    assert (low == np.tril(low)).all()
    assert np.allclose(low, np.linalg.cholesky(a), rtol=1e-10, atol=1e-12)
    right = rng.normal(size=n)
    assert np.allclose(low @ solve_lower(low, right), right, atol=1e-9)
    assert np.allclose(low.T @ solve_upper(low, right), right, atol=1e-9)
    assert np.allclose(a @ solve_upper(low, solve_lower(low, right)), right, atol=1e-7)


def test_cholesky_is_what_its_order_of_operations_says():
    """Entry by entry: a - sum over k, in order, divided by the pivot; no fused or reordered operations."""
    rng = np.random.default_rng(0)
    n = 13
    b = rng.normal(size=(n, n))
    a = b.T @ b + np.eye(n)
    a = (a + a.T) / 2
    expected = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            total = float(a[j, i])
            for k in range(j):
                total -= float(expected[j, k]) * float(expected[i, k])
            expected[i, j] = math.sqrt(total) if i == j else total / expected[j, j]
    assert cholesky(a).tobytes() == expected.tobytes()
    right = rng.normal(size=n)
    found, x = solve_lower(expected, right), right.copy()
    for i in range(n):
        for k in range(i):
            x[i] = float(x[i]) - float(expected[i, k]) * float(x[k])
        x[i] /= expected[i, i]
    assert found.tobytes() == x.tobytes()


@pytest.mark.parametrize(
    "a",
    [
        np.zeros((3, 3)),
        np.ones((3, 3)),
        np.outer([1.0, 1e-8, 1e8], [1.0, 1e-8, 1e8]),
        -np.eye(2),
        np.diag([1e-300, 1e300, 5e-324]),
        np.full((2, 2), 1e300),
        np.array([[1.0, 2.0], [2.0, 1.0]]),
    ],
)
def test_cholesky_of_what_has_none(a):
    low = cholesky(a)
    assert np.isfinite(low).all() and (np.diag(low) > 0).all()
    before = a.copy()
    cholesky(a)
    assert (a == before).all()


def test_cholesky_of_a_singular_matrix_solves_what_can_be_solved():
    x = np.random.default_rng(2).normal(size=(50, 2))
    x = np.column_stack([x, x[:, 0]])  # a column twice
    a = x.T @ x
    right = a @ np.array([1.0, -2.0, 3.0])
    low = cholesky(a)
    solution = solve_upper(low, solve_lower(low, right))
    assert np.allclose(a @ solution, right, rtol=1e-6)


def test_reduction_constants():
    """The high part of ln 2 has 32 bits or fewer beyond its exponent, so that its multiples up to 1023 are exact."""
    from sqlearn.engine.arithmetic import elementary

    high, low = Fraction(elementary._LN2_HIGH), Fraction(elementary._LN2_LOW)
    assert high.numerator.bit_length() <= 53 - 10
    assert abs(float(high + low) - math.log(2)) == 0.0
