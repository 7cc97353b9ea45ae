"""Pipelines and ColumnTransformers: scikit-learn's results and manners, the steps as they are now, what is refused."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn.compose
import sklearn.decomposition
import sklearn.discriminant_analysis
import sklearn.impute
import sklearn.linear_model
import sklearn.naive_bayes
import sklearn.pipeline
import sklearn.preprocessing
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import PolynomialFeatures

import sqlearn.compose
import sqlearn.decomposition
import sqlearn.discriminant_analysis
import sqlearn.impute
import sqlearn.linear_model
import sqlearn.naive_bayes
import sqlearn.pipeline
import sqlearn.preprocessing
from sqlearn import verify
from sqlearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sqlearn.decomposition import PCA
from sqlearn.ensemble import StackingRegressor, VotingRegressor
from sqlearn.errors import InvalidValueError, NotLearnedError, ParameterError, ShapeError, UnsupportedError
from sqlearn.feature_selection import SelectKBest
from sqlearn.impute import SimpleImputer
from sqlearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sqlearn.model_selection import GridSearchCV
from sqlearn.naive_bayes import GaussianNB
from sqlearn.pipeline import Pipeline, make_pipeline
from sqlearn.preprocessing import (
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 5)) @ rng.normal(size=(5, 5)) + 100 * np.arange(5)
    return X, X @ np.arange(5) + rng.normal(size=120)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {"age": rng.normal(40, 9, 90), "port": rng.choice(["S", "C", "Q"], 90), "cls": rng.integers(1, 4, 90)}
    )
    frame.loc[rng.random(90) < 0.2, "age"] = np.nan
    frame.loc[5, "port"] = "X"
    return frame, rng.integers(0, 2, 90)


def of_numbers(library):
    pre = library.preprocessing
    return [
        library.pipeline.make_pipeline(
            pre.StandardScaler(), library.decomposition.PCA(2, whiten=True), library.linear_model.Ridge()
        ),
        library.pipeline.make_pipeline(pre.RobustScaler(), pre.MinMaxScaler(), library.linear_model.Ridge()),
        library.pipeline.make_pipeline(
            PolynomialFeatures(2), pre.StandardScaler(), "passthrough", library.linear_model.LinearRegression()
        ),
    ]


def of_tables(library):
    number = library.pipeline.Pipeline(
        [("fill", library.impute.SimpleImputer(add_indicator=True)), ("scale", library.preprocessing.StandardScaler())]
    )
    parts = [
        ("number", number, ["age"]),
        ("category", library.preprocessing.OneHotEncoder(handle_unknown="ignore"), ["port", "cls"]),
    ]
    return library.pipeline.make_pipeline(
        library.compose.ColumnTransformer(parts), library.linear_model.RidgeClassifier()
    )


@pytest.mark.parametrize("which", range(3))
def test_agrees_with_scikit_learn(data, which):
    X, y = data
    ours, theirs = of_numbers(sqlearn)[which].fit(X, y), of_numbers(sklearn)[which]
    ours.forget(X[:9], y[:9])
    theirs.fit(X[9:], y[9:])
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9)
    np.testing.assert_allclose(ours[:-1].transform(X), theirs[:-1].transform(X), rtol=1e-6, atol=1e-8)
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y))
    assert list(ours[:-1].get_feature_names_out()) == list(theirs[:-1].get_feature_names_out())
    np.testing.assert_array_equal(ours.to_sklearn().predict(X), ours.predict(X))


def test_a_table_agrees_with_scikit_learn(table):
    X, y = table
    ours, theirs, left = of_tables(sqlearn).fit(X, y), of_tables(sklearn), X.index != 5
    assert "category__port_X" in ours[:-1].get_feature_names_out()
    ours.forget(X.loc[5], y[5])
    theirs.fit(X[left], y[left])
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), rtol=1e-9)
    assert list(ours[:-1].get_feature_names_out()) == list(theirs[:-1].get_feature_names_out())
    assert ours[:-1].transform(X).shape == theirs[:-1].transform(X).shape
    assert verify(ours, X[left], y[left])
    assert ours.forget(X[left][["cls", "port", "age"]].iloc[:3], y[left][:3]).n_records_ == 86  # in any order
    assert not ours.pending_params()
    assert pickle.loads(pickle.dumps(ours)).digest() == ours.digest()


def test_the_first_step_has_the_bits_that_it_has_alone(data):
    X, y = data
    pipe = make_pipeline(StandardScaler(), PCA(2), Ridge()).fit(X, y).forget(X[3], y[3])
    alone = StandardScaler().fit(np.delete(X, 3, axis=0))
    for name in ("mean_", "var_", "scale_"):
        np.testing.assert_array_equal(getattr(pipe[0], name), getattr(alone, name))


def test_steps_are_what_they_are_now(data):
    X, y = data
    pipe = Pipeline([("scale", StandardScaler()), ("pca", PCA(2)), ("ridge", Ridge())])
    assert pipe.named_steps["pca"] is pipe.steps[1][1]
    pipe.fit(X, y)
    pca, before = pipe.named_steps["pca"], pipe["pca"].components_
    assert "_state" not in vars(pipe.steps[1][1])
    pipe.forget(X[:50], y[:50])
    assert not np.array_equal(pca.components_, before)
    np.testing.assert_array_equal(pca.components_, pipe[1].components_)
    with pipe.without(X[60:70], y[60:70]):
        assert pca.n_records_ == 60
    assert pca.n_records_ == 70
    with pytest.raises(UnsupportedError, match="a step of a Pipeline"):
        pca.forget(X[51])


def test_inverse_transform_undoes_the_steps_as_they_are_now(data):
    X, _ = data
    pipe = Pipeline([("scale", StandardScaler()), ("as", "passthrough"), ("pca", PCA(5))])
    with pytest.raises(NotFittedError):
        pipe.inverse_transform(X)
    pipe.fit(X).forget(X[:50])
    found = pipe.inverse_transform(pipe.transform(X))
    np.testing.assert_allclose(found, X)
    assert np.array_equal(found, pipe.to_sklearn().inverse_transform(pipe.transform(X)))
    with pytest.raises(ShapeError, match="pass what transform returned"):
        pipe.inverse_transform(X[:, :2])
    assert not hasattr(make_pipeline(StandardScaler(), Ridge()), "inverse_transform")


def test_steps_are_saved_as_scikit_learns(data):
    X, y = data
    pipe = make_pipeline(StandardScaler(), PCA(2), Ridge()).fit(X, y)
    for saved in (pickle.loads(pickle.dumps(pipe[:-1])), copy.deepcopy(pipe[:-1])):
        assert {type(step) for _, step in saved.steps} == {
            sklearn.preprocessing.StandardScaler, sklearn.decomposition.PCA
        }  # fmt: skip
        np.testing.assert_array_equal(saved.transform(X), pipe[:-1].transform(X))
    for step in (pipe[0], pipe["pca"], pipe.named_steps["ridge"]):
        assert type(pickle.loads(pickle.dumps(step))) is type(step.to_sklearn())
    pipe.forget(X[0], y[0])
    assert saved[0].mean_[0] != pipe[0].mean_[0]  # what is saved does not follow


def test_steps_have_no_digest_and_no_parameters_of_their_own(data):
    X, y = data
    for pipe in (make_pipeline(StandardScaler(), Ridge()), make_pipeline(StandardScaler(), LogisticRegression())):
        pipe.fit(X, y > y.mean())
        digest = pipe.digest()
        for step in (pipe[0], pipe[-1]):
            for call in (step.digest, step.canonical_parts, lambda step=step: verify(step, X, y > 0)):
                with pytest.raises(UnsupportedError, match="no bytes or digest of its own"):
                    call()
        for part, params in ((pipe[-1], {"tol": 1.0}), (pipe[:-1], {"standardscaler__copy": False})):
            with pytest.raises(UnsupportedError, match="call the Pipeline's own method"):
                part.set_params(**params)
        assert pipe.digest() == digest
        assert not pipe.pending_params()


def test_choices_and_parts_show_pipelines_of_scikit_learn(data):
    X, y = data
    chain = make_pipeline(StandardScaler(), Ridge())
    for whole, find in (
        (GridSearchCV(chain, {"ridge__alpha": [0.1]}, cv=2), lambda whole: whole.best_estimator_),
        (VotingRegressor([("chain", chain)]), lambda whole: whole.estimators_[0]),
        (StackingRegressor([("chain", chain)], chain, cv=2), lambda whole: whole.final_estimator_),
    ):
        whole.fit(X, y).forget(X[0], y[0])
        again = clone(whole).fit(X[1:], y[1:])
        found = find(whole)
        assert type(found) is sklearn.pipeline.Pipeline
        assert pickle.dumps(found) == pickle.dumps(find(again))
        before = whole.predict(X).tobytes()
        found[-1].coef_[:] = 0.0  # a copy
        assert whole.predict(X).tobytes() == before == again.predict(X).tobytes()
        assert "n_features_in_" in dir(whole)
        assert whole.n_features_in_ == 5
        assert "Ridge" in whole._repr_html_()


def test_weights_count_in_all_steps(data):
    X, y = data
    twice = make_pipeline(StandardScaler(), Ridge()).fit(np.vstack([X, X[:20]]), np.append(y, y[:20]))
    weights = np.where(np.arange(120) < 20, 2.0, 1.0)
    pipe = make_pipeline(StandardScaler(), Ridge()).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(pipe.predict(X), twice.predict(X), rtol=1e-12)
    named = {"standardscaler__sample_weight": weights, "ridge__sample_weight": weights}
    assert clone(pipe).fit(X, y, **named).digest() == pipe.digest()
    with pytest.raises(ParameterError, match="count in all steps"):
        clone(pipe).fit(X, y, ridge__sample_weight=weights)
    with pytest.raises(InvalidValueError, match="PCA takes no sample weights"):
        make_pipeline(PCA(2), Ridge()).fit(X, y, weights)


def test_parameters_and_frames(data):
    X, y = data
    pipe = make_pipeline(StandardScaler(), PCA(2), Ridge()).fit(X, y)
    pipe.set_params(pca__n_components=3)
    assert pipe.pending_params() == ["pca__n_components"]
    assert pipe[1].components_.shape == (2, 5)
    assert pipe.fit(X, y)[1].components_.shape == (3, 5)
    frame = pd.DataFrame(X, columns=list("abcde"))
    scaled = make_pipeline(StandardScaler()).set_output(transform="pandas").fit(frame, y)
    assert list(scaled.transform(frame).columns) == list("abcde")
    assert list(scaled.feature_names_in_) == list("abcde")
    assert "Pipeline" in pipe._repr_html_()


def test_what_is_refused_says_what_to_do(data):
    X, y = data
    for pipe, error, text in [
        (make_pipeline(KBinsDiscretizer(3), Ridge()), ParameterError, "keep_records=True"),
        (make_pipeline(StandardScaler(), PolynomialFeatures(), Ridge()), ParameterError, "in front of the steps"),
        (make_pipeline(StandardScaler(), sklearn.linear_model.Ridge()), ParameterError, "sqlearn.linear_model.Ridge"),
        (make_pipeline(StandardScaler(), Ridge(), memory="x"), ParameterError, "memory"),
        (make_pipeline(StandardScaler(), SelectKBest(), Ridge()), ParameterError, "score_func to f_regression"),
        (make_pipeline(StandardScaler(ledger=False), Ridge()), ParameterError, "ledger or key of its own"),
        (Pipeline([("a", StandardScaler()), ("a", Ridge())]), ParameterError, "not unique"),
        (Pipeline([("a__b", StandardScaler()), ("c", Ridge())]), ParameterError, "must not contain __"),
        (Pipeline([("a", Ridge()), ("b", Ridge())]), TypeError, "All intermediate steps"),
        (Pipeline([("a", StandardScaler), ("b", Ridge())]), TypeError, "estimator instance"),
        (ColumnTransformer([("a", StandardScaler(), [9])]), ParameterError, "all features must be in"),
        (ColumnTransformer([("a", StandardScaler(), 0)]), ParameterError, "list of one item"),
        (ColumnTransformer([("a", StandardScaler(), ["a"])]), ParameterError, "dataframes"),
        (ColumnTransformer([("a", OneHotEncoder(min_frequency=2, categories=[[1]]), [0])]), ParameterError, "min_freq"),
    ]:
        with pytest.raises(error, match=text):
            pipe.fit(X, y)
    pipe = make_pipeline(StandardScaler(), LinearRegression()).fit(X, y)
    digest = pipe.digest()
    with pytest.raises(NotLearnedError, match="by this Pipeline"):
        pipe.forget(X[0] + 1, y[0])
    with pytest.raises(ShapeError, match="but Pipeline is expecting 5"):
        pipe.forget(X[:1, :3], y[:1])
    with pytest.raises(InvalidValueError, match="NaN"):
        pipe.partial_fit(np.full(5, np.nan), 0.0)
    assert pipe.digest() == digest


def test_columns_are_chosen_by_the_first_rows(table):
    X, _ = table
    columns = ColumnTransformer([("scale", StandardScaler(), make_column_selector(dtype_include="number"))])
    filled = X.fillna({"age": 40.0})
    columns.fit(filled)
    assert columns.fitted_params()["transformers"][0][2] == ["age", "cls"]
    assert columns.transform(filled[["port", "cls", "age"]]).shape == (90, 2)
    assert columns.named_transformers_["scale"].mean_.shape == (2,)
    with pytest.raises(ShapeError, match=r"columns are missing: \{'age'\}"):
        columns.forget(filled[["port", "cls"]])
    assert columns.forget(filled.iloc[:5]).digest() == clone(columns).fit(filled.iloc[5:]).digest()


def test_indicators_of_missing_values_have_an_order():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(40, 3))
    y = X[:, 0].copy()
    whole, X[rng.random(X.shape) < 0.15] = X.copy(), np.nan
    for scaler in (RobustScaler(), MinMaxScaler(), MaxAbsScaler()):
        peer = sklearn.pipeline.make_pipeline(
            sklearn.impute.SimpleImputer(add_indicator=True), scaler._sklearn_class(), sklearn.linear_model.Ridge()
        ).fit(X, y)
        model = make_pipeline(SimpleImputer(add_indicator=True), scaler, Ridge()).fit(X, y)
        assert np.allclose(model.predict(X), peer.predict(X), rtol=1e-9)
        late = make_pipeline(SimpleImputer(add_indicator=True), scaler, Ridge()).fit(whole, y).partial_fit(X, y)
        assert late.forget(whole, y).predict(X).tolist() == model.predict(X).tolist()


def test_a_missing_category_is_refused_where_ordinal_numbers_of_it_are_not_taken():
    frame = pd.DataFrame({"k": ["a", "b", None, "c"], "f": [1.0, 2.0, 4.0, 3.0]})
    y, rows = np.array([0, 1, 0, 1]), [0, 1, 3]
    for last in (GaussianNB(), Ridge()):
        coded = make_column_transformer((OrdinalEncoder(), ["k"]), ("passthrough", ["f"]))
        model = make_pipeline(coded, last).fit(frame.iloc[rows], y[rows])
        before = model.digest()
        for verb in (model.partial_fit, make_pipeline(coded, last).fit):
            with pytest.raises(InvalidValueError, match="encoded_missing_value") as caught:
                verb(frame, y)
            assert (caught.value.row, caught.value.column) == (2, "k")
        assert model.digest() == before
    assert np.isnan(ColumnTransformer([("k", OrdinalEncoder(), ["k"])]).fit(frame).transform(frame)[2, 0])
    filled = make_pipeline(OrdinalEncoder(), SimpleImputer())
    model = make_pipeline(make_column_transformer((filled, ["k"])), Ridge()).fit(frame, y)
    assert model[:-1].transform(frame).ravel().tolist() == [0.0, 1.0, 1.0, 2.0]
    middle = make_pipeline(OrdinalEncoder(), SimpleImputer(strategy="median"))
    with pytest.raises(ParameterError, match="another strategy"):
        make_pipeline(make_column_transformer((middle, ["k"])), Ridge()).fit(frame, y)


@pytest.mark.parametrize("learner", [Ridge(), LogisticRegression()], ids=["ridge", "logistic"])
def test_none_is_as_nan(learner):
    a, c, y = np.arange(6.0), np.array(["x", "y", None, "x", None, "y"], object), [0, 1, 1, 0, 1, 0]
    with_nan = np.array([np.nan if value is None else value for value in c], object)
    columns = ColumnTransformer([("c", OneHotEncoder(handle_unknown="ignore"), [1]), ("a", StandardScaler(), [0])])
    pipe = make_pipeline(columns, learner).fit(pd.DataFrame({"a": a, "c": pd.Series(c, dtype=object)}), y)
    wanted = pipe.predict(pd.DataFrame({"a": a, "c": pd.Series(with_nan, dtype=object)}))
    for values in (pd.Series(c, dtype=object), c, c.tolist()):
        np.testing.assert_array_equal(pipe.predict(pd.DataFrame({"a": a, "c": values})), wanted)
    np.testing.assert_array_equal(pipe.predict({"a": a, "c": c}), wanted)
    filled = pd.DataFrame({"a": a, "c": pd.Series(with_nan, dtype=object)})
    np.testing.assert_array_equal(pipe.to_sklearn().predict(filled), wanted)
    np.testing.assert_array_equal(pipe.predict(np.column_stack([a.astype(object), c])), wanted)


def test_columns_chosen_by_the_first_rows_are_not_pending():
    frame, y = pd.DataFrame({"k": ["a", "b", "a"], "f": [1.0, 2.0, 4.0]}), [1.0, 2.0, 3.0]
    for columns in (make_column_selector(dtype_include="number"), slice(1, 2), [-1]):
        model = make_pipeline(ColumnTransformer([("n", StandardScaler(), columns)]), Ridge()).fit(frame, y)
        assert model.pending_params() == pickle.loads(pickle.dumps(model)).pending_params() == []
        model.set_params(ridge__alpha=3.0, columntransformer__transformers=[("n", StandardScaler(), ["k"])])
        assert model.pending_params() == ["columntransformer__transformers", "ridge__alpha"]
