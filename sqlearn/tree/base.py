"""What learners made of trees have in common: parameters, and the scikit-learn estimators that answer."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

import math
import sys
from collections.abc import Callable
from numbers import Integral
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from sqlearn.engine.identity import canonical_label
from sqlearn.engine.model import State
from sqlearn.engine.readout import label_array
from sqlearn.engine.sklearn_private import make_tree
from sqlearn.engine.tables import categories_in, category_tree, indicators_of, over_indicators
from sqlearn.engine.trees import Forest, ForestReport, Growth
from sqlearn.errors import ParameterError, shown
from sqlearn.tree.features import TakesCategories, check_class_weight, report_without

_NEVER = 2**30  # a depth that no tree reaches
_REFUSED: dict[str, tuple[Any, str]] = {
    "max_leaf_nodes": (None, "the best splits of a whole tree would be found by comparing all of its nodes: every "
        "record would move them. Use max_depth or min_samples_leaf"),
    "min_weight_fraction_leaf": (0.0, "it would compare each leaf with the weight of all records, which every update "
        "moves. Use min_samples_leaf"),
    "min_impurity_decrease": (0.0, "it would compare each split with the weight of all records, which every update "
        "moves. Use min_samples_leaf"),
    "ccp_alpha": (0.0, "pruning compares all subtrees of a tree with each other: every record would move it. Use "
        "max_depth or min_samples_leaf"),
    "monotonic_cst": (None, "constraints are not among what splits are chosen by"),
}  # fmt: skip


class ForgettingCost(NamedTuple):
    """What forgetting some records would change; see :meth:`TreeLearner.cost_of_forgetting`.

    Attributes
    ----------
    trees : int
        Trees that hold one of the records.
    splits_moved : int
        Nodes that would get another split.
    records_rebuilt : int
        Records of the subtrees that would be built anew, counted in each tree.
    """

    trees: int
    splits_moved: int
    records_rebuilt: int


class TreeLearner(TakesCategories):
    """Base of learners that predict labels or targets by trees which follow their records."""

    @property
    def last_update_(self) -> ForestReport:
        """What the last update did: trees changed, splits moved, records of subtrees built anew, seconds."""
        return cast(ForestReport, self._last_report())

    def cost_of_forgetting(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> ForgettingCost:
        """Tell what forgetting these records would change, and leave the model as it is.

        It takes about twice as long as forgetting them: they are set aside, as by ``without``, and taken back.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features) or (n_features,)
            Records as they were learned.
        y : scalar or array-like of shape (n_records,)
            Their labels or targets as they were learned.
        sample_weight : float or array-like of shape (n_records,), default=None
            The weights with which they were learned; 1 by default.

        Returns
        -------
        ForgettingCost
            Numbers of trees, of splits that would move, and of records that subtrees would be built anew of.

        Raises
        ------
        NotLearnedError
            If a record is not held.
        SqlearnError
            Another subclass that describes the problem.

        Examples
        --------
        >>> import numpy as np
        >>> from sqlearn.ensemble import RandomForestClassifier
        >>> X = np.arange(400.0).reshape(200, 2) % 37
        >>> y = (X[:, 0] > 18).astype(int)
        >>> model = RandomForestClassifier(10, max_samples=0.3).fit(X, y)
        >>> model.cost_of_forgetting(X[0], y[0]).trees
        3
        """
        return self._cost_of(*report_without(self, X, y, sample_weight))

    def _cost_of(self, report: ForestReport, asked: int) -> ForgettingCost:
        return ForgettingCost(report.trees, report.splits_moved, report.records_rebuilt)

    def to_sklearn(self, X: Any = None) -> Any:
        """Return a fitted scikit-learn estimator with this model's parameters and attributes.

        It holds nothing of the model's state, so it cannot forget, and its attributes may be changed. scikit-learn's
        trees compare numbers alone. Of a model with categories it is therefore a pipeline of two steps: indicators of
        the categories that splits compare with, and scikit-learn's estimator over these, with equal predictions.

        Parameters
        ----------
        X : array-like or frame of shape (n_records, n_features), default=None
            Records whose categories name the indicators, as the model itself keeps no names; for
            ``get_feature_names_out`` of the first step. Without categories it has no effect.

        Returns
        -------
        estimator
            A fitted instance of scikit-learn's class, or a ``sklearn.pipeline.Pipeline`` that ends with one.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        UndefinedAttributeError
            If the records held determine no model.

        Examples
        --------
        >>> import numpy as np
        >>> from sqlearn.tree import DecisionTreeClassifier
        >>> rows = np.array([["S", 22.0], ["C", 38.0], ["S", 26.0], ["Q", 35.0]], object)
        >>> model = DecisionTreeClassifier(categorical_features=[0]).fit(rows, [0, 1, 0, 1])
        >>> pipeline = model.to_sklearn(rows)
        >>> pipeline[0].get_feature_names_out()
        array(['x0_S', 'x1'], dtype=object)
        >>> pipeline.predict(rows)
        array([0, 1, 0, 1])
        """
        fitted, state = super().to_sklearn(), self._fitted_state()
        if not forest_of(state).categorical:
            return fitted
        known = {} if X is None else categories_in(X, type(self).__name__, state.layout)
        estimators = vars(fitted).get("estimators_", [fitted])
        trees = [estimator.tree_ for estimator in estimators]
        made = indicators_of(trees, np.array(state.layout.is_categorical), state.feature_names_in_, known)
        n_classes = getattr(fitted, "n_classes_", 1)
        for estimator in estimators:
            estimator.tree_ = over_indicators(estimator.tree_, made, int(n_classes))
        for estimator in (fitted, *estimators):
            vars(estimator).pop("feature_names_in_", None)
            estimator.n_features_in_ = len(made.columns_)
        return Pipeline([("indicators", made), ("model", fitted)])

    # ------------------------------------------------------------------ parameters

    def _growth(self, params: dict[str, Any], n_features: int) -> Growth:
        """How trees grow under these parameters."""
        classes, columns = params.get("class_weight"), params.get("categorical_features")
        return Growth(
            params.get("n_estimators", 1),
            self._share(params),
            _features_scored(params["max_features"], n_features),
            self._is_random(params),
            params["min_samples_split"],
            params["min_samples_leaf"],
            _NEVER if params["max_depth"] is None else params["max_depth"],
            class_weight=None if classes is None else {canonical_label(k): float(w) for k, w in classes.items()},
            categorical=() if isinstance(columns, str) else tuple(columns or ()),
            n_jobs=_threads(params.get("n_jobs")),
        )

    def _share(self, params: dict[str, Any]) -> float:
        """The share of the trees that each record is in."""
        return 1.0

    def _is_random(self, params: dict[str, Any]) -> bool:
        """Whether thresholds are drawn at random."""
        return False

    def _new_statistic(self, params, n_features, n_targets):
        report: Callable[[str], None] | None = None
        if params.get("verbose"):

            def report(line: str) -> None:
                print(f"{type(self).__name__}: {line}", file=sys.stderr, flush=True)

        growth = self._growth(params, n_features)
        return Forest(n_features, n_targets, growth, params.get("random_state") or 0, report)

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        name = type(self).__name__
        for parameter, (value, reason) in _REFUSED.items():
            given = params.get(parameter, value)  # which may be an array
            if given is not value and not (isinstance(given, int | float) and given == value):
                raise ParameterError(
                    f"{parameter}={shown(params[parameter])} of {name} is not supported: {reason}. Nothing was "
                    f"changed: leave it {value}.",
                    value=params[parameter],
                )
        for parameter in ("min_samples_split", "min_samples_leaf"):
            if not isinstance(params[parameter], Integral):
                raise ParameterError(
                    f"{parameter}={shown(params[parameter])} of {name} is a share of the records, which every update "
                    "moves, and is not supported. Nothing was changed: set a number of records.",
                    value=params[parameter],
                )
        if params["criterion"] not in ("gini", "squared_error", "friedman_mse"):
            raise ParameterError(
                f"criterion={params['criterion']!r} of {name} is not supported: splits are scored by exact integers, "
                "which give the Gini impurity and squared errors. Nothing was changed: set 'gini' for classes, "
                "'squared_error' for targets.",
                value=params["criterion"],
            )
        check_class_weight(name, params.get("class_weight"))

    # ------------------------------------------------------------------ reading

    def _estimators(self, state: State, maker: type[BaseEstimator], params: dict[str, Any]) -> list[Any]:
        """scikit-learn's trees that are equal to those held, None in place of trees without records."""
        forest = forest_of(state)
        classes = label_array(state) if state.vocabulary is not None else None
        found: list[Any] = []
        for t, described in enumerate(forest.described(state.occupied()[0])):
            if described is None:
                found.append(None)
                continue
            estimator = maker(**params, random_state=t)
            description = described._replace(numbers=described.numbers / [1.0, forest.class_unit])
            shape = state.n_features_in_, description.values.shape[1], description
            attributes: dict[str, Any] = {
                "n_features_in_": state.n_features_in_,
                "n_outputs_": 1,
                "max_features_": forest.n_scored,
                "tree_": category_tree(*shape, forest.equal) if forest.categorical else make_tree(*shape),
            }
            if classes is not None:
                attributes |= {"classes_": np.arange(float(len(classes))), "n_classes_": np.int64(len(classes))}
            vars(estimator).update(attributes)
            found.append(estimator)
        return found


def forest_of(state: State) -> Forest:
    """The records and the trees of a state."""
    assert isinstance(state.statistic, Forest)
    return state.statistic


def _features_scored(max_features: Any, n_features: int) -> int:
    """How many features are scored at a node."""
    if max_features == "sqrt":
        return max(1, int(math.sqrt(n_features)))
    if max_features == "log2":
        return max(1, int(math.log2(n_features)))
    if max_features is None:
        return n_features
    if isinstance(max_features, Integral):
        return int(max_features)
    return max(1, int(max_features * n_features))


def _threads(n_jobs: Any) -> int:
    """Number of threads, as joblib counts them."""
    from joblib import effective_n_jobs

    if n_jobs is not None and (n_jobs == 0 or not isinstance(n_jobs, Integral)):
        raise ParameterError(
            f"n_jobs={shown(n_jobs)} is no number of threads. Nothing was changed: set a number from 1 on, -1 for one "
            "thread per processor, or None.",
            value=n_jobs,
        )
    threads: int = effective_n_jobs(n_jobs)
    return threads
