"""Random histories of trees so small that dozens of records reach all of their code, compared with fresh fits."""

import copy
import pickle
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from unittest import mock

import numpy as np
from sklearn.base import clone

from naive_tree import NaiveTree, record_of, total, trees_of
from sqlearn.engine.model import state as state_module
from sqlearn.engine.rounds import rows as rows_module
from sqlearn.engine.trees import Forest
from sqlearn.engine.trees import layout as at
from sqlearn.engine.trees.reading import preorder
from sqlearn.engine.trees.tree import Tree
from sqlearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sqlearn.errors import NotLearnedError
from sqlearn.tree import DecisionTreeClassifier, DecisionTreeRegressor


class Small:
    """Trees that score samples of 16 to 32 records, and keep scores from 32 records on; other seeds have others.

    From a seed of 9 on, some features are split by equality.
    """

    def _growth(self, params, n_features):
        seed = params["random_state"] or 0
        growth = replace(super()._growth(params, n_features), scored=32 << seed % 3, cached=32 << seed // 3 % 2)
        if seed >= 9:
            growth = replace(growth, categorical=tuple(j for j in range(n_features) if j % 3 != seed % 3))
        return growth


class SmallForest(Small, RandomForestClassifier):
    """A forest of small trees."""


class SmallForestRegressor(Small, RandomForestRegressor):
    """The same for targets."""


class SmallExtra(Small, ExtraTreesClassifier):
    """Random thresholds."""


class SmallExtraRegressor(Small, ExtraTreesRegressor):
    """The same for targets."""


class SmallTree(Small, DecisionTreeClassifier):
    """One small tree."""


class SmallTreeRegressor(Small, DecisionTreeRegressor):
    """The same for targets."""


CLASSIFIERS = [SmallForest, SmallExtra, SmallTree]
REGRESSORS = [SmallForestRegressor, SmallExtraRegressor, SmallTreeRegressor]


# ------------------------------------------------------------------ records


def plain(rng, n):
    return rng.normal(size=(n, 4))


def integers(rng, n):
    return rng.integers(-2, 3, (n, 5)).astype(float)


def rare(rng, n):
    return np.column_stack([(rng.random((n, 4)) < [0.01, 0.03, 0.06, 0.3]), rng.normal(size=n)]).astype(float)


def sparse(rng, n):
    return np.where(rng.random((n, 6)) < 0.95, 0.0, rng.normal(size=(n, 6)))


def constant(rng, n):
    return np.column_stack([np.full(n, 3.0), np.zeros(n), rng.integers(0, 4, n), np.where(rng.random(n) < 0.02, 1, 7)])


def copies(rng, n):
    return rng.normal(size=(6, 3))[rng.integers(0, 6, n)]


def missing(rng, n):
    x = rng.normal(size=(n, 4))
    x[rng.random((n, 4)) < [0.05, 0.3, 0.95, 0.0]] = np.nan
    return x


def far(rng, n):
    x = rng.standard_cauchy((n, 4))
    ends = [1e12, -1e12, 1e308, -1e308, 5e-324, -5e-324, 1e-45, -1e-45, -2e-46, 0.0, -0.0, np.nan, 3.4e38, 3.5e38]
    hit = rng.random((n, 4)) < 0.3
    x[hit] = rng.choice(ends, hit.sum())
    return x


def tiny(rng, n):
    return rng.choice([-3e-45, -1e-45, -1e-50, 0.0, -0.0, 1e-50, 1e-45, 3e-45, np.nan], (n, 3))


def categories(rng, n):
    """Of columns with many values, with usual and rare ones, with two, and with missing ones."""
    x = np.column_stack([rng.integers(0, 40, n), rng.geometric(0.5, n), rng.geometric(0.9, n), rng.integers(0, 2, n)])
    x = np.column_stack([x, rng.choice([1.0, 2.0, 3.0, np.nan], n), rng.normal(size=n)]) * 1.37
    return x


KINDS = [plain, integers, rare, sparse, constant, copies, missing, far, tiny, categories]


def labels(rng, x, classes):
    known = np.nan_to_num(np.clip(x, -3, 3)).sum(axis=1)
    noise = rng.choice([0.0, 0.3, 3.0])
    return np.floor(known + noise * rng.normal(size=len(x))).astype(int) % classes


def targets(rng, x):
    known = np.nan_to_num(np.clip(x, -3, 3)).sum(axis=1) + 0.3 * rng.normal(size=len(x))
    kind = rng.integers(6)
    if kind == 0:
        known = np.round(known)
    elif kind == 1:
        known = known * 10.0 ** rng.integers(-12, 13, len(x))
    elif kind == 2:
        known = rng.standard_cauchy(len(x)) ** 3
    elif kind == 3:
        known = np.where(rng.random(len(x)) < 0.9, 0.0, known)
    elif kind == 4:
        known = rng.choice([1e308, -1e308, 5e-324, 0.0, 1.0, 2.5e-308], len(x))
    return known


def weights(rng, n):
    kind = rng.integers(4)
    if kind == 0:
        return rng.choice([1.0, 1.0, 0.5, 0.0, 3.0], n)
    if kind == 1:
        return np.full(n, 0.75)
    return 10.0 ** rng.integers(-9, 10, n) * 1e-12 if kind == 2 else np.ones(n)


# ------------------------------------------------------------------ what a model is


def trees_and_plan(model) -> tuple[list[Tree], at.Plan]:
    state = model._state
    trees, _, plan = state.statistic.current(state.occupied()[0])
    return trees, plan


def nodes_of(pool) -> np.ndarray:
    found = np.empty(pool.extent[at.NODES] + 1, np.int32)
    return found[: preorder(pool, found)]


def members(pool, node, keyed) -> list[int]:
    found, entry = [], pool.nodes[node]["left"]
    while entry >= 0:
        found.append(int(keyed[pool.entries[entry]["place"]]))
        entry = pool.entries[entry]["next"]
    return found


def leaf_sums(model, pool, node) -> tuple[int, ...]:
    """Sums of a leaf by class, or of its records' masses and targets."""
    forest = model._state.statistic
    if not forest.n_targets:
        return tuple(int(s) for s in pool.sums[pool.nodes[node]["right"]])
    found, entry, rows = [], pool.nodes[node]["left"], forest.rows
    while entry >= 0:
        place = pool.entries[entry]["place"]
        found.append(record_of(rows.x[place], rows.y[place], rows.w[place], rows.keyed[place], 0, forest._plan))
        entry = pool.entries[entry]["next"]
    return total(found)


def leaf_mean(model, pool, node) -> float:
    """The weighted mean of a leaf's targets."""
    found, entry, rows = [], pool.nodes[node]["left"], model._state.statistic.rows
    while entry >= 0:
        place = pool.entries[entry]["place"]
        found.append((Fraction(rows.w[place]), Fraction(rows.y[place])))
        entry = pool.entries[entry]["next"]
    return float(sum(w * y for w, y in found) / sum(w for w, _ in found))


def dump(model) -> list:
    """All nodes of all trees in preorder, whatever their places in memory."""
    state = model._state
    trees, held, plan = state.statistic.current(state.occupied()[0])
    keyed = model._state.statistic.rows.keyed
    found = []
    for tree in trees:
        pool, nodes = tree.pool, []
        for node in nodes_of(pool):
            one = pool.nodes[node]
            split = one["feature"].item(), one["threshold"].tobytes() if one["feature"] >= 0 else b""
            leaf = None
            if one["feature"] < 0:
                names = members(pool, node, keyed)
                assert len(names) == len(set(names)) == one["n"]
                leaf = frozenset(names), leaf_sums(model, pool, node)
            nodes.append((*split, int(one["n"]), int(one["hash"]), leaf))
        found.append((tree.n, nodes, *(part.tobytes() for part in tree.describe(held, plan))))
    return found


def scores(model) -> list[dict]:
    """The cached scores of each tree, by the place of their nodes in preorder."""
    trees, plan = trees_and_plan(model)
    found = []
    for tree in trees:
        pool, of_tree = tree.pool, {}
        for i, node in enumerate(nodes_of(pool)):
            slot = pool.nodes[node]["slot"]
            if pool.nodes[node]["feature"] < 0 or slot < 0:
                continue
            assert pool.nodes[node]["n"] >= plan.cached
            cached = pool.cached[slot]
            parts = [tuple(int(cached[name]) for name in ("last", "extension", "skipped", "n_features"))]
            for j in range(cached["n_features"]):
                n = pool.n_thresholds[slot, j]
                parts.append((pool.features[slot, j], n, (pool.guards[slot, j] + np.float32(0)).tobytes()))
                parts.append((pool.thresholds[slot, j, :n].tolist(), pool.counts[slot, j, :n].tolist()))
            of_tree[i] = [*parts, pool.totals[slot].tolist()]
        found.append(of_tree)
    return found


def check_pools(model) -> None:
    """Each place of a pool is in use once, or free once."""
    for tree in trees_and_plan(model)[0]:
        pool, extent, nodes = tree.pool, tree.pool.extent, tree.pool.nodes
        used = nodes_of(pool)
        leaves = used[nodes["feature"][used] < 0]
        assert nodes["n"][leaves].sum() == tree.n
        entries = []
        for leaf in leaves:
            entry = nodes["left"][leaf]
            while entry >= 0:
                entries.append(entry)
                entry = pool.entries["next"][entry]
        slots = nodes["slot"][used]
        rows = [*nodes["right"][leaves], *pool.free_sums[: extent[at.N_FREE_SUMS]]]
        free = {
            at.FREE_NODE: (nodes["left"], at.NODES, used),
            at.FREE_ENTRY: (pool.entries["next"], at.ENTRIES, entries),
            at.FREE_SLOT: (pool.cached["next"], at.SLOTS, slots[slots >= 0]),
        }
        for head, (following, n, in_use) in free.items():
            listed, place = [], extent[head]
            while place >= 0:
                listed.append(place)
                place = following[place]
            assert sorted([*listed, *in_use]) == [*range(extent[n])]
        assert sorted(rows) == [*range(extent[at.SUMS])]


def assert_as_fresh(model, fresh) -> None:
    """Two models have equal digests, nodes and cached scores."""
    assert model.canonical_parts() == fresh.canonical_parts()
    assert model.digest() == fresh.digest()
    if not model._state.statistic.record_counts.any():
        return
    for ours, theirs in zip(dump(model), dump(fresh), strict=True):
        assert ours == theirs
    for ours, theirs in zip(scores(model), scores(fresh), strict=True):
        for node in ours.keys() & theirs.keys():  # some may have found no room
            assert ours[node] == theirs[node]
    check_pools(model)


def assert_as_naive(model, class_weight=None) -> None:
    """A model has the trees of the slow twin."""
    forest = model._state.statistic
    trees, plan = trees_and_plan(model)
    growth, rows = forest.growth, forest.rows
    column = {slot: c for c, slot in enumerate(forest._order)}
    of_tree = [[] for _ in trees]
    for place in rows.places():
        w, keyed = rows.w[place], int(rows.keyed[place])
        if w == 0:
            continue
        y = rows.y[place] if forest.n_targets else column[int(rows.y[place])]
        weight = 1.0 if forest.n_targets else forest._weights[int(rows.y[place])]
        for t in trees_of(keyed, growth.n_trees, growth.trees_per_record):
            of_tree[t].append(record_of(rows.x[place], y, w, keyed, trees[t].salt, plan, weight))
    for tree, records in zip(trees, of_tree, strict=True):
        naive, nodes = NaiveTree(records, plan, tree.salt, tree.path, growth.categorical), []
        pool = tree.pool
        for node in nodes_of(pool):
            one = pool.nodes[node]
            if one["feature"] >= 0:
                nodes.append((int(one["feature"]), float(one["threshold"]), int(one["n"])))
            else:
                nodes.append((-1, frozenset(members(pool, node, rows.keyed)), leaf_sums(model, pool, node)))
        assert nodes == naive.nodes
        assert tree.hash == naive.hash


# ------------------------------------------------------------------ histories


class History:
    """A model and the records that it should hold; each step changes both in the same way.

    Parameters
    ----------
    seed : int
        What the history is drawn from.
    most : int
        Records at the start are up to so many.
    """

    def __init__(self, seed, most=200, learner=None, kind=None):
        self.rng = rng = np.random.default_rng([seed, 1])
        made = learner or rng.choice(np.array([*CLASSIFIERS, *REGRESSORS]))
        self.labelled = made in CLASSIFIERS
        self.classes = int(rng.integers(2, 5))
        self.kind = kind or KINDS[rng.integers(len(KINDS))]
        params = {
            "random_state": int(rng.integers(18)),
            "min_samples_leaf": int(rng.choice([1, 1, 1, 2, 5])),
            "min_samples_split": int(rng.choice([2, 2, 2, 5, 9])),
            "max_depth": [None, None, 3, 6][rng.integers(4)],
            "max_features": [None, 1, 2, "sqrt"][rng.integers(4)],
        }
        if issubclass(made, DecisionTreeClassifier | DecisionTreeRegressor):
            params["splitter"] = ["best", "random"][rng.integers(2)]
        else:
            params |= {"n_estimators": int(rng.integers(1, 5)), "bootstrap": bool(rng.integers(2))}
            if params["bootstrap"] and rng.random() < 0.5:
                params["max_samples"] = float(rng.choice([0.1, 0.6, 1.0]))
        if self.labelled and rng.random() < 0.3:
            params["class_weight"] = {0: 5.0, 1: 0.01} if rng.random() < 0.5 else {0: 1e-6}
        self.learner = made(**params)
        self.pool = self.drawn(most)
        self.held = list(self.pool[: int(rng.integers(1, most))])
        self.model = clone(self.learner).fit(**self.given(self.held))
        self.done: list[str] = []

    def drawn(self, n) -> list[tuple]:
        """Records as (bytes of features, label or target, weight)."""
        rng = self.rng
        x = self.kind(rng, n) + 0.0
        x[np.isnan(x)] = np.nan
        y = labels(rng, x, self.classes) if self.labelled else targets(rng, x)
        w = weights(rng, n)
        with np.errstate(over="ignore"):
            w = np.where(np.isfinite(w * y), w, 1.0)
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
        left = Counter(gone)
        kept = []
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
            else:
                y = -y if self.rng.random() < 0.5 else float(self.rng.normal())
            changed.append((x, y + 0, w))
        return changed

    def new(self, most):
        n = int(self.rng.integers(1, most + 1))
        if self.rng.random() < 0.2:
            return self.drawn(n)
        return [self.pool[i] for i in self.rng.integers(0, len(self.pool), n)]

    # steps

    def learn(self, most):
        come = self.new(most)
        self.held += come
        if len(come) == 1 and come[0][2] == 1.0:
            self.model.partial_fit(np.frombuffer(come[0][0]), come[0][1])
        else:
            self.model.partial_fit(**self.given(come))

    def forget(self, gone):
        self.held = self.without(gone)
        if len(gone) == 1 and gone[0][2] == 1.0:
            self.model.forget(np.frombuffer(gone[0][0]), gone[0][1])
        else:
            self.model.forget(**self.given(gone))

    def named(self, places):
        """Records of these places."""
        state, rows = self.model._state, self.model._state.statistic.rows
        y = rows.y[places]
        if self.labelled:
            names = dict(zip(*(part for part in state.occupied()), strict=True))
            y = [names[int(slot)] for slot in y]
        return [(x.tobytes(), v + 0, float(w)) for x, v, w in zip(rows.x[places], y, rows.w[places], strict=True)]

    def forget_first(self):
        """The records of lowest priority of a tree, by which its root is split."""
        trees, _ = trees_and_plan(self.model)
        tree, rows = trees[self.rng.integers(len(trees))], self.model._state.statistic.rows
        entries = {
            int(tree.pool.entries[e]["place"])
            for node in nodes_of(tree.pool)
            if tree.pool.nodes[node]["feature"] < 0
            for e in chain(tree.pool, node)
        }
        if not entries:
            return
        places = np.array(sorted(entries, key=lambda place: mixed(rows.keyed[place], tree.salt)))
        first = int(self.rng.integers(0, 20))
        self.forget(self.named(places[first : first + int(self.rng.integers(1, 24))]) or self.some(1))

    def relabel(self, most):
        old = self.some(most)
        new = self.others(old)
        given, changed = self.given(old), self.given(new)
        given["y_old"], given["y_new"] = given.pop("y"), changed["y"]
        self.model.relabel(**given)
        self.held = self.without(old) + new

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
        gone = self.some(50)
        with self.model.without(**self.given(gone)):
            if self.rng.random() < 0.7:
                self.check(self.without(gone))

    def copied(self):
        way = [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))]
        self.model = way[self.rng.integers(3)](self.model)

    def fail(self):
        """An update that ends in an error."""
        gone, come = self.given(self.some(60)), self.given(self.new(60))
        case = self.rng.integers(4)
        if case == 0:  # in a later block
            records = [*self.some(60), (np.full(len(self.held[0][0]) // 8, 77.0).tobytes(), self.held[0][1], 1.0)]
            expect(NotLearnedError, self.model.forget, **self.given(records))
            return
        owner, name = [(Forest, "refresh"), (state_module.State, "_check_emptied"), (Tree, "have_room")][case - 1]
        if name == "have_room" and self.model._state.statistic.trees is None:
            return
        before, n_calls = Tree.have_room, 0

        def second(*args):
            nonlocal n_calls
            n_calls += 1
            if n_calls == 2:
                raise MemoryError
            return before(*args)

        failing = second if name == "have_room" else mock.Mock(side_effect=MemoryError)
        update = self.model.forget if self.rng.random() < 0.5 else self.model.partial_fit
        given = gone if update == self.model.forget else come
        with mock.patch.object(owner, name, failing):
            if name != "have_room":
                expect(MemoryError, update, **given)
                return
            try:
                update(**given)
            except MemoryError:
                return
        records = [
            (x.tobytes(), v.item() + 0, float(w))
            for x, v, w in zip(
                given["X"] + 0.0, given["y"], given.get("sample_weight", np.ones(len(given["X"]))), strict=True
            )
        ]
        self.held = self.without(records) if update == self.model.forget else self.held + records

    def step(self):
        rng = self.rng
        steps = {
            "learn 1": (3, lambda: self.learn(1)),
            "learn few": (2, lambda: self.learn(8)),
            "learn many": (2, lambda: self.learn(120)),
            "merge": (1, self.merge),
        }
        if self.held:
            least = min((r for r in self.held), key=lambda r: -abs(r[1] * r[2]))
            steps |= {
                "forget 1": (4, lambda: self.forget(self.some(1))),
                "forget few": (3, lambda: self.forget(self.some(8))),
                "forget many": (1, lambda: self.forget(self.some(len(self.held)))),
                "forget first": (3, self.forget_first),
                "forget largest": (1, lambda: self.forget([least])),
                "forget a label": (0.5, lambda: self.forget([r for r in self.held if r[1] == self.held[0][1]])),
                "relabel 1": (2, lambda: self.relabel(1)),
                "relabel few": (2, lambda: self.relabel(30)),
                "without": (1.5, self.lend),
                "copy": (0.7, self.copied),
                "fail": (1.5, self.fail),
            }
            if rng.random() < 0.05:
                steps = {"forget all": (1, lambda: self.forget(list(self.held)))}
        names = list(steps)
        chances = np.array([steps[name][0] for name in names])
        name = names[rng.choice(len(names), p=chances / chances.sum())]
        self.done.append(name)
        steps[name][1]()

    def run(self, n_steps, naive=False):
        """Take steps, each followed by a check; small blocks and few empty places, so that both matter."""
        slices = lambda batch, sparse: (slice(i, min(i + 23, len(batch))) for i in range(0, len(batch), 23))  # noqa: E731
        with (
            mock.patch.object(state_module.Batch, "slices", slices),
            mock.patch.object(rows_module, "_MOST_EMPTY", 8),
        ):
            for _ in range(n_steps):
                self.step()
                self.check()
        if naive and self.held:
            assert_as_naive(self.model)


def chain(pool, node):
    entry = pool.nodes[node]["left"]
    while entry >= 0:
        yield entry
        entry = pool.entries[entry]["next"]


def mixed(keyed, salt):
    from naive_tree import mix

    return mix(int(keyed), int(salt))


def expect(error, call, **given):
    try:
        call(**given)
    except error:
        return
    raise AssertionError(f"no {error.__name__}")
