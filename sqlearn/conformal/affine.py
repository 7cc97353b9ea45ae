"""Full conformal regions of linear least squares, exactly: the ridge confidence machine.

To a linear model that has learned the records and a candidate (x, y), each residual is affine in y, since the
coefficients are: ``a[i] + b[i] y``. So the targets to which record i is at least as strange as the candidate,
``|a[i] + b[i] y| >= |a + b y|``, are an interval or two rays, and those with enough such records follow from the ends
in their order.

I. Nouretdinov, T. Melluish and V. Vovk, "Ridge regression confidence machine", ICML 2001. E. Burnaev and V. Vovk,
"Efficiency of conformalized ridge regression", COLT 2014.
"""

import numpy as np

_UNIT = 2.0**-53


def ends(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends of the closed intervals of u in which ``|a[i] + b[i] u| >= |u|``, for all i.

    Parameters
    ----------
    a, b : float64[n]
        Of the records. Where one is not a number, the interval is the whole line.

    Returns
    -------
    starts, ends : float64[m]
        In no order; some i have two intervals, all have one that holds 0.
    """
    with np.errstate(all="ignore"):
        b, a = np.where(a < 0.0, -b, b), np.abs(a)
        near, far = (-a / (1.0 + b), a / (1.0 - b)), a / (np.abs(b) - 1.0)
    whole = np.isnan(a) | np.isnan(b) | ((np.abs(b) >= 1.0) & (a == 0.0))
    starts = np.where(whole | (b <= -1.0), -np.inf, near[0])
    stops = np.where(whole | (b >= 1.0), np.inf, near[1])
    two = (np.abs(b) > 1.0) & ~whole  # the targets in between are those at which the candidate is stranger
    left, right = np.where(b > 0.0, -np.inf, far)[two], np.where(b > 0.0, -far, np.inf)[two]
    return np.concatenate([starts, left]), np.concatenate([stops, right])


def where_enough(starts: np.ndarray, stops: np.ndarray, enough: list[int]) -> list[np.ndarray]:
    """The closed intervals, float64[m, 2], in which at least so many of the given ones overlap, for each number."""
    values, steps = np.concatenate([starts, stops]), np.repeat([1, -1], len(starts))
    order = np.argsort(values, kind="stable")  # at one value, intervals start before others end: they are closed
    values, steps = values[order], steps[order]
    overlap, found = np.cumsum(steps), []
    for number in enough:
        first = values[(overlap == number) & (steps == 1)]
        last = values[(overlap == number - 1) & (steps == -1)]
        found.append(np.column_stack([first, last]) if number > 0 else np.array([[-np.inf, np.inf]]))
    return found


def regions(a: np.ndarray, b: np.ndarray, own: tuple[float, float], enough: list[int]) -> list[np.ndarray]:
    """The targets of a candidate to which enough records are at least as strange, as intervals, float64[m, 2].

    Parameters
    ----------
    a, b : float64[n]
        Residuals ``a[i] + b[i] y`` of the records.
    own : tuple of float
        The same of the candidate; its slope is one less its leverage.
    enough : list of int
        How many records are enough, without the candidate; there is a region for each.
    """
    start, slope = own
    if not slope > 64 * len(a) * _UNIT or not np.isfinite(start / slope):  # it fits any target: none is strange
        return [np.array([[-np.inf, np.inf]]) for _ in enough]
    with np.errstate(all="ignore"):
        found = ends(a - b * (start / slope), b / slope)
        return [(region - start) / slope for region in where_enough(*found, enough)]
