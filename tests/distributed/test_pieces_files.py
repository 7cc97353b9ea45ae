"""Files and data sets in pieces: streamed, in kinds settled over all of them, with errors that name file and row."""

import gzip
import os
import tracemalloc

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import dataset, parquet

from fitted_pieces import fitted, whole
from refusals import FILE, NOT_FINITE, NOT_NUMERIC, Kind, raises
from sqlearn import errors
from sqlearn.compose import TextModel
from sqlearn.distributed import fit, forget
from sqlearn.distributed.pieces import pieces_of
from sqlearn.linear_model import LinearRegression
from sqlearn.naive_bayes import GaussianNB, MixedNB, MultinomialNB
from sqlearn.table_files import TableFile

MISFIT = Kind(errors.TableError, "columns")
TABLE = Kind(errors.TableError, "table")
ARGUMENT = Kind(errors.StoreError, "argument")
HARD = np.array([1e12, -1e12, 1e308, 5e-324, -0.0, 0.0, 0.1, 0.1, -0.1, 3.0, 2.0, 1.0])


def table(**more):
    return pa.table({"a": HARD, "b": np.arange(12.0)[::-1], "label": np.arange(12) % 3, **more})


def features(frame):
    return frame.drop(["label"])


@pytest.fixture
def folder(tmp_path):
    """The table in four files, in three types and two orders of columns, one of which is empty."""
    whole = table()
    whole.slice(0, 5).to_pandas().to_parquet(tmp_path / "1.parquet")
    other = whole.slice(5, 3).set_column(2, "label", whole.slice(5, 3)["label"].cast(pa.float64()))
    parquet.write_table(other.select(["label", "b", "a"]), tmp_path / "2.parquet")
    other = whole.slice(8).set_column(1, "b", whole.slice(8)["b"].cast(pa.int8()))
    parquet.write_table(other, tmp_path / "3.parquet", row_group_size=1)
    parquet.write_table(pa.table({"other": pa.nulls(0)}), tmp_path / "4.parquet")
    (tmp_path / "_SUCCESS").touch()
    return tmp_path


@pytest.mark.parametrize("learner", [GaussianNB(), LinearRegression(), MixedNB()])
def test_parquet_has_the_digest_of_one_process(folder, learner):
    expected = type(learner)().fit(features(table()), table()["label"].to_numpy()).digest()
    files = sorted(folder.glob("*.parquet"))
    for data in (folder, str(folder / "*.parquet"), files, list(map(str, files)), dataset.dataset(folder)):
        assert fitted(learner, data, y="label", backwards=True).digest() == expected
    assert type(learner)().fit(features(table()).to_pandas(), table()["label"].to_numpy()).digest() == expected


def test_large_files_are_several_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("sqlearn.distributed.pieces.parquet._FEW", 5)
    parquet.write_table(table(), tmp_path / "all.parquet", row_group_size=2)
    for data in (tmp_path / "all.parquet", dataset.dataset(tmp_path)):
        pieces, plan = pieces_of(GaussianNB(), data, y="label")
        assert [piece.count for piece in pieces] == [6, 6]
        assert pieces[1].name.endswith("all.parquet") and pieces[1].place(2)[0].endswith("all.parquet, row 8")
        values = [block.X["a"].to_numpy() for piece in pieces for block in piece.blocks(plan)]
        assert np.concatenate(values).tobytes() == HARD.tobytes()


def test_memory_is_that_of_a_block(tmp_path):
    rng, path = np.random.default_rng(0), tmp_path / "large.parquet"
    with parquet.ParquetWriter(
        path, pa.schema([("a", pa.float64()), ("b", pa.float64()), ("y", pa.int64())])
    ) as writer:
        for _ in range(30):
            a, b = rng.normal(size=(2, 1 << 16))
            writer.write_table(pa.table({"a": a, "b": b, "y": (a > 0).astype(np.int64)}))
    for data in (path, dataset.dataset(path)):
        pieces, plan = pieces_of(GaussianNB(), data, y="y")
        before, most, rows = pa.total_allocated_bytes(), 0, 0
        tracemalloc.start()
        for block in pieces[0].blocks(plan):
            most, rows = max(most, pa.total_allocated_bytes() - before), rows + len(block)
        traced = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert rows == 30 << 16 and most + traced < 4 * (1 << 16) * 24 < os.path.getsize(path) / 4


def test_columns_of_folders_and_of_a_data_set(tmp_path):
    whole = table(site=["u", "v"] * 6)
    dataset.write_dataset(whole, tmp_path, format="parquet", partitioning=["site"], partitioning_flavor="hive")
    parts = [whole.filter(pa.compute.equal(whole["site"], site)) for site in "uv"]
    joined = pa.concat_tables(parts)
    expected = MixedNB().fit(joined.select(["a", "b", "site"]), joined["label"].to_numpy()).digest()
    assert fitted(MixedNB(), dataset.dataset(tmp_path, partitioning="hive"), y="label").digest() == expected
    assert fitted(MixedNB(), tmp_path, y="label").digest() == expected
    in_memory = dataset.dataset(joined)
    assert fitted(MixedNB(), in_memory, y="label", columns=["a", "b", "site"]).digest() == expected
    with raises(TABLE, match="no fragments of its own"):
        pieces_of(MixedNB(), in_memory.filter(dataset.field("a") > 0), y="label")
    more = dataset.dataset(tmp_path, pa.schema([*whole.schema, pa.field("gaps", pa.float64())]), partitioning="hive")
    assert fitted(MixedNB(), more, y="label", columns=["a", "gaps"]).n_features_in_ == 2


def test_a_data_set_of_parts_of_a_file(folder):
    """Its fragments have some row groups each, in any order."""
    (file,) = dataset.dataset(folder / "3.parquet").get_fragments()
    some = [file.subset(row_group_ids=groups) for groups in ([2, 3], [1])]
    data = dataset.FileSystemDataset(some, file.physical_schema, file.format, file.filesystem)
    alone = GaussianNB().fit(features(data.to_table()), data.to_table()["label"].to_numpy())
    assert fitted(GaussianNB(), data, y="label").digest() == alone.digest()
    model = fit(GaussianNB(), data, y="label")
    assert forget(model, where="b = 0") == 1 and model.n_records_ == 2


def test_kinds_of_parquet_columns(tmp_path):
    """Categories as numbers of an index, text of two types, booleans, gaps in whole numbers, decimal numbers."""
    codes = pa.array(["x", "y", None, "x"]).dictionary_encode()
    one = {"c": codes, "i": pa.array([1, None, 3, 4]), "f": pa.array([0.1, 0.2, 0.3, 0.4], pa.float32())}
    two = {
        "c": pa.array(["z", "x", "y", None]),
        "i": pa.array([1.5, 2.0, None, 3.0]),
        "f": pa.array([0.1, 0.2, 0.3, 0.5]),
    }
    one |= {"b": [True, False, None, True], "d": pa.array([1, 2, 3, 4], pa.decimal128(9, 2)), "y": [0, 1, 0, 1]}
    two |= {"b": [True, True, None, None], "d": pa.array([1.5, 2.5, 3.25, 4.0]), "y": [1, 0, 0, 1]}
    files = []
    for i, columns in enumerate((one, two)):
        files.append(tmp_path / f"{i}.parquet")
        parquet.write_table(pa.table(columns), files[-1])
    _, plan = pieces_of(MixedNB(), files, y="y")
    assert plan.kinds == ("text", "float64", "float64", "bool", "float64")
    target = pa.schema([("c", pa.string()), ("i", "double"), ("f", "double"), ("b", pa.bool_()), ("d", "double")])
    joined = pa.concat_tables([pa.table(each).select(target.names).cast(target) for each in (one, two)])
    expected = MixedNB().fit(joined, [0, 1, 0, 1, 1, 0, 0, 1]).digest()
    assert fitted(MixedNB(), files, y="y").digest() == expected
    assert fitted(MixedNB(), files[::-1], y="y").digest() == expected


@pytest.mark.parametrize("learner", [GaussianNB(), MixedNB()])
def test_whole_numbers_that_float64_has_not(tmp_path, learner):
    """They are learned as the nearest, as in one process, also where another piece has them in another type."""
    long, above = [2**60 + 3 * i for i in range(11)] + [2**53 + 1], [2**64 - 1 - 5 * i for i in range(12)]
    columns = [
        pa.array(long, pa.int64()),
        pa.array(above, pa.uint64()),
        pa.array(HARD),
        pa.array(range(12), pa.int32()),
    ]
    tables = [table().set_column(1, "b", column) for column in columns]
    for used in ([0, 1], [0, 2], [3, 1, 2], [1, 0, 3]):
        chosen = [tables[i] for i in used]
        for i in used:
            parquet.write_table(tables[i], tmp_path / f"{i}.parquet")
        b = np.concatenate([np.array(columns[i].to_pylist(), float) for i in used])
        y = np.tile(np.arange(12) % 3, len(used))
        expected = type(learner)().fit(pd.DataFrame({"a": np.tile(HARD, len(used)), "b": b}), y).digest()
        for data in (
            [tmp_path / f"{i}.parquet" for i in used],
            chosen,
            [each.to_pandas() for each in chosen],
            [each.to_pandas(types_mapper=pd.ArrowDtype) for each in chosen],
        ):
            assert fitted(learner, data, y="label").digest() == expected


def test_an_index_without_a_name_is_no_column(tmp_path):
    frame = pd.DataFrame({"a": HARD, "label": np.arange(12) % 2}, index=np.arange(12) * 3)
    frame.to_parquet(tmp_path / "1.parquet")
    assert "__index_level_0__" in parquet.read_schema(tmp_path / "1.parquet").names
    assert pieces_of(GaussianNB(), tmp_path, y="label")[1].features == ("a",)


def test_paths_of_fsspec(folder):
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    for path in folder.glob("*.parquet"):
        memory.pipe(f"/pieces/{path.name}", path.read_bytes())
    expected = fitted(GaussianNB(), folder, y="label").digest()
    for data in ("memory://pieces", "memory://pieces/*.parquet", [f"memory://pieces/{i}.parquet" for i in (1, 2, 3)]):
        assert fitted(GaussianNB(), data, y="label").digest() == expected
    pieces, plan = pieces_of(GaussianNB(), "memory://pieces/1.parquet", y="label")
    memory.pipe("/pieces/1.parquet", (folder / "2.parquet").read_bytes())
    with raises(FILE, match=r"memory://.*1\.parquet has changed"):
        list(pieces[0].blocks(plan))
    with raises(FILE, match="nowhere.parquet cannot be read"):
        pieces_of(GaussianNB(), "memory://pieces/nowhere.parquet", y="label")
    memory.pipe("/pieces/1.csv", b"a,label\n1,2\n")
    with raises(FILE, match="read from the disk alone"):
        pieces_of(GaussianNB(), "memory://pieces/1.csv", y="label")
    with raises(FILE, match=r"memory://.*2\.parquet is named twice"):
        pieces_of(GaussianNB(), ["memory://pieces/*.parquet", "memory://pieces/2.parquet"], y="label")


def test_a_text_file_has_a_url_too(folder):
    pytest.importorskip("fsspec")
    (folder / "1.csv").write_text("a,label\n1,0\n2,1\n3,1\n")
    expected = fitted(GaussianNB(), folder / "1.csv", y="label").digest()
    assert fitted(GaussianNB(), f"file://{folder}/1.csv", y="label").digest() == expected


# ------------------------------------------------------------------ text


def written(folder, *texts):
    paths = []
    for i, text in enumerate(texts):
        paths.append(folder / f"{i}.csv")
        paths[-1].write_text(text)
    return paths


def test_text_has_one_kind_for_each_column(tmp_path):
    texts = [
        "n,c,b,gaps,y\n1,x,true,,no\n2.5,,false,,yes\n",
        "y,gaps,b,n,c\nno,1e-3,TRUE,,true\nmaybe,,FALSE,1e308,false\n",
        "n,c,b,gaps,y\n",
    ]
    with gzip.open(tmp_path / "packed.csv.gz", "wt") as packed:
        packed.write(texts[1])
    files = written(tmp_path, *texts)
    joined = pa.table({"n": [1.0, 2.5, None, 1e308], "c": ["x", None, "true", "false"], "b": [True, False, True, False],
                       "gaps": [None, None, 1e-3, None]})  # fmt: skip
    expected = MixedNB().fit(joined, ["no", "yes", "no", "maybe"]).digest()
    assert fitted(MixedNB(), files, y="y").digest() == expected
    assert fitted(MixedNB(), [files[2], files[0], tmp_path / "packed.csv.gz"], y="y").digest() == expected
    assert fitted(MixedNB(), [TableFile(files[0]), files[1]], y="y", backwards=True).digest() == expected


def test_kinds_of_text_that_callers_name(tmp_path):
    files = written(tmp_path, "n,c,y\n1,7,0\n2,8,1\n", "n,c,y\n3,x,0\n4,8,1\n")
    with raises(MISFIT, match=r"Column 'c' holds float64 in .*0\.csv and text in .*1\.csv"):
        pieces_of(MixedNB(), files, y="y")
    kinds = {"n": "number", "c": "category", "y": "category"}
    expected = MixedNB().fit(pa.table({"n": [1.0, 2, 3, 4], "c": ["7", "8", "x", "8"]}), [*"0101"]).digest()
    assert fitted(MixedNB(), files, y="y", columns=kinds).digest() == expected
    block = whole(MixedNB(), files, y="y", columns={"c": "drop", "n": "whole"})
    assert block.X.schema == pa.schema([("n", pa.int64())])


def test_documents(tmp_path):
    files = written(tmp_path, "text,y\nsome words,0\n,1\n", 'text,y\n"more, words",1\n')
    documents = ["some words", "", "more, words"]
    expected = TextModel(MultinomialNB()).fit(documents, [0, 1, 1]).digest()
    assert fitted(TextModel(MultinomialNB()), files, y="y").digest() == expected
    frame = pa.table({"text": documents, "y": [0, 1, 1]})
    assert fitted(TextModel(MultinomialNB()), [frame.slice(0, 1), frame.slice(1)], y="y").digest() == expected
    lists = [(documents[:2], [0, 1]), (documents[2:], [1])]
    assert fitted(TextModel(MultinomialNB()), lists).digest() == expected


# ------------------------------------------------------------------ errors


def test_a_bad_value_is_named_with_its_file_and_row(tmp_path):
    for i in range(9):
        values = HARD.copy()
        values[[3, 5]] = [np.nan, 1.0] if i == 7 else 1.0
        parquet.write_table(table().set_column(0, "a", [values]), tmp_path / f"{i}.parquet", row_group_size=3)
    with raises(NOT_FINITE, match=r"7\.parquet, row 3 \(counted from 0\): .*column 'a'") as caught:
        fitted(GaussianNB(), tmp_path, y="label")
    assert caught.value.row == 3 and caught.value.column == "a"
    files = written(tmp_path, "a,label\n1,2\n", "a,label\n1,2\n\n3,\n5,1\n")
    with raises(NOT_FINITE, match=r"1\.csv, line 4: ") as caught:
        fitted(GaussianNB(), files, y="label")
    assert caught.value.line == 4
    files[0].write_text("a,label\n" + "1,2\n" * 30 + "x,3\n")
    with raises(FILE, match=r"0\.csv, line 32: the value in column 'a' is 'x'"):
        fitted(GaussianNB(), files, y="label")


def test_files_that_change_are_noticed(folder):
    files = [*written(folder, "a,label\n1,0\n2,1\n"), folder / "1.parquet"]
    for path in files:
        for change in (lambda path: os.utime(path, ns=(1, 1)), lambda path: path.write_bytes(b"a,label\n"), os.remove):
            before = path.read_bytes()
            pieces, plan = pieces_of(GaussianNB(), path, y="label", columns=["a"])
            assert len(list(pieces[0].blocks(plan))) == 1
            rows = pieces[0].blocks(plan)
            next(rows)
            change(path)
            with raises(FILE, match=f"{path.name} (has changed|cannot be read)"):
                next(rows)
            with raises(FILE, match=f"{path.name} (has changed|cannot be read)"):
                next(pieces[0].blocks(plan))
            path.write_bytes(before)


def unreadable(folder):
    (folder / "5.parquet").write_bytes(b"PAR1 no more")
    return folder


def other(folder, name="5.parquet", **columns):
    parquet.write_table(table(**columns), folder / name)
    return folder


def also_as(folder, name):
    (folder / name).symlink_to(folder / "1.parquet")
    return [folder / name, folder / "1.parquet"]


def in_folders(folder):
    (folder / "all" / "year=2026").mkdir(parents=True)
    return folder / "all", other(folder / "all" / "year=2026") / "5.parquet"


REFUSED = [
    (unreadable, FILE, r"5\.parquet cannot be read: .*Nothing was changed"),
    (lambda f: f / "nowhere.parquet", FILE, r"nowhere\.parquet cannot be read: "),
    (lambda f: f / "*.pq", FILE, r"There is no file at '.*\*\.pq'"),
    (lambda f: [f / "1.parquet", f / "nowhere.csv"], FILE, r"nowhere\.csv cannot be read"),
    (lambda f: other(f, c=range(12)), MISFIT, r"5\.parquet has the column 'c', and .*1\.parquet has not"),
    (lambda f: other(f, name="0.parquet", c=range(12)), MISFIT, r"1\.parquet has no column 'c'"),
    (
        lambda f: [other(f, c=pd.date_range("2026", periods=12)) / "5.parquet"],
        MISFIT,
        "'c' holds values of type datetime",
    ),
    (lambda f: [f / "1.parquet", f / "no\0thing"], ARGUMENT, "must be text or a Path"),
    (lambda f: [other(f, c=[[1]] * 12) / "5.parquet"], MISFIT, "'c' holds values of type list"),
    (lambda f: [f / "1.parquet"] * 2, FILE, r"1\.parquet is named twice\. Nothing was learned: name each file once"),
    (lambda f: [f, str(f / "[13].parquet")], FILE, r"1\.parquet is named twice\."),
    (lambda f: also_as(f, "link.pq"), FILE, r"1\.parquet is named twice, also as .*link\.pq"),
    (
        lambda f: str(f / "*.p*q*") if also_as(f, "link.pq") else None,
        FILE,
        r"link\.pq is named twice, also as .*1\.par",
    ),
    (lambda f: f if also_as(f, "link.pq") else None, FILE, r"link\.pq is named twice, .* match, links too\."),
    (lambda f: [f / "1.parquet", f"file://{f}/1.parquet"], FILE, r"1\.parquet is named twice\."),
    (lambda f: [dataset.dataset(f / "1.parquet"), str(f)], FILE, r"1\.parquet is named twice\."),
    (lambda f: [dataset.dataset(f / "1.parquet")] * 2, FILE, r"1\.parquet is named twice\."),
    (lambda f: [TableFile(*written(f, "a,label\n1,2\n")), f / "0.csv"], FILE, r"0\.csv is named twice"),
    (in_folders, FILE, r"5\.parquet is named twice"),
]


@pytest.mark.parametrize("data, kind, match", REFUSED)
def test_what_cannot_be_read_or_does_not_fit(folder, data, kind, match):
    with raises(kind, match=match):
        pieces_of(GaussianNB(), data(folder), y="label")


def test_columns_of_one_name(tmp_path):
    parquet.write_table(pa.Table.from_arrays([pa.array([1.0])] * 2, ["a", "a"]), tmp_path / "1.parquet")
    with raises(FILE, match=r"1\.parquet has two columns 'a'"):
        pieces_of(GaussianNB(), tmp_path, y="a")


def test_words_about_a_piece(tmp_path):
    """What is wrong is told once, with what helps in this call."""
    with raises(NOT_NUMERIC) as caught:
        fitted(GaussianNB(), [pa.table({"a": [1.0, 2.0], "who": ["p0", "p1"], "y": [0, 1]})], y="y")
    assert str(caught.value).count("row 0") == 1 and "in column 'who'." in str(caught.value)
    assert str(caught.value).endswith("Or name the features without this column in `columns`.")
    with raises(NOT_NUMERIC, match=r"first\.$"):
        fitted(GaussianNB(), [(np.array([["p", 1.0]], object), [0])])
    (tmp_path / "table.parquet").write_bytes(b"PAR1 no more")
    with raises(FILE, match=r"[^.]\. Nothing was changed"):
        pieces_of(GaussianNB(), tmp_path, y="y")
    (tmp_path / "README.txt").write_text("what is here\n")
    with raises(FILE, match=r"README\.txt does not show .*TableFile\(path, delimiter=\.\.\.\), or leave the file out"):
        pieces_of(GaussianNB(), tmp_path / "README.txt", y="y")
