"""The ledger: which records, and how many copies of each, a model holds.

A digest is 128 bits of a keyed hash of a record, so digests spread evenly. They live in an open-addressing table in the
order of the digests: a digest's home lies as far into the table as the digest lies in the range of all digests, and
digests that find their home taken stand behind it, in order and without gaps (linear probing, where of two digests that
want a slot the one further from its home gets it, and the smaller of two that are equally far). So a table is a
function of its contents and its capacity alone, the canonical form needs no sorting, and a digest that is removed
leaves no tombstone: what stands behind it moves up, and the slot that becomes free is zeroed.

The kernels work on three arrays, which `Ledger` owns and replaces when they are resized:

- ``keys``: uint64[capacity, 2], the digests;
- ``copies``: int32[capacity], how often each is held, 0 for a free slot. 32 bits keep a slot at 20 bytes, and a record
  of a growing ledger at 25 to 33 where 64 bits take 30 to 40; 2**31 copies of one record are refused, never wrapped;
- ``counters``: int64[2], the number of distinct digests and of all copies.
"""

from collections.abc import Callable
from contextlib import suppress

import numpy as np

from sqlearn.engine.kernels import kernel, make_ready, multiply_high, prefetch
from sqlearn.errors import TooLargeError

SMALLEST = 8
MOST_COPIES = 2**31 - 1
_AHEAD = 12  # digests
_ONE_OF_EACH = np.empty(0, np.int32)


def _borrowing(function):
    """A kernel that makes and returns no arrays, so needs no reference counts, which would take most of its time."""
    dispatcher = kernel(function)
    if hasattr(dispatcher, "targetoptions"):  # not when NUMBA_DISABLE_JIT makes it a plain function
        dispatcher.targetoptions["_nrt"] = False
    return dispatcher


@_borrowing
def _next(slot, capacity):
    slot += 1
    return slot if slot < capacity else 0


@_borrowing
def _distance(slot, word0, capacity):
    """How many steps `slot` lies behind the home of a digest."""
    steps = slot - multiply_high(word0, np.uint64(capacity))
    return steps if steps >= 0 else steps + capacity


@_borrowing
def _place(keys, copies, word0, word1):
    """The slot that holds a digest or, when none does, the slot that it would be put into."""
    capacity = len(copies)
    slot = multiply_high(word0, np.uint64(capacity))
    steps = 0
    while copies[slot] != 0:
        key0, key1 = keys[slot, 0], keys[slot, 1]
        other = _distance(slot, key0, capacity)
        if other < steps or (other == steps and (key0 > word0 or (key0 == word0 and key1 >= word1))):
            break
        slot = _next(slot, capacity)
        steps += 1
    return slot


@_borrowing
def _holds(keys, copies, slot, word0, word1):
    return copies[slot] != 0 and keys[slot, 0] == word0 and keys[slot, 1] == word1


@_borrowing
def copies_held(keys, copies, word0, word1):
    """How many copies of a digest are held; 0 if none."""
    slot = _place(keys, copies, word0, word1)
    return np.int64(copies[slot]) if _holds(keys, copies, slot, word0, word1) else np.int64(0)


@_borrowing
def _put(keys, copies, counters, word0, word1, number):
    """Add `number` copies of a digest; False, and nothing changed, if that were too many. The table must have room."""
    slot = _place(keys, copies, word0, word1)
    if _holds(keys, copies, slot, word0, word1):
        if copies[slot] > MOST_COPIES - number:
            return False
        copies[slot] += number
    else:
        capacity = len(copies)
        free = slot
        while copies[free] != 0:
            free = _next(free, capacity)
        while free != slot:
            before = free - 1 if free > 0 else capacity - 1
            keys[free, 0], keys[free, 1], copies[free] = keys[before, 0], keys[before, 1], copies[before]
            free = before
        keys[slot, 0], keys[slot, 1], copies[slot] = word0, word1, number
        counters[0] += 1
    counters[1] += number
    return True


@_borrowing
def add_one(keys, copies, counters, word0, word1):
    """Add one copy of a digest, with room reserved; False, and nothing changed, if 2**31 - 1 are held."""
    return _put(keys, copies, counters, word0, word1, np.int32(1))


@_borrowing
def take_one(keys, copies, counters, word0, word1):
    """Remove one copy of a digest; False, and nothing changed, if none is held."""
    slot = _place(keys, copies, word0, word1)
    if not _holds(keys, copies, slot, word0, word1):
        return False
    counters[1] -= 1
    copies[slot] -= 1
    if copies[slot] == 0:
        capacity = len(copies)
        counters[0] -= 1
        after = _next(slot, capacity)
        while copies[after] != 0 and _distance(after, keys[after, 0], capacity) > 0:
            keys[slot, 0], keys[slot, 1], copies[slot] = keys[after, 0], keys[after, 1], copies[after]
            slot, after = after, _next(after, capacity)
        keys[slot, 0], keys[slot, 1], copies[slot] = 0, 0, 0
    return True


@_borrowing
def _change(keys, copies, counters, digests, numbers, sign):
    """Add (1.0) one copy of all digests, or remove (-1.0) it, or do neither: -1, or the index of the first that failed.

    `numbers`, int32[n], may say how many copies of each to add; then the digests before one that fails stay added.
    """
    refused, stop, i = -1, len(digests), 0
    while i < stop:
        if sign > 0 and i + _AHEAD < len(digests):  # a large table is not in the cache
            home = np.int64(multiply_high(digests[i + _AHEAD, 0], np.uint64(len(copies))))
            prefetch(keys, home)
            prefetch(copies, home)
        if sign > 0:
            number = numbers[i] if len(numbers) else np.int32(1)
            done = number == 0 or _put(keys, copies, counters, digests[i, 0], digests[i, 1], number)
        else:
            done = take_one(keys, copies, counters, digests[i, 0], digests[i, 1])
        i += 1
        if not done:  # go back: what was done can be undone
            refused = i - 1
            stop, i, sign = 0 if len(numbers) else refused, 0, -sign
    return refused


@_borrowing
def _wrapped(keys, copies):
    """How many digests, the greatest, went over the table's end and stand at its beginning."""
    slot = 0
    while copies[slot] != 0 and _distance(slot, keys[slot, 0], len(copies)) > slot:
        slot += 1
    return slot


class Ledger:
    """A multiset of digests: 128-bit hashes, given as the first two words of each row of a uint64 array.

    Every method leaves the ledger as it was or does all it should, wherever a KeyboardInterrupt lands: what changes it
    is either one kernel call or one assignment.

    A state may have another object with these methods in its place, which asks elsewhere for the digests of most of its
    records; it says so by `is_here`, and then there are no `arrays` for the paths of one record.
    """

    __slots__ = ("_arrays",)
    is_here = True

    def __init__(self) -> None:
        self._arrays = _empty(SMALLEST)

    @property
    def arrays(self):
        """``(keys, copies, counters)`` for use in kernels, valid until the next `reserve`, `add` or `take`."""
        return self._arrays

    def __len__(self):
        return self._arrays[2].item(1)

    @property
    def nbytes(self) -> int:
        """Memory held by the arrays."""
        return sum(array.nbytes for array in self._arrays)

    def reserve(self, extra: int) -> None:
        """Make room for `extra` more digests.

        Kernels that add need it before. Resizing brings the load to 0.6; it may range from 0.4 to 0.8 otherwise.
        """
        needed = self._arrays[2].item(0) + extra
        if 5 * needed > 4 * len(self._arrays[1]):
            self._resize(needed)

    def shrink(self) -> None:
        """Give back room that is not needed, unless there is no memory to move to: that is no reason to fail."""
        needed, capacity = self._arrays[2].item(0), len(self._arrays[1])
        if 5 * needed < 2 * capacity and capacity > SMALLEST:
            with suppress(MemoryError):
                self._resize(needed)

    def _resize(self, needed: int) -> None:
        arrays = _empty(max(SMALLEST, 1 + 5 * needed // 3))
        _change(*arrays, *self._arrays[:2], 1.0)
        self._arrays = arrays

    def add(self, digests) -> int:
        """Add one copy of each of `digests`, uint64[n, >=2], if no record is then held more than `MOST_COPIES` times.

        Returns
        -------
        int
            -1, or the index of the first digest with too many copies. In that case no digest was added.
        """
        self.reserve(len(digests))
        return _change(*self._arrays, digests, _ONE_OF_EACH, 1.0)

    def take(self, digests) -> int:
        """Remove one copy of each of `digests`, uint64[n, >=2], if all are held.

        Returns
        -------
        int
            -1, or the index of the first digest that is not held, copies used up by earlier ones considered. In that
            case the ledger has not changed.
        """
        return _change(*self._arrays, digests, _ONE_OF_EACH, -1.0)

    def copies(self, digests) -> np.ndarray:
        """How many copies of each of `digests`, uint64[n, >=2], are held, int64[n]."""
        found = np.zeros(len(digests), np.int64)
        if len(self):
            keys, copies, _ = self._arrays
            for i, (high, low) in enumerate(digests[:, :2]):
                found[i] = copies_held(keys, copies, high, low)
        return found

    def make_ready(self, digests, sign: float = 1.0, check: Callable[[], None] | None = None) -> None:
        """Have all that :meth:`add` (1.0) or :meth:`take` (-1.0), and :meth:`take_back`, need of outside: their code.

        Where that takes long, `check`, which may raise, is called now and then.
        """
        make_ready(_change, *self._arrays, digests[:0], _ONE_OF_EACH, 1.0)

    def take_back(self, digests, sign: float) -> None:
        """Undo :meth:`add` (1.0) or :meth:`take` (-1.0) of these digests, for which there is room."""
        _change(*self._arrays, digests, _ONE_OF_EACH, -sign)

    def copy(self) -> "Ledger":
        """An independent ledger with the same contents."""
        result = Ledger()
        result._arrays = tuple(array.copy() for array in self._arrays)
        return result

    def merged(self, other: "Ledger") -> "Ledger":
        """A new ledger that holds the copies of both.

        Raises
        ------
        TooLargeError
            When it would hold a digest more than `MOST_COPIES` times.
        """
        if not other.is_here:
            return other.merged(self)
        result = self.copy()
        keys, copies, counters = other._arrays
        result.reserve(counters.item(0))
        if _change(*result._arrays, keys, copies, 1.0) >= 0:
            raise TooLargeError(
                f"Together these models hold more than {MOST_COPIES:,} copies of a record, and a ledger counts no "
                "more than that, so nothing was changed. Fit with ledger=False, or learn one row with a "
                "sample_weight instead of many copies."
            )
        result.shrink()
        return result

    def canonical(self) -> bytes:
        """All digests in ascending order, 16 bytes each, then their numbers of copies, 4 bytes each; little-endian."""
        keys, copies, _ = self._arrays
        slots = np.roll(np.flatnonzero(copies), -_wrapped(keys, copies))
        return keys[slots].astype("<u8").tobytes() + copies[slots].astype("<i4").tobytes()

    @classmethod
    def restore(cls, canonical: bytes) -> "Ledger":
        """The ledger that has this canonical form; a ValueError if none has."""
        distinct, remainder = divmod(len(canonical), 20)
        if remainder:
            raise ValueError(f"a ledger has 20 bytes per record, and {len(canonical)} is not a multiple of 20")
        digests = np.frombuffer(canonical, "<u8", 2 * distinct).reshape(distinct, 2).astype(np.uint64)
        numbers = np.frombuffer(canonical, "<i4", distinct, 16 * distinct).astype(np.int32)
        before, after = digests[:-1], digests[1:]
        ascending = (before[:, 0] < after[:, 0]) | ((before[:, 0] == after[:, 0]) & (before[:, 1] < after[:, 1]))
        if not ascending.all() or (numbers < 1).any():
            raise ValueError(
                "these bytes are not a ledger's: digests must ascend, and each must have at least one copy"
            )
        result = cls()
        result.reserve(distinct)
        _change(*result._arrays, digests, numbers, 1.0)
        return result

    def __reduce__(self):
        return Ledger.restore, (self.canonical(),)  # the capacity is history, and must not show in a pickle


def _empty(capacity):
    return np.zeros((capacity, 2), np.uint64), np.zeros(capacity, np.int32), np.zeros(2, np.int64)
