"""A state machine that learns, forgets, relabels, merges and saves in any order, and compares with a refit."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from sklearn.base import clone

from laws import assert_same, emptied, refit
from records import joined, pool_of
from sqlearn.errors import SqlearnError

POOL = 24


indices = st.integers(0, POOL - 1)


batches = st.lists(indices, min_size=1, max_size=6)


def history_of(learner):
    """The machine for one learner."""

    class History(RuleBasedStateMachine):
        """`held` is the truth: which records of the pool the model should hold, repetitions too; None at the start."""

        def __init__(self):
            super().__init__()
            self.model, self.held = clone(learner), None

        @initialize(seed=st.integers(0, 5))
        def choose_records(self, seed):
            self.rng = np.random.default_rng(seed)
            self.pool = pool_of(learner, self.rng, POOL)
            if (
                learner._target == "label"
            ):  # each record under other labels too, so that relabelling leads to known ones
                self.pool = joined([self.pool, self.pool.relabelled(self.rng)])

        def records(self, index):
            return self.pool.take(index)

        def check(self, model=None, held=None):
            model, held = model or self.model, self.held if held is None else held
            if not held:
                assert_same(model, emptied(learner, self.pool.take([3, 1])))
            else:
                assert_same(model, refit(learner, self.records(held), self.rng))

        def arguments(self, index, single):
            return self.pool.row(index[0]) if single else self.records(index).given

        def change(self, update, index, single, sign):
            index = index[:1] if single else index
            missing = (
                sign < 0
                and any(index.count(i) > self.held.count(i) for i in index)
                and not self.equal_records_held(index)
            )
            if missing:
                digest = self.model.digest()
                with pytest.raises(SqlearnError):
                    update(**self.arguments(index, single))
                assert self.model.digest() == digest
            else:
                assert update(**self.arguments(index, single)) is self.model
                if sign > 0:
                    self.held = (self.held or []) + index
                else:
                    self.held = self.rest(index)
            self.check()

        def name(self, i):
            """Equal for equal records of the pool."""
            return pickle.dumps(canonical(self.pool.take([i])))

        def equal_records_held(self, index):
            names = [self.name(i) for i in self.held]
            wanted = [self.name(i) for i in index]
            return all(wanted.count(name) <= names.count(name) for name in wanted)

        def rest(self, index):
            """What is held without these, or without others that equal them."""
            left = list(self.held)
            for i in index:
                equal = i if i in left else next(j for j in left if self.name(j) == self.name(i))
                left.remove(equal)
            return left

        @precondition(lambda self: self.held is None)
        @rule(index=batches, fit=st.booleans())
        def start(self, index, fit):
            try:
                (self.model.fit if fit else self.model.partial_fit)(**self.records(index).given)
            except ValueError:
                assert fit  # too few classes or rows, a singular matrix: scikit-learn refuses too
                assert "_state" not in vars(self.model)
                return
            self.held = index
            self.check()

        @precondition(lambda self: self.held is not None)
        @rule(index=batches)
        def fit(self, index):
            digest = self.model.digest()
            try:
                self.model.fit(**self.records(index).given)
                self.held = index
            except ValueError:
                assert self.model.digest() == digest
            self.check()

        @precondition(lambda self: self.held is not None)
        @rule(index=batches, single=st.booleans())
        def learn(self, index, single):
            self.change(self.model.partial_fit, index, single, 1)

        @precondition(lambda self: self.held)
        @rule(data=st.data(), single=st.booleans())
        def forget(self, data, single):
            index = data.draw(st.lists(st.sampled_from(range(len(self.held))), min_size=1, max_size=8, unique=True))
            self.change(self.model.forget, [self.held[k] for k in index], single, -1)

        @precondition(lambda self: self.held is not None)
        @rule(index=batches, single=st.booleans())
        def forget_what_may_not_be_held(self, index, single):
            self.change(self.model.forget, index, single, -1)

        @precondition(lambda self: self.held)
        @rule()
        def forget_everything(self):
            self.change(self.model.forget, list(self.held), False, -1)

        @precondition(lambda self: self.held and learner._target == "label")
        @rule(data=st.data(), single=st.booleans())
        def relabel(self, data, single):
            places = data.draw(st.lists(st.sampled_from(range(len(self.held))), min_size=1, max_size=8, unique=True))
            old = [self.held[k] for k in places[: 1 if single else None]]
            new = [(i + POOL) % (2 * POOL) for i in old]
            given = self.arguments(old, single)
            y_old, y_new = given.pop("y"), self.arguments(new, single)["y"]
            self.model.relabel(**given, y_old=y_old, y_new=y_new)
            self.held = [*self.rest(old), *new]
            self.check()

        @precondition(lambda self: self.held is not None)
        @rule(index=batches, reverse=st.booleans())
        def merge(self, index, reverse):
            other = refit(learner, self.records(index), self.rng)
            if reverse:
                digest = self.model.digest()
                self.model, old = other.merge(self.model), self.model
                assert old.digest() == digest
            else:
                digest = other.digest()
                self.model.merge(other)
                assert other.digest() == digest
            self.held = [*self.held, *index]
            self.check()

        @precondition(lambda self: self.held)
        @rule(data=st.data(), single=st.booleans())
        def without(self, data, single):
            places = data.draw(st.lists(st.sampled_from(range(len(self.held))), min_size=1, unique=True))
            gone = [self.held[k] for k in places[: 1 if single else None]]
            with self.model.without(**self.arguments(gone, single)):
                self.check(held=self.rest(gone))
            self.check()

        @precondition(lambda self: self.held is not None)
        @rule(way=st.sampled_from([copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))]))
        def replace_by_a_copy(self, way):
            self.model = way(self.model)
            self.check()

    return History


def canonical(one):
    """A record in one form: no -0.0, values of equal bits where they are equal."""
    if one.X.ndim == 1:  # documents
        X = one.X[:, None].tolist()
    else:
        X = one.X.to_numpy(object).tolist() if hasattr(one.X, "to_numpy") else (one.X + 0.0).tolist()
    return [
        [repr(v) for row in X for v in row],
        *(None if part is None else (part + 0.0).tolist() for part in (one.y, one.w)),
    ]
