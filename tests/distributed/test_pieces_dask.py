"""Partitions of Dask: computed where they are read, with kinds from what Dask knows of all of them."""

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from dask.distributed import Client, LocalCluster

from fitted_pieces import fitted
from refusals import NOT_FINITE, SHAPE, Kind, raises
from sqlearn import errors
from sqlearn.distributed import fit
from sqlearn.distributed.pieces import pieces_of
from sqlearn.linear_model import LinearRegression
from sqlearn.naive_bayes import GaussianNB, MixedNB

MISFIT = Kind(errors.TableError, "columns")
TABLE = Kind(errors.TableError, "table")
TARGET = Kind(errors.TableError, "target")
HARD = np.array([1e12, -1e12, 1e308, 5e-324, -0.0, 0.0, 0.1, 0.1, -0.1, 3.0, 2.0, 1.0])


@pytest.fixture(scope="module")
def client():
    options = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        yield client


@pytest.fixture(scope="module")
def frame():
    columns = {"a": HARD, "b": np.arange(12, dtype=np.float32), "c": ["x", "y", "z"] * 4, "label": np.arange(12) % 2}
    return pd.DataFrame(columns)


@pytest.fixture(scope="module")
def digest(frame):
    return GaussianNB().fit(frame[["a", "b"]], frame["label"]).digest()


def test_frames(frame, digest):
    data = dd.from_pandas(frame, npartitions=5)
    chosen = data[["a", "b"]]
    assert fitted(GaussianNB(), data, y="label", columns=["a", "b"]).digest() == digest
    assert fitted(GaussianNB(), chosen, y=data["label"], backwards=True).digest() == digest
    assert fitted(GaussianNB(), chosen.clear_divisions(), y=data["label"].to_dask_array()).digest() == digest
    other = data["label"].repartition(divisions=[0, 2, 7, 11])
    assert fitted(GaussianNB(), chosen, y=other).digest() == digest
    weights = data["b"] + 1
    expected = GaussianNB().fit(frame[["a", "b"]], frame["label"], frame["b"] + 1).digest()
    assert fitted(GaussianNB(), chosen, y=data["label"], sample_weight=weights).digest() == expected


def test_arrays(frame):
    X, y = frame[["a", "b"]].to_numpy(float), frame["label"].to_numpy()
    digest = GaussianNB().fit(X, y).digest()
    data, target = da.from_array(X, chunks=(5, 1)), da.from_array(y, chunks=4)
    assert fitted(GaussianNB(), data, y=target).digest() == digest
    held = data[:, 0] > -1.0  # sizes of blocks are unknown
    expected = LinearRegression().fit(X[X[:, 0] > -1], y[X[:, 0] > -1]).digest()
    assert fitted(LinearRegression(), data[held], y=target.rechunk(5)[held]).digest() == expected
    targets = da.from_array(np.column_stack([y, X[:, 1]]), chunks=(5, 1))
    expected = LinearRegression().fit(X, np.column_stack([y, X[:, 1]])).digest()
    assert fitted(LinearRegression(), data, y=targets).digest() == expected


def pair(part):
    return part[["a", "b"]], part["label"]


def test_delayed_pieces(frame, digest):
    parts = [frame[["a", "b", "label"]][at] for at in (slice(3), slice(3, 3), slice(3, 12))]
    assert fitted(GaussianNB(), [dask.delayed(part) for part in parts], y="label").digest() == digest
    pairs = [dask.delayed(pair)(part) for part in parts]
    assert fitted(GaussianNB(), pairs).digest() == digest
    tuples = [(dask.delayed(part[["a", "b"]]), part["label"]) for part in parts]
    assert fitted(GaussianNB(), tuples).digest() == digest
    assert fitted(GaussianNB(), dask.delayed(frame[["a", "b", "label"]]), y="label").digest() == digest


def test_types_that_dask_declares_are_not_looked_at(frame):
    computed = []

    def part(i):
        computed.append(i)
        return pd.DataFrame({"a": [i, 2] if i else [0.5, np.nan], "c": ["x", "y"], "label": [True, bool(i)]})

    parts = [dask.delayed(part)(i) for i in range(3)]
    meta = pd.DataFrame({"a": [1], "c": pd.array(["x"], "string"), "label": [True]})[:0]
    data = dd.from_delayed(parts, meta=meta, verify_meta=False)
    with dask.config.set({"dataframe.convert-string": False}):
        pieces, plan = pieces_of(GaussianNB(), data, y="label", columns=["a"])
    assert not computed and plan.kinds == ("float64",) and plan.target_kind == "bool"
    blocks = [block for piece in pieces for block in piece.blocks(plan)]
    assert computed == [0, 1, 2] and [block.y.tolist() for block in blocks][:2] == [[True, False], [True, True]]
    pieces, plan = pieces_of(MixedNB(), data, y="label")
    with raises(MISFIT, match="^partition 0: column 'a' holds float64, and int64 in the other pieces"):
        next(pieces[0].blocks(plan))


def test_types_that_dask_does_not_know_are_looked_at():
    with dask.config.set({"dataframe.convert-string": False}):
        parts = [pd.DataFrame({"a": [1.0, 2.0], "y": np.array(["x", y], object)}) for y in ("z", "y")]
        data = dd.from_map(lambda i: parts[i], [0, 1], meta=parts[0][:0])
        model = fitted_here(GaussianNB(), data, y="y")
    assert model.classes_.tolist() == ["x", "y", "z"]
    data = dd.from_pandas(pd.DataFrame({"a": [1.0, 2.0, 3.0, 5.0], "y": [7, 8, 7, 9]}), npartitions=2)
    data["y"] = data["y"].astype("category")  # whose categories are unknown
    assert fitted(GaussianNB(), data, y="y").classes_.tolist() == [7, 8, 9]


def fitted_here(learner, data, **given):
    pieces, plan = pieces_of(learner, data, **given)
    for piece in pieces:
        for block in piece.blocks(plan):
            learner.partial_fit(**block.args())
    return learner


def read(piece, plan):
    return [block.args() for block in piece.blocks(plan)]


def test_what_a_cluster_holds_is_read_there(client, frame, digest):
    data = dd.from_pandas(frame, npartitions=3).persist()

    def run(function, args):
        return client.gather([client.submit(function, *each, pure=False) for each in args])

    pieces, plan = pieces_of(GaussianNB(), data, y="label", columns=["a", "b"], run=run)
    model = GaussianNB()
    for blocks in run(read, [(piece, plan) for piece in pieces]):
        for args in blocks:
            model.partial_fit(**args)
    assert model.digest() == digest
    futures = client.scatter([frame[:5], frame[5:]])
    pieces, plan = pieces_of(GaussianNB(), futures, y="label", columns=["a", "b"], run=run)
    assert sum(len(args["y"]) for blocks in run(read, [(piece, plan) for piece in pieces]) for args in blocks) == 12
    assert fitted_here(GaussianNB(), futures, y="label", columns=["a", "b"]).digest() == digest
    slow = client.submit(lambda: frame)  # not computed yet when its only worker's thread asks for it
    pieces, plan = pieces_of(GaussianNB(), [slow], y="label", columns=["a"], run=run)
    assert [len(piece_rows) for piece_rows in run(read, [(piece, plan) for piece in pieces])] == [1]


def test_a_shuffle_between_workers_is_refused_until_it_is_persisted(client, frame, digest):
    shuffled = dd.from_pandas(frame, npartitions=3).shuffle("label")
    model = GaussianNB()
    with pytest.raises(errors.TableError, match=r"partition 0 comes of a shuffle.*Nothing was changed: persist"):
        fit(model, shuffled, y="label", columns=["a", "b"], client=client)
    assert not hasattr(model, "n_records_")
    assert fit(model, shuffled.persist(), y="label", columns=["a", "b"], client=client).digest() == digest


def test_a_piece_has_the_tasks_that_it_needs_alone(frame):
    many = pd.concat([frame] * 1000, ignore_index=True)
    data = dd.from_map(lambda i: many[i * 100 : (i + 1) * 100], list(range(120)), meta=many[:0])
    pieces, _ = pieces_of(GaussianNB(), data, y="label", columns=["a"])
    assert len(pieces) == 120 and all(len(piece.graph) <= 3 for piece in pieces)


REFUSED = [
    (lambda d: (d, {"y": np.arange(12)}), TARGET, "must be a Dask Series or Array"),
    (lambda d: (d.clear_divisions(), {"y": d["label"].repartition(npartitions=2)}), TARGET, "has 2 partitions"),
    (lambda d: (d["label"], {}), SHAPE, "partition 0 has one dimension, and GaussianNB does not"),
    (lambda d: (da.zeros((2, 2, 2)), {}), TABLE, "is no Dask DataFrame"),
    (lambda d: (d, {"y": "nowhere"}), MISFIT, "has no column 'nowhere'"),
    (lambda d: ([d], {"y": "label"}), TABLE, "is no data"),
]


@pytest.mark.parametrize("data, kind, match", REFUSED)
def test_what_does_not_fit_is_refused(frame, data, kind, match):
    collection, given = data(dd.from_pandas(frame, npartitions=3))
    with raises(kind, match=match):
        pieces_of(GaussianNB(), collection, **given)


def test_errors_name_the_partition(frame):
    data = dd.from_pandas(frame.assign(b=[1.0] * 9 + [np.nan] * 3), npartitions=4)
    with raises(NOT_FINITE, match=r"^partition 3, row 0 \(counted from 0\): "):
        fitted(GaussianNB(), data, y="label", columns=["a", "b"])
