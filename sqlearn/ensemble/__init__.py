"""Forests and boosted trees that forget."""

from sqlearn.ensemble.extra_trees import ExtraTreesClassifier, ExtraTreesRegressor
from sqlearn.ensemble.hist_gradient_boosting import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sqlearn.ensemble.isolation_forest import IsolationForest
from sqlearn.ensemble.random_forest import RandomForestClassifier, RandomForestRegressor
from sqlearn.ensemble.sharded import ShardedClassifier, ShardedRegressor
from sqlearn.ensemble.stacking import StackingClassifier, StackingRegressor
from sqlearn.ensemble.voting import VotingClassifier, VotingRegressor

__all__ = [
    "ExtraTreesClassifier",
    "ExtraTreesRegressor",
    "HistGradientBoostingClassifier",
    "HistGradientBoostingRegressor",
    "IsolationForest",
    "RandomForestClassifier",
    "RandomForestRegressor",
    "ShardedClassifier",
    "ShardedRegressor",
    "StackingClassifier",
    "StackingRegressor",
    "VotingClassifier",
    "VotingRegressor",
]
