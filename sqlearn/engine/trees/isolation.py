"""The statistic of isolation forests: the records, and trees that separate those of lowest hash at random."""

import sys
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple, Self

import numpy as np

from sqlearn.engine.arithmetic import mix
from sqlearn.engine.rounds import KeptRecords, OneOfKept, Records, Rows, gathered
from sqlearn.engine.sums import UNFIT, Holder, Log, OneRecord, Statistic, installed
from sqlearn.engine.trees.isolating import feature_hashes, isolate
from sqlearn.engine.trees.lowest import Lowest
from sqlearn.engine.trees.membership import new_places
from sqlearn.errors import FormatError, TooLargeError

_NODE_BYTES = 24  # four numbers of 32 bits, and a threshold

Change = tuple[np.ndarray, np.ndarray, float]  # places, keyed hashes, sign


class Isolating(NamedTuple):
    """How isolation trees grow: what users set.

    Attributes
    ----------
    n_trees : int
        Number of trees.
    size : int
        Records in the sample of each tree.
    k : int
        Features that each tree sees.
    """

    n_trees: int
    size: int
    k: int


class SampleReport(NamedTuple):
    """What the last update of an isolation forest did.

    Attributes
    ----------
    trees : int
        Trees whose sample changed.
    records_rebuilt : int
        Records in the samples of these trees, which are grown again when they are read.
    seconds : float
        How long the update took.
    """

    trees: int
    records_rebuilt: int
    seconds: float


class IsolationTree(NamedTuple):
    """A tree as arrays, nodes in preorder.

    Attributes
    ----------
    features : int64[k]
        The features that it sees, ascending.
    split : int32[n, 4]
        Left and right child, feature (its place in `features`), records; -1 and -2 in leaves, as in scikit-learn.
    thresholds : float64[n]
        Thresholds: records with values up to it go left, missing ones go right; -2.0 in leaves.
    hash : int
        Hash of all that, and of the sample.
    """

    features: np.ndarray
    split: np.ndarray
    thresholds: np.ndarray
    hash: int


def depth_limit(m: int) -> int:
    """Greatest depth of a tree of m records: the logarithm of m to base 2, rounded up, and at least 1."""
    return max(1, (m - 1).bit_length())


class Isolation(KeptRecords):
    """The records of an isolation forest, and its trees, each grown from the records of lowest hash.

    An update notes in which trees that shows; these are grown again when they are read.

    Attributes
    ----------
    trees : list of IsolationTree or None
        None where a tree is to be grown.
    waits : bool
        Whether samples are to be found anew, among all records, when trees are read.
    last : SampleReport or None
        What the last update did.
    """

    n_parts = 3
    parts_of_own_rows = (2,)
    follows = True
    takes_missing = True

    def __init__(self, n_features: int, n_targets: int, growth: Isolating, seed: int = 0) -> None:
        super().__init__(n_features, n_targets, seed, largest=sys.float_info.max)
        self.growth = growth
        self.trees: list[IsolationTree | None] = []
        self.waits = False
        self.last: SampleReport | None = None
        self._lowest: Lowest | None = None
        self._noted: list[Change] = []  # what came or went since samples followed
        self._lost: list[Change] = []  # what samples have to undo
        self._expected: bytes | None = None  # hashes of the trees, where they are still to be grown from a file

    def fast_path(self, state: Holder) -> OneRecord | None:
        return _OneOfIsolation(state)

    @property
    def n(self) -> int:
        """Number of records."""
        return int(self.record_counts.sum())

    # ------------------------------------------------------------------ changing

    def _note(self, records: Records, places: np.ndarray, sign: float) -> None:
        self._noted.append((places, records.hashes, sign))

    def refresh(self, order: np.ndarray, labels: list[Any], log: Log, check: Any = lambda: None) -> None:
        """Bring the samples up to date with what was deposited."""
        started = perf_counter()
        changes, self._noted = self._noted, []
        self.begin()
        waits = self.waits or not isinstance(self.rows, Rows)
        log.note(partial(self._undo, changes, waits, self._expected, self.last))
        self.waits, self._expected, self.last = True, None, None  # until the end: then nothing is half done
        if waits:
            self.wait()
            return
        if self._lowest is None:
            self._lowest, self.trees = self._looked_through(), [None] * self.growth.n_trees
        else:
            self.report(self._follow(changes), started)
        self.waits = False

    def report(self, trees: int, started: float) -> None:
        """Note what an update did."""
        self.last = SampleReport(trees, trees * min(self.growth.size, self.n), perf_counter() - started)

    def _undo(self, changes: list[Change], waits: bool, expected: bytes | None, last: SampleReport | None) -> None:
        """Have what samples followed undone, once the records are as they were: in :meth:`prune`."""
        self.begin()
        self.waits, self._expected, self.last = waits or self.waits, expected, last
        self._lost = [(places, hashes, -sign) for places, hashes, sign in reversed(changes)]

    def prune(self, temporary: bool = False) -> None:
        if self._noted:  # of an update that failed before the samples followed: equal records may have changed places
            self._noted.clear()
            self.waits = True
        lost, self._lost = self._lost, []
        waits, self.waits = self.waits, True
        with suppress(MemoryError):
            if not waits:
                self._follow(lost)
            self.waits = waits
        if self.waits:
            self.wait()
        if not temporary:
            self.compact()
        self.end()

    def _follow_from(self, places: np.ndarray) -> None:
        waits, self.waits = self.waits, True  # if memory ends, found anew
        self.begin()
        with suppress(MemoryError):
            if self._lowest is not None:
                self._lowest.move(new_places(places))
            self.waits = waits

    def wait(self) -> None:
        """Have samples found, and trees grown, when they are read next: nothing of a record stays that is gone."""
        self.waits, self._lowest, self.trees = True, None, []

    def _follow(self, changes: list[Change]) -> int:
        """Have the samples follow; returns in how many trees that shows."""
        if not changes:
            return 0
        assert self._lowest is not None
        each = ((places, hashes, np.full(len(places), sign)) for places, hashes, sign in changes)
        places, hashes, signs = map(np.concatenate, zip(*each, strict=True))
        return self.follow(hashes, places, signs)

    def follow(self, hashes: np.ndarray, places: np.ndarray, signs: np.ndarray) -> int:
        """Have records with these keyed hashes come to places (1.0) or go (-1.0)."""
        assert self._lowest is not None
        touched = self._lowest.follow(hashes, places, signs)
        if touched:
            for t in np.flatnonzero(self._lowest.changed):
                self.trees[t] = None  # nothing of a record stays that is gone
        return touched

    def _looked_through(self) -> Lowest:
        """The samples, found among all records."""
        growth, n = self.growth, self.n
        needed = Lowest.memory(growth.n_trees, growth.size, n)
        needed += 2 * _NODE_BYTES * growth.n_trees * min(growth.size, n)
        if needed > installed() // 2:
            raise TooLargeError(
                f"{growth.n_trees:,} trees of {min(growth.size, n):,} records each would take about "
                f"{needed / 1e9:,.1f} GB, and this machine has {installed() / 1e9:,.0f} GB. Nothing was changed: use "
                "fewer trees (n_estimators), or smaller samples (max_samples)."
            )
        _, _, w, keyed = gathered(self.rows)
        lowest = Lowest(growth.n_trees, growth.size, self.seed)
        lowest.look_through(keyed, w, n)
        return lowest

    # ------------------------------------------------------------------ reading

    def current(self, order: np.ndarray) -> list[IsolationTree]:
        """The trees of all records held."""
        own, turn = isinstance(self.rows, Rows), self.turn
        lowest, trees = self._lowest, [*self.trees]
        if not own or self.waits or lowest is None:
            lowest, trees = self._looked_through(), [None] * self.growth.n_trees
            changed = lowest.changed
        else:
            changed = lowest.changed.copy()
            if not lowest.knows(self.n):  # the trees were followed, though not all that their samples need is known
                lowest = self._looked_through()
        if changed.any():
            x, _, _, keyed = gathered(self.rows)
            for t in np.flatnonzero(changed).tolist():
                trees[t] = self._grown(t, x, keyed, lowest)
        found = [tree for tree in trees if tree is not None]
        if own and turn == self.turn and not turn & 1:  # elsewhere, records may change at any time
            if self._expected is not None and _hashes(found) != self._expected:
                raise FormatError(UNFIT)
            lowest.changed[:] = False
            self._lowest, self.trees, self.waits, self._expected = lowest, trees, False, None
        return found

    def _grown(self, t: int, x: np.ndarray, keyed: np.ndarray, lowest: Lowest) -> IsolationTree:
        """Tree t, grown from its sample."""
        m, d, k = min(self.growth.size, self.n), self.n_features, self.growth.k
        word = np.uint64(mix(np.uint64(t), self.seed))
        features = np.arange(d)
        if k < d:
            features = np.sort(feature_hashes(d, np.uint64(mix(word, np.uint64(31)))).argsort(kind="stable")[:k])
        split, thresholds = np.empty((2 * m - 1, 4), np.int32), np.empty(2 * m - 1)
        path = np.uint64(mix(word, np.uint64(37)))
        n, hashed = isolate(x, lowest.places[t, :m], keyed, features, path, depth_limit(m), split, thresholds)
        return IsolationTree(features, split[:n].copy(), thresholds[:n].copy(), int(hashed))

    def canonical(self, slots: np.ndarray) -> list[bytes]:
        hashes = b""
        if isinstance(self.rows, Rows) and self.record_counts.any():
            hashes = self._expected or _hashes(self.current(slots))
        return [*super().canonical(slots), hashes]

    def restore(self, parts: list[bytes]) -> None:
        super().restore(parts[:2])
        self.waits, self._expected = True, parts[2]

    # ------------------------------------------------------------------ whole states

    def _empty(self) -> Self:
        return type(self)(self.n_features, self.n_targets, self.growth, int(self.seed))

    def copy(self) -> Self:
        copied = super().copy()
        copied.waits, copied._expected = True, self._expected
        return copied

    def add(self, other: Statistic, other_slots: np.ndarray, slots: np.ndarray) -> None:
        super().add(other, other_slots, slots)
        self.begin()
        self._expected = None
        self.wait()


class _OneOfIsolation(OneOfKept):
    """One kernel call for the record, and one for the samples."""

    def _is_plain(self) -> bool:
        return True

    def _change_plain(self, row: np.ndarray, y: float, words: np.ndarray, slot: int, sign: float) -> bool:
        started = perf_counter()
        statistic: Isolation = self.state.statistic
        statistic.begin()
        waits, statistic.waits = statistic.waits, True  # so that what is interrupted here is found anew
        known = statistic._expected, statistic.last
        statistic._expected = statistic.last = None
        done = super()._change_plain(row, y, words, slot, sign)
        if not done:
            statistic.waits, (statistic._expected, statistic.last) = waits, known
            statistic.end()
            return False
        if not waits:
            _, _, _, _, hashes, places = self.one
            with suppress(MemoryError):  # the record has changed hands: samples are found anew when they are read
                statistic.report(statistic.follow(hashes, places, np.full(1, sign)), started)
                statistic.waits = False
        if statistic.waits:
            statistic.wait()
        statistic.end()
        return True


def _hashes(trees: list[IsolationTree]) -> bytes:
    return np.array([tree.hash for tree in trees], "<u8").tobytes()
