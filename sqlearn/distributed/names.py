"""Names of records: the first 128 bits of their digests in ascending order, with the piece that has them and how often.

16 bytes for each record that differs from the others of its piece, and two to twelve for the piece and the number of
copies, in as few bytes as they need.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from sqlearn.distributed.blocks import Blocks
from sqlearn.distributed.grouping import begins, groups

CHUNK = 1 << 14  # entries that are read at once
RUN = 1 << 19  # entries that are sorted at once
_WORD = 64  # bits
_NONE = np.zeros(0, np.uint64)


class Entries(NamedTuple):
    """Some names.

    Attributes
    ----------
    high, low : uint64[n]
        The two words of each.
    piece : unsigned integers[n]
        The number of the piece that has it.
    copies : unsigned integers[n]
        How often.
    """

    high: np.ndarray
    low: np.ndarray
    piece: np.ndarray
    copies: np.ndarray


class Repeated(NamedTuple):
    """Names of records of which a piece has several copies, or earlier pieces have some.

    Attributes
    ----------
    digests : uint64[n, 2]
        Names, ascending.
    first : int64[n]
        How many copies earlier pieces have: the number of the piece's first one.
    """

    digests: np.ndarray
    first: np.ndarray


def ordered(parts: Sequence[Entries]) -> Entries:
    """These entries by name and piece in ascending order; copies of a name in one piece are counted together."""
    high, low, piece, copies = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(high, kind="stable" if len(parts) > 1 else None)  # runs that ascend are merged by the stable one
    high, low, piece, copies = high[order], low[order], piece[order], copies[order]
    tied = high[1:] == high[:-1]
    if tied.any():
        descends = (low[1:] < low[:-1]) | ((low[1:] == low[:-1]) & (piece[1:] < piece[:-1]))
        if (tied & descends).any():
            order = np.lexsort((piece, low, high))
            high, low, piece, copies = high[order], low[order], piece[order], copies[order]
        tied &= (low[1:] == low[:-1]) & (piece[1:] == piece[:-1])
        starts = np.flatnonzero(np.append(True, ~tied))
        if len(starts) < len(high):
            high, low, piece = high[starts], low[starts], piece[starts]
            copies = _narrow(np.add.reduceat(copies, starts, dtype=np.int64))
    return Entries(high, low, piece, copies)


def _narrow(numbers: np.ndarray) -> np.ndarray:
    """Integers in as few bytes as they need."""
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))


class Names:
    """Entries in ascending order, in blocks of which one is read for a name.

    Parameters
    ----------
    memory : int
        How many bytes the process may keep in memory, see :class:`~sqlearn.distributed.blocks.Blocks`; what is beyond
        lies in a temporary file.

    Attributes
    ----------
    n_entries, n_records : int
        Numbers of names in all pieces, and of records that have them.
    most : int
        More copies than any name has.
    """

    def __init__(self, memory: int) -> None:
        self._memory, self._blocks = memory, Blocks(memory)
        self._starts: list[int] = []  # the first word of each block
        self.n_entries = self.n_records = self.most = 0

    def __reduce__(self) -> Any:
        return _restored, (self._memory, list(self._blocks))

    def __sizeof__(self) -> int:  # what lies in the file is left out, or Dask would write it to a second file
        return 1024 + self._blocks.in_memory

    def append(self, entries: Entries) -> None:
        """Add entries whose first words are above those that are here."""
        n, start = len(entries.high), 0
        while start < n:
            stop = min(start + CHUNK, n)
            if stop < n:  # all entries of a name in one block
                stop += int(np.searchsorted(entries.high[stop:], entries.high[stop - 1], side="right"))
            self._append(Entries(*(column[start:stop].copy() for column in entries)))
            start = stop

    def _append(self, block: Entries) -> None:
        self._blocks.append(tuple(block))
        self._starts.append(int(block.high[0]))
        self.n_entries += len(block.high)
        self.n_records += int(block.copies.sum(dtype=np.int64))
        self.most = max(self.most, _most(block))

    def between(self, start: int, stop: int) -> list[Entries]:
        """The entries whose first word is at least `start` and below `stop`."""
        found = []
        starts = np.array(self._starts, np.uint64)
        first = max(0, int(np.searchsorted(starts, np.uint64(start), side="right")) - 1)
        for k in range(first, len(starts)):
            if self._starts[k] >= stop:
                break
            block = Entries(*self._blocks[k])
            a = int(np.searchsorted(block.high, np.uint64(start)))
            b = len(block.high) if stop >> _WORD else int(np.searchsorted(block.high, np.uint64(stop)))
            if a < b:
                found.append(Entries(*(column[a:b] for column in block)))
        return found

    def count(self, digests: np.ndarray) -> np.ndarray:
        """How many copies of each of these digests, uint64[n, >=2], all pieces have together, int64[n]."""
        found = np.zeros(len(digests), np.int64)
        for row, entries in self._looked_up(digests):
            found[row] += entries.copies
        return found

    def pieces_of(self, digests: np.ndarray) -> list[tuple[int, int]]:
        """Which pieces have each of these digests, uint64[n, >=2]: pairs of its index and of a piece."""
        found = [(rows.tolist(), entries.piece.tolist()) for rows, entries in self._looked_up(digests)]
        return sorted({pair for rows, pieces in found for pair in zip(rows, pieces, strict=True)})

    def _looked_up(self, digests: np.ndarray) -> Iterable[tuple[np.ndarray, Entries]]:
        """Entries of these digests, and the indices of those that they belong to."""
        at = np.searchsorted(np.array(self._starts, np.uint64), digests[:, 0], side="right") - 1
        for number, rows in groups(at):
            if number < 0:
                continue
            block = Entries(*self._blocks[number])
            high, low = digests[rows, 0], digests[rows, 1]
            place, stop = np.searchsorted(block.high, high), np.searchsorted(block.high, high, side="right")
            while len(rows):
                there = place < stop
                rows, low, place, stop = rows[there], low[there], place[there], stop[there]
                same = block.low[place] == low
                if same.any():
                    yield rows[same], Entries(*(column[place[same]] for column in block))
                place = place + 1

    def repeated(self) -> dict[int, Repeated]:
        """By piece: the names of which it has several copies, or pieces before it have some."""
        found: dict[int, list[Repeated]] = {}
        for high, low, piece, copies in self._blocks:
            starts = begins(high, low)
            numbers = copies.astype(np.int64)
            before = np.cumsum(numbers) - numbers
            first = before - np.repeat(before[starts], np.diff(np.append(starts, len(high))))
            chosen = np.flatnonzero((first > 0) | (numbers > 1))
            for number, places in groups(piece[chosen]):
                rows = chosen[places]
                digests = np.column_stack([high[rows], low[rows]])
                found.setdefault(number, []).append(Repeated(digests, first[rows]))
        return {piece: joined_names(parts) for piece, parts in found.items()}


def joined_names(parts: Sequence[Repeated]) -> Repeated:
    """These one behind the other."""
    return Repeated(
        np.concatenate([np.zeros((0, 2), np.uint64), *(part.digests for part in parts)]),
        np.concatenate([np.zeros(0, np.int64), *(part.first for part in parts)]),
    )


def _most(block: Entries) -> int:
    starts = begins(block.high, block.low)
    return int(np.add.reduceat(block.copies, starts, dtype=np.int64).max())


def _restored(memory: int, blocks: list[tuple[np.ndarray, ...]]) -> Names:
    names = Names(memory)
    for block in blocks:
        names._append(Entries(*block))
    return names


def cut(runs: Sequence[Names], memory: int, part: int, bits: int) -> list[Names]:
    """The entries of each of these whose first `bits` bits are those of `part`."""
    first, last = part << (_WORD - bits), (part + 1) << (_WORD - bits)
    found = []
    for run in runs:
        own = Names(memory)
        for entries in run.between(first, last):
            own.append(entries)
        found.append(own)
    return found


def merged_names(runs: Sequence[Sequence[Names]], memory: int, part: int = 0, bits: int = 0) -> Names:
    """The entries of all of these, which are given by piece, whose first `bits` bits are those of `part`.

    Memory is bounded by :data:`RUN` entries, whatever their number.
    """
    result, names = Names(memory), [each for piece in runs for each in piece]
    first, last = part << (_WORD - bits), (part + 1) << (_WORD - bits)
    n = max(1, -(-(sum(each.n_entries for each in names) >> bits) // RUN))
    for start, stop in pairwise([first + (last - first) * i // n for i in range(n + 1)]):
        found = [entries for each in names for entries in each.between(start, stop)]
        if found:
            result.append(ordered(found))
    return result


def part_of(digests: np.ndarray, bits: int) -> np.ndarray:
    """Which of 2**`bits` parts each of these digests, uint64[n, >=2], belongs to, int64[n]."""
    return (digests[:, 0] >> np.uint64(_WORD - bits)).astype(np.int64) if bits else np.zeros(len(digests), np.int64)


class Collector:
    """The names of the records of one piece, while they come.

    Parameters
    ----------
    piece : int
        The number of the piece.
    memory : int
        As of :class:`Names`.
    """

    def __init__(self, piece: int, memory: int) -> None:
        self._piece, self._memory = _narrow(np.array([piece])), memory
        self._waiting: list[np.ndarray] = []
        self._n_waiting = 0
        self._runs: list[Names] = []

    def note(self, digests: np.ndarray) -> None:
        """Note records with these digests, uint64[n, >=2]."""
        self._waiting.append(digests[:, :2].copy())
        self._n_waiting += len(digests)
        if self._n_waiting >= RUN:
            self._sort()

    def _sort(self) -> None:
        digests = np.concatenate(self._waiting)
        self._waiting, self._n_waiting = [], 0
        n, run = len(digests), Names(self._memory)
        pieces, ones = np.full(n, self._piece[0]), np.ones(n, np.uint8)
        run.append(ordered([Entries(digests[:, 0].copy(), digests[:, 1].copy(), pieces, ones)]))
        self._runs.append(run)

    def names(self) -> list[Names]:
        """All of them, in runs each of which ascends."""
        if self._waiting:
            self._sort()
        return self._runs
