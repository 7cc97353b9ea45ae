"""Ids of rows of pieces: each means the rows that have it and no others, whatever type its column has in a piece."""

import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from sqlearn.distributed import fit, forget, relabel, rows_of
from sqlearn.errors import ConditionError, TableError, UnknownIdError
from sqlearn.naive_bayes import GaussianNB


def people():
    return pd.DataFrame(
        {
            "name": ["ann", "bob", "cid"],
            "joined": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"]),
            "ok": [True, False, True],
            "age": [41.0, 22.0, 35.0],
            "buys": [1, 0, 0],
        }
    )


def fitted(pieces):
    return fit(GaussianNB(), pieces, y="buys", columns=["age"])


LARGE = [2**60 + i for i in range(12)]  # of which float64 makes one number
WHOLE = pa.int64()


@pytest.mark.parametrize(
    "ids",
    [
        pa.array(LARGE, WHOLE),
        pa.array([*LARGE[:-1], None], WHOLE),
        pa.array([2**63 + id for id in LARGE], pa.uint64()),
        pa.array([decimal.Decimal(id) for id in LARGE]),
        pa.array([decimal.Decimal(id) for id in LARGE], pa.decimal256(40, 0)),
    ],
    ids=["whole", "gap", "unsigned", "decimal", "wide decimal"],
)
@pytest.mark.parametrize("form", ["parquet", "csv", "frames", "pandas"])
def test_large_ids_mean_one_row_each(form, ids, tmp_path):
    if form == "pandas" and pa.types.is_decimal(ids.type):
        pytest.skip("pandas has no such columns of its own")
    table = pa.table({"id": ids, "age": np.arange(12.0), "buys": np.arange(12) % 2})
    beside = pd.DataFrame({"id": [3.0, np.nan], "age": [70.0, 71.0], "buys": [0, 1]})
    if form in ("parquet", "csv"):
        (pq.write_table if form == "parquet" else csv.write_csv)(table, tmp_path / f"0.{form}")
        (beside.to_parquet if form == "parquet" else beside.to_csv)(tmp_path / f"1.{form}", index=False)
        pieces = str(tmp_path / f"*.{form}")
    else:
        types = {pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}.get
        pieces = (
            [table, pa.Table.from_pandas(beside)] if form == "frames" else [table.to_pandas(types_mapper=types), beside]
        )
    model = fit(GaussianNB(), pieces, y="buys", columns=["age"])
    one, two, three = (int(id) for id in table["id"].to_pylist()[4:7])
    assert len(rows_of(model, ids=[one], id="id").y) == 1
    assert forget(model, ids=[3, one], id="id") == 2
    assert relabel(model, ids=two, id="id", to=0) == 1
    if ids.type == pa.uint64():
        with pytest.raises(ConditionError, match="integers of this size are not compared"):
            forget(model, where="id > 5")
        assert forget(model, ids=three, id="id") + forget(model, where="age > 70.5") == 2
    else:
        assert forget(model, where=f"id = {three}") == 1
        assert forget(model, where="age > 70.5 and id is null") == 1
    left = table.take([i for i in range(12) if i not in (4, 6)])
    labels = left["buys"].to_numpy().copy()
    labels[4] = 0
    assert model.digest() == GaussianNB().fit(left.select(["age"]).to_pandas(), labels).digest()


@pytest.mark.parametrize("kind", ["float64", "float32", "written"])
def test_floats_that_do_not_tell_ids_apart_are_refused(kind, tmp_path):
    ids = np.array(LARGE, "float64" if kind == "written" else kind)
    table = pd.DataFrame({"id": ids, "age": np.arange(12.0), "buys": np.arange(12) % 2})
    table.to_csv(tmp_path / "0.csv", index=False)
    model = fitted(tmp_path / "0.csv" if kind == "written" else [table])
    digest = model.digest()
    for change in (forget, rows_of, lambda model, **named: relabel(model, to=1, **named)):
        with pytest.raises(TableError, match=r"(row 0|line 2).*holds the float 1\.15.*do not tell all ids apart"):
            change(model, ids=[LARGE[0]], id="id")
    assert model.digest() == digest


def written(path, numbers):
    path.write_text("id,age,buys\n" + "".join(f"{number},{i},{i % 2}\n" for i, number in enumerate(numbers)))
    return str(path)


def test_learned_columns_of_text_files_are_asked_about_as_written(tmp_path):
    numbers = ["9007199254740992", "9007199254740993", "1e300", "9007199254740995", "-9007199254740993", "-0.0"]
    path = written(tmp_path / "0.csv", numbers)
    model = fit(GaussianNB(), path, y="buys", columns=["id"])
    assert rows_of(model, where="id between 9007199254740993 and 9007199254740994").X["id"].to_pylist() == [2.0**53]
    zero = rows_of(model, where="id = 0").X["id"].to_pylist()
    assert str(zero) == "[-0.0]"
    with pytest.raises(TableError, match=r"line 4.*holds the float 1\.0+.*e\+300"):
        forget(model, ids=[2**53 + 1], id="id")
    assert forget(model, where="id = 1e300 or id < -9007199254740992") == 2
    assert forget(model, where="id > 9007199254740993") == 1
    left = pd.DataFrame({"id": [2.0**53, 2.0**53, -0.0]})
    assert model.digest() == GaussianNB().fit(left, [0, 1, 1]).digest()


@pytest.mark.parametrize("columns", [["age"], ["id"]], ids=["kept", "learned"])
def test_decimals_of_text_files_are_ids_with_all_digits(columns, tmp_path):
    numbers = [f"+00{LARGE[0]}.0000", f"{LARGE[1]}.", f"{LARGE[2]}.00", "", f"-{LARGE[3]}", "7.0"]
    if columns == ["id"]:
        numbers.remove("")
    model = fit(GaussianNB(), written(tmp_path / "0.csv", numbers), y="buys", columns=columns)
    for id, digits in (
        (LARGE[0], 0),
        (LARGE[1], 1),
        (LARGE[2], 2),
        (-LARGE[3], len(numbers) - 2),
        (7, len(numbers) - 1),
    ):
        assert rows_of(model, ids=id, id="id").y.tolist() == [digits % 2]
        assert rows_of(model, where=f"id = {id}").y.tolist() == [digits % 2]


def test_columns_of_dates_or_booleans_have_no_ids():
    model = fitted([people()])
    for id in ("joined", "ok"):
        with pytest.raises(TableError, match=f"'{id}' is of the type .*and ids are texts or whole numbers"):
            forget(model, ids=[1], id=id)


def test_columns_of_other_types_in_other_pieces_are_told_from_missing_ones():
    model = fitted([people().assign(id=[1, 2, 3], more=0), people().assign(id=["p", "q", "r"])])
    for named in ({"ids": [1], "id": "id"}, {"where": "age > 30 and id = 1"}):
        with pytest.raises(TableError, match=r"'id' holds other types in other pieces.*'age', 'buys', 'name'"):
            forget(model, **named)
    for named in ({"ids": [1], "id": "more"}, {"where": "more = 1"}):
        with pytest.raises(TableError, match=r"'more' is not in piece 1\. Nothing was changed"):
            forget(model, **named)
    with pytest.raises(TableError, match="The pieces have no column 'nowhere'"):
        forget(model, ids=[1], id="nowhere")
    assert forget(model, ids=["bob"], id="name") == 2


def test_columns_of_objects_are_asked_about_as_what_they_hold():
    """Decimal numbers, as they come from data bases, whole numbers beside gaps, and texts."""
    decimals = [decimal.Decimal(LARGE[0]), decimal.Decimal("5.50"), decimal.Decimal(LARGE[1]), None]
    others = pd.Series([LARGE[2], "p", True, 0.5], dtype=object)
    frame = pd.DataFrame({"id": others, "sum": decimals, "age": [1.0, 2, 3, 4], "buys": [0, 1, 0, 1]})
    frame["sum"] = frame["sum"].astype(object)
    model = fitted([frame])
    for named, ages in [
        ({"ids": [LARGE[1]], "id": "sum"}, [3]),
        ({"ids": iter([LARGE[2]]), "id": "id"}, [1]),
        ({"ids": "p", "id": "id"}, [2]),
        ({"where": f"sum > {LARGE[0]}"}, [3]),
        ({"where": f"sum = 5.5 or sum = {LARGE[0]}"}, [1, 2]),
        ({"where": "sum is null or id = 'p'"}, [2, 4]),
    ]:
        assert rows_of(model, **named).X["age"].tolist() == ages
    for odd in (decimal.Decimal("Infinity"), decimal.Decimal("1e999999999")):
        model = fitted([frame.assign(sum=[*decimals[:3], odd])])
        with pytest.raises(TableError, match=r"row 3 \(.*: The value in column 'sum' is neither a number nor text"):
            forget(model, where="sum > 5")
    learned = fit(GaussianNB(), [frame[:3]], y="buys", columns=["sum"])
    assert forget(learned, where=f"sum > {LARGE[0]}") == 1
    left = pd.DataFrame({"sum": [2.0**60, 5.5]})
    assert learned.digest() == GaussianNB().fit(left, [0, 1]).digest()


def test_floats_among_objects_do_not_tell_ids_apart():
    ids = pd.Series([LARGE[0], float(LARGE[1]), None], dtype=object)
    model = fitted([people().assign(id=ids)])
    with pytest.raises(TableError, match=r"row 1.*holds the float 1.15.*do not tell all ids apart"):
        forget(model, ids=[LARGE[0]], id="id")


def test_categories_that_are_whole_numbers_are_ids():
    model = fitted([people().assign(id=pd.Categorical(LARGE[:3]), share=pd.Categorical([0.5, 1.0, 2.0]))])
    assert rows_of(model, ids=[LARGE[1]], id="id").X["age"].tolist() == [22]
    with pytest.raises(TableError, match="'share' is of the type category of float64, and ids are texts or whole"):
        forget(model, ids=[1], id="share")


@pytest.mark.parametrize("form", ["csv", "unsigned", "decimal", "floats beside"])
def test_labels_of_64_bits_are_not_rounded(form, tmp_path):
    one = pd.DataFrame({"id": range(5), "age": np.arange(5.0), "buys": [LARGE[0], LARGE[1], 5, LARGE[1], LARGE[0]]})
    other = pd.DataFrame({"id": [5, 6], "age": [7.0, 8.0], "buys": [5, 9]})
    whole = pd.concat([one, other])
    if form == "csv":
        one.to_csv(tmp_path / "0.csv", index=False)
        other.to_csv(tmp_path / "1.csv", index=False)
    frames = {
        "csv": tmp_path,
        "unsigned": [one.astype({"buys": "uint64"}), other],
        "floats beside": [one, other.astype({"buys": "float64"})],
        "decimal": [
            pa.table(dict(one) | {"buys": [decimal.Decimal(label) for label in one["buys"]]}),
            pa.Table.from_pandas(other),
        ],
    }
    model = fitted(frames[form])
    assert model.digest() == GaussianNB().fit(whole[["age"]], whole["buys"]).digest()
    assert relabel(model, to=LARGE[3], ids=6, id="id") == 1
    assert rows_of(model, where="id >= 4").y.tolist() == [LARGE[0], 5, LARGE[3]]
    assert forget(model, where=f"buys = {LARGE[1]} and age < 2 or id > 4") == 3
    left = whole[~whole["id"].isin([1, 5, 6])]
    assert model.digest() == GaussianNB().fit(left[["age"]], left["buys"]).digest()


def test_labels_that_are_no_integers_of_64_bits_are_refused(tmp_path):
    for labels, odd in (([2**64, 1, 2], 2**64), ([2**63, -1, 1], 2**63)):
        path = written(tmp_path / "0.csv", labels)
        with pytest.raises(TableError, match=f"0.csv: the target holds {odd}, which is no integer of 64 bits"):
            fit(GaussianNB(), path, y="id", columns=["age"])


def test_ids_that_are_no_unicode_are_unknown(tmp_path):
    people().to_parquet(tmp_path / "0.parquet")
    model = fitted(str(tmp_path / "0.parquet"))
    with pytest.raises(UnknownIdError, match="No row of the pieces has the id"):
        forget(model, ids=["ann", "\ud800"], id="name")


def test_merged_models_of_long_whole_numbers():
    """In signed and unsigned types, which have float64 in common: as that they were learned."""
    first = pa.table({"a": pa.array([2**60 + 3, -7, 5], pa.int64()), "id": ["p", "q", "r"], "y": [0, 1, 1]})
    second = pa.table({"a": pa.array([2**64 - 1, 2**63, 1], pa.uint64()), "id": ["s", "t", "u"], "y": [1, 0, 0]})
    models = [fit(GaussianNB(), [each], y="y", columns=["a"]) for each in (first, second)]
    model = models[0].merge(models[1])
    assert forget(model, ids=["p", "s"], id="id") == 2
    left = pd.DataFrame({"a": [-7.0, 5.0, 2.0**63, 1.0]})
    assert model.digest() == GaussianNB().fit(left, [1, 1, 0, 0]).digest()
    assert rows_of(model, ids=["t", "q"], id="id").X["a"].to_pylist() == [-7.0, 2.0**63]
