"""Sparse matrices as users made them: refused when their indices lead out of them.

scipy checks what it is given only in part, and its compiled code, scikit-learn's and ours follow indices blindly.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from sqlearn.errors import ShapeError


def check_sparse(X: Any) -> None:
    """Refuse a malformed sparse matrix, before any compiled code sees it; anything else is not looked at.

    It takes one pass over the indices. Duplicates are no fault: they are summed, as everywhere in scipy.

    Raises
    ------
    ShapeError
        When an index is negative or beyond the shape, when row pointers descend or point beyond the values, or when the
        parts have lengths that do not go together.
    """
    if not sp.issparse(X):
        return
    try:
        fault = _FAULT[X.format](X)
    except (AttributeError, IndexError, TypeError, ValueError) as error:  # a part is missing, or is no array
        fault = str(error)
    if fault:
        raise ShapeError(
            f"This {X.format.upper()} matrix of shape {X.shape} is malformed: {fault}. Nothing was changed: create it "
            "again, for instance with scipy.sparse.coo_array((values, (rows, columns)), shape).",
            reason="shape",
        )


def _compressed(X: Any) -> str:
    """What is wrong with CSR, CSC or BSR; nothing if nothing is."""
    rows, columns = X.shape if len(X.shape) == 2 else (1, *X.shape)
    high, wide = X.blocksize if X.format == "bsr" else (1, 1)
    n, width, line, cross = rows // high, columns // wide, "row", "column"
    if X.format == "csc":
        n, width, line, cross = width, n, cross, line
    if X.format == "bsr":
        line, cross = f"block {line}", f"block {cross}"
    indptr, indices, data = X.indptr, X.indices, X.data
    fault = _no_indices(indptr=indptr, indices=indices)
    if fault:
        return fault
    if len(indptr) != n + 1:
        return f"its indptr has {len(indptr)} entries, but {n} {line}s need {n + 1}"
    if indptr[0] != 0:
        return f"its indptr begins with {indptr[0]} instead of 0"
    down = indptr[1:] < indptr[:-1]
    if down.any():
        at = int(np.argmax(down))
        return f"its indptr decreases from {indptr[at]} to {indptr[at + 1]} at {line} {at} (counted from 0)"
    used = int(indptr[-1])
    if data.ndim != (3 if X.format == "bsr" else 1) or data.shape[1:] not in ((), (high, wide)):
        return f"its values are an array of shape {data.shape}"
    if used > min(len(indices), len(data)):
        return f"its indptr ends with {used}, but there are {len(indices)} indices and {len(data)} values"
    at = _outside(indices[:used], width)
    if at < 0:
        return ""
    row = int(np.searchsorted(indptr, at, side="right")) - 1
    return f"{line} {row} (counted from 0) has the {cross} index {indices[at]}, but there are {width} {cross}s"


def _coordinates(X: Any) -> str:
    for axis, (indices, n) in enumerate(zip(X.coords, X.shape, strict=True)):
        fault = _no_indices(coords=indices)
        if fault:
            return fault
        if len(indices) != len(X.data):
            return f"axis {axis} has {len(indices)} indices, but there are {len(X.data)} values"
        at = _outside(indices, n)
        if at >= 0:
            return f"entry {at} (counted from 0) has the index {indices[at]} in axis {axis}, whose length is {n}"
    return "" if X.data.ndim == 1 else f"its values are an array of shape {X.data.shape}"


def _diagonals(X: Any) -> str:
    fault = _no_indices(offsets=X.offsets)
    if not fault and (X.data.ndim != 2 or len(X.data) != len(X.offsets)):
        fault = f"it has {len(X.offsets)} offsets and values of shape {X.data.shape}"
    return fault


def _lists(X: Any) -> str:
    n, width = X.shape
    if X.rows.shape != (n,) or X.data.shape != (n,):
        return f"it has {len(X.rows)} lists of indices and {len(X.data)} of values for {n} rows"
    for row, (indices, values) in enumerate(zip(X.rows, X.data, strict=True)):
        if len(indices) != len(values):
            return f"row {row} (counted from 0) has {len(indices)} indices and {len(values)} values"
        for index in indices:
            if not 0 <= index < width:
                return f"row {row} (counted from 0) has the column index {index!r}, but there are {width} columns"
    return ""


def _keys(X: Any) -> str:
    for key in X.keys():
        place = key if isinstance(key, tuple) else (key,)
        if len(place) != len(X.shape) or any(not 0 <= index < n for index, n in zip(place, X.shape, strict=True)):
            return f"it has an entry at {key!r}"
    return ""


def _no_indices(**parts: Any) -> str:
    for name, part in parts.items():
        if not isinstance(part, np.ndarray) or part.ndim != 1 or part.dtype.kind not in "iu":
            return f"its {name} is not a 1-D array of integers"
    return ""


def _outside(indices: np.ndarray, n: int) -> int:
    """Where the first index is that is not in [0, n), or -1."""
    if not len(indices) or (indices.min() >= 0 and indices.max() < n):
        return -1
    return int(np.argmax((indices < 0) | (indices >= n)))


_FAULT: dict[str, Callable[[Any], str]] = {
    "csr": _compressed,
    "csc": _compressed,
    "bsr": _compressed,
    "coo": _coordinates,
    "dia": _diagonals,
    "lil": _lists,
    "dok": _keys,
}
