"""Single decision trees."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn import tree as peers
from sklearn.utils import Bunch

from sqlearn.engine.model import Predicts, PredictsProbabilities, WeightedClassifier, WeightedEstimator
from sqlearn.engine.readout import label_array
from sqlearn.tree.base import TreeLearner


class _DecisionTree(TreeLearner):
    def predict(self, X: Any, check_input: bool = True) -> np.ndarray:
        """Predict labels or targets.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.
        check_input : bool, default=True
            Without effect: records are always checked.

        Returns
        -------
        ndarray of shape (n_records,)
            Labels, or float64 targets.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("predict", X)

    def apply(self, X: Any, check_input: bool = True) -> np.ndarray:
        """Return the leaf that each record falls into.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.
        check_input : bool, default=True
            Without effect: records are always checked.

        Returns
        -------
        int64 ndarray of shape (n_records,)
            Numbers of leaves: nodes are numbered from 0 in preorder, the left child first.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("apply", X)

    def decision_path(self, X: Any, check_input: bool = True) -> sp.csr_matrix:
        """Return the nodes on the way of each record from the root to its leaf.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.
        check_input : bool, default=True
            Without effect: records are always checked.

        Returns
        -------
        CSR matrix of shape (n_records, n_nodes)
            1 where the record passes the node; nodes are numbered as by ``apply``.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("decision_path", X)

    def get_depth(self) -> int:
        """Return the depth of the tree: the most splits between its root and a leaf.

        Returns
        -------
        int
            The depth.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        """
        return self._fitted_sklearn().tree_.max_depth

    def get_n_leaves(self) -> int:
        """Return the number of leaves.

        Returns
        -------
        int
            Their number.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        """
        return self._fitted_sklearn().tree_.n_leaves

    def cost_complexity_pruning_path(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Bunch:
        """Grow a tree on these records, and return how it would be pruned; this one is not changed.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.
        y : array-like of shape (n_records,)
            Their labels or targets.
        sample_weight : array-like of shape (n_records,), default=None
            Their weights; 1 by default.

        Returns
        -------
        dict
            ``ccp_alphas`` and the ``impurities`` of the leaves, step by step, as in scikit-learn.

        Raises
        ------
        SqlearnError
            A subclass that describes the problem.
        """
        return self._sklearn_class.cost_complexity_pruning_path(self, X, y, sample_weight)

    def _is_random(self, params):
        return params["splitter"] == "random"

    def _read_out(self, state):
        [estimator] = self._estimators(state, self._sklearn_class, {})
        found = {name: value for name, value in vars(estimator).items() if name.endswith("_")}
        if state.vocabulary is not None:
            found["classes_"] = label_array(state)
        return found


class DecisionTreeClassifier(_DecisionTree, PredictsProbabilities, WeightedClassifier, peers.DecisionTreeClassifier):
    """A decision tree classifier that forgets.

    Parameters
    ----------
    criterion : {"gini"}, default="gini"
        What splits are chosen by. Others are refused: scores are formed of exact integers.
    splitter : {"best", "random"}, default="best"
        Whether the best of the thresholds (see Notes) is taken, or the best of one random threshold per feature.
    max_depth : int, default=None
        Greatest depth; None for no limit.
    min_samples_split : int, default=2
        Fewest records of a node that is split. A share of the records is refused: every update would move it.
    min_samples_leaf : int, default=1
        Fewest records of a leaf. A share is refused.
    min_weight_fraction_leaf : float, default=0.0
        Refused unless 0.0: it compares leaves with the weight of all records, which every update moves.
    max_features : {"sqrt", "log2"}, int, float or None, default=None
        How many features are scored at a node: a number, a share of all, the square root or the logarithm of their
        number; None for all. Features that are constant there do not count.
    random_state : int or None, default=None
        Seed of the hashes that choose records and features; None is a constant.
    max_leaf_nodes : None, default=None
        Refused unless None: the best splits of a whole tree are found by comparing all of its nodes.
    min_impurity_decrease : float, default=0.0
        Refused unless 0.0: it compares splits with the weight of all records.
    class_weight : dict, default=None
        Weights of classes, positive; 1 for those it does not name. "balanced" is refused: every record would change
        the weights of all others.
    ccp_alpha : float, default=0.0
        Refused unless 0.0: pruning compares all subtrees with each other.
    monotonic_cst : None, default=None
        Refused unless None: constraints are not among what splits are chosen by.
    categorical_features : "from_dtype", array-like of int, str or bool, or None, default="from_dtype"
        Columns that hold categories: by index, by name, or as a mask of all columns; None for none. ``"from_dtype"``
        takes a frame's columns of text, categories and booleans, and no column of an array or a list. A
        split by a category sends one of them left, and all others right.
    key : str or bytes, default=None
        Secret key of the records' digests, of which draws are hashes; by default a public constant. Printing hides it,
        pickles contain it.

    Attributes
    ----------
    classes_ : array[n_classes]
        Classes of the records held.
    n_classes_ : int
        Their number.
    feature_importances_ : float64[n_features]
        Importance of each feature: how much its splits reduce the impurity, normalized.
    max_features_ : int
        How many features are scored at a node.
    tree_ : sklearn.tree._tree.Tree
        scikit-learn's tree of the same nodes, numbered in preorder.
    last_update_ : ForestReport
        What the last update did.
    n_features_in_, feature_names_in_, n_outputs_
        As in scikit-learn.

    Notes
    -----
    The tree is a function of the records held, the parameters and `random_state`: what is left after a forget has the
    bytes of a refit. scikit-learn's tree is not, and differs in which thresholds it considers. Here a node's thresholds
    lie between the values of 12 of its records, those of lowest hash (between all values where it has no more), and
    nodes with more than 1,024 records choose by a sample of 512 to 1,024 of them. Where these 12 agree on a feature,
    its rarer values are separated from them.

    Features are compared as float32, saturated at its range; the records that are kept are float64. Missing values
    (NaN) go to the right at every split. Weights are rounded to 2**-24 of the largest one held. There are at most
    2**23 records.

    `predict`, `apply`, `tree_` and the like come from a tree of scikit-learn with the same nodes, made when it is first
    read after an update; `sklearn.tree.plot_tree` and `export_text` take the model. Forgetting one record costs time in
    proportion to the records of the subtree that is built anew: see docs/forests.md.

    References
    ----------
    Breiman, Friedman, Olshen, Stone (1984), "Classification and Regression Trees", Wadsworth.

    Schelter, Grafberger, Dunning (2021), "HedgeCut: Maintaining Randomised Trees for Low-Latency Machine Unlearning",
    SIGMOD.

    Brophy, Lowd (2021), "Machine Unlearning for Random Forests", ICML.

    Examples
    --------
    >>> from sqlearn.tree import DecisionTreeClassifier
    >>> model = DecisionTreeClassifier().fit([[0.0], [1.0], [2.0], [9.0]], ["low", "low", "high", "low"])
    >>> model.predict([[8.0]])
    array(['low'], dtype='<U4')
    >>> model.forget([9.0], "low").predict([[8.0]])
    array(['high'], dtype='<U4')
    """

    _sklearn_class = peers.DecisionTreeClassifier

    def __init__(
        self,
        *,
        criterion: str = "gini",
        splitter: str = "best",
        max_depth: int | None = None,
        min_samples_split: int = 2,
        min_samples_leaf: int = 1,
        min_weight_fraction_leaf: float = 0.0,
        max_features: int | float | str | None = None,
        random_state: int | np.random.RandomState | None = None,
        max_leaf_nodes: None = None,
        min_impurity_decrease: float = 0.0,
        class_weight: dict[Any, float] | None = None,
        ccp_alpha: float = 0.0,
        monotonic_cst: None = None,
        categorical_features: str | ArrayLike | None = "from_dtype",
        key: str | bytes | None = None,
    ) -> None:
        self.criterion = criterion
        self.splitter = splitter
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_features = max_features
        self.random_state = random_state
        self.max_leaf_nodes = max_leaf_nodes
        self.min_impurity_decrease = min_impurity_decrease
        self.class_weight = class_weight
        self.ccp_alpha = ccp_alpha
        self.monotonic_cst = monotonic_cst
        self.categorical_features = categorical_features
        self.key = key

    def predict_proba(self, X: Any, check_input: bool = True) -> np.ndarray:
        """Return the probabilities of the classes: their shares of the weight in each leaf.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.
        check_input : bool, default=True
            Without effect: records are always checked.

        Returns
        -------
        float64 ndarray of shape (n_records, n_classes)
            Probabilities, in the order of ``classes_``.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("predict_proba", X)


class DecisionTreeRegressor(_DecisionTree, Predicts, WeightedEstimator, peers.DecisionTreeRegressor):
    """A regression tree that forgets.

    Parameters
    ----------
    criterion : {"squared_error"}, default="squared_error"
        What splits are chosen by. Others are refused: scores are formed of exact integers.
    splitter : {"best", "random"}, default="best"
        Whether the best of the thresholds is taken, or the best of one random threshold per feature.
    max_depth : int, default=None
        Greatest depth; None for no limit.
    min_samples_split : int, default=2
        Fewest records of a node that is split. A share of the records is refused: every update would move it.
    min_samples_leaf : int, default=1
        Fewest records of a leaf. A share is refused.
    min_weight_fraction_leaf : float, default=0.0
        Refused unless 0.0: it compares leaves with the weight of all records, which every update moves.
    max_features : {"sqrt", "log2"}, int, float or None, default=None
        How many features are scored at a node: a number, a share of all, the square root or the logarithm of their
        number; None for all. Features that are constant there do not count.
    random_state : int or None, default=None
        Seed of the hashes that choose records and features; None is a constant.
    max_leaf_nodes : None, default=None
        Refused unless None: the best splits of a whole tree are found by comparing all of its nodes.
    min_impurity_decrease : float, default=0.0
        Refused unless 0.0: it compares splits with the weight of all records.
    ccp_alpha : float, default=0.0
        Refused unless 0.0: pruning compares all subtrees with each other.
    monotonic_cst : None, default=None
        Refused unless None: constraints are not among what splits are chosen by.
    categorical_features : "from_dtype", array-like of int, str or bool, or None, default="from_dtype"
        Columns that hold categories: by index, by name, or as a mask of all columns; None for none. ``"from_dtype"``
        takes a frame's columns of text, categories and booleans, and no column of an array or a list. A
        split by a category sends one of them left, and all others right.
    key : str or bytes, default=None
        Secret key of the records' digests, of which draws are hashes; by default a public constant. Printing hides it,
        pickles contain it.

    Attributes
    ----------
    feature_importances_ : float64[n_features]
        Importance of each feature: how much its splits reduce the impurity, normalized.
    max_features_ : int
        How many features are scored at a node.
    tree_ : sklearn.tree._tree.Tree
        scikit-learn's tree of the same nodes, numbered in preorder.
    last_update_ : ForestReport
        What the last update did.
    n_features_in_, feature_names_in_, n_outputs_
        As in scikit-learn.

    Notes
    -----
    As for :class:`DecisionTreeClassifier`. Sums of weighted targets are exact integers, in units of 2**-60 of the power
    of two above the largest one held; splits are scored in units of 2**-30. An update that changes this power of two,
    such as forgetting the one largest target, builds the tree anew. The impurity of a node in `tree_` is that of its
    leaves' means: what the splits below take away.

    Examples
    --------
    >>> from sqlearn.tree import DecisionTreeRegressor
    >>> model = DecisionTreeRegressor(max_depth=1).fit([[0.0], [1.0], [8.0], [9.0]], [1.0, 2.0, 7.0, 50.0])
    >>> model.forget([9.0], 50.0).predict([[8.5]])
    array([7.])
    """

    _sklearn_class = peers.DecisionTreeRegressor
    _target = "value"

    def __init__(
        self,
        *,
        criterion: str = "squared_error",
        splitter: str = "best",
        max_depth: int | None = None,
        min_samples_split: int = 2,
        min_samples_leaf: int = 1,
        min_weight_fraction_leaf: float = 0.0,
        max_features: int | float | str | None = None,
        random_state: int | np.random.RandomState | None = None,
        max_leaf_nodes: None = None,
        min_impurity_decrease: float = 0.0,
        ccp_alpha: float = 0.0,
        monotonic_cst: None = None,
        categorical_features: str | ArrayLike | None = "from_dtype",
        key: str | bytes | None = None,
    ) -> None:
        self.criterion = criterion
        self.splitter = splitter
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_features = max_features
        self.random_state = random_state
        self.max_leaf_nodes = max_leaf_nodes
        self.min_impurity_decrease = min_impurity_decrease
        self.ccp_alpha = ccp_alpha
        self.monotonic_cst = monotonic_cst
        self.categorical_features = categorical_features
        self.key = key
