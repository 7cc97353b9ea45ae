"""Least squares from exact Gram matrices: coefficients, intercepts, and a small data set that stands for all of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import nnls

from sqlearn.engine.arithmetic import Factor, intercept, normalized, pivoted_factor, residual
from sqlearn.engine.readout.gram_view import GramView, SecondMoments, combined
from sqlearn.engine.readout.rounding import aligned, as_float
from sqlearn.engine.sums import packed_cell
from sqlearn.errors import UndefinedAttributeError


@dataclass
class LeastSquares:
    """A least squares problem: exact moments of features and targets, and the factor of the features'.

    Parameters
    ----------
    gram : GramView
        Gram matrix of the records.
    fit_intercept : bool
        Whether moments are taken about the means.

    Attributes
    ----------
    moments : SecondMoments
        Scaled second moments.
    factor : Factor
        Cholesky factor of the features' part.
    """

    gram: GramView
    fit_intercept: bool

    def __post_init__(self):
        self.weight = self.gram.weight()
        self.moments: SecondMoments = self.gram.centred() if self.fit_intercept else self.gram.raw()
        self.factor: Factor = pivoted_factor(*self.moments.system)

    @property
    def _scales(self):
        """Exponents of features and targets."""
        return np.split(self.moments.exponents, [self.gram.n_features])

    def solve(self, positive: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients float64[t, d] and intercepts float64[t].

        The coefficients are those of minimum norm, or the best of those that are not negative.
        """
        right = self.moments.right_sides
        if positive:
            r, z = self.factor.reduce(*right)
            r, z = np.vstack([r, np.zeros(r.shape[1])]), np.vstack([z, np.zeros(z.shape[1])])  # never without a row
            hi = np.stack([nnls(r, target)[0] for target in z.T], axis=1)
            lo = np.zeros_like(hi)
        else:
            hi, lo = self.factor.solve(*right)
        features, targets = self._scales
        return as_float(hi, targets - features[:, None], "A coefficient").T, self._intercepts(hi, lo)

    def intercepts(self, coef: np.ndarray) -> np.ndarray:
        """Intercepts float64[t] that belong to coefficients float64[t, d]."""
        features, targets = self._scales
        hi = np.ldexp(coef.T, features[:, None] - targets)
        return self._intercepts(hi, np.zeros_like(hi))

    def _intercepts(self, hi, lo):
        """``mean y - coef @ mean x`` from scaled coefficients, in double-double: the two may cancel."""
        d = self.gram.n_features
        if not self.fit_intercept:
            return np.zeros(hi.shape[1])
        s_hi, s_lo, own = self.gram.sums()
        constant = self.moments.hi.diagonal() == 0.0
        scale = np.where(constant, own, self.moments.exponents)
        s_hi, s_lo = np.ldexp(s_hi, own - scale), np.ldexp(s_lo, own - scale)
        w_hi, w_lo, w_exponent = self.weight
        found, _ = intercept(s_hi[d:], s_lo[d:], s_hi[:d], s_lo[:d], w_hi, w_lo, hi, lo)
        return as_float(found, scale[d:] - w_exponent, "An intercept")

    @property
    def is_moderate(self) -> bool:
        """Whether all singular values are below 2**1000, as the sum of their squares tells."""
        features, _ = self._scales
        _, _, exponent = self.moments.divisor
        return bool(2 * int(features.max(initial=0)) - exponent + len(features).bit_length() < 2000)

    def singular_values(self, count: int) -> np.ndarray:
        """The `count` largest singular values of the (centred, weighted) data."""
        features, _ = self._scales
        r, _ = self.factor.reduce(*self.moments.right_sides)
        top = int(features.max(initial=0))
        values = np.linalg.svd(np.ldexp(r, features - top), compute_uv=False)
        values = np.pad(values, (0, max(0, count - len(values))))[:count]
        hi, _, exponent = self.moments.divisor
        return as_float(values / np.sqrt(np.ldexp(hi, exponent & 1)), top - (exponent >> 1), "A singular value")

    def equivalent_data(self, units: np.ndarray | int = 0) -> tuple[np.ndarray, np.ndarray]:
        """At most d + 1 rows, features float64[m, d] and targets float64[m, t], with the data's mean products.

        What looks at the data through means of ``x_i x_j``, ``x_i y`` and ``y**2`` alone cannot tell them from the
        data: the rows of the Cholesky factor, and one more that gives each target what the features do not explain.
        Of ``a / 2**units``, if `units`, int64[d + t], are given.
        """
        features, targets = np.split(self.moments.exponents - units, [self.gram.n_features])
        right = self.moments.right_sides
        d = self.gram.n_features
        r, z = self.factor.reduce(*right)
        own = self.moments.hi.diagonal()[d:], self.moments.lo.diagonal()[d:]
        unexplained = np.sqrt(np.maximum(residual(*own, *right, *self.factor.solve(*right)), 0.0))
        r, z = np.vstack([r, np.zeros(d)]), np.vstack([z, unexplained])
        exponent = 0
        for hi, _, e in (self.moments.divisor, self.weight):  # mean products are these moments over both
            half = np.sqrt(np.ldexp(hi, e & 1))
            r, z, exponent = r / half, z / half, exponent - (e >> 1)
        size = np.sqrt(len(r))
        return as_float(size * r, features + exponent, "A feature"), as_float(size * z, targets + exponent, "A target")


def fitted(estimator, *data):
    """scikit-learn's estimator, fitted to equivalent data.

    Raises
    ------
    UndefinedAttributeError
        When float64 arithmetic ends in infinities or NaN there, or is refused for them.
    """
    with np.errstate(all="ignore"):
        try:
            found = estimator.fit(*data)
            numbers = [value for value in vars(found).values() if isinstance(value, float | np.ndarray)]
            if all(np.isfinite(value).all() for value in numbers):
                return found
        except ValueError:
            pass
    raise beyond_float64()


def beyond_float64() -> UndefinedAttributeError:
    """Why there is no solution of what is iterated in float64."""
    return UndefinedAttributeError(
        "Squares of the values held are beyond float64, in which this learner iterates. The model is intact and "
        "holds them exactly: forget the rows with such values, or scale features and targets and fit again.",
        reason="out of range",
    )


def one_against_rest(grams: Sequence[GramView], factors: Sequence[float]) -> GramView:
    """The Gram matrix of all classes' records, weighted by class, with targets 1 for a class and -1 for the others.

    There is a target for each class; for two classes, one for the second; for a single class, one that is -1.
    """
    total = combined(grams, factors)
    picked = range(len(grams)) if len(grams) > 2 else range(1, len(grams))
    old = total.width
    each = [combined([grams[k]], [factors[k]]) for k in picked]
    (every, *numbers), low = aligned((total.digits, total.low), *((gram.digits[:old], gram.low) for gram in each))
    own = np.stack(numbers) if numbers else np.zeros((1, *every[:old].shape), np.int64)  # sums of w x_i of the class
    t = len(own)
    new = old + t
    digits = np.zeros((new * (new + 1) // 2, every.shape[1]), np.int64)
    for i in range(old):
        start, target = packed_cell(i, i, old), packed_cell(i, i, new)
        digits[target : target + old - i] = every[start : start + old - i]
        digits[target + old - i : target + new - i] = 2 * own[:, i] - every[i]
    for k in range(t):  # a product of two targets is 1, but for the records of the two classes
        start = packed_cell(old + k, old + k, new)
        digits[start] = every[0]
        digits[start + 1 : start + t - k] = every[0] - 2 * own[k, 0] - 2 * own[k + 1 :, 0]
    return replace(total, digits=normalized(digits), low=low, n_targets=t)


def signs_of(classes: np.ndarray, n_classes: int) -> np.ndarray:
    """The targets of records in :func:`one_against_rest`, float64[n, t]; of classes int64[n]."""
    picked = np.arange(n_classes) if n_classes > 2 else np.arange(1, 2)
    return np.where(classes[:, None] == picked, 1.0, -1.0)


def balanced_factors(combinations: list[str], record_counts: np.ndarray) -> list[float]:
    """What ``class_weight="balanced"`` multiplies the weights of each combination of labels by.

    Parameters
    ----------
    combinations : list of str
        A digit for each output, 1 where it has the label.
    record_counts : int64[len(combinations)]
        Number of records of each.
    """
    has = np.array([list(combination) for combination in combinations]) == "1"
    factors = np.ones(len(combinations))
    for own in has.T:
        counts = np.array([record_counts[~own].sum(), record_counts[own].sum()])
        factors *= record_counts.sum() / (np.count_nonzero(counts) * counts[own.astype(int)])
    return factors.tolist()
