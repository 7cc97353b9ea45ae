"""Shrinking the file by the space of what was forgotten: places in use move together, in one transaction."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from sqlearn.storage.file import Database, HashIndex, SavedModel, Settings, Slots, Words, relinked
from sqlearn.storage.records import Ids, Rows
from sqlearn.storage.table import Columns


def compact(database: Database, columns: Columns, rows: Rows, words: Words, ids: Ids, saved: SavedModel,
            of_rows: list[HashIndex], others: list[HashIndex]) -> None:  # fmt: skip
    """Write every table anew without its free places, and give the pages that are free then back to the file system.

    New tables are appended to, and old ones dropped whole, so that no page is split or merged, as ever; SQLite
    overwrites the pages of those with zeros, moves the last pages of the file into them, and cuts the file.

    Parameters
    ----------
    database : Database
        The file, inside a transaction.
    columns, rows, words, ids, saved : Columns, Rows, Words, Ids, SavedModel
        What is in it.
    of_rows, others : list of HashIndex
        The indexes of places of rows, and those whose numbers stay.
    """
    texts = words.texts.slots
    text_moves, row_moves = _Moves(texts), _Moves(rows.slots)
    documents = rows.documents.slots if rows.documents else None
    document_moves = _Moves(documents) if documents is not None else None
    in_texts = [j for j, column in enumerate(columns.all) if column.kind == "category"]
    in_texts += [rows.width - 1] if ids.textual else []

    def moved_rows() -> Iterator[np.ndarray]:
        for _, cells in rows.scan():
            cells = cells.copy()
            for j in in_texts:
                cells[:, j] = text_moves(cells[:, j])
            for j in (j for j, column in enumerate(columns.all) if column.kind == "text"):
                cells[:, j] = relinked(cells[:, [j]], document_moves)[:, 0]
            yield cells

    rows.slots.rebuild(moved_rows())
    texts.rebuild(relinked(chunks, text_moves) for _, chunks in texts.scan())
    if documents is not None:
        documents.rebuild(relinked(pieces, document_moves) for _, pieces in documents.scan())
    words.index.rebuild(text_moves)
    for index in of_rows:
        index.rebuild(row_moves)
    for index in others:
        index.rebuild(lambda numbers: numbers)
    saved.rebuild()
    give_back(database)


def give_back(database: Database) -> None:
    """Cut the pages off that tables which were written anew have left."""
    (free,) = database.execute("PRAGMA freelist_count").fetchone()
    for _ in range(free):  # one page each, as sqlite3 takes no second step of a statement without columns
        database.execute("PRAGMA incremental_vacuum(1)")
    Settings(database).sign()


class _Moves:
    """From the places in use to where they go: 1, 2, and so on."""

    def __init__(self, slots: Slots) -> None:
        self._slots = np.concatenate([np.zeros(1, np.int64), *(slots for slots, _ in slots.scan())])

    def __call__(self, places: np.ndarray) -> Any:
        """New numbers of places in use, and 0 for 0; of the type given."""
        return np.searchsorted(self._slots, places.astype(np.int64)).astype(places.dtype)
