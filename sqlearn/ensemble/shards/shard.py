"""One shard: the records in it, and the member that was fitted to them, as long as they are the same."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from sqlearn.engine.identity import add_terms
from sqlearn.engine.model import ExactEstimator
from sqlearn.engine.rounds import Rows, move
from sqlearn.engine.sums import Log


@dataclass
class Fitted:
    """A model of a shard's records.

    Attributes
    ----------
    model : estimator
        The member.
    turn : int
        The shard's turn for which it was fitted: it counts in no other.
    labels : list
        The labels that the shard held.
    checkpoints : list of estimator or None
        What the member was after each slice but the last; None for slices that have to be learned again.
    """

    model: Any
    turn: int
    labels: list[Any]
    checkpoints: list[Any] = field(default_factory=list)


class Shard:
    """Records that one member learns.

    Parameters
    ----------
    rows : Rows or None
        The records; None where they are kept elsewhere.

    Attributes
    ----------
    count : int
        Number of records, those of weight 0 included.
    multiset : uint64[4]
        Sum of the hashes of their digests.
    weight : float
        Weight of the member's vote.
    turn : int
        Counts changes. A reader in another thread that fits a member of records from before a change finds another
        turn, so that it is not kept.
    fitted : Fitted or None
        The member, if it is fitted and no record has come or gone since.
    started : Fitted or None
        One whose last slices have to be learned again, since a record in one of them has come or gone.
    """

    def __init__(self, rows: Rows | None) -> None:
        self.rows = rows
        self.count = 0
        self.multiset = np.zeros(4, np.uint64)
        self.weight = 1.0
        self.turn = 0
        self.fitted: Fitted | None = None
        self.started: Fitted | None = None

    def change(
        self, x: np.ndarray, y: np.ndarray, w: np.ndarray, digests: np.ndarray, sign: float, first: int, log: Log
    ) -> None:
        """Take in records (1.0) or let go of them (-1.0); `first` is the first slice that they are in."""
        if w.any():  # others are learned by nobody
            self.drop(first, log)
        log.do(partial(self.tally, digests, len(w), sign), partial(self.tally, digests, len(w), -sign))
        if self.rows is not None:
            move(self.rows, x, y, w, digests, sign, log)

    def tally(self, hashes: np.ndarray, n: int, sign: float) -> None:
        """Count records, and add their hashes, uint64[n, 6] or one sum of them."""
        add_terms(self.multiset, hashes, sign)
        self.count += int(sign) * n

    @property
    def hashes(self) -> np.ndarray:
        """The sum of the hashes of the records as if it were one digest, uint64[1, 6]."""
        return np.concatenate([np.zeros(2, np.uint64), self.multiset])[None]

    def drop(self, first: int, log: Log) -> None:
        """Drop what was learned, but for slices before the `first` that changes; undone last, when records are back."""
        before = self.member, self.start
        log.note(partial(self._restore, *before))
        self.turn += 1  # before the member goes: a reader that keeps one looks at the turn again
        kept = before[0] or before[1]
        self.fitted = self.started = None
        if kept is not None and any(model is not None for model in kept.checkpoints[:first]):
            left = kept.checkpoints[:first] + [None] * len(kept.checkpoints[first:])
            self.started = Fitted(None, self.turn, kept.labels, left)

    def _restore(self, fitted: Fitted | None, started: Fitted | None) -> None:
        self.turn += 1
        for kept in (fitted, started):
            if kept is not None:
                kept.turn = self.turn
        self.fitted, self.started = fitted, started

    def keep(self, fitted: Fitted) -> None:
        """Keep a member, unless records have come or gone while it was fitted."""
        if fitted.turn != self.turn:
            return
        self.fitted, self.started = fitted, None
        if fitted.turn != self.turn and self.fitted is fitted:
            self.fitted = None

    @property
    def member(self) -> Fitted | None:
        """The member, if it is that of the records held."""
        found = self.fitted
        return found if found is not None and found.turn == self.turn else None

    @property
    def start(self) -> Fitted | None:
        """What was learned of the slices before the first that has changed, if anything was."""
        found = self.started
        return found if found is not None and found.turn == self.turn else None

    def contents(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Features, responses, weights and digests of the records of positive weight, in the order of the last."""
        assert self.rows is not None
        places = self.rows.by_digest()
        places = places[self.rows.w[places] > 0]
        return self.rows.x[places], self.rows.y[places], self.rows.w[places], self.rows.digests[places]

    @property
    def n_responses(self) -> int:
        """How many different labels or targets its records have."""
        return 0 if self.rows is None else len(np.unique(self.rows.y[self.rows.w > 0]))

    def wipe(self) -> None:
        """Overwrite records that were let go of as a whole with zeros."""
        if self.rows is not None:
            for array in (self.rows.x, self.rows.y, self.rows.w, self.rows.digests, self.rows.keyed):
                array.fill(0)

    def copy(self) -> "Shard":
        """An independent shard of the same records; members that forget by themselves stay with this one."""
        copied = Shard(None if self.rows is None else self.rows.copy())
        copied.count, copied.multiset, copied.weight = self.count, self.multiset.copy(), self.weight
        member = self.member
        if member is not None and not isinstance(member.model, ExactEstimator):
            copied.fitted = replace(member, turn=copied.turn)
        return copied
