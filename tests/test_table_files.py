"""Tables from files: exact numbers, recognised kinds, and errors that name the line."""

import gzip
import struct

import numpy as np
import pandas as pd
import pyarrow
import pytest
from pyarrow import parquet

from sqlearn.errors import TableFileError
from sqlearn.table_files import TableFile


@pytest.fixture
def write(tmp_path):
    def write(text, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def read(path, **options):
    blocks = list(TableFile(path, **options))
    return {name: [value for block in blocks for value in block[name]] for name in blocks[0]}


def kinds(path, **options):
    return {column.name: column.kind for column in TableFile(path, **options).columns}


def same(found, expected):
    return [struct.pack("<d", value) for value in found] == [struct.pack("<d", value) for value in expected]


def test_numbers_are_the_nearest_float64(write):
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**63 - 2**52, 5000).view(np.float64)  # of all sizes, subnormal ones too
    written = [repr(float(x)) for x in bits[np.isfinite(bits)]]
    written += ["9007199254740993", "2.2250738585072011e-308", "5e-324", "1.7976931348623157e308", "-0.0", "1E5", ".5"]
    written += ["0.1000000000000000055511151231257827021181583404541015625", "123456789012345678901234567890"]
    found = read(write("x\n" + "\n".join(written) + "\n"))["x"]
    assert same(found, map(float, written))


def test_kinds_are_recognised_and_can_be_overridden(write):
    path = write("id,zip,age,port,empty,flag\n7,01234,22,S,,yes\n8,99999,,C,,no\n9,00001,35.5,?,,yes\n")
    assert kinds(path) == {
        "id": "number", "zip": "number", "age": "number", "port": "category", "empty": "number", "flag": "category",
    }  # fmt: skip
    assert [column.missing for column in TableFile(path).columns] == [0, 0, 1, 1, 3, 0]
    table = read(path, kinds={"zip": "category", "flag": "drop"}, ids="id")
    assert table["zip"] == ["01234", "99999", "00001"]
    assert table["id"] == [7, 8, 9] and all(type(id) is int for id in table["id"])
    assert "flag" not in table
    assert table["port"] == ["S", "C", None]
    assert np.isnan(table["age"][1]) and np.isnan(table["empty"]).all()


def test_ids_are_text_unless_all_are_whole(write):
    assert read(write("id,x\na,1\n7,2\n"), ids="id")["id"] == ["a", "7"]
    assert read(write("id,x\n007,1\n7,2\n"), ids="id")["id"] == ["007", "7"]
    assert read(write("id,x\n-3,1\n9223372036854775807,2\n"), ids="id")["id"] == [-3, 2**63 - 1]
    with pytest.raises(TableFileError, match="line 3: the id is missing"):
        read(write("id,x\na,1\n,2\n"), ids="id")


@pytest.mark.parametrize(
    "text, options, told",
    [
        ("a,b\n1,x\n2,y,z\n", {}, "line 3: Expected 2 columns, got 3"),
        ("a,b\n1,x\n\n\n2\n", {}, "line 5: Expected 2 columns, got 1"),
        ("a,b\n" + "1,x\n" * 50 + "1z,y\n", {}, "line 52: the value in column 'a' is '1z', which is no number"),
        ('a,b\n1,"x"\n2,"y\n3,z\n', {}, "line 3: the text in column 'b' goes on over the end of the line"),
        ("a,b\n1,x\ninf,y\n", {}, "line 3: the value in column 'a' is inf"),
        ("a,b\n1,x\n1e999,y\n", {}, "line 3: the value in column 'a' is inf"),
        ("a,b\n" + "1,x\n" * 30 + "1_000,y\n", {}, "line 32: the value in column 'a' is '1_000'"),
        ("a,b\n1,x\n", {"kinds": {"b": "number"}}, "line 2: the value in column 'b' is 'x', which is no number"),
        ("a,b\n1,x\n", {"kinds": {"c": "drop"}}, "has no column 'c'"),
        ("a,b\n1,x\n", {"ids": "c"}, "has no column 'c'"),
        ("a,a\n1,2\n", {}, "line 1: the header names a column 'a' more than once"),
        ("a,\n1,2\n", {}, "line 1: the header names a column ''"),
        ("a,b\n", {}, "has no rows"),
        ("", {}, "has no rows"),
        (b"a,b\n1,x\n2,\xff\xfe\n", {}, "line 3: the value in column 'b' is not UTF-8"),
        ("a;b\n1;2\n3;4,5\n", {}, "line 3: Expected 1 columns, got 2"),
    ],
)
def test_errors_name_the_line(write, text, options, told):
    with pytest.raises(TableFileError) as caught:
        read(write(text), **options)
    assert told in str(caught.value)
    assert "Nothing was learned" in str(caught.value) or "columns are" in str(caught.value)


def test_a_late_mistake_is_found_with_its_line(write):
    rows = [f"{i},{'x' if i % 2 else 'y'}" for i in range(700_000)]
    rows[650_000] = "6500OO,x"
    path = write("a,b\n" + "\n".join(rows) + "\n")
    with pytest.raises(TableFileError, match="line 650002: the value in column 'a' is '6500OO'"):
        read(path)


def test_texts_may_span_lines_when_allowed(write):
    path = write('a,b\n1,"x\ny"\n2,z\n')
    assert read(path, line_breaks=True) == {"a": [1.0, 2.0], "b": ["x\ny", "z"]}


def test_headers_delimiters_and_missing_values(write):
    path = write("1, x\n2, ?\n3,-\n", "table.data")
    with pytest.raises(TableFileError, match=r"'\.data'"):
        TableFile(path)
    assert read(path, delimiter=",", header=["a", "b"]) == {"a": [1.0, 2.0, 3.0], "b": ["x", None, "-"]}
    assert read(path, delimiter=",", header=["a", "b"], missing=["-"])["b"] == ["x", "?", None]
    assert read(write("\ufeffa\tb\n1\tx\n", "table.tsv")) == {"a": [1.0], "b": ["x"]}


def test_compressed_files(write):
    path = write(gzip.compress(b"a,b\n1,x\n2,y\n"), "table.csv.gz")
    assert read(path) == {"a": [1.0, 2.0], "b": ["x", "y"]}
    with pytest.raises(TableFileError, match="cannot be read"):
        read(write(b"no gzip", "other.csv.gz"))


def test_parquet_is_read_as_csv_is(tmp_path):
    frame = pd.DataFrame({"a": [1.5, None, 3.0], "b": ["x", None, "z"], "c": [1, 2, 3], "d": [True, False, True]})
    frame["e"] = pd.Categorical(["u", "v", "u"])
    frame.to_parquet(tmp_path / "t.parquet")
    path = tmp_path / "t.parquet"
    expected = {"a": "number", "b": "category", "c": "number", "d": "category", "e": "category"}
    assert kinds(path) == expected
    table = read(path, kinds={"c": "category"})
    assert table["b"] == ["x", None, "z"] and table["c"] == ["1", "2", "3"] and table["e"] == ["u", "v", "u"]
    assert same([table["a"][0], table["a"][2]], [1.5, 3.0]) and np.isnan(table["a"][1])
    assert read(path, ids="c")["c"] == [1, 2, 3]
    pd.DataFrame({"t": pd.to_datetime(["2020-01-01"])}).to_parquet(tmp_path / "u.parquet")
    with pytest.raises(TableFileError, match="'t' holds timestamp"):
        read(tmp_path / "u.parquet")
    (tmp_path / "v.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(TableFileError, match="cannot be read"):
        read(tmp_path / "v.parquet")


def test_a_parquet_file_s_ids_keep_their_digits(tmp_path):
    ids = [2**62 + 1, 2**63 - 1, -(2**63), 10**17]
    parquet.write_table(pyarrow.table({"id": ids, "x": [1.0] * 4}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet", ids="id")["id"] == ids


def test_parquet_columns_that_cannot_be_read_can_be_dropped(tmp_path):
    day = pyarrow.array([1, 2], pyarrow.date32())
    parquet.write_table(pyarrow.table({"day": day, "x": [1.0, 2.0]}), tmp_path / "a.parquet")
    with pytest.raises(TableFileError, match=r"'day' holds date32.*drop it"):
        read(tmp_path / "a.parquet")
    assert list(read(tmp_path / "a.parquet", kinds={"day": "drop"})) == ["x"]
    twice = pyarrow.Table.from_arrays([day, day], ["x", "x"])
    parquet.write_table(twice, tmp_path / "b.parquet")
    with pytest.raises(TableFileError, match="two columns 'x'"):
        read(tmp_path / "b.parquet")


def test_progress_reaches_the_end(write):
    seen = []
    file = TableFile(write("a\n" + "1\n" * 2_500_000))
    assert sum(len(block["a"]) for block in file.blocks(lambda done, of: seen.append((done, of)))) == 2_500_000
    assert seen == sorted(seen) and seen[-1][0] == seen[-1][1]


def test_an_empty_delimiter_is_none(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(TableFileError, match="one ASCII character"):
        TableFile(path, delimiter="")
