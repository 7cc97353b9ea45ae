"""Kinds of columns: what one is in a piece, what it is in all of them, and how it is read as that."""

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from sqlearn.engine.tables import is_missing
from sqlearn.errors import TableError, shown

TEXT, CATEGORY, OBJECT, BOOLEAN, DECIMAL = "text", "category", "object", "bool", "decimal"
NONE, GAPS = "none", "gaps"  # no value of any type; no value, of text or of objects
ASKED = "asked"  # numbers of whatever type the piece has, so that none is rounded
_EXACT = 2.0**53  # below it float64 holds every whole number
_OF = f"{CATEGORY} of "  # before the kind of categories that are no texts
_PLAIN = {"boolean": BOOLEAN, "string": TEXT, "unknown": NONE}
_NUMBERS = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)} | {"float16", "float32", "float64"}
_WORDS = {
    NONE: "nothing",
    GAPS: "nothing",
    CATEGORY: "categories",
    OBJECT: "objects",
    BOOLEAN: "booleans",
    DECIMAL: "decimal numbers",
}


def column_kind(column: nw.Series[Any]) -> str:
    """What a column of a frame holds: a type of numbers, or one of the kinds above, or the name of another type."""
    name = str(column.dtype).lower()
    if name in ("string", OBJECT) and len(column) and column.null_count() == len(column):
        return GAPS
    if name == "categorical" or name.startswith("enum"):
        inner = column_kind(_categories(column))
        return CATEGORY if inner in (TEXT, GAPS, NONE) else _OF + inner
    return DECIMAL if is_decimal(column) else _PLAIN.get(name, name)


def is_decimal(column: nw.Series[Any]) -> bool:
    """Whether a column has decimal numbers. Narwhals does not know those of Arrow that have more than 38 digits."""
    return column.dtype.is_decimal() if column.dtype != nw.Unknown else str(_arrow_type(column)).startswith(DECIMAL)


def _arrow_type(column: nw.Series[Any]) -> Any:
    """The type of a column of Arrow, which frames of pandas may have, too; None of others."""
    native = column.to_native()
    return native.type if column.implementation.is_pyarrow() else getattr(native.dtype, "pyarrow_dtype", None)


def _categories(column: nw.Series[Any]) -> nw.Series[Any]:
    """The categories of a column; of Arrow's, none of them, but of their type."""
    arrow = _arrow_type(column)
    if arrow is None:
        return column.cat.get_categories()
    import pyarrow as pa

    return nw.from_native(pa.chunked_array([], arrow.value_type), series_only=True)


def plain(kind: str) -> str:
    """The kind of the values of a column: of categories, that of them."""
    return TEXT if kind == CATEGORY else kind.removeprefix(_OF)


def values_kind(values: Any) -> str:
    """The same for labels, targets or weights, as an array or a Series, and for an array of features."""
    if isinstance(values, nw.Series):
        return column_kind(values)
    kind = values.dtype.kind
    if kind in "fiub":
        return BOOLEAN if kind == "b" else values.dtype.name if values.dtype.name in _NUMBERS else "float64"
    if kind in "UT" or (kind == "O" and all(isinstance(value, str) for value in values.flat)):
        return TEXT
    return OBJECT if kind == "O" else values.dtype.name


def settled(what: str, by_piece: Mapping[str, str]) -> str:
    """The one kind of a column over all pieces, as joining them would give it.

    Parameters
    ----------
    what : str
        What messages call the column.
    by_piece : mapping
        Its kind in each piece that has rows.

    Returns
    -------
    str
        Of numbers and booleans the type that numpy would give all of them; where a piece has categories and another
        has none, that of the values.

    Raises
    ------
    TableError
        When kinds do not fit together; it names two pieces.
    """
    first = {kind: piece for piece, kind in reversed([*by_piece.items()]) if kind not in (NONE, GAPS)}
    kinds = set(first)
    if len(kinds) == 1:
        return kinds.pop()
    if not kinds:
        return TEXT if GAPS in by_piece.values() else "float64"
    if OBJECT in kinds:
        return OBJECT
    are_categories = [kind.startswith(CATEGORY) for kind in kinds]
    if all(are_categories):
        return CATEGORY
    if any(are_categories):
        return settled(what, {piece: plain(kind) for piece, kind in by_piece.items()})
    if kinds <= _NUMBERS | {BOOLEAN}:
        return np.result_type(*kinds).name
    if kinds <= _NUMBERS | {DECIMAL}:
        return "float64"
    one, other = sorted(kinds, key=lambda kind: [*by_piece].index(first[kind]))[:2]
    raise TableError(
        f"{what} holds {_WORDS.get(one, one)} in {first[one]} and {_WORDS.get(other, other)} in {first[other]}. "
        "Nothing was changed: give it one type in all pieces, or choose other columns.",
        reason="columns",
    )


def is_number(kind: str) -> bool:
    return kind in _NUMBERS


def as_asked(kind: str) -> str:
    """The kind in which a column is read that ids or a condition ask about."""
    return ASKED if kind in _NUMBERS | {DECIMAL} else kind


def is_learned(kind: str) -> bool:
    """Whether some learner takes features of this kind."""
    return plain(kind) in _NUMBERS | {TEXT, OBJECT, BOOLEAN, DECIMAL}


def as_kind(column: nw.Series[Any], kind: str, piece: str) -> nw.Series[Any]:
    """A column of a frame in the kind that was settled, which its own is part of."""
    own = column_kind(column)
    if kind == ASKED:
        if own not in _NUMBERS | {BOOLEAN, DECIMAL, NONE, GAPS}:
            raise _misfit(f"{piece}: column {shown(column.name)}", own, "numbers", column.name)
        return column
    if own == kind or (own.startswith(CATEGORY) and kind.startswith(CATEGORY)):
        return column
    if own in (NONE, GAPS):
        return _gaps(column, kind)
    of = plain(own)
    fits = of == kind or (of == DECIMAL and kind == "float64") or kind == OBJECT
    numeric = of in _NUMBERS | {BOOLEAN} and kind in _NUMBERS
    if not (fits or (numeric and np.result_type(of, kind).name == kind)):
        raise _misfit(f"{piece}: column {shown(column.name)}", own, kind, column.name)
    if own == DECIMAL:
        return _as_floats(column)
    try:
        return column.cast(_dtype(kind))
    except ValueError:
        if kind != "float64":
            raise
        return _as_floats(column)  # Arrow refuses whole numbers that float64 has not: numpy takes the nearest


def _as_floats(column: nw.Series[Any]) -> nw.Series[Any]:
    """Numbers of any type as those of float64 that are nearest."""
    numbers = [None if is_missing(value) else float(value) for value in column.to_list()]
    return nw.new_series(column.name, numbers, nw.Float64(), backend=column.implementation)


def _misfit(what: str, own: str, kind: str, column: Any = None) -> TableError:
    return TableError(
        f"{what} holds {_WORDS.get(own, own)}, and {_WORDS.get(kind, kind)} in the other pieces, or by what was "
        "declared of it. Nothing was changed: give it one type in all pieces.",
        column=column,
        reason="columns",
    )


def _gaps(column: nw.Series[Any], kind: str) -> nw.Series[Any]:
    """A column without a value, of a kind; in pandas whole numbers and booleans have no gaps, and these are kept."""
    if column.implementation.is_pandas() and kind != TEXT and not kind.startswith(CATEGORY):
        return column.cast(nw.Float64()) if kind in _NUMBERS else column
    return column.cast(_dtype("float64" if kind == DECIMAL else kind))


def _dtype(kind: str) -> Any:
    special = {TEXT: nw.String(), OBJECT: nw.Object(), BOOLEAN: nw.Boolean()}
    if kind.startswith(CATEGORY):
        return nw.Categorical()
    if kind in special:
        return special[kind]
    return getattr(nw, kind.capitalize().replace("Uint", "UInt"))()


def as_labels(values: Any, kind: str, what: str, exact: np.ndarray | None = None) -> np.ndarray:
    """Labels as :func:`as_values` gives them, but for whole numbers that float64 has not: these stay as they are.

    Parameters
    ----------
    exact : object[n], optional
        The same with all digits, where `values` are floats that were written as text.
    """
    found = as_values(values, kind, what)
    if kind != "float64" or not (np.abs(found) >= _EXACT).any() or not are_whole(found):
        return found  # what is not whole is no label, as the learner will say
    if exact is None:
        exact = np.array(values.to_list() if isinstance(values, nw.Series) else values, object)
    return wholes(exact.ravel().tolist(), what).reshape(found.shape)


def are_whole(numbers: np.ndarray) -> bool:
    """Whether floats are whole numbers, of which there is one at least."""
    return bool(numbers.size and np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all())


def wholes(values: Sequence[Any], what: str) -> np.ndarray:
    """Whole numbers as int64, or as uint64 where that has all of them."""
    for kind in (np.int64, np.uint64):
        low, high = np.iinfo(kind).min, np.iinfo(kind).max
        if all(low <= value <= high and value == int(value) for value in values):
            return np.array([int(value) for value in values], kind)
    odd = next(value for value in values if not -(2**63) <= value < 2**63 or value != int(value))
    raise TableError(
        f"{what} holds {shown(odd)}, which is no integer of 64 bits, or stands beside negative ones. Nothing was "
        "changed: write labels as text.",
        value=odd,
        reason="value",
    )


def as_values(values: Any, kind: str, what: str) -> np.ndarray:
    """Labels, targets or weights as an array of the kind that was settled; missing numbers are NaN, others None.

    Parameters
    ----------
    values : narwhals.Series or ndarray
        What a piece has.
    kind : str
        Their kind in all pieces, of values and not of categories; numbers may turn out to need a wider type.
    what : str
        What messages call them, and the piece.
    """
    own = plain(values_kind(values))
    if own == kind and isinstance(values, np.ndarray):
        return values
    known = (_NUMBERS | {BOOLEAN, DECIMAL, NONE, GAPS}) if kind in _NUMBERS else {kind, NONE, GAPS}
    if own not in known and kind != OBJECT:
        raise _misfit(what, own, kind)
    gaps = isinstance(values, nw.Series) and bool(values.null_count())
    if kind in _NUMBERS and (gaps or own == DECIMAL):
        return np.array([np.nan if is_missing(value) else float(value) for value in values.to_list()], np.float64)
    if kind in _NUMBERS or (kind == BOOLEAN and not gaps):
        array = values.to_numpy() if isinstance(values, nw.Series) else values
        return array.astype(np.result_type(own, kind), copy=False)
    found = np.empty(values.shape, object)
    found[...] = values.to_list() if isinstance(values, nw.Series) else values
    return found
