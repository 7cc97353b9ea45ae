"""Votes of several learners that forget where the learners do."""

from typing import Any

import numpy as np
from sklearn import ensemble as peers
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.metaestimators import available_if

from sqlearn.engine.model import Predicts, PredictsProba, Transforms, WeightedClassifier, WeightedEstimator
from sqlearn.engine.parts import Composite, Part, Whole, active, answering, checked_names, codes, named_estimators
from sqlearn.errors import ParameterError

Named = list[tuple[str, Any]]


def _is_soft(model: Any) -> bool:
    if model.voting == "soft":
        return True
    raise AttributeError(f"predict_proba is not available when voting={model.voting!r}")


class _Voting(Composite):
    """What both have in common."""

    def _learners(self, params):
        return active(params)

    def _parts(self, params, whole):
        return [Part(learner, codes) for learner in active(params)]

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        params["estimators"] = checked_names(params, self)
        weights = params["weights"]
        if weights is not None and len(weights) != len(params["estimators"]):
            raise ParameterError(
                f"Number of `estimators` and weights must be equal; got {len(weights)} weights, "
                f"{len(params['estimators'])} estimators. Nothing was changed: pass a weight for each.",
                value=weights,
            )

    def _read_out(self, state):
        with self._models(state) as live:
            models = [answering(model, state.learner) for model in live]
        return {"estimators_": models, "named_estimators_": named_estimators(state.params, models)}


class VotingClassifier(_Voting, Transforms, PredictsProba, WeightedClassifier, peers.VotingClassifier):  # type: ignore[override]
    """A vote of several classifiers, that forgets.

    Parameters
    ----------
    estimators : list of (str, estimator)
        Classifiers of this package, which follow each update by their own verbs; "drop" leaves one out. Others are
        taken if their `random_state`, where they have one, is an int: they are fitted anew when the model is read.
    voting : {"hard", "soft"}, default="hard"
        Whether labels are counted, or probabilities averaged.
    weights : array-like of shape (n_estimators,), default=None
        Weights of the votes.
    n_jobs : int, default=None
        Without effect.
    flatten_transform : bool, default=True
        As in scikit-learn: the shape of what ``transform`` returns under soft voting.
    verbose : bool, default=False
        Without effect.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    estimators_ : list of estimators
        scikit-learn's estimators, fitted: copies. Classes are numbers there, from 0.
    named_estimators_ : Bunch
        The same, by name.
    classes_ : array[n_classes]
        Labels held, sorted.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    See Also
    --------
    StackingClassifier : Learns how to combine the parts.

    Notes
    -----
    The model keeps its records, and models of the parts beside them. An update changes the records; when the model is
    next read, the parts learn and forget what came and went, and are then, to the bit, what a fit would make them. A
    part that refuses a record refuses it here. Rows are numbers (no text, no categories); sparse ones are made dense.

    Examples
    --------
    >>> from sqlearn.ensemble import VotingClassifier
    >>> from sqlearn.linear_model import LogisticRegression
    >>> from sqlearn.naive_bayes import GaussianNB
    >>> vote = VotingClassifier([("bayes", GaussianNB()), ("logistic", LogisticRegression())], voting="soft")
    >>> X, y = [[0.0], [1.0], [2.0], [3.0], [9.0]], [0, 0, 1, 1, 0]
    >>> vote.fit(X, y).forget([9.0], 0).predict([[2.6]])
    array([1])
    >>> vote.digest() == VotingClassifier(vote.estimators, voting="soft").fit(X[:4], y[:4]).digest()
    True
    """

    _sklearn_class = peers.VotingClassifier

    def __init__(
        self,
        estimators: Named,
        *,
        voting: str = "hard",
        weights: Any = None,
        n_jobs: int | None = None,
        flatten_transform: bool = True,
        verbose: bool = False,
        key: str | bytes | None = None,
    ) -> None:
        self.estimators = estimators
        self.voting = voting
        self.weights = weights
        self.n_jobs = n_jobs
        self.flatten_transform = flatten_transform
        self.verbose = verbose
        self.key = key

    @available_if(_is_soft)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the means of the parts' probabilities.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        float64 ndarray of shape (n_records, n_classes)
            Probabilities, in the order of ``classes_``.
        """
        found: np.ndarray = self._answer("predict_proba", X)
        return found

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        for name, part in params["estimators"] if params["voting"] == "soft" else ():
            if not isinstance(part, str) and not hasattr(part, "predict_proba"):
                raise ParameterError(
                    f"{type(part).__name__} ({name}) has no predict_proba, whose means a soft vote takes. Nothing was "
                    "changed: set voting='hard', or take a classifier with probabilities; CalibratedClassifierCV gives "
                    "them to any.",
                    value=part,
                )

    def _read_out(self, state):
        encoder, classes = LabelEncoder(), Whole.classes_of(state)
        encoder.classes_ = classes
        return super()._read_out(state) | {"classes_": classes, "le_": encoder}


class VotingRegressor(_Voting, Transforms, Predicts, WeightedEstimator, peers.VotingRegressor):  # type: ignore[override]
    """The mean of several regressors, that forgets.

    Parameters
    ----------
    estimators : list of (str, estimator)
        Regressors of this package, which follow each update by their own verbs; "drop" leaves one out. Others are taken
        if their `random_state`, where they have one, is an int: they are fitted anew when the model is read.
    weights : array-like of shape (n_estimators,), default=None
        Weights in the mean.
    n_jobs : int, default=None
        Without effect.
    verbose : bool, default=False
        Without effect.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    estimators_ : list of estimators
        scikit-learn's estimators, fitted: copies.
    named_estimators_ : Bunch
        The same, by name.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    As for :class:`VotingClassifier`; a record has one target.

    Examples
    --------
    >>> from sqlearn.ensemble import VotingRegressor
    >>> from sqlearn.linear_model import LinearRegression
    >>> from sqlearn.neighbors import KNeighborsRegressor
    >>> vote = VotingRegressor([("line", LinearRegression()), ("near", KNeighborsRegressor(1))])
    >>> vote.fit([[0.0], [1.0], [2.0], [3.0]], [0.0, 2.0, 70.0, 6.0]).forget([2.0], 70.0).predict([[3.0]])
    array([6.])
    """

    _sklearn_class = peers.VotingRegressor
    _target = "value"

    def __init__(
        self,
        estimators: Named,
        *,
        weights: Any = None,
        n_jobs: int | None = None,
        verbose: bool = False,
        key: str | bytes | None = None,
    ) -> None:
        self.estimators = estimators
        self.weights = weights
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.key = key
