"""A fitted model and its verbs: the state, the estimators' base classes.

May import: kernels, identity, maps, sums, readout, rounds, sparse, validation, errors.
"""

from sqlearn.engine.model.adaptive import Adaptive, RenamedReport, SparseCoefficients, refuse_heavy, refuse_large
from sqlearn.engine.model.estimator import ExactEstimator
from sqlearn.engine.model.fits import observed, records_like
from sqlearn.engine.model.header import Kept, Named, Steps, describe, digest_of, refuse_untold
from sqlearn.engine.model.held import FORMAT
from sqlearn.engine.model.inner import Inner, PredictsAsInner, if_learner_has
from sqlearn.engine.model.learner import Learner
from sqlearn.engine.model.lending import Lending, answers_without_each
from sqlearn.engine.model.parameters import checked_params
from sqlearn.engine.model.predictions import (
    Decides,
    DetectsOutliers,
    Predicts,
    PredictsJointProbabilities,
    PredictsProba,
    PredictsProbabilities,
    ScoresRecords,
    Selects,
    Transforms,
)
from sqlearn.engine.model.state import State
from sqlearn.engine.model.verbs import UnweightedClassifier, UnweightedEstimator, WeightedClassifier, WeightedEstimator
