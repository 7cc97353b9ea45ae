"""One tree: grown from records, repaired as they come and go."""

from typing import NamedTuple

import numpy as np

from sqlearn.engine.trees.growth import grow
from sqlearn.engine.trees.layout import (
    ENTRIES,
    NODES,
    ROOT,
    SLOTS,
    SUMS,
    Held,
    Plan,
    Pool,
    Room,
    empty_pool,
    new_room,
    used_bytes,
)
from sqlearn.engine.trees.reading import describe, preorder
from sqlearn.engine.trees.repair import repair

_USED = {
    "nodes": NODES,
    "entries": ENTRIES,
    "sums": SUMS,
    "free_sums": SUMS,
    "cached": SLOTS,
    "features": SLOTS,
    "n_thresholds": SLOTS,
    "guards": SLOTS,
    "thresholds": SLOTS,
    "counts": SLOTS,
    "totals": SLOTS,
}  # what is used of each part of a pool
_SPARE = 64  # records that a new tree has room for beyond its own


class TreeChanges(NamedTuple):
    """Records that come to trees or leave them.

    Attributes
    ----------
    place : int32[n]
        Places of the records.
    sign : float64[n]
        1.0 for those that come, -1.0 for those that go.
    x, y, w, keyed : arrays
        The records, as in :class:`~sqlearn.engine.trees.layout.Held`.
    """

    place: np.ndarray
    sign: np.ndarray
    x: np.ndarray
    y: np.ndarray
    w: np.ndarray
    keyed: np.ndarray


class Description(NamedTuple):
    """A tree as arrays, nodes in preorder; see :func:`~sqlearn.engine.trees.reading.describe`."""

    split: np.ndarray
    thresholds: np.ndarray
    numbers: np.ndarray
    values: np.ndarray


class Tree:
    """A tree of a forest: a function of its records, the plan, and its salt.

    Parameters
    ----------
    salt, path : uint64
        What the tree's priorities and its root's draws are hashed with.

    Attributes
    ----------
    pool : Pool
        Where its nodes lie.
    lies : int64[2, fields]
        The addresses of the pool's arrays, and their lengths.
    n : int
        Records.
    """

    def __init__(self, salt: np.uint64, path: np.uint64) -> None:
        self.salt, self.path = salt, path
        self.n = 0
        self.capacity = 0
        self.pool: Pool | None = None
        self.lies = np.zeros((2, len(Pool._fields)), np.int64)

    def _set_pool(self, pool: Pool) -> None:
        self.pool = pool
        self.lies[0] = [array.ctypes.data for array in pool]
        self.lies[1] = [len(array) for array in pool]

    @property
    def hash(self) -> int:
        """Hash of all nodes; 0 without records."""
        pool = self.pool
        if pool is None or pool.extent[ROOT] < 0:
            return 0
        return int(pool.nodes["hash"][pool.extent[ROOT]])

    @property
    def nbytes(self) -> int:
        return 0 if self.pool is None else used_bytes(self.pool)

    def grow(self, places: np.ndarray, held: Held, codes: np.ndarray, plan: Plan) -> None:
        """Grow anew from the records at places, int32[n]."""
        self.n = len(places)
        self.capacity = self.n + self.n // 8 + _SPARE
        pool, room = empty_pool(self.capacity, plan), new_room(self.n, held.equal, plan)
        pool.extent[ROOT] = grow(pool, places, room, self.salt, self.path, held, codes, plan)
        self._set_pool(pool)

    def have_room(self, n: int, plan: Plan) -> None:
        """Have room for n records."""
        if n > self.capacity:
            self._enlarge(n, plan)

    def _enlarge(self, n: int, plan: Plan) -> None:
        assert self.pool is not None
        self.capacity = n + n // 8 + _SPARE
        larger = empty_pool(self.capacity, plan)
        for name in Pool.__annotations__:
            old, new = getattr(self.pool, name), getattr(larger, name)
            if name in _USED:
                stop = self.pool.extent[_USED[name]]
                new[:stop] = old[:stop]
            else:
                new[: len(old)] = old
        self._set_pool(larger)

    def move(self, moved: np.ndarray) -> None:
        """Follow records to other places: ``moved[place]`` is the new one."""
        if self.pool is not None:
            entries = self.pool.entries["place"][: self.pool.extent[ENTRIES]]
            known = entries < len(moved)
            entries[known] = moved[entries[known]]

    def set_columns(self, columns: np.ndarray, plan: Plan) -> None:
        """Have the sums of classes in other columns: new column j is the old one ``columns[j]``, zeros for -1."""
        if self.pool is None:
            return
        if not len(columns):  # then no record is left
            self._set_pool(empty_pool(self.capacity, plan))
            return
        pool = self.pool
        spare = [-2] if plan.channels > plan.n_classes else []  # of the number of records

        def picked(sums: np.ndarray, chosen: list[int]) -> np.ndarray:
            found = np.zeros((*sums.shape[:-1], len(chosen)))
            for j, column in enumerate(chosen):
                if column != -1:
                    found[..., j] = sums[..., column if column >= 0 else -1]
            return found

        chosen = columns.tolist()
        stop, slots = pool.extent[SUMS], pool.extent[SLOTS]
        larger = empty_pool(self.capacity, plan)
        larger.sums[:stop] = picked(pool.sums[:stop], chosen)
        larger.counts[:slots] = picked(pool.counts[:slots], chosen + spare)
        larger.totals[:slots] = picked(pool.totals[:slots], chosen + spare)
        self._set_pool(pool._replace(sums=larger.sums, counts=larger.counts, totals=larger.totals))

    def describe(self, held: Held, plan: Plan) -> Description:
        """The tree in its canonical form."""
        assert self.pool is not None
        found = np.empty(self.pool.extent[NODES] + 1, np.int32)
        found = found[: preorder(self.pool, found)]
        n, columns = len(found), plan.n_classes or 1
        described = Description(np.empty((n, 4), np.int64), np.empty(n), np.empty((n, 2)), np.empty((n, columns)))
        describe(self.pool, found, held, plan, *described)
        return described


def repair_trees(
    trees: list[Tree],
    begins: np.ndarray,
    ends: np.ndarray,
    indices: np.ndarray,
    room: Room,
    changes: TreeChanges,
    gone: np.ndarray,
    held: Held,
    columns: np.ndarray,
    plan: Plan,
    done: np.ndarray,
) -> None:
    """Have trees follow changes, the i-th tree those whose indices are in ``indices[begins[i] : ends[i]]``.

    `gone` marks the places of those that went; `done` counts the work.
    """
    sums = np.concatenate([[0], np.cumsum(changes.sign[indices] > 0)])
    come = (sums[ends] - sums[begins]).tolist()
    grown = []
    for i, tree in enumerate(trees):
        if tree.pool is None or tree.pool.extent[ROOT] < 0:
            mine = indices[begins[i] : ends[i]]
            tree.grow(changes.place[mine[changes.sign[mine] > 0]], held, columns, plan)
        else:
            tree.have_room(tree.n + come[i], plan)
            tree.n += 2 * come[i] - int(ends[i] - begins[i])
            grown.append(i)
    if not grown:
        return
    lies = np.stack([trees[i].lies for i in grown], axis=1)
    salts, paths = (np.array([getattr(trees[i], name) for i in grown]) for name in ("salt", "path"))
    like = trees[grown[0]].pool
    spans = begins[grown], ends[grown]
    repair(like, *lies, salts, paths, *spans, indices, room, changes, gone, held, columns, plan, done)
