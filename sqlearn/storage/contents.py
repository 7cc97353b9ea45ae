"""The parts of a store's file, and what changes them together."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import clone

from sqlearn.engine.transaction import interrupts_held
from sqlearn.errors import EmptyBatchError, SqlearnError, StoreCorruptError, StoreError
from sqlearn.storage import compaction
from sqlearn.storage.audit import Audit
from sqlearn.storage.columns import Category, length_of, take
from sqlearn.storage.copies import Copies
from sqlearn.storage.database import Database
from sqlearn.storage.feeding import arguments, begin
from sqlearn.storage.ids import Ids
from sqlearn.storage.receipts import Receipt, Receipts
from sqlearn.storage.rows import Rows
from sqlearn.storage.saved_model import SavedModel
from sqlearn.storage.selection import Selection, looking
from sqlearn.storage.settings import Settings
from sqlearn.storage.stored_rows import Recount, StoredRows, seed_of
from sqlearn.storage.suppression import Suppression
from sqlearn.storage.words import Texts, Words

__all__ = ["Contents"]

_AT_ONCE = 1 << 16  # rows


class Contents:
    """What is in a store's file. All methods but those that begin a transaction are called within one.

    Parameters
    ----------
    database : Database
        The file.
    columns : Columns
        What rows hold.
    textual : bool
        Whether ids are text.
    key : bytes
        Key of hashes and checksums.
    asks : bool
        Whether the model asks its rows in rounds.
    suppress : bool
        Whether ids that were forgotten are refused.
    signing_key : bytes, str or None
        What to sign receipts with.
    """

    def __init__(
        self, database: Database, columns: Any = None, textual: bool = False, key: bytes = b"", asks: bool = False,
        suppress: bool = False, signing_key=None,
    ):  # fmt: skip
        if not isinstance(database, Database):
            raise StoreError("Open a store with Store.open(path), or make one with Store.create(path, model, table).")
        self.path = database.path
        database.key = key
        self._database, self._columns, self._key = database, columns, key
        self._texts = Texts(database)
        self._words = Words(database, self._texts, key)
        self._rows = Rows(database, columns, self._words, hashed=asks)
        self._ids = Ids(database, self._texts, key, textual)
        self._selection = Selection(database, columns, self._rows, self._ids)
        self._saved = SavedModel(database)
        self._receipts = Receipts(database, signing_key)
        self._suppression = Suppression(database, key) if suppress else None
        self._model: Any = None
        self._source: StoredRows | None = None  # where a model that asks its rows in rounds finds them
        self._generation = -1
        self._changes = 0  # calls through this object that changed the store, or tried to

    # ------------------------------------------------------------------ transactions

    @contextlib.contextmanager
    def _reading(self):
        with self._database.reading():
            self._refresh()
            yield

    @contextlib.contextmanager
    def _changing(self):
        """All or nothing. Yields a function that raises the KeyboardInterrupt that came meanwhile, if one did."""
        with interrupts_held() as check, self._database.writing():
            self._changes += 1
            self._refresh()
            yield check

    def _refresh(self) -> None:
        """Read anew what another connection, or a transaction that was rolled back, has changed."""
        if self._generation != self._database.generation:
            for part in (self._words, self._ids, self._saved):
                part.drop_remembered()
            self._model = self._saved.load()
            if self._rows.hashed:
                self._attach()
            self._generation = self._database.generation

    def _attach(self) -> None:
        """Let the model ask the rows on file."""
        copies = Copies(self._database, self._key, seed_of(self._model))
        self._source = StoredRows(self._columns, self._rows, copies, self._model)

    def _lay_out(self) -> None:
        self._database.lay_out()
        for part in (self._texts, self._words, self._rows, self._ids, self._saved, self._receipts):
            part.lay_out()
        if self._rows.hashed:
            Copies(self._database, self._key, np.uint64(0)).lay_out()
        if self._suppression:
            self._suppression.lay_out()
        Settings(self._database).lay_out(
            {
                "columns": json.dumps(self._columns.description()),
                "ids": "text" if self._ids.textual else "numbers",
                "key": self._key.hex(),
                "asks": "yes" if self._rows.hashed else "no",
                "suppress": "yes" if self._suppression else "no",
            }
        )
        self._generation = self._database.generation

    # ------------------------------------------------------------------ changing

    def _take_in(self, frames: Iterator, check, progress=None) -> int:
        """Learn frames and keep their rows, and tell `progress` of them. Returns how many."""
        count = 0
        for number, frame in enumerate(frames):
            check()
            try:
                block = self._columns.block(frame)
                n = length_of(frame)
                ids: Any = self._columns.ids(frame, self._ids.textual) if self._columns.id else self._ids.count(n)
                given = arguments(self._model, self._columns, block)
                if self._rows.hashed and not self._source:
                    begin(self._model, given)
                    self._attach()
                self._model.partial_fit(**given)
            except ValueError as error:
                if number:
                    error.add_note(f"This is about frame {number} (counted from 0) of the table.")
                raise
            hashes, places, keys = self._hashes(block), [], self._ids.keys(ids)
            if self._suppression:
                self._suppression.refuse(ids, self._ids.hashes(keys))
            for start in range(0, n, _AT_ONCE):
                check()
                some = slice(start, min(n, start + _AT_ONCE))
                own = None if hashes is None else hashes[some]
                slots = self._rows.put(self._rows.packed(take(block, some), self._ids.cells(keys[some]), own))
                self._refuse_duplicate(self._ids.add(keys[some], slots))
                places.append(slots)
            self._place(block, np.concatenate(places))
            count += n
            if progress is not None:
                progress(n)
        self._refuse_duplicate(self._ids.settle())
        if not count:
            raise EmptyBatchError("The table has no rows. Nothing was changed: pass at least one row.")
        return count

    def _refuse_duplicate(self, slot: int) -> None:
        if slot:
            (id,) = self._ids.of_cells(self._rows.read(np.array([slot]))[:, -1])
            raise self._ids.duplicate(id)

    def _hashes(self, block) -> np.ndarray | None:
        """Keyed hashes of rows that have just been learned, where rows have any."""
        return self._source.hashes(block) if self._source else None

    def _place(self, block, slots: np.ndarray) -> None:
        if self._source:
            self._source.place(block, slots)

    def _conclude(self, kind: str, count: int, check) -> Receipt:
        """Write the model and the receipt."""
        if self._source:
            self._source.catch_up(check)
        self._saved.save(self._model)
        return self._receipts.append(kind, count, self._model.digest())

    def _forget_rows(self, slots: np.ndarray, named: list | None, check) -> None:
        """Take rows out of the model, and erase them."""
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
            if self._suppression:
                self._suppression.add(hashes)

    def _relabel_rows(self, slots: np.ndarray, named: list | None, target: dict[str, Any], check) -> None:
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
            old, new = (arguments(self._model, self._columns, either) for either in (block, changed))
            weights = {name: value for name, value in old.items() if name == "sample_weight"}
            self._model.relabel(old["X"], old["y"], new["y"], **weights)
            if self._source:
                self._source.strike(block, cells[:, -2])
            self._rows.replace(part, cells, changed, self._hashes(changed))
            self._place(changed, part)
            if self._source:
                self._source.settle()

    def _compact(self) -> None:
        """Give back the room of what was forgotten."""
        compaction.compact(
            self._database, self._columns, self._rows, self._words, self._ids, self._saved,
            of_rows=[self._ids.index, *([self._source.copies.index] if self._source else [])],
            others=[self._suppression.index] if self._suppression else [],
        )  # fmt: skip
        self._words.drop_remembered()

    # ------------------------------------------------------------------ checking

    def _refitted(self, progress) -> tuple[Any, Any, bool]:
        """The model, its refit on the rows, and whether the rows have the keyed hashes that the refit gives them.

        The whole file is read, and StoreCorruptError says what is not as it was written.
        """
        look = looking(progress)
        copies = self._source.copies if self._source else None
        audit = Audit(self._database, self._columns, self._words, self._rows, self._ids, copies)
        audit.check_places(self._saved, self._receipts)
        if self._suppression:
            self._suppression.index.check()
        model, recount = self._saved.load(), None
        refit = clone(model) if len(self._rows) and not self._source else model._emptied()
        if self._source:
            recount = Recount(self._columns, self._rows, refit)
        for slots, cells in self._rows.scan_and_check():
            audit.see(slots, cells)
            try:
                refit.partial_fit(**arguments(refit, self._columns, self._rows.block(cells)))
            except SqlearnError as error:
                raise StoreCorruptError(
                    f"The store {self.path} is damaged: it holds a row that could not be learned. {error}"
                ) from error
            look(len(cells))
        audit.finish()
        if recount:
            recount.catch_up(lambda: None)
        return model, refit, not recount or recount.agrees()
