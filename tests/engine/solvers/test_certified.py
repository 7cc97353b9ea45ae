"""Normal systems: answers are those of exact rational arithmetic, whatever factor and history led to them."""

from fractions import Fraction
from math import isqrt

import numpy as np
import pytest

from sqlearn.engine.solvers import kept_factor
from sqlearn.engine.solvers.certified import NormalSystem
from sqlearn.engine.solvers.fixed_point import value

SQUARE = Fraction(2**18 + 1, 2**20)  # that of the fraction from which on numbers are rounded up


def exactly(h, ridge, g):
    """The solution in fractions."""
    p = len(h)
    lower = np.tril(h)
    a = [[Fraction(int(lower[max(i, j), min(i, j)])) for j in range(p)] + [Fraction(int(g[i]))] for i in range(p)]
    for i in range(p):
        a[i][i] += int(ridge)
    for i in range(p):  # positive definite: no pivot is zero
        for k in range(i + 1, p):
            if a[k][i]:
                ratio = a[k][i] / a[i][i]
                a[k] = [x - ratio * y for x, y in zip(a[k], a[i], strict=True)]
    x = [Fraction(0)] * p
    for i in reversed(range(p)):
        x[i] = (a[i][p] - sum(a[i][j] * x[j] for j in range(i + 1, p))) / a[i][i]
    return x


def rounded(x, exponent):
    multiples = [value / Fraction(2) ** exponent for value in x]
    floors = [value.numerator // value.denominator for value in multiples]
    return np.array([float(low + ((x - low) ** 2 > SQUARE)) for low, x in zip(floors, multiples, strict=True)])


def expected(h, ridge, g, exponent):
    return rounded(exactly(h, ridge, g), exponent)


def with_hidden_triangle(h):
    """As owners keep it: the upper triangle holds anything."""
    h = np.array(h, np.float64)
    h[np.triu_indices(len(h), 1)] = np.nan
    return h


class Owner:
    """Random records, the sums over those held, and the system."""

    def __init__(self, p, width, seed, most=2**18, ridge=2.0**20):
        self.random = np.random.default_rng(seed)
        self.p, self.width, self.most, self.ridge = p, width, most, ridge
        self.h, self.g = with_hidden_triangle(np.zeros((p, p))), np.zeros(p, np.int64)
        self.system = NormalSystem(self.h, ridge)
        self.held = []

    def record(self):
        columns = np.sort(self.random.permutation(self.p)[: self.width])
        return columns, float(self.random.integers(1, self.most + 1)), int(self.random.integers(-(2**20), 2**20))

    def change(self, record, sign, reported=True):
        columns, amount, gradient = record
        rows, others = np.meshgrid(columns, columns, indexing="ij")
        below = rows >= others
        self.h[rows[below], others[below]] += sign * amount
        self.g[columns] += sign * gradient
        if reported:
            self.system.changed(columns, sign * amount)

    def learn(self, n=1):
        for _ in range(n):
            self.held.append(self.record())
            self.change(self.held[-1], 1)

    def forget(self, n=1):
        for _ in range(n):
            self.change(self.held.pop(self.random.integers(len(self.held))), -1)

    def fresh(self, exponent=-16):
        return NormalSystem(self.h.copy(), self.ridge).solution(self.g, exponent)

    def check(self, exponent=-16):
        found = self.system.solution(self.g, exponent)
        assert found.tobytes() == self.fresh(exponent).tobytes()
        return found


COLLINEAR = np.full((12, 12), 2.0**33)
ALMOST_SINGULAR = np.full((9, 9), 2.0**45) + np.eye(9)
LARGE_AND_SMALL = np.array([2**62, -(2**62), 2**61 + 1, -1, 0, 1, 3, 2**40 + 7, -5])


@pytest.mark.parametrize("exponent", [-300, -60, -16, 0, 8, 50, 300])
@pytest.mark.parametrize(
    ("h", "ridge", "g"),
    [
        ([[0]], 1, [1]),
        ([[0]], 2, [1]),
        ([[3]], 4, [-(2**63)]),
        ([[2**40]], 1, [2**63 - 1]),
        ([[2**40]], 2**46, [2**62 - 1]),
        (np.zeros((5, 5)), 1, [0, 0, 0, 0, 0]),
        (np.zeros((5, 5)), 2, [1, -1, 3, 2**62, -(2**62) + 1]),
        (np.zeros((3, 3)), 2**17, [1, 2, -3]),
        (COLLINEAR, 1, np.arange(12) * 1000 - 3000),
        (COLLINEAR, 1, np.full(12, 2**50)),
        (COLLINEAR, 1, np.where(np.arange(12) % 2, 2**40, -(2**40) + 1)),
        (COLLINEAR, 2**30, np.arange(12) ** 9),
        (ALMOST_SINGULAR, 1, LARGE_AND_SMALL),
        ([[2, 1], [1, 2]], 1, [3, 3]),
        ([[2**47, 0], [0, 0]], 1, [2**62, 2**62]),
    ],
)
@pytest.mark.crossed(3)
def test_hard_values(h, ridge, g, exponent):
    h, g = with_hidden_triangle(h), np.array(g, np.int64)
    before = h.tobytes(), g.tobytes()
    found = NormalSystem(h, float(ridge)).solution(g, exponent)
    assert found.tobytes() == expected(h, ridge, g, exponent).tobytes()
    assert (h.tobytes(), g.tobytes()) == before


@pytest.mark.parametrize("seed", range(8))
def test_random_systems(seed):
    random = np.random.default_rng(seed)
    p = int(random.integers(1, 20))
    z = random.integers(0, 2, (int(random.integers(1, 3 * p + 1)), p)).astype(float)
    h = z.T * np.floor(2.0 ** random.uniform(0, 38, len(z))) @ z
    ridge, exponent = float(2 ** int(random.integers(0, 40))), int(random.integers(-40, 5))
    g = (random.integers(-(2**62), 2**62, p) >> random.integers(0, 60)).astype(np.int64)
    found = NormalSystem(with_hidden_triangle(h), ridge).solution(g, exponent)
    assert found.tobytes() == expected(h, ridge, g, exponent).tobytes()


def near_misses():
    """Fractions that are as near to the boundary as their denominators allow, on either side: its convergents."""
    rest = Fraction(isqrt((2**18 + 1) << 400), 2**210)
    (a, b), (c, d) = (0, 1), (1, 0)
    while d < 2**46:
        whole = rest.numerator // rest.denominator
        (a, b), (c, d) = (c, d), (whole * c + a, whole * d + b)
        rest = 1 / (rest - whole)
        if 1 < d < 2**46:
            yield c, d


def test_near_misses():
    cases = list(near_misses())
    assert len(cases) > 3
    for numerator, denominator in cases:
        g = np.array([numerator + 5 * denominator])
        x = NormalSystem(np.array([[denominator - 1.0]]), 1.0).solution(g, 0)
        assert x[0] == 5 + (Fraction(numerator, denominator) ** 2 > SQUARE)


@pytest.mark.parametrize("seed", range(4))
def test_histories_are_exact(seed):
    owner = Owner(p=14, width=5, seed=seed, ridge=float(2 ** (5 * seed)))
    owner.learn(30)
    for step in range(12):
        if step % 3 == 2:
            owner.learn(int(owner.random.integers(3)))
        else:
            owner.forget(int(owner.random.integers(3)))
        found = owner.system.solution(owner.g, -16)
        assert found.tobytes() == expected(owner.h, owner.ridge, owner.g, -16).tobytes()


@pytest.mark.parametrize("ridge", [1.0, 2.0**20])
def test_bytes_do_not_depend_on_history(ridge):
    owner = Owner(p=220, width=12, seed=1, ridge=ridge)
    owner.learn(600)
    for n in [0, 1, 0, 1, 1, 2, 5, 20, 1, 25, 40, 1, 3]:
        owner.forget(n)
        owner.check()
        owner.learn(n // 2)
    owner.check(-30)
    owner.check(np.int64(-3))
    owner.forget(len(owner.held))
    assert not owner.h[np.tril_indices(owner.p)].any()
    assert not owner.check().any()


def test_undone_changes_take_no_room():
    owner = Owner(p=160, width=8, seed=2)
    owner.learn(400)
    before = owner.check()
    factorized = count(owner.system._factor, "factorize")
    for record in owner.held[:60]:
        owner.change(record, -1)
        owner.check()
        owner.change(record, 1)
    assert owner.check().tobytes() == before.tobytes()
    assert not factorized


def count(thing, name):
    """Make a method note its calls in the list returned."""
    calls, method = [], getattr(thing, name)
    setattr(thing, name, lambda *args: calls.append(args) or method(*args))
    return calls


def test_a_forget_and_a_read_cost_one_product():
    owner = Owner(p=300, width=12, seed=3)
    owner.learn(1500)
    owner.check()
    factorized, products = count(owner.system._factor, "factorize"), count(owner.system, "_residual_digits")
    for _ in range(20):
        owner.forget()
        owner.check()
    assert not factorized
    assert len(products) <= 21  # once in thousands of times, an entry is near a boundary


def test_sums_that_grow_and_shrink():
    owner = Owner(p=40, width=6, seed=4, ridge=1.0)
    owner.learn(60)
    for power in [*range(20, 46, 5), *range(44, 18, -5)]:
        owner.most = 2**power
        owner.learn(2)
        owner.check()
    while len(owner.held) > 5:
        owner.forget(4)
        owner.check()


def test_wrong_reports_cost_time_alone():
    owner = Owner(p=120, width=8, seed=5)
    owner.learn(500)
    owner.check()
    for _ in range(5):
        owner.change(owner.record(), 1, reported=False)
        owner.check()
        owner.system.changed(np.arange(50), -(2.0**25))
        owner.check()
    owner.system.changed(np.arange(120), -(2.0**30))  # as if not positive definite
    owner.check()


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 1.0, -1e300, 1e-300])
def test_wrong_factors_cost_time_alone(value):
    owner = Owner(p=100, width=8, seed=6)
    owner.learn(300)
    owner.check()
    owner.system._factor._upper[:] = value
    with np.errstate(all="ignore"):
        owner.check()
        owner.forget()
        owner.system._factor._upper[3:20] = value
        owner.check()
    digits, _ = owner.system._candidate
    digits[:] = np.sign(digits)
    owner.forget()
    owner.check()


@pytest.mark.parametrize(("factor", "ridge"), [(4.0, 1.0), (2.0**12, 1.0), (2.0**12, 2.0**20), (2.0**40, 2.0**20)])
def test_raised_ridges(monkeypatch, factor, ridge):
    """As where rounding leaves no factor: conjugate gradients bring the same bytes."""
    owner = Owner(p=130, width=8, seed=7, ridge=ridge)
    owner.learn(200)
    right = owner.fresh()
    factorize = kept_factor.KeptFactor.factorize
    monkeypatch.setattr(kept_factor.KeptFactor, "factorize", lambda self, h, ridge: factorize(self, h, ridge * factor))
    products = count(owner.system, "_conjugate_gradients")
    assert owner.system.solution(owner.g, -16).tobytes() == right.tobytes()
    assert products
    owner.forget()
    owner.check()


def test_no_factor_at_first(monkeypatch):
    """LAPACK refuses a matrix until the ridge has been raised."""
    refused = []

    class Lapack:
        dgesv = staticmethod(kept_factor.lapack.dgesv)

        @staticmethod
        def dpotrf(a, **options):
            a[0, 0] = a[0, 0] if len(refused) == 3 else -1.0
            refused.extend([0] * (len(refused) < 3))
            return kept_lapack.dpotrf(a, **options)

    owner = Owner(p=60, width=6, seed=8)
    owner.learn(100)
    right = owner.fresh()
    kept_lapack = kept_factor.lapack
    monkeypatch.setattr(kept_factor, "lapack", Lapack)
    assert owner.system.solution(owner.g, -16).tobytes() == right.tobytes()
    assert owner.system._factor.ridge == 64 * owner.ridge


@pytest.mark.parametrize("name", ["_residual_digits", "_rounded", "_corrected", "_factorize", "_expected_residual"])
def test_errors_leave_no_trace(name):
    owner = Owner(p=70, width=6, seed=9)
    owner.learn(150)
    owner.check()
    owner.forget(2 if name != "_factorize" else 40)
    method, error = getattr(owner.system, name), [MemoryError()]

    def fail(*args):
        result = method(*args)
        if error:
            raise error.pop()
        return result

    setattr(owner.system, name, fail)
    with pytest.raises(MemoryError):
        owner.system.solution(owner.g, -16)
    owner.forget()
    owner.check()
    owner.forget()
    owner.check()


def test_reports_need_no_memory():
    class Full(dict):
        def __setitem__(self, key, value):
            raise MemoryError

    owner = Owner(p=30, width=4, seed=10)
    owner.learn(50)
    owner.check()
    owner.system._since = Full()
    owner.forget(3)
    owner.check()


def test_sums_beyond_what_is_exact():
    with pytest.raises(OverflowError, match="a row of H has the sum"):
        NormalSystem(np.array([[2.0**49]]), 1.0).solution(np.array([1]), 0)


def test_products_are_exact():
    """With the largest digits and sums that are allowed, against Python's integers."""
    random = np.random.default_rng(11)
    h = random.integers(0, 2**36, (90, 90)).astype(np.float64)
    h = np.tril(h) + np.tril(h, -1).T
    system = NormalSystem(with_hidden_triangle(h), 3.0)
    system._row_sum = 2.0**43
    system._bits = 8
    digits = np.asfortranarray(random.choice([-128.0, 128.0, 127.0], (90, 9)))
    g = random.integers(-(2**62), 2**62, 90)
    found = system._residual_digits(digits, 11, g)
    units = [2 ** (8 * (8 - j)) for j in range(9)]
    x = [sum(int(d) * unit for d, unit in zip(row, units, strict=True)) for row in digits]
    for i in range(90):
        exact = (int(g[i]) << 64 - 11) - sum(int(h[i, j]) * x[j] for j in range(90)) - 3 * x[i]
        assert exact == sum(int(d) * unit for d, unit in zip(found[i], units, strict=True))
    for i, nearest in enumerate(value(found, 11, 8)):
        exact = Fraction(sum(int(d) * unit for d, unit in zip(found[i], units, strict=True)), 2**53)
        assert abs(Fraction(nearest) / exact - 1) < 2**-50
