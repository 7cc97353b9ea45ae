"""Validated records of one call."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from sqlearn.engine.sums import BLOCK

_CELLS_AT_ONCE = 1 << 22  # 32 MB: many blocks of a Gram matrix, for several threads
_ENTRIES_AT_ONCE = 1 << 19
_MOST_BLOCKS = 16


@dataclass
class Batch:
    """Validated records of one call, not yet encoded.

    Attributes
    ----------
    x : float64[n, d] or CSR array
        Finite features (NaN where it means missing).
    codes : int64[n, c]
        Index of each category in its column's `levels`, -1 where missing; c is 0 for most learners.
    levels : list of list
        Canonical categories of each column.
    label_codes : int64[n]
        Index of each class label in `labels`.
    labels : list
        Canonical labels; empty for learners without classes.
    targets : float64[n, t]
        Values to predict; t is 0 where there are none.
    weights : float64[n]
        Sample weights.
    single : bool
        Whether the caller gave one row on its own.
    inputs : uint64[n, k], optional
        More than two words that name what each record was made of: a document, or a row before a fixed map. They stand
        for `x` in its digest.
    """

    x: np.ndarray | sp.csr_array
    codes: np.ndarray
    levels: list[list[Any]]
    label_codes: np.ndarray
    labels: list[Any]
    targets: np.ndarray
    weights: np.ndarray
    single: bool = False
    inputs: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.weights)

    def name(self, i: int) -> str:
        """How to name row `i` in a message."""
        return "This row" if self.single else f"Row {i} (counted from 0)"

    def slices(self, sparse: bool) -> Iterator[slice]:
        """Cut into blocks, of CSR rows if they stay `sparse`."""
        width, cells = self.x.shape[1], _CELLS_AT_ONCE
        if sparse and not isinstance(self.x, np.ndarray):
            width, cells = self.x.nnz // max(1, len(self)), _ENTRIES_AT_ONCE
        blocks = cells // (BLOCK * max(1, width))
        size = BLOCK * max(1, min(_MOST_BLOCKS, blocks))
        return (slice(start, min(start + size, len(self))) for start in range(0, len(self), size))
