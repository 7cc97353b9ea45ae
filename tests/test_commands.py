"""The commands on stores: exit codes, JSON, questions, and nothing half done."""

import json
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from sqlearn import Store, cli
from sqlearn.commands import MODELS
from sqlearn.engine.estimator import ExactEstimator
from sqlearn.errors import SqlearnError

CSV = "person,age,port,fare,lived\n" + "".join(
    f"p{i},{20 + i % 50},{'SCQ'[i % 3]},{i / 4},{'yes' if i % 5 else 'no'}\n" for i in range(60)
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.csv").write_text(CSV)
    return tmp_path


@pytest.fixture
def store(here):
    call("fit", "people.csv", "--target", "lived", "--model", "mixednb", "--id", "person", "--out", "m.sqlearn")
    return here / "m.sqlearn"


def call(*arguments, given=None, code=0):
    """What a command printed on standard output, and on standard error."""
    result = CliRunner().invoke(cli.sqlearn, arguments, input=given)
    if isinstance(result.exception, SqlearnError):  # main() prints these, and nothing else
        assert code == 1, result.exception
        return result.stdout, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def told(*arguments, **more):
    return json.loads(call(*arguments, "--json", **more)[0])


def test_every_model_that_predicts_is_known():
    from importlib import import_module

    for name in ("cluster", "discriminant_analysis", "linear_model", "mixture", "naive_bayes", "neighbors", "svm"):
        module = import_module(f"sqlearn.{name}")
        for learner in module.__all__:
            if issubclass(getattr(module, learner), ExactEstimator):
                assert MODELS[learner][0] == name
    assert list(MODELS) == sorted(MODELS)


@pytest.mark.parametrize(
    "model", ["Ridge", "LinearRegression", "GaussianNB", "LogisticRegression", "KMeans", "MixedNB"]
)
def test_a_model_s_whole_life(here, model):
    encoded = model in ("Ridge", "LinearRegression", "GaussianNB", "MixedNB")
    target = [] if model == "KMeans" else ["--target", "fare" if "R" in model[:1] or "Lin" in model else "lived"]
    drops = [] if encoded else ["--drop", "port"]
    if model == "KMeans":
        drops += ["--drop", "lived"]
    elif target[1] == "fare":
        drops += ["--drop", "lived"]
    call("fit", "people.csv", *target, "--model", model, "--id", "person", *drops, "--out", "m.sqlearn")
    (here / "more.csv").write_text("person,age,port,fare,lived\nq1,33,S,8.5,yes\nq2,,C,9,no\n".replace(",,", ",34,"))
    assert told("learn", "m.sqlearn", "more.csv")["count"] == 2
    assert told("forget", "m.sqlearn", "--where", "age > 60", "--yes")["kind"] == "forget"
    assert told("forget", "m.sqlearn", "--ids", "-", "--yes", given="q2\np0\n")["count"] == 2
    assert told("verify", "m.sqlearn")["equal"] is True
    assert len(told("predict", "m.sqlearn", "more.csv")["predictions"]) == 2
    assert told("receipts", "m.sqlearn", "--check")["whole"] is True
    assert told("info", "m.sqlearn")["rows"] == told("verify", "m.sqlearn")["rows"]


def test_predictions_are_those_of_the_model(store):
    lines = call("predict", "m.sqlearn", "people.csv")[0].splitlines()
    assert lines[0] == "person,prediction" and len(lines) == 61
    with Store.open(store) as opened:
        ages = {"age": [20.0], "port": ["S"], "fare": [0.0]}
        assert lines[1] == f"p0,{opened.predict(ages)[0]}"


def test_relabel(store):
    call("relabel", "m.sqlearn", "--where", "age < 30", "--to", "maybe", "--yes")
    assert told("verify", "m.sqlearn")["equal"] is True
    assert told("relabel", "m.sqlearn", "--where", "lived = 'maybe'", "--to", "x", "--dry-run")["rows"] == 20


def test_questions_need_somebody_to_answer(store):
    digest = told("info", "m.sqlearn")["digest"]
    _, trouble = call("forget", "m.sqlearn", "--where", "age < 30", given="", code=2)
    assert "Pass --yes" in trouble and "20 rows of 60" in trouble
    assert told("info", "m.sqlearn")["digest"] == digest


def test_wrong_calls(store):
    assert "either --where or --ids" in call("forget", "m.sqlearn", "--yes", code=2)[1]
    assert "none of" in call("fit", "people.csv", "--target", "lived", "--model", "Forest", "--out", "x", code=2)[1]
    assert (
        "alpha"
        in call(
            "fit", "people.csv", "--target", "lived", "--model", "Ridge", "--param", "beta=1", "--out", "x", code=2
        )[1]
    )
    assert (
        "already"
        in call("fit", "people.csv", "--target", "lived", "--model", "MixedNB", "--out", "m.sqlearn", code=1)[1]
    )
    assert "ids" in call("forget", "m.sqlearn", "--ids", "-", "--yes", given="nobody\n", code=1)[1]


def test_wrong_values(store):
    """No traceback, whatever the words are."""
    fit = "fit", "people.csv", "--target", "lived", "--model", "RidgeClassifier", "--out", "x"
    for value in ("alpha=-1", "alpha=abc", "solver=no"):
        assert value.split("=")[0] in call(*fit, "--param", value, code=2)[1]
    for delimiter in ("ab", "é", '"', "\n"):
        assert "delimiter is one" in call(*fit, "--delimiter", delimiter, code=1)[1]
    call("fit", "people.csv", "--target", "lived", "--model", "MixedNB", "--out", "numbered")
    assert "No row has the id" in call("forget", "numbered", "--ids", "-", "--yes", given=f"1\n{10**30}\n", code=1)[1]
    assert "not UTF-8" in call("forget", "numbered", "--ids", "-", "--yes", given=b"\xff\xfe", code=2)[1]
    assert told("forget", "numbered", "--ids", "-", "--yes", given="\ufeff1\r\n")["count"] == 1


def test_kinds_of_ids_and_labels_are_those_of_the_store(here):
    """Text ids and labels stay text, even when all of a later file look like numbers."""
    (here / "first.csv").write_text("id,x,y\na1,1,yes\n7,2,2\n")
    (here / "later.csv").write_text("id,x,y\n8,1,2\n9,2,2\n")
    call("fit", "first.csv", "--target", "y", "--id", "id", "--model", "MixedNB", "--out", "m.sqlearn")
    call("learn", "m.sqlearn", "later.csv")
    with Store.open(here / "m.sqlearn") as opened:
        assert opened.ids() == ["a1", "7", "8", "9"] and opened.ids(where="y = '2'") == ["7", "8", "9"]


def test_a_malformed_line_leaves_nothing_behind(here, store):
    (here / "bad.csv").write_text("person,age,port,fare,lived\nz1,30,S,1.0,yes\nz2,3o,S,1.0,yes\n")
    before = told("info", "m.sqlearn")
    assert "line 3" in call("learn", "m.sqlearn", "bad.csv", code=1)[1]
    assert told("info", "m.sqlearn") == before
    (here / "bad.csv").write_text(CSV + "z2,30,S\n")
    _, trouble = call("fit", "bad.csv", "--target", "lived", "--model", "MixedNB", "--out", "new.sqlearn", code=1)
    assert "line 62" in trouble
    assert not list(here.glob("new.sqlearn*"))


def test_a_parameter_reaches_the_model(here):
    call("fit", "people.csv", "--target", "fare", "--drop", "lived", "--drop", "person", "--model", "Ridge",
         "--param", "alpha=0.25", "--out", "r.sqlearn")  # fmt: skip
    assert "0.25" in json.dumps(told("info", "r.sqlearn")["parameters"])
    call("fit", "people.csv", "--target", "fare", "--drop", "lived", "--drop", "person", "--drop", "port", "--raw",
         "--model", "Ridge", "--param", "alpha=0.25", "--out", "raw.sqlearn")  # fmt: skip
    with Store.open("raw.sqlearn") as opened:
        assert type(opened.model).__name__ == "Ridge" and np.shape(opened.model.coef_) == (1,)


def test_refusals_of_a_real_process_show_the_place(store):
    result = subprocess.run(
        [sys.executable, "-m", "sqlearn", "forget", str(store), "--where", "nonsense =", "--yes"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.startswith("Error: The condition cannot be used: ") and result.stderr.count("\n") == 3
