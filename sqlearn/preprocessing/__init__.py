"""Transformers that forget."""

from sqlearn.preprocessing.max_abs_scaler import MaxAbsScaler
from sqlearn.preprocessing.min_max_scaler import MinMaxScaler
from sqlearn.preprocessing.robust_scaler import RobustScaler
from sqlearn.preprocessing.standard_scaler import StandardScaler

__all__ = ["MaxAbsScaler", "MinMaxScaler", "RobustScaler", "StandardScaler"]
