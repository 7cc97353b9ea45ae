"""Recommenders on the command line: from a file of ratings to a store, and a user gone from it."""

import csv
import json

import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import parquet

from sqlearn import Store, cli
from sqlearn.commands.usage import in_options
from sqlearn.errors import SqlearnError

RATINGS = [(user, item, 0.5 + (user * item) % 10 / 2) for user in range(1, 10) for item in range(1, 8) if user % item]
FIT = "--model", "itemknn", "--drop", "timestamp"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open("ratings.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["userId", "movieId", "rating", "timestamp"])
        writer.writerows((*row, 10**9 + row[0]) for row in RATINGS)
    (tmp_path / "likes.tsv").write_text("who\twhat\nanna\ttea\nanna\t7\nben\ttea\nben\trum\n1\trum\n1\ttea\n")
    return tmp_path


def call(*arguments, given=None, code=0):
    """What a command printed on standard output, and on standard error."""
    result = CliRunner().invoke(cli.sqlearn, arguments, input=given)
    if isinstance(result.exception, SqlearnError):
        assert code == 1, result.exception
        return result.stdout, in_options(str(result.exception))
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def told(*arguments, **more):
    return json.loads(call(*arguments, "--json", **more)[0])


def test_a_store_of_ratings_has_a_whole_life(here):
    _, seen = call("fit", "ratings.csv", *FIT, "--param", "max_nbrs=5", "--suppress", "--out", "r")
    assert "userId     whole     1, 2, 3, 4" in seen
    info = told("info", "r")
    assert {name: column["role"] for name, column in info["columns"].items()} == {
        "userId": "user", "movieId": "item", "rating": "rating",
    }  # fmt: skip
    assert info["parameters"]["max_nbrs"] == "5" and info["rows"] == len(RATINGS)
    mine = len([row for row in RATINGS if row[0] == 4])
    assert told("forget", "r", "--user", "4", "--dry-run") == {"rows": mine, "of": len(RATINGS)}
    assert "standard input is not a terminal" in call("forget", "r", "--user", "4", code=2)[1]
    receipt = told("forget", "r", "--user", "4", "--yes")
    assert receipt["kind"] == "forget" and receipt["count"] == mine
    assert "has the user 4." in call("forget", "r", "--user", "4", "--yes", code=1)[1]
    assert told("forget", "r", "--user", "5", "--user", "6", "--yes")["count"] == len(
        [row for row in RATINGS if row[0] in (5, 6)]
    )
    assert told("forget", "r", "--item", "7", "--yes")["count"] > 0
    with Store.open("r") as store:
        assert store.model.users_.tolist() == [1, 2, 3, 7, 8, 9]
        labels, scores = store.recommend(8, 2)
    out, _ = call("recommend", "r", "--user", "8", "-n", "2")
    assert out == "movieId,score\n" + "".join(f"{i},{s}\n" for i, s in zip(labels, scores.tolist(), strict=True))
    found = told("recommend", "r", "--user", "8", "--all")
    assert found["user"] == 8 and len(found["items"]) > 2
    assert call("similar-items", "r", "--item", "2")[0].startswith("movieId,similarity\n")
    table = "movieId,userId\n3,8\n5,8\n"
    scores = told("predict", "r", "-", given=table)["predictions"]
    assert isinstance(scores[0]["prediction"], float) and scores[1]["prediction"] is None
    assert call("predict", "r", "-", given=table)[0].splitlines()[2] == '""'
    line = "userId,movieId,rating\n8,4,4\n4,1,4\n"
    assert "The user 4 was forgotten" in call("learn", "r", "-", given=line, code=1)[1]
    call("suppressed", "r", "--out", "list")
    assert call("lift", "r", "4")[0].startswith("1 user may be learned again")
    assert "line 2: Row 0" in call("learn", "r", "-", given=line.replace("8,4", "8,5"), code=1)[1]
    assert told("learn", "r", "-", given="userId,movieId,rating\n4,1,4\n44,1,0.5\n")["count"] == 2
    assert told("relabel", "r", "--where", "userId = 44", "--to", "3.5", "--yes")["count"] == 1
    assert told("verify", "r")["equal"] and told("receipts", "r", "--check")["whole"]
    call("compact", "r")
    assert told("replay", "r", "list")["count"] == 1  # user 4 has come back
    assert told("forget", "r", "--where", "rating < 2 and userId > 2", "--yes")["count"] > 0
    assert told("verify", "r")["equal"]


def test_labels_are_text_where_some_are_no_numbers(here):
    call("fit", "likes.tsv", "--model", "EASE", "--user", "who", "--item", "what", "--out", "m")
    assert {c["kind"] for c in told("info", "m")["columns"].values()} == {"category"}
    assert [row["item"] for row in told("recommend", "m", "--user", "1")["items"]] == ["7"]
    assert told("forget", "m", "--user", "1", "--yes")["count"] == 2
    assert told("learn", "m", "-", given="who\twhat\n2\t7\n")["count"] == 1
    assert told("forget", "m", "--item", "7", "--yes")["count"] == 2
    assert told("verify", "m") | {"digest": ""} == {"equal": True, "rows": 3, "digest": "", "difference": None}


def test_labels_keep_the_form_that_the_store_has(here):
    call("fit", "ratings.csv", *FIT, "--category", "userId", "--out", "texts")
    assert told("forget", "texts", "--user", "3", "--yes")["count"] == len([row for row in RATINGS if row[0] == 3])
    with Store.open("texts") as store:
        assert store.model.users_.tolist() == list("12456789")
    big = 2**62 + 1
    table = pa.table({"user": [big, big, 3], "item": ["a", "b", "a"], "rating": [0.5, 1.0, 2.0]})
    parquet.write_table(table, "p.parquet")
    call("fit", "p.parquet", "--model", "ItemKNN", "--out", "p")
    assert told("forget", "p", "--user", str(big), "--yes")["count"] == 2
    parquet.write_table(table.set_column(0, "user", [[4.0, 5.0, 6.0]]), "floats.parquet")
    assert told("learn", "p", "floats.parquet")["count"] == 3
    assert told("recommend", "p", "--user", "5")["user"] == 5


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("fit", "ratings.csv", "--model", "ItemKNN", "--out", "m"), 1, "'timestamp' beside.*in --keep if"),
        (("fit", "ratings.csv", *FIT, "--target", "rating", "--out", "m"), 1, "leave --target out"),
        (("fit", "ratings.csv", "--model", "EASE", "--drop", "timestamp", "--out", "m"), 1, "learns without ratings"),
        (("fit", "likes.tsv", "--model", "EASE", "--out", "m"), 1, "none is called user or userId or user_id.*--user"),
        (("fit", "likes.tsv", "--model", "EASE", "--user", "x", "--out", "m"), 1, "no column 'x'"),
        (("fit", "ratings.csv", "--target", "rating", "--model", "Ridge", "--user", "userId", "--out", "m"), 1,
         "Table?Model does not learn from users"),
        (("forget", "r", "--user", "x", "--yes"), 1, "user 'x'; the users of this store are whole numbers"),
        (("forget", "r", "--user", "1", "--item", "2", "--yes"), 2, "one of --where, --ids, --user or --item"),
        (("forget", "r"), 2, "one of --where, --ids, --user or --item"),
        (("forget", "g", "--user", "1", "--yes"), 1, "a store of GaussianNB, which has no users"),
        (("recommend", "g", "--user", "1"), 1, "a store of GaussianNB, which has no users"),
        (("recommend", "r", "--user", "77"), 1, "the user 77"),
        (("recommend", "r", "--user", "1", "-n", "0"), 2, "-n"),
        (("similar-items", "r"), 2, "Missing option '--item'"),
        (("learn", "r", "bad.csv"), 1, "bad.csv, line 3.*'userId' is 'x', which is not a whole number"),
        (("learn", "r", "gap.csv"), 1, "gap.csv, line 2.*'movieId' is missing"),
        (("learn", "r", "norating.csv"), 1, "lacks the columns 'rating'"),
    ],
    ids=range(17),
)  # fmt: skip
def test_what_is_refused(here, arguments, code, says):
    import re

    call("fit", "ratings.csv", *FIT, "--out", "r")
    call("fit", "ratings.csv", "--target", "userId", "--raw", "--model", "GaussianNB", "--out", "g")
    for name, text in (("bad", "1,9,1\nx,2,3\n"), ("gap", "1,,1\n")):
        (here / f"{name}.csv").write_text("userId,movieId,rating\n" + text)
    (here / "norating.csv").write_text("userId,movieId\n1,9\n")
    _, error = call(*arguments, code=code)
    assert re.search(says, error), error
    assert not (here / "m").exists()
