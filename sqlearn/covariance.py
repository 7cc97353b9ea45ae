"""Covariance matrices that forget, and how far records lie from the mean by them."""

import warnings
from typing import Any

import numpy as np
from scipy import linalg
from sklearn import covariance as peers

from sqlearn.engine.model import UnweightedEstimator
from sqlearn.engine.readout import as_float, grams_of, spreads_of
from sqlearn.engine.sums import Gram, Spread
from sqlearn.errors import ShapeError, UndefinedAttributeError

__all__ = ["OAS", "EmpiricalCovariance", "LedoitWolf", "ShrunkCovariance"]


class _Covariance(UnweightedEstimator):
    """What all of them have in common: a matrix read from exact sums, and its answers."""

    _statistic: type[Gram | Spread] = Gram

    def mahalanobis(self, X: Any) -> np.ndarray:
        """Return the squared Mahalanobis distance of each record from the mean: large for outliers.

        Parameters
        ----------
        X : array-like or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        float64 ndarray of shape (n_records,)
            Squared distances.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.

        Examples
        --------
        >>> from sqlearn.covariance import EmpiricalCovariance
        >>> model = EmpiricalCovariance().fit([[-1.0], [1.0], [50.0]]).forget([50.0])
        >>> model.mahalanobis([[0.0], [3.0]])
        array([0., 9.])
        """
        return self._answer("mahalanobis", X)

    def score(self, X_test: Any, y: Any = None) -> float:
        """Return the mean log-likelihood of records under a normal distribution of this mean and covariance.

        Parameters
        ----------
        X_test : array-like or frame of shape (n_records, n_features)
            Records.
        y : object, default=None
            Ignored.

        Returns
        -------
        float
            The mean log-likelihood.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        self._understood(X_test, None)
        return float(self._answer("score", X_test, y))

    def error_norm(
        self, comp_cov: np.ndarray, norm: str = "frobenius", scaling: bool = True, squared: bool = True
    ) -> float:
        """Return the distance to another covariance matrix.

        Parameters
        ----------
        comp_cov : array-like of shape (n_features, n_features)
            The matrix to compare with.
        norm : {"frobenius", "spectral"}, default="frobenius"
            Which norm of the difference.
        scaling : bool, default=True
            Whether to divide the squared norm by the number of features.
        squared : bool, default=True
            Whether to return the square of the norm.

        Returns
        -------
        float
            The norm.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        NotImplementedError
            If the norm is another one, as in scikit-learn.
        SqlearnError
            A subclass that describes the problem.
        """
        d = self._fitted_state().n_features_in_
        matrix = np.asarray(comp_cov)
        if matrix.shape != (d, d) or matrix.dtype.kind not in "biuf":
            raise ShapeError(
                f"comp_cov is an array of numbers of shape ({d}, {d}), not of shape {matrix.shape} and dtype "
                f"{matrix.dtype}. Nothing was computed: pass a covariance matrix of the same features.",
                reason="columns",
            )
        return float(self._answer("error_norm", matrix, norm=norm, scaling=scaling, squared=squared))

    def get_precision(self) -> np.ndarray:
        """Return the inverse of the covariance matrix, computed anew with ``store_precision=False``.

        Returns
        -------
        float64 ndarray of shape (n_features, n_features)
            The inverse; the pseudo-inverse if the matrix is singular.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        """
        precision: np.ndarray = self._answer("get_precision")
        return precision

    def _check_fit(self, batch):
        if len(batch) == 1:
            warnings.warn(
                "Only one sample available. You may want to reshape your data array: of one record all covariances "
                "are 0, unless it is assumed to be centred.",
                UserWarning,
                stacklevel=2,
            )

    def _read_out(self, state):
        matrix, found = self._matrix(state)
        (gram,) = grams_of(state.statistic)
        found["location_"] = np.zeros(gram.n_features) if state.params["assume_centered"] else gram.mean()
        found["covariance_"] = as_float(matrix, 0, "A covariance")
        found["precision_"] = _inverse(matrix) if state.params["store_precision"] else None
        return found

    def _empirical(self, state) -> np.ndarray:
        """The covariance matrix of the records held, as they are or about their mean."""
        (gram,) = grams_of(state.statistic)
        return gram.mean_products() if state.params["assume_centered"] else gram.covariance()

    def _matrix(self, state) -> tuple[np.ndarray, dict[str, Any]]:
        """The covariance matrix, float64[d, d], and other attributes."""
        raise NotImplementedError


def _inverse(matrix: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        precision: np.ndarray = linalg.pinvh(matrix, check_finite=False)
    if not np.isfinite(precision).all():
        raise UndefinedAttributeError(
            "The inverse of the covariance matrix lies beyond float64's range, which ends at 1.8e308. The model is "
            "intact: scale the features up and fit again, or read the matrix alone with store_precision=False.",
            reason="out of range",
        )
    return precision


def _shrunk(covariance: np.ndarray, share: float) -> np.ndarray:
    """``(1 - share) * covariance``, and the share of the mean variance on the diagonal."""
    shrunk = (1.0 - share) * covariance
    shrunk.flat[:: len(shrunk) + 1] += share * _mean_variance(covariance)
    return shrunk


def _mean_variance(covariance: np.ndarray) -> float:
    return float((covariance.diagonal() / len(covariance)).sum())


class EmpiricalCovariance(_Covariance, peers.EmpiricalCovariance):
    """Mean and covariance matrix of the records held, by maximum likelihood (divided by n).

    Parameters
    ----------
    store_precision : bool, default=True
        Whether `precision_` is computed when attributes are read; otherwise `get_precision` computes it.
    assume_centered : bool, default=False
        Whether the mean is taken to be 0.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    location_ : float64[d]
        Means; zeros for ``assume_centered=True``.
    covariance_ : float64[d, d]
        The covariance matrix.
    precision_ : float64[d, d] or None
        Its inverse, or its pseudo-inverse if it is singular; None for ``store_precision=False``.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    The Gram matrix is exact, and centred before it is rounded: covariances are correct to an ulp or so, also where
    means are large against deviations. The inverse is computed by LAPACK, as in scikit-learn.

    Examples
    --------
    >>> from sqlearn.covariance import EmpiricalCovariance
    >>> model = EmpiricalCovariance().fit([[0.0, 1.0], [2.0, 1.0], [2.0, 3.0], [1e9, -1e9]])
    >>> model.forget([1e9, -1e9]).covariance_
    array([[0.88888889, 0.44444444],
           [0.44444444, 0.88888889]])
    """

    _sklearn_class = peers.EmpiricalCovariance

    def __init__(
        self,
        *,
        store_precision: bool = True,
        assume_centered: bool = False,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.store_precision = store_precision
        self.assume_centered = assume_centered
        self.ledger = ledger
        self.key = key

    def _matrix(self, state):
        return self._empirical(state), {}


class ShrunkCovariance(_Covariance, peers.ShrunkCovariance):
    """Covariance matrix of the records held, shrunk towards a multiple of the identity by a given share.

    Parameters
    ----------
    store_precision : bool, default=True
        Whether `precision_` is computed when attributes are read; otherwise `get_precision` computes it.
    assume_centered : bool, default=False
        Whether the mean is taken to be 0.
    shrinkage : float, default=0.1
        The share, from 0 to 1.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    location_ : float64[d]
        Means; zeros for ``assume_centered=True``.
    covariance_ : float64[d, d]
        The shrunk matrix: ``(1 - shrinkage) * cov``, and on the diagonal `shrinkage` times the mean variance.
    precision_ : float64[d, d] or None
        Its inverse, or its pseudo-inverse if it is singular; None for ``store_precision=False``.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    As for :class:`EmpiricalCovariance`.

    Examples
    --------
    >>> from sqlearn.covariance import ShrunkCovariance
    >>> model = ShrunkCovariance(shrinkage=0.5).fit([[0.0, 1.0], [2.0, 1.0], [2.0, 3.0], [1e9, -1e9]])
    >>> model.forget([1e9, -1e9]).covariance_
    array([[0.88888889, 0.22222222],
           [0.22222222, 0.88888889]])
    """

    _sklearn_class = peers.ShrunkCovariance

    def __init__(
        self,
        *,
        store_precision: bool = True,
        assume_centered: bool = False,
        shrinkage: float = 0.1,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.store_precision = store_precision
        self.assume_centered = assume_centered
        self.shrinkage = shrinkage
        self.ledger = ledger
        self.key = key

    def _matrix(self, state):
        return _shrunk(self._empirical(state), float(state.params["shrinkage"])), {}


class OAS(_Covariance, peers.OAS):
    """Covariance matrix of the records held, shrunk by the oracle approximating share.

    Parameters
    ----------
    store_precision : bool, default=True
        Whether `precision_` is computed when attributes are read; otherwise `get_precision` computes it.
    assume_centered : bool, default=False
        Whether the mean is taken to be 0.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    location_ : float64[d]
        Means; zeros for ``assume_centered=True``.
    covariance_ : float64[d, d]
        The shrunk matrix.
    precision_ : float64[d, d] or None
        Its inverse, or its pseudo-inverse if it is singular; None for ``store_precision=False``.
    shrinkage_ : float
        The share of the mean variance in it.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    As for :class:`EmpiricalCovariance`. The share is a function of the covariance matrix and the number of records.

    References
    ----------
    Chen, Wiesel, Eldar, Hero (2010), "Shrinkage algorithms for MMSE covariance estimation", IEEE Trans. Signal Process.
    58, doi:10.1109/TSP.2010.2053029.

    Examples
    --------
    >>> import numpy as np
    >>> from sqlearn.covariance import OAS
    >>> X = np.random.default_rng(0).normal(size=(50, 2)) @ [[1.0, 0.5], [0.0, 1.0]]
    >>> model = OAS().fit(X).partial_fit([1e9, 0.0]).forget([1e9, 0.0])
    >>> print(round(model.shrinkage_, 4))
    0.1968
    """

    _sklearn_class = peers.OAS

    def __init__(
        self,
        *,
        store_precision: bool = True,
        assume_centered: bool = False,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.store_precision = store_precision
        self.assume_centered = assume_centered
        self.ledger = ledger
        self.key = key

    def _matrix(self, state):
        covariance, d = self._empirical(state), state.n_features_in_
        share = 0.0
        if d > 1:
            _, exponent = np.frexp(np.abs(covariance).max())
            scaled = np.ldexp(covariance, -exponent)  # whose squares float64 holds; the share is the same
            square, mean = float((scaled**2).mean()), _mean_variance(scaled) ** 2
            distance = (int(state.statistic.record_counts.sum()) + 1) * (square - mean / d)
            share = min((square + mean) / distance, 1.0) if distance > 0.0 else 1.0
        return _shrunk(covariance, share), {"shrinkage_": float(share)}


class LedoitWolf(_Covariance, peers.LedoitWolf):
    """Covariance matrix of the records held, shrunk by the share of Ledoit and Wolf.

    Parameters
    ----------
    store_precision : bool, default=True
        Whether `precision_` is computed when attributes are read; otherwise `get_precision` computes it.
    assume_centered : bool, default=False
        Whether the mean is taken to be 0.
    block_size : int, default=1000
        Without effect: the share is computed from sums, without the records.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    location_ : float64[d]
        Means; zeros for ``assume_centered=True``.
    covariance_ : float64[d, d]
        The shrunk matrix.
    precision_ : float64[d, d] or None
        Its inverse, or its pseudo-inverse if it is singular; None for ``store_precision=False``.
    shrinkage_ : float
        The share of the mean variance in it.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    As for :class:`EmpiricalCovariance`. The share depends on how much products of features vary from record to record:
    on moments of fourth order. The model holds sums of ``x_i**2 x_j`` and ``x_i**2 x_j**2``, exact to the last of 212
    bits, and centres them before rounding, so it keeps about four times as much as the others do.

    References
    ----------
    Ledoit, Wolf (2004), "A well-conditioned estimator for large-dimensional covariance matrices", J. Multivar. Anal.
    88, doi:10.1016/S0047-259X(03)00096-4.

    Examples
    --------
    >>> import numpy as np
    >>> from sqlearn.covariance import LedoitWolf
    >>> X = np.random.default_rng(0).normal(size=(50, 2)) @ [[1.0, 0.5], [0.0, 1.0]]
    >>> model = LedoitWolf().fit(X).partial_fit([1e9, 0.0]).forget([1e9, 0.0])
    >>> print(round(model.shrinkage_, 4))
    0.1525
    >>> model.mahalanobis([[0.0, 0.0], [4.0, -4.0]]).round(1)
    array([ 0. , 57.6])
    """

    _sklearn_class = peers.LedoitWolf
    _statistic = Spread

    def __init__(
        self,
        *,
        store_precision: bool = True,
        assume_centered: bool = False,
        block_size: int = 1000,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.store_precision = store_precision
        self.assume_centered = assume_centered
        self.block_size = block_size
        self.ledger = ledger
        self.key = key

    def _matrix(self, state):
        (spread,) = spreads_of(state.statistic)
        covariance = self._empirical(state)
        share, _ = spread.shrinkage(covariance.diagonal(), state.params["assume_centered"])
        return _shrunk(covariance, share), {"shrinkage_": float(share)}
