"""The grid that the theta of a smooth loss is rounded to: cells as wide as records move theta, from a small sample."""

from dataclasses import dataclass, replace

import numpy as np

from sqlearn.engine.arithmetic import cholesky
from sqlearn.engine.problems.sample import LEAST_DIVISOR
from sqlearn.engine.problems.smooth_losses import cells_of, centre_of, shifts
from sqlearn.engine.problems.smooth_sample import descend, evaluate, guarded_ridge
from sqlearn.engine.problems.smooth_terms import SmoothTerms
from sqlearn.engine.rounds import GRID_SAMPLE, Scale, Source, dithers, roughly, serializable
from sqlearn.engine.solvers import SQUARED_HINGE, is_exponential
from sqlearn.engine.sums import ExactSum

COARSE = 8.0  # width of the pilot's cells over that of the rounds
FINE = 2.0**-6  # cell width in standard deviations of the predictor, to end with a step of third order
FINE_COUNTS = 2.0**-7  # the same for counts, whose third derivatives are larger
FINER = 2.0**-9  # to end with a step of second order
_FINEST, _WIDEST = -5, 4  # binary exponents of how far records move a coordinate, relative to others
_WIDER = 16.0  # cells of the sample's optimum, where the pilot begins, over those of the pilot
_STEP = 1.0  # what the whitening factor is rounded to, relative to its diagonal
_HALF_OCTAVE = 0.70710678
_JITTER = 2.0**-10  # added to the diagonal of the curvature, which may be singular
_LEAST_VARIANCE = 0.25  # of a standardised feature that is not rare


@serializable("Grid")
@dataclass(frozen=True, eq=False)
class Grid:
    """Cells of theta: ``floor(low.T @ theta / width + dither)``.

    Attributes
    ----------
    low : float64[size, size]
        Cholesky factor of the curvature in a sample, rounded where rounds seldom break: its transpose whitens, roughly.
    width : float64[size]
        Width of the cells in whitened coordinates.
    dither : float64[size]
        Seeded offsets in [0, 1).
    exponents : int64[3]
        Binary exponents of the largest derivatives in the sample: they fix the units.
    start : float64[size]
        The sample's optimum, where the pilot's rounds begin.
    """

    low: np.ndarray
    width: np.ndarray
    dither: np.ndarray
    exponents: np.ndarray
    start: np.ndarray


def fit_grid(problem: SmoothTerms, scale: Scale, source: Source, class_weight: np.ndarray | None) -> Grid:
    """The grid from a sample of records, in four steps: its optimum, its curvature, the cells' widths, the units."""
    theta = descend(problem, scale, source, guarded_ridge(problem), class_weight)
    no_penalty = np.zeros((problem.size, problem.size))
    _, _, hessian, exponents = evaluate(problem, theta, scale, source, no_penalty, class_weight)
    if problem.groups is not None:  # records are evaluated without weights of classes
        exponents = evaluate(problem, theta, scale, source, no_penalty, None)[3]
    curvature, unit = _normalized(problem, hessian)
    low = cholesky(curvature + _JITTER * np.eye(problem.size))
    if problem.n_outputs == 1:  # coordinates of several outputs would lose too much
        low = _rounded(low)
    whole = cholesky(curvature + _penalty_of_sample(problem, scale, unit))
    width = _width(problem) * _relative_widths(problem, theta, scale, source, class_weight, low, whole)
    dither, wide = dithers(problem.size, problem.seed + 1), width * (COARSE * _WIDER)
    start = centre_of(low, wide, dither, cells_of(low, wide, dither, theta))
    return Grid(low, width, dither, exponents + 1, start)


def _rounded(low: np.ndarray) -> np.ndarray:
    """A Cholesky factor on a grid so wide that a record of the sample seldom moves it: whitening need not be exact.

    Its diagonal consists of powers of two, and the rest of a row of multiples of that in its diagonal: what a sample
    leaves uncertain of a feature is a part of what the features before do not tell of it.
    """
    fraction, exponent = np.frexp(np.diag(low))
    diagonal = np.ldexp(1.0, exponent - (fraction < _HALF_OCTAVE))
    step = _STEP * diagonal[:, None]
    rounded: np.ndarray = np.tril(np.rint(low / step) * step, -1) + np.diag(diagonal)
    return rounded


def _normalized(problem: SmoothTerms, hessian: np.ndarray) -> tuple[np.ndarray, float]:
    """The Hessian over the curvature of one predictor, and that curvature."""
    unit = max(hessian[0, 0] if problem.intercept else np.diag(hessian).max(), LEAST_DIVISOR)
    hessian /= unit
    # a standardised feature has a variance of 1/4 to 1; one with less in the sample is rare, and seldom or never in it
    hessian += np.diag(np.maximum(_LEAST_VARIANCE - np.diag(hessian), 0.0))
    return hessian, unit


def _penalty_of_sample(problem: SmoothTerms, scale: Scale, unit: float) -> np.ndarray:
    """The sample's share of the penalty, at a typical total of weights, and in rounded units: those move with every
    record."""
    times = 2.0 ** max(0, scale.octave - GRID_SAMPLE.bit_length())
    typical = replace(roughly(scale), total=2.0 ** (scale.octave - 1) / scale.weight)
    return problem.penalty_hessian(typical, 1.0) / (unit * times)


def _relative_widths(
    problem: SmoothTerms,
    theta: np.ndarray,
    scale: Scale,
    source: Source,
    class_weight: np.ndarray | None,
    low: np.ndarray,
    whole: np.ndarray,
) -> np.ndarray:
    """Powers of two: about the cube root of how far a record moves each whitened coordinate, on average over the
    sample; with several outputs, which lean on each other, about how far.

    A record's shift is ``low.T @ inverse(whole @ whole.T) @ gradient``. Where records move coordinate j by ``s[j]``, a
    trace breaks about ``sum(s / width)`` times, and ``sum(width**2)`` is how far theta is from the optimum. Of all
    widths with that sum, those in proportion to ``s**(1/3)`` break least.
    """
    total = ExactSum(1, problem.size + 1)
    for records in source():
        z, first, _, _ = problem.terms_of(theta, scale, records, class_weight)
        moved = np.empty((len(records.w), problem.size + 1))
        shifts(z, first, low, whole, moved)
        for row in moved:
            total.deposit_values(row, 1.0)
    mean = total.round()[0]
    exponents = np.frexp(mean[:-1] / max(mean[-1], LEAST_DIVISOR))[1]
    exponents = np.where(mean[:-1] > 0, np.clip(exponents, _FINEST, _WIDEST), _FINEST)
    widths: np.ndarray = np.ldexp(1.0, (exponents + 1) // 3 if problem.n_outputs == 1 else exponents)
    return widths


def _width(problem: SmoothTerms) -> float:
    """Width of the cells, in standard deviations of the predictor."""
    if problem.third:
        return FINE_COUNTS if is_exponential(problem.kind) else FINE
    if problem.kind == SQUARED_HINGE:  # its curvature jumps
        return FINER / 2
    # many outputs have each a small part in a record's loss
    return FINER * 2.0 ** (problem.n_outputs - 1).bit_length()
