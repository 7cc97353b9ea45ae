"""Calibrated probabilities that forget."""

import copy
from typing import Any

import numpy as np
from sklearn import calibration as peers
from sklearn.base import is_classifier
from sklearn.frozen import FrozenEstimator

from sqlearn.engine.arithmetic import one_thread
from sqlearn.engine.model import PredictsProba, WeightedClassifier
from sqlearn.engine.parts import (
    Composite,
    Folds,
    InFolds,
    Part,
    Whole,
    answering,
    checked_part,
    method_of,
    predicted,
    refuse_one_class,
)
from sqlearn.engine.sklearn_private import fit_calibrator
from sqlearn.errors import ParameterError, UndefinedAttributeError, shown
from sqlearn.svm import LinearSVC

__all__ = ["CalibratedClassifierCV"]

_METHODS = ["decision_function", "predict_proba"]


class CalibratedClassifierCV(InFolds, Composite, PredictsProba, WeightedClassifier, peers.CalibratedClassifierCV):  # type: ignore[override]
    """Probabilities of a classifier, calibrated on records that it has not seen, that forget.

    Parameters
    ----------
    estimator : estimator, default=None
        A classifier of this package with ``decision_function`` or ``predict_proba``; by default ``LinearSVC()`` of this
        package. One of scikit-learn is taken if its `random_state`, where it has one, is an int: it is fitted anew when
        the model is read.
    method : {"sigmoid", "isotonic", "temperature"}, default="sigmoid"
        How it is calibrated, as in scikit-learn.
    cv : int, HashedKFold or None, default=None
        Number of hashed folds, 5 for None, or the folds. Splitters that choose rows by position are refused.
    n_jobs : int, default=None
        Without effect.
    ensemble : bool or "auto", default="auto"
        Whether the probability is the mean over the folds' models, each calibrated on its fold; else one model of all
        records is calibrated on the folds' predictions. "auto" is True: frozen estimators are refused.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Another key gives other folds. Printing
        hides it, pickles contain it.

    Attributes
    ----------
    classes_ : array[n_classes]
        Labels held, sorted.
    calibrated_classifiers_ : list
        scikit-learn's pairs of a classifier and its calibration: copies.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    The model keeps its records, and for each fold a model that has learned the others. These learn and forget what came
    and went when the model is next read; then they are calibrated anew. A fold that lacks a class, or without which one
    would be missing, is left out; if all are, no attribute is defined.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sqlearn.calibration import CalibratedClassifierCV
    >>> from sqlearn.naive_bayes import GaussianNB
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = CalibratedClassifierCV(GaussianNB()).fit(X, y).forget(X[:9], y[:9])
    >>> model.digest() == CalibratedClassifierCV(GaussianNB()).fit(X[9:], y[9:]).digest()
    True
    """

    _sklearn_class = peers.CalibratedClassifierCV

    def __init__(
        self,
        estimator: Any = None,
        *,
        method: str = "sigmoid",
        cv: Any = None,
        n_jobs: int | None = None,
        ensemble: bool | str = "auto",
        key: str | bytes | None = None,
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.cv = cv
        self.n_jobs = n_jobs
        self.ensemble = ensemble
        self.key = key

    def _learners(self, params):
        return [LinearSVC() if params["estimator"] is None else params["estimator"]]

    def _folds(self, params: dict[str, Any]) -> Folds:
        return Folds(params, has_targets=False)

    def _parts(self, params, whole):
        (learner,) = self._learners(params)
        parts = self._folds(params).parts(learner, _labels)
        return parts if params["ensemble"] else [*parts, Part(learner, _labels)]

    def _check_supported_params(self, params):
        if isinstance(params["estimator"], FrozenEstimator) or isinstance(params["cv"], str):
            raise ParameterError(
                "A frozen estimator remembers its rows, which this model could not forget. Nothing was changed: pass "
                "it not fitted.",
                value=params["estimator"],
            )
        super()._check_supported_params(params)
        if params["estimator"] is None:
            return
        part = params["estimator"] = checked_part(params["estimator"], type(self).__name__)
        if not is_classifier(part) or method_of(part, _METHODS) is None:
            raise ParameterError(
                f"The estimator {shown(part)} is no classifier with decision_function or predict_proba. Nothing was "
                "changed: pass one.",
                value=part,
            )

    def _check_fit(self, batch):
        refuse_one_class(batch.labels)
        super()._check_fit(batch)

    def _read_out(self, state):
        params, whole = state.params, Whole.of(state)
        folds, classes = self._folds(params), whole.classes
        n_classes, of_record = len(whole.labels), folds.of(whole)
        inside = [np.flatnonzero(of_record == fold) for fold in range(folds.n_folds)]
        whole_ones = [
            fold
            for fold, rows in enumerate(inside)
            if len(np.unique(whole.y[rows])) == n_classes > 1 and len(np.unique(np.delete(whole.y, rows))) == n_classes
        ]
        if not whole_ones:
            raise UndefinedAttributeError(
                f"No fold of the {len(of_record)} rows of this {state.learner} has rows of all {n_classes} classes, in "
                "it and outside of it, so nothing can be calibrated. Learn more rows.",
                reason="too few records",
            )
        method = method_of(self._learners(params)[0], _METHODS)
        assert method is not None
        with self._models(state) as live:
            pairs = [
                (answering(live[fold], state.learner), rows, _columns(live[fold], whole.x[rows], method, n_classes))
                for fold, rows in ((fold, inside[fold]) for fold in whole_ones)
            ]
            if not params["ensemble"]:
                _, rows, columns = zip(*pairs, strict=True)
                pairs = [(answering(live[-1], state.learner), np.concatenate(rows), np.concatenate(columns))]
        with one_thread():  # sigmoids have two parameters
            calibrated = [
                fit_calibrator(
                    model,
                    columns,
                    whole.y[rows] if params["method"] == "temperature" else whole.take(rows).responses,
                    classes,
                    params["method"],
                    whole.w[rows] if whole.weighted else None,
                )
                for model, rows, columns in pairs
            ]
        return {"classes_": classes, "calibrated_classifiers_": calibrated}

    def fitted_attributes(self) -> dict[str, Any]:
        """Return all fitted attributes, of isotonic regressions without the function that they make of the rest.

        Returns
        -------
        dict
            The attributes by their names.
        """
        found = super().fitted_attributes()
        return found | {"calibrated_classifiers_": [_told(pair) for pair in found["calibrated_classifiers_"]]}


def _told(pair: Any) -> Any:
    """A copy of a pair of a classifier and its calibrators, without functions."""
    told = copy.copy(pair)
    told.calibrators = [copy.copy(calibrator) for calibrator in pair.calibrators]
    for calibrator in told.calibrators:
        vars(calibrator).pop("f_", None)
    return told


def _labels(whole: Whole) -> np.ndarray:
    return whole.responses


def _columns(model: Any, x: np.ndarray, method: str, n_classes: int) -> np.ndarray:
    """Scores with a column for each class; one for two classes."""
    found = predicted(model, x, method, 0)
    if n_classes == 2:
        found = found[:, 1] if found.ndim == 2 else found
    return found.reshape(len(x), -1)
