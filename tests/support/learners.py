"""Every learner of the package, for the tests that hold for all of them."""

import os
import re
from collections import Counter, defaultdict
from functools import cache
from itertools import product
from math import ceil
from zlib import crc32

import numpy as np
import pytest
from sklearn import tree as peers
from sklearn.base import BaseEstimator

from fixed_maps import widened
from records import takes_weights
from sqlearn.cluster import KMeans
from sqlearn.compose import FixedFeatures, TableModel, TextModel, make_column_transformer
from sqlearn.covariance import LedoitWolf, ShrunkCovariance
from sqlearn.decomposition import PCA
from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sqlearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    ShardedClassifier,
    ShardedRegressor,
)
from sqlearn.feature_selection import (
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    VarianceThreshold,
    chi2,
    f_regression,
    r_regression,
)
from sqlearn.kernel_approximation import KernelMean
from sqlearn.linear_model import (
    BayesianRidge,
    ElasticNet,
    GammaRegressor,
    Lasso,
    LassoCV,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
    TweedieRegressor,
)
from sqlearn.mixture import GaussianMixture
from sqlearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MixedNB, MultinomialNB
from sqlearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestCentroid
from sqlearn.pipeline import make_pipeline
from sqlearn.preprocessing import OneHotEncoder, RobustScaler, StandardScaler
from sqlearn.svm import LinearSVC, OneClassSVM
from sqlearn.tree import DecisionTreeRegressor

EVERYWHERE = "SQLEARN_EVERYWHERE" in os.environ  # `make memory`, `make thorough`

LEARNERS = [
    GaussianNB(),
    MultinomialNB(),
    ComplementNB(norm=True),
    BernoulliNB(),
    CategoricalNB(),
    MixedNB(),
    StandardScaler(),
    RobustScaler(),
    OneHotEncoder(),
    PCA(),
    ShrunkCovariance(store_precision=False),
    LedoitWolf(),
    KernelMean(n_components=9),
    LinearDiscriminantAnalysis(),
    LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.25),
    LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto"),
    QuadraticDiscriminantAnalysis(),
    QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=0.25),
    QuadraticDiscriminantAnalysis(solver="eigen", shrinkage="auto"),
    NearestCentroid(),
    NearestCentroid(shrink_threshold=0.2, priors="empirical"),
    NearestCentroid("manhattan"),
    KNeighborsClassifier(3),
    KNeighborsClassifier(2, weights="distance", algorithm="kd_tree", leaf_size=2),
    KNeighborsRegressor(2),
    SelectKBest(k=1),
    SelectKBest(chi2, k=1),
    SelectPercentile(f_regression, percentile=40),
    SelectFpr(f_regression, alpha=0.99),
    SelectFdr(chi2, alpha=1.0),
    SelectFwe(alpha=1.0),
    GenericUnivariateSelect(r_regression, mode="k_best", param=2),
    VarianceThreshold(),
    LinearRegression(),
    LinearRegression(fit_intercept=False, positive=True),
    Ridge(),
    Ridge(positive=True),
    RidgeClassifier(),
    Lasso(alpha=0.1),
    ElasticNet(alpha=0.1, selection="random"),
    BayesianRidge(compute_score=True),
    RidgeCV(cv=2, store_cv_results=True),
    RidgeClassifierCV(cv=3),
    LassoCV(cv=3, alphas=4),
    TableModel(MixedNB()),
    TableModel(LinearRegression()),
    TableModel(RidgeClassifier(), standardize=False),
    TableModel(StandardScaler(), add_indicator=False),
    TableModel(LogisticRegression()),
    TableModel(RandomForestClassifier(4, max_samples=0.6)),
    TableModel(HistGradientBoostingClassifier(max_iter=5, pilot_size=7)),
    TextModel(MultinomialNB(), min_df=2, max_features=12),
    TextModel(ComplementNB(), sublinear_tf=True, idf=True, ngram_range=(1, 2)),
    TextModel(NearestCentroid(), tf_norm="l2", idf=True),
    FixedFeatures(widened, Ridge(), row_by_row=True),
    FixedFeatures(np.abs, MultinomialNB()),
    FixedFeatures(widened, LogisticRegression()),
    make_pipeline(StandardScaler(), Ridge()),
    make_column_transformer((StandardScaler(), slice(0, 1)), remainder="passthrough"),
    LogisticRegression(),
    LogisticRegression(C=10, fit_intercept=False, class_weight={-1: 2.0, 3: 0.5}),
    LogisticRegression(class_weight="balanced"),
    PoissonRegressor(),
    GammaRegressor(),
    TweedieRegressor(power=1.5),
    LinearSVC(),
    LinearSVC(C=0.5, class_weight="balanced"),
    KMeans(3),
    GaussianMixture(2, covariance_type="diag"),
    DecisionTreeRegressor(max_depth=4),
    RandomForestClassifier(5, random_state=3, class_weight={-1: 2.0, 3: 0.5}),
    ExtraTreesRegressor(6, bootstrap=True, max_samples=0.5),
    IsolationForest(n_estimators=5, max_samples=8, contamination=0.2),
    OneClassSVM(n_components=9, nu=0.2),
    HistGradientBoostingClassifier(max_iter=10, random_state=3, class_weight={-1: 2.0, 3: 0.5}),
    HistGradientBoostingRegressor(max_iter=10, pilot_size=9),
    ShardedClassifier(peers.DecisionTreeClassifier(max_depth=3), 3),
    ShardedRegressor(Ridge(), 2),
]


class Multilabel(RidgeClassifier):
    """RidgeClassifier, which the tests give indicator matrices."""


MULTILABEL = [Multilabel(), Multilabel(class_weight="balanced")]

TABLES, TEXTS = ("ColumnTransformer", "MixedNB", "OneHotEncoder", "TableModel"), ("TextModel",)
ARRAYS = [learner for learner in LEARNERS if type(learner).__name__ not in TABLES + TEXTS]
LABELLED = [learner for learner in LEARNERS if learner._target == "label"]
VALUED = [learner for learner in LEARNERS if learner._target == "value"]
WEIGHTED = [learner for learner in LEARNERS if takes_weights(learner)]


# classes that are one kind to laws: they keep the same sums, or trees or rows, and what they read is read alike
KINDS = """
    MultinomialNB ComplementNB BernoulliNB
    PCA ShrunkCovariance LedoitWolf EmpiricalCovariance OAS
    KNeighborsClassifier KNeighborsRegressor
    LinearRegression Ridge
    Lasso ElasticNet
    RidgeCV LassoCV ElasticNetCV
    LogisticRegression LinearSVC
    PoissonRegressor GammaRegressor TweedieRegressor
    DecisionTreeRegressor ExtraTreesRegressor RandomForestRegressor
    RandomForestClassifier DecisionTreeClassifier ExtraTreesClassifier
    HistGradientBoostingClassifier HistGradientBoostingRegressor
    ShardedClassifier ShardedRegressor
"""
KIND_OF = {name: kind for kind, names in enumerate(KINDS.strip().splitlines()) for name in names.split()}


def kind_of(learner):
    """What laws of models depend on: the kind of the class, and its parameters where they change the sums."""
    name = type(learner).__name__
    if hasattr(learner, "score_func"):
        return "selector", learner._target, learner.__sklearn_tags__().input_tags.positive_only
    return KIND_OF.get(name, name), getattr(learner, "metric", None) == "manhattan", learner.keeps_records


_MET: defaultdict[str, Counter[str]] = defaultdict(Counter)  # by scope, how many laws each learner has met in it


def some_of(learners, kind, scope, every=1):
    """One learner of each kind, or of each n-th, in CI: those that have met the fewest laws of this scope so far.

    So all members of a kind take turns, and who begins hangs on the scope. `make thorough` takes all learners.
    """
    met, kinds = _MET[scope], {}
    for learner in learners:
        kinds.setdefault(kind(learner), []).append(learner)

    def turn(learner):
        name = name_of(learner)
        return met[name], crc32(f"{scope} {name}".encode())

    least = [min(members, key=turn) for members in kinds.values()]
    taken = sorted(least, key=turn)[: ceil(len(least) / every)]
    chosen = learners if EVERYWHERE else [learner for learner in least if learner in taken]
    met.update(map(name_of, chosen))
    return chosen


def laws_met(scope):
    """How many laws of this scope each learner meets, by its name."""
    return _MET[scope]


def takes_ledger(learner) -> bool:
    """Whether a learner can do without its ledger, as those that keep their rows cannot."""
    return "ledger" in learner.get_params() and not learner.keeps_records


@cache
def name_of(learner):
    """Its repr without addresses, which differ from process to process."""
    return re.sub(r" at 0x\w+| ", "", repr(learner))


def named(*names):
    """The learners of these classes."""
    return [learner for learner in LEARNERS if type(learner).__name__ in names]


def over(learners):
    """Run a test for each of these learners."""
    return pytest.mark.parametrize("learner", learners, ids=name_of)


def over_kinds(learners):
    """Run a test of a law for one of these learners of each kind."""
    return lambda test: over(some_of(learners, kind_of, test.__module__))(test)


def over_each(learners):
    """Run a test of how calls are answered, which kinds have in common, for learners of every second kind."""
    return lambda test: over(some_of(learners, kind_of, test.__module__, 2))(test)


def crossed(every, **choices):
    """Run a test for all combinations of choices; in CI for one of so many, which the sum of their places decides.

    So each choice meets as many others as its list has places in a row. `make thorough` takes all combinations.
    """
    names = ", ".join(choices)
    cases = [
        tuple(value for _, value in case)
        for case in product(*(list(enumerate(values)) for values in choices.values()))
        if EVERYWHERE or sum(place for place, _ in case) % every == 0
    ]
    return pytest.mark.parametrize(names, cases, ids=case_name)


def case_name(value):
    """The name of a learner or of a function; pytest names the rest."""
    if isinstance(value, BaseEstimator):
        return name_of(value)
    return getattr(value, "__name__", None)
