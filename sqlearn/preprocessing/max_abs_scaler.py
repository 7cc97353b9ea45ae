"""Scaling by the greatest absolute value of each feature."""

import numpy as np
from sklearn import preprocessing as peers

from sqlearn.engine.model import UnweightedEstimator
from sqlearn.engine.ordered import Ordered, OrderView
from sqlearn.preprocessing.inverting import Inverts
from sqlearn.preprocessing.ranges import divisors


class MaxAbsScaler(Inverts, UnweightedEstimator, peers.MaxAbsScaler):
    """Scale each feature by its greatest absolute value; zeros stay zeros.

    Parameters
    ----------
    copy : bool, default=True
        Whether ``transform`` leaves its input alone.
    clip : bool, default=False
        Whether ``transform`` moves what is beyond -1 and 1 to these.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    max_abs_ : float64[d]
        The greatest absolute value of each feature; NaN for a feature that only has NaN.
    scale_ : float64[d]
        The same, and 1 for a feature that is 0 but for rounding.
    n_samples_seen_ : int
        Number of rows held.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    The state is an ordered multiset of each feature's values, so that the next value takes the place of one that is
    forgotten (docs/order_statistics.md). Zeros take up no room in it, and sparse rows are taken. NaN counts as missing.
    `y` is ignored.

    Examples
    --------
    >>> from sqlearn.preprocessing import MaxAbsScaler
    >>> scaler = MaxAbsScaler().fit([[-4.0], [2.0], [1e12]]).forget([1e12])
    >>> scaler.max_abs_
    array([4.])
    """

    _sklearn_class = peers.MaxAbsScaler
    _statistic = Ordered

    def __init__(
        self, *, copy: bool = True, clip: bool = False, ledger: bool = True, key: str | bytes | None = None
    ) -> None:
        self.copy = copy
        self.clip = clip
        self.ledger = ledger
        self.key = key

    def _read_out(self, state):
        greatest = np.abs(OrderView(state.statistic).extremes()).max(axis=0)
        return {"max_abs_": greatest, "scale_": divisors(greatest), "n_samples_seen_": state.n_records}
