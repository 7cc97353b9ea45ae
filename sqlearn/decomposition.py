"""Matrix decompositions that forget."""

from contextlib import nullcontext
from typing import Any

import numpy as np
from sklearn import decomposition as peers
from sklearn.utils import Tags
from sklearn.utils.extmath import svd_flip

from sqlearn.engine.arithmetic import one_thread
from sqlearn.engine.model import ScoresRecords, Transforms, UnweightedEstimator
from sqlearn.engine.readout import grams_of
from sqlearn.engine.sklearn_private import infer_dimension
from sqlearn.engine.sums import Gram
from sqlearn.engine.validation import is_of_input
from sqlearn.errors import ParameterError, ShapeError, UndefinedAttributeError

__all__ = ["PCA", "TruncatedSVD"]

_SMALL = 128  # features, up to which more threads of LAPACK take longer than one


class _Decomposition(Transforms, UnweightedEstimator):
    """What PCA and TruncatedSVD have in common."""

    _statistic = Gram

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return the records that given components stand for.

        Parameters
        ----------
        X : array-like of shape (n_records, n_components)
            What ``transform`` returned.

        Returns
        -------
        float64 ndarray of shape (n_records, n_features)
            The records, without what lies outside the components.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("inverse_transform", X)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64"]
        return tags


class PCA(ScoresRecords, _Decomposition, peers.PCA):
    """Principal component analysis.

    Parameters
    ----------
    n_components : int, float or "mle", default=None
        Number of components to keep; the share of variance to explain; Minka's estimate; or all.
    copy : bool, default=True
        Without effect: data are never overwritten.
    whiten : bool, default=False
        Whether ``transform`` scales to unit variance.
    svd_solver : {"auto", "full", "covariance_eigh", "arpack", "randomized"}, default="auto"
        Without effect: components are the eigenvectors of the exactly centred covariance matrix, by LAPACK.
    tol, iterated_power, n_oversamples, power_iteration_normalizer, random_state : float, int or str
        Without effect, as `svd_solver`.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    components_ : float64[n_components_, d]
        Principal axes by falling variance; the largest entry of each, in absolute value, is positive.
    explained_variance_ : float64[n_components_]
        Variances along them (divided by n - 1).
    explained_variance_ratio_ : float64[n_components_]
        Their shares of the total variance.
    singular_values_ : float64[n_components_]
        Singular values of the centred data.
    mean_ : float64[d]
        Means of the features.
    n_components_ : int
        Number of components: with few rows left, no more than them.
    n_samples_ : int
        Number of rows held.
    noise_variance_ : float
        Mean variance along the axes left out.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    The covariance matrix is centred exactly and correct to an ulp or so, also where means are large against deviations.
    Its eigenvalues carry an absolute error of about 1e-16 times the largest, so that components below 1e-8 of the
    leading singular value are noise, as with scikit-learn's "covariance_eigh".

    Examples
    --------
    >>> from sqlearn.decomposition import PCA
    >>> model = PCA(n_components=1).fit([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0], [-1e9, 1.0]])
    >>> model.forget([-1e9, 1.0]).components_
    array([[0.6, 0.8]])
    """

    _sklearn_class = peers.PCA

    def __init__(
        self,
        n_components: int | float | str | None = None,
        *,
        copy: bool = True,
        whiten: bool = False,
        svd_solver: str = "auto",
        tol: float = 0.0,
        iterated_power: int | str = "auto",
        n_oversamples: int = 10,
        power_iteration_normalizer: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.n_components = n_components
        self.copy = copy
        self.whiten = whiten
        self.svd_solver = svd_solver
        self.tol = tol
        self.iterated_power = iterated_power
        self.n_oversamples = n_oversamples
        self.power_iteration_normalizer = power_iteration_normalizer
        self.random_state = random_state
        self.ledger = ledger
        self.key = key

    def get_covariance(self) -> np.ndarray:
        """Return the covariance matrix of the generative model.

        Returns
        -------
        float64 ndarray of shape (n_features, n_features)
            The components' share of the covariance, and `noise_variance_` in all other directions.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("get_covariance")

    def get_precision(self) -> np.ndarray:
        """Return the inverse of the covariance matrix of the generative model.

        Returns
        -------
        float64 ndarray of shape (n_features, n_features)
            The inverse of what ``get_covariance`` returns.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("get_precision")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.array_api_support = False
        tags.input_tags.sparse = True
        return tags

    def _check_fit(self, batch):
        n, d = batch.x.shape
        if self.n_components == "mle":
            if n < d:
                raise ParameterError("n_components='mle' is only supported if n_samples >= n_features. Pass a number.")
        elif self.n_components is not None and self.n_components > min(n, d):
            bound = f"min(n_samples, n_features)={min(n, d)}"
            raise ParameterError(f"n_components={self.n_components} must be between 0 and {bound}. Set another.")

    def _read_out(self, state):
        (gram,) = grams_of(state.statistic)
        n = state.n_records
        most = min(n, state.n_features_in_)
        covariance = gram.covariance(ddof=1)
        with one_thread() if len(covariance) <= _SMALL else nullcontext():
            eigenvalues, eigenvectors = np.linalg.eigh(covariance)
        variances = np.maximum(eigenvalues[::-1], 0.0)
        with np.errstate(invalid="ignore"):  # no variance at all
            ratios = variances / variances.sum()
        _, axes = svd_flip(None, eigenvectors.T[::-1], u_based_decision=False)
        k = min(_number(state.params["n_components"], variances, ratios, n), most)
        return {
            "components_": axes[:k].copy(),
            "explained_variance_": variances[:k].copy(),
            "explained_variance_ratio_": ratios[:k].copy(),
            "singular_values_": np.sqrt(variances[:k] * (n - 1)),
            "mean_": gram.mean(),
            "n_components_": k,
            "n_samples_": n,
            "noise_variance_": variances[k:most].mean() if k < most else 0.0,
            "_fit_svd_solver": "covariance_eigh",
        }


class TruncatedSVD(_Decomposition, peers.TruncatedSVD):
    """Dimensionality reduction by a truncated singular value decomposition, without centring.

    Parameters
    ----------
    n_components : int, default=2
        Number of components, no more than features.
    algorithm : {"arpack", "randomized"}, default="randomized"
        Without effect: components are the eigenvectors of the exact Gram matrix, by LAPACK.
    n_iter, n_oversamples, power_iteration_normalizer, random_state, tol : int, str or float
        Without effect, as `algorithm`.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    components_ : float64[k, d]
        Right singular vectors by falling singular value; the largest entry of each, in absolute value, is positive.
        With few rows left, k is no more than their number.
    explained_variance_, explained_variance_ratio_ : float64[k]
        Variances of the transformed records (divided by n), and their shares of the total variance.
    singular_values_ : float64[k]
        Singular values of the records.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    The Gram matrix is exact and rounded once. Its eigenvalues carry an absolute error of about 1e-16 times the largest,
    so that components below 1e-8 of the leading singular value are noise. The state has a cell for each pair of
    features: for some thousand columns, not for a vocabulary.

    Examples
    --------
    >>> from sqlearn.decomposition import TruncatedSVD
    >>> model = TruncatedSVD(n_components=1).fit([[3.0, 4.0], [6.0, 8.0], [-1e9, 1.0]])
    >>> model.forget([-1e9, 1.0]).components_
    array([[0.6, 0.8]])
    """

    _sklearn_class = peers.TruncatedSVD

    def __init__(
        self,
        n_components: int = 2,
        *,
        algorithm: str = "randomized",
        n_iter: int = 5,
        n_oversamples: int = 10,
        power_iteration_normalizer: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        tol: float = 0.0,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.n_components = n_components
        self.algorithm = algorithm
        self.n_iter = n_iter
        self.n_oversamples = n_oversamples
        self.power_iteration_normalizer = power_iteration_normalizer
        self.random_state = random_state
        self.tol = tol
        self.ledger = ledger
        self.key = key

    def _check_batch(self, batch):
        width = batch.x.shape[1]
        if width < 2:
            raise ShapeError(
                f"Found array with {width} feature(s) while a minimum of 2 is required by TruncatedSVD. Nothing was "
                "changed: pass rows of more columns.",
                reason="columns",
            )
        if self.n_components > width:
            raise ParameterError(
                f"n_components({self.n_components}) must be <= n_features({width}). Nothing was changed: set another.",
                value=self.n_components,
            )

    def _read_out(self, state):
        (gram,) = grams_of(state.statistic)
        n = state.n_records
        k = min(state.params["n_components"], n)
        eigenvalues, eigenvectors = np.linalg.eigh(gram.mean_products())
        _, axes = svd_flip(None, eigenvectors.T[::-1], u_based_decision=False)
        axes, covariance = axes[:k].copy(), gram.covariance(ddof=0)
        variances = np.maximum(((axes @ covariance) * axes).sum(axis=1), 0.0)
        with np.errstate(invalid="ignore"):  # no variance at all
            ratios = variances / covariance.trace()
        return {
            "components_": axes,
            "explained_variance_": variances,
            "explained_variance_ratio_": ratios,
            "singular_values_": np.sqrt(np.maximum(eigenvalues[::-1][:k], 0.0) * n),
        }


def _number(n_components, variances, ratios, n) -> int:
    """How many components are asked for."""
    if n_components is None:
        return len(variances)
    if n_components == "mle":
        try:
            if n >= len(variances):
                return int(infer_dimension(variances, n))
        except ValueError as error:  # two equal variances
            if not is_of_input(error):
                raise
        raise UndefinedAttributeError(
            "n_components='mle' needs as many rows as features and different variances. Learn more rows.",
            reason="too few records",
        )
    if 0 < n_components < 1:
        return int(np.searchsorted(np.cumsum(ratios), n_components, side="right")) + 1
    return int(n_components)
