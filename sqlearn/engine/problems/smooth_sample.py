"""A smooth loss over a few records, all of which are at hand: Newton's method from zero."""

import numpy as np

from sqlearn.engine.problems.sample import LEAST_DIVISOR
from sqlearn.engine.problems.smooth_losses import LONGEST_STEP, newton_step
from sqlearn.engine.problems.smooth_terms import SmoothTerms
from sqlearn.engine.rounds import Scale, Source

_STILL = 2.0**-38
_MOST_STEPS = 100
_SHORTEST_PART = 2.0**-12

# Newton step, gradient, Hessian, and the exponents of the largest derivatives
Answer = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def evaluate(
    problem: SmoothTerms,
    theta: np.ndarray,
    scale: Scale,
    source: Source,
    penalty: np.ndarray,
    class_weight: np.ndarray | None,
) -> Answer:
    """The Newton step without third derivatives, what it is made from, and the exponents of the derivatives."""
    sums, exponents = problem.empty_group(False), np.full(3, -1000)
    blocks = [problem.terms_of(theta, scale, records, class_weight) for records in source()]
    for terms in blocks:  # a block of zeros, say of empty places, has no say
        largest = [np.abs(derivative).max(initial=LEAST_DIVISOR) for derivative in terms[1:]]
        exponents = np.maximum(exponents, np.frexp(largest)[1])
    for terms in blocks:
        problem.add(terms, exponents, None, sums, 1.0)
    total, no_third = sums[0].round()[0], np.zeros(0)
    step, gradient, hessian, _ = newton_step(problem.n_outputs, total, no_third, 0.0, penalty, theta, 0.0, 0.0)
    return step, gradient, hessian, exponents


def descend(
    problem: SmoothTerms,
    scale: Scale,
    source: Source,
    penalty: np.ndarray,
    class_weight: np.ndarray | None,
) -> np.ndarray:
    """Newton's method from 0: ``theta + part * step`` with the first part of 1, 1/2, 1/4, ... that shortens the
    gradient. Its length is measured in a fixed metric, the inverse of the Hessian's diagonal at 0.
    """
    theta = np.zeros(problem.size)
    step, gradient, hessian, _ = evaluate(problem, theta, scale, source, penalty, class_weight)
    metric = 1.0 / np.maximum(np.diag(hessian), LEAST_DIVISOR)
    for _ in range(_MOST_STEPS):
        length = np.abs(step).max(initial=0.0)
        if length <= _STILL * (1.0 + np.abs(theta).max(initial=0.0)):
            break
        if length > LONGEST_STEP:
            step = step * (LONGEST_STEP / length)
        merit = _sum(gradient * gradient * metric)
        part = 1.0
        while part > _SHORTEST_PART:
            trial = theta + part * step
            answer = evaluate(problem, trial, scale, source, penalty, class_weight)
            if _sum(answer[1] * answer[1] * metric) < merit:
                break
            part *= 0.5
        else:
            break
        theta = trial
        step, gradient, _, _ = answer
    return theta


def guarded_ridge(problem: SmoothTerms) -> np.ndarray:
    """A ridge of 1, little on the intercept, so that a sample has a minimum that is not too far away."""
    ridge = np.eye(problem.size)
    if problem.intercept:
        ridge[:: problem.p, :: problem.p] *= 2.0**-10
    return ridge


def _sum(values: np.ndarray) -> float:
    """Sum in index order."""
    total = 0.0
    for value in values.tolist():
        total += value
    return total
