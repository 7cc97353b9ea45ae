"""What conformal predictors answer from: what was read out of them."""

import copy
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from sqlearn.conformal.affine import regions
from sqlearn.conformal.counting import Counts, Held, Rule, count
from sqlearn.conformal.levels import checked_levels, fewest, missed
from sqlearn.conformal.measures import AgainstLabel, Residual
from sqlearn.engine.identity import HashKey, digest_dense
from sqlearn.engine.model import Inner
from sqlearn.errors import InvalidValueError, ShapeError, UndefinedAttributeError


class Answers(BaseEstimator):
    """What was read out of a conformal predictor.

    Attributes
    ----------
    estimator_ : estimator
        scikit-learn's, fitted to all records: its predictions are the points.
    """

    estimator_: Any
    _held: Held

    def fit(self, X: Any, y: Any = None) -> Any:
        """Refused: learners fit."""
        raise NotImplementedError("This predictor was read out of a learner of sqlearn: fit that one.")

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The points."""
        return self.estimator_.predict(X)

    def _count(self, rule: Rule, X: np.ndarray, y: np.ndarray) -> Counts:
        return count(self._held, copy.deepcopy(self._held.model), rule, X, y)


class SetAnswers(ClassifierMixin, Answers):
    """What a conformal classifier answers from."""

    def __init__(
        self,
        confidence_level: Any = 0.9,
        conformity_score: str = "lac",
        class_conditional: bool = False,
        smoothed: bool = False,
        random_state: int | None = None,
    ) -> None:
        self.confidence_level = confidence_level
        self.conformity_score = conformity_score
        self.class_conditional = class_conditional
        self.smoothed = smoothed
        self.random_state = random_state

    def p_values(self, X: np.ndarray) -> np.ndarray:
        """The p-value of each label, float64[n, k]."""
        return self._p_values(self._counts(X), X)

    def predict_set(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points, and which labels are in the set of each level, bool[n, k, n_levels]."""
        counts = self._counts(X)
        levels = checked_levels(self.confidence_level)
        if self.smoothed:
            p = self._p_values(counts, X)
            sets = [p > float(missed(level)) for level in levels]
        else:
            as_strange, compared = counts.stranger + counts.alike + 1, self._n_compared()
            sets = [as_strange >= [fewest(level, n) for n in compared] for level in levels]
        return self.predict(X), np.stack(sets, axis=2)

    def _counts(self, X: np.ndarray) -> Counts:
        n_classes = len(self.classes_)
        measure = AgainstLabel(n_classes, by_margin=self.conformity_score == "margin")
        rule = Rule(measure, 1 if n_classes == 2 else n_classes, self.class_conditional)
        return self._count(rule, X, np.tile(np.arange(n_classes), (len(X), 1)))

    def _n_compared(self) -> list[int]:
        """How many records a row with each label is compared with."""
        n, n_classes = len(self._held.y), len(self.classes_)
        return np.bincount(self._held.y, minlength=n_classes).tolist() if self.class_conditional else [n] * n_classes

    def _p_values(self, counts: Counts, X: np.ndarray) -> np.ndarray:
        share: Any = shares(X, len(self.classes_), self.random_state or 0) if self.smoothed else 1.0
        return (counts.stranger + share * (counts.alike + 1)) / (np.array(self._n_compared()) + 1)


def shares(X: Any, n_labels: int, seed: int) -> np.ndarray:
    """A number from [0, 1) for each row and label, float64[n, n_labels]: a hash, the same in every batch."""
    dense = X.toarray() if sp.issparse(X) else X
    rows = np.ascontiguousarray(np.add(dense, 0.0), dtype=np.float64)  # no -0.0
    found, digests, key = np.empty((len(rows), n_labels)), np.empty((len(rows), 6), np.uint64), HashKey(b"%d" % seed)
    for label in range(n_labels):
        digest_dense(rows, np.full((len(rows), 1), label, np.uint64), key, digests)
        found[:, label] = (digests[:, 0] >> np.uint64(11)) * 2.0**-53
    return found


_CELLS = 500_000  # records times candidates whose residuals are computed at once


class IntervalAnswers(RegressorMixin, Answers):
    """What a conformal regressor answers from."""

    _models: list[Any]

    def __init__(self, confidence_level: Any = 0.9, n_candidates: int = 100) -> None:
        self.confidence_level = confidence_level
        self.n_candidates = n_candidates

    def p_values(self, X: np.ndarray, y: Any) -> np.ndarray:
        """The p-values of targets, float64[n] or float64[n, k]."""
        targets = _checked_targets(y, len(X))
        counts = self._count(Rule(Residual()), X, targets.reshape(len(X), -1))
        found = (counts.stranger + counts.alike + 1) / (len(self._held.y) + 1)
        return found.reshape(targets.shape)

    def predict_region(self, X: np.ndarray) -> list[list[np.ndarray]]:
        """The intervals of each row and level."""
        levels, n = checked_levels(self.confidence_level), len(self._held.y)
        enough = [fewest(level, n) - 1 for level in levels]
        if self._models:
            return self._affine(X, enough)
        return self._on_a_grid(X, enough)

    def predict_interval(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points, and the least interval that holds the region of each level, float64[n, 2, n_levels]."""
        bounds = [
            [(found[0, 0], found[-1, 1]) if len(found) else (np.nan, np.nan) for found in of_row]
            for of_row in self.predict_region(X)
        ]
        n_levels = len(checked_levels(self.confidence_level))
        return self.predict(X), np.array(bounds, np.float64).reshape(len(X), n_levels, 2).transpose(0, 2, 1)

    def _affine(self, X: np.ndarray, enough: list[int]) -> list[list[np.ndarray]]:
        held, model, found = self._held, copy.deepcopy(self._models[0]), []
        size = max(1, _CELLS // len(held.y))
        for start in range(0, len(X), size):
            rows = X[start : start + size]
            fitted = [held.learned(model, x, _CANDIDATE) for x in rows]
            coef = np.concatenate([one.coef_ for one in fitted])  # two for each candidate
            with np.errstate(all="ignore"):
                parts = (held.x @ coef.T).reshape(len(held.y), len(rows), 2)
                for i, (one, x) in enumerate(zip(fitted, rows, strict=True)):
                    at_zero, slope = (parts[:, i] + one.intercept_).T
                    own = one.coef_ @ x + one.intercept_
                    found.append(regions(held.y - at_zero, -slope, (-own[0], 1.0 - own[1]), enough))
        return found

    def _on_a_grid(self, X: np.ndarray, enough: list[int]) -> list[list[np.ndarray]]:
        grid = self._grid()
        counts = self._count(Rule(Residual()), X, np.tile(grid, (len(X), 1)))
        as_strange = counts.stranger + counts.alike
        edges = np.concatenate([[-np.inf], grid, [np.inf]])
        return [[_around(of_row >= number, edges) for number in enough] for of_row in as_strange]

    def _grid(self) -> np.ndarray:
        """Candidates, evenly spaced over twice the range of the targets held."""
        low, high = self._held.y.min(), self._held.y.max()
        with np.errstate(over="ignore"):
            spare = 0.5 * (high - low) or 1.0
            found = np.linspace(low - spare, high + spare, self.n_candidates)
        if not np.isfinite(found).all():
            raise UndefinedAttributeError(
                f"The targets held reach from {low:g} to {high:g}, and candidates beyond them leave float64's range. "
                "Forget the row with the extreme target.",
                reason="out of range",
            )
        model = Inner(self._held.model)
        return np.array([target for target in found if _is_taken(model, target)])


def _is_taken(model: Inner, target: float) -> bool:
    """Whether a learner takes this target: the losses of some know positive ones only."""
    try:
        model.check_targets(np.array([[target]]))
    except InvalidValueError:
        return False
    return True


def _around(accepted: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Intervals, float64[m, 2], from the candidate before each run of accepted ones to the one behind it."""
    covered = np.zeros(len(edges) + 1, np.int8)  # the cells between edges, and nothing on both sides
    covered[1:-2] |= accepted
    covered[2:-1] |= accepted
    turns = np.diff(covered)
    return np.column_stack([edges[turns[: len(edges)] == 1], edges[turns[: len(edges)] == -1]])


_CANDIDATE = [0.0, 1.0]  # its targets where targets are two, see FullConformalRegressor


def _checked_targets(y: Any, n: int) -> np.ndarray:
    """Targets whose p-values are asked for, float64[n] or float64[n, k]."""
    try:
        targets = np.asarray(y, np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidValueError(
            "y of p_values holds something other than numbers. Nothing was computed: pass float targets.",
            reason="not numeric",
        ) from error
    if targets.ndim not in (1, 2) or len(targets) != n:
        raise ShapeError(
            f"y of p_values has the shape {targets.shape}, and X has {n} rows. Nothing was computed: pass a target for "
            "each row, or a row of them.",
            reason="shape",
        )
    if not np.isfinite(targets).all():
        row = int(np.flatnonzero(~np.isfinite(targets).reshape(n, -1).all(axis=1))[0])
        raise InvalidValueError(
            f"y of p_values is not finite in row {row} (counted from 0). Nothing was computed: pass finite targets.",
            row=row,
            reason="not finite",
        )
    return targets + 0.0
