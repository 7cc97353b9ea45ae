"""Order statistics in a chain: the values of columns beside the sums, and the same columns as later steps see them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from sqlearn.engine.ordered import Ordered
from sqlearn.engine.sums import Gram, Joint, Statistic
from sqlearn.engine.tables import TableGram


class Ranked(Joint):
    """Sums of all columns, and ordered multisets of the values of some, over all classes.

    Parameters
    ----------
    sums : Gram or TableGram
        The sums.
    ranked : list of int
        The numbers whose values are kept in order.

    Attributes
    ----------
    order : Ordered
        Their values, in one slot.
    """

    def __init__(self, sums: Gram | TableGram, ranked: Sequence[int]):
        self.sums, self.ranked = sums, list(ranked)
        self.n_features, self.n_targets = sums.n_features, sums.n_targets
        self.order = Ordered(len(self.ranked), 0)
        self.order.resize(1)

    @property
    def members(self) -> tuple[Statistic, ...]:
        return self.sums, self.order

    @property
    def n_parts(self) -> int:  # type: ignore[override]
        return self.sums.n_parts + self.order.n_parts

    @property
    def total(self):  # type: ignore[override]
        return self.sums.total

    def blocks(self, block):
        columns = np.ascontiguousarray(block.x[:, self.ranked])
        return block, replace(block, x=columns, slots=np.zeros(len(block), np.int64))

    def encode(self, codes, levels):
        return self.sums.encode(codes, levels)

    def first_missing(self, block):
        missing = self.sums.first_missing(block)
        return missing if missing >= 0 else self.order.first_missing(self.blocks(block)[1])

    def resize(self, n_slots):
        self.sums.resize(n_slots)

    def memory_for(self, x, slots):
        return self.order.memory_for(x[:, self.ranked], 1)

    def trim(self):
        self.sums.trim()

    def refresh(self, order, labels, log, check=lambda: None):
        self.order.settle()

    def add(self, other, other_slots, slots):
        self.sums.add(other.sums, other_slots, slots)
        self.order.add(other.order, np.zeros(1, np.int64), np.zeros(1, np.int64))

    def canonical(self, slots):
        return [*self.sums.canonical(slots), *self.order.canonical(np.zeros(1, np.int64))]

    def canonical_values(self, slots):
        return self.order.canonical_values(np.zeros(1, np.int64))

    def restore_values(self, data):
        self.order.restore_values(data)

    def restore(self, parts):
        self.sums.restore(parts[: -self.order.n_parts])
        self.order.restore(parts[-self.order.n_parts :])

    def check_form(self, labels):
        self.sums.check_form(labels)
        self.order.check_form([None])

    def columns(self) -> list["Values | None"]:
        """The values of each number, in order; None for those whose values are not kept."""
        return ordered_columns(self.order, self.ranked, self.n_features)


def ordered_columns(order: Ordered, ranked: Sequence[int], n: int) -> "list[Values | None]":
    """The values of each of n numbers, of which those of `ranked` are kept in order; None for the others."""
    found: list[Values | None] = [None] * n
    for k, column in enumerate(ranked):
        found[column] = Values.of(order, k)
    return found


class Values:
    """The values of a column in their order.

    Attributes
    ----------
    size : int
        How many there are.
    missing : int
        How many are missing.
    select : callable
        Of ascending ranks, int64[n]: the values.
    most_frequent : callable
        The most frequent value.
    below : callable
        How many are less than a value.
    again : callable
        Of :class:`Ordered` columns in another state: what these would be then. It holds nothing of the present state.
    """

    def __init__(
        self, size: int, missing: int, select: Callable[[np.ndarray], np.ndarray], most_frequent: Callable[[], float],
        below: Callable[[float], int] | None, again: "Callable[[Ordered], Values]",
    ):  # fmt: skip
        self.size, self.missing, self.select, self.most_frequent = size, missing, select, most_frequent
        self.below, self.again = below or self._searched, again

    @classmethod
    def of(cls, order: Ordered, feature: int) -> "Values":
        """Those that are kept of a feature, in slot 0."""
        order.settle()
        zeros, lists = order.zeros(0, feature), order.ordered
        missing = int(lists.missing[feature])
        return cls(
            int(order.record_counts[0]) - missing,
            missing,
            lambda ranks: lists.select(feature, zeros, ranks),
            lambda: lists.most_frequent(feature, zeros),
            lambda value: lists.below(feature, value) + (zeros if value > 0.0 else 0),
            partial(cls.of, feature=feature),
        )

    def through(self, function: Callable[[np.ndarray], np.ndarray]) -> "Values":
        """The values of an increasing function of these."""

        def mode() -> float:
            return float(function(np.array([self.most_frequent()]))[0])

        return Values(
            self.size, self.missing, lambda ranks: function(self.select(ranks)), mode, None,
            partial(_again, self.again, partial(Values.through, function=function)),
        )  # fmt: skip

    def filled(self, value: float) -> "Values":
        """These, and as often as one is missing, `value`."""
        again = partial(_again, self.again, partial(Values.filled, value=value))
        if not self.missing:
            return Values(self.size, 0, self.select, self.most_frequent, self.below, again)
        below = self.below(value)

        def select(ranks: np.ndarray) -> np.ndarray:
            found = np.full(len(ranks), value)
            for chosen, shift in ((ranks < below, 0), (ranks >= below + self.missing, self.missing)):
                if chosen.any():
                    found[chosen] = self.select(ranks[chosen] - shift)
            return found

        def mode() -> float:
            other = self.most_frequent()
            filled, held = self._number(value) + self.missing, self._number(other) if self.size else 0
            return other if held > filled or (held == filled and other < value) else value

        def fewer(bound: float) -> int:
            return self.below(bound) + (self.missing if value < bound else 0)

        return Values(self.size + self.missing, 0, select, mode, fewer, again)

    def indicator(self) -> "Values":
        """1 as often as one is missing, and 0 for each of these."""

        def select(ranks: np.ndarray) -> np.ndarray:
            return (ranks >= self.size).astype(np.float64)

        return Values(
            self.size + self.missing, 0, select, lambda: float(self.missing > self.size), None,
            partial(_again, self.again, Values.indicator),
        )  # fmt: skip

    def _number(self, value: float) -> int:
        """How many are this value."""
        return self.below(math.nextafter(value, math.inf)) - self.below(value)

    def _searched(self, value: float) -> int:
        """How many are less than this."""
        low, high = 0, self.size
        while low < high:
            middle = (low + high) // 2
            if self.select(np.array([middle]))[0] < value:
                low = middle + 1
            else:
                high = middle
        return low


def _again(before: Callable[[Ordered], Values], function: Callable[[Values], Values], order: Ordered) -> Values:
    return function(before(order))


class FixedOrder(Ordered):
    """Ordered columns that are kept elsewhere, for a read-out to look at."""

    def __init__(self, columns: Sequence[Values], n_records: int):
        self.n_features, self.n_targets, self.takes_missing = len(columns), 0, True
        self.record_counts = np.array([n_records], np.int64)
        self.ordered: Any = _Lists(columns)
        self._pending = []

    def zeros(self, slot: int, feature: int) -> int:
        return 0

    def settle(self) -> None:
        """Nothing waits."""


class _Lists:
    """What :class:`FixedOrder` has in place of lists."""

    def __init__(self, columns: Sequence[Values]):
        self._columns = columns
        self.missing = np.array([column.missing for column in columns], np.int64)

    def select(self, which: int, zeros: int, ranks: np.ndarray) -> np.ndarray:
        """The values of these ranks."""
        return self._columns[which].select(ranks)

    def most_frequent(self, which: int, zeros: int) -> float:
        """The most frequent value."""
        return self._columns[which].most_frequent()
