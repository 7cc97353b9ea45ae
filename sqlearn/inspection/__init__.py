"""What a model would be without each of its rows, and which rows it would be better without."""

from sqlearn.inspection.effects import influence
from sqlearn.inspection.leaving_out import leave_one_out
from sqlearn.inspection.ranking import Suspects, find_mislabeled, self_influence, suspects

__all__ = [
    "Suspects",
    "find_mislabeled",
    "influence",
    "leave_one_out",
    "self_influence",
    "suspects",
]
