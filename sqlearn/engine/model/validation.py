"""From what users pass to validated rows: scikit-learn's checks, and errors that name the row."""

from collections.abc import Mapping

import narwhals.stable.v2 as nw
import numpy as np
import scipy.sparse as sp
from sklearn import config_context
from sklearn.utils import check_array
from sklearn.utils.validation import _num_samples, validate_data

from sqlearn.engine.sums import as_csr
from sqlearn.errors import (
    InvalidValueError,
    ShapeError,
    SqlearnError,
    UnsupportedError,
    shown,
)

__all__ = ["as_rows", "check_features", "explained", "refuse_negative", "unmasked", "words_of"]

# scikit-learn's words, and numpy's where scikit-learn shows them, for cells that are no numbers
_MOST = 200  # characters of those
_NO_NUMBERS = ("Complex data", "argument must be", "could not convert", "bytes/strings")


def as_rows(X, *others):
    """One row on its own, with its label and weight, as a batch of one.

    Returns
    -------
    single : bool
        Whether `X` was one row: a 1-D array, list or Series, or whatever comes with a label that is no sequence.
    X, *others
        As given, or with a first axis of length 1.
    """
    if not sp.issparse(X) and np.ndim(X) == 1 and not len(X):
        raise ShapeError("Found array with 0 sample(s). Nothing was changed: pass at least one row.", reason="empty")
    if sp.issparse(X):
        single = X.ndim == 1
        X = X.reshape(1, -1) if single else X
    elif hasattr(X, "columns") or np.ndim(X) != 1 or (len(X) and np.ndim(X[0] if isinstance(X, list | tuple) else 0)):
        single = False
    elif hasattr(X, "to_frame") and hasattr(X, "index"):  # a pandas Series: its index names the features
        single, X = True, X.to_frame().T.infer_objects()
    else:
        single, X = True, [X] if isinstance(X, list | tuple) else np.asarray(X)[None]
    single = single or (any(np.ndim(other) == 0 for other in others if other is not None) and _num_samples(X) == 1)
    if single:
        others = tuple(other if other is None or np.shape(other)[:1] == (1,) else _alone(other) for other in others)
    return (single, X, *others)


def _alone(value) -> np.ndarray:
    """A label, value or weight as an array of one. Text stays an object: numpy's has no NULs at its end."""
    return np.array([value], object) if isinstance(value, str) else np.asanyarray(value)[None]


def unmasked(values, name: str):
    """`values`; those of a masked array, or of a list of such, of which none is masked.

    Raises
    ------
    InvalidValueError
        When a value is masked: it is missing.
    """
    if isinstance(values, list | tuple) and any(isinstance(row, np.ma.MaskedArray) for row in values):
        values = np.ma.array(values)
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


def check_features(probe, X, *, reset: bool, sparse_form: bool):
    """Validated features as the statistics take them.

    Parameters
    ----------
    probe : estimator
        Carries ``n_features_in_`` and ``feature_names_in_``: read, or written for `reset`. Its tags say what is
        accepted.
    X : array-like, frame or sparse of shape (n, d)
        Features.
    reset : bool
        Whether these are the first records.
    sparse_form : bool
        Whether to return canonical CSR; float64[n, d] (or CSR, to be made dense block by block) otherwise.

    Raises
    ------
    ShapeError, InvalidValueError, UnsupportedError
        With the reason.
    """
    _refuse_times(X)
    tags = probe.__sklearn_tags__().input_tags
    finite = "allow-nan" if tags.allow_nan else True
    try:
        # a NaN in an exact sum is no speed-up; scikit-learn sums all values first, and numpy warns of 1e308 - 1e308
        with config_context(assume_finite=False), np.errstate(invalid="ignore"):
            X = validate_data(
                probe,
                X,
                accept_sparse="csr" if tags.sparse else False,
                dtype=np.float64,
                ensure_all_finite=finite,
                reset=reset,
            )
    except (TypeError, ValueError, OverflowError) as error:
        raise explained(error, X, tags.allow_nan) from error
    if sparse_form or sp.issparse(X):
        X = as_csr(X)
        X.data[np.isnan(X.data)] = np.nan
        return X
    return np.where(np.isnan(X), np.nan, X) if tags.allow_nan else X  # NaN has one form: bits tell records apart


def _refuse_times(X) -> None:
    """Refuse dates, times and durations: as numbers they are counts of units that differ by type."""
    if isinstance(X, list | tuple):
        try:
            X = np.asarray(X)
        except ValueError:  # rows of different lengths, which are refused in words of their own
            return
    found = None
    if isinstance(X, np.ndarray):
        times = (v.dtype for v in X.flat if isinstance(v, np.datetime64 | np.timedelta64)) if X.dtype == object else ()
        dtype = X.dtype if X.dtype.kind in "mM" else next(iter(times), None)
        found = None if dtype is None else f"X holds values of type {dtype}"
    elif not sp.issparse(X) and nw.dependencies.is_into_dataframe(X):
        try:
            schema = nw.from_native(X, eager_only=True).schema
        except nw.exceptions.DuplicateError:  # scikit-learn takes columns of one name
            return
        named = (f"Column {name!r} is of type {kind}" for name, kind in schema.items() if kind.is_temporal())
        found = next(named, None)
    if found:
        raise InvalidValueError(
            f"{found}. Nothing was changed: the same instant is another number in another unit, so convert such "
            "columns to numbers of one unit first, for instance `column.astype('datetime64[s]').astype(np.int64)`.",
            reason="not numeric",
        )


def explained(error: Exception, X, allow_nan: bool = False, name: str = "X") -> SqlearnError:
    """scikit-learn's or numpy's refusal of `X`, which the caller calls `name`, as one of our kinds, with the row."""
    if isinstance(error, SqlearnError):
        return error
    message = str(error).split("\n")[0]
    if "0 sample" in message:
        return ShapeError(f"{message} Nothing was changed: pass at least one row.", reason="empty")
    if "features, but" in message and "expecting" in message:
        return ShapeError(
            f"{message} Nothing was changed: pass rows with the columns the model was fitted on.", reason="columns"
        )
    if "contains NaN" in message or "contains infinity" in message:
        found, place = _first_bad(X, allow_nan)
        return InvalidValueError(
            f"{message} {found}Nothing was changed: drop or impute such values first.",
            reason="not finite",
            **place,
        )
    if isinstance(error, OverflowError):
        found, place = _first_not_numeric(X)
        return InvalidValueError(
            f"Input {name} contains infinity or a value too large for dtype('float64'). {found}Nothing "
            "was changed: drop or scale such values first.",
            reason="not finite",
            **place,
        )
    if "feature names" in message:
        return ShapeError(
            f"{error} Nothing was changed: pass the columns the model was fitted on, by their names.", reason="columns"
        )
    if "Sparse data" in message or "parse input" in message:
        return UnsupportedError(
            f"{message} Nothing was changed: this learner takes dense rows, as `X.toarray()` gives.", reason="sparse"
        )
    if "Expected 2D" in message:  # and then the whole array
        message = f"{message.removesuffix(':')}. Reshape your data."  # ColumnTransformer looks for "1D array instead"
        return ShapeError(
            f"{message} Nothing was changed: pass rows of one length as (n, d), or one row as (d,).", reason="shape"
        )
    if " dim " in message or "0 feature" in message:
        return ShapeError(
            f"{message} Nothing was changed: pass rows of one length as (n, d), or one row as (d,).", reason="shape"
        )
    if isinstance(X, Mapping):
        return InvalidValueError(
            f"A dict is not a row of numbers: input {name} is {shown(X)}. Nothing was changed: pass its values, in "
            "the order of the columns, or use TableModel, which takes dicts.",
            reason="not numeric",
        )
    found, place = _first_not_numeric(X)
    message = message if len(message) <= _MOST else f"{message[:_MOST]}..."
    if any(words in message for words in _NO_NUMBERS):
        return InvalidValueError(
            f"{message}. {found}Nothing was changed: convert such columns to numbers, or encode them, first.",
            reason="not numeric",
            **place,
        )
    if found and not isinstance(X, list | tuple):
        return InvalidValueError(
            f"Input {name} is not a table of numbers. {found}Nothing was changed: convert such columns to numbers "
            "first.",
            reason="not numeric",
            **place,
        )
    found, place = _first_uneven(X)
    return ShapeError(
        f"Input {name}, of type {type(X).__name__}, is not a table whose rows have one length. {found}Nothing was "
        "changed: pass rows of numbers, of one length, as (n, d), or one row as (d,).",
        reason="shape",
        **place,
    )


def words_of(error: Exception) -> str:
    """What scikit-learn says in an error; nothing where numpy speaks of its own arrays."""
    text = str(error).split("\n")[0].rstrip()
    numpys = any(words in text for words in ("operands could", "ufunc", "setting an array", "truth value", "only 0-"))
    return "" if numpys else f"{text.rstrip('.')}. "


def _first_not_numeric(values) -> tuple[str, dict]:
    """The place of the first value that float does not take, in words and as fields; empty if there is no table."""
    try:
        given = np.asarray(values, object)
    except (TypeError, ValueError):  # rows of arrays of unequal lengths
        return "", {}
    for at, value in np.ndenumerate(given if given.ndim in (1, 2) else np.empty(0, object)):
        try:
            float(value)
        except (TypeError, ValueError, OverflowError):
            column = "".join(f", column {j}" for j in at[1:])
            place = {"row": at[0], "column": next(iter(at[1:]), None), "value": value}
            return f"The first is {shown(value)} in row {at[0]} (counted from 0){column}. ", place
    return "", {}


def _first_uneven(rows) -> tuple[str, dict]:
    """The first row of a list whose length is not that of row 0, in words and as a field."""
    if not isinstance(rows, list | tuple):
        return "", {}
    lengths = [len(row) if isinstance(row, list | tuple) else None for row in rows]
    row = next((i for i, length in enumerate(lengths) if length != lengths[0]), None)
    if row is None:
        return "", {}
    kinds = ("one value" if lengths[i] is None else f"{lengths[i]} values" for i in (0, row))
    return "Row 0 has {}, and row {row} (counted from 0) has {}. ".format(*kinds, row=row), {"row": row}


def refuse_negative(x: sp.csr_array, learner: str, other: str) -> None:
    """Raise InvalidValueError, which names the first row and the learner to use instead, where a value is below 0."""
    if x.data.min(initial=0.0) < 0.0:
        at = np.flatnonzero(x.data < 0.0)[0]
        row = np.searchsorted(x.indptr, at, side="right") - 1
        raise InvalidValueError(
            f"Negative values in data passed to {learner} (input X): {x.data[at].item()!r} first, in row {row}, column "
            f"{x.indices[at]} (counted from 0). Nothing was changed: drop such rows, or use {other}.",
            row=row,
            column=x.indices[at],
            value=x.data[at].item(),
            reason="negative",
        )


def _first_bad(X, allow_nan: bool) -> tuple[str, dict]:
    """The place of the first value that is not finite, in words and as fields."""
    table = check_array(
        X, accept_sparse="coo", dtype=np.float64, ensure_all_finite=False, ensure_2d=False, allow_nd=True
    )
    values = table.data if sp.issparse(table) else table
    bad = np.isinf(values) if allow_nan else ~np.isfinite(values)
    at = np.argwhere(bad)
    if not len(at):
        return "", {}
    if sp.issparse(table):
        row, column = table.coords[0][at[0, 0]], table.coords[1][at[0, 0]]
    else:
        row, column = at[0][0], at[0][-1]
    place = {"row": row, "column": column, "value": values[tuple(at[0])].item()}
    return f"The first is in row {row} (counted from 0), column {column}. ", place
