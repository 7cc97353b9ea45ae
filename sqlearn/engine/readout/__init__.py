"""From exact sums to float64: matrices, least squares, scores of features.

May import: kernels, arithmetic, sums, errors.
"""

from sqlearn.engine.readout.least_squares import LeastSquares, balanced_factors, fitted, one_against_rest
from sqlearn.engine.readout.linear_map import mapped
from sqlearn.engine.readout.read_only import read_only
from sqlearn.engine.readout.shrinkage import spreads_of
from sqlearn.engine.readout.univariate import score_of
from sqlearn.engine.readout.views import (
    GramView,
    aligned,
    as_float,
    categories_of,
    combined,
    grams_of,
    is_constant,
    label_array,
    moments_of,
    others_of,
    sums_of,
    weights_of,
)

__all__ = [
    "GramView",
    "LeastSquares",
    "aligned",
    "as_float",
    "balanced_factors",
    "categories_of",
    "combined",
    "fitted",
    "grams_of",
    "is_constant",
    "label_array",
    "mapped",
    "moments_of",
    "one_against_rest",
    "others_of",
    "read_only",
    "score_of",
    "spreads_of",
    "sums_of",
    "weights_of",
]
