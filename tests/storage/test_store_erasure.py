"""After a forget nothing of the rows is in the files: no number, no word, no id, no earlier state, no oracle."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sqlearn import Store
from sqlearn.errors import StoreError
from sqlearn.linear_model import LogisticRegression, Ridge
from sqlearn.naive_bayes import GaussianNB, MixedNB
from sqlearn.preprocessing import StandardScaler
from sqlearn.storage.file.database import Database
from sqlearn.storage.file.descriptors import File
from sqlearn.storage.file.residue import residue
from sqlearn.storage.upkeep.erasure import forms_of, search
from tiny_rounds import cut

MARK = "MarkedText"


def marked(rows, first=0):
    """Rows whose every value is of that row alone, text of many lengths and in many scripts."""
    return {
        "id": [f"{MARK}Id{first + i:06d}" + "@example.org" * (i % 3) for i in range(rows)],
        "number": [1e6 + (first + i) / 7 for i in range(rows)],
        "whole": [10**12 + 1001 * (first + i) for i in range(rows)],
        "word": [f"{MARK}Ж{first + i:06d}" + f"{first + i:06d}" * (i % 30) for i in range(rows)],
        "missing": [None if i % 3 else f"{MARK}Sometimes{first + i:06d}" for i in range(rows)],
        "y": ["ab"[i % 2] for i in range(rows)],
    }


def content(store):
    with store._database.contents() as files:
        return b"".join(file.read(0, file.size) for file in files)


def searched(store, patterns):
    with store._database.contents() as files:
        return list(search(files, patterns))


def test_thousands_of_forgotten_rows_leave_nothing(tmp_path):
    """By id, by condition, in small and large calls, with learning between that uses the places again."""
    random = np.random.default_rng(0)
    table = marked(2400)
    store = Store.create(tmp_path / "a", MixedNB(), table, target="y", id="id")
    rows = dict(enumerate(zip(*table.values(), strict=True)))
    more = marked(800, first=2400)
    gone = []
    for step in range(8):
        some = random.choice(sorted(rows), 1 + 20 * step, replace=False).tolist()
        store.forget(ids=[rows[i][0] for i in some])
        gone += [rows.pop(i) for i in some]
        few = sorted(rows)[-60:]
        store.forget(where=f"number >= {rows[few[0]][1]!r} and word like '{MARK}%'")
        gone += [rows.pop(i) for i in few]
        new = {name: column[60 * step : 60 * step + 60] for name, column in more.items()}
        store.learn(new)
        rows |= {2400 + 60 * step + i: row for i, row in enumerate(zip(*new.values(), strict=True))}
    store.forget(where="id < 'MarkedTextId001000'")
    gone += [rows.pop(i) for i in sorted(rows) if i < 1000]
    assert len(gone) > 1600 and len(store) == len(rows)
    report = store.erasure_report(values=[value for row in gone for value in row[:5] if value is not None])
    assert report and report.searched > 7_000, str(report)
    bytes_ = content(store)
    held = sum(str(value).startswith(MARK) for row in rows.values() for value in row)
    pieces = store._saved.pieces._in_file()
    in_state = sum(piece.tobytes().count(MARK.encode()) for piece in pieces)  # the categories held
    assert bytes_.count(MARK.encode()) == held + in_state
    assert residue(store._database) == 0
    assert store.verify()
    store.forget(where="true")
    assert MARK.encode() not in content(store) and residue(store._database) == 0
    assert not store.erasure_report(table=marked(2400)).findings


@pytest.mark.parametrize("width", [1, 40, 600, 1500])
def test_rows_of_any_width(tmp_path, width):
    """Rows of less than a page, and rows that go over several."""
    random = np.random.default_rng(width)
    table = {f"x{j}": random.normal(size=40) for j in range(width)}
    store = Store.create(tmp_path / "a", StandardScaler(), table)
    store.forget(ids=list(range(0, 40, 2)))
    store.learn({name: column[:5] * 2 for name, column in table.items()})
    store.forget(ids=[1, 41, 43])
    gone = [column[i] for column in table.values() for i in (0, 1, 2, 20)]
    assert store.erasure_report(values=gone), str(store.erasure_report(values=gone))
    assert store.verify()


def test_a_table_whose_tree_has_three_levels(tmp_path):
    """Inner pages are split while it grows; the pages with rows never are."""
    random = np.random.default_rng(5)
    blocks = [{f"x{j}": random.normal(size=3000) for j in range(16)} for _ in range(9)]
    store = Store.create(tmp_path / "a", StandardScaler(), iter(blocks))
    (root,) = store._database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'rows'").fetchone()
    page = (tmp_path / "a").read_bytes()[4096 * (root - 1) :]
    child = int.from_bytes(page[8:12], "big")
    assert (tmp_path / "a").read_bytes()[4096 * (child - 1)] == 5
    store.forget(where="x3 > 0 or id < 100")
    gone = [block["x3"][i] for block in blocks for i in range(3000) if block["x3"][i] > 0]
    report = store.erasure_report(values=gone)
    assert report and report.searched > 10_000, str(report)
    assert store.verify()


def test_relabelled_rows_lose_their_target(tmp_path):
    table = {"x": np.arange(50.0), "y": [f"{MARK}{i % 5}" for i in range(50)]}
    store = Store.create(tmp_path / "a", GaussianNB(), table, target="y")
    store.relabel(where=f"y = '{MARK}3' or y = '{MARK}4'", to="other", new=True)
    report = store.erasure_report(values=[f"{MARK}{k}" for k in range(5)])
    assert report and {finding.value for finding in report.held} == {f"{MARK}0", f"{MARK}1", f"{MARK}2"}
    assert store.verify()


def test_the_report_finds_what_is_there(tmp_path):
    """A value in any form, in the database or the journal; and bytes in the gaps of pages."""
    table = {"x": [1234.5678, 2.0**70, -3.25e-9], "y": [1.0, 2.0, 3.0]}
    store = Store.create(tmp_path / "a", Ridge(), table, target="y")
    assert store.erasure_report(values=[1234.5678]).held[0].held_by == 1
    store.forget(ids=[0])
    assert store.erasure_report(values=[1234.5678])
    for value in (1234.5678, "Grace", 10**15 + 7):
        for form, pattern in forms_of(value).items():
            store._database.path.with_name("a-journal").write_bytes(b"abc" * 7 + pattern + b"d")
            report = store.erasure_report(values=[value, 0.5])
            assert (value, form, "a-journal", 21) in [(f.value, f.form, f.file, f.offset) for f in report.findings]
            assert {finding.value for finding in report.findings} == {value}
            assert not report and form in str(report)
    store._database.path.with_name("a-journal").write_bytes(b"")
    assert store.erasure_report(values=["x", 0.0]).skipped
    store.close()
    content = bytearray((tmp_path / "a").read_bytes())
    leaf = next(at for at in range(len(content) - 4096, 0, -4096) if content[at] == 13)
    gap = leaf + 8 + 2 * int.from_bytes(content[leaf + 3 : leaf + 5], "big")
    content[gap : gap + 5] = b"stale"
    (tmp_path / "a").write_bytes(content)
    report = Store.open(tmp_path / "a").erasure_report(values=["stale"])
    assert report.residue == 5 and report.findings[0].offset == gap and not report


def test_missing_ids_of_a_table_are_not_looked_for(tmp_path):
    people = {"id": ["ann", "bob"], "x": [1.5, 2.5], "y": [0.25, 0.75]}
    store = Store.create(tmp_path / "a", Ridge(), people, target="y", id="id")
    store.forget(ids=["ann"])
    for missing in (None, np.nan, pd.NA):
        assert store.erasure_report(table={"id": np.array(["ann", missing], object)})


def test_values_that_other_rows_hold_are_told_apart(tmp_path):
    table = {"x": [1.3, 20252025.0, 1.3], "name": ["Annabel", "born 20252025", "Ann"], "y": ["a", "b", "a"]}
    store = Store.create(tmp_path / "a", MixedNB(), table, target="y", id="name")
    store.forget(ids=["Ann", "born 20252025"])
    store.learn({"x": [3.5], "name": ["in 20252025"], "y": ["a"]})
    report = store.erasure_report(values=["Annabel", "Anna", "born", 1.3, 20252025.0])
    assert report and {f.value: f.held_by for f in report.held} == {"Annabel": 1, "Anna": 1, 1.3: 1, 20252025.0: 1}


def test_residue_sees_what_ordinary_deletion_leaves(tmp_path):
    """So that a residue of 0 says something: without fixed length and secure_delete there is some."""
    database = Database.create(tmp_path / "a", 1.0)
    with database.writing():
        database.lay_out()
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)")
    database.execute("PRAGMA secure_delete = OFF")
    with database.writing():
        database.executemany("INSERT INTO t (text) VALUES (?)", ((f"{MARK}{'x' * (i % 97)}",) for i in range(3000)))
        database.execute("DELETE FROM t WHERE id % 3 > 0")
    assert residue(database) > 1000


def test_search_across_the_blocks_of_a_large_file(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    content = random.integers(0, 4, 5000).astype(np.uint8).tobytes()
    (tmp_path / "f").write_bytes(content)
    patterns = {content[at : at + length]: ("v", "f") for at, length in [(0, 4), (997, 9), (4990, 10), (2047, 33)]}
    patterns[b"\1\1\1\2"] = ("v", "f")
    expected = {(p, "f", at) for p in patterns for at in range(5000) if content.startswith(p, at)}
    for size in (64, 100, 1000, 1 << 20):
        monkeypatch.setattr("sqlearn.storage.upkeep.erasure._AT_ONCE", size)
        with (tmp_path / "f").open("rb") as file:
            found = list(search([File("f", file.fileno())], patterns))
        assert set(found) == expected and len(found) == len(expected)


@pytest.mark.parametrize("model, features", [(GaussianNB(), 25), (LogisticRegression(), 4)])
def test_no_earlier_state_is_in_the_files(model, features, tmp_path, monkeypatch):
    """The difference of two states is the forgotten row: so no digit of an earlier one may be left."""
    cut(monkeypatch)
    random = np.random.default_rng(1)
    table = {f"x{j}": np.exp(20 * random.normal(size=60)) for j in range(features)}
    table["y"] = ["abcd"[i % 4] for i in range(60)]
    store = Store.create(tmp_path / "a", model, table, target="y")
    earlier, digests = set(), set()

    def digits():
        parts = store.model.canonical_parts()
        trace = store.model._state.statistic.trace if "sums 2" in parts else None  # what was asked in rounds
        asked = (*trace.pilot, *trace.rounds) if trace else ()
        sums = [parts["sums 1"], *(total.canonical(np.arange(1)) for past in asked for total in past.sums)]
        return {part[at : at + 8] for part in sums for at in range(32, len(part) - 8, 4)}

    for call in [
        *(lambda i=i: store.forget(ids=[i]) for i in range(0, 20, 2)),
        lambda: store.relabel(ids=[1, 3, 5], to="d"),
        lambda: store.forget(where="y = 'b'"),  # the state shrinks by a class
        lambda: store.learn({name: column[:3] for name, column in table.items()}),
        lambda: store.forget(where="x0 > 1e12"),  # and by some digits
    ]:
        earlier |= digits()
        digests.add(bytes.fromhex(store.digest()))
        digests.add(store.digest().encode())
        call()
    now = digits()
    telling = {pattern for pattern in earlier - now if pattern.count(0) + pattern.count(255) < 4}
    rows = b"".join(cells.tobytes() for _, cells in store._rows.scan())
    telling = {pattern for pattern in telling if pattern not in rows}
    assert len(telling) > 3000
    found = searched(store, dict.fromkeys(telling | digests, ()))
    assert not found
    assert len(searched(store, dict.fromkeys(now, ()))) >= len(now)


def test_who_holds_the_file_cannot_test_a_guess(tmp_path):
    """An attacker with the file guesses the forgotten row rightly, and still finds nothing to compare with."""
    table = {"x": [3.0, 1.0, 4.0, 1.5, 9.25], "y": [1.0, 2.0, 3.0, 4.0, 5.0]}
    store = Store.create(tmp_path / "a", Ridge(), table, target="y")
    kept = [store.receipts()[-1]]
    kept.append(store.forget(ids=[4]))
    kept.append(store.forget(ids=[0]))
    model = store.model
    model._state.taken_out = False  # who forges is not bound by what it refuses
    guesses = [model.digest()]  # of the states now, after the first forget, and after the creation
    for row in (0, 4):
        model.partial_fit([[table["x"][row]]], [table["y"][row]])
        guesses.append(model.digest())
    now, after_forget, after_create = guesses
    chain = store.receipts()
    # who has the salts can show it to an auditor
    assert [receipt.commits_to(digest) for receipt, digest in zip(kept, [after_create, after_forget, now], strict=True)]
    assert kept[0].commits_to(after_create) and kept[1].commits_to(after_forget)
    assert not kept[0].commits_to(after_forget)
    # who has the file only has neither salts nor digests, in any form
    for receipt in chain[:-1]:
        with pytest.raises(ValueError, match="no salt"):
            receipt.commits_to(after_create)
    assert chain[-1].commits_to(now)
    for forms in ((bytes.fromhex(r.salt), r.salt.encode()) for r in kept[:-1]):
        assert not searched(store, dict.fromkeys(forms, ()))
    files = content(store)
    salts = {files[at : at + 32] for at in range(len(files) - 32)} | {b""}
    assert replace(chain[0], salt=kept[0].salt).commits_to(after_create)  # what it takes
    for salt in salts:
        assert not replace(chain[0], salt=salt.hex()).commits_to(after_create)
        assert not replace(chain[1], salt=salt.hex()).commits_to(after_forget)
    # nor does a column of a receipt say anything about the row, or an index about its id
    assert all(not store.erasure_report(values=[value]).findings for value in (9.25, 4))


def test_a_forgotten_id_cannot_be_tested_by_its_keyed_hash(tmp_path):
    """The key of the hashes is in the file; so no hash of a forgotten id or word may be."""
    table = marked(3000)
    store = Store.create(tmp_path / "a", MixedNB(), table, target="y", id="id")
    hashes = store._ids.hashes(store._ids.keys(table["id"]))[:, 0]
    words = np.array([store._words.index.find(h[None])[0] for h in _word_hashes(store, table["word"])])
    assert (words > 0).all()
    gone = list(range(0, 3000, 2))
    store.forget(ids=[table["id"][i] for i in gone])
    patterns = [h.tobytes() for i in gone for h in (hashes[i], _word_hashes(store, [table["word"][i]])[0, 0])]
    assert not searched(store, dict.fromkeys(patterns, ()))
    held = [hashes[i].tobytes() for i in range(1, 3000, 2)]
    assert len(searched(store, dict.fromkeys(held, ()))) == len(held)


def test_hashes_of_forgotten_rows_are_gone(tmp_path, monkeypatch):
    """Nor may the hash that a row was sampled by be there, or what it stood under in the index of copies."""
    cut(monkeypatch)
    random = np.random.default_rng(2)
    table = {"x": random.integers(0, 40, 300) / 7, "y": random.integers(0, 2, 300)}
    store = Store.create(tmp_path / "a", LogisticRegression(), table, target="y")

    def hashes(table):
        rows = LogisticRegression().partial_fit(table["x"][:, None], table["y"])._state.statistic.rows
        entries = store._source.copies.names(rows.digests[rows.places()], rows.numbers[rows.places()])
        return {h.tobytes() for h in (*rows.keyed[rows.places()], *entries[:, 0])}

    before, rest = hashes(table), random.random(300) < 0.3
    store.forget(ids=np.flatnonzero(~rest).tolist())
    held = hashes({name: column[rest] for name, column in table.items()})
    assert len(held) == 2 * rest.sum() and held < before
    assert not searched(store, dict.fromkeys(before - held, ()))
    assert len(searched(store, dict.fromkeys(held, ()))) == len(held)


def _word_hashes(store, words):
    from sqlearn.storage.file.dictionary import message
    from sqlearn.storage.file.hash_index import hash_texts

    return hash_texts(store._key, [message(word) for word in words])


def test_receipts_are_checked(tmp_path):
    path = tmp_path / "a"
    table = {"x": np.arange(9.0), "y": np.arange(9.0)}

    def fresh():
        path.unlink(missing_ok=True)
        store = Store.create(path, Ridge(), table, target="y")
        kept = [store.receipts()[0], store.forget(ids=[1, 2]), store.relabel(ids=[0], to=5.0), store.learn(table)]
        return store, kept

    store, kept = fresh()
    assert [(r.number, r.kind, r.count) for r in kept] == [
        (1, "create", 9), (2, "forget", 2), (3, "relabel", 1), (4, "learn", 9),
    ]  # fmt: skip
    found = store.check_receipts(kept)
    assert found and str(found) == "4 receipts, the chain is whole"
    assert "forget 2 rows" in str(kept[1])
    for change, fault in [
        ("UPDATE receipts SET count = 1 WHERE number = 2", "receipt 3 does not follow"),
        ("UPDATE receipts SET time = '2020-01-01T00:00:00Z' WHERE number = 1", "receipt 2 does not follow"),
        ("UPDATE receipts SET kind = 'learn' WHERE number = 2", "receipt 3 does not follow"),
        ("UPDATE receipts SET commitment = previous WHERE number = 3", "receipt 4 does not follow"),
        ("DELETE FROM receipts WHERE number = 2", "receipt 2 is missing"),
        ("DELETE FROM receipts WHERE number = 1", "receipt 1 is missing"),
        ("UPDATE receipts SET number = number + 1 WHERE number = 4", "receipt 4 is missing"),
        ("DELETE FROM receipts WHERE number = 4", "does not commit to the state"),
        ("DELETE FROM receipts WHERE number > 2", "does not commit to the state"),
        ("UPDATE receipts SET commitment = previous WHERE number = 4", "does not commit to the state"),
        ("UPDATE receipts SET count = 1 WHERE number = 4", "does not commit to the state"),
        ("UPDATE receipts SET time = '2020-01-01T00:00:00Z' WHERE number = 4", "does not commit to the state"),
        ("DELETE FROM receipts", "there are no receipts"),
    ]:
        store, _ = fresh()
        with store._database.writing():
            store._database.execute(change)
        found = store.check_receipts()
        assert not found and fault in str(found), change
    store, _ = fresh()
    with store._database.writing():  # swapped
        for statement in ("-2 WHERE number = 2", "2 WHERE number = 3", "3 WHERE number = -2"):
            store._database.execute(f"UPDATE receipts SET number = {statement}")
    assert "receipt 2 does not follow" in str(store.check_receipts())
    # a chain that was written anew holds together; receipts that were kept tell
    other, theirs = fresh()
    assert other.check_receipts() and other.check_receipts(theirs)
    assert "which was kept" in str(other.check_receipts(kept))
    with pytest.raises(StoreError, match="in use"):
        with Store.open(path, timeout=0.05) as third, other._database.writing():
            third.learn(table)
