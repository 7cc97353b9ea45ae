"""Raw rows of items that are kept between answers: part of no state, and dropped when one of their users changes."""

from collections.abc import Iterable
from threading import Lock
from typing import NamedTuple

import numpy as np


class RawRow(NamedTuple):
    """A raw row, see :mod:`~sqlearn.engine.interactions.rows`.

    Attributes
    ----------
    n_items, step : int
        Number of slots of items and the step of ratings with which it was summed.
    size : float
        The sum of the magnitudes of its users' terms.
    form, shift : int
        How its sums lie in its words.
    words : int64[form * items]
        The words.
    """

    n_items: int
    step: int
    size: float
    form: int
    shift: int
    words: np.ndarray


class RawRows:
    """Raw rows by item, those used last at the end, of at most so many bytes.

    Threads that read may share them. An update does not change them: it puts others in their place, so that what an
    overtaken reader still keeps is lost.

    Parameters
    ----------
    max_bytes : int
        How much memory they may take.
    """

    def __init__(self, max_bytes: int = 0) -> None:
        self.max_bytes, self.nbytes = max_bytes, 0
        self._rows: dict[int, RawRow] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._rows)

    def items(self) -> list[int]:
        """The items whose rows are kept."""
        with self._lock:
            return list(self._rows)

    def get(self, item: int) -> RawRow | None:
        """The row of an item, if it is kept: it is used now."""
        with self._lock:
            row = self._rows.pop(item, None)
            if row is not None:
                self._rows[item] = row
            return row

    def keep(self, item: int, row: RawRow) -> None:
        """Keep a row, in place of those that were not used for longest."""
        with self._lock:
            self._drop(item)
            for oldest in list(self._rows):
                if self.nbytes + row.words.nbytes <= self.max_bytes:
                    break
                self._drop(oldest)
            if self.nbytes + row.words.nbytes <= self.max_bytes:
                self._rows[item] = row
                self.nbytes += row.words.nbytes

    def _drop(self, item: int) -> None:
        row = self._rows.pop(item, None)
        if row is not None:
            self.nbytes -= row.words.nbytes

    def limited(self, max_bytes: int) -> "RawRows":
        """The same rows, of at most so many bytes; none if they take more."""
        left = self.without(self.items() if self.nbytes > max_bytes else [])
        left.max_bytes = max_bytes
        return left

    def without(self, items: Iterable[int]) -> "RawRows":
        """The same rows but for these items."""
        left = RawRows(self.max_bytes)
        with self._lock:
            left._rows = dict(self._rows)
            left.nbytes = self.nbytes
        for item in items:
            left._drop(item)
        return left
