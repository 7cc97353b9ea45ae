"""Displays in scikit-learn's manner; matplotlib is imported when one is drawn."""

from sqlearn.inspection.displays.coefficient_paths import CoefficientPathDisplay
from sqlearn.inspection.displays.forget_time import ForgetTimeDisplay
from sqlearn.inspection.displays.influences import InfluenceDisplay
from sqlearn.inspection.displays.removal_curve import RemovalCurveDisplay

__all__ = ["CoefficientPathDisplay", "ForgetTimeDisplay", "InfluenceDisplay", "RemovalCurveDisplay"]
