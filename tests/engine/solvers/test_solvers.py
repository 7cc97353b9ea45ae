"""The fast solver reaches the minimum, says when it does not know, and gives the same bytes however it is called."""

import threading
import warnings
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
from sklearn import linear_model as peers
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning

from fuzz_losses import judge
from sqlearn.engine.problems import Smooth, ridge
from sqlearn.engine.problems import smooth_problem as module
from sqlearn.engine.problems.coefficients import Penalty
from sqlearn.engine.problems.optimum import in_order, minimize
from sqlearn.engine.problems.smooth_losses import standardize
from sqlearn.engine.rounds import Records, Scale
from sqlearn.engine.solvers import LOGISTIC, MULTINOMIAL, POISSON, SQUARED_HINGE, minimum

KINDS = {"logistic": LOGISTIC, "multinomial": MULTINOMIAL, "hinge": SQUARED_HINGE, "poisson": POISSON}
N_CLASSES = {"logistic": 1, "multinomial": 4, "hinge": 1, "poisson": 1}


class Case(NamedTuple):
    """A problem, how its records are standardised, and they."""

    problem: Smooth
    scale: Scale
    records: Records


def case(kind, n=700, d=12, seed=0, weighted=False, bond=False, intercept=True, strength=1.0) -> Case:
    rng = np.random.default_rng(seed)
    n_outputs = N_CLASSES[kind]
    x = (
        rng.normal(size=(n, d))
        @ (np.eye(d) + 0.3 * rng.normal(size=(d, d)) / np.sqrt(d))
        * 10.0 ** rng.integers(-3, 4, d)
    )
    eta = (x - x.mean(axis=0)) / x.std(axis=0) @ rng.normal(size=(d, n_outputs)) / np.sqrt(d)
    if kind == "multinomial":
        y = np.argmax(eta + rng.gumbel(size=eta.shape), axis=1).astype(float)
    elif kind == "poisson":
        y = rng.poisson(np.exp(2 + eta[:, 0])).astype(float)
    else:
        y = (eta[:, 0] + rng.logistic(size=n) > 0).astype(float)
        y = 2 * y - 1 if kind == "hinge" else y
    w = 10.0 ** rng.uniform(-2, 2, n) if weighted else np.ones(n)
    mean = x.mean(axis=0) * intercept
    factor = 2.0 ** -np.ceil(np.log2(np.sqrt(((x - mean) ** 2).mean(axis=0))))
    scale = Scale(mean, factor, 2.0 ** -np.round(np.log2(w.mean())), n.bit_length(), w.sum())

    def penalty(scale):
        held = ridge(scale, intercept, strength)
        if not bond:
            return held
        return held._replace(bond=np.linspace(0.5, 1.5, d + intercept), weight=3.0)

    problem = Smooth(KINDS[kind], d, n_outputs, intercept, penalty, 0)
    records = in_order(lambda: [Records(x, y, w, np.arange(n, dtype=np.uint64))])
    return Case(problem, scale, records)


def newton(given: Case, start=None):
    """The loss of theta, and the minimum, by Newton's method alone."""
    problem, scale, records = given
    z = np.empty((problem.p, len(records.w)))
    standardize(records.x, scale.mean, scale.factor, problem.intercept, z)
    y, w = problem.targets(scale, records, None)
    penalty = problem.penalty_hessian(scale, 2.0**-24)
    theta = np.zeros(problem.size) if start is None else start
    return minimize(problem.kind, problem.n_outputs, z, y, w, penalty, True, theta)


def loss(given: Case, theta) -> float:
    """The penalised loss, by numpy."""
    problem, scale, records = given
    z = (records.x - scale.mean) * scale.factor
    z = np.column_stack([np.ones(len(z)), z]) if problem.intercept else z
    y, w = problem.targets(scale, records, None)
    theta = theta.reshape(problem.n_outputs, -1)
    eta = z @ theta.T
    if problem.kind == MULTINOMIAL:
        each = np.logaddexp.reduce(eta, axis=1) - eta[np.arange(len(y)), y.astype(int)]
    elif problem.kind == LOGISTIC:
        each = np.logaddexp(0, np.where(y == 1, -eta[:, 0], eta[:, 0]))
    elif problem.kind == SQUARED_HINGE:
        each = np.maximum(1 - y * eta[:, 0], 0) ** 2
    else:
        each = np.exp(eta[:, 0]) - y * eta[:, 0] + np.where(y > 0, y * np.log(np.maximum(y, 1)) - y, 0)
    held = problem.penalty(scale)
    return (w * each).sum() + 0.5 * sum(held.ridge @ one**2 + held.weight * (held.bond @ one) ** 2 for one in theta)


def fast(given: Case):
    """What the fast search alone finds."""
    problem, scale, records = given
    y, w = problem.targets(scale, records, None)
    standard = scale.mean, scale.factor, int(problem.intercept)
    return minimum(problem.kind, problem.n_outputs, (records.x, y, w), standard, problem.penalty(scale))


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("n, d", [(90, 3), (700, 12), (700, 40), (6000, 30)])
@pytest.mark.parametrize("kind", KINDS)
def test_the_fast_search_finds_the_minimum(kind, n, d, weighted):
    given = case(kind, n, d, weighted=weighted)
    found = fast(given)
    assert found.certain
    best = loss(given, newton(given, found.theta.ravel())[0])
    assert loss(given, found.theta) <= best * (1 + 5e-7) + 1e-9 * n


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{"bond": True}, {"intercept": False}, {"bond": True, "intercept": False}], ids=str)
def test_penalties_and_intercepts(kind, options):
    given = case(kind, 3000, 16, **options)
    found = fast(given)
    assert found.certain
    assert loss(given, found.theta) <= loss(given, newton(given)[0]) * (1 + 5e-7)


def test_the_penalty_is_its_hessian():
    given = case("multinomial", bond=True)
    theta = np.random.default_rng(0).normal(size=given.problem.size)
    held = given.problem.penalty(given.scale)
    one = sum(held.ridge @ part**2 + held.weight * (held.bond @ part) ** 2 for part in theta.reshape(4, -1))
    np.testing.assert_allclose(theta @ given.problem.penalty_hessian(given.scale, 0.0) @ theta, one, rtol=1e-12)
    plain = Penalty(np.arange(3.0), np.ones(3), 0.0)
    np.testing.assert_array_equal(plain.hessian(), np.diag(np.arange(3.0)))


@pytest.mark.parametrize("kind", KINDS)
def test_small_problems_are_solved_to_the_last_bits(kind):
    given = case(kind, 150, 6)
    found = given.problem.solve(given.scale, given.records)
    theta, converged = newton(given)
    assert found.converged and converged
    np.testing.assert_allclose(found.theta, theta, rtol=1e-7, atol=1e-9)


DATA = {"digits": partial(load_digits, n_class=4), "wine": load_wine, "breast cancer": load_breast_cancer}


@pytest.mark.parametrize("name", DATA)
def test_not_above_scikit_learn(name):
    x, y = DATA[name](return_X_y=True)
    labels = np.unique(y)
    kind = "multinomial" if len(labels) > 2 else "logistic"
    mean, spread = x.mean(axis=0), x.std(axis=0)
    factor = np.where(spread > 0, 2.0 ** -np.ceil(np.log2(np.where(spread > 0, spread, 1.0))), 0.0)
    scale = Scale(mean, factor, 1.0, len(y).bit_length(), float(len(y)))
    n_outputs = len(labels) if kind == "multinomial" else 1
    problem = Smooth(KINDS[kind], x.shape[1], n_outputs, True, lambda scale: ridge(scale, True, 1.0), 0)
    records = in_order(lambda: [Records(x, y.astype(float), np.ones(len(y)), np.arange(len(y), dtype=np.uint64))])
    given = Case(problem, scale, records)
    found = problem.solve(scale, records)
    assert found.converged
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = peers.LogisticRegression(max_iter=300).fit(x, y)
    coef = np.where(factor > 0, model.coef_ / np.where(factor > 0, factor, 1.0), 0.0)
    theirs = np.column_stack([model.intercept_ + model.coef_ @ mean, coef])
    assert loss(given, found.theta) <= loss(given, theirs.ravel()) * (1 + 1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_storage_order_blocks_and_threads_make_no_difference(kind):
    given = case(kind, 5000, 20, weighted=True)
    problem, scale, records = given
    first = problem.solve(scale, records).theta.tobytes()
    rng, found = np.random.default_rng(0), []
    for blocks in (1, 7):
        order = rng.permutation(len(records.w))
        parts = [records.take(part) for part in np.array_split(order, blocks)]
        found.append(problem.solve(scale, in_order(lambda parts=parts: parts)).theta.tobytes())

    def run():
        found.append(problem.solve(scale, records).theta.tobytes())

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [first] * 6


def test_memory_layouts_make_no_difference():
    problem, scale, records = case("logistic", 1500, 10)
    first = problem.solve(scale, records)
    again = problem.solve(
        scale, Records(np.ascontiguousarray(records.x.copy()), *map(np.copy, (records.y, records.w)), records.hashes)
    )
    assert first.theta.tobytes() == again.theta.tobytes()


def test_without_a_minimum_it_says_so():
    x = np.linspace(-1, 1, 40)[:, None]
    records = in_order(lambda: [Records(x, (x[:, 0] > 0).astype(float), np.ones(40), np.arange(40, dtype=np.uint64))])
    scale = Scale(np.zeros(1), np.ones(1), 1.0, 6, 40.0)
    problem = Smooth(LOGISTIC, 1, 1, True, lambda scale: ridge(scale, True, 0.0), 0)
    assert not problem.solve(scale, records).converged


@pytest.mark.parametrize("seed", [58, 242, 1034, 1041, 1050, 1098, 1268, 1383])
def test_hard_problems(seed, monkeypatch):
    """Problems on which the last steps alone saw a minimum where there is none, or on which Newton's method decides."""
    monkeypatch.setattr(module, "_POLISHED", -1.0)
    monkeypatch.setattr(Smooth, "converge", lambda self, scale, source: self.solve(scale, in_order(source)))
    assert judge(seed).faults == []


def test_newton_decides_where_its_last_steps_overshoot():
    """Records predicted almost surely: the fast search took the loss for the least at five times that."""
    assert judge(1404).faults == []


@pytest.mark.parametrize("seed", range(2000, 2012))
def test_random_problems(seed, monkeypatch):
    monkeypatch.setattr(Smooth, "converge", lambda self, scale, source: self.solve(scale, in_order(source)))
    assert judge(seed, small=True).faults == []
