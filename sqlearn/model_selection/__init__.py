"""Choosing and scoring models in folds that no deletion reshuffles."""

from sqlearn.model_selection.folds import HashedKFold
from sqlearn.model_selection.scoring import cross_val_predict, cross_val_score, cross_validate
from sqlearn.model_selection.search import GridSearchCV, RandomizedSearchCV

__all__ = [
    "GridSearchCV",
    "HashedKFold",
    "RandomizedSearchCV",
    "cross_val_predict",
    "cross_val_score",
    "cross_validate",
]
