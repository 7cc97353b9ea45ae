"""Documents in stores: kept, compared, learned and forgotten, and gone with the words that nobody else has."""

import json
import random

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone

from sqlearn import Store
from sqlearn.compose import TextModel
from sqlearn.errors import ConditionError, ParameterError, TableError
from sqlearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sqlearn.neighbors import NearestCentroid

MARK = "Marked"
SPAM = {
    "id": ["a", "b", "c", "d"],
    "text": ["free prize, claim it now", "see you at lunch", "claim your cash prize", "lunch was a prize"],
    "label": ["spam", "ham", "spam", "ham"],
}


def a_document(rnd):
    """A text of any kind that there is."""
    kind = rnd.randrange(8)
    words = " ".join(f"w{rnd.randrange(200)}" for _ in range(rnd.randrange(30)))
    return {
        0: "",
        1: "\0" * rnd.randrange(300) + words,
        2: "\ud800é漢\U0001f600" * rnd.randrange(100) + words,
        3: "x" * (112 * rnd.randrange(4)),  # the length of pieces
        4: words * rnd.randrange(200),
    }.get(kind, words)


def held(store):
    """The documents on file, by id."""
    found = {}
    with store._reading():
        for _, cells in store._rows.scan():
            texts = store._rows.block(cells, ["text"])["text"].tolist()
            found |= dict(zip(store._ids.of_cells(cells[:, -1]), texts, strict=True))
    return found


def content(store):
    with store._database.contents() as files:
        return b"".join(file.read(0, file.size) for file in files)


@pytest.mark.parametrize(
    "model",
    [
        TextModel(MultinomialNB(), ngram_range=(1, 2)),
        TextModel(ComplementNB(), analyzer="char", idf=True, sublinear_tf=True),
        TextModel(BernoulliNB(), min_df=2, select=20),
        TextModel(NearestCentroid(), tf_norm="l2"),
    ],
    ids=lambda model: type(model.learner).__name__,
)
@pytest.mark.crossed(2)
def test_random_histories(tmp_path, model):
    """After every step rows and model are those of the rows that should be there."""
    rnd, rows, following = random.Random(1), {}, 0

    def new(n):
        nonlocal following
        some = {following + i: (a_document(rnd), rnd.choice("abc")) for i in range(n)}
        following += n
        rows.update(some)
        return {"id": [*some], "text": [text for text, _ in some.values()], "y": [y for _, y in some.values()]}

    store = Store.create(tmp_path / "a", model, new(80), target="y", id="id")
    for step in range(25):
        kind = rnd.choice(["learn", "forget", "forget", "where", "relabel", "compact", "open"])
        if kind == "learn" or len(rows) < 20:
            store.learn(new(rnd.randrange(1, 40)))
        elif kind == "forget":
            gone = rnd.sample(sorted(rows), rnd.randrange(1, 20))
            store.forget(ids=gone)
            for id in gone:
                del rows[id]
        elif kind == "where":
            word = f"w{rnd.randrange(200)} "
            gone = [id for id, (text, _) in rows.items() if word in text]
            assert sorted(store.ids(where=f"instr(text, '{word}') > 0")) == gone
            store.forget(where=f"text like '%{word}%'")
            for id in gone:
                del rows[id]
        elif kind == "relabel":
            some, to = rnd.sample(sorted(rows), 5), rnd.choice("abc")
            store.relabel(ids=some, to=to, new=True)
            rows.update({id: (rows[id][0], to) for id in some})
        elif kind == "compact":
            store.compact()
        else:
            store.close()
            store = Store.open(tmp_path / "a")
        assert held(store) == {id: text for id, (text, _) in rows.items()}
        fresh = clone(model).set_params(ledger=False).partial_fit(*map(list, zip(*rows.values(), strict=True)))
        assert store.digest() == fresh.digest(), (step, kind)
        assert not store.erasure_report().residue
    assert store.verify() and store.check_receipts()
    store.forget(where="true")
    assert store.verify() and held(store) == {}


@pytest.mark.parametrize("frame", [dict, pd.DataFrame, pl.DataFrame])
def test_the_column_of_text_is_recognised(tmp_path, frame):
    store = Store.create(tmp_path / "a", TextModel(MultinomialNB()), frame(SPAM), target="label", id="id")
    assert [(column.name, column.kind) for column in store.columns] == [("text", "text"), ("label", "category")]
    assert store.predict(frame({"text": ["claim", "lunch"]})).tolist() == ["spam", "ham"]
    fresh = TextModel(MultinomialNB(), ledger=False).fit(SPAM["text"], SPAM["label"])
    assert store.model.canonical_parts()["sums 1"] == fresh.canonical_parts()["sums 1"]
    assert store.relabel(ids=["d"], to="spam").count == 1
    assert store.verify()


def test_conditions_read_documents_as_text(tmp_path):
    texts = ["", "a\0b", "\ud800 alone", "Größe", "x" * 200_000, "it's"]
    table = {"text": texts, "note": ["keep", None, "me", None, "", "n"], "y": [0, 1] * 3}
    store = Store.create(tmp_path / "a", TextModel(MultinomialNB()), table, target="y", keep="note", text=["note"])
    assert [column.kind for column in store.columns] == ["text", "category", "text"]
    for where, found in {
        "text = ''": [0],
        "length(text) = 3 and text like 'a%b'": [1],
        "text glob '* alone'": [2],
        "text = 'Größe'": [3],
        "length(text) > 1000": [4],
        "text = 'it''s' or note is null": [1, 3, 5],
        "text < 'b' and note is not null": [0],
        "text >= 'x'": [2, 4],
    }.items():
        assert store.ids(where=where) == found, where
    with pytest.raises(ConditionError, match="text is text, and 5 is a number"):
        store.ids(where="text > 5")


def test_a_document_of_a_megabyte(tmp_path):
    """In one run, and in the places that many small ones have left."""
    many = {"text": [f"small {i} " + "y" * (i % 150) for i in range(3000)], "y": [i % 2 for i in range(3000)]}
    store = Store.create(tmp_path / "a", TextModel(MultinomialNB()), many, target="y")
    long = "".join(chr(97 + i % 26) * (i % 50) + " " for i in range(40_000))
    store.forget(where="id % 3 = 1")  # places here and there
    store.learn({"text": [long, long + "end"], "y": [0, 1]})
    assert [held(store)[id] for id in (3000, 3001)] == [long, long + "end"]
    store.compact()
    assert store.ids(where="length(text) > 100000") == [3000, 3001]
    assert store.forget(ids=[3000, 3001]).count == 2
    assert long[5000:5100].encode() not in content(store) and store.verify()


# ---------------------------------------------------------------------- erasure


def test_no_document_and_no_word_is_left(tmp_path):
    """By id and by condition; words in UTF-8, as JSON writes them in the state, in small letters, in n-grams."""

    def words(i):  # the number first, so that no cut of one makes another
        return f"{i:04d}A{MARK}", f"{i:04d}Z{MARK}", f"{i:04d}Ö{MARK}"

    texts = {i: "{0} and {2} of ".format(*words(i)) + f"{words(i)[1]} " * (i % 40) for i in range(400)}
    table = {"id": [*texts], "text": [*texts.values()], "y": [i % 3 for i in texts]}
    store = Store.create(tmp_path / "a", TextModel(MultinomialNB(), ngram_range=(1, 3)), table, target="y", id="id")
    whole = content(store)
    assert whole.count(f"Ö{MARK}".encode()) > 390 and whole.count(b"\\u00f6marked") > 4 * 390  # but for a few cut ones
    store.forget(ids=list(range(0, 400, 7)))
    store.forget(where="text glob '01[0-3]*'")
    gone = sorted({*range(0, 400, 7), *range(100, 140)})
    assert store.ids() == [i for i in texts if i not in gone]
    left = content(store)
    for word in (word for i in gone for word in words(i)):
        assert word.encode() not in left and word.lower().encode() not in left
        assert json.dumps(word.lower())[1:-1].encode() not in left
    report = store.erasure_report(table={name: [column[i] for i in gone] for name, column in table.items()})
    assert report and report.searched > 8 * len(gone), str(report)
    assert store.verify()
    store.forget(where="true")
    left = content(store)
    assert MARK.encode() not in left and MARK.lower().encode() not in left


def test_the_report_finds_documents_and_words(tmp_path):
    """A document that is there still, its words as the model has them, words of another; and what was put there."""
    texts = ["Frobnicate the Ärmelkanal", "the frobnicator " * 30, "something else"]
    table = {"text": texts, "y": [0, 1, 1]}
    store = Store.create(tmp_path / "a", TextModel(MultinomialNB()), table, target="y")
    report = store.erasure_report(values=texts)
    assert report and {finding.value for finding in report.held} >= {*texts, "frobnicate", "ärmelkanal", "something"}
    assert any(finding.form == "piece 1 of a document" for finding in report.held)
    assert any(finding.form == "text (JSON)" for finding in report.held if finding.value == "ärmelkanal")
    store.forget(ids=[0])
    report = store.erasure_report(values=texts)
    assert report  # "frobnicat" is in a word that is held, and "frobnicate" is not
    assert not {"frobnicate", "ärmelkanal", texts[0]} & {finding.value for finding in report.held}
    with store._database.writing():  # a model that has kept a word
        model = store._model
        store._saved.pieces.write(store._saved.pieces.read() + b' "frobnicate"')
        store._model = model
    report = store.erasure_report(values=[texts[0]])
    assert not report and {finding.value for finding in report.findings} == {"frobnicate"}


def test_a_word_that_two_pieces_share_is_found(tmp_path):
    words = [f"{MARK}{i:05d}word" for i in range(3000)]
    table = {"text": [" ".join(words), "other"], "y": [0, 1]}
    store = Store.create(tmp_path / "a", TextModel(MultinomialNB()), table, target="y")
    pieces = [piece for _, piece in store._saved.pieces._in_file()]
    lower = [word.lower() for word in words]
    cut = [word for word in lower if not any(word.encode() in piece for piece in pieces)]
    assert cut
    report = store.erasure_report(values=cut)
    assert {finding.value for finding in report.held} == {*cut}
    assert all("state" in finding.file for finding in report.held if finding.form == "text (UTF-8)")


# ---------------------------------------------------------------------- what a commit costs


def test_a_commit_writes_the_pieces_that_change(tmp_path):
    rnd = np.random.default_rng(0)
    texts = [" ".join(f"w{k:05d}" for k in rnd.integers(0, 30_000, 60)) for _ in range(2000)]
    table = {"text": [*texts, "few words", "and more"], "y": np.arange(2002) % 2}
    store = Store.create(tmp_path / "a", TextModel(MultinomialNB()), table, target="y")
    slots, written = store._saved.slots, []
    replace = slots._replace
    slots._replace = lambda places, *given, **named: (written.append(len(places)), replace(places, *given, **named))
    assert len(slots) > 200
    store.forget(ids=[2000])  # three words, which are in the list of words, and twice in the sums of each class
    assert sum(written) < 25
    written.clear()
    store.relabel(ids=[2001], to=0)
    assert sum(written) < 25
    assert store.verify()


# ---------------------------------------------------------------------- wrong tables

MODEL = TextModel(MultinomialNB())
XTY = {"x": [1.0, 2.0], "t": ["a", "b"], "y": [0, 1]}


@pytest.mark.parametrize(
    ("model", "table", "named", "match"),
    [
        (GaussianNB(), XTY, {"text": "t"}, "GaussianNB does not learn from documents"),
        (GaussianNB(), XTY | {"t": ["a", 5]}, {"text": "t", "keep": "t"}, "row 1 .*not text: 5"),
        (MODEL, XTY, {}, "learns from one column of text"),
        (MODEL, {"x": [1, 2], "y": [0, 1]}, {}, "learns from a column of text, and 'x'"),
        (MODEL, {"t": ["a", None], "y": [0, 1]}, {}, "row 1 .*column 't', is missing"),
        (MODEL, {"t": ["a", float("nan")], "y": [0, 1]}, {}, "row 1 .*pass '' for a document"),
        (MODEL, {"t": ["a", b"b"], "y": [0, 1]}, {}, "row 1 .*not text"),
        (MODEL, {"t": ["a", "b"], "y": [0, 1]}, {"text": "z"}, "no column 'z'"),
        (MODEL, {"t": ["a", "b"], "y": ["c", "d"]}, {"text": ["y"]}, "named in `text`, and as"),
        (MODEL, {"t": ["a", "b"], "y": [0, 1]}, {"text": "t", "categorical": "t"}, "another kind"),
    ],
)
def test_wrong_tables(tmp_path, model, table, named, match):
    with pytest.raises(TableError, match=match):
        Store.create(tmp_path / "a", model, table, target="y", **named)
    assert not (tmp_path / "a").exists()


def test_wrong_rows_change_nothing(tmp_path):
    store = Store.create(tmp_path / "a", TextModel(MultinomialNB()), SPAM, target="label", id="id")
    before = store.digest(), content(store)
    with pytest.raises(TableError, match=r"row 1 .*missing"):
        store.learn({"id": ["e", "f"], "text": ["one", None], "label": ["ham", "ham"]})
    with pytest.raises(TableError, match="lacks the columns"):
        store.predict({"label": ["a"]})
    with pytest.raises(TableError, match="not text: 3"):
        store.predict({"text": [3]})
    assert (store.digest(), content(store)) == before


def letters(text):
    return text.split("e")


def test_functions_are_not_saved(tmp_path):
    """A file from elsewhere must run no code."""
    model = TextModel(MultinomialNB(), analyzer=letters).fit(SPAM["text"], SPAM["label"])
    with pytest.raises(ParameterError, match="which a store cannot save"):
        Store.create(tmp_path / "a", model, SPAM, target="label", id="id")
    assert not (tmp_path / "a").exists()


def test_large_kept_documents_are_read_in_parts(tmp_path, monkeypatch):
    """So that memory is for some of them, not all."""
    monkeypatch.setattr("sqlearn.storage.records.rows._PIECES", 50)
    table = {"x": np.arange(300.0), "t": [f"{i} " * (i % 300) for i in range(300)], "y": np.arange(300) % 2}
    store = Store.create(tmp_path / "a", GaussianNB(), table, target="y", keep="t", text="t")
    with store._reading():
        assert len(list(store._rows.scan())) > 30
    store.forget(where="t like '2%'")
    gone = [i for i, text in enumerate(table["t"]) if text.startswith("2")]
    assert store.ids() == [i for i in range(300) if i not in gone] and store.verify()


def test_a_forget_reads_its_own_document(tmp_path):
    store = Store.create(tmp_path / "a", TextModel(MultinomialNB()), SPAM, target="label", id="id")
    read = []
    glance = store._rows.documents.slots.glance
    store._rows.documents.slots.glance = lambda places: (read.extend(places.tolist()), glance(places))[1]
    store.forget(ids=["a"])
    assert {*read} == {1}
