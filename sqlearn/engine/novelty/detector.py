"""What scores records by a weighted sum of their random Fourier features: a predictor, to which learners give it."""

from typing import Any, NoReturn

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import SGDOneClassSVM
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.validation import validate_data

from sqlearn.engine.maps import scale_of, score_fourier
from sqlearn.engine.sums import installed
from sqlearn.errors import InvalidValueError, TooLargeError

_AT_ONCE = 4096  # rows of a sparse matrix that are written out
_ARRAYS = 40  # of one number per random feature: sums and what they become, steps of a solver


class FourierDetector(OutlierMixin, BaseEstimator):
    """A score by random Fourier features, below which a record is an outlier.

    Attributes
    ----------
    random_weights_, random_offset_ : float64[d, D], float64[D]
        Directions and phases.
    cosine_weights_ : float64[D]
        Weights of the cosines.
    offset_ : float
        The score of the boundary.
    """

    def fit(self, X: Any, y: Any = None) -> NoReturn:
        """Refused: learners fit."""
        raise NotImplementedError("This predictor was read out of a learner of sqlearn: fit that one.")

    def score_samples(self, X: Any) -> np.ndarray:
        """The score of each record, as if it were alone."""
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        blocks = [X]
        if sp.issparse(X):
            blocks = [X[start : start + _AT_ONCE].toarray() for start in range(0, X.shape[0], _AT_ONCE)]
        drawn = self.random_weights_, self.random_offset_, self.cosine_weights_
        scores = np.concatenate([score_fourier(x, *drawn) for x in blocks])
        beyond = np.flatnonzero(np.isnan(scores))
        if len(beyond):
            raise InvalidValueError(
                f"Row {beyond[0]} (counted from 0) is so far from 0 that its product with the random directions leaves "
                "float64's range. Nothing was computed: scale the features down, or leave the row out.",
                row=beyond[0],
                reason="out of range",
            )
        return scores

    def decision_function(self, X: Any) -> np.ndarray:
        """The score less the offset."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """1 for records whose score is at least the offset, -1 for outliers."""
        return np.where(self.decision_function(X) >= 0.0, 1, -1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def refuse_many(learner: str, n_features: int, size: int) -> None:
    """Refuse more random features than memory can hold, with the directions that they are drawn from."""
    needed, memory = 8 * size * (n_features + _ARRAYS), installed()
    if needed > memory // 2:
        raise TooLargeError(
            f"{size:,} random features of rows of {n_features:,} numbers take about {needed / 1e9:,.1f} GB in this "
            f"{learner}, and this machine has {memory / 1e9:,.0f} GB. Nothing was changed: set a smaller n_components, "
            "or use fewer columns."
        )


def as_pipeline(detector: FourierDetector) -> Pipeline:
    """A pipeline of scikit-learn's estimators that decides alike, up to rounding."""
    d, size = detector.random_weights_.shape
    named = {name: vars(detector)[name] for name in ("feature_names_in_",) if name in vars(detector)}
    features, linear = RBFSampler(n_components=size), SGDOneClassSVM()
    vars(features).update(
        named, n_features_in_=d, _n_features_out=size, random_weights_=detector.random_weights_.copy(),
        random_offset_=detector.random_offset_.copy(),
    )  # fmt: skip
    coef = detector.cosine_weights_ / scale_of(size)
    vars(linear).update(n_features_in_=size, coef_=coef, offset_=np.atleast_1d(detector.offset_))
    return make_pipeline(features, linear)
