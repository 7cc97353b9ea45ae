"""The one-class problem on random Fourier features: a half-space far from the origin that holds most of the records.

With scores ``s_i = phi_i @ w``, it minimises over w and rho::

    |w|**2 / 2 - rho + sum over i of h(rho - s_i) / (nu * n)

where h is the hinge with a rounded corner (Huber's): 0 up to 0, ``z**2 / (2 * delta)`` up to delta, ``z - delta / 2``
beyond. The hinge itself is the support vector machine's; ``delta`` is a hundredth of the squared length of the mean
feature vector, the size of a usual score. (A squared hinge would be another problem: where it is minimal in rho, the
mean of the slacks is nu, and most records lie outside.)

For a given w, the best rho makes the slopes of h sum to ``nu * n``, and is found alone. What is left is a convex
function of w with a piecewise linear gradient: Newton's method ends after some steps, each a system that conjugate
gradients solve. The records come in an order that they alone decide, a part of them is solved for first, and every sum
runs in this order: the solution is a function of the multiset of records, and the same on every machine.

References
----------
B. Schölkopf, J. Platt, J. Shawe-Taylor, A. Smola, R. Williamson, "Estimating the Support of a High-Dimensional
Distribution", Neural Computation 13 (2001).
O. Chapelle, "Training a Support Vector Machine in the Primal", Neural Computation 19 (2007).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sqlearn.engine.kernels import kernel
from sqlearn.engine.maps import fourier_row, scale_of, weighed

_KEPT = 1 << 27  # features (float32) that are kept: those of more records are computed anew in each pass
_BLOCK = 1024  # records at a time, then
_FIRST = 8192  # records that are solved for first, if there are more than twice as many
_CORNER = 0.01  # of the squared length of the mean: where the hinge bends
_MOST_STEPS = 100
_MOST_GRADIENTS = 400  # steps of the conjugate gradients
_LARGEST_GAMMA = 2.0**500


@kernel
def _map_rows(x, directions, phases, out):
    """Cosines of each row, rounded to float32."""
    features = np.empty(len(phases))
    for i in range(len(x)):
        fourier_row(x[i], directions, phases, 1.0, features)
        for k in range(len(features)):
            out[i, k] = features[k]


@kernel
def _score(features, coefficients, out):
    for i in range(len(features)):
        out[i] = weighed(features[i], coefficients)


@kernel
def _add_rows(features, factors, out):
    """Add the rows times their factors."""
    for i in range(len(features)):
        factor = factors[i]
        if factor != 0.0:
            row = features[i]
            for k in range(len(out)):
                out[k] += factor * row[k]


@kernel
def _spread_along(features, centre, direction, total, out):
    """Add ``c_i * ((c_i - centre) @ direction)`` of each row c_i; returns `total` and the sum of the second factors."""
    shift = weighed(centre, direction)
    for i in range(len(features)):
        row = features[i]
        along = weighed(row, direction) - shift
        total += along
        for k in range(len(out)):
            out[k] += along * row[k]
    return total


@kernel
def _slopes(scores, rho, delta, out):
    """Slopes of the hinge: in (0, 1) in its corner. Returns their sum, and how many records are in the corner."""
    total, inside = 0.0, np.int64(0)
    for i in range(len(scores)):
        slope = min(max((rho - scores[i]) / delta, 0.0), 1.0)
        out[i] = slope
        total += slope
        inside += 0.0 < slope < 1.0
    return total, inside


@kernel
def _best_rho(scores, delta, wanted, out):
    """The rho for which slopes sum to `wanted`, or nearly: by Newton's method between bounds; writes the slopes."""
    low, high = scores.min(), scores.max() + delta
    rho = low + delta
    for _ in range(200):
        total, inside = _slopes(scores, rho, delta, out)
        if total == wanted:
            break
        if total < wanted:
            low = rho
        else:
            high = rho
        guess = rho + (wanted - total) * delta / inside if inside > 0 else low
        if not low < guess < high:
            guess = low + 0.5 * (high - low)
        if guess == rho or not low < guess < high:
            break
        rho = guess
    return rho


@kernel
def spread_of(x):
    """The variance of all values of a matrix together."""
    total, n = 0.0, 1.0 * x.size
    for i in range(len(x)):
        for j in range(x.shape[1]):
            total += x[i, j] / n
    spread = 0.0
    for i in range(len(x)):
        for j in range(x.shape[1]):
            spread += (x[i, j] - total) ** 2 / n
    return spread


@dataclass
class OneClass:
    """The solution of a one-class problem.

    Attributes
    ----------
    coefficients : float64[D]
        Weights of the cosines of a record, which give its score.
    scores : float64[n]
        Scores of the records.
    steps : int
        Steps of Newton's method.
    converged : bool
        Whether the gradient became as small as was asked.
    """

    coefficients: np.ndarray
    scores: np.ndarray
    steps: int
    converged: bool


class _Problem:
    """The records with their features, in the order in which they are summed.

    Parameters
    ----------
    x : float64[n, d]
        Records.
    directions, phases : float64[d, D], float64[D]
        The random features.
    nu : float
        Share of the records that lie outside, about.
    """

    def __init__(self, x: np.ndarray, directions: np.ndarray, phases: np.ndarray, nu: float) -> None:
        self.x, self.directions, self.phases = np.ascontiguousarray(x), directions, phases
        self.n, self.size = len(x), len(phases)
        self.wanted = nu * self.n
        self.unit = scale_of(self.size) ** 2  # inner products of cosines, times this, are similarities
        self.kept = self._mapped(self.x) if self.n * self.size <= _KEPT else None
        mean = self.add(np.full(self.n, 1.0 / self.n))
        self.mean, self.delta = mean, _CORNER * self.unit * float(weighed(mean, mean))

    def _mapped(self, x: np.ndarray) -> np.ndarray:
        features = np.empty((len(x), self.size), np.float32)
        _map_rows(x, self.directions, self.phases, features)
        return features

    def blocks(self, used: np.ndarray | None = None) -> Iterator[tuple[np.ndarray | slice, np.ndarray]]:
        """Places of records, and their features; of all of them, or of those at the places `used`."""
        if used is None and self.kept is not None:
            yield slice(None), self.kept
            return
        n = self.n if used is None else len(used)
        for start in range(0, n, _BLOCK):
            part: np.ndarray | slice = slice(start, min(start + _BLOCK, n))
            part = part if used is None else used[part]
            yield part, self._mapped(self.x[part]) if self.kept is None else self.kept[part]

    def score(self, coefficients: np.ndarray) -> np.ndarray:
        scores = np.empty(self.n)
        for part, features in self.blocks():
            found = np.empty(len(features))
            _score(features, coefficients, found)
            scores[part] = found
        return scores

    def add(self, factors: np.ndarray) -> np.ndarray:
        """The sum of the records' cosines times these factors."""
        total = np.zeros(self.size)
        used = np.flatnonzero(factors)
        for part, features in self.blocks(used if 4 * len(used) < self.n else None):
            _add_rows(features, factors[part], total)
        return total

    def step(self, gradient: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Newton's step, by conjugate gradients: the curvature is 1, and the spread of the records in the corner."""
        corner = np.flatnonzero((slopes > 0.0) & (slopes < 1.0))
        held = [features for _, features in self.blocks(corner)] if len(corner) * self.size <= _KEPT else None
        inside = np.zeros(self.n)
        inside[corner] = 1.0
        centre = self.add(inside) / max(1, len(corner))
        factor = self.unit / (self.wanted * self.delta)

        def curved(direction: np.ndarray) -> np.ndarray:
            spread, total = np.zeros(self.size), 0.0
            for features in held if held is not None else (features for _, features in self.blocks(corner)):
                total = _spread_along(features, centre, direction, total, spread)
            return direction + factor * (spread - total * centre)

        step, rest = np.zeros(self.size), -gradient
        direction, square = rest.copy(), float(weighed(rest, rest))
        goal = square * 1e-6
        for _ in range(_MOST_GRADIENTS):
            if square <= goal:
                break
            image = curved(direction)
            share = square / float(weighed(direction, image))
            step += share * direction
            rest -= share * image
            before, square = square, float(weighed(rest, rest))
            direction = rest + (square / before) * direction
        return step


def _minimised(problem: _Problem, start: np.ndarray, tol: float, most: int) -> OneClass:
    """Newton's method from `start`, coefficients of the cosines."""
    coefficients, slopes = start, np.empty(problem.n)
    scores = problem.score(coefficients)
    _best_rho(scores, problem.delta, problem.wanted, slopes)
    for steps in range(1, most + 1):
        pull = problem.unit / problem.wanted * problem.add(slopes)
        gradient = coefficients - pull
        if weighed(gradient, gradient) <= tol**2 * weighed(pull, pull):
            return OneClass(coefficients, scores, steps, True)
        step = problem.step(gradient, slopes)
        along = problem.score(step)
        share = _share(problem, coefficients, step, scores, along, slopes)
        coefficients = coefficients + share * step
        scores = problem.score(coefficients)
        _best_rho(scores, problem.delta, problem.wanted, slopes)
    return OneClass(coefficients, scores, most, False)


def _share(
    problem: _Problem,
    coefficients: np.ndarray,
    step: np.ndarray,
    scores: np.ndarray,
    along: np.ndarray,
    slopes: np.ndarray,
) -> float:
    """How much of a step to take: where the derivative along it is nearly 0, between bounds."""
    own, square = float(weighed(coefficients, step)), float(weighed(step, step))

    def derivative(share: float) -> float:
        _best_rho(scores + share * along, problem.delta, problem.wanted, slopes)
        return own + share * square - problem.unit / problem.wanted * float(weighed(slopes, along))

    first = derivative(0.0)
    low, high, share = 0.0, math.inf, 1.0
    for _ in range(40):
        slope = derivative(share)
        if abs(slope) <= 0.1 * abs(first):
            break
        if slope < 0.0:
            low = share
        else:
            high = share
        share = 2.0 * share if high == math.inf else 0.5 * (low + high)
    return share


def one_class(
    x: np.ndarray, directions: np.ndarray, phases: np.ndarray, nu: float, tol: float, most: int | None = None
) -> OneClass:
    """Solve for records, float64[n, d] in an order that they alone decide.

    Scores are those of the problem times ``nu * n``, as in scikit-learn.

    Parameters
    ----------
    x : float64[n, d]
        Records.
    directions, phases : float64[d, D], float64[D]
        The random features.
    nu : float
        Share of the records that lie outside, about.
    tol : float
        Length of the gradient, against that of its parts, at which the steps end.
    most : int, optional
        Most steps, 100 by default.
    """
    start, most = None, _MOST_STEPS if most is None else most
    if len(x) > 2 * _FIRST:
        some = _Problem(x[:: len(x) // _FIRST], directions, phases, nu)
        start = _minimised(some, some.unit * some.mean, max(tol, 1e-3), most).coefficients
    problem = _Problem(x, directions, phases, nu)
    found = _minimised(problem, problem.unit * problem.mean if start is None else start, tol, most)
    coefficients = problem.wanted * found.coefficients
    return OneClass(coefficients, problem.score(coefficients), found.steps, found.converged)


def boundary(scores: np.ndarray, nu: float) -> float:
    """The score below which a share of `nu` of the records lies, or less."""
    outside = min(math.floor(nu * len(scores)), len(scores) - 1)
    return float(np.sort(scores)[outside])


def automatic_gamma(x: np.ndarray) -> float:
    """One divided by the number of features and by the variance of all values; 1 if nothing varies."""
    if x.min() == x.max():
        return 1.0
    return 1.0 / max(x.shape[1] * float(spread_of(x)), 1.0 / _LARGEST_GAMMA)
