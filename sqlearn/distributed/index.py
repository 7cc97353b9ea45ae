"""The index of names: which pieces have a record, and how many copies, asked of the one part that the record names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sqlearn.distributed.names import Names, Repeated, cut, joined_names, merged_names, part_of
from sqlearn.distributed.workers import Check, Future, Workers, results
from sqlearn.engine.identity import MOST_COPIES
from sqlearn.errors import TooLargeError

PART = 1 << 24  # names of a part, about


class Index:
    """The names of all records of some pieces, which never change, spread over parts by their first bits.

    Each part is the result of a call: where workers keep results it lies there, and is made again when one is lost.

    Parameters
    ----------
    workers : Workers
        Where the names are.
    names : sequence of Future
        The runs of :class:`~sqlearn.distributed.names.Names` of each piece; they are not needed any more afterwards.
    n_names : int
        How many they are in all.
    memory : int
        How many bytes of names a process may keep in memory.
    check : callable, optional
        Called now and then while they are spread; it may raise.

    Attributes
    ----------
    n_records : int
        How many records the pieces have.
    most : int
        As many copies as any record has.
    """

    def __init__(
        self, workers: Workers, names: Sequence[Future], n_names: int, memory: int, check: Check | None = None
    ) -> None:
        self._workers = workers
        self.bits = max(workers.count - 1, -(-n_names // PART) - 1, 0).bit_length()
        self._parts = [self._part(list(names), memory, part) for part in range(1 << self.bits)]
        with workers.reached():
            told = results(workers, [workers.near(_told, part) for part in self._parts], check)
        self.n_records, self.most = sum(n for n, _ in told), max(most for _, most in told)
        if self.most > MOST_COPIES:
            raise TooLargeError(
                f"The pieces have {self.most:,} copies of a record, and a ledger counts to {MOST_COPIES:,}. Nothing "
                "was changed: fit with ledger=False, or learn one row with a sample_weight instead of many copies."
            )
        self._repeated: dict[int, Repeated] | None = None

    def _part(self, names: list[Any], memory: int, part: int) -> Future:
        near = self._workers.near
        if not self._workers.keeps_results:
            return near(merged_names, names, memory, part, self.bits)
        return near(merged_names, [near(cut, each, memory, part, self.bits) for each in names], memory)

    def count(self, digests: np.ndarray, check: Check | None = None) -> np.ndarray:
        """How many copies of each of these digests, uint64[n, >=2], all pieces have together, int64[n].

        Each is asked of the one part that it names.

        Raises
        ------
        UnsupportedError
            When a part cannot be reached.
        """
        found = np.zeros(len(digests), np.int64)
        at = part_of(digests, self.bits)
        asked = np.unique(at).tolist()
        rows = [np.flatnonzero(at == part) for part in asked]
        with self._workers.reached():
            calls = [
                self._workers.near(Names.count, self._parts[part], digests[chosen, :2])
                for part, chosen in zip(asked, rows, strict=True)
            ]
            answers = results(self._workers, calls, check)
        for chosen, answer in zip(rows, answers, strict=True):
            found[chosen] = answer
        return found

    def offsets(self, piece: int) -> Repeated:
        """The names of which a piece has several copies or earlier pieces have some, with how many those have."""
        if self._repeated is None:
            with self._workers.reached():
                found = results(self._workers, [self._workers.near(Names.repeated, part) for part in self._parts])
            pieces = sorted({number for part in found for number in part})
            self._repeated = {
                number: joined_names([part[number] for part in found if number in part]) for number in pieces
            }
        return self._repeated.get(piece, joined_names([]))


def _told(names: Names) -> tuple[int, int]:
    return names.n_records, names.most
