"""The commands on stores: exit codes, JSON, questions, and nothing half done."""

import json
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from forks import run_command
from sqlearn import Store, cli
from sqlearn.commands.models import MODELS
from sqlearn.commands.usage import in_options
from sqlearn.engine.model.estimator import ExactEstimator
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
        return result.stdout, in_options(str(result.exception))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def told(*arguments, **more):
    return json.loads(call(*arguments, "--json", **more)[0])


def test_every_model_that_predicts_is_known():
    from importlib import import_module

    for name in ("cluster", "covariance", "discriminant_analysis", "ensemble", "linear_model", "mixture", "naive_bayes",
                 "neighbors", "svm", "tree"):  # fmt: skip
        module = import_module(f"sqlearn.{name}")
        for learner in module.__all__:
            kind = getattr(module, learner)
            given = {"estimator", "estimators"} & {*kind.__init__.__code__.co_varnames}  # the command line passes none
            if issubclass(kind, ExactEstimator) and not given:
                assert MODELS[learner][0] == name
    assert list(MODELS) == sorted(MODELS)


@pytest.mark.parametrize(
    "model",
    "Ridge LinearRegression GaussianNB LogisticRegression KMeans OAS MixedNB ExtraTreesClassifier".split(),
)
def test_a_model_s_whole_life(here, model):
    encoded = model in ("Ridge", "LinearRegression", "GaussianNB", "MixedNB", "ExtraTreesClassifier")
    column = "fare" if model in ("Ridge", "LinearRegression") else "lived"
    target = [] if model in ("KMeans", "OAS") else ["--target", column]
    drops = [] if encoded else ["--drop", "port"]
    if not target:
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


@pytest.mark.parametrize("change", [("forget",), ("relabel", "--to", "yes")])
def test_what_hits_no_row_changes_nothing(store, change):
    before = store.read_bytes()
    for more in ([], ["--yes"]):
        given = change[0], "m.sqlearn", *change[1:], "--where", "age > 999", *more
        assert call(*given)[0].startswith("No row fulfils the condition. Nothing was changed")
        assert told(*given) == {"rows": 0, "of": 60}
    assert store.read_bytes() == before and len(told("receipts", "m.sqlearn")["receipts"]) == 1


def test_relabel(store):
    call("relabel", "m.sqlearn", "--where", "age < 30", "--to", "maybe", "--new", "--yes")
    assert told("verify", "m.sqlearn")["equal"] is True
    relabel = "relabel", "m.sqlearn", "--where", "lived = 'maybe'", "--dry-run", "--to"
    assert told(*relabel, "yes")["rows"] == 20
    assert "['maybe', 'no', 'yes']" in call(*relabel, "Yes", code=1)[1]


def test_room_is_given_back(store):
    call("forget", "m.sqlearn", "--where", "true", "--yes")
    size = store.stat().st_size
    found = told("compact", "m.sqlearn")
    assert found["size"] == store.stat().st_size == size - found["freed"]


def test_ids_that_are_lifted_are_whole_numbers_or_refused(here):
    (here / "numbered.csv").write_text("n,x,lived\n" + "".join(f"{i},{i}.5,{i % 2}\n" for i in range(30)))
    fit = "numbered.csv", "--target", "lived", "--model", "gaussiannb", "--id", "n", "--suppress", "--out", "m.sqlearn"
    call("fit", *fit)
    call("forget", "m.sqlearn", "--where", "n in (9, 10)", "--yes")
    for odd in ("1_0", "1e1", " 10", "ten", "9" * 5000):
        assert "is not a whole number of 64 bits" in call("lift", "m.sqlearn", odd, code=2)[1]
    for unknown in ("99999999999999999999999", "11"):
        assert "is not suppressed" in call("lift", "m.sqlearn", unknown, code=1)[1]
    assert told("lift", "m.sqlearn", "10")["lifted"] == 1
    (here / "list").write_text("[" * 100_000)
    assert "not a list" in call("replay", "m.sqlearn", "list", code=1)[1]


def test_forgotten_ids_stay_forgotten(here):
    fit = "fit", "people.csv", "--target", "lived", "--model", "mixednb", "--id", "person", "--out"
    numbered = [*fit[:6], "--drop", "person", "--out", "m.sqlearn"]
    assert "running numbers" in call(*numbered, "--suppress", code=1)[1]
    call(*fit, "m.sqlearn", "--suppress")
    (here / "backup").write_bytes((here / "m.sqlearn").read_bytes())
    call("forget", "m.sqlearn", "--where", "age < 25", "--yes")
    (here / "again.csv").write_text(CSV.splitlines()[0] + "\np3,23,S,1.0,yes\n")
    assert "'p3' was forgotten" in call("learn", "m.sqlearn", "again.csv", code=1)[1]
    assert told("suppressed", "m.sqlearn", "--out", "list")["ids"] == 10
    written = (here / "list").read_text()
    assert "a file list already" in call("suppressed", "m.sqlearn", "--out", "list", code=1)[1]
    assert "No such file" in call("suppressed", "m.sqlearn", "--out", "no/list", code=1)[1]
    assert call("suppressed", "m.sqlearn", "--out", "-")[0] == written == (here / "list").read_text()
    assert not list(here.glob(".*"))
    (here / "other").write_bytes((here / "backup").read_bytes())
    for newer, restored in (("m.sqlearn", "backup"), ("list", "other")):
        assert told("replay", restored, newer)["count"] == 10
        assert told("verify", restored)["rows"] == 50
    assert "not a list" in call("replay", "other", "people.csv", code=1)[1]
    assert "'p9' is not suppressed" in call("lift", "m.sqlearn", "p3", "p9", code=1)[1]
    found = told("lift", "m.sqlearn", "p3")
    assert (found["lifted"], found["kind"], found["count"]) == (1, "lift", 1) and len(found["salt"]) == 64
    assert told("learn", "m.sqlearn", "again.csv")["count"] == 1
    call(*fit, "plain.sqlearn")
    assert "created with --suppress" in call("suppressed", "plain.sqlearn", "--out", "x", code=1)[1]


def test_signed_receipts(here):
    (here / "key").write_text("a secret of the signer\n")
    signed = "--signing-key", "key"
    fit = "fit", "people.csv", "--target", "lived", "--model", "mixednb", "--id", "person", "--out", "m.sqlearn"
    call(*signed, *fit)
    assert json.loads(call(*signed, "forget", "m.sqlearn", "--where", "age < 25", "--yes", "--json")[0])["signature"]
    assert "whole" in call(*signed, "receipts", "m.sqlearn", "--check")[0]
    (here / "other").write_text("a secret of another\n")
    for key in ((), ("--signing-key", "other")):
        trouble = call(*key, "forget", "m.sqlearn", "--where", "age < 26", "--yes", code=1)[1]
        assert "sqlearn --signing-key FILE" in trouble and "Nothing was changed" in trouble
        assert told(*key, "verify", "m.sqlearn")["equal"] is True
        assert "would change" in call(*key, "forget", "m.sqlearn", "--where", "age < 26", "--dry-run")[0]
    assert "receipt 1 is not signed" in call(*key, "receipts", "m.sqlearn", "--check", code=1)[0]
    assert "2 receipts" in call(*signed, "receipts", "m.sqlearn", "--check")[0]
    call(*signed, "forget", "m.sqlearn", "--where", "age < 26", "--yes")
    assert "3 receipts" in call(*signed, "receipts", "m.sqlearn", "--check")[0]


def test_questions_need_somebody_to_answer(store):
    digest = told("info", "m.sqlearn")["digest"]
    _, trouble = call("forget", "m.sqlearn", "--where", "age < 30", given="", code=2)
    assert "Pass --yes" in trouble and "20 rows of 60" in trouble
    assert told("info", "m.sqlearn")["digest"] == digest


def test_wrong_calls(store):
    assert "either --where or --ids" in call("forget", "m.sqlearn", "--yes", code=2)[1]
    assert "not one of" in call("fit", "people.csv", "--target", "lived", "--model", "Forest", "--out", "x", code=2)[1]
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
        assert "delimiter must be one" in call(*fit, "--delimiter", delimiter, code=1)[1]
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


def test_refusals_of_a_real_process_show_the_place(here, store):
    code, out, err = run_command(here, "forget", "m.sqlearn", "--where", "nonsense =", "--yes")
    assert code == 1 and out == ""
    assert err.startswith("Error: The condition cannot be used: ") and err.count("\n") == 3


# ------------------------------------------------------------------------------------------------- files and streams


def test_predict_never_overwrites(here, store):
    """Neither the store, nor its journal, nor the table, nor any other file, under whatever name."""
    (here / "link.csv").symlink_to("people.csv")
    (here / "hard.csv").hardlink_to("people.csv")
    (here / "nowhere").symlink_to("missing")
    (here / "other.txt").write_text("other")
    (here / "m.sqlearn-journal").touch()
    names = (
        "m.sqlearn",
        "m.sqlearn-journal",
        "people.csv",
        "./people.csv",
        "link.csv",
        "hard.csv",
        "nowhere",
        "other.txt",
    )
    before = {name: (here / name).read_bytes() for name in names if name != "nowhere"}
    for name in (*names, "."):
        assert "left as it is" in call("predict", "m.sqlearn", "people.csv", "--out", name, code=1)[1]
    assert before == {name: (here / name).read_bytes() for name in before} and (here / "nowhere").is_symlink()
    assert "No such file" in call("predict", "m.sqlearn", "people.csv", "--out", "no/x", code=1)[1]
    call("predict", "m.sqlearn", "people.csv", "--out", "new.csv")
    assert (here / "new.csv").read_text() == call("predict", "m.sqlearn", "people.csv")[0]
    call("predict", "m.sqlearn", "people.csv", "--out", "/dev/null")
    assert {path.name for path in here.iterdir()} == {*names, "new.csv"} - {"./people.csv"}


def test_predict_writes_nothing_before_the_columns_are_checked(here, store):
    (here / "bad.csv").write_text("person,age,port,fare\n" + "p1,30,S,1\n" * 30 + "p2,3o,S,1\n")
    for table in ("bad.csv", "wrong.csv"):
        (here / "wrong.csv").write_text("person,age\np1,30\n")
        shown, _ = call("predict", "m.sqlearn", table, code=1)
        assert shown == ""
        call("predict", "m.sqlearn", table, "--out", "new.csv", code=1)
    assert not [path for path in here.iterdir() if "new" in path.name]


NOTHING_TAKEN = "Error: Standard output cannot be written: No space left on device.\n"


@pytest.mark.parametrize("arguments", [("predict", "m.sqlearn", "people.csv"), ("receipts", "m.sqlearn")])
def test_standard_output_that_takes_nothing(here, store, arguments):
    code, _, err = run_command(here, *arguments, stdout="/dev/full")
    assert code == 1
    assert err.endswith(NOTHING_TAKEN) and err.count("\n") <= 2


def test_standard_output_of_a_new_process_that_takes_nothing(store):
    """Python itself writes what is left when a process ends."""
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "sqlearn", "info", "m.sqlearn"]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 1
    assert result.stderr.endswith(NOTHING_TAKEN) and result.stderr.count("\n") <= 2


def test_a_receipt_that_nobody_took_is_told(here, store):
    forget = ("forget", "m.sqlearn", "--where", "age < 25", "--yes", "--json")
    code, _, err = run_command(here, *forget, stdout="/dev/full")
    assert code == 1 and "Traceback" not in err
    assert "The change is made, but standard output cannot be written" in err
    salt = told("receipts", "m.sqlearn", "--salt")["receipts"][-1]["salt"]
    assert salt in err and "sqlearn receipts" in err and "Receipt 2: forget" in err
    assert told("receipts", "m.sqlearn")["receipts"][-1]["salt"] is None


def test_what_was_shown_is_what_is_forgotten(here, store, monkeypatch):
    """Rows that are learned while the question stands are not meant; one that is gone by then stops all."""
    (here / "more.csv").write_text("person,age,port,fare,lived\nq1,20,S,8.5,yes\n")

    def answer(change):
        def confirm(*arguments, **more):
            with Store.open(store) as other:
                change(other)

        monkeypatch.setattr("click.confirm", confirm)

    monkeypatch.setattr("sqlearn.commands.changing._can_ask", lambda: True)
    new = {"person": ["q1"], "age": [20.0], "port": ["S"], "fare": [8.5], "lived": ["yes"]}
    answer(lambda other: other.learn(new))
    assert told("forget", "m.sqlearn", "--where", "age = 20")["count"] == 2
    with Store.open(store) as opened:
        assert opened.ids(where="age = 20") == ["q1"]
    answer(lambda other: other.forget(ids="p1"))
    assert "No row has the id 'p1'" in call("forget", "m.sqlearn", "--where", "age = 21", code=1)[1]
    assert told("forget", "m.sqlearn", "--where", "age = 200") == {"rows": 0, "of": 58}


def test_an_empty_file_of_ids_names_no_row(store):
    before = told("receipts", "m.sqlearn", "--salt")
    for given in ("", "\n \n", "\ufeff"):
        assert "names no row" in call("forget", "m.sqlearn", "--ids", "-", "--yes", given=given, code=2)[1]
    assert told("receipts", "m.sqlearn", "--salt") == before


def test_ids_of_thousands_of_digits(here, store):
    call("fit", "people.csv", "--target", "lived", "--model", "MixedNB", "--drop", "person", "--out", "n.sqlearn")
    digits = "9" * 5000
    assert (
        "not a whole number of 64 bits" in call("forget", "n.sqlearn", "--ids", "-", "--yes", given=digits, code=2)[1]
    )
    assert "No row has the id" in call("forget", "m.sqlearn", "--ids", "-", "--yes", given=digits, code=1)[1]


# ------------------------------------------------------------------------------------------------- tables


def test_how_a_table_is_read_is_kept(here):
    """No header, a rare delimiter, another encoding, other markers and words: said once."""
    rows = [
        f"p{i};{20 + i};{'ÅSB'[i % 3]};{'-' if i % 7 == 0 else i};{'ja' if i % 2 else 'nein'};{i % 5 > 1}\n"
        for i in range(60)
    ]
    (here / "a.data").write_text("".join(rows), "latin-1")
    (here / "b.data").write_text("".join(rows[:3]).replace("p", "ø"), "latin-1")
    assert "--encoding" in call("fit", "a.data", "--model", "MixedNB", "--target", "6", "--out", "a", code=1)[1]
    reading = "--encoding", "latin-1", "--header", "none", "--missing", "-", "--booleans", "nein,ja"
    _, seen = call("fit", "a.data", *reading, "--id", "1", "--model", "MixedNB", "--target", "6", "--out", "a")
    assert "a semicolon between columns" in seen and "boolean   nein, ja" in seen
    assert told("info", "a")["columns"]["5"] == {"role": "feature", "kind": "boolean"}
    assert told("learn", "a", "b.data")["count"] == 3
    assert len(told("predict", "a", "-", given="".join(rows[:2]).encode("latin-1"))["predictions"]) == 2
    assert told("forget", "a", "--ids", "-", "--yes", given="ø1\n".encode("latin-1"))["count"] == 1
    assert told("forget", "a", "--where", '"5" and "4" is null', "--dry-run")["rows"] == 4
    (here / "c.csv").write_text("1,2,3,4,5,6\nz1,30,Å,1,true,True\n")
    assert "has the number 1" in call("learn", "a", "c.csv", code=1)[1]  # other names: looked at anew
    assert told("learn", "a", "c.csv", "--header", "first", "--encoding", "utf-8")["count"] == 1
    assert told("verify", "a")["equal"] is True


def test_messages_with_quotation_marks(here):
    (here / "sms.tsv").write_text('ham\tGo on "now"\nspam\t"Free, in 2\nham\t"a few" was\nham\tGo on "now"\n' * 5)
    for quote in ([], ["--quote", "none"]):
        out = f"sms{len(quote)}"
        _, seen = call(
            "fit", "sms.tsv", "--header", "none", *quote, "--target", "1", "--model", "MixedNB", "--out", out
        )
        assert ("quotation marks are text" in seen) == (not quote)
        assert told("forget", out, "--where", '"2" = \'"a few" was\'', "--dry-run")["rows"] == 5
        assert len(told("predict", out, "-", given='x\t"a few" was\n')["predictions"]) == 1


def test_a_table_without_header_does_not_lose_its_first_row(here):
    (here / "n.csv").write_text("1,2\n3,4\n5,6\n7,9\n")
    fit = "fit", "n.csv", "--model", "LinearRegression", "--target"
    assert "it may be a row" in call(*fit, "2", "--out", "a", code=1)[1]
    assert told(*fit, "2", "--header", "none", "--out", "a")["rows"] == 4
    assert told(*fit, "2", "--header", "first", "--out", "b")["rows"] == 3
    assert told(*fit, "y", "--header", "x,y", "--out", "c")["rows"] == 4


def test_standard_input_is_a_table(here, store):
    given = "person,age,port,fare,lived\nq1,30,S,1,yes\n"
    assert told("learn", "m.sqlearn", "-", given=given)["count"] == 1
    assert call("predict", "m.sqlearn", "-", given=given)[0].startswith("person,prediction\nq1,")
    assert (
        told("fit", "-", "--target", "fare", "--drop", "person", "--model", "Ridge", "--out", "r", given=CSV)["rows"]
        == 60
    )
    assert "standard input has no rows" in call("learn", "m.sqlearn", "-", given="", code=1)[1]


def test_booleans_and_dates(here):
    rows = "".join(f"u{i},{20 + i},{str(i % 3 > 0).lower()},2020-01-{i + 1:02d},{i % 2}\n" for i in range(30))
    (here / "b.csv").write_text("user,age,consent,joined,y\n" + rows)
    fit = "fit", "b.csv", "--target", "y", "--model", "RidgeClassifier", "--id", "user"
    assert "Pass --keep 'joined'" in call(*fit, "--out", "b", code=2)[1]
    _, seen = call(*fit, "--keep", "joined", "--out", "b")
    assert "boolean   false, true" in seen.replace("     ", "   ") and "date, kept" in seen
    for where, count in [
        ("consent = false", 10), ("not consent", 10), ("consent <> true", 10), ("consent is false", 10),
        ("consent", 20), ("joined < '2020-01-11'", 10), ("consent and joined >= '2020-01-29'", 2),
    ]:  # fmt: skip
        assert told("forget", "b", "--where", where, "--dry-run")["rows"] == count, where
    _, trouble = call("forget", "b", "--where", "consent = 'false'", "--yes", code=1)
    assert "Write false without quotes" in trouble
    assert told("forget", "b", "--where", "joined < '2020-01-11' and not consent", "--yes")["count"] == 4
    assert told("verify", "b")["equal"] is True
    assert len(told("predict", "b", "b.csv")["predictions"]) == 30
    assert told("relabel", "b", "--where", "consent", "--to", "1", "--yes")["count"] == 10  # the others have it


def test_a_boolean_target(here):
    (here / "b.csv").write_text("x,y\n" + "".join(f"{i},{str(i > 9).lower()}\n" for i in range(20)))
    call("fit", "b.csv", "--target", "y", "--model", "GaussianNB", "--out", "b")
    assert call("predict", "b", "b.csv")[0].splitlines()[1] == "false"
    assert told("relabel", "b", "--where", "y and x < 12", "--to", "false", "--yes")["count"] == 2
    assert "column 'y'" in call("relabel", "b", "--where", "y", "--to", "maybe", "--yes", code=1)[1]
    assert told("forget", "b", "--where", "not y", "--dry-run")["rows"] == 12


@pytest.mark.parametrize("words", [("false", "true"), ("False", "True"), ("FALSE", "TRUE")])
def test_booleans_of_files_are_what_they_were_to_models(here, words):
    """The digests are those of the versions in which booleans were categories of text."""
    import booleans as kinds

    def cell(value):
        return "" if value is None else words[int(value)]

    lines = zip(kinds.AGE, kinds.CONSENT, kinds.GAP, kinds.LIVED, strict=True)
    text = "".join(f"{age},{cell(a)},{cell(b)},{cell(c)}\n" for age, a, b, c in lines)
    (here / "b.csv").write_text("age,consent,gap,y\n" + text)
    for model, digests in PINNED.items():
        call("fit", "b.csv", "--target", "y", "--model", model, "--out", model)
        assert told("info", model)["digest"].startswith(digests[words[1]])
        assert told("info", model)["columns"]["y"]["kind"] == "boolean"
        assert told("forget", model, "--where", "not consent or gap is null", "--yes")["count"] > 40
        assert told("verify", model)["equal"] is True


PINNED = {
    "MixedNB": {"true": "de275def0f5301d9", "True": "3d20aa96181f1c3a", "TRUE": "7cfabcf6e399d0d7"},
    "RidgeClassifier": {"true": "ae5bbb3d609856d4", "True": "97641ea666cb74ef", "TRUE": "560a374e41ee22a3"},
}


@pytest.mark.parametrize("after", [False, True])
def test_nothing_was_changed_is_said_where_it_is_known(store, after, monkeypatch, capsys):
    """Memory may end before the commit, and behind it."""

    def fails(*given, **more):
        raise MemoryError

    where = "sqlearn.commands.changing.tell_receipt" if after else "sqlearn.storage.changes.Changes._conclude"
    monkeypatch.setattr(where, fails)
    assert cli.main(["forget", "m.sqlearn", "--where", "age < 25", "--yes"]) == 1
    assert capsys.readouterr().err == f"Error: The memory is exhausted.{'' if after else ' Nothing was changed.'}\n"
    assert told("verify", "m.sqlearn")["rows"] == (50 if after else 60)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device"), "Standard output cannot be written: No space left on device."),
        (OSError(24, "Too many open files", "x"), "The operating system refused the request: [Errno 24] Too many open"),
        (OSError(28, "No space left on device", "x"), "The operating system refused the request: [Errno 28] No space"),
        (TimeoutError("slow"), "The operating system refused the request: slow."),
    ],
)
def test_errors_of_the_system_are_not_all_of_the_output(store, error, said, monkeypatch, capsys):
    def fails(store):
        raise error

    monkeypatch.setattr("sqlearn.cli.drop_output", lambda: None)
    monkeypatch.setattr("sqlearn.store.Store.receipts", fails)
    assert cli.main(["receipts", "m.sqlearn"]) == 1
    assert capsys.readouterr().err.startswith(f"Error: {said}")


def test_a_word_in_the_target_of_a_regressor(here):
    """It is the mistake, and not the numbers; as text the whole column would be refused, with its first value."""
    rows = [f"{i},{i * 2}\n" for i in range(9)]
    (here / "small.csv").write_text("a,y\n" + "".join(rows[:5]) + "5,unknown\n" + "".join(rows[5:]))
    fit = "fit", "small.csv", "--target", "y", "--model", "Ridge", "--out", "m"
    trouble = call(*fit, code=1)[1]
    assert "small.csv, line 7: the value in column 'y' is 'unknown', which is not a number" in trouble
    trouble = call(*fit, "--category", "y", code=1)[1]
    assert "line 7" in trouble and "'unknown'" in trouble and "the target of this model is a number" in trouble
    assert not (here / "m").exists()
    call("fit", "small.csv", "--target", "y", "--model", "MixedNB", "--out", "m")
    (here / "yes.csv").write_text("a,y\n1,true\n2,false\n3,true\n")
    assert told("fit", "yes.csv", "--target", "y", "--model", "Ridge", "--out", "b")["columns"]["y"] == "boolean"


def test_decimal_commas_are_told_and_kept(here):
    (here / "euro.csv").write_text("a;y\n" + "".join(f"{i},5;{i % 2}\n" for i in range(30)))
    fit = "fit", "euro.csv", "--target", "y", "--model", "MixedNB", "--out"
    assert "decimal comma: pass --decimal ," in call(*fit, "text")[1]
    assert "line 2: the value in column 'a' is '0,5'" in call(*fit, "m", "--number", "a", code=1)[1]
    assert told(*fit, "m", "--decimal", ",")["columns"]["a"] == "number"
    assert told("forget", "m", "--where", "a < 2.7", "--dry-run")["rows"] == 3
    (here / "more.csv").write_text("a;y\n99,5;1\n")
    assert told("learn", "m", "more.csv")["count"] == 1
    (here / "point.txt").write_text("a,y\n88.5,1\n")
    assert told("learn", "m", "point.txt")["count"] == 1
    assert told("forget", "m", "--where", "a in (99.5, 88.5)", "--dry-run")["rows"] == 2


def test_missing_words_add_to_the_usual_ones(here):
    (here / "gaps.csv").write_text("a,y\n1,u\nNA,v\n-,u\n,v\n")
    fit = "fit", "gaps.csv", "--target", "y", "--model", "MixedNB", "--category", "a", "--out"
    counts = {(): 2, ("--missing", "-"): 3, ("--no-default-missing",): 1, ("--no-default-missing", "--missing", "-"): 2}
    for number, (options, count) in enumerate(counts.items()):
        call(*fit, f"m{number}", *options)
        assert told("forget", f"m{number}", "--where", "a is null", "--dry-run")["rows"] == count
    told("learn", "m1", "gaps.csv", "--missing", "1")
    assert told("forget", "m1", "--where", "a is null", "--dry-run")["rows"] == 7


def test_what_changes_nothing_is_told(store):
    assert "No row fulfils" in call("forget", "m.sqlearn", "--where", "age > 200", "--yes")[0]
    assert told("forget", "m.sqlearn", "--where", "age > 200", "--yes") == {"rows": 0, "of": 60}
    for yes in (["--yes"], []):
        out = call("relabel", "m.sqlearn", "--where", "lived = 'yes'", "--to", "yes", *yes)[0]
        assert "All these rows have this target already" in out
    assert told("relabel", "m.sqlearn", "--where", "lived = 'yes'", "--to", "yes", "--dry-run")["rows"] == 0
    assert told("info", "m.sqlearn")["receipts"] == 1


def test_a_report_of_what_is_left(store, here):
    (here / "gone.csv").write_text("person,age,port,fare,lived\np7,27,C,1.75,yes\n")
    call("forget", "m.sqlearn", "--ids", "-", "--yes", given="p7\n")
    found = told("report", "m.sqlearn", "--table", "gone.csv", "--value", "somebody", "--value", "1.75")
    assert found["clean"] and found["findings"] == [] and found["residue"] == 0 and found["searched"] >= 6
    assert "0 traces" in call("report", "m.sqlearn", "--value", "1.75")[0]
    content = (here / "m.sqlearn").read_bytes()
    at = content.rindex(b"\0" * 64)
    (here / "m.sqlearn").write_bytes(content[:at] + b"somebody" + content[at + 8 :])
    out = call("report", "m.sqlearn", "--value", "somebody", code=1)[0]
    assert "'somebody' as text" in out


def test_advice_is_for_the_command_line(store, here):
    assert "its column in --target" in call("fit", "people.csv", "--model", "MixedNB", "--out", "x", code=1)[1]
    assert "created with --suppress" in call("suppressed", "m.sqlearn", "--out", "list", code=1)[1]
    (here / "text").write_text("no store" * 100)
    assert "sqlearn fit" in call("info", "text", code=1)[1]
    forget = "forget", "m.sqlearn", "--ids", "-", "--yes"
    trouble = call(*forget, given="p1\nq9\n", code=1)[1]
    assert "No row has the id 'q9' (position 1 of those given, counted from 0). Nothing was changed" in trouble
    trouble = call(*forget, given="q8\np1\nq9\n", code=1)[1]
    assert "(position 0 of those given, counted from 0), nor 1 more of the ids given." in trouble
    assert "No row has the id 'q9'. Nothing" in call(*forget, given="q9", code=1)[1]


def test_several_targets(here):
    (here / "t.csv").write_text("id,a,b,c\n1,1,2,3\n2,4,1,0\n3,0,5,9\n4,2,2,2\n")
    call("fit", "t.csv", "--model", "Ridge", "--target", "b", "--target", "c", "--id", "id", "--out", "t")
    with Store.open("t") as opened:
        expected = opened.predict({"a": [1.0, 4.0, 0.0, 2.0]}).tolist()
    lines = call("predict", "t", "t.csv")[0].splitlines()
    assert lines[0] == "id,b,c" and lines[1:] == [f"{i},{b},{c}" for i, (b, c) in enumerate(expected, 1)]
    found = told("predict", "t", "t.csv")["predictions"]
    assert found[1] == {"id": 2, "prediction": {"b": expected[1][0], "c": expected[1][1]}}
    relabel = "relabel", "t", "--where", "id = 2", "--yes"
    assert "pass --to once for each" in call(*relabel, "--to", "5", code=2)[1]
    assert "'x' is not a number" in call(*relabel, "--to", "5", "--to", "x", code=2)[1]
    assert told(*relabel, "--to", "5", "--to", "6")["count"] == 1
    with Store.open("t") as opened:
        assert opened.ids(where="b = 5 and c = 6") == [2]
    assert "whole" in call("receipts", "t", "--check")[0]
