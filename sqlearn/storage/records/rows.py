"""Rows in the file: 8 bytes a column, in places of equal length that are overwritten with zeros."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from sqlearn.storage.file import Database, Documents, Slots, Words, damaged, decoded, pieces_of
from sqlearn.storage.table import DATES, Block, Category, Column, Columns

_PIECES = 1 << 17  # of the documents of rows that are read together
_FIRST, _ONCE = np.zeros(1, np.int64), np.ones(1, np.int64)


class Rows:
    """Packed rows by place: the bits of a number, a whole number or a date, what stands for a word or a document (0
    where missing), 1 or 2 for false or true (0 where missing), and last what stands for the id; before that, where a
    learner samples rows by them, the keyed hash of the row.

    Parameters
    ----------
    database : Database
        The file.
    columns : Columns
        What a row holds.
    words : Words
        The words of columns of categories.
    hashed : bool
        Whether rows have a keyed hash.

    Attributes
    ----------
    documents : Documents or None
        The documents of columns of text, where there are any.
    """

    def __init__(self, database: Database, columns: Columns, words: Words, hashed: bool) -> None:
        self._columns, self._words, self.hashed = columns, words, hashed
        self.width = len(columns.all) + hashed + 1
        self.slots = Slots(database, "rows", self.width)
        self._texts = [j for j, column in enumerate(columns.all) if column.kind == "text"]
        self.documents = Documents(database) if self._texts else None

    def lay_out(self) -> None:
        self.slots.lay_out()
        if self.documents:
            self.documents.lay_out()

    def __len__(self) -> int:
        return len(self.slots)

    def packed(
        self, block: Block, ids: np.ndarray, hashes: np.ndarray | None, before: np.ndarray | None = None
    ) -> np.ndarray:
        """A block as rows of 64-bit words, uint64[n, width]; its categories are counted as used, its documents kept.

        Documents of packed rows that were there `before` are those of these rows.
        """
        cells = np.empty((len(ids), self.width), np.uint64)
        for j, column in enumerate(self._columns.all):
            values = block[column.name]
            if isinstance(values, Category) and column.labels is not None:
                cells[:, j] = np.array([*(1 + column.labels.index(v) for v in values.levels), 0])[values.codes]
            elif isinstance(values, Category):
                present = values.codes[values.codes >= 0]
                times = np.bincount(present, minlength=len(values.levels))
                used = np.flatnonzero(times)
                numbers = np.zeros(len(values.levels) + 1, np.int64)
                numbers[used] = self._words.use([values.levels[k] for k in used], times[used])
                cells[:, j] = numbers[values.codes]
            elif column.kind == "text":
                cells[:, j] = self._kept(values) if before is None else before[:, j]
            else:
                cells[:, j] = values.view(np.uint64)
        if hashes is not None:
            cells[:, -2] = hashes
        cells[:, -1] = ids
        return cells

    def block(self, cells: np.ndarray, names: list[str] | None = None) -> Block:
        """What :meth:`packed` was made from, or some columns of it."""
        block: Block = {}
        for j, column in enumerate(self._columns.all):
            if names is not None and column.name not in names:
                continue
            values = np.ascontiguousarray(cells[:, j])
            if column.kind == "date":
                block[column.name] = values.view(DATES)
            elif column.kind == "whole":
                block[column.name] = values.view(np.int64)
            elif column.labels is not None:
                block[column.name] = self._booleans(column, values)
            elif column.kind in ("number", "boolean"):
                block[column.name] = values.view(np.float64)
            elif column.kind == "text":
                block[column.name] = self._read_texts(values)
            else:
                alone = len(values) == 1  # which is its own, and only, kind
                numbers, codes = (values, _FIRST) if alone else np.unique(values, return_inverse=True)
                known = numbers[numbers > 0].astype(np.int64)
                codes = codes.reshape(-1) - (len(numbers) - len(known))  # 0 is the least number
                block[column.name] = Category(codes.astype(np.int64), self._words.words(known))
        return block

    def _kept(self, texts: np.ndarray) -> np.ndarray:
        """Keep the documents of a column, object[n]. What stands for each, uint64[n]."""
        assert self.documents
        numbers = np.zeros(len(texts), np.uint64)
        there = [i for i, text in enumerate(texts) if text is not None]
        numbers[there] = self.documents.put([texts[i].encode("utf-8", "surrogatepass") for i in there])
        return numbers

    def _read_texts(self, numbers: np.ndarray) -> np.ndarray:
        """The documents of a column, None where missing, object[n]."""
        assert self.documents
        texts, there = np.full(len(numbers), None, object), np.flatnonzero(numbers)
        texts[there] = [decoded(text) for text in self.documents.get(numbers[there])]
        return texts

    def _booleans(self, column: Column, cells: np.ndarray) -> Category:
        """From 0 for missing, 1 for false and 2 for true."""
        assert column.labels is not None
        held = np.unique(cells)
        if len(held) and held[-1] > 2:
            raise damaged(None, f"a value in column {column.name!r} is not a boolean")
        places = np.full(3, -1)
        places[held[held > 0]] = np.arange(np.count_nonzero(held))
        return Category(places[cells], [column.labels[k - 1] for k in held.tolist() if k])

    def put(self, cells: np.ndarray) -> np.ndarray:
        """Keep packed rows. Returns their places, int64[n]."""
        return self.slots.put(cells)

    def read(self, slots: np.ndarray) -> np.ndarray:
        """Packed rows by place, uint64[n, width]."""
        return self.slots.read(slots)

    def erase(self, slots: np.ndarray, cells: np.ndarray) -> None:
        """Overwrite rows with zeros, their documents, and words that only they used."""
        self._disuse(cells)
        for j in self._texts:
            assert self.documents
            self.documents.erase(cells[cells[:, j] > 0, j])
        self.slots.erase(slots)

    def rehash(self, slots: np.ndarray, hashes: np.ndarray) -> None:
        """Write other keyed hashes into rows."""
        cells = self.read(slots).copy()
        cells[:, -2] = hashes
        self.slots.overwrite(slots, cells)

    def replace(self, slots: np.ndarray, cells: np.ndarray, block: Block, hashes: np.ndarray | None) -> None:
        """Write other values over rows; their ids and documents stay."""
        # new words first, so that one in both is not written twice
        changed = self.packed(block, cells[:, -1], hashes, cells)
        self._disuse(cells)
        self.slots.overwrite(slots, changed)

    def scan(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All rows, by blocks: places, int64[n], and packed rows, uint64[n, width]."""
        return self._in_parts(self.slots.scan())

    def scan_and_check(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The same, and then StoreCorruptError if any place, free ones too, is not as it was written."""
        return self._in_parts(self.slots.scan_and_check())

    def _in_parts(self, blocks: Iterator[tuple[np.ndarray, np.ndarray]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for slots, cells in blocks:
            for part in self.parts(cells):
                yield slots[part], cells[part]

    def parts(self, cells: np.ndarray) -> list[slice]:
        """Packed rows in parts whose documents fit in memory together."""
        if not self._texts or not len(cells):
            return [slice(0, len(cells))]
        part = np.cumsum(pieces_of(cells[:, self._texts]).sum(axis=1)) // _PIECES
        edges = [0, *(1 + np.flatnonzero(np.diff(part))).tolist(), len(cells)]
        return [slice(start, stop) for start, stop in pairwise(edges)]

    def _disuse(self, cells: np.ndarray) -> None:
        for j, column in enumerate(self._columns.all):
            if column.kind == "category":
                values = cells[:, j]
                numbers, times = (values, _ONCE) if len(values) == 1 else np.unique(values, return_counts=True)
                known = numbers > 0
                self._words.disuse(numbers[known].astype(np.int64), times[known])
