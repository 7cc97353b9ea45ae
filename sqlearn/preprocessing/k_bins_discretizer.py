"""Bins of features, whose edges follow the records."""

import warnings
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn import preprocessing as peers

from sqlearn.engine.model import UnweightedEstimator
from sqlearn.engine.ordered import Ordered, OrderView
from sqlearn.engine.readout import as_float
from sqlearn.errors import ParameterError, UndefinedAttributeError, shown
from sqlearn.preprocessing.inverting import Inverts
from sqlearn.preprocessing.quantile_transformer import refuse_subsample

_NARROWEST = 1e-8  # of a bin between quantiles


class KBinsDiscretizer(Inverts, UnweightedEstimator, peers.KBinsDiscretizer):
    """Bin each feature into intervals.

    Parameters
    ----------
    n_bins : int or array-like of shape (n_features,), default=5
        Number of bins, at least 2; of all features, or of each.
    encode : {"onehot", "onehot-dense", "ordinal"}, default="onehot"
        What ``transform`` returns: a column per bin, sparse or dense, or the number of the bin.
    strategy : {"uniform", "quantile"}, default="quantile"
        Whether bins of a feature have equal widths or hold equal numbers of rows. "kmeans" is refused: its centres
        come from rounds over all rows.
    quantile_method : str, default="averaged_inverted_cdf"
        Which quantiles; one of the methods of ``numpy.percentile`` that Hyndman and Fan (1996) list.
    dtype : {numpy.float32, numpy.float64}, default=None
        Type of what ``transform`` returns; by default that of its input.
    subsample : None
        A number is refused: a sample of the rows would have to follow them, and all rows cost no more here.
    random_state : int, RandomState or None, default=None
        Without effect, as nothing is sampled.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    bin_edges_ : object[d] of float64[n_bins_[j] + 1]
        Edges of each feature's bins; -inf and inf for a feature that is constant.
    n_bins_ : int64[d]
        Number of bins: 1 for a feature that is constant, fewer than asked for where quantiles are equal.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    The state is an ordered multiset of each feature's values (docs/order_statistics.md), and the edges have the bits
    that scikit-learn's have with ``subsample=None``. Rows have no weights. ``fit`` warns of features that are constant
    and of bins that are left out; after an update neither is a reason to warn. `y` is ignored.

    Examples
    --------
    >>> from sqlearn.preprocessing import KBinsDiscretizer
    >>> bins = KBinsDiscretizer(2, encode="ordinal").fit([[0.0], [1.0], [2.0], [3.0], [1e12]]).forget([1e12])
    >>> bins.bin_edges_[0]
    array([0. , 1.5, 3. ])
    >>> bins.transform([[1.7]])
    array([[1.]])
    """

    _sklearn_class = peers.KBinsDiscretizer
    _statistic = Ordered

    def __init__(
        self,
        n_bins: int | ArrayLike = 5,
        *,
        encode: str = "onehot",
        strategy: str = "quantile",
        quantile_method: str = "averaged_inverted_cdf",
        dtype: type | None = None,
        subsample: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.n_bins = n_bins
        self.encode = encode
        self.strategy = strategy
        self.quantile_method = quantile_method
        self.dtype = dtype
        self.subsample = subsample
        self.random_state = random_state
        self.ledger = ledger
        self.key = key

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        if params["strategy"] == "kmeans":
            raise ParameterError(
                "strategy='kmeans' takes centres from rounds over all rows, which order statistics do not tell. "
                "Nothing was changed: use 'quantile' or 'uniform', or a KMeans of sqlearn for each feature.",
                value="kmeans",
            )
        refuse_subsample(params["subsample"])

    def _new_statistic(self, params, n_features, n_targets):
        return Ordered(n_features, n_targets, takes_missing=False)

    def _check_batch(self, batch):
        _numbers_of_bins(self.n_bins, batch.x.shape[1])

    def _check_learned(self, state):
        try:
            _, _, notes = self._bins(state)
        except UndefinedAttributeError:  # which reading the edges raises; the records are held, as by other scalers
            return
        for note in notes:
            warnings.warn(note, stacklevel=2)

    def _bins(self, state) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Edges and numbers of bins of each feature, and what is to be said about them."""
        view, strategy, notes = OrderView(state.statistic), state.params["strategy"], []
        n_bins = _numbers_of_bins(state.params["n_bins"], state.n_features_in_)
        least, greatest = view.extremes()
        with np.errstate(over="ignore"):
            as_float(greatest - least, 0, "The range of a feature")
        edges = np.zeros(len(n_bins), object)
        of_number = {}
        if strategy == "quantile":
            for number in {*n_bins.tolist()}:
                levels = np.true_divide(np.linspace(0, 100, number + 1), 100)
                of_number[number] = view.quantiles(levels, state.params["quantile_method"])
        for j, number in enumerate(n_bins.tolist()):
            if least[j] == greatest[j]:
                notes.append(f"Feature {j} is constant and will be replaced with 0.")
                edges[j], n_bins[j] = np.array([-np.inf, np.inf]), 1
            elif strategy == "uniform":
                edges[j] = np.linspace(least[j], greatest[j], number + 1)
            else:
                found = of_number[number][:, j]
                edges[j] = found[np.ediff1d(found, to_begin=np.inf) > _NARROWEST]
                n_bins[j] = len(edges[j]) - 1
                if n_bins[j] != number:
                    notes.append(
                        f"Bins whose width are too small (i.e., <= 1e-8) in feature {j} are removed. Consider "
                        "decreasing the number of bins."
                    )
        return edges, n_bins, notes

    def _read_out(self, state):
        edges, n_bins, _ = self._bins(state)
        found: dict[str, Any] = {"bin_edges_": edges, "n_bins_": n_bins}
        if state.params["encode"] != "ordinal":
            found["_encoder"] = peers.OneHotEncoder(
                categories=[np.arange(number) for number in n_bins],
                sparse_output=state.params["encode"] == "onehot",
                dtype=state.params["dtype"] or np.float64,
            ).fit(np.zeros((1, len(n_bins))))
        return found


def _numbers_of_bins(n_bins: Any, n_features: int) -> np.ndarray:
    """How many bins each feature shall have, int64[d]."""
    if isinstance(n_bins, Integral):
        return np.full(n_features, n_bins, np.int64)
    numbers: np.ndarray = np.asarray(n_bins)
    if numbers.shape != (n_features,):
        raise ParameterError(
            f"n_bins must be a scalar or array of shape (n_features,), here ({n_features},), and not "
            f"{shown(n_bins)}. Nothing was changed: set one number, or one for each feature.",
            value=n_bins,
        )
    bad = np.flatnonzero((numbers < 2) | (numbers != np.floor(numbers)))
    if len(bad):
        places = ", ".join(map(str, bad))
        raise ParameterError(
            f"KBinsDiscretizer received an invalid number of bins at indices {places}. Number of bins must be at least "
            "2, and must be an int. Nothing was changed: set others.",
            value=n_bins,
        )
    return numbers.astype(np.int64)
