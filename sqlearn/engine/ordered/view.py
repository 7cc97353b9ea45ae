"""Order statistics of the features in one slot: least, greatest, quantiles, most frequent values."""

from collections.abc import Callable

import numpy as np

from sqlearn.engine.ordered.statistic import Ordered


class OrderView:
    """The values of each feature in one slot, in order; NaN is not among them.

    What is interpolated is computed as numpy's ``quantile`` does it, so it has the same bits, except where a difference
    of two values leaves float64's range.

    Parameters
    ----------
    statistic : Ordered
        What holds the values.
    slot : int
        The slot.

    Attributes
    ----------
    sizes : int64[d]
        How many values each feature has.
    missing : int64[d]
        How often it is missing.
    """

    def __init__(self, statistic: Ordered, slot: int = 0) -> None:
        statistic.settle()
        d = statistic.n_features
        self._lists, self._first = statistic.ordered, slot * d
        self.missing = self._lists.missing[self._first : self._first + d].copy()
        self._zeros = [statistic.zeros(slot, j) for j in range(d)]
        self.sizes: np.ndarray = statistic.record_counts[slot] - self.missing

    def _ranked(self, ranks: np.ndarray) -> np.ndarray:
        """Values of each feature of these ranks, int64[k, d], in any order; NaN where it has none, float64[k, d]."""
        found = np.full(ranks.shape, np.nan)
        order = np.argsort(ranks, axis=0, kind="stable")
        ascending = np.ascontiguousarray(np.take_along_axis(ranks, order, axis=0).T)
        for j in np.flatnonzero(self.sizes).tolist():
            found[order[:, j], j] = self._lists.select(self._first + j, self._zeros[j], ascending[j])
        return found

    def extremes(self) -> np.ndarray:
        """The least and the greatest value of each feature, float64[2, d]."""
        return self._ranked(np.array([np.zeros_like(self.sizes), self.sizes - 1]))

    def quantiles(self, levels: np.ndarray, method: str = "linear") -> np.ndarray:
        """Quantiles of each feature, float64[len(levels), d].

        Parameters
        ----------
        levels : float64[k]
            From 0 to 1.
        method : str
            One of those of ``numpy.quantile`` that Hyndman and Fan (1996) list.
        """
        sizes = self.sizes
        index = _INDEX[method](sizes, levels[:, None])
        if method in _DISCRETE:
            return self._ranked(index)
        last = np.maximum(sizes - 1, 0)
        low = np.clip(np.floor(index), 0, last)
        ends = self._ranked(np.concatenate([low, np.minimum(low + 1, last)]).astype(np.int64))
        weight = index - low
        if method == "averaged_inverted_cdf":
            weight = np.where(weight == 0, 0.5, 1.0)
        weight = np.where((index < 0) | (index >= last), 0.0, weight)
        return _between(ends[: len(levels)], ends[len(levels) :], weight)

    def medians(self) -> np.ndarray:
        """The median of each feature, float64[d]: of an even number of values, the mean of the two in the middle."""
        low, high = self._ranked(np.array([np.maximum(self.sizes - 1, 0) // 2, self.sizes // 2]))
        with np.errstate(over="ignore"):
            total = low + high
        middle = np.where(np.isfinite(total), total / 2, low / 2 + high / 2)
        found: np.ndarray = np.where(self.sizes % 2 == 0, middle, low)
        return found

    def most_frequent(self) -> np.ndarray:
        """The most frequent value of each feature, the least of several, float64[d]."""
        found = np.full(len(self.sizes), np.nan)
        for j in np.flatnonzero(self.sizes).tolist():
            found[j] = self._lists.most_frequent(self._first + j, self._zeros[j])
        return found


def _between(low: np.ndarray, high: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """``low + weight * (high - low)`` in numpy's arithmetic; where the difference overflows, by another formula."""
    with np.errstate(over="ignore", invalid="ignore"):
        difference = high - low
        found = np.where(weight >= 0.5, high - difference * (1 - weight), low + difference * weight)
    return np.where(np.isfinite(difference), found, low * (1 - weight) + high * weight)


def _nearest_rank(index: np.ndarray, stays: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """The rank below or above an index: below where `stays` of the fraction and of the index."""
    below = np.floor(index)
    ranks: np.ndarray = np.where(stays(index - below, index), below, below + 1).astype(np.int64)
    return np.maximum(ranks, 0)


def _virtual(alpha: float, beta: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    return lambda n, q: n * q + (alpha + q * (1 - alpha - beta)) - 1


_DISCRETE = ("inverted_cdf", "closest_observation")
_INDEX: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "inverted_cdf": lambda n, q: _nearest_rank((n * q) - 1, lambda part, _: part == 0),
    "averaged_inverted_cdf": lambda n, q: (n * q) - 1,
    "closest_observation": lambda n, q: _nearest_rank(
        (n * q) - 1 - 0.5, lambda part, index: (part == 0) & (np.floor(index) % 2 == 1)
    ),
    "interpolated_inverted_cdf": _virtual(0, 1),
    "hazen": _virtual(0.5, 0.5),
    "weibull": _virtual(0, 0),
    "linear": lambda n, q: (n - 1) * q,
    "median_unbiased": _virtual(1 / 3.0, 1 / 3.0),
    "normal_unbiased": _virtual(3 / 8.0, 3 / 8.0),
}
