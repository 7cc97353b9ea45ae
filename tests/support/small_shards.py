"""Random histories of sharded ensembles, beside lists of the records that are held."""

import copy
import pickle

import numpy as np
from sklearn.base import clone

from laws import assert_same

HARD = np.array([0.0, -0.0, 1.0, -1.0, 1e12, -1e12, 0.1, 5e-324, 1e-300, 3.5, 1e16])


class History:
    """A model and what it holds; the verbs change both.

    Parameters
    ----------
    model : estimator
        An ensemble, not fitted.
    rng : Generator
        What decides.
    groups : list, optional
        Names of groups; without them shards are numbered.
    hard : bool
        Whether values are hard.
    weighted : bool
        Whether records have weights, 0 among them.
    """

    def __init__(self, model, rng, groups=None, hard=False, weighted=False):
        self.model, self.rng, self.groups, self.hard, self.weighted = clone(model), rng, groups, hard, weighted
        self.classifies = model.target == "label"
        self.held, self.weights = [], {}

    def new(self, n):
        """Some records: features, label or target, weight, group; equal ones among them."""
        rng, records = self.rng, []
        for _ in range(n):
            x = tuple(rng.choice(HARD, 2)) if self.hard else tuple(np.round(rng.normal(size=2), 1))
            y = int(rng.integers(3)) if self.classifies else float(x[0] + rng.normal())
            w = float(rng.choice([1.0, 1.0, 2.0, 0.5, 0.0])) if self.weighted else 1.0
            group = None if self.groups is None else self.groups[rng.integers(len(self.groups))]
            records.append((x, y, w, group))
        return records + ([records[0]] if rng.random() < 0.3 else [])

    def given(self, records):
        """The arguments of a verb."""
        found = {"X": np.array([x for x, *_ in records]), "y": np.array([y for _, y, *_ in records])}
        if self.weighted:
            found["sample_weight"] = np.array([w for *_, w, _ in records])
        if self.groups is not None:
            names = np.empty(len(records), object)
            names[:] = [group for *_, group in records]
            found["groups"] = names
        return found

    def some(self):
        """Some of the records that are held, and the others."""
        order = self.rng.permutation(len(self.held))
        n = int(self.rng.integers(1, min(6, len(order)) + 1))
        return [self.held[i] for i in order[:n]], [self.held[i] for i in order[n:]]

    def refit(self, records=None):
        """A new model of the records held, in another order."""
        records = self.held if records is None else records
        order = self.rng.permutation(len(records))
        model = clone(self.model).partial_fit(**self.given([records[i] for i in order]))
        known = {group for *_, group in records}
        for name, weight in self.weights.items():
            if name in known:
                model.set_group_weight(name, weight)
        return model

    def learn(self, n=5):
        records = self.new(n)
        self.model.partial_fit(**self.given(records))
        self.held += records

    def forget(self):
        gone, self.held = self.some()
        self.model.forget(**self.given(gone))

    def relabel(self):
        changed, rest = self.some()
        others = [(x, int(self.rng.integers(3)) if self.classifies else y + 1.0, w, g) for x, y, w, g in changed]
        given = self.given(changed)
        self.model.relabel(given.pop("X"), given.pop("y"), self.given(others)["y"], **given)
        self.held = rest + others

    def merge(self):
        records = self.new(4)
        self.model.merge(self.refit(records))
        self.held += records

    def without(self):
        gone, rest = self.some()
        with self.model.without(**self.given(gone)):
            if rest:
                assert_same(self.model, self.refit(rest))

    def copies(self):
        self.model = pickle.loads(pickle.dumps(self.model)) if self.rng.random() < 0.5 else copy.deepcopy(self.model)

    def read(self):
        self.model.refit()

    def weigh(self):
        name = self.held[self.rng.integers(len(self.held))][3]
        self.weights[name] = float(self.rng.choice([0.0, 1.0, 2.5]))
        self.model.set_group_weight(name, self.weights[name])

    def drop(self):
        name = self.held[self.rng.integers(len(self.held))][3]
        self.held = [record for record in self.held if record[3] != name]
        self.weights.pop(name, None)
        self.model.forget_groups([name])

    def run(self, steps):
        """So many random steps; after each, the model is its refit."""
        self.learn(12)
        verbs = [self.learn, self.forget, self.forget, self.relabel, self.merge, self.without, self.copies, self.read]
        if self.groups is not None:
            verbs += [self.weigh, self.weigh, self.drop]
        for _ in range(steps):
            if len(self.held) < 3:
                self.learn(10)
            verbs[self.rng.integers(len(verbs))]()
            present = {group for *_, group in self.held}
            self.weights = {name: weight for name, weight in self.weights.items() if name in present}
            if self.held:
                assert_same(self.model, self.refit())
