"""Processes that work on a store and are killed at any moment: before or after, and nothing between.

python tests/long/kills.py [COUNT] [SEED]
"""

import multiprocessing
import os
import signal
import struct
import sys
import tempfile
import time
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer

from sqlearn import Store
from sqlearn.compose import TableModel, TextModel, make_column_transformer
from sqlearn.errors import StoreError
from sqlearn.linear_model import LogisticRegression, RidgeClassifier
from sqlearn.naive_bayes import MixedNB, MultinomialNB
from sqlearn.pipeline import make_pipeline
from sqlearn.preprocessing import OneHotEncoder
from sqlearn.recommend import ItemKNN
from sqlearn.storage.upkeep.erasure import search

FORK = multiprocessing.get_context("fork") if hasattr(os, "fork") else None
TIED = "TiedTo"
MODELS = {
    "counts": MixedNB(),
    "rounds": TableModel(LogisticRegression()),
    "text": TextModel(MultinomialNB(), ngram_range=(1, 2)),
    "tastes": ItemKNN(),
    "hashed": make_pipeline(HashingVectorizer(n_features=8), LogisticRegression()),
    "kept": make_pipeline(make_column_transformer((OneHotEncoder(), ["word"])), RidgeClassifier(), keep_records=True),
}
OF_TEXT, OF_WORDS = ("text", "hashed"), ("counts", "kept")  # who learns from documents, and from a category of each row
CALLS = ("learn", "forget ids", "forget where", "relabel", "compact", "lift", "replay", "create")


def row_of(i):
    return {"id": f"{TIED}{i:08d}", "x": 1e7 + i / 7, "word": f"{TIED}W{i:08d}" if i % 2 else None, "y": "ab"[i % 2]}


def taste_of(i):
    """A row of a recommender's store: each has a user of its own."""
    return row_of(i) | {"word": f"{TIED}W{i:08d}", "y": 1.0 + i % 2, "item": i % 5}


def document_of(i):
    """A word that one row has, words that many have, and of every third row so many that it lies in pieces."""
    return f"{TIED}W{i:08d} has {i % 5} of the words " + f"and then some{i % 7} " * (40 * (i % 3 == 0))


def table_of(numbers, kind=None):
    rows = [taste_of(i) if kind == "tastes" else row_of(i) for i in numbers]
    rows = [row | {"word": document_of(i)} for i, row in zip(numbers, rows, strict=True)] if kind == "text" else rows
    return {name: [row[name] for row in rows] for name in rows[0]}


def traces_of(numbers, kind=None):
    """What each row leaves in a file, in every place where it stands; of a text, its word as it is learned too."""
    for i in numbers:
        row = taste_of(i) if kind == "tastes" else row_of(i)
        yield from (row["id"].encode(), struct.pack("<d", row["x"]))
        if kind == "text":
            yield from (f"{TIED}W{i:08d}".encode(), f"{TIED}W{i:08d}".lower().encode())
        elif row["word"]:
            yield row["word"].encode()


def create(path, model):
    (name,) = (name for name, known in MODELS.items() if known is model)
    kind = "text" if name in OF_TEXT else "tastes" if name == "tastes" else None
    keep = ["x"] if kind else [] if name in OF_WORDS else ["word"]  # a category to each row: many columns
    roles = {"user": "word", "rating": "y"} if kind == "tastes" else {"target": "y"}
    Store.create(path, model, table_of(range(60), kind), **roles, id="id", keep=keep, suppress=True).close()


def kind_of(store):
    """Which kind of rows a store has."""
    kinds = {column.kind if column.role == "feature" else column.role for column in store.columns}
    return "text" if "text" in kinds else "tastes" if "user" in kinds else None


class Shared:
    """What the process at work tells the one that kills it, without locks, which a killed one would keep.

    `used`: rows below this number may have been in the file; `calls`: how many were begun; `kind`: the last one;
    `took`: how long the one before it took, in seconds.
    """

    def __init__(self):
        self.used, self.calls, self.kind = (FORK.RawValue("q", value) for value in (60, 0, 0))
        self.took = FORK.RawValue("d", 0.005)


def work_until_killed(path, seed, shared):
    """Call whatever writes, at random."""
    random = np.random.default_rng(seed)
    store = Store.open(path)
    rows = kind_of(store)
    labels = (1.0, 2.0) if rows == "tastes" else ("a", "b")

    def named(id):
        """How a row is named that is not to come back."""
        return {"users": f"{TIED}W{id[len(TIED) :]}"} if rows == "tastes" else {"ids": id}

    while True:
        ids = store.ids()
        kind = CALLS[random.choice(8, p=[0.33, 0.18, 0.14, 0.15, 0.1, 0.04, 0.05, 0.01])]
        kind = "learn" if len(ids) < 30 else kind
        began = time.perf_counter()
        shared.kind.value = CALLS.index(kind)
        shared.calls.value += 1
        if kind == "learn":
            first, n = shared.used.value, int(random.integers(1, 25))
            shared.used.value = first + n
            store.learn(table_of(range(first, first + n), rows))
        elif kind == "forget ids":
            store.forget(ids=random.choice(ids, int(random.integers(1, 20)), replace=False).tolist())
        elif kind == "forget where":
            limit = 1e7 + int(random.integers(shared.used.value - 60, shared.used.value)) / 7
            store.forget(where=f"x < {limit!r} and y = {labels[0]!r}")
        elif kind == "relabel":
            store.relabel(ids=random.choice(ids, 5, replace=False).tolist(), to=labels[random.integers(2)], new=True)
        elif kind == "compact":
            store.compact()
        elif kind == "lift":
            store.forget(**named(ids[0]))
            store.lift(*named(ids[0]).values())
        elif kind == "replay":  # of a list that names rows which are here still
            some = random.choice(ids, 5, replace=False).tolist()
            if rows == "tastes":
                hashes = store._labels["user"].hashes([named(id)["users"] for id in some])
            else:
                hashes = store._ids.hashes(store._ids.keys(some))
            known = store.suppressed()
            store.replay(replace(known, hashes=(*known.hashes, *(row.tobytes().hex() for row in hashes))))
        else:
            other = path.with_name("made")
            other.unlink(missing_ok=True)
            create(other, MODELS["counts"])
        shared.took.value = time.perf_counter() - began


def check(path, shared, kept):
    """Open the store, and assert that it is whole and holds no trace of rows that are gone. Returns its receipts."""
    with Store.open(path) as store:
        assert store.verify()
        assert store.check_receipts(kept)
        receipts, ids = store.receipts(), store.ids()
        balance = sum(r.count * {"forget": -1, "relabel": 0, "lift": 0}.get(r.kind, 1) for r in receipts)
        assert len(ids) == len(set(ids)) == balance  # rows and receipts are of one moment
        held = {int(id[len(TIED) :]) for id in ids}
        gone, kind = set(range(shared.used.value)) - held, kind_of(store)
        with store._database.contents() as files:
            assert not list(search(files, dict.fromkeys(traces_of(gone, kind), ())))
            assert len(list(search(files, dict.fromkeys(traces_of(held, kind), ())))) >= 2 * len(held)
        assert store.erasure_report().residue == 0
    made = path.with_name("made")
    if made.exists():
        try:
            with Store.open(made) as other:
                assert len(other) == 60 and other.verify()
        except StoreError as error:
            assert error.reason == "not a store"
            assert all(TIED.encode() not in file.read_bytes() for file in path.parent.glob("made*"))
    return receipts


def attack(kills, seed, path, model):
    """Make a store, and kill so many processes that work on it. Returns how many were within a call of each kind.

    More are killed until one was within a commit, and some within four kinds of calls.
    """
    create(path, model)
    random = np.random.default_rng(seed)
    shared, kept, hit = Shared(), [], Counter()
    journal = path.with_name(path.name + "-journal")
    for kill in range(100 * kills):
        if kill >= kills and hit["journal left"] and len(hit) > 4:
            break
        shared.calls.value, wanted, deadline = 0, random.integers(1, 4), time.monotonic() + 300
        child = FORK.Process(target=work_until_killed, args=(path, [seed, kill], shared))
        child.start()
        while shared.calls.value < wanted:  # however slow the machine is
            assert time.monotonic() < deadline
            time.sleep(2e-4)
        time.sleep(random.random() * shared.took.value)
        child.kill()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        hit[CALLS[shared.kind.value]] += 1
        hit["journal left"] += journal.exists() and journal.stat().st_size > 0
        receipts = check(path, shared, kept)
        kept = receipts[-1:]
        if len(receipts) > 400:  # a new one, since checks take time for every row that ever was
            for file in path.parent.glob("*"):
                file.unlink()
            create(path, model)
            shared, kept = Shared(), []
    return hit


def main():
    warnings.simplefilter("ignore")
    count, seed = (int(given) for given in (*sys.argv[1:], *("10000", "0")[len(sys.argv) - 1 :]))
    hit = Counter()
    shared = Path("/dev/shm")
    for place in (None, shared if os.access(shared, os.W_OK) else None):
        for name, model in MODELS.items():
            with tempfile.TemporaryDirectory(dir=place) as folder:
                began = time.perf_counter()
                hit += attack(count // (2 * len(MODELS)), seed, Path(folder) / "a.sqlearn", model)
                print(
                    f"{name} in {folder}: {count // (2 * len(MODELS)):,} kills in {time.perf_counter() - began:.0f} s",
                    flush=True,
                )
    print("all whole; killed within: " + ", ".join(f"{kind} {n:,}" for kind, n in hit.most_common()))


if __name__ == "__main__":
    main()
