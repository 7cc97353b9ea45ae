"""Boosted trees."""

from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike
from sklearn import ensemble as peers

from sqlearn.engine.model import Decides, Predicts, PredictsProba, WeightedClassifier, WeightedEstimator
from sqlearn.ensemble.boosted import BoostedLearner


class HistGradientBoostingClassifier(
    PredictsProba, Decides, BoostedLearner, WeightedClassifier, peers.HistGradientBoostingClassifier
):
    """A classifier of boosted trees that forgets.

    It is not scikit-learn's chain of trees over all records: see the notes.

    Parameters
    ----------
    loss : {"log_loss"}, default="log_loss"
        What is minimised.
    learning_rate : float, default=0.1
        Share of a Newton step that a leaf of the pilot's chain takes. It shapes the trees; leaf values come from all
        records together.
    max_iter : int, default=100
        Number of trees of each class (of two classes together). Memory and the time of a first prediction grow with
        its square.
    max_leaf_nodes : int, default=31
        Leaves of a tree at most, from 2 to 63. None and more are refused.
    max_depth : int, default=None
        Greatest depth of a tree; None for no limit but that of the leaves.
    min_samples_leaf : int, default=10
        Fewest records *of the pilot* in a leaf.
    l2_regularization : float or "auto", default="auto"
        What the pilot's chain adds to sums of second derivatives, for splits and leaf values; `refit_l2` is that of the
        step over all records. "auto" is 10 for log loss, 1 for squared error, 100 for Poisson loss.
    max_features : float, default=1.0
        Refused unless 1.0: every feature is scored at every split.
    max_bins : int, default=63
        Bins of a feature at most, from 2 to 63, beside that of missing values. Values that are frequent in the pilot
        have bins of their own.
    categorical_features : "from_dtype", array-like of int, str or bool, or None, default="from_dtype"
        Columns that hold categories: by index, by name, or as a mask of all columns; None for none. ``"from_dtype"``
        takes a frame's columns of text, categories and booleans, and no column of an array or a list. A split separates
        one category from all others. The 62 most frequent ones of the pilot are told apart, all others are one.
    monotonic_cst : None, default=None
        Refused unless None: all leaves are fitted together, which would not keep the order of any two.
    interaction_cst : None, default=None
        Refused unless None: constraints are not among what splits are chosen by.
    warm_start : bool, default=False
        True is refused: the model would depend on its history.
    early_stopping : bool, default=False
        Refused unless False: where training stops would depend on every record. Choose `max_iter` by validation.
    scoring, validation_fraction, n_iter_no_change, tol : object
        Without effect, as there is no early stopping; they are accepted as scikit-learn has them.
    verbose : int, default=0
        Whether to tell on standard error when trees are grown.
    random_state : int or None, default=None
        Seed of the hashes that choose the pilot; None is a constant, so that two fits on the same rows are equal.
    class_weight : dict, default=None
        Weights of classes, positive; 1 for those it does not name. "balanced" is refused: every record would change the
        weights of all others.
    pilot : tuple, default=None
        Rows that will never be forgotten (public data, for instance) as ``(X, y)`` or ``(X, y, sample_weight)``, with
        the columns of the records: the trees are grown on them alone, so no record is dearer to forget. They count
        among the records only if they are learned, too. Forgetting a record that equals one of them, whatever its
        weight, is refused, as the trees remember it.
    pilot_size : int or "auto", default="auto"
        How many records the pilot has. "auto" is 4,096, or 2 to the power of 19/3 + b/3 where that is more (b is the
        number of bits of the number of records): 8,192 of 1,000,000. All records, where there are fewer.
    refit_l2 : float or "auto", default="auto"
        What the step over all records adds to the diagonal of the Hessian, in second derivatives. "auto" is 30; 1,000
        for Poisson loss.
    key : str or bytes, default=None
        Secret key of the records' digests, of which draws are hashes; by default a public constant. Printing hides it,
        pickles contain it.

    Attributes
    ----------
    classes_ : array[n_classes]
        Classes of the records held.
    n_iter_ : int
        Number of trees of each class: `max_iter`.
    n_trees_per_iteration_ : int
        1 for two classes, else their number.
    is_categorical_ : bool[n_features] or None
        Which features hold categories; None without any.
    do_early_stopping_ : bool
        False.
    train_score_, validation_score_ : float64[0]
        Empty, as in scikit-learn without early stopping.
    last_update_ : BoostingReport
        What the last update did.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    A chain of trees over all records could not forget: one record moves a split, and with it every later tree. So this
    model is *not* a chain of all records. It is computed in two steps:

    1. *Structure.* A chain of `max_iter` trees is grown on a *pilot*: the m0 records of lowest keyed hash, or the rows
       of `pilot`. Bins and trees come from the pilot alone.
    2. *Values.* Every leaf of every tree is a column, 1 for the records in that leaf, and so is every bin (or every few
       bins) of every feature. The values of all columns come from one joint ridge-Newton step over *all* records, which
       starts at .7 of the chain's values. Its gradient and Hessian are sums of integers, so they are exact, and what a
       record adds to them can be taken away. (From 65,536 records on, a share of them, chosen by hash, is asked for
       second derivatives.)

    A record outside the pilot is forgotten by subtracting its integers, in less than 0.1 ms. One of the pilot makes the
    next read grow and sum everything anew, as a refit does. That has the probability m0/n, for one of n records; many
    updates before a read cost that once. `cost_of_forgetting` tells ahead. An update also does so where the number of
    records crosses a power of two, where a class comes or goes, or where the largest weight held crosses a power of
    two. With a `pilot` of your own, only these remain.

    It differs from scikit-learn's in this, too: features have at most 63 bins and trees at most 63 leaves;
    `min_samples_leaf` counts records of the pilot; two thresholds of each feature, drawn by hash, are tried at each
    node; the defaults of `l2_regularization` and `min_samples_leaf` are those of a small sample; second derivatives of
    several classes are multiplied with K / (K - 1); `staged_predict` is refused, as all values are fitted together.
    Sums and factors take 16 p^2 bytes for each class (for two classes together), p = `max_iter` times leaves, plus
    bins: 160 MB at p = 3,200. Features are compared within the range of float32.

    Predictions come from scikit-learn's estimator with the same trees, made when it is first read after an update, with
    one more tree for each feature, whose leaves are its bins. ``to_sklearn()`` gives it; of a model with categories
    it is a pipeline whose first step gives categories small integers. docs/boosting.md has the argument and
    measurements.

    References
    ----------
    Friedman (2001), "Greedy function approximation: a gradient boosting machine", Annals of Statistics 29,
    doi:10.1214/aos/1013203451.

    Ke et al. (2017), "LightGBM: A Highly Efficient Gradient Boosting Decision Tree", NeurIPS.

    Ren, Cao, Wei, Sun (2015), "Global Refinement of Random Forest", CVPR, doi:10.1109/CVPR.2015.7298672: the leaves of
    all trees fitted together.

    Cao, Yang (2015), "Towards Making Systems Forget with Machine Unlearning", IEEE Symposium on Security and Privacy,
    doi:10.1109/SP.2015.35: models of sums.

    Wu, Zhu, Li, He (2023), "DeltaBoost: Gradient Boosting Decision Trees with Efficient Machine Unlearning", SIGMOD.

    Lin, Chung, Lao, Zhao (2023), "Machine Unlearning in Gradient Boosting Decision Trees", KDD.

    Examples
    --------
    >>> import numpy as np
    >>> from sqlearn import verify
    >>> from sqlearn.ensemble import HistGradientBoostingClassifier
    >>> X = np.random.default_rng(0).normal(size=(4000, 3))
    >>> y = (X[:, 0] * X[:, 1] > 0).astype(int)
    >>> model = HistGradientBoostingClassifier(max_iter=20, pilot_size=500).fit(X, y)
    >>> model.cost_of_forgetting(X[:4], y[:4])
    PilotCost(in_pilot=0, trees_rebuilt=0, records_summed=4)
    >>> verify(model.forget(X[:4], y[:4]), X[4:], y[4:])
    HistGradientBoostingClassifier equals its refit on 3996 rows, byte for byte (digest ...)

    A pilot of public rows, with columns of categories as they are:

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"age": [22, 38, 26, 35] * 50, "port": ["S", "C", "S", None] * 50})
    >>> survived = np.array(["no", "yes", "no", "yes"] * 50)
    >>> model = HistGradientBoostingClassifier(max_iter=20, pilot=(rows[:100], survived[:100]))
    >>> model = model.fit(rows[100:].assign(age=rows.age + 1), survived[100:])
    >>> model.forget(pd.DataFrame({"age": [23], "port": ["S"]}), ["no"]).last_update_.rebuilt
    False
    >>> model.predict(pd.DataFrame({"age": [60], "port": ["C"]}))
    array(['yes'], dtype='<U3')
    """

    _sklearn_class = peers.HistGradientBoostingClassifier

    def __init__(
        self,
        loss: str = "log_loss",
        *,
        learning_rate: float = 0.1,
        max_iter: int = 100,
        max_leaf_nodes: int = 31,
        max_depth: int | None = None,
        min_samples_leaf: int = 10,
        l2_regularization: float | str = "auto",
        max_features: float = 1.0,
        max_bins: int = 63,
        categorical_features: str | ArrayLike | None = "from_dtype",
        monotonic_cst: None = None,
        interaction_cst: None = None,
        warm_start: bool = False,
        early_stopping: bool = False,
        scoring: str = "loss",
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-7,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
        class_weight: dict[Any, float] | None = None,
        pilot: Any = None,
        pilot_size: int | str = "auto",
        refit_l2: float | str = "auto",
        key: str | bytes | None = None,
    ) -> None:
        self.loss = loss
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.max_leaf_nodes = max_leaf_nodes
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.l2_regularization = l2_regularization
        self.max_features = max_features
        self.max_bins = max_bins
        self.categorical_features = categorical_features
        self.monotonic_cst = monotonic_cst
        self.interaction_cst = interaction_cst
        self.warm_start = warm_start
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.class_weight = class_weight
        self.pilot = pilot
        self.pilot_size = pilot_size
        self.refit_l2 = refit_l2
        self.key = key

    def staged_predict_proba(self, X: Any) -> NoReturn:
        """Refused: all leaves are fitted together, so there are no stages.

        Parameters
        ----------
        X : object
            Ignored.

        Returns
        -------
        None
            Never: it raises an error.

        Raises
        ------
        UnsupportedError
            Always.
        """
        self._refuse_stages()

    def staged_decision_function(self, X: Any) -> NoReturn:
        """Refused: all leaves are fitted together, so there are no stages.

        Parameters
        ----------
        X : object
            Ignored.

        Returns
        -------
        None
            Never: it raises an error.

        Raises
        ------
        UnsupportedError
            Always.
        """
        self._refuse_stages()


class HistGradientBoostingRegressor(Predicts, BoostedLearner, WeightedEstimator, peers.HistGradientBoostingRegressor):
    """A regressor of boosted trees that forgets.

    It is not scikit-learn's chain of trees over all records: see the notes.

    Parameters
    ----------
    loss : {"squared_error", "poisson"}, default="squared_error"
        What is minimised. "poisson" is for targets of at least 0, and predicts by a log link. "absolute_error" and
        "quantile" have no second derivatives, and "gamma" is not among the losses: they are refused.
    quantile : None, default=None
        Refused unless None, with that loss.
    learning_rate : float, default=0.1
        Share of a Newton step that a leaf of the pilot's chain takes. It shapes the trees; leaf values come from all
        records together.
    max_iter : int, default=100
        Number of trees. Memory and the time of a first prediction grow with its square.
    max_leaf_nodes : int, default=31
        Leaves of a tree at most, from 2 to 63. None and more are refused.
    max_depth : int, default=None
        Greatest depth of a tree; None for no limit but that of the leaves.
    min_samples_leaf : int, default=10
        Fewest records *of the pilot* in a leaf.
    l2_regularization : float or "auto", default="auto"
        What the pilot's chain adds to sums of second derivatives, for splits and leaf values; `refit_l2` is that of the
        step over all records. "auto" is 10 for log loss, 1 for squared error, 100 for Poisson loss.
    max_features : float, default=1.0
        Refused unless 1.0: every feature is scored at every split.
    max_bins : int, default=63
        Bins of a feature at most, from 2 to 63, beside that of missing values. Values that are frequent in the pilot
        have bins of their own.
    categorical_features : "from_dtype", array-like of int, str or bool, or None, default="from_dtype"
        Columns that hold categories: by index, by name, or as a mask of all columns; None for none. ``"from_dtype"``
        takes a frame's columns of text, categories and booleans, and no column of an array or a list. A split separates
        one category from all others. The 62 most frequent ones of the pilot are told apart, all others are one.
    monotonic_cst : None, default=None
        Refused unless None: all leaves are fitted together, which would not keep the order of any two.
    interaction_cst : None, default=None
        Refused unless None: constraints are not among what splits are chosen by.
    warm_start : bool, default=False
        True is refused: the model would depend on its history.
    early_stopping : bool, default=False
        Refused unless False: where training stops would depend on every record. Choose `max_iter` by validation.
    scoring, validation_fraction, n_iter_no_change, tol : object
        Without effect, as there is no early stopping; they are accepted as scikit-learn has them.
    verbose : int, default=0
        Whether to tell on standard error when trees are grown.
    random_state : int or None, default=None
        Seed of the hashes that choose the pilot; None is a constant, so that two fits on the same rows are equal.
    pilot : tuple, default=None
        Rows that will never be forgotten (public data, for instance) as ``(X, y)`` or ``(X, y, sample_weight)``, with
        the columns of the records: the trees are grown on them alone, so no record is dearer to forget. They count
        among the records only if they are learned, too. Forgetting a record that equals one of them, whatever its
        weight, is refused, as the trees remember it.
    pilot_size : int or "auto", default="auto"
        How many records the pilot has. "auto" is 4,096, or 2 to the power of 19/3 + b/3 where that is more (b is the
        number of bits of the number of records): 8,192 of 1,000,000. All records, where there are fewer.
    refit_l2 : float or "auto", default="auto"
        What the step over all records adds to the diagonal of the Hessian, in second derivatives. "auto" is 30; 1,000
        for Poisson loss.
    key : str or bytes, default=None
        Secret key of the records' digests, of which draws are hashes; by default a public constant. Printing hides it,
        pickles contain it.

    Attributes
    ----------
    n_iter_ : int
        Number of trees: `max_iter`.
    n_trees_per_iteration_ : int
        1.
    is_categorical_ : bool[n_features] or None
        Which features hold categories; None without any.
    do_early_stopping_ : bool
        False.
    train_score_, validation_score_ : float64[0]
        Empty, as in scikit-learn without early stopping.
    last_update_ : BoostingReport
        What the last update did.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    As for :class:`HistGradientBoostingClassifier`: this is *not* a chain of all records. Trees are grown on a pilot,
    the m0 records of lowest hash or the rows of `pilot`. The values of all leaves, and one for each bin of each
    feature, come from one joint ridge-Newton step over all records, by exact sums. The step starts
    at the chain's values. For "poisson" its deviance is up to 4 % above that of scikit-learn's with 100,000 records
    and up to 7 % with 10,000, and more with small pilots: one step goes too far where rates vary widely.

    Targets are summed in units of the power of two above the largest one held. An update that changes this power, such
    as forgetting the one largest target, has the next read grow and sum everything anew; so has one of the largest
    weight.

    Examples
    --------
    >>> import numpy as np
    >>> from sqlearn import verify
    >>> from sqlearn.ensemble import HistGradientBoostingRegressor
    >>> X = np.random.default_rng(0).uniform(size=(3000, 3))
    >>> y = 10 * np.sin(np.pi * X[:, 0] * X[:, 1]) + X[:, 2]
    >>> model = HistGradientBoostingRegressor(max_iter=30).fit(X, y)
    >>> model.score(X, y) > 0.98
    True
    >>> verify(model.forget(X[:100], y[:100]), X[100:], y[100:])
    HistGradientBoostingRegressor equals its refit on 2900 rows, byte for byte (digest ...)
    """

    _sklearn_class = peers.HistGradientBoostingRegressor
    _target = "value"

    def __init__(
        self,
        loss: str = "squared_error",
        *,
        quantile: None = None,
        learning_rate: float = 0.1,
        max_iter: int = 100,
        max_leaf_nodes: int = 31,
        max_depth: int | None = None,
        min_samples_leaf: int = 10,
        l2_regularization: float | str = "auto",
        max_features: float = 1.0,
        max_bins: int = 63,
        categorical_features: str | ArrayLike | None = "from_dtype",
        monotonic_cst: None = None,
        interaction_cst: None = None,
        warm_start: bool = False,
        early_stopping: bool = False,
        scoring: str = "loss",
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-7,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
        pilot: Any = None,
        pilot_size: int | str = "auto",
        refit_l2: float | str = "auto",
        key: str | bytes | None = None,
    ) -> None:
        self.loss = loss
        self.quantile = quantile
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.max_leaf_nodes = max_leaf_nodes
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.l2_regularization = l2_regularization
        self.max_features = max_features
        self.max_bins = max_bins
        self.categorical_features = categorical_features
        self.monotonic_cst = monotonic_cst
        self.interaction_cst = interaction_cst
        self.warm_start = warm_start
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.pilot = pilot
        self.pilot_size = pilot_size
        self.refit_l2 = refit_l2
        self.key = key
