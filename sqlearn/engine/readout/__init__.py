"""From exact sums to float64: matrices, least squares, scores of features.

May import: kernels, arithmetic, sums, errors.
"""

from sqlearn.engine.readout.folds import Fold, folds_of, left_out
from sqlearn.engine.readout.gram_view import GramView, combined, grams_of
from sqlearn.engine.readout.labels import label_array
from sqlearn.engine.readout.least_squares import (
    LeastSquares,
    balanced_factors,
    beyond_float64,
    fitted,
    one_against_rest,
    signs_of,
)
from sqlearn.engine.readout.linear_map import LinearMap
from sqlearn.engine.readout.moments_view import categories_of, is_constant, moments_of, others_of, sums_of, weights_of
from sqlearn.engine.readout.read_only import read_only
from sqlearn.engine.readout.rounding import aligned, as_float, digits_of
from sqlearn.engine.readout.shrinkage import spreads_of
from sqlearn.engine.readout.univariate import score_functions, score_of
from sqlearn.engine.readout.without_each import grams_without_each, moments_without_each
