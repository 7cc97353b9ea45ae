"""Which of equal records is which: the copies of a record on file, numbered without gaps as in a model's own rows."""

from typing import Any

import numpy as np

from sqlearn.engine.rounds import Rows, copy_hashes, numbers_of
from sqlearn.storage.file import Database, HashIndex, damaged, hash_words


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

    def coming(self, digests: np.ndarray) -> np.ndarray:
        """Numbers of more copies of these digests, uint64[n, >=2]; int64[n]."""
        return _noted(self._come, digests)

    def hashes(self, digests: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Keyed hashes of copies, uint64[n]."""
        return copy_hashes(digests, numbers, self.seed)

    def flush(self) -> None:
        """Write what waits to be written."""


class Copies(Count):
    """Copies on file: from ``(digest, number)`` to the place of that copy.

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

    def coming(self, digests: np.ndarray) -> np.ndarray:
        held = self._written(digests) - self._gone.copies(digests)
        return held + super().coming(digests)

    def going(self, digests: np.ndarray) -> np.ndarray:
        """Numbers of the last copies of these digests; int64[n]."""
        held = self._written(digests)
        return held - 1 - _noted(self._gone, digests)

    # ------------------------------------------------------------------ what has become of the rows

    def place(self, digests: np.ndarray, numbers: np.ndarray, slots: np.ndarray) -> None:
        """Note where copies that have come lie: all of those that the learner was told of."""
        self._refuse(self.index.add(self.names(digests, numbers), slots))
        if not self.index.waits:  # enough of them waited: they have been written
            self._come = Rows(0, self.seed)

    def flush(self) -> None:
        self._refuse(self.index.flush())
        self._come = Rows(0, self.seed)

    def strike(self, digests: np.ndarray, last: np.ndarray, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Take copies out of the index: rows of these digests that have these keyed hashes.

        As numbers have no gaps, the last copies take the places of others that are gone.

        Returns
        -------
        slots, hashes : int64[m], uint64[m]
            Rows that stay and have another number now, and their keyed hashes.
        """
        own = numbers_of(digests, self._written(digests), hashes, self.seed)
        self._refuse((own < 0).any())
        self._gone = Rows(0, self.seed)
        gone, told = (set(zip(*digests[:, :2].T.tolist(), which.tolist(), strict=True)) for which in (own, last))
        holes, movers = (np.array(sorted(some), np.uint64).reshape(-1, 3) for some in (gone - told, told - gone))
        slots = self.index.find(self.names(movers, movers[:, 2]))
        self.index.remove(self.names(*_split(np.array(sorted(gone | told), np.uint64).reshape(-1, 3))))
        self._refuse(self.index.add(self.names(*_split(holes)), slots) or self.index.flush())
        return slots, self.hashes(holes, holes[:, 2].astype(np.int64))

    def _refuse(self, at_fault: Any) -> None:
        if at_fault:
            raise damaged(self._database.path, "it no longer finds its rows")

    def held(self, digests: np.ndarray) -> np.ndarray:
        """How many copies of each digest are on file, int64[n]."""
        return self._written(digests)

    def places(self, digests: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Places of copies on file, int64[n]."""
        return self.index.find(self.names(digests, numbers))

    def names(self, digests: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """What stands for copies in the index, uint64[n, 2]."""
        return hash_words(self._key, np.column_stack([digests[:, :2], numbers.astype(np.uint64)]))

    def _written(self, digests: np.ndarray) -> np.ndarray:
        """Copies of each digest in the index, int64[n]: doubling, then bisection, as in a model's own rows."""
        low, high = np.zeros(len(digests), np.int64), np.ones(len(digests), np.int64)
        open_ = np.arange(len(digests))
        while len(open_):
            open_ = open_[self.index.written(self.names(digests[open_], high[open_] - 1)) > 0]
            low[open_], high[open_] = high[open_], 2 * high[open_]
        open_ = np.flatnonzero(low < high - 1)
        while len(open_):
            middle = (low[open_] + high[open_]) // 2
            there = self.index.written(self.names(digests[open_], middle - 1)) > 0
            low[open_[there]], high[open_[~there]] = middle[there], middle[~there]
            open_ = open_[low[open_] < high[open_] - 1]
        return low


def _noted(rows: Rows, digests: np.ndarray) -> np.ndarray:
    """Note digests among `rows`; how many copies of each were there before it."""
    n = len(digests)
    places = np.empty(n, np.int64)
    rows.vacant(places)
    rows.put(places, np.zeros((n, 0)), np.zeros(n), np.ones(n), np.ascontiguousarray(digests), np.empty(n, np.uint64))
    return rows.numbers[places].astype(np.int64)


def _split(triples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return triples[:, :2], triples[:, 2]
