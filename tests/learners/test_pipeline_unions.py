"""Parts side by side: unions of transformers, and maps of one row alone as parts of a ColumnTransformer."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn import compose, decomposition, impute, linear_model, pipeline, preprocessing
from sklearn.base import clone
from sklearn.preprocessing import FunctionTransformer, Normalizer, PolynomialFeatures, SplineTransformer

from sqlearn import verify
from sqlearn.compose import ColumnTransformer
from sqlearn.decomposition import PCA
from sqlearn.errors import InvalidValueError, ParameterError
from sqlearn.impute import SimpleImputer
from sqlearn.linear_model import BayesianRidge, LogisticRegression, Ridge
from sqlearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sqlearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

RNG = np.random.default_rng(3)
X = RNG.normal(size=(24, 3))
X[2] = 1e150, -0.0, 5e-324
Y = RNG.normal(size=24)
BINS = preprocessing.QuantileTransformer(n_quantiles=5, random_state=0)
ROOT = FunctionTransformer(np.cbrt, feature_names_out="one-to-one")


def table():
    found = pd.DataFrame(X[3:], columns=list("abc"))
    found["port"] = ["x", None, "y"] * 7
    found.loc[2, "a"] = np.nan
    return found


def columns(kind, Scale, Fill, Encode, chain):
    return kind(
        [
            ("root", ROOT, ["b"]),
            ("spread", chain(ROOT, Normalizer(), Scale()), ["b", "c"]),
            ("filled", chain(Fill(), Scale()), ["a"]),
            ("code", Encode(handle_unknown="ignore"), ["port"]),
            ("products", PolynomialFeatures(2, include_bias=False), ["b", "c"]),
            ("none", PolynomialFeatures(), []),
        ],
        transformer_weights={"products": 0.5},
    )


OURS = ColumnTransformer, StandardScaler, SimpleImputer, OneHotEncoder, make_pipeline
THEIRS = (
    compose.ColumnTransformer,
    preprocessing.StandardScaler,
    impute.SimpleImputer,
    preprocessing.OneHotEncoder,
    pipeline.make_pipeline,
)


@pytest.mark.parametrize("last", [Ridge(), LogisticRegression()], ids=["sums", "rounds"])
def test_maps_are_parts(last):
    frame = table()
    y = Y[3:] > 0 if isinstance(last, LogisticRegression) else Y[3:]
    model = make_pipeline(columns(*OURS), last).fit(frame, y)
    peer = pipeline.make_pipeline(columns(*THEIRS), getattr(linear_model, type(last).__name__)()).fit(frame, y)
    assert model[:-1].get_feature_names_out().tolist() == peer[:-1].get_feature_names_out().tolist()
    loose = 0.06 if isinstance(last, LogisticRegression) else 1e-9  # means and scales are on a grid
    assert_allclose(model[:-1].transform(frame), peer[:-1].transform(frame), atol=loose)
    model.forget(frame[:4], y[:4]).partial_fit(frame[1:3], y[1:3])
    kept = [1, 2, *range(4, 21)]
    assert verify(model, frame.iloc[kept], y[kept])
    again = pickle.loads(pickle.dumps(model))
    assert again.digest() == model.digest() and (again.predict(frame) == model.predict(frame)).all()
    assert model.pending_params() == []


def test_unions_are_those_of_scikit_learn():
    parts = [("range", MinMaxScaler()), ("pca", PCA(2)), ("products", PolynomialFeatures(2)), ("raw", "passthrough")]
    union = FeatureUnion([*parts, ("no", "drop")], transformer_weights={"pca": 2.0}).fit(X[3:])
    peers = [preprocessing.MinMaxScaler(), decomposition.PCA(2), PolynomialFeatures(2), "passthrough"]
    theirs = [(name, peer) for (name, _), peer in zip(parts, peers, strict=True)]
    peer = pipeline.FeatureUnion([*theirs, ("no", "drop")], transformer_weights={"pca": 2.0}).fit(X[3:])
    assert_allclose(union.transform(X), peer.transform(X), rtol=1e-9)
    assert union.get_feature_names_out().tolist() == peer.get_feature_names_out().tolist()
    assert_allclose(union["pca"].mean_, X[3:].mean(axis=0))
    assert "data_min_" in union._repr_html_()
    assert clone(union).get_params()["range__clip"] is False


@pytest.mark.parametrize(
    "model",
    [
        make_union(MinMaxScaler(), ROOT, make_pipeline(StandardScaler(), PCA(2))),
        make_pipeline(StandardScaler(), make_union(PCA(1), "passthrough"), Ridge()),
        make_pipeline(FeatureUnion([("a", StandardScaler()), ("b", MinMaxScaler())], keep_records=True), Ridge()),
        ColumnTransformer(
            [("a", BINS, [0])],
            remainder=ROOT,
            keep_records=True,
        ),
    ],
    ids=["union", "behind", "kept", "kept columns"],
)
def test_hard_values_are_forgotten(model):
    model.fit(X, Y).forget(X[1:3], Y[1:3]).partial_fit(X[1], Y[1])
    assert verify(model, np.delete(X, 2, axis=0), np.delete(Y, 2))


@pytest.mark.parametrize(
    ("part", "error", "words"),
    [
        (make_pipeline(StandardScaler(), PolynomialFeatures()), ParameterError, "cannot stand inside the part p"),
        (make_union(PolynomialFeatures(), "passthrough"), ParameterError, "keep_records=True"),
        (SplineTransformer(), ParameterError, "learns from rows"),
        (make_pipeline(ROOT, OneHotEncoder(categories=[[1.0]] * 2)), ParameterError, "OneHotEncoder cannot stand"),
        (preprocessing.StandardScaler(), ParameterError, "Take sqlearn.preprocessing.StandardScaler"),
        (FunctionTransformer(np.exp), InvalidValueError, "makes inf of row 2"),
        (FunctionTransformer(pd.DataFrame.abs), ParameterError, "not as a frame"),
    ],
)
def test_what_is_no_map_is_refused(part, error, words):
    model = ColumnTransformer([("p", part, [0, 1])])
    with pytest.raises(error, match=words):
        model.fit(X)
    assert "transform" in dir(model) and not hasattr(model, "n_records_")


def test_maps_behind_a_step_are_refused():
    inner = ColumnTransformer([("p", PolynomialFeatures(), [0])])
    with pytest.raises(ParameterError, match="behind StandardScaler"):
        make_pipeline(StandardScaler(), inner, Ridge()).fit(X, Y)


def test_slices_and_predictions_have_their_parameters():
    model = Pipeline([("scale", StandardScaler()), ("last", BayesianRidge())], key="k")
    assert model[:1].key == "k"
    found, deviation = model.fit(X[3:], Y[3:]).predict(X[3:5], return_std=True)
    assert found.shape == deviation.shape == (2,)
    with pytest.raises(ParameterError, match="leave out 'prop'"):
        make_union(StandardScaler()).fit(X, prop=1)


def test_weights_of_unions():
    """Parts that take weights count them; the first that takes none is named."""
    weights = np.arange(21) / 4
    for last in (Ridge(), LogisticRegression()):
        y = Y[3:] > 0 if isinstance(last, LogisticRegression) else Y[3:]
        model = make_pipeline(make_union(StandardScaler(), "passthrough"), last).fit(X[3:], y, sample_weight=weights)
        assert verify(model, X[3:], y, sample_weight=weights)
        with pytest.raises(InvalidValueError, match="MinMaxScaler takes no sample weights"):
            make_pipeline(make_union(MinMaxScaler(), StandardScaler()), last).fit(X, Y > 0, sample_weight=np.ones(24))


def test_arguments_that_predict_does_not_take():
    model = make_pipeline(StandardScaler(), Ridge()).fit(X[3:], Y[3:])
    with pytest.raises(ParameterError, match=r"^predict of Pipeline does not take these arguments: retrun_std=True\."):
        model.predict(X[3:], retrun_std=True)


@pytest.mark.parametrize("in_front", [[], [PolynomialFeatures(2)]], ids=["alone", "behind a map"])
def test_one_step_of_parts(in_front):
    """A step that is made of parts may be the only one that learns."""
    X = np.random.default_rng(3).normal(size=(20, 2))
    columns = ColumnTransformer([("scale", StandardScaler(), [0])])
    for step in (columns, make_union(StandardScaler(), MinMaxScaler()), make_pipeline(StandardScaler())):
        pipe = make_pipeline(*in_front, step).fit(X).forget(X[:5])
        assert verify(pipe, X[5:])
        assert pipe.transform(X).shape == pipe.to_sklearn().transform(X).shape
