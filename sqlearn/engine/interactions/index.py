"""Which items a user has and which users have an item: both ways, so that either can go at the cost of its own entries.

An entry is one interaction. It stands in a row of its user (item, code of the rating, its place in the item's row) and
in a row of its item (user, its place in the user's row). Rows lie in two pools, with room behind each. Where one is
full, it moves to the end of its pool; an entry that goes is replaced by the last one of its row. So the order in a row
is history, and nothing that is read may depend on it: what is read are integer sums, or is sorted first.
"""

from typing import NamedTuple

import numpy as np

from sqlearn.engine.kernels import kernel, make_ready

MOST_CODES = 1 << 16  # codes are uint16
_SPARE = 4096  # entries of a pool that need not be used
_NONE = np.zeros(0, np.uint32)


class Arrays(NamedTuple):
    """What kernels work on.

    Attributes
    ----------
    user_start, user_length, user_room : int64[users]
        The row of each user in the pool: where it begins, how many entries it has, for how many there is room.
    item, code, at_item : uint32[p], uint16[p], uint32[p]
        The pool of users' rows: an entry's item, its code, and its place in the item's row.
    item_start, item_length, item_room : int64[items]
        The same for items.
    user, at_user : uint32[q], uint32[q]
        The pool of items' rows: an entry's user, and its place in the user's row.
    ends : int64[2]
        Where the used parts of both pools end.
    """

    user_start: np.ndarray
    user_length: np.ndarray
    user_room: np.ndarray
    item: np.ndarray
    code: np.ndarray
    at_item: np.ndarray
    item_start: np.ndarray
    item_length: np.ndarray
    item_room: np.ndarray
    user: np.ndarray
    at_user: np.ndarray
    ends: np.ndarray


@kernel
def _find(index, u, i):
    """The place of an item in a user's row, or -1."""
    n, m = index.user_length[u], index.item_length[i]
    first, other = index.user_start[u], index.item_start[i]
    if n > 0 and index.item[first + n - 1] == i:  # so it is when all of a user goes
        return n - 1
    if n <= m:
        for p in range(n):
            if index.item[first + p] == i:
                return p
    else:
        for q in range(m):
            if index.user[other + q] == u:
                return np.int64(index.at_user[other + q])
    return -1


@kernel
def codes_of(index, users, items, codes):
    """Write the code of each pair, or -1 for pairs that are not held; slots may be -1 for what is not known at all."""
    for r in range(len(users)):
        codes[r] = -1
        if users[r] >= 0 and items[r] >= 0:
            p = _find(index, users[r], items[r])
            if p >= 0:
                codes[r] = index.code[index.user_start[users[r]] + p]


@kernel
def _remove(index, u, p):
    """Take out the entry at place `p` of a user's row."""
    first = index.user_start[u]
    i, q = index.item[first + p], index.at_item[first + p]
    other = index.item_start[i]
    last = index.user_length[u] - 1
    if p != last:
        j, qj = index.item[first + last], index.at_item[first + last]
        index.item[first + p], index.code[first + p], index.at_item[first + p] = j, index.code[first + last], qj
        index.at_user[index.item_start[j] + qj] = p
    index.item[first + last], index.code[first + last], index.at_item[first + last] = 0, 0, 0
    index.user_length[u] = last
    last = index.item_length[i] - 1
    if q != last:
        v, pv = index.user[other + last], index.at_user[other + last]
        index.user[other + q], index.at_user[other + q] = v, pv
        index.at_item[index.user_start[v] + pv] = q
    index.user[other + last], index.at_user[other + last] = 0, 0
    index.item_length[i] = last


@kernel
def _room_for_user(index, u):
    """Make room for one more entry in a user's row; False if the pool is full."""
    n = index.user_length[u]
    if n < index.user_room[u]:
        return True
    room, end, first = 2 + n + n // 2, index.ends[0], index.user_start[u]
    if end + room > len(index.item):
        return False
    for p in range(n):
        index.item[end + p], index.code[end + p] = index.item[first + p], index.code[first + p]
        index.at_item[end + p] = index.at_item[first + p]
        index.item[first + p], index.code[first + p], index.at_item[first + p] = 0, 0, 0
    index.user_start[u], index.user_room[u], index.ends[0] = end, room, end + room
    return True


@kernel
def _room_for_item(index, i):
    """The same for an item's row."""
    n = index.item_length[i]
    if n < index.item_room[i]:
        return True
    room, end, first = 2 + n + n // 2, index.ends[1], index.item_start[i]
    if end + room > len(index.user):
        return False
    for q in range(n):
        index.user[end + q], index.at_user[end + q] = index.user[first + q], index.at_user[first + q]
        index.user[first + q], index.at_user[first + q] = 0, 0
    index.item_start[i], index.item_room[i], index.ends[1] = end, room, end + room
    return True


@kernel
def _insert_from(index, users, items, codes, r):
    """Insert entries from number `r` on.

    Returns the number of the first that was not inserted, and why: 0, all were; 1, its pair is held; 2, a pool is full.
    """
    while r < len(users):
        u, i = users[r], items[r]
        if _find(index, u, i) >= 0:
            return r, 1
        if not (_room_for_user(index, u) and _room_for_item(index, i)):
            return r, 2
        p, q = index.user_length[u], index.item_length[i]
        at, other = index.user_start[u] + p, index.item_start[i] + q
        index.item[at], index.code[at], index.at_item[at] = i, codes[r], q
        index.user[other], index.at_user[other] = u, p
        index.user_length[u], index.item_length[i] = p + 1, q + 1
        r += 1
    return r, 0


@kernel
def _remove_first(index, users, items, codes, n, back):
    """Remove the first `n` entries, the last ones first; the number of one that is not held like this, or -1.

    If there is one, those that are removed already are put back, since rows keep their room; not so to go `back`.
    """
    for k in range(n):
        r = n - 1 - k
        p = _find(index, users[r], items[r])
        if p < 0 or index.code[index.user_start[users[r]] + p] != codes[r]:
            if not back:
                _insert_from(index, users[:n], items[:n], codes[:n], r + 1)
            return r
        _remove(index, users[r], p)
    return -1


@kernel
def _fill(index, users, items, codes, seen):
    """Insert entries into rows that have room for exactly these; the number of one whose pair came before, or -1.

    `seen`, int32[items], is -1 everywhere.
    """
    repeated = -1
    for r in range(len(users)):
        u = users[r]
        at = index.user_start[u] + index.user_length[u]
        index.item[at], index.code[at], index.at_item[at] = items[r], codes[r], r
        index.user_length[u] += 1
    for u in range(len(index.user_start)):
        first = index.user_start[u]
        for p in range(index.user_length[u]):
            i = index.item[first + p]
            if seen[i] == u:
                r = index.at_item[first + p]
                repeated = r if repeated < 0 else min(repeated, r)
            seen[i] = u
            q = index.item_length[i]
            index.user[index.item_start[i] + q], index.at_user[index.item_start[i] + q] = u, p
            index.item_length[i] = q + 1
            if repeated < 0:
                index.at_item[first + p] = q
    return repeated


@kernel
def _moved(index, rows, other):
    """Copy users' rows into the pools of `other`, or items' rows, which has room for them behind one another."""
    if rows == 0:
        for u in range(len(index.user_start)):
            first, to = index.user_start[u], other.user_start[u]
            for p in range(index.user_length[u]):
                other.item[to + p], other.code[to + p] = index.item[first + p], index.code[first + p]
                other.at_item[to + p] = index.at_item[first + p]
    else:
        for i in range(len(index.item_start)):
            first, to = index.item_start[i], other.item_start[i]
            for q in range(index.item_length[i]):
                other.user[to + q], other.at_user[to + q] = index.user[first + q], index.at_user[first + q]


class TwoWayIndex:
    """The interactions held, by user and by item.

    Every method that changes it does all it should or nothing.

    Attributes
    ----------
    arrays : Arrays
        For kernels; valid until the next change.
    """

    def __init__(self) -> None:
        row, pool = np.zeros(0, np.int64), np.zeros(0, np.uint32)
        codes, ends = np.zeros(0, np.uint16), np.zeros(2, np.int64)
        self.arrays = Arrays(row, row, row, pool, codes, pool, row, row, row, pool, pool, ends)

    def resize(self, users: int, items: int) -> None:
        """Make room for so many users and items."""
        held = self.arrays
        more = users - len(held.user_start), items - len(held.item_start)
        if max(more) > 0:
            grown = {
                name: np.concatenate([getattr(held, name), np.zeros(max(0, extra), np.int64)])
                for names, extra in zip((Arrays._fields[:3], Arrays._fields[6:9]), more, strict=True)
                for name in names
            }
            self.arrays = held._replace(**grown)

    @property
    def count(self) -> int:
        """Number of entries."""
        return int(self.arrays.user_length.sum())

    def codes_of(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """The code of each pair, -1 where it is not held; slots may be -1."""
        codes = np.empty(len(users), np.int32)
        codes_of(self.arrays, users, items, codes)
        return codes

    def make_ready(self) -> None:
        """Have the code for undoing in memory."""
        none = _NONE, _NONE, _NONE
        make_ready(_remove_first, self.arrays, *none, 0, True)
        make_ready(_insert_from, self.arrays, *none, 0)

    def insert(self, users: np.ndarray, items: np.ndarray, codes: np.ndarray) -> int:
        """Insert entries, int32 each; -1, or the number of the first whose pair is held, and nothing is inserted."""
        done, why = 0, 2
        try:
            while why == 2:
                done, why = _insert_from(self.arrays, users, items, codes, done)
                if why == 2:
                    self._grow()
        except BaseException:
            _remove_first(self.arrays, users, items, codes, done, True)
            raise
        if why == 0:
            return -1
        _remove_first(self.arrays, users, items, codes, done, True)
        return done

    def remove(self, users: np.ndarray, items: np.ndarray, codes: np.ndarray) -> int:
        """Remove entries; -1, or the number of one that is not held like this, and nothing is removed."""
        return _remove_first(self.arrays, users, items, codes, len(users), False)

    def take_back(self, users: np.ndarray, items: np.ndarray, codes: np.ndarray, sign: float) -> None:
        """Undo :meth:`insert` (1.0) or :meth:`remove` (-1.0) of these entries, without memory."""
        if sign > 0:
            _remove_first(self.arrays, users, items, codes, len(users), True)
        else:
            _insert_from(self.arrays, users, items, codes, 0)

    def _grow(self) -> None:
        """Give the pools more room, or the one that needs it."""
        held = self.arrays
        sizes = [len(pool) for pool in (held.item, held.user)]
        sizes = [max(size, end + end // 4 + int(longest.max(initial=0)) * 2 + _SPARE) for size, end, longest in zip(
            sizes, held.ends.tolist(), (held.user_length, held.item_length), strict=True)]  # fmt: skip
        names = {"item": 0, "code": 0, "at_item": 0, "user": 1, "at_user": 1}
        grown = {}
        for name, pool in names.items():
            old = getattr(held, name)
            if sizes[pool] > len(old):
                grown[name] = np.zeros(sizes[pool], old.dtype)
                grown[name][: held.ends[pool]] = old[: held.ends[pool]]
        self.arrays = held._replace(**grown)

    def fill(self, users: np.ndarray, items: np.ndarray, codes: np.ndarray) -> int:
        """Insert entries where there are none; the number of the first whose pair came before, or -1."""
        held = self.arrays
        shapes = len(held.user_start), len(held.item_start)
        lengths = [np.bincount(slots, minlength=size) for slots, size in zip((users, items), shapes, strict=True)]
        filled = _with_rows(held, lengths, len(users))
        seen = np.full(shapes[1], -1, np.int32)
        repeated = int(_fill(filled, users, items, codes, seen))
        if repeated < 0:
            self.arrays = filled
        return repeated

    def compact(self, n: int) -> None:
        """Give back room that is not needed by `n` entries, all that there are, if there is much of it."""
        held = self.arrays
        if held.ends.max() <= 2 * n + _SPARE and max(len(held.item), len(held.user)) <= 4 * n + 2 * _SPARE:
            return
        lengths = [held.user_length, held.item_length]
        moved = _with_rows(held, lengths, n)
        for rows in (0, 1):
            _moved(held, rows, moved)
        moved.user_length[:], moved.item_length[:] = lengths
        self.arrays = moved

    def copy(self) -> "TwoWayIndex":
        copied = TwoWayIndex()
        copied.arrays = Arrays(*(array.copy() for array in self.arrays))
        return copied


def _with_rows(held: Arrays, lengths: list[np.ndarray], n: int) -> Arrays:
    """Empty rows with room for so many entries each, in pools of `n`."""
    starts = [np.cumsum(length) - length for length in lengths]
    (of_users, of_items), empty = zip(starts, lengths, strict=True), [np.zeros_like(length) for length in lengths]
    return Arrays(
        of_users[0], empty[0], of_users[1].copy(),
        np.empty(n, np.uint32), np.empty(n, np.uint16), np.empty(n, np.uint32),
        of_items[0], empty[1], of_items[1].copy(),
        np.empty(n, np.uint32), np.empty(n, np.uint32), np.full(2, n, np.int64),
    )  # fmt: skip
