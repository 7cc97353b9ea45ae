"""Models that never change, as in fixed.py: learners that came after 1285be8."""

import numpy as np

from fixed import Case, hard, integers, labels, numbers
from sqlearn.compose import ColumnTransformer, FixedFeatures, TextModel
from sqlearn.covariance import OAS, EmpiricalCovariance, LedoitWolf, ShrunkCovariance
from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis
from sqlearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    ShardedClassifier,
    ShardedRegressor,
)
from sqlearn.feature_selection import (
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFwe,
    SelectPercentile,
    VarianceThreshold,
    f_regression,
)
from sqlearn.kernel_approximation import KernelMean, RBFSampler
from sqlearn.linear_model import (
    ElasticNetCV,
    GammaRegressor,
    LassoCV,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifierCV,
    RidgeCV,
    TweedieRegressor,
)
from sqlearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sqlearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestCentroid
from sqlearn.pipeline import Pipeline, make_union
from sqlearn.preprocessing import MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler
from sqlearn.recommend import EASE, ItemKNN
from sqlearn.svm import OneClassSVM
from sqlearn.tree import DecisionTreeClassifier, DecisionTreeRegressor


def counts(X: np.ndarray) -> np.ndarray:
    """Whole numbers that grow with the features."""
    return np.floor(np.maximum(X[:, 0] + X[:, 1] / 2.0 + 4.0, 0.0))


def texts(n: int) -> list[str]:
    """Documents of up to eight words, some of letters of all kinds."""
    words = ["free", "prize", "Lunch", "naïve", "\ud800x", "\0\0", "日本語", "call", "it's", "ÅNGSTRÖM", "win", "you"]
    return [" ".join(words[i % 12] for i in row[: row[0] % 9]) for row in integers(n, 8, 23).tolist()]


def table(n: int) -> list[list[object]]:
    """Text, whole numbers and missing values."""
    words = ["a", "naïve", "", None]
    return [
        [words[row[0] % 4], row[1] % 5, float("nan") if row[2] % 7 == 0 else 0.5] for row in integers(n, 3, 29).tolist()
    ]


def ratings(n: int) -> list[tuple[int, str, float]]:
    """Users, items and ratings in halves."""
    pairs = [(i * 7 % 11, f"item {i * i % 13}") for i in range(4 * n)]
    return [(user, item, (i % 9 + 1) / 2) for i, (user, item) in enumerate(dict.fromkeys(pairs))][:n]


def later_cases() -> dict[str, Case]:
    """Every learner that came after 1285be8, and parameters that came since."""
    X = numbers(48, 3, 1)
    y2, y3 = labels(X, 2), labels(X, 3)
    values = 2.0 * X[:, 0] - X[:, 1]
    w = np.array([1.0, 0.5, 3.0])[np.arange(48) % 3]
    uneven = np.array([1.0, 0.5, 3.0, 1.0, 0.125, 2.0])[np.arange(48) % 6]
    holes = np.where(numbers(48, 3, 17) > 2.0, np.nan, X)
    several = numbers(3000, 3, 19)
    big = numbers(9000, 3, 13)
    return {
        "lda_shrinkage": Case(LinearDiscriminantAnalysis("lsqr", shrinkage="auto"), X, y3),
        "kneighbors_classifier": Case(KNeighborsClassifier(3, metric_params={"w": np.array([1.0, 2.0, 0.5])}), X, y3),
        "kneighbors_regressor": Case(KNeighborsRegressor(weights="distance", p=1), X, values),
        "select_percentile": Case(SelectPercentile(percentile=50), X, y3),
        "select_fpr": Case(SelectFpr(f_regression), X, values),
        "select_fdr": Case(SelectFdr(), X, y3),
        "select_fwe": Case(SelectFwe(), X, y3),
        "generic_univariate_select": Case(GenericUnivariateSelect(mode="k_best", param=1), X, y3),
        "variance_threshold": Case(VarianceThreshold(), X),
        "gamma_regressor": Case(GammaRegressor(alpha=0.1), X, np.abs(values) + 0.125, w),
        "tweedie_regressor": Case(TweedieRegressor(power=1.5), X, np.maximum(values, 0.0), w),
        "poisson_regressor_9000": Case(PoissonRegressor(alpha=0.1), big, counts(big)),
        "gamma_regressor_9000": Case(GammaRegressor(alpha=0.1), big, counts(big) + 0.5),
        "tweedie_regressor_9000": Case(TweedieRegressor(power=1.5), big, counts(big)),
        "logistic_regression_balanced": Case(LogisticRegression(class_weight="balanced"), X, y2),
        "decision_tree_classifier": Case(DecisionTreeClassifier(min_samples_leaf=2), holes, y3, uneven),
        "decision_tree_regressor": Case(DecisionTreeRegressor(max_depth=4), hard(48, 3), values, uneven),
        "random_forest_classifier": Case(RandomForestClassifier(5, random_state=2, class_weight={1: 2.5}), X, y2),
        "random_forest_regressor": Case(RandomForestRegressor(5, max_features=0.4), holes, values),
        "extra_trees_classifier": Case(ExtraTreesClassifier(5), holes, y3),
        "extra_trees_regressor": Case(ExtraTreesRegressor(5, bootstrap=True, max_samples=0.6), X, values, uneven),
        "isolation_forest": Case(IsolationForest(n_estimators=5, max_samples=32, random_state=1), holes),
        "isolation_forest_3000": Case(IsolationForest(max_features=2), several, n_forgotten=200),
        "boosting_classifier": Case(
            HistGradientBoostingClassifier(max_iter=5, class_weight={1: 2.5}), holes, y3, uneven
        ),
        "boosting_regressor": Case(HistGradientBoostingRegressor(pilot=(X[:20], values[:20])), hard(48, 3), values),
        "empirical_covariance": Case(EmpiricalCovariance(), hard(48, 3)),
        "shrunk_covariance": Case(ShrunkCovariance(shrinkage=0.25), X),
        "oas": Case(OAS(assume_centered=True), X),
        "ridge_cv": Case(RidgeCV([0.5, 2.0], cv=3), hard(48, 3), values, w),
        "ridge_classifier_cv": Case(RidgeClassifierCV(), X, np.array(["no", "yes", "whoever"])[y3]),
        "lasso_cv": Case(LassoCV(alphas=5, key="a secret"), X, values),
        "elastic_net_cv": Case(ElasticNetCV(alphas=3, cv=2), X, values, uneven),
        "kernel_mean": Case(KernelMean(gamma=0.25, n_components=50, random_state=7), hard(48, 3)),
        "one_class_svm": Case(OneClassSVM(nu=0.25, gamma=0.5), hard(48, 3)),
        "ledoit_wolf": Case(LedoitWolf(), hard(48, 3)),
        "ledoit_wolf_tame": Case(LedoitWolf(), X),
        "fixed_features": Case(FixedFeatures(np.negative, LogisticRegression(), fingerprint="minus, 1"), X, y2),
        "fixed_features_gram": Case(FixedFeatures(np.negative, Ridge(), fingerprint="minus, 1"), hard(48, 3), values),
        "text_multinomial_nb": Case(TextModel(MultinomialNB(), min_df=2, ngram_range=(1, 2)), texts(48), y2, w),
        "text_complement_nb": Case(TextModel(ComplementNB(), sublinear_tf=True, idf=True, key="k"), texts(48), y3, w),
        "text_bernoulli_nb": Case(TextModel(BernoulliNB(), analyzer="char_wb", select=5), texts(48), y3),
        "text_nearest_centroid": Case(TextModel(NearestCentroid(), sublinear_tf=True, tf_norm="l2"), texts(48), y2),
        "item_knn": Case(ItemKNN(), ratings(48)),
        "item_knn_implicit": Case(ItemKNN(feedback="implicit", min_sim=0.01), ratings(48)),
        "ease": Case(EASE(), [row[:2] for row in ratings(48)]),
        "robust_scaler": Case(RobustScaler(), X),
        "nearest_centroid_manhattan": Case(NearestCentroid(metric="manhattan"), X, y3),
        "one_hot_encoder": Case(OneHotEncoder(), table(48)),
        "pipeline": Case(Pipeline([("scale", StandardScaler()), ("ridge", Ridge())]), X, values),
        "column_transformer": Case(
            ColumnTransformer([("scale", StandardScaler(), [0]), ("as", "passthrough", [2])]), X
        ),
        "feature_union": Case(make_union(MinMaxScaler(), StandardScaler(), "passthrough"), X),
        "random_forest_classifier_3000": Case(RandomForestClassifier(3), several, labels(several, 3), n_forgotten=200),
        "sharded_classifier": Case(ShardedClassifier(GaussianNB(), 3, 2, random_state=5), hard(48, 3), y3, w),
        "sharded_regressor": Case(ShardedRegressor(Ridge(), 2, key="a secret"), X, values, w),
    }


def frozen_cases() -> dict[str, Case]:
    """Those of which tests/frozen has files: small ones, and one for each kind of state."""
    left_out = ("_3000", "_9000", "_gram", "_balanced", "_implicit", "text_bernoulli_nb", "gamma_regressor", "select",
                "sharded")  # fmt: skip
    found = {name: case for name, case in later_cases().items() if not any(word in name for word in left_out)}
    del found["ledoit_wolf"], found["boosting_regressor"]
    return found | {"rbf_sampler": Case(RBFSampler(gamma=0.25, n_components=8, random_state=7), numbers(48, 3, 1))}
