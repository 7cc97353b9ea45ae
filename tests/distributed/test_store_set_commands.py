"""The command line takes the folder of a set wherever it takes a store's file, and prints the same."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner

from sqlearn import cli
from sqlearn.commands.usage import in_options
from sqlearn.distributed import StoreSet

N = 60


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    with open("people.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["person", "age", "port", "buys"])
        writer.writerows([f"p{i}", int(random.integers(18, 80)), "SCQ"[i % 3], ["no", "yes"][i % 2]] for i in range(N))
    for out, more in (("one", []), ("set", ["--parts", "3"])):
        run(
            "fit",
            "people.csv",
            "--model",
            "MixedNB",
            "--target",
            "buys",
            "--id",
            "person",
            "--out",
            out,
            "--suppress",
            *more,
        )
    return tmp_path


def run(*arguments, code=0, **more):
    result = CliRunner().invoke(cli.sqlearn, [*map(str, arguments)], **more)
    assert result.exit_code == code, (result.output, result.exception)
    return result


def told(*arguments, **more):
    return json.loads(run(*arguments, "--json", **more).stdout)


def same(*arguments, **more):
    """What a command says of the set and of the store, which must be alike."""
    found = [told(*(name if part == "FILE" else part for part in arguments), **more) for name in ("set", "one")]
    return found


def test_every_command(folder):
    (folder / "ids").write_text("p1\np2\np3\np4\n")
    (folder / "some.csv").write_text("age,port\n33,S\n70,Q\n")
    (folder / "more.csv").write_text("person,age,port,buys\nnew,33,S,yes\nnewer,70,Q,no\n")
    ours, theirs = same("info", "FILE")
    parts = ours.pop("parts")
    assert len(parts) == 3 and sum(parts.values()) == N
    assert f"Parts: 3, of {min(parts.values())} to {max(parts.values())} rows" in run("info", "set").stdout
    assert {**ours, "last": 0} == {**theirs, "last": 0} and ours["rows"] == N
    ours, theirs = same("forget", "FILE", "--ids", "ids", "--yes")
    assert ours["count"] == theirs["count"] == 4 and sum(part["count"] for part in ours["parts"].values()) == 4
    ours, theirs = same("forget", "FILE", "--where", "age > 70", "--yes")
    assert ours["count"] == theirs["count"]
    ours, theirs = same("relabel", "FILE", "--where", "port = 'S'", "--to", "no", "--yes")
    assert ours["count"] == theirs["count"]
    assert [one["count"] for one in same("learn", "FILE", "more.csv")] == [2, 2]
    for call in (["predict", "FILE", "some.csv"], ["verify", "FILE"], ["what-if", "FILE", "--where", "age < 30"]):
        ours, theirs = same(*call)
        assert ours == theirs
    ours, theirs = same("report", "FILE", "--value", "p1", "--value", "p2")
    assert ours["clean"] and theirs["clean"]
    ours, theirs = same("receipts", "FILE", "--check", "--salt")
    assert [r["kind"] for r in ours["receipts"]] == [r["kind"] for r in theirs["receipts"]]
    assert ours["whole"] and any(part["salt"] for part in ours["receipts"][-1]["parts"].values())
    assert [one["lifted"] for one in same("lift", "FILE", "p1", "p2")] == [2, 2]
    assert "(part" in run("receipts", "set", "--salt").stdout
    run("suppressed", "set", "--out", "list")
    assert told("replay", "set", "list")["count"] == 0
    run("compact", "set")
    assert "are in 2 stores" in run("rebalance", "set", "--parts", 2).stdout
    ours, theirs = same("info", "FILE")
    assert ours["digest"] == theirs["digest"] and ours["rows"] == theirs["rows"]
    assert len(told("suspects", "set")["suspects"]) == min(20, ours["rows"])
    with StoreSet.open("set") as store_set:
        assert store_set.n_parts == 2 and store_set.verify()


def refused(*arguments, code=1):
    result = run(*arguments, code=code)
    return f"{result.output} {in_options(str(result.exception))}"  # as main() prints it


def test_what_a_set_cannot(folder):
    assert "recommender" in refused("recommend", "set", "--user", "1")
    assert "no users" in refused("forget", "set", "--user", "1", code=2)
    (folder / "empty").mkdir()
    assert "no set of stores at empty" in refused("info", "empty")
    assert "not opened alone" in refused("info", "set/part-0-000.sqlearn")
    assert "is a file" in refused("rebalance", "one", "--parts", 2, code=2)
    fit = "fit", "people.csv", "--target", "buys", "--id", "person", "--out"
    said = refused(*fit, "new", "--model", "LogisticRegression", "--parts", 2)
    assert "pass --raw; else" in said and "a single store (without --parts)" in said
    assert "already is a file or folder" in refused(*fit, "set", "--model", "MixedNB", "--parts", 2)
    assert not (folder / "new").exists()
