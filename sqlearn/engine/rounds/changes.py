"""What has come and gone: how records are put into a source or taken out, and noted until the trace follows."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from sqlearn.engine.rounds.row_source import Records, RowSource
from sqlearn.engine.sums import Log


class Changes:
    """What was deposited since the trace was last brought up to date, as long as it is not too much to remember.

    Parameters
    ----------
    most : float
        Number of records that are remembered at most; of more there is nothing to tell.
    """

    def __init__(self, most: float = math.inf) -> None:
        self.most = most
        self._noted: list[tuple[Any, ...]] = []
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def add(self, records: Records, *more: Any) -> None:
        """Note records, and what else there is to say of them."""
        self._n += len(records.w)
        if self._n <= self.most:
            self._noted.append((records, *more))
        else:
            self._noted.clear()

    def taken(self) -> list[tuple[Any, ...]] | None:
        """All that was noted, None if it was too much; from here on it is forgotten."""
        noted = self._noted if self._n <= self.most else None
        self._noted, self._n = [], 0
        return noted


def move(
    rows: RowSource, x: np.ndarray, y: np.ndarray, w: np.ndarray, digests: np.ndarray, sign: float, log: Log
) -> tuple[Records, np.ndarray]:
    """Put records into a source (1.0) or take them out (-1.0). Returns them as problems see them, and their places.

    The log writes to the array of places when it takes this back.
    """
    places, hashes = np.empty(len(w), np.int64), np.empty(len(w), np.uint64)
    come: Callable[[], None] = partial(_come, rows, places, x, y, w, digests, hashes)
    go: Callable[[], None] = partial(rows.remove, places, digests, hashes)
    if log.keeps:
        rows.make_ready(digests)
    log.do(come, go) if sign > 0 else log.do(go, come)
    return Records(x, y, w, hashes), places


def _come(rows: RowSource, places: np.ndarray, *records: np.ndarray) -> None:
    rows.vacant(places)
    rows.put(places, *records)
