"""The nearest records: classification and regression from the records themselves."""

import math
import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn import neighbors as peers

from sqlearn.engine.model import (
    ExactEstimator,
    Predicts,
    PredictsProba,
    UnweightedClassifier,
    UnweightedEstimator,
    refuse_large,
)
from sqlearn.engine.readout import label_array
from sqlearn.engine.rounds import LARGEST_BITS, KeptRecords
from sqlearn.engine.validation import check_sparse, is_of_input, words_of
from sqlearn.errors import ParameterError, UndefinedAttributeError, shown


class _Neighbors(ExactEstimator):
    """What a classifier and a regressor have in common that look for the nearest of the records held."""

    _keeps_records = True

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = False
        if tags.classifier_tags is not None:
            tags.classifier_tags.multi_label = False
        return tags

    def kneighbors(
        self, X: Any = None, n_neighbors: int | None = None, return_distance: bool = True
    ) -> tuple[np.ndarray, np.ndarray] | np.ndarray:
        """Find the nearest of the records held.

        They are numbered from 0 in an order that they alone decide: sorted by the first feature, then by the second and
        so on, then by label or target.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features), default=None
            Records; by default those held, in that order, none of which is its own neighbour.
        n_neighbors : int, default=None
            How many to find; by default the parameter of this name.
        return_distance : bool, default=True
            Whether to return distances too.

        Returns
        -------
        float64 and int64 ndarrays of shape (n_records, n_neighbors)
            Distances, and numbers of the records held; the numbers alone if so asked.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        UndefinedAttributeError
            If fewer records are held.
        SqlearnError
            Another subclass that describes the problem.
        """
        return self._answer("kneighbors", X, n_neighbors=n_neighbors, return_distance=return_distance)

    def kneighbors_graph(
        self, X: Any = None, n_neighbors: int | None = None, mode: str = "connectivity"
    ) -> sp.csr_matrix:
        """Return the graph from records to the nearest of those held.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features), default=None
            Records, as for ``kneighbors``.
        n_neighbors : int, default=None
            How many to find; by default the parameter of this name.
        mode : {"connectivity", "distance"}, default="connectivity"
            Whether edges have the weight 1, or the distance.

        Returns
        -------
        CSR matrix of shape (n_records, n_records_held)
            The weights; columns are the records held, in the order of ``kneighbors``.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        UndefinedAttributeError
            If fewer records are held.
        SqlearnError
            Another subclass that describes the problem.
        """
        return self._answer("kneighbors_graph", X, n_neighbors=n_neighbors, mode=mode)

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        for name in ("weights", "metric"):
            if not isinstance(params[name], str | None):
                raise ParameterError(
                    f"{name} must be a name, not {shown(params[name])}: a digest does not cover what a function or an "
                    "object computes. Nothing was changed: name one that scikit-learn knows.",
                    value=params[name],
                )
        if params["metric"] in ("precomputed", "nan_euclidean"):
            raise ParameterError(
                f"metric={params['metric']!r} is not supported: records must be features, none missing. Nothing was "
                "changed: fit on features, with a metric between them.",
                value=params["metric"],
            )
        for name, value in (params["metric_params"] or {}).items():
            if value is not None and (not isinstance(name, str) or np.asarray(value).dtype.kind not in "biuf"):
                raise ParameterError(
                    f"metric_params holds {shown(value)} as {shown(name)}, which is neither a number nor an array of "
                    "numbers. Nothing was changed: set parameters of the metric by their names.",
                    value=value,
                )

    def _features(self, spec, X, layout):
        features, layout = super()._features(spec, X, layout)
        bits = _largest_bits(self.get_params(deep=False))
        refuse_large(features.x, spec.learner, range(features.x.shape[1]), bits, "tell distances")
        return features, layout

    def _new_statistic(self, params, n_features, n_targets):
        return KeptRecords(n_features, n_targets, largest=2.0 ** _largest_bits(params))

    def _new_sklearn(self, params):
        metric_params = params["metric_params"]  # which predict_proba of scikit-learn's classifier writes to
        return super()._new_sklearn(params | {"metric_params": None if metric_params is None else {**metric_params}})

    def _check_learned(self, state):
        super()._check_learned(state)
        self._fitted_sklearn_of(state)

    def _read_out(self, state):
        assert isinstance(state.statistic, KeptRecords)
        held = state.statistic.all_records(state.class_slots())
        fitted = self._new_sklearn(state.params)
        given = set(vars(fitted))
        y = held.y if state.vocabulary is None else held.y.astype(np.intp)
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)  # of few records
                fitted.fit(held.x, y)
        except (TypeError, ValueError) as error:  # of a metric, say, that does not go with the algorithm
            if not is_of_input(error, here=False):
                raise
            raise ParameterError(
                f"{words_of(error)}These parameters do not fit these records. Set others, and fit again."
            ) from error
        found = {name: value for name, value in vars(fitted).items() if name not in given}
        if state.vocabulary is not None:
            found["classes_"] = label_array(state)
        return found

    def _answer(self, name: str, *args: Any, **kwargs: Any) -> Any:
        X, *rest = args
        if X is None and not name.startswith("kneighbors"):
            raise ParameterError(
                f"X of {name} is None. Nothing was computed: the order in which records were learned is not kept, so "
                "pass records. kneighbors() finds the neighbours of those held.",
                value=X,
            )
        held, asked = self._fitted_sklearn().n_samples_fit_, kwargs.get("n_neighbors")
        if X is not None:
            check_sparse(X)
            x = self._understood(X, None)
            X = x.toarray() if sp.issparse(x) else X
        k = self._fitted_sklearn().n_neighbors if asked is None else asked
        if isinstance(k, int | np.integer) and k > held - (X is None):
            relation = "<" if X is None else "<="
            raise UndefinedAttributeError(
                f"Expected n_neighbors {relation} n_samples_fit, but n_neighbors = {k}, n_samples_fit = {held}. "
                "Nothing was computed: learn more records, or ask for fewer neighbours.",
                reason="too few records",
            )
        return super()._answer(name, X, *rest, **kwargs)


def _largest_bits(params: dict[str, Any]) -> int:
    """Bits of the largest feature whose distances to others float64 holds."""
    p = (params["metric_params"] or {}).get("p", params["p"] if params["metric"] == "minkowski" else 2)
    if params["metric"] not in ("minkowski", "p") or p is None or not 2 < p < math.inf:
        return LARGEST_BITS
    return math.floor(2 * LARGEST_BITS / p) - 1


class KNeighborsClassifier(PredictsProba, _Neighbors, UnweightedClassifier, peers.KNeighborsClassifier):
    """Classifier by a vote of the nearest records, that forgets.

    Parameters
    ----------
    n_neighbors : int, default=5
        How many records vote.
    weights : {"uniform", "distance"} or None, default="uniform"
        Weights of the votes: all alike, or the inverse of the distance. Functions are refused.
    algorithm : {"auto", "ball_tree", "kd_tree", "brute"}, default="auto"
        How neighbours are found.
    leaf_size : int, default=30
        Size of a tree's leaves.
    p : float, default=2
        Power of the Minkowski metric.
    metric : str, default="minkowski"
        Metric of distances, one that scikit-learn knows by name. "precomputed" and "nan_euclidean" are refused.
    metric_params : dict, default=None
        Further parameters of the metric: numbers and arrays.
    n_jobs : int, default=None
        Jobs that look for neighbours.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    classes_ : array[n_classes]
        Classes of the records held.
    effective_metric_ : str
        Metric in use.
    effective_metric_params_ : dict
        Its parameters.
    n_samples_fit_ : int
        Number of records held.
    outputs_2d_ : bool
        False: a record has one label.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    The model holds the records themselves and no ledger: to forget one is to remove it. After an update, the next
    prediction fits scikit-learn's estimator to all records held; with a tree, that takes time in proportion to
    n log n. They are sorted by their features, then by label, so among records at equal distances the choice depends on
    the records held alone, not on the order in which they came (scikit-learn's depends on the order of the rows).

    Absolute values are at most 2**500 (2**(1000 / p - 1) for p > 2), since distances beyond leave float64's range:
    scikit-learn returns neighbours there that are none. A record has one label, and counts once: there are no sample
    weights.

    Examples
    --------
    >>> from sqlearn.neighbors import KNeighborsClassifier
    >>> model = KNeighborsClassifier(n_neighbors=1).fit([[0.0], [2.0], [3.0]], ["low", "high", "low"])
    >>> model.predict([[2.2]])
    array(['high'], dtype='<U4')
    >>> model.forget([2.0], "high").predict([[2.2]])
    array(['low'], dtype='<U3')
    """

    _sklearn_class = peers.KNeighborsClassifier

    def __init__(
        self,
        n_neighbors: int = 5,
        *,
        weights: str | None = "uniform",
        algorithm: str = "auto",
        leaf_size: int = 30,
        p: float = 2,
        metric: str = "minkowski",
        metric_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
        key: str | bytes | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.p = p
        self.metric = metric
        self.metric_params = metric_params
        self.n_jobs = n_jobs
        self.key = key


class KNeighborsRegressor(_Neighbors, Predicts, UnweightedEstimator, peers.KNeighborsRegressor):
    """Regression by the mean of the nearest records, that forgets.

    Parameters
    ----------
    n_neighbors : int, default=5
        Of how many records the mean is taken.
    weights : {"uniform", "distance"} or None, default="uniform"
        Weights in the mean: all alike, or the inverse of the distance. Functions are refused.
    algorithm : {"auto", "ball_tree", "kd_tree", "brute"}, default="auto"
        How neighbours are found.
    leaf_size : int, default=30
        Size of a tree's leaves.
    p : float, default=2
        Power of the Minkowski metric.
    metric : str, default="minkowski"
        Metric of distances, one that scikit-learn knows by name. "precomputed" and "nan_euclidean" are refused.
    metric_params : dict, default=None
        Further parameters of the metric: numbers and arrays.
    n_jobs : int, default=None
        Jobs that look for neighbours.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    effective_metric_ : str
        Metric in use.
    effective_metric_params_ : dict
        Its parameters.
    n_samples_fit_ : int
        Number of records held.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    As for :class:`KNeighborsClassifier`; a record has one target.

    Examples
    --------
    >>> from sqlearn.neighbors import KNeighborsRegressor
    >>> model = KNeighborsRegressor(n_neighbors=2).fit([[0.0], [1.0], [2.0], [3.0]], [0.0, 2.0, 70.0, 6.0])
    >>> model.forget([2.0], 70.0).predict([[2.2]])
    array([4.])
    """

    _sklearn_class = peers.KNeighborsRegressor
    _target = "value"

    def __init__(
        self,
        n_neighbors: int = 5,
        *,
        weights: str | None = "uniform",
        algorithm: str = "auto",
        leaf_size: int = 30,
        p: float = 2,
        metric: str = "minkowski",
        metric_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
        key: str | bytes | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.p = p
        self.metric = metric
        self.metric_params = metric_params
        self.n_jobs = n_jobs
        self.key = key
