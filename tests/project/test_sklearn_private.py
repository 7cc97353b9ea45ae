"""Private names of scikit-learn: one module has them all, and each is there in the version installed.

``PROTECTED`` is what pyproject.toml's upper bound on scikit-learn protects. At a new minor version: raise the bound,
run this file and `make peer-tests`, and mend `sqlearn/engine/sklearn_private.py` where they fail.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import sklearn
from sklearn import ensemble as stacks
from sklearn import impute as imputers
from sklearn.base import BaseEstimator, clone
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingRegressor, IsolationForest
from sklearn.linear_model import PoissonRegressor, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, OrdinalEncoder, StandardScaler

from learners import LEARNERS
from records import tame
from sources import PACKAGE, PATHS, ROOT, by_module, nodes_of
from sqlearn import preprocessing as ours
from sqlearn.engine.sklearn_private import FITTED_ATTRIBUTES, HOOKS
from sqlearn.ensemble import StackingClassifier
from sqlearn.impute import SimpleImputer
from sqlearn.naive_bayes import GaussianNB

ONE_MODULE = PACKAGE / "engine" / "sklearn_private.py"

PROTECTED = [
    "sklearn.base.BaseEstimator._doc_link_module",
    "sklearn.base.BaseEstimator._doc_link_template",
    "sklearn.base.BaseEstimator._get_class_level_metadata_request_values",
    "sklearn.base.BaseEstimator._get_param_names",
    "sklearn.base.BaseEstimator._validate_params",
    "sklearn.callback.CallbackSupportMixin._init_callback_context",
    "sklearn.callback._callback_support.callback_management_context",
    "sklearn.calibration._fit_calibrator",
    "sklearn.cluster.KMeans._check_test_data",
    "sklearn.decomposition._pca._infer_dimension",
    "sklearn.ensemble.HistGradientBoostingRegressor._compute_partial_dependence_recursion",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.common.PREDICTOR_RECORD_DTYPE",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.ensemble._iforest._average_path_length",
    "sklearn.feature_extraction.text.CountVectorizer._validate_ngram_range",
    "sklearn.feature_extraction.text.CountVectorizer._validate_vocabulary",
    "sklearn.feature_extraction.text.CountVectorizer._warn_for_unused_params",
    "sklearn.feature_selection.GenericUnivariateSelect._make_selector",
    "sklearn.feature_selection.SelectKBest._check_params",
    "sklearn.linear_model.PoissonRegressor._get_loss",
    "sklearn.linear_model.Ridge._parameter_constraints",
    "sklearn.metrics._scorer.accuracy_scorer._kwargs",
    "sklearn.metrics._scorer.accuracy_scorer._response_method",
    "sklearn.metrics._scorer.accuracy_scorer._sign",
    "sklearn.mixture._gaussian_mixture._check_means",
    "sklearn.mixture._gaussian_mixture._check_precisions",
    "sklearn.mixture._gaussian_mixture._check_weights",
    "sklearn.mixture._gaussian_mixture._compute_precision_cholesky",
    "sklearn.naive_bayes.CategoricalNB._validate_n_categories",
    "sklearn.naive_bayes._BaseDiscreteNB",
    "sklearn.naive_bayes._BaseDiscreteNB._check_alpha",
    "sklearn.naive_bayes._BaseDiscreteNB._update_class_log_prior",
    "sklearn.naive_bayes._BaseDiscreteNB._update_feature_log_prob",
    "sklearn.naive_bayes._BaseNB",
    "sklearn.naive_bayes._BaseNB._check_X",
    "sklearn.naive_bayes._BaseNB._joint_log_likelihood",
    "sklearn.pipeline.Pipeline._sk_visual_block_",
    "sklearn.preprocessing.OneHotEncoder._check_infrequent_enabled",
    "sklearn.preprocessing.OneHotEncoder._fit_infrequent_category_mapping",
    "sklearn.tree._tree.NODE_DTYPE",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._openmp_helpers._openmp_effective_n_threads",
    "sklearn.utils._param_validation.Interval",
    "sklearn.utils._param_validation.InvalidParameterError",
    "sklearn.utils._param_validation.StrOptions",
    "sklearn.utils._param_validation.validate_parameter_constraints",
    "sklearn.utils._safe_indexing",
    "sklearn.utils.validation._check_categorical_features",
    "sklearn.utils.validation._check_sample_weight",
    "sklearn.utils.validation._get_feature_names",
    "sklearn.utils.validation._num_samples",
]
# attributes of fitted estimators, by an estimator of scikit-learn that has them
X, CLASSES = np.array([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0], [6.0, 9.0]]), np.array([0, 1, 0, 1])
STACKED = stacks.StackingClassifier([("ridge", RidgeClassifier())], cv=2)
SCALED = ColumnTransformer([("scaled", StandardScaler(), [0])], remainder="passthrough")
FITTED = {
    "_average_path_length_per_tree": IsolationForest(n_estimators=2),
    "_base_loss": PoissonRegressor(),
    "_baseline_prediction": HistGradientBoostingRegressor(max_iter=1),
    "_bin_mapper": HistGradientBoostingRegressor(max_iter=1),
    "_columns": SCALED,
    "_decision_path_lengths": IsolationForest(n_estimators=2),
    "_default_to_infrequent_mappings": OneHotEncoder(min_frequency=2),
    "_drop_idx_after_grouping": OneHotEncoder(),
    "_encoder": KBinsDiscretizer(2),
    "_fill_dtype": imputers.SimpleImputer(),
    "_fit_X": KNeighborsClassifier(1),
    "_fit_dtype": imputers.SimpleImputer(),
    "_fit_method": KNeighborsClassifier(1),
    "_fit_svd_solver": PCA(),
    "_infrequent_enabled": OneHotEncoder(),
    "_infrequent_indices": OneHotEncoder(min_frequency=2),
    "_is_categorical_remapped": HistGradientBoostingRegressor(max_iter=1),
    "_label_binarizer": RidgeClassifier(),
    "_label_encoder": STACKED,
    "_loss": HistGradientBoostingRegressor(max_iter=1),
    "_max_components": LinearDiscriminantAnalysis(),
    "_max_features": IsolationForest(n_estimators=2),
    "_max_samples": IsolationForest(n_estimators=2),
    "_missing_indices": OrdinalEncoder(),
    "_n_feature_outs": STACKED,
    "_n_features": HistGradientBoostingRegressor(max_iter=1),
    "_n_features_out": LinearDiscriminantAnalysis(),
    "_n_features_outs": OneHotEncoder(),
    "_n_threads": KMeans(1),
    "_parent_callback_ctx": None,  # of estimators inside others: test_answering.py has one
    "_predictors": HistGradientBoostingRegressor(max_iter=1),
    "_preprocessor": HistGradientBoostingRegressor(max_iter=1),
    "_remainder": SCALED,
    "_skl_callbacks": None,
    "_transformer_to_input_indices": SCALED,
    "_tree": KNeighborsClassifier(1),
    "_y": KNeighborsClassifier(1),
}
# private names of numba, which kernels/decorator.py and kernels/inner.py explain
NUMBA = {
    "_cache_file",
    "_codegen",
    "_compiling_counter",
    "_data_layout",
    "_final_module",
    "_impl",
    "_linking_libraries",
    "_raise_if_finalized",
}
TUPLES = {"_fields", "_replace"}  # names of named tuples, which Python documents
# what Python and scikit-learn set on every class
SET = {"_abc_impl", "_sklearn_auto_wrap_output_keys", "_sklearn_output_config"}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def imported(path: Path) -> Iterator[str]:
    """Private names that a module imports from scikit-learn, and all names out of its private modules."""
    for node in nodes_of(path):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sklearn":
            private_module = any(map(is_private, node.module.split(".")))
            yield from (alias.name for alias in node.names if private_module or is_private(alias.name))
        elif isinstance(node, ast.Import):
            names = (alias.name for alias in node.names if alias.name.split(".")[0] == "sklearn")
            yield from (name for name in names if any(map(is_private, name.split("."))))


def defined(path: Path) -> Iterator[str]:
    """Names that a module gives to anything."""
    for node in nodes_of(path):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


@cache
def known() -> set[str]:
    """Names that are not scikit-learn's."""
    return {name for path in PATHS for name in defined(path)} - HOOKS.keys() | NUMBA | TUPLES


def borrowed(path: Path) -> Iterator[str]:
    """Private attributes that a module reads or calls, and that this package does not define."""
    for node in nodes_of(path):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in known():
            overridden = isinstance(node.ctx, ast.Store) or ast.unparse(node.value) == "super()"
            if not overridden:  # which test_hooks_are_listed finds
                yield node.attr


def resolved(dotted: str):
    parts = dotted.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise ModuleNotFoundError(dotted)


def classes() -> set[type]:
    """The estimators of this package, and what they are derived from in it."""
    import sqlearn.engine.tables as tables

    mros = (cls.__mro__ for cls in [*map(type, LEARNERS), tables.TableBayes, tables.TableReader])
    return {cls for mro in mros for cls in mro if cls.__module__.split(".")[0] == "sqlearn"}


def test_private_names_stand_in_one_module():
    found = by_module(lambda path: [*imported(path), *borrowed(path)])
    assert found.pop("sqlearn.engine.sklearn_private")
    assert not found, "import it from sqlearn/engine/sklearn_private.py"


def test_hooks_are_listed():
    """A private name that a class of this package shares with a class of scikit-learn is a hook, or a mistake."""
    ours = {name for cls in classes() for name in vars(cls)}
    found = set()
    for learner in classes():
        theirs = {name for cls in learner.__mro__ if cls.__module__.startswith("sklearn") for name in vars(cls)}
        own = {name for cls in learner.__mro__ if cls.__module__.startswith("sqlearn") for name in vars(cls)}
        found |= {name for name in own & theirs if is_private(name)}
    assert found - SET <= HOOKS.keys() <= ours


def test_fitted_attributes_are_listed():
    found = set()
    others = [ours.KBinsDiscretizer(2), ours.OneHotEncoder(max_categories=2), ours.OrdinalEncoder(), SimpleImputer()]
    others += [StackingClassifier([("bayes", GaussianNB())], GaussianNB(), cv=2)]
    for learner in LEARNERS + others:
        model = clone(learner).fit(**tame(learner).given)
        found |= {name for name in vars(model.to_sklearn()) if is_private(name)}
    assert found == {name for name, estimator in FITTED.items() if estimator is not None}
    assert FITTED.keys() == FITTED_ATTRIBUTES.keys()


@pytest.mark.parametrize(("name", "estimator"), [pair for pair in FITTED.items() if pair[1] is not None])
def test_scikit_learn_has_the_fitted_attribute(name, estimator):
    assert name in vars(estimator.fit(X, CLASSES))


def test_scikit_learn_has_the_attributes_of_callbacks():
    source = Path(sklearn.__file__).parent.joinpath("callback", "_callback_support.py").read_text("utf-8")
    for name in ("_skl_callbacks", "_parent_callback_ctx"):
        assert re.search(rf"\b{name}\b", source)


@pytest.mark.parametrize("name", PROTECTED)
def test_scikit_learn_has_the_private_name(name):
    parts, owner = name.split("."), resolved(name.rpartition(".")[0])
    assert hasattr(owner, parts[-1]) or parts[-1] in vars(BaseEstimator)


def test_the_list_is_whole():
    used = {*imported(ONE_MODULE), *borrowed(ONE_MODULE), *HOOKS} - FITTED_ATTRIBUTES.keys()
    assert {name.rpartition(".")[2] for name in PROTECTED} == used


def test_the_cap_is_the_next_minor_version():
    requirements = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    (bound,) = [requirement for requirement in requirements if requirement.startswith("scikit-learn")]
    major, minor = map(int, sklearn.__version__.split(".")[:2])
    assert bound == f"scikit-learn>={major}.{minor},<{major}.{minor + 1}"
