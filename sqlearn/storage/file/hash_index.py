"""From keyed hashes to numbers: a hash table whose buckets lie in the file and are overwritten in place.

A B-tree index would leave hashes in the gaps of its pages, and as the key is in the file too, who holds the file could
test by them whether an id was ever there. Hashes are 88 bits under a key drawn at random for each file: with 1e9
entries, the chance that two of them agree is below 2e-9, nobody can choose ids to make it larger, and callers compare
what they find with what they looked for.
"""

import hashlib
from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np

from sqlearn.engine.identity import HashKey, digest_dense, find, pack
from sqlearn.storage.file.damage import damaged
from sqlearn.storage.file.database import Database
from sqlearn.storage.file.slots import LARGEST, Slots

_ENTRIES = 126  # of 16 bytes; with their checksums, two buckets a page
_FILL = 0.6  # of all entries; a bucket runs over at six standard deviations then, which doubles the table too soon
_AT_ONCE = 1024
_WAITING = 1 << 20
_NUMBER = np.uint64(LARGEST)  # the part of an entry's second word that is the number; the rest is of the hash
_SHORT = 40  # bytes

_hash_key = lru_cache(maxsize=16)(HashKey)


def hash_words(key: bytes, words: np.ndarray) -> np.ndarray:
    """Keyed 88-bit hashes of uint64[n, k], uint64[n, 2]; the lower 40 bits of the second word are 0."""
    digests = np.empty((len(words), 6), np.uint64)
    digest_dense(np.zeros((len(words), 0)), np.ascontiguousarray(words), _hash_key(key), digests)
    return masked(digests)


def hash_texts(key: bytes, texts: list[bytes]) -> np.ndarray:
    """Keyed 88-bit hashes of byte strings, uint64[n, 2]; see :func:`hash_words`."""
    lengths = np.fromiter(map(len, texts), np.uint64, len(texts))
    words = np.column_stack([padded([text[:_SHORT] for text in texts]), lengths])
    hashes = hash_words(key, words)
    for i in np.flatnonzero(lengths > _SHORT).tolist():
        digest = hashlib.blake2b(texts[i], key=key, digest_size=16).digest()
        hashes[i] = masked(np.frombuffer(digest, "<u8")[None])[0]
    return hashes


def padded(texts: list[bytes]) -> np.ndarray:
    """Byte strings of at most 40 bytes, filled up with zeros, as uint64[n, 5]."""
    return np.frombuffer(b"".join([text.ljust(_SHORT, b"\0") for text in texts]), "<u8").reshape(-1, _SHORT // 8)


def masked(words: np.ndarray) -> np.ndarray:
    """The hashes in entries or digests, uint64[n, 2]: what is no part of a hash is 0."""
    hashes = words[:, :2].copy()
    hashes[:, 1] &= ~_NUMBER
    return hashes


class HashIndex:
    """Hashes, all different, and a positive number for each.

    Additions wait in memory until they are looked for or :meth:`flush` is called, since many are as cheap as few: they
    go into the same buckets.

    Parameters
    ----------
    database : Database
        The file.
    name : str
        Name of the table.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self.slots = Slots(database, name, 2 * _ENTRIES)
        self._count, self._size = f"{name} entries", f"{name} buckets"
        self.drop_waiting()

    def __len__(self) -> int:
        return self._database.counters[self._count]

    def lay_out(self) -> None:
        self.slots.lay_out()
        self.slots.put(_empty(4))
        self._database.counters |= {self._count: 0, self._size: 4}

    def drop_waiting(self) -> None:
        """Forget additions that a transaction rolled back."""
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []
        self._n_waiting = 0

    def add(self, hashes: np.ndarray, numbers: np.ndarray) -> int:
        """Take in hashes. Returns what :meth:`flush` does when it is time to flush, else 0."""
        self._waiting.append((hashes, numbers))
        self._n_waiting += len(hashes)
        return self.flush() if self._n_waiting >= _WAITING else 0

    def flush(self) -> int:
        """Write the additions that wait; the number of the first whose hash was there already, 0 if there is none."""
        if not self._n_waiting:
            return 0
        hashes = np.concatenate([hashes for hashes, _ in self._waiting])
        numbers = np.concatenate([numbers for _, numbers in self._waiting]).astype(np.int64)
        self.drop_waiting()
        there = self.find(hashes) > 0
        first = np.sort(hashes[:, 0])
        if (first[1:] == first[:-1]).any():  # else no two are equal
            order = np.lexsort((hashes[:, 1], hashes[:, 0]))  # of equal ones, the later comes later
            there[order[1:]] |= (hashes[order[1:]] == hashes[order[:-1]]).all(axis=1)
        if there.any():
            return int(numbers[there][0])
        self._insert(hashes, numbers)
        return 0

    @property
    def waits(self) -> bool:
        """Whether additions wait."""
        return self._n_waiting > 0

    def find(self, hashes: np.ndarray) -> np.ndarray:
        """The number of each hash, int64[n]; 0 where there is none."""
        self._expect_flushed()
        return self.written(hashes)

    def _expect_flushed(self) -> None:
        if self._n_waiting:  # what a search does not see might be there
            raise RuntimeError(
                f"{self._n_waiting} additions to the index {self.slots.name} of the store {self._database.path} wait "
                "to be written. This is a bug in sqlearn. Report it."
            )

    def written(self, hashes: np.ndarray) -> np.ndarray:
        """The number of each hash that has been written, int64[n]; 0 where there is none, or where it still waits."""
        numbers = np.zeros(len(hashes), np.int64)
        for rows, inverse, _, entries in self._touched(hashes):
            at = _places(entries, inverse, hashes[rows])
            numbers[rows] = np.where(at >= 0, entries[inverse, at, 1] & _NUMBER, 0)
        return numbers

    def remove(self, hashes: np.ndarray) -> None:
        """Strike out hashes that are there; all different, or the store is damaged."""
        self._expect_flushed()
        for rows, inverse, buckets, entries in self._touched(hashes):
            at = _places(entries, inverse, hashes[rows])
            if (at < 0).any():
                raise damaged(self._database.path, "an entry of its index is missing")
            if len(rows) > 1 and len(np.unique(inverse * _ENTRIES + at)) < len(rows):  # they would be counted twice
                raise damaged(self._database.path, "its index has one entry for two rows")
            entries[inverse, at] = 0
            pack(entries)
            self._write(buckets, entries)
        self._database.counters[self._count] -= len(hashes)

    def _insert(self, hashes: np.ndarray, numbers: np.ndarray) -> None:
        counters = self._database.counters
        self._make_room(counters[self._count] + len(hashes))
        left = np.arange(len(hashes))
        while len(left):
            over = []
            for rows, inverse, buckets, entries in self._touched(hashes[left]):
                starts = np.searchsorted(inverse, np.arange(len(buckets)))
                rank = np.arange(len(rows)) - starts[inverse]  # among the new ones of the same bucket
                at = (entries[:, :, 1] != 0).sum(axis=1)[inverse] + rank
                fits = at < _ENTRIES
                mine = left[rows]
                entries[inverse[fits], at[fits]] = hashes[mine[fits]]
                entries[inverse[fits], at[fits], 1] |= numbers[mine[fits]].astype(np.uint64)
                self._write(buckets, entries)
                over.append(mine[~fits])
            left = np.concatenate(over)
            if len(left):
                self._double()
        counters[self._count] += len(hashes)

    def _make_room(self, entries: int) -> None:
        """Have buckets for so many entries in all."""
        counters = self._database.counters
        while entries > _FILL * _ENTRIES * counters[self._size]:
            if counters[self._count]:
                self._double()
            else:  # nothing to hand on
                self.slots.put(_empty(counters[self._size]))
                counters[self._size] *= 2

    def _touched(self, hashes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """By blocks of buckets: rows of `hashes` by bucket, which bucket is theirs, the buckets, their contents."""
        size = np.uint64(self._database.counters[self._size])
        of_row = (hashes[:, 0] & (size - np.uint64(1))).astype(np.int64)
        if len(of_row) == 1:
            yield np.zeros(1, np.int64), np.zeros(1, np.int64), of_row, self._entries(of_row)
            return
        order = np.argsort(of_row, kind="stable")
        buckets, starts = np.unique(of_row[order], return_index=True)
        stops = np.append(starts[1:], len(order))
        for first in range(0, len(buckets), _AT_ONCE):
            some = buckets[first : first + _AT_ONCE]
            rows = order[starts[first] : stops[first + len(some) - 1]]
            yield rows, np.searchsorted(some, of_row[rows]), some, self._entries(some)

    def entries(self) -> Iterator[np.ndarray]:
        """All entries, block by block: the hash and the number in two words, uint64[n, 2]."""
        for _, buckets in self.slots.scan():
            flat = buckets.reshape(-1, 2)
            yield flat[flat[:, 1] != 0]

    def entries_of(self, residue: int, modulus: int) -> Iterator[np.ndarray]:
        """Those of :meth:`entries` whose hash leaves this residue; `modulus` is a power of two."""
        size = self._database.counters[self._size]
        buckets = np.arange(residue % min(modulus, size), size, modulus)
        for first in range(0, len(buckets), _AT_ONCE):
            flat = self._entries(buckets[first : first + _AT_ONCE]).reshape(-1, 2)
            yield flat[(flat[:, 1] != 0) & (flat[:, 0] & np.uint64(modulus - 1) == residue)]

    def check(self) -> None:
        """Read all of it: every place as it was written, every entry in its bucket, and as many as are counted."""
        self.slots.check()
        size, found = self._database.counters[self._size], 0
        astray = len(self.slots) != size
        for places, buckets in self.slots.scan():
            entries = buckets.reshape(-1, _ENTRIES, 2)
            used = entries[:, :, 1] != 0
            own = (places - 1).astype(np.uint64)[:, None]
            astray |= bool((used & ((entries[:, :, 0] & np.uint64(size - 1)) != own)).any())
            found += int(used.sum())
        if astray or found != len(self):
            raise damaged(self._database.path, f"its index {self.slots.name} is not as it was counted", anew=True)

    def rebuild(self, renumbered: Callable[[np.ndarray], np.ndarray]) -> None:
        """Write the table anew, no larger than it must be, with other numbers for those that are there."""
        name, counters = f"{self.slots.name}_new", self._database.counters
        successor = HashIndex(self._database, name)
        successor.slots = self.slots.empty_successor(name)
        successor.lay_out()
        successor._make_room(len(self))
        for entries in self.entries():
            if len(entries):
                successor._insert(self.hashes_of(entries), renumbered(self.numbers_of(entries)))
        self.slots.take_from(successor.slots)
        for ours, theirs in ((self._count, successor._count), (self._size, successor._size)):
            counters[ours] = counters.pop(theirs)

    def hashes_of(self, entries: np.ndarray) -> np.ndarray:
        """The hashes of entries, uint64[n, 2]."""
        return masked(entries)

    def numbers_of(self, entries: np.ndarray) -> np.ndarray:
        """The numbers of entries, int64[n]."""
        return (entries[:, 1] & _NUMBER).astype(np.int64)

    def _entries(self, buckets: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(self.slots.read(buckets + 1)).reshape(-1, _ENTRIES, 2)

    def _write(self, buckets: np.ndarray, entries: np.ndarray) -> None:
        self.slots.overwrite(buckets + 1, entries.reshape(len(entries), -1))

    def _double(self) -> None:
        """Twice the buckets: each gives to a new one the hashes that have the next bit."""
        counters = self._database.counters
        size = counters[self._size]
        for first in range(0, size, _AT_ONCE):
            buckets = np.arange(first, min(size, first + _AT_ONCE))
            entries = self._entries(buckets)
            goes = ((entries[:, :, 0] & np.uint64(size)) != 0)[:, :, None]
            moved = np.where(goes, entries, np.uint64(0))
            entries[goes[:, :, 0]] = 0
            pack(entries)
            pack(moved)
            self._write(buckets, entries)
            places = self.slots.put(moved.reshape(len(moved), -1))
            if (places != buckets + size + 1).any():  # places are given in order, and never freed
                raise damaged(
                    self._database.path, f"its index {self.slots.name} has a place more or less than it counts"
                )
        counters[self._size] = 2 * size


def _empty(n: int) -> np.ndarray:
    return np.zeros((n, 2 * _ENTRIES), np.uint64)


def _places(entries: np.ndarray, buckets: np.ndarray, hashes: np.ndarray) -> np.ndarray:
    """Where each hash stands in its bucket, int64[n]; -1 for nowhere."""
    at = np.empty(len(hashes), np.int64)
    find(entries, buckets, hashes, _NUMBER, at)
    return at
