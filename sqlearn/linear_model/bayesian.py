"""Bayesian ridge regression that forgets, iterated by scikit-learn's own code on exact moments."""

from typing import Any

import numpy as np
from sklearn import linear_model as peers

from sqlearn.engine.readout import LeastSquares, as_float, fitted, grams_of
from sqlearn.engine.sklearn_private import param_names
from sqlearn.linear_model.least_squares import LinearModel, shaped


class BayesianRidge(LinearModel, peers.BayesianRidge):
    """Bayesian ridge regression, its two precisions found by evidence maximization, that forgets.

    Parameters
    ----------
    max_iter : int, default=300
        Most iterations.
    tol : float, default=1e-3
        Change of the coefficients at which to stop.
    alpha_1, alpha_2, lambda_1, lambda_2 : float, default=1e-6
        Shape and rate of the Gamma priors of the noise's and of the coefficients' precision.
    alpha_init, lambda_init : float, default=None
        Precisions to start with; ``1 / var(y)`` and 1 by default.
    compute_score : bool, default=False
        Whether to compute the log marginal likelihood at each iteration.
    fit_intercept : bool, default=True
        Whether to fit an intercept.
    copy_X : bool, default=True
        Has no effect: data are never written to.
    verbose : bool, default=False
        Whether to print when the iteration has converged.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    coef_ : float64 array of shape (n_features,)
        Coefficients, the mean of their posterior.
    intercept_ : float
        Intercept.
    alpha_, lambda_ : float
        Estimated precision of the noise and of the coefficients.
    sigma_ : float64 array of shape (n_features, n_features)
        Covariance of the coefficients' posterior.
    scores_ : float64 array of shape (n_iter_ + 1,)
        Log marginal likelihood, if computed.
    n_iter_ : int
        Iterations made.
    X_offset_ : float64 array of shape (n_features,)
        Means that features are centred by; 0 without an intercept.
    X_scale_ : float64 array of shape (n_features,)
        Ones.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : object ndarray of shape (n_features_in_,)
        Names of the features, if the first records had names that are strings.
    n_records_ : int
        Number of records held.

    Notes
    -----
    The state is that of :class:`LinearRegression`. The iteration sees data through weighted second moments alone, so it
    is scikit-learn's own that runs, on ``n_features + 1`` rows with the exact moments of all records.

    Examples
    --------
    >>> from sqlearn.linear_model import BayesianRidge
    >>> model = BayesianRidge().fit([[1.0], [2.0], [3.0], [1e12]], [3.0, 5.0, 7.1, 0.0])
    >>> model.forget([1e12], 0.0).coef_.round(3)
    array([2.05])
    """

    _sklearn_class = peers.BayesianRidge

    def __init__(
        self,
        *,
        max_iter: int = 300,
        tol: float = 1e-3,
        alpha_1: float = 1e-6,
        alpha_2: float = 1e-6,
        lambda_1: float = 1e-6,
        lambda_2: float = 1e-6,
        alpha_init: float | None = None,
        lambda_init: float | None = None,
        compute_score: bool = False,
        fit_intercept: bool = True,
        copy_X: bool = True,
        verbose: bool = False,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        super().__init__(
            max_iter=max_iter, tol=tol, alpha_1=alpha_1, alpha_2=alpha_2, lambda_1=lambda_1, lambda_2=lambda_2,
            alpha_init=alpha_init, lambda_init=lambda_init, compute_score=compute_score, fit_intercept=fit_intercept,
            copy_X=copy_X, verbose=verbose,
        )  # fmt: skip
        self.ledger = ledger
        self.key = key

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predict targets.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_records, n_features)
            Records.
        return_std : bool, default=False
            Whether to return standard deviations, too.

        Returns
        -------
        float64 ndarray of shape (n_records,), or two of them
            Means of the predictive distributions and, if asked for, their standard deviations.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("predict", X, return_std=return_std)

    def _read_out(self, state):
        params = state.params
        gram = grams_of(state.statistic)[0]
        problem = LeastSquares(gram, params["fit_intercept"])
        x, y = problem.equivalent_data()
        accepted = {name: params[name] for name in param_names(self._sklearn_class)} | {"fit_intercept": False}
        if params["alpha_init"] is None:  # the few rows' own variance would be about their mean, which means nothing
            accepted["alpha_init"] = 1.0 / (gram.covariance()[-1, -1] + np.finfo(np.float64).eps)
        hi, _, exponent = gram.weight()
        weights = np.full(len(x), as_float(hi, exponent, "A sum of weights") / len(x))
        solved = fitted(self._sklearn_class(**accepted), x, y[:, 0], weights)
        names = ("alpha_", "lambda_", "sigma_", "scores_", "n_iter_", "X_scale_")
        offset = gram.mean()[:-1] if params["fit_intercept"] else np.zeros(gram.n_features)
        coef = solved.coef_[None]
        return (
            {name: getattr(solved, name) for name in names}
            | {"X_offset_": offset}
            | shaped(coef, problem.intercepts(coef), flat=True, scalar=True, fit_intercept=params["fit_intercept"])
        )
