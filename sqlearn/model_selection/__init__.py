"""Choosing and scoring models in folds that no deletion reshuffles."""

from sqlearn.model_selection.folds import HashedKFold
from sqlearn.model_selection.scoring import cross_val_predict, cross_val_score, cross_validate

__all__ = ["HashedKFold", "cross_val_predict", "cross_val_score", "cross_validate"]
