"""Linear regression with L1 penalties that forgets, solved by scikit-learn's coordinate descent on exact moments."""

from contextlib import suppress
from typing import Any, ClassVar

import numpy as np
from sklearn import linear_model as peers

from sqlearn.engine.readout import GramView, LeastSquares, fitted, grams_of
from sqlearn.engine.sklearn_private import param_names
from sqlearn.errors import ParameterError, UndefinedAttributeError
from sqlearn.linear_model.least_squares import LinearModel, shaped


class CoordinateDescent(LinearModel):
    """What ElasticNet and Lasso have in common, also where they choose their penalty.

    Attributes
    ----------
    _precompute : type
        What `precompute` may be.
    """

    _precompute: ClassVar[Any] = bool

    def _draws(self, params):
        return params["selection"] == "random"

    def _seed(self, params: dict[str, Any]) -> int:
        return (params["random_state"] if self._draws(params) else None) or 0

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        if not isinstance(params["precompute"], self._precompute):
            raise ParameterError(
                "A Gram matrix passed as `precompute` would not change when rows are forgotten. Leave it at its "
                "default: the model holds Gram matrices anyway."
            )

    def _check_learned(self, state):
        with suppress(UndefinedAttributeError):  # too few records, or beyond float64: the state is a legal one
            self._fitted_sklearn_of(state)  # iterates now, so that `fit` gives scikit-learn's warnings

    def _read_out(self, state):
        params = state.params
        accepted = {name: params[name] for name in param_names(self._sklearn_class)}
        estimator = self._sklearn_class(**accepted | {"random_state": self._seed(params)})
        return solution(estimator, grams_of(state.statistic)[0], is_scalar=state.layout.target_ndim == 1)


def solution(estimator: peers.ElasticNet, gram: GramView, *, is_scalar: bool) -> dict:
    """The attributes that scikit-learn's estimator has when it is fitted to the records of a Gram matrix."""
    fit_intercept = estimator.fit_intercept
    problem = LeastSquares(gram, fit_intercept)
    x, y = problem.equivalent_data()
    solved = fitted(estimator.set_params(fit_intercept=False, precompute=False), x, y)
    coef = np.atleast_2d(solved.coef_)
    single = {"flat": len(coef) == 1, "scalar": is_scalar}
    found = shaped(coef, problem.intercepts(coef), **single, fit_intercept=fit_intercept)
    return found | {"dual_gap_": solved.dual_gap_, "n_iter_": solved.n_iter_}


class ElasticNet(CoordinateDescent, peers.ElasticNet):
    """Linear regression with L1 and L2 penalties that forgets.

    Parameters
    ----------
    alpha : float, default=1.0
        Weight of the penalties.
    l1_ratio : float, default=0.5
        Share of the L1 penalty.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is not penalized.
    precompute : bool, default=False
        Has no effect; a Gram matrix is refused.
    max_iter : int, default=1000
        Most passes of coordinate descent.
    copy_X : bool, default=True
        Has no effect: data are never written to.
    tol : float, default=1e-4
        Tolerance of coordinate descent, as scikit-learn's.
    warm_start : bool, default=False
        True is refused: the solution would depend on history.
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

    Attributes
    ----------
    coef_ : float64 array of shape (n_features,) or (n_targets, n_features)
        Coefficients.
    intercept_ : float or float64 array of shape (n_targets,)
        Intercept.
    dual_gap_ : float or float64 array of shape (n_targets,)
        Dual gap at the end.
    n_iter_ : int or list of int
        Passes made.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : object ndarray of shape (n_features_in_,)
        Names of the features, if the first records had names that are strings.
    n_records_ : int
        Number of records held.

    Notes
    -----
    The state is that of :class:`LinearRegression`. Coordinate descent sees data through second moments alone, so it is
    scikit-learn's own that runs, on ``n_features + 1`` rows with the exact moments of all records: iterations, gaps and
    stopping are those it would have on the records, but for rounding. Nothing of an earlier solution is used. ``fit``
    iterates at once and gives scikit-learn's warnings; after an update, the first attribute or prediction does.

    Examples
    --------
    >>> from sqlearn.linear_model import ElasticNet
    >>> model = ElasticNet(alpha=0.5).fit([[1.0], [2.0], [3.0], [1e12]], [3.0, 5.0, 7.0, 0.0])
    >>> model.forget([1e12], 0.0).coef_.round(6)
    array([1.181818])
    """

    _sklearn_class = peers.ElasticNet

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        l1_ratio: float = 0.5,
        fit_intercept: bool = True,
        precompute: bool = False,
        max_iter: int = 1000,
        copy_X: bool = True,
        tol: float = 1e-4,
        warm_start: bool = False,
        positive: bool = False,
        random_state: int | np.random.RandomState | None = None,
        selection: str = "cyclic",
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        super().__init__(
            alpha, l1_ratio=l1_ratio, fit_intercept=fit_intercept, precompute=precompute, max_iter=max_iter,
            copy_X=copy_X, tol=tol, warm_start=warm_start, positive=positive, random_state=random_state,
            selection=selection,
        )  # fmt: skip
        self.ledger = ledger
        self.key = key


class Lasso(CoordinateDescent, peers.Lasso):
    """Linear regression with an L1 penalty that forgets.

    Parameters
    ----------
    alpha, max_iter, tol, random_state, selection : float, int, float, int, str
        As for :class:`ElasticNet`.
    fit_intercept, precompute, copy_X, warm_start, positive : bool
        As for :class:`ElasticNet`.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    coef_, intercept_, dual_gap_, n_iter_, n_features_in_, feature_names_in_
        As of :class:`ElasticNet`.

    Notes
    -----
    As for :class:`ElasticNet`.

    Examples
    --------
    >>> from sqlearn.linear_model import Lasso
    >>> model = Lasso(alpha=0.5).fit([[1.0], [2.0], [3.0], [1e12]], [3.0, 5.0, 7.0, 0.0])
    >>> model.forget([1e12], 0.0).coef_.round(6)
    array([1.25])
    """

    _sklearn_class = peers.Lasso

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        fit_intercept: bool = True,
        precompute: bool = False,
        copy_X: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-4,
        warm_start: bool = False,
        positive: bool = False,
        random_state: int | np.random.RandomState | None = None,
        selection: str = "cyclic",
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        super().__init__(
            alpha, fit_intercept=fit_intercept, precompute=precompute, copy_X=copy_X, max_iter=max_iter, tol=tol,
            warm_start=warm_start, positive=positive, random_state=random_state, selection=selection,
        )  # fmt: skip
        self.ledger = ledger
        self.key = key
