"""Boosted trees so small that dozens of records reach all of their code, compared with fresh fits and a slow twin."""

import copy
import pickle
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from typing import ClassVar
from unittest import mock

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone

import failing_memory
from naive_boosting import NaiveBooster, Record
from small_trees import KINDS, expect, labels, targets
from sqlearn.engine.boosting import COLUMN, FEATURE, LEFT, MISSING_LEFT, RIGHT, Boosting, Design, coded
from sqlearn.engine.boosting import booster as booster_module
from sqlearn.engine.boosting.booster import Booster
from sqlearn.engine.identity import canonical_label
from sqlearn.engine.model import WeightedClassifier, WeightedEstimator
from sqlearn.engine.model import state as state_module
from sqlearn.engine.rounds import rows as rows_module
from sqlearn.errors import NotLearnedError, UnknownLabelError

# ------------------------------------------------------------------ learners


@dataclass(frozen=True)
class SmallDesign(Design):
    """A design that halves the records that second derivatives are summed of, however few there are."""

    halved: int = 0

    def halvings_of(self, n):
        return max(0, min(self.halved, n.bit_length() - 3))

    def pilot_of(self, n):
        return self.pilot if self.pilot is not None else 2 + 3 * n.bit_length()


class _Small:
    """A learner that has the statistic alone: nothing is predicted."""

    _parameter_constraints: ClassVar = {}

    _keeps_records = True

    def __init__(
        self, loss=None, n_trees=3, n_leaves=4, max_depth=5, min_leaf=1, learning_rate=0.5, l2=0.0, most_bins=6,
        pilot=16, shrinkage=0.75, ridge=0.001, halved=0, class_weight=None, categorical=None, random_state=0, key=None,
    ):  # fmt: skip
        given = dict(locals())
        for name in self._get_param_names():
            setattr(self, name, given[name])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.multi_output = False
        return tags

    def _new_statistic(self, params, n_features, n_targets):
        params = params.copy()
        loss = params.pop("loss") or ("log_loss" if self._target == "label" else "squared_error")
        seed, weights = params.pop("random_state"), params.pop("class_weight")
        weights = weights and {canonical_label(label): weight for label, weight in weights.items()}
        columns = tuple(params.pop("categorical") or ())
        params.pop("key")
        return Boosting(
            n_features, n_targets, SmallDesign(loss, class_weight=weights, categorical=columns, **params), seed or 0
        )

    def _read_out(self, state):
        return {}


class SmallBoosting(_Small, WeightedClassifier, ClassifierMixin, BaseEstimator):
    """Boosted trees of classes."""

    _sklearn_class = BaseEstimator


class SmallBoostingRegressor(_Small, WeightedEstimator, RegressorMixin, BaseEstimator):
    """The same for targets."""

    _sklearn_class = BaseEstimator
    _target = "value"


# ------------------------------------------------------------------ what a model is


def statistic_of(model) -> Boosting:
    return model._state.statistic


def booster_of(model) -> Booster | None:
    return statistic_of(model).current(model._state.occupied()[0])


def answer_of(model):
    return statistic_of(model).answer(model._state.occupied()[0])


def flat(value) -> list:
    """All that something consists of: arrays as types, shapes and bytes."""
    if isinstance(value, np.ndarray | np.generic):
        return [(value.dtype.str, value.shape, value.tobytes())]
    if is_dataclass(value):
        value = [getattr(value, field.name) for field in fields(value)]
    if isinstance(value, list | tuple):
        return [part for item in value for part in flat(item)]
    return [value]


def described(booster: Booster) -> dict:
    """What a booster holds, by name."""
    names = ("bins", "trees", "start", "units", "exponents", "halvings", "n", "n_classes", "loss", "gradients")
    found = {name: flat(getattr(booster, name)) for name in names}
    found["hessians"] = flat(np.tril(booster.hessians))
    found["octaves"] = flat(booster.octaves.counts)
    if booster.n_classes:
        found["octaves"] = flat(booster.octaves.counts[0])
    return found


def assert_as_fresh(model, fresh) -> None:
    """Two models have equal digests, structures, sums and solutions."""
    assert model.canonical_parts() == fresh.canonical_parts()
    assert model.digest() == fresh.digest()
    one, other = booster_of(model), booster_of(fresh)
    assert (one is None) == (other is None)
    if one is None:
        assert answer_of(model) is None
        return
    ours, theirs = described(one), described(other)
    for name, parts in ours.items():
        assert parts == theirs[name], name
    assert flat(answer_of(model)) == flat(answer_of(fresh))


def records_of(model) -> list[Record]:
    """The records held, as the slow twin takes them."""
    statistic, (order, _) = statistic_of(model), model._state.occupied()
    column = {int(slot): c for c, slot in enumerate(order)}
    rows, found = statistic.rows, []
    for place in rows.places():
        w, y = float(rows.w[place]), float(rows.y[place])
        if w == 0:
            continue
        weight = 1.0 if statistic.n_targets else statistic._weights[int(y)]
        y = y if statistic.n_targets else column[int(y)]
        found.append(Record(tuple(rows.x[place].tolist()), y, w, weight, int(rows.keyed[place])))
    return found


def naive_of(model) -> NaiveBooster:
    statistic, (order, _) = statistic_of(model), model._state.occupied()
    n_classes = 0 if statistic.n_targets else len(order)
    shape = n_classes, statistic.n_features
    return NaiveBooster(statistic.design, records_of(model), *shape, int(statistic.seed), booster_module._THRESHOLDS)


def nodes_of(trees, t, v=0) -> list[tuple]:
    """The nodes of a tree in preorder, as the slow twin has them."""
    feature = int(trees.feature[t, v])
    if feature < 0:
        leaf = int(trees.left[t, v])
        return [(-1, leaf, int(trees.n[t, v]), int(trees.values[t, leaf]))]
    found = [(feature, int(trees.mask[t, v]), int(trees.n[t, v]), float(trees.gain[t, v]))]
    return found + nodes_of(trees, t, int(trees.left[t, v])) + nodes_of(trees, t, int(trees.right[t, v]))


def columns_by_nodes(answer, x, k: int) -> list[int]:
    """The columns of features, float64[d], to which the trees of an answer lead, of one output."""
    nodes, found = answer.nodes, []
    n_trees = (len(nodes.bounds) - 1) // len(answer.base)
    x = coded(x[None], answer.categories)[0]
    for first in nodes.bounds[k * n_trees : (k + 1) * n_trees]:
        v = first
        while nodes.numbers[v, FEATURE] >= 0:
            value = x[nodes.numbers[v, FEATURE]]
            if nodes.masks[v]:
                goes_left = int(nodes.masks[v]) >> int(value) & 1
            else:
                goes_left = nodes.numbers[v, MISSING_LEFT] if np.isnan(value) else value <= nodes.thresholds[v]
            v = first + nodes.numbers[v, LEFT if goes_left else RIGHT]
        found.append(int(nodes.numbers[v, COLUMN]))
    return found


def assert_as_naive(model, solves: bool = False) -> None:
    """A model has the structure and the sums of the slow twin and, if so asked, its solution."""
    booster = booster_of(model)
    if booster is None:
        return
    naive = naive_of(model)
    assert booster.exponents == naive.exponents
    assert booster.halvings == naive.halvings
    for f, edges in enumerate(naive.edges):
        assert booster.bins.edges[f, : booster.bins.n_edges[f]].tolist() == edges
    assert booster.start.base.tolist() == naive.base
    for t, nodes in enumerate(naive.trees):
        assert nodes_of(booster.trees, t) == nodes
        assert booster.trees.n_leaves[t] == sum(node[0] < 0 for node in nodes)
    assert booster.start.columns.tolist() == naive.columns
    assert booster.start.values.tolist() == naive.start
    assert booster.gradients.tolist() == naive.gradients
    for hessian, expected in zip(booster.hessians, naive.hessians, strict=True):
        assert np.tril(hessian).tolist() == np.tril(np.array(expected, float)).tolist()
    if solves:
        assert booster.solution().tolist() == naive.solution()


# ------------------------------------------------------------------ histories


def weights(rng, n) -> np.ndarray:
    """Weights: usual ones, equal ones, of many sizes, tiny, huge, tiny beside huge."""
    kind = rng.integers(7)
    if kind == 0:
        return rng.choice([1.0, 1.0, 0.5, 0.0, 3.0], n)
    if kind == 1:
        return np.full(n, 0.75)
    if kind == 2:
        return rng.choice([1.0, 1e-300, 1e300, 0.0, 5e-324, 1.7e308], n, p=[0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
    if kind == 3:
        return 10.0 ** rng.integers(-9, 10, n) * 1e-12
    return np.ones(n)


class BoostingHistory:
    """A model and the records that it should hold; each step changes both in the same way.

    Parameters
    ----------
    seed : int
        What the history is drawn from.
    most : int
        Records at the start are up to so many.
    learner, kind
        What is learned, and from which features; drawn by default.
    """

    def __init__(self, seed, most=200, learner=None, kind=None):
        self.rng = rng = np.random.default_rng([seed, 3])
        self.classes = int(rng.integers(2, 5))
        self.kind = kind or KINDS[rng.integers(len(KINDS))]
        self.learner = learner or self.drawn_learner()
        self.labelled = self.learner._target == "label"
        self.pool = self.drawn(most)
        self.held = list(self.pool[: int(rng.integers(1, most))])
        self.model = clone(self.learner).fit(**self.given(self.held))
        self.done: list[str] = []

    def drawn_learner(self):
        rng = self.rng
        params = {
            "n_trees": int(rng.integers(1, 5)),
            "n_leaves": int(rng.choice([1, 2, 4, 7])),
            "max_depth": int(rng.choice([1, 2, 5, 2**30])),
            "min_leaf": int(rng.choice([1, 1, 2, 5])),
            "learning_rate": float(rng.choice([0.1, 0.5, 1.0])),
            "l2": float(rng.choice([0.0, 0.0, 1.0, 1e-3])),
            "most_bins": int(rng.choice([2, 3, 6, 16, 63])),
            "pilot": [2, 5, 12, 40, 1000, None][rng.integers(6)],
            "ridge": float(rng.choice([0.0, 0.001, 1.0])),
            "halved": int(rng.choice([0, 0, 1, 3])),
            "random_state": int(rng.integers(9)),
        }
        if rng.random() < 0.3:
            params["categorical"] = [j for j in range(3) if rng.random() < 0.6]
        made, loss = [
            (SmallBoosting, None), (SmallBoosting, None), (SmallBoostingRegressor, None),
            (SmallBoostingRegressor, "poisson"),
        ][rng.integers(4)]  # fmt: skip
        if made is SmallBoosting and rng.random() < 0.3:
            params["class_weight"] = [{0: 5.0, 1: 0.01}, {0: 1e-6}, {1: 3.0, 2: 700.0}][rng.integers(3)]
        return made(loss=loss, **params)

    def drawn(self, n) -> list[tuple]:
        """Records as (bytes of features, label or target, weight)."""
        rng = self.rng
        x = self.kind(rng, n) + 0.0
        x[np.isnan(x)] = np.nan
        y = labels(rng, x, self.classes) if self.labelled else targets(rng, x)
        if self.learner.loss == "poisson":
            y = np.abs(y)
        w = weights(rng, n)
        if self.labelled:  # no class of records of weight 0 alone at the start
            w[0] = 1.0
        return [(row.tobytes(), value.item() + 0, weight.item()) for row, value, weight in zip(x, y, w, strict=True)]

    def given(self, records) -> dict:
        x = np.array([np.frombuffer(x) for x, _, _ in records])
        x[(x == 0) & (self.rng.random(x.shape) < 0.3)] = -0.0
        y, w = (np.array(column) for column in list(zip(*records, strict=True))[1:])
        if (w == 1.0).all() and self.rng.random() < 0.5:
            return {"X": x, "y": y}
        return {"X": x, "y": y, "sample_weight": w}

    def fresh(self, held):
        if not held:
            return clone(self.learner).partial_fit(**self.given(self.pool[:3])).forget(**self.given(self.pool[:3]))
        order = self.rng.permutation(len(held))
        return clone(self.learner).partial_fit(**self.given([held[i] for i in order]))

    def check(self, held=None):
        held = self.held if held is None else held
        assert_as_fresh(self.model, self.fresh(held))

    def some(self, most):
        """Records held, as they are to go."""
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

    def others(self, records):
        """The same records with other labels or targets."""
        changed = []
        for x, y, w in records:
            if self.labelled:
                y = int(self.rng.integers(self.classes + 1))
            elif self.learner.loss == "poisson":
                y = float(self.rng.poisson(2.0))
            else:
                y = -y if self.rng.random() < 0.5 else float(self.rng.normal())
            changed.append((x, y + 0, w))
        return changed

    def new(self, most):
        n = int(self.rng.integers(1, most + 1))
        if self.rng.random() < 0.2:
            return self.drawn(n)
        return [self.pool[i] for i in self.rng.integers(0, len(self.pool), n)]

    def in_pilot(self) -> list[tuple]:
        """The records held of the pilot, and the others."""
        booster, rows = booster_of(self.model), statistic_of(self.model).rows
        if booster is None:
            return [[], list(self.held)]
        places = rows.places()
        chosen = rows.keyed[places] <= np.uint64(booster.limit)
        return [self.named(places[chosen]), self.named(places[~chosen])]

    def named(self, places):
        """Records of these places; none of weight 0, whose contents are not there."""
        state, rows = self.model._state, statistic_of(self.model).rows
        places = places[rows.w[places] > 0]
        y = rows.y[places].tolist()
        if self.labelled:
            names = dict(zip(*(part for part in state.occupied()), strict=True))
            y = [names[int(slot)] for slot in y]
        return [(x.tobytes(), v + 0, float(w)) for x, v, w in zip(rows.x[places], y, rows.w[places], strict=True)]

    # steps

    def learn(self, come):
        self.held += come
        if len(come) == 1 and come[0][2] == 1.0:
            self.model.partial_fit(np.frombuffer(come[0][0]), come[0][1])
        else:
            self.model.partial_fit(**self.given(come))

    def forget(self, gone):
        if not gone:
            return
        self.held = self.without(gone)
        if len(gone) == 1 and gone[0][2] == 1.0:
            self.model.forget(np.frombuffer(gone[0][0]), gone[0][1])
        else:
            self.model.forget(**self.given(gone))

    def forget_of_pilot(self, of_pilot):
        """One record of the pilot, or some that are not."""
        found = self.in_pilot()[not of_pilot]
        if found:
            n = 1 if of_pilot else min(len(found), int(self.rng.integers(1, 100)))
            self.forget([found[i] for i in self.rng.choice(len(found), n, replace=False)])

    def cross(self):
        """Over a power of two, one by one or at once."""
        n = sum(w > 0 for _, _, w in self.held)
        power = 1 << max(n.bit_length() - (self.rng.random() < 0.5), 1)
        extra = int(self.rng.integers(0, 4))
        if n < power:
            come = [(x, y, w or 1.0) for x, y, w in self.new(1) * (power - n + extra)]
            self.learn(come)
        else:
            left = [record for record in self.held if record[2] > 0]
            self.forget([left[i] for i in self.rng.choice(n, min(n, n - power + 1 + extra), replace=False)])

    def relabel(self, most):
        old = self.some(most)
        new = self.others(old)
        given, changed = self.given(old), self.given(new)
        given["y_old"], given["y_new"] = given.pop("y"), changed["y"]
        self.model.relabel(**given)
        self.held = self.without(old) + new

    def take_over(self):
        """A class goes, and another one takes over its slot."""
        name = self.held[0][1]
        gone = [r for r in self.held if r[1] == name]
        new = int(self.rng.integers(10, 13)) if self.labelled else float(self.rng.integers(10, 13))
        self.forget(gone)
        if self.rng.random() < 0.5:
            self.check()
        self.learn([(x, new, w) for x, _, w in gone])

    def merge(self):
        come = self.new(40)
        try:
            other = clone(self.learner).fit(**self.given(come))
        except ValueError:
            return
        if self.rng.random() < 0.5:
            self.model.merge(other)
        else:
            self.model = other.merge(self.model)
        self.held += come

    def lend(self):
        """Set records aside: some, or all of a label, of the pilot or not, with a look meanwhile or none."""
        gone = self.some(50)
        if self.rng.random() < 0.6:
            others = self.in_pilot()[1]
            name = self.held[self.rng.integers(len(self.held))][1]
            same = [record for record in self.held if record[1] == name]
            gone = [gone, same, others[:20], [record for record in others if record[1] == name]][self.rng.integers(4)]
        if not gone:
            return
        with self.model.without(**self.given(gone)):
            if self.rng.random() < 0.7:
                self.check(self.without(gone))

    def copied(self):
        way = [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))]
        self.model = way[self.rng.integers(3)](self.model)

    def fail(self):
        """An update that ends in an error, which must leave all as it was; or, with a memory, may succeed."""
        case = self.rng.integers(4)
        if case == 0:  # in a later block
            records = [*self.some(60), (np.full(len(self.held[0][0]) // 8, 77.0).tobytes(), self.held[0][1], 1.0)]
            expect((NotLearnedError, UnknownLabelError), self.model.forget, **self.given(records))
            return
        learns = self.rng.random() < 0.5
        records = self.new(60) if learns else self.some(60)
        given, update = self.given(records), self.model.partial_fit if learns else self.model.forget
        if case < 3:
            owner, name = [(Boosting, "refresh"), (state_module.State, "_check_emptied")][case - 1]
            with mock.patch.object(owner, name, mock.Mock(side_effect=MemoryError)):
                expect(MemoryError, update, **given)
            return
        with suppress(MemoryError), failing_memory.failing(failing_memory.FROM, int(self.rng.integers(1, 120))):
            update(**given)
            self.held = self.held + records if learns else self.without(records)

    def step(self):
        rng = self.rng
        steps = {
            "learn 1": (3, lambda: self.learn(self.new(1))),
            "learn few": (2, lambda: self.learn(self.new(8))),
            "learn many": (1, lambda: self.learn(self.new(120))),
            "merge": (1, self.merge),
        }
        if self.held:
            steps |= {
                "forget 1": (4, lambda: self.forget(self.some(1))),
                "forget few": (3, lambda: self.forget(self.some(8))),
                "forget many": (1, lambda: self.forget(self.some(len(self.held)))),
                "forget one of the pilot": (2, lambda: self.forget_of_pilot(True)),
                "forget others": (4, lambda: self.forget_of_pilot(False)),
                "forget heaviest": (1, lambda: self.forget([max(self.held, key=lambda r: r[2])])),
                "forget largest": (1, lambda: self.forget([max(self.held, key=lambda r: abs(r[1]))])),
                "forget a label": (0.5, lambda: self.forget([r for r in self.held if r[1] == self.held[0][1]])),
                "take over": (1, self.take_over),
                "cross": (2, self.cross),
                "relabel 1": (2, lambda: self.relabel(1)),
                "relabel few": (2, lambda: self.relabel(30)),
                "without": (3, self.lend),
                "copy": (0.7, self.copied),
                "fail": (2, self.fail),
            }
            if rng.random() < 0.03:
                steps = {"forget all": (1, lambda: self.forget(list(self.held)))}
        names = list(steps)
        chances = np.array([steps[name][0] for name in names])
        name = names[rng.choice(len(names), p=chances / chances.sum())]
        self.done.append(name)
        steps[name][1]()

    def run(self, n_steps, naive=False):
        """Take steps, each followed by a check or not; small blocks and few empty places, so that both matter."""
        slices = lambda batch, sparse: (slice(i, min(i + 23, len(batch))) for i in range(0, len(batch), 23))  # noqa: E731
        with (
            mock.patch.object(state_module.Batch, "slices", slices),
            mock.patch.object(rows_module, "_MOST_EMPTY", 8),
        ):
            for _ in range(n_steps):
                self.step()
                if self.rng.random() < 0.8:
                    self.check()
            self.check()
        if naive and self.held:
            assert_as_naive(self.model)
