"""The statistic of cross-validation: a Gram matrix of each fold's records."""

from dataclasses import replace

import numpy as np

from sqlearn.engine.arithmetic import normalized
from sqlearn.engine.identity import folds_of
from sqlearn.engine.sums.gram import Gram
from sqlearn.engine.sums.joint import Joint
from sqlearn.engine.sums.moments import OneDense
from sqlearn.engine.sums.statistic import UNFIT
from sqlearn.errors import FormatError


class FoldedGram(Joint):
    """Per slot and fold: what :class:`~sqlearn.engine.sums.gram.Gram` sums; a record's digest tells its fold.

    The sum over all folds is not kept: what is read is the sum of all folds but one, an exact difference.

    Parameters
    ----------
    n_features, n_targets : int
        As of other statistics.
    n_folds : int
        Number of folds.

    Attributes
    ----------
    grams : Gram
        The sums; its slot ``slot * n_folds + fold`` is that of a fold.
    """

    def __init__(self, n_features: int, n_targets: int, n_folds: int):
        self.n_features, self.n_targets, self.n_folds = n_features, n_targets, n_folds
        self.grams = Gram(n_features, n_targets)
        self._counts = np.zeros(0, np.int64)  # room for the sums over folds, which must not need memory in an undo

    @property
    def members(self):
        return (self.grams,)

    @property
    def record_counts(self):  # type: ignore[override]
        counts = self.counts_of_folds
        if len(self._counts) < len(counts):
            self._counts = np.zeros(len(counts), np.int64)
        return np.add.reduce(counts, axis=1, out=self._counts[: len(counts)])

    def copy(self):
        copied = super().copy()
        copied._counts = np.zeros(len(self.counts_of_folds), np.int64)
        return copied

    @property
    def counts_of_folds(self) -> np.ndarray:
        """Number of records of positive weight, int64[slots, n_folds]."""
        return self.grams.record_counts.reshape(-1, self.n_folds)

    def digits_of_folds(self, slots: np.ndarray) -> tuple[np.ndarray, int]:
        """Digits of these slots' folds, int64[len(slots), n_folds, cells, L], and the index of the lowest."""
        digits, low = self.grams.digits(self._of_folds(slots))
        return digits.reshape(len(slots), self.n_folds, *digits.shape[1:]), low

    def projected_size(self, levels):
        return self.n_folds * self.grams.projected_size(levels)

    def blocks(self, block):
        return (replace(block, slots=block.slots * self.n_folds + folds_of(block.digests, self.n_folds)),)

    def first_missing(self, block):
        return self.grams.first_missing(*self.blocks(block))

    def fast_path(self, state):
        return None if state.ledger is None else OneDense(state, is_gram=True, n_folds=self.n_folds)

    def resize(self, n_slots):
        if n_slots > len(self._counts):
            self._counts = np.zeros(n_slots, np.int64)
        self.grams.resize(n_slots * self.n_folds)

    def add(self, other, other_slots, slots):
        self.grams.add(other.grams, self._of_folds(other_slots), self._of_folds(slots))

    def canonical(self, slots):
        return self.grams.canonical(self._of_folds(slots))

    def digits(self, slots=None):
        """Those of all folds, as cells of their slot: they are 0 where nothing is held."""
        found, low = self.digits_of_folds(np.arange(len(self.counts_of_folds)) if slots is None else slots)
        if slots is None:
            found = normalized(found.sum(axis=0, keepdims=True))
        return found.reshape(len(found), self.n_folds * found.shape[2], found.shape[3]), low

    def restore(self, parts):
        self.grams.restore(parts)
        if len(self.grams.record_counts) % self.n_folds:
            raise FormatError(UNFIT)

    def check_form(self, labels):
        self.grams.check_form(labels)

    def _of_folds(self, slots: np.ndarray) -> np.ndarray:
        """The slots of all folds of these slots."""
        return (np.asarray(slots)[:, None] * self.n_folds + np.arange(self.n_folds)).ravel()
