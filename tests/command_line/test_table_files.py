"""Tables from files: exact numbers, recognised kinds, and errors that name the line."""

import gzip
import io
import json
import os
import struct
import threading

import numpy as np
import pandas as pd
import pyarrow
import pytest
from pyarrow import parquet

from refusals import FILE, raises
from sqlearn import Store
from sqlearn.errors import DuplicateIdError, InvalidValueError, SuppressedIdError
from sqlearn.naive_bayes import MultinomialNB
from sqlearn.table_files import blocks
from sqlearn.table_files.files import BOOLEANS, MISSING, TableFile


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
    with raises(FILE, match="line 3: the id is missing"):
        read(write("id,x\na,1\n,2\n"), ids="id")


@pytest.mark.parametrize(
    "text, options, told",
    [
        ("a,b\n1,x\n2,y,z\n", {}, "line 3: Expected 2 columns, got 3"),
        ("a,b\n1,x\n\n\n2\n", {}, "line 5: Expected 2 columns, got 1"),
        ("a,b\n" + "1,x\n" * 50 + "1z,y\n", {}, "line 52: the value in column 'a' is '1z', which is not a number"),
        ('a,b\n1,"x"\n2,"y\n3,z\n', {}, "line 3: the text in column 'b' continues after the end of the line"),
        ("a,b\n1,x\ninf,y\n", {}, "line 3: the value in column 'a' is inf"),
        ("a,b\n1,x\n1e999,y\n", {}, "line 3: the value in column 'a' is inf"),
        ("a,b\n" + "1,x\n" * 30 + "1_000,y\n", {}, "line 32: the value in column 'a' is '1_000'"),
        ("a,b\n1,x\n", {"kinds": {"b": "number"}}, "line 2: the value in column 'b' is 'x', which is not a number"),
        ("a,b\n1,x\n", {"kinds": {"c": "drop"}}, "has no column 'c'"),
        ("a,b\n1,x\n", {"ids": ""}, "has no column ''"),
        ("a,b\n1,x\n", {"ids": "c"}, "has no column 'c'"),
        ("a,a\n1,2\n", {}, "line 1: the header names a column 'a' more than once"),
        ("a,\n1,2\n", {}, "line 1: the header names a column ''"),
        ("a,b\n", {}, "has no rows"),
        ("", {}, "has no rows"),
        (
            b"a,b\n1,x\n2,\xff\xfe\n",
            {},
            "line 3: the byte 0xff is not UTF-8. Nothing was learned: pass the file's encoding",
        ),
        ("a;b\n1;2\n3;4,5\n", {"delimiter": ","}, "line 3: Expected 1 columns, got 2"),
    ],
)
def test_errors_name_the_line(write, text, options, told):
    with raises(FILE) as caught:
        read(write(text), **options)
    assert told in str(caught.value)
    assert "Nothing was learned" in str(caught.value) or "columns are" in str(caught.value)


def test_a_late_mistake_is_found_with_its_line(write):
    rows = [f"{i},{'x' if i % 2 else 'y'}" for i in range(700_000)]
    rows[650_000] = "6500OO,x"
    path = write("a,b\n" + "\n".join(rows) + "\n")
    with raises(FILE, match="line 650002: the value in column 'a' is '6500OO'"):
        read(path)


def test_texts_may_span_lines_when_allowed(write):
    path = write('a,b\n1,"x\ny"\n2,z\n')
    assert read(path, line_breaks=True) == {"a": [1.0, 2.0], "b": ["x\ny", "z"]}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_header_with_a_line_break_is_no_row(write, end):
    text = '"na\nme",b,c\nx,u,p\n\ny,v,q\nz,w,r\n'.replace("\n", end)
    path = write(text)
    with raises(FILE, match="line 1: the header continues after the end of the line") as caught:
        TableFile(path)
    assert caught.value.line == 1
    columns = {f"na{end}me": ["x", "y", "z"], "b": ["u", "v", "w"], "c": ["p", "q", "r"]}
    assert read(path, line_breaks=True) == columns
    for odd, options in (("1,2\n", {}), ("z,9,r\nz,x,r\n", {"kinds": {"b": "number"}})):
        path = write(text.replace("u", "1").replace("v", "2").replace("w", "3") + odd.replace("\n", end))
        with raises(FILE) as caught:
            read(path, line_breaks=True, **options)
        assert caught.value.line == 6 + odd.count("\n")


def test_headers_delimiters_and_missing_values(write):
    path = write("1, x\n2, ?\n3,-\n", "table.data")
    with raises(FILE, match="line 1: the header has the number 1, so it may be a row"):
        TableFile(path)
    assert read(path, header="first") == {"1": [2.0, 3.0], "x": [None, "-"]}
    assert read(path, header="none") == {"1": [1.0, 2.0, 3.0], "2": ["x", None, "-"]}
    assert read(path, delimiter=",", header=["a", "b"]) == {"a": [1.0, 2.0, 3.0], "b": ["x", None, "-"]}
    assert read(path, delimiter=",", header=["a", "b"], missing=["-"])["b"] == ["x", "?", None]
    assert read(write("\ufeffa\tb\n1\tx\n", "table.tsv")) == {"a": [1.0], "b": ["x"]}


def test_compressed_files(write):
    path = write(gzip.compress(b"a,b\n1,x\n2,y\n"), "table.csv.gz")
    assert read(path) == {"a": [1.0, 2.0], "b": ["x", "y"]}
    with raises(FILE, match="cannot be read"):
        read(write(b"no gzip", "other.csv.gz"))


def test_parquet_is_read_as_csv_is(tmp_path):
    frame = pd.DataFrame({"a": [1.5, None, 3.0], "b": ["x", None, "z"], "c": [1, 2, 3], "d": [True, False, True]})
    frame["e"] = pd.Categorical(["u", "v", "u"])
    frame.to_parquet(tmp_path / "t.parquet")
    path = tmp_path / "t.parquet"
    expected = {"a": "number", "b": "category", "c": "number", "d": "boolean", "e": "category"}
    assert kinds(path) == expected
    assert read(path)["d"] == [True, False, True] and read(path, kinds={"d": "category"})["d"] == [
        "true",
        "false",
        "true",
    ]
    table = read(path, kinds={"c": "category"})
    assert table["b"] == ["x", None, "z"] and table["c"] == ["1", "2", "3"] and table["e"] == ["u", "v", "u"]
    assert same([table["a"][0], table["a"][2]], [1.5, 3.0]) and np.isnan(table["a"][1])
    assert read(path, ids="c")["c"] == [1, 2, 3]
    pd.DataFrame({"t": pd.to_timedelta(["1h"])}).to_parquet(tmp_path / "u.parquet")
    with raises(FILE, match="'t' holds duration"):
        read(tmp_path / "u.parquet")
    (tmp_path / "v.parquet").write_bytes(b"PAR1 no")
    with raises(FILE, match="cannot be read"):
        read(tmp_path / "v.parquet")


def test_a_parquet_file_s_ids_keep_their_digits(tmp_path):
    ids = [2**62 + 1, 2**63 - 1, -(2**63), 10**17]
    parquet.write_table(pyarrow.table({"id": ids, "x": [1.0] * 4}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet", ids="id")["id"] == ids


def test_parquet_columns_that_cannot_be_read_can_be_dropped(tmp_path):
    day = pyarrow.array([1, 2], pyarrow.time32("s"))
    parquet.write_table(pyarrow.table({"day": day, "x": [1.0, 2.0]}), tmp_path / "a.parquet")
    with raises(FILE, match=r"'day' holds time32.*drop it"):
        read(tmp_path / "a.parquet")
    assert list(read(tmp_path / "a.parquet", kinds={"day": "drop"})) == ["x"]
    twice = pyarrow.Table.from_arrays([day, day], ["x", "x"])
    parquet.write_table(twice, tmp_path / "b.parquet")
    with raises(FILE, match="two columns 'x'"):
        read(tmp_path / "b.parquet")


def test_booleans_are_recognised_by_their_words(write):
    path = write("a,b,c,d,e,f\ntrue,False,yes,1,true,\nfalse, False,no,0,True,\n,False,yes,1,false,\n")
    assert kinds(path) == dict(
        zip("abcdef", ["boolean", "boolean", "category", "number", "category", "number"], strict=True)
    )
    table = read(path, booleans=[("no", "yes"), *BOOLEANS], kinds={"d": "boolean", "e": "boolean"})
    assert table["a"] == [True, False, None] and table["b"] == [False] * 3 and table["c"] == [True, False, True]
    assert table["d"] == [True, False, True] and table["e"] == [True, True, False]
    assert [c.words for c in TableFile(path, kinds={"d": "boolean"}).columns[:4]] == [
        ("false", "true"), ("False", "True"), None, ("0", "1"),
    ]  # fmt: skip
    with raises(FILE, match=r"line 3: the value in column 'a' is 'no', which is not true or false"):
        read(write("a\ntrue\nno\n"), kinds={"a": "boolean"})


def test_dates_are_recognised(write):
    path = write(
        "a,b,c,d\n2020-01-31,2020-01-31T12:30:00Z,2020-01-31,20200131\n,1969-12-31 23:59:59.5+01:00,x,20200201\n"
    )
    assert kinds(path) == {"a": "date", "b": "date", "c": "category", "d": "number"}
    table = read(path)
    assert np.array(table["a"]).astype(str).tolist() == ["2020-01-31T00:00:00.000000", "NaT"]
    assert str(table["b"][1]) == "1969-12-31T22:59:59.500000"
    with raises(FILE, match="line 3: the value in column 'a' is '2020-02-30', which is not a date"):
        read(write("a\n2020-01-01\n2020-02-30\n"), kinds={"a": "date"})


def test_a_mistake_among_dates_is_reported(write):
    """As among numbers: if 19 of 20 are dates, the others are errors."""
    days = [f"20{10 + i % 10}-03-0{1 + i % 9}" for i in range(40)]
    assert kinds(write("a\n" + "\n".join(days))) == {"a": "date"}
    for odd in ("31.12.2019", "unknown"):
        path = write("a\n" + "\n".join([*days[:7], odd, *days[8:]]))
        assert kinds(path) == {"a": "date"}
        with raises(FILE, match=f"line 9: the value in column 'a' is '{odd}', which is not a date") as caught:
            read(path)
        assert (caught.value.line, caught.value.row, caught.value.value) == (9, 7, odd)
        assert kinds(write("a\n" + "\n".join([*days, *[odd] * 3]))) == {"a": "category"}


def test_dates_in_parquet(tmp_path):
    frame = pd.DataFrame({"n": pd.to_datetime(["2020-01-01 00:00:00.123456789", None, "1960-01-01"], format="ISO8601")})
    frame["z"] = frame["n"].dt.tz_localize("Europe/Oslo")
    frame["d"] = pyarrow.array([18262, None, -1], pyarrow.date32()).to_pandas()
    frame.to_parquet(tmp_path / "a.parquet")
    assert kinds(tmp_path / "a.parquet") == {"n": "date", "z": "date", "d": "date"}
    table = {name: np.array(values).astype(str).tolist() for name, values in read(tmp_path / "a.parquet").items()}
    assert table["n"] == ["2020-01-01T00:00:00.123456", "NaT", "1960-01-01T00:00:00.000000"]
    assert table["z"] == ["2019-12-31T23:00:00.123456", "NaT", "1959-12-31T23:00:00.000000"]
    assert table["d"] == ["2020-01-01T00:00:00.000000", "NaT", "1969-12-31T00:00:00.000000"]


def test_what_is_missing_is_the_same_in_parquet(write, tmp_path):
    """The cells of a CSV file, as text and as numbers."""
    rows = [("x", "1"), (" ? ", "2"), ("NA", "NaN"), ("", ""), ("-", "-1"), (" y", "3")]
    path = write("t,n\n" + "".join(f"{t},{n}\n" for t, n in rows))
    frame = pd.DataFrame({"t": [t for t, _ in rows], "n": [float(n or "nan") for _, n in rows]})
    parquet.write_table(
        pyarrow.table({"t": frame["t"], "n": pyarrow.array(frame["n"], from_pandas=False)}), tmp_path / "a.parquet"
    )
    for missing in (MISSING, ("", "-", "-1", "NaN"), ("", "nan", "x")):
        texts, found = (
            read(p, missing=missing, kinds={"t": "category", "n": "number"}) for p in (path, tmp_path / "a.parquet")
        )
        assert texts["t"] == found["t"] and same(found["n"], texts["n"])


def test_text_that_looks_like_numbers_in_parquet(tmp_path):
    parquet.write_table(pyarrow.table({"a": [" 1.5", "?", "2"] * 20}), tmp_path / "a.parquet")
    assert same(read(tmp_path / "a.parquet")["a"], [1.5, np.nan, 2.0] * 20)
    parquet.write_table(pyarrow.table({"a": ["1.5", "2"] * 30 + ["2O"]}), tmp_path / "a.parquet")
    with raises(FILE, match=r"row 60 \(counted from 0\): the value in column 'a' is '2O', which is not a number"):
        read(tmp_path / "a.parquet")


SMS = 'ham\tGo until jurong point, crazy.. "Available" only\nspam\t"Free entry, in 2\nham\t"Gimme a few" was; minutes\n'


def test_a_table_of_messages(write):
    """Tabs between, no header, bare quotation marks."""
    path = write(SMS, "sms.tsv")
    file = TableFile(path, header="none")
    assert file.detected == ["quotation marks are text"]
    assert read(path, header="none")["2"] == [line.split("\t")[1] for line in SMS.splitlines()]
    assert read(write(SMS, "sms.txt"), header=["label", "text"])["label"] == ["ham", "spam", "ham"]
    closed = write('a\tb\n1\t"x\ty"\n2\t"say ""hi"""\n', "closed.tsv")
    assert read(closed)["b"] == ["x\ty", 'say "hi"']
    assert read(write('a,b\n1,"x" y\n'), quote=False)["b"] == ['"x" y']


@pytest.mark.parametrize(
    "text, name, delimiter",
    [
        ("a,b\n1,x\n", "t.csv", ","),
        ("a;b\n1,5;x\n", "t.csv", ";"),
        ("a\n1\n", "t.csv", ","),
        ("a, b c\n1, x\n", "t.data", ","),
        ("a|b,c\n1|x\n", "t.txt", "|"),
        ("a\tb;c\n1\tx;y\n", "t", "\t"),
        ("a;b,c\n1;2,3\n", "t.tsv", "\t"),
    ],
)
def test_delimiters_are_detected(write, text, name, delimiter):
    file = TableFile(write(text, name))
    assert file.reading["delimiter"] == delimiter
    assert bool(file.detected) == ((delimiter != "," and name != "t.tsv") or name == "t.data")


def test_a_delimiter_that_does_not_show_is_asked_for(write):
    with raises(FILE, match=r"does not show what separates.*delimiter=\.\.\.\), or leave the file out"):
        TableFile(write("a\n1\n", "t.txt"))


def test_encodings(write):
    latin = "näme,port\n1,Ålesund\n2,Bø\n".encode("latin-1")
    with raises(FILE, match=r"table.csv, line 1: the byte 0xe4 is not UTF-8.*TableFile\(path, encoding="):
        TableFile(write(latin))
    assert read(write(latin), encoding="latin-1") == {"näme": [1.0, 2.0], "port": ["Ålesund", "Bø"]}
    with raises(FILE, match=r"line 3: the byte 0xf8 is not UTF-8"):
        TableFile(write(b"a,b\n1,x\n2,\xf8\n"))
    for encoding in ("utf-16", "utf-32", "utf-8-sig"):
        assert read(write("näme,port\n1,Ålesund\n".encode(encoding))) == {"näme": [1.0], "port": ["Ålesund"]}
    with raises(FILE, match=r"line 1: .* is not UTF-16"):
        TableFile(write(b"a,b\n1,x\n2"), encoding="utf-16")
    for encoding in ("rot13", "hex", "no such", "a\0b"):
        with raises(FILE, match="There is no encoding"):
            TableFile(write(latin), encoding=encoding)


def test_standard_input_and_pipes(write, tmp_path, monkeypatch):
    def given(content):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        return "-"

    assert read(given(b"a;b\n1;x\n")) == {"a": [1.0], "b": ["x"]}
    assert read(given(gzip.compress(b"a,b\n1,x\n"))) == {"a": [1.0], "b": ["x"]}
    parquet.write_table(pyarrow.table({"a": [1.0]}), tmp_path / "a.parquet")
    assert read(given((tmp_path / "a.parquet").read_bytes())) == {"a": [1.0]}
    with raises(FILE, match="standard input has no rows"):
        TableFile(given(b""))
    with raises(FILE, match="standard input, line 3: the value"):
        read(given(b"a,b\n1,x\ny,x\n"), kinds={"a": "number"})
    os.mkfifo(tmp_path / "pipe.csv")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe.csv").write_text("a,b\n1,x\n"))
    writer.start()
    assert read(tmp_path / "pipe.csv") == {"a": [1.0], "b": ["x"]}
    writer.join()
    for path in (tmp_path, tmp_path / "none.csv"):
        with raises(FILE, match=r"cannot be read: (Is a directory|No such file)"):
            TableFile(path)


def test_how_a_table_was_read_can_be_said_again(write):
    path = write("ham;x;ja\nspam;y;nein\n".encode("utf-16"), "t.data")
    file = TableFile(path, header="none", missing=["", "-"], booleans=[("nein", "ja")])
    told = json.loads(json.dumps(file.reading))
    assert told.pop("suffix") == ".data"
    again = TableFile(path, **told)
    assert again.detected == [] and again.reading == file.reading and again.columns == file.columns


def test_ids_of_many_digits(write):
    digits = "9" * 5000
    assert read(write(f"id,x\n{digits},1\n"), ids="id")["id"] == [digits]
    with raises(FILE, match=r"line 1100002: the id is '999.*not a whole number of 64 bits"):
        read(write("id,x\n" + "1,1\n" * 1_100_000 + f"{digits},1\n"), ids="id")


def test_long_texts(write):
    text = "x" * 2_000_000
    assert read(write(f"a,b\n1,{text}\n")) == {"a": [1.0], "b": [text]}
    with raises(FILE, match="a line is longer than 4 MB"):
        TableFile(write(f"a,b\n1,{text * 5}\n1,x\n"))


def test_progress_reaches_the_end(write):
    seen = []
    file = TableFile(write("a\n" + "1\n" * 2_500_000))
    assert sum(len(block["a"]) for block in file.blocks(lambda done, of: seen.append((done, of)))) == 2_500_000
    assert seen == sorted(seen) and seen[-1][0] == seen[-1][1]


def test_an_empty_delimiter_is_none(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    with raises(FILE, match="one ASCII character"):
        TableFile(path, delimiter="")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("id", "p1", DuplicateIdError),
        ("t", None, InvalidValueError),
        ("a", -5.0, InvalidValueError),
        ("id", "gone", SuppressedIdError),
    ],
)
def test_errors_of_a_store_name_the_line(tmp_path, monkeypatch, suffix, name, value, error):
    """What the file takes and the store refuses, in its first block or a later one."""
    monkeypatch.setattr(blocks, "_BLOCK", 1 << 12)
    monkeypatch.setattr(blocks, "_ROWS", 300)
    n, row = 1000, 777
    frame = pd.DataFrame({"id": [f"p{i}" for i in range(n)], "a": np.arange(n) / 1.0, "t": ["u", "v"] * (n // 2)})
    frame.loc[row, name] = value
    path = tmp_path / f"rows{suffix}"
    frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
    held = {"id": ["x", "gone"], "a": [1.0, 2.0], "t": ["u", "v"]}
    with Store.create(tmp_path / "s", MultinomialNB(), held, target="t", id="id", suppress=True) as store:
        store.forget(ids="gone")
        place = f"line {row + 2}" if suffix == ".csv" else f"row {row}"
        with pytest.raises(error, match=f"rows{suffix}, {place}[: ]") as caught:
            store.learn(TableFile(path, ids="id"))
        assert caught.value.row == row and caught.value.line == (row + 2 if suffix == ".csv" else None)
        assert len(store) == 1 and store.verify()


def test_decimal_commas(write, tmp_path):
    """Nothing is guessed: whoever reads them as they are is told, and so is whoever says that they are numbers."""
    path = write("a;b\n51234,5;x\n-0,25;y\n7;x\n1,5e3;y\n")
    text = TableFile(write("a;b\n51234,5;x\n-0,25;y\n", "comma.csv"))
    assert [column.kind for column in text.columns] == ["category", "category"]
    assert len(text.doubts) == 1 and "'a' have a decimal comma: pass TableFile(path, decimal=',')" in text.doubts[0]
    with raises(FILE, match="line 2: the value in column 'a' is '51234,5'.*decimal comma.*decimal=','") as caught:
        read(path, kinds={"a": "number"})
    assert (caught.value.line, caught.value.value) == (2, "51234,5")
    file = TableFile(path, decimal=",")
    assert file.doubts == [] and file.reading["decimal"] == "," and kinds(path, decimal=",")["a"] == "number"
    assert read(path, decimal=",")["a"] == [51234.5, -0.25, 7.0, 1500.0]
    assert read(write('a,b\n"1,5",x\n'), decimal=",")["a"] == [1.5]
    with raises(FILE, match="line 3: the value in column 'a' is '2.5', which is not a number"):
        read(write("a;b\n1,5;x\n2.5;y\n"), decimal=",", kinds={"a": "number"})
    pd.DataFrame({"a": ["1,5", None, "2"]}).to_parquet(tmp_path / "a.parquet")
    assert same(read(tmp_path / "a.parquet", decimal=",")["a"], [1.5, np.nan, 2.0])
    with raises(FILE, match="is '.' or ',', not 'x'"):
        TableFile(path, decimal="x")


def test_a_word_among_numbers_gets_advice(write):
    with raises(FILE, match="line 3: .* is 'many'.* missing=.* if 'many' .* kinds=.* column 'a'") as caught:
        read(write("a,b\n1,x\nmany,y\n3,x\n"), kinds={"a": "number"})
    assert caught.value.column == "a"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"kinds": {"age": "numeric"}}, "`kinds['age']` must be one of number, category"),
        ({"kinds": {"age": None}}, "`kinds['age']` must be one of number, category"),
        ({"kinds": ["age"]}, "`kinds` must be a dict"),
        ({"missing": "NS"}, "`missing` must be a list of texts, not 'NS'"),
        ({"missing": None}, "`missing` must be a list of texts"),
        ({"missing": [1]}, "`missing` must be a list of texts"),
        ({"booleans": ("no", "ja")}, "`booleans` must be a list of pairs"),
        ({"booleans": [("no", "no")]}, "`booleans` must be a list of pairs"),
        ({"booleans": [("a", "b", "c")]}, "`booleans` must be a list of pairs"),
        ({"booleans": [3]}, "`a pair in booleans` must be a list of texts"),
        ({"booleans": "no"}, "`booleans` must be a list of pairs"),
        ({"header": "a,b,c"}, "`header` must be 'first', 'none' or a list of names"),
        ({"header": 3}, "`header` must be a list of texts"),
        ({"header": [1, 2]}, "`header` must be a list of texts"),
        ({"ids": ["age"]}, "`ids` must be text"),
        ({"delimiter": 3}, "`delimiter` must be text"),
        ({"encoding": 3}, "`encoding` must be text"),
    ],
)
def test_options_of_another_form_are_refused(write, options, told):
    with raises(FILE) as caught:
        TableFile(write("age,b\n1,x\n"), **options)
    assert str(caught.value).startswith(told)
    if "kinds" in options:
        with raises(FILE, match="`kinds"):
            TableFile(write("age,b\n1,x\n")).read_as(ids=None, **options)


def test_float_ids_in_parquet(tmp_path):
    """pandas writes whole ids as floats where some are missing."""
    path = tmp_path / "a.parquet"
    ids = [10000000001.0, 2.0**53 - 1, -3.0]
    pd.DataFrame({"id": ids, "x": [1, 2, 3]}).to_parquet(path)
    assert read(path, ids="id")["id"] == [10000000001, 2**53 - 1, -3]
    assert read(path, ids="id", textual_ids=True)["id"] == ["10000000001", "9007199254740991", "-3"]
    for kind, odd in (("float64", 0.5), ("float64", 2.0**53), ("float64", np.inf), ("float32", 2.0**24)):
        pd.DataFrame({"id": np.array([1.0, odd], kind)}).to_parquet(path)
        with raises(FILE, match=r"row 1 .*: the id in column 'id' is the float .*not a whole number") as caught:
            TableFile(path, ids="id")
        assert (caught.value.row, caught.value.column, caught.value.value) == (1, "id", odd)
    pd.DataFrame({"id": [1.0, None]}).to_parquet(path)
    with raises(FILE, match=r"row 1 \(counted from 0\): the id is missing"):
        read(path, ids="id")


@pytest.mark.parametrize(
    ("kind", "last"),
    [
        (pyarrow.timestamp("s"), 9223372036854),
        (pyarrow.timestamp("ms", "UTC"), 9223372036854775),
        (pyarrow.timestamp("us"), 2**63 - 1),
        (pyarrow.date32(), 106751991),
    ],
)
def test_dates_beyond_the_years_of_microseconds(tmp_path, kind, last):
    path = tmp_path / "a.parquet"
    for sign in (1, -1):
        parquet.write_table(pyarrow.table({"t": pyarrow.array([0, None, sign * last], kind), "x": [1, 2, 3]}), path)
        times = read(path)["t"]
        assert np.isnat(times[1]) and (times[2] > times[0]) == (sign > 0)
        if last == 2**63 - 1:
            continue
        table = pyarrow.table({"t": pyarrow.array([0, None, sign * (last + 1)], kind), "x": [1, 2, 3]})
        parquet.write_table(table, path)
        for options in ({}, {"kinds": {"t": "date"}}, {"kinds": {"t": "category"}}):
            with raises(FILE, match=r"row 2 .*: the date in column 't' lies beyond the years") as caught:
                read(path, **options)
            assert (caught.value.row, caught.value.column) == (2, "t")
        assert [*read(path, kinds={"t": "drop"})] == ["x"]


def test_examples_of_numbers_have_the_digits_that_tell_them(tmp_path):
    values = [-1.32, 6.4, 7.0, 1e-7]
    parquet.write_table(pyarrow.table({"a": values, "b": [1, 2, 3, 4]}), tmp_path / "a.parquet")
    found = TableFile(tmp_path / "a.parquet")
    assert [column.examples for column in found.columns] == [["-1.32", "6.4", "7", "1e-07"], ["1", "2", "3", "4"]]
