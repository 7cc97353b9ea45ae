"""Forests that forget."""

from sqlearn.ensemble.extra_trees import ExtraTreesClassifier, ExtraTreesRegressor
from sqlearn.ensemble.random_forest import RandomForestClassifier, RandomForestRegressor

__all__ = ["ExtraTreesClassifier", "ExtraTreesRegressor", "RandomForestClassifier", "RandomForestRegressor"]
