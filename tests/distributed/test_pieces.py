"""Frames and arrays in pieces: one kind for each column over all of them, and errors that name the piece."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp

from fitted_pieces import fitted, whole
from forks import run_forked
from refusals import COLUMNS, EMPTY, NO_TARGET, NOT_FINITE, SHAPE, Kind, raises
from sqlearn import errors
from sqlearn.distributed.pieces import pieces_of
from sqlearn.linear_model import LinearRegression
from sqlearn.naive_bayes import GaussianNB, MixedNB, MultinomialNB

MISFIT = Kind(errors.TableError, "columns")
TABLE = Kind(errors.TableError, "table")
TARGET = Kind(errors.TableError, "target")
HARD = np.array([1e12, -1e12, 1e308, 5e-324, -0.0, 0.0, 0.1, 0.1, -0.1, 3.0, 2.0, 1.0])


def table(n=12):
    return pd.DataFrame({"a": HARD[:n], "b": np.arange(n)[::-1] * 0.25, "label": np.arange(n) % 3})


def cut(data, *ends):
    return [data[start:end] for start, end in zip((0, *ends), (*ends, len(data)), strict=True)]


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pa.table])
@pytest.mark.parametrize("learner", [GaussianNB(), LinearRegression(), MixedNB()])
def test_frames_have_the_digest_of_one_process(library, learner):
    frame = table()
    parts = [library(dict(part)) for part in cut(frame, 1, 2, 7)]
    expected = type(learner)().fit(frame[["a", "b"]], frame["label"])
    assert fitted(learner, parts, y="label", backwards=True).digest() == expected.digest()


def test_arrays_pairs_and_callables():
    frame = table()
    X, y, w = frame[["a", "b"]].to_numpy(), frame["label"].to_numpy(), np.linspace(0.5, 2.0, 12)
    expected = GaussianNB().fit(X, y, w).digest()
    arrays = [(X[:5], y[:5], w[:5]), (X[5:].astype(object), y[5:].astype(float), w[5:].tolist())]
    assert fitted(GaussianNB(), arrays).digest() == expected
    pieces, plan = pieces_of(GaussianNB(), [lambda: (X[:5], y[:5], w[:5]), lambda: (X[5:], list(y[5:]), w[5:])])
    model = GaussianNB()
    for piece in pieces:
        for block in piece.blocks(plan):
            model.partial_fit(**block.args())
    assert model.digest() == expected
    assert fitted(GaussianNB(), X, y=y, sample_weight=w).digest() == expected
    assert fitted(GaussianNB(), [frame.assign(w=w)], y="label", sample_weight="w").n_features_in_ == 2
    sparse = sp.csr_array(np.abs(X))
    expected = MultinomialNB().fit(sparse, y)
    assert fitted(MultinomialNB(), [(sparse[:3], y[:3]), (sparse[3:], y[3:])]).digest() == expected.digest()


def test_blocks_are_short_numbered_and_always_the_same():
    X = np.arange(300_000.0).reshape(-1, 2)
    (piece,), plan = pieces_of(GaussianNB(), X, y=np.zeros(150_000, int))
    first, again = list(piece.blocks(plan)), list(piece.blocks(plan))
    assert [block.start for block in first] == [0, 65_536, 131_072] and sum(map(len, first)) == 150_000
    assert all(np.array_equal(one.X, other.X) for one, other in zip(first, again, strict=True))
    assert first[1].place(3) == ("the data, row 65539", {"row": 65_539})


# pairs of columns, and the kind of both: what pandas, numpy or pyarrow make of them when they are joined
JOINED = [
    ([1, 2], [0.5, np.nan], "float64"),
    (np.array([1, 2], np.float32), [0.1, 0.2], "float64"),
    (np.array([1, 2], np.int8), np.array([1, 300], np.int32), "int32"),
    (np.array([1, 2], np.uint64), np.array([-1, 2]), "float64"),
    (["x", "y"], pd.Categorical(["y", "z"]), "text"),
    (pd.Categorical(["x", "y"]), pd.Categorical(["z", "y"]), "category"),
    ([None, None], [1.5, 2.0], "float64"),  # here pandas would make objects of numbers
    (pd.Categorical([1, 2]), [3, 2], "int64"),
    (pd.Categorical([1, 2]), pd.Categorical([3, 2]), "category of int64"),
    ([None, None], ["x", None], "text"),
    ([True, None], [1, 2], "object"),
    (pd.array([1, None], "Int64"), [3, 4], "int64"),
]


@pytest.mark.parametrize("one, other, kind", JOINED)
def test_kinds_are_settled_over_all_pieces(one, other, kind):
    frames = [pd.DataFrame({"a": one, "y": [0, 1]}), pd.DataFrame({"y": [1, 0], "a": other})]
    for parts in (frames, frames[::-1], [frames[0][:0], *frames]):
        _, plan = pieces_of(MixedNB(), parts, y="y", columns=["a"])
        assert plan.kinds == (kind,)
    joined = pd.concat(frames)
    if isinstance(one, list) and one == [None, None]:
        joined["a"] = joined["a"].astype("float64" if kind == "float64" else "str")
    elif kind.startswith("category"):
        joined["a"] = joined["a"].astype("category")
    expected = MixedNB().fit(joined[["a"]], joined["y"]).digest()
    assert fitted(MixedNB(), frames, y="y").digest() == expected


def arrow_frame(**columns):
    return pa.table(columns).to_pandas(types_mapper=pd.ArrowDtype)


def test_frames_of_pandas_with_gaps_in_types_of_arrow():
    one = arrow_frame(a=pa.array([2**60 + 1, None, 3], pa.int64()), y=pa.array([2**60 + 1, 1, 2], pa.int64()))
    other = arrow_frame(a=pa.array([2**63 + 1, None], pa.uint64()), y=pa.array([2**63 + 1, 5], pa.uint64()))
    a, y = [2.0**60, np.nan, 3, 2.0**63, np.nan], [2.0**60, 1, 2, 2.0**63, 5]
    expected = MixedNB().fit(pd.DataFrame({"a": a}), [0, 1, 1, 0, 1]).digest()
    labelled = [one.assign(y=[0, 1, 1]), other.assign(y=[0, 1])]
    assert fitted(MixedNB(), labelled, y="y").digest() == expected
    parts = [(np.ones((len(frame), 1)), frame["y"]) for frame in (one, other)]
    assert fitted(LinearRegression(), parts).digest() == LinearRegression().fit(np.ones((5, 1)), y).digest()
    with raises(NOT_FINITE, match="piece 0, row 1"):
        fitted(LinearRegression(), [(np.ones((len(frame), 1)), frame["a"]) for frame in (one, other)])


@pytest.mark.parametrize("values", [["u", "v", None], [1, 2, 2]], ids=["text", "whole"])
def test_frames_of_pandas_with_dictionaries_of_arrow(values):
    one = arrow_frame(c=pa.array(values).dictionary_encode(), a=[1.0, 2.0, 3.0], y=[0, 1, 1])
    joined = pd.DataFrame({"c": values * 2, "a": [1.0, 2.0, 3.0] * 2, "y": [0, 1, 1] * 2})
    joined["c"] = joined["c"].astype("category")
    for other in (one, joined[3:]):
        expected = MixedNB().fit(joined[["c"]], joined["y"]).digest()
        assert fitted(MixedNB(), [one, other], y="y", columns=["c"]).digest() == expected
        expected = GaussianNB().fit(joined[["a"]], joined["y"]).digest()
        assert fitted(GaussianNB(), [one, other], y="y", columns=["a"]).digest() == expected


@pytest.mark.parametrize(
    "labels, joined",
    [
        (([True, False], [False, False]), [True, False, False, False]),
        (([True, False], [2, 1]), [1, 0, 2, 1]),
        (([1, 2], [2.0, 3.0]), [1, 2, 2, 3]),
        ((["x", "y"], ["z", "y"]), ["x", "y", "z", "y"]),
        ((pd.Categorical(["x", "y"]), ["z", "y"]), ["x", "y", "z", "y"]),
        ((pd.Categorical([4, 5]), [6, 5]), [4, 5, 6, 5]),
    ],
)
def test_labels_have_one_type(labels, joined):
    X = np.array([[1.0], [2.0], [4.0], [1e-300]])
    frames = [
        pd.DataFrame({"a": X[at, 0], "y": values}) for at, values in zip((slice(2), slice(2, 4)), labels, strict=True)
    ]
    frames = [*frames, frames[0][:0]]
    expected = GaussianNB().fit(pd.DataFrame({"a": X[:, 0]}), joined)
    model = fitted(GaussianNB(), frames, y="y")
    assert model.digest() == expected.digest() and model.classes_.dtype.kind == expected.classes_.dtype.kind
    pairs = [(frame[["a"]], frame["y"]) for frame in frames]
    assert fitted(GaussianNB(), pairs).digest() == expected.digest()


def test_several_targets():
    frame = table().assign(other=1.0)
    expected = LinearRegression().fit(frame[["a", "b"]], frame[["label", "other"]])
    assert fitted(LinearRegression(), cut(frame, 4), y=["label", "other"]).digest() == expected.digest()
    block = whole(LinearRegression(), cut(frame, 4), y=["label", "other"])
    assert block.y.shape == (12, 2) and block.X.equals(frame[["a", "b"]])


def test_columns_beside_what_is_learned():
    frame = table().assign(id=np.arange(12) + 2**60, day=pd.Timestamp("2026-11-27"))
    pieces, plan = pieces_of(GaussianNB(), cut(frame, 4), y="label", columns=["a", "b"])
    kept = [block.kept for block in pieces[1].blocks(plan.keeping(["id", "day"]))]
    assert kept[0]["id"].tolist() == frame["id"][4:].tolist() and list(kept[0]) == ["id", "day"]
    with raises(MISFIT, match="'nowhere' is in none of the pieces"):
        plan.keeping(["nowhere"])


def test_a_bad_value_is_named_with_its_piece_and_row():
    parts = cut(table(), 3, 6, 9)
    parts[2].loc[7, "b"] = np.nan
    with raises(NOT_FINITE, match=r"^piece 2, row 1 \(counted from 0\): .*in column") as caught:
        fitted(GaussianNB(), parts, y="label")
    assert caught.value.row == 1


def test_names_that_are_numbers():
    frame = pd.DataFrame(np.arange(12.0).reshape(4, 3)).assign(**{"3": 0}).rename(columns={"3": 3})
    frame[3] = [0, 1, 1, 0]
    expected = GaussianNB().fit(frame[[0, 1, 2]], frame[3]).digest()
    assert fitted(GaussianNB(), cut(frame, 2), y=3).digest() == expected
    assert fitted(GaussianNB(), frame[[0, 2, 1, 3]], y=3, columns=[0, 1, 2]).digest() == expected
    assert fitted(GaussianNB(), [(frame[[0, 1, 2]], frame[3])]).digest() == expected


def test_values_that_are_masked_are_refused():
    X = np.ma.array(np.arange(8.0).reshape(4, 2), mask=np.arange(8).reshape(4, 2) == 5)
    with raises(NOT_FINITE, match=r"^piece 0, row 2 \(counted from 0\): Input X is masked, first in column 1"):
        pieces_of(GaussianNB(), [(X, [0, 1, 0, 1])])
    with raises(NOT_FINITE, match="^piece 0, row 1: Input y is masked"):
        pieces_of(GaussianNB(), [(X.data, np.ma.array([0, 1, 0, 1], mask=[0, 1, 0, 0]))])


REFUSED = [
    (lambda f: [f, f.rename(columns={"a": "c"})], {}, MISFIT, "piece 1 has no column 'a'"),
    (lambda f: [f, f.assign(c=1)], {}, MISFIT, "piece 1 has the column 'c', and piece 0 has not"),
    (lambda f: [f, f.assign(a="x")], {}, MISFIT, "holds float64 in piece 0 and text in piece 1"),
    (lambda f: [f, f, f.assign(label="x")], {}, MISFIT, "holds int64 in piece 0 and text in piece 2"),
    (lambda f: [f.assign(c=pd.Timestamp("2026-11-27"))], {}, MISFIT, "'c' holds values of type datetime"),
    (lambda f: [f.assign(w="x")], {"sample_weight": "w"}, MISFIT, "The column of weights 'w' holds text"),
    (lambda f: [f.set_axis(["a", "a", "label"], axis=1)], {}, MISFIT, "piece 0: two columns have one name"),
    (lambda f: f, {"y": "nowhere"}, MISFIT, "the data has no column 'nowhere'"),
    (lambda f: pa.RecordBatch.from_pandas(f), {"y": "nowhere"}, MISFIT, "the data has no column 'nowhere'"),
    (lambda f: [f["a"]], {"y": None}, SHAPE, "piece 0 has one dimension"),
    (lambda f: [f], {"y": "nowhere"}, MISFIT, "has no column 'nowhere'"),
    (lambda f: [f], {"columns": ["a", "a"]}, MISFIT, "'a' is named twice"),
    (lambda f: [f], {"columns": ["label"]}, MISFIT, "'label' is named twice"),
    (lambda f: [f], {"y": None}, NO_TARGET, "name the target's column in `y`"),
    (lambda f: [f], {"y": np.arange(12)}, TARGET, "is no name"),
    (lambda f: [(f, f["label"])], {}, TARGET, "has it beside the features"),
    (lambda f: [f, f.to_numpy()], {}, TABLE, "piece 1 is a array, and piece 0 is a frame"),
    (lambda f: [f, pl.DataFrame(dict(f))], {}, TABLE, "piece 1 is a frame of polars"),
    (lambda f: [f[:0], f[:0]], {}, EMPTY, "0 sample"),
    (lambda f: [], {}, TABLE, "no data"),
    (lambda f: [7], {}, TABLE, "7 is no data"),
    (lambda f: 7, {}, TABLE, "7 is no data"),
    (lambda f: {"a": [1]}, {}, TABLE, "is no data"),
    (lambda f: [{"a": [1]}], {}, TABLE, "is no data"),
    (lambda f: [(1, 2, 3, 4)], {}, TABLE, "a tuple of 4"),
    (lambda f: [(np.zeros((2, 2)), [0, 1]), (np.zeros((2, 3)), [0, 1])], {"y": None}, COLUMNS, "piece 1 has 3 columns"),
    (lambda f: [np.zeros((2, 2))], {}, MISFIT, "Arrays have no columns"),
]


@pytest.mark.parametrize("data, given, kind, match", REFUSED)
def test_what_does_not_fit_is_refused(data, given, kind, match):
    frame = table()
    given = {"y": "label", **given}
    with raises(kind, match=match):
        pieces_of(GaussianNB(), data(frame), **given)


def test_lengths_are_checked():
    pieces, plan = pieces_of(GaussianNB(), [(np.zeros((3, 2)), [0, 1, 0, 1])])
    with raises(SHAPE, match="piece 0 has 3 rows, and 4 values in `y`"):
        list(pieces[0].blocks(plan))


def test_rows_that_change_are_noticed():
    sizes = iter([3, 3, 4])
    pieces, plan = pieces_of(GaussianNB(), [lambda: (np.zeros((n := next(sizes), 2)), [0] * n)])
    assert len(list(pieces[0].blocks(plan))) == 1
    with raises(TABLE, match="piece 0 has 4 rows, and had 3"):
        list(pieces[0].blocks(plan))


def test_importing_it_is_light(tmp_path):
    code = "import sys, sqlearn.distributed.pieces; print({'dask', 'distributed', 'fsspec'} & {*sys.modules})"
    assert run_forked(code, tmp_path) == (0, "set()\n", "")


def test_the_survey_runs_where_it_is_told_to():
    asked = []

    def run(function, args):
        asked.extend(args)
        return [pickle.loads(pickle.dumps(function(*pickle.loads(pickle.dumps(each))))) for each in args]

    frames = cut(table(), 4)
    pieces, plan = pieces_of(GaussianNB(), frames, y="label", run=run)
    assert len(asked) == len(pieces) == 2 and [piece.count for piece in pieces] == [4, 8]
    assert sum(len(block) for piece in pieces for block in piece.blocks(plan)) == 12
