"""Units that features are shown to a learner in: means, deviations and the like, of the records held.

A loss of linear predictors with an intercept is the same in all units; only its penalty, and what its coefficients are
multiplied by, are not. So records stay as they came, and the units of the moment are a part of the scale: exact for
what a step is made from, and rounded for what a grid is made from.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeGuard

import numpy as np

from sqlearn.engine.arithmetic import add_product, integers, pair_of, round_pair
from sqlearn.engine.kernels import Postponed, kernel
from sqlearn.engine.rounds.standard import BalancedScale, Scale, digits_of, offsets
from sqlearn.engine.rounds.trace import serializable
from sqlearn.engine.sums import ExactSum

_EPSILON = 2.0**-52
_OF_UNIT = 0.125  # what a rounded centre is a multiple of


class Units(Protocol):
    """Where a feature's zero is and how long its unit is: functions of the records held."""

    def of(self, total: ExactSum) -> tuple[np.ndarray, np.ndarray]:
        """Units, positive, and centres, float64[d] each, of records with these moments."""


@dataclass(frozen=True)
class StandardUnits:
    """Units of :class:`sqlearn.preprocessing.StandardScaler`: deviations from means.

    Attributes
    ----------
    centred, scaled : bool[d]
        The features whose centre is their mean, and those whose unit is their deviation; others' are 0 and 1.
    """

    centred: np.ndarray
    scaled: np.ndarray

    def of(self, total: ExactSum) -> tuple[np.ndarray, np.ndarray]:
        unit, centre = np.empty(len(self.scaled)), np.empty(len(self.scaled))
        write: Any = _standard_units if _many_features.is_worth(len(unit)) else _standard_units_of_few
        write(total.limbs, total.base, self.centred, self.scaled, unit, centre)
        return unit, centre


def _unit(weight: float, mean: float, variance: float) -> float:
    """The deviation, and 1 for a feature that is constant but for rounding, as engine/readout's is_constant has it."""
    noise = weight * mean * _EPSILON
    return 1.0 if variance <= weight * _EPSILON * variance + noise * noise else math.sqrt(variance)


_unit_in_kernels: Any = kernel(_unit)  # type: ignore[no-untyped-call]


@kernel
def _standard_units(limbs, base, centred, scaled, unit, centre):
    """Write units and centres from limbs of ``[w, w x, w x x]``: the bits that engine/readout has of them."""
    d = len(unit)
    length = limbs.shape[0] + 2
    w, s, q = np.empty(length, np.int64), np.empty(length, np.int64), np.empty(length, np.int64)
    product = np.empty(2 * length + 1, np.int64)
    scratch, scratch2 = np.empty(length, np.int64), np.empty(2 * length + 1, np.int64)
    digits_of(limbs, 0, w)
    w_hi, _, w_exponent = round_pair(w, scratch)
    weight = math.ldexp(w_hi, w_exponent + 32 * base)
    for j in range(d):
        digits_of(limbs, 1 + j, s)
        digits_of(limbs, 1 + d + j, q)
        s_hi, _, s_exponent = round_pair(s, scratch)
        mean = math.ldexp(s_hi / w_hi, s_exponent - w_exponent)
        product[:] = 0
        add_product(product, w, q, 1)
        add_product(product, s, s, -1)
        v_hi, _, v_exponent = round_pair(product, scratch2)
        variance = math.ldexp(v_hi / (w_hi * w_hi), v_exponent - 2 * w_exponent)
        unit[j] = _unit_in_kernels(weight, mean, variance) if scaled[j] else 1.0
        centre[j] = mean if centred[j] else 0.0


def _standard_units_of_few(limbs, base, centred, scaled, unit, centre):
    """What :func:`_standard_units` writes, by Python's integers, and with nothing to compile."""
    d = len(unit)
    numbers = integers(limbs.astype(np.int64).sum(axis=1).T)
    w_hi, _, w_exponent = pair_of(numbers[0])
    weight = math.ldexp(w_hi, w_exponent + 32 * base)
    for j in range(d):
        s, q = numbers[1 + j], numbers[1 + d + j]
        s_hi, _, s_exponent = pair_of(s)
        mean = math.ldexp(s_hi / w_hi, s_exponent - w_exponent)
        v_hi, _, v_exponent = pair_of(numbers[0] * q - s * s)
        variance = math.ldexp(v_hi / (w_hi * w_hi), v_exponent - 2 * w_exponent)
        unit[j] = _unit(weight, mean, variance) if scaled[j] else 1.0
        centre[j] = mean if centred[j] else 0.0


_many_features = Postponed(_standard_units, 5_000)


class InUnits:
    """What a scale has beside its own where learners see features in units.

    Attributes
    ----------
    unit, centre : float64[d]
        A learner sees ``(x - centre) / unit``. Every record changes both.
    rough_unit, rough_centre : float64[d]
        The units as powers of two, and the centres as multiples of an eighth of those; the theta at which sums are
        evaluated may depend on them.
    """

    unit: np.ndarray
    centre: np.ndarray
    rough_unit: np.ndarray
    rough_centre: np.ndarray


def _same(one: InUnits, other: InUnits) -> bool:
    names = "rough_unit", "rough_centre"
    return all(getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in names)


@serializable("ScaleInUnits")
@dataclass(frozen=True, eq=False)
class ScaleInUnits(Scale, InUnits):
    """A scale, and the units of features."""

    unit: np.ndarray
    centre: np.ndarray
    rough_unit: np.ndarray
    rough_centre: np.ndarray

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ScaleInUnits) and super().__eq__(other) is True and _same(self, other)


@serializable("BalancedScaleInUnits")
@dataclass(frozen=True, eq=False)
class BalancedScaleInUnits(BalancedScale, InUnits):
    """A scale with weights of classes, and the units of features."""

    unit: np.ndarray
    centre: np.ndarray
    rough_unit: np.ndarray
    rough_centre: np.ndarray

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BalancedScaleInUnits) and super().__eq__(other) is True and _same(self, other)


def in_units(scale: Scale, units: Units, total: ExactSum, seed: int) -> Scale:
    """The scale with the units of records of these moments.

    Both are rounded as a scale rounds deviations and means, so that units which are deviations move when it does.
    """
    d, (unit, centre) = len(scale.mean), units.of(total)
    dither = offsets(d, seed)
    rough = np.ldexp(1.0, np.frexp(unit * (1.0 + dither[:d]))[1])
    step = rough * _OF_UNIT
    rough_centre = np.floor(centre / step + dither[d : 2 * d]) * step
    own = unit, centre, rough, rough_centre
    if isinstance(scale, BalancedScale):
        return BalancedScaleInUnits(*_parts(scale), scale.class_weight, scale.rounded, *own)
    return ScaleInUnits(*_parts(scale), *own)


def _parts(scale: Scale) -> tuple[np.ndarray, np.ndarray, float, int, float]:
    return scale.mean, scale.factor, scale.weight, scale.octave, scale.total


def roughly(scale: Any) -> Any:
    """The scale with rounded units in place of those that every record changes."""
    if not isinstance(scale, InUnits):
        return scale
    return replace(scale, unit=scale.rough_unit, centre=scale.rough_centre)  # type: ignore[type-var]


def gains(scale: Scale) -> np.ndarray:
    """What a coefficient of standardized features is multiplied by for the features that a learner sees, float64[d]."""
    gain: np.ndarray = scale.factor * scale.unit if is_in_units(scale) else scale.factor
    return gain


def zeros(scale: Scale) -> np.ndarray:
    """The standardized values of features that a learner sees as 0, float64[d]."""
    zero: np.ndarray = scale.factor * (scale.centre - scale.mean) if is_in_units(scale) else -scale.factor * scale.mean
    return zero


def constants(scale: Scale) -> np.ndarray:
    """What a learner sees of constant features, float64[d]; 0 for the others."""
    seen = (scale.mean - scale.centre) / scale.unit if is_in_units(scale) else scale.mean
    found: np.ndarray = np.where(scale.factor == 0, seen, 0.0)
    return found


def is_in_units(scale: Scale) -> TypeGuard[ScaleInUnits | BalancedScaleInUnits]:
    """Whether learners see features in units."""
    return isinstance(scale, InUnits)
