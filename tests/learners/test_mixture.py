"""GaussianMixture: the bytes of a refit whatever breaks, and scikit-learn's results."""

import pickle

import numpy as np
import pytest
from sklearn import mixture as peers
from sklearn.exceptions import ConvergenceWarning

from laws import assert_same, check_contract
from records import records_of
from sqlearn import verify
from sqlearn.engine.problems import mixture_problem
from sqlearn.engine.rounds import samples
from sqlearn.engine.rounds import walk as rounds
from sqlearn.errors import ParameterError, TooLargeError, UndefinedAttributeError
from sqlearn.mixture import GaussianMixture

TYPES = ["full", "tied", "diag", "spherical"]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def draw(rng, n, d=3, k=3, spread=3.0):
    factors = rng.normal(size=(k, d, d))
    component = rng.integers(0, k, n)
    x = np.einsum("nij,nj->ni", factors[component], rng.normal(size=(n, d)))
    return (x + rng.normal(size=(k, d))[component] * spread) * [1.0, 100.0, 0.01] + [5.0, 1000.0, 0.0]


@pytest.fixture
def fine(monkeypatch):
    """Small samples and fine grids, so that rounds and breaks happen with few records."""
    monkeypatch.setattr(rounds, "PILOT", 32)
    monkeypatch.setattr(rounds, "GRID_SAMPLE", 8)
    monkeypatch.setattr(rounds, "MOST_ROUNDS", 8)
    monkeypatch.setattr(mixture_problem, "_COARSEST", 2.0**-8)
    monkeypatch.setattr(mixture_problem, "_COARSE", 1.0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("covariance_type", TYPES)
@pytest.mark.crossed(2)
def test_contract(level, covariance_type):
    rng = np.random.default_rng(level)
    learner = GaussianMixture(2, covariance_type=covariance_type)
    check_contract(learner, records_of(learner, rng, 30, level), rng)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("covariance_type", ["full", "diag"])
@pytest.mark.crossed(2)
def test_contract_in_rounds(level, covariance_type, fine):
    rng = np.random.default_rng(level)
    learner = GaussianMixture(2, covariance_type=covariance_type)
    check_contract(learner, records_of(learner, rng, 150, level), rng)


@pytest.mark.parametrize("covariance_type", TYPES)
@pytest.mark.crossed(2)
def test_random_histories_in_rounds(covariance_type, fine):
    rng = np.random.default_rng(0)
    X = draw(rng, 600)
    X[rng.integers(0, 600, 60)] = X[rng.integers(0, 600, 60)]  # copies
    X[rng.integers(0, 600, 3)] *= 1e3
    model = GaussianMixture(3, covariance_type=covariance_type).fit(X[:400])
    held = set(range(400))
    breaks = set()
    for _ in range(40):
        if rng.random() < 0.5 or len(held) < 100:
            rows = rng.permutation([i for i in range(600) if i not in held])[: rng.choice([1, 1, 5])]
            model.partial_fit(X[rows])
            held |= set(rows.tolist())
        else:
            rows = rng.permutation(sorted(held))[: rng.choice([1, 1, 30])]
            model.forget(X[rows])
            held -= set(rows.tolist())
        breaks.add(model.last_update_.broke_at)
        assert verify(model, X[rng.permutation(sorted(held))])
    assert {"pilot", 1} < breaks


def test_blocks_and_order_do_not_show(fine, monkeypatch):
    rng = np.random.default_rng(0)
    X = draw(rng, 2000)
    whole = GaussianMixture(3).fit(X)
    monkeypatch.setattr(samples, "BLOCK", 100)
    monkeypatch.setattr(mixture_problem, "BLOCK", 37)
    assert_same(GaussianMixture(3).fit(X[rng.permutation(2000)]), whole)
    left, right = GaussianMixture(3).fit(X[:700]), GaussianMixture(3).fit(X[700:])
    assert_same(right.merge(left), whole)
    assert_same(pickle.loads(pickle.dumps(whole)), whole)


@pytest.mark.parametrize("covariance_type", TYPES)
def test_from_a_given_start_it_is_scikit_learn(covariance_type):
    rng = np.random.default_rng(1)
    X = draw(rng, 1000)
    start = peers.GaussianMixture(3, covariance_type=covariance_type, max_iter=2, random_state=0).fit(X)
    given = {
        "covariance_type": covariance_type,
        "weights_init": [0.2, 0.3, 0.5],
        "means_init": start.means_ * 1.01,
        "precisions_init": start.precisions_,
        "reg_covar": 1e-5,
    }
    ours, theirs = GaussianMixture(3, **given).fit(X), peers.GaussianMixture(3, **given).fit(X)
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.converged_ == theirs.converged_
    np.testing.assert_allclose(ours.lower_bounds_, theirs.lower_bounds_, rtol=1e-9)
    for name in ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"):
        np.testing.assert_allclose(
            getattr(ours, name), getattr(theirs, name), rtol=1e-6, atol=1e-9 * np.abs(getattr(theirs, name)).max()
        )
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-5, atol=1e-7)
    assert ours.score(X) == pytest.approx(theirs.score(X))
    assert ours.bic(X) == pytest.approx(theirs.bic(X))
    assert ours.aic(X) == pytest.approx(theirs.aic(X))
    assert ours.sample(3)[0].shape == (3, 3)


@pytest.mark.parametrize("covariance_type", TYPES)
@pytest.mark.crossed(2)
def test_rounds_reach_the_likelihood_of_scikit_learn(covariance_type):
    rng = np.random.default_rng(2)
    X = draw(rng, 20000, spread=8.0)
    ours = GaussianMixture(3, covariance_type=covariance_type).fit(X)
    assert ours._state.statistic.trace.rounds
    given = {"weights_init": ours.weights_, "means_init": ours.means_, "precisions_init": ours.precisions_}
    optimum = peers.GaussianMixture(3, covariance_type=covariance_type, tol=1e-9, max_iter=1000, **given).fit(X)
    assert ours.score(X) > optimum.score(X) - 2e-3
    assert ours.lower_bound_ == pytest.approx(ours.score(X), abs=2e-3)


@pytest.mark.parametrize("init_params", ["kmeans", "k-means++", "random", "random_from_data"])
def test_starts(init_params):
    rng = np.random.default_rng(3)
    X = draw(rng, 300, spread=8.0)
    model = GaussianMixture(3, init_params=init_params, n_init=3, random_state=1).fit(X)
    assert verify(model.forget(X[:20]), X[20:])
    assert model.weights_.sum() == pytest.approx(1.0)
    assert len(model.lower_bounds_) == model.n_iter_


def test_constant_features_have_the_regularisation_for_a_variance():
    rng = np.random.default_rng(4)
    X = np.column_stack([rng.normal(size=50), np.full(50, 1e9)])
    for covariance_type in ("full", "diag"):
        model = GaussianMixture(2, covariance_type=covariance_type, reg_covar=1e-4).fit(X)
        variances = model.covariances_[:, 1, 1] if covariance_type == "full" else model.covariances_[:, 1]
        np.testing.assert_allclose(variances, 1e-4, rtol=1e-9)
        assert verify(model.forget(X[:3]), X[3:])


def test_refusals():
    X = np.arange(10.0)[:, None]
    with pytest.raises(ParameterError, match="warm_start"):
        GaussianMixture(2, warm_start=True).fit(X)
    with pytest.raises(ValueError, match="n_components = 11, n_samples = 10"):
        GaussianMixture(11).fit(X)
    with pytest.raises(ValueError, match=r"'means' should have the shape of \(2, 1\)"):
        GaussianMixture(2, means_init=[[0.0]]).fit(X)
    with pytest.raises(ValueError, match="ill-defined empirical covariance"):
        GaussianMixture(2, reg_covar=0.0).fit(np.repeat([[0.0], [1.0]], 5, axis=0))
    with pytest.warns(ConvergenceWarning, match="did not converge"):
        GaussianMixture(2, max_iter=1).fit(X)
    model = GaussianMixture(4).fit(X).forget(X[:7])
    with pytest.raises(UndefinedAttributeError, match="fewer records than its 4 components"):
        model.predict(X)
    assert len(model.partial_fit(X[:1]).means_) == 4


def test_given_weights_of_another_shape():
    X = draw(np.random.default_rng(0), 20)
    with pytest.raises(ParameterError, match=r"'weights' should have the shape of \(2,\), but got \(2, 1\)"):
        GaussianMixture(2, weights_init=[[0.5], [0.5]]).fit(X)


def test_numbers_of_records_to_draw():
    """A length of time is a whole number to numpy, and too many were MemoryError, or numpy's own words."""
    model = GaussianMixture(2, random_state=0).fit(draw(np.random.default_rng(0), 30))
    for n in (1, 5, np.int8(5), np.uint64(5)):
        assert [len(part) for part in model.sample(n)] == [n, n]
    for n in (0, -1, 1.5, "1", None, [1], np.timedelta64(1, "s"), float("nan")):
        with pytest.raises(ParameterError, match="n_samples of sample is a whole number of at least 1, not"):
            model.sample(n)
    for n in (2**40, 2**62, 2**63, np.uint64(2**63), 10**400, 10**5000):
        with pytest.raises(TooLargeError, match="would not fit in the memory"):
            model.sample(n)
