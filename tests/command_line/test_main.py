"""What the command line makes of errors that no command expects, and of a file with a key."""

import pytest

from sqlearn import Store, cli

CSV = "age,port,lived\n" + "".join(f"{20 + i},{'SCQ'[i % 3]},{'yes' if i % 5 else 'no'}\n" for i in range(20))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.csv").write_text(CSV)
    return tmp_path


def test_a_table_of_ids_alone(here, capsys):
    (here / "ids.csv").write_text("id\n1\n2\n")
    assert cli.main(["fit", "ids.csv", "--model", "KMeans", "--id", "id", "--out", "s"]) == 1
    shown = capsys.readouterr().err.splitlines()
    assert shown[-1].startswith("Error: ") and "feature" in shown[-1] and not (here / "s").exists()


def test_an_error_that_nobody_expected_is_one_line(here, capsys, monkeypatch):
    def fails(*args, **options):
        raise ValueError("two\nlines")

    monkeypatch.setattr(Store, "create", fails)
    assert cli.main(["fit", "people.csv", "--model", "mixednb", "--target", "lived", "--out", "s"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "Error: two lines"


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_signing_key_loses_its_line_break_alone(here, end):
    key = b" \t0123456789abcdef\n\t"
    (here / "key").write_bytes(key + end)
    fit = "fit", "people.csv", "--target", "lived", "--model", "mixednb", "--out", "s"
    assert cli.main(["--signing-key", "key", *fit]) == 0
    with Store.open("s") as opened:
        assert opened.check_receipts(signing_key=key) and not opened.check_receipts(signing_key=key.strip())
    assert cli.main(["--signing-key", "key", "receipts", "s", "--check"]) == 0


def test_forests_learn_categories(here, capsys):
    """Columns of text and booleans as they are, their gaps among them, and forgotten by what they say."""
    rows = [f"{20 + i % 50},{'SCQ'[i % 3] if i % 7 else ''},{i % 2 == 0},{i % 4 < 2}" for i in range(80)]
    (here / "table.csv").write_text("\n".join(["age,port,old,lived", *rows]))
    (here / "new.csv").write_text("age,port,old\n30,S,True\n31,nowhere,False\n32,,\n")
    model = "--model", "RandomForestClassifier", "--param", "n_estimators=5"
    assert cli.main(["fit", "table.csv", "--target", "lived", *model, "--out", "s"]) == 0
    told = capsys.readouterr().err
    assert "port   category" in told and "old    boolean" in told
    assert cli.main(["forget", "s", "--where", "port = 'Q' and old", "--yes"]) == 0
    assert cli.main(["verify", "s"]) == 0
    capsys.readouterr()
    assert cli.main(["predict", "s", "new.csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4
    with Store.open("s") as store:
        assert store.model.fitted_params()["categorical_features"] == [1, 2] and len(store) < 80
