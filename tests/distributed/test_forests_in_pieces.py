"""Forests over pieces, whose trees workers grow: the bytes of one process, whatever happens."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from small_trees import CLASSIFIERS, KINDS, REGRESSORS, History
from sqlearn import verify
from sqlearn.distributed import asking, fit, forget, relabel, rows_of
from sqlearn.distributed.groves import growing
from sqlearn.distributed.groves.grove import Grove
from sqlearn.distributed.workers import Local
from sqlearn.engine.model import State
from sqlearn.engine.trees import forest as forest_module
from sqlearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sqlearn.errors import (
    FormatError,
    NotLearnedError,
    TableError,
    TooLargeError,
    UndefinedAttributeError,
    UnsupportedError,
)
from sqlearn.tree import DecisionTreeClassifier


@pytest.fixture(autouse=True)
def groves(monkeypatch):
    """Threads of this process pass for three workers."""
    monkeypatch.setattr(Local, "places", lambda self: {"first": 1, "second": 2, "third": 1})


def in_pieces(given, rng, n):
    """These records in `n` pieces of any size, some of which may be empty."""
    cuts = np.sort(rng.integers(0, len(given["X"]) + 1, n - 1))
    return [*zip(*(np.split(column, cuts) for column in given.values()), strict=True)]


class Pieced(History):
    """A history of a model in pieces; the records of the start are those of the pieces."""

    def __init__(self, seed, n, **given):
        super().__init__(seed, **given)
        self.model = fit(clone(self.learner), in_pieces(self.given(self.held), self.rng, n))
        assert type(self.model.state.statistic.rows) is growing.GroveRows

    def check(self, held=None):
        held = self.held if held is None else held
        fresh = self.fresh(held)
        assert self.model.digest() == fresh.digest()
        parts = fresh.canonical_parts()
        assert self.model.canonical_parts() == {name: part for name, part in parts.items() if name != "rows"}
        if fresh.state.statistic.record_counts.any():
            x = self.given(self.pool)["X"]
            np.testing.assert_array_equal(self.model.predict(x), fresh.predict(x))

    def step(self):
        rng = self.rng
        if self.held and rng.random() < 0.2:  # workers lose what they keep
            asking._kept.clear()
        steps = [lambda: self.learn(1), lambda: self.learn(60)]
        if self.held:
            of_label = [record for record in self.held if record[1] == self.held[0][1]]
            largest = max(self.held, key=lambda record: abs(record[1] * record[2]))
            steps += [
                lambda: self.forget(self.some(1)),
                lambda: self.forget(self.some(40)),
                lambda: self.forget(of_label),
                lambda: self.forget([largest]),
                lambda: self.forget(list(self.held)),
                lambda: self.relabel(1),
                lambda: self.relabel(20),
                self.lend,
                self.undone,
            ]
        chances = np.array([3, 2, 3, 2, 0.5, 1, 0.2, 2, 1, 2, 1][: len(steps)])
        steps[rng.choice(len(steps), p=chances / chances.sum())]()

    def undone(self):
        """An update that fails at its end."""
        with pytest.MonkeyPatch.context() as patch, pytest.raises(MemoryError):
            patch.setattr(State, "_check_emptied", lambda self: (_ for _ in ()).throw(MemoryError))
            self.model.forget(**self.given(self.some(30)))


@pytest.mark.parametrize("n", [1, 2, 7, 16])
@pytest.mark.parametrize("learner", [*CLASSIFIERS, *REGRESSORS], ids=lambda learner: learner.__name__)
def test_a_history(learner, n):
    kind = KINDS[(n + len(learner.__name__)) % len(KINDS)]
    history = Pieced([n, len(learner.__name__)], n, most=120, learner=learner, kind=kind)
    history.check()
    history.run(6)
