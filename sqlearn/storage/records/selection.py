"""Which rows are meant: by their ids, or by a condition."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from sqlearn.errors import StoreError, shown
from sqlearn.storage.conditions import Condition, Seen
from sqlearn.storage.file import Database, damaged
from sqlearn.storage.records.ids import Ids
from sqlearn.storage.records.labels import Labels, named_role
from sqlearn.storage.records.rows import Rows
from sqlearn.storage.table import Column, Columns, named_ids
from sqlearn.storage.types import Progress

_AT_ONCE = 1 << 14  # rows


def _alone(rows: int) -> None:
    """Tell nobody."""


class Selection:
    """From ids and conditions to rows.

    Parameters
    ----------
    database : Database
        The file.
    columns : Columns
        What conditions may read, beside the ids.
    rows : Rows
        The rows.
    ids : Ids
        Their ids.
    labels : dict of str to Labels
        Users and items, where rows are interactions.
    """

    def __init__(self, database: Database, columns: Columns, rows: Rows, ids: Ids, labels: dict[str, Labels]) -> None:
        self._database, self._columns, self._rows, self._ids, self._labels = database, columns, rows, ids, labels

    def named(
        self,
        ids: Any,
        where: str | None,
        look: Callable[[int], None] = _alone,
        users: Any = None,
        items: Any = None,
    ) -> tuple[np.ndarray, list[Any] | None]:
        """Places of the rows meant, ascending, and their ids if they were named by them."""
        named = named_role(users, items, self._labels, ids, where)
        if named is not None:
            labels, given = named
            return labels.find(labels.canonical(given), look), None
        if where is not None:
            return self.matching(where, look), None
        ids = self.checked(ids)
        return in_order(self._ids.find(ids), ids)

    def checked(self, ids: Any) -> list[Any]:
        """Ids of the kind that the store has, in a list."""
        return named_ids(ids, self._ids.textual)

    def condition(self, where: str) -> Condition:
        """A condition over the columns and the ids."""
        return Condition(where, self._compared())

    def _compared(self) -> list[Column]:
        """What conditions may compare."""
        columns = [*self._columns.all, Column(self._columns.id or "id", "id", "text" if self._ids.textual else "whole")]
        if self._columns.id is None and "id" in {column.name.lower() for column in self._columns.all}:
            columns.pop()  # a column of the table has that name
        return columns

    def matching(self, where: str, look: Callable[[int], None] = _alone, seen: Seen | None = None) -> np.ndarray:
        """Places of the rows that fulfil a condition, ascending; `look` hears of every block how many rows it has.

        `seen` is told what columns hold, where the rows are not all of a table.
        """
        condition, columns = self.condition(where), self._compared()

        def blocks() -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
            for slots, cells in self._rows.scan():
                look(len(slots))
                block: dict[str, Any] = self._rows.block(cells, condition.reads)
                if columns[-1].name in condition.reads and columns[-1].role == "id":
                    block[columns[-1].name] = np.array(self._ids.of_cells(cells[:, -1]), object)
                yield slots, block

        return np.concatenate([np.zeros(0, np.int64), *condition.matches(blocks(), seen)])

    def read(self, slots: np.ndarray, ids: list[Any] | None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows by place, part by part: places, and packed rows, which have these ids."""
        for start in range(0, len(slots), _AT_ONCE):
            part = slots[start : start + _AT_ONCE]
            cells = self._rows.read(part)
            if ids is not None and self._ids.of_cells(cells[:, -1]) != ids[start : start + _AT_ONCE]:
                raise damaged(self._database.path, "its index of ids points to other rows")
            for some in self._rows.parts(cells):
                yield part[some], cells[some]


def in_order(slots: np.ndarray, ids: list[Any] | None) -> tuple[np.ndarray, list[Any] | None]:
    """Places of rows in ascending order, and their ids, if these are given, in that of the places."""
    order = np.argsort(slots)
    return slots[order], None if ids is None else [ids[i] for i in order.tolist()]


def looking(progress: Progress | None, check: Callable[[], object] = lambda: None) -> Callable[[int], None]:
    """What to do at each block of rows that a condition is asked of."""
    if progress is not None and not callable(progress):
        raise StoreError(
            f"`progress` must be a function that takes a number of rows, not {shown(progress)}. Nothing was changed: "
            "leave it out.",
            value=progress,
            reason="argument",
        )

    def look(rows: int) -> None:
        check()
        if progress is not None:
            progress(rows)

    return look
