"""Which of equal records is which: the copies of a name on file, numbered without gaps as in a model's own rows."""

import numpy as np

from sqlearn.engine.rounds import Rows, copy_hashes, numbers_of
from sqlearn.storage.file import Database, HashIndex, hash_words

__all__ = ["Copies", "Count"]


class Count:
    """Copies that are counted in memory, from none on.

    Parameters
    ----------
    seed : uint64
        Seed of the copies' keyed hashes.
    """

    def __init__(self, seed: np.uint64) -> None:
        self.seed = seed
        self._come = Rows(0, seed)

    def coming(self, names: np.ndarray) -> np.ndarray:
        """Numbers of more copies of these names, uint64[n, >=2]; int64[n]."""
        return _noted(self._come, names)

    def hashes(self, names: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Keyed hashes of copies, uint64[n]."""
        return copy_hashes(names, numbers, self.seed)

    def settle(self) -> None:
        """Write what waits to be written."""


class Copies(Count):
    """Copies on file: from ``(name, number)`` to the place of that copy.

    A call first tells the learner the numbers of what comes and goes, then changes the rows, and then tells here where
    they lie. What was told and is not in the index yet is kept in memory.

    Parameters
    ----------
    database : Database
        The file.
    key : bytes
        Key of the index.
    seed : uint64
        Seed of the copies' keyed hashes.
    """

    def __init__(self, database: Database, key: bytes, seed: np.uint64) -> None:
        super().__init__(seed)
        self._database, self._key = database, key
        self.index = HashIndex(database, "copy_index")
        self._gone = Rows(0, seed)

    def lay_out(self) -> None:
        self.index.lay_out()

    # ------------------------------------------------------------------ what the learner is told

    def coming(self, names: np.ndarray) -> np.ndarray:
        held = self._written(names) - self._gone.copies(names)
        return held + super().coming(names)

    def going(self, names: np.ndarray) -> np.ndarray:
        """Numbers of the last copies of these names; int64[n]."""
        held = self._written(names)
        return held - 1 - _noted(self._gone, names)

    # ------------------------------------------------------------------ what has become of the rows

    def place(self, names: np.ndarray, numbers: np.ndarray, slots: np.ndarray) -> None:
        """Note where copies that have come lie: all of those that the learner was told of."""
        self._refuse(self.index.add(self._entries(names, numbers), slots))
        if not self.index.waits:  # enough of them waited: they have been written
            self._come = Rows(0, self.seed)

    def settle(self) -> None:
        self._refuse(self.index.settle())
        self._come = Rows(0, self.seed)

    def strike(self, names: np.ndarray, last: np.ndarray, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Take copies out of the index: rows of these names that have these keyed hashes.

        As numbers have no gaps, the last copies take the places of others that are gone.

        Returns
        -------
        slots, hashes : int64[m], uint64[m]
            Rows that stay and have another number now, and their keyed hashes.
        """
        own = numbers_of(names, self._written(names), hashes, self.seed)
        self._refuse((own < 0).any())
        self._gone = Rows(0, self.seed)
        gone, told = (set(zip(*names[:, :2].T.tolist(), which.tolist(), strict=True)) for which in (own, last))
        holes, movers = (np.array(sorted(some), np.uint64).reshape(-1, 3) for some in (gone - told, told - gone))
        slots = self.index.find(self._entries(movers, movers[:, 2]))
        self.index.remove(self._entries(*_split(np.array(sorted(gone | told), np.uint64).reshape(-1, 3))))
        self._refuse(self.index.add(self._entries(*_split(holes)), slots) or self.index.settle())
        return slots, self.hashes(holes, holes[:, 2].astype(np.int64))

    def _refuse(self, damaged) -> None:
        if damaged:
            raise damaged(self._database.path, "it no longer finds its rows")

    def _entries(self, names: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """What stands for copies in the index."""
        return hash_words(self._key, np.column_stack([names[:, :2], numbers.astype(np.uint64)]))

    def _written(self, names: np.ndarray) -> np.ndarray:
        """Copies of each name in the index, int64[n]: doubling, then bisection, as in a model's own rows."""
        low, high = np.zeros(len(names), np.int64), np.ones(len(names), np.int64)
        open_ = np.arange(len(names))
        while len(open_):
            open_ = open_[self.index.written(self._entries(names[open_], high[open_] - 1)) > 0]
            low[open_], high[open_] = high[open_], 2 * high[open_]
        open_ = np.flatnonzero(low < high - 1)
        while len(open_):
            middle = (low[open_] + high[open_]) // 2
            there = self.index.written(self._entries(names[open_], middle - 1)) > 0
            low[open_[there]], high[open_[~there]] = middle[there], middle[~there]
            open_ = open_[low[open_] < high[open_] - 1]
        return low


def _noted(rows: Rows, names: np.ndarray) -> np.ndarray:
    """Note names among `rows`; how many copies of each were there before it."""
    n = len(names)
    places = np.empty(n, np.int64)
    rows.vacant(places)
    rows.put(places, np.zeros((n, 0)), np.zeros(n), np.ones(n), np.ascontiguousarray(names), np.empty(n, np.uint64))
    return rows.numbers[places].astype(np.int64)


def _split(triples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return triples[:, :2], triples[:, 2]
