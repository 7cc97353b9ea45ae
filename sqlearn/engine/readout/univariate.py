"""Scores of single features against labels or values, from exact sums: what scikit-learn's score functions give."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special
from sklearn.feature_selection import chi2, f_classif, f_regression, r_regression

from sqlearn.engine.arithmetic import add_product, round_pair
from sqlearn.engine.kernels import kernel
from sqlearn.engine.readout.moments_view import MomentsView, moments_of, weights_of
from sqlearn.engine.readout.rounding import aligned
from sqlearn.engine.sums import Correlations, Gram, LabelSums, Moments, Statistic, Sums, packed_cell
from sqlearn.errors import ParameterError, shown


@kernel
def _correlate(weight, first, second, products, target, own, hi, exponents):
    """For each feature, ``a * b - c**2`` and c, a and b, rounded: hi float64[4, d] times ``2**exponents``.

    Those are ``a = n * sum x**2 - (sum x)**2``, b the same of the target, and ``c = n * sum x y - sum x * sum y``,
    formed in digits. `first`, `second` and `products` are int64[d, L], the others int64[L].
    """
    length = 2 * weight.shape[0] + 2
    a, b, c = np.empty(length, np.int64), np.zeros(length, np.int64), np.empty(length, np.int64)
    rest, scratch = np.empty(2 * length + 2, np.int64), np.empty(2 * length + 2, np.int64)
    add_product(b, weight, own, 1)
    add_product(b, target, target, -1)
    for j in range(first.shape[0]):
        a[:] = 0
        add_product(a, weight, second[j], 1)
        add_product(a, first[j], first[j], -1)
        c[:] = 0
        add_product(c, weight, products[j], 1)
        add_product(c, first[j], target, -1)
        rest[:] = 0
        add_product(rest, a, b, 1)
        add_product(rest, c, c, -1)
        hi[0, j], _, exponents[0, j] = round_pair(rest, scratch)
        hi[1, j], _, exponents[1, j] = round_pair(c, scratch[:length])
        hi[2, j], _, exponents[2, j] = round_pair(a, scratch[:length])
        hi[3, j], _, exponents[3, j] = round_pair(b, scratch[:length])


def _correlations(statistic: Correlations | Gram) -> tuple[np.ndarray, np.ndarray]:
    """Correlation r of each feature with the target, and ``r**2 / (1 - r**2)``: float64[d] each, within a few ulp.

    Where the feature or the target does not vary, both are 0. The second is infinite where the target is a linear
    function of the feature.
    """
    d = statistic.n_features
    if isinstance(statistic, Gram):
        (digits,), low = statistic.digits(None)
        width = d + 2
        features, target = np.arange(1, d + 1), d + 1
        cells = [features, packed_cell(features, features, width), packed_cell(features, target, width)]
        first, second, products = (digits[cell] for cell in cells)
        sums = digits[0], digits[target], digits[packed_cell(target, target, width)]
    else:
        (moments,), low = statistic.digits(None)
        (crossed,), crossed_low = statistic.products.digits(None)
        (moments, crossed), low = aligned((moments, low), (crossed, crossed_low))
        first, second, products = moments[1 : 1 + d], moments[2 + d : 2 + 2 * d], crossed[1:]
        sums = moments[0], moments[1 + d], moments[-1]
    weight, target, own = sums
    hi, exponents = np.zeros((4, d)), np.zeros((4, d), np.int64)
    arrays = (weight, first, second, products, target, own)
    _correlate(*(np.ascontiguousarray(array) for array in arrays), hi, exponents)
    rest, c, a, b = hi
    varies = (a > 0.0) & (b > 0.0)
    exponent = exponents[2] + exponents[3]
    scale = np.ldexp(np.where(varies, a * b, 1.0), exponent % 2)
    with np.errstate(divide="ignore", over="ignore"):
        r = np.ldexp(c / np.sqrt(scale), exponents[1] - exponent // 2)
        ratio = np.ldexp(c * c / np.where(varies, rest, 1.0), 2 * exponents[1] - exponents[0])
    return np.where(varies, r, 0.0), np.where(varies, ratio, 0.0)


def _between_classes(state):
    """Scores and p-values of `f_classif`."""
    moments = moments_of(state.statistic, state.class_slots())
    counts = weights_of(state.statistic, state.class_slots())[:, None]
    between, within = len(counts) - 1, counts.sum() - len(counts)  # degrees of freedom
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # one class, or a feature that never varies
        deviations = np.sqrt((counts * moments.variance()).sum(axis=0) / within)
        scores = (counts * (moments.deviation() / deviations) ** 2).sum(axis=0) / between
        return scores, special.fdtrc(between, within, scores)


def _of_counts(state):
    """Scores and p-values of `chi2`."""
    if state.layout.labels == "indicator":
        each, whole = _label_moments(state.statistic)
        shifts = each.deviation(whole)
    else:
        each, whole = moments_of(state.statistic, state.class_slots()), moments_of(state.statistic, None)
        shifts = each.deviation()
    counts = each.weight()[:, :1]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scores = (counts * shifts * (shifts / whole.mean())).sum(axis=0)
    return scores, special.chdtrc(len(counts) - 1, scores)


def _label_moments(statistic: LabelSums) -> tuple[MomentsView, MomentsView]:
    """The moments of the records of each label, a row a label, and those of all records."""
    digits, low = statistic.digits(None)
    digits = digits.reshape(1 + statistic.n_targets, 1 + statistic.n_features, -1)
    weights, first = np.broadcast_to(digits[:, :1], digits[:, 1:].shape), digits[:, 1:]
    each, whole = (MomentsView(weights[rows], first[rows], first[rows, :0], low) for rows in (slice(1, None), slice(1)))
    return each, whole


def _correlation(state):
    """Scores of `r_regression`, which has no p-values."""
    return _correlations(state.statistic)[0], None


def _of_correlation(state):
    """Scores and p-values of `f_regression`."""
    freedom = weights_of(state.statistic, None)[0] - 2
    with np.errstate(invalid="ignore", over="ignore"):
        scores = _correlations(state.statistic)[1] * freedom
    nothing = ~(scores > 0.0)  # no correlation; or two records, which always lie on a line
    chances = np.where(nothing, 1.0, special.fdtrc(1, freedom, scores))
    return np.where(nothing, 0.0, np.minimum(scores, np.finfo(np.float64).max)), chances


@dataclass(frozen=True)
class Score:
    """What a function of scikit-learn's takes of the records.

    Attributes
    ----------
    statistic : type
        What is summed.
    target : {"label", "value"}
        What a record carries.
    read : callable
        Scores and p-values from the state.
    """

    statistic: type[Statistic]
    target: str
    read: Callable


_SCORES = [
    (f_classif, Score(Moments, "label", _between_classes)),
    (chi2, Score(Sums, "label", _of_counts)),
    (f_regression, Score(Correlations, "value", _of_correlation)),
    (r_regression, Score(Correlations, "value", _correlation)),
]


def score_functions() -> list[Callable]:
    """The score functions that are known here."""
    return [known for known, _ in _SCORES]


def score_of(function) -> Score:
    """What a score function takes of the records.

    Raises
    ------
    ParameterError
        When it is none of those known here.
    """
    for known, score in _SCORES:
        if known is function:
            return score
    raise ParameterError(
        f"score_func={shown(function)} is not known to be a function of sums over records, so records could not be "
        "forgotten exactly. Use f_classif, chi2, f_regression or r_regression.",
        value=function,
    )
