"""Random forests."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn import ensemble as peers
from sklearn import tree as single

from sqlearn.engine.model import Predicts, PredictsProbabilities, WeightedClassifier, WeightedEstimator
from sqlearn.ensemble.forests import Means, Votes


class RandomForestClassifier(PredictsProbabilities, Votes, WeightedClassifier, peers.RandomForestClassifier):
    """A random forest classifier that forgets.

    Parameters
    ----------
    n_estimators : int, default=100
        Number of trees.
    criterion : {"gini"}, default="gini"
        What splits are chosen by. Others are refused: scores are formed of exact integers.
    max_depth : int, default=None
        Greatest depth of a tree; None for no limit.
    min_samples_split : int, default=2
        Fewest records of a node that is split. A share of the records is refused: every update would move it.
    min_samples_leaf : int, default=1
        Fewest records of a leaf. A share is refused.
    min_weight_fraction_leaf : float, default=0.0
        Refused unless 0.0: it compares leaves with the weight of all records, which every update moves.
    max_features : {"sqrt", "log2"}, int, float or None, default="sqrt"
        How many features are scored at a node: a number, a share of all, the square root or the logarithm of their
        number; None for all. Features that are constant there do not count.
    max_leaf_nodes : None, default=None
        Refused unless None: the best splits of a whole tree are found by comparing all of its nodes.
    min_impurity_decrease : float, default=0.0
        Refused unless 0.0: it compares splits with the weight of all records.
    bootstrap : bool, default=True
        Whether each record is in a share of the trees, without replacement (see `max_samples`), or in all.
    oob_score : bool, default=False
        Whether ``oob_score_`` and ``oob_decision_function_`` can be asked. It needs `bootstrap`. A function is refused.
    n_jobs : int, default=None
        Threads that grow trees and predict. The trees do not depend on it.
    random_state : int or None, default=None
        Seed of the hashes that choose records, features and thresholds; None is a constant.
    verbose : int, default=0
        Whether to tell on standard error how far growing has got.
    warm_start : bool, default=False
        True is refused: the model would depend on its history.
    class_weight : dict, default=None
        Weights of classes, positive; 1 for those it does not name. "balanced" and "balanced_subsample" are refused:
        every record would change the weights of all others.
    ccp_alpha : float, default=0.0
        Refused unless 0.0: pruning compares all subtrees with each other.
    max_samples : float, default=None
        Share of the trees that each record is in, in (0, 1]; None for 0.63. The fewer trees, the less there is to
        change when a record is forgotten. A number of records (an int) is refused.
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
    estimators_ : list of DecisionTreeClassifier
        scikit-learn's trees of the same nodes, but those without any record.
    feature_importances_ : float64[n_features]
        Importance of each feature: how much its splits reduce the impurity, normalized.
    oob_score_ : float
        Accuracy over the records held, each predicted by the trees that it is not in. It is computed when it is asked
        for.
    oob_decision_function_ : float64[n, n_classes]
        The same of the rows of the last `fit`, in their order: probabilities, NaN where no tree is left. It goes with
        the first update, and is no part of digest or pickle.
    last_update_ : ForestReport
        What the last update did.
    n_features_in_, feature_names_in_, n_outputs_
        As in scikit-learn.

    Notes
    -----
    Each tree is a function of the multiset of its records, the parameters and `random_state`, and so is which records
    it holds: what is left after a forget has the bytes of a refit, tree by tree and node by node. It differs from
    scikit-learn's forest in this:

    - A record is in ``max_samples * n_estimators`` trees, rounded (one at least), which a hash of the record chooses.
      In scikit-learn each tree draws as many records as there are, with replacement, and gets 63 % of them. Equal
      records are told apart: two copies need not be in the same trees. A record of weight 2 is in as many trees as one
      of weight 1, and counts twice there.
    - A node's thresholds lie between the values of 12 of its records, those of lowest hash (between all values where it
      has no more), and nodes with more than 1,024 records choose by a sample of 512 to 1,024 of them. Where these 12
      agree on a feature, its rarer values are separated from them. A forgotten record therefore seldom moves a split.
    - Features are tried in an order that is a hash of the path to the node.

    Features are compared as float32, saturated at its range, as in scikit-learn; the records that are kept are float64.
    Missing values (NaN) go to the right at every split. Weights are rounded to 2**-24 of the largest one held. There
    are at most 2**23 records. `random_state=None` is a constant, so that two fits on the same rows are equal.

    Predictions, ``apply`` and attributes come from a forest of scikit-learn with the same nodes, made when it is first
    read after an update; ``to_sklearn()`` gives it. `cost_of_forgetting` tells ahead what a forget would rebuild.
    Fitting with a smaller `max_samples` and more trees makes forgetting faster: see docs/forests.md.

    References
    ----------
    Breiman (2001), "Random Forests", Machine Learning 45, doi:10.1023/A:1010933404324.

    Schelter, Grafberger, Dunning (2021), "HedgeCut: Maintaining Randomised Trees for Low-Latency Machine Unlearning",
    SIGMOD, doi:10.1145/3448016.3457239.

    Brophy, Lowd (2021), "Machine Unlearning for Random Forests", ICML: DaRE.

    Wang, Shen, Qin, Tan, et al. (2025), "DynFrs: An Efficient Framework for Machine Unlearning in Random Forest", ICLR.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sqlearn import verify
    >>> from sqlearn.ensemble import RandomForestClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = RandomForestClassifier(20).fit(X, y)
    >>> model.cost_of_forgetting(X[3], y[3]).trees
    13
    >>> verify(model.forget(X[:3], y[:3]), X[3:], y[3:])
    RandomForestClassifier equals its refit on 566 rows, byte for byte (digest ...)

    Columns of categories are taken as they are:

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"age": [22, 38, 26, 35] * 5, "port": ["S", "C", "S", None] * 5})
    >>> model = RandomForestClassifier(20).fit(rows, ["no", "yes", "no", "yes"] * 5)
    >>> model.forget(rows[:1], ["no"]).predict(pd.DataFrame({"age": [60], "port": ["C"]}))
    array(['yes'], dtype='<U3')
    """

    _sklearn_class = peers.RandomForestClassifier
    _tree = single.DecisionTreeClassifier

    def __init__(
        self,
        n_estimators: int = 100,
        *,
        criterion: str = "gini",
        max_depth: int | None = None,
        min_samples_split: int = 2,
        min_samples_leaf: int = 1,
        min_weight_fraction_leaf: float = 0.0,
        max_features: int | float | str | None = "sqrt",
        max_leaf_nodes: None = None,
        min_impurity_decrease: float = 0.0,
        bootstrap: bool = True,
        oob_score: bool = False,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        warm_start: bool = False,
        class_weight: dict[Any, float] | None = None,
        ccp_alpha: float = 0.0,
        max_samples: float | None = None,
        monotonic_cst: None = None,
        categorical_features: str | ArrayLike | None = "from_dtype",
        key: str | bytes | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.criterion = criterion
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_features = max_features
        self.max_leaf_nodes = max_leaf_nodes
        self.min_impurity_decrease = min_impurity_decrease
        self.bootstrap = bootstrap
        self.oob_score = oob_score
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.class_weight = class_weight
        self.ccp_alpha = ccp_alpha
        self.max_samples = max_samples
        self.monotonic_cst = monotonic_cst
        self.categorical_features = categorical_features
        self.key = key


class RandomForestRegressor(Predicts, Means, WeightedEstimator, peers.RandomForestRegressor):
    """A random forest for regression that forgets.

    Parameters
    ----------
    n_estimators : int, default=100
        Number of trees.
    criterion : {"squared_error"}, default="squared_error"
        What splits are chosen by. Others are refused: scores are formed of exact integers.
    max_depth : int, default=None
        Greatest depth of a tree; None for no limit.
    min_samples_split : int, default=2
        Fewest records of a node that is split. A share of the records is refused: every update would move it.
    min_samples_leaf : int, default=1
        Fewest records of a leaf. A share is refused.
    min_weight_fraction_leaf : float, default=0.0
        Refused unless 0.0: it compares leaves with the weight of all records, which every update moves.
    max_features : {"sqrt", "log2"}, int, float or None, default=1.0
        How many features are scored at a node: a number, a share of all, the square root or the logarithm of their
        number; None for all. Features that are constant there do not count.
    max_leaf_nodes : None, default=None
        Refused unless None: the best splits of a whole tree are found by comparing all of its nodes.
    min_impurity_decrease : float, default=0.0
        Refused unless 0.0: it compares splits with the weight of all records.
    bootstrap : bool, default=True
        Whether each record is in a share of the trees, without replacement (see `max_samples`), or in all.
    oob_score : bool, default=False
        Whether ``oob_score_`` and ``oob_prediction_`` can be asked. It needs `bootstrap`. A function is refused.
    n_jobs : int, default=None
        Threads that grow trees and predict. The trees do not depend on it.
    random_state : int or None, default=None
        Seed of the hashes that choose records, features and thresholds; None is a constant.
    verbose : int, default=0
        Whether to tell on standard error how far growing has got.
    warm_start : bool, default=False
        True is refused: the model would depend on its history.
    ccp_alpha : float, default=0.0
        Refused unless 0.0: pruning compares all subtrees with each other.
    max_samples : float, default=None
        Share of the trees that each record is in, in (0, 1]; None for 0.63. The fewer trees, the less there is to
        change when a record is forgotten. A number of records (an int) is refused.
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
    estimators_ : list of DecisionTreeRegressor
        scikit-learn's trees of the same nodes, but those without any record.
    feature_importances_ : float64[n_features]
        Importance of each feature: how much its splits reduce the impurity, normalized.
    oob_score_ : float
        Coefficient of determination over the records held, each predicted by the trees that it is not in. It is
        computed when it is asked for.
    oob_prediction_ : float64[n]
        The same of the rows of the last `fit`, in their order: predictions, NaN where no tree is left. It goes with the
        first update, and is no part of digest or pickle.
    last_update_ : ForestReport
        What the last update did.
    n_features_in_, feature_names_in_, n_outputs_
        As in scikit-learn.

    Notes
    -----
    As for :class:`RandomForestClassifier`. Sums of weighted targets are exact integers, in units of 2**-60 of the power
    of two above the largest one held; splits are scored in units of 2**-30. An update that changes this power of two,
    such as forgetting the one largest target, builds all trees anew. The impurity of a node is that of its leaves'
    means: what the splits below take away.

    Examples
    --------
    >>> import numpy as np
    >>> from sqlearn.ensemble import RandomForestRegressor
    >>> X = np.arange(40.0)[:, None]
    >>> y = np.where(X[:, 0] < 20, 1.0, 5.0)
    >>> y[30] = 1e6
    >>> model = RandomForestRegressor(20).fit(X, y).forget(X[30], y[30])
    >>> model.predict([[30.0]])
    array([5.])
    >>> X, y = np.delete(X, 30, axis=0), np.delete(y, 30)
    >>> model.digest() == RandomForestRegressor(20).fit(X, y).digest()
    True
    """

    _sklearn_class = peers.RandomForestRegressor
    _tree = single.DecisionTreeRegressor
    _target = "value"

    def __init__(
        self,
        n_estimators: int = 100,
        *,
        criterion: str = "squared_error",
        max_depth: int | None = None,
        min_samples_split: int = 2,
        min_samples_leaf: int = 1,
        min_weight_fraction_leaf: float = 0.0,
        max_features: int | float | str | None = 1.0,
        max_leaf_nodes: None = None,
        min_impurity_decrease: float = 0.0,
        bootstrap: bool = True,
        oob_score: bool = False,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        warm_start: bool = False,
        ccp_alpha: float = 0.0,
        max_samples: float | None = None,
        monotonic_cst: None = None,
        categorical_features: str | ArrayLike | None = "from_dtype",
        key: str | bytes | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.criterion = criterion
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_features = max_features
        self.max_leaf_nodes = max_leaf_nodes
        self.min_impurity_decrease = min_impurity_decrease
        self.bootstrap = bootstrap
        self.oob_score = oob_score
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.ccp_alpha = ccp_alpha
        self.max_samples = max_samples
        self.monotonic_cst = monotonic_cst
        self.categorical_features = categorical_features
        self.key = key
