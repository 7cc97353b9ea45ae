"""Units of sums: functions of the number of records, and of the largest weight and target held."""

import math

import numpy as np

from sqlearn.engine.boosting.layout import LOGISTIC, MOST_OCTAVE, SOFTMAX, Units
from sqlearn.engine.kernels import kernel

_CURVATURE_BITS = 30  # of the second derivatives of as many records as are summed together: each is below e
_GRADIENT_BITS = 58  # of their gradients
_OCTAVES, _LOWEST = 2200, -1080  # of float64, from subnormal numbers on
_SCARCE = -1000  # smaller numbers are not scaled up further


@kernel
def _count(weights, targets, sign, octaves):
    """Count the octaves of weights, and of targets that are not 0, int64[2, octaves]."""
    for i in range(len(weights)):
        if weights[i] > 0.0:
            octaves[0, math.frexp(weights[i])[1] - _LOWEST] += sign
            if targets[i] != 0.0:
                octaves[1, math.frexp(targets[i])[1] - _LOWEST] += sign


@kernel
def _highest(counts):
    """The highest octave with a record; the lowest one where there is none."""
    i = len(counts) - 1
    while i > 0 and counts[i] == 0:
        i -= 1
    return i


class Octaves:
    """How many of the records held have weights and targets of each octave.

    Parameters
    ----------
    loss : int
        See :mod:`~sqlearn.engine.boosting.layout`.
    class_weight : float
        The largest weight of a class.
    """

    def __init__(self, loss: int, class_weight: float) -> None:
        self._has_targets = loss not in (LOGISTIC, SOFTMAX)
        self._class_octave = math.frexp(class_weight)[1] - (math.frexp(class_weight)[0] == 0.5)
        self.counts = np.zeros((2, _OCTAVES), np.int64)

    def count(self, weights: np.ndarray, targets: np.ndarray, sign: int) -> None:
        """Count records that come (1) or go (-1)."""
        _count(weights, targets, sign, self.counts)

    @property
    def class_octave(self) -> int:
        """Weights of classes are at most 2 to it."""
        return self._class_octave

    @property
    def exponents(self) -> tuple[int, int]:
        """Weights, times those of classes, are at most 2 to the first one, and targets to the second one."""
        weight, target = (max(_highest(row) + _LOWEST, _SCARCE) if row.any() else 0 for row in self.counts)
        return weight + self._class_octave, target if self._has_targets else 0


def scaled(value: float, exponent: int) -> float:
    """A value that is not negative times 2 to an exponent; infinity where that is beyond float64."""
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        return math.inf


def units_of(n: int, exponents: tuple[int, int], class_octave: int, halvings: int) -> Units:
    """The units for n records; ``2**-halvings`` of them are asked for second derivatives."""
    octave = n.bit_length()
    return Units(
        2.0 ** (class_octave - exponents[0]),
        2.0 ** -exponents[1],
        2.0 ** (_GRADIENT_BITS - octave),
        2.0 ** (_CURVATURE_BITS - min(octave, MOST_OCTAVE)),
        np.uint64((2**64 - 1) >> halvings),
    )
