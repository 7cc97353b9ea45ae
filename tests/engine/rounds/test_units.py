"""Losses whose penalty is in units of the records held: deviations and means that every record moves."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from sklearn import linear_model, svm
from sklearn.pipeline import make_pipeline

from laws import assert_same, refit
from learners import crossed, over
from sqlearn.engine.problems import smooth_grid
from sqlearn.engine.rounds import StandardUnits
from sqlearn.engine.rounds.units import _standard_units, _standard_units_of_few, roughly
from sqlearn.linear_model import GammaRegressor, LogisticRegression, PoissonRegressor, TweedieRegressor
from sqlearn.preprocessing import StandardScaler
from sqlearn.svm import LinearSVC
from tiny_rounds import KINDS, broke_at, cut, heavy, plain, sample, scales, shrink

pytestmark = pytest.mark.filterwarnings("ignore")


class Seen:
    """A learner that sees its records standardized."""

    def _new_statistic(self, params, n_features, n_targets):
        every = np.ones(n_features, bool)
        return self._new_rounds(params, n_features, n_targets, StandardUnits(every, every))


class Logistic(Seen, LogisticRegression):
    pass


class Linear(Seen, LinearSVC):
    pass


class Poisson(Seen, PoissonRegressor):
    pass


class Gamma(Seen, GammaRegressor):
    pass


class Tweedie(Seen, TweedieRegressor):
    pass


LEARNERS = [
    Logistic(C=0.1),
    Logistic(C=0.01, class_weight="balanced"),
    Linear(C=0.1, intercept_scaling=2.0),
    Poisson(alpha=0.5),
    Gamma(alpha=0.3),
    Tweedie(power=1.5),
]


@crossed(8, learner=LEARNERS[:4], kind=KINDS, classes=[2, 3])
def test_updates_equal_refits(learner, kind, classes, monkeypatch):
    if classes == 3 and (learner._target != "label" or kind not in (plain, heavy, scales)):
        pytest.skip("one number of classes is enough here")
    cut(monkeypatch)
    rng = np.random.default_rng([len(kind.__name__), classes])
    records = sample(learner, rng, 70, kind, classes)
    model, held, seen = refit(learner, records.take(range(60)), rng), list(range(60)), set()
    for step in range(12):
        if step % 3 == 2:
            free = [i for i in range(70) if i not in held][:4]
            model.partial_fit(**records.take(free).given)
            held += free
        else:
            gone = rng.permutation(held)[: 1 + step % 2].tolist()
            model.forget(**(records.row(gone[0]) if len(gone) == 1 else records.take(gone).given))
            held = [i for i in held if i not in gone]
        seen.add(broke_at(model))
        assert_same(model, refit(learner, records.take(held), rng))
    model = pickle.loads(pickle.dumps(model))
    model.merge(refit(learner, records.take(held[:5]), rng))
    assert_same(model, refit(learner, records.take(held + held[:5]), rng))


@over(LEARNERS)
def test_a_short_walk_ends_as_a_long_one(learner, monkeypatch):
    cut(monkeypatch)
    shrink(monkeypatch, 64)  # so many that rounds come to rest
    for name in ("FINE", "FINE_COUNTS", "FINER"):  # cells so wide that some updates break nothing
        monkeypatch.setattr(smooth_grid, name, 0.25)
    records = sample(learner, np.random.default_rng(3), 700)
    records.w = None
    model, held = refit(learner, records.take(range(690))), list(range(690))
    kept = 0
    for i in (*range(12), *range(690, 700)):
        before = model._state.statistic.trace
        model.forget(**records.row(i)) if i < 690 else model.partial_fit(**records.row(i))
        held = [k for k in held if k != i] if i < 690 else [*held, i]
        trace = model._state.statistic.trace
        kept += broke_at(model) is None
        assert (trace.scale.unit != before.scale.unit).any()
        if i % 5 == 0:
            assert_same(model, refit(learner, records.take(held)))
    assert kept or not isinstance(learner, Logistic)


TWINS = {
    Logistic: linear_model.LogisticRegression, Linear: svm.LinearSVC, Poisson: linear_model.PoissonRegressor,
    Gamma: linear_model.GammaRegressor, Tweedie: linear_model.TweedieRegressor,
}  # fmt: skip


@over(LEARNERS)
@pytest.mark.parametrize("n", [60, 9000], ids=["solved", "in rounds"])
def test_coefficients_are_those_behind_a_scaler(learner, n):
    if n > 60 and not isinstance(learner, (Logistic, Linear)):
        pytest.skip("these take as long as the others")
    rng = np.random.default_rng(7)
    X = rng.normal(size=(n, 3)) * [1e-3, 1.0, 1e4] + [1.0, -3.0, 1e5]
    X = np.column_stack([X, np.full(n, 7.5)])
    signal = (X[:, :3] - [1.0, -3.0, 1e5]) @ [1e3, -0.5, 3e-5]
    y = rng.poisson(np.exp(signal / 3)) + 0.5 if learner._target == "value" else (signal + rng.logistic(size=n) > 1)
    model = type(learner)(**learner.get_params()).fit(X, y).forget(X[:9], y[:9])
    params = {name: value for name, value in learner.get_params().items() if name != "key"} | {"tol": 1e-10}
    params |= {"max_iter": 100_000}
    if isinstance(learner, Linear):
        params["random_state"] = 0
    peer = make_pipeline(StandardScaler(), TWINS[type(learner)](**params)).fit(X[9:], y[9:])
    assert np.allclose(model.coef_, peer[-1].coef_, rtol=2e-4, atol=2e-6)
    assert np.allclose(model.intercept_, peer[-1].intercept_, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_units_are_those_of_a_scaler(kind):
    X = kind(np.random.default_rng(1), 40)
    total = LogisticRegression().fit(X, np.arange(40) % 2)._state.statistic.total
    own = np.arange(X.shape[1]) % 3 > 0
    peer = StandardScaler().fit(X)
    for compute in (_standard_units, _standard_units_of_few):
        unit, centre = np.empty(X.shape[1]), np.empty(X.shape[1])
        compute(total.limbs, total.base, own, ~own, unit, centre)
        assert unit.tolist() == np.where(own, 1.0, peer.scale_).tolist()
        assert centre.tolist() == np.where(own, peer.mean_, 0.0).tolist()


def test_grids_see_rounded_units_alone():
    """Units that are deviations are rounded as the scale's own deviations are, so that they break no more than it."""
    X = scales(np.random.default_rng(2), 50) * [1e100, 1.0, 1.0, 1.0]
    scale = Logistic().fit(X, np.arange(50) % 2)._state.statistic.solved(np.arange(2), [0, 1], 0).scale
    assert (scale.rough_unit * scale.factor).tolist() == [1.0] * 4
    assert scale.rough_centre.tolist() == scale.mean.tolist()
    rough = roughly(scale)
    assert rough.unit.tolist() == scale.rough_unit.tolist()
    assert rough.centre.tolist() == scale.rough_centre.tolist()
    assert scale == rough
    assert scale != replace(scale, rough_unit=2.0 * scale.rough_unit)
    assert scale != replace(scale, rough_centre=scale.rough_centre + 1.0)
