"""Several classes by one model for each, that forget where the model does."""

from functools import partial
from typing import Any

import numpy as np
from sklearn import multiclass as peers
from sklearn.base import is_regressor
from sklearn.preprocessing import LabelBinarizer

from sqlearn.engine.model import Decides, WeightedClassifier, if_learner_has
from sqlearn.engine.parts import Composite, Part, Whole, answering, checked_part, refuse_one_class
from sqlearn.errors import ParameterError, UndefinedAttributeError, shown

__all__ = ["OneVsRestClassifier"]


def _is_class(place: int, whole: Whole) -> np.ndarray:
    """1 for records of the class at this place, 0 for others."""
    found: np.ndarray = (whole.y == place).astype(np.int64)
    return found


class OneVsRestClassifier(Composite, WeightedClassifier, peers.OneVsRestClassifier):  # type: ignore[override]
    """One binary model for each class against the rest, that forgets.

    Parameters
    ----------
    estimator : estimator
        A classifier or regressor of this package, of which there is one for each class: they follow each update by
        their own verbs. One of scikit-learn is taken if its `random_state`, where it has one, is an int: it is fitted
        anew when the model is read.
    n_jobs : int, default=None
        Without effect.
    verbose : int, default=0
        Without effect.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    estimators_ : list of estimators
        scikit-learn's estimators, fitted, one for each class, or a single one for two classes: copies.
    classes_ : array[n_classes]
        Labels held, sorted.
    label_binarizer_ : LabelBinarizer
        Transforms labels to columns.
    n_classes_ : int
        Number of classes held.
    multilabel_ : bool
        False: indicator matrices are refused.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    See Also
    --------
    sqlearn.linear_model.RidgeClassifier : Takes indicator matrices.

    Notes
    -----
    The model keeps its records, and the models of the classes beside them. An update changes the records; when the
    model is next read, the parts learn and forget what came and went, and are then, to the bit, what a fit would make
    them. When a class comes or goes, all are made anew. Rows are numbers; sparse ones are made dense.

    Examples
    --------
    >>> from sqlearn.linear_model import LogisticRegression
    >>> from sqlearn.multiclass import OneVsRestClassifier
    >>> X, y = [[0.0], [1.0], [2.0], [3.0], [4.0], [9.0]], [0, 0, 1, 1, 2, 2]
    >>> model = OneVsRestClassifier(LogisticRegression()).fit(X, y)
    >>> model.forget([9.0], 2).digest() == OneVsRestClassifier(LogisticRegression()).fit(X[:5], y[:5]).digest()
    True
    >>> model.predict([[0.2], [4.5]])
    array([0, 2])
    """

    _sklearn_class = peers.OneVsRestClassifier

    def __init__(
        self, estimator: Any, *, n_jobs: int | None = None, verbose: int = 0, key: str | bytes | None = None
    ) -> None:
        self.estimator = estimator
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.key = key

    @property
    def _learner(self) -> Any:
        return self.estimator

    @if_learner_has
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the classes, each from its own model, scaled to a sum of 1.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        float64 ndarray of shape (n_records, n_classes)
            Probabilities, in the order of ``classes_``.
        """
        found: np.ndarray = self._answer("predict_proba", X)
        return found

    decision_function = if_learner_has(Decides.decision_function)

    def _learners(self, params):
        return [params["estimator"]]

    def _parts(self, params, whole):
        classes = range(len(whole.labels)) if len(whole.labels) > 2 else [1]
        return [Part(params["estimator"], partial(_is_class, place)) for place in classes]

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        part = params["estimator"] = checked_part(params["estimator"], type(self).__name__)
        if not (is_regressor(part) or hasattr(part, "decision_function") or hasattr(part, "predict_proba")):
            raise ParameterError(
                f"The estimator {shown(part)} is no regressor, and has neither decision_function nor predict_proba. "
                "Nothing was changed: pass one that has.",
                value=part,
            )

    def _check_fit(self, batch):
        refuse_one_class(batch.labels)

    def _read_out(self, state):
        classes = Whole.classes_of(state)
        if len(classes) < 2:
            raise UndefinedAttributeError(
                f"This {state.learner} holds rows of one class: too few to learn from. Learn more rows.",
                reason="too few records",
            )
        binarizer = LabelBinarizer(sparse_output=True).fit(classes)
        with self._models(state) as live:
            models = [answering(model, state.learner) for model in live]
        return {"estimators_": models, "classes_": classes, "label_binarizer_": binarizer}
