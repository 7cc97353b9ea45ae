"""Which rows of a piece ids or a condition mean, found where the piece lies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np

from sqlearn.distributed.pieces import Block, Piece, Plan, is_decimal, joined, stacked
from sqlearn.distributed.workers import pause
from sqlearn.engine.tables import is_missing
from sqlearn.errors import TableError, shown
from sqlearn.storage.conditions import Condition, Seen
from sqlearn.storage.table import Category, Columns

_LARGEST = int(np.log10(np.finfo(np.float64).max))  # decimal places of a number


class Chosen(NamedTuple):
    """Rows of a piece that are meant.

    Attributes
    ----------
    rows : int64[n]
        Their numbers.
    block : Block
        Their contents; None if there are none.
    seen : Seen
        What the columns of a condition were seen to hold.
    ids : set
        Which ids they have.
    """

    rows: np.ndarray
    block: Any
    seen: Seen
    ids: set[Any]


def chosen_in(
    plan: Plan,
    piece: Piece,
    kept: Columns,
    where: str | None,
    ids: set[Any],
    gone: Sequence[int],
    targets: Mapping[int, np.ndarray],
) -> Chosen:
    """The rows of a piece that fulfil a condition, or have one of these ids, but for those that are gone.

    Those in `targets` have other labels or targets than in the piece.
    """
    told = Seen({}, {})
    condition = None if where is None else Condition(where, kept.all)

    def meant(plan: Plan, parts: Iterable[tuple[int, Piece]]) -> Iterator[tuple[Block, np.ndarray, np.ndarray, Any]]:
        """Of each block the places that are meant, their numbers, and their ids."""
        for first, part in parts:
            for block in part.blocks(plan):
                pause()
                if not len(block):
                    continue
                with block.located():
                    values = _values(kept, block)
                    if condition is None:
                        _check_told_apart(block, ids)
                if condition is None:
                    (column,) = values.values()
                    held = column.values() if isinstance(column, Category) else column
                    places = np.flatnonzero([id in ids for id in held.tolist()])
                else:
                    held, places = None, _matching(condition, values, len(block), told)
                rows = places + block.start + first
                stay = ~np.isin(rows, gone)
                if stay.any():
                    places, rows = places[stay], rows[stay]
                    yield block, places, rows, None if held is None else held[places]

    parts = piece.parts(*([plan.keep[0], ids] if condition is None else [])) if plan.keep else None
    if parts is None:
        parts = iter([(0, piece)])
    else:  # what is meant is found by few columns, and then the others are read where it is
        listed = [*parts]
        starts = np.array([first for first, _ in listed], np.int64)
        looked = listed if condition is None else [(0, piece)]
        seen = [rows for _, _, rows, _ in meant(plan.of_kept(), looked)]
        at = np.unique(np.searchsorted(starts, np.concatenate([starts[:0], *seen]), "right") - 1)
        parts = iter([listed[i] for i in at])
    blocks, numbers, found = [], [np.zeros(0, np.int64)], set()
    for block, places, rows, held in meant(plan, parts):
        found |= set() if held is None else {*held.tolist()}
        numbers.append(rows)
        blocks.append(_relabelled(taken(block, places), rows, targets))
    return Chosen(np.concatenate(numbers), joined(blocks) if blocks else None, told, found)


def _values(kept: Columns, block: Block) -> dict[str, Any]:
    """The values of these columns; of whole and of decimal numbers, as they are: float64 would round them."""
    values: dict[str, Any] = {**block.exact}
    frame = nw.from_native(block.kept, eager_only=True)
    for column in kept.all:
        if column.name in block.exact:
            continue
        series = frame.get_column(column.name)
        if column.kind == "number" and (series.dtype in (nw.Int64, nw.UInt64) or is_decimal(series)):
            values[column.name] = np.fromiter(map(_exact, series.to_list()), object, len(series))
            continue
        given = frame.select(column.name).to_native()
        if column.kind == "category" and series.dtype == nw.Object:
            given = {column.name: np.fromiter(map(_plain, series.to_list()), object, len(series))}
        values |= Columns([column], None).block(given)
    return values


def _exact(value: Any) -> int | float | None:
    if is_missing(value):
        return None
    return int(value) if value == int(value) else float(value)


def _plain(value: Any) -> Any:
    """A value of a column of objects: of decimal numbers that float64 reaches, as of a column of them."""
    is_plain = isinstance(value, Decimal) and value.is_finite() and value.adjusted() <= _LARGEST
    return _exact(value) if is_plain else value


def _check_told_apart(block: Block, ids: set[Any]) -> None:
    """Refuse ids where a column of floats has numbers that stand for several of them."""
    largest = max((abs(id) for id in ids if isinstance(id, int)), default=0)
    for series in nw.from_native(block.kept, eager_only=True).iter_columns():
        bits = 24 if series.dtype == nw.Float32 else 53
        if not (series.dtype.is_float() or series.dtype == nw.Object) or largest < 2**bits:
            continue
        values = block.exact.get(series.name, series.to_list())
        numbers = np.array([abs(value) if isinstance(value, float | np.floating) else 0.0 for value in values])
        if (numbers >= 2**bits).any():
            row = int(np.argmax(numbers >= 2**bits))
            raise TableError(
                f"column {shown(series.name)} holds the float {numbers[row]:.17g}, and floats of 2^{bits} and more do "
                "not tell all ids apart. Nothing was changed: write ids as whole numbers or as text, and fit again; "
                "or name the rows by a condition on other columns.",
                row=row,
                column=series.name,
                reason="value",
            )


def _matching(condition: Condition, values: dict[str, Any], n: int, told: Seen) -> np.ndarray:
    """The rows of a block that fulfil a condition; `told` is told what its columns hold."""
    seen, slots = Seen({}, {}), np.arange(n)
    found = np.concatenate([slots[:0], *condition.matches([(slots, values)], seen)])
    told.no_dates.update(seen.no_dates | told.no_dates)
    for name, kinds in seen.kinds.items():
        told.kinds.setdefault(name, set()).update(kinds)
    return found


def taken(block: Block, places: np.ndarray) -> Block:
    """Some rows of a block, without where they stand."""
    is_frame = nw.dependencies.is_into_dataframe(block.X)
    X: Any = nw.from_native(block.X, eager_only=True)[places].to_native() if is_frame else block.X[places]
    y, weight = (None if part is None else part[places] for part in (block.y, block.weight))
    return Block(X, y, weight, 0, block.piece, _nowhere)


def _nowhere(row: int) -> tuple[str, dict[str, int]]:
    return "", {}


def _relabelled(block: Block, rows: np.ndarray, targets: Mapping[int, np.ndarray]) -> Block:
    """A block whose rows, which have these numbers in the piece, have these targets where there are any."""
    changed = [i for i, row in enumerate(rows.tolist()) if row in targets]
    if changed:
        assert block.y is not None
        new = np.array([targets[int(rows[i])] for i in changed])
        together = stacked([block.y, new])  # in a type that has all of them
        block.y, new = np.split(together, [len(rows)])
        block.y[changed] = new
    return block
