"""Scaling to a range, from the least and the greatest value of each feature."""

import math
from numbers import Real

import numpy as np
from sklearn import preprocessing as peers

from sqlearn.engine.model import UnweightedEstimator
from sqlearn.engine.ordered import Ordered, OrderView
from sqlearn.engine.readout import as_float
from sqlearn.errors import ParameterError, shown
from sqlearn.preprocessing.inverting import Inverts
from sqlearn.preprocessing.ranges import divisors


class MinMaxScaler(Inverts, UnweightedEstimator, peers.MinMaxScaler):
    """Scale each feature to a given range.

    Parameters
    ----------
    feature_range : tuple (min, max), default=(0, 1)
        The range.
    copy : bool, default=True
        Whether ``transform`` leaves its input alone.
    clip : bool, default=False
        Whether ``transform`` moves what is beyond the range to its ends.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    data_min_, data_max_ : float64[d]
        The least and the greatest value of each feature; NaN for a feature that only has NaN.
    data_range_ : float64[d]
        Their difference.
    scale_, min_ : float64[d]
        What ``transform`` multiplies with, and adds then.
    n_samples_seen_ : int
        Number of rows held.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    The state is an ordered multiset of each feature's values, so that the next value takes the place of one that is
    forgotten (docs/order_statistics.md). NaN counts as missing. Attributes have the bits that scikit-learn's have for
    float64 rows. `y` is ignored.

    Examples
    --------
    >>> from sqlearn.preprocessing import MinMaxScaler
    >>> scaler = MinMaxScaler().fit([[0.0], [2.0], [1e12]]).forget([1e12])
    >>> scaler.data_max_
    array([2.])
    >>> scaler.transform([[1.0]])
    array([[0.5]])
    """

    _sklearn_class = peers.MinMaxScaler
    _statistic = Ordered

    def __init__(
        self,
        feature_range: tuple[float, float] = (0, 1),
        *,
        copy: bool = True,
        clip: bool = False,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.feature_range = feature_range
        self.copy = copy
        self.clip = clip
        self.ledger = ledger
        self.key = key

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        given = params["feature_range"]
        if len(given) != 2 or not all(isinstance(end, Real) and math.isfinite(end) for end in given):
            raise ParameterError(
                f"feature_range is a pair of numbers, not {shown(given)}. Nothing was changed: set one such as (0, 1).",
                value=given,
            )
        if given[0] >= given[1]:
            raise ParameterError(
                f"Minimum of desired feature range must be smaller than maximum. Got {given}. Nothing was changed: "
                "swap them, or set others.",
                value=given,
            )

    def _read_out(self, state):
        least, greatest = OrderView(state.statistic).extremes()
        low, high = map(float, state.params["feature_range"])
        with np.errstate(over="ignore"):
            ranges = greatest - least
            scale = (high - low) / divisors(ranges)
            shift = low - least * scale
        known = ~np.isnan(least)
        for values, what in ((ranges, "The range of a feature"), (shift, "What is added to a feature")):
            as_float(values[known], 0, what)
        return {
            "data_min_": least,
            "data_max_": greatest,
            "data_range_": ranges,
            "scale_": scale,
            "min_": shift,
            "n_samples_seen_": state.n_records,
        }
