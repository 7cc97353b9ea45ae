"""What a model would be without each of its rows, and which rows it would be better without."""

from sqlearn.inspection.displays import (
    CoefficientPathDisplay,
    ForgetTimeDisplay,
    InfluenceDisplay,
    RemovalCurveDisplay,
)
from sqlearn.inspection.effects import influence
from sqlearn.inspection.leaving_out import leave_one_out
from sqlearn.inspection.ranking import Suspects, find_mislabeled, self_influence, suspects
from sqlearn.inspection.removal import RemovalCurve, removal_curve

__all__ = [
    "CoefficientPathDisplay",
    "ForgetTimeDisplay",
    "InfluenceDisplay",
    "RemovalCurve",
    "RemovalCurveDisplay",
    "Suspects",
    "find_mislabeled",
    "influence",
    "leave_one_out",
    "removal_curve",
    "self_influence",
    "suspects",
]
