"""Where the records lie that a learner must evaluate again: a source of rows, read in blocks.

The model's own copy (:class:`~sqlearn.engine.rounds.rows.Rows`) is the default. A learner takes any other object with
these methods in its place: give it to an empty :class:`~sqlearn.engine.rounds.statistic.Rounds` as ``rows`` (or to
:class:`~sqlearn.engine.tables.rounds.TableRounds` as ``raw``). :class:`sqlearn.Store` does so with the rows in its
file, so that a table may be larger than memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, Self

import numpy as np

from sqlearn.errors import UnsupportedError

MAX_HASH = 2**64 - 1  # the limit that no keyed hash exceeds
ROWS_ELSEWHERE = (
    "This model was taken out of a store, which keeps its rows, so it can be neither updated nor merged. Nothing "
    "was changed: learn and forget with the store's own methods, or fit a clone of it on the rows."
)


@dataclass
class Records:
    """Some records as a problem sees them.

    Attributes
    ----------
    x : float64[n, d]
        Features.
    y : float64[n]
        Target, or class: its slot in a source, its place among the sorted labels in a problem.
    w : float64[n]
        Positive weights, or 0 for an empty place.
    hashes : uint64[n]
        Keyed hash of each copy.
    """

    x: np.ndarray
    y: np.ndarray
    w: np.ndarray
    hashes: np.ndarray

    def take(self, index: Any) -> "Records":
        """Some of them."""
        return Records(self.x[index], self.y[index], self.w[index], self.hashes[index])


class RowSource(Protocol):
    """Records by digest, which may be held several times: copies 0, 1, ... of a digest, without gaps.

    A copy's keyed hash is that of :func:`~sqlearn.engine.rounds.row_index.copy_hash`. It depends on the digest and on
    the copy's number alone, so samples drawn by it are functions of the multiset of records.
    """

    def reserve(self, extra: int) -> None:
        """Make room for so many more records."""

    def missing(self, digests: np.ndarray) -> int:
        """-1, or the index of the first of these digests, uint64[n, >=2], of which fewer copies are held than given."""

    def vacant(self, places: np.ndarray) -> None:
        """Write places for so many more records; what needs memory is done here, so that :meth:`put` cannot fail."""

    def put(
        self,
        places: np.ndarray,
        x: np.ndarray,
        y: np.ndarray,
        w: np.ndarray,
        digests: np.ndarray,
        hashes: np.ndarray,
    ) -> None:
        """Keep records in the places that :meth:`vacant` gave, and write the keyed hashes of their copies."""

    def remove(self, places: np.ndarray, digests: np.ndarray, hashes: np.ndarray) -> None:
        """Let go of the last copies of these digests, all of which are held; write their places and keyed hashes."""

    def make_ready(self, digests: np.ndarray) -> None:
        """Have all that :meth:`vacant`, :meth:`put` and :meth:`remove` of these digests need of outside, since they
        undo each other: their code, and what is asked of elsewhere."""

    def blocks(self, limit: int) -> Iterator[Records]:
        """The records whose keyed hash is at most `limit`, in blocks of any size and order; empty places may be there,
        with weight 0, if the limit is :data:`MAX_HASH`."""

    def compact(self) -> np.ndarray | None:
        """Use less memory, if that is worth while. Returns the places that records lay in, int64[n], if they moved."""

    def copy(self) -> "RowSource":
        """An independent source of the same records."""


class ReadOnlyRows:
    """A source that is only read: its records come and go elsewhere, or not at all."""

    why = ""  # what refusals say

    def _refuse(self, *_: object) -> NoReturn:
        raise UnsupportedError(self.why, reason="rows elsewhere")

    reserve = missing = vacant = put = remove = _refuse

    def make_ready(self, digests: np.ndarray) -> None:
        pass

    def compact(self) -> np.ndarray | None:
        return None

    def copy(self) -> Self:
        return self


class CopiedRows(ReadOnlyRows):
    """The source of a model that was taken out of a store together with its records: it predicts, but cannot change.

    Parameters
    ----------
    rows : RowSource
        The records.
    """

    why = ROWS_ELSEWHERE

    def __init__(self, rows: RowSource) -> None:
        self.rows = rows

    def blocks(self, limit: int) -> Iterator[Records]:
        return self.rows.blocks(limit)


class PassedRows:
    """The source of a part of a model, which passes records on as they are learned: such parts merge by their sums.

    Parameters
    ----------
    take : callable
        Is given features, targets or class slots, weights and digests of some records, all of which it may keep.
    """

    def __init__(self, take: Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], None]) -> None:
        self._take = take

    def reserve(self, extra: int) -> None:
        pass

    def missing(self, digests: np.ndarray) -> int:
        self._refuse()

    def vacant(self, places: np.ndarray) -> None:
        places[:] = 0

    def put(
        self, places: np.ndarray, x: np.ndarray, y: np.ndarray, w: np.ndarray, digests: np.ndarray, hashes: np.ndarray
    ) -> None:
        hashes[:] = 0  # which copies they are shows when all parts are together
        self._take(x, y, w, digests)

    def remove(self, places: np.ndarray, digests: np.ndarray, hashes: np.ndarray) -> None:
        self._refuse()

    def make_ready(self, digests: np.ndarray) -> None:
        pass

    def blocks(self, limit: int) -> Iterator[Records]:
        self._refuse()

    def compact(self) -> None:
        pass

    def copy(self) -> Self:
        return self

    def _refuse(self) -> NoReturn:
        raise UnsupportedError(
            "This is a part of a model, which has its sums alone. Nothing was changed: merge it with the other parts.",
            reason="rows elsewhere",
        )


class DetachedRows(ReadOnlyRows):
    """The source of a model whose records stayed where it was read from: it predicts, but cannot change."""

    why = ROWS_ELSEWHERE

    def blocks(self, limit: int) -> Iterator[Records]:
        self._refuse()
