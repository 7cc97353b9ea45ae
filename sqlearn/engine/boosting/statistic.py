"""The statistic of boosted trees: the records, and a booster that follows them as long as its pilot stays."""

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple, Self

import numpy as np

from sqlearn.engine.boosting.booster import Booster, Design, check_memory
from sqlearn.engine.boosting.layout import FRACTION, Classes, Data
from sqlearn.engine.boosting.reading import Boosted
from sqlearn.engine.rounds import (
    MAX_HASH,
    KeptRecords,
    OneOfKept,
    Records,
    Rows,
    RowSource,
    from_bytes,
    to_bytes,
)
from sqlearn.engine.sums import UNFIT, Holder, Log, OneRecord, Statistic
from sqlearn.errors import FormatError

Report = Callable[[str], None]
Check = Callable[[], None]
Change = tuple[Records, int]  # records, sign


class BoostingReport(NamedTuple):
    """What the last update of boosted trees did.

    Attributes
    ----------
    in_pilot : int
        How many records came to the pilot or went from it; 0 where it was to be chosen anew before.
    rebuilt : bool
        Whether the trees are grown anew when they are read, as the pilot, the classes or the units of sums changed.
    seconds : float
        How long the update took.
    """

    in_pilot: int
    rebuilt: bool
    seconds: float


class _Way(NamedTuple):
    """The way back: the booster from before an update, the order of its classes, and what its sums have to undo."""

    booster: Booster | None
    order: np.ndarray
    changes: list[Change]
    last: BoostingReport | None


class Boosting(KeptRecords):
    """The records of boosted trees, and the booster.

    The booster is a function of the records, the design and the seed, and no part of the state: an update that leaves
    the pilot alone is added to its sums, and after any other one it is made anew when it is read.

    Attributes
    ----------
    booster : Booster or None
        None where it is to be made.
    last : BoostingReport or None
        What the last update did.
    """

    follows = True
    takes_missing = True

    def __init__(
        self, n_features: int, n_targets: int, design: Design, seed: int = 0, report: Report | None = None
    ) -> None:
        super().__init__(n_features, n_targets, seed, largest=sys.float_info.max)
        check_memory(1, design.n_trees)  # each has a leaf at least
        self.design = design
        self.report = report
        self.booster: Booster | None = None
        self.last: BoostingReport | None = None
        self._waits = False  # whether the booster is to be made when it is read
        self._order = np.zeros(0, np.int64)  # class slots, in the order of the booster's columns
        self._noted: list[Change] = []  # what came or went since the booster followed
        self._way: _Way | None = None  # back, which the booster has to go
        self._weights: dict[int, float] = {}  # of class slots
        self._labels: dict[int, Any] = {}  # of class slots
        if design.loss == "poisson":
            self.targets_within = 0.0, sys.float_info.max
        self._known: Boosted | None = None  # of records that are elsewhere

    # ------------------------------------------------------------------ changing

    @property
    def categorical(self) -> tuple[int, ...]:  # type: ignore[override]
        return self.design.categorical

    def fast_path(self, state: Holder) -> OneRecord | None:
        return None if self.design.categorical else _OneOfBoosting(state)  # categories are no numbers yet

    def _note(self, records: Records, places: np.ndarray, sign: float) -> None:
        self._noted.append((records, int(sign)))

    def refresh(self, order: np.ndarray, labels: list[Any], log: Log, check: Check = lambda: None) -> None:
        """Bring the booster up to date with what was deposited."""
        started = perf_counter()
        changes, self._noted = self._noted, []
        self.begin()
        booster, last = self.booster, self.last
        self.booster = self.last = self._known = None  # until the end: then nothing is half done
        self._name_slots(order, labels)
        if booster is None:
            log.note(partial(self._undo, _Way(None, self._order, [], last)))
            if not self._waits and isinstance(self.rows, Rows) and self.can_learn(order):
                self.booster, self._order = self._made(order, check), order.copy()
            elif self._waits:
                self.last = BoostingReport(0, True, perf_counter() - started)
            self._waits = True
            return
        in_pilot = sum(booster.in_pilot(records) for records, _ in changes)
        same = not in_pilot and np.array_equal(order, self._order) and self._is_of_classes(booster)
        if not same or not booster.takes(changes):
            log.note(partial(self._undo, _Way(booster, self._order, [], last)))
        elif self._follow(booster, changes):
            back = [(records, -sign) for records, sign in reversed(changes)]
            log.note(partial(self._undo, _Way(booster, self._order, back, last)))
        else:
            log.note(partial(self._undo, _Way(None, self._order, [], last)))
        self.last = BoostingReport(in_pilot, self.booster is None, perf_counter() - started)

    def _follow(self, booster: Booster, changes: list[Change]) -> bool:
        """Have a booster follow changes that it takes, and keep it; False where memory has ended."""
        with suppress(MemoryError):
            booster.follow(changes)
            self.booster = booster
            return True
        return False

    def _undo(self, way: _Way) -> None:
        """Have the booster follow back, once the records are as they were: in :meth:`prune`."""
        self.begin()
        self.booster, self._way = None, way

    def prune(self, temporary: bool = False) -> None:
        self._noted.clear()  # of an update that failed before the booster followed
        way, self._way = self._way, None
        if way is not None:
            self.last = way.last
            self._order = way.order  # a look inside `without` may have made a booster of fewer classes
            if way.booster is not None and way.booster.takes(way.changes):
                self._follow(way.booster, way.changes)
        if not temporary:
            self.compact()
        self.end()

    def _is_of_classes(self, booster: Booster) -> bool:
        """Whether classes, which may have taken over the slots of others, are to the booster what they were."""
        if self.n_targets:
            return True
        if self.design.chosen is not None:  # which is read by labels
            return [*booster.labels] == self._labels_of(self._order)
        known = booster.classes.weight
        return bool(all(known[slot] == self._weights[slot] for slot in self._order.tolist()))

    def _name_slots(self, order: np.ndarray, labels: list[Any]) -> None:
        """Take note of the labels of slots, and of their weights."""
        given = self.design.class_weight or {}
        named = dict(zip(order.tolist(), labels, strict=True))
        self._labels |= named
        self._weights |= {slot: given.get(label, 1.0) for slot, label in named.items()}

    def _labels_of(self, order: np.ndarray) -> list[Any]:
        return [] if self.n_targets else [self._labels[slot] for slot in order.tolist()]

    # ------------------------------------------------------------------ reading

    def can_learn(self, order: np.ndarray) -> bool:
        """Whether there is more than one class or, of targets, any record that counts."""
        return bool(self.record_counts.any() if self.n_targets else len(order) > 1)

    def current(self, order: np.ndarray, turn: int | None = None) -> Booster | None:
        """The booster of all records held; None where they are too few.

        `order` has the slots of classes, as they were at `turn`; None for now.
        """
        if not self.can_learn(order):
            return None
        turn = self.turn if turn is None else turn
        booster = self.booster
        if booster is None:
            booster = self._made(order)
            if isinstance(self.rows, Rows) and turn == self.turn and not turn & 1:  # others may change at any time
                self.booster, self._order = booster, order.copy()
        return booster

    def _made(self, order: np.ndarray, check: Check = lambda: None) -> Booster:
        """A booster of all records held."""
        n_classes = 0 if self.n_targets else len(order)
        if self.report is not None:
            self.report(f"growing {self.design.n_trees} trees, and summing over {self.record_counts.sum():,} records")
        order_labels = self._labels_of(order)
        return Booster(self.design, self._data(), self._classes(order), n_classes, self.seed, check, order_labels)

    def _data(self) -> Data:
        rows = self.rows
        if isinstance(rows, Rows):
            return Data(rows.x, rows.y, rows.w, rows.keyed)
        blocks = zip(*((b.x, b.y, b.w, b.hashes) for b in rows.blocks(MAX_HASH)), strict=True)
        return Data(*(np.concatenate(parts) for parts in blocks))

    def _classes(self, order: np.ndarray) -> Classes:
        if self.n_targets:
            return Classes(np.zeros(1, np.int64), np.ones(1))
        n_slots = max([len(self.record_counts), *(slot + 1 for slot in self._weights)])
        columns, weights = np.zeros(n_slots, np.int64), np.zeros(n_slots)
        columns[order] = np.arange(len(order))
        for slot in order.tolist():
            weights[slot] = self._weights[slot]
        return Classes(columns, weights)

    def answer(self, order: np.ndarray, turn: int | None = None) -> Boosted | None:
        """What is predicted by, None where the records are too few; see :meth:`current`."""
        if self._known is not None:
            return self._known
        booster = self.current(order, turn)
        if booster is None:
            return None
        values = booster.solution()
        bins = booster.bins
        return Boosted(
            booster.nodes,
            bins.edges,
            bins.n_edges,
            bins.equal.astype(np.int64),
            booster.start.base * 2.0**-FRACTION,
            values,
            booster.exponents[1],
        )

    def beside(self) -> dict[str, np.ndarray]:
        booster = self.booster
        if booster is None:
            return {}
        return {"gradients": booster.gradients, "Hessians": booster.hessians, "start": booster.start.values}

    # ------------------------------------------------------------------ whole states

    def _empty(self) -> Self:
        return type(self)(self.n_features, self.n_targets, self.design, int(self.seed), self.report)

    def copy(self) -> Self:
        copied = super().copy()
        copied._waits, copied._weights, copied._labels = True, self._weights.copy(), self._labels.copy()
        copied._known = self._known
        return copied

    def add(self, other: Statistic, other_slots: np.ndarray, slots: np.ndarray) -> None:
        super().add(other, other_slots, slots)
        self.begin()
        self._noted.clear()
        self.booster = self._known = None
        self._waits = True

    def solution_elsewhere(self, order: np.ndarray, labels: list[Any], version: int) -> bytes | None:
        if isinstance(self.rows, Rows) or not self.record_counts.any():
            return None
        return to_bytes(self.answer(order))

    def restore_solution(self, solution: bytes) -> None:
        self._known = from_bytes(solution)
        if not isinstance(self._known, Boosted | None):
            raise FormatError(UNFIT)

    def read_from(self, rows: RowSource) -> None:
        super().read_from(rows)
        self.booster = self._known = None

    def restore(self, parts: list[bytes]) -> None:
        super().restore(parts)
        self._waits = True

    def check_form(self, labels: list[Any]) -> None:
        super().check_form(labels)
        k = len(labels) if len(labels) > 2 else 1
        if self._known is not None and not self._known.is_whole(self.n_features, k):
            raise FormatError(UNFIT)
        self._name_slots(np.arange(len(labels)), labels)


class _OneOfBoosting(OneOfKept):
    """One kernel call for the record, and one for the sums."""

    def change(self, row: np.ndarray, y: Any, sign: float) -> bool:
        chosen = self.state.statistic.design.chosen
        if sign < 0 and chosen is not None and chosen.has_features(row):
            return False  # the general path may refuse it
        return super().change(row, y, sign)

    def _is_plain(self) -> bool:
        return True

    def _change_plain(self, row: np.ndarray, y: float, words: np.ndarray, slot: int, sign: float) -> bool:
        started = perf_counter()
        statistic: Boosting = self.state.statistic
        statistic.begin()
        booster, statistic.booster = statistic.booster, None  # so that what is interrupted here is made anew
        known = statistic.last, statistic._known
        statistic.last = statistic._known = None
        if not super()._change_plain(row, y, words, slot, sign):
            statistic.booster = booster
            statistic.last, statistic._known = known
            statistic.end()
            return False
        in_pilot = 0
        if booster is not None:
            record, target, weights, _, hashes, _ = self.one
            records = Records(record, target, weights, hashes)
            in_pilot, changes = booster.in_pilot(records), [(records, int(sign))]
            if not in_pilot and booster.takes(changes):
                statistic._follow(booster, changes)
        statistic.last = BoostingReport(in_pilot, statistic.booster is None, perf_counter() - started)
        statistic.end()
        return True
