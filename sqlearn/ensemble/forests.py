"""What random forests and extremely randomised trees have in common."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

from contextlib import suppress
from numbers import Integral
from typing import Any, NoReturn, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.metrics import accuracy_score, r2_score

from sqlearn.engine.model import State
from sqlearn.engine.readout import label_array
from sqlearn.engine.rounds import Records, Rows
from sqlearn.engine.sklearn_private import param_names
from sqlearn.errors import ParameterError, UndefinedAttributeError, shown
from sqlearn.tree import TreeLearner, forest_of, saturated

_SHARE = 0.63  # of the trees that a record is in, by default: a bootstrap sample has that share of the records
_OUT_OF_BAG = ("oob_score_", "oob_decision_function_", "oob_prediction_")


class ForestLearner(TreeLearner):
    """Base of forests.

    Attributes
    ----------
    _tree : type
        scikit-learn's class of a single tree.
    _random : bool
        Whether thresholds are drawn at random.
    """

    _tree: type
    _random = False

    @property
    def estimator(self) -> Any:
        """What scikit-learn's forest asks for its kind of trees."""
        return self._tree()

    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Learn these records alone; what was learned before is dropped.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records, of numbers that float64 holds, of categories (see `categorical_features`), or missing.
        y : array-like of shape (n_records,), default=None
            Labels (integers, booleans or strings) or targets (float64).
        sample_weight : array-like of shape (n_records,), default=None
            Weights of the records, float64 and not negative; 1 by default. A record of weight 0 is held, and counts
            nowhere.

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
        >>> from sqlearn.ensemble import RandomForestRegressor
        >>> RandomForestRegressor(10).fit([[1.0], [2.0], [3.0]], [7.0, 7.0, 7.0]).predict([[5.0]])
        array([7.])
        """
        if self.oob_score is not True:  # what is neither True nor False is refused
            return super().fit(X, y, sample_weight)
        fitted = self._with_state(self.__dict__.get("_state"))  # what fails after learning leaves the model as it was
        super(ForestLearner, fitted).fit(X, y, sample_weight)
        with suppress(UndefinedAttributeError):
            fitted._note_out_of_bag(X)
        self._state = fitted._state
        return self

    def apply(self, X: Any) -> np.ndarray:
        """Return the leaf that each record falls into, of every tree.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        int64 ndarray of shape (n_records, n_trees)
            Numbers of leaves, of the trees of ``estimators_``: nodes are numbered from 0 in preorder.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("apply", X)

    def decision_path(self, X: Any) -> tuple[sp.csr_matrix, np.ndarray]:
        """Return the nodes on the way of each record from the roots to its leaves.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        CSR matrix of shape (n_records, n_nodes) and int64 ndarray of shape (n_trees + 1,)
            1 where the record passes the node; columns from ``ends[t]`` to ``ends[t + 1]`` are those of tree t.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("decision_path", X)

    def to_sklearn(self, X: Any = None) -> Any:
        if self._fitted_state().params["oob_score"]:
            with suppress(UndefinedAttributeError):
                _ = self.oob_score_
        return super().to_sklearn(X)

    # ------------------------------------------------------------------ parameters

    def _is_random(self, params):
        return self._random

    def _share(self, params):
        if not params["bootstrap"]:
            return 1.0
        return _SHARE if params["max_samples"] is None else params["max_samples"]

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        name, share = type(self).__name__, params["max_samples"]
        if share is not None and (isinstance(share, Integral) or share > 1 or not params["bootstrap"]):
            raise ParameterError(
                f"max_samples={shown(share)} of {name} is not supported: it is the share of the trees that each record "
                "is in, a float in (0, 1], where bootstrap is True. Nothing was changed: set one.",
                value=share,
            )
        if params["oob_score"] not in (False, True):
            raise ParameterError(
                f"oob_score={shown(params['oob_score'])} of {name} is not supported: a digest does not cover what a "
                "function computes. Nothing was changed: set True or False.",
                value=params["oob_score"],
            )
        if params["oob_score"] and not params["bootstrap"]:
            raise ParameterError(
                f"oob_score=True of {name} needs trees that do not hold all records: out-of-bag estimation is only "
                "available if bootstrap=True. Nothing was changed: set bootstrap, or leave oob_score out.",
                value=params["oob_score"],
            )

    # ------------------------------------------------------------------ reading

    def _read_out(self, state):
        names = param_names(self._tree)
        params = {name: state.params[name] for name in names if name in state.params and name != "random_state"}
        trees = self._estimators(state, self._tree, params)
        found = {
            "estimators_": [tree for tree in trees if tree is not None],
            "estimator_": self._tree(),
            "n_outputs_": 1,
        }
        if state.vocabulary is not None:
            found |= {"classes_": label_array(state), "n_classes_": len(state.occupied()[1])}
        return found

    def fitted_attributes(self) -> dict[str, Any]:
        return {name: value for name, value in super().fitted_attributes().items() if name not in _OUT_OF_BAG}

    @property
    def estimators_samples_(self) -> NoReturn:
        """Undefined: the order in which records were learned is not kept, so they have no numbers."""
        self._fitted_state()
        raise UndefinedAttributeError(
            f"estimators_samples_ of this {type(self).__name__} is undefined: the order in which records were learned "
            "is not kept, so they have no numbers that could be told.",
            reason="row order",
        )

    @property
    def oob_score_(self) -> float:
        """Accuracy, or the coefficient of determination, over the records held: trees predict those not in them."""
        state = self._asked_out_of_bag("oob_score_")
        fitted = self._fitted_sklearn()
        known: float | None = vars(fitted).get("oob_score_")
        if known is None:
            with state.reading():
                records = forest_of(state).all_records(state.occupied()[0])
                records = records.take(np.argsort(records.hashes, kind="stable"))  # an order that they alone decide
                found = self._out_of_bag(state, records)
            told = ~np.isnan(found[:, 0])
            if not told.any():
                raise self._no_tree_out("oob_score_")
            y, found = records.y[told], found[told]
            known = accuracy_score(y, found.argmax(axis=1)) if state.vocabulary is not None else r2_score(y, found)
            vars(fitted)["oob_score_"] = known = float(known)
        return known

    def _asked_out_of_bag(self, name: str) -> State:
        """The state, if attributes out of bag are on offer."""
        state = self._fitted_state()
        if not state.params["oob_score"]:
            raise UndefinedAttributeError(
                f"This {type(self).__name__} has no {name}: it was fitted with oob_score=False. Fit it with "
                "oob_score=True.",
                reason="not asked",
            )
        return state

    def _no_tree_out(self, name: str) -> UndefinedAttributeError:
        return UndefinedAttributeError(
            f"{name} of this {type(self).__name__} is undefined: no record is left out of a tree that holds any. Learn "
            "more records, use more trees, or lower max_samples.",
            reason="too few records",
        )

    def _out_of_bag(self, state: State, records: Records) -> np.ndarray:
        """What trees predict of records, with classes in the order of ``classes_``, that are not in them; else NaN."""
        forest = forest_of(state)
        trees, _, plan = forest.current(state.occupied()[0])
        x = saturated(records.x).astype(np.float32)
        sums, n_trees = np.zeros((len(x), plan.n_classes or 1)), np.zeros(len(x))
        estimators = iter(self._fitted_sklearn().estimators_)
        for tree, members in zip(trees, forest.members(records), strict=True):
            if not tree.n:
                continue
            out = np.ones(len(x), bool)
            out[members] = False
            out = np.flatnonzero(out)
            sums[out] += next(estimators).tree_.predict(x[out]).reshape(len(out), sums.shape[1])
            n_trees[out] += 1
        with np.errstate(invalid="ignore"):
            found: np.ndarray = sums / n_trees[:, None]
        return found

    def _note_out_of_bag(self, X: Any) -> None:
        """Keep what is told of the rows of a fit where the next update drops it."""
        state = self._state
        rows = forest_of(state).rows
        assert isinstance(rows, Rows)
        n, x = state.n_records, self._understood(X, None)
        x = x.toarray() if sp.issparse(x) else x
        found = self._out_of_bag(state, Records(x, rows.y[:n], rows.w[:n], rows.keyed[:n]))
        if np.isnan(found).all():
            return
        if state.vocabulary is None:
            vars(self._fitted_sklearn())["oob_prediction_"] = found[:, 0]
        else:
            vars(self._fitted_sklearn())["oob_decision_function_"] = found

    def _of_rows(self, name: str) -> np.ndarray:
        """An attribute out of bag that has the order of the rows of the last fit."""
        growth = forest_of(self._asked_out_of_bag(name)).growth
        if growth.trees_per_record == growth.n_trees:
            raise self._no_tree_out(name)
        found: np.ndarray | None = vars(self._fitted_sklearn()).get(name)
        if found is None:
            raise UndefinedAttributeError(
                f"{name} of this {type(self).__name__} is undefined: it has the order of the rows of a fit, and is "
                "dropped by the first update, copy or pickle. oob_score_ is that of the records held. Fit again.",
                reason="row order",
            )
        return found


class Votes(ForestLearner):
    """Forests of classifiers."""

    @property
    def oob_decision_function_(self) -> np.ndarray:
        """Probabilities of the rows of the last fit by the trees that they are not in; dropped by the next update."""
        return self._of_rows("oob_decision_function_")


class Means(ForestLearner):
    """Forests of regression trees."""

    @property
    def oob_prediction_(self) -> np.ndarray:
        """Predictions of the rows of the last fit by the trees that they are not in; dropped by the next update."""
        return self._of_rows("oob_prediction_")
