"""Logistic regression that chooses its penalty by cross-validation, and forgets the choice too."""

import warnings
from collections.abc import Callable
from contextlib import suppress
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn import linear_model as peers
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer

from sqlearn.engine.arithmetic import one_thread
from sqlearn.engine.model import Decides, PredictsProbabilities, SparseCoefficients, WeightedClassifier, refuse_untold
from sqlearn.engine.parts import Folds, InFolds, KeepsRecords, Whole, best_of, mean_of_scored, refuse_one_class
from sqlearn.engine.problems import LOGISTIC, MULTINOMIAL, Smooth, class_weights, coefficients, in_order, ridge
from sqlearn.engine.rounds import MOST_CLASS_WEIGHT, Records, Trace
from sqlearn.engine.sklearn_private import scorer_of_classes
from sqlearn.engine.sums import ExactSum, moments
from sqlearn.engine.validation import check_class_weights
from sqlearn.errors import ParameterError, UndefinedAttributeError, shown

_AT_ONCE = 1 << 14  # records that are summed at once


class LogisticRegressionCV(
    InFolds,
    SparseCoefficients,
    Decides,
    PredictsProbabilities,
    KeepsRecords,
    WeightedClassifier,
    peers.LogisticRegressionCV,
):
    """Logistic regression whose penalty is chosen by cross-validation, and which forgets the choice too.

    Parameters
    ----------
    Cs : int or array-like of float, default=10
        Inverse strengths of the penalty to choose from: their number, for a grid from 1e-4 to 1e4, or they themselves.
    l1_ratios : array-like of 0, None or "warn", default="warn"
        As in scikit-learn, where the default changes; other ratios than 0 are refused, as by
        :class:`LogisticRegression`.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is not penalised.
    cv : int, HashedKFold or None, default=None
        Number of hashed folds, 5 for None, or the folds. Splitters that choose rows by position are refused.
    dual : False
        True is refused.
    penalty : {"deprecated", "l2"}, default="deprecated"
        Deprecated, as in scikit-learn. "l1" and "elasticnet" are refused.
    scoring : str, callable or None, default="warn"
        What is best; accuracy for None and, until scikit-learn changes its default, by default.
    solver : str, default="lbfgs"
        Without effect, as all have one optimum; "liblinear", which penalises the intercept, is refused.
    tol, max_iter, n_jobs, verbose, intercept_scaling : float, int, int, int, float
        Without effect.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, 1 where not named. "balanced" gives all classes the same weight in all records; the same
        weights serve in every fold.
    refit : bool, default=True
        Whether all records are learned with the C of the best mean score; else coefficients and C are means of the
        folds' best ones.
    random_state : int or None, default=None
        Without effect.
    use_legacy_attributes : bool or "warn", default="warn"
        As in scikit-learn: which form `C_`, `scores_`, `coefs_paths_` and `n_iter_` have.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Another key gives other folds. Printing
        hides it, pickles contain it.

    Attributes
    ----------
    classes_ : array[n_classes]
        Labels held, sorted.
    coef_, intercept_ : float64[K, d], float64[K]
        Coefficients and intercepts; K is 1 for two classes, and the number of classes otherwise.
    Cs_ : float64[n_cs]
        What was chosen from.
    C_ : float64[K] or float
        The choice.
    scores_ : dict or array
        The score of each fold and C; NaN for folds that cannot be scored.
    coefs_paths_ : dict or array
        The coefficients of each fold and C.
    l1_ratio_, l1_ratios_ : array or float
        0, as in scikit-learn.
    n_iter_ : array
        1 for each fold and C that was solved for, else 0.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    See Also
    --------
    LogisticRegression : One penalty, and rounds that follow each update.
    sqlearn.model_selection.HashedKFold : The folds.

    Notes
    -----
    The model keeps its records. An update changes these, in microseconds, and drops the rest. When an attribute or a
    prediction is next asked for, each fold's optima and the choice are computed anew from the records held, in an order
    that they alone decide: the choice after a forget is the one of a refit, to the bit. A read-out costs what a fit
    costs, ``n_folds * n_cs + 1`` optima; each is that of :class:`LogisticRegression`, see its notes.

    A record's fold is a hash of its features, label and weight. A fold without records, or without which a class would
    be missing, cannot be scored: it has NaN in `scores_` and `coefs_paths_`, and does not count in the mean; the same
    holds for a fold that lacks a class, if the metric cannot be computed then. Where no fold can be scored,
    attributes raise `UndefinedAttributeError` until more records are learned.

    Sparse records are kept dense.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sqlearn.linear_model import LogisticRegressionCV
    >>> X, y = load_iris(return_X_y=True)
    >>> options = {"Cs": [0.1, 10.0], "scoring": "accuracy", "l1_ratios": (0,), "use_legacy_attributes": False}
    >>> model = LogisticRegressionCV(**options).fit(X, y)
    >>> model.C_
    10.0
    >>> model.forget(X[:5], y[:5]).digest() == LogisticRegressionCV(**options).fit(X[5:], y[5:]).digest()
    True
    """

    _sklearn_class = peers.LogisticRegressionCV

    def __init__(
        self,
        *,
        Cs: int | ArrayLike = 10,
        l1_ratios: ArrayLike | str | None = "warn",
        fit_intercept: bool = True,
        cv: Any = None,
        dual: bool = False,
        penalty: str = "deprecated",
        scoring: str | Callable[..., float] | None = "warn",
        solver: str = "lbfgs",
        tol: float = 1e-4,
        max_iter: int = 100,
        class_weight: dict[Any, float] | str | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
        refit: bool = True,
        intercept_scaling: float = 1.0,
        random_state: int | np.random.RandomState | None = None,
        use_legacy_attributes: bool | str = "warn",
        key: str | bytes | None = None,
    ) -> None:
        self.Cs = Cs
        self.l1_ratios = l1_ratios
        self.fit_intercept = fit_intercept
        self.cv = cv
        self.dual = dual
        self.penalty = penalty
        self.scoring = scoring
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.refit = refit
        self.intercept_scaling = intercept_scaling
        self.random_state = random_state
        self.use_legacy_attributes = use_legacy_attributes
        self.key = key

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Score the predictions by what was chosen by.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.
        y : array-like of shape (n_records,)
            Their labels.
        sample_weight : array-like of shape (n_records,), default=None
            Weights of the records; 1 by default.

        Returns
        -------
        float
            The score, by `scoring`; accuracy by default.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        found: float = self._answer("score", X, y, sample_weight=sample_weight)
        return found

    # ------------------------------------------------------------------ parameters

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        ratios = [] if params["l1_ratios"] is None or isinstance(params["l1_ratios"], str) else params["l1_ratios"]
        if params["penalty"] in ("l1", "elasticnet") or np.asarray(ratios).any():
            raise ParameterError(
                "An L1 or elastic-net penalty is not smooth, and is not solved for here. Use l1_ratios=(0,); for "
                "sparse coefficients, sqlearn's LassoCV or ElasticNetCV on targets 0 and 1."
            )
        if params["solver"] == "liblinear" or params["dual"]:
            raise ParameterError(
                "solver='liblinear' penalises the intercept, which is another model, and dual=True belongs to it. Use "
                "any other solver; all give the optimum."
            )
        refuse_untold({"scoring": params["scoring"]})
        given = params["Cs"]
        if not isinstance(given, Integral):
            values = np.asarray(given, np.float64)
            if values.ndim != 1 or not len(values) or not (values > 0).all():
                raise ParameterError(
                    f"Cs is {shown(given)}, and must be a number of values, or a list of positive numbers. Nothing was "
                    "changed: set one of these.",
                    value=given,
                )
        check_class_weights(params["class_weight"], MOST_CLASS_WEIGHT)

    def _check_fit(self, batch):
        super()._check_fit(batch)
        said = "This solver needs samples of at least 2 classes in the data, but the data contains only one class"
        refuse_one_class(batch.labels, said)
        for message in _deprecations(self):
            warnings.warn(message, FutureWarning, stacklevel=4)

    def _check_learned(self, state):
        with suppress(UndefinedAttributeError):  # no fold can be scored: the state is a legal one
            super()._check_learned(state)

    # ------------------------------------------------------------------ reading

    def _read_out(self, state):
        whole = Whole.of(state)
        if len(whole.labels) < 2:
            raise UndefinedAttributeError(
                f"This {state.learner} holds {state.n_records} rows of {len(whole.labels)} classes: too few to learn "
                "from. Learn more rows.",
                reason="too few records",
            )
        params = state.params
        strengths = _strengths(params["Cs"])
        weights = _weights_of_classes(params["class_weight"], whole)
        n_folds, folds = params["cv"], Folds(params, has_targets=False).of(whole)
        n_outputs = 1 if len(whole.labels) == 2 else len(whole.labels)
        width = whole.x.shape[1] + bool(params["fit_intercept"])
        paths = np.full((n_folds, len(strengths), n_outputs, width), np.nan)
        scores = np.full((n_folds, len(strengths)), np.nan)
        resting = True
        for fold in range(n_folds):
            rest, left_out = whole.take(folds != fold), whole.take(folds == fold)
            if not len(left_out.w) or len(np.unique(rest.y)) < len(whole.labels):
                continue
            found, rests = _paths(rest, params, strengths, weights)
            paths[fold], resting = found, resting and rests
            scores[fold] = [self._score_of(params, coef, left_out) for coef in found]
        self._check_scored(scores, state.learner)
        if params["refit"]:
            best = best_of(mean_of_scored(scores))
            (coef,), rests = _paths(whole, params, strengths[best : best + 1], weights)
            chosen, resting = strengths[best], resting and rests
        else:
            of_fold = [(fold, best_of(row)) for fold, row in enumerate(scores) if not np.isnan(row).all()]
            coef = np.mean([paths[place] for place in of_fold], axis=0)
            chosen = np.mean([strengths[place] for _, place in of_fold])
        if not resting:
            warnings.warn(f"{state.learner}: a loss has no minimum, or none that was found.", ConvergenceWarning, 2)
        first = whole.x.shape[1]
        return {
            "classes_": whole.classes,
            "coef_": np.ascontiguousarray(coef[:, :first]),
            "intercept_": coef[:, -1].copy() if params["fit_intercept"] else np.zeros(len(coef)),
            "Cs_": strengths,
        } | _attributes(params, whole, paths, scores, float(chosen))

    def _score_of(self, params: dict[str, Any], coef: np.ndarray, left_out: Whole) -> float:
        """The score of coefficients on the records of a fold; NaN where it lacks classes that the metric needs."""
        assert left_out.classes is not None
        fitted = peers.LogisticRegression()
        d = left_out.x.shape[1]
        vars(fitted).update(
            classes_=left_out.classes,
            coef_=coef[:, :d],
            intercept_=coef[:, -1] if params["fit_intercept"] else np.zeros(len(coef)),
            n_features_in_=d,
        )
        asked = "accuracy" if params["scoring"] in ("warn", None) else params["scoring"]
        scorer = scorer_of_classes(get_scorer(asked), left_out.classes)
        given = {"sample_weight": left_out.w} if left_out.weighted else {}
        try:
            return float(scorer(fitted, left_out.x, left_out.responses, **given))
        except ValueError:
            if len(np.unique(left_out.y)) == len(left_out.classes):
                raise
            return np.nan


def _strengths(given: Any) -> np.ndarray:
    return np.logspace(-4, 4, given) if isinstance(given, Integral) else np.array(given, np.float64)


def _weights_of_classes(given: Any, whole: Whole) -> np.ndarray:
    """What weights of records are multiplied by, by class."""
    if given != "balanced":
        found = class_weights(given, whole.labels)
        assert found is not None
        return found
    totals = np.bincount(whole.y, whole.w)
    balanced: np.ndarray = totals.sum() / (len(totals) * totals)
    return balanced


def _paths(whole: Whole, params: dict[str, Any], strengths: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, bool]:
    """The optimum for each C, float64[n_cs, K, d + 1], intercepts last, and whether all are minima."""
    (n, d), n_classes, intercept = whole.x.shape, len(whole.labels), bool(params["fit_intercept"])
    total, counts = ExactSum(n_classes, 1 + 2 * d), np.zeros(n_classes, np.int64)
    slots = whole.y.astype(np.int64)
    for start in range(0, n, _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        total.deposit(moments(np.ascontiguousarray(whole.x[rows]), whole.w[rows], slots[rows]), 1.0, counts)
    records = in_order(lambda: iter([Records(whole.x, whole.y.astype(np.float64), whole.w, np.zeros(n, np.uint64))]))
    n_outputs = 1 if n_classes == 2 else n_classes
    kind, of_classes = LOGISTIC if n_outputs == 1 else MULTINOMIAL, np.arange(float(n_classes))
    found, resting = [], True
    for strength in strengths:

        def penalty(scale, held=1.0 / strength):
            return ridge(scale, intercept, held)

        problem = Smooth(kind, d, n_outputs, intercept, penalty, 0, of_classes, weights)
        scale = problem.scale(total, n, np.arange(n_classes))
        with one_thread():
            theta, rests = problem.solve(scale, records)
        coef, intercepts = coefficients(Trace((), scale, None, (), (), theta, rests), d, intercept)
        found.append(np.column_stack([coef, intercepts]) if intercept else coef)
        resting = resting and rests
    return np.array(found), resting


def _attributes(
    params: dict[str, Any], whole: Whole, paths: np.ndarray, scores: np.ndarray, chosen: float
) -> dict[str, Any]:
    """The attributes that have another form under `use_legacy_attributes`."""
    n_outputs = paths.shape[2]
    named = params["l1_ratios"] is not None and not isinstance(params["l1_ratios"], str)
    ratios = list(params["l1_ratios"]) if named else [None]
    steps = np.where(np.isnan(paths[:, :, 0, 0]), 0, 1).astype(np.int32)
    again = (1, 1, len(ratios))
    found: dict[str, Any] = {"l1_ratios_": np.asarray(ratios)}
    if not params["use_legacy_attributes"]:
        return found | {
            "C_": chosen,
            "l1_ratio_": 0.0,
            "coefs_paths_": np.tile(paths[:, None], (1, len(ratios), 1, 1, 1)),
            "scores_": np.tile(scores[:, None], (1, len(ratios), 1)),
            "n_iter_": np.tile(steps[:, None], (1, len(ratios), 1)),
        }
    assert whole.classes is not None
    labels = whole.classes.tolist()[-n_outputs:] if n_outputs == 1 else whole.classes.tolist()
    of_class = {label: paths[:, :, place] for place, label in enumerate(labels)}
    if named:
        of_class = {label: np.tile(path[:, :, None], (1, 1, len(ratios), 1)) for label, path in of_class.items()}
        scores, steps = np.tile(scores[:, :, None], again), np.tile(steps[:, :, None], again)
    ratio = 0.0 if named or not params["refit"] else None
    return found | {
        "C_": np.full(n_outputs, chosen),
        "l1_ratio_": np.array([ratio] * n_outputs),
        "coefs_paths_": of_class,
        "scores_": {label: scores.copy() for label in labels},
        "n_iter_": steps[None],
    }


def _deprecations(model: LogisticRegressionCV) -> list[str]:
    """scikit-learn's own warnings."""
    said = []
    if isinstance(model.l1_ratios, str):
        said.append(
            "The default value for l1_ratios will change from None to (0.0,) in version 1.10 of scikit-learn. Set "
            "l1_ratios=(0,)."
        )
    elif model.l1_ratios is None and model.penalty == "deprecated":
        said.append(
            "'l1_ratios=None' was deprecated in version 1.8 of scikit-learn and will trigger an error in 1.10. Set "
            "l1_ratios=(0,)."
        )
    if model.penalty != "deprecated":
        said.append(
            "'penalty' was deprecated in version 1.8 of scikit-learn and will be removed in 1.10. Leave it at its "
            "default, and set l1_ratios=(0,)."
        )
    if model.scoring == "warn":
        said.append(
            "The default value of the parameter 'scoring' will change from None, i.e. accuracy, to 'neg_log_loss' in "
            "version 1.11 of scikit-learn. Set it explicitly."
        )
    if model.use_legacy_attributes == "warn":
        said.append(
            f"The fitted attributes of {type(model).__name__} will be simplified in scikit-learn 1.10. The default "
            "value of use_legacy_attributes will change from True to False there. Set it explicitly."
        )
    return said
