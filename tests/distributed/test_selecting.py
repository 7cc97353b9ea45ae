"""Rows of pieces that ids or conditions name: found where they lie, and forgotten as a whole or not at all."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sqlearn.distributed import fit, forget, rows_of
from sqlearn.errors import (
    ConditionError,
    NotLearnedError,
    ParameterError,
    TableError,
    UnknownIdError,
    UnsupportedError,
)
from sqlearn.linear_model import LogisticRegression
from sqlearn.naive_bayes import GaussianNB, MixedNB

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
    with pytest.raises(NotLearnedError, match=r"(0\.parquet|piece 0), row 1: ") as caught:
        forget(model, ids=[2**53 + 1, 2**53], id="id")
    assert caught.value.row == 0
    assert (
        forget(model, where="id < 9007199254740995") == 2
    )  # the row that was forgotten by its contents is passed over
    assert model.digest() == digest_of(model, table.iloc[3:])


def test_an_adaptive_learner_forgets_so(table):
    parts = [table.iloc[start : start + 18].assign(pay=0.0) for start in range(0, 90, 18)]
    model = fit(LogisticRegression(), parts, y="buys", columns=["age"])
    assert forget(model, where="city = 'Bonn'") == (table.city == "Bonn").sum()
    rest = table[table.city != "Bonn"]
    assert model.digest() == LogisticRegression().fit(rest[["age"]], rest["buys"]).digest()


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
    with pytest.raises(UnknownIdError, match="not an id"):
        forget(model, ids="x", id="id")
    assert model.digest() == digest
    plain = GaussianNB().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(UnsupportedError, match="do not lie in pieces"):
        forget(plain, where="a > 1")
    with pytest.raises(UnsupportedError, match=r"forget expects what distributed.fit returned"):
        forget("model", where="a > 1")
