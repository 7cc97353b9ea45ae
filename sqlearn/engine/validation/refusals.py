"""scikit-learn's and numpy's refusals of rows as errors of our kinds, which name the row."""

import dis
import re
import sys
from collections.abc import Callable, Mapping
from numbers import Number
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_array

from sqlearn.engine.identity import LabelError
from sqlearn.errors import InvalidValueError, ShapeError, SqlearnError, UnsupportedError, shown

# scikit-learn's words, and numpy's where scikit-learn shows them, for cells that are no numbers
_MOST = 200  # characters of those
_NO_NUMBERS = ("Complex data", "argument must be", "could not convert", "bytes/strings")
# the packages whose code reads what callers give; "sqlearn" is not one
_READERS = {"numpy", "sklearn", "scipy", "pandas", "polars", "narwhals", "pyarrow", *sys.stdlib_module_names}

_NEVER = (MemoryError, OSError, RecursionError, Warning)


def is_of_input(error: BaseException, *, here: bool = True) -> bool:
    """Whether a value that a caller gave raised this as it was read.

    It is false for an exception that a handler of a signal or another function of the caller's raised, and for a
    mistake in this package: none of them may be reported as a fault of the value.

    Parameters
    ----------
    error : BaseException
        What was caught.
    here : bool
        Whether Python's own code, which leaves no frame, counts only if the function that caught the error called it.

    Returns
    -------
    bool
        Whether Python or a library raised it, or a method like ``__float__`` that they call.
    """
    if isinstance(error, LabelError):
        return True
    if _package(type(error).__module__) not in _READERS or isinstance(error, _NEVER):
        return False
    trace = last = caught = error.__traceback__
    package = ""
    while trace is not None:
        code, package = trace.tb_frame.f_code, _package(trace.tb_frame.f_globals.get("__name__", ""))
        if package not in _READERS and package != "sqlearn":
            return code.co_name.startswith("__") and code.co_name != "__call__"
        last, trace = trace, trace.tb_next
    return package != "sqlearn" or not here or last is caught


def is_worded(error: BaseException) -> bool:
    """Whether a ``raise`` statement of this package or scikit-learn raised it, so that its text is for whoever called.

    It is false where the interpreter or compiled code could not do what it was to do, such as ``int("x")``.
    """
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None or _package(frame.tb_frame.f_globals.get("__name__", "")) not in ("sqlearn", "sklearn"):
        return False
    code, at = frame.tb_frame.f_code.co_code, frame.tb_lasti
    return 0 <= at < len(code) and dis.opname[code[at]] == "RAISE_VARARGS"  # compiled code has none


def _package(module: str) -> str:
    return module.partition(".")[0]


def explained(error: Exception, X: Any, allow_nan: bool = False, name: str = "X") -> SqlearnError:
    """scikit-learn's or numpy's refusal of `X`, which the caller calls `name`, as one of our kinds, with the row.

    What is no refusal of `X` (see :func:`is_of_input`) is raised again as it is.
    """
    if not is_of_input(error):
        raise error
    message = str(error).split("\n")[0]
    if "unique column names" in message:
        repeated = ", ".join(re.findall(r"- ('.*') \d+ times", str(error)))
        return ShapeError(
            f"Several columns of {name} have one name: {repeated}. Nothing was changed: give each column a name of its "
            "own.",
            reason="columns",
        )
    if isinstance(X, Mapping):
        return InvalidValueError(
            f"A dict is not a row of numbers: input {name} is {shown(X)}. Nothing was changed: pass its values, in "
            "the order of the columns, or use TableModel, which takes dicts.",
            reason="not numeric",
        )
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
    if any(words in message for words in ("Expected 2D", " dim ", "0 feature")):
        return ShapeError(
            f"{message} Nothing was changed: pass rows of one length as (n, d), or one row as (d,).", reason="shape"
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


def column_name(X: Any, j: int) -> str | int:
    """The name of a column in a frame whose names are text; elsewhere its position."""
    names = getattr(X, "column_names", getattr(X, "columns", None))  # the columns of pyarrow's tables are values
    name = names[j] if names is not None and not sp.issparse(X) else None
    return name if isinstance(name, str) else int(j)


def words_of(error: Exception) -> str:
    """What scikit-learn says in an error; nothing where numpy speaks of its own arrays."""
    text = str(error).split("\n")[0].rstrip()
    numpys = any(words in text for words in ("operands could", "ufunc", "setting an array", "truth value", "only 0-"))
    return "" if numpys else f"{text.rstrip('.')}. "


def first_without_number(values: Any) -> tuple[str, dict[str, Any]]:
    """The place of the first value that is no number, text of digits neither; see :func:`_first_not_numeric`."""

    def refuse(value: Any) -> None:
        if not isinstance(value, Number):
            raise TypeError

    return _first_not_numeric(values, refuse)


def _first_not_numeric(values: Any, read: Callable[[Any], Any] = float) -> tuple[str, dict[str, Any]]:
    """The place of the first value that `read` does not take, in words and as fields; empty if there is no table."""
    try:
        given = np.asarray(values, object)
    except (TypeError, ValueError):  # rows of arrays of unequal lengths
        return "", {}
    for at, value in np.ndenumerate(given if given.ndim in (1, 2) else np.empty(0, object)):
        try:
            read(value)
        except (TypeError, ValueError, OverflowError):
            column = "".join(f", column {shown(column_name(values, j))}" for j in at[1:])
            place = {"row": at[0], "column": column_name(values, at[1]) if len(at) > 1 else None, "value": value}
            return f"The first is {shown(value)} in row {at[0]} (counted from 0){column}. ", place
    return "", {}


def _first_uneven(rows: Any) -> tuple[str, dict[str, Any]]:
    """The first row of a list whose length is not that of row 0, in words and as a field."""
    if not isinstance(rows, list | tuple):
        return "", {}
    lengths = [len(row) if isinstance(row, list | tuple) else None for row in rows]
    row = next((i for i, length in enumerate(lengths) if length != lengths[0]), None)
    if row is None:
        return "", {}
    kinds = ("one value" if lengths[i] is None else f"{lengths[i]} values" for i in (0, row))
    return "Row 0 has {}, and row {row} (counted from 0) has {}. ".format(*kinds, row=row), {"row": row}


def _first_bad(X: Any, allow_nan: bool) -> tuple[str, dict[str, Any]]:
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
    place = {"row": row, "column": column_name(X, column), "value": values[tuple(at[0])].item()}
    return f"The first is in row {row} (counted from 0), column {shown(place['column'])}. ", place
