"""Decision trees that forget."""

from sqlearn.tree.base import ForgettingCost, TreeLearner, forest_of
from sqlearn.tree.decision_tree import DecisionTreeClassifier, DecisionTreeRegressor
from sqlearn.tree.features import TakesCategories, TreeBased, check_class_weight, report_without, saturated

__all__ = ["DecisionTreeClassifier", "DecisionTreeRegressor"]
