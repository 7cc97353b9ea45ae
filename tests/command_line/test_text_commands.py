"""Documents on the command line and in files: read as they are written, learned, forgotten, and looked for."""

import json

import pandas as pd
import pytest
from click.testing import CliRunner

from refusals import FILE, raises
from sqlearn import Store, cli
from sqlearn.commands.usage import in_options
from sqlearn.errors import SqlearnError, TableError
from sqlearn.table_files.files import TableFile

SMS = 'ham\tGo on "now", NA\nspam\t"Free, in 2\nham\t\nham\tlunch? yes\nspam\tFREE prize free\n' * 3
FIT = "--header", "label,message", "--target", "label", "--text", "message", "--model", "multinomialnb"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sms.tsv").write_text(SMS)
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


def test_a_store_of_messages_has_a_whole_life(here):
    _, seen = call("fit", "sms.tsv", *FIT, "--param", "ngram_range=(1,2)", "--param", "alpha=0.5", "--out", "m")
    assert "quotation marks are text" in seen and "message  text" in seen
    with Store.open("m") as store:
        assert store.model.learner.alpha == 0.5 and store.model.ngram_range == (1, 2)
        assert store.ids(where="message = ''") == [2, 7, 12]
        assert store.ids(where="message like '%NA'") == [0, 5, 10]  # a word, and nothing that is missing
        assert store.ids(where="message = '\"Free, in 2'") == [1, 6, 11]
    assert told("info", "m")["columns"]["message"] == {"role": "feature", "kind": "text"}
    assert told("predict", "m", "-", given='x\tfree "prize\n')["predictions"] == [{"prediction": "spam"}]
    assert told("learn", "m", "-", given="ham\tfrobnicate lunch\n")["count"] == 1
    assert told("report", "m", "--value", "Frobnicate")["held"]
    assert told("relabel", "m", "--where", "message glob 'frob*'", "--to", "spam", "--yes")["count"] == 1
    assert told("forget", "m", "--where", "message like 'frobnicate%'", "--yes")["count"] == 1
    report = told("report", "m", "--value", "Frobnicate lunch")
    assert report["clean"] and {finding["value"] for finding in report["held"]} == {"lunch"}
    assert told("verify", "m")["equal"] and told("receipts", "m", "--check")["whole"]
    call("compact", "m")
    assert told("verify", "m")["rows"] == 15


def test_columns_are_shown_on_lines_of_their_own(here):
    (here / "n.csv").write_text('label,message\nham,"see you\nat\tlunch"\nspam,free\n')
    _, seen = call("fit", "n.csv", "--line-breaks", *FIT[2:], "--out", "m")
    assert "  message  text      see you\\nat\\tlunch, free\n" in seen


def test_kept_documents(here):
    table = "a;b;note\n" + "".join(f"{i};{i % 2};note {i}, NA\n" for i in range(9))
    (here / "n.csv").write_text(table)
    call("fit", "n.csv", "--delimiter", ";", "--target", "b", "--text", "note", "--keep", "note", "--model",
         "gaussiannb", "--out", "m")  # fmt: skip
    assert told("info", "m")["columns"]["note"] == {"role": "kept", "kind": "text"}
    assert told("forget", "m", "--where", "note = 'note 3, NA'", "--yes")["count"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--target", "label", "--text", "message", "--model", "multinomialnb"), 1, "pass --header none or --header"),
        ((*FIT, "--quote", "double"), 1, "line 2.*--quote none"),
        ((*FIT[:-1], "Ridge"), 2, "Ridge does not learn from documents .--text.; BernoulliNB, .* do. To keep"),
        ((*FIT[:-1], "TextModel"), 2, "pass --text COL and one of BernoulliNB"),
        ((*FIT, "--param", "ngrams=2"), 2, "one of MultinomialNB's parameters: alpha, analyzer, .*, fit_prior,"),
        ((*FIT, "--param", "learner__key=a"), 2, "one of MultinomialNB's parameters"),
        ((*FIT, "--param", "ngram_range=2"), 2, "ngram_range"),
        ((*FIT, "--text", "label"), 1, "'label' is named in --text, and as another"),
        (("--header", "none", "--target", "1", "--text", "3", "--model", "bernoullinb"), 1, "no column '3'.* '1', '2'"),
    ],
)
def test_wrong_calls(here, arguments, code, says):
    import re

    _, said = call("fit", "sms.tsv", *arguments, "--out", "m", code=code)
    assert re.search(says, " ".join(said.split())), said
    assert not (here / "m").exists()


def test_a_header_that_is_given_twice_is_no_row(here):
    (here / "named.tsv").write_text("label\tmessage\nham\thello\n")
    with raises(FILE, match=r"named.tsv, line 1: it has the names .*header='first'"):
        TableFile("named.tsv", header=["label", "message"])
    assert next(iter(TableFile("named.tsv", header="first")))["message"].tolist() == ["hello"]


def test_texts_are_as_they_are_written(here):
    (here / "t.csv").write_text('text,n\n"  two, ""quoted"" ",1\nNULL,2\n,3\n?,NA\n')
    block = next(iter(TableFile("t.csv", kinds={"text": "text"})))
    assert block["text"].tolist() == ['  two, "quoted" ', "NULL", "", "?"]
    assert block["n"].tolist()[:3] == [1, 2, 3] and block["n"][3] != block["n"][3]
    (column,) = (c for c in TableFile("t.csv", kinds={"text": "text"}).columns if c.name == "text")
    assert (column.kind, column.missing) == ("text", 0)


def test_line_breaks_are_named_with_their_line(here):
    (here / "t.csv").write_text('text,n\none,1\n"two\nlines",2\n')
    with raises(FILE, match=r"t.csv, line 3: the text in column 'text' continues"):
        list(TableFile("t.csv", kinds={"text": "text"}))
    block = next(iter(TableFile("t.csv", kinds={"text": "text"}, line_breaks=True)))
    assert block["text"].tolist() == ["one", "two\nlines"]


def test_parquet(here):
    frame = pd.DataFrame({"text": ["a\nb", "", None], "number": [1, 2, 3], "y": [0, 1, 0]})
    frame.to_parquet("t.parquet")
    file = TableFile("t.parquet", kinds={"text": "text", "number": "text"})
    assert next(iter(file))["text"].tolist() == ["a\nb", "", None]
    assert next(iter(file))["number"].tolist() == ["1", "2", "3"]
    assert {c.name: c.missing for c in file.columns}["text"] == 1
    fit = "fit", "t.parquet", "--model", "bernoullinb", "--text", "text", "--target", "y", "--out", "m"
    said = call(*fit, "--drop", "number", code=1)[1]
    assert "t.parquet, row 2" in said and "no document to learn" in said
    assert "one column of text" in call(*fit, code=1)[1]


def test_a_kind_that_is_none(here):
    with pytest.raises(TableError, match="number, category, boolean, date, text, whole, drop"):
        TableFile("sms.tsv", header="none", kinds={"2": "documents"})


def test_compiling_ahead(capsys):
    assert cli.main(["warm-up", "BernoulliNB"]) == 0
    assert capsys.readouterr().out == "Compiled for BernoulliNB.\n"
