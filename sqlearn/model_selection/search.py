"""Searches for parameters that forget: lazily, at the cost of the search that a refit would run."""

import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np
from sklearn import model_selection as peers
from sklearn.base import clone
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if

from sqlearn.engine.model import (
    Decides,
    ExactEstimator,
    Predicts,
    PredictsProbabilities,
    ScoresRecords,
    Transforms,
    WeightedClassifier,
)
from sqlearn.engine.parts import (
    Composite,
    Folds,
    InFolds,
    Whole,
    answering,
    check_seed,
    checked_part,
    keeps_tables,
    refuse_unsafe,
    target_of,
)
from sqlearn.errors import ParameterError, SqlearnError, UndefinedAttributeError, shown

_FOUND = ("best_estimator_", "best_index_", "best_params_", "best_score_", "cv_results_", "n_splits_", "scorer_")
_Scorer = type(make_scorer(accuracy_score))


def _if_refitted(method: Any) -> Any:
    """A method that a search has if it refits, and the learner inside it has it."""

    def is_there(search: Any) -> bool:
        if not search.refit:
            raise AttributeError(
                f"This {type(search).__name__} instance was initialized with `refit=False`. {method.__name__} is "
                "available only after refitting on the best parameters. Set refit=True, or fit an estimator with "
                "best_params_."
            )
        learner, state = search._learner, vars(search).get("_state")
        if state is not None and state.fitted_sklearn is None and hasattr(learner, method.__name__):
            return True  # a question runs no search where its answer is known without
        if state is not None:
            with suppress(SqlearnError):  # nothing can be chosen among the records held: the method will say so
                learner = search._fitted_sklearn().best_estimator_
        return getattr(learner, method.__name__) is not None

    return available_if(is_there)(method)


class _Search(InFolds, Composite, WeightedClassifier):  # type: ignore[override]
    """What both searches have in common."""

    _or_more = ""

    def __dir__(self) -> list[str]:
        state = vars(self).get("_state")
        if state is not None and state.fitted_sklearn is None:  # a question runs no search
            return sorted({*object.__dir__(self), *_FOUND})
        return super().__dir__()

    @property
    def _learner(self) -> Any:
        """The estimator in force: that of the last ``fit``."""
        state = self.__dict__.get("_state")
        return self.__dict__["estimator"] if state is None else state.params["estimator"]

    @property
    def _target(self):  # type: ignore[override]
        state = self.__dict__.get("_state")
        return self._target_in(self.get_params(deep=False) if state is None else state.params)

    def _target_in(self, params: dict[str, Any]) -> str | None:
        """What the estimator learns beside features, or else the first learner that the search puts into it."""
        found = target_of(params["estimator"])
        if found is None and hasattr(params["estimator"], "set_params"):
            with suppress(AttributeError, TypeError, ValueError):  # what is wrong is said when it is learned from
                for candidate in self._candidates(params):
                    if any(hasattr(value, "get_params") for value in candidate.values()):
                        found = target_of(clone(params["estimator"]).set_params(**clone(candidate, safe=False)))
                    if found is not None:
                        break
        return "label" if found is None and _compares(params["scoring"]) else found

    def _validated(self, params, X, y, sample_weight, layout, *, single):
        if y is not None and self._target_in(params) is None and not _takes_no_y(params):
            whose = type(params["estimator"]).__name__
            raise ParameterError(
                f"{whose} inside {type(self).__name__} says neither that it is a classifier nor a regressor, so its "
                "records carry no y. Nothing was changed: leave y out; or give as scoring a name, or what make_scorer "
                f"makes, and they carry labels; or derive {whose} from ClassifierMixin or RegressorMixin.",
                value=params["estimator"],
            )
        return super()._validated(params, X, y, sample_weight, layout, single=single)

    def _keeps_tables(self, X):
        return keeps_tables(self.estimator, X)

    def _has_labels(self, params, layout):
        return self._target_in(params) == "label"

    def _learners(self, params):
        return [params["estimator"]]

    def _check_fit(self, batch):
        """Folds are fitted, and not all records."""

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        params["estimator"] = clone(params["estimator"])
        refuse_unsafe(params["estimator"], type(self).__name__)
        self._check_candidates(params)

    def _candidates(self, params: dict[str, Any]) -> Iterable[dict[str, Any]]:
        raise NotImplementedError

    def _check_candidates(self, params: dict[str, Any]) -> None:
        """Refuse a search that would try what would not be the same after a refit, or nothing that is taken."""
        name, first, taken = type(self).__name__, None, False
        whose = type(params["estimator"]).__name__
        try:
            candidates = [*self._candidates(params)]
        except (TypeError, ValueError) as error:
            said = f"{str(error).rstrip('.')}. Nothing was changed: name lists of values{self._or_more}."
            raise ParameterError(said) from error
        for candidate in candidates:
            try:
                made = clone(params["estimator"])
                made = made.set_params(**clone(candidate, safe=False)) if candidate else made
            except (AttributeError, TypeError, ValueError) as error:
                said = f"{whose} does not take {shown(candidate)}: {error} Nothing was changed: see its get_params()."
                raise ParameterError(said) from error
            refuse_unsafe(made, name)
            try:
                checked_part(made, name)
                taken = True
            except (TypeError, ValueError) as error:
                first = first or error
                if params["error_score"] == "raise":
                    break
        if first is not None and (not taken or params["error_score"] == "raise"):
            first.add_note(f"That is so for what {name} would try.")
            raise first

    def _read_out(self, state):
        whole, params = Whole.of(state), state.params
        target = self._target_in(params)
        folds = Folds(params, has_targets=target is not None).of(whole)
        splits = [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in np.unique(folds)]
        if len(splits) < 2:
            raise UndefinedAttributeError(
                f"All records of this {state.learner} (n_samples = {len(folds)}) are in one fold. Learn more rows.",
                reason="too few records",
            )
        own = {name: value for name, value in params.items() if name not in ("cv", "key", "kinds")}
        given = {"X": whole.x, "y": None if target is None else whole.responses}
        given |= {"sample_weight": whole.w} if whole.weighted else {}
        try:
            found = self._searched(own, splits, given)
            counts = _scored(found["cv_results_"], len(splits))
            if counts.any() and not counts.all():
                found = self._searched(own, [split for split, it in zip(splits, counts, strict=True) if it], given)
        except SqlearnError:
            raise
        except ValueError as error:
            said = f"The search over the records held failed: {error}"
            raise UndefinedAttributeError(said, reason="too few records") from error
        found.pop("refit_time_", None)  # how long it took is no function of the records
        found["cv_results_"] = {name: v for name, v in found["cv_results_"].items() if not name.endswith("_time")}
        if np.isnan(found.get("best_score_", 0.0)):
            raise UndefinedAttributeError(
                f"No fold of this {state.learner} can be scored: those that hold rows hold or leave too few, a class "
                "is missing, or fits or scores fail, as warnings say. So no parameter can be chosen. Learn more rows; "
                "or pass other values, or another scoring.",
                reason="too few records",
            )
        if "best_estimator_" in found:
            found["best_estimator_"] = answering(found["best_estimator_"], state.learner)
        return found

    def _searched(self, params: dict[str, Any], splits: list[Any], given: dict[str, Any]) -> dict[str, Any]:
        """The attributes that scikit-learn's search has found in these folds of records."""
        search = self._sklearn_class(**params | {"cv": splits, "estimator": clone(params["estimator"])})
        own = set(vars(search))
        search.fit(**given)
        return {name: value for name, value in vars(search).items() if name not in own}

    def fitted_attributes(self) -> dict[str, Any]:
        """Return all fitted attributes but the scorer, a function that is made of the parameters.

        Returns
        -------
        dict
            The attributes by their names.
        """
        return {name: value for name, value in super().fitted_attributes().items() if name != "scorer_"}

    predict = _if_refitted(Predicts.predict)
    predict_proba = _if_refitted(PredictsProbabilities.predict_proba)
    predict_log_proba = _if_refitted(PredictsProbabilities.predict_log_proba)
    decision_function = _if_refitted(Decides.decision_function)
    transform = _if_refitted(Transforms.transform)
    score_samples = _if_refitted(ScoresRecords.score_samples)

    def score(self, X: Any, y: Any = None) -> float:  # type: ignore[override]
        """Score the best estimator by what was chosen by.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.
        y : array-like of shape (n_records,), default=None
            Their labels or targets.

        Returns
        -------
        float
            The score.
        """
        found: float = self._answer("score", X, y)
        return found


def _compares(scoring: Any) -> bool:
    """Whether some score compares what is predicted with labels or targets."""
    given = [*scoring.values()] if isinstance(scoring, dict) else scoring
    return any(isinstance(each, (str, _Scorer)) for each in (given if isinstance(given, list | tuple) else [given]))


def _takes_no_y(params: dict[str, Any]) -> bool:
    """Whether a `y` that comes along makes no difference to an estimator, and to its own score."""
    tags = get_tags(params["estimator"])
    is_known = isinstance(params["estimator"], ExactEstimator) or tags.estimator_type or tags.transformer_tags
    return params["scoring"] is None and bool(is_known) and not tags.target_tags.required


def _scored(results: dict[str, Any], n_splits: int) -> np.ndarray:
    """Which folds have a score, by each metric, with one of the values that were tried: bool[n_splits]."""
    scores = {name: ~np.isnan(v).all() for name, v in results.items() if re.match(r"split\d+_test_", name)}
    return np.array([all(v for name, v in scores.items() if name.startswith(f"split{i}_")) for i in range(n_splits)])


class GridSearchCV(_Search, peers.GridSearchCV):
    """A search over all combinations of parameters, in folds that no deletion reshuffles, that forgets.

    Parameters
    ----------
    estimator : estimator
        A learner of this package that learns numbers, or one of scikit-learn's whose `random_state`, if it has one, is
        an int. It is not changed.
    param_grid : dict or list of dict
        Lists of values by the names of parameters.
    scoring : str, callable, list, tuple or dict, default=None
        What is best, as in scikit-learn.
    n_jobs : int, default=None
        As in scikit-learn.
    refit : bool, str or callable, default=True
        As in scikit-learn: whether the best parameters are fitted to all records, and by which score they are best.
    cv : int, HashedKFold or None, default=None
        Number of hashed folds, 5 for None, or the folds. Splitters that choose rows by position are refused.
    verbose : int, default=0
        As in scikit-learn.
    pre_dispatch : int or str, default="2*n_jobs"
        As in scikit-learn.
    error_score : "raise" or number, default=nan
        The score where a fit fails, as in scikit-learn.
    return_train_score : bool, default=False
        Whether the records that were learned are scored too.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Another key gives other folds. Printing
        hides it, pickles contain it.

    Attributes
    ----------
    best_params_ : dict
        The choice.
    best_estimator_ : estimator
        scikit-learn's estimator with these parameters, fitted to all records: a copy.
    best_score_ : float
        Its mean score.
    best_index_ : int
        Its place in `cv_results_`.
    cv_results_ : dict
        Scores as in scikit-learn, without times, which are no functions of the records.
    n_splits_, scorer_, multimetric_, classes_, n_features_in_, feature_names_in_
        As in scikit-learn.

    See Also
    --------
    RandomizedSearchCV : Tries some combinations.
    HashedKFold : The folds.
    sqlearn.linear_model.LogisticRegressionCV : The same for one parameter, faster.

    Notes
    -----
    The model keeps its records. An update changes these, in microseconds; when the model is next read, scikit-learn's
    search runs over the records held, in an order that they alone decide. So the choice after a forget is the one of a
    refit, to the bit, and costs what that search costs. Folds without a record are left out; so are those that cannot
    be scored, with any of the values, which costs a second search. Rows are numbers, sparse ones are made dense; or
    tables with categories, where the estimator looks at columns, as a ColumnTransformer does.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sqlearn.linear_model import Ridge
    >>> from sqlearn.model_selection import GridSearchCV
    >>> X, y = load_diabetes(return_X_y=True)
    >>> search = GridSearchCV(Ridge(), {"alpha": [0.01, 0.1, 1.0, 10.0]}).fit(X, y)
    >>> search.best_params_
    {'alpha': 0.01}
    >>> search.forget(X[:40], y[:40]).digest() == GridSearchCV(Ridge(), search.param_grid).fit(X[40:], y[40:]).digest()
    True
    """

    _sklearn_class = peers.GridSearchCV

    def _candidates(self, params):
        return peers.ParameterGrid(params["param_grid"])

    def __init__(
        self,
        estimator: Any,
        param_grid: Any,
        *,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        error_score: float | str = np.nan,
        return_train_score: bool = False,
        key: str | bytes | None = None,
    ) -> None:
        self.estimator = estimator
        self.param_grid = param_grid
        self.scoring = scoring
        self.n_jobs = n_jobs
        self.refit = refit
        self.cv = cv
        self.verbose = verbose
        self.pre_dispatch = pre_dispatch
        self.error_score = error_score
        self.return_train_score = return_train_score
        self.key = key


class RandomizedSearchCV(_Search, peers.RandomizedSearchCV):
    """A search over some combinations of parameters, in folds that no deletion reshuffles, that forgets.

    Parameters
    ----------
    estimator : estimator
        A learner of this package that learns numbers, or one of scikit-learn's whose `random_state`, if it has one, is
        an int. It is not changed.
    param_distributions : dict or list of dict
        Lists of values, or distributions, by the names of parameters.
    n_iter : int, default=10
        How many combinations are tried.
    scoring, n_jobs, refit, cv, verbose, pre_dispatch : object
        As for :class:`GridSearchCV`.
    random_state : int, default=None
        What combinations are drawn from: an int is required.
    error_score, return_train_score, key : object
        As for :class:`GridSearchCV`.

    Attributes
    ----------
    best_params_ : dict
        The choice.
    best_estimator_ : estimator
        scikit-learn's estimator with these parameters, fitted to all records: a copy.
    best_score_, best_index_, cv_results_, n_splits_, scorer_, multimetric_, classes_ : object
        As those of :class:`GridSearchCV`.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    See Also
    --------
    GridSearchCV : Tries all combinations.

    Notes
    -----
    As for :class:`GridSearchCV`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sqlearn.linear_model import Ridge
    >>> from sqlearn.model_selection import RandomizedSearchCV
    >>> search = RandomizedSearchCV(Ridge(), {"alpha": [0.01, 0.1, 1.0, 10.0]}, n_iter=2, random_state=0)
    >>> search.fit(*load_diabetes(return_X_y=True)).best_params_
    {'alpha': 1.0}
    """

    _sklearn_class = peers.RandomizedSearchCV
    _or_more = ", or distributions"

    def _candidates(self, params):
        given = params["param_distributions"]
        for one in given if isinstance(given, list | tuple) else [given]:
            peers.ParameterGrid({name: values for name, values in one.items() if not hasattr(values, "rvs")})
        return peers.ParameterSampler(given, params["n_iter"], random_state=params["random_state"])

    def __init__(
        self,
        estimator: Any,
        param_distributions: Any,
        *,
        n_iter: int = 10,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: int | None = None,
        error_score: float | str = np.nan,
        return_train_score: bool = False,
        key: str | bytes | None = None,
    ) -> None:
        self.estimator = estimator
        self.param_distributions = param_distributions
        self.n_iter = n_iter
        self.scoring = scoring
        self.n_jobs = n_jobs
        self.refit = refit
        self.cv = cv
        self.verbose = verbose
        self.pre_dispatch = pre_dispatch
        self.random_state = random_state
        self.error_score = error_score
        self.return_train_score = return_train_score
        self.key = key

    def _check_supported_params(self, params):
        check_seed(params, type(self).__name__)
        super()._check_supported_params(params)
