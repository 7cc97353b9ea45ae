"""From what users pass to columns of users, items and ratings: (user, item[, rating]), or a matrix with labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import scipy.sparse as sp

from sqlearn.engine.identity import PLAIN_LABELS, canonical_label
from sqlearn.engine.interactions.names import Label
from sqlearn.engine.kernels import kernel
from sqlearn.engine.validation import is_of_input
from sqlearn.errors import InvalidValueError, ShapeError, shown

COLUMNS = ("user", "item", "rating")
DECIMALS = 6  # of a rating
SCALE = 10**DECIMALS
_WIDEST = 2.0**53 / SCALE  # of a rating: beyond it, decimals are lost
_ROWS = Sequence, np.ndarray, np.void
_DENSE = 4  # whole numbers are numbered by a table of so many times as many places as there are rows


def with_article(name: str) -> str:
    """ "a user", "an item"."""
    return f"{'an' if name == 'item' else 'a'} {name}"


@dataclass
class Column:
    """A column as codes, int32[n], into different values."""

    codes: np.ndarray
    values: list[Any]

    def __len__(self) -> int:
        return len(self.codes)

    def at(self, row: int) -> Any:
        """The value in this row."""
        return self.values[self.codes[row]]


@dataclass
class Columns:
    """Interactions as a store has them: columns by their names, arrays or :class:`Column`, all equally long."""

    by_name: dict[str, Any]


@dataclass
class Given:
    """Interactions as they were given.

    Attributes
    ----------
    users, items : Column
        Canonical labels.
    ratings : Column or None
        Ratings in millionths, as int; None where there is no third column, or nobody asked for it.
    names : list of str or None
        The names of a frame's columns.
    single : bool
        Whether one row was given on its own.
    """

    users: Column
    items: Column
    ratings: Column | None
    names: list[str] | None
    single: bool

    def __len__(self) -> int:
        return len(self.users.codes)


def read(X: Any, users: Any, items: Any, *, rated: bool, needed: bool) -> Given:
    """The interactions that a caller gave.

    Parameters
    ----------
    X : frame, array, list of rows, sparse matrix or Columns
        Rows of (user, item[, rating]), or one row; or a matrix of ratings with a row per user and a column per item.
    users, items : sequence or None
        Labels of the rows and columns of a sparse matrix; 0, 1, ... by default.
    rated, needed : bool
        Whether ratings are read, and whether there must be some.
    """
    if sp.issparse(X):
        return _of_matrix(X, users, items, rated)
    if users is not None or items is not None:
        raise ShapeError(
            "`users` and `items` are labels of the rows and columns of a sparse X, and this X is not sparse. Nothing "
            "was changed: pass rows of (user, item, rating) alone.",
            reason="shape",
        )
    columns, names, single = _columns(X)
    width, wanted = len(columns), COLUMNS if rated and needed else COLUMNS[:2]
    if width not in (len(wanted), 3):
        words = "(user, item, rating)" if len(wanted) == 3 else "(user, item) or (user, item, rating)"
        raise ShapeError(
            f"X has {width} column{'s' if width != 1 else ''}, and an interaction is {words}. Nothing was changed: "
            "pass these columns alone, in this order.",
            reason="columns",
        )
    if not len(columns[0]):
        raise ShapeError("Found a table with 0 sample(s). Nothing was changed: pass at least one row.", reason="empty")
    places = [names[j] if names else j for j in range(width)]
    ratings = _ratings(columns[2], places[2]) if rated and width == 3 else None
    return Given(_labels(columns[0], places[0], "user"), _labels(columns[1], places[1], "item"), ratings, names, single)


def _columns(X: Any) -> tuple[list[Any], list[str] | None, bool]:
    """Columns of values, their names if all are strings, and whether `X` was one row."""
    if isinstance(X, Columns):
        return [*X.by_name.values()], [*X.by_name], False
    if nw.dependencies.is_into_dataframe(X):
        try:
            frame = nw.from_native(X, eager_only=True)
            names = list(frame.columns)
        except nw.exceptions.DuplicateError as error:
            raise ShapeError(
                f"{error} Nothing was changed: give every column a name of its own.", reason="columns"
            ) from error
        are_texts = all(isinstance(name, str) for name in names)
        return [frame[:, j] for j in range(len(names))], names if are_texts else None, False
    if nw.dependencies.is_into_series(X):
        return [[value] for value in nw.from_native(X, series_only=True).to_list()], None, True
    if isinstance(X, np.ma.MaskedArray):
        if np.ma.getmaskarray(X).any():
            raise InvalidValueError(
                "Input X is masked. Nothing was changed: drop such rows first.", reason="not finite"
            )
        X = np.ma.getdata(X)
    if isinstance(X, np.ndarray | np.void) and X.dtype.names is not None:  # records, or one
        if X.ndim > 1 or any(X.dtype[name].shape for name in X.dtype.names):
            raise ShapeError(
                "X is an array of records that is not one-dimensional, or has several values in a field. Nothing was "
                "changed: pass a one-dimensional one, whose fields are the columns.",
                reason="shape",
            )
        return [np.atleast_1d(X[name]) for name in X.dtype.names], list(X.dtype.names), not X.ndim
    if isinstance(X, np.ndarray):
        if X.ndim not in (1, 2):
            raise ShapeError(
                f"X has {X.ndim} dimensions. Nothing was changed: pass rows of (user, item, rating), or one row.",
                reason="shape",
            )
        table = np.atleast_2d(X)
        return [table[:, j] for j in range(table.shape[1])], None, X.ndim == 1
    if isinstance(X, Sequence) and not isinstance(X, str | bytes):
        single = bool(len(X)) and (isinstance(X[0], str | bytes) or not isinstance(X[0], (*_ROWS, Mapping)))
        rows = [X] if single else X
        widths = {len(row) for row in rows} if all(isinstance(row, _ROWS) for row in rows) else set()
        if len(rows) and len(widths) == 1:
            return [list(column) for column in zip(*rows, strict=True)], None, single
        if not len(rows):
            raise ShapeError(
                "Found an array with 0 sample(s). Nothing was changed: pass at least one row.", reason="empty"
            )
    raise ShapeError(
        f"X, of type {type(X).__name__}, is not a table of interactions. Nothing was changed: pass a frame, an array "
        "or a list of rows (user, item, rating), or a sparse matrix.",
        reason="shape",
    )


def _refuse_twice(matrix: sp.coo_array) -> None:
    """Refuse a matrix that stores several entries in one place."""
    rows, columns = (np.asarray(part, np.int64) for part in matrix.coords)
    places = rows * matrix.shape[1] + columns
    order = np.argsort(places, kind="stable")
    later = order[1:][np.diff(places[order]) == 0]
    if len(later):
        at = later.min()
        raise InvalidValueError(
            f"X stores several entries in row {rows[at]}, column {columns[at]} (counted from 0), and a pair of user "
            "and item has one interaction. Nothing was changed: pass one entry for each pair.",
            row=int(rows[at]),
            column=int(columns[at]),
            reason="repeated",
        )


def _of_matrix(X: Any, users: Any, items: Any, rated: bool) -> Given:
    if X.ndim != 2:
        raise ShapeError(
            "A sparse X has a row per user and a column per item, and this one has "
            f"{X.ndim} dimension{'s' if X.ndim != 1 else ''}. Nothing was changed: reshape it.",
            reason="shape",
        )
    matrix = sp.coo_array(X)
    _refuse_twice(matrix)
    if not matrix.nnz:
        raise ShapeError("X has no stored entry. Nothing was changed: pass at least one.", reason="empty")
    rows, columns = (np.asarray(part) for part in matrix.coords)
    zeros = np.flatnonzero(matrix.data == 0)
    if len(zeros):
        at = zeros[0]
        raise InvalidValueError(
            f"X stores a zero, first in row {rows[at]}, column {columns[at]} (counted from 0), which may mean a rating "
            "of 0 or no interaction. Nothing was changed: call X.eliminate_zeros() if it means nothing, or pass "
            "ratings of 0 as rows (user, item, 0).",
            row=int(rows[at]),
            column=int(columns[at]),
            value=0,
            reason="out of range",
        )
    found = []
    for slots, labels, size, name in ((rows, users, X.shape[0], "user"), (columns, items, X.shape[1], "item")):
        if labels is None:
            codes, used = _numbered(slots.astype(np.int64))
            found.append(Column(codes, used.tolist()))
            continue
        known = _labels(labels if hasattr(labels, "dtype") else list(labels), f"{name}s", name)
        if len(known.codes) != size:
            raise ShapeError(
                f"`{name}s` has {len(known.codes)} labels, and X has {size} {'rows' if name == 'user' else 'columns'}. "
                f"Nothing was changed: pass a label for each.",
                reason="shape",
            )
        if len(known.values) != size:
            order = np.argsort(known.codes, kind="stable")
            twice = order[1:][np.diff(known.codes[order]) == 0].min()
            raise InvalidValueError(
                f"`{name}s` names {shown(known.at(twice))} twice, again at {twice} (counted from 0). Nothing was "
                "changed: pass different labels.",
                row=twice,
                value=known.at(twice),
                reason="label",
            )
        codes, used = _numbered(known.codes[slots].astype(np.int64))
        found.append(Column(codes, [known.values[slot] for slot in used.tolist()]))
    ratings = _ratings(matrix.data, "rating") if rated else None
    return Given(found[0], found[1], ratings, None, False)


# ---------------------------------------------------------------------------------------------------- columns


@kernel
def _number_dense(values, low, table, codes, used):
    """Number whole numbers in the order in which they come, by a table that is -1 everywhere; how many there are."""
    n = 0
    for r in range(len(values)):
        at = values[r] - low
        if table[at] < 0:
            table[at] = n
            used[n] = values[r]
            n += 1
        codes[r] = table[at]
    return n


def _numbered(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes, int32, of int64 values, and the different ones of them."""
    low, high = values.min().item(), values.max().item()
    if high - low < _DENSE * len(values) + 1024:
        size = high - low + 1
        codes, used = np.empty(len(values), np.int32), np.empty(min(size, len(values)), np.int64)
        n = _number_dense(np.ascontiguousarray(values), low, np.full(size, -1, np.int32), codes, used)
        return codes, used[:n].copy()
    different, found = np.unique(values, return_inverse=True)
    return found.astype(np.int32), different


def _as_array(column: Any) -> np.ndarray | list[Any]:
    """A column as an array of a plain type, or as a list of objects."""
    if isinstance(column, nw.Series):
        if column.dtype.is_numeric() and not column.null_count():
            values = column.to_numpy()
            return values if values.dtype.kind in "iuf" else column.to_list()
        return column.to_list()
    if isinstance(column, np.ndarray):
        return column if column.dtype.kind in "iufb" else column.tolist()
    if nw.dependencies.is_into_series(column):
        return _as_array(nw.from_native(column, series_only=True))
    return list(column)


def _is_missing(value: Any) -> bool:
    """None, and what does not equal itself: NaN and NaT; pandas.NA does not even say whether it does."""
    try:
        return value is None or bool(value != value)
    except TypeError:
        return True
    except (ValueError, ArithmeticError):  # an array; a signalling NaN of Decimal's
        return False


def _labels(column: Any, place: str | int, name: str) -> Column:
    """Users or items as codes of canonical labels."""
    if isinstance(column, Column):
        return column
    values = _as_array(column)
    if isinstance(values, np.ndarray):
        if values.dtype.kind == "f":
            finite = np.isfinite(values)
            if not finite.all():
                row = int(np.flatnonzero(~finite)[0])
                raise _missing(row, place, name, values[row].item())
        if values.dtype.kind in "ib" or (values.dtype.kind == "u" and values.dtype.itemsize < 8):
            codes, used = _numbered(values.astype(np.int64))
            return Column(codes, used.tolist())
        different, found = np.unique(values, return_inverse=True)
        return Column(found.astype(np.int32), [canonical_label(value) for value in different.tolist()])
    return listed_labels(values, place, name)


def listed_labels(values: list[Any], place: str | int, name: str) -> Column:
    """The same for a list of objects."""
    codes, known = np.empty(len(values), np.int32), dict[Label, int]()
    for row, value in enumerate(values):
        code = known.get(value) if type(value) in PLAIN_LABELS else None
        if code is None:
            if _is_missing(value):
                raise _missing(row, place, name, value)
            try:
                label = canonical_label(value)
            except TypeError as error:
                if not is_of_input(error):
                    raise
                raise InvalidValueError(
                    f"The {name} in row {row} (counted from 0), column {shown(place)}, is {shown(value)}, and "
                    f"{with_article(name)} is a number or a string. Nothing was changed: convert it first.",
                    row=row,
                    column=place,
                    value=value,
                    reason="label",
                ) from error
            if label in (np.inf, -np.inf):
                raise _missing(row, place, name, value)
            code = known.setdefault(label, len(known))
        codes[row] = code
    return Column(codes, list(known))


def _missing(row: int, place: str | int, name: str, value: Any) -> InvalidValueError:
    what = "infinite" if isinstance(value, float) and value == value else "missing"
    return InvalidValueError(
        f"The {name} in row {row} (counted from 0), column {shown(place)}, is {what}. Nothing was changed: drop such "
        "rows first.",
        row=row,
        column=place,
        value=value,
        reason="not finite",
    )


def _ratings(column: Any, place: str | int) -> Column:
    """Ratings as codes of whole millionths."""
    values = _as_array(column)
    narrow = values.dtype if isinstance(values, np.ndarray) and values.dtype in (np.float16, np.float32) else None
    if not isinstance(values, np.ndarray):
        values = _as_floats(values, place)
    numbers = values.astype(np.float64)
    finite = np.isfinite(numbers)
    if not finite.all():
        row = int(np.flatnonzero(~finite)[0])
        raise InvalidValueError(
            f"The rating in row {row} (counted from 0), column {shown(place)}, is {numbers[row].item()!r}. Nothing was "
            "changed: drop such rows first.",
            row=row,
            column=place,
            value=numbers[row].item(),
            reason="not finite",
        )
    within = np.abs(numbers) < _WIDEST
    units = np.rint(np.where(within, numbers, 0.0) * SCALE)
    back = units / SCALE
    same = within & ((back if narrow is None else back.astype(narrow)) == values)
    if not same.all():
        row = int(np.flatnonzero(~same)[0])
        raise InvalidValueError(
            f"The rating in row {row} (counted from 0), column {shown(place)}, is {numbers[row].item()!r}, and ratings "
            f"are numbers of at most {DECIMALS} decimals below {_WIDEST:.1e}. Nothing was changed: round them first.",
            row=row,
            column=place,
            value=numbers[row].item(),
            reason="out of range",
        )
    codes, used = _numbered(units.astype(np.int64))
    return Column(codes, used.tolist())


def _as_floats(values: list[Any], place: str | int) -> np.ndarray:
    numbers = np.empty(len(values))
    for row, value in enumerate(values):
        try:
            if isinstance(value, str | bytes | complex):
                raise TypeError
            narrow = isinstance(value, np.float32 | np.float16)  # which is read as it prints
            numbers[row] = np.nan if _is_missing(value) else float(str(value) if narrow else value)
        except (TypeError, ValueError, OverflowError) as error:
            if not is_of_input(error, here=False):
                raise
            raise InvalidValueError(
                f"The rating in row {row} (counted from 0), column {shown(place)}, is {shown(value)}, which is not a "
                "number. Nothing was changed: convert it first (an array of text and numbers holds text alone: pass "
                "a list of rows, or a frame).",
                row=row,
                column=place,
                value=value,
                reason="not numeric",
            ) from error
    return numbers
