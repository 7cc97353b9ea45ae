"""Lasso and elastic net that choose their penalty by cross-validation, and forget."""

import warnings
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn import linear_model as peers
from sklearn.exceptions import ConvergenceWarning

from sqlearn.engine.arithmetic import one_thread
from sqlearn.engine.readout import Fold, GramView, LeastSquares, beyond_float64
from sqlearn.engine.solvers import descend
from sqlearn.errors import ParameterError, shown
from sqlearn.linear_model.coordinate_descent import CoordinateDescent, solution
from sqlearn.linear_model.folded import Chooses, checked_alphas, folds_left_out, mean_over_folds

_LEAST_ALPHA = np.finfo(np.float64).resolution  # scikit-learn's, where no feature has to do with the target


class _PathCV(Chooses, CoordinateDescent):
    """What LassoCV and ElasticNetCV have in common."""

    _precompute = bool | str

    def _l1_ratios(self, params) -> np.ndarray:
        return np.ones(1)

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        ratios = self._l1_ratios(params)
        if not isinstance(params["alphas"], Integral):
            checked_alphas(params["alphas"])
        elif (ratios == 0.0).any():
            raise ParameterError(
                "Automatic alpha grid generation is not supported for l1_ratio=0. Please supply a grid by providing "
                "your estimator with the appropriate `alphas=` argument.",
                value=params.get("l1_ratio"),
            )

    def _read_out(self, state):
        params, ratios = state.params, self._l1_ratios(state.params)
        total, folds = folds_left_out(state)
        is_grid = isinstance(params["alphas"], Integral)
        if is_grid:
            alphas = np.array([_grid(total, ratio, params) for ratio in ratios])
        else:
            alphas = np.tile(np.sort(checked_alphas(params["alphas"]))[::-1], (len(ratios), 1))
        with one_thread():  # for the small matrices of a fold, on a busy machine
            errors, failed = self._errors(folds, alphas, ratios, params)
        if failed:
            warnings.warn(
                f"Objective did not converge for {failed} of {errors.size} penalties and folds. You might want to "
                "increase the number of iterations, check the scale of the features or consider increasing "
                "regularisation.",
                ConvergenceWarning,
                stacklevel=2,
            )
        mean = mean_over_folds(np.moveaxis(errors, 2, 0), state.learner)
        i, j = np.unravel_index(mean.argmin(), mean.shape)
        estimator = peers.ElasticNet(
            alpha=alphas[i, j].item(), l1_ratio=ratios[i].item(), random_state=self._seed(params),
            **{name: params[name] for name in ("fit_intercept", "max_iter", "tol", "positive", "selection")},
        )  # fmt: skip
        found = solution(estimator, total, is_scalar=True) | {
            "alpha_": estimator.alpha,
            "alphas_": alphas if is_grid and len(ratios) > 1 else alphas[0],
            "mse_path_": np.squeeze(errors),
        }
        return found | ({"l1_ratio_": estimator.l1_ratio} if "l1_ratio" in params else {})

    def _errors(self, folds, alphas: np.ndarray, ratios: np.ndarray, params: dict) -> tuple[np.ndarray, int]:
        """Errors on each fold, float64[r, a, n_folds], and how many solutions have not converged."""
        errors, failed = np.full((*alphas.shape, len(folds)), np.nan), 0
        for k, fold in enumerate(folds):
            if fold is not None:
                paths, own_failed = self._paths(fold, alphas, ratios, params)
                models = paths.reshape(1, -1, paths.shape[-1]).swapaxes(1, 2)
                with np.errstate(over="ignore", invalid="ignore"):
                    own = fold.errors(models, params["fit_intercept"])
                if not np.isfinite(own).all():
                    raise beyond_float64()
                errors[:, :, k], failed = own.reshape(alphas.shape), failed + own_failed
        return errors, failed

    def _paths(self, fold: Fold, alphas: np.ndarray, ratios: np.ndarray, params: dict) -> tuple[np.ndarray, int]:
        """Coefficients without the fold, float64[r, a, d], and how many of these solutions have not converged."""
        gram, failed = fold.train, 0
        paths = np.empty((*alphas.shape, gram.n_features))
        if self._draws(params):  # in scikit-learn's order of coordinates
            x, y = LeastSquares(gram, params["fit_intercept"]).equivalent_data()
            chosen = {name: params[name] for name in ("max_iter", "tol", "positive", "selection")}
            for path, own, ratio in zip(paths, alphas, ratios, strict=True):
                chosen["random_state"] = self._seed(params)
                path[:] = peers.enet_path(x, y[:, 0], l1_ratio=ratio, alphas=own, precompute=False, **chosen)[1].T
            return paths, 0
        products = _mean_products(gram, params["fit_intercept"])
        d, n_iter = gram.n_features, np.empty(alphas.shape[1], np.int64)
        for path, own, ratio in zip(paths, alphas, ratios, strict=True):
            failed += descend(
                np.ascontiguousarray(products[:d, :d]), products[:d, d].copy(), products[d, d], fold.n_trained, own,
                ratio, params["max_iter"], params["tol"], params["positive"], path, n_iter,
            )  # fmt: skip
        return paths, failed


def _mean_products(gram: GramView, fit_intercept: bool) -> np.ndarray:
    return gram.covariance() if fit_intercept else gram.mean_products()


def _grid(gram: GramView, l1_ratio: float, params: dict) -> np.ndarray:
    """Penalties from the least one under which all coefficients are 0, in equal ratios, as scikit-learn has them."""
    slopes = _mean_products(gram, params["fit_intercept"])[:-1, -1]
    largest = max(0.0, slopes.max()) if params["positive"] else np.abs(slopes).max()
    largest, number = largest / l1_ratio, params["alphas"]
    if largest <= _LEAST_ALPHA:
        return np.full(number, _LEAST_ALPHA)
    return np.geomspace(largest, largest * params["eps"], num=number)


class LassoCV(_PathCV, peers.LassoCV):
    """Linear regression with an L1 penalty that is chosen by cross-validation, and that forgets.

    Parameters
    ----------
    eps : float, default=1e-3
        Smallest penalty of the grid over its largest.
    alphas : int or array-like of shape (n_alphas,), default=100
        Penalties to choose from, or how many of a grid, which ends at the least penalty under which all coefficients
        are 0.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is not penalized.
    precompute : 'auto' or bool, default='auto'
        Has no effect; a Gram matrix is refused.
    max_iter : int, default=1000
        Most passes of coordinate descent for each penalty.
    tol : float, default=1e-4
        Tolerance of coordinate descent, as scikit-learn's.
    copy_X : bool, default=True
        Has no effect: data are never written to.
    cv : int or HashedKFold, default=None
        Number of folds; None is 5. Splitters by position are refused.
    verbose : bool or int, default=False
        Has no effect.
    n_jobs : int, default=None
        Has no effect.
    positive : bool, default=False
        Whether to force coefficients to be at least 0.
    random_state : int, default=None
        Seed of ``selection='random'``; None is 0.
    selection : {'cyclic', 'random'}, default='cyclic'
        Order of the coordinates.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.
        Another key gives other folds.

    Attributes
    ----------
    alpha_ : float
        The penalty chosen: the one of least mean error over the folds.
    alphas_ : float64 array of shape (n_alphas,)
        The penalties compared, in descending order.
    mse_path_ : float64 array of shape (n_alphas, n_folds)
        Mean squared error on each fold; NaN for folds that have none.
    coef_ : float64 array of shape (n_features,)
        Coefficients: those of ``Lasso(alpha=alpha_)`` on all records.
    intercept_ : float
        Intercept.
    dual_gap_ : float
        Dual gap at the end, for the penalty chosen.
    n_iter_ : int
        Passes made for the penalty chosen.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : object ndarray of shape (n_features_in_,)
        Names of the features, if the first records had names that are strings.
    n_records_ : int
        Number of records held.

    Notes
    -----
    The state is an exact Gram matrix of ``[1, X, y]`` for each fold, in one pass over the data. A record's fold is a
    function of its keyed digest, so it stays there whatever else is learned or forgotten, and equal records share a
    fold. Coordinate descent sees the records of all folds but one through their exact Gram matrix, with scikit-learn's
    order, screening and stopping, from the largest penalty to the smallest; errors on a fold come from its own Gram
    matrix. Everything is computed when it is read, and by ``fit`` at once: nothing of an earlier solution is used, so
    the choice after ``forget`` is that of a refit, bit for bit: see docs/choices.md.

    A fold without a record of positive weight has no error, and is left out of the mean; so is a fold that holds all
    records. If no fold is left, attributes raise `UndefinedAttributeError` until more records are learned.

    Examples
    --------
    >>> import numpy as np
    >>> from sqlearn.linear_model import LassoCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 5))
    >>> y = X[:, 0] + rng.normal(size=200)
    >>> model = LassoCV().fit(X, y)
    >>> before = model.alpha_
    >>> model.partial_fit([0.0, 0.0, 1e6, 0.0, 0.0], 1e6).alpha_ == before
    False
    >>> model.forget([0.0, 0.0, 1e6, 0.0, 0.0], 1e6).alpha_ == before
    True
    """

    _sklearn_class = peers.LassoCV

    def __init__(
        self,
        *,
        eps: float = 1e-3,
        alphas: int | ArrayLike = 100,
        fit_intercept: bool = True,
        precompute: bool | str = "auto",
        max_iter: int = 1000,
        tol: float = 1e-4,
        copy_X: bool = True,
        cv: Any = None,
        verbose: bool | int = False,
        n_jobs: int | None = None,
        positive: bool = False,
        random_state: int | np.random.RandomState | None = None,
        selection: str = "cyclic",
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        super().__init__(
            eps=eps, alphas=alphas, fit_intercept=fit_intercept, precompute=precompute, max_iter=max_iter, tol=tol,
            copy_X=copy_X, cv=cv, verbose=verbose, n_jobs=n_jobs, positive=positive, random_state=random_state,
            selection=selection,
        )  # fmt: skip
        self.ledger = ledger
        self.key = key


class ElasticNetCV(_PathCV, peers.ElasticNetCV):
    """Linear regression with L1 and L2 penalties that are chosen by cross-validation, and that forgets.

    Parameters
    ----------
    l1_ratio : float or array-like of shape (n_l1_ratios,), default=0.5
        Share of the L1 penalty, or shares to choose from.
    eps, alphas, fit_intercept, precompute, max_iter, tol : float, int, bool, bool, int, float
        As for :class:`LassoCV`. There is a grid of penalties for each share.
    cv : int or HashedKFold, default=None
        Number of folds; None is 5. Splitters by position are refused.
    copy_X, verbose, n_jobs, positive, random_state, selection : bool, int, int, bool, int, str
        As for :class:`LassoCV`.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.
        Another key gives other folds.

    Attributes
    ----------
    alpha_, l1_ratio_ : float
        The penalty and the share chosen: those of least mean error over the folds.
    alphas_ : float64 array of shape (n_alphas,) or (n_l1_ratios, n_alphas)
        The penalties compared, in descending order.
    mse_path_ : float64 array of shape (n_alphas, n_folds) or (n_l1_ratios, n_alphas, n_folds)
        Mean squared error on each fold; NaN for folds that have none.
    coef_, intercept_, dual_gap_, n_iter_, n_features_in_, feature_names_in_, n_records_
        As of :class:`LassoCV`.

    Notes
    -----
    As for :class:`LassoCV`.

    Examples
    --------
    >>> import numpy as np
    >>> from sqlearn.linear_model import ElasticNetCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 5))
    >>> y = X[:, 0] + rng.normal(size=200)
    >>> model = ElasticNetCV(l1_ratio=[0.1, 0.5, 0.9], alphas=20).fit(X, y)
    >>> model.l1_ratio_
    0.9
    >>> model.mse_path_.shape
    (3, 20, 5)
    """

    _sklearn_class = peers.ElasticNetCV

    def __init__(
        self,
        *,
        l1_ratio: float | ArrayLike = 0.5,
        eps: float = 1e-3,
        alphas: int | ArrayLike = 100,
        fit_intercept: bool = True,
        precompute: bool | str = "auto",
        max_iter: int = 1000,
        tol: float = 1e-4,
        cv: Any = None,
        copy_X: bool = True,
        verbose: bool | int = 0,
        n_jobs: int | None = None,
        positive: bool = False,
        random_state: int | np.random.RandomState | None = None,
        selection: str = "cyclic",
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        super().__init__(
            l1_ratio=l1_ratio, eps=eps, alphas=alphas, fit_intercept=fit_intercept, precompute=precompute,
            max_iter=max_iter, tol=tol, cv=cv, copy_X=copy_X, verbose=verbose, n_jobs=n_jobs, positive=positive,
            random_state=random_state, selection=selection,
        )  # fmt: skip
        self.ledger = ledger
        self.key = key

    def _l1_ratios(self, params):
        ratios = np.ravel(np.asarray(params["l1_ratio"], np.float64))
        if not len(ratios) or not ((ratios >= 0.0) & (ratios <= 1.0)).all():
            raise ParameterError(
                f"l1_ratio={shown(params['l1_ratio'])}: each must be a number from 0 to 1. Nothing was changed: set "
                "others.",
                value=params["l1_ratio"],
            )
        return ratios
