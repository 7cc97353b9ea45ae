"""Scaling by quantiles, which outliers do not move."""

from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.stats import norm
from sklearn import preprocessing as peers

from sqlearn.engine.model import UnweightedEstimator
from sqlearn.engine.ordered import Ordered, OrderView
from sqlearn.engine.readout import as_float
from sqlearn.errors import ParameterError, UnsupportedError, shown
from sqlearn.preprocessing.inverting import Inverts
from sqlearn.preprocessing.ranges import divisors


class RobustScaler(Inverts, UnweightedEstimator, peers.RobustScaler):
    """Remove the median, and scale by the range between two quantiles.

    Parameters
    ----------
    with_centering : bool, default=True
        Whether to remove the median. False is needed for sparse input, which would not stay sparse.
    with_scaling : bool, default=True
        Whether to scale.
    quantile_range : tuple (q_min, q_max), default=(25.0, 75.0)
        The quantiles, from 0 to 100.
    copy : bool, default=True
        Whether ``transform`` leaves its input alone.
    unit_variance : bool, default=False
        Whether to scale so that normally distributed features have a variance of 1.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    center_ : float64[d] or None
        Medians; NaN for a feature that only has NaN. None for ``with_centering=False``.
    scale_ : float64[d] or None
        Ranges between the quantiles, 1 for features where they are equal but for rounding; None for
        ``with_scaling=False``.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    The state is an ordered multiset of each feature's values, which a value enters and leaves in some hundred
    nanoseconds (docs/order_statistics.md). Medians and quantiles are those of ``numpy.nanmedian`` and
    ``numpy.nanpercentile``, bit for bit. NaN counts as missing. `y` is ignored.

    Examples
    --------
    >>> from sqlearn.preprocessing import RobustScaler
    >>> scaler = RobustScaler().fit([[0.0], [1.0], [2.0], [1e12]]).forget([1e12])
    >>> scaler.center_, scaler.scale_
    (array([1.]), array([1.]))
    """

    _sklearn_class = peers.RobustScaler
    _statistic = Ordered

    def __init__(
        self,
        *,
        with_centering: bool = True,
        with_scaling: bool = True,
        quantile_range: tuple[float, float] = (25.0, 75.0),
        copy: bool = True,
        unit_variance: bool = False,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.with_centering = with_centering
        self.with_scaling = with_scaling
        self.quantile_range = quantile_range
        self.copy = copy
        self.unit_variance = unit_variance
        self.ledger = ledger
        self.key = key

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        given = params["quantile_range"]
        if len(given) != 2 or not all(isinstance(level, Real) for level in given):
            raise ParameterError(
                f"quantile_range is a pair of numbers, not {shown(given)}. Nothing was changed: set one such as "
                "(25.0, 75.0).",
                value=given,
            )
        if not 0 <= given[0] <= given[1] <= 100:
            raise ParameterError(
                f"Invalid quantile range: {given}. Nothing was changed: set two numbers from 0 to 100, in this order.",
                value=given,
            )

    def _features(self, spec, X, layout):
        if sp.issparse(X) and self.with_centering:
            raise UnsupportedError(
                "Cannot center sparse matrices: use `with_centering=False` instead, or pass the rows as a dense array. "
                "Nothing was changed.",
                reason="sparse",
            )
        return super()._features(spec, X, layout)

    def _read_out(self, state):
        view = OrderView(state.statistic)
        found: dict[str, Any] = {"center_": None, "scale_": None}
        if state.params["with_centering"]:
            found["center_"] = view.medians()
        if state.params["with_scaling"]:
            levels = np.true_divide(state.params["quantile_range"], 100)
            low, high = view.quantiles(levels)
            with np.errstate(over="ignore"):
                ranges = high - low
            as_float(ranges[~np.isnan(ranges)], 0, "The range between two quantiles")
            scale = divisors(ranges)
            if state.params["unit_variance"]:
                scale = scale / (norm.ppf(levels[1]) - norm.ppf(levels[0]))
            found["scale_"] = scale
        return found
