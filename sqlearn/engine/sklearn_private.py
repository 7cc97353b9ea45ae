"""Every private name of scikit-learn that this package uses, and what for.

scikit-learn does not promise to keep them, so pyproject.toml caps it at the next minor version, and
tests/project/test_sklearn_private.py checks that each is there, and that no other module uses one. What would load
modules that not every learner needs is imported where it is used.
"""

from inspect import signature
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from sklearn.callback._callback_support import callback_management_context  # starts and ends what observes a fit
from sklearn.decomposition._pca import _infer_dimension as infer_dimension  # the number of components of "mle"
from sklearn.metrics import make_scorer
from sklearn.naive_bayes import _BaseDiscreteNB
from sklearn.naive_bayes import _BaseNB as BaseNB  # makes predictions of joint log-likelihoods
from sklearn.utils import _safe_indexing as safe_indexing  # rows of whatever may be a table
from sklearn.utils._openmp_helpers import _openmp_effective_n_threads as n_threads  # of scikit-learn's compiled code
from sklearn.utils._param_validation import (
    Interval,  # these two describe a parameter
    InvalidParameterError,  # raised at a parameter of another type or range
    StrOptions,
    validate_parameter_constraints,  # compares parameters with their descriptions
)
from sklearn.utils.validation import _check_categorical_features as check_categorical_features  # which columns are
from sklearn.utils.validation import _check_sample_weight as check_sample_weight  # weights, validated as fit does
from sklearn.utils.validation import _get_feature_names as feature_names  # names of a frame's columns, if strings
from sklearn.utils.validation import _num_samples as num_samples  # number of rows of whatever may be a table

__all__ = [
    "FITTED_ATTRIBUTES",
    "HOOKS",
    "BaseNB",
    "Interval",
    "InvalidParameterError",
    "StrOptions",
    "analyzer_of",
    "average_path_length",
    "base_loss",
    "boosted_attributes",
    "boosted_dependence",
    "boosted_nodes",
    "callback_context",
    "callback_management_context",
    "check_categorical_features",
    "check_mixture_start",
    "check_sample_weight",
    "check_selector",
    "check_smoothing",
    "compiled_tree",
    "feature_names",
    "fit_calibrator",
    "fitted_column_transformer",
    "fitted_encoder",
    "fitted_indicator",
    "infer_dimension",
    "make_selector",
    "make_tree",
    "n_categories",
    "n_threads",
    "num_samples",
    "output_config",
    "param_names",
    "parameter_constraints",
    "precision_cholesky",
    "safe_indexing",
    "scorer_of_classes",
    "scorers_of",
    "set_output_config",
    "smooth_naive_bayes",
    "update_class_log_prior",
    "validate_parameter_constraints",
    "validate_params",
    "visual_block",
]

# What classes of this package define in place of scikit-learn's, which calls or reads it.
HOOKS = {
    "_check_X": "TableBayes reads tables where naive Bayes reads arrays",
    "_check_alpha": "TableBayes takes every alpha as it is",
    "_check_test_data": "k-means predicts from float32 as from float64",
    "_compute_partial_dependence_recursion": "boosted trees refuse it where splits are by categories",
    "_doc_link_module": "the HTML of a learner does not link to pages of scikit-learn",
    "_doc_link_template": "the same",
    "_get_class_level_metadata_request_values": "a class of scikit-learn may rule out metadata that a learner lacks",
    "_joint_log_likelihood": "TableBayes computes it for numbers and categories",
    "_n_threads": "k-means asks it of the learner when it predicts",
    "_parameter_constraints": "the types and ranges of parameters",
    "_sk_visual_block_": "the HTML of a fitted model of parts shows the parts as they are now",
    "_update_class_log_prior": "TableBayes takes that of naive Bayes over counts",
    "_update_feature_log_prob": "TableBayes smooths only the categories",
}
# What the methods of scikit-learn's estimators read of a fitted one, and so is read out of the state.
FITTED_ATTRIBUTES = {
    "_average_path_length_per_tree": "IsolationForest: how much farther records of each leaf would be separated",
    "_base_loss": "PoissonRegressor, GammaRegressor, TweedieRegressor: the link",
    "_baseline_prediction": "HistGradientBoostingClassifier, HistGradientBoostingRegressor: what precedes the trees",
    "_bin_mapper": "HistGradientBoostingClassifier, HistGradientBoostingRegressor: known categories",
    "_columns": "ColumnTransformer: the columns of its parts",
    "_decision_path_lengths": "IsolationForest: depths of the nodes",
    "_default_to_infrequent_mappings": "OneHotEncoder, OrdinalEncoder: what infrequent categories become",
    "_drop_idx_after_grouping": "OneHotEncoder: the categories without a column",
    "_encoder": "KBinsDiscretizer: makes columns of bins",
    "_fill_dtype": "SimpleImputer: type of what is filled in",
    "_fit_X": "KNeighborsClassifier, KNeighborsRegressor: the records",
    "_fit_dtype": "SimpleImputer: type of the records",
    "_fit_method": "KNeighborsClassifier, KNeighborsRegressor: the algorithm in use",
    "_fit_svd_solver": "PCA: how it was solved",
    "_infrequent_enabled": "OneHotEncoder, OrdinalEncoder: whether categories may be infrequent",
    "_infrequent_indices": "OneHotEncoder, OrdinalEncoder: infrequent categories",
    "_is_categorical_remapped": "HistGradientBoostingClassifier, HistGradientBoostingRegressor: features of categories",
    "_label_binarizer": "RidgeClassifier: classes and the form of the labels",
    "_label_encoder": "StackingClassifier: labels and their numbers",
    "_loss": "HistGradientBoostingClassifier, HistGradientBoostingRegressor: the link",
    "_max_components": "LinearDiscriminantAnalysis: number of directions",
    "_max_features": "IsolationForest: how many features each tree sees",
    "_max_samples": "IsolationForest: how many records each tree holds",
    "_missing_indices": "OrdinalEncoder: which columns may lack a value",
    "_n_feature_outs": "StackingClassifier, StackingRegressor: columns of each part's predictions",
    "_n_features": "HistGradientBoostingClassifier, HistGradientBoostingRegressor: number of features",
    "_n_features_out": "KMeans, LinearDiscriminantAnalysis: for get_feature_names_out",
    "_n_features_outs": "OneHotEncoder: number of columns of each feature",
    "_n_threads": "KMeans: threads of predict",
    "_parent_callback_ctx": "any: an estimator around this one observes it",
    "_predictors": "HistGradientBoostingClassifier, HistGradientBoostingRegressor: the trees",
    "_preprocessor": "HistGradientBoostingClassifier, HistGradientBoostingRegressor: encodes categories; none here",
    "_remainder": "ColumnTransformer: what is done with the other columns",
    "_skl_callbacks": "any: set by set_callbacks",
    "_transformer_to_input_indices": "ColumnTransformer: the places of the columns of its parts",
    "_tree": "KNeighborsClassifier, KNeighborsRegressor: the records as a tree",
    "_y": "KNeighborsClassifier, KNeighborsRegressor: their labels or targets",
}


def param_names(cls: Any) -> tuple[str, ...]:
    """Names of the parameters of a class of estimators, sorted."""
    found = _PARAM_NAMES.get(cls)
    if found is None:  # scikit-learn looks at signatures, again and again
        found = _PARAM_NAMES[cls] = tuple(cls._get_param_names())
    return found


_PARAM_NAMES: WeakKeyDictionary[Any, tuple[str, ...]] = WeakKeyDictionary()


def parameter_constraints(estimator: Any) -> dict[str, Any]:
    """Types and ranges of the parameters of an estimator or its class."""
    return estimator._parameter_constraints


def validate_params(estimator: Any) -> None:
    """Raise InvalidParameterError, as ``fit`` does, at a parameter of another type or range."""
    estimator._validate_params()


def callback_context(estimator: Any) -> Any:
    """The task that callbacks observe; inside of ``callback_management_context``."""
    return estimator._init_callback_context()


def check_mixture_start(model: Any, n_features: int) -> None:
    """Refuse weights, means and precisions for a Gaussian mixture to start with, as its ``fit`` does."""
    from sklearn.mixture._gaussian_mixture import _check_means, _check_precisions, _check_weights

    k = model.n_components
    if model.weights_init is not None:
        _check_weights(model.weights_init, k, xp=np)
    if model.means_init is not None:
        _check_means(model.means_init, k, n_features, xp=np)
    if model.precisions_init is not None:
        _check_precisions(model.precisions_init, model.covariance_type, k, n_features, xp=np)


def precision_cholesky(covariances: np.ndarray, covariance_type: str) -> np.ndarray:
    """Cholesky factors of the precisions of a Gaussian mixture."""
    from sklearn.mixture._gaussian_mixture import _compute_precision_cholesky

    return _compute_precision_cholesky(covariances, covariance_type)


def base_loss(estimator: Any) -> Any:
    """The loss of a generalised linear model, whose link ``predict`` applies; one object for equal parameters."""
    key = type(estimator), tuple(getattr(estimator, name, None) for name in ("power", "link"))
    return _BASE_LOSSES.setdefault(key, estimator._get_loss())


_BASE_LOSSES: dict[Any, Any] = {}


def update_class_log_prior(estimator: Any, class_prior: Any) -> None:
    """Set ``class_log_prior_`` as naive Bayes over counts does."""
    _BaseDiscreteNB._update_class_log_prior(estimator, class_prior)


def check_smoothing(estimator: Any) -> None:
    """Refuse a smoothing or priors of naive Bayes over counts that do not fit its counts."""
    estimator._check_alpha()
    estimator._update_class_log_prior(estimator.class_prior)


def smooth_naive_bayes(estimator: Any) -> None:
    """Set the attributes of naive Bayes over counts that follow from its counts: smoothed probabilities and priors."""
    estimator._update_feature_log_prob(estimator._check_alpha())
    estimator._update_class_log_prior(estimator.class_prior)


def analyzer_of(vectorizer: Any, *, first: bool) -> Any:
    """What makes words of a text, as ``CountVectorizer`` does; parameters are looked at, and warned of, at `first`."""
    if first:
        vectorizer._validate_ngram_range()
        vectorizer._warn_for_unused_params()
        vectorizer._validate_vocabulary()
    else:
        vectorizer._stop_words_id = id(vectorizer.stop_words)  # has been looked at
    return vectorizer.build_analyzer()


def n_categories(estimator: Any, highest: np.ndarray, min_categories: Any) -> np.ndarray:
    """Number of categories of each column of CategoricalNB."""
    return estimator._validate_n_categories(highest, min_categories)


def check_selector(selector: Any, x: Any) -> None:
    """Refuse parameters of a selector, or warn of them, that do not fit the records."""
    selector._check_params(x, None)


def make_selector(selector: Any) -> Any:
    """The selector that GenericUnivariateSelect stands for."""
    return selector._make_selector()


def compiled_tree() -> Any:
    """scikit-learn's class of the nodes of a tree."""
    from sklearn.tree._tree import Tree

    return Tree


def make_tree(n_features: int, n_classes: int, description: Any, kind: Any = None) -> Any:
    """scikit-learn's tree that has these nodes: ``split``, ``thresholds``, ``numbers`` and ``values`` in preorder.

    `kind` is a class that derives from scikit-learn's.
    """
    from sklearn.tree._tree import NODE_DTYPE

    split, n = description.split, len(description.split)
    nodes = np.zeros(n, NODE_DTYPE)
    for column, name in enumerate(("left_child", "right_child", "feature", "n_node_samples")):
        nodes[name] = split[:, column]
    nodes["threshold"] = description.thresholds
    nodes["impurity"], nodes["weighted_n_node_samples"] = description.numbers.T
    tree = (kind or compiled_tree())(n_features, np.array([n_classes], np.intp), 1)
    values = description.values.reshape(n, 1, -1)
    tree.__setstate__({"max_depth": _depth(split), "node_count": n, "nodes": nodes, "values": values})
    return tree


def average_path_length(counts: np.ndarray) -> np.ndarray:
    """How many splits separate one of so many records from the others on average, by chance."""
    from sklearn.ensemble._iforest import _average_path_length

    return _average_path_length(counts)


def _depth(split: np.ndarray) -> int:
    """Depth of a tree, level by level."""
    depth, level = 0, np.zeros(1, np.int64)
    while True:
        level = split[level[split[level, 0] >= 0], :2].ravel()
        if not len(level):
            return depth
        depth += 1


def boosted_dependence(estimator: Any, grid: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Partial dependence of a histogram gradient boosting estimator, by recursion over its trees."""
    found: np.ndarray = estimator._compute_partial_dependence_recursion(grid, features)
    return found


def boosted_nodes(n: int) -> np.ndarray:
    """Room for so many nodes of histogram gradient boosting, as scikit-learn has them."""
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

    return np.zeros(n, PREDICTOR_RECORD_DTYPE)


def boosted_attributes(
    trees: list[list[tuple[np.ndarray, np.ndarray]]], categories: list[np.ndarray | None], estimator: Any
) -> dict[str, Any]:
    """What a histogram gradient boosting estimator of scikit-learn predicts by.

    Parameters
    ----------
    trees : list of list of (structured array, uint32[splits, 8])
        Of each iteration and output the nodes, with the names of scikit-learn's, and the categories that go left at
        each split by categories, as bits.
    categories : list of float64[n] or None
        The categories of each feature; None for numbers.
    estimator : estimator
        scikit-learn's, not fitted, for its loss.
    """
    from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

    mapper = _BinMapper()
    mapper.is_categorical_ = np.array([known is not None for known in categories], np.uint8)
    mapper.bin_thresholds_ = [np.zeros(0) if known is None else known for known in categories]
    estimator.n_trees_per_iteration_ = len(trees[0])
    key = type(estimator), estimator.loss, len(trees[0])
    return {
        "_bin_mapper": mapper,
        "_loss": _BASE_LOSSES.setdefault(key, estimator._get_loss(sample_weight=None)),
        "_predictors": [[TreePredictor(nodes, bits, bits) for nodes, bits in of_iteration] for of_iteration in trees],
        "_preprocessor": None,
    }


def fitted_encoder(
    kind: Any, params: dict[str, Any], categories: list[np.ndarray], counts: list[np.ndarray], n: int
) -> Any:
    """An encoder fitted to `n` rows of which so many have each category; the missing one, NaN, is the last."""

    class Counted(kind):
        def _fit(self, X: Any, return_and_ignore_missing_for_infrequent: bool = False, **kwargs: Any) -> Any:
            self._check_infrequent_enabled()
            self.n_features_in_ = len(categories)
            self.categories_ = categories
            missing = {}
            if return_and_ignore_missing_for_infrequent:
                last = (column[-1] if len(column) else None for column in categories)
                is_nan = (isinstance(end, float) and end != end for end in last)
                missing = {j: len(categories[j]) - 1 for j, found in enumerate(is_nan) if found}
            if self._infrequent_enabled:
                self._fit_infrequent_category_mapping(n, counts, missing)
            return {"n_samples": n, "missing_indices": missing}

    return Counted(**params).fit(None)


def fitted_indicator(missing_values: Any, is_missing: np.ndarray) -> Any:
    """What SimpleImputer marks missing values with, fitted to rows of which some lack these features, bool[d]."""
    from sklearn.impute import MissingIndicator

    indicator = MissingIndicator(missing_values=missing_values, error_on_new=False)
    indicator._fit(is_missing[None], precomputed=True)
    return indicator


def output_config(estimator: Any) -> dict[str, Any] | None:
    """What `set_output` has set of an estimator; None for nothing."""
    found: dict[str, Any] | None = getattr(estimator, "_sklearn_output_config", None)
    return found


def set_output_config(estimator: Any, config: dict[str, Any] | None) -> None:
    """Set what :func:`output_config` gave."""
    if config is not None:
        estimator._sklearn_output_config = config


def visual_block(kind: type, estimator: Any) -> Any:
    """What the HTML of an estimator of this class of scikit-learn's is made of."""
    return kind._sk_visual_block_(estimator)  # type: ignore[attr-defined]


def drop_links(fitted: Any) -> None:
    """Have no links in the HTML of an estimator of scikit-learn's, nor in that of its parts."""
    if hasattr(fitted, "get_params"):
        fitted._doc_link_module = ""
        for name in ("steps", "transformer_list", "transformers", "transformers_"):
            for part in getattr(fitted, name, ()):
                drop_links(part[1])


def fitted_column_transformer(
    unfitted: Any, parts: list[tuple[str, Any, list[Any], list[int]]], widths: list[int], n_features: int,
    names: np.ndarray | None, is_sparse: bool,
) -> Any:  # fmt: skip
    """A ColumnTransformer of fitted parts.

    Parameters
    ----------
    unfitted : ColumnTransformer
        With the parameters.
    parts : list of tuple
        Name, fitted transformer (None for "passthrough", or "drop"), columns, and their positions; the remainder last.
    widths : list of int
        How many columns come out of each.
    n_features : int
        Number of columns.
    names : object[n_features] or None
        Names of them.
    is_sparse : bool
        Whether what comes out is sparse.
    """
    from sklearn.preprocessing import FunctionTransformer

    unfitted.n_features_in_ = n_features
    if names is not None:
        unfitted.feature_names_in_ = names
    fitted, start, output = [], 0, {}
    config = output_config(unfitted)
    for (name, part, columns, places), width in zip(parts, widths, strict=True):
        if part is None:
            part = FunctionTransformer(accept_sparse=True, check_inverse=False, feature_names_out="one-to-one")
            part.set_output(transform=(config or {}).get("transform", "default"))
            part.fit(np.zeros((1, len(places))))
            if names is not None:
                part.feature_names_in_ = names[places]
        fitted.append((name, part, columns))
        is_used = bool(places) and not isinstance(part, str)
        output[name] = slice(start, start + width) if is_used else slice(0, 0)
        start += width
    unfitted.transformers_, unfitted.output_indices_ = fitted, {"remainder": slice(0, 0)} | output
    unfitted.sparse_output_ = is_sparse
    unfitted._columns = [columns for name, _, columns, _ in parts if name != "remainder"]
    unfitted._transformer_to_input_indices = {"remainder": []} | {name: places for name, _, _, places in parts}
    rest = next((columns for name, _, columns, _ in parts if name == "remainder"), [])
    unfitted._remainder = ("remainder", unfitted.remainder, rest)
    return unfitted


def scorers_of(scorer: Any) -> list[str]:
    """The names of what a scorer of several computes; none for others."""
    return list(getattr(scorer, "_scorers", ()))


def scorer_of_classes(scorer: Any, classes: np.ndarray) -> Any:
    """A scorer that is told of all classes, if it can be: records may not have all."""
    function = getattr(scorer, "_score_func", None)
    named = {} if function is None else signature(function).parameters
    if "labels" not in named:
        return scorer
    more = {"pos_label": classes[-1]} if len(classes) == 2 and "pos_label" in named else {}
    return make_scorer(
        function,
        greater_is_better=scorer._sign == 1,
        response_method=scorer._response_method,
        **({"labels": classes} | more | scorer._kwargs),
    )


def fit_calibrator(model: Any, scores: Any, y: Any, classes: Any, method: str, sample_weight: Any) -> Any:
    """scikit-learn's pair of a classifier and the calibration of its scores, float64[n, k]."""
    from sklearn.calibration import _fit_calibrator

    return _fit_calibrator(model, scores, y, classes, method, np, sample_weight)
