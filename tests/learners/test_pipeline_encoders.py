"""Encoders and imputers inside pipelines: weights, rare categories, and categories that are refused."""

import numpy as np
import pandas as pd
import pytest
from sklearn import compose, pipeline, preprocessing

from refusals import raises
from sqlearn import verify
from sqlearn.compose import ColumnTransformer
from sqlearn.errors import InvalidValueError, MergeError, ParameterError
from sqlearn.feature_selection import SelectKBest, chi2
from sqlearn.impute import SimpleImputer
from sqlearn.linear_model import LogisticRegression, RidgeClassifier
from sqlearn.pipeline import make_pipeline, make_union
from sqlearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def table():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"x": np.where(rng.random(60) < 0.2, np.nan, rng.normal(size=60))})
    frame["port"] = pd.array(rng.choice(["a", "b", "c", "d", None], 60, p=[0.5, 0.3, 0.1, 0.05, 0.05]), "str")
    return frame, rng.integers(0, 2, 60), rng.choice([0.0, 0.5, 1.0, 2.0], 60)


def with_encoder(encoder, last, imputer=None):
    number = make_pipeline(imputer or SimpleImputer(), StandardScaler())
    return make_pipeline(ColumnTransformer([("n", number, ["x"]), ("c", encoder, ["port"])]), last)


def test_weights(table):
    """A row of weight 2 is two rows: in means, in the most frequent category, and in the learner."""
    frame, y, weights = table
    filled = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    pipe = with_encoder(filled, RidgeClassifier()).fit(frame, y, sample_weight=weights)
    whole, doubled = weights == np.round(weights), np.repeat(np.arange(60), (2 * weights).astype(int))
    assert whole.any()
    twice = with_encoder(filled, RidgeClassifier()).fit(frame.iloc[doubled], y[doubled])
    means = [each[0].named_transformers_["n"][0].statistics_ for each in (pipe, twice)]
    assert means[0] == pytest.approx(means[1], rel=1e-14)
    pipe.forget(frame[:9], y[:9], sample_weight=weights[:9])
    assert verify(pipe, frame[9:], y[9:], sample_weight=weights[9:])
    for encoder, imputer, message in (
        (OneHotEncoder(), SimpleImputer(strategy="median"), "with strategy='median' takes no sample weights.*'mean'"),
        (OneHotEncoder(min_frequency=2), None, "with min_frequency=2 takes no sample weights.*min_frequency at None"),
        (make_pipeline(OneHotEncoder(), SelectKBest(chi2, k=1)), None, "SelectKBest takes no sample weights"),
    ):
        with pytest.raises(InvalidValueError, match=message):
            with_encoder(encoder, RidgeClassifier(), imputer).fit(frame, y, sample_weight=weights)


@pytest.mark.parametrize("last", [RidgeClassifier(), LogisticRegression()], ids=["sums", "rounds"])
@pytest.mark.parametrize("rare", [{"min_frequency": 8}, {"max_categories": 3}, {"min_frequency": 0.2}], ids=str)
def test_rare_categories(last, rare, table):
    frame, y, _ = table
    pipe = with_encoder(OneHotEncoder(handle_unknown="infrequent_if_exist", **rare), last).fit(frame, y)
    pipe.forget(frame[:7], y[:7])
    peer = preprocessing.OneHotEncoder(handle_unknown="infrequent_if_exist", **rare)
    peer = pipeline.make_pipeline(compose.ColumnTransformer([("c", peer, ["port"])]))
    names = peer.fit(frame[7:].fillna({"port": np.nan})).get_feature_names_out().tolist()
    assert pipe[:-1].get_feature_names_out().tolist()[1:] == names
    assert verify(pipe, frame[7:], y[7:])


@pytest.mark.parametrize("last", [RidgeClassifier(), LogisticRegression()], ids=["sums", "rounds"])
def test_categories_are_refused_at_the_update(last, table):
    frame, y, _ = table
    frame = frame.assign(port=frame["port"].fillna("a"))
    given = with_encoder(OneHotEncoder(categories=[["a", "b", "c", "d"]]), last).fit(frame, y)
    text = with_encoder(OneHotEncoder(), last).fit(frame, y)
    union = make_pipeline(make_union(OneHotEncoder(), OrdinalEncoder()), last).fit(frame[["port"]], y)
    for model, value, what, why in (
        (given, "NEW", "category 'NEW'", "among the categories given"),
        (given, None, "missing value", "among the categories given"),
        (text, 5, "category 5", "text"),
        (union, 5, "category 5", "text"),
    ):
        digest = model.digest()
        rows = pd.DataFrame({"x": [1.0, 2.0], "port": pd.Series(["a", value], dtype=object)})
        rows = rows[["port"]] if model is union else rows
        with raises(InvalidValueError, match=f"{what} in row 1 .*column 'port'.*{why}"):
            model.partial_fit(rows, [0, 1])
        assert model.digest() == digest
    with pytest.raises(ParameterError, match="2 columns, and 1"):
        with_encoder(OneHotEncoder(categories=[["a"], ["b"]]), last).fit(frame, y)


def test_a_column_of_nothing(table):
    frame, y, _ = table
    frame = frame.assign(port=pd.array([None] * 60, "str"))
    with raises(InvalidValueError, match="encoded_missing_value"):
        with_encoder(OrdinalEncoder(), LogisticRegression()).fit(frame, y)
    model = with_encoder(OrdinalEncoder(encoded_missing_value=-2), LogisticRegression()).fit(frame, y)
    assert verify(model.forget(frame[:3], y[:3]), frame[3:], y[3:])


@pytest.mark.parametrize("last", [RidgeClassifier(), LogisticRegression()], ids=["sums", "rounds"])
def test_a_merge_refuses_text_beside_numbers(last):
    """As an update does: encoders take one or the other."""
    text, number = (pd.DataFrame({"x": [1.0, 2.0], "port": pd.array(ports, object)}) for ports in (["a", "b"], [1, 2]))
    pipe, other = (with_encoder(OneHotEncoder(), last).fit(frame, [0, 1]) for frame in (text, number))
    with raises(InvalidValueError, match="'port'.* uniformly strings or numbers"):
        pipe.partial_fit(number, [0, 1])
    digest = pipe.digest()
    with raises(MergeError, match="'port' has text in one of these models and numbers in the other"):
        pipe.merge(other)
    assert pipe.digest() == digest and pipe.predict(text).tolist() == [0, 1]
    other.forget(number, [0, 1]).partial_fit(text, [0, 1])
    assert verify(pipe.merge(other), pd.concat([text, text]), [0, 1, 0, 1])


@pytest.mark.parametrize("last", [[RidgeClassifier()], [LogisticRegression()], []], ids=["sums", "rounds", "none"])
@pytest.mark.parametrize(
    ("first", "behind", "refused"),
    [
        (SimpleImputer(strategy="most_frequent"), make_union(OneHotEncoder(), StandardScaler()), "OneHotEncoder"),
        (StandardScaler(), ColumnTransformer([("c", OneHotEncoder(), [0])]), "OneHotEncoder"),
        (OrdinalEncoder(), OneHotEncoder(), "OneHotEncoder"),
        (OneHotEncoder(), make_union(OrdinalEncoder(), StandardScaler()), "OrdinalEncoder"),
    ],
    ids=["union", "parts", "encoder", "encoder, union"],
)
def test_encoders_stand_in_front(first, behind, refused, last):
    """Behind another step there are no categories left, in a part as little as outside of one."""
    pipe = make_pipeline(first, behind, *last)
    with pytest.raises(ParameterError, match=f"{refused} cannot stand behind {type(first).__name__} "):
        pipe.fit([[1.0, 2.0], [2.0, 3.0]], [0, 1])
    assert "_state" not in vars(pipe)


def test_order_in_a_part_behind_another_step():
    """What keeps the order of its columns may stand before parts that ask for it."""
    X, y = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30) % 2
    parts = ColumnTransformer([("m", MinMaxScaler(), [1]), ("s", StandardScaler(), [0])])
    pipe = make_pipeline(StandardScaler(), parts, RidgeClassifier()).fit(X, y).forget(X[:4], y[:4])
    assert verify(pipe, X[4:], y[4:])
    peers = [("m", preprocessing.MinMaxScaler(), [1]), ("s", preprocessing.StandardScaler(), [0])]
    peer = pipeline.make_pipeline(preprocessing.StandardScaler(), compose.ColumnTransformer(peers)).fit(X[4:])
    assert pipe[:-1].transform(X) == pytest.approx(peer.transform(X), abs=1e-13)


@pytest.mark.parametrize("last", [RidgeClassifier(), LogisticRegression()], ids=["sums", "rounds"])
def test_chi2_takes_counts(last):
    for before in (MinMaxScaler(), ColumnTransformer([("c", OneHotEncoder(), [0])])):
        with pytest.raises(ParameterError, match=r"chi2 takes counts.* right behind a OneHotEncoder"):
            make_pipeline(before, SelectKBest(chi2, k=1), last).fit([[1.0], [2.0]], [0, 1])


@pytest.mark.parametrize("weight", [None, "x", np.inf], ids=str)
def test_weights_of_parts_are_numbers(weight):
    parts = ColumnTransformer([("v", StandardScaler(), [0])], transformer_weights={"v": weight})
    for model in (parts, make_pipeline(parts, RidgeClassifier())):
        with pytest.raises(ParameterError, match=r"gives 'v' .*finite number"):
            model.fit([[1.0], [2.0]], [0, 1])


def test_maps_that_make_nan():
    parts = ColumnTransformer([("log", preprocessing.FunctionTransformer(np.log), [0])])
    with raises(InvalidValueError, match=r"map of one row alone makes NaN of row 1 .*'log__x0'.* behind the map"):
        make_pipeline(parts, RidgeClassifier()).fit([[1.0], [-1.0], [2.0]], [0, 1, 1])
