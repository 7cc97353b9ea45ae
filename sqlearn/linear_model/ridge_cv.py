"""Ridge regression that chooses its penalty by cross-validation, and forgets."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn import linear_model as peers
from sklearn.base import BaseEstimator

from sqlearn.engine.arithmetic import one_thread
from sqlearn.engine.model import Decides, State, WeightedClassifier
from sqlearn.engine.readout import Fold, GramView, LeastSquares, as_float, folds_of, left_out
from sqlearn.errors import ParameterError, shown
from sqlearn.linear_model.folded import Chooses, checked_alphas, folds_left_out, mean_over_folds
from sqlearn.linear_model.least_squares import LinearModel, shaped
from sqlearn.linear_model.ridge import AgainstRest, ridge_solution

_SCORINGS = (None, "r2", "neg_mean_squared_error", "neg_root_mean_squared_error")


class _RidgeChooses(Chooses):
    """What RidgeCV and RidgeClassifierCV have in common."""

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        checked_alphas(params["alphas"])

    def get_metadata_routing(self) -> Any:
        """Return what the model itself requests: its folds and scores take no metadata but the weights of `fit`.

        Returns
        -------
        MetadataRequest
            The requests.
        """
        return BaseEstimator.get_metadata_routing(self)

    @staticmethod
    def _chosen(state: State, total: GramView, folds: list[Fold | None], scoring: str) -> dict:
        """The attributes of both, from the Gram matrix of all records and the folds left out in turn."""
        params, alphas = state.params, checked_alphas(state.params["alphas"])
        is_scalar, fit_intercept = state.layout.target_ndim == 1, params["fit_intercept"]
        judge = _Judge(alphas, fit_intercept, scoring, units_of(total, fit_intercept), total.n_targets)
        with one_thread():  # for the small matrices of a fold, on a busy machine
            scores = np.array([judge.scores(fold) for fold in folds])
        per_target = params.get("alpha_per_target", False) and not is_scalar
        mean = mean_over_folds(scores if per_target else scores.mean(axis=1, keepdims=True), state.learner)
        best = mean.argmax(axis=1)
        chosen, score = alphas[best], mean[np.arange(len(best)), best]
        if not per_target:
            chosen, score = chosen[0].item(), score[0].item()
        found = {"alpha_": chosen, "best_score_": score}
        if params["store_cv_results"]:
            found["cv_results_"] = scores[:, 0] if is_scalar else scores
        coef, intercepts = ridge_solution(total, np.broadcast_to(chosen, total.n_targets), fit_intercept)
        return found | shaped(coef, intercepts, flat=len(coef) == 1, scalar=is_scalar, fit_intercept=fit_intercept)


class RidgeCV(_RidgeChooses, LinearModel, peers.RidgeCV):
    """Ridge regression that chooses its penalty by cross-validation, and forgets.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,), default=(0.1, 1.0, 10.0)
        Penalties to choose from, each at least 0.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is not penalized.
    scoring : {'r2', 'neg_mean_squared_error', 'neg_root_mean_squared_error'}, default=None
        What is best in the mean over the folds; None is 'r2', as scikit-learn has it with folds. Others need the
        predictions of the records themselves, and are refused.
    cv : int or HashedKFold, default=None
        Number of folds; None is 5. scikit-learn's default, to leave out one record at a time, is no sum over records;
        splitters by position are refused.
    gcv_mode : None, default=None
        Belongs to leaving out one record at a time; only None is accepted.
    store_cv_results : bool, default=False
        Whether to have the scores of all folds and penalties in ``cv_results_``.
    alpha_per_target : bool, default=False
        Whether to choose a penalty for each target.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.
        Another key gives other folds.

    Attributes
    ----------
    alpha_ : float or float64 array of shape (n_targets,)
        The penalty chosen; with ``alpha_per_target=True`` and several targets, one for each.
    best_score_ : float or float64 array of shape (n_targets,)
        Its score, the mean over the folds.
    coef_ : float64 array of shape (n_features,) or (n_targets, n_features)
        Coefficients: those of ``Ridge(alpha=alpha_)`` on all records.
    intercept_ : float or float64 array of shape (n_targets,)
        Intercept.
    cv_results_ : float64 array of shape (n_folds, n_alphas) or (n_folds, n_targets, n_alphas)
        The score of each fold, if they were asked for; NaN for folds that have none.
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
    fold. The records of all folds but one are an exact difference. The models of all penalties come from one singular
    value decomposition for each fold, and their errors on the fold from its own Gram matrix; scores are weighted by
    `sample_weight`. The choice after ``forget`` is that of a refit, bit for bit: see docs/choices.md.

    A fold without a record of positive weight has no score, and R2 needs two of them; folds without a score are left
    out of the mean. If no fold has one, attributes raise `UndefinedAttributeError` until more records are learned.

    Examples
    --------
    >>> import numpy as np
    >>> from sqlearn.linear_model import RidgeCV
    >>> X = np.arange(20.0)[:, None] % 7
    >>> y = 2 * X[:, 0] + 1
    >>> model = RidgeCV(alphas=[0.1, 10.0]).fit(X, y)
    >>> model.alpha_
    0.1
    >>> model.partial_fit([1e3], -1e3).alpha_
    10.0
    >>> model.forget([1e3], -1e3).alpha_
    0.1
    """

    _sklearn_class = peers.RidgeCV

    def __init__(
        self,
        alphas: ArrayLike = (0.1, 1.0, 10.0),
        *,
        fit_intercept: bool = True,
        scoring: str | None = None,
        cv: Any = None,
        gcv_mode: str | None = None,
        store_cv_results: bool = False,
        alpha_per_target: bool = False,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        super().__init__(
            alphas, fit_intercept=fit_intercept, scoring=scoring, cv=cv, gcv_mode=gcv_mode,
            store_cv_results=store_cv_results, alpha_per_target=alpha_per_target,
        )  # fmt: skip
        self.ledger = ledger
        self.key = key

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        scoring = params["scoring"]
        if not (scoring is None or isinstance(scoring, str)) or scoring not in _SCORINGS:
            known = ", ".join(name for name in _SCORINGS if name)
            raise ParameterError(
                f"scoring={shown(scoring)} needs the predictions of the rows themselves, and this model keeps sums of "
                f"them alone. Nothing was changed: set one of {known}.",
                value=scoring,
            )
        if params["gcv_mode"] is not None:
            raise ParameterError(
                f"gcv_mode={shown(params['gcv_mode'])} leaves out one row at a time, which is no sum over rows; this "
                "model leaves out folds. Nothing was changed: leave gcv_mode None.",
                value=params["gcv_mode"],
            )

    def _read_out(self, state):
        return self._chosen(state, *folds_left_out(state), state.params["scoring"] or "r2")


class RidgeClassifierCV(_RidgeChooses, AgainstRest, Decides, WeightedClassifier, peers.RidgeClassifierCV):
    """Ridge regression on targets of -1 and 1 that chooses its penalty by cross-validation, and forgets.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,), default=(0.1, 1.0, 10.0)
        Penalties to choose from, each at least 0.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is not penalized.
    scoring : None, default=None
        The best penalty has the least mean squared error of the targets of -1 and 1, as scikit-learn has it by default.
        Scores of predicted labels, such as the accuracy, are no function of sums, and are refused.
    cv : int or HashedKFold, default=None
        Number of folds; None is 5. Splitters by position are refused.
    class_weight : dict or 'balanced', default=None
        Weights of the classes, as for :class:`RidgeClassifier`; those of all records hold in every fold.
    store_cv_results : bool, default=False
        Whether to have the scores of all folds and penalties in ``cv_results_``.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.
        Another key gives other folds.

    Attributes
    ----------
    alpha_ : float
        The penalty chosen.
    best_score_ : float
        Its score, the mean over the folds: the negative mean squared error.
    coef_ : float64 array of shape (n_features,) or (n_classes, n_features)
        Coefficients: those of ``RidgeClassifier(alpha=alpha_)`` on all records.
    intercept_ : float64 array of shape (1,) or (n_classes,)
        Intercepts.
    classes_ : array of shape (n_classes,)
        The classes held, sorted.
    cv_results_ : float64 array of shape (n_folds, n_targets, n_alphas)
        The score of each fold, if they were asked for; NaN for folds that have none.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : object ndarray of shape (n_features_in_,)
        Names of the features, if the first records had names that are strings.
    n_records_ : int
        Number of records held.

    Notes
    -----
    As for :class:`RidgeCV`, with a Gram matrix for each fold and class. A record that is relabelled may come into
    another fold, since its label is part of it; labels that are numbers or booleans are named in another way than
    `HashedKFold` names them, so that its folds are others then. A class without a record in some fold, or in all folds
    but one, is no error: its target is then -1 for all of them.

    Examples
    --------
    >>> import numpy as np
    >>> from sqlearn.linear_model import RidgeClassifierCV
    >>> X = np.arange(20.0)[:, None] % 7
    >>> model = RidgeClassifierCV(alphas=[0.1, 10.0]).fit(X, np.where(X[:, 0] > 3, "many", "few"))
    >>> model.alpha_
    0.1
    >>> model.predict([[1.0], [6.0]])
    array(['few', 'many'], dtype='<U4')
    """

    _sklearn_class = peers.RidgeClassifierCV

    def __init__(
        self,
        alphas: ArrayLike = (0.1, 1.0, 10.0),
        *,
        fit_intercept: bool = True,
        scoring: str | None = None,
        cv: Any = None,
        class_weight: dict[Any, float] | str | None = None,
        store_cv_results: bool = False,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        super().__init__(
            alphas, fit_intercept=fit_intercept, scoring=scoring, cv=cv, class_weight=class_weight,
            store_cv_results=store_cv_results,
        )  # fmt: skip
        self.ledger = ledger
        self.key = key

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        if params["scoring"] is not None:
            raise ParameterError(
                f"scoring={shown(params['scoring'])} needs the predicted labels of the rows themselves, and this model "
                "keeps sums of them alone. Nothing was changed: leave scoring None, for the mean squared error of the "
                "targets of -1 and 1.",
                value=params["scoring"],
            )

    def _read_out(self, state):
        slots, factors = state.class_slots(), self._factors(state)
        by_class = folds_of(state.statistic, slots)
        grams = [self._against_rest(state, list(of_fold), factors) for of_fold in zip(*by_class, strict=True)]
        folds = left_out(grams, state.statistic.counts_of_folds[slots].sum(axis=0))
        found = self._chosen(state, grams[-1], folds, "neg_mean_squared_error")
        return found | self._classes_of(state, grams[-1])


def units_of(gram: GramView, fit_intercept: bool) -> np.ndarray:
    """Exponents of units in which features and targets are of order 1, int64[d + t]; one for all features.

    Errors and penalties in these units stay within float64, whatever the records are.
    """
    problem = LeastSquares(gram, fit_intercept)
    d = gram.n_features
    units = problem.moments.exponents - ((problem.moments.divisor[2] + problem.weight[2]) >> 1)
    units = np.where(problem.moments.hi.diagonal() > 0.0, units, np.iinfo(np.int64).min)
    units[:d] = units[:d].max(initial=np.iinfo(np.int64).min)
    return np.where(units == np.iinfo(np.int64).min, 0, units)


def ridge_path(gram: GramView, alphas: np.ndarray, fit_intercept: bool, units: np.ndarray) -> np.ndarray:
    """Coefficients under each penalty, float64[t, d, a], in these units: by one singular value decomposition."""
    x, y = LeastSquares(gram, fit_intercept).equivalent_data(units)
    size = np.sqrt(len(x))
    left, values, right = np.linalg.svd(x / size, full_matrices=False)
    values[values <= np.finfo(np.float64).eps * max(x.shape) * values.max(initial=0.0)] = 0.0
    hi, _, exponent = gram.weight()
    with np.errstate(over="ignore", under="ignore"):
        penalties = np.ldexp(alphas / hi, -exponent - 2 * units[0])
    shrunk = np.zeros((len(values), len(alphas)))
    np.divide(values[:, None], values[:, None] ** 2 + penalties, out=shrunk, where=values[:, None] > 0.0)
    targets = left.T @ (y / size)
    return np.matmul(right.T, shrunk * targets.T[:, :, None])


@dataclass
class _Judge:
    """How models are scored on a fold."""

    alphas: np.ndarray
    fit_intercept: bool
    scoring: str
    units: np.ndarray
    n_targets: int

    def scores(self, fold: Fold | None) -> np.ndarray:
        """Scores of a fold for each target and penalty, float64[t, a]; NaN where it has none."""
        is_r2 = self.scoring == "r2"
        if fold is None or (is_r2 and fold.n_records < 2):
            return np.full((self.n_targets, len(self.alphas)), np.nan)
        models = ridge_path(fold.train, self.alphas, self.fit_intercept, self.units)
        errors = fold.errors(models, self.fit_intercept, self.units)
        own = self.units[-self.n_targets :, None]
        if self.scoring == "neg_root_mean_squared_error":
            return -as_float(np.sqrt(errors), own, "An error")
        if not is_r2:
            return -as_float(errors, 2 * own, "An error")
        spread = fold.spread(self.units)[:, None]
        exact = np.where(errors == 0.0, 1.0, 0.0)  # as scikit-learn scores a target that does not vary
        return np.where(spread > 0.0, 1.0 - errors / np.where(spread > 0.0, spread, 1.0), exact)
