"""The minimum of a penalised smooth loss over records at hand, quickly and in fixed arithmetic.

May import: kernels, arithmetic.
"""

from sqlearn.engine.solvers.losses import LOGISTIC, MULTINOMIAL, POISSON, SQUARED_HINGE, record_loss
from sqlearn.engine.solvers.minimum import centre, minimum
