"""Rounds behind steps of a chain, whose means and scales lie on a grid: what the steps make of records, row by row."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sqlearn.engine.chains.margins import Margins
from sqlearn.engine.chains.steady import Watch
from sqlearn.engine.kernels import fma, kernel
from sqlearn.engine.ordered import Ordered
from sqlearn.engine.readout import LinearMap
from sqlearn.engine.rounds import Rounds, StandardUnits
from sqlearn.engine.sums import UNFIT
from sqlearn.engine.tables import TableRounds
from sqlearn.errors import FormatError, UndefinedAttributeError

_WHOLE = np.zeros(1, np.int64)


@kernel
def _encode(x, variables, centre, centre_rest, starts, columns, factor, factor_rest, gaps, level_columns, level_values,
            level_starts, out):  # fmt: skip
    """Write what linear maps make of records.

    Each column of `out` is the centre, unless one number or level says otherwise: number j makes ``factor * x +
    centre`` of the columns from starts[j] on, and `gaps` where it is missing; a level adds its values.
    """
    for r in range(len(out)):
        for k in range(out.shape[1]):
            out[r, k] = centre[k] + centre_rest[k]
        for j in range(x.shape[1]):
            value = x[r, j]
            for a in range(starts[j], starts[j + 1]):
                k = columns[a]
                if math.isnan(value):
                    out[r, k] = gaps[a]
                    continue
                high = value * factor[a]
                if math.isinf(high):
                    out[r, k] = high
                    continue
                low = fma(value, factor[a], -high) + value * factor_rest[a] + centre_rest[k]
                total = high + centre[k]
                part = total - high
                out[r, k] = total + (((high - (total - part)) + (centre[k] - part)) + low)
        for j in range(variables.shape[1]):
            level = variables[r, j]
            if level >= 0:
                for a in range(level_starts[level], level_starts[level + 1]):
                    k = level_columns[a]
                    out[r, k] = centre[k] + (centre_rest[k] + level_values[a])


class Encoder:
    """What a chain's steps make of records: a linear map of their variables, each column of one input column.

    Parameters
    ----------
    forms : LinearMap
        The map, of variables in the order of :class:`~sqlearn.engine.chains.margins.Margins`.
    d : int
        Number of numbers.
    absent : list of int
        Those that are missing somewhere.
    labels : list of (int, category)
        The levels held, sorted.
    """

    def __init__(self, forms: LinearMap, d: int, absent: list[int], labels: list[tuple[int, Any]]) -> None:
        self.n_columns, self.absent, self.labels = len(forms), absent, labels
        self.variables = {label: k for k, label in enumerate(labels)}
        gap_of = {1 + d + k: j for k, j in enumerate(absent)}
        first_level = 1 + d + len(absent)
        centre, rest = np.zeros(len(forms)), np.zeros(len(forms))
        numbers: list[list[tuple[float, ...]]] = [[] for _ in range(d)]
        levels: list[list[tuple[int, float]]] = [[] for _ in labels]
        terms = list(zip(forms.sources.tolist(), forms.hi.tolist(), forms.lo.tolist(), strict=True))
        for k, (start, stop) in enumerate(zip(forms.starts[:-1].tolist(), forms.starts[1:].tolist(), strict=True)):
            of_number: dict[int, tuple[float, float]] = {}
            gaps: dict[int, tuple[float, float]] = {}
            for source, high, low in terms[start:stop]:
                if source == 0:
                    centre[k], rest[k] = high, low
                elif source <= d:
                    of_number[source - 1] = high, low
                elif source < first_level:
                    gaps[gap_of[source]] = high, low
                else:
                    levels[source - first_level].append((k, high + low))
            for j in {**of_number, **gaps}:
                gap = math.fsum([centre[k], rest[k], *gaps.get(j, ())])
                numbers[j].append((k, *of_number.get(j, (0.0, 0.0)), gap))
        flat = [term for own in numbers for term in own]
        level_terms = [term for own in levels for term in own]
        self._arrays = (
            centre, rest, _starts(numbers), np.array([term[0] for term in flat], np.int64),
            *(np.array([term[i] for term in flat], np.float64) for i in (1, 2, 3)),
            np.array([k for k, _ in level_terms], np.int64), np.array([value for _, value in level_terms], np.float64),
            _starts(levels),
        )  # fmt: skip

    def encode(self, x: np.ndarray, variables: np.ndarray) -> np.ndarray:
        """Encoded records, float64[n, n_columns], of numbers, and of indices of levels, int64[n, c], -1 for none."""
        out = np.empty((len(x), self.n_columns))
        _encode(np.ascontiguousarray(x), np.ascontiguousarray(variables), *self._arrays, out)
        return out


class Encoding(Encoder):
    """An encoder that one record seldom changes, in front of rounds.

    Parameters
    ----------
    forms, d, absent, labels
        As of :class:`Encoder`.
    watch : Watch
        While it holds, the map of the same variables is this one.
    exact : bool[n_columns] or None
        The columns that the learner sees standardized exactly; None where it sees all as they are.
    shown : object, default=None
        What users see of it. It is made with the map, of the same sums: what a reader made could be of an update's
        middle, and would stay.
    """

    def __init__(
        self, forms: LinearMap, d: int, absent: list[int], labels: list[tuple[int, Any]], watch: Watch,
        exact: np.ndarray | None, shown: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(forms, d, absent, labels)
        self.forms, self.watch, self.exact, self.shown = forms, watch, exact, shown
        names = json.dumps([absent, labels, len(forms), None if exact is None else exact.tolist()]).encode()
        arrays = forms.starts, forms.sources, forms.hi, forms.lo
        self._key = b"".join([names, *(array.tobytes() for array in arrays)])

    def key(self) -> bytes:
        """Bytes that are equal for equal encodings."""
        return self._key

    def is_of(self, absent: list[int], labels: list[tuple[int, Any]], margins: Margins) -> bool:
        """Whether it is that of records with these margins, as far as can be told without making that."""
        return absent == self.absent and labels == self.labels and self.watch.holds(margins)


def _starts(lists: list[Any]) -> np.ndarray:
    return np.append(0, np.cumsum([len(own) for own in lists])).astype(np.int64)


class EncodedRounds(TableRounds):
    """The records of a table, and the rounds over what a chain's steps make of them.

    Parameters
    ----------
    n_features, n_targets : int
        Numbers and targets of a record.
    n_categorical : int
        Categorical columns.
    rounds : callable
        Makes empty :class:`~sqlearn.engine.rounds.statistic.Rounds` for so many encoded columns, seen in these `units`.
    read : callable
        From the margins of the records to the map that the steps make, in which one record seldom changes anything,
        what watches that, the columns that are seen standardized exactly, and what users see of it.
    seed : int
        Seed of the rows' keyed hashes.
    by_class : bool, default=False
        Whether the margins of each class are wanted as well.
    revision : int, default=1
        States of an earlier one are evaluated anew.
    """

    encoder: Encoding | None

    def __init__(
        self,
        n_features: int,
        n_targets: int,
        n_categorical: int,
        rounds: Callable[..., Rounds],
        read: Callable[[Margins], tuple[LinearMap, Watch, np.ndarray | None, Any]],
        seed: int,
        *,
        by_class: bool = False,
        revision: int = 1,
    ) -> None:
        super().__init__(n_features, n_targets, n_categorical, rounds, seed, revision)
        self.read, self.by_class = read, by_class

    def _given(self) -> dict[str, Any]:
        """What its constructor takes by name alone."""
        return {"by_class": self.by_class, "revision": self.revision}

    def _empty(self):
        given = self.n_features, self.n_targets, self.n_categorical, self.rounds, self.read, self.seed
        return type(self)(*given, **self._given())

    def margins(self, slots: np.ndarray | None = None) -> Margins:
        """The moments of the records held, column by column; `slots` are the classes, in an order of the caller's."""
        return self._margins(self._held_labels(), slots)

    def _ordered(self) -> tuple[Ordered | None, Sequence[int]]:
        """Values in order, and of which numbers they are."""
        return None, ()

    def _margins(self, labels: list[tuple[int, Any]], slots: np.ndarray | None = None) -> Margins:
        if slots is None:
            slots = np.flatnonzero(self.record_counts)
        classes = slots if self.by_class else None
        return Margins.of_table(self.sums, labels, self.n_categorical, *self._ordered(), classes)

    def _read_encoder(self):
        labels = self._held_labels()
        margins = self._margins(labels)
        absent = [j for j, column in enumerate(margins.columns[: self.n_features]) if column.missing is not None]
        if self.encoder is not None and self.encoder.is_of(absent, labels, margins):
            return self.encoder
        try:
            forms, watch, exact, shown = self.read(margins)
        except UndefinedAttributeError:  # a legal state: whoever reads the steps is told
            return None
        if not len(forms):
            return None
        return Encoding(forms, self.n_features, absent, labels, watch, exact, shown)

    def _rounds_over(self, encoder):
        exact = encoder.exact
        inner = self.rounds(encoder.n_columns, units=None if exact is None else StandardUnits(exact, exact))
        return self._begun(inner, encoder)

    def columns_of(self, encoder):
        """The index of each slot's level, int64[capacity], -1 for those of no record."""
        found = np.full(self._vocabulary.capacity, -1, np.int64)
        for label, slot in self._vocabulary.slots.items():
            found[slot] = encoder.variables.get(label, -1)
        return found

    def encoded(self, encoder, columns, records):
        x, codes = np.split(records.x, [self.n_features], axis=1)
        return replace(records, x=encoder.encode(x, columns[codes.astype(np.int64)]))


class RankedRounds(EncodedRounds):
    """The same, and ordered multisets of the values of some numbers, over all classes.

    Parameters
    ----------
    ranked : sequence of int
        The numbers whose values are kept in order.

    Attributes
    ----------
    order : Ordered
        Their values, in one slot.
    """

    def __init__(self, *args: Any, ranked: Sequence[int], **given: Any) -> None:
        super().__init__(*args, **given)
        self.ranked = list(ranked)
        self.order = Ordered(len(self.ranked), 0)
        self.order.resize(1)
        self._rest: list[bytes] | None = None  # of a state that is being restored

    def _given(self):
        return super()._given() | {"ranked": self.ranked}

    def _ordered(self):
        return self.order, self.ranked

    def _change(self, block, sign, log):
        super()._change(block, sign, log)
        columns = np.ascontiguousarray(block.x[:, self.ranked])
        self.order.deposit(replace(block, x=columns, slots=np.zeros(len(block), np.int64)), sign, log)

    def memory_for(self, x, slots):
        return self.order.memory_for(x[:, self.ranked], 1)

    def refresh(self, order, labels, log, check=lambda: None):
        self.order.settle()
        super().refresh(order, labels, log, check)

    def prune(self, temporary=False):
        super().prune(temporary)
        self.order.prune(temporary)

    def copy(self):
        copied = super().copy()
        copied.order = self.order.copy()
        return copied

    def canonical(self, slots):
        return [*self.order.canonical(_WHOLE), *super().canonical(slots)]

    def canonical_values(self, slots):
        return self.order.canonical_values(_WHOLE)

    def restore(self, parts):
        n = self.order.n_parts
        self.order.restore(parts[:n])
        self._rest = parts[n:]  # the encoding is read from the values

    def restore_values(self, data):
        self.order.restore_values(data)
        parts, self._rest = self._rest, None
        if parts is None:
            raise FormatError(UNFIT)
        super().restore(parts)

    def check_form(self, labels):
        if self._rest is not None or self.order.n_features != len(self.ranked):
            raise FormatError(UNFIT)
        self.order.check_form([None])
        super().check_form(labels)
        if self.order.record_counts.tolist() != [self.record_counts.sum()]:
            raise FormatError(UNFIT)
