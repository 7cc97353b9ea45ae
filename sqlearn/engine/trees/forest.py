"""The statistic of forests: the records, and trees that follow them."""

import math
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import Any, Self

import numpy as np

from sqlearn.engine.arithmetic import mix
from sqlearn.engine.rounds import MAX_HASH, KeptRecords, Records, Rows, gathered
from sqlearn.engine.sums import UNFIT, Holder, Log, OneRecord, Statistic, installed
from sqlearn.engine.trees.elsewhere import DescribedTrees, TreesElsewhere, described_in, in_bytes, no_trees_here
from sqlearn.engine.trees.layout import FIRST_SAMPLE, Held, Plan, bytes_per_record, new_room
from sqlearn.engine.trees.membership import members, new_places
from sqlearn.engine.trees.parameters import ForestReport, Growth
from sqlearn.engine.trees.tree import Description, Tree, TreeChanges, repair_trees
from sqlearn.errors import FormatError, TooLargeError

_MASS_BITS, _VALUE_BITS = 24, 30  # of the largest weight and the largest target, in integers
_MOST_RECORDS = 2**23  # whose sums float64 holds exactly
_OCTAVES = 2200  # of float64, from subnormal numbers on
_LOWEST = -1080
_AT_ONCE = 256  # changes of trees that Ctrl-C waits for
_NO_PLACES = np.zeros(0, np.int64)

Report = Callable[[str], None]
Check = Callable[[], None]
Change = tuple[np.ndarray, Records, float]  # places, records, sign
Source = tuple[Held, np.ndarray]  # the records, and the columns of classes


class Forest(KeptRecords):
    """The records of a forest, and its trees.

    A tree is a function of its records, the growth and the seed: an update brings it to what growing it anew would
    give. Trees that were dropped are grown again when they are read.

    Attributes
    ----------
    trees : list of Tree or None
        None where they are to be grown.
    waits : bool
        Whether they are to be grown when they are read, not at the next update: of what was read or copied.
    part : (int, int)
        Which trees are grown here: of (p, n) those whose number is p modulo n.
    last : ForestReport or None
        What the last update did.
    """

    n_parts = 3
    parts_of_own_rows = (2,)

    def __init__(
        self, n_features: int, n_targets: int, growth: Growth, seed: int = 0, report: Report | None = None
    ) -> None:
        super().__init__(n_features, n_targets, seed, largest=sys.float_info.max)
        self.growth = growth
        self.report = report
        self.trees: list[Tree] | None = None
        self.waits = False
        self.part = 0, 1
        self.last: ForestReport | None = None
        self._order = np.zeros(0, np.int64)  # class slots, in the order of the trees' columns
        self._weights: dict[int, float] = {}  # of class slots
        self._labels: dict[int, Any] = {}  # of class slots
        self._plan: Plan | None = None
        self._octaves = np.zeros((2, _OCTAVES), np.int64)  # of weights and weighted targets: how many records have each
        self._noted: list[Change] = []  # what came or went since trees followed
        self._lost: list[Change] = []  # what has to be undone in the trees
        self._expected: bytes | None = None  # hashes of the trees, where they are still to be grown from a file
        self._gone = np.zeros(0, np.uint8)

    # ------------------------------------------------------------------ changing

    follows = True
    takes_missing = True

    @property
    def categorical(self) -> tuple[int, ...]:  # type: ignore[override]
        return self.growth.categorical

    def fast_path(self, state: Holder) -> OneRecord | None:
        return None if self.growth.categorical else super().fast_path(state)  # categories are no numbers yet

    def _note(self, records: Records, places: np.ndarray, sign: float) -> None:
        if self.trees is not None or not self.waits:
            self._noted.append((places, records, sign))

    def refresh(self, order: np.ndarray, labels: list[Any], log: Log, check: Check = lambda: None) -> None:
        """Bring the trees up to date with what was deposited."""
        started = perf_counter()
        changes, self._noted = self._noted, []
        self.begin()
        log.note(partial(self._undo, changes, self._order, self.waits, self._expected, self.last))
        self._weights |= self._class_weights(order, labels)
        self._labels |= zip(order.tolist(), labels, strict=True)
        self._expected = self.last = None
        if isinstance(self.rows, TreesElsewhere):
            _check_size(int(self.record_counts.sum()))
        if self.waits or not isinstance(self.rows, Rows):
            self.waits, self.trees = True, None
            return
        try:
            if self.trees is None:
                self._order = order.copy()
                self.trees = self._grown(check)
                return
            done = self._follow(changes, order, check)
        except BaseException:
            self.waits, self.trees = True, None  # neither old nor new
            raise
        self.last = ForestReport(int(done[4]), int(done[3]), int(done[0]), perf_counter() - started)

    def _undo(
        self, changes: list[Change], order: np.ndarray, waits: bool, expected: bytes | None, last: ForestReport | None
    ) -> None:
        """Have what trees followed undone, once the records are as they were: in :meth:`prune`."""
        self.begin()
        self._expected, self.last = expected, last
        if waits:
            self.waits, self.trees = True, None
        self._lost = [(places, records, -sign) for places, records, sign in reversed(changes)]
        self._order_before = order

    def prune(self, temporary: bool = False) -> None:
        if self._noted:  # of an update that failed before the trees followed: equal records may have changed places
            self._noted.clear()
            self.waits, self.trees = True, None
        lost, self._lost = self._lost, []
        if lost and self.trees is not None:
            try:
                self._follow(lost, self._order_before)
            except MemoryError:
                self.waits, self.trees = True, None
        if not temporary:
            self.compact()
        self.end()

    def _follow_from(self, places: np.ndarray) -> None:
        known, self.waits, self.trees = (self.waits, self.trees), True, None  # if memory ends, grown anew
        self.begin()
        with suppress(MemoryError):
            if known[1] is not None:
                moved = new_places(places)
                for tree in known[1]:
                    tree.move(moved)
            self.waits, self.trees = known

    @property
    def n_scored(self) -> int:
        """How many features are scored at a node."""
        return max(1, min(self.growth.k, self.n_features))

    @property
    def equal(self) -> np.ndarray:
        """1 for features that hold categories, uint8[d]."""
        equal = np.zeros(self.n_features, np.uint8)
        equal[list(self.growth.categorical)] = 1
        return equal

    @property
    def class_unit(self) -> float:
        """What weights of classes are multiplied with, so that none of those given is above 1."""
        mantissa, exponent = math.frexp(max((self.growth.class_weight or {}).values(), default=1.0))
        return float(2.0 ** ((mantissa == 0.5) - exponent))

    def _class_weights(self, order: np.ndarray, labels: list[Any]) -> dict[int, float]:
        given, unit = self.growth.class_weight or {}, self.class_unit
        return {int(slot): given.get(label, 1.0) * unit for slot, label in zip(order, labels, strict=True)}

    def _tally(self, changes: Iterable[Change]) -> None:
        """Count the octaves of weights and targets that came or went."""
        for _, records, sign in changes:
            counts = records.w > 0
            w, y = records.w[counts], records.y[counts]
            values = w * y if self.n_targets else np.zeros_like(w)
            for row, numbers in zip(self._octaves, (w, values), strict=True):
                octaves = np.frexp(numbers)[1] - _LOWEST
                np.add.at(row, octaves[numbers != 0], int(sign))

    def _planned(self, order: np.ndarray) -> Plan:
        """The plan for the records held, of classes `order`.

        The units of sums follow the largest weight of a record, of a class, and the largest target.
        """
        growth = self.growth
        top = [int(np.flatnonzero(row)[-1]) + _LOWEST if row.any() else 0 for row in self._octaves]
        of_class = 0
        if not self.n_targets and len(order):
            of_class = math.frexp(max(self._weights[int(slot)] for slot in order))[1] - 1
        mass, value = _MASS_BITS - top[0] - of_class, _VALUE_BITS - top[1]
        n_classes = 0 if self.n_targets else len(self._order)
        channels = (n_classes or 2) + (growth.min_leaf > 1)
        return Plan(
            n_classes,
            channels,
            self.n_scored,
            FIRST_SAMPLE - (not growth.categorical),
            growth.scored,
            growth.cached,
            int(growth.random),
            growth.min_split,
            growth.min_leaf,
            growth.max_depth,
            *(2.0 ** (mass // 2), 2.0 ** (mass - mass // 2)),
            *(2.0 ** (value // 2), 2.0 ** (value - value // 2)),
        )

    def _held(self) -> Source:
        """The records as kernels read them, and the column of each class slot."""
        x, y, w, keyed = gathered(self.rows)
        n_slots = 1 if self.n_targets else max([len(self.record_counts), *(slot + 1 for slot in self._weights)])
        weights, columns = np.ones(n_slots), np.zeros(n_slots, np.int64)
        if not self.n_targets:
            for slot, weight in self._weights.items():
                weights[slot] = weight
            columns[self._order] = np.arange(len(self._order))
        return Held(x, y, w, keyed, weights, self.equal), columns

    def _grown(self, check: Check = lambda: None, source: Source | None = None) -> list[Tree]:
        """All trees, grown anew from what :meth:`_held` gives, or gave."""
        growth = self.growth
        self._octaves[:] = 0
        self._tally((_NO_PLACES, block, 1.0) for block in self.rows.blocks(MAX_HASH))
        plan = self._plan = self._planned(self._order)
        held, columns = source or self._held()
        n = int((held.w > 0).sum())
        _check_size(n)
        trees = [self._tree(t) for t in range(self.part[0], growth.n_trees, self.part[1])]
        needed = bytes_per_record(plan) * n * growth.trees_per_record * len(trees) / growth.n_trees
        if needed > installed() // 2:
            here = f" for the {len(trees):,} trees of this worker" if self.part[1] > 1 else ""
            raise TooLargeError(
                f"{growth.n_trees:,} trees, {growth.trees_per_record:,} of which hold each of {n:,} records, would "
                f"take about {needed / 1e9:,.1f} GB{here}, and this machine has {installed() / 1e9:,.0f} GB. Nothing "
                "was changed: use fewer trees, or a smaller share of them for each record (max_samples)."
            )
        starts, places = members(held.keyed, held.w, growth.n_trees, growth.trees_per_record, *self.part)

        def grow(t: int) -> None:
            trees[t].grow(places[starts[t] : starts[t + 1]].copy(), held, columns, plan)

        if growth.n_jobs == 1:
            for t in range(len(trees)):
                check()
                self._tell(t)
                grow(t)
            return trees
        with ThreadPoolExecutor(growth.n_jobs) as pool:
            try:
                for t, _ in enumerate(pool.map(grow, range(len(trees)))):
                    check()
                    self._tell(t)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return trees

    def _tell(self, t: int) -> None:
        if self.report is not None and t % max(1, self.growth.n_trees // 10) == 0:
            self.report(f"growing tree {t + 1} of {self.growth.n_trees}")

    def _tree(self, t: int) -> Tree:
        word = np.uint64(mix(np.uint64(t), self.seed))
        return Tree(np.uint64(mix(word, np.uint64(3))), np.uint64(mix(word, np.uint64(17))))

    def _follow(self, changes: list[Change], order: np.ndarray, check: Check = lambda: None) -> np.ndarray:
        """Bring the trees from the records before these changes to those after them. Returns counts of the work."""
        assert self.trees is not None
        done = np.zeros(5, np.int64)
        came_first = any(
            sign > 0 and any(later < 0 for *_, later in changes[i + 1 :]) for i, (*_, sign) in enumerate(changes)
        )
        before = self._plan
        self._tally(changes)
        if self.record_counts.sum() > _MOST_RECORDS:  # refuses it
            self._grown()
        # those that vanish come last
        self._set_columns(np.concatenate([order, np.setdiff1d(self._order, order)]), order)
        plan = self._planned(order)
        if came_first or before is None or plan[-4:] != before[-4:]:  # other units
            self._order = order.copy()
            self.trees = self._grown(check)
            done[0], done[4] = sum(tree.n for tree in self.trees), len(self.trees)
            return done
        self._plan = plan
        kept = [(places[records.w > 0], records.take(records.w > 0), sign) for places, records, sign in changes]
        arrays = zip(*((p, r.x, r.y, r.w, r.hashes, np.full(len(p), s)) for p, r, s in kept), strict=True)
        places, x, y, w, hashes, signs = map(np.concatenate, arrays)
        held, columns = self._held()
        if len(self._gone) < len(held.w):
            self._gone = np.zeros(len(held.w), np.uint8)
        gone = places[signs < 0]
        growth = self.growth
        starts, indices = members(hashes, np.ones(len(hashes)), growth.n_trees, growth.trees_per_record, *self.part)
        change = TreeChanges(places.astype(np.int32), signs, x, y, w, hashes)
        touched = np.flatnonzero(np.diff(starts[:-1]))
        most = max((self.trees[t].n for t in touched.tolist()), default=0) + int((signs > 0).sum())
        room = new_room(most, held.equal, plan)
        step = max(1, _AT_ONCE // max(1, len(indices) // len(self.trees)))
        self._gone[gone] = 1
        try:
            for i in range(0, len(touched), step):
                check()
                some = touched[i : i + step]
                trees, spans = [self.trees[t] for t in some.tolist()], (starts[some], starts[some + 1])
                repair_trees(trees, *spans, indices, room, change, self._gone, held, columns, plan, done)
                done[4] += len(some)
        finally:
            self._gone[gone] = 0
        self._set_columns(order, order)
        return done

    def _set_columns(self, order: np.ndarray, held: np.ndarray) -> None:
        """Have the sums of these class slots, in this order; those `held` have records."""
        if self.n_targets or np.array_equal(order, self._order):
            return
        place = {int(slot): column for column, slot in enumerate(self._order)}
        columns = np.array([place.get(int(slot), -1) for slot in order], np.int64)
        self._order = order.copy()
        self._plan = self._planned(held)
        for tree in self.trees or ():
            tree.set_columns(columns, self._plan)

    # ------------------------------------------------------------------ reading

    def current(self, order: np.ndarray) -> tuple[list[Tree], Held, Plan]:
        """The trees of all records held, these, and the plan; `order` has the slots of classes with any, sorted."""
        if isinstance(self.rows, TreesElsewhere):
            raise no_trees_here()
        if self.trees is None:
            self._order = order.copy()
        turn = self.turn
        source, trees = self._held(), self.trees
        if trees is None:
            trees = self._grown(source=source)
            if isinstance(self.rows, Rows) and turn == self.turn and not turn & 1:  # others may change at any time
                if self._expected is not None and _hashes(trees) != self._expected:
                    raise FormatError(UNFIT)
                self.trees, self.waits, self._expected = trees, False, None
        assert self._plan is not None
        return trees, source[0], self._plan

    def members(self, records: Records) -> list[np.ndarray]:
        """The indices of the records that each tree holds, if it is one of the records held."""
        growth = self.growth
        starts, found = members(records.hashes, records.w, growth.n_trees, growth.trees_per_record, 0, 1)
        return [found[starts[t] : starts[t + 1]] for t in range(growth.n_trees)]

    def described(self, order: np.ndarray) -> list[Description | None]:
        """The trees of all records held in their canonical form; None for trees without records."""
        if isinstance(self.rows, TreesElsewhere):
            return self.rows.described(self._labels)
        trees, held, plan = self.current(order)
        return [tree.describe(held, plan) if tree.n else None for tree in trees]

    def hashes(self, order: np.ndarray) -> bytes:
        """The hashes of all trees; nothing where no record counts, or where trees are no state."""
        if self._expected is not None or not self.record_counts.any():
            return self._expected or b""
        if isinstance(self.rows, TreesElsewhere):
            return self.rows.hashes(self._labels)
        return _hashes(self.current(order)[0]) if isinstance(self.rows, Rows) else b""

    def canonical(self, slots: np.ndarray) -> list[bytes]:
        return [*super().canonical(slots), self.hashes(slots[self.record_counts[slots] > 0])]

    def restore(self, parts: list[bytes]) -> None:
        super().restore(parts[:2])
        self.waits, self._expected = True, parts[2] or None  # nothing where no record counts

    def solution_elsewhere(self, order: np.ndarray, labels: list[Any], version: int) -> bytes | None:
        if isinstance(self.rows, TreesElsewhere):
            return in_bytes(self.described(order)) if self.record_counts.any() else None
        return super().solution_elsewhere(order, labels, version)

    def restore_solution(self, solution: bytes) -> None:
        if self._expected is None:
            super().restore_solution(solution)
        else:
            self.rows = DescribedTrees(self._expected, described_in(solution, self.n_features))

    def check_form(self, labels: list[Any]) -> None:
        super().check_form(labels)
        self._weights, self._labels = self._class_weights(np.arange(len(labels)), labels), dict(enumerate(labels))

    # ------------------------------------------------------------------ whole states

    def _empty(self) -> Self:
        return type(self)(self.n_features, self.n_targets, self.growth, int(self.seed), self.report)

    def copy(self) -> Self:
        copied = super().copy()
        copied.waits, copied._expected, copied.part = True, self._expected, self.part
        copied._weights, copied._labels = self._weights.copy(), self._labels.copy()
        return copied

    def add(self, other: Statistic, other_slots: np.ndarray, slots: np.ndarray) -> None:
        super().add(other, other_slots, slots)
        self.begin()
        self.waits, self.trees, self._expected = True, None, None


def _hashes(trees: list[Tree]) -> bytes:
    return np.array([tree.hash for tree in trees], "<u8").tobytes()


def _check_size(n: int) -> None:
    if n > _MOST_RECORDS:
        raise TooLargeError(
            f"{n:,} records are more than the {_MOST_RECORDS:,} whose sums trees keep exactly. Nothing was changed: "
            "pass fewer records."
        )
