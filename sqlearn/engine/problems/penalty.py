"""The penalty of a smooth loss: quadratic in theta, alike for all outputs."""

from typing import NamedTuple

import numpy as np

__all__ = ["Penalty"]


class Penalty(NamedTuple):
    """Of each output's parameters, ``(ridge . theta ** 2 + weight * (bond . theta) ** 2) / 2``.

    Attributes
    ----------
    ridge : float64[p]
        What each parameter is held by.
    bond : float64[p]
        The parameters that are held together.
    weight : float
        By how much; 0 for no bond.
    """

    ridge: np.ndarray
    bond: np.ndarray
    weight: float

    def hessian(self) -> np.ndarray:
        """The Hessian for one output, float64[p, p]."""
        out: np.ndarray = np.diag(self.ridge)
        if self.weight:
            out = out + self.weight * (self.bond[:, None] * self.bond)
        return out
