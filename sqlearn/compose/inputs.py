"""Rows in front of a fixed map: numbers, texts, or tables of both, each in one canonical form.

The first rows tell which of these they are, and later ones are brought to the same form: the image of a row, and its
name, depend on its contents alone, not on whether they came as float32, as a sparse matrix or in a frame.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags

from sqlearn.engine.maps import FixedMap
from sqlearn.engine.sklearn_private import feature_names
from sqlearn.engine.sums import as_csr
from sqlearn.engine.tables import is_missing
from sqlearn.engine.validation import Layout, Spec, check_features, explained, is_of_input
from sqlearn.errors import InvalidValueError, ShapeError, SqlearnError, shown

_DENSE = 2048  # columns: rows of more are sparse to a map that takes sparse rows, however they came


def kind_for(transformer: Any) -> str | None:
    """The kind of rows that a map takes, where it tells: that in force, or one of texts alone."""
    if isinstance(transformer, FixedMap):
        return transformer.kind
    if not hasattr(transformer, "get_params") or isinstance(transformer, type):
        return None
    inputs = get_tags(transformer).input_tags
    return "text" if inputs.string and not inputs.two_d_array else None


def as_given(X: Any, kind: str | None) -> Any:
    """Rows as validation takes them: texts as a column of objects; `kind` is that of the first rows, if they came."""
    if kind not in (None, "text") or sp.issparse(X):
        return X
    if isinstance(X, str):
        X = [X]
    is_series = hasattr(X, "to_numpy") and not hasattr(X, "columns")
    if is_series:
        X = X.to_numpy()
    if kind is None and not _are_texts(X):
        return X
    cells = np.empty((len(X), 1), object)
    for i, text in enumerate(np.ravel(X).tolist() if isinstance(X, np.ndarray) else X):
        if not isinstance(text, str):
            raise InvalidValueError(
                f"Row {i} (counted from 0) is {shown(text)}, where this model takes texts. Nothing was changed: pass "
                "one string for each row.",
                row=i,
                value=text,
                reason="not numeric",
            )
        cells[i, 0] = str(text)
    if not len(cells):
        raise ShapeError("Found array with 0 sample(s). Nothing was changed: pass at least one row.", reason="empty")
    return cells


def _are_texts(X: Any) -> bool:
    if isinstance(X, np.ndarray):
        return X.ndim == 1 and len(X) > 0 and (X.dtype.kind in "UT" or all(isinstance(text, str) for text in X))
    return isinstance(X, list | tuple) and len(X) > 0 and all(isinstance(text, str) for text in X)


def canonical(spec: Spec, X: Any, layout: Layout | None, transformer: Any) -> tuple[Any, str, Layout]:
    """Rows in canonical form, their kind, and the layout that they have: for None, what they fix.

    Parameters
    ----------
    spec : Spec
        What is taken.
    X : array-like, sparse matrix or frame
        Two-dimensional, as :func:`as_given` gives it.
    layout : Layout or None
        What they are compared with.
    transformer : object
        The map in force, which knows the kind of the first rows, or what these rows shall be mapped by.
    """
    kind = transformer.kind if isinstance(transformer, FixedMap) else None
    if kind == "text" or (kind is None and _is_column_of_texts(X)):
        cells = np.asarray(X, object)
        if cells.ndim != 2 or cells.shape[1] != 1:
            raise ShapeError(
                f"X has the shape {cells.shape}, and this model takes texts. Nothing was changed: pass a list of them.",
                reason="shape",
            )
        return as_given(cells[:, 0], "text")[:, 0].tolist(), "text", layout or Layout(1)
    if kind == "table" or (kind is None and _takes_tables(transformer) and not _is_numeric(X)):
        rows, found = _table(spec, X, layout)
        return rows, "table", found
    features, found = check_features(replace(spec, sparse=True, allow_nan=True, sparse_form=False), X, layout)
    x: Any = features.x
    kind = kind or ("sparse" if x.shape[1] > _DENSE and _takes_sparse(transformer) else "numbers")
    if kind == "sparse":
        x = as_csr(x)
    if kind == "numbers":
        x = np.add(x.toarray() if sp.issparse(x) else x, 0.0, order="C")
    elif x.nnz < 2**31:  # scikit-learn's kernels take short indices alone
        x = sp.csr_array((x.data, x.indices.astype(np.int32), x.indptr.astype(np.int32)), x.shape)
    return x, kind, found


def _takes_sparse(transformer: Any) -> bool:
    return hasattr(transformer, "get_params") and bool(get_tags(transformer).input_tags.sparse)


def _takes_tables(transformer: Any) -> bool:
    """Whether text may be among a row's numbers: of what was fitted to such rows."""
    return isinstance(transformer, FrozenEstimator)


def _is_column_of_texts(X: Any) -> bool:
    is_column = isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 2 and X.shape[1] == 1
    return is_column and all(isinstance(text, str) for text in X[:, 0])


def _is_numeric(X: Any) -> bool:
    """Whether rows hold numbers alone; what is no table at all is refused as such by the check of numbers."""
    if sp.issparse(X):
        return True
    if hasattr(X, "columns"):
        X = X.to_numpy()
    try:
        cells = np.asarray(X, object) if isinstance(X, Sequence) else np.asarray(X)
    except (TypeError, ValueError):
        return True
    if cells.dtype.kind != "O" or cells.ndim != 2:
        return cells.dtype.kind not in "UT" or cells.ndim != 2
    return not any(isinstance(cell, str) for cell in cells.flat)


def _table(spec: Spec, X: Any, layout: Layout | None) -> tuple[np.ndarray, Layout]:
    """Rows of text and numbers: float, bool, str, or NaN where a value is missing."""
    try:
        if layout is not None:
            layout.check_names(X, spec.learner)
        names = feature_names(X)
        given = np.asarray(X.to_numpy() if hasattr(X, "columns") else X, object)
    except (TypeError, ValueError) as error:
        raise explained(error, X) if is_of_input(error, here=False) else error from error
    if given.ndim != 2 or not given.shape[1]:
        raise ShapeError(
            f"X has the shape {given.shape}. Nothing was changed: pass rows of one length as (n, d), or one row as "
            "(d,).",
            reason="shape",
        )
    if not len(given):
        raise ShapeError("Found array with 0 sample(s). Nothing was changed: pass at least one row.", reason="empty")
    if layout is not None:
        layout.check_width(given.shape[1], spec.learner)
    rows = np.empty(given.shape, object)
    for (i, j), cell in np.ndenumerate(given):
        rows[i, j] = _cell(cell, i, j if names is None else names[j])
    return rows, Layout(given.shape[1], names) if layout is None else layout


def _cell(value: Any, row: int, column: str | int) -> Any:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if is_missing(value):
        return np.nan
    number: Any = None if isinstance(value, np.timedelta64) else value  # a Real to numpy
    if isinstance(number, Real):
        return float(number) + 0.0
    raise InvalidValueError(
        f"The value in row {row} (counted from 0), column {shown(column)}, is {shown(value)}, which is neither a "
        "number nor text. Nothing was changed: convert the column first.",
        row=row,
        column=column,
        value=value,
        reason="not numeric",
    )


def name_of(transformer: Any) -> str:
    return getattr(transformer, "__name__", type(transformer).__name__)


@contextmanager
def named(transform: Any, rows: Any) -> Iterator[None]:
    """Map rows in here: what the map does not take is refused in words of this package."""
    try:
        with np.errstate(all="ignore"):
            yield
    except SqlearnError:
        raise
    except (AttributeError, TypeError, ValueError, LookupError, ArithmeticError) as error:
        if not is_of_input(error, here=False):
            raise
        text = str(error)
        if isinstance(rows, np.ndarray | sp.csr_array) and ("contains NaN" in text or "contains infinity" in text):
            raise explained(ValueError(text), rows) from error
        raise InvalidValueError(
            f"{name_of(transform)} does not take these rows: {text.rstrip('.')}. Nothing was changed: pass rows "
            "that it maps.",
            reason="out of range",
        ) from error
