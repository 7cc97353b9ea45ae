"""Numbered places of equal length in the file, overwritten in place, so that nothing moves and nothing is left behind.

A place is a checksum and a payload, all in 64-bit words. The lowest bit of the checksum is 1 where the place is in use;
a free one is zeros, but for the number of the next free one, so that places are used again and the file does not grow
by what was forgotten. The checksum is keyed, and made over the number of the place and what it holds.

As many places as go into a page of SQLite's are one cell. No cell is ever deleted and none changes its length: SQLite
overwrites it where it lies, and appends new ones behind the last. So no page is split or merged while it holds data,
and no copy of a cell can stay in the gaps of a page. (The first few cells are made empty, so that the tree has its two
levels before there is anything to copy.)
"""

import hashlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from sqlearn.engine.identity import first_bad, stamp
from sqlearn.errors import StoreCorruptError, StoreError
from sqlearn.storage.file.damage import damaged
from sqlearn.storage.file.database import Database

LARGEST = 2**40 - 1  # the last place: an index keeps a hash and the number of a place in 16 bytes
_CELL = 4056  # bytes: with SQLite's header, one fills a page of 4096
_FIRST = 3  # cells, which are more than a page
_AT_ONCE = 1 << 14  # places
_SCANNED = 8192  # places
_BYTES = 1 << 22
_IN_LIST = 250
_MARKS = ", ".join("?" * _IN_LIST)
_FREE, _USED = np.uint64(0), np.uint64(1)


class _Touched(NamedTuple):
    """Cells: their numbers, how many of them are in the file, which cell and which place in it is meant, contents."""

    numbers: np.ndarray
    n_old: int
    cell: np.ndarray
    place: np.ndarray
    content: np.ndarray

    @property
    def places(self) -> np.ndarray:
        """The places that are meant, uint64[n, 1 + words], a copy."""
        return self.content[self.cell, self.place]


class Slots:
    """A table of places.

    Parameters
    ----------
    database : Database
        The file.
    name : str
        Name of the table.
    words : int
        64-bit words of a payload.
    """

    def __init__(self, database: Database, name: str, words: int) -> None:
        self.database, self.name, self.words = database, name, words
        self._per_cell = max(1, _CELL // (8 * (1 + words)))
        self._shape = self._per_cell, 1 + words
        self._cells_at_once = max(1, min(_SCANNED // self._per_cell, _BYTES // (8 * self._per_cell * (1 + words))))
        self._read_one = f"SELECT cell, bytes FROM {name} WHERE cell = ?"
        self._read_range = f"SELECT cell, bytes FROM {name} WHERE cell >= ? AND cell <= ? ORDER BY cell"
        self._read_list = f"SELECT cell, bytes FROM {name} WHERE cell IN ({_MARKS}) ORDER BY cell"
        self._insert = f"INSERT INTO {name} (bytes, cell) VALUES (?, ?)"
        self._update = f"UPDATE {name} SET bytes = ? WHERE cell = ?"
        self._free, self._end, self._used = f"{name} first free", f"{name} end", f"{name} used"
        self._last: tuple[int, bytes, _Touched] | None = None  # what was read last, as it is often written next

    @cached_property
    def _seed(self) -> np.uint64:
        digest = hashlib.blake2b(self.name.encode(), key=self.database.key, digest_size=8).digest()
        return np.uint64(int.from_bytes(digest, "little"))

    def lay_out(self) -> None:
        """Make the table and its first cells, which are empty."""
        self.database.execute(f"CREATE TABLE {self.name} (cell INTEGER PRIMARY KEY, bytes BLOB NOT NULL)")
        empty = np.zeros((_FIRST, *self._shape), np.uint64)
        self._write(self._insert, np.arange(1, _FIRST + 1), empty)
        self.database.counters |= {self._free: 0, self._end: 0, self._used: 0}

    def __len__(self) -> int:
        return self.database.counters[self._used]

    # ------------------------------------------------------------------ reading

    def read(self, slots: np.ndarray) -> np.ndarray:
        """The payloads of places in use, uint64[n, words]."""
        slots = np.asarray(slots, np.int64)
        parts = []
        for start in range(0, len(slots), _AT_ONCE):
            some = slots[start : start + _AT_ONCE]
            touched = self._known(some)
            if touched is None:
                touched = self._touched(some)
                self._check(touched.places, some, _USED)
                self._last = self.database.transactions, some.tobytes(), touched
            parts.append(touched.places)
        if not parts:
            return np.zeros((0, self.words), np.uint64)
        return (parts[0] if len(parts) == 1 else np.concatenate(parts))[:, 1:]

    def glance(self, slots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Whether places, of which some may be free or not be there, are in use, bool[n], and what they hold."""
        used, payloads = np.zeros(len(slots), bool), np.zeros((len(slots), self.words), np.uint64)
        there = np.flatnonzero(slots <= self.database.counters[self._end])
        for start in range(0, len(there), _AT_ONCE):
            some = there[start : start + _AT_ONCE]
            places = self._touched(slots[some]).places
            self._check(places, slots[some])
            used[some], payloads[some] = places[:, 0] & _USED, places[:, 1:]
        return used, payloads

    def scan(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All places in use, block by block: their numbers, int64[n], and their payloads, uint64[n, words]."""
        for slots, places in self._scan_all():
            yield from _in_use(slots, places)

    def scan_and_check(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The same; at the end, StoreCorruptError is raised if any place, free ones too, is not as it was written."""
        used, after = 0, {0: self.database.counters[self._free]}
        for slots, places in self._scan_all():
            free = (places[:, 0] & _USED) == 0
            used += len(places) - int(np.count_nonzero(free))
            after |= zip(slots[free].tolist(), places[free, 1].tolist(), strict=True)
            if places[free, 2:].any():
                raise self._damaged(int(slots[free][0]))
            yield from _in_use(slots, places)
        at, n = 0, 0
        while (at := after.get(at, -1)) > 0 and n < len(after):
            n += 1
        if used != len(self) or at or n != len(after) - 1:  # the free ones are a chain
            raise self._damaged(self.database.counters[self._free])
        end = self.database.counters[self._end]
        cells = self._cells(np.arange(1 + end // self._per_cell, 1 + self._n_cells))
        if cells.reshape(-1, 1 + self.words)[end % self._per_cell :].any():  # places that were never used
            raise self._damaged(end + 1)

    def check(self) -> None:
        """Read every place."""
        for _ in self.scan_and_check():
            pass

    def _scan_all(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        end = self.database.counters[self._end]
        for first in range(0, -(-end // self._per_cell), self._cells_at_once):
            start = first * self._per_cell
            stop = min(end, start + self._cells_at_once * self._per_cell)
            cells = self._cells(np.arange(first + 1, 2 + (stop - 1) // self._per_cell))
            places = cells.reshape(-1, 1 + self.words)[: stop - start]
            slots = np.arange(start + 1, stop + 1)
            self._check(places, slots)
            yield slots, places

    @property
    def _n_cells(self) -> int:
        return max(_FIRST, -(-self.database.counters[self._end] // self._per_cell))

    def _known(self, slots: np.ndarray) -> "_Touched | None":
        """The cells of these places if they were read last: then they were in use and as they were written."""
        last = self._last
        return last[2] if last and last[0] == self.database.transactions and last[1] == slots.tobytes() else None

    def _touched(self, slots: np.ndarray) -> "_Touched":
        first, last_slot = (int(slots[0]),) * 2 if len(slots) == 1 else (int(slots.min()), int(slots.max()))
        if first < 1 or last_slot > LARGEST:  # a number that was overwritten, say
            raise self._damaged(first if first < 1 else last_slot)
        if len(slots) == 1:
            cell, place = divmod(first - 1, self._per_cell)
            numbers, index, places = np.array([cell + 1]), np.zeros(1, np.int64), np.array([place])
            n_old = int(cell < self._n_cells)
        else:
            cells, places = np.divmod(slots - 1, self._per_cell)
            numbers, index = np.unique(cells + 1, return_inverse=True)
            n_old = int(np.searchsorted(numbers, self._n_cells, side="right"))
        content = self._cells(numbers[:n_old])
        if n_old < len(numbers):
            content = np.concatenate([content, np.zeros((len(numbers) - n_old, *self._shape), np.uint64)])
        return _Touched(numbers, n_old, index, places, content)

    def _cells(self, numbers: np.ndarray) -> np.ndarray:
        """What is in cells, whose numbers ascend: uint64[n, places, words]."""
        wanted = numbers.tolist()
        n = len(wanted)
        found: list[tuple[int, bytes]] = []
        execute = self.database.execute
        if n > 1 and wanted[-1] - wanted[0] == n - 1:
            found = execute(self._read_range, (wanted[0], wanted[-1])).fetchall()
        else:
            many = n - n % _IN_LIST
            for start in range(0, many, _IN_LIST):
                found += execute(self._read_list, tuple(wanted[start : start + _IN_LIST])).fetchall()
            for number in wanted[many:]:
                found += execute(self._read_one, (number,)).fetchall()
        length = 8 * self._per_cell * (1 + self.words)
        right = {number for number, content in found if type(content) is bytes and len(content) == length}
        if len(found) != n or len(right) != n:
            missing = next(number for number in wanted if number not in right)
            raise self._damaged((missing - 1) * self._per_cell + 1)
        content = bytearray().join([content for _, content in found])
        return np.frombuffer(content, "<u8").reshape(n, *self._shape)

    # ------------------------------------------------------------------ writing

    def put(self, payloads: np.ndarray) -> np.ndarray:
        """Write each of uint64[n, words] into a place of its own, freed ones first. Returns their numbers, int64[n]."""
        slots = self.reserve(len(payloads))
        self.fill(slots, payloads)
        return slots

    def reserve(self, n: int) -> np.ndarray:
        """Numbers of so many places for :meth:`fill`, which must follow in the same transaction; int64[n]."""
        counters = self.database.counters
        end = counters[self._end]
        reused = self._vacant(min(n, end - counters[self._used]))
        new = np.arange(end + 1, end + 1 + n - len(reused))
        if len(new) and new[-1] > LARGEST:
            raise StoreError(
                f"The store {self.database.path} has no room for more than {LARGEST} of {self.name}.", reason="full"
            )
        counters[self._used] += n
        return np.concatenate([reused, new])

    def fill(self, slots: np.ndarray, payloads: np.ndarray) -> None:
        """Write uint64[n, words] into places that were reserved."""
        self._replace(slots, payloads, _USED)

    def overwrite(self, slots: np.ndarray, payloads: np.ndarray) -> None:
        """Replace the payloads of places in use."""
        self._replace(np.asarray(slots, np.int64), payloads, _USED, used=True)

    def erase(self, slots: np.ndarray) -> None:
        """Overwrite places in use with zeros."""
        slots = np.asarray(slots, np.int64)
        if not len(slots):
            return
        counters = self.database.counters
        payloads = np.zeros((len(slots), self.words), np.uint64)
        payloads[:-1, 0] = slots[1:]
        payloads[-1, 0] = counters[self._free]
        self._replace(slots, payloads, _FREE, used=True)
        counters[self._free] = int(slots[0])
        counters[self._used] -= len(slots)

    def _vacant(self, n: int) -> np.ndarray:
        """Take so many free places, which there are, off their chain; int64[n]."""
        counters = self.database.counters
        free, slots = counters[self._free], []
        cells: dict[int, list[Any]] = {}
        for _ in range(n):
            cell, place = divmod(free - 1, self._per_cell)
            if cell not in cells:
                if not 0 < free <= counters[self._end]:
                    raise self._damaged(free)
                content = self._cells(np.array([cell + 1]))[0]
                held = min(self._per_cell, counters[self._end] - cell * self._per_cell)
                self._check(content[:held], np.arange(held) + (1 + cell * self._per_cell))
                cells[cell] = content[:held, :2].tolist()
            if place >= len(cells[cell]) or cells[cell][place][0] & 1:
                raise self._damaged(free)
            slots.append(free)
            cells[cell][place][0] = 1  # it is met once
            free = cells[cell][place][1]
        counters[self._free] = free
        return np.array(slots, np.int64)

    def _replace(self, slots: np.ndarray, payloads: np.ndarray, mark: np.uint64, used: bool = False) -> None:
        """Write places, all different; if `used`, they must be in use."""
        for start in range(0, len(slots), _AT_ONCE):
            some = slots[start : start + _AT_ONCE]
            touched = self._known(some)
            if touched is None:
                touched = self._touched(some)
                if used:
                    self._check(touched.places, some, _USED)
            self._last = None
            places = np.empty((len(some), 1 + self.words), np.uint64)
            places[:, 1:] = payloads[start : start + _AT_ONCE]
            stamp(places, some, self._seed, mark)
            touched.content[touched.cell, touched.place] = places
            self._write(self._update, touched.numbers[: touched.n_old], touched.content[: touched.n_old])
            self._write(self._insert, touched.numbers[touched.n_old :], touched.content[touched.n_old :])
            end = self.database.counters[self._end]
            self.database.counters[self._end] = max(end, int(some[-1]))  # new ones come last, in ascending order

    def _write(self, statement: str, numbers: np.ndarray, content: np.ndarray) -> None:
        if len(numbers):
            self.database.executemany(statement, zip(content.astype("<u8", copy=False), numbers.tolist(), strict=True))

    def rebuild(self, blocks: Iterable[np.ndarray]) -> None:
        """Replace all places by ones that hold these payloads, uint64[n, words], in places 1, 2, and so on."""
        successor = self.empty_successor(f"{self.name}_new")
        successor.lay_out()
        for payloads in blocks:
            successor.put(payloads)
        self.take_from(successor)

    def take_from(self, successor: "Slots") -> None:
        """Put another table, which was made with the same seed, into the place of this one."""
        self._last = None
        self.database.execute(f"DROP TABLE {self.name}")
        self.database.execute(f"ALTER TABLE {successor.name} RENAME TO {self.name}")
        counters = self.database.counters
        for ours, theirs in ((self._free, successor._free), (self._end, successor._end), (self._used, successor._used)):
            counters[ours] = counters.pop(theirs)

    def empty_successor(self, name: str) -> "Slots":
        """An empty table for :meth:`take_from`, not laid out yet."""
        successor = Slots(self.database, name, self.words)
        successor._seed = self._seed
        return successor

    # ------------------------------------------------------------------ damage

    def _check(self, places: np.ndarray, slots: np.ndarray, used: np.uint64 = _FREE) -> None:
        """Refuse places that are not as they were written; where `used` is 1, free ones, too."""
        bad = first_bad(places, slots, self._seed, used)
        if bad >= 0:
            raise self._damaged(int(slots[bad]))

    def _damaged(self, slot: int) -> StoreCorruptError:
        return damaged(self.database.path, f"place {slot} of {self.name!r} is not as it was written", anew=True)


def _in_use(slots: np.ndarray, places: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    used = (places[:, 0] & _USED).astype(bool)
    if not used.all():
        slots, places = slots[used], places[used]
    if len(slots):
        yield slots, places[:, 1:]
