"""The ledger of a model whose records lie in pieces: an index says what these have, and what changed since is here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from sqlearn.distributed.grouping import ranks
from sqlearn.distributed.index import Index
from sqlearn.engine.identity import MOST_COPIES, Ledger, copies_held
from sqlearn.errors import TooLargeError, UnsupportedError


class PiecedLedger(Ledger):
    """A multiset of digests: those of all pieces, and of records that came since, without those that went.

    What a digest is held more often than the pieces have it is in `come`, what less often in `gone`. So no digest is in
    both, and what is held does not tell its history.

    Parameters
    ----------
    indexes : sequence of Index
        What the pieces have.
    """

    __slots__ = ("_asked", "_come", "_gone", "indexes")
    is_here = False

    def __init__(self, indexes: Sequence[Index]) -> None:
        self.indexes = tuple(indexes)
        self._come, self._gone = Ledger(), Ledger()
        self._asked: tuple[Any, np.ndarray] | None = None  # digests, and how many copies of each the pieces have

    def __len__(self) -> int:
        return sum(index.n_records for index in self.indexes) + len(self._come) - len(self._gone)

    @property
    def arrays(self) -> NoReturn:
        raise UnsupportedError("The ledger of a model in pieces is not in memory.", reason="rows elsewhere")

    def canonical(self) -> bytes:
        return bytes(self.arrays)

    @property
    def nbytes(self) -> int:
        return self._come.nbytes + self._gone.nbytes

    def reserve(self, extra: int) -> None:
        self._come.reserve(extra)
        self._gone.reserve(extra)

    def shrink(self) -> None:
        self._come.shrink()
        self._gone.shrink()

    def make_ready(self, digests: np.ndarray, sign: float = 1.0, check: Callable[[], None] | None = None) -> None:
        self._come.make_ready(digests)
        self.reserve(len(digests))
        if (
            self._may_be_too_many(len(digests))
            if sign > 0
            else (ranks(digests[:, :2]) >= self._come.copies(digests)).any()
        ):
            self._asked = digests, self._of_pieces(digests, check)

    def _of_pieces(self, digests: np.ndarray, check: Callable[[], None] | None = None) -> np.ndarray:
        """How many copies the pieces have of each, int64[n]."""
        if self._asked is not None and self._asked[0] is digests:
            return self._asked[1]
        unique, inverse = np.unique(np.ascontiguousarray(digests[:, :2]), axis=0, return_inverse=True)
        return sum((index.count(unique, check) for index in self.indexes), np.zeros(len(unique), np.int64))[inverse]

    def _may_be_too_many(self, extra: int) -> bool:
        return sum(index.most for index in self.indexes) + len(self._come) + extra > MOST_COPIES

    def copies(self, digests: np.ndarray) -> np.ndarray:
        return self._of_pieces(digests) + self.beyond(digests)

    def count(self, digests: np.ndarray) -> np.ndarray:
        """How many copies of each of these digests the pieces have, int64[n]."""
        return self._of_pieces(digests)

    def beyond(self, digests: np.ndarray) -> np.ndarray:
        """How many copies more than the pieces have are held of each, int64[n]; below 0, how many fewer."""
        return self._come.copies(digests) - self._gone.copies(digests)

    def add(self, digests: np.ndarray) -> int:
        self.reserve(len(digests))
        if self._may_be_too_many(len(digests)):
            beyond = np.flatnonzero(self.copies(digests) + ranks(digests[:, :2]) >= MOST_COPIES)
            if len(beyond):
                return int(beyond[0])
        self._asked = None
        if not len(self._gone):
            return self._come.add(digests)
        self.take_back(digests, -1.0)
        return -1

    def take(self, digests: np.ndarray) -> int:
        self.reserve(len(digests))
        before = ranks(digests[:, :2])
        if (before >= self._come.copies(digests)).any():  # the pieces have them, if anybody
            missing = np.flatnonzero(before >= self.copies(digests))
            self._asked = None
            if len(missing):
                return int(missing[0])
        if not len(self._come):
            return self._gone.add(digests)
        self.take_back(digests, 1.0)
        return -1

    def take_back(self, digests: np.ndarray, sign: float) -> None:
        """Remove what was added (1.0), or add what was taken (-1.0): records that may be, for which there is room."""
        first, second = (self._come, self._gone) if sign > 0 else (self._gone, self._come)
        for i in range(len(digests)):
            one = digests[i : i + 1]
            if first.take(one) >= 0:
                second.add(one)

    def copy(self) -> PiecedLedger:
        result = PiecedLedger(self.indexes)
        result._come, result._gone = self._come.copy(), self._gone.copy()
        return result

    def merged(self, other: Ledger) -> PiecedLedger:
        more = other if isinstance(other, PiecedLedger) else None
        result = PiecedLedger((*self.indexes, *(more.indexes if more else ())))
        come = self._come.merged(more._come if more else other)
        gone = self._gone.merged(more._gone) if more else self._gone.copy()
        keys, copies, _ = (array.copy() for array in gone.arrays)
        for slot in np.flatnonzero(copies):
            both = min(int(copies[slot]), int(copies_held(*come.arrays[:2], *keys[slot])))
            for ledger in (come, gone) if both else ():
                ledger.take(np.repeat(keys[slot : slot + 1], both, axis=0))
        result._come, result._gone = come, gone
        if result._may_be_too_many(0):
            raise TooLargeError(
                f"Together these models may hold more than {MOST_COPIES:,} copies of a record, and a ledger counts no "
                "more than that, so nothing was changed. Fit with ledger=False, or learn one row with a sample_weight "
                "instead of many copies."
            )
        return result

    def __reduce__(self) -> Any:
        return self.arrays  # which raises: copies of models leave it out


class Noting(Ledger):
    """In the place of a ledger while a piece is learned: only notes the names of its records.

    Parameters
    ----------
    note : callable
        Is given their digests.
    """

    __slots__ = ("_note",)
    is_here = False

    def __init__(self, note: Callable[[np.ndarray], object]) -> None:
        super().__init__()
        self._note = note

    def reserve(self, extra: int) -> None:
        pass

    def make_ready(self, digests: np.ndarray, sign: float = 1.0, check: Callable[[], None] | None = None) -> None:
        pass

    def add(self, digests: np.ndarray) -> int:
        self._note(digests)
        return -1
