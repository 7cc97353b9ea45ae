"""How numba is used: the one decorator, its disk cache, single machine instructions.

Imports nothing else of sqlearn.
"""

from sqlearn.engine.kernels.copying import copy_first, widened, widened_rows
from sqlearn.engine.kernels.decorator import Postponed, kernel, make_ready, only_read
from sqlearn.engine.kernels.intrinsics import (
    arrays_at,
    bits_float,
    borrowed,
    float_bits,
    fma,
    leading_zeros,
    multiply_high,
    prefetch,
    trailing_zeros,
)
