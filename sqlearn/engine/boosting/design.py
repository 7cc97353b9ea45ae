"""What users set of boosted trees, and a pilot that they choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from sqlearn.engine.boosting.layout import LOGISTIC, POISSON, SOFTMAX, SQUARED

_LEAST_PILOT = 4096  # records, if there are so many


@dataclass(frozen=True, eq=False)
class Chosen:
    """A pilot that users choose: records that need not be held.

    Attributes
    ----------
    x : float64[m, d]
        Features.
    y : float64[m]
        Targets, or places in `labels`.
    w : float64[m]
        Weights.
    labels : tuple
        Labels of classes.
    """

    x: np.ndarray
    y: np.ndarray
    w: np.ndarray
    labels: tuple[Any, ...]

    @cached_property
    def _names(self) -> set[bytes]:
        return {row.tobytes() for row in self.x}

    def has_features(self, row: np.ndarray) -> bool:
        """Whether one of these records has the features of a row, float64[d]."""
        return (row + 0.0).tobytes() in self._names

    def of_classes(self, labels: Sequence[Any]) -> Chosen:
        """The records of positive weight that have one of these labels, by their places; all, where there are none."""
        y, kept = self.y, self.w > 0
        if labels:
            places = {label: column for column, label in enumerate(labels)}
            columns = np.array([places.get(label, -1) for label in self.labels], np.float64)
            y = columns[y.astype(np.int64)]
            kept &= y >= 0
        return Chosen(self.x[kept], y[kept], self.w[kept], tuple(labels))


class Pilot(NamedTuple):
    """What the structure is grown on: targets of at most 1, or columns of classes; and weights of at most 1."""

    x: np.ndarray
    y: np.ndarray
    mass: np.ndarray
    exponents: tuple[int, int]  # of the units of weights and targets


@dataclass(frozen=True)
class Design:
    """What users set.

    Attributes
    ----------
    loss : {"log_loss", "squared_error", "poisson"}
        What is minimised.
    n_trees, n_leaves, max_depth, min_leaf, learning_rate, l2
        See :class:`~sqlearn.engine.boosting.growth.Chain`; `l2` is for second derivatives as they are.
    most_bins : int
        Bins of a feature, but that of missing values.
    pilot : int or None
        Records of the pilot at most; None for a number that follows that of the records.
    shrinkage : float
        Share of the trees' values that all records are evaluated at.
    ridge : float
        What is added to the Hessian's diagonal, for second derivatives as they are.
    class_weight : dict or None
        Weights of labels.
    categorical : tuple of int
        Features that hold categories.
    chosen : Chosen or None
        The pilot, in place of the records of lowest hash.
    """

    loss: str
    n_trees: int
    n_leaves: int
    max_depth: int
    min_leaf: int
    learning_rate: float
    l2: float
    most_bins: int
    pilot: int | None
    shrinkage: float
    ridge: float
    class_weight: dict[object, float] | None = None
    categorical: tuple[int, ...] = ()
    chosen: Chosen | None = None

    def loss_of(self, n_classes: int) -> int:
        if self.loss == "log_loss":
            return LOGISTIC if n_classes == 2 else SOFTMAX
        return SQUARED if self.loss == "squared_error" else POISSON

    def pilot_of(self, n: int) -> int:
        """Number of records in the pilot of n records, by octaves of n: from 2**17 on it grows with the cube root."""
        if self.pilot is not None:
            return self.pilot
        return max(_LEAST_PILOT, _cube_root(2 ** (19 + n.bit_length())))

    def halvings_of(self, n: int) -> int:
        """Second derivatives are summed of a share of the records: 2 to the power of minus this."""
        return max(0, 3 * (n.bit_length() - 15) // 5) if self.loss != "poisson" else 0


def _cube_root(n: int) -> int:
    """The largest integer whose cube is at most n; powers of float64 differ from one machine to the next."""
    root = round(n ** (1 / 3))
    while root**3 > n:
        root -= 1
    while (root + 1) ** 3 <= n:
        root += 1
    return root
