"""Transformers that forget."""

from sqlearn.preprocessing.k_bins_discretizer import KBinsDiscretizer
from sqlearn.preprocessing.max_abs_scaler import MaxAbsScaler
from sqlearn.preprocessing.min_max_scaler import MinMaxScaler
from sqlearn.preprocessing.one_hot_encoder import OneHotEncoder
from sqlearn.preprocessing.ordinal_encoder import OrdinalEncoder
from sqlearn.preprocessing.quantile_transformer import QuantileTransformer
from sqlearn.preprocessing.robust_scaler import RobustScaler
from sqlearn.preprocessing.standard_scaler import StandardScaler

__all__ = [
    "KBinsDiscretizer",
    "MaxAbsScaler",
    "MinMaxScaler",
    "OneHotEncoder",
    "OrdinalEncoder",
    "QuantileTransformer",
    "RobustScaler",
    "StandardScaler",
]
