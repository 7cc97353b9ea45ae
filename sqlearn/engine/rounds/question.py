"""Sums at a theta, over records at hand or asked of where they lie: then the question travels, and its answer."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from sqlearn.engine.arithmetic import one_thread
from sqlearn.engine.rounds.problem import Problem
from sqlearn.engine.rounds.row_source import Records, RowSource
from sqlearn.engine.rounds.rows import Rows
from sqlearn.engine.rounds.samples import parts_of
from sqlearn.engine.sums import ExactSum


@dataclass(frozen=True)
class Question:
    """What the sums over records are asked at; it can be pickled.

    Attributes
    ----------
    labels : list
        The classes held, sorted: records' classes are places among them. [None] without classes.
    theta : float64[p]
        Where the terms are summed.
    scale, grid
        See :class:`~sqlearn.engine.rounds.problem.Problem`.
    """

    labels: list[Any]
    theta: np.ndarray
    scale: Any
    grid: Any

    def summed(self, problem: Problem[Any, Any], blocks: Iterable[Records]) -> tuple[ExactSum, ...]:
        """The exact sums of the terms of these records, in parts that BLAS sums exactly."""
        sums = problem.empty(self.scale, self.grid)
        with one_thread():
            for records in blocks:
                for part in parts_of(records):
                    problem.query(self.theta, self.scale, self.grid, part, sums, 1.0)
        return sums


@runtime_checkable
class AskedRows(Protocol):
    """What a :class:`~sqlearn.engine.rounds.row_source.RowSource` has beside, of which most records lie elsewhere.

    They are asked there, and not read: a scan costs a question and an answer for each place where some lie.

    Attributes
    ----------
    own : Rows
        The records that are kept here. All others are elsewhere.
    """

    own: Rows

    def evaluate(self, question: Question, check: Callable[[], None]) -> tuple[ExactSum, ...]:
        """The sums over all records that lie elsewhere; calls `check`, which may raise, now and then."""

    def gathered(self, limit: int, labels: list[Any], check: Callable[[], None]) -> Iterator[Records]:
        """Those records elsewhere whose keyed hash is at most `limit`; their classes are places among `labels`."""


def blocks_of(
    rows: RowSource, limit: int, labels: list[Any], order: np.ndarray | None, check: Callable[[], None]
) -> Iterator[Records]:
    """What :meth:`RowSource.blocks` gives, those records included that lie elsewhere.

    `order` has the slots of the classes `labels`; None where records carry targets.
    """
    if isinstance(rows, AskedRows):
        for records in rows.gathered(limit, labels, check):
            yield records if order is None else replace(records, y=order[records.y.astype(np.int64)])
        rows = rows.own
    yield from rows.blocks(limit)


def add_all(sums: tuple[ExactSum, ...], others: tuple[ExactSum, ...]) -> None:
    """Add sums of the same shapes to `sums`."""
    for total, other in zip(sums, others, strict=True):
        everywhere = tuple(np.arange(n) for n in total.shape)
        total.add(other, everywhere, everywhere)  # type: ignore[arg-type]
