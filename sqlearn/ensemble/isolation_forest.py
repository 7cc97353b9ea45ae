"""The isolation forest: how easily a record is separated from others at random tells how unusual it is."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

import warnings
from numbers import Integral
from typing import Any, NamedTuple, NoReturn

import numpy as np
from sklearn import ensemble as peers
from sklearn.tree import ExtraTreeRegressor

from sqlearn.engine.model import DetectsOutliers, State, UnweightedEstimator
from sqlearn.engine.sklearn_private import average_path_length, make_tree
from sqlearn.engine.trees import Isolating, Isolation, IsolationTree, SampleReport, depth_limit
from sqlearn.errors import ParameterError, UndefinedAttributeError, shown
from sqlearn.tree import TreeBased, report_without

_AUTO = 256  # records of a sample, as in scikit-learn


class SampleCost(NamedTuple):
    """What forgetting some records would change; see :meth:`IsolationForest.cost_of_forgetting`.

    Attributes
    ----------
    trees : int
        Trees whose sample holds one of the records.
    records_rebuilt : int
        Records in the samples of these trees, which would be grown again.
    """

    trees: int
    records_rebuilt: int


class _Nodes(NamedTuple):
    """What scikit-learn's tree is made of."""

    split: np.ndarray
    thresholds: np.ndarray
    numbers: np.ndarray
    values: np.ndarray


class IsolationForest(TreeBased, DetectsOutliers, UnweightedEstimator, peers.IsolationForest):
    """An isolation forest that forgets: it tells which records are unusual.

    Parameters
    ----------
    n_estimators : int, default=100
        Number of trees.
    max_samples : "auto" or int, default="auto"
        How many records each tree is grown from; "auto" for 256. While fewer are held, trees have all of them. A share
        (a float) is refused: every update would change the size of every sample.
    contamination : "auto" or float, default="auto"
        Share of outliers among the records held, in (0, 0.5], from which `offset_` is computed when it is needed;
        "auto" for an offset of -0.5.
    max_features : int or float, default=1.0
        How many features each tree sees: a number, or a share of all.
    bootstrap : bool, default=False
        True is refused: the samples are the records of lowest hash, each of them once.
    n_jobs : int, default=None
        Without effect: trees grow in milliseconds.
    random_state : int or None, default=None
        Seed of the hashes that choose records, features and thresholds; None is a constant.
    verbose : int, default=0
        Passed on to scikit-learn, which tells of its threads when it scores records.
    warm_start : bool, default=False
        True is refused: the model would depend on its history.
    key : str or bytes, default=None
        Secret key of the records' digests, of which draws are hashes; by default a public constant. Printing hides it,
        pickles contain it.

    Attributes
    ----------
    estimators_ : list of ExtraTreeRegressor
        scikit-learn's trees of the same nodes, numbered in preorder.
    estimators_features_ : list of int64[k]
        The features that each tree sees.
    max_samples_ : int
        How many records each tree is grown from.
    offset_ : float
        What `decision_function` subtracts from `score_samples`: -0.5, or the percentile of the scores of all records
        held that `contamination` names.
    last_update_ : SampleReport
        What the last update did.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    Each tree is grown from the `max_samples` records whose hash in this tree is lowest, and its features and thresholds
    are hashes of the path to each node. So it is a function of the records held, the parameters and `random_state`, and
    what is left after a forget has the bytes of a refit. A record is in the sample of a tree with the probability
    `max_samples` / n: forgetting one of many records changes few trees or none, and takes microseconds. The next record
    by hash takes its place, and the tree is grown again when it is read.

    Depths are limited, and scores computed, as in scikit-learn, whose forest of the same nodes `to_sklearn()` returns.
    Features are compared as float32, saturated at its range. Missing values (NaN) go to the right at every split.
    Scores lie between -1.0 and 0.0: the lower, the easier a record is separated from others at random. Records have no
    weights here. The first `predict` after an update scores all records if `contamination` is a number.

    References
    ----------
    Liu, Ting, Zhou (2008), "Isolation Forest", ICDM, doi:10.1109/ICDM.2008.17.

    Guha, Mishra, Roy, Schrijvers (2016), "Robust Random Cut Forest Based Anomaly Detection on Streams", ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from sqlearn import verify
    >>> from sqlearn.ensemble import IsolationForest
    >>> X = np.random.default_rng(0).normal(size=(2000, 3))
    >>> X[0] = 9.0
    >>> model = IsolationForest().fit(X)
    >>> model.predict(X[:3])
    array([-1,  1,  1])
    >>> model.cost_of_forgetting(X[5]).trees             # of 100: those that the record is in
    12
    >>> verify(model.forget(X[5]), np.delete(X, 5, axis=0))
    IsolationForest equals its refit on 1999 rows, byte for byte (digest ...)
    """

    _sklearn_class = peers.IsolationForest

    def __init__(
        self,
        *,
        n_estimators: int = 100,
        max_samples: int | str = "auto",
        contamination: float | str = "auto",
        max_features: int | float = 1.0,
        bootstrap: bool = False,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        warm_start: bool = False,
        key: str | bytes | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.contamination = contamination
        self.max_features = max_features
        self.bootstrap = bootstrap
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.key = key

    # ------------------------------------------------------------------ answers

    @property
    def last_update_(self) -> SampleReport:
        """What the last update did: trees whose sample changed, records in their samples, seconds."""
        report: SampleReport = self._last_report()
        return report

    def cost_of_forgetting(self, X: Any, y: Any = None) -> SampleCost:
        """Tell what forgetting these records would change, and leave the model as it is.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features) or (n_features,)
            Records as they were learned.
        y : object, default=None
            Ignored.

        Returns
        -------
        SampleCost
            Number of trees that would be grown again, and of the records that they are grown from.

        Raises
        ------
        NotLearnedError
            If a record is not held.
        SqlearnError
            Another subclass that describes the problem.

        Examples
        --------
        >>> import numpy as np
        >>> from sqlearn.ensemble import IsolationForest
        >>> model = IsolationForest(n_estimators=20).fit(np.arange(200.0)[:, None])
        >>> model.cost_of_forgetting([3.0])
        SampleCost(trees=20, records_rebuilt=3980)
        """
        report, _ = report_without(self, X, None, None)
        return SampleCost(report.trees, report.records_rebuilt)

    def to_sklearn(self) -> Any:
        _ = self.offset_
        return super().to_sklearn()

    def fitted_attributes(self) -> dict[str, Any]:
        _ = self.offset_
        return super().fitted_attributes()

    def _answering(self, name):
        if name != "score_samples":
            _ = self.offset_
        return super()._answering(name)

    # ------------------------------------------------------------------ parameters

    def _new_statistic(self, params, n_features, n_targets):
        size = _AUTO if params["max_samples"] == "auto" else params["max_samples"]
        growth = Isolating(params["n_estimators"], size, _features_seen(params["max_features"], n_features))
        return Isolation(n_features, n_targets, growth, params["random_state"] or 0)

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        if isinstance(params["max_samples"], float):
            raise ParameterError(
                f"max_samples={shown(params['max_samples'])} of IsolationForest is a share of the records, which every "
                "update moves, and is not supported. Nothing was changed: set a number of records, or 'auto' for "
                f"{_AUTO}.",
                value=params["max_samples"],
            )
        if params["bootstrap"]:
            raise ParameterError(
                "bootstrap=True of IsolationForest is not supported: a sample is made of the records of lowest hash, "
                "each of them once. Nothing was changed: leave it False.",
                value=params["bootstrap"],
            )

    def _check_batch(self, batch):
        wanted: Any = self.max_features
        d = batch.x.shape[1]
        if isinstance(wanted, Integral) and not 0 < int(wanted) <= d:
            raise ParameterError(
                f"max_features must be <= n_features: it is {wanted}, and the rows have {d} features. Nothing was "
                "changed: set a number from 1 on, or a share of the features.",
                value=wanted,
            )

    def _check_fit(self, batch):
        wanted: Any = self.max_samples
        n = len(batch)
        if isinstance(wanted, Integral) and int(wanted) > n:
            warnings.warn(
                f"max_samples ({wanted}) is greater than the total number of samples ({n}). max_samples will be set to "
                "n_samples for estimation, until there are more.",
                UserWarning,
                stacklevel=2,
            )

    # ------------------------------------------------------------------ reading

    def _read_out(self, state):
        statistic = _isolation_of(state)
        trees = statistic.current(state.occupied()[0])
        lengths = average_path_length(np.concatenate([tree.split[:, 3] for tree in trees]).astype(np.int64))
        ends = np.cumsum([len(tree.split) for tree in trees])
        m = int(trees[0].split[0, 3])
        estimators = [_estimator(t, tree, depth_limit(m)) for t, tree in enumerate(trees)]
        found = {
            "estimators_": estimators,
            "estimators_features_": [tree.features for tree in trees],
            "estimator_": ExtraTreeRegressor(max_features=1),
            "max_samples_": m,
            "_max_samples": m,
            "_max_features": statistic.growth.k,
            "_average_path_length_per_tree": tuple(np.split(lengths, ends[:-1])),
            "_decision_path_lengths": tuple(estimator.tree_.compute_node_depths() for estimator in estimators),
        }
        if state.params["contamination"] == "auto":
            found["offset_"] = -0.5
        return found

    @property
    def offset_(self) -> float:
        """What ``decision_function`` subtracts from ``score_samples``."""
        state = self._fitted_state()
        fitted = self._fitted_sklearn()
        found: float | None = vars(fitted).get("offset_")
        if found is None:
            with state.reading():
                x = _isolation_of(state).all_records(state.occupied()[0]).x
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "X does not have valid feature names", UserWarning)
                scores = self.score_samples(x)
            found = float(np.percentile(scores, 100.0 * state.params["contamination"]))
            vars(fitted)["offset_"] = found
        return found

    @property
    def estimators_samples_(self) -> NoReturn:
        """Undefined: the order in which records were learned is not kept, so they have no numbers."""
        self._fitted_state()
        raise UndefinedAttributeError(
            "estimators_samples_ of this IsolationForest is undefined: the order in which records were learned is not "
            "kept, so they have no numbers that could be told.",
            reason="row order",
        )


def _isolation_of(state: State) -> Isolation:
    assert isinstance(state.statistic, Isolation)
    return state.statistic


def _estimator(t: int, tree: IsolationTree, max_depth: int) -> ExtraTreeRegressor:
    """scikit-learn's tree of the same nodes."""
    n, k = len(tree.split), len(tree.features)
    numbers = np.column_stack([np.zeros(n), tree.split[:, 3]])
    nodes = _Nodes(tree.split, tree.thresholds, numbers, np.zeros((n, 1)))
    estimator = ExtraTreeRegressor(max_depth=max_depth, max_features=1, random_state=t)
    attributes = {"n_features_in_": k, "n_outputs_": 1, "max_features_": 1, "tree_": make_tree(k, 1, nodes)}
    vars(estimator).update(attributes)
    return estimator


def _features_seen(max_features: Any, n_features: int) -> int:
    """How many features each tree sees, as scikit-learn counts them."""
    wanted = max_features if isinstance(max_features, Integral) else int(max_features * n_features)
    return max(1, min(int(wanted), n_features))
