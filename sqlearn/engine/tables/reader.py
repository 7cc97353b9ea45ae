"""The predictor of models over tables: what scikit-learn has no class for."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.metaestimators import available_if

from sqlearn.engine.tables.encoder import TableEncoder
from sqlearn.engine.tables.table import as_table, chosen, split
from sqlearn.errors import UndefinedAttributeError

__all__ = ["Answers", "TableReader", "learner_has", "table_tags"]


def learner_has(name):
    """Whether the learner has a method of this name: then the model has."""
    return available_if(lambda self: hasattr(self._learner, name))


class Answers:
    """What a learner answers about encoded records, asked about tables."""

    def _ask(self, name: str, X, *args, **kwargs):
        """The answer of a method of the learner."""
        raise NotImplementedError

    @learner_has("predict")
    def predict(self, X):
        """Predictions for each row of a table."""
        return self._ask("predict", X)

    @learner_has("predict_proba")
    def predict_proba(self, X):
        """Probabilities of the classes, float64[n, n_classes]."""
        return self._ask("predict_proba", X)

    @learner_has("predict_log_proba")
    def predict_log_proba(self, X):
        """Logarithms of the classes' probabilities, float64[n, n_classes]."""
        return self._ask("predict_log_proba", X)

    @learner_has("predict_joint_log_proba")
    def predict_joint_log_proba(self, X):
        """Logarithms of the joint probabilities of row and class, float64[n, n_classes]."""
        return self._ask("predict_joint_log_proba", X)

    @learner_has("decision_function")
    def decision_function(self, X):
        """Distances to the boundaries between the classes, float64[n] or float64[n, n_classes]."""
        return self._ask("decision_function", X)

    @learner_has("transform")
    def transform(self, X):
        """What the learner makes of the encoded rows, float64[n, k]."""
        return self._ask("transform", X)

    @learner_has("score")
    def score(self, X, y=None, sample_weight=None):
        """The learner's own score: accuracy of classifiers, R^2 of regressors."""
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        return self._ask("score", X, *([] if y is None else [y]), **weights)


class TableReader(Answers, BaseEstimator):
    """A fitted predictor over tables: an encoder, and scikit-learn's estimator over the encoded columns.

    Attributes
    ----------
    columns_ : dict
        Kind of each column.
    encoder_ : TableEncoder or None
        What encodes the columns; None where the estimator takes them as they are.
    encoded_names_ : object[d]
        Names of the columns that the estimator sees.
    learner_ : estimator
        scikit-learn's estimator, fitted.
    """

    columns_: dict
    encoder_: TableEncoder | None
    encoded_names_: np.ndarray
    learner_: Any
    n_features_in_: int

    def __getattr__(self, name):
        if name.endswith("_") and not name.startswith("_") and "learner_" in self.__dict__:
            return getattr(self.learner_, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __dir__(self):
        return sorted({*super().__dir__(), *dir(self.learner_)})

    @property
    def _learner(self):
        return self.learner_

    def __sklearn_tags__(self):
        return table_tags(self.learner_)

    def __sklearn_is_fitted__(self):
        return True

    def _chosen(self, X):
        return chosen(as_table(X), self.columns_, self.n_features_in_)

    def encode(self, X) -> np.ndarray:
        """The rows of a table as the estimator sees them, float64[n, d]."""
        if self.encoder_ is None:
            raise UndefinedAttributeError(
                "MixedNB takes the columns as they are, so there is no encoded table. Use the table itself.",
                reason="not encoded",
            )
        return self.encoder_.transform(*split(*self._chosen(X)))

    def get_feature_names_out(self, input_features=None):
        """Names of the columns of :meth:`transform`; for other learners, of :meth:`encode`."""
        if hasattr(self.learner_, "transform") and hasattr(self.learner_, "get_feature_names_out"):
            return self.learner_.get_feature_names_out(self.encoded_names_)
        return self.encoded_names_

    def _ask(self, name, X, *args, **kwargs):
        if self.encoder_ is not None:
            return getattr(self.learner_, name)(self.encode(X), *args, **kwargs)
        return getattr(self.learner_, name)(self._chosen(X)[0], *args, **kwargs)


def table_tags(learner):
    """The learner's tags, as far as they hold for tables."""
    tags = learner.__sklearn_tags__()
    inputs = tags.input_tags
    inputs.allow_nan = inputs.categorical = inputs.string = True
    inputs.sparse = False
    tags.array_api_support = False
    if tags.classifier_tags is not None:
        tags.classifier_tags.multi_label = False
    if tags.transformer_tags is not None:
        tags.transformer_tags.preserves_dtype = ["float64"]
    return tags
