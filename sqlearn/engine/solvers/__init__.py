"""The minimum of a penalised smooth loss over records at hand, quickly and in fixed arithmetic.

May import: kernels, arithmetic.
"""

from sqlearn.engine.solvers.certified import NormalSystem
from sqlearn.engine.solvers.coordinate_descent import descend
from sqlearn.engine.solvers.few_records import FewRecords, merged
from sqlearn.engine.solvers.losses import (
    GAMMA,
    LOGISTIC,
    MULTINOMIAL,
    POISSON,
    SQUARED_HINGE,
    gamma_ratio,
    is_exponential,
    power_of,
    record_loss,
    tweedie,
    tweedie_terms,
)
from sqlearn.engine.solvers.minimum import centre, minimum
from sqlearn.engine.solvers.newton import minimum_sparse
