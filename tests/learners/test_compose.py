"""Learners over tables: what scikit-learn's pipelines give, and after any history what a refit gives, in bytes."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import linear_model, model_selection
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler as Scaler

from laws import assert_same, check_contract, refit, told, unchanged
from learners import EVERYWHERE, crossed, over
from records import Records, joined, pool_of, records_of
from refusals import COLUMNS, EMPTY, NOT_FINITE, NOT_NUMERIC, SHAPE, WEIGHT, raises
from sqlearn import pipeline as pipelines
from sqlearn import verify
from sqlearn.cluster import KMeans
from sqlearn.compose import TableModel, make_column_transformer
from sqlearn.decomposition import PCA
from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sqlearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sqlearn.errors import NotLearnedError, ParameterError, TooLargeError, UndefinedAttributeError
from sqlearn.feature_selection import SelectKBest, chi2
from sqlearn.impute import SimpleImputer
from sqlearn.linear_model import (
    BayesianRidge,
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
)
from sqlearn.naive_bayes import BernoulliNB, CategoricalNB, GaussianNB, MixedNB, MultinomialNB
from sqlearn.neighbors import NearestCentroid
from sqlearn.preprocessing import OneHotEncoder, StandardScaler
from tables import DROPPED, pipeline, sparse_table, synthetic, titanic  # noqa: F401

pytestmark = pytest.mark.filterwarnings("ignore")

REGRESSORS = [
    LinearRegression(),
    LinearRegression(positive=True),
    LinearRegression(fit_intercept=False),
    Ridge(alpha=2.0),
    Lasso(alpha=0.01, tol=1e-9),
    ElasticNet(alpha=0.01, tol=1e-9),
    BayesianRidge(),
]
CLASSIFIERS = [
    RidgeClassifier(class_weight="balanced"),
    LinearDiscriminantAnalysis(),
    LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1),
    QuadraticDiscriminantAnalysis(reg_param=0.2),
    GaussianNB(var_smoothing=1e-3),
    NearestCentroid(),
]
OTHERS = [PCA(n_components=3), StandardScaler(), SelectKBest(k=2)]


# ------------------------------------------------------------------------------------------ against scikit-learn


@over(REGRESSORS)
@pytest.mark.parametrize("standardize", [True, False])
def test_regressors_agree_with_a_pipeline(learner, standardize):
    if not standardize and not learner.fit_intercept:
        pytest.skip("scikit-learn's solver takes singular values of 1e-8 for 0")
    frame, y = synthetic(np.random.default_rng(1), 400)
    model = TableModel(learner, standardize=standardize).fit(frame, y)
    gone = np.arange(100)
    model.forget(frame.iloc[gone], y[gone])
    frame, y = frame.iloc[100:], y[100:]
    peer = pipeline(frame, learner, standardize=standardize).fit(frame, y)
    tolerance = 1e-4 if isinstance(learner, Lasso | ElasticNet | BayesianRidge) else 1e-7
    assert np.allclose(model.predict(frame), peer.predict(frame), rtol=0, atol=tolerance)
    assert model.score(frame, y) == pytest.approx(peer.score(frame, y), abs=1e-5)
    assert is_regressor(model)
    assert not is_classifier(model)


@over(CLASSIFIERS)
def test_classifiers_agree_with_a_pipeline_on_the_titanic(learner, titanic):  # noqa: F811
    frame, y = titanic
    model = TableModel(learner, columns=DROPPED).fit(frame, y)
    gone = np.arange(0, 891, 3)
    model.forget(frame.iloc[gone], y[gone])
    kept = np.setdiff1d(np.arange(891), gone)
    plain = frame.drop(columns=[*DROPPED])
    peer = pipeline(plain, learner).fit(plain.iloc[kept], y[kept])
    for method in ("predict_proba", "decision_function", "predict_joint_log_proba"):
        assert hasattr(model, method) == hasattr(peer[-1], method)
        if hasattr(model, method):
            wanted = getattr(peer[-1], method)(peer[0].transform(plain))
            assert np.allclose(getattr(model, method)(frame), wanted, rtol=1e-6, atol=1e-8)
    assert np.array_equal(model.predict(frame), peer.predict(plain))
    assert np.array_equal(model.classes_, peer.classes_)
    assert model.score(frame, y) == peer.score(plain, y)
    assert is_classifier(model)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("add_indicator", [True, False])
def test_encoded_columns_are_those_of_a_column_transformer(add_indicator, standardize):
    rng = np.random.default_rng(2)
    frame, y = synthetic(rng, 300)
    options = {"add_indicator": add_indicator, "standardize": standardize}
    model = TableModel(Ridge(), **options).fit(frame, y)
    encoder = pipeline(frame, Ridge(), **options)[0].fit(frame)
    new, _ = synthetic(rng, 50)
    new["city"] = new["city"].astype(object).where(rng.random(50) < 0.5, "Delft")
    for table in (frame, new):
        assert np.allclose(model.encode(table), encoder.transform(table), rtol=1e-12, atol=1e-12)
    assert model.get_feature_names_out().tolist() == encoder.get_feature_names_out().tolist()
    assert model.encode(frame).shape[1] == len(model.encoded_names_)


@over(OTHERS)
def test_transformers_agree_with_a_pipeline(learner):
    frame, y = synthetic(np.random.default_rng(3), 200)
    labels = (y > 1).astype(int)
    given = (labels,) if learner._target == "label" else ()
    model, peer = TableModel(learner).fit(frame, *given), pipeline(frame, learner).fit(frame, *given)
    found, wanted = model.transform(frame), peer.transform(frame)
    if isinstance(learner, PCA):  # axes are known up to their signs
        found, wanted = np.abs(found), np.abs(wanted)
    assert np.allclose(found, wanted, rtol=1e-9, atol=1e-9)
    assert np.array_equal(clone(model).fit_transform(frame, *given), model.transform(frame))
    assert len(model.get_feature_names_out()) == found.shape[1]
    assert not hasattr(model, "predict")


def test_mixed_naive_bayes_takes_the_table_as_it_is(titanic):  # noqa: F811
    frame, y = titanic
    plain = frame.drop(columns=[*DROPPED])
    model, twin = TableModel(MixedNB(), columns=DROPPED).fit(frame, y), MixedNB().fit(plain, y)
    for table in (plain, plain.to_numpy(), dict(plain.items()), pl.from_pandas(plain)):
        assert np.array_equal(model.predict_proba(table), twin.predict_proba(plain))
    assert np.array_equal(model.theta_, twin.theta_)
    assert model.get_feature_names_out().tolist() == [*plain]
    assert model.encoder_ is None
    with pytest.raises(AttributeError, match="as they are"):
        model.encode(frame)


def test_far_means_and_constant_columns_stay_accurate():
    """A mean 1e12 times the deviation, where scikit-learn's pipeline has four digits left."""
    rng = np.random.default_rng(4)
    x, y = rng.integers(-4, 5, 200).astype(float), rng.normal(size=200)
    x[::7] = np.nan
    near = TableModel(LinearRegression()).fit({"x": x, "c": np.full(200, 0.1)}, y)
    far = TableModel(LinearRegression()).fit({"x": x + 1e12, "c": np.full(200, 0.1)}, y)
    assert np.allclose(near.coef_, far.coef_, rtol=1e-12)
    assert np.allclose(near.predict({"x": x, "c": x}), far.predict({"x": x + 1e12, "c": x}), rtol=1e-11)
    assert near.coef_[1] == 0.0


def test_a_column_that_is_constant_but_for_rounding_is_not_blown_up_in_rounds():
    i = np.arange(40)
    table, y = {"a": np.nextafter(0.1, np.where(i % 2, 1.0, 0.1)), "b": np.arange(40.0)}, i // 20
    for learner in (LogisticRegression(), KMeans(2), Ridge()):
        assert np.abs(TableModel(learner).fit(table, y).encode(table)[:, 0]).max() < 1e-16


def test_a_column_that_is_constant_but_for_rounding_is_not_blown_up():
    table = {"x": [1.0, 2.0, 4.0, 3.0], "c": [0.3, 0.1 + 0.2, 0.3, 0.1 + 0.2]}
    encoded = TableModel(Ridge()).fit(table, [0, 1, 1, 0]).encode(table)
    assert np.abs(encoded[:, 1]).max() < 1e-15 and np.abs(encoded[:, 0]).max() > 1.0


@over([Ridge(), RidgeClassifier(), LogisticRegression(), KMeans(2, random_state=0)])
def test_it_is_the_pipeline_that_it_spells(learner):
    """Bit for bit, also where numbers are hard and rows have gone."""
    rng = np.random.default_rng(11)
    frame, y = synthetic(rng, 80)
    frame["far"] = 1e12 + rng.integers(-4, 5, 80)
    labels = (y > 1).astype(int) if learner._target == "label" else y
    given, gone = ((), ()) if learner._target is None else ((labels,), (labels[:9],))
    numbers = [name for name in frame if frame[name].dtype.kind in "fiu"]
    scaled = pipelines.make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    columns = make_column_transformer(
        (scaled, numbers), (OneHotEncoder(handle_unknown="ignore"), [name for name in frame if name not in numbers])
    )
    model = TableModel(learner).fit(frame, *given).forget(frame.iloc[:9], *gone)
    pipe = pipelines.make_pipeline(columns, learner).fit(frame, *given).forget(frame.iloc[:9], *gone)
    name = "coef_" if hasattr(model, "coef_") else "cluster_centers_"
    assert getattr(model, name).tobytes() == getattr(pipe[-1], name).tobytes()
    plain = [name.partition("__")[2] for name in pipe[:-1].get_feature_names_out()]
    assert model.encoded_names_.tolist() == plain
    assert np.allclose(model.encode(frame), pipe[:-1].transform(frame), rtol=1e-3, atol=1e-3)
    ours, theirs = model.canonical_parts(), pipe.canonical_parts()
    sums = [[part for name, part in parts.items() if name.startswith("sums")] for parts in (ours, theirs)]
    assert [part for part in sums[0] if part != b"revision 2"] == sums[1]


# ------------------------------------------------------------------------------------------------ history


@crossed(7, learner=[*REGRESSORS[:1], *REGRESSORS[3:], *CLASSIFIERS, *OTHERS], level=[0, 2])
def test_contract(learner, level):
    model = TableModel(learner)
    rng = np.random.default_rng([level, 5])
    check_contract(model, records_of(model, rng, 16, level), rng)


@over([Ridge(), RidgeClassifier(), MixedNB()])
def test_contract_with_hard_records_among_tame_ones(learner):
    rng = np.random.default_rng(6)
    model = TableModel(learner, standardize=isinstance(learner, Ridge))
    check_contract(model, pool_of(model, rng, 30), rng)


@crossed(3, learner=[LinearRegression(), RidgeClassifier(), MixedNB()], seed=range(3))
def test_columns_come_and_go(learner, seed):
    """A random walk over learn, forget, relabel, merge, pickle and copy: at every step the model is its refit."""
    rng = np.random.default_rng([seed, 7])
    model, n = TableModel(learner, columns={"hollow": "number"}), 40
    labels = rng.normal(size=n) if learner._target == "value" else rng.integers(0, 3, n)
    pool = Records(sparse_table(rng, n), labels, rng.choice([1.0, 1.0, 2.0, 0.1, 0.0], n))
    held: list[int] = [0]
    current, widths = refit(model, pool.take(held)), set()
    for _ in range(40 if EVERYWHERE else 20):
        free = [i for i in range(n) if i not in held]
        kind = rng.choice(["learn", "forget", "merge", "relabel", "pickle", "copy"], p=[0.3, 0.35, 0.1, 0.1, 0.1, 0.05])
        some = rng.permutation(free)[: rng.integers(1, 8)].tolist()
        gone = rng.permutation(held)[: rng.integers(1, 8)].tolist()
        if kind == "learn" and some:
            current.partial_fit(**pool.take(some).given)
            held += some
        elif kind == "merge" and some:
            current.merge(refit(model, pool.take(some)))
            held += some
        elif kind == "forget" and gone:
            current.forget(**pool.take(gone).given)
            held = [i for i in held if i not in gone]
        elif kind == "relabel" and gone:
            old, new = pool.take(gone), pool.take(gone[::-1])
            current.relabel(old.X, old.y, new.y, old.w)
            pool.y[gone] = new.y
        elif kind == "pickle":
            current = pickle.loads(pickle.dumps(current))
        else:
            current = copy.deepcopy(current)
        if held:
            assert_same(current, refit(model, pool.take(held), rng))
            widths.add(len(current.encoded_names_) if "error" not in told(current) else -1)
        else:
            assert current.digest() == current.emptied().digest()
    assert len(widths) > 2 or isinstance(learner, MixedNB)


def test_order_of_arrival_does_not_show():
    table = {"city": ["x", "y", "z", None, "x"], "age": [1.0, None, 3.0, 4.0, 5.0]}
    frame, y = pd.DataFrame(table), np.arange(5.0)
    first = TableModel(Ridge())
    for i in (4, 3, 2, 1, 0):
        first.partial_fit(frame.iloc[[i]], y[[i]])
    second = TableModel(Ridge()).fit(frame, y)
    assert_same(first, second)
    assert first.get_feature_names_out().tolist() == [
        "age",
        "missingindicator_age",
        "city_x",
        "city_y",
        "city_z",
        "city_nan",
    ]


def test_no_trace_of_a_category_whose_last_row_goes():
    secret = "Mr. Ismay"
    model = TableModel(Ridge()).fit({"who": ["a", "b", "a"], "age": [1.0, 2.0, 4.0]}, [1.0, 2.0, 3.0])
    model.partial_fit({"who": secret, "age": None}, 5.0)
    assert secret.encode() in pickle.dumps(model)
    model.forget({"who": secret, "age": None}, 5.0)
    assert secret.encode() not in pickle.dumps(model)
    assert secret.encode() not in b"".join(model.canonical_parts().values())
    assert "missingindicator_age" not in model.get_feature_names_out()


def test_the_last_value_of_a_column_and_the_last_row():
    model = TableModel(Ridge()).fit({"a": [None, 2.0], "b": [1.0, 3.0]}, [1.0, 2.0])
    model.forget({"a": 2.0, "b": 3.0}, 2.0)
    assert model.encoded_names_.tolist() == ["b", "missingindicator_a"]
    assert np.array_equal(model.predict({"a": [9.0], "b": [1.0]}), [1.0])
    model.forget({"a": None, "b": 1.0}, 1.0)
    with pytest.raises(UndefinedAttributeError):
        model.predict({"a": 9.0, "b": 1.0})
    hollow = TableModel(Ridge(), add_indicator=False, columns={"a": "number"}).fit({"a": [None, None]}, [1.0, 2.0])
    with pytest.raises(UndefinedAttributeError, match="any value"):
        hollow.predict({"a": [1.0]})
    assert hollow.partial_fit({"a": 3.0}, 3.0).coef_.shape == (1,)


def test_any_form_of_a_table_is_the_same_table(titanic):  # noqa: F811
    frame, y = titanic
    frame, y = frame.iloc[:150], y[:150]
    model = TableModel(RidgeClassifier(), columns=DROPPED).fit(frame, y)
    data = {name: column.tolist() for name, column in frame.items()}
    nullable = frame.convert_dtypes().astype({"age": "Float64", "sibsp": "Int64"})
    shuffled = frame[sorted(frame.columns)]
    for table in (pl.from_pandas(frame), data, dict(frame.items()), nullable, frame.drop(columns=[*DROPPED])):
        assert TableModel(RidgeClassifier(), columns=DROPPED).fit(table, y).digest() == model.digest()
    assert_same(pickle.loads(pickle.dumps(model)), model)
    for table in (pl.from_pandas(shuffled), shuffled, shuffled.to_dict("list")):  # by name, in any order
        model.forget(table.head(50) if hasattr(table, "head") else {k: v[:50] for k, v in table.items()}, y[:50])
        with unchanged(model):
            model.predict(shuffled)
        model.partial_fit(frame.iloc[:50], y[:50])
    assert verify(model, frame, y)
    assert verify(model, shuffled, y)
    one = frame.iloc[3]
    before = model.digest()
    plain = frame.drop(columns=[*DROPPED])
    for row in (one, one.to_dict(), plain.iloc[3].tolist(), frame.iloc[[3]]):
        model.forget(row, y[3])
        model.partial_fit(one, y[3])
    assert model.digest() == before
    arrays = TableModel(RidgeClassifier()).fit(plain.to_numpy(), y)
    assert np.array_equal(arrays.coef_, model.coef_)
    assert arrays.fitted_params()["columns"] == dict(enumerate(model.columns_[name] for name in plain.columns))
    lists = TableModel(RidgeClassifier()).fit(plain.to_numpy().tolist(), y)
    assert lists.digest() == arrays.digest()


# --------------------------------------------------------------------------------------------- as an estimator


def test_parameters_and_tools_of_scikit_learn(titanic):  # noqa: F811
    frame, y = titanic
    model = TableModel(RidgeClassifier(), columns=DROPPED)
    assert model.get_params()["learner__alpha"] == 1.0
    model.set_params(learner__alpha=3.0)
    assert model.learner.alpha == clone(model).learner.alpha == 3.0
    search = model_selection.GridSearchCV(model, {"learner__alpha": [0.1, 10.0]}, cv=3).fit(frame, y)
    assert search.best_score_ > 0.7
    assert not hasattr(model.learner, "_state")
    fitted = model.fit(frame, y)
    model.set_params(learner__alpha=5.0)  # waits for the next fit
    assert fitted.fitted_params()["learner"].alpha == 3.0
    assert verify(model, frame, y)
    model.set_params(learner=Ridge())
    assert is_classifier(model)
    assert is_regressor(model.fit(frame, y))
    plain = model.to_sklearn()
    assert np.array_equal(plain.predict(frame), model.predict(frame))
    assert not hasattr(plain, "forget")
    fitted_learner = Ridge().fit([[1.0], [2.0]], [1.0, 2.0])
    inside = TableModel(fitted_learner, columns=DROPPED).fit(frame, y)
    assert_same(inside, TableModel(Ridge(), columns=DROPPED).fit(frame, y))
    assert "_state" not in vars(inside.fitted_params()["learner"])


def test_a_weight_counts_rows():
    rng = np.random.default_rng(8)
    frame, y = synthetic(rng, 60)
    w = rng.integers(0, 4, 60).astype(float)
    model = TableModel(Ridge()).fit(frame, y, w)
    copies = np.repeat(np.arange(60), w.astype(int))
    twin = TableModel(Ridge()).fit(frame.iloc[copies], y[copies])
    assert np.allclose(model.coef_, twin.coef_, rtol=1e-12)
    assert np.array_equal(model.encode(frame), twin.encode(frame))


def test_no_linear_map_is_needed_for_plain_numbers():
    rng = np.random.default_rng(9)
    X, y = rng.normal(size=(50, 4)), rng.normal(size=50)
    model, plain = TableModel(Ridge(), standardize=False).fit(X, y), Ridge().fit(X, y)
    assert np.array_equal(model.coef_, plain.coef_)
    assert np.array_equal(model.predict(X), plain.predict(X))
    assert np.allclose(
        TableModel(Ridge()).fit(X, y).predict(X), make_pipeline(Scaler(), linear_model.Ridge()).fit(X, y).predict(X)
    )


# ------------------------------------------------------------------------------------------------------- refusals


def test_refusals_leave_the_model_alone():
    frame = pd.DataFrame({"age": [1.0, None, 3.0], "city": ["x", "y", None]})
    y = [1.0, 2.0, 3.0]
    model = TableModel(Ridge()).fit(frame, y)
    cases = [
        (NotLearnedError, "Row 1 ", lambda: model.forget(frame, [1.0, 2.5, 3.0])),
        (NotLearnedError, "This row", lambda: model.forget({"age": 1.0, "city": "new"}, 1.0)),
        (NotLearnedError, "This row", lambda: model.forget({"age": None, "city": "x"}, 1.0)),
        (COLUMNS, "'city'", lambda: model.partial_fit({"age": [1.0]}, [1.0])),
        (COLUMNS, "'age'", lambda: model.predict(frame[["city"]])),
        (COLUMNS, "differ in length", lambda: model.partial_fit({"age": [1.0], "city": ["x", "y"]}, [1.0])),
        (COLUMNS, "expecting 2", lambda: model.partial_fit([[1.0, "x", 3.0]], [1.0])),
        (EMPTY, "0 sample", lambda: model.partial_fit(frame.iloc[:0], [])),
        (EMPTY, "0 sample", lambda: model.partial_fit({"age": [], "city": []}, [])),
        (
            NOT_FINITE,
            "row 1 .*'age'",
            lambda: model.partial_fit({"age": [1.0, np.inf], "city": ["x", "y"]}, [1.0, 2.0]),
        ),
        (NOT_NUMERIC, "row 0 .*'age'.*'old'", lambda: model.partial_fit({"age": "old", "city": "x"}, 1.0)),
        (TypeError, "row 0 .*'city'", lambda: model.partial_fit({"age": [1.0], "city": [b"x"]}, [1.0])),
        (COLUMNS, "name of its own", lambda: model.partial_fit(pd.concat([frame, frame], axis=1), y)),
        (NOT_FINITE, "row 1 .*'age'", lambda: model.partial_fit({"age": [1, 10**400], "city": ["x", "y"]}, [1, 2])),
        (SHAPE, "'city'.*not a sequence", lambda: model.partial_fit({"age": [1.0], "city": "x"}, [1.0])),
        (WEIGHT, "row 0 ", lambda: model.partial_fit(frame, y, sample_weight=[-1.0, 1.0, 1.0])),
    ]
    for error, match, call in cases:
        with unchanged(model), raises(error, match=match):
            call()
    model.forget(frame, y).partial_fit(frame, y)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"learner": linear_model.Ridge()}, "sqlearn.linear_model.Ridge"),
        ({"learner": Ridge}, "estimator of sqlearn"),
        ({"learner": TableModel(Ridge())}, "estimator of sqlearn"),
        ({"learner": MultinomialNB()}, "MixedNB"),
        ({"learner": BernoulliNB()}, "MixedNB"),
        ({"learner": CategoricalNB()}, "MixedNB"),
        ({"learner": SelectKBest(chi2)}, "MixedNB"),
        ({"learner": MixedNB(categorical_features=[0])}, "`columns`"),
        ({"learner": Ridge(key="secret")}, "`key`"),
        ({"learner": Ridge(ledger=False)}, "`ledger`"),
        ({"learner": Lasso(warm_start=True)}, "warm_start"),
        ({"learner": Ridge(), "columns": {"age": "numeric"}}, "'numeric'"),
        ({"learner": Ridge(), "columns": {"name": "category"}}, "'name'"),
        ({"learner": Ridge(), "columns": {"age": "drop", "sex": "drop"}}, "every column"),
    ],
)
def test_parameters_that_cannot_be(params, match):
    model = TableModel(**params)
    with pytest.raises(ParameterError, match=match):
        model.fit({"age": [1.0, 2.0], "sex": ["f", "m"]}, [0, 1])
    assert not hasattr(model, "_state")


def test_a_dropped_column_that_is_not_there():
    """It may be a typing error, and then names of people would become columns of the model."""
    rows = {"name": ["Ann", "Bob", "Cid"], "x": [1.0, 2.0, 3.0]}
    model = TableModel(RidgeClassifier(), columns={"nmae": "drop"})
    with pytest.warns(UserWarning, match="`columns` drops 'nmae', which is not a column of this table"):
        model.fit(rows, [0, 1, 0])
    model = TableModel(RidgeClassifier(), columns={"name": "drop"}).fit(rows, [0, 1, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert verify(model, {"x": rows["x"]}, [0, 1, 0])  # a refit needs none that is dropped


def test_weights_for_a_learner_that_takes_none():
    with raises(WEIGHT, match="LinearDiscriminantAnalysis takes no"):
        TableModel(LinearDiscriminantAnalysis()).fit({"a": [1.0, 2.0, 3.0]}, [0, 1, 1], [1.0, 2.0, 3.0])


def test_fit_refuses_what_the_learner_would():
    table = {"a": [1.0, 2.0, 3.0], "b": ["x", "x", None]}
    with pytest.raises(ValueError, match="n_components=4"):
        TableModel(PCA(n_components=4)).fit(table)
    assert TableModel(PCA(n_components=3)).fit(table).n_components_ == 3
    with pytest.raises(ValueError, match="not full rank"):
        TableModel(QuadraticDiscriminantAnalysis()).fit({"a": [1.0, 1.0, 2.0, 2.0]}, [0, 0, 1, 1])


def test_too_many_categories_are_refused_before_memory_is_taken():
    names = [f"v{i}" for i in range(300_000)]
    model = TableModel(Ridge()).fit({"id": ["a", "b"], "x": [1.0, 2.0]}, [1.0, 2.0])
    table = {"id": names, "x": np.zeros(len(names))}
    with unchanged(model), pytest.raises(TooLargeError, match="300,000 categories"):
        model.partial_fit(table, np.zeros(len(names)))
    with pytest.raises(TooLargeError, match="300,000 categories"):
        TableModel(Ridge()).fit(table, np.zeros(len(names)))


def test_joined_frames_of_records(titanic):  # noqa: F811
    """Rows learned from several frames, of which one has a column without a missing value."""
    frame, y = titanic
    plain = frame.drop(columns=[*DROPPED])
    parts = [Records(plain.iloc[i : i + 90], y[i : i + 90], None) for i in range(0, 891, 90)]
    model = TableModel(MixedNB())
    for part in parts:
        model.partial_fit(**part.given)
    assert_same(model, refit(TableModel(MixedNB()), joined(parts)))


@pytest.mark.parametrize(
    "learner",
    [RandomForestClassifier(5, random_state=0), HistGradientBoostingClassifier(max_iter=3, pilot_size=40)],
    ids=lambda learner: type(learner).__name__,
)
def test_the_cost_of_forgetting_is_the_learners_own(learner):
    """The learner itself takes the same categories in a frame, and grows the same trees of them."""
    rng = np.random.default_rng(4)
    table = pd.DataFrame({"age": rng.normal(size=150), "port": pd.Categorical(rng.choice(["C", "Q", "S"], 150))})
    y = (table["age"] > 0).to_numpy().astype(int)
    model = TableModel(learner).fit(table, y)
    alone = clone(learner).set_params(categorical_features="from_dtype").fit(table, y)
    with unchanged(model):
        for rows in (slice(0, 1), slice(3, 9), slice(40, 100)):
            assert model.cost_of_forgetting(table[rows], y[rows]) == alone.cost_of_forgetting(table[rows], y[rows])
        row = {"age": table["age"][3], "port": "C" if table["port"][3] != "C" else "S"}
        with raises(NotLearnedError):
            model.cost_of_forgetting(row, y[3])
    row["port"] = table["port"][3]
    assert model.cost_of_forgetting(row, y[3]) == alone.cost_of_forgetting(table[3:4], y[3:4])
    assert not hasattr(TableModel(Ridge()), "cost_of_forgetting")
