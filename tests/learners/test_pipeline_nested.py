"""Pipelines inside of pipelines: what learns in the place of the outer one, and what it looks at."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import pipeline, preprocessing
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import PolynomialFeatures

from laws import check_contract
from learners import over
from records import records_of
from sqlearn import Store, verify
from sqlearn.cluster import KMeans
from sqlearn.compose import ColumnTransformer
from sqlearn.decomposition import PCA
from sqlearn.errors import ParameterError
from sqlearn.linear_model import LogisticRegression, Ridge
from sqlearn.naive_bayes import GaussianNB, MultinomialNB
from sqlearn.neighbors import KNeighborsClassifier
from sqlearn.pipeline import make_pipeline
from sqlearn.preprocessing import QuantileTransformer, StandardScaler
from sqlearn.tree import DecisionTreeClassifier

RNG = np.random.default_rng(8)
X = RNG.normal(size=(40, 3))
Y = (X[:, 0] > X[:, 1]).astype(int)

NESTED = [  # a pipeline is all of a pipeline, or asks it to keep its records
    make_pipeline(make_pipeline(StandardScaler(), Ridge())),
    make_pipeline(make_pipeline(StandardScaler(), KNeighborsClassifier(2))),
    make_pipeline("passthrough", make_pipeline(make_pipeline(DecisionTreeClassifier(max_depth=2)))),
    make_pipeline(make_pipeline(StandardScaler(), LogisticRegression())),
    make_pipeline(make_pipeline(StandardScaler(), KMeans(2, random_state=0))),
    make_pipeline(make_pipeline(PolynomialFeatures(), KNeighborsClassifier(2))),
    make_pipeline(PolynomialFeatures(), make_pipeline(StandardScaler(), KNeighborsClassifier(2))),
    make_pipeline(make_pipeline(PCA(2, svd_solver="full"), GaussianNB(), keep_records=True)),
    make_pipeline(make_pipeline(preprocessing.StandardScaler(), keep_records=True), Ridge()),
    make_pipeline(
        ColumnTransformer([("q", QuantileTransformer(n_quantiles=5), [0])], keep_records=True), LogisticRegression()
    ),
]


@pytest.mark.filterwarnings("ignore")
@over(NESTED)
@pytest.mark.crossed(2)
def test_hard_values(learner):
    rng = np.random.default_rng(5)
    check_contract(learner, records_of(learner, rng, 16, 1), rng)


@over(NESTED)
def test_they_are_those_of_scikit_learn(learner):
    y = [Y] if learner.target is not None else []
    model = learner.fit(X, *y)
    model.forget(X[:3], *(each[:3] for each in y))
    assert verify(model, X[3:], *(each[3:] for each in y))
    assert_array_equal(model.predict(X), model.to_sklearn().predict(X))
    assert isinstance(model.to_sklearn(), pipeline.Pipeline)


@over([learner for learner in NESTED if not isinstance(learner.steps[0][1], ColumnTransformer)])
def test_stores_take_them(learner, tmp_path):
    data = {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "id": np.arange(40)}
    target = None if learner.target is None else "y"
    store = Store.create(tmp_path / "s", learner, data | ({"y": Y} if target else {}), target=target, id="id")
    store.forget(ids=[0, 1, 2])
    assert Store.open(tmp_path / "s").verify()


def test_scales_of_a_nested_pipeline_that_keeps_its_records():
    """The scaler in the middle is scikit-learn's: only kept records have it fitted anew."""
    model = make_pipeline(make_pipeline(preprocessing.StandardScaler(), keep_records=True), Ridge()).fit(100 * X, Y)
    flat = make_pipeline(StandardScaler(), Ridge()).fit(100 * X, Y)
    assert_allclose(model.predict(100 * X), flat.predict(100 * X))
    assert model.keeps_records


@pytest.mark.parametrize(
    ("pipe", "words"),
    [
        (make_pipeline(make_pipeline(PolynomialFeatures(), Ridge())), "Put the steps of pipeline in its place"),
        (make_pipeline(make_pipeline(PolynomialFeatures()), Ridge()), "Put the steps of pipeline in its place"),
        (make_pipeline(StandardScaler(), make_pipeline(PolynomialFeatures(), Ridge())), "it would be passed over"),
        (make_pipeline(make_pipeline(StandardScaler(), make_pipeline(PolynomialFeatures())), Ridge()), "passed over"),
        (make_pipeline(make_pipeline(preprocessing.StandardScaler()), Ridge()), "Put the steps of pipeline"),
        (make_pipeline(make_pipeline(PolynomialFeatures(), StandardScaler()), LogisticRegression()), "Put the steps"),
        (make_pipeline(make_pipeline(PCA(2), Ridge(), key="k")), "ledger or key of its own. Set `ledger` and `key` of"),
        (make_pipeline(make_pipeline(PCA(2), ledger=False), Ridge()), "ledger or key of its own"),
        (make_pipeline(ColumnTransformer([("a", PCA(1), [0])], key="k"), Ridge()), "ledger or key of its own"),
        (make_pipeline(make_pipeline(PCA(2), Ridge(), key="k"), keep_records=True), "ledger or key of its own"),
        (make_pipeline(make_pipeline(StandardScaler(), KNeighborsClassifier()), ledger=False), "Leave `ledger` True"),
        (make_pipeline(make_pipeline("passthrough")), "No step of this pipeline learns anything"),
        (make_pipeline(make_pipeline(PolynomialFeatures())), "cannot forget. End with a learner"),
        (make_pipeline(make_pipeline()), "The pipeline is empty"),
    ],
)
def test_what_is_refused(pipe, words):
    with pytest.raises(ParameterError) as caught:
        pipe.fit(X, Y)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "nest", [lambda words, last: [make_pipeline(words, last)], lambda words, last: [make_pipeline(words), last]]
)
def test_documents(nest):
    docs, y = np.array(["a b", "b c", "c d"], object), [0, 1, 0]
    with pytest.raises(ParameterError, match=r"CountVectorizer\(\) cannot stand inside pipeline.* in its place"):
        make_pipeline(*nest(CountVectorizer(), MultinomialNB())).fit(docs, y)
