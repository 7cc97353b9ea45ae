"""Gamma and Tweedie regression: which targets and powers they take, and what they say of others."""

import numpy as np
import pytest
from sklearn import linear_model as peers

from laws import unchanged
from refusals import OUT_OF_RANGE, raises
from sqlearn import verify
from sqlearn.errors import ParameterError, TooLargeError
from sqlearn.linear_model import GammaRegressor, PoissonRegressor, TweedieRegressor

X, Y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0.5, 1.0, 2.5, 7.0])


@pytest.mark.parametrize(
    "options, words",
    [
        ({}, "Use Ridge"),
        ({"power": 0, "link": "identity"}, "Use Ridge"),
        ({"power": 0, "link": "log"}, "not convex"),
        ({"power": -1}, "not convex"),
        ({"power": 0.5}, "not convex"),
        ({"power": 3}, "not convex"),
        ({"power": 2.001, "link": "log"}, "not convex"),
        ({"power": 1, "link": "identity"}, "predict a positive number"),
        ({"power": 1.5, "link": "identity"}, "predict a positive number"),
        ({"power": 2, "link": "identity"}, "predict a positive number"),
    ],
    ids=str,
)
def test_losses_without_one_optimum_are_refused(options, words):
    with pytest.raises(ParameterError, match=words):
        TweedieRegressor(**options).fit(X, Y)


@pytest.mark.parametrize("alpha", [0.0, 0.01, 1.0])
@pytest.mark.parametrize("power", [1, 1.0001, 1.3, 1.999, 2])
def test_agrees_with_scikit_learn(power, alpha):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3)) * [1.0, 100.0, 0.01] + [0.0, 50.0, 3.0]
    y = rng.gamma(2.0, np.exp(x[:, 0] / 2.0))
    w = rng.choice([0.5, 1.0, 3.0], 200)
    model = TweedieRegressor(power=power, alpha=alpha).fit(x, y, w)
    options = {"solver": "newton-cholesky", "tol": 1e-13, "max_iter": 500}
    peer = peers.TweedieRegressor(power=power, alpha=alpha, **options).fit(x, y, w)
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(model.predict(x), peer.predict(x), rtol=1e-5)
    assert model.score(x, y, w) == pytest.approx(peer.score(x, y, w), abs=1e-8)


@pytest.mark.parametrize("power, named", [(1, PoissonRegressor), (2, GammaRegressor)])
def test_powers_with_names_of_their_own(power, named):
    one, other = TweedieRegressor(power=power).fit(X, Y), named().fit(X, Y)
    assert one.coef_.tobytes() == other.coef_.tobytes() and one.intercept_ == other.intercept_
    assert one.digest() != other.digest()  # of another learner


@pytest.mark.parametrize("batch", [False, True], ids=["one", "batch"])
@pytest.mark.parametrize("learner", [GammaRegressor(), TweedieRegressor(power=2.0)], ids=str)
@pytest.mark.parametrize(
    "value, words", [(0.0, "positive"), (-0.0, "positive"), (-1.0, "positive"), (1e-200, "scale"), (1e200, "scale")]
)
def test_targets_of_gamma_regression_are_positive(learner, value, words, batch):
    model = learner.fit(X, Y)
    given = (np.array([[4.0], [5.0]]), [1.0, value]) if batch else ([4.0], value)
    with unchanged(model), raises(OUT_OF_RANGE, match=words):
        model.partial_fit(*given)
    assert verify(model, X, Y)


def test_targets_of_tweedie_regression_are_not_negative():
    model = TweedieRegressor(power=1.5).fit(X, Y)
    model.partial_fit([4.0], 0.0).forget([4.0], 0.0)
    with unchanged(model), raises(OUT_OF_RANGE, match="HalfTweedieLoss.*not be negative"):
        model.partial_fit([4.0], -1.0)
    assert verify(model, X, Y)


@pytest.mark.parametrize("scale", [2.0**-490, 1e-30, 1e30, 2.0**480])
@pytest.mark.parametrize("learner", [GammaRegressor(alpha=0.1), TweedieRegressor(power=1.5, alpha=0.0)], ids=str)
def test_targets_of_any_scale(learner, scale):
    """They move the intercept, and nothing else: the gamma loss, and an unpenalised Tweedie loss, know no unit."""
    if scale != 1e30 and isinstance(learner, TweedieRegressor):
        pytest.skip("its loss is in units of the targets, and small ones count for little")
    rng = np.random.default_rng(1)
    x = rng.normal(size=(100, 2))
    y = rng.gamma(2.0, np.exp(x[:, 0] / 2.0))
    one = type(learner)(**learner.get_params()).fit(x, y)
    other = learner.fit(x, scale * y)
    np.testing.assert_allclose(other.coef_, one.coef_, rtol=1e-5)
    assert other.intercept_ == pytest.approx(one.intercept_ + np.log(scale), rel=1e-6)


def test_too_many_columns_name_a_regressor_that_takes_them():
    with pytest.raises(TooLargeError, match="use fewer columns, or PoissonRegressor or Ridge"):
        GammaRegressor().fit(np.eye(3, 3000), [1.0, 2.0, 3.0])
