"""Trees that compare categories, for scikit-learn: its estimators around our nodes, and its own over indicators."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin

from sqlearn.engine.sklearn_private import compiled_tree, make_tree
from sqlearn.engine.tables.numbered import LARGEST, numbered, numbers_of
from sqlearn.engine.tables.table import check_table, split
from sqlearn.engine.trees import WALKED, leaves_of, ways_of
from sqlearn.engine.validation import Layout
from sqlearn.errors import UndefinedAttributeError

_Tree: Any = compiled_tree()


class CategoryTree(_Tree):
    """scikit-learn's tree, in which a split may be by equality: it is walked here, and scikit-learn does all else.

    Attributes
    ----------
    equal : uint8[n_features]
        1 for features that hold categories.
    walked : WALKED[n_nodes]
        Its nodes, as they are walked.
    """

    __slots__ = ("equal", "walked")

    def apply(self, X: Any) -> np.ndarray:
        found = np.empty(len(X), np.int64)
        leaves_of(self.walked, _without_gaps(X), found)
        return found

    def decision_path(self, X: Any) -> sp.csr_matrix:
        starts, nodes = ways_of(self.walked, _without_gaps(X))
        return sp.csr_matrix((np.ones(len(nodes), np.int64), nodes, starts), shape=(len(X), self.node_count))

    @property
    def threshold(self) -> NoReturn:
        self._refuse("These nodes have no thresholds that tell what they do")

    def compute_partial_dependence(self, *_: Any) -> NoReturn:
        self._refuse("Partial dependence by recursion does not know these nodes; use method='brute', or a pipeline")

    def _refuse(self, what: str) -> NoReturn:
        raise UndefinedAttributeError(
            f"{what}: some splits send one category left, and all others right, which scikit-learn's trees have no "
            "form for. model.to_sklearn() gives a pipeline whose trees split indicators of categories at 0.5.",
            reason="not encoded",
        )

    def __reduce__(self) -> Any:
        return _restored, (self.n_features, int(self.n_classes[0]), self.equal, self.__getstate__())


def _without_gaps(X: Any) -> np.ndarray:
    """Features, float32, with infinity for what is missing, as trees see it."""
    return np.where(np.isnan(X), np.float32(np.inf), np.ascontiguousarray(X, np.float32))


def _walkable(tree: Any, equal: np.ndarray) -> Any:
    nodes = tree.__getstate__()["nodes"]
    walked = np.empty(len(nodes), WALKED)
    walked["feature"], walked["high"], walked["right"] = nodes["feature"], nodes["threshold"], nodes["right_child"]
    is_inner = walked["feature"] >= 0
    is_equal = is_inner & (equal[np.where(is_inner, walked["feature"], 0)] > 0)
    walked["low"] = np.where(is_equal, walked["high"], -np.inf)
    tree.equal, tree.walked = equal, walked
    return tree


def _restored(n_features: int, n_classes: int, equal: np.ndarray, state: dict[str, Any]) -> Any:
    tree = CategoryTree(n_features, np.array([n_classes], np.intp), 1)
    tree.__setstate__(state)
    return _walkable(tree, equal)


def category_tree(n_features: int, n_classes: int, description: Any, equal: np.ndarray) -> Any:
    """The tree of these nodes, in which features with 1 in `equal`, uint8[n_features], hold categories."""
    return _walkable(make_tree(n_features, n_classes, description, CategoryTree), equal)


class Indicators(TransformerMixin, BaseEstimator):
    """Features as trees over indicators take them: numbers, and a 1 where a record has one of certain categories.

    Only categories that a split compares with have an indicator. ``model.to_sklearn()`` makes it; it learns nothing.

    Attributes
    ----------
    is_categorical_ : bool[n_features_in_]
        Which columns hold categories.
    columns_ : list of (int, float or None)
        Of each column that comes out: the column that it is made of and the number of the category, NaN for a missing
        one, None for numbers.
    names_ : list of str
        Their names.
    """

    is_categorical_: np.ndarray
    columns_: list[tuple[int, float | None]]
    names_: list[str]
    n_features_in_: int
    feature_names_in_: np.ndarray

    def fit(self, X: Any, y: Any = None) -> NoReturn:
        """Refused: learners fit."""
        raise NotImplementedError("These indicators were read out of a forest of sqlearn, which learns: fit that one.")

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, X: Any) -> np.ndarray:
        """Return numbers and indicators.

        Parameters
        ----------
        X : array-like or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        float32 ndarray of shape (n_records, n_columns)
            Numbers within the range of float32, and indicators.
        """
        layout = Layout(self.n_features_in_, getattr(self, "feature_names_in_", None))
        table, _ = check_table(X, type(self).__name__, layout)
        x = narrowed(numbered(table, self.is_categorical_))
        found = np.empty((len(x), len(self.columns_)), np.float32)
        for column, (j, number) in enumerate(self.columns_):
            if number is None:
                found[:, column] = x[:, j]
            else:
                found[:, column] = np.isnan(x[:, j]) if np.isnan(number) else x[:, j] == np.float32(number)
        return found

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the names of the columns that come out.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Without effect.

        Returns
        -------
        object ndarray of shape (n_columns,)
            The names.
        """
        return np.array(self.names_, object)


def narrowed(x: np.ndarray) -> np.ndarray:
    """Features as trees see them, float32; NaN stays."""
    return np.clip(x, -LARGEST, LARGEST).astype(np.float32)


def indicators_of(
    trees: list[Any], is_categorical: np.ndarray, names: np.ndarray | None, known: Mapping[int, Mapping[float, Any]]
) -> Indicators:
    """The features that trees over indicators need, in place of these trees.

    Parameters
    ----------
    trees : list of CategoryTree
        The trees.
    is_categorical : bool[n_features]
        Which features hold categories.
    names : object[n_features] or None
        Names of the features.
    known : mapping
        Of features, categories by their numbers in float32, None for a missing one.
    """
    compared = set()
    for tree in trees:
        walked = tree.walked[tree.walked["low"] == tree.walked["high"]]
        compared |= {*zip(walked["feature"].tolist(), walked["high"].tolist(), strict=True)}
    made = Indicators()
    made.is_categorical_, made.n_features_in_ = is_categorical, len(is_categorical)
    if names is not None:
        made.feature_names_in_ = names
    made.columns_, made.names_ = [], []
    for j in range(len(is_categorical)):
        name = f"x{j}" if names is None else str(names[j])
        if not is_categorical[j]:
            made.columns_.append((j, None))
            made.names_.append(name)
        for _, number in sorted(pair for pair in compared if pair[0] == j):
            number = np.nan if number == np.inf else number
            label = "missing" if np.isnan(number) else known.get(j, {}).get(number, f"category {number!r}")
            made.columns_.append((j, number))
            made.names_.append(f"{name}_{label}")
    return made


def over_indicators(tree: CategoryTree, made: Indicators, n_classes: int) -> Any:
    """scikit-learn's tree of the same nodes over indicators: where one is 1, a record goes the way of equal ones."""
    place = {}
    for column, (j, number) in enumerate(made.columns_):
        place[j, None if number is None else np.inf if np.isnan(number) else number] = column
    state: Any = tree.__getstate__()
    nodes = state["nodes"] = state["nodes"].copy()
    for i in np.flatnonzero(nodes["feature"] >= 0):
        j, number = int(nodes["feature"][i]), float(nodes["threshold"][i])
        if made.is_categorical_[j]:
            nodes["feature"][i], nodes["threshold"][i] = place[j, number], 0.5
            nodes["left_child"][i], nodes["right_child"][i] = nodes["right_child"][i], nodes["left_child"][i]
        else:
            nodes["feature"][i] = place[j, None]
    found = compiled_tree()(len(made.columns_), np.array([n_classes], np.intp), 1)
    found.__setstate__(state)
    return found


def categories_in(X: Any, learner: str, layout: Layout) -> dict[int, dict[float, Any]]:
    """The categories of these records, by column and by their numbers in float32."""
    table, _ = check_table(X, learner, layout)
    is_categorical = np.array(layout.is_categorical)
    _, _, levels = split(table, is_categorical)
    return {
        int(j): dict(zip(numbers_of(of_column)[:-1].astype(np.float32).tolist(), of_column, strict=True))
        for j, of_column in zip(np.flatnonzero(is_categorical), levels, strict=True)
    }
