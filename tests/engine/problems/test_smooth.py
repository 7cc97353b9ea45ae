"""Smooth losses: derivatives against exact formulas, sums of blocks against records one by one, and accuracy."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from sklearn import linear_model as peers

from sqlearn.engine.problems import smooth_losses as smooth
from sqlearn.engine.problems.coefficients import Penalty
from sqlearn.engine.problems.one_vs_rest import OneVsRest
from sqlearn.engine.problems.smooth_grid import Grid
from sqlearn.engine.problems.smooth_losses import (
    GAMMA,
    LOGISTIC,
    MULTINOMIAL,
    POISSON,
    SQUARED_HINGE,
    derivatives,
    fill_left,
    fill_third,
    newton_step,
    standardize,
)
from sqlearn.engine.problems.smooth_problem import Smooth
from sqlearn.engine.rounds.row_source import Records
from sqlearn.engine.rounds.samples import parts_of
from sqlearn.engine.rounds.standard import Scale
from sqlearn.engine.solvers import is_exponential, power_of, record_loss, tweedie
from sqlearn.linear_model import GammaRegressor, LogisticRegression, PoissonRegressor, TweedieRegressor
from sqlearn.svm import LinearSVC

OUTPUTS = {LOGISTIC: 1, POISSON: 1, SQUARED_HINGE: 1, MULTINOMIAL: 3, GAMMA: 1, tweedie(1.1): 1, tweedie(1.75): 1}
KINDS = list(OUTPUTS)
P = 4


def targets(kind, rng, n):
    if kind == GAMMA:
        return rng.gamma(2.0, 0.75, n)
    if is_exponential(kind):
        return rng.poisson(1.5, n) * (1.0 if kind == POISSON else rng.gamma(2.0, 0.5, n))
    y = rng.integers(0, 2 if kind != MULTINOMIAL else 3, n).astype(float)
    return 2 * y - 1 if kind == SQUARED_HINGE else y


def loss(kind, eta, y):
    """The loss of one record at its predictors."""
    if kind == LOGISTIC:
        return np.logaddexp(0.0, eta[0]) - y * eta[0]
    if kind == POISSON:
        return np.exp(eta[0]) - y * eta[0]
    if kind == GAMMA:
        return eta[0] + y * np.exp(-eta[0])
    if is_exponential(kind):
        p = power_of(kind)
        return np.exp((2 - p) * eta[0]) / (2 - p) - y * np.exp((1 - p) * eta[0]) / (1 - p)
    if kind == SQUARED_HINGE:
        return max(0.0, 1.0 - y * eta[0]) ** 2
    return np.logaddexp.reduce(eta) - eta[int(y)]


def asked(kind, z, y, w, theta):
    n_outputs, n = OUTPUTS[kind], z.shape[1]
    first, second, third = np.empty((n_outputs, n)), np.empty((n_outputs * (n_outputs + 1) // 2, n)), np.empty(n)
    derivatives(kind, z, y, w, theta, first, second, third)
    return first, second, third


# ------------------------------------------------------------------------------------------------------- derivatives


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_against_finite_differences(kind):
    rng = np.random.default_rng(kind)
    n, n_outputs = 40, OUTPUTS[kind]
    z, y, w = np.rint(rng.normal(size=(P, n)) * 2**16) / 2**16, targets(kind, rng, n), rng.random(n) + 0.1
    theta = rng.normal(size=n_outputs * P) / 2
    first, second, third = asked(kind, z, y, w, theta)
    eta = theta.reshape(n_outputs, P) @ z
    step = 1e-5

    def gradient(r, at):
        unit = step * np.eye(n_outputs)
        return np.array([(loss(kind, at + e, y[r]) - loss(kind, at - e, y[r])) / (2 * step) for e in unit]) * w[r]

    for r in range(n):
        if kind == SQUARED_HINGE and abs(1 - y[r] * eta[0, r]) < 10 * step:
            continue
        assert np.allclose(first[:, r], gradient(r, eta[:, r]), rtol=1e-7, atol=1e-8)
        pair = 0
        for k in range(n_outputs):
            e = np.zeros(n_outputs)
            e[k] = step
            up, down = (asked_first(kind, eta[:, r] + s * e, y[r], w[r]) for s in (1, -1))
            for l in range(k, n_outputs):
                assert np.isclose(second[pair, r], (up[l] - down[l]) / (2 * step), rtol=1e-7, atol=1e-8)
                pair += 1
        if kind == LOGISTIC or is_exponential(kind):
            up, down = (asked_second(kind, eta[:, r] + s * step, y[r], w[r]) for s in (1, -1))
            assert np.isclose(third[r], (up - down) / (2 * step), rtol=1e-7, atol=1e-8)
        else:
            assert third[r] == 0.0


def at(kind, eta, y, w):
    """Derivatives at these predictors: theta is eta, the one feature is 1."""
    n_outputs = OUTPUTS[kind]
    return asked(kind, np.ones((1, 1)), np.array([y]), np.array([w]), np.asarray(eta).reshape(n_outputs))


def asked_first(kind, eta, y, w):
    return at(kind, eta, y, w)[0][:, 0]


def asked_second(kind, eta, y, w):
    return at(kind, eta, y, w)[1][0, 0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("eta", [0.0, 700.0, -700.0, 1e6, -1e6, 1e300, -1e300])
@pytest.mark.crossed(2)
def test_derivatives_are_finite_at_the_ends(kind, eta):
    etas = np.zeros(OUTPUTS[kind])
    etas[0] = eta
    for y in (0.0, 1.0) if kind != SQUARED_HINGE else (-1.0, 1.0):
        for values in at(kind, etas, y, 1.0):
            assert np.isfinite(values).all() or kind == SQUARED_HINGE
        if kind == LOGISTIC:
            first = asked_first(kind, etas, y, 1.0)[0]
            assert abs(first - ((1.0 if eta > 0 else 0.5 if eta == 0 else 0.0) - y)) < 1e-300 or abs(eta) == 700.0


@pytest.mark.parametrize("kind", KINDS)
def test_no_derivatives_of_an_empty_place(kind):
    rng = np.random.default_rng(1)
    z = rng.normal(size=(P, 3)) * 100
    for values in asked(kind, z, np.zeros(3), np.zeros(3), rng.normal(size=OUTPUTS[kind] * P)):
        assert not values.any()


@pytest.mark.parametrize("kind", KINDS)
def test_bits_do_not_depend_on_the_block(kind):
    """Every kernel, for every part of a block, forwards and backwards."""
    rng = np.random.default_rng(2)
    n, n_outputs = 67, OUTPUTS[kind]
    x = rng.standard_cauchy((n, P))
    y, w = targets(kind, rng, n), rng.choice([1.0, 0.0, 3.0, 1e-9], n)
    theta = rng.normal(size=n_outputs * (P + 1))
    mean, factor, exponents = rng.normal(size=P), np.array([1.0, 0.5, 4.0, 2.0**-9]), np.array([1, -1, -2])

    def every(index):
        z = np.empty((P + 1, len(index)))
        standardize(x[index], mean, factor, True, z)
        first, second, third = asked(kind, z, y[index], w[index], theta)
        left = np.empty((2 * n_outputs + len(second) * (P + 1), len(index)))
        fill_left(z, first, second, exponents, left)
        pairs = np.empty(((P + 1) * (P + 2) // 2, len(index)))
        fill_third(z, third, exponents[2], pairs)
        return [z, first, second, third[None], left, pairs]

    whole = every(np.arange(n))
    for index in [
        *(np.arange(i, min(n, i + k)) for k in (1, 2, 3, 4, 7, 9, 16, 33) for i in range(0, n, k)),
        np.arange(n)[::-1],
        rng.permutation(n),
    ]:
        for part, all_of_it in zip(every(index), whole, strict=True):
            assert part.tobytes() == np.ascontiguousarray(all_of_it[:, index]).tobytes()


# -------------------------------------------------------------------------------------------------------------- sums


def ridge_of(p):
    return Penalty(np.ones(p), np.zeros(p), 0.0)


def problem_of(kind, d=3, intercept=True):
    codes = None if is_exponential(kind) else np.array([-1.0, 1.0]) if kind == SQUARED_HINGE else np.arange(3.0)
    weights = None if is_exponential(kind) else np.array([1.0, 0.5, 3.0])
    n_outputs = OUTPUTS[kind]
    return Smooth(kind, d, n_outputs, intercept, lambda scale: ridge_of(d + intercept), 0, codes, weights)


def grid_of(problem, exponents=(1, 0, 0)):
    size = problem.size
    return Grid(np.eye(size), np.full(size, 0.01), np.zeros(size), np.array(exponents), np.zeros(size))


def records_for(kind, rng, n, d=3, wild=0.0):
    x = rng.normal(size=(n, d))
    hit = rng.random((n, d)) < wild
    x[hit] = rng.choice([9.0, -300.0, 1e9, 1e-300, 1e60, 5e-324], hit.sum())
    y = targets(kind, rng, n)
    if kind == SQUARED_HINGE:
        y = (y + 1) / 2
    elif is_exponential(kind) and wild:
        y[rng.random(n) < wild] = 1e20
    w = rng.choice([1.0, 1.0, 0.0, 2.0], n)
    names = rng.integers(0, 2**63, n).astype(np.uint64) * np.uint64(2)
    return Records(x, y, w, names)


def part(records, index):
    return Records(records.x[index], records.y[index], records.w[index], records.hashes[index])


SCALE = Scale(np.array([0.125, 0.0, -0.25]), np.array([1.0, 0.5, 1.0]), 1.0, 20, 1.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wild", [0.0, 0.1, 1.0], ids=["tame", "some", "wild"])
@pytest.mark.parametrize("exponents", [(1, 0, 0), (-6, -9, -7), (12, 12, 12)], ids=str)
@pytest.mark.crossed(4)
def test_a_block_is_the_sum_of_its_records(kind, wild, exponents):
    rng = np.random.default_rng(kind)
    problem, grid = problem_of(kind), None
    grid = grid_of(problem, exponents)
    records = records_for(kind, rng, 300, wild=wild)
    theta = rng.normal(size=problem.size) / 4

    def summed(parts, signs=None):
        sums = problem.empty(SCALE, grid)
        for i, one in enumerate(parts):
            problem.query(theta, SCALE, grid, one, sums, 1.0 if signs is None else signs[i])
        return [total.canonical(np.arange(1)) for total in sums]

    whole = summed([records])
    singles = [part(records, [i]) for i in rng.permutation(300)]
    assert summed(singles) == whole
    assert summed([part(records, index) for index in np.array_split(rng.permutation(300), 7)]) == whole
    extra = records_for(kind, rng, 40, wild=wild)
    assert summed([records, extra, *(part(extra, [i]) for i in range(40))], [1.0, 1.0, *([-1.0] * 40)]) == whole
    assert summed([*(part(extra, [i]) for i in range(40)), records, extra], [-1.0] * 40 + [1.0, 1.0]) == whole
    # copies of one record: the most that tame sums can hold
    extreme = part(records, np.full(2048, int(np.argmax(np.abs(records.x).max(axis=1)))))
    assert summed([extreme]) == summed([part(extreme, [0])] * 2048)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.crossed(3)
def test_the_largest_tame_block_is_exact(kind):
    """2048 records at the bounds: all bits of a product's sum count."""
    problem = problem_of(kind, intercept=False)
    rng = np.random.default_rng(3)
    n, n_outputs, p = 2048, OUTPUTS[kind], 3
    unit = 2.0**-16
    z = np.full((p, n), 8.0) - unit * rng.integers(0, 2, (p, n))
    exponents = np.array([3, 4, 5])
    top = [np.nextafter(2.0 ** (e + 1), 0.0) for e in exponents]
    first, second, third = (
        np.full((n_outputs, n), top[0]),
        np.full((n_outputs * (n_outputs + 1) // 2, n), top[1]),
        np.full(n, top[2]),
    )
    ok = np.empty(n, np.bool_)
    smooth.in_safe_range(z, first, second, third, exponents, ok)
    assert ok.all()
    left = np.empty((2 * n_outputs + len(second) * p, n))
    fill_left(z, first, second, exponents, left)
    pairs = np.empty((p * (p + 1) // 2, n))
    fill_third(z, third, exponents[2], pairs)
    for rows in (left, pairs):
        product = rows @ z.T
        for i in range(len(rows)):
            for j in range(p):
                exact = sum(
                    (Fraction(a) * Fraction(b) for a, b in zip(rows[i].tolist(), z[j].tolist(), strict=True)),
                    Fraction(0),
                )
                assert Fraction(product[i, j]) == exact
    del problem


def test_changes_larger_than_a_block_are_asked_in_parts():
    parts = list(parts_of(records_for(LOGISTIC, np.random.default_rng(0), 5000)))
    assert [len(one.w) for one in parts] == [2048, 2048, 904]


def test_one_vs_rest_is_its_problems():
    rng = np.random.default_rng(4)
    codes = [np.where(np.arange(3) == k, 1.0, -1.0) for k in range(3)]
    problems = [Smooth(SQUARED_HINGE, 3, 1, True, lambda scale: ridge_of(4), 0, code, np.ones(3)) for code in codes]
    both, grids = OneVsRest(problems), tuple(grid_of(one) for one in problems)
    records = records_for(MULTINOMIAL, rng, 200, wild=0.05)
    theta = rng.normal(size=12)
    sums = both.empty(SCALE, grids)
    both.query(theta, SCALE, grids, records, sums, 1.0)
    end, rounded, still = both.step(theta, SCALE, grids, sums)
    for k, (problem, grid) in enumerate(zip(problems, grids, strict=True)):
        own = problem.empty(SCALE, grid)
        problem.query(theta[4 * k : 4 * k + 4], SCALE, grid, records, own, 1.0)
        assert own[0].canonical(np.arange(1)) == sums[k].canonical(np.arange(1))
        answer = problem.step(theta[4 * k : 4 * k + 4], SCALE, grid, own)
        assert answer[0].tobytes() == end[4 * k : 4 * k + 4].tobytes()
        assert answer[1].tobytes() == rounded[4 * k : 4 * k + 4].tobytes()
        assert still <= answer[2]


# ------------------------------------------------------------------------------------------------------------- steps


@pytest.mark.parametrize("kind", KINDS)
def test_newton_step_solves_the_local_model(kind):
    rng = np.random.default_rng(5)
    problem = problem_of(kind)
    grid = grid_of(problem)
    records = records_for(kind, rng, 500)
    theta, penalty = rng.normal(size=problem.size) / 8, np.eye(problem.size)
    sums = problem.empty(SCALE, grid)
    problem.query(theta, SCALE, grid, records, sums, 1.0)
    step, g, h = newton_step(problem.n_outputs, sums[0].round()[0], np.zeros(0), 0.0, penalty, theta, 0.0, 0.0)[:3]
    z, first, second, _ = problem.terms_of(theta, SCALE, records, problem.class_weight)
    gradient = (first @ z.T).ravel() + theta
    assert np.allclose(g, gradient, rtol=1e-6, atol=1e-6)
    hessian, p, pair = penalty.copy(), problem.p, 0
    for k in range(problem.n_outputs):
        for l in range(k, problem.n_outputs):
            block = (z * second[pair]) @ z.T
            hessian[k * p : k * p + p, l * p : l * p + p] += block
            if k != l:
                hessian[l * p : l * p + p, k * p : k * p + p] += block
            pair += 1
    assert np.allclose(h, hessian, rtol=1e-4, atol=1e-3)
    assert np.allclose(h @ step, -g, atol=1e-8)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind == LOGISTIC or is_exponential(kind)])
def test_the_third_order_step_is_nearer_to_the_minimum(kind):
    rng = np.random.default_rng(6)
    problem = problem_of(kind)
    grid, penalty = grid_of(problem), np.eye(problem.size)
    records = replace(records_for(kind, rng, 2000), w=np.ones(2000))

    def steps(theta):
        sums = problem.empty(SCALE, grid)
        scale = replace(SCALE, octave=11)
        problem.query(theta, scale, grid, records, sums, 1.0)
        values = [total.round()[0] for total in sums]
        second = newton_step(1, values[0], np.zeros(0), 0.0, penalty, theta, 0.0, 0.0)
        return second[0], newton_step(1, *values, 1.0, penalty, theta, 0.0, 0.0)[0]

    theta = np.zeros(problem.size)
    for _ in range(20):
        theta = theta + steps(theta)[0]
    start = theta + rng.normal(size=problem.size) * 0.03
    second, third = (np.abs(start + step - theta).max() for step in steps(start))
    assert third < second / 5
    assert third < (1e-4 if kind in (LOGISTIC, POISSON, GAMMA) else 2e-4)  # larger derivatives of fourth order


# ---------------------------------------------------------------------------------------------------------- accuracy


def correlated(rng, n, d, rho):
    common = rng.normal(size=(n, 1))
    return np.sqrt(1 - rho) * rng.normal(size=(n, d)) + np.sqrt(rho) * common


@pytest.fixture(scope="module", params=[0.0, 0.9], ids=["independent", "correlated"])
def features(request):
    return correlated(np.random.default_rng(0), 20_000, 10, request.param)


def relative(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


def coefficients(model):
    return np.append(model.coef_.ravel(), model.intercept_)


def test_logistic_regression_is_near_the_optimum(features):
    rng = np.random.default_rng(1)
    X = features * [1, 100, 0.01, 1, 1, 1, 1, 1, 1, 1] + [0, 1e4, 0, 5, 0, 0, 0, 0, 0, 0]
    y = rng.random(len(X)) < 1 / (1 + np.exp(-features @ rng.normal(size=10) + 0.5))
    model = LogisticRegression().fit(X, y)
    assert len(model._state.statistic.trace.rounds) and model._state.statistic.trace.converged
    scaled = 1.0 / X.std(axis=0)
    theta = newton(features, X, y, 1.0)
    assert relative(coefficients(model)[:10] / scaled, theta[:10] / scaled) < 1e-6
    kept = np.arange(50, len(X))
    model.forget(X[:50], y[:50])
    assert model.digest() == LogisticRegression().fit(X[kept], y[kept]).digest()


def newton(_, X, y, C):
    """The optimum, by Newton's method on standardised features, penalised in the user's units."""
    mean, sd = X.mean(axis=0), X.std(axis=0)
    z = np.column_stack([(X - mean) / sd, np.ones(len(X))])
    ridge = np.append(1 / C / sd**2, 0.0)
    theta = np.zeros(z.shape[1])
    for _ in range(30):
        q = 1 / (1 + np.exp(-z @ theta))
        g, h = z.T @ (q - y) + ridge * theta, (z * (q * (1 - q))[:, None]).T @ z + np.diag(ridge)
        theta = theta - np.linalg.solve(h, g)
    coef = theta[:-1] / sd
    return np.append(coef, theta[-1] - coef @ mean)


def test_a_few_records_far_from_the_mean_do_not_hide_the_optimum():
    """A sample of third derivatives would seldom have them, or count them several times."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(270_000, 2))
    X[:20] *= 30.0
    y = X[:, 0] - 0.5 * X[:, 1] + 3 * rng.logistic(size=len(X)) > 0
    model, optimum = LogisticRegression().fit(X, y), newton(None, X, y, 1.0)
    assert relative(coefficients(model), optimum) < 2e-6


def test_logistic_regression_agrees_with_scikit_learn(features):
    rng = np.random.default_rng(2)
    y = rng.random(len(features)) < 1 / (1 + np.exp(-features @ rng.normal(size=10)))
    model = LogisticRegression(C=0.1).fit(features, y)
    peer = peers.LogisticRegression(C=0.1, solver="newton-cholesky", tol=1e-12, max_iter=100).fit(features, y)
    assert relative(coefficients(model), coefficients(peer)) < 1e-6


def test_multinomial_regression_agrees_with_scikit_learn(features):
    rng = np.random.default_rng(3)
    y = np.argmax(features @ rng.normal(size=(10, 3)) + rng.gumbel(size=(len(features), 3)), axis=1)
    model = LogisticRegression().fit(features, y)
    peer = peers.LogisticRegression(solver="newton-cholesky", tol=1e-12, max_iter=100).fit(features, y)
    assert relative(coefficients(model), coefficients(peer)) < 2e-6


def test_poisson_regression_agrees_with_scikit_learn(features):
    rng = np.random.default_rng(4)
    y = rng.poisson(np.exp(features @ rng.normal(size=10) / 5))
    model = PoissonRegressor(alpha=0.01).fit(features, y)
    peer = peers.PoissonRegressor(alpha=0.01, solver="newton-cholesky", tol=1e-12, max_iter=100).fit(features, y)
    assert relative(coefficients(model), coefficients(peer)) < 2e-6


@pytest.mark.parametrize("power", [2.0, 1.0, 1.2, 1.7])
def test_gamma_and_tweedie_regression_agree_with_scikit_learn(features, power):
    rng = np.random.default_rng(7)
    y = rng.gamma(2.0, np.exp(features @ rng.normal(size=10) / 5) / 2) * (
        1.0 if power == 2.0 else rng.random(20_000) < 0.8
    )
    options = {"solver": "newton-cholesky", "tol": 1e-12, "max_iter": 100, "alpha": 0.01}
    if power == 2.0:
        model, peer = GammaRegressor(alpha=0.01).fit(features, y), peers.GammaRegressor(**options).fit(features, y)
    else:
        model = TweedieRegressor(power=power, alpha=0.01).fit(features, y)
        peer = peers.TweedieRegressor(power=power, **options).fit(features, y)
    assert relative(coefficients(model), coefficients(peer)) < 4e-6
    assert abs(model.score(features, y) - peer.score(features, y)) < 1e-6
    assert np.allclose(model.predict(features), peer.predict(features), rtol=1e-4)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if is_exponential(kind) and kind != POISSON])
@pytest.mark.parametrize("y", [2.0**-500, 1e-3, 1.0, 7.5, 2.0**500])
def test_the_value_of_a_loss_is_the_integral_of_its_slope(kind, y):
    """From the least, which is 0, at the logarithm of the target."""
    from scipy.integrate import quad

    at = np.log(y)
    assert smooth_value(kind, at, y) == pytest.approx(0.0, abs=1e-12 * y ** (2 - power_of(kind)))
    for end in (at - 2.0, at - 1e-3, at + 1e-3, at + 1.0):
        area = quad(lambda eta: float(asked_first(kind, [eta], y, 1.0)[0]), at, end, epsrel=1e-10)[0]
        assert smooth_value(kind, end, y) == pytest.approx(area, rel=1e-6)


def smooth_value(kind, eta, y):
    return record_loss(kind, np.array([[eta]]), 0, y)


def test_linear_svc_is_near_the_optimum(features):
    rng = np.random.default_rng(5)
    y = np.where(rng.random(len(features)) < 1 / (1 + np.exp(-features @ rng.normal(size=10))), 1.0, -1.0)
    model = LinearSVC().fit(features, y)
    z, theta = np.column_stack([features, np.ones(len(features))]), np.zeros(11)
    for _ in range(50):  # Newton's method: the intercept is penalised as scikit-learn's
        margin = 1 - y * (z @ theta)
        active = margin > 0
        g = theta - 2 * z[active].T @ (y * margin)[active]
        theta = theta - np.linalg.solve(np.eye(11) + 2 * z[active].T @ z[active], g)
    assert relative(coefficients(model), theta) < 1e-5
