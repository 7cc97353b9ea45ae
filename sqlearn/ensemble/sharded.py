"""Ensembles of any estimators, of which each has learned a shard of the records: SISA, with the bytes of a refit."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if

from sqlearn.engine.model import Predicts, PredictsProba
from sqlearn.engine.readout import label_array
from sqlearn.engine.sklearn_private import StrOptions, parameter_constraints
from sqlearn.ensemble.shards.groups import Grouped
from sqlearn.ensemble.shards.verbs import ShardedVerbs
from sqlearn.ensemble.shards.vote import ClassifierVote, RegressorVote, is_soft
from sqlearn.errors import ParameterError


class ShardedClassifier(ShardedVerbs, PredictsProba, Predicts, MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """A vote of classifiers that each learn a shard of the records, that forgets.

    Parameters
    ----------
    estimator : estimator
        Any classifier that is compatible with scikit-learn, pipelines included; one with ``predict_proba`` for soft
        voting. Each member is a clone of it whose parameters `random_state` are hashes of the shard's name and of the
        ensemble's own `random_state`. Two fits of it to the same rows must give the same model.
    n_shards : int, default=16
        Number of shards, unless ``fit`` is given groups. 1 makes a plain model that is fitted when it is read.
    n_slices : int, default=1
        Number of slices of a shard. With more than one a member learns slice after slice by ``partial_fit``, each once,
        and a copy of it is kept after each, from which a refit starts.
    voting : {"soft", "hard"}, default="soft"
        Whether the members' probabilities are averaged, or their labels counted.
    random_state : int, default=None
        Seed of the members' random numbers; None is a constant.
    n_jobs : int, default=None
        How many members are fitted at a time, in threads. It is no part of the model.
    verbose : bool, default=False
        Whether to print on stderr how many members are fitted. It is no part of the model.
    check_refit : bool, default=True
        Whether ``fit`` fits a small member twice first, and refuses an estimator whose two fits differ. It is no part
        of the model.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    classes_ : array[n_classes]
        Labels held, sorted.
    estimators_ : list of estimators
        The members that vote, fitted: copies.
    names_ : list
        The names of their shards, sorted: groups, or numbers from 0.
    weights_ : float64[n_members]
        The weights of their votes: 1 unless ``set_group_weight`` says another.
    shards_ : list of ShardInfo
        Name, number of records and weight of each shard, and whether its member is fitted or due.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    See Also
    --------
    VotingClassifier : Different classifiers, which learn all records.

    Notes
    -----
    This is SISA training (Bourtoule et al., Machine Unlearning, IEEE S&P 2021, section IV): whoever forgets a record
    fits the member again that has learned it, and no other. The model keeps its records. A member is a function of the
    records of its shard, which reach it in the order of their digests, of the shard's name and of the parameters: so it
    cannot show when, or how often, it was fitted. Digests cover records, groups, weights and parameters; pickles do not
    have the members, which are fitted again when they are next read.

    A shard without records has no member. One with a single class predicts it. Learners of this package forget by
    themselves, if the records are arrays of numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sqlearn.ensemble import ShardedClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = ShardedClassifier(RandomForestClassifier(10), n_shards=4).fit(X, y)
    >>> [shard.is_fitted for shard in model.forget(X[0], y[0]).shards_]
    [True, True, True, False]
    >>> model.digest() == ShardedClassifier(model.estimator, n_shards=4).fit(X[1:], y[1:]).digest()
    True
    """

    _sklearn_class = ClassifierVote
    _target = "label"
    _parameter_constraints: ClassVar[dict] = parameter_constraints(ShardedVerbs) | {
        "voting": [StrOptions({"soft", "hard"})]
    }

    def __init__(
        self,
        estimator: Any,
        n_shards: int = 16,
        n_slices: int = 1,
        voting: str = "soft",
        *,
        random_state: int | None = None,
        n_jobs: int | None = None,
        verbose: bool = False,
        check_refit: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.estimator = estimator
        self.n_shards = n_shards
        self.n_slices = n_slices
        self.voting = voting
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.check_refit = check_refit
        self.key = key

    def partial_fit(
        self,
        X: Any,
        y: Any = None,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        groups: Any = None,
    ) -> Self:
        """Learn more records; the members of their shards are fitted again when they are next read.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features) or (n_features,)
            Records; one on its own may be 1-D.
        y : scalar or array-like of shape (n_records,)
            Labels: integers, booleans or strings. New ones may come at any time.
        classes : array-like of shape (n_classes,), default=None
            If given, other labels are refused. It is checked and not remembered.
        sample_weight : float or array-like of shape (n_records,), default=None
            Weights of the records, if the estimator takes any; 1 by default.
        groups : scalar or array-like of shape (n_records,), default=None
            Their groups, if the model has any, or holds nothing yet. New ones may come at any time.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        UnknownLabelError
            If a label is not among the `classes` given.
        SqlearnError
            Another subclass that describes the problem. The model is unchanged.

        Examples
        --------
        >>> from sklearn.tree import DecisionTreeClassifier
        >>> from sqlearn.ensemble import ShardedClassifier
        >>> model = ShardedClassifier(DecisionTreeClassifier(), n_shards=1).partial_fit([[0.0], [7.0]], ["low", "high"])
        >>> model.partial_fit([3.0], "middle").predict([[3.0]])
        array(['middle'], dtype='<U6')
        """
        return self._update(Grouped(X, groups), y, sample_weight, 1.0, classes)

    @available_if(is_soft)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the means of the members' probabilities.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        float64 ndarray of shape (n_records, n_classes)
            Probabilities, in the order of ``classes_``. A member gives none to labels that its shard does not have.

        Raises
        ------
        UndefinedAttributeError
            If a member cannot be fitted or cannot answer; the message names its shard.
        """
        found: np.ndarray = self._answer("predict_proba", X)
        return found

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        if params["voting"] == "soft" and not hasattr(params["estimator"], "predict_proba"):
            raise ParameterError(
                f"{type(params['estimator']).__name__} has no predict_proba, whose means a soft vote takes. Nothing "
                "was changed: set voting='hard', or take a classifier with probabilities.",
                value=params["estimator"],
            )

    def _read_out(self, state):
        return super()._read_out(state) | {"classes_": label_array(state)}


class ShardedRegressor(ShardedVerbs, Predicts, MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """The mean of regressors that each learn a shard of the records, that forgets.

    Parameters
    ----------
    estimator : estimator
        Any regressor that is compatible with scikit-learn, pipelines included. Each member is a clone of it whose
        parameters `random_state` are hashes of the shard's name and of the ensemble's own `random_state`. Two fits of
        it to the same rows must give the same model.
    n_shards : int, default=16
        Number of shards, unless ``fit`` is given groups. 1 makes a plain model that is fitted when it is read.
    n_slices : int, default=1
        Number of slices of a shard. With more than one a member learns slice after slice by ``partial_fit``, each once,
        and a copy of it is kept after each, from which a refit starts.
    random_state : int, default=None
        Seed of the members' random numbers; None is a constant.
    n_jobs : int, default=None
        How many members are fitted at a time, in threads. It is no part of the model.
    verbose : bool, default=False
        Whether to print on stderr how many members are fitted. It is no part of the model.
    check_refit : bool, default=True
        Whether ``fit`` fits a small member twice first, and refuses an estimator whose two fits differ. It is no part
        of the model.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    estimators_ : list of estimators
        The members that vote, fitted: copies.
    names_ : list
        The names of their shards, sorted: groups, or numbers from 0.
    weights_ : float64[n_members]
        The weights of their predictions: 1 unless ``set_group_weight`` says another.
    shards_ : list of ShardInfo
        Name, number of records and weight of each shard, and whether its member is fitted or due.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    As for :class:`ShardedClassifier`; a record has one target.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import HistGradientBoostingRegressor
    >>> from sqlearn.ensemble import ShardedRegressor
    >>> X = np.arange(200.0)[:, None]
    >>> model = ShardedRegressor(HistGradientBoostingRegressor(max_iter=5), n_shards=2).fit(X, X[:, 0])
    >>> refit = ShardedRegressor(model.estimator, n_shards=2).fit(X[:-1], X[:-1, 0])
    >>> bool((model.forget(X[-1], 199.0).predict(X) == refit.predict(X)).all())
    True
    """

    _sklearn_class = RegressorVote
    _target = "value"

    def __init__(
        self,
        estimator: Any,
        n_shards: int = 16,
        n_slices: int = 1,
        *,
        random_state: int | None = None,
        n_jobs: int | None = None,
        verbose: bool = False,
        check_refit: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.estimator = estimator
        self.n_shards = n_shards
        self.n_slices = n_slices
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.check_refit = check_refit
        self.key = key

    def partial_fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None, *, groups: Any = None) -> Self:
        """Learn more records; the members of their shards are fitted again when they are next read.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features) or (n_features,)
            Records; one on its own may be 1-D.
        y : scalar or array-like of shape (n_records,)
            Targets (float64).
        sample_weight : float or array-like of shape (n_records,), default=None
            Weights of the records, if the estimator takes any; 1 by default.
        groups : scalar or array-like of shape (n_records,), default=None
            Their groups, if the model has any, or holds nothing yet. New ones may come at any time.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        SqlearnError
            A subclass that describes the problem. The model is unchanged.

        Examples
        --------
        >>> from sklearn.tree import DecisionTreeRegressor
        >>> from sqlearn.ensemble import ShardedRegressor
        >>> model = ShardedRegressor(DecisionTreeRegressor(), n_shards=1).partial_fit([[0.0], [7.0]], [0.0, 7.0])
        >>> model.partial_fit([3.0], 4.0).predict([[3.0]])
        array([4.])
        """
        return self._update(Grouped(X, groups), y, sample_weight, 1.0)
