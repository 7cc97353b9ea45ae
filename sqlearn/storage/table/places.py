"""Where the rows of a frame stand in the whole table, which may be a file: for errors that are about one of them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from sqlearn.errors import SqlearnError, shown

Place = Callable[[int], tuple[str | None, dict[str, int]]]  # of a row: the place in words, if any, and as fields


class PlacedColumns(dict[str, Any]):
    """A dict of columns that knows where in a file its rows stand.

    Parameters
    ----------
    columns : mapping
        The columns.
    place : callable
        From a row, counted from 0, to its place in words, and to the fields ``row`` and ``line`` of errors about it.
    """

    def __init__(self, columns: Mapping[str, Any], place: Place) -> None:
        super().__init__(columns)
        self.place = place


@contextmanager
def located(frame: Any, before: int) -> Iterator[None]:
    """Context in which errors about a row of a frame name its place in the whole table.

    Parameters
    ----------
    frame : frame or dict of columns
        The frame.
    before : int
        The number of rows in the frames before it.
    """
    try:
        yield
    except SqlearnError as error:
        name_place(error, place_of(frame), before)
        raise


def place_of(frame: Any) -> Place | None:
    """From a row of a frame to its place in a file, if it is from one."""
    return frame.place if isinstance(frame, PlacedColumns) else None


_NAME = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\d+)"""  # of a column, as messages show it


def name_place(error: SqlearnError, place: Place | None, before: int) -> None:
    """The same for an error about a row of a frame, and the frame's place in a file, if it is from one."""
    row = error.row
    if row is None or (place is None and not before):
        return
    at, fields = place(row) if place is not None else (None, {"row": before + row})
    message = re.sub(rf"\b([rR]ow) {row}(?=,? (?:column|\(counted))", rf"\1 {fields['row']}", str(error))
    error.row, error.line = fields["row"], fields.get("line")
    if at is not None:  # which names the row
        message = re.sub(rf"\bin row {fields['row']} \(counted from 0\), (column {_NAME}),?", r"in \1", message)
    if at is not None and error.line is None and "counted from 0" not in message:
        at = f"{at} (counted from 0)"
    error.args = (message if at is None else f"{at}: {message}",)


def name_column(error: SqlearnError, X: Any, names: Sequence[str]) -> None:
    """The same for the column of an error about a number of a matrix, whose columns have these names in the table."""
    row, column = error.row, error.column
    if not isinstance(X, np.ndarray) or X.dtype != np.float64 or row is None or not isinstance(column, int):
        return
    if row >= len(X) or column >= len(names):
        return
    value = X[row, column]  # else the error is about an image of the row
    if error.value == value or (error.reason == "not finite" and not np.isfinite(value)):
        error.column = names[column]
        named = f"column {shown(names[column])}"
        error.args = (re.sub(rf"\bcolumn {column}\b( \(counted from 0\))?", lambda _: named, str(error)),)
