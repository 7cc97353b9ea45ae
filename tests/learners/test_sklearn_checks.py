"""scikit-learn's own checks of estimators, on every class of learners."""

import pytest

from checks import thinned_checks
from learners import LEARNERS, some_of
from sqlearn.cluster import KMeans
from sqlearn.covariance import OAS, EmpiricalCovariance
from sqlearn.decomposition import TruncatedSVD
from sqlearn.engine.sparse import problem
from sqlearn.ensemble import ShardedClassifier, ShardedRegressor
from sqlearn.impute import SimpleImputer
from sqlearn.kernel_approximation import RBFSampler
from sqlearn.linear_model import LogisticRegression, PoissonRegressor
from sqlearn.linear_model.folded import Chooses
from sqlearn.mixture import GaussianMixture
from sqlearn.preprocessing import KBinsDiscretizer, MaxAbsScaler, MinMaxScaler, OrdinalEncoder, QuantileTransformer
from sqlearn.svm import LinearSVC
from sqlearn.tree import TakesCategories, TreeLearner


def expected_failures(estimator):
    """Checks that an estimator cannot pass, with the reason."""
    if type(estimator).__name__ in ("Ridge", "RidgeClassifier"):
        # it has max_iter, and n_iter_ is None: as scikit-learn's own, of which it expects the same failure
        return {"check_non_transformer_estimators_n_iter": "Its solution is direct, without iterations."}
    if isinstance(estimator, Chooses):
        reason = "It passes splits by position as cv, which are refused."
        return dict.fromkeys(
            [f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse")], reason
        )
    if isinstance(estimator, ShardedClassifier | ShardedRegressor):
        reason = "Which shard a record is in is drawn: a record of weight 2 is in another than two records."
        return dict.fromkeys(
            [f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse")], reason
        )
    if type(estimator).__name__ == "CategoricalNB":
        # it passes numbers between 0 and 1 as categories; scikit-learn's cuts them all off to 0, here they are refused
        return {"check_sample_weight_equivalence_on_dense_data": "Its records are no integers, which are refused."}
    estimator = getattr(estimator, "learner", estimator)
    if isinstance(estimator, TakesCategories) and not isinstance(estimator, TreeLearner):  # boosted trees; as above
        reason = "Which records are in the pilot is drawn, and it counts them: a record of weight 2 is one of them."
        return dict.fromkeys(
            [f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse")], reason
        )
    if isinstance(estimator, TreeLearner):
        expected = {"check_class_weight_classifiers": "It sets min_weight_fraction_leaf, which is refused."}
        if getattr(estimator, "bootstrap", False):  # as scikit-learn's own, of which it expects the same failures
            reason = "Which trees a record is in is drawn: a record of weight 2 is in others than two records."
            expected |= dict.fromkeys(
                [f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse")], reason
            )
        return expected
    if type(estimator).__name__ == "LogisticRegression" and not estimator.fit_intercept:  # scikit-learn's own fails too
        return {
            "check_class_weight_classifiers": "Without an intercept, weights of classes do not turn all predictions."
        }
    return {}


def answers_of(learner):
    """What decides how a learner answers: its class, and what the class makes of the learner inside."""
    tags = learner.__sklearn_tags__()
    return type(learner), tags.estimator_type, tags.transformer_tags is None, learner.keeps_records


MORE = [
    MinMaxScaler(),
    MaxAbsScaler(),
    QuantileTransformer(n_quantiles=10),
    KBinsDiscretizer(3),
    SimpleImputer(strategy="median"),
    OrdinalEncoder(),
    TruncatedSVD(),
    RBFSampler(n_components=5),
    EmpiricalCovariance(),
    OAS(),
    KMeans(),
    GaussianMixture(),
]


@pytest.mark.filterwarnings("ignore")
@thinned_checks([*some_of(LEARNERS, answers_of, __name__), *MORE], 8, expected_failures)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore")
@thinned_checks([LogisticRegression(), PoissonRegressor(), LinearSVC()], 3)
def test_scikit_learn_checks_of_records_kept_as_sparse_ones(estimator, check, monkeypatch):
    monkeypatch.setattr(problem, "MOST_PARAMETERS", 0)
    check(estimator)
