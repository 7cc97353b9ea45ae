"""Isolation forests for tests: what they hold, compared with a fresh fit and with a slow twin, and random histories."""

import copy
import pickle
from collections import Counter
from unittest import mock

import numpy as np
from sklearn.base import clone

from naive_isolation import NaiveIsolationTree
from small_trees import KINDS, expect
from sqlearn.engine.model import state as state_module
from sqlearn.engine.rounds import rows as rows_module
from sqlearn.engine.trees import Isolation
from sqlearn.engine.trees import lowest as lowest_module
from sqlearn.engine.trees.lowest import Lowest
from sqlearn.ensemble import IsolationForest
from sqlearn.errors import NotLearnedError


def statistic_of(model) -> Isolation:
    return model._state.statistic


def trees_of(model):
    return statistic_of(model).current(model._state.occupied()[0])


def assert_as_fresh(model, fresh) -> None:
    """Two models have equal digests and nodes, and know the same samples."""
    assert model.canonical_parts() == fresh.canonical_parts()
    assert model.digest() == fresh.digest()
    if not model.n_records_:
        return
    for ours, theirs in zip(trees_of(model), trees_of(fresh), strict=True):
        assert ours.hash == theirs.hash
        for a, b in zip(ours[:3], theirs[:3], strict=True):
            assert a.tobytes() == b.tobytes()
    check_samples(model)


def check_samples(model) -> None:
    """What is known of each tree are all records up to its limit, sorted, and nothing else."""
    statistic, n = statistic_of(model), model.n_records_
    lowest, rows = statistic._lowest, statistic.rows
    used = rows.places()
    for t, shift in enumerate(lowest._shifts):
        hashes = lowest_module._tree_hashes(rows.keyed[used], np.ones(len(used)), shift)
        order = hashes.argsort()
        known = order[: lowest._counts[t]]
        np.testing.assert_array_equal(lowest.hashes[t, : len(known)], hashes[known])
        np.testing.assert_array_equal(rows.x[lowest.places[t, : len(known)]], rows.x[used[known]])
        assert (hashes <= lowest._limits[t]).sum() == len(known) >= min(n, lowest.size)
        assert not lowest.hashes[t, len(known) :].any() and not lowest.places[t, len(known) :].any()


def assert_as_naive(model) -> None:
    statistic, rows = statistic_of(model), statistic_of(model).rows
    growth = statistic.growth
    records = [(rows.x[place], int(rows.keyed[place])) for place in rows.places()]
    for t, tree in enumerate(trees_of(model)):
        naive = NaiveIsolationTree(records, t, growth.size, growth.k, int(statistic.seed))
        features, thresholds, counts = zip(*naive.nodes, strict=True)
        assert tree.features.tolist() == naive.features
        assert tree.split[:, 2].tolist() == list(features)
        assert tree.split[:, 3].tolist() == list(counts)
        np.testing.assert_array_equal(tree.thresholds, thresholds)
        assert tree.hash == naive.hash
        for node, (left, right, feature, _) in enumerate(tree.split.tolist()):
            assert (left, right) == (-1, -1) if feature < 0 else left == node + 1 < right < len(tree.split)


class IsolationHistory:
    """A model and the records that it should hold; each step changes both in the same way."""

    def __init__(self, seed, most=300):
        self.rng = rng = np.random.default_rng([seed, 2])
        self.kind = KINDS[rng.integers(len(KINDS))]
        self.pool = self.kind(rng, most) + 0.0
        self.held = list(rng.integers(0, most, int(rng.integers(1, most))))
        self.learner = IsolationForest(
            n_estimators=int(rng.integers(1, 6)),
            max_samples=int(rng.choice([1, 5, 20, 60, 300])),
            max_features=[1.0, 0.5, 1][rng.integers(3)],
            random_state=int(rng.integers(9)),
        )
        self.model = clone(self.learner).fit(self.pool[self.held])
        self.done: list[str] = []

    def fresh(self, held):
        if not held:
            return clone(self.learner).partial_fit(self.pool[:3]).forget(self.pool[:3])
        return clone(self.learner).partial_fit(self.pool[self.rng.permutation(held)])

    def check(self, held=None):
        held = self.held if held is None else held
        assert_as_fresh(self.model, self.fresh(held))

    def some(self, most):
        n = min(len(self.held), int(self.rng.integers(1, most + 1)))
        return [self.held[i] for i in self.rng.choice(len(self.held), n, replace=False)]

    def without(self, gone):
        left, kept = Counter(gone), []
        for record in self.held:
            if left[record]:
                left[record] -= 1
            else:
                kept.append(record)
        return kept

    def given(self, records):
        return self.pool[records[0]] if len(records) == 1 and self.rng.random() < 0.8 else self.pool[records]

    def learn(self, most):
        come = list(self.rng.integers(0, len(self.pool), int(self.rng.integers(1, most + 1))))
        self.held += come
        self.model.partial_fit(self.given(come))

    def forget(self, gone):
        self.held = self.without(gone)
        self.model.forget(self.given(gone))

    def lowest(self):
        """The records of lowest hash of a tree go."""
        trees_of(self.model)
        lowest, rows = statistic_of(self.model)._lowest, statistic_of(self.model).rows
        t = self.rng.integers(len(lowest._counts))
        n = min(int(self.rng.integers(1, 40)), int(lowest._counts[t]))
        of = {self.pool[i].tobytes(): i for i in set(self.held)}  # equal records have one number here
        numbers = {i: of[self.pool[i].tobytes()] for i in set(self.held)}
        self.held = [numbers[i] for i in self.held]
        self.forget([of[rows.x[place].tobytes()] for place in lowest.places[t, :n]])

    def merge(self):
        come = list(self.rng.integers(0, len(self.pool), int(self.rng.integers(1, 41))))
        other = clone(self.learner).fit(self.pool[come])
        self.model = self.model.merge(other) if self.rng.random() < 0.5 else other.merge(self.model)
        self.held += come

    def lend(self):
        gone = self.some(60)
        with self.model.without(self.pool[gone]):
            if self.rng.random() < 0.7:
                self.check(self.without(gone))

    def copied(self):
        way = [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))]
        self.model = way[self.rng.integers(3)](self.model)

    def fail(self):
        """An update that ends in an error, before the samples followed, while they do, or afterwards."""
        gone, come = self.pool[self.some(60)], self.pool[self.rng.integers(0, len(self.pool), 60)]
        case = self.rng.integers(4)
        if case == 0:
            expect(NotLearnedError, self.model.forget, X=np.vstack([gone, np.full((1, gone.shape[1]), 77.0)]))
            return
        owner, name = [(Isolation, "refresh"), (state_module.State, "_check_emptied"), (Lowest, "follow")][case - 1]
        if name == "follow" and statistic_of(self.model).waits:
            return
        with mock.patch.object(owner, name, mock.Mock(side_effect=MemoryError)):
            if self.rng.random() < 0.5:
                expect(MemoryError, self.model.forget, X=gone)
            else:
                expect(MemoryError, self.model.partial_fit, X=come)

    def step(self):
        rng = self.rng
        steps = {
            "learn 1": (3, lambda: self.learn(1)),
            "learn few": (2, lambda: self.learn(8)),
            "learn many": (2, lambda: self.learn(150)),
            "merge": (1, self.merge),
        }
        if self.held:
            steps |= {
                "forget 1": (4, lambda: self.forget(self.some(1))),
                "forget few": (3, lambda: self.forget(self.some(8))),
                "forget many": (1, lambda: self.forget(self.some(len(self.held)))),
                "forget lowest": (3, self.lowest),
                "without": (1.5, self.lend),
                "copy": (0.7, self.copied),
                "fail": (2, self.fail),
            }
            if rng.random() < 0.05:
                steps = {"forget all": (1, lambda: self.forget(list(self.held)))}
        names = list(steps)
        chances = np.array([steps[name][0] for name in names])
        name = names[rng.choice(len(names), p=chances / chances.sum())]
        self.done.append(name)
        steps[name][1]()

    def run(self, n_steps, naive=False):
        """Take steps, most of them followed by a check; small blocks, few empty places and little room."""
        slices = lambda batch, sparse: (slice(i, min(i + 23, len(batch))) for i in range(0, len(batch), 23))  # noqa: E731
        with (
            mock.patch.object(state_module.Batch, "slices", slices),
            mock.patch.object(rows_module, "_MOST_EMPTY", 8),
            mock.patch.object(lowest_module, "_LEAST_SPARE", int(self.rng.choice([1, 6, 256]))),
        ):
            for _ in range(n_steps):
                self.step()
                if self.rng.random() < 0.8:
                    self.check()
            self.check()
        if naive and self.held:
            assert_as_naive(self.model)
