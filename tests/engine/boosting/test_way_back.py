"""Boosters after updates that were taken back, and beside reads that overlap updates."""

import threading

import numpy as np
import pytest

from sqlearn import verify
from sqlearn.engine.boosting.booster import Booster
from sqlearn.engine.boosting.statistic import Boosting
from sqlearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sqlearn.errors import BusyError

SMALL = {"max_iter": 5, "pilot_size": 20, "max_leaf_nodes": 8}
X = np.random.default_rng(0).normal(size=(4000, 3))
Y = (X[:, 0] > 0).astype(int)
COUNTS = np.random.default_rng(1).poisson(2, 4000).astype(float)


@pytest.mark.parametrize(
    ("learner", "y", "target", "weight"),
    [
        (HistGradientBoostingClassifier(**SMALL), Y, 1, 1e14),
        (HistGradientBoostingRegressor("poisson", **SMALL), COUNTS, 3e12, 1.0),
        (HistGradientBoostingRegressor(**SMALL), COUNTS, 3e12, 1.0),
    ],
    ids=["heavy", "large counts", "large targets"],
)
def test_what_is_far_beyond_the_units_is_taken_back(monkeypatch, learner, y, target, weight):
    model = learner.fit(X, y)
    refresh = Boosting.refresh

    def interrupted(self, *args, **kwargs):
        refresh(self, *args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Boosting, "refresh", interrupted)
        model.partial_fit(X[:40] + 0.01, np.full(40, target), sample_weight=np.full(40, weight))
    assert model._state.statistic.booster is not None
    assert verify(model, X, y)


def test_what_a_read_makes_of_an_update_is_not_kept(monkeypatch):
    model = HistGradientBoostingRegressor(**SMALL | {"pilot_size": 200}).fit(X, COUNTS)
    model._state.statistic.booster = None  # as after a break
    adds, deposited, done = threading.Event(), threading.Event(), threading.Event()
    add, refresh, caught = Booster._add, Boosting.refresh, []

    def waiting(self, *args, **kwargs):
        if threading.current_thread() is not threading.main_thread():
            adds.set()
            deposited.wait(30)
        return add(self, *args, **kwargs)

    def late(self, *args, **kwargs):
        if not done.is_set():
            deposited.set()
            done.wait(30)
        return refresh(self, *args, **kwargs)

    def read():
        try:
            model.predict(X[:1])
        except BusyError as error:
            caught.append(error)
        done.set()

    with monkeypatch.context() as patched:
        patched.setattr(Booster, "_add", waiting)
        patched.setattr(Boosting, "refresh", late)
        reader = threading.Thread(target=read)
        reader.start()
        assert adds.wait(30)
        model.forget(X[:100], COUNTS[:100])
        reader.join()
    assert caught
    assert verify(model, X[100:], COUNTS[100:])
