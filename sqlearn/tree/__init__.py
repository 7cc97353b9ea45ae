"""Decision trees that forget."""

from sqlearn.tree.base import ForgettingCost, TreeBased, TreeLearner, forest_of, saturated
from sqlearn.tree.decision_tree import DecisionTreeClassifier, DecisionTreeRegressor

__all__ = ["DecisionTreeClassifier", "DecisionTreeRegressor"]
