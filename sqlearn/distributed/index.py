"""The index of names: which pieces have a record, and how many copies, asked of the one part that the record names."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, islice
from typing import Any

import numpy as np

from sqlearn.distributed.names import Names, Repeated, Repeats, joined_names, merged_names, part_of
from sqlearn.distributed.workers import Check, Future, Workers, results
from sqlearn.engine.identity import MOST_COPIES
from sqlearn.errors import TooLargeError

PART = 1 << 26  # names of a part, about


def parts_of_index(workers: Workers, n_names: int) -> list[str | None]:
    """Which worker keeps each part of an index of about so many names; None where workers have no names.

    There are as many parts as workers that have names, or more, and a power of two: two to four times as many where the
    workers are no power of two, so that none keeps much more than another.
    """
    places: list[str | None] = [name for name, threads in workers.places().items() for _ in range(threads)]
    n = max(len(places), -(-n_names // PART), 1)
    bits = (n - 1).bit_length() + (n.bit_count() > 1)
    return list(islice(cycle(places or [None]), 1 << bits))


def bits_of(places: Sequence[Any]) -> int:
    """How many first bits of a name tell its part, of so many parts."""
    return len(places).bit_length() - 1


class Index:
    """The names of all records of some pieces, which never change, spread over parts by their first bits.

    Each part is the result of a call: where workers keep results it lies there, and is made again when one is lost.

    Parameters
    ----------
    workers : Workers
        Where the names are.
    names : sequence of sequence of Future
        By part, as many as a power of two, and by piece: runs of :class:`~sqlearn.distributed.names.Names`. They are
        not needed any more afterwards.
    places : sequence of str or None
        As :func:`parts_of_index` gave them.
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
        self,
        workers: Workers,
        names: Sequence[Sequence[Future]],
        places: Sequence[str | None],
        memory: int,
        check: Check | None = None,
    ) -> None:
        self._workers = workers
        self.bits = bits_of(places)
        self._parts = [
            workers.near(merged_names, list(of_part), memory, part, self.bits, at=place)
            for part, (of_part, place) in enumerate(zip(names, places, strict=True))
        ]
        with workers.reached():
            told = results(workers, [workers.near(_told, part) for part in self._parts], check)
        self.n_records, self.most = sum(n for n, _ in told), max(most for _, most in told)
        if self.most > MOST_COPIES:
            raise TooLargeError(
                f"The pieces have {self.most:,} copies of a record, and a ledger counts to {MOST_COPIES:,}. Nothing "
                "was changed: fit with ledger=False, or learn one row with a sample_weight instead of many copies."
            )
        self._repeats: list[Future] = []  # by part, once somebody has asked

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

    def offsets(self, pieces: Sequence[int], check: Check | None = None) -> list[Repeated]:
        """Of each piece the names of which it has several copies, or earlier pieces have some: how many these have."""
        near = self._workers.near
        with self._workers.reached():
            repeats = self._repeats or [near(Names.repeats, part) for part in self._parts]
            found = results(self._workers, [near(Repeats.of, part, pieces) for part in repeats], check)
            self._repeats = repeats
        return [joined_names(parts) for parts in zip(*found, strict=True)]


def _told(names: Names) -> tuple[int, int]:
    return names.n_records, names.most
