"""Weights of records and of classes."""

from typing import Any

import numpy as np

from sqlearn.engine.sklearn_private import check_sample_weight, num_samples
from sqlearn.engine.validation.refusals import is_of_input
from sqlearn.engine.validation.rows import unmasked
from sqlearn.engine.validation.targets import UNREADABLE, as_float64
from sqlearn.errors import InvalidValueError, ParameterError, ShapeError, shown


def check_class_weights(given: dict[Any, Any] | str | None, most: float = np.inf) -> None:
    """Refuse a parameter `class_weight` that has anything but finite numbers from 0 to `most`.

    Parameters
    ----------
    given : dict, str or None
        The parameter; only a dict has weights to check.
    most : float
        The largest weight that the learner takes.

    Raises
    ------
    ParameterError
        When a weight is out of range, or no number.
    """
    if not isinstance(given, dict):
        return
    for label, weight in given.items():
        if not (isinstance(weight, int | float | np.number) and 0 <= weight <= most and weight < np.inf):
            upper = "" if most == np.inf else f" and at most 2**{int(np.log2(most))}"
            raise ParameterError(
                f"class_weight has {shown(weight)} for class {shown(label)}, but weights of classes are finite numbers "
                f"of at least 0{upper}. Give others.",
                value=weight,
            )


def check_weights(sample_weight: Any, X: Any) -> np.ndarray:
    """Sample weights as float64[n], none of them negative."""
    n = num_samples(X)
    if sample_weight is None:
        return np.ones(n)
    unmasked_weight = unmasked(sample_weight, "sample_weight")
    try:
        given = np.asarray(unmasked_weight)
    except UNREADABLE as error:
        if not is_of_input(error):
            raise
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
