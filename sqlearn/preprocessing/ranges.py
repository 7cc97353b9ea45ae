"""What features are divided by."""

import numpy as np


def divisors(ranges: np.ndarray) -> np.ndarray:
    """`ranges`, with 1 for those of features that are constant but for rounding, in scikit-learn's measure."""
    return np.where(ranges < 10 * np.finfo(np.float64).eps, 1.0, ranges)
