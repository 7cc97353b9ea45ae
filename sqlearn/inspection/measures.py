"""How well a model's answers explain the labels or targets of rows: losses, margins, predictions of the own class."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor

from sqlearn.errors import InvalidValueError, ShapeError, UnknownLabelError, UnsupportedError, shown

# which method a classifier is asked, the first that it has: for losses, for what it gives the own class, and for
# margins, which need no probabilities that round to 0 or 1
LOSSES = ("predict_log_proba", "predict_proba", "decision_function", "predict")
PREDICTIONS = ("predict_proba", "decision_function", "predict")
MARGINS = ("predict_joint_log_proba", "decision_function", "predict_proba", "predict")

# what a class has that a model does not know
_UNKNOWN = {"predict_log_proba": -np.inf, "decision_function": -np.inf}
_LOWEST = np.finfo(np.float64).min  # stands for the logarithm of 0 in answers of `leave_one_out`
_LOG_OF_0 = float(np.log(np.finfo(np.float64).smallest_subnormal))


class Measure:
    """What is asked of a model about rows, and how its answers are compared with their labels or targets.

    Answers are tables: of regressors float64[n] or [n, n_targets]; of classifiers float64[n, n_classes], with a column
    for each class of `model`, also for those that another model, which has learned fewer rows, does not know.

    Parameters
    ----------
    model : ExactEstimator
        A fitted classifier or regressor.
    methods : tuple of str
        Methods of classifiers, of which the first that it has is asked.

    Attributes
    ----------
    response : str
        The name of that method.
    classes : ndarray or None
        The classes; None for regressors.

    Raises
    ------
    UnsupportedError
        If it predicts neither labels nor targets.
    """

    def __init__(self, model: Any, methods: tuple[str, ...]) -> None:
        if model.target is None or not (is_classifier(model) or is_regressor(model)):
            raise UnsupportedError(
                f"{type(model).__name__} predicts neither labels nor targets, so there is nothing that it could "
                "explain well or badly. Nothing was computed: pass a classifier or a regressor.",
                reason="learner",
            )
        self.classes: np.ndarray | None = None
        self.response = "predict"
        self._codes: dict[Any, int] = {}
        if is_classifier(model):
            self.response = next(name for name in methods if hasattr(model, name))
            if self.response == "predict_joint_log_proba":  # naive Bayes: what tells it has the same margins elsewhere
                self.response = "predict_log_proba"
            self.classes = np.asarray(model.classes_)
            self._codes = {label: code for code, label in enumerate(self.classes.tolist())}

    # ------------------------------------------------------------------ labels and targets

    def truth(self, y: Any, n: int, name: str) -> np.ndarray:
        """Labels as int64[n], columns of tables; or targets as float64[n] or [n, n_targets].

        Raises
        ------
        ShapeError
            If there is not one for each of `n` rows, or several labels.
        UnknownLabelError
            If the model has no row of a label.
        InvalidValueError
            If a target is no finite number.
        """
        if y is None:
            raise ShapeError(
                f"{name} is None, where answers are compared with it. Nothing was computed: pass one label or value "
                "per row.",
                reason="no target",
            )
        given = np.asarray(y)
        if len(given.shape) == 0 or len(given) != n:
            raise ShapeError(
                f"{name} has the shape {given.shape}, and there are {n:,} rows. Nothing was computed: pass one label "
                "or value per row.",
                reason="shape",
            )
        if self.classes is None:
            return self._targets(given, name)
        if given.ndim == 2 and given.shape[1] == 1:
            given = given[:, 0]
        if given.ndim > 1:
            raise ShapeError(
                f"{name} has several labels for each row. Nothing was computed: pass a model of one of them, and its "
                "labels.",
                reason="shape",
            )
        codes = np.array([self._codes.get(label, -1) for label in given.tolist()], np.int64)
        unknown = np.flatnonzero(codes < 0)
        if len(unknown):
            row, label = int(unknown[0]), given.tolist()[unknown[0]]
            raise UnknownLabelError(
                f"The label {shown(label)} in row {row} (counted from 0) of {name} is none that the model holds. "
                "Nothing was computed: compare with model.classes_.",
                row=row,
                value=label,
            )
        return codes

    def _targets(self, given: np.ndarray, name: str) -> np.ndarray:
        try:
            targets = given.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise InvalidValueError(
                f"{name} holds values that are no numbers. Nothing was computed: convert them first.",
                reason="not numeric",
            ) from error
        unfit = np.argwhere(~np.isfinite(targets))
        if len(unfit):
            row = int(unfit[0, 0])
            raise InvalidValueError(
                f"The target in row {row} (counted from 0) of {name} is {shown(given[row])}. Nothing was computed: "
                "drop such rows.",
                row=row,
                reason="not finite",
            )
        return targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets

    # ------------------------------------------------------------------ answers

    def asked(self, model: Any, X: Any) -> np.ndarray:
        """The table of a model's answers about rows."""
        found = getattr(model, self.response)(X)
        return self._table(found, model.classes_ if self.classes is not None else None)

    def of_each(self, found: Any, truth: np.ndarray) -> np.ndarray:
        """The table of answers about rows, each of another model, as those of ``leave_one_out`` are."""
        if self.classes is None or found.dtype != object or self.response == "predict":
            return self._table(found, self.classes)
        whole = len(self.classes)
        return np.concatenate([  # where the only row of a class is left out, there is no column for it
            self._table(
                np.asarray(answer)[None],
                self.classes if np.shape(answer) == (whole,) else np.delete(self.classes, own),
            )
            for answer, own in zip(found, truth, strict=True)
        ])  # fmt: skip

    def _table(self, found: Any, classes: Any) -> np.ndarray:
        """A table of the answers of a model that knows these classes."""
        if self.classes is None:
            table = np.asarray(found, np.float64)
            return table[:, 0] if table.ndim == 2 and table.shape[1] == 1 else table
        if self.response == "predict":  # votes
            return np.eye(len(self.classes))[[self._codes[label] for label in found.tolist()]]
        table = np.asarray(found, np.float64)
        if table.ndim == 1:
            table = np.stack([-table, table], axis=1)
        if len(classes) == len(self.classes):
            return table
        whole = np.full((len(table), len(self.classes)), _UNKNOWN.get(self.response, 0.0))
        whole[:, [self._codes[label] for label in classes.tolist()]] = table
        return whole

    # ------------------------------------------------------------------ comparisons

    def explained(self, table: np.ndarray, truth: np.ndarray | None) -> np.ndarray:
        """Predictions; of classifiers, what they give the row's own class: float64[n], or [n, n_targets]."""
        if self.classes is None or truth is None:
            return table
        return _decided(table[np.arange(len(table)), truth])

    def loss(self, table: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """How badly each row is explained, float64[n]: see :func:`~sqlearn.inspection.influence`."""
        if self.classes is None:
            squares = 0.5 * np.square(truth - table)
            return squares if squares.ndim == 1 else squares.sum(axis=1)
        if self.response == "decision_function":
            ideal = np.where(np.arange(len(self.classes)) == truth[:, None], 1.0, -1.0)
            columns = 0.5 * np.square(ideal - _decided(table))
            return columns[:, 1] if len(self.classes) == 2 else columns.sum(axis=1)
        own = table[np.arange(len(table)), truth]
        if self.response == "predict":
            return 1.0 - own
        if self.response == "predict_proba":
            with np.errstate(divide="ignore"):
                own = np.log(own)
        return -np.where(own > _LOWEST, own, _LOG_OF_0)

    def margin(self, table: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """By how much each row's label or target is missed, float64[n]: see :func:`~sqlearn.inspection.suspects`."""
        if self.classes is None:
            missed = np.abs(truth - table)
            if missed.ndim == 1:
                return missed
            squares = np.sort(np.square(missed), axis=0)  # so that their sum does not depend on the order of rows
            scale = np.sqrt(np.mean(squares, axis=0))
            return np.sqrt(np.square(missed / np.where(scale > 0.0, scale, 1.0)).sum(axis=1))
        own, others = table[np.arange(len(table)), truth], table.copy()
        others[np.arange(len(table)), truth] = -np.inf
        margin = np.where(own > _LOWEST, others.max(axis=1) - own, np.inf)
        return 0.5 * margin if self.response == "decision_function" and len(self.classes) == 2 else margin

    def best(self, table: np.ndarray) -> np.ndarray:
        """The predictions that answers amount to."""
        return table if self.classes is None else self.classes[np.argmax(table, axis=1)]


def _decided(table: np.ndarray) -> np.ndarray:
    """Decision functions, which are about -1 where a row is of another class, as they are of a class without rows."""
    return np.where(np.isneginf(table), -1.0, table)
