"""Numbers: digits, double-double, exp, log and cos with fixed results, small linear systems, BLAS threads.

May import: kernels.
"""

from sqlearn.engine.arithmetic.blas import one_thread, side_by_side
from sqlearn.engine.arithmetic.cholesky import HELD, cholesky, factorize, solve_lower, solve_upper
from sqlearn.engine.arithmetic.digits import (
    add_product,
    fill_pairs,
    integers,
    many_numbers,
    nearest,
    normalized,
    pair_of,
    round_limbs,
    round_pair,
    to_pairs,
    trimmed,
)
from sqlearn.engine.arithmetic.double_double import add, divide, fast_two_sum, multiply
from sqlearn.engine.arithmetic.elementary import NEAR, cos, cos_near, exp, log, mix
from sqlearn.engine.arithmetic.solve import Factor, intercept, pivoted_factor, residual
