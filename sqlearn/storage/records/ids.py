"""Row ids: whole numbers or text, chosen by the user or counted, each of one row."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sqlearn.errors import DuplicateIdError, UnknownIdError, shown
from sqlearn.storage.file import Database, HashIndex, Texts, decoded, hash_texts, hash_words
from sqlearn.storage.table import check_given_once

_NEXT = "next id"


class IdHashes:
    """From ids to keyed hashes.

    Parameters
    ----------
    key : bytes
        Key of the hashes.
    textual : bool
        Whether ids are text.
    """

    def __init__(self, key: bytes, textual: bool) -> None:
        self._key, self.textual = key, textual

    def keys(self, ids: Sequence[Any]) -> Any:
        """Ids as they are hashed and kept: a list of bytes, or int64[n]."""
        return [_encoded(id) for id in ids] if self.textual else np.asarray(ids, np.int64)

    def hashes(self, keys: Any) -> np.ndarray:
        """Keyed hashes of keys, uint64[n, 2]."""
        if self.textual:
            return hash_texts(self._key, keys)
        return hash_words(self._key, keys.view(np.uint64)[:, None])

    def hashes_of_given(self, ids: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
        """Which ids have 64 bits, bool[n], and the hashes of these, uint64[m, 2].

        Raises
        ------
        UnknownIdError
            When an id is given twice.
        """
        check_given_once(ids)
        fits = np.array([self.textual or -(2**63) <= id < 2**63 for id in ids], bool)
        return fits, self.hashes(self.keys([id for id, fit in zip(ids, fits.tolist(), strict=True) if fit]))

    def duplicate(self, id: Any, row: int | None) -> DuplicateIdError:
        where = "" if row is None else f" in row {row} (counted from 0)"
        return DuplicateIdError(
            f"The id {shown(id)}{where} is given twice, or already belongs to another row. Nothing was changed: give "
            "each row an id of its own, or forget the row that has it first.",
            row=row,
            value=id,
        )


class Ids(IdHashes):
    """From ids to the places of their rows, and to what a row's cell holds of them: a number, or that of a text.

    Parameters
    ----------
    database : Database
        The file.
    texts : Texts
        Where ids that are text stand.
    key : bytes
        Key of the hashes.
    textual : bool
        Whether ids are text.
    """

    def __init__(self, database: Database, texts: Texts, key: bytes, textual: bool) -> None:
        super().__init__(key, textual)
        self._database, self._texts = database, texts
        self.index = HashIndex(database, "id_index")

    def lay_out(self) -> None:
        self.index.lay_out()
        self._database.counters[_NEXT] = 0

    def drop_remembered(self) -> None:
        self.index.drop_waiting()

    def count(self, n: int) -> np.ndarray:
        """The next running numbers, int64[n]. None is ever given twice."""
        first = self._database.counters[_NEXT]
        self._database.counters[_NEXT] = first + n
        return np.arange(first, first + n)

    @property
    def next(self) -> int:
        """The running number that comes next."""
        return self._database.counters[_NEXT]

    def advance(self, to: int) -> None:
        """Give no running number below this one any more."""
        self._database.counters[_NEXT] = max(to, self.next)

    def cells(self, keys: Any) -> np.ndarray:
        """What rows keep of new ids, uint64[n]; text is written."""
        return (self._texts.put(keys, 1) if self.textual else keys).view(np.uint64)

    def keys_of_cells(self, cells: np.ndarray) -> Any:
        """Keys of rows, by what the rows keep of their ids."""
        cells = np.ascontiguousarray(cells).view(np.int64)
        return self._texts.get(cells) if self.textual else cells

    def of_cells(self, cells: np.ndarray) -> list[Any]:
        """The ids themselves."""
        keys = self.keys_of_cells(cells)
        return [decoded(text) for text in keys] if self.textual else keys.tolist()

    def add(self, keys: Any, slots: np.ndarray) -> int:
        """Note where the rows of new ids lie. The place of one whose id was there already, as soon as that shows."""
        return self.index.add(self.hashes(keys), slots)

    def flush(self) -> int:
        """Write the ids that were added; returns the place of one whose id was there already, as :meth:`add` does."""
        return self.index.flush()

    def find(self, ids: Sequence[Any]) -> np.ndarray:
        """Places of the rows that have these ids, int64[n].

        Raises
        ------
        UnknownIdError
            When there is no such row, or an id is given twice.
        """
        slots, _ = self.sought(ids, self.index)
        refuse_unknown(ids, slots > 0)
        return slots

    def sought(self, ids: Sequence[Any], index: HashIndex) -> tuple[np.ndarray, np.ndarray]:
        """The number that an index has for each id, int64[n], 0 for none; the hashes of ids that have 64 bits.

        Raises
        ------
        UnknownIdError
            When an id is given twice.
        """
        fits, hashes = self.hashes_of_given(ids)
        numbers = np.zeros(len(fits), np.int64)
        numbers[fits] = index.find(hashes)
        return numbers, hashes

    def erase(self, cells: np.ndarray) -> None:
        """Overwrite ids of forgotten rows, by what the rows keep of them; they are struck out of the index apart."""
        if self.textual:
            self._texts.erase(np.ascontiguousarray(cells).view(np.int64))


def refuse_unknown(ids: Sequence[Any], known: np.ndarray) -> None:
    """Raise UnknownIdError if not every id is known, bool[n]."""
    missing = np.flatnonzero(~known)
    if len(missing):
        raise UnknownIdError(
            f"No row has the id {shown(ids[missing[0]])}{_others(ids, missing)}. Nothing was changed: it was never "
            "learned or is forgotten already, so compare with ids() or leave it out.",
            value=ids[missing[0]],
        )


def _others(ids: Sequence[Any], missing: np.ndarray) -> str:
    """Where the first missing one of several ids is, and how many others are missing."""
    place = f" (position {missing[0]} of those given, counted from 0)" if len(ids) > 1 else ""
    return place if len(missing) == 1 else f"{place}, nor {len(missing) - 1} more of the ids given"


def _encoded(id: str) -> bytes:
    return id.encode("utf-8", "surrogatepass")
