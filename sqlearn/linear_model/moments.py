"""Linear models that forget: the exact Gram matrix of the data, and solutions read from it."""

from contextlib import suppress

import numpy as np
from sklearn import linear_model as peers
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import compute_class_weight

from sqlearn.engine.model import Weighted, WeightedClassifier, check_indicator
from sqlearn.engine.readout import (
    GramView,
    LeastSquares,
    as_float,
    balanced_factors,
    combined,
    fitted,
    grams_of,
    label_array,
    one_against_rest,
)
from sqlearn.engine.sums import Gram
from sqlearn.errors import ParameterError, UndefinedAttributeError, shown

__all__ = ["BayesianRidge", "ElasticNet", "Lasso", "LinearRegression", "Ridge", "RidgeClassifier"]


def shaped(coef: np.ndarray, intercepts: np.ndarray, *, flat: bool, scalar: bool, fit_intercept: bool) -> dict:
    """``coef_`` float64[t, d], or float64[d] if `flat`, and ``intercept_``, a number if `scalar`."""
    own = intercepts[0] if scalar else intercepts
    return {"coef_": coef[0] if flat else coef, "intercept_": own if fit_intercept else 0.0}


# ------------------------------------------------------------------------------------------------------ the regressors


class _LinearModel(Weighted):
    """Regressors whose records are features and values to predict."""

    _statistic = Gram
    _target = "value"


class LinearRegression(_LinearModel, peers.LinearRegression):
    """Ordinary least squares that forgets, more accurate than QR or SVD of the data.

    Parameters
    ----------
    fit_intercept : bool, default=True
        Whether to fit an intercept.
    copy_X : bool, default=True
        Has no effect: data are never written to.
    tol : float, default=1e-6
        Has no effect: solutions are direct, for sparse data too.
    n_jobs : int, default=None
        Has no effect.
    positive : bool, default=False
        Whether to force coefficients to be at least 0 (non-negative least squares).
    ledger : bool, default=True
        Whether to remember which records are held, so that no other can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests: printing hides it, pickles contain it.

    Attributes
    ----------
    coef_ : float64 array of shape (n_features,) or (n_targets, n_features)
        Coefficients; those of minimum norm where there are many.
    intercept_ : float or float64 array of shape (n_targets,)
        Intercept.
    rank_ : int
        Rank of the (centred) data; not with ``positive=True``.
    singular_ : float64 array of shape (min(n, n_features),)
        Singular values of the (centred) data; not with ``positive=True``.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : object array of shape (n_features,)
        Their names, when the first records had any.

    Notes
    -----
    The state is the exact weighted Gram matrix of ``[1, X, y]``. Centring is exact, and the solution is Cholesky's in
    106 bits: see :mod:`sqlearn.engine.arithmetic.solve`. Columns count as dependent from an angle of about 2^-43.
    Reading ``coef_`` after ``forget`` takes O(n_features^3), however many records there are.

    Examples
    --------
    >>> from sqlearn.linear_model import LinearRegression
    >>> model = LinearRegression().fit([[1.0], [2.0], [3.0], [1e12]], [3.0, 5.0, 7.0, 0.0])
    >>> model.forget([1e12], 0.0).coef_
    array([2.])
    """

    _peer = peers.LinearRegression

    def __init__(
        self, *, fit_intercept=True, copy_X=True, tol=1e-6, n_jobs=None, positive=False, ledger=True, key=None
    ):
        super().__init__(fit_intercept=fit_intercept, copy_X=copy_X, tol=tol, n_jobs=n_jobs, positive=positive)
        self.ledger = ledger
        self.key = key

    def _read_out(self, state):
        params = state.params
        problem = LeastSquares(grams_of(state.statistic)[0], params["fit_intercept"])
        single = state.target_ndim == 1
        found = shaped(
            *problem.solve(params["positive"]), flat=single, scalar=single, fit_intercept=params["fit_intercept"]
        )
        if not params["positive"]:
            found["rank_"] = problem.factor.rank
            found["singular_"] = problem.singular_values(min(state.n_records, state.n_features_in_))
        return found


class _Ridge(Weighted):
    """What Ridge and RidgeClassifier have in common."""

    _statistic = Gram

    def _check_guarantee(self, params):
        super()._check_guarantee(params)
        solver, positive = params["solver"], params["positive"]
        if solver == "lbfgs" and not positive:
            raise ParameterError("'lbfgs' solver can be used only when positive=True. Please use another solver.")
        if positive and solver not in ("auto", "lbfgs"):
            raise ParameterError(
                f"solver='{solver}' does not support positive fitting. Please set the solver to 'auto' or 'lbfgs', or "
                "set `positive=False`"
            )

    @staticmethod
    def _solve(params, gram: GramView) -> tuple[np.ndarray, np.ndarray, dict]:
        """Coefficients float64[t, d], intercepts float64[t], and attributes that both learners have."""
        fit_intercept, positive = params["fit_intercept"], params["positive"]
        alphas = penalties(params["alpha"], gram.n_targets)
        coef, intercepts = np.empty((gram.n_targets, gram.n_features)), np.empty(gram.n_targets)
        for alpha in np.unique(alphas):
            chosen = alphas == alpha
            found = LeastSquares(gram.penalized(alpha), fit_intercept).solve(positive)
            coef[chosen], intercepts[chosen] = found[0][chosen], found[1][chosen]
        solver = params["solver"]
        if solver == "auto":
            solver = "lbfgs" if positive else "cholesky"
        return coef, intercepts, {"n_iter_": None, "solver_": solver}


def penalties(alpha, n_targets: int) -> np.ndarray:
    """The penalty of each target, float64[n_targets]."""
    alphas = np.ravel(np.asarray(alpha, np.float64))
    if len(alphas) not in (1, n_targets):
        raise ParameterError(
            f"Number of targets and number of penalties do not correspond: {len(alphas)} != {n_targets}. Pass one "
            "alpha, or one per target."
        )
    if not (np.isfinite(alphas) & (alphas >= 0)).all():
        raise ParameterError(f"Every alpha must be a finite number of at least 0, not {alpha!r}.", value=alpha)
    return np.broadcast_to(alphas, n_targets)


class Ridge(_Ridge, _LinearModel, peers.Ridge):
    """Linear least squares with an L2 penalty that forgets.

    Parameters
    ----------
    alpha : float or array-like of shape (n_targets,), default=1.0
        Penalty, of all targets or of each.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is not penalized.
    copy_X : bool, default=True
        Has no effect: data are never written to.
    max_iter : int, default=None
        Has no effect: solutions are direct.
    tol : float, default=1e-4
        Has no effect.
    solver : {'auto', 'svd', 'cholesky', 'lsqr', 'sparse_cg', 'sag', 'saga', 'lbfgs'}, default='auto'
        Accepted as scikit-learn does. It changes nothing in the solution, which is the exact one whatever the name.
    positive : bool, default=False
        Whether to force coefficients to be at least 0 (solved as non-negative least squares).
    random_state : int, default=None
        Has no effect.
    ledger : bool, default=True
        Whether to remember which records are held, so that no other can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests: printing hides it, pickles contain it.

    Attributes
    ----------
    coef_ : float64 array of shape (n_features,) or (n_targets, n_features)
        Coefficients.
    intercept_ : float or float64 array of shape (n_targets,)
        Intercept.
    n_iter_ : None
        There are no iterations.
    solver_ : str
        The solver named; 'cholesky' for 'auto', 'lbfgs' with ``positive=True``.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : object array of shape (n_features,)
        Their names, when the first records had any.

    Notes
    -----
    State and solution as for :class:`LinearRegression`; the penalty is added to the exact Gram matrix, exactly.

    Examples
    --------
    >>> from sqlearn.linear_model import Ridge
    >>> model = Ridge(alpha=2.0).fit([[1.0], [2.0], [3.0], [1e12]], [3.0, 5.0, 7.0, 0.0])
    >>> model.forget([1e12], 0.0).coef_
    array([1.])
    """

    _peer = peers.Ridge

    def __init__(
        self, alpha=1.0, *, fit_intercept=True, copy_X=True, max_iter=None, tol=1e-4, solver="auto", positive=False,
        random_state=None, ledger=True, key=None,
    ):  # fmt: skip
        super().__init__(
            alpha, fit_intercept=fit_intercept, copy_X=copy_X, max_iter=max_iter, tol=tol, solver=solver,
            positive=positive, random_state=random_state,
        )  # fmt: skip
        self.ledger = ledger
        self.key = key

    def _check_fit(self, batch):
        penalties(self.alpha, batch.targets.shape[1])

    def _read_out(self, state):
        coef, intercepts, found = self._solve(state.params, grams_of(state.statistic)[0])
        single = {"flat": len(coef) == 1, "scalar": state.target_ndim == 1}
        return found | shaped(coef, intercepts, **single, fit_intercept=state.params["fit_intercept"])


class _CoordinateDescent(_LinearModel):
    """What ElasticNet and Lasso have in common."""

    def _draws(self, params):
        return params["selection"] == "random"

    def _check_guarantee(self, params):
        super()._check_guarantee(params)
        if not isinstance(params["precompute"], bool):
            raise ParameterError(
                "A Gram matrix passed as `precompute` would not change when rows are forgotten. Leave it False: the "
                "model holds the Gram matrix anyway."
            )

    def _check_learned(self, state):
        with suppress(UndefinedAttributeError):  # out of float64's range: the state is a legal one
            self._reader_of(state)  # iterates now, so that `fit` gives scikit-learn's warnings

    def _read_out(self, state):
        params = state.params
        problem = LeastSquares(grams_of(state.statistic)[0], params["fit_intercept"])
        x, y = problem.equivalent_data()
        accepted = {name: params[name] for name in self._peer._get_param_names()}
        seed = params["random_state"] if self._draws(params) else None
        accepted |= {"fit_intercept": False, "precompute": False, "random_state": seed or 0}
        twin = fitted(self._peer(**accepted), x, y)
        coef = np.atleast_2d(twin.coef_)
        single = {"flat": len(coef) == 1, "scalar": state.target_ndim == 1}
        found = shaped(coef, problem.intercepts(coef), **single, fit_intercept=params["fit_intercept"])
        return found | {"dual_gap_": twin.dual_gap_, "n_iter_": twin.n_iter_}


class ElasticNet(_CoordinateDescent, peers.ElasticNet):
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
        Whether to remember which records are held, so that no other can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests: printing hides it, pickles contain it.

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
    feature_names_in_ : object array of shape (n_features,)
        Their names, when the first records had any.

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

    _peer = peers.ElasticNet

    def __init__(
        self, alpha=1.0, *, l1_ratio=0.5, fit_intercept=True, precompute=False, max_iter=1000, copy_X=True, tol=1e-4,
        warm_start=False, positive=False, random_state=None, selection="cyclic", ledger=True, key=None,
    ):  # fmt: skip
        super().__init__(
            alpha, l1_ratio=l1_ratio, fit_intercept=fit_intercept, precompute=precompute, max_iter=max_iter,
            copy_X=copy_X, tol=tol, warm_start=warm_start, positive=positive, random_state=random_state,
            selection=selection,
        )  # fmt: skip
        self.ledger = ledger
        self.key = key


class Lasso(_CoordinateDescent, peers.Lasso):
    """Linear regression with an L1 penalty that forgets.

    Parameters
    ----------
    alpha, fit_intercept, precompute, copy_X, max_iter, tol, warm_start, positive, random_state, selection
        As for :class:`ElasticNet`.
    ledger : bool, default=True
        Whether to remember which records are held, so that no other can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests: printing hides it, pickles contain it.

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

    _peer = peers.Lasso

    def __init__(
        self, alpha=1.0, *, fit_intercept=True, precompute=False, copy_X=True, max_iter=1000, tol=1e-4,
        warm_start=False, positive=False, random_state=None, selection="cyclic", ledger=True, key=None,
    ):  # fmt: skip
        super().__init__(
            alpha, fit_intercept=fit_intercept, precompute=precompute, copy_X=copy_X, max_iter=max_iter, tol=tol,
            warm_start=warm_start, positive=positive, random_state=random_state, selection=selection,
        )  # fmt: skip
        self.ledger = ledger
        self.key = key


class BayesianRidge(_LinearModel, peers.BayesianRidge):
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
        Whether to remember which records are held, so that no other can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests: printing hides it, pickles contain it.

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
    feature_names_in_ : object array of shape (n_features,)
        Their names, when the first records had any.

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

    _peer = peers.BayesianRidge

    def __init__(
        self, *, max_iter=300, tol=1e-3, alpha_1=1e-6, alpha_2=1e-6, lambda_1=1e-6, lambda_2=1e-6, alpha_init=None,
        lambda_init=None, compute_score=False, fit_intercept=True, copy_X=True, verbose=False, ledger=True, key=None,
    ):  # fmt: skip
        super().__init__(
            max_iter=max_iter, tol=tol, alpha_1=alpha_1, alpha_2=alpha_2, lambda_1=lambda_1, lambda_2=lambda_2,
            alpha_init=alpha_init, lambda_init=lambda_init, compute_score=compute_score, fit_intercept=fit_intercept,
            copy_X=copy_X, verbose=verbose,
        )  # fmt: skip
        self.ledger = ledger
        self.key = key

    def _read_out(self, state):
        params = state.params
        gram = grams_of(state.statistic)[0]
        problem = LeastSquares(gram, params["fit_intercept"])
        x, y = problem.equivalent_data()
        accepted = {name: params[name] for name in self._peer._get_param_names()} | {"fit_intercept": False}
        if params["alpha_init"] is None:  # the few rows' own variance would be about their mean, which means nothing
            accepted["alpha_init"] = 1.0 / (gram.covariance()[-1, -1] + np.finfo(np.float64).eps)
        hi, _, exponent = gram.weight()
        weights = np.full(len(x), as_float(hi, exponent, "A sum of weights") / len(x))
        twin = fitted(self._peer(**accepted), x, y[:, 0], weights)
        names = ("alpha_", "lambda_", "sigma_", "scores_", "n_iter_", "X_scale_")
        offset = gram.mean()[:-1] if params["fit_intercept"] else np.zeros(gram.n_features)
        coef = twin.coef_[None]
        return (
            {name: getattr(twin, name) for name in names}
            | {"X_offset_": offset}
            | shaped(coef, problem.intercepts(coef), flat=True, scalar=True, fit_intercept=params["fit_intercept"])
        )


# ------------------------------------------------------------------------------------------------------ the classifier


class RidgeClassifier(_Ridge, WeightedClassifier, peers.RidgeClassifier):
    """Ridge regression on targets of -1 and 1, one class against the rest, that forgets.

    Parameters
    ----------
    alpha : float, default=1.0
        Penalty.
    fit_intercept, copy_X, max_iter, tol, solver, positive, random_state
        As for :class:`Ridge`.
    class_weight : dict or 'balanced', default=None
        Weights of the classes, 1 for those not named; 'balanced' gives each ``n / (n_classes * n_in_class)``.
    ledger : bool, default=True
        Whether to remember which records are held, so that no other can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests: printing hides it, pickles contain it.

    Attributes
    ----------
    coef_ : float64 array of shape (n_features,) or (n_classes, n_features)
        Coefficients; 1-D for two classes.
    intercept_ : float64 array of shape (1,) or (n_classes,)
        Intercepts.
    classes_ : array of shape (n_classes,)
        The classes held, sorted.
    n_iter_ : None
        There are no iterations.
    solver_ : str
        As of :class:`Ridge`.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : object array of shape (n_features,)
        Their names, when the first records had any.

    Notes
    -----
    The state is one exact Gram matrix of ``[1, X]`` for each class. Every moment of the targets follows from those, and
    so do class weights: the matrices are multiplied by them and added as integers, exactly, when they are read.
    'balanced' therefore follows every row that is learned or forgotten, as a refit would. It counts records of positive
    weight. Labels of several outputs, `y` of shape (n, n_outputs) with a column of 0 and 1 for each label, are
    learned as one Gram matrix of ``[1, X, 2 y - 1]``, as by :class:`Ridge`; with 'balanced', which weighs a record by
    all its labels, as one for each combination of labels held. Then ``classes_`` numbers the columns, ``coef_`` has a
    row and ``intercept_`` a number for each, predictions are dense indicator matrices, and a `class_weight` that is a
    dict is refused as scikit-learn refuses it.

    Examples
    --------
    >>> from sqlearn.linear_model import RidgeClassifier
    >>> model = RidgeClassifier().fit([[1.0], [2.0], [3.0], [1e12]], ["a", "a", "b", "a"])
    >>> model.forget([1e12], "a").predict([[0.0], [5.0]])
    array(['a', 'b'], dtype='<U1')
    """

    _peer = peers.RidgeClassifier
    _statistic = Gram

    def __init__(
        self, alpha=1.0, *, fit_intercept=True, copy_X=True, max_iter=None, tol=1e-4, class_weight=None, solver="auto",
        positive=False, random_state=None, ledger=True, key=None,
    ):  # fmt: skip
        super().__init__(
            alpha, fit_intercept=fit_intercept, copy_X=copy_X, max_iter=max_iter, tol=tol, class_weight=class_weight,
            solver=solver, positive=positive, random_state=random_state,
        )  # fmt: skip
        self.ledger = ledger
        self.key = key

    def _has_labels(self, params, layout):
        return layout.get("labels") != "indicator" or params["class_weight"] == "balanced"

    def _answers(self, probe, y, x, reset):
        shape = np.asarray(y).shape
        if reset and len(shape) == 2 and shape[1] > 1:
            probe._layout = {"labels": "indicator"}
            if isinstance(probe.class_weight, dict):
                raise ParameterError("For multi-output, class_weight should be 'balanced' or None. Set one of them.")
        if probe.__dict__.get("_layout", {}).get("labels") != "indicator":
            return super()._answers(probe, y, x, reset)
        return *check_indicator(y, x), 2

    def _check_guarantee(self, params):
        super()._check_guarantee(params)
        if isinstance(params["class_weight"], dict):
            for label, weight in params["class_weight"].items():
                if not (isinstance(weight, int | float | np.number) and 0 <= weight < np.inf):
                    raise ParameterError(
                        f"The weight of class {label!r} must be at least 0, not {shown(weight)}.", value=weight
                    )

    def _check_fit(self, batch):
        penalties(self.alpha, batch.targets.shape[1] or (len(batch.labels) if len(batch.labels) > 2 else 1))
        if isinstance(self.class_weight, dict):
            labels = np.array(sorted(batch.labels))
            compute_class_weight(self.class_weight, classes=labels, y=labels)

    def _read_out(self, state):
        labels, rows, params = state.labels(), state.class_slots(), state.params
        grams, held = grams_of(state.statistic, rows), state.statistic.record_counts[rows]
        balanced = params["class_weight"] == "balanced"
        if state.layout.get("labels") == "indicator":
            gram = combined(grams, balanced_factors(labels, held)) if balanced else grams[0]
            known = np.eye(gram.n_targets, dtype=np.int64)
        else:
            weights = params["class_weight"] or {}
            factors = held.sum() / (len(labels) * held) if balanced else [weights.get(label, 1.0) for label in labels]
            gram, known = one_against_rest(grams, factors), label_array(state)
        coef, intercepts, found = self._solve(params, gram)
        binarizer = LabelBinarizer(pos_label=1, neg_label=-1).fit(known)
        return (
            found
            | {"classes_": binarizer.classes_, "_label_binarizer": binarizer}
            | shaped(coef, intercepts, flat=len(coef) == 1, scalar=False, fit_intercept=params["fit_intercept"])
        )
