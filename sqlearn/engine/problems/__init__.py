"""What adaptive learners minimise: smooth losses, clusters, mixtures.

May import: kernels, arithmetic, solvers, sums, rounds, errors.
"""

from sqlearn.engine.problems.clustering_problem import Clustering
from sqlearn.engine.problems.coefficients import Penalty, balancing, class_weights, coefficients, ridge
from sqlearn.engine.problems.lloyd import Lloyd
from sqlearn.engine.problems.mixture_problem import KINDS, Expectation, Mixture, Parameters
from sqlearn.engine.problems.one_vs_rest import OneVsRest
from sqlearn.engine.problems.optimum import in_order
from sqlearn.engine.problems.smooth_problem import Smooth
from sqlearn.engine.problems.smooth_terms import MOST_PARAMETERS
from sqlearn.engine.solvers import GAMMA, LOGISTIC, MULTINOMIAL, POISSON, SQUARED_HINGE, tweedie
