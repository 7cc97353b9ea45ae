"""Rows of pieces that ids or conditions name: found where they lie, and forgotten as a whole or not at all."""

import copy
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import dataset
from sklearn.base import clone

from laws import snapshot
from sqlearn.distributed import fit, forget, relabel, rows_of
from sqlearn.distributed.pieces.dataset import DatasetPiece
from sqlearn.distributed.pieces.parquet import ParquetPiece
from sqlearn.distributed.rows import PiecedRows
from sqlearn.errors import (
    BusyError,
    ConditionError,
    NotLearnedError,
    ParameterError,
    ShapeError,
    SqlearnError,
    TableError,
    UnknownIdError,
    UnsupportedError,
)
from sqlearn.linear_model import LogisticRegression
from sqlearn.naive_bayes import GaussianNB, MixedNB
from sqlearn.neighbors import KNeighborsClassifier
from sqlearn.preprocessing import StandardScaler

CITIES = ["Aix", "Bonn", "Cork", None]


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    n = 90
    return pd.DataFrame(
        {
            "id": np.arange(n) + 2**53,  # which float64 does not tell apart
            "name": [f"p{i % 80}" for i in range(n)],  # ten have two rows
            "city": rng.choice(np.array(CITIES, object), n),
            "joined": pd.to_datetime("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), "D"),
            "ok": rng.random(n) < 0.5,
            "age": rng.integers(18, 90, n).astype(float),
            "pay": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n) * 1e12),
            "buys": rng.integers(0, 2, n),
        }
    )


@pytest.fixture(params=["files", "frames"])
def pieces(request, table, tmp_path):
    parts = [table.iloc[start : start + 18] for start in range(0, 90, 18)]
    if request.param == "frames":
        return parts
    for i, part in enumerate(parts):
        pq.write_table(pa.Table.from_pandas(part, preserve_index=False), tmp_path / f"{i}.parquet", row_group_size=7)
    return str(tmp_path / "*.parquet")


FEATURES = ["age", "pay", "city"]


def fitted(pieces):
    return fit(MixedNB(), pieces, y="buys", columns=FEATURES)


def digest_of(model, rows):
    """The digest of one process, whose frames are those of the pieces."""
    return model.emptied().partial_fit(rows[FEATURES], rows["buys"].to_numpy()).digest()


@pytest.mark.parametrize(
    ("where", "selects"),
    [
        ("age >= 40 and ok", lambda t: (t.age >= 40) & t.ok),
        ("city is null or name glob 'p1*'", lambda t: t.city.isna() | t.name.str.startswith("p1")),
        ("joined < '2024-03-01'", lambda t: t.joined < "2024-03-01"),
        ("pay is null", lambda t: t.pay.isna()),
        ("id = 9007199254740993", lambda t: t.id == 9007199254740993),
        ("buys = 1 and city in ('Bonn', 'Cork')", lambda t: (t.buys == 1) & t.city.isin(["Bonn", "Cork"])),
    ],
)
def test_forget_under_a_condition(table, pieces, where, selects):
    model = fitted(pieces)
    meant = selects(table)
    rows = rows_of(model, where=where)
    assert len(rows.y) == meant.sum()
    assert sorted(rows.y.tolist()) == sorted(table.buys[meant].tolist())
    assert forget(model, where=where) == meant.sum() > 0
    assert model.digest() == digest_of(model, table[~meant])
    assert forget(model, where=where) == 0
    assert rows_of(model, where=where).X is None


def test_forget_ids(table, pieces):
    model = fitted(pieces)
    assert forget(model, ids="p3", id="name") == 2
    assert forget(model, ids=["p70", "p71"], id="name") == 2
    assert forget(model, ids=[2**53 + 50, 2**53 + 51], id="id") == 2
    rest = table[~table.name.isin(["p3", "p70", "p71"]) & ~table.id.isin([2**53 + 50, 2**53 + 51])]
    digest = model.digest()
    assert digest == digest_of(model, rest)
    for ids, id, unknown in ((["p5", "p3"], "name", "p3"), (7, "id", 7), ([2**53, 2**53 + 51], "id", 2**53 + 51)):
        with pytest.raises(UnknownIdError, match=r"Nothing was changed: compare with the column '\w+'") as caught:
            forget(model, ids=ids, id=id)
        assert caught.value.value == unknown
    assert model.digest() == digest


def test_rows_that_are_not_held(table, pieces):
    model = fitted(pieces)
    first = rows_of(model, ids=[2**53], id="id")
    model.forget(first.X, first.y)
    with pytest.raises(NotLearnedError, match=r"(0\.parquet|piece 0), row 0: ") as caught:
        forget(model, ids=[2**53 + 1, 2**53], id="id")
    assert caught.value.row == 0
    assert (
        forget(model, where="id < 9007199254740995") == 2
    )  # the row that was forgotten by its contents is passed over
    assert model.digest() == digest_of(model, table.iloc[3:])


IDS = {  # ids, one of them, and one that is none; how many rows of the ids are read for these, of 30 each
    "int64": (pa.array([2**53 + i for i in range(30)]), 2**53 + 20, 3, 5),
    "gaps": (pa.array([*range(29), None], pa.int32()), 20, 99, 15),  # the last row group both times
    "int8": (pa.array(np.arange(-15, 15), pa.int8()), 0, 1000, 35),  # which the type has not
    "unsigned": (pa.array([2**31 - 22 + i for i in range(30)], pa.uint32()), 2**31 + 3, 5, 5),
    "text": (pa.array([f"a{i:02}" for i in range(29)] + ["z\u00fc"]), "a16", "\U0001f600", 5),
    "large": (pa.array([f"a{i:02}" for i in range(30)], pa.large_string()), "a16", "", 5),
    "categories": (pa.array([f"a{i:02}" for i in range(30)]).dictionary_encode(), "a16", "b", 60),
    "floats": (pa.array(np.arange(30.0)), 17, 99, 60),
}


@pytest.mark.parametrize("as_dataset", [False, True])
@pytest.mark.parametrize("kind", IDS)
@pytest.mark.crossed(2)
def test_row_groups_without_the_ids_are_not_read(kind, as_dataset, tmp_path, monkeypatch):
    ids, known, unknown, least = IDS[kind]
    full = pa.table({"id": ids, "age": pa.array(np.arange(30.0)), "buys": pa.array(np.arange(30) % 2)})
    for statistics in (True, False):
        folder = tmp_path / str(statistics)
        folder.mkdir()
        for i in range(2):  # of three row groups each
            pq.write_table(
                full[15 * i : 15 * i + 15], folder / f"{i}.parquet", row_group_size=5, write_statistics=statistics
            )
        data = dataset.dataset(folder) if as_dataset else folder
        model = fit(GaussianNB(), data, y="buys", columns=["age"])
        read = []
        with monkeypatch.context() as patched:
            for piece in (ParquetPiece, DatasetPiece):
                patched.setattr(piece, "rows", noting(read, piece.rows))
            assert forget(model, ids=[known], id="id") == 1
            with pytest.raises(UnknownIdError, match="No row of the pieces"):
                forget(model, ids=[unknown], id="id")
        gone = full["id"].to_pylist().index(known)
        left = full.take(np.delete(np.arange(30), gone))
        assert model.digest() == GaussianNB().fit(left.select(["age"]), left["buys"].to_numpy()).digest()
        assert sum(n for columns, n in read if columns == ["id"]) == (least if statistics else 60)
        assert [n for columns, n in read if columns != ["id"]] == [5]
        assert forget(model, where="age < 7") == 7 - (gone < 7)
        many = [id for id in full["id"].to_pylist()[8:15] if id is not None]
        assert forget(model, ids=[int(id) if kind == "floats" else id for id in many], id="id") == len(many)


def noting(read, rows):
    """The same reading of a piece; of what is read, the columns and the number of rows are noted."""

    def noted(piece, plan):
        for found in rows(piece, plan):
            read.append((plan.columns, len(found.X)))
            yield found

    return noted


def test_a_file_that_changed_is_told_whatever_its_statistics(table, tmp_path):
    path = tmp_path / "0.parquet"
    pq.write_table(pa.Table.from_pandas(table), path)
    model = fit(GaussianNB(), path, y="buys", columns=["age"])
    pq.write_table(pa.Table.from_pandas(table[:50]), path)
    with pytest.raises(TableError, match="has changed"):
        forget(model, ids=[1], id="id")


def test_an_adaptive_learner_forgets_so(table):
    parts = [table.iloc[start : start + 18].assign(pay=0.0) for start in range(0, 90, 18)]
    model = fit(LogisticRegression(), parts, y="buys", columns=["age"])
    assert forget(model, where="city = 'Bonn'") == (table.city == "Bonn").sum()
    rest = table[table.city != "Bonn"]
    assert model.digest() == LogisticRegression().fit(rest[["age"]], rest["buys"]).digest()


def test_an_adaptive_learner_answers_when_its_workers_have_ended(table):
    parts = [table.iloc[start : start + 18] for start in range(0, 90, 18)]
    ages, labels, held = table[["age"]], table["buys"], table.city != "Bonn"
    who = table.index[held][10]
    with ThreadPoolExecutor(2) as threads:
        model = fit(LogisticRegression(), parts, y="buys", columns=["age"], client=threads)
        unread = fit(LogisticRegression(), parts, y="buys", columns=["age"], client=threads)
        forget(model, where="city = 'Bonn'")
        relabel(model, ids=int(table.id[who]), id="id", to=1 - labels[who])
        unread.forget(ages[:5], labels[:5])
    labels = labels.where(table.index != who, 1 - labels)
    alone = LogisticRegression().fit(ages[held], labels[held])
    before = snapshot(model)
    changes = [
        lambda: model.forget(ages[held][:2], labels[held][:2]),
        lambda: model.partial_fit(ages[:2], labels[:2]),
        lambda: model.relabel(ages[held][:1], labels[held][:1], 1 - labels[held][:1]),
        lambda: forget(model, where="age > 30"),
    ]
    for change in changes:
        with pytest.raises(UnsupportedError, match=r"was shut down.*Nothing was changed"):
            change()
        assert snapshot(model) == before
    for answers in (model, pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert answers.digest() == alone.digest()
        assert answers.predict_proba(ages).tobytes() == alone.predict_proba(ages).tobytes()
    with pytest.raises(UnsupportedError, match="was shut down"):  # by its own method, and not read since
        unread.predict(ages)


def test_a_change_stands_when_workers_end_before_the_rest_is_solved_for(table, monkeypatch):
    model = fit(LogisticRegression(), [table], y="buys", columns=["age"])
    raised = iter([UnsupportedError("the workers ended", reason="rows elsewhere"), KeyboardInterrupt()])

    def ended(*args):
        raise next(raised)

    with monkeypatch.context() as patched:
        patched.setattr(PiecedRows, "gathered", ended)
        assert forget(model, where="age < 30") == (table.age < 30).sum()
        with pytest.raises(KeyboardInterrupt) as caught:
            forget(model, where="age < 40")
    assert caught.value.__notes__ == ["The rows were forgotten. The others are solved for when the model is read."]
    held = table[table.age >= 40]
    alone = LogisticRegression().fit(held[["age"]], held["buys"])
    assert model.digest() == alone.digest() and model.coef_.tobytes() == alone.coef_.tobytes()


TWINS = pd.DataFrame(
    {"who": list("xzqrstuv"), "age": [41.0, 41, 20, 30, 20, 30, 41, 1e12], "buys": [1, 1, 0, 1, 0, 0, 0, 1]}
)


@pytest.mark.parametrize("learner", [GaussianNB(), LogisticRegression(C=0.5)], ids=["sums", "rounds"])
def test_rows_that_others_equal_change_by_name(learner):
    rng = np.random.default_rng(3)
    table = TWINS.assign(age=TWINS.age.clip(upper=50))
    model = fit(learner, [table[:3], table[3:]], y="buys", columns=["age"])
    held = table.set_index("who")
    for step in range(9):
        who = rng.choice(held.index)
        if step % 3 and len(held) > 3:
            assert forget(model, ids=who, id="who") == 1
            held = held.drop(who)
        else:
            to = 1 - int(held.buys[who])
            assert relabel(model, to=to, ids=who, id="who") == 1
            held.loc[who, "buys"] = to
        assert model.digest() == clone(learner).partial_fit(held[["age"]], held.buys).digest()
    assert sorted(rows_of(model, where="age > 0").y.tolist()) == sorted(held.buys)
    with pytest.raises(UnknownIdError):
        forget(model, ids=next(iter({*table.who} - {*held.index})), id="who")


@pytest.mark.parametrize(
    "learner", [GaussianNB(), LogisticRegression(), KNeighborsClassifier(1)], ids=["sums", "rounds", "kept"]
)
def test_rows_that_went_by_their_contents_are_not_mistaken(learner):
    model = fit(learner, [TWINS[:3], TWINS[3:7]], y="buys", columns=["age"])
    x = rows_of(model, ids="x", id="who")
    model.relabel(x.X, x.y, [0])
    digest = model.digest()
    for named in ({"ids": "x", "id": "who"}, {"where": "who = 'z'"}):
        for change in (forget, lambda model, **named: relabel(model, to=0, **named), rows_of):
            with pytest.raises(NotLearnedError, match=r"equals 1 other row\(s\) of the pieces, and 1 of all these are"):
                change(model, **named)
    assert forget(model, ids="u", id="who") == 1  # all of its equals are held, and more
    model.partial_fit(TWINS[["age"]][6:7], TWINS.buys[6:7])
    assert model.digest() == digest
    model.forget(x.X, x.y)
    assert forget(model, where="who in ('x', 'z')") == 0


def test_a_copy_changes_by_name_on_its_own():
    both, south = (fit(GaussianNB(), [part], y="buys", columns=["age"]) for part in (TWINS[:4], TWINS[4:]))
    both.merge(south)
    assert forget(both, ids=["x", "v"], id="who") == 2
    assert relabel(south, to=0, ids="v", id="who") == 1
    assert both.digest() == GaussianNB().fit(TWINS[["age"]][1:7], TWINS.buys[1:7]).digest()
    assert south.digest() == GaussianNB().fit(TWINS[["age"]][4:], [0, 0, 0, 0]).digest()


@pytest.mark.parametrize("first", [forget, partial(relabel, to=0)], ids=["forget", "relabel"])
@pytest.mark.parametrize("second", [forget, partial(relabel, to=0)], ids=["forget", "relabel"])
@pytest.mark.parametrize("learner", [GaussianNB(), KNeighborsClassifier(1)], ids=["sums", "kept"])
def test_two_changes_at_once_do_not_mean_the_same_row(learner, first, second):
    calls, refused = [], []

    def read():
        if calls:  # while the first call looks its row up
            with ThreadPoolExecutor(1) as thread:
                refused.append(thread.submit(calls.pop(), model, ids="x", id="who").exception())
        return TWINS

    model = fit(learner, [read], y="buys", columns=["age"])
    calls.append(second)
    assert first(model, ids="x", id="who") == 1
    assert [type(error) for error in refused] == [BusyError]
    assert forget(model, ids="z", id="who") == 1  # its equal is still held
    left = TWINS[2:] if first is forget else TWINS.assign(buys=[0, *TWINS.buys[1:]]).drop(1)
    assert model.digest() == clone(learner).fit(left[["age"]], left.buys).digest()
    with pytest.raises(UnknownIdError):  # and what was refused holds nobody up
        relabel(model, to=0, ids="z", id="who")


def test_many_rows_that_are_not_held_are_passed_over_at_once(monkeypatch):
    model = fit(GaussianNB(), [TWINS[:3], TWINS[3:]], y="buys", columns=["age"])
    model.forget(TWINS[["age"]][3:5], TWINS.buys[3:5]).forget(TWINS[["age"]][7:], TWINS.buys[7:])
    model.forget(TWINS[["age"]][2:3], TWINS.buys[2:3])
    tries, forgets = [], GaussianNB.forget
    monkeypatch.setattr(
        GaussianNB, "forget", lambda self, *args, **rows: tries.append(1) or forgets(self, *args, **rows)
    )
    assert forget(model, where="who > 'p'") == 4
    assert len(tries) == 1 and model.n_records_ == 0


def test_targets_that_do_not_fit(table):
    model = fit(GaussianNB(), [TWINS], y="buys", columns=["age"])
    digest = model.digest()
    with pytest.raises(ShapeError, match="`to` has shape"):
        relabel(model, to=[0, 1], where="age > 0")
    with pytest.raises(SqlearnError, match="othing was changed"):
        relabel(model, to=0.5, where="age > 0")
    with pytest.raises(UnsupportedError, match="neither labels nor targets"):
        relabel(fit(StandardScaler(), [TWINS[["age", "who"]]], columns=["age"]), to=1, ids="x", id="who")
    assert model.digest() == digest
    assert relabel(model, to=0, where="who = 'nobody'") == 0
    names = fit(GaussianNB(), [TWINS.assign(buys="no")], y="buys", columns=["age"])
    assert relabel(names, to="certainly", where="age > 1e9") == 1
    assert rows_of(names, where="age > 1e9").y.tolist() == ["certainly"]


def test_merged_models_whose_files_have_other_types(table, tmp_path):
    table = table.assign(pay=table.pay.fillna(0.5).round(), city=table.city.fillna("Ulm"))
    types = [{}, {"age": "float32", "city": "category"}, {"age": "int16", "pay": "int64"}]
    merged = None
    for number, kinds in enumerate(types):
        part = table[30 * number : 30 * number + 30].astype(kinds)
        pq.write_table(pa.Table.from_pandas(part, preserve_index=False), tmp_path / f"{number}.parquet")
        model = fitted(str(tmp_path / f"{number}.parquet"))
        merged = model if merged is None else merged.merge(model)
    old = table.age > 50
    assert forget(merged, where="age > 50") == old.sum()
    assert merged.digest() == digest_of(merged, table[~old])
    merged.merge(fitted([table[:5]]))
    with pytest.raises(TableError, match="frames of pandas and pyarrow"):
        forget(merged, where="age > 20")


def test_processes_find_rows():
    with ProcessPoolExecutor(1, multiprocessing.get_context("forkserver")) as processes:
        model = fit(GaussianNB(), [TWINS[:3], TWINS[3:]], y="buys", columns=["age"], client=processes)
        assert relabel(model, to=0, ids=["x", "v"], id="who") == 2
        assert forget(model, where="age > 40") == 4
        with pytest.raises(NotLearnedError, match="piece 0, row 2 "):
            model.forget(TWINS[["age"]][2:3], [0])
            forget(model, ids="q", id="who")
        kept = fit(KNeighborsClassifier(1), [TWINS[:3], TWINS[3:]], y="buys", columns=["age"], client=processes)
        assert forget(kept, where="age > 40") == 4
    assert model.n_records_ == 3
    assert kept.digest() == KNeighborsClassifier(1).fit(TWINS[["age"]][2:6], TWINS.buys[2:6]).digest()
    with pytest.raises(UnsupportedError, match=r"was shut down.*Nothing was changed"):
        forget(kept, ids="r", id="who")
    assert kept.forget(TWINS[["age"]][2:3], [0]).n_records_ == 3


def test_merged_models_forget_in_all_their_pieces(table):
    parts = [table.iloc[start : start + 30] for start in range(0, 90, 30)]
    model = fitted(parts[:1]).merge(fitted(parts[1:]))
    assert forget(model, where="age < 50") == (table.age < 50).sum()
    assert model.digest() == digest_of(model, table[~(table.age < 50)])


def test_what_cannot_be_asked(table, pieces):
    model = fitted(pieces)
    digest = model.digest()
    for given in ({}, {"where": "age > 1", "ids": 3}, {"ids": 3}, {"where": "age > 1", "id": "id"}):
        with pytest.raises(ParameterError, match="Name rows by `where`, or by `ids` and `id`"):
            forget(model, **given)
    with pytest.raises(ConditionError, match="height"):
        forget(model, where="height > 3")
    with pytest.raises(ConditionError, match="Nothing was changed"):
        forget(model, where="city > 3")
    with pytest.raises(TableError, match="no column 'height'"):
        forget(model, ids=3, id="height")
    with pytest.raises(UnknownIdError, match=r"not an id of these pieces.*compare with the column 'id'\."):
        forget(model, ids="x", id="id")
    with pytest.raises(UnknownIdError, match=r"'p4' is given twice, again at position 2"):
        forget(model, ids=["p4", "p3", "p4"], id="name")
    assert model.digest() == digest
    plain = GaussianNB().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(UnsupportedError, match="cannot be looked up in pieces: it was not fitted by"):
        forget(plain, where="a > 1")
    with pytest.raises(UnsupportedError, match=r"not what distributed.fit returned, but .*: pass the model"):
        forget("model", where="a > 1")
    for call in (forget, rows_of):
        with pytest.raises(TypeError, match=rf"Nothing was done: write {call.__name__}\(model, ids="):
            call(model, [1])
    assert model.digest() == digest
