"""The pieces that a model was fitted to, and which of their rows were forgotten or relabelled by name.

Contents do not tell rows that are equal apart. So what changed by name is noted, and what a model holds besides shows
whether records of the pieces went by their contents: then nobody knows whose.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sqlearn.distributed.names import Names
from sqlearn.distributed.pieces import Piece, Plan
from sqlearn.distributed.workers import Workers


@dataclass
class Source:
    """The pieces that a model was fitted to.

    Attributes
    ----------
    pieces : sequence of Piece
        Where its rows lie.
    plan : Plan
        How they are read.
    workers : Workers
        What reads them.
    memory : int or None
        How many bytes of their names a process may keep in memory, if the rows were gathered; None where an index has
        the names.
    multiset : uint64[4] or None
        The hash of the records that were gathered.
    names : Names or None
        The names of rows that were gathered, once somebody has asked.
    gone : dict of int to set of int
        The numbers of rows that were forgotten by name, by piece.
    targets : dict of int to dict of int to object
        The labels or targets of rows that were relabelled by name, by piece and number.
    moved : Counter
        By the name of a record: how many rows became it by name, less those that were it.
    busy : bool
        Whether a call that changes rows by name is under way, from when it looks them up until it has noted them.
    """

    pieces: Sequence[Piece]
    plan: Plan
    workers: Workers
    memory: int | None = None
    multiset: Any = None
    names: Names | None = None
    gone: dict[int, set[int]] = field(default_factory=dict)
    targets: dict[int, dict[int, Any]] = field(default_factory=dict)
    moved: Counter[bytes] = field(default_factory=Counter)
    busy: bool = field(default=False, init=False)

    def copy(self) -> Source:
        """The same pieces for a copy of the model, which changes on its own."""
        gone = {number: {*rows} for number, rows in self.gone.items()}
        targets = {number: {**rows} for number, rows in self.targets.items()}
        return replace(self, gone=gone, targets=targets, moved=self.moved.copy())

    def forgotten(self, number: int, rows: np.ndarray, names: np.ndarray) -> None:
        """Note that rows of a piece were forgotten, whose records have these names."""
        self.gone.setdefault(number, set()).update(rows.tolist())
        self._move(names, -1)

    def relabelled(self, number: int, rows: np.ndarray, target: Any, names: np.ndarray, new: np.ndarray) -> None:
        """Note that rows of a piece have another label or target: their records' names, and their new ones."""
        self.targets.setdefault(number, {}).update(dict.fromkeys(rows.tolist(), target))
        self._move(names, -1)
        self._move(new, 1)

    def _move(self, names: np.ndarray, sign: int) -> None:
        for name in _bytes(names):
            self.moved[name] += sign
            if not self.moved[name]:
                del self.moved[name]


def moved(sources: Iterable[Source], names: np.ndarray) -> np.ndarray:
    """How many rows became each of these records by name, less those that were it, int64[n]."""
    listed = [*sources]
    return np.array([sum(source.moved[name] for source in listed) for name in _bytes(names)], np.int64)


def _bytes(names: np.ndarray) -> list[bytes]:
    return [name.tobytes() for name in np.ascontiguousarray(names[:, :2])]
