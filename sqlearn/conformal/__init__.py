"""Full conformal prediction: sets and intervals that hold the truth as often as they say."""

from sqlearn.conformal.classifier import FullConformalClassifier
from sqlearn.conformal.regressor import FullConformalRegressor

__all__ = ["FullConformalClassifier", "FullConformalRegressor"]
