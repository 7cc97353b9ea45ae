"""Double-double arithmetic and the solver, against rational arithmetic."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nist import NIST, digits, read_nist
from sqlearn.engine.arithmetic import double_double as dd
from sqlearn.engine.arithmetic.solve import TOLERANCE, intercept, pivoted_factor

U2 = Fraction(1, 2**106)


# --- rational arithmetic ----------------------------------------------------------------------------------------------


def split(values):
    """An array of rationals as double-double: (hi, lo)."""
    values = np.asarray(values, dtype=object)
    hi = values.astype(float)
    lo = np.array([Fraction(v) - Fraction(h) for v, h in zip(values.flat, hi.flat, strict=True)], dtype=object)
    return hi, lo.astype(float).reshape(hi.shape)


def exact(hi, lo):
    """Double-double arrays as an array of rationals."""
    pairs = zip(np.ravel(hi), np.ravel(lo), strict=True)
    return np.array([Fraction(h) + Fraction(l) for h, l in pairs] + [None], dtype=object)[:-1].reshape(np.shape(hi))


def power(exponents):
    """Powers of two as rationals."""
    return np.array([Fraction(2) ** int(e) for e in exponents] + [None], dtype=object)[:-1]


def eliminate(a, b):
    """Reduced row echelon form of [a | b] in rationals: (independent rows, pivot columns, a, b)."""
    a, b = np.array(a, dtype=object), np.array(b, dtype=object)
    index, columns = np.arange(len(a)), []
    for j in range(a.shape[1]):
        k = len(columns)
        row = next((i for i in range(k, len(a)) if a[i, j] != 0), None)
        if row is None:
            continue
        for m in (a, b, index):
            m[[k, row]] = m[[row, k]]
        b[k], a[k] = b[k] / Fraction(a[k, j]), a[k] / Fraction(a[k, j])
        for i in range(len(a)):
            if i != k and a[i, j] != 0:
                b[i], a[i] = b[i] - a[i, j] * b[k], a[i] - a[i, j] * a[k]
        columns.append(j)
    return index[: len(columns)], columns, a, b


def minimum_norm(g, c):
    """The solution of least norm of the consistent system ``g b = c``, in rationals."""
    rows, _, _, _ = eliminate(g, c)
    basis = np.array(g, dtype=object)[rows]  # spans the range of g: b = basis^T y
    y = eliminate(basis @ basis.T, np.array(c, dtype=object)[rows])[3]
    return basis.T @ y


def scaled(g, c):
    """What a caller does: powers of two from the diagonal, then double-double."""
    s = np.array([math.ceil(binary_exponent(v) / 2) for v in np.diag(g)], dtype=np.int64)
    d = power(s)
    return *split(g / d / d[:, None]), s, *split(c / d[:, None])


def binary_exponent(value):
    """e with ``2^(e-1) <= value < 2^e``; 0 for zero."""
    if not value:
        return 0
    value = Fraction(value)
    e = value.numerator.bit_length() - value.denominator.bit_length()
    return e + 1 if value >= Fraction(2) ** e else e


def moments(x, y):
    return x.T @ x, x.T @ y


def solve(g, c):
    """The solution in rationals, and the factor."""
    g_hi, g_lo, s, c_hi, c_lo = scaled(np.array(g, dtype=object), np.array(c, dtype=object))
    assert (((np.diag(g_hi) >= 0.25) & (np.diag(g_hi) < 1)) | (np.diag(g_hi) == 0)).all()
    factor = pivoted_factor(g_hi, g_lo, s)
    return exact(*factor.solve(c_hi, c_lo)) / power(s)[:, None], factor


def largest_error(found, truth):
    """The largest error of any coefficient, relative to that coefficient."""
    return max((abs(f - t) / abs(t) if t else Fraction(abs(f)) for f, t in zip(found.flat, truth.flat, strict=True)))


def integers(rng, *shape, bound=9):
    return rng.integers(-bound, bound, shape, endpoint=True).astype(object)


# --- double-double ----------------------------------------------------------------------------------------------------

OPERATIONS = {  # with their bounds in u^2
    "add": (lambda a, b: a + b, 3),
    "multiply": (lambda a, b: a * b, 4),
    "divide": (lambda a, b: a / b, 15),
}
mantissas = st.one_of(
    st.integers(-(2**106), 2**106),
    st.builds(lambda k, e, f: (1 << k) + e * (1 << f), st.integers(54, 105), st.integers(-3, 3), st.integers(0, 53)),
)
rationals = st.builds(lambda m, e: Fraction(m) * Fraction(2) ** e, mantissas, st.integers(-300, 100))


def pair(value):
    hi = float(value)
    return hi, float(value - Fraction(hi))


@given(rationals, rationals)
def test_two_sum_and_two_prod_are_exact(a, b):
    a, b = float(a), float(b)
    assert sum(map(Fraction, dd.two_sum(a, b))) == Fraction(a) + Fraction(b)
    assert sum(map(Fraction, dd.two_prod(a, b))) == Fraction(a) * Fraction(b)
    a, b = sorted((a, b), key=abs, reverse=True)
    assert dd.fast_two_sum(a, b) == dd.two_sum(a, b)


@pytest.mark.parametrize("name", OPERATIONS)
@given(rationals, rationals, st.booleans(), st.integers(0, 110))
def test_arithmetic_is_within_its_bounds(name, a, b, near, shift):
    operation, bound = OPERATIONS[name]
    if near:  # the two cancel to any depth
        b = -a * (1 + Fraction(b.numerator % 1000 - 500, 2**shift * 500))
    if name == "divide" and not b:
        b = Fraction(1)
    a, b = pair(a), pair(b)
    hi, lo = getattr(dd, name)(*a, *b)
    truth = operation(sum(map(Fraction, a)), sum(map(Fraction, b)))
    assert hi + lo == hi
    assert abs(Fraction(hi) + Fraction(lo) - truth) <= bound * U2 * abs(truth) * (1 + Fraction(1, 2**40))


@given(rationals)
def test_sqrt_is_within_its_bound(a):
    a = pair(abs(a))
    hi, lo = dd.sqrt(*a)
    found, truth = Fraction(hi) + Fraction(lo), sum(map(Fraction, a))
    tolerance = Fraction(26, 8) * U2
    assert (found * (1 - tolerance)) ** 2 <= truth <= (found * (1 + tolerance)) ** 2


def test_a_row_operation_has_the_same_bits_at_every_length_and_place():
    rng = np.random.default_rng(0)
    row, other = (split(integers(rng, 50, bound=2**62) * Fraction(1, 2**62) ** 2 + 1) for _ in range(2))
    f = pair(Fraction(-(3**60), 2**97))
    whole = [part.copy() for part in row]
    dd.subtract_multiple(*whole, *f, *other, 3, 50)
    single = [part.copy() for part in row]
    for j in range(3, 50):
        dd.subtract_multiple(*single, *f, *other, j, j + 1)
    assert np.array_equal(whole, single)
    truth = exact(*row)[3:] - sum(map(Fraction, f)) * exact(*other)[3:]
    assert (abs(exact(*whole)[3:] - truth) <= 8 * U2 * 3).all()
    assert np.array_equal(np.array(whole)[:, :3], np.array(row)[:, :3])


# --- systems of full rank ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [1, 2, 3, 5, 8, 12])
@pytest.mark.parametrize("t", [1, 4])
def test_full_rank(d, t):
    rng = np.random.default_rng(d)
    g, c = moments(integers(rng, d + 9, d), integers(rng, d + 9, t))
    found, factor = solve(g, c)
    assert factor.rank == d
    assert largest_error(found, minimum_norm(g, c)) < Fraction(1, 2**84)


@pytest.mark.parametrize(("d", "bits"), [(6, 64), (10, 40), (11, 36), (12, 31)])
def test_hilbert_matrices(d, bits):
    """Condition 1e13 at order 10 and 1e16 at order 12: float64 has nothing left there."""
    g = np.array([[Fraction(1, i + j + 1) for j in range(d)] for i in range(d)], dtype=object)
    b = np.array([[Fraction((-1) ** i * (i + 1))] for i in range(d)], dtype=object)
    found, factor = solve(g, g @ b)
    assert factor.rank == d
    assert largest_error(found, b) < Fraction(1, 2**bits)


@pytest.mark.parametrize("spread", [3, 200])
def test_scales_change_nothing(spread):
    rng = np.random.default_rng(1)
    x, y = integers(rng, 20, 6), integers(rng, 20, 2)
    d = power(rng.integers(-spread, spread, 6))
    plain, scaled = solve(*moments(x, y))[0], solve(*moments(x * d, y))[0]
    assert (plain == scaled * d[:, None]).all()


def test_right_hand_sides_may_have_any_magnitude():
    rng = np.random.default_rng(2)
    for columns in (range(5), [0, 1, 2, 0, 1]):  # of full rank, and not
        g_hi, g_lo, s, c_hi, c_lo = scaled(*moments(integers(rng, 20, 5)[:, columns], integers(rng, 20, 3)))
        c_hi, c_lo = c_hi / 7, c_lo / 7
        factor, e = pivoted_factor(g_hi, g_lo, s), np.array([-900, 0, 1000])
        found = factor.solve(np.ldexp(c_hi, e), np.ldexp(c_lo, e))
        assert np.array_equal(found, [np.ldexp(part, e) for part in factor.solve(c_hi, c_lo)])


def test_ties_go_to_the_lowest_index_and_inputs_stay():
    g = np.eye(6) * 0.5
    g[0, 3] = g[3, 0] = 0.25
    zero, s = np.zeros((6, 6)), np.zeros(6, dtype=np.int64)
    before = g.copy()
    assert pivoted_factor(g, zero, s).permutation.tolist() == [0, 1, 2, 4, 5, 3]
    assert np.array_equal(g, before)
    assert not zero.any()


def test_no_columns_and_no_targets():
    factor = pivoted_factor(np.empty((0, 0)), np.empty((0, 0)), np.empty(0, dtype=np.int64))
    assert factor.rank == 0
    assert factor.solve(np.empty((0, 2)), np.empty((0, 2)))[0].shape == (0, 2)
    factor = pivoted_factor(np.zeros((2, 2)), np.zeros((2, 2)), np.zeros(2, dtype=np.int64))
    assert factor.rank == 0
    assert not np.any(factor.solve(np.zeros((2, 3)), np.zeros((2, 3))))
    assert factor.solve(np.zeros((2, 0)), np.zeros((2, 0)))[0].shape == (2, 0)


# --- systems with dependent columns -----------------------------------------------------------------------------------


def designs(rng):
    """Designs with dependent columns, by name, with their rank."""
    x = integers(rng, 12, 4)
    yield "zero column", np.hstack([x, 0 * x[:, :1]]), 4
    yield "duplicate", np.hstack([x, x[:, :2]]), 4
    yield "multiple", np.hstack([x, 3 * x[:, :1], x[:, 1:2] * Fraction(1, 3)]), 4
    yield "sum", np.hstack([x, x.sum(axis=1, keepdims=True)]), 4
    yield "combinations", np.hstack([x @ integers(rng, 4, 3), x, x @ integers(rng, 4, 3)]), 4
    yield "one-hot", np.eye(4, dtype=int).astype(object)[np.arange(12) % 4] - Fraction(1, 4), 3
    yield "wide", integers(rng, 4, 9), 4
    yield "one row", integers(rng, 1, 3) * 2 + 1, 1
    yield "nothing", integers(rng, 3, 4) * 0, 0


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("spread", [0, 5, 30, 60, 200])
def test_minimum_norm(seed, spread):
    rng = np.random.default_rng(seed)
    for name, x, rank in designs(rng):
        x = x * power(rng.integers(-spread, spread + 1, x.shape[1]))
        g, c = moments(x, integers(rng, len(x), 2))
        found, factor = solve(g, c)
        assert factor.rank == rank, name
        assert largest_error(found, minimum_norm(g, c)) < Fraction(1, 2**75), name


def test_minimum_norm_agrees_with_lstsq():
    rng = np.random.default_rng(3)
    x = rng.standard_normal((24, 18)) @ rng.standard_normal((18, 36)) / 8
    y = rng.standard_normal((24, 2))
    exact_x, exact_y = np.vectorize(Fraction, otypes=[object])(x), np.vectorize(Fraction, otypes=[object])(y)
    found, factor = solve(*moments(exact_x, exact_y))
    assert factor.rank == 18
    assert np.allclose(found.astype(float), np.linalg.lstsq(x, y, rcond=1e-10)[0], rtol=1e-9, atol=1e-10)


def test_columns_rounded_to_float64_are_dependent_and_small_truths_are_not():
    rng = np.random.default_rng(4)
    x = rng.standard_normal((60, 4))
    rounded = np.column_stack([x, x[:, 0] + 0.1 * x[:, 1], x @ [1.0, -1.0, 1 / 3, 7.0], x[:, 2] / 3])
    g = moments(np.vectorize(Fraction, otypes=[object])(rounded), x[:, :1].astype(object))[0]
    assert solve(g, g[:, :1])[1].rank == 4
    x, direction = integers(rng, 60, 4), integers(rng, 60)
    assert TOLERANCE == 2.0**-86
    for bits, rank in ((40, 4), (46, 3)):  # a column at an angle of 2^-bits to another
        x[:, 3] = x[:, 0] + direction * Fraction(1, 2**bits)
        g = moments(x, x)[0]
        assert solve(g, g[:, :1])[1].rank == rank


@pytest.mark.parametrize("seed", range(4))
def test_reduced_data_have_the_same_moments(seed):
    rng = np.random.default_rng(seed)
    for _, x, rank in designs(rng):
        g_hi, g_lo, s, c_hi, c_lo = scaled(*moments(x, integers(rng, len(x), 2)))
        r, z = pivoted_factor(g_hi, g_lo, s).reduce(c_hi, c_lo)
        assert r.shape == (rank, x.shape[1])
        assert z.shape == (rank, 2)
        assert np.allclose(r.T @ r, g_hi, rtol=0, atol=4e-16)
        assert np.allclose(r.T @ z, c_hi, rtol=0, atol=2e-15 * np.abs(c_hi).max())


# --- NIST's Statistical Reference Datasets ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", NIST, ids=lambda path: path.stem)
def test_nist(path):
    certified, x, y = read_nist(path)
    n, sx, sy = len(x), x.sum(axis=0), y.sum(axis=0)
    g, c = moments(x, y)
    if path.stem.startswith("NoInt"):
        found, truth = solve(g, c)[0].ravel(), minimum_norm(g, c).ravel()
    else:
        g, c = n * g - np.outer(sx, sx), n * c - np.outer(sx, sy)
        b, truth = solve(g, c)[0], minimum_norm(g, c)
        start = exact(*intercept(*split(sy), *split(sx), float(n), 0.0, *split(b)))
        found, truth = np.append(start, b), np.append((sy - truth.T @ sx) / n, truth)
    assert digits(found.astype(float), certified) > (7.5 if path.stem == "Filip" else 13)
    assert digits(found, truth) > (13 if path.stem == "Filip" else 20)  # of what these float64 data determine
