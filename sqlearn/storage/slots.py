"""Numbered places of equal length in the file, overwritten in place, so that nothing moves and nothing is left behind.

A place in use starts with the byte 1. A free one is zeros, but for the number of the next free one (8 bytes behind its
first byte), so that places are used again and the file does not grow by what was forgotten.

No cell is ever deleted and none changes its length: SQLite overwrites it where it lies, and appends new ones to the
last page. So no page is split or merged while it holds data, and no copy of a cell can stay in the gaps of a page. (The
first few places are made empty, so that the tree has its two levels before there is anything to copy.)
"""

import struct
from collections.abc import Iterator, Sequence

import numpy as np

from sqlearn.errors import StoreCorruptError
from sqlearn.storage.database import PAGE, Database

__all__ = ["Slots"]

_FREE = struct.Struct("<Bq")
_AT_ONCE = 8192
_BYTES = 1 << 22
_IN_LIST = 250
_FEW = 16
_LARGEST = 2**63 - 1


class Slots:
    """A table of places.

    Parameters
    ----------
    database : Database
        The file.
    name : str
        Name of the table.
    length : int
        Bytes of a payload. A place has one byte more; payloads of free places have at least 8.
    """

    def __init__(self, database: Database, name: str, length: int):
        self.database, self.name, self.length = database, name, max(8, length)
        self._read = f"SELECT bytes FROM {name} WHERE slot = ?"
        self._read_many = f"SELECT slot, bytes FROM {name} WHERE slot IN ({', '.join('?' * _IN_LIST)})"
        self._insert = f"INSERT INTO {name} (slot, bytes) VALUES (?, ?)"
        self._update = f"UPDATE {name} SET bytes = ? WHERE slot = ?"
        # many at once, cut from one piece by SQLite: Python takes longer to make a statement's values than SQLite does
        self._append = (
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?4) "
            f"INSERT INTO {name} (slot, bytes) SELECT ?1 + i, substr(?2, i * ?3 + 1, ?3) FROM n"
        )
        self._update_many = (
            f"UPDATE {name} SET bytes = substr(?2, (slot - ?1) * ?3 + 1, ?3) WHERE slot >= ?1 AND slot < ?1 + ?4"
        )
        self._read_range = f"SELECT bytes FROM {name} WHERE slot >= ? AND slot <= ? ORDER BY slot"
        self._free, self._end, self._used = f"{name} first free", f"{name} end", f"{name} used"

    def lay_out(self) -> None:
        """Make the table and its first places, all free: more than a page of them."""
        self.database.execute(f"CREATE TABLE {self.name} (slot INTEGER PRIMARY KEY, bytes BLOB NOT NULL)")
        first = 2 + PAGE // min(self.length, PAGE // 8)
        for slot in range(1, first + 1):
            self.database.execute(self._insert, (slot, self._freed(slot + 1 if slot < first else 0)))
        self.database.counters |= {self._free: 1, self._end: first, self._used: 0}

    def __len__(self):
        return self.database.counters[self._used]

    def _freed(self, following: int) -> bytes:
        return _FREE.pack(0, following).ljust(1 + self.length, b"\0")

    def put(self, payloads: Sequence[bytes]) -> np.ndarray:
        """Write each into a place of its own, freed ones first. Returns their numbers, int64[n]."""
        counters = self.database.counters
        slots: list[int] = []
        free = counters[self._free]
        while free and len(slots) < len(payloads):
            slots.append(free)
            content = self._bytes(free)
            if content[0]:
                raise self._damaged(free)
            free = _FREE.unpack_from(content)[1]
        reused = len(slots)
        self.database.executemany(
            self._update, ((b"\1" + payload, slot) for slot, payload in zip(slots, payloads[:reused], strict=True))
        )
        end = counters[self._end]
        slots.extend(range(end + 1, end + 1 + len(payloads) - reused))
        self._write_range(self._append, end + 1, payloads[reused:])
        counters[self._free] = free
        counters[self._end] = end + len(payloads) - reused
        counters[self._used] += len(payloads)
        return np.array(slots, np.int64)

    def read(self, slots) -> bytes:
        """The payloads of places in use, one behind the other."""
        numbers = np.asarray(slots).tolist()
        width = 1 + self.length
        if _are_neighbours(numbers) and numbers[-1] <= _LARGEST:
            found = dict(zip(numbers, self._range(numbers[0], numbers[-1]), strict=False))
        else:
            found = self._scattered(numbers)
        content = b"".join([found.get(slot, b"") for slot in numbers])
        if len(content) != width * len(numbers):
            raise self._damaged(next(slot for slot in numbers if len(found.get(slot, b"")) != width))
        places = np.frombuffer(content, np.uint8).reshape(-1, width)
        free = np.flatnonzero(places[:, 0] != 1)
        if len(free):
            raise self._damaged(numbers[free[0]])
        return places[:, 1:].tobytes()

    def _range(self, first: int, last: int) -> list[bytes]:
        """What is in neighbouring places."""
        contents = [content for (content,) in self.database.execute(self._read_range, (first, last))]
        return [content if type(content) is bytes else b"" for content in contents]

    def _scattered(self, numbers: list[int]) -> dict[int, bytes]:
        """What is in these places, for those that are there."""
        found: dict[int, bytes] = {}
        many = len(numbers) - len(numbers) % _IN_LIST
        for start in range(0, many, _IN_LIST):
            some = tuple(numbers[start : start + _IN_LIST])
            if max(some) > _LARGEST:  # a cell that was overwritten: SQLite knows no such number
                raise self._damaged(max(some))
            found.update(row for row in self.database.execute(self._read_many, some) if type(row[1]) is bytes)
        for slot in numbers[many:]:
            found[slot] = self._bytes(slot)
        return found

    def overwrite(self, slots, payloads: Sequence[bytes]) -> None:
        """Replace the payloads of places in use."""
        numbers = np.asarray(slots).tolist()
        if _are_neighbours(numbers):
            self._write_range(self._update_many, numbers[0], payloads)
            return
        pairs = zip(numbers, payloads, strict=True)
        self.database.executemany(self._update, ((b"\1" + payload, slot) for slot, payload in pairs))

    def _write_range(self, statement: str, first: int, payloads: Sequence[bytes]) -> None:
        """Write payloads into neighbouring places from `first` on."""
        width = 1 + self.length
        at_once = max(1, min(_AT_ONCE, _BYTES // width))
        for start in range(0, len(payloads), at_once):
            some = payloads[start : start + at_once]
            content = b"\1" + b"\1".join(some)
            self.database.execute(statement, (first + start, content, width, len(some)))

    def erase(self, slots) -> None:
        """Overwrite places in use with zeros."""
        numbers = np.asarray(slots).tolist()
        if not numbers:
            return
        counters = self.database.counters
        following = [*numbers[1:], counters[self._free]]
        self.database.executemany(
            self._update, ((self._freed(after), slot) for slot, after in zip(numbers, following, strict=True))
        )
        counters[self._free] = numbers[0]
        counters[self._used] -= len(numbers)

    def scan(self, at_once: int = _AT_ONCE) -> Iterator[tuple[np.ndarray, bytes]]:
        """All places in use, block by block: their numbers, int64[n], and their payloads, one behind the other."""
        width, end = 1 + self.length, self.database.counters[self._end]
        for before in range(0, end, at_once):
            last = min(end, before + at_once)
            content = b"".join(self._range(before + 1, last))
            if len(content) != width * (last - before):  # places are numbered without gaps
                raise self._damaged(last)
            places = np.frombuffer(content, np.uint8).reshape(-1, width)
            used = places[:, 0] == 1
            if used.all():
                used = slice(None)
            slots = np.arange(before + 1, last + 1)[used]
            if len(slots):
                yield slots, places[used, 1:].tobytes()

    def _bytes(self, slot: int) -> bytes:
        if slot > _LARGEST:
            raise self._damaged(slot)
        found = self.database.execute(self._read, (slot,)).fetchone()
        if found is None or type(found[0]) is not bytes or len(found[0]) != 1 + self.length:
            raise self._damaged(slot)
        return found[0]

    def _damaged(self, slot: int) -> StoreCorruptError:
        return StoreCorruptError(
            f"The store {self.database.path} is damaged: place {slot} of {self.name!r} is not as it should be. Take an "
            "intact copy, or make the store anew from its source."
        )


def _are_neighbours(numbers: list[int]) -> bool:
    """Whether these are many, ascending without gaps."""
    first, n = numbers[0] if numbers else 0, len(numbers)
    return n > _FEW and numbers[-1] == first + n - 1 and numbers == list(range(first, first + n))
