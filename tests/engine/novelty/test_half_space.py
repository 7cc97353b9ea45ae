"""The one-class problem: its solution is the minimum, whatever is kept, and the boundary leaves the share of nu out."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar

from sqlearn.engine.maps.fourier import draw_fourier, map_fourier, scale_of, score_fourier
from sqlearn.engine.novelty import half_space
from sqlearn.engine.novelty.half_space import automatic_gamma, boundary, one_class, spread_of

RNG = np.random.default_rng(0)


def problem(n, d, size, gamma=0.3):
    x = RNG.normal(size=(n, d))
    x[: n // 20] *= 4.0
    return x, *draw_fourier(d, size, gamma, 5)


def objective(features, nu):
    """What is minimised, of w and rho, with its gradient, as its definition says."""
    n = len(features)
    delta = 0.01 * float((features.mean(axis=0) ** 2).sum())

    def value(parameters):
        w, rho = parameters[:-1], parameters[-1]
        z = rho - features @ w
        loss = np.where(z <= 0, 0.0, np.where(z < delta, z**2 / (2 * delta), z - delta / 2))
        slopes = np.clip(z / delta, 0.0, 1.0) / (nu * n)
        return w @ w / 2 - rho + loss.sum() / (nu * n), np.append(w - slopes @ features, slopes.sum() - 1.0)

    return value


@pytest.mark.parametrize("nu", [0.05, 0.3, 0.8, 1.0])
@pytest.mark.parametrize("n, d, size", [(300, 3, 40), (60, 5, 200), (7, 2, 10)])
@pytest.mark.crossed(2)
def test_the_solution_is_the_minimum(n, d, size, nu):
    x, directions, phases = problem(n, d, size)
    found = one_class(x, directions, phases, nu, 1e-9)
    assert found.converged
    assert found.scores.tobytes() == score_fourier(x, directions, phases, found.coefficients).tobytes()
    features = map_fourier(x, directions, phases, scale_of(size)).astype(np.float32).astype(float)
    value = objective(features, nu)
    w = found.coefficients / scale_of(size) / (nu * n)
    scores = features @ w
    rhos = np.sort(np.concatenate([scores, scores + 0.01 * (features.mean(axis=0) ** 2).sum()]))
    at = minimize_scalar(lambda rho: value(np.append(w, rho))[0], bounds=(rhos[0], rhos[-1]), method="bounded").fun
    best = minimize(value, np.append(features.mean(axis=0), 0.1), jac=True, method="L-BFGS-B",
                    options={"maxiter": 20_000, "maxfun": 20_000, "ftol": 1e-15, "gtol": 1e-9})  # fmt: skip
    assert at <= best.fun + 1e-5 * abs(best.fun)


def test_one_share_is_the_mean():
    """With nu = 1 all records push alike: the weights are the mean features, those of a kernel mean."""
    x, directions, phases = problem(100, 3, 50)
    found = one_class(x, directions, phases, 1.0, 1e-9)
    mean = map_fourier(x, directions, phases, 1.0).mean(axis=0)
    assert np.allclose(found.coefficients / 100, scale_of(50) ** 2 * mean, atol=1e-7)


@pytest.mark.parametrize("nu", [0.1, 0.6])
def test_bits_do_not_depend_on_what_is_kept(monkeypatch, nu):
    x, directions, phases = problem(500, 4, 60)
    monkeypatch.setattr(half_space, "_FIRST", 100)
    expected = one_class(x, directions, phases, nu, 1e-7)
    for kept, block in ((0, 1024), (0, 7), (10_000, 64)):
        monkeypatch.setattr(half_space, "_KEPT", kept)
        monkeypatch.setattr(half_space, "_BLOCK", block)
        found = one_class(x, directions, phases, nu, 1e-7)
        assert found.coefficients.tobytes() == expected.coefficients.tobytes()
        assert found.scores.tobytes() == expected.scores.tobytes()
    monkeypatch.setattr(half_space, "_FIRST", 10**9)  # without the part that is solved for first: the same minimum
    other = one_class(x, directions, phases, nu, 1e-7)
    assert np.abs(other.scores - expected.scores).max() < 1e-5 * np.abs(expected.scores).max()


def test_hard_records_have_a_solution():
    for x in (
        np.zeros((5, 2)),
        np.full((4, 2), 1e100),
        np.array([[1.0, 2.0]]),
        np.array([[1e150, -1e150], [0.0, 0.0]]),
    ):
        gamma = automatic_gamma(x)
        assert 0.0 < gamma < math.inf
        for nu in (1e-3, 0.5, 1.0):
            found = one_class(x, *draw_fourier(2, 30, gamma, 0), nu, 1e-6)
            assert found.converged and np.isfinite(found.scores).all()


def test_steps_end():
    x, directions, phases = problem(300, 3, 40)
    found = one_class(x, directions, phases, 0.1, 1e-6, 1)
    assert not found.converged and found.steps == 1 and np.isfinite(found.scores).all()
    assert not one_class(x, directions, phases, 0.1, 1e-6, 0).converged


@pytest.mark.parametrize("n", [1, 2, 3, 10, 97])
@pytest.mark.parametrize("nu", [1e-9, 0.1, 0.3, 0.5, 0.999, 1.0])
@pytest.mark.crossed(2)
def test_boundary(n, nu):
    scores = RNG.permutation(n) * 1.0
    outside = (scores < boundary(scores, nu)).sum()
    assert outside <= nu * n and outside >= min(n - 1, math.floor(nu * n))
    assert boundary(np.zeros(n), nu) == 0.0


def test_gamma():
    x = RNG.normal(size=(300, 4)) * 3.0 + 1.0
    assert spread_of(x) == pytest.approx(x.var(), rel=1e-13)
    assert automatic_gamma(x) == pytest.approx(1.0 / (4 * x.var()), rel=1e-13)
    assert automatic_gamma(np.full((7, 2), 0.3)) == 1.0
    assert automatic_gamma(np.array([[0.0, 5e-324]])) == 2.0**500
