"""Which columns a part of a ColumnTransformer takes: by name, position, slice, mask or function."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sqlearn.errors import ParameterError, listed, shown


def place_of_column(column: Any, width: int, names: Sequence[str] | None) -> int:
    """The position of a column that is named, or counted, from the end if negative."""
    if isinstance(column, str):
        if names is None:
            raise ParameterError(
                f"Specifying the columns using strings is only supported for dataframes: these rows have no names, and "
                f"a ColumnTransformer asks for {shown(column)}. Pass a frame, or positions.",
                value=column,
            )
        if column not in names:
            raise ParameterError(
                f"A given column is not a column of the dataframe: {shown(column)}. Its columns are {listed(names)}.",
                value=column,
            )
        return list(names).index(column)
    place = column + width if column < 0 else column
    if not 0 <= place < width:
        raise ParameterError(f"all features must be in [0, {width - 1}] or [-{width}, 0], not {column}.", value=column)
    return int(place)


def columns_listed(columns: Any, X: Any, width: int, names: Sequence[str] | None) -> list[Any]:
    """The columns as a list: of names, or of positions."""
    if callable(columns):
        columns = columns(X)
    if isinstance(columns, str) or np.isscalar(columns):
        raise ParameterError(
            f"1D data passed to a transformer that expects 2D data: the columns {shown(columns)} are one column. "
            "Specify the column selection as a list of one item instead of a scalar.",
            value=columns,
        )
    if isinstance(columns, slice):
        start, stop = columns.start, columns.stop
        if isinstance(start, str) or isinstance(stop, str):
            first = 0 if start is None else place_of_column(start, width, names)
            last = width if stop is None else place_of_column(stop, width, names) + 1
            found = list(range(width))[slice(first, last, columns.step)]
            return [names[place] for place in found] if names is not None else found
        return list(range(width))[columns]
    array = None if isinstance(columns, list) else np.asarray(columns)
    if array is None or array.ndim == 1:
        given = list(columns) if array is None else array.tolist()
        if given and all(isinstance(column, bool | np.bool_) for column in given):
            if len(given) != width:
                raise ParameterError(
                    f"A mask of columns has {len(given)} values, and X {width} columns.", value=columns
                )
            return np.flatnonzero(given).tolist()
        if all(isinstance(column, str) for column in given):
            return [str(column) for column in given]
        if all(isinstance(column, int | np.integer) and not isinstance(column, bool) for column in given):
            return [int(column) for column in given]
    raise ParameterError(
        "No valid specification of the columns. Only a scalar, list or slice of all integers or all strings, or "
        f"boolean mask is allowed, not {shown(columns)}.",
        value=columns,
    )
