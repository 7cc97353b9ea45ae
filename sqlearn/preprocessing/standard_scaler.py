"""Standardization, from exact moments."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn import preprocessing as peers

from sqlearn.engine.model import Transforms, WeightedEstimator, observed
from sqlearn.engine.readout import is_constant, moments_of
from sqlearn.engine.sums import Mixed
from sqlearn.errors import UnsupportedError


class StandardScaler(Transforms, WeightedEstimator, peers.StandardScaler):
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

    _sklearn_class = peers.StandardScaler
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

        Raises
        ------
        SqlearnError
            A subclass that describes the problem. The scaler is unchanged.

        Examples
        --------
        >>> from sqlearn.preprocessing import StandardScaler
        >>> StandardScaler().fit([[0.0], [2.0]]).partial_fit([4.0]).mean_
        array([2.])
        """
        if "_skl_callbacks" not in vars(self):
            return self._update(X, y, sample_weight, 1.0)
        with observed(self, X, y, sample_weight):
            return self._update(X, y, sample_weight, 1.0)

    def transform(self, X: Any, copy: bool | None = None) -> Any:
        """Standardize records.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.
        copy : bool, default=None
            Whether to leave `X` alone; by default as the parameter of the same name says.

        Returns
        -------
        array, sparse matrix or frame of shape (n_records, n_features)
            The standardized records; a frame if ``set_output`` asks for one.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("transform", X, copy=copy)

    def inverse_transform(self, X: Any, copy: bool | None = None) -> Any:
        """Undo the standardization.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_records, n_features)
            Standardized records.
        copy : bool, default=None
            Whether to leave `X` alone; by default as the parameter of the same name says.

        Returns
        -------
        array or sparse matrix of shape (n_records, n_features)
            The records as they were.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("inverse_transform", X, copy=copy)

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
