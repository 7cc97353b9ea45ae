"""A fitted model and its verbs: validation, the state, the estimators' base classes.

May import: kernels, identity, sums, readout, rounds, errors.
"""

from sqlearn.engine.model.adaptive import Adaptive, SparseCoefficients, refuse_large
from sqlearn.engine.model.asking import delegated, refuse_arguments
from sqlearn.engine.model.estimator import ExactClassifier, ExactEstimator, Weighted, WeightedClassifier
from sqlearn.engine.model.observed import observed
from sqlearn.engine.model.parameters import checked_params
from sqlearn.engine.model.sparse_format import check_sparse
from sqlearn.engine.model.state import FORMAT, Batch, State, digest_of
from sqlearn.engine.model.targets import check_indicator, levels_of
from sqlearn.engine.model.validation import check_features, explained, refuse_negative, unmasked

__all__ = [
    "FORMAT",
    "Adaptive",
    "Batch",
    "ExactClassifier",
    "ExactEstimator",
    "SparseCoefficients",
    "State",
    "Weighted",
    "WeightedClassifier",
    "check_features",
    "check_indicator",
    "check_sparse",
    "checked_params",
    "delegated",
    "digest_of",
    "explained",
    "levels_of",
    "observed",
    "refuse_arguments",
    "refuse_large",
    "refuse_negative",
    "unmasked",
]
