"""Sparse records of many features: a model is a function of those it holds, and never makes them dense."""

import copy
import pickle
import tracemalloc
import warnings
from unittest import mock

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

import sqlearn.engine.model.limits as limits
import sqlearn.engine.sparse.rows as compressed_rows
from learners import crossed, over_kinds
from sqlearn import Store, verify
from sqlearn.engine.sparse import SparseKept
from sqlearn.errors import (
    FormatError,
    InvalidValueError,
    NotLearnedError,
    ShapeError,
    SqlearnError,
    TooLargeError,
    UnknownLabelError,
)
from sqlearn.linear_model import LogisticRegression, PoissonRegressor
from sqlearn.svm import LinearSVC

D = 2100
LEARNERS = [
    LogisticRegression(),
    LogisticRegression(fit_intercept=False, C=100.0),
    LogisticRegression(class_weight="balanced", key="secret"),
    LinearSVC(),
    LinearSVC(class_weight="balanced"),
    PoissonRegressor(alpha=0.01),
]


def sparse(n: int, seed: int, d: int = D, per_row: int = 12) -> sp.csr_array:
    """Rows whose first columns are frequent."""
    rng = np.random.default_rng(seed)
    columns = np.minimum((d * rng.random((n, per_row)) ** 3).astype(int), d - 1)
    values = rng.normal(size=(n, per_row))
    found = sp.csr_array((values.ravel(), columns.ravel(), np.arange(0, n * per_row + 1, per_row)), (n, d))
    found.sum_duplicates()
    return found


def hard(seed: int) -> tuple[sp.csr_array, np.ndarray]:
    """Rows with hard values, explicit zeros, duplicates and an empty row; three classes, one of a single row."""
    rng = np.random.default_rng(seed)
    x = sparse(40, seed).tolil()
    for row, value in enumerate((1e12, -1e12, 1e150, 5e-324, 1e-310, 3.0)):
        x[row, int(rng.integers(D))] = value
    x = sp.csr_array(x)
    x.data[rng.integers(len(x.data), size=30)] = 0.0
    x.data[rng.integers(len(x.data), size=10)] = -0.0
    x = sp.vstack([x, x[:5], sp.csr_array((1, D))], format="csr")
    y = np.append(np.arange(x.shape[0] - 1) % 2, 2)
    return sp.csr_array(x), rng.permutation(y)


def contents(model) -> tuple:
    """All that a refit must have too."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = model.fitted_attributes()
        attributes = {name: np.asarray(value).tobytes() for name, value in found.items() if name != "_base_loss"}
    except SqlearnError as error:
        attributes = {"error": type(error).__name__}
    return model.digest(), model.canonical_parts(), attributes


def refit(model, x, y, w=None):
    fresh = clone(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fresh.partial_fit(x, y, sample_weight=w)


@pytest.mark.filterwarnings("ignore")
@crossed(5, learner=LEARNERS, seed=range(3))
def test_any_history_leaves_a_refit(learner, seed):
    rng = np.random.default_rng(seed)
    x, y = hard(seed)
    w = rng.choice([0.0, 0.5, 1.0, 1.0, 1.0, 3.0], size=len(y))
    w[:3] = 1.0
    model = clone(learner).fit(x, y, sample_weight=w)
    held = list(range(len(y)))
    gone: list[int] = []
    for _ in range(25):
        action = rng.integers(5)
        if action == 0 and len(held) > 4:
            some = rng.choice(held, size=rng.integers(1, 4), replace=False)
            model.forget(x[some], y[some], sample_weight=w[some])
            held, gone = [i for i in held if i not in some], [*gone, *some]
        elif action == 1 and gone:
            some = [gone.pop() for _ in range(min(3, len(gone)))]
            model.partial_fit(x[some], y[some], sample_weight=w[some])
            held += some
        elif action == 2:
            i = next(i for i in held if w[i] == 1.0) if any(w[i] == 1.0 for i in held) else held[0]
            if w[i] == 1.0 and len(held) > 4:
                row = (x[[i]], x[[i]].toarray()[0], x[[i]].tocoo())[rng.integers(3)]
                model.forget(row, y[i])
                held.remove(i)
                gone.append(i)
        elif action == 3:
            before = contents(model)
            some = held[: len(held) // 3]
            with model.without(x[some], y[some], sample_weight=w[some]):
                rest = held[len(held) // 3 :]
                assert contents(model) == contents(refit(learner, x[rest], y[rest], w[rest]))
            assert contents(model) == before
        else:
            model = (copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m)), lambda m: m)[rng.integers(3)](model)
    expected = refit(learner, x[held[::-1]], y[held[::-1]], w[held[::-1]])
    assert contents(model) == contents(expected)
    assert pickle.dumps(model) == pickle.dumps(expected)
    verify(model, x[held], y[held], sample_weight=w[held])


@over_kinds(LEARNERS)
def test_dense_and_sparse_rows_are_the_same_records(learner):
    x, y = sparse(60, 0), np.arange(60) % 3
    model = clone(learner).fit(x, y)
    assert isinstance(model.state.statistic, SparseKept)
    expected = contents(model)
    unsorted = x.copy()
    for a, b in zip(x.indptr[:-1], x.indptr[1:], strict=True):
        unsorted.indices[a:b], unsorted.data[a:b] = x.indices[a:b][::-1].copy(), x.data[a:b][::-1].copy()
    unsorted.has_sorted_indices = False
    halves = sp.coo_array(
        (np.tile(x.tocoo().data / 2, 2), (np.tile(x.tocoo().row, 2), np.tile(x.tocoo().col, 2))), x.shape
    )
    long = sp.csr_array((x.data, x.indices.astype(np.int64), x.indptr.astype(np.int64)), x.shape)
    nothing = sp.coo_array((np.full(60, -0.0), (np.arange(60), np.arange(60) + 2000)), x.shape)
    zeros = sp.csr_array(
        (np.append(x.data, nothing.data), (np.append(x.tocoo().row, nothing.row), np.append(x.indices, nothing.col))),
        x.shape,
    )
    assert zeros.nnz > x.nnz
    for form in (x.toarray(), sp.csc_array(x), sp.coo_matrix(x), sp.lil_array(x), unsorted, halves, long, zeros):
        assert contents(clone(learner).fit(form, y)) == expected
    for row in (x.toarray()[7], x[[7]], x[7:8], unsorted[7:8], zeros[7:8]):
        again = copy.deepcopy(model).forget(row, y[7].item())
        assert contents(again) == contents(clone(learner).fit(x[np.arange(60) != 7], y[np.arange(60) != 7]))
        assert contents(again.partial_fit(row, y[7])) == expected


def test_merge_is_a_fit_of_both():
    x, y = hard(5)
    for learner in LEARNERS[:4]:
        whole = refit(learner, x, y)
        one, other = refit(learner, x[:20], y[:20]), refit(learner, x[20:], y[20:])
        assert contents(one.merge(other)) == contents(whole)


def test_relabel_takes_the_room_of_the_old_record():
    x, y = sparse(30, 1), np.arange(30) % 2
    model = LogisticRegression().fit(x, y)
    used = model.state.statistic.rows.used.copy()
    model.relabel(x[4:9], y[4:9], 1 - y[4:9])
    assert (model.state.statistic.rows.used == used).all()
    y[4:9] = 1 - y[4:9]
    assert contents(model) == contents(LogisticRegression().fit(x, y))


def test_nothing_is_made_dense():
    n, d = 2000, 5_000_000  # 80 GB as an array
    x, y = sparse(n, 2, d, 20), np.arange(n) % 2
    LogisticRegression().fit(x[:10], y[:10])  # compiles
    tracemalloc.start()
    model = LogisticRegression().fit(x, y)
    model.forget(x[[0]], y[0]).predict(x[:5])
    pickle.loads(pickle.dumps(model))
    with model.without(x[1:5], y[1:5]):
        assert model.coef_.shape == (1, d)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * 8 * d  # some arrays of the size of coef_


def test_rooms_are_used_again_and_removed():
    rng = np.random.default_rng(0)
    y = np.arange(50) % 2
    with mock.patch.object(compressed_rows, "_MOST_UNUSED", 100):
        x = sparse(50, 0)
        model = LogisticRegression().fit(x, y)
        for turn in range(1, 40):  # rows of all lengths
            new = sparse(50, turn, per_row=int(rng.integers(1, 30)))
            model.forget(x, y).partial_fit(new, y)
            x = new
        rows = model.state.statistic.rows
        end, held = rows.used.tolist()
        assert held == x.nnz
        assert end <= 2 * held + 100 + 50 * 30
        assert contents(model) == contents(LogisticRegression().fit(x, y))
        model.forget(x[:48], y[:48])
        assert not rows.values[rows.values != 0].size > rows.used[1]


def test_forgotten_values_are_overwritten():
    x, y = sparse(20, 0), np.arange(20) % 2
    x.data[x.indptr[3]] = 1234.5
    model = LogisticRegression().fit(x, y)
    assert (model.state.statistic.rows.values == 1234.5).any()
    model.forget(x[[3]], y[3])
    assert not (model.state.statistic.rows.values == 1234.5).any()


def test_refusals_change_nothing():
    x, y = sparse(30, 0), np.arange(30) % 2
    model = LogisticRegression().fit(x, y)
    before = contents(model)
    far, nan = x[:2].copy(), x[:2].copy()
    far.data[3], nan.data[3] = 1e200, np.nan
    narrow = sp.csr_array((1, D - 1))
    for error, call in (
        (NotLearnedError, lambda: model.forget(x[[0]] * 2, y[0])),
        (NotLearnedError, lambda: model.forget(x[[0]], 1 - y[0])),
        (UnknownLabelError, lambda: model.forget(x[[0]], 7)),
        (NotLearnedError, lambda: model.forget(sp.vstack([x, x[[0]]]), np.append(y, y[0]))),
        (InvalidValueError, lambda: model.partial_fit(far, y[:2])),
        (InvalidValueError, lambda: model.partial_fit(far[:1], 0)),
        (InvalidValueError, lambda: model.partial_fit(nan, y[:2])),
        (ShapeError, lambda: model.forget(narrow, 0)),
        (ShapeError, lambda: model.predict(narrow)),
    ):
        with pytest.raises(error):
            call()
        assert contents(model) == before


def test_memory_is_refused_beforehand():
    x, y = sparse(30, 0), np.arange(30) % 2
    model = LogisticRegression().fit(x, y)
    before = contents(model)
    with mock.patch.object(limits, "installed", return_value=10_000):
        for call in (lambda: LogisticRegression().fit(x, y), lambda: model.partial_fit(x, np.arange(30))):
            with pytest.raises(TooLargeError, match="GB"):
                call()
    assert contents(model) == before


def test_interrupted_updates_are_undone():
    x, y = sparse(60, 0), np.arange(60) % 2
    model = LogisticRegression().fit(x[:40], y[:40])
    before = contents(model)
    with mock.patch.object(SparseKept, "refresh", side_effect=KeyboardInterrupt):
        for call in (
            lambda: model.forget(x[:20], y[:20]),
            lambda: model.partial_fit(x[40:], y[40:]),
            lambda: model.relabel(x[:5], y[:5], 1 - y[:5]),
        ):
            with pytest.raises(KeyboardInterrupt):
                call()
    assert contents(model) == before


def test_altered_pickles_are_refused():
    x, y = sparse(6, 0), np.arange(6) % 2
    model = LogisticRegression().fit(x, y)
    held = model.__getstate__()
    rows = held["state"]["parts"]["rows"]
    for at in range(0, len(rows), 5):
        altered = bytearray(rows)
        altered[at] ^= 0xFF
        held["state"]["parts"]["rows"] = bytes(altered)
        other = LogisticRegression()
        try:
            other.__setstate__(copy.deepcopy(held))
        except FormatError:
            continue
        assert other.predict(x).shape == (6,)  # another value, weight or digest: kernels work with it


def test_marks_that_collide_are_told_apart():
    x, y = sparse(40, 3), np.arange(40) % 2
    expected = LogisticRegression().fit(x, y).coef_
    with mock.patch.object(compressed_rows, "_marks", lambda keyed, y, w: np.zeros(len(w), np.uint64)):
        one = LogisticRegression().fit(x, y).coef_
        other = LogisticRegression().fit(x[::-1], y[::-1]).coef_
    assert one.tobytes() == other.tobytes()
    np.testing.assert_allclose(one, expected, atol=1e-6)


def test_stores_take_so_many_columns(tmp_path):
    frame = {f"c{j}": [0.0, 1.0] for j in range(2050)} | {"label": [0, 1]}
    store = Store.create(tmp_path / "wide.sqlearn", LogisticRegression(), frame, target="label", id=None)
    assert isinstance(store.model.state.statistic, SparseKept)
    store.learn({name: [2.0, 0.0] for name in frame} | {"label": [0, 1]})
    store.forget(ids=store.ids()[:1])
    store.close()
    store = Store.open(tmp_path / "wide.sqlearn")
    fresh = LogisticRegression().fit(np.repeat([[1.0], [2.0], [0.0]], 2050, axis=1), [1, 0, 1])
    assert len(store) == 3 and store.digest() == fresh.digest() and store.verify()
