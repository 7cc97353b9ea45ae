"""A table in several files: one store of them all, whatever they are, and errors that name the file and the row."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from sqlearn import Store, cli
from sqlearn.distributed import StoreSet
from sqlearn.distributed import fit as fit_pieces
from sqlearn.errors import TableError
from sqlearn.naive_bayes import GaussianNB
from sqlearn.table_files import TableFile, table_in

FIT = "--target", "buys", "--id", "person", "--model", "MixedNB"


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A table, and a folder `many` of its parts in files of all sorts, two of them without rows."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"person": [f"{i}" if i < 30 else f"p{i}" for i in range(90)], "age": random.integers(9, 99, 90)}
    )
    frame["size"] = random.normal(size=90)
    frame.loc[:2, "size"] = [1e12, 5e-324, -0.0]
    frame["port"] = random.choice(["S", "C", "Q"], 90)
    frame.loc[:29, "port"] = None  # in all of the first file
    frame["paid"], frame["buys"] = random.random(90) < 0.5, random.choice(["yes", "no"], 90)
    frame.to_csv("whole.csv", index=False)
    (tmp_path / "many" / "more").mkdir(parents=True)
    frame[:30].to_csv("many/a.csv", index=False)
    frame[:0].to_csv("many/b.csv", index=False)
    frame[:0].to_parquet("many/c.parquet")
    frame[30:60].to_parquet("many/d.parquet", row_group_size=7)
    frame[60:][["buys", "port", "person", "size", "paid", "age"]].to_csv("many/more/e.tsv.gz", index=False, sep="\t")
    (tmp_path / "many" / "_SUCCESS").touch()
    (tmp_path / "many" / "nothing.csv").touch()
    return frame


def run(*arguments, code=0):
    result = CliRunner().invoke(cli.sqlearn, [*map(str, arguments)])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def refused(*arguments, code=1):
    result = run(*arguments, code=code)
    return f"{result.output} {result.exception}"


def digest_of(path):
    return json.loads(run("info", path, "--json").stdout)["digest"]


def test_one_store_of_many_files(table):
    run("fit", "whole.csv", *FIT, "--out", "one")
    files = "many/b.csv", "many/a.csv", "many/more/e.tsv.gz", "many/d.parquet"
    for number, given in enumerate((["many"], ["many/**/*.*"], files)):
        for more in ([], ["--parts", 3]):
            out = f"{number}-{len(more)}"
            said = run("fit", *given, *FIT, "--out", out, *more)
            assert "learned 90 rows" in said.stdout and "person" not in said.stderr.split("columns:")[1]
            assert "port" in said.stderr and "category" in said.stderr
            assert digest_of(out) == digest_of("one")
    with Store.open("0-0") as store, StoreSet.open("0-2") as store_set:
        assert sorted(store.ids()) == sorted(store_set.ids()) == sorted(table["person"])
        assert store.verify() and store_set.verify()


def test_learn_many_files(table):
    table[80:].to_csv("first.csv", index=False)
    table[:40].assign(note="x").to_csv("some.csv", index=False)  # a column that no other has, nor the store
    table[40:80].to_parquet("others.parquet")
    run("fit", "whole.csv", *FIT, "--out", "whole")
    for out, more in (("one", []), ("set", ["--parts", 2])):
        run("fit", "first.csv", *FIT, "--out", out, *more)
        said = run("learn", out, "some.csv", "others.parquet", "many/b.csv")
        assert "note" in said.stderr and digest_of(out) == digest_of("whole")
        assert "None of the files in 2 files has rows" in refused("learn", out, "many/b.csv", "many/c.parquet")
        assert digest_of(out) == digest_of("whole")


def test_errors_name_the_file(table, tmp_path):
    def broken(**columns):
        shutil.rmtree("bad", ignore_errors=True)
        shutil.copytree("many", "bad")
        table[60:].assign(**columns).to_csv("bad/z.csv", index=False)
        (tmp_path / "bad" / "more" / "e.tsv.gz").unlink()
        return "fit", "bad", *FIT, "--out", "new"

    sizes = table["size"][60:].astype(str).where(table.index[60:] != 87, "oops")
    ids = table["person"][60:].where(table.index[60:] != 88, "5")
    for columns, said in (
        ({"size": sizes}, "z.csv, line 29: the value in column 'size' is 'oops'"),
        ({"person": ids}, "z.csv, line 30"),
        ({"person": "0"}, "z.csv, line 2"),
        ({"size": "many"}, "holds numbers in bad/a.csv, and categories in bad/z.csv"),
        ({"new": 1}, "bad/a.csv has no column 'new', and bad/z.csv has one"),
    ):
        for more in ([], ["--parts", 2]):
            assert said in refused(*broken(**columns), *more)
            assert not (tmp_path / "new").exists()
    run(*broken(new=1), "--drop", "new", "--parts", 2)
    assert "No file in bad (6 files) has a column 'nwe'" in refused(*broken(new=1)[:-1], "other", "--drop", "nwe")
    broken()
    table.drop(columns="buys").to_csv("bad/z.csv", index=False)
    assert "bad/z.csv has no column 'buys'" in refused("fit", "bad", *FIT, "--out", "other")


def test_what_is_no_table(table, tmp_path):
    fit = "fit", "many/b.csv", "many/c.parquet", *FIT, "--out", "new"
    assert "has rows" in refused(*fit)
    assert "There is no file at 'many/*.xls'" in refused("fit", "many/*.xls", *FIT, "--out", "new")
    assert "does not exist" in refused("fit", "nowhere", *FIT, "--out", "new", code=2)
    assert "name it alone" in refused("fit", "-", "whole.csv", *FIT, "--out", "new")
    (tmp_path / "empty").mkdir()
    assert "There is no table in the folder 'empty'" in refused("fit", "empty", *FIT, "--out", "new")
    table.to_parquet("hive", partition_cols=["port"])
    for more in ([], ["--parts", 2]):
        assert "named for values of a column" in refused("fit", "hive", *FIT, "--out", "new", *more)
    assert not (tmp_path / "new").exists()


def test_files_without_rows_are_passed_over_everywhere(table, tmp_path):
    (tmp_path / "numbers").mkdir()
    frame = table[["age", "size", "buys"]]
    for number, (start, end) in enumerate([(0, 0), (0, 50), (50, 50), (50, 90)]):
        frame[start:end].to_parquet(f"numbers/{number}.parquet")
    wanted = GaussianNB().fit(frame[["age", "size"]], frame["buys"]).digest()
    assert fit_pieces(GaussianNB(), "numbers", y="buys").digest() == wanted
    with Store.create("one", GaussianNB(), frame, target="buys") as store:
        wanted = store.digest()
    with StoreSet.create("set", GaussianNB(), "numbers", target="buys", parts=2) as store_set:
        assert store_set.digest() == wanted
        store_set.learn(["numbers/0.parquet", "numbers/1.parquet"])
        assert len(store_set) == 140
        with pytest.raises(TableError, match="None of the files in 2 files has rows"):
            store_set.learn(["numbers/0.parquet", "numbers/2.parquet"])
        assert len(store_set) == 140
    with pytest.raises(TableError, match="has rows"):
        StoreSet.create("other", GaussianNB(), ["numbers/0.parquet", "numbers/2.parquet"], target="buys")
    assert not (tmp_path / "other").exists()


def test_a_table_in_files_reads_as_a_file(table):
    whole, many = TableFile("whole.csv", ids="person"), table_in(["many"], ids="person")
    assert {c.name: c.kind for c in many.columns} == {c.name: c.kind for c in whole.columns}
    assert many.has_ids and not many.whole_ids and not whole.whole_ids
    told: list[tuple[int, int]] = []
    blocks = list(many.blocks(lambda *done: told.append(done)))
    assert told == sorted(told) and told[-1][0] == told[-1][1]
    for name in ("age", "size", "port"):
        found = np.concatenate([block[name] for block in blocks])
        assert found.tolist() == np.concatenate([block[name] for block in whole])[: len(found)].tolist()


@pytest.mark.parametrize(
    "given", [["whole.csv", "whole.csv"], ["whole.csv", "whol[e].csv"], ["./whole.csv", "whole.csv"]]
)
def test_a_file_that_is_named_twice_is_refused(table, given):
    with pytest.raises(TableError, match=r"whole\.csv is named twice.*Nothing was learned: name each file once"):
        table_in(given, ids="person")


@pytest.mark.parametrize("given", ["many", "many/*.csv"])
def test_a_link_beside_its_file_is_refused(table, given):
    Path("many/also.csv").symlink_to("a.csv")
    with pytest.raises(TableError, match=r"also\.csv is named twice, also as many.a\.csv\. Nothing was learned"):
        table_in([given], ids="person")
