"""Digests of rows that no learner has validated: what names a record here, from whatever a table may be.

A row's digest depends on that row alone. It is what learners of numbers and targets name the record by, so a row is in
the fold in which they have it: float64 words of the features, then of the target, then of the weight. A number has one
word, whatever its type; a string has the two words of a label. Text among the features is hashed row by row.
"""

import numbers
from collections.abc import Iterable
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_array

from sqlearn.engine.identity import HashKey, canonical_label, digest_dense, digest_sparse, folds_of, label_words
from sqlearn.engine.sums import as_csr, rows_of
from sqlearn.engine.validation import is_of_input
from sqlearn.errors import InvalidValueError, ShapeError, shown

_WIDE = 2048  # learners keep more columns than these as sparse rows
_CELLS_AT_ONCE = 1 << 22
_NAN = np.array([np.nan]).view(np.uint64)


def digests_of(X: Any, y: Any, weights: np.ndarray | None, key: HashKey) -> np.ndarray:
    """Digests of rows, uint64[n, 6].

    Parameters
    ----------
    X : frame, array, list or sparse matrix of shape (n, d), or texts of shape (n,)
        Features.
    y : array-like of shape (n,) or (n, t), or None
        Labels or targets.
    weights : float64[n] or None
        Weights; 1 for None.
    key : HashKey
        The key.

    Raises
    ------
    InvalidValueError, ShapeError
        With the row, where a value is neither a number nor a string.
    """
    if hasattr(X, "__array__") and not hasattr(X, "__len__"):  # what is an array only when it is asked
        X = np.asarray(X)
    x = _numbers(X)
    n = x.shape[0] if x is not None else len(_rows_of(X))
    tails = _words_of_responses(y, n)
    ends = np.ones(n) if weights is None else weights + 0.0
    tails.append(ends.view(np.uint64)[:, None])
    tail = np.ascontiguousarray(np.concatenate(tails, axis=1))
    digests = np.empty((n, 6), np.uint64)
    if x is None:
        messages = (words.tobytes() + end.tobytes() for words, end in zip(_words_of_rows(X), tail, strict=True))
        found = b"".join(map(key.hash_of, messages))
        return np.frombuffer(found, np.uint64).reshape(n, 6)
    table: Any = x
    wide, step = x.shape[1] > _WIDE, max(1, _CELLS_AT_ONCE // max(1, x.shape[1]))
    if wide:
        table, step = as_csr(x), max(1, n)
    for start in range(0, n, step):
        rows = slice(start, min(start + step, n))
        if wide:
            part = rows_of(table, rows)
            digest_sparse(part.data, part.indices, part.indptr, tail[rows], key.state, digests[rows])
        else:
            dense = table[rows].toarray() if sp.issparse(x) else table[rows]
            digest_dense(canonical(dense), tail[rows], key, digests[rows])
    return digests


def canonical(x: np.ndarray) -> np.ndarray:
    """Equal numbers, float64, in equal bits: without -0.0, and with one NaN."""
    plain = np.add(x, 0.0, order="C")
    return np.where(np.isnan(plain), np.nan, plain) if np.isnan(plain).any() else plain


def folds_of_groups(groups: Any, n: int, n_folds: int, key: HashKey) -> np.ndarray:
    """The fold of each row by its group alone, int64[n]."""
    words = _words_of_responses(groups, n)[0]
    digests = np.empty((n, 6), np.uint64)
    digest_dense(np.empty((n, 0)), np.ascontiguousarray(words), key, digests)
    return folds_of(digests, n_folds)


def _numbers(X: Any) -> np.ndarray | sp.csr_array | None:
    """Features as float64, NaN where they are missing; None where some are text."""
    if sp.issparse(X):
        return sp.csr_array(X, dtype=np.float64)
    if isinstance(X, np.ndarray) and X.dtype.kind in "fiub" and X.ndim == 2:
        return X.astype(np.float64)
    if not isinstance(X, np.ndarray) and nw.dependencies.is_into_dataframe(X):
        kinds = nw.from_native(X, eager_only=True).schema.values()
        if not all(kind.is_numeric() or kind == nw.Boolean for kind in kinds):
            return None
        return check_array(X, dtype=np.float64, ensure_all_finite=False, ensure_min_features=0)
    rows = X if isinstance(X, np.ndarray) else np.array(_rows_of(X), object)
    if rows.ndim != 2 or not all(isinstance(value, numbers.Real | np.bool_) for value in rows.flat):
        return None
    return rows.astype(np.float64)


def _rows_of(X: Any) -> Any:
    """The rows of a table, each a sequence of values, or a text."""
    if not isinstance(X, np.ndarray | list | tuple) and nw.dependencies.is_into_dataframe(X):
        return nw.from_native(X, eager_only=True).rows()
    if hasattr(X, "to_list"):  # a Series of texts
        return X.to_list()
    if not hasattr(X, "__len__"):
        raise ShapeError(f"X is no table: {shown(X)}. Pass rows of features.", reason="shape")
    return X


def _words_of_rows(X: Any) -> Iterable[np.ndarray]:
    for i, row in enumerate(_rows_of(X)):
        values = [row] if isinstance(row, str) or not np.ndim(row) else row
        yield np.concatenate([_NAN[:0], *(_words_of(value, i) for value in values)])


def _words_of(value: Any, row: int) -> np.ndarray:
    """A number's word, or a string's two."""
    if isinstance(value, str):
        return label_words(str(value))
    missing = value is None or type(value).__name__ in ("NAType", "NaTType")
    is_duration = type(value) is np.timedelta64  # which numpy counts among the numbers
    if isinstance(value, numbers.Real | np.bool_) and not is_duration:
        try:
            number = np.array([value], np.float64) + 0.0
        except (TypeError, ValueError, OverflowError) as error:
            if not is_of_input(error):
                raise
        else:
            return _NAN if np.isnan(number[0]) else number.view(np.uint64)
    elif missing:
        return _NAN
    raise InvalidValueError(
        f"Row {row} (counted from 0) has {shown(value)}, which is neither a number nor a string, so it names no "
        "record. Convert it first.",
        row=row,
        value=value,
        reason="not numeric",
    )


def _words_of_responses(y: Any, n: int) -> list[np.ndarray]:
    """Words of labels or targets, uint64[n, k], in a list; none for None."""
    if y is None:
        return []
    if sp.issparse(y):
        y = y.toarray()
    values = y if isinstance(y, np.ndarray) else np.asarray(y)
    if isinstance(y, list | tuple) and values.dtype.kind in "US":  # numpy would make strings of numbers beside them
        values = np.empty(len(y), object)
        values[:] = y
    if values.ndim not in (1, 2) or len(values) != n:
        raise ShapeError(
            f"Found input variables with inconsistent numbers of samples: {[n, *values.shape[:1]]}. Pass one label or "
            "target for each row.",
            reason="shape",
        )
    if values.dtype.kind in "fiub":
        return [canonical(values.reshape(n, -1).astype(np.float64)).view(np.uint64)]
    flat = values.reshape(n, -1)
    if flat.shape[1] == 1 and all(isinstance(value, str) for value in flat[:, 0]):
        labels, codes = np.unique(flat[:, 0].astype(str), return_inverse=True)
        named = np.array([label_words(canonical_label(label)) for label in labels.tolist()], np.uint64)
        return [named.reshape(-1, 2)[codes.reshape(-1)]]
    words = [np.concatenate([_words_of(value, i) for value in row]) for i, row in enumerate(flat)]
    widths = {len(word) for word in words}
    if len(widths) > 1:
        raise InvalidValueError(
            "Strings and numbers are mixed among the labels. Convert all to one type.", reason="label"
        )
    return [np.array(words, np.uint64).reshape(n, -1)]
