"""Sample weights."""

from typing import Any

import numpy as np

from sqlearn.engine.sklearn_private import check_sample_weight, num_samples
from sqlearn.engine.validation.rows import unmasked
from sqlearn.engine.validation.targets import UNREADABLE, as_float64
from sqlearn.errors import InvalidValueError, ShapeError, SqlearnError, shown

__all__ = ["check_weights"]


def check_weights(sample_weight: Any, X: Any) -> np.ndarray:
    """Sample weights as float64[n], none of them negative."""
    n = num_samples(X)
    if sample_weight is None:
        return np.ones(n)
    try:
        given = np.asarray(unmasked(sample_weight, "sample_weight"))
    except SqlearnError:
        raise
    except UNREADABLE as error:
        raise InvalidValueError(
            f"sample_weight is not an array of numbers: {shown(sample_weight)}. Nothing was changed: pass one number "
            "per row.",
            value=sample_weight,
            reason="weight",
        ) from error
    given = as_float64(
        given, lambda value, row: InvalidValueError(
            f"sample_weight has {shown(value)} in row {row} (counted from 0), which is not a number. Nothing was "
            "changed: pass one number per row.", row=row, value=value, reason="weight"
        )
    )  # fmt: skip
    if given.ndim > 1 or (given.ndim and len(given) != n):
        raise ShapeError(
            f"sample_weight.shape == {given.shape}, expected {(n,)}. Nothing was changed: pass one weight per row.",
            reason="shape",
        )
    finite = np.isfinite(given)  # of a scalar, scikit-learn's check is none
    if not finite.all():
        row = int(np.flatnonzero(~finite)[0])
        raise InvalidValueError(
            f"Input sample_weight contains NaN or infinity, first in row {row} (counted from 0). Nothing was changed: "
            "give every row a finite weight.",
            row=row,
            reason="not finite",
        )
    weights = (
        check_sample_weight(given if given.ndim else given.item(), X, dtype=np.float64, allow_all_zero_weights=True)
        + 0.0
    )
    if (weights < 0).any():
        row = int(np.flatnonzero(weights < 0)[0])
        raise InvalidValueError(
            f"Negative values in data passed to `sample_weight`: {weights[row].item()} in row {row} (counted from 0). "
            "Nothing was changed. To take a row out of the model, forget it.",
            row=row,
            value=weights[row].item(),
            reason="weight",
        )
    return weights
