"""The pages of the four case studies run, with generated data and with files of a folder, and show what they say."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from learners import EVERYWHERE
from sqlearn.datasets import make_messages, make_ratings

ROOT = Path(__file__).resolve().parents[2]

seldom = pytest.mark.skipif(not EVERYWHERE, reason="takes seconds; `make docs` runs the page, `make thorough` the test")


@pytest.fixture
def page(monkeypatch, capsys):
    """A function that runs a page, and returns its names and what it printed."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    plt = pytest.importorskip("matplotlib.pyplot", reason="pages draw; `make docs` installs matplotlib and runs them")

    def run(name, folder=None):
        if folder is None:
            monkeypatch.delenv("SQLEARN_DATA", raising=False)
        else:
            monkeypatch.setenv("SQLEARN_DATA", str(folder))
        names = runpy.run_path(str(ROOT / "examples" / f"plot_case_{name}.py"))
        plt.close("all")
        return names, capsys.readouterr().out

    return run


@seldom
def test_a_recommender_forgets_false_users(page):
    names, printed = page("recommender")
    assert "Data: generated" in printed
    assert np.nanmean(names["polluted"]) > np.nanmean(names["repaired"]) + 0.2
    assert names["polluted_share"] > names["repaired_share"]


def test_a_recommender_reads_a_file(page, tmp_path):
    rows = [f"{int(u)},{int(i)},{r},0" for u, i, r in make_ratings(200, 60).data]
    (tmp_path / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *rows]))
    # items of so few ratings that one of them can be the target
    rare = [f"{user},{item},{item % 3 + 2},0" for item in range(900, 905) for user in range(item - 899, 60, 3)]
    with (tmp_path / "ratings.csv").open("a") as file:
        file.write("\n" + "\n".join(rare))
    names, printed = page("recommender", tmp_path)
    assert "Data: ratings.csv" in printed and "by 200 users" in printed
    assert len(names["false_users"]) == 6


@seldom
def test_a_detector_of_scripts_forgets_wrong_labels(page):
    names, printed = page("scripts")
    assert printed.count("byte for byte") == 2
    family = names["names"].index("redirect")
    assert names["polluted"][family] < min(names["forgotten"][family], names["relabelled"][family]) - 0.1
    assert names["new_words"]


def test_a_spam_filter_forgets_hamlike_spam(page):
    names, printed = page("spam")
    assert "Data: generated" in printed and "is not held by this TextModel" in printed
    assert names["polluted"][1] < names["forgotten"][1] - 0.05  # spam that looks like ham


def test_a_spam_filter_reads_a_file(page, tmp_path):
    messages = make_messages(900, random_state=5)
    lines = [f"{label}\t{text}\n" for label, text in zip(messages.target, messages.data, strict=True)]
    (tmp_path / "SMSSpamCollection").write_text("".join(lines), encoding="utf-8")
    _, printed = page("spam", tmp_path)
    assert "Data: SMSSpamCollection" in printed and "600 messages" in printed


def test_a_scanner_forgets_odd_documents(page):
    names, printed = page("documents")
    assert printed.count("byte for byte") == 2
    kind = names["names"].index("font")
    assert names["polluted"][kind] < names["forgotten"][kind] - 0.2
