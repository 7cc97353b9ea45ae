"""Moments and order of the same features."""

from typing import Any

import numpy as np

from sqlearn.engine.ordered.statistic import Ordered
from sqlearn.engine.sums import Block, Joint, Log, Moments


class OrderedMoments(Joint):
    """Per slot: what :class:`Moments` sums of each feature, and its values in their order; none may be missing.

    Attributes
    ----------
    moments : Moments
        Their weights, sums and sums of squares.
    order : Ordered
        Their values.
    """

    n_parts = Moments.n_parts + Ordered.n_parts

    def __init__(self, n_features: int, n_targets: int) -> None:
        self.n_features, self.n_targets = n_features, n_targets
        self.moments, self.order = Moments(n_features, n_targets), Ordered(n_features, n_targets, takes_missing=False)

    @staticmethod
    def cells(n_features: int, n_targets: int) -> int:
        return Moments.cells(n_features, n_targets) + Ordered.cells(n_features, n_targets)

    @property
    def members(self) -> tuple[Moments, Ordered]:
        return self.moments, self.order

    def blocks(self, block: Block) -> tuple[Block, Block]:
        return block, block

    def first_missing(self, block: Block) -> int:
        return self.order.first_missing(block)

    def refresh(self, order: np.ndarray, labels: list[Any], log: Log, check: Any = lambda: None) -> None:
        self.order.settle()

    def memory_for(self, x: Any, slots: int) -> int:
        return self.order.memory_for(x, slots)

    def canonical_values(self, slots: np.ndarray) -> bytes | None:
        return self.order.canonical_values(slots)

    def restore_values(self, data: bytes) -> None:
        self.order.restore_values(data)
