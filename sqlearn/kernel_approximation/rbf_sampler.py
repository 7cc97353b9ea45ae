"""Random Fourier features of a row alone."""

from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from sklearn import kernel_approximation as peers
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from sqlearn.engine.maps import draw_fourier, map_fourier, scale_of
from sqlearn.engine.sklearn_private import validate_params
from sqlearn.errors import InvalidValueError, ParameterError

_AT_ONCE = 4096  # rows of a sparse matrix that are written out


class RBFSampler(peers.RBFSampler):
    """Random Fourier features of the kernel ``exp(-gamma * |x - y|**2)``: a map of one row alone.

    Nothing is learned from rows, so there is nothing to forget: the features are drawn from `random_state`, and `fit`
    looks only at the number of columns.

    Parameters
    ----------
    gamma : float, default=1.0
        Scale of the kernel. "scale" is refused: the map would depend on the rows that it was fitted to.
    n_components : int, default=100
        Number of features.
    random_state : int or None, default=None
        Seed of the draws; None is a constant.

    Attributes
    ----------
    random_weights_ : float64[d, n_components]
        Directions, normal with the variance ``2 * gamma``.
    random_offset_ : float64[n_components]
        Phases, uniform in (0, 2 pi).
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    The features are ``sqrt(2 / n_components) * cos(x @ random_weights_ + random_offset_)``, as in scikit-learn, but
    drawn by hashes, and computed by this project's own product and cosine: a row has the same features, to the bit,
    alone, in every batch, dense or sparse, and on every machine. The draws are not those of scikit-learn.

    References
    ----------
    Rahimi, Recht (2007), "Random Features for Large-Scale Kernel Machines", NIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from sqlearn.kernel_approximation import RBFSampler
    >>> X = np.array([[0.0, 1.0], [0.5, 1.0]])
    >>> Z = RBFSampler(gamma=0.5, n_components=5000).fit_transform(X)
    >>> Z[0] @ Z[1], np.exp(-0.5 * 0.25)                     # the kernel, nearly
    (np.float64(0.88...), np.float64(0.882...))
    """

    def __init__(self, *, gamma: float | str = 1.0, n_components: int = 100, random_state: int | None = None) -> None:
        self.gamma = gamma
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Draw the features for rows of so many columns.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_rows, n_features)
            Rows.
        y : object, default=None
            Ignored.

        Returns
        -------
        Self
            The transformer itself.

        Raises
        ------
        ValueError
            If a parameter or the rows are not what they should be.
        """
        validate_params(self)
        if isinstance(self.gamma, str):
            raise ParameterError(
                "gamma='scale' of RBFSampler is computed from the variance of the rows, so the map would depend on "
                "them, and could not forget them. Nothing was changed: set a number, such as 1 / (n_features * "
                "X.var()).",
                value=self.gamma,
            )
        if isinstance(self.random_state, np.random.RandomState):
            raise ParameterError(
                "RBFSampler draws random numbers, and a RandomState changes with every use. Nothing was changed: pass "
                "an int as random_state (None is a constant here).",
                value=self.random_state,
            )
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64)
        drawn = draw_fourier(X.shape[1], self.n_components, float(self.gamma), self.random_state or 0)
        self.random_weights_, self.random_offset_ = drawn
        self._n_features_out = self.n_components
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Map rows to their features.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_rows, n_features)
            Rows.

        Returns
        -------
        float64 ndarray of shape (n_rows, n_components)
            The features; those of a row depend on it alone.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        InvalidValueError
            If a product of a row with the weights leaves float64's range.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        blocks = [X]
        if sp.issparse(X):
            blocks = [X[start : start + _AT_ONCE].toarray() for start in range(0, X.shape[0], _AT_ONCE)]
        scale = scale_of(len(self.random_offset_))
        found = np.concatenate([map_fourier(x, self.random_weights_, self.random_offset_, scale) for x in blocks])
        beyond = np.flatnonzero(np.isnan(found).any(axis=1))
        if len(beyond):
            raise InvalidValueError(
                f"The product of row {beyond[0]} (counted from 0) with the weights of RBFSampler leaves float64's "
                "range. Nothing was computed: scale the features down, or leave the row out.",
                row=beyond[0],
                reason="out of range",
            )
        return found

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64"]
        return tags
