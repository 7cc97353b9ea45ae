"""Members that can forget: they learn and forget what comes to their shard and goes, and are not fitted anew."""

from typing import Any

import numpy as np

from sqlearn.engine.model import ExactEstimator
from sqlearn.engine.sums import Log
from sqlearn.ensemble.shards.shard import Fitted, Shard

Change = tuple[np.ndarray, np.ndarray, np.ndarray, float]


class Followers:
    """What an update does to the shards of such members, until these follow at its end.

    Attributes
    ----------
    labels : dict of int to label
        The label in each class slot.
    """

    def __init__(self) -> None:
        self._noted: dict[int, tuple[Fitted, list[Change]]] = {}
        self.labels: dict[int, Any] = {}

    def note(self, slot: int, shard: Shard, change: Change, log: Log) -> None:
        """Note records of a shard that come (1.0) or go (-1.0), before its member is dropped."""
        if slot not in self._noted:
            member = shard.member
            if member is None or not isinstance(member.model, ExactEstimator):
                return
            log.note(self.drop)
            self._noted[slot] = member, []
        self._noted[slot][1].append(change)

    def drop(self) -> None:
        """Have nobody follow: an update was undone, or will be."""
        self._noted.clear()

    def follow(self, shards: dict[int, Shard], has_labels: bool) -> None:
        """Bring the members up to date; one that cannot be is fitted anew when it is read."""
        noted = self._noted.copy()
        self.drop()
        for slot, (member, changes) in noted.items():
            shard = shards.get(slot)
            if shard is None or shard.rows is None:
                continue
            held = shard.rows.y[shard.rows.w > 0]
            if not len(held) or (has_labels and not self._fits(member.labels, held)):
                continue
            try:
                for x, y, w, sign in changes:
                    self._change(member.model, x, y, w, sign, has_labels)
            except Exception:  # anything: the member is dropped, and whoever fits it anew is told what is wrong
                continue
            shard.keep(Fitted(member.model, shard.turn, member.labels))

    def _fits(self, before: list[Any], y: np.ndarray) -> bool:
        """Whether a member of a shard that held the labels `before` is one of a shard that holds these class slots.

        A shard of one class has another kind of member, and False and True are booleans only where they are the only
        labels.
        """
        now = [self.labels[slot] for slot in np.flatnonzero(np.bincount(y.astype(np.int64))).tolist()]
        return len(now) > 1 and ({*now} <= {0, 1}) == ({*before} <= {0, 1})

    def _change(
        self, model: ExactEstimator, x: np.ndarray, y: np.ndarray, w: np.ndarray, sign: float, has_labels: bool
    ) -> None:
        counts = np.flatnonzero(w > 0)
        if not len(counts):
            return
        x, y, w = x[counts], y[counts], w[counts]
        if has_labels:
            names = [self.labels[slot] for slot in y.astype(np.int64).tolist()]
            y = np.array(names, object if isinstance(names[0], str) else None)
        given: dict[str, Any] = {"X": x, "y": y} | ({} if (w == 1.0).all() else {"sample_weight": w})
        _ = model.partial_fit(**given) if sign > 0 else model.forget(**given)
