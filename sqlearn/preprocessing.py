"""Transformers that forget."""

from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn import preprocessing as peers

from sqlearn.engine.model import Weighted, observed
from sqlearn.engine.readout import is_constant, moments_of
from sqlearn.engine.sums import Mixed
from sqlearn.errors import UnsupportedError

__all__ = ["StandardScaler"]


class StandardScaler(Weighted, peers.StandardScaler):
    """Standardize features by removing the mean and scaling to unit variance.

    Parameters
    ----------
    copy : bool, default=True
        Whether ``transform`` leaves its input alone.
    with_mean : bool, default=True
        Whether to centre. False is needed for sparse input, which would not stay sparse.
    with_std : bool, default=True
        Whether to scale to unit variance.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    scale_ : float64[d] or None
        Standard deviations, 1 for features that are constant (but for rounding); None for ``with_std=False``.
    mean_ : float64[d] or None
        Means; None when neither `with_mean` nor `with_std`.
    var_ : float64[d] or None
        Variances (divided by n); None for ``with_std=False``.
    n_samples_seen_ : float64, scalar or [d]
        The records' weight; per feature when NaN make it differ.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    Sums of weights, values and squares are exact, variances are centred before they are rounded, and NaN is not
    counted: the variance of a constant feature is 0. The scale is 1 where scikit-learn's is, also for a feature whose
    variance is within its bound on rounding errors: such a feature (0.3 and 0.1 + 0.2) is constant but for the noise,
    which a division by its deviation would blow up. `y` is ignored. A feature that only has NaN has a mean, a variance
    and a scale of NaN.

    Examples
    --------
    >>> from sqlearn.preprocessing import StandardScaler
    >>> scaler = StandardScaler().fit([[0.0], [2.0], [1e12]]).forget([1e12])
    >>> scaler.mean_, scaler.scale_
    (array([1.]), array([1.]))
    """

    _peer = peers.StandardScaler
    _statistic = Mixed

    def __init__(
        self,
        *,
        copy: bool = True,
        with_mean: bool = True,
        with_std: bool = True,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.copy = copy
        self.with_mean = with_mean
        self.with_std = with_std
        self.ledger = ledger
        self.key = key

    def partial_fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Learn more records: one row as 1-D, or many.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_features,)
            The records.
        y : object, default=None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the records; 1 by default.

        Returns
        -------
        StandardScaler
            The scaler itself.
        """
        if "_skl_callbacks" not in vars(self):
            return self._update(X, y, sample_weight, 1.0)
        with observed(self, X, y, sample_weight):
            return self._update(X, y, sample_weight, 1.0)

    def _features(self, spec, X, layout):
        if sp.issparse(X) and self.with_mean:
            raise UnsupportedError(
                "Cannot center sparse matrices: pass `with_mean=False` instead, or the rows as a dense array. Nothing "
                "was changed.",
                reason="sparse",
            )
        return super()._features(spec, X, layout)

    def _read_out(self, state):
        moments = moments_of(state.statistic, None)
        with_mean, with_std = state.params["with_mean"], state.params["with_std"]
        seen, mean = moments.weight()[0], moments.mean()[0]
        found = {
            "n_samples_seen_": seen[0] if (seen == seen[0]).all() else seen,
            "mean_": mean if with_mean or with_std else None,
            "var_": None,
            "scale_": None,
        }
        if with_std:
            variance = moments.variance()[0]
            scale = np.where(is_constant(variance, mean, seen), 1.0, np.sqrt(variance))
            found |= {"var_": variance, "scale_": scale}
        return found
