"""Features: one row or many, validated by scikit-learn's checks."""

import sys
from dataclasses import replace
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import scipy.sparse as sp
from sklearn import config_context
from sklearn.utils import check_array

from sqlearn.engine.sklearn_private import num_samples
from sqlearn.engine.sums import as_csr
from sqlearn.engine.validation.layout import Layout
from sqlearn.engine.validation.refusals import explained, is_of_input
from sqlearn.engine.validation.spec import Features, Spec
from sqlearn.errors import InvalidValueError, ShapeError, shown


def as_rows(X: Any, *others: Any) -> tuple[Any, ...]:
    """One row on its own, with its label and weight, as a batch of one.

    Returns
    -------
    single : bool
        Whether `X` was one row: a 1-D array, list or Series, or whatever comes with a label that is no sequence.
    X, *others
        As given, or with a first axis of length 1.
    """
    try:
        if not sp.issparse(X) and _ndim(X) == 1 and not len(X):
            raise ShapeError(
                "Found array with 0 sample(s). Nothing was changed: pass at least one row.", reason="empty"
            )
        if sp.issparse(X):
            single = X.ndim == 1
            X = X.reshape(1, -1) if single else X
        elif hasattr(X, "columns") or _ndim(X) != 1 or (len(X) and np.ndim(X[0] if isinstance(X, list | tuple) else 0)):
            single = False
        elif hasattr(X, "to_frame") and hasattr(X, "index"):  # a pandas Series: its index names the features
            single, X = True, X.to_frame().T.infer_objects()
        else:
            single, X = True, [X] if isinstance(X, list | tuple) else np.asarray(X)[None]
        single = single or (any(np.ndim(other) == 0 for other in others if other is not None) and num_samples(X) == 1)
        if single:
            others = tuple(other if other is None or np.shape(other)[:1] == (1,) else _alone(other) for other in others)
    except (TypeError, ValueError, OverflowError) as error:
        raise explained(error, X) from error
    return (single, X, *others)


def _ndim(values: Any) -> int:
    """How many dimensions these have. Frames tell their shape: numpy would copy them to find out."""
    return len(values.shape) if hasattr(values, "shape") else np.ndim(values)


def _alone(value: Any) -> np.ndarray:
    """A label, value or weight as an array of one. Text stays an object: numpy's has no NULs at its end."""
    return np.array([value], object) if isinstance(value, str) else np.asanyarray(value)[None]


def unmasked(values: Any, name: str) -> Any:
    """`values`; those of a masked array, or of a list of such, of which none is masked.

    Raises
    ------
    InvalidValueError
        When a value is masked: it is missing.
    """
    if isinstance(values, list | tuple) and any(isinstance(row, np.ma.MaskedArray) for row in values):
        try:
            values = np.ma.array(values)
        except (TypeError, ValueError) as error:  # rows of different lengths
            raise explained(error, values, name=name) from error
    if not isinstance(values, np.ma.MaskedArray):
        return values
    masked = np.argwhere(np.ma.getmaskarray(np.ma.atleast_1d(values)))
    if len(masked):
        row, *column = masked[0].tolist()
        raise InvalidValueError(
            f"Input {name} is masked, first in row {row} (counted from 0){''.join(f', column {j}' for j in column)}. "
            "Nothing was changed: drop such rows, or fill in what is missing, first.",
            row=row,
            column=next(iter(column), None),
            reason="not finite",
        )
    return np.ma.getdata(values)


def check_features(spec: Spec, X: Any, layout: Layout | None) -> tuple[Features, Layout]:
    """Validated features as the statistics take them, and the layout that has them.

    Parameters
    ----------
    spec : Spec
        What is accepted, and whether to return canonical CSR; float64[n, d] (or CSR, to be made dense block by block)
        otherwise.
    X : array-like, frame or sparse of shape (n, d)
        Features.
    layout : Layout or None
        What they are compared with; None for the first records, which fix it.

    Raises
    ------
    ShapeError, InvalidValueError, UnsupportedError
        With the reason.
    """
    _refuse_times(X)
    try:
        # a NaN in an exact sum is no speed-up; scikit-learn sums all values first, and numpy warns of 1e308 - 1e308
        with config_context(assume_finite=False), np.errstate(invalid="ignore"):
            if layout is not None:
                layout.check_names(X, spec.learner)
            found = Layout.of(X, 0) if layout is None else layout
            x = check_array(
                _by_columns(X),
                accept_sparse="csr" if spec.sparse else False,
                dtype=np.float64,
                ensure_all_finite="allow-nan" if spec.allow_nan else True,
                estimator=spec.learner,
                input_name="X",
            )
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:  # the last: of a repr that a refusal shows
        raise explained(error, X, spec.allow_nan) from error
    if layout is None:
        found = replace(found, n_features_in_=x.shape[1])
    else:
        layout.check_width(x.shape[1], spec.learner)
    if spec.sparse_form or sp.issparse(x):
        x = as_csr(x)
        if spec.allow_nan:
            x.data = np.where(np.isnan(x.data), np.nan, x.data)
    elif spec.allow_nan:
        x = np.where(np.isnan(x), np.nan, x)  # NaN has one form: bits tell records apart
    return Features.of_numbers(x), found


def _by_columns(X: Any) -> Any:
    """A table of Arrow as a matrix in columns, where it has nothing but numbers: numpy would go row by row."""
    arrow = sys.modules.get("pyarrow")
    if arrow is None or not isinstance(X, arrow.Table):
        return X
    if not X.num_columns or any(column.type != arrow.float64() or column.null_count for column in X.columns):
        return X
    x = np.empty((X.num_columns, X.num_rows))
    for values, column in zip(x, X.columns, strict=True):
        start = 0
        for chunk in column.chunks:
            values[start : start + len(chunk)] = chunk.to_numpy()
            start += len(chunk)
    return x.T


def _refuse_times(X: Any) -> None:
    """Refuse dates, times and durations: as numbers they are counts of units that differ by type."""
    if isinstance(X, list | tuple):
        try:
            X = np.asarray(X)
        except ValueError as error:  # rows of different lengths, which are refused in words of their own
            if not is_of_input(error):
                raise
            return
    found = column = None
    if isinstance(X, np.ndarray):
        times = (v.dtype for v in X.flat if isinstance(v, np.datetime64 | np.timedelta64)) if X.dtype == object else ()
        dtype = X.dtype if X.dtype.kind in "mM" else next(iter(times), None)
        found = None if dtype is None else f"X holds values of type {dtype}"
    elif not sp.issparse(X) and nw.dependencies.is_into_dataframe(X):
        try:
            schema = nw.from_native(X, eager_only=True).schema
        except nw.exceptions.DuplicateError:  # scikit-learn takes columns of one name
            return
        column, dtype = next(((name, kind) for name, kind in schema.items() if kind.is_temporal()), (None, None))
        found = None if column is None else f"Column {shown(column)} is of type {dtype}"
    if found:
        raise InvalidValueError(
            f"{found}. Nothing was changed: the same instant is another number in another unit, so convert such "
            "columns to numbers of one unit first, for instance `column.astype('datetime64[s]').astype(np.int64)`.",
            column=column,
            reason="not numeric",
        )


def refuse_negative(x: np.ndarray | sp.csr_array, layout: Layout, learner: str, other: str) -> None:
    """Raise InvalidValueError, which names the first row and the learner to use instead, where a value is below 0."""
    rows: Any = x if sp.issparse(x) else sp.csr_array(x)
    if rows.data.min(initial=0.0) < 0.0:
        at = np.flatnonzero(rows.data < 0.0)[0]
        row = np.searchsorted(rows.indptr, at, side="right") - 1
        names = layout.feature_names_in_
        column = int(rows.indices[at]) if names is None else names[rows.indices[at]]
        raise InvalidValueError(
            f"Negative values in data passed to {learner} (input X): {rows.data[at].item()!r} first, in row {row} "
            f"(counted from 0), column {shown(column)}. Nothing was changed: drop such rows, or use {other}.",
            row=row,
            column=column,
            value=rows.data[at].item(),
            reason="negative",
        )
