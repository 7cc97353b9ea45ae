"""Tables whose columns are numbers or categories, from frames, arrays and lists; any value may be missing."""

import narwhals.stable.v2 as nw
import numpy as np
from sklearn.utils.validation import _check_categorical_features, validate_data

from sqlearn.engine.validation import explained
from sqlearn.engine.vocabulary import canonical_label
from sqlearn.errors import EmptyBatchError, NonFiniteError, NotNumericError, ParameterError

__all__ = ["categorical_columns", "check_table", "split"]

_CATEGORICAL = (nw.Categorical, nw.Enum, nw.String, nw.Object, nw.Boolean)


def check_table(estimator, X, *, reset: bool):
    """A frame or an array whose width and names are those of `estimator`, and that has a row.

    Parameters
    ----------
    estimator : estimator
        Carries ``n_features_in_`` and ``feature_names_in_``: read, or written for `reset`.
    X : frame, array or list of rows, of shape (n, d)
        Records.
    reset : bool
        Whether these are the first records.

    Returns
    -------
    narwhals.DataFrame or ndarray of shape (n, d)
    """
    frame = nw.dependencies.is_into_dataframe(X)
    if isinstance(X, list | tuple):
        X = np.array(X, dtype=object)  # or numbers beside strings would become strings
    as_it_is = {"skip_check_array": True} if frame else {"dtype": None, "ensure_all_finite": False}
    try:
        X = validate_data(estimator, X, reset=reset, **as_it_is)
    except ValueError as error:
        raise explained(error, X, allow_nan=True) from error
    if not frame:
        return X
    if not len(X):
        raise EmptyBatchError("Found a frame with 0 sample(s). Nothing was changed: pass at least one row.")
    return nw.from_native(X, eager_only=True)


def categorical_columns(table, chosen) -> np.ndarray:
    """Which columns of a checked table hold categories, bool[d].

    Parameters
    ----------
    table : narwhals.DataFrame or ndarray
        What :func:`check_table` returned.
    chosen : {"from_dtype"}, array-like or None
        As scikit-learn's ``HistGradientBoostingClassifier`` takes it; but ``"from_dtype"`` chooses columns of strings,
        objects and booleans too.
    """
    if isinstance(chosen, str) and chosen == "from_dtype":
        chosen = [dtype in _CATEGORICAL for dtype in table.schema.dtypes()] if isinstance(table, nw.DataFrame) else None
    try:
        mask = _check_categorical_features(table, chosen)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{error} Nothing was changed: categorical_features names columns of X.") from error
    return np.zeros(table.shape[1], bool) if mask is None else np.asarray(mask, bool)


def split(table, is_categorical: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[list]]:
    """The numbers of a checked table, and its categories.

    Returns
    -------
    x : float64[n, d]
        Numeric columns, NaN where missing.
    codes : int64[n, c]
        Index of each category in its column's levels, -1 where missing.
    levels : list of list
        Canonical categories of each categorical column.

    Raises
    ------
    NonFiniteError
        At an infinity.
    NotNumericError
        At a string in a numeric column, and at what is neither a number nor a string.
    """
    numeric, categorical = np.flatnonzero(~is_categorical), np.flatnonzero(is_categorical)
    if isinstance(table, np.ndarray) and table.dtype.kind in "fiub":
        x = table[:, numeric].astype(np.float64)
    else:
        x = np.empty((len(table), len(numeric)))
        for k, j in enumerate(numeric):
            x[:, k] = _numbers(table, j)
    x[np.isnan(x)] = np.nan  # NaN has one form: bits tell records apart
    at = np.argwhere(np.isinf(x))
    if len(at):
        raise _infinite(table, at[0, 0], numeric[at[0, 1]])
    codes, levels = np.empty((len(table), len(categorical)), np.int64), []
    for k, j in enumerate(categorical):
        codes[:, k], column_levels = _categories(table, j)
        levels.append(column_levels)
    return x, codes, levels


def _place(table, i, j) -> str:
    name = repr(table.columns[j]) if isinstance(table, nw.DataFrame) else f"{j} (counted from 0)"
    return f"The value in row {i} (counted from 0), column {name}"


def _infinite(table, i, j) -> NonFiniteError:
    return NonFiniteError(
        f"{_place(table, i, j)} is infinite. Nothing was changed: mark it as missing, or drop the row."
    )


def _values(table, j) -> list:
    return table[:, int(j)].to_list() if isinstance(table, nw.DataFrame) else table[:, j].tolist()


def _is_missing(value) -> bool:
    """None, and what does not equal itself: NaN and NaT; pandas.NA does not even say whether it does."""
    try:
        return value is None or bool(value != value)
    except TypeError:
        return True


def _numbers(table, j) -> np.ndarray:
    if isinstance(table, nw.DataFrame) and table.schema.dtypes()[j].is_numeric():
        return table[:, int(j)].cast(nw.Float64).to_numpy()
    values = _values(table, j)
    for i, value in enumerate(values):
        if isinstance(value, str | bytes | complex | np.complexfloating):
            kind = "string" if isinstance(value, str | bytes) else "complex number"
            raise NotNumericError(
                f"{_place(table, i, j)} is the {kind} {value!r}, where this model takes numbers. Nothing was changed: "
                "convert the column to numbers first, or name it in `categorical_features` and fit again."
            )
        try:
            values[i] = np.nan if _is_missing(value) else float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise NotNumericError(f"{_place(table, i, j)} is no number: {error}. Nothing was changed.") from error
    return np.array(values, np.float64)


def _categories(table, j) -> tuple[list[int], list]:
    codes = []
    seen: dict = {}  # equal values of any type are one key, as equal labels are
    for i, value in enumerate(_values(table, j)):
        try:
            code = seen.get(value)
            if code is None:
                code = -1 if _is_missing(value) else seen.setdefault(canonical_label(value), len(seen))
                if code >= 0 and value in (np.inf, -np.inf):
                    raise _infinite(table, i, j)
        except TypeError as error:
            raise NotNumericError(
                f"{_place(table, i, j)} is no category: {error} Nothing was changed: categories are numbers or strings."
            ) from error
        codes.append(code)
    return codes, [*seen]
