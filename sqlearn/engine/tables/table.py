"""Tables whose columns are numbers or categories, from frames, arrays and lists; any value may be missing."""

import numbers
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace

import narwhals.stable.v2 as nw
import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_array

from sqlearn.engine.identity import PLAIN_LABELS, canonical_label
from sqlearn.engine.sklearn_private import check_categorical_features
from sqlearn.engine.validation import Layout, explained, is_of_input, unmasked
from sqlearn.errors import (
    InvalidValueError,
    ParameterError,
    ShapeError,
    listed,
    shown,
)

KINDS = ("number", "category", "drop")

_CATEGORICAL = (nw.Categorical, nw.Enum, nw.String, nw.Object, nw.Boolean)


def check_table(X, learner: str, layout: Layout | None) -> "tuple[nw.DataFrame | Columns | np.ndarray, Layout]":
    """A frame or an array that has a row, and its layout.

    Parameters
    ----------
    X : frame, Columns, array or list of rows, of shape (n, d)
        Records.
    learner : str
        Name of what takes them, for messages.
    layout : Layout or None
        The width and names that they must have; None for the first records.

    Returns
    -------
    table : narwhals.DataFrame, Columns or ndarray of shape (n, d)
        The table.
    layout : Layout
        `layout`, or the width and names of this table.
    """
    if isinstance(X, Columns):  # which TableModel has checked
        return X, layout or Layout(X.shape[1])
    frame = nw.dependencies.is_into_dataframe(X)
    if isinstance(X, list | tuple):
        X = _objects(X)  # or numbers beside strings would become strings
    _refuse_flat(X)
    try:
        if layout is not None:
            layout.check_names(X, learner)
        found = Layout.of(X, 0) if layout is None else layout
        if not frame:
            X = check_array(X, dtype=None, ensure_all_finite=False, estimator=learner, input_name="X")
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise explained(error, X, allow_nan=True) from error
    if layout is None:
        found = replace(found, n_features_in_=X.shape[1])
    else:
        layout.check_width(X.shape[1], learner)
    if not frame:
        return X, found
    if not len(X):
        raise ShapeError("Found a frame with 0 sample(s). Nothing was changed: pass at least one row.", reason="empty")
    return nw.from_native(X, eager_only=True), found


def _objects(rows: Sequence) -> np.ndarray:
    """A list of rows as an array of its values, as they are."""
    try:
        return np.array(rows, dtype=object)
    except (TypeError, ValueError) as error:  # arrays whose shapes do not fit together
        raise explained(error, rows) from error


def _refuse_flat(X) -> None:
    """Refuse an array that is not a table. scikit-learn's refusal would print its values, whose reprs may fail."""
    if isinstance(X, np.ndarray) and X.ndim < 2:
        kind = "1D" if X.ndim else "scalar"
        raise explained(ValueError(f"Expected 2D array, got {kind} array instead:"), X)


class Columns:
    """A table as a list of columns of one length.

    Parameters
    ----------
    columns : list
        Their names.
    values : list of ndarray, narwhals.Series or list
        Their values.
    """

    def __init__(self, columns: list, values: list):
        self.columns, self.values = columns, values
        self.shape = (len(values[0]) if values else 0), len(values)

    def __len__(self):
        return self.shape[0]


def as_columns(X):
    """A dictionary of columns, or one of values, as :class:`Columns`; anything else as it is."""
    if not isinstance(X, Mapping) or sp.issparse(X):
        return X
    names, given = list(X), list(X.values())
    if not all(isinstance(name, str) for name in names):
        raise ShapeError(
            f"The names of a table's columns are strings, not {shown(names)}. Nothing was changed: rename them.",
            reason="shape",
        )
    if all(map(_is_one_value, given)):
        given = [[value] for value in given]
    for name, value in zip(names, given, strict=True):
        if _is_one_value(value) or getattr(value, "ndim", 1) != 1:
            raise ShapeError(
                f"Column {shown(name)} of this table is not a sequence of values. Nothing was changed: pass an array, "
                "a list or a Series for each column, or one value for each.",
                column=name,
                reason="shape",
            )
    lengths = dict(zip(names, map(len, given), strict=True))
    if len(set(lengths.values())) > 1:
        raise ShapeError(
            f"The columns of this table differ in length: {lengths}. Nothing was changed: pass a value of each column "
            "for every row.",
            reason="columns",
        )
    values = []
    for name, value in zip(names, given, strict=True):
        value = unmasked(value, f"column {shown(name)}")
        if not isinstance(value, np.ndarray | list | tuple) and nw.dependencies.is_into_series(value):
            value = nw.from_native(value, series_only=True)
        values.append(value if isinstance(value, np.ndarray | nw.Series) else list(value))
    return Columns(names, values)


def _is_one_value(value) -> bool:
    return isinstance(value, str | bytes) or not hasattr(value, "__len__") or getattr(value, "ndim", 1) == 0


def as_table(X) -> "nw.DataFrame | Columns | np.ndarray":
    """A frame, a dictionary of columns, an array or a list of rows, with at least one row, in one of three forms."""
    X = as_columns(X)
    if nw.dependencies.is_into_dataframe(X):
        try:
            X = nw.from_native(X, eager_only=True)
            X.columns  # noqa: B018
        except nw.exceptions.DuplicateError as error:
            raise ShapeError(
                f"{error} Nothing was changed: give every column a name of its own.", reason="columns"
            ) from error
    elif not isinstance(X, Columns):
        if isinstance(X, list | tuple):
            X = _objects(X)
        _refuse_flat(X)
        try:
            return check_array(X, dtype=None, ensure_all_finite=False)
        except (TypeError, ValueError, OverflowError, RuntimeError) as error:
            raise explained(error, X, allow_nan=True) from error
    if not len(X):
        raise ShapeError("Found a table with 0 sample(s). Nothing was changed: pass at least one row.", reason="empty")
    return X


def names_of(table) -> list[str] | None:
    """The names of a table's columns, when it has any and all are strings."""
    names = [] if isinstance(table, np.ndarray) else list(table.columns)
    return names if names and all(isinstance(name, str) for name in names) else None


def kinds_of(table, given: Mapping | None) -> dict:
    """The kind of each column of a table, by name or, without names, by position.

    Parameters
    ----------
    table : narwhals.DataFrame, Columns or ndarray
        What :func:`as_table` returned.
    given : mapping or None
        Kinds that are known. The other columns' are recognised: a column of a frame has that of its dtype, one of
        anything else is a number if all values that are not missing are numbers.

    Returns
    -------
    dict
        In the order of `given` if it names all columns, so that a refit has the order of the model; else of the table.
    """
    names: Sequence = names_of(table) or range(table.shape[1])
    for name, kind in (given or {}).items():
        if not isinstance(kind, str) or kind not in KINDS:
            kinds = ", ".join(map(repr, KINDS))
            raise ParameterError(f"`columns` gives {shown(name)} the kind {shown(kind)}. Pass one of {kinds}.")
        if name not in names and kind != "drop":
            raise ParameterError(
                f"`columns` names {shown(name)}, which is not a column of this table. Its columns are {listed(names)}."
            )
        if name not in names:  # a refit may be given rows without the columns that are dropped
            warnings.warn(
                f"`columns` drops {shown(name)}, which is not a column of this table, so nothing is dropped. Its "
                f"columns are {listed(names)}.",
                UserWarning,
                stacklevel=2,
            )
    if all((given or {}).get(name) == "drop" for name in names):
        raise ParameterError("`columns` drops every column of this table. Leave the model at least one.")
    found = {name: (given or {}).get(name) or _recognised(table, j) for j, name in enumerate(names)}
    if names_of(table) and given and found.keys() <= given.keys():
        found = {name: kind for name, kind in given.items() if name in found}
    return found | {name: "drop" for name in (given or {}) if name not in found}


def _recognised(table, j) -> str:
    values = _column(table, j)
    if isinstance(values, nw.Series):
        return "category" if values.dtype in _CATEGORICAL else "number"
    kind = values.dtype.kind if isinstance(values, np.ndarray) else "O"
    if kind != "O":
        return "number" if kind in "fiu" else "category"
    return "number" if all(_is_number(value) for value in values if not is_missing(value)) else "category"


def _is_number(value) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)


def chosen(table, columns: Mapping, width: int) -> tuple:
    """The columns of a table that are not dropped, and which of them hold categories, bool[d].

    Parameters
    ----------
    table : narwhals.DataFrame, Columns or ndarray
        What :func:`as_table` returned.
    columns : mapping
        Kind of each column in order, by name or by position, as :func:`kinds_of` returned it. A table with names may
        have those columns in any order, and others.
    width : int
        Number of columns expected where they are taken by position.
    """
    keep = [name for name, kind in columns.items() if kind != "drop"]
    is_categorical = np.array([columns[name] == "category" for name in keep], bool)
    names = keep if isinstance(keep[0], str) else None
    if names is not None and not isinstance(table, np.ndarray):
        missing = [name for name in names if name not in table.columns]
        if missing:
            raise ShapeError(
                f"This table has no column {listed(missing)}. Nothing was changed: pass the columns the "
                f"model was fitted on, {listed(names)}, in any order.",
                column=missing[0],
                reason="columns",
            )
        keep = [table.columns.index(name) for name in names]
        return Columns(names, [_column(table, j) for j in keep]), is_categorical
    if table.shape[1] != width:
        raise ShapeError(
            f"X has {table.shape[1]} features, but TableModel is expecting {width} features as input. Nothing was "
            "changed: pass rows with the columns the model was fitted on.",
            reason="columns",
        )
    if names is None and not isinstance(table, np.ndarray):
        return Columns([str(j) for j in keep], [_column(table, j) for j in keep]), is_categorical
    return (table[:, keep] if names is None else table), is_categorical


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
        mask = check_categorical_features(table, chosen)
    except (TypeError, ValueError) as error:
        if not is_of_input(error):
            raise
        theirs = str(error).startswith("categorical_features")
        why = f"{str(error).rstrip('.')}." if theirs else f"categorical_features cannot be {shown(chosen)}."
        raise ParameterError(f"{why} Nothing was changed: categorical_features names columns of X.") from error
    return np.zeros(table.shape[1], bool) if mask is None else np.asarray(mask, bool)


def without_numbers(table, are_chosen: np.ndarray) -> np.ndarray:
    """Which of the chosen columns hold no numbers, bool[d]: among objects there may be some.

    A text among numbers is more often a typing error than a category, and numbers are seldom meant as categories.
    """
    found = are_chosen.copy()
    for j in np.flatnonzero(are_chosen):
        column = _column(table, j)
        if isinstance(column, nw.Series) and column.dtype == nw.Object:
            present = [value for value in column.to_list() if not is_missing(value)]
            found[j] = bool(present) and not any(map(_is_number, present))
    return found


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
    InvalidValueError
        For an infinite value, for text in a numeric column, and for what is neither a number nor text.
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
        raise _infinite(table, at[0, 0], numeric[at[0, 1]], x[tuple(at[0])].item())
    codes, levels = np.empty((len(table), len(categorical)), np.int64), []
    for k, j in enumerate(categorical):
        codes[:, k], column_levels = _categories(table, j)
        levels.append(column_levels)
    return x, codes, levels


def _name(table, j) -> str | int:
    return int(j) if isinstance(table, np.ndarray) else table.columns[j]


def _place(table, i, j) -> str:
    name = f"{j} (counted from 0)" if isinstance(table, np.ndarray) else repr(table.columns[j])
    return f"The value in row {i} (counted from 0), column {name}"


def _infinite(table, i, j, value) -> InvalidValueError:
    return InvalidValueError(
        f"{_place(table, i, j)} is infinite. Nothing was changed: mark it as missing, or drop the row.",
        row=i,
        column=_name(table, j),
        value=value,
        reason="not finite",
    )


def _column(table, j) -> np.ndarray | nw.Series | list:
    return table.values[j] if isinstance(table, Columns) else table[:, int(j)]


def _values(column) -> list:
    if isinstance(column, nw.Series):
        return column.to_list()
    return column.tolist() if isinstance(column, np.ndarray) else list(column)


def is_missing(value) -> bool:
    """None, and what does not equal itself: NaN and NaT; pandas.NA does not even say whether it does."""
    try:
        return value is None or bool(value != value)
    except TypeError:
        return True
    except (ValueError, ArithmeticError):  # an array; a signalling NaN of Decimal's
        return False


def _numbers(table, j) -> np.ndarray:
    column = _column(table, j)
    if isinstance(column, nw.Series) and column.dtype.is_numeric():
        known = column.to_numpy()
        return known.astype(np.float64) if known.dtype.kind in "fiu" else column.cast(nw.Float64).to_numpy()
    if isinstance(column, np.ndarray) and column.dtype.kind in "fiub":
        return column.astype(np.float64)
    values = _values(column)
    for i, value in enumerate(values):
        if isinstance(value, str | bytes | complex | np.complexfloating):
            kind = "string" if isinstance(value, str | bytes) else "complex number"
            raise InvalidValueError(
                f"{_place(table, i, j)} is the {kind} {shown(value)}, where this model takes numbers. Nothing was "
                "changed: convert the column to numbers first, or declare that it holds categories and fit again.",
                row=i,
                column=_name(table, j),
                value=value,
                reason="not numeric",
            )
        try:
            values[i] = np.nan if is_missing(value) else float(value)
        except (TypeError, ValueError) as error:
            if not is_of_input(error):
                raise
            why = str(error) if "argument must be" in str(error) else f"it is {shown(value)}"
            raise InvalidValueError(
                f"{_place(table, i, j)} is not a number: {why}. Nothing was changed: convert the column to numbers "
                "first, or declare that it holds categories and fit again.",
                row=i,
                column=_name(table, j),
                value=value,
                reason="not numeric",
            ) from error
        except OverflowError as error:
            raise _infinite(table, i, j, value) from error
    return np.array(values, np.float64)


def _categories(table, j) -> tuple[list[int], list]:
    codes = []
    seen: dict = {}  # equal values of any type are one key, as equal labels are
    for i, value in enumerate(_values(_column(table, j))):
        try:
            code = seen.get(value) if type(value) in PLAIN_LABELS else None
            if code is None and is_missing(value):
                code = -1
            elif code is None:
                label = canonical_label(value)
                if label in (np.inf, -np.inf):
                    raise _infinite(table, i, j, value)
                code = seen.setdefault(label, len(seen))
        except InvalidValueError:  # a TypeError, too
            raise
        except TypeError as error:
            if not is_of_input(error):
                raise
            raise InvalidValueError(
                f"{_place(table, i, j)} is not a category: {error} Nothing was changed: the argument must be a string "
                "or a number.",
                row=i,
                column=_name(table, j),
                value=value,
                reason="not numeric",
            ) from error
        codes.append(code)
    return codes, [*seen]
