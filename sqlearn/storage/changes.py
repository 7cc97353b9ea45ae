"""How rows are learned, forgotten and relabelled: in the model and in every part of the file together."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from sqlearn.errors import ShapeError, SqlearnError
from sqlearn.storage.contents import Contents
from sqlearn.storage.file import Receipt
from sqlearn.storage.table import (
    Category,
    Place,
    arguments,
    length_of,
    located,
    name_column,
    name_place,
    place_of,
    relabelled,
    take,
)
from sqlearn.storage.types import Progress
from sqlearn.storage.upkeep import compact

_AT_ONCE = 1 << 16  # rows


class Changes(Contents):
    """What changes a store's contents. All methods are called within a transaction that writes."""

    def _take_in(self, frames: Iterator[Any], check: Callable[[], None], progress: Progress | None = None) -> int:
        """Learn frames and keep their rows, and tell `progress` of them. Returns how many."""
        count, taken = 0, Taken()
        for number, frame in enumerate(frames):
            check()
            try:
                with located(frame, count):
                    block = self._columns.block(frame)
                    n = length_of(frame)
                    ids: Any = self._columns.ids(frame, self._ids.textual) if self._columns.id else self._ids.count(n)
                    keys = self._learn_block(block, ids)
            except ValueError as error:
                if number:
                    error.add_note(f"This is about frame {number} (counted from 0) of the table.")
                raise
            taken.begin(place_of(frame), count)
            self._keep_block(block, keys, taken, check)
            count += n
            if progress is not None:
                progress(n)
        self._refuse_duplicate(self._ids.flush(), taken)
        if not count:
            raise ShapeError("The table has no rows. Nothing was changed: pass at least one row.", reason="empty")
        return count

    def _learn_block(self, block: dict[str, Any], ids: Any) -> Any:
        """Let the model learn rows that have these ids, of which the keys are returned."""
        given = arguments(self._model, self._columns, block)
        if self._rows.hashed and not self._source:
            self._model = self._model.started(**given)
            self._attach()
        try:
            self._model.partial_fit(**given)
        except SqlearnError as error:
            name_column(error, given["X"], self._columns.named("feature"))
            raise
        keys = self._ids.keys(ids)
        self._refuse_suppressed(block, ids, keys)
        return keys

    def _keep_block(self, block: dict[str, Any], keys: Any, taken: "Taken", check: Callable[[], None]) -> np.ndarray:
        """Keep rows that have just been learned. Returns their places, int64[n]."""
        hashes, places, n = self._hashes(block), [], len(keys)
        for start in range(0, n, _AT_ONCE):
            check()
            some = slice(start, min(n, start + _AT_ONCE))
            own = None if hashes is None else hashes[some]
            slots = self._rows.put(self._rows.packed(take(block, some), self._ids.cells(keys[some]), own))
            taken.add(slots)
            self._refuse_duplicate(self._ids.add(keys[some], slots), taken)
            places.append(slots)
        self._place(block, placed := np.concatenate(places))
        return placed

    def _refuse_suppressed(self, block: dict[str, Any], ids: Any, keys: Any) -> None:
        """Refuse rows whose ids, or in a recommender's store whose users, were forgotten for good."""
        if self._suppression and self._labels:
            users, rows = self._labels["user"].first_rows(block)
            self._suppression.refuse(users, self._labels["user"].hashes(users), rows, "user")
        elif self._suppression:
            self._suppression.refuse(ids, self._ids.hashes(keys))

    def _refuse_duplicate(self, slot: int, taken: "Taken") -> None:
        if slot:
            (id,) = self._ids.of_cells(self._rows.read(np.array([slot]))[:, -1])
            row, place, before = taken.whose(slot)
            error = self._ids.duplicate(id, row)
            name_place(error, place, before)
            raise error

    def _hashes(self, block: dict[str, Any]) -> np.ndarray | None:
        """Keyed hashes of rows that have just been learned, where rows have any."""
        return self._source.hashes(block) if self._source else None

    def _place(self, block: dict[str, Any], slots: np.ndarray) -> None:
        if self._source:
            self._source.place(block, slots)

    def _conclude(self, kind: str, count: int, check: Callable[[], None]) -> Receipt:
        """Write the model and the receipt."""
        if self._source:
            self._source.catch_up(check)
        return self._receipts.append(kind, count, self._saved.save(self._model))

    def _forget_rows(
        self, slots: np.ndarray, named: list[Any] | None, check: Callable[[], None], *, for_good: bool = True
    ) -> None:
        """Take rows out of the model, and erase them.

        Their ids are noted, where those that are forgotten are; if not `for_good`, it is as if they had never come.
        """
        gone = []
        for part, cells in self._selection.read(slots, named):
            check()
            block = self._rows.block(cells)
            self._model.forget(**arguments(self._model, self._columns, block))
            if self._source:
                self._source.strike(block, cells[:, -2])
            hashes = self._ids.hashes(self._ids.keys_of_cells(cells[:, -1]))
            gone.append(hashes)
            self._ids.erase(cells[:, -1])
            self._rows.erase(part, cells)
        if gone:  # all at once, as they lie in the same buckets
            hashes = np.concatenate(gone)
            self._ids.index.remove(hashes)
            if self._suppression and not self._labels and for_good:  # a single rating that is forgotten is no user
                self._suppression.add(hashes)

    def _with_another(
        self, target: dict[str, Any], slots: np.ndarray, named: list[Any] | None
    ) -> tuple[np.ndarray, list[Any] | None]:
        """Which of these rows have another target than this one."""
        others = []
        for part, cells in self._selection.read(slots, named):
            block, same = self._rows.block(cells, list(target)), np.ones(len(part), bool)
            for name, value in target.items():
                column = block[name]
                if isinstance(column, Category):
                    same &= np.array([level == value for level in column.levels] + [False])[column.codes]
                else:
                    same &= column == value
            others.append(~same)
        other = np.concatenate([np.zeros(0, bool), *others])
        return slots[other], None if named is None else [named[i] for i in np.flatnonzero(other).tolist()]

    def _relabel_rows(
        self, slots: np.ndarray, named: list[Any] | None, target: dict[str, Any], check: Callable[[], None]
    ) -> None:
        """Give rows another target."""
        for part, cells in self._selection.read(slots, named):
            check()
            block = self._rows.block(cells)
            changed = block | {
                name: Category(np.zeros(len(part), np.int64), [value])
                if isinstance(block[name], Category)
                else np.full(len(part), value, np.float64)
                for name, value in target.items()
            }
            relabelled(self._model, self._columns, block, changed)
            if self._source:
                self._source.strike(block, cells[:, -2])
            self._rows.replace(part, cells, changed, self._hashes(changed))
            self._place(changed, part)
            if self._source:
                self._source.flush()

    def _compact(self) -> None:
        """Shrink the file by the space of what was forgotten."""
        compact(
            self._database, self._columns, self._rows, self._words, self._ids, self._saved,
            of_rows=[self._ids.index, *([self._source.copies.index] if self._source else [])],
            others=[self._suppression.index] if self._suppression else [],
        )  # fmt: skip
        self._words.drop_remembered()


class Taken:
    """Where the rows of the frames that are taken in lie in the file."""

    def __init__(self) -> None:
        self._parts: list[tuple[Any, int, Place | None, int]] = []

    def begin(self, place: Place | None, before: int) -> None:
        """From here on they are those of a frame that has this place in a file, and so many rows before it."""
        self._place, self._before, self._row = place, before, 0

    def add(self, slots: np.ndarray) -> None:
        """The places of the next ones."""
        first, n = int(slots[0]), len(slots)
        places: Any = range(first, first + n) if (np.diff(slots) == 1).all() else slots.copy()
        self._parts.append((places, self._row, self._place, self._before))
        self._row += n

    def whose(self, slot: int) -> tuple[int, Place | None, int]:
        """A row by its place: its number in its frame, the place of the frame in a file, the rows before the frame."""
        for places, row, place, before in self._parts:
            if slot in places:
                return row + [*places].index(slot), place, before
        raise AssertionError(f"no row was put into place {slot}")
