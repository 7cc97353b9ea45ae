"""Names of records: the first 128 bits of their digests in ascending order, with the piece that has them and how often.

16 bytes for each record that differs from the others of its piece, and two to twelve for the piece and the number of
copies, in as few bytes as they need.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from sqlearn.distributed.blocks import Arrays, Blocks
from sqlearn.distributed.grouping import begins, groups

CHUNK = 1 << 14  # entries of a block
_STEP = 1 << 8  # entries of a block that are read at once
_FEW = 16  # runs
RUN = 1 << 19  # entries that are sorted at once
_WORD = 64  # bits


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
    # few runs that ascend are merged by the stable one; it takes longer the more they are
    order = np.argsort(high, kind="stable" if 1 < len(parts) <= _FEW else None)
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
        self._fences: list[np.ndarray] = []  # the first word of every _STEP-th entry of each block
        self.n_entries = self.n_records = self.most = 0

    def __reduce__(self) -> Any:
        told = self.n_entries, self.n_records, self.most
        return _restored, (self._memory, list(self._blocks), self._starts, self._fences, told)

    def __sizeof__(self) -> int:  # what lies in the file is left out, or Dask would write it to a second file
        return 1024 + self._blocks.in_memory + sum(fence.nbytes for fence in self._fences)

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
        self._fences.append(block.high[::_STEP].copy())
        self.n_entries += len(block.high)
        self.n_records += int(block.copies.sum(dtype=np.int64))
        self.most = max(self.most, _most(block))

    def _read(self, number: int, start: int, stop: int) -> Entries:
        """The entries of a block whose first word is at least `start` and below `stop`, and some beside them."""
        fence = self._fences[number]
        first = max(0, _place(fence, start) - 1)
        return Entries(*self._blocks.read(number, slice(_STEP * first, _STEP * _place(fence, stop))))

    def between(self, start: int, stop: int) -> list[Entries]:
        """The entries whose first word is at least `start` and below `stop`."""
        found = []
        for number in range(max(0, bisect_right(self._starts, start) - 1), bisect_left(self._starts, stop)):
            block = self._read(number, start, stop)
            a, b = _place(block.high, start), _place(block.high, stop)
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
            high, low = digests[rows, 0], digests[rows, 1]
            block = self._read(number, int(high.min()), int(high.max()) + 1)
            place, stop = np.searchsorted(block.high, high), np.searchsorted(block.high, high, side="right")
            while len(rows):
                there = place < stop
                rows, low, place, stop = rows[there], low[there], place[there], stop[there]
                same = block.low[place] == low
                if same.any():
                    yield rows[same], Entries(*(column[place[same]] for column in block))
                place = place + 1

    def repeated(self) -> Iterator[tuple[np.ndarray, Repeated]]:
        """The names of which a piece has several copies, or pieces before it have some, with the numbers of pieces."""
        for high, low, piece, copies in self._blocks:
            starts = begins(high, low)
            numbers = copies.astype(np.int64)
            before = np.cumsum(numbers) - numbers
            first = before - np.repeat(before[starts], np.diff(np.append(starts, len(high))))
            rows = np.flatnonzero((first > 0) | (numbers > 1))
            yield piece[rows], Repeated(np.column_stack([high[rows], low[rows]]), first[rows])

    def repeats(self) -> "Repeats":
        """The same by piece."""
        found, waiting, n = Repeats(self._memory), list[tuple[np.ndarray, Repeated]](), 0
        for pieces, names in self.repeated():
            if len(pieces):
                waiting.append((pieces, names))
                n += len(pieces)
            if n >= RUN:
                found.append(waiting)
                waiting, n = [], 0
        found.append(waiting)
        return found


class Repeats:
    """Repeated names by piece, of which those of one piece are read.

    Parameters
    ----------
    memory : int
        As of :class:`Names`.
    """

    def __init__(self, memory: int) -> None:
        self._memory, self._blocks = memory, Blocks(memory)
        self._places: dict[int, list[tuple[int, slice]]] = {}  # by piece: blocks, and its rows of them

    def __reduce__(self) -> Any:
        return _restored_repeats, (self._memory, list(self._blocks), self._places)

    def __sizeof__(self) -> int:  # as of Names
        return 1024 + self._blocks.in_memory

    def append(self, parts: Sequence[tuple[np.ndarray, Repeated]]) -> None:
        """Add names behind those that are here, with the numbers of their pieces."""
        if not parts:
            return
        pieces, names = np.concatenate([pieces for pieces, _ in parts]), joined_names([names for _, names in parts])
        order = np.argsort(pieces, kind="stable")
        ends = np.append(begins(pieces[order])[1:], len(order))
        for start, stop in pairwise([0, *ends.tolist()]):
            self._places.setdefault(int(pieces[order[start]]), []).append((len(self._blocks), slice(start, stop)))
        self._blocks.append((names.digests[order], names.first[order]))

    def of(self, pieces: Sequence[int]) -> list[Repeated]:
        """Those of each of these pieces."""
        return [
            joined_names([Repeated(*self._blocks.read(*place)) for place in self._places.get(piece, ())])
            for piece in pieces
        ]


def _restored_repeats(memory: int, blocks: Sequence[Arrays], places: dict[int, list[tuple[int, slice]]]) -> Repeats:
    found = Repeats(memory)
    for block in blocks:
        found._blocks.append(block)
    found._places = places
    return found


def joined_names(parts: Sequence[Repeated]) -> Repeated:
    """These one behind the other."""
    return Repeated(
        np.concatenate([np.zeros((0, 2), np.uint64), *(part.digests for part in parts)]),
        np.concatenate([np.zeros(0, np.int64), *(part.first for part in parts)]),
    )


def _most(block: Entries) -> int:
    if (block.high[1:] != block.high[:-1]).all():
        return int(block.copies.max())
    starts = begins(block.high, block.low)
    return int(np.add.reduceat(block.copies, starts, dtype=np.int64).max())


def _place(ascending: np.ndarray, word: int) -> int:
    """How many of these words are below another one, which may be 2**64."""
    return len(ascending) if word >> _WORD else int(np.searchsorted(ascending, np.uint64(word)))


def _restored(
    memory: int, blocks: Sequence[Arrays], starts: list[int], fences: list[np.ndarray], told: tuple[int, int, int]
) -> Names:
    names = Names(memory)
    for block in blocks:
        names._blocks.append(block)
    names._starts, names._fences = starts, fences
    names.n_entries, names.n_records, names.most = told
    return names


def bounds(part: int, bits: int) -> tuple[int, int]:
    """The least first word of a name whose first `bits` bits are those of `part`, and the one above the greatest."""
    return part << (_WORD - bits), (part + 1) << (_WORD - bits)


def merged_names(runs: Sequence[Sequence[Names]], memory: int, part: int = 0, bits: int = 0) -> Names:
    """The entries of all of these, which are given by piece; the first `bits` bits of all are those of `part`.

    Memory is bounded by :data:`RUN` entries, whatever their number.
    """
    result, names = Names(memory), [each for piece in runs for each in piece]
    first, last = bounds(part, bits)
    n = max(1, -(-sum(each.n_entries for each in names) // RUN))
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
    bits : int
        Names are divided into 2**`bits` parts by as many first bits.
    """

    def __init__(self, piece: int, memory: int, bits: int) -> None:
        self._piece, self._memory, self._bits = _narrow(np.array([piece])), memory, bits
        self._waiting: list[np.ndarray] = []
        self._n_waiting = 0
        self._parts: list[list[Names]] = [[] for _ in range(1 << bits)]

    def note(self, digests: np.ndarray) -> None:
        """Note records with these digests, uint64[n, >=2]."""
        self._waiting.append(digests[:, :2].copy())
        self._n_waiting += len(digests)
        if self._n_waiting >= RUN:
            self._sort()

    def _sort(self) -> None:
        digests = np.concatenate(self._waiting)
        self._waiting, self._n_waiting = [], 0
        pieces, ones = np.full(len(digests), self._piece[0]), np.ones(len(digests), np.uint8)
        run = ordered([Entries(digests[:, 0].copy(), digests[:, 1].copy(), pieces, ones)])
        ends = [_place(run.high, bounds(part, self._bits)[1]) for part in range(len(self._parts))]
        for names, (start, stop) in zip(self._parts, pairwise([0, *ends]), strict=True):
            if start < stop:
                names.append(Names(self._memory))
                names[-1].append(Entries(*(column[start:stop] for column in run)))

    def names(self) -> list[list[Names]]:
        """All of them by part, in runs each of which ascends."""
        if self._waiting:
            self._sort()
        return self._parts
