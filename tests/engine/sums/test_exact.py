"""ExactSum against fractions: every deposit kernel, every magnitude, every order."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import naive
from laws import Group, check_group
from sqlearn.engine.arithmetic import digits
from sqlearn.engine.sums import deposit
from sqlearn.engine.sums.exact import Deposit, ExactSum
from sqlearn.engine.sums.moments import moments
from sqlearn.errors import FormatError

KINDS = {
    "moments": (naive.moment_terms, lambda d: 1 + 2 * d),
    "triangle": (naive.triangle_terms, lambda d: d * (d + 1) // 2),
    "sparse": (naive.sparse_terms, lambda d: 1 + d),
}


def triangle(z, w, rows):
    return Deposit(len(z), deposit.deposit_triangle, (z, w, rows), (np.empty((2, z.shape[1])),))


def put(total: ExactSum, kind: str, x, w, rows, sign):
    held = np.zeros(total.shape[0], np.int64)
    if kind == "sparse":
        keep = x != 0
        arrays = (x[keep], np.nonzero(keep)[1], np.concatenate([[0], np.cumsum(keep.sum(1))]))
        terms = Deposit(len(x), deposit.deposit_sparse, (*arrays, w, rows, np.argsort(rows)))
    else:
        terms = moments(x, w, rows) if kind == "moments" else triangle(x, w, rows)
    total.deposit(terms, sign, held)
    return held


def weights_for(rng, x, weighted):
    return rng.choice([1.0, 0.5, 3.0, 0.1, 0.0, 1e-300, 1e300, 5e-324], len(x)) if weighted else np.ones(len(x))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_sums_equal_fractions(kind, level, weighted):
    terms, cells = KINDS[kind]
    rng = np.random.default_rng([level, weighted])
    for trial in range(6):
        d = int(rng.integers(1, 6))
        x = naive.hard_rows(rng, 12, d, level)
        w = weights_for(rng, x, weighted)
        rows = rng.integers(0, 2, len(x))
        total = ExactSum(2, cells(d))
        held = put(total, kind, x, w, rows, 1.0)
        found, low = total.digits()
        for row in range(2):
            members = [i for i in np.flatnonzero(rows == row) if w[i] > 0]
            assert held[row] == len(members)
            factors = [terms(x[i].tolist(), float(w[i])) for i in members]
            expected = naive.product_sums(*zip(*factors, strict=True)) if factors else [Fraction(0)] * cells(d)
            assert [naive.value_of(cell, low) for cell in found[row]] == expected, (trial, row)
            assert total.round()[row].tolist() == [naive.nearest(value) for value in expected]


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("d", [1, 3, 10, 40, 300])
def test_many_records_at_once_give_the_sums_of_each(level, d):
    """Blocks of every length, of up to three classes, with rows of zeros: the same digits, in the same window."""
    rng = np.random.default_rng([level, d])
    for n in (127, 400, 2049, 5000 // d + 200):
        x = naive.hard_rows(rng, n, d, level)
        x[:: n // 3] = 0.0
        rows = rng.integers(0, rng.integers(1, 4), n)
        held = [np.zeros(3, np.int64), np.zeros(3, np.int64)]
        totals = [ExactSum(3, 1 + 2 * d), ExactSum(3, 1 + 2 * d)]
        arrays = x, np.ones(n), rows
        totals[0].deposit(moments(*arrays), 1.0, held[0])
        for i in range(n):
            totals[1].deposit(moments(*(a[i : i + 1] for a in arrays)), 1.0, held[1])
        assert totals[0].canonical(np.arange(3)) == totals[1].canonical(np.arange(3))
        assert (totals[0].base, totals[0].limbs.shape) == (totals[1].base, totals[1].limbs.shape)
        assert held[0].tolist() == held[1].tolist() == np.bincount(rows, minlength=3).tolist()
        for i in range(n):
            totals[0].deposit(moments(*(a[i : i + 1] for a in arrays)), -1.0, held[0])
        totals[1].deposit(moments(*arrays), -1.0, held[1])
        assert not any(total.digits()[0].any() or counts.any() for total, counts in zip(totals, held, strict=True))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level", [0, 1, 2])
def test_group_laws(kind, level):
    rng = np.random.default_rng([7, level])
    d, n = 4, 40
    cells = KINDS[kind][1](d)
    x = naive.hard_rows(rng, n, d, level)
    w = weights_for(rng, x, True)
    rows = rng.integers(0, 3, n)
    order, every = np.arange(3), np.arange(cells)

    def deposit(total, index, sign):
        put(total, kind, x[index], w[index], rows[index], sign)

    def merged(ours, theirs):
        total = ours.copy()
        total.add(theirs, (order, every), (order, every))
        return total

    def canonical(total):
        wider = total.copy()
        wider.resize(5, cells + 2)
        assert wider.canonical(order, every) == total.canonical(order)
        return total.canonical(order)

    check_group(Group(lambda: ExactSum(3, cells), deposit, canonical, ExactSum.copy, merged, ExactSum.restore), n, rng)


def test_carries_keep_the_value():
    """More deposits than fit between two carries, all of one sign, at the top of what a limb takes."""
    n = (1 << 21) + 3
    value = float(2**31 - 1)
    total = ExactSum(1, 3)
    put(total, "moments", np.full((n, 1), value), np.ones(n), np.zeros(n, np.int64), 1.0)
    found, low = total.digits()
    assert [naive.value_of(cell, low) for cell in found[0]] == [n, n * int(value), n * int(value) ** 2]
    put(total, "moments", np.full((n, 1), value), np.ones(n), np.zeros(n, np.int64), -1.0)
    assert total.canonical(np.arange(1)) == ExactSum(1, 3).canonical(np.arange(1))


@pytest.mark.parametrize("cut", [0, 31, -1])
def test_cut_bytes_are_refused(cut):
    total = ExactSum(1, 3)
    put(total, "moments", np.ones((1, 1)), np.ones(1), np.zeros(1, np.int64), 1.0)
    with pytest.raises(FormatError):
        ExactSum.restore(total.canonical(np.arange(1))[:cut])


numbers = (
    st.integers(-(2**200), 2**200)
    | st.integers(-(2**54), 2**54)
    | st.sampled_from(
        [s * (2**k + e) for s in (1, -1) for k in (0, 31, 32, 52, 53, 54, 63, 64, 95, 96, 127) for e in (-1, 0, 1)]
    )
)


def balanced(value: int, length: int) -> np.ndarray:
    out = []
    for _ in range(length):
        digit = (value + 2**31) % 2**32 - 2**31
        out.append(digit)
        value = (value - digit) >> 32
    assert value == 0
    return np.array(out, np.int64)


@given(numbers, st.integers(-40, 30))
def test_rounding_is_correct(value, low):
    d = balanced(value, 8)
    exact = Fraction(value) * Fraction(2) ** (32 * low)
    assert digits.nearest(d[None], low).item() == naive.nearest(exact)
    assert digits.nearest(*digits.trimmed(d[None], low)).item() == naive.nearest(exact)
    hi, lo, exponent = digits.round_pair(d, np.empty(8, np.int64))
    assert hi == 0 == value or 0.5 <= abs(hi) <= 1
    rest = exact - Fraction(hi) * Fraction(2) ** (int(exponent) + 32 * low)
    assert abs(rest - Fraction(lo) * Fraction(2) ** (int(exponent) + 32 * low)) <= abs(exact) / 2**106
    assert Fraction(hi) == Fraction(naive.nearest(Fraction(value) / Fraction(2) ** int(exponent)))


@given(numbers, numbers, numbers, st.sampled_from([1, -1]))
def test_products_are_exact(start, a, b, sign):
    out = balanced(start, 16)
    digits.add_product(out, balanced(a, 7), balanced(b, 7), sign)
    assert out.tolist() == balanced(start + sign * a * b, 16).tolist()
    twice = digits.normalized(out[None] + out[None])[0, :16]
    assert twice.tolist() == balanced(2 * (start + sign * a * b), 16).tolist()


@pytest.mark.parametrize("n_limbs", [1, 2, 3, 4])
@pytest.mark.parametrize("base", [-29, -30, -2, 0, 27, 28])
def test_rounding_limbs_that_were_not_carried(n_limbs, base):
    """Every way that rounding takes, at the ranges where it takes another, and ties."""
    rng = np.random.default_rng([n_limbs, base + 50])
    cells = 600
    limbs = np.zeros((n_limbs, cells))
    edges = 2.0 ** np.array([0, 1, 16, 17, 18, 19, 20, 28, 29, 30, 31, 32, 48, 49, 50, 52])
    for row in limbs:
        row[:] = rng.choice(edges, cells) * rng.choice([-1, 0, 1], cells) + rng.integers(-2, 3, cells)
        row[::3] = np.floor(row[::3] / 2**20) * 2**20
        row[::5] = rng.integers(-(2**52), 2**52, len(row[::5]))
    out = np.empty(cells)
    digits.round_limbs(limbs, base, out)
    for c in range(cells):
        exact = sum((Fraction(limbs[l, c]) * Fraction(2) ** (32 * (base + l)) for l in range(n_limbs)), Fraction(0))
        assert out[c].hex() == naive.nearest(exact).hex()
