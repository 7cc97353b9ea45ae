"""Whether a store's file is whole: every place as it was written, and indexes, words and ids those of the rows."""

from collections import Counter
from typing import Any

import numpy as np

from sqlearn.errors import StoreCorruptError
from sqlearn.storage.file import PIECE, Database, Receipts, SavedModel, Words, damaged, pieces_of
from sqlearn.storage.records import Copies, Ids, Rows
from sqlearn.storage.table import Columns


class Audit:
    """Shown all rows, it compares the rest of the file with them. StoreCorruptError says what does not fit.

    Parameters
    ----------
    database : Database
        The file, inside a transaction.
    columns, words, rows, ids : Columns, Words, Rows, Ids
        What is in it.
    copies : Copies or None
        The index of copies, where there is one.
    """

    def __init__(
        self, database: Database, columns: Columns, words: Words, rows: Rows, ids: Ids, copies: Copies | None
    ) -> None:
        self._database, self._words, self._rows, self._ids, self._copies = database, words, rows, ids, copies
        self._categories = [j for j, column in enumerate(columns.all) if column.kind == "category"]
        self._texts = [j for j, column in enumerate(columns.all) if column.kind == "text"]
        self._uses: Counter[Any] = Counter()
        self._seen = self._of_documents = self._pieces = self._of_ids = self._of_copies = self._kept = 0

    def check_places(self, saved: SavedModel, receipts: Receipts) -> None:
        """Read the whole file, but for the rows."""
        found = [told for (told,) in self._database.execute("PRAGMA quick_check(1)")]
        if found != ["ok"]:
            raise self._damaged(f"SQLite finds {found[0]!r} in it")
        documents = [self._rows.documents.slots] if self._rows.documents else []
        for slots in (self._words.texts.slots, saved.slots, receipts.salt, *documents):
            slots.check()
        for index in (self._ids.index, self._words.index, *([self._copies.index] if self._copies else [])):
            index.check()

    def see(self, slots: np.ndarray, cells: np.ndarray) -> None:
        """Take in rows: places, int64[n], and packed rows."""
        self._seen += len(slots)
        keys = self._ids.keys_of_cells(cells[:, -1])
        if self._ids.textual:
            self._pieces += sum(-(-len(key) // PIECE) or 1 for key in keys)
        entries = self._ids.hashes(keys)
        entries[:, 1] |= slots.astype(np.uint64)
        self._of_ids += _sum(entries)
        if self._copies:
            kept = slots[cells[:, -2] != 0]
            self._kept += len(kept)
            self._of_copies += _sum_of_numbers(kept)
        self._of_documents += int(pieces_of(cells[:, self._texts]).sum())
        for j in self._categories:
            numbers, times = np.unique(cells[:, j], return_counts=True)
            self._uses.update(dict(zip(numbers.tolist(), times.tolist(), strict=True)))

    def finish(self) -> None:
        """Compare."""
        self._uses.pop(0, None)  # missing values
        if self._seen != len(self._rows) or (len(self._ids.index), self._of_ids % 2**64) != (
            self._seen,
            sum(_sum(entries) for entries in self._ids.index.entries()) % 2**64,
        ):
            raise self._damaged("its index of ids is not that of its rows")
        numbers = np.array(sorted(self._uses), np.int64)
        texts = self._words.check(numbers, np.array([self._uses[number] for number in numbers.tolist()], np.int64))
        if self._pieces + sum(-(-len(text) // PIECE) or 1 for text in texts) != len(self._words.texts.slots):
            raise self._damaged("it holds texts that no row has")
        if self._rows.documents and self._of_documents != len(self._rows.documents.slots):
            raise self._damaged("it holds documents that no row has")
        if self._copies:
            index = self._copies.index
            found = sum(_sum_of_numbers(index.numbers_of(entries)) for entries in index.entries())
            if (len(index), found % 2**64) != (self._kept, self._of_copies % 2**64):
                raise self._damaged("its index of copies is not that of its rows")

    def _damaged(self, how: str) -> StoreCorruptError:
        return damaged(self._database.path, how, anew=True)


def _sum(entries: np.ndarray) -> int:
    """A sum that tells sets of entries of an index apart, whatever their order."""
    return int((_mixed(entries[:, 0]) ^ _mixed(entries[:, 1] + np.uint64(1))).sum(dtype=np.uint64))


def _sum_of_numbers(numbers: np.ndarray) -> int:
    return int(_mixed(numbers.astype(np.uint64)).sum(dtype=np.uint64))


def _mixed(words: np.ndarray) -> np.ndarray:
    mixed = (words ^ (words >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xD6E8FEB86659FD93)
    return mixed ^ (mixed >> np.uint64(32))
