"""A booster: a structure that a pilot gives, and exact sums over all records, from which its leaves follow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from threading import RLock
from typing import Any

import numpy as np

from sqlearn.engine.arithmetic import log
from sqlearn.engine.boosting.binning import bin_records, find_bins
from sqlearn.engine.boosting.design import Chosen, Design, Pilot
from sqlearn.engine.boosting.growth import Chain, grow_chain
from sqlearn.engine.boosting.layout import (
    FRACTION,
    LOGISTIC,
    MOST_BINS,
    POISSON,
    SQUARED,
    Bins,
    Classes,
    Data,
    Start,
    Trees,
)
from sqlearn.engine.boosting.leaves import masks_of
from sqlearn.engine.boosting.reading import Nodes, nodes_of
from sqlearn.engine.boosting.sums import add_record, add_records, catch_up
from sqlearn.engine.boosting.units import Octaves, scaled, units_of
from sqlearn.engine.rounds import MAX_HASH, Records
from sqlearn.engine.solvers import FewRecords, NormalSystem, merged
from sqlearn.engine.sums import installed
from sqlearn.errors import TooLargeError

_GRID = -24  # leaves are rounded to multiples of 2 to this
_THRESHOLDS = 2  # of a feature that are tried at a node
_LEAST_MEAN = 2.0**-30  # of Poisson targets, in units of the largest one
_AT_ONCE = 262144  # records that Ctrl-C waits for
_FEW = 64  # records that are added or subtracted one by one
_MOST_WAITING = 512  # records
_FEWER = 1.0  # records by column, with at most so many of which Hessians are not written out
_MOST_RIDGE = 2.0**46  # in units of second derivatives

Check = Callable[[], None]


class Booster:
    """The structure and the sums of some records.

    Parameters
    ----------
    design : Design
        What users set.
    data : Data
        All records.
    classes : Classes
        Columns and weights of class slots.
    n_classes : int
        Number of classes; 0 for targets.
    seed : uint64
        Seed of the thresholds that are tried.
    check : callable
        Called now and then; it may raise.
    labels : sequence
        The classes by their columns; a pilot that users choose is read by them.

    Attributes
    ----------
    gradients : int64[K, p]
        The sums of gradients.
    limit : int
        Records whose keyed hash is at most this are in the pilot; -1 where users choose it.
    """

    def __init__(
        self,
        design: Design,
        data: Data,
        classes: Classes,
        n_classes: int,
        seed: np.uint64,
        check: Check = lambda: None,
        labels: Sequence[Any] = (),
    ) -> None:
        self.design, self.classes, self.n_classes, self._seed = design, classes, n_classes, seed
        self.labels = labels
        self.loss = design.loss_of(n_classes)
        self._has_targets = not n_classes
        self.octaves = Octaves(self.loss, float(classes.weight.max()) if n_classes else 1.0)
        self.octaves.count(data.w, data.y, 1)
        chosen = None if design.chosen is None else self._of_chosen(design.chosen.of_classes(labels))
        self._least_exponent = None if chosen is None else chosen.exponents[1]
        self.exponents = self._exponents_now()
        class_octave = self.octaves.class_octave
        self._in_units = classes._replace(weight=np.ldexp(classes.weight, -class_octave))  # as kernels take them
        places = np.flatnonzero(data.w > 0)
        self.n = len(places)
        self._octave = self.n.bit_length()
        self.halvings = design.halvings_of(self.n)
        self.units = units_of(self.n, self.exponents, class_octave, self.halvings)
        k, t = n_classes if n_classes > 2 else 1, design.n_trees
        check_memory(k, t)  # before any tree grows: each has a leaf at least
        self.limit = -1 if chosen is not None else MAX_HASH
        pilot = chosen if chosen is not None else self._of_records(data, places)
        self.bins, self.trees, base = self._structure(pilot)
        check()
        self.masks = masks_of(self.trees)
        self.start = self._in_units_of_sums(self._started(base), pilot.exponents[1])
        if chosen is not None and n_classes:
            self.start = self._without_strangers(self.start, np.bincount(pilot.y.astype(np.int64), minlength=n_classes))
        k, p = self.start.values.shape
        check_memory(k, p)
        self._turn = RLock()  # of updates, and of reads, which correct factors
        self._most_few = int(p * _FEWER)
        self.gradients = np.zeros((k, p), np.int64)
        self._hessians = np.zeros((0, p, p))  # written out for each output, or for none while records are few:
        self._waiting = self._room_for(self._most_few + _MOST_WAITING)  # then all of them wait to be added
        if self.n > self._most_few:
            self._write_out()
        self._add(data, places, 1, check)

    def _of_records(self, data: Data, places: np.ndarray) -> Pilot:
        """The pilot: of the records at these places those of lowest hash."""
        m = self.design.pilot_of(self.n)
        if m < self.n:
            places = places[np.argpartition(data.keyed[places], m - 1)[:m]]
            self.limit = int(data.keyed[places].max())
        y, mass = data.y[places], data.w[places] * self.units.weight
        if self._has_targets:
            y = y * self.units.target
        else:
            slots = y.astype(np.int64)
            y, mass = self._in_units.column[slots].astype(np.float64), mass * self._in_units.weight[slots]
        return Pilot(data.x[places], y, mass, self.exponents)

    def _of_chosen(self, chosen: Chosen) -> Pilot:
        """The pilot that users choose, in units of its own: then the structure does not depend on the records held."""
        given, octaves = self.design.class_weight or {}, Octaves(self.loss, 1.0)
        octaves.count(chosen.w, chosen.y, 1)
        weight, target = octaves.exponents
        mass, y = np.ldexp(chosen.w, -weight), chosen.y
        if self._has_targets:
            return Pilot(chosen.x, np.ldexp(y, -target), mass, (weight, target))
        of_classes = np.array([given.get(label, 1.0) for label in chosen.labels])
        octave = Octaves(self.loss, float(of_classes.max())).class_octave
        mass = mass * np.ldexp(of_classes, -octave)[y.astype(np.int64)]
        return Pilot(chosen.x, y, mass, (weight + octave, 0))

    def _exponents_now(self) -> tuple[int, int]:
        """Those of the units: what the pilot predicts must not leave the range of sums either."""
        weight, target = self.octaves.exponents
        return weight, target if self._least_exponent is None else max(target, self._least_exponent)

    def _in_units_of_sums(self, start: Start, exponent: int) -> Start:
        """What a pilot gives in units of targets of 2 to an exponent, in those of the sums."""
        shift = self.exponents[1] - exponent
        if not shift:
            return start
        if self.loss == POISSON:
            ratio = math.floor(shift * log(2.0) * 2.0**FRACTION + 0.5)
            return start._replace(base=start.base - ratio)
        return start._replace(base=_halved(start.base, shift), values=_halved(start.values, shift))

    def _without_strangers(self, start: Start, counts: np.ndarray) -> Start:
        """What a pilot that users choose gives, in which some classes may have no record.

        The chain only knows that such a class is rare, and where it is rare second derivatives are small: a step from
        there would go too far. So these classes start at the mean of the others, wherever a record is.
        """
        known = counts > 0
        if known.all():
            return start
        base, values = start.base.copy(), start.values.copy()
        if self.loss == LOGISTIC:
            base[:], values[:] = 0, 0
        else:
            base[~known], values[~known] = int(base[known].sum()) // max(1, int(known.sum())), 0
        return Start(base, values, start.columns)

    def _structure(self, pilot: Pilot) -> tuple[Bins, Trees, np.ndarray]:
        """Bins, trees and what is predicted before them."""
        design, (x, y, mass, exponents) = self.design, pilot
        equal = np.zeros(x.shape[1], np.uint8)
        equal[list(design.categorical)] = 1
        bins = find_bins(x, equal, design.most_bins)
        codes = np.empty((x.shape[1], len(x)), np.uint8)
        bin_records(x, np.arange(len(x)), bins, codes)
        self._counts = np.array([np.bincount(of_feature, minlength=MOST_BINS) for of_feature in codes])
        base = np.floor(self._base(y, mass) * 2.0**FRACTION + 0.5).astype(np.int64)
        l2 = self._in_curvature(design.l2, exponents) if len(x) else 1.0  # of no records, whatever it is
        chain = Chain(
            self.loss,
            design.n_trees,
            design.n_leaves,
            design.max_depth,
            design.min_leaf,
            design.learning_rate,
            l2,
            _THRESHOLDS,
            self._seed,
        )
        return bins, grow_chain(codes.T.copy(), y, mass, bins, chain, base), base

    def _in_curvature(self, value: float, exponents: tuple[int, int], exponent: int = 0) -> float:
        """What is added to second derivatives as they are, for those in units, times 2 to an exponent."""
        of_targets = exponents[1] if self.loss == POISSON else 0
        return scaled(value, exponent - exponents[0] - of_targets)

    def _base(self, y: np.ndarray, mass: np.ndarray) -> np.ndarray:
        """What is predicted before any tree; classes are counted as if each had half a record more."""
        total = math.fsum(mass.tolist())
        if self._has_targets:
            mean = math.fsum((mass * y).tolist()) / total if total else 0.0
            return np.array([mean if self.loss == SQUARED else log(max(mean, _LEAST_MEAN))])
        half = total / (2 * len(y)) if len(y) else 1.0
        counts = [math.fsum(mass[y == column].tolist()) + half for column in range(self.n_classes)]
        if self.loss == LOGISTIC:
            return np.array([log(counts[1]) - log(counts[0])])
        return np.array([log(count) for count in counts]) - log(math.fsum(counts))

    def _started(self, base: np.ndarray) -> Start:
        trees, bins, t, k_most = self.trees, self.bins, self.design.n_trees, len(base)
        columns = np.zeros((k_most, t + len(bins.n_edges) + 1), np.int64)
        columns[:, 1 : t + 1] = trees.n_leaves.reshape(k_most, t).cumsum(axis=1)
        columns[:, t + 1 :] = columns[:, t : t + 1] + bins.starts[1:]
        values = np.zeros((k_most, columns[:, -1].max()), np.int64)
        shrunk = np.floor(trees.values * self.design.shrinkage + 0.5).astype(np.int64)
        for i, n in enumerate(trees.n_leaves):
            first = columns[i // t, i % t]
            values[i // t, first : first + n] = shrunk[i, :n]
        return Start(base, values, columns)

    # ------------------------------------------------------------------ changing

    def _add(self, data: Data, places: np.ndarray, sign: int, check: Check = lambda: None) -> None:
        """Add (1) or subtract (-1) the records at some places."""
        if self._are_few and not self._has_room(len(places)):
            self._write_out()
        for first in range(0, len(places), _AT_ONCE):
            check()
            add_records(
                data, places[first : first + _AT_ONCE], sign, self.loss, self.bins, self.masks, self.start,
                self._in_units, self.units, self._has_targets, self.gradients, self._hessians, *self._waiting,
            )  # fmt: skip

    def in_pilot(self, records: Records) -> int:
        """How many of these records are in the pilot, or would be."""
        if self.limit < 0:
            return 0
        return int(np.count_nonzero((records.hashes <= np.uint64(self.limit)) & (records.w > 0)))

    def takes(self, changes: list[tuple[Records, int]]) -> bool:
        """Count records that come (1) or go (-1), none of which is in the pilot, if structure and units stay.

        False, and nothing is counted, where the number of records, or their weights or targets, ask for others.
        """
        with self._turn:
            self._count(changes, 1)
            if self.n.bit_length() == self._octave and self._exponents_now() == self.exponents:
                return True
            self._count(changes, -1)
        return False

    def _count(self, changes: list[tuple[Records, int]], way: int) -> None:
        for records, sign in changes:
            self.n += way * sign * int(np.count_nonzero(records.w > 0))
            self.octaves.count(records.w, records.y, way * sign)

    def follow(self, changes: list[tuple[Records, int]]) -> None:
        """Add or subtract records that were counted."""
        with self._turn:
            for records, sign in changes:
                counts = records.w > 0
                if not counts.all():
                    records = records.take(counts)
                data = Data(records.x, records.y, records.w, records.hashes)
                if len(data.w) > _FEW:
                    self._add(data, np.arange(len(data.w)), sign)
                    vars(self).pop("systems", None)
                    continue
                for i in range(len(data.w)):
                    self._change_one(data, i, sign)

    def _change_one(self, data: Data, i: int, sign: int) -> None:
        """Add or subtract one record."""
        if not self._has_room(1):
            if self._are_few:
                self._write_out()
            self._catch_up()
        room = self._room
        asked = add_record(
            data, i, sign, self.loss, self.bins, self.masks, self.start, self._in_units, self.units, self._has_targets,
            self.gradients, *self._waiting, room,
        )  # fmt: skip
        if not asked:
            return
        if "systems" in vars(self):
            _, columns, _, _, h, _, _ = room
            for system, of_output, amount in zip(self.systems, columns, h.tolist(), strict=True):
                system.changed(of_output, float(amount))

    @property
    def _are_few(self) -> bool:
        """Whether the Hessians are not written out."""
        return not len(self._hessians)

    def _catch_up(self) -> None:
        """Add to the Hessians what waits: many records at once touch less memory than each on its own."""
        if not self._are_few:
            catch_up(self.start.columns, *self._waiting, self._hessians)

    def _room_for(self, n: int) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        """Room for records: their places in each block of columns, and second derivatives; and their number, 0."""
        k, n_blocks = len(self.start.base), self.start.columns.shape[1] - 1
        return (np.empty((k, n_blocks, n), np.uint8), np.empty((k, n), np.int64)), np.zeros(1, np.int64)

    def _has_room(self, n: int) -> bool:
        """Whether so many more records can wait; where records are few, those that went make room."""
        (asked, curvatures), count = self._waiting
        most = curvatures.shape[1]
        if count[0] + n <= most:
            return True
        if not self._are_few:
            return False
        k, n_blocks, _ = asked.shape
        at, amounts = merged(asked[:, :, : count[0]].reshape(k * n_blocks, -1), curvatures[:, : count[0]])
        if amounts.shape[1] > self._most_few or amounts.shape[1] + n > most:
            return False
        waiting = self._room_for(most)
        waiting[0][0][:, :, : amounts.shape[1]] = at.reshape(k, n_blocks, -1)
        waiting[0][1][:, : amounts.shape[1]] = amounts
        waiting[1][0] = amounts.shape[1]
        self._waiting = waiting
        vars(self).pop("systems", None)
        return True

    def _write_out(self) -> None:
        """Write the Hessians out, since records are no longer few."""
        hessians = self._written_out()
        self._waiting, self._hessians = self._room_for(_MOST_WAITING), hessians
        vars(self).pop("systems", None)

    def _written_out(self) -> np.ndarray:
        """The sum of second derivatives of the records that wait."""
        k, p = self.start.values.shape
        hessians, (waiting, count) = np.zeros((k, p, p)), self._waiting
        catch_up(self.start.columns, waiting, count.copy(), hessians)
        return hessians

    @cached_property
    def _room(self) -> tuple[np.ndarray, ...]:
        d, k = len(self.bins.n_edges), len(self.start.base)
        found = np.empty((k, self.start.columns.shape[1] - 1), np.int64)
        return np.empty(d, np.uint8), found, *(np.empty(k, np.int64) for _ in range(3)), np.empty(k), np.empty(k)

    # ------------------------------------------------------------------ reading

    @property
    def hessians(self) -> np.ndarray:
        """The sums of second derivatives, float64[K, p, p]; of each the lower triangle."""
        with self._turn:
            if self._are_few:
                return self._written_out()
            self._catch_up()
            return self._hessians

    @cached_property
    def nodes(self) -> Nodes:
        """The trees, as scikit-learn walks them."""
        return nodes_of(self.bins, self.trees, self.start.columns, self._counts)

    @cached_property
    def systems(self) -> list[NormalSystem]:
        """The equations of each output, with the factors that are kept."""
        ridge = self._in_curvature(self.design.ridge, self.exponents, _exponent(self.units.curvature) - self.halvings)
        ridge = min(max(float(np.rint(ridge)), 1.0), _MOST_RIDGE)
        if not self._are_few:
            return [NormalSystem(hessian, ridge) for hessian in self._hessians]
        (asked, curvatures), count = self._waiting
        p, outputs = self.gradients.shape[1], zip(self.start.columns, asked, curvatures, strict=True)
        return [NormalSystem(FewRecords(p, *of_output, count), ridge) for of_output in outputs]

    def solution(self) -> np.ndarray:
        """What each column adds to predictions, float64[K, p]: the start, and a Newton step over all records."""
        exponent = _exponent(self.units.gradient) - _exponent(self.units.curvature) + self.halvings + _GRID
        with self._turn:
            self._catch_up()
            pairs = zip(self.systems, self.gradients, strict=True)
            steps = [system.solution(gradient, exponent) for system, gradient in pairs]
        return self.start.values * 2.0**-FRACTION + np.array(steps) * 2.0**_GRID


def check_memory(k: int, p: int) -> None:
    """Refuse p columns of k outputs, whose sums and factors memory cannot hold."""
    needed = 16 * k * p * p
    if needed > installed() // 2:
        raise TooLargeError(
            f"{p:,} leaves and bins have a sum for each two of them. These sums, and their factor, would take "
            f"{needed / 1e9:,.1f} GB or more, and this machine has {installed() / 1e9:,.0f} GB. Nothing was changed: "
            "use fewer trees (max_iter), leaves (max_leaf_nodes) or bins (max_bins)."
        )


def _exponent(power: float) -> int:
    """The exponent of a power of two."""
    return math.frexp(power)[1] - 1


def _halved(values: np.ndarray, n: int) -> np.ndarray:
    """Integers divided by 2 to the n, n >= 1, rounded."""
    if n > 62:
        return np.zeros_like(values)
    halved: np.ndarray = (values + (np.int64(1) << (n - 1))) >> n
    return halved
