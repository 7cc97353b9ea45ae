"""Generalised linear models with a log link that forget: Poisson, gamma and Tweedie regression."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn import linear_model as peers

from sqlearn.engine.model import Adaptive, Predicts, WeightedEstimator
from sqlearn.engine.problems import GAMMA, POISSON, Smooth, coefficients, ridge, tweedie
from sqlearn.engine.rounds import LARGEST
from sqlearn.engine.sklearn_private import base_loss
from sqlearn.engine.sparse import SparseSmooth, is_wide
from sqlearn.errors import InvalidValueError, ParameterError

__all__ = ["GammaRegressor", "PoissonRegressor", "TweedieRegressor"]

_LEAST_POSITIVE = 1.0 / LARGEST


class _Generalized(Adaptive, Predicts, WeightedEstimator):
    """What these models have in common; which one it is follows from the power of its variance."""

    _target = "value"
    _is_linear = True

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Score the predictions by the share of the deviance that they explain.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_records, n_features)
            Records.
        y : array-like of shape (n_records,)
            Their targets.
        sample_weight : array-like of shape (n_records,), default=None
            Weights of the records; 1 by default.

        Returns
        -------
        float
            The score; 1.0 is the best.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return super().score(X, y, sample_weight)

    def _power(self, params: dict) -> float:
        """The power of the mean that the variance is proportional to."""
        raise NotImplementedError

    def _least_target(self, params):
        return _LEAST_POSITIVE if self._power(params) == 2.0 else 0.0

    def _check_batch(self, batch):
        super()._check_batch(batch)
        self._check_targets(batch.targets)

    def _check_targets(self, targets):
        least = self._least_target(self.get_params(deep=False))
        if targets.max(initial=0.0) > LARGEST:
            row = int(np.argmax(targets[:, 0] > LARGEST))
            raise InvalidValueError(
                f"Row {row} (counted from 0) has a target beyond 2**500 (3.3e150). Nothing was changed: scale the "
                f"targets down.",
                row=row,
                value=targets[row, 0].item(),
                reason="out of range",
            )
        below = np.flatnonzero(targets[:, 0] < least)
        if not len(below):
            return
        row, value = int(below[0]), targets[below[0], 0].item()
        if value > 0:
            raise InvalidValueError(
                f"Row {row} (counted from 0) has a target below 2**-500 (3.1e-151). Nothing was changed: scale the "
                f"targets up.",
                row=row,
                value=value,
                reason="out of range",
            )
        loss, rule = self._out_of_range(least)
        raise InvalidValueError(
            f"Some value(s) of y are out of the valid range of the loss '{loss}': {value!r} in row {row} (counted from "
            f"0). Nothing was changed: {rule}.",
            row=row,
            value=value,
            reason="out of range",
        )

    def _out_of_range(self, least: float) -> tuple[str, str]:
        """scikit-learn's name of the loss, and which targets it takes."""
        if least > 0:
            return "HalfGammaLoss", "targets must be positive"
        return "HalfPoissonLoss", "counts are not negative"

    def _is_wide(self, params, n_features):
        return self._power(params) == 1.0 and is_wide(n_features, params["fit_intercept"])

    def _problem(self, params, n_features, labels):
        return self._posed(Smooth, params, n_features)

    def _sparse_problem(self, params, n_features, labels):
        return self._posed(SparseSmooth, params, n_features)

    def _posed(self, form, params, n_features):
        def penalty(scale):
            return ridge(scale, params["fit_intercept"], params["alpha"] * scale.total)

        power = self._power(params)
        kind = POISSON if power == 1.0 else GAMMA if power == 2.0 else tweedie(power)
        return form(kind, n_features, 1, params["fit_intercept"], penalty, 0)

    def _read_out(self, state):
        trace = self._trace(state)
        coef, intercept = coefficients(trace, state.n_features_in_, state.params["fit_intercept"])
        return {
            "coef_": coef[0],
            "intercept_": intercept[0] if state.params["fit_intercept"] else 0.0,
            "n_iter_": max(1, len(trace.rounds)),
            "_base_loss": self._base_loss_of(state.params),
        }

    def _base_loss_of(self, params: dict) -> Any:
        return base_loss(self._sklearn_class())


class PoissonRegressor(_Generalized, peers.PoissonRegressor):
    """Poisson regression with a log link and an L2 penalty, that forgets.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, against the mean loss.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is not penalised.
    solver, max_iter, tol : str, int, float
        Without effect: rounds go on until they keep still.
    warm_start : False
        True is refused: a model must not depend on its history.
    verbose : int, default=0
        Whether to report rounds over all records on stderr.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    coef_ : float64[d]
        Coefficients.
    intercept_ : float
        Intercept.
    n_iter_ : int
        Rounds over all records.
    last_update_ : UpdateReport
        What the last update did.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    As for :class:`LogisticRegression`. Targets are counts or other non-negative numbers.

    Examples
    --------
    >>> from sqlearn.linear_model import PoissonRegressor
    >>> model = PoissonRegressor().fit([[0.0], [1.0], [2.0], [3.0]], [1, 1, 3, 70])
    >>> model.forget([3.0], 70).digest() == PoissonRegressor().fit([[0.0], [1.0], [2.0]], [1, 1, 3]).digest()
    True
    """

    _sklearn_class = peers.PoissonRegressor

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        fit_intercept: bool = True,
        solver: str = "lbfgs",
        max_iter: int = 100,
        tol: float = 1e-4,
        warm_start: bool = False,
        verbose: int = 0,
        key: str | bytes | None = None,
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.verbose = verbose
        self.key = key

    def _power(self, params):
        return 1.0


class GammaRegressor(_Generalized, peers.GammaRegressor):
    """Gamma regression with a log link and an L2 penalty, that forgets.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, against the mean loss.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is not penalised.
    solver, max_iter, tol : str, int, float
        Without effect: rounds go on until they keep still.
    warm_start : False
        True is refused: a model must not depend on its history.
    verbose : int, default=0
        Whether to report rounds over all records on stderr.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    coef_ : float64[d]
        Coefficients.
    intercept_ : float
        Intercept.
    n_iter_ : int
        Rounds over all records.
    last_update_ : UpdateReport
        What the last update did.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    As for :class:`LogisticRegression`. Targets are positive numbers, from 2**-500 to 2**500.

    Examples
    --------
    >>> from sqlearn.linear_model import GammaRegressor
    >>> model = GammaRegressor().fit([[0.0], [1.0], [2.0], [3.0]], [0.5, 1.0, 2.5, 70.0])
    >>> model.forget([3.0], 70.0).digest() == GammaRegressor().fit([[0.0], [1.0], [2.0]], [0.5, 1.0, 2.5]).digest()
    True
    """

    _sklearn_class = peers.GammaRegressor

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        fit_intercept: bool = True,
        solver: str = "lbfgs",
        max_iter: int = 100,
        tol: float = 1e-4,
        warm_start: bool = False,
        verbose: int = 0,
        key: str | bytes | None = None,
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.verbose = verbose
        self.key = key

    def _power(self, params):
        return 2.0


class TweedieRegressor(_Generalized, peers.TweedieRegressor):
    """Tweedie regression with a log link and an L2 penalty, that forgets.

    Parameters
    ----------
    power : float, default=0.0
        The variance is proportional to this power of the mean. From 1 (:class:`PoissonRegressor`) to 2
        (:class:`GammaRegressor`); other powers are refused, see below.
    alpha : float, default=1.0
        Strength of the penalty, against the mean loss.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is not penalised.
    link : {"auto", "log"}, default="auto"
        "auto" is "log" for the powers that are learned; "identity" is refused.
    solver, max_iter, tol : str, int, float
        Without effect: rounds go on until they keep still.
    warm_start : False
        True is refused: a model must not depend on its history.
    verbose : int, default=0
        Whether to report rounds over all records on stderr.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    coef_ : float64[d]
        Coefficients.
    intercept_ : float
        Intercept.
    n_iter_ : int
        Rounds over all records.
    last_update_ : UpdateReport
        What the last update did.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    As for :class:`LogisticRegression`. Targets are non-negative numbers, and positive ones for power 2.

    The losses of powers from 1 to 2 are convex in the predictors if the link is the logarithm, so there is one optimum,
    and a model is a function of its records. All other losses of scikit-learn's class are refused:

    - those of the default power, 0, and the identity: a sum of squares, which :class:`Ridge` minimises, with `alpha`
      times the total weight as its `alpha`;
    - those of powers below 0, between 0 and 1, and above 2, and of power 0 with a log link: they are not convex, and
      what a search finds may depend on where it begins;
    - those of powers of at least 1 and the identity, which allow only coefficients that predict a positive number for
      each record (and are not convex for power 2).

    Examples
    --------
    >>> from sqlearn.linear_model import TweedieRegressor
    >>> model = TweedieRegressor(power=1.5).fit([[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.5, 70.0])
    >>> refit = TweedieRegressor(power=1.5).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.5])
    >>> model.forget([3.0], 70.0).digest() == refit.digest()
    True
    """

    _sklearn_class = peers.TweedieRegressor

    def __init__(
        self,
        *,
        power: float = 0.0,
        alpha: float = 1.0,
        fit_intercept: bool = True,
        link: str = "auto",
        solver: str = "lbfgs",
        max_iter: int = 100,
        tol: float = 1e-4,
        warm_start: bool = False,
        verbose: int = 0,
        key: str | bytes | None = None,
    ) -> None:
        self.power = power
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.link = link
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.verbose = verbose
        self.key = key

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        power, identity = params["power"], params["link"] == "identity"
        if power == 0 and params["link"] != "log":
            raise ParameterError(
                "With power=0 and the identity as link, TweedieRegressor minimises squares. Use Ridge, whose alpha is "
                "this one times the total weight; or power=1 to 2 with a log link."
            )
        if not 1 <= power <= 2:
            raise ParameterError(
                f"The loss of power={power!r} is not convex in the predictors: it may have several minima, and which "
                "one is found would depend on more than the records. Use a power from 1 to 2 with a log link."
            )
        if identity:
            raise ParameterError(
                f"With power={power!r} and the identity as link, only coefficients that predict a positive number for "
                "each record are allowed, and single records change which these are. Use link='log'."
            )

    def _power(self, params):
        return float(params["power"])

    def _out_of_range(self, least):
        return "HalfTweedieLoss", "targets must be positive" if least > 0 else "targets must not be negative"

    def _base_loss_of(self, params):
        return base_loss(self._sklearn_class(power=params["power"], link=params["link"]))
