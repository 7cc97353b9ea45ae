"""Random damages of stores, and what becomes of them: noticed, or harmless, and nothing else.

A damage is *noticed* when an error of this package is raised, or ``verify`` is false, or ``check_receipts`` with the
key of signed receipts. It is *harmless* when all contents are those of the original, all rows can be forgotten and
learned again, and the store verifies afterwards.

python tests/long/damages.py [COUNT] [SEED]
"""

import sys
import tempfile
import warnings
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer

from sqlearn import Store
from sqlearn.compose import TextModel, make_column_transformer
from sqlearn.errors import SqlearnError
from sqlearn.impute import SimpleImputer
from sqlearn.linear_model import LogisticRegression, RidgeClassifier
from sqlearn.naive_bayes import GaussianNB, MixedNB, MultinomialNB
from sqlearn.pipeline import make_pipeline
from sqlearn.preprocessing import OneHotEncoder
from sqlearn.recommend import ItemKNN

HOUR = datetime(2024, 1, 31, 12, tzinfo=UTC)
KINDS = ("bit", "byte", "block", "ones", "zeros", "cut")
PAGE = 4096


def numbers(n):
    random = np.random.default_rng(1)
    return {"x": random.normal(size=n), "z": random.normal(size=n), "y": np.arange(n) % 2}


def people(n):
    random = np.random.default_rng(2)
    return {
        "id": [f"person {i}" + "é" * (i % 40) for i in range(n)],
        "age": np.where(np.arange(n) % 7, random.normal(size=n), np.nan),
        "city": random.choice(["Rome", "Oslo", "Łódź", "x" * 90, None], n).tolist(),
        "y": random.choice(["yes", "no"], n).tolist(),
    }


def club(n):
    """With all that a store may have."""
    since = np.datetime64("2020-01-01", "us") + np.arange(n).astype("m8[D]")
    since[::9] = "NaT"
    return {
        "id": np.arange(n) * 7 - 100,
        "consent": [None if i % 5 == 0 else i % 3 == 0 for i in range(n)],
        "x": np.random.default_rng(4).normal(size=n),
        "since": since,
        "y": np.arange(n) % 2 == 0,
    }


def letters(n):
    """Documents of a few words and of many, so that some lie in pieces."""
    words = np.array([f"word{k}" + "é" * (k % 5) for k in range(300)])
    random = np.random.default_rng(6)
    return {
        "text": [" ".join(random.choice(words, int(random.integers(0, 9)) ** (1 + (i % 9 == 0)))) for i in range(n)],
        "note": [None if i % 3 else f"of {i}" for i in range(n)],
        "y": random.choice(["yes", "no"], n).tolist(),
    }


def tastes(n):
    """Interactions; each pair of user and item once."""
    numbers = np.arange(n)
    return {
        "user": [f"user {i // 6}" + "é" * (i // 6 % 30) for i in range(n)],
        "item": numbers % 6 * 5 + numbers // 6 % 3 - 3,
        "rating": np.random.default_rng(7).integers(1, 11, n) / 2,
    }


PEOPLE = make_column_transformer((SimpleImputer(), ["age"]), (OneHotEncoder(handle_unknown="ignore"), ["city"]))
SIGNED = {"signing_key": b"sixteen bytes or more"}
CASES = {
    "numbers": (GaussianNB(), numbers, {}, {"x": [0.5, -1.0], "z": [0.0, 2.0]}),
    "people": (MixedNB(), people, {"id": "id"}, {"age": [0.5, 1.0], "city": ["Oslo", None]}),
    "club": (
        MixedNB(),
        club,
        {"id": "id", "keep": ["since"], "suppress": True, **SIGNED},
        {"consent": [True, None], "x": [0.0, 2.0]},
    ),
    "letters": (TextModel(MultinomialNB()), letters, {"keep": "note", "text": "note"}, {"text": ["word1 word2", ""]}),
    "tastes": (
        ItemKNN(),
        tastes,
        {"target": None, "suppress": True},
        {"user": ["user 0", "user 2éé"], "item": [2, -3]},
    ),
    "rounds": (LogisticRegression(), numbers, {}, {"x": [0.5, -1.0], "z": [0.0, 2.0]}),
    "hashed": (
        make_pipeline(HashingVectorizer(n_features=8), LogisticRegression()),
        letters,
        {"keep": "note"},
        {"text": ["word1 word2", ""]},
    ),
    "steps": (
        make_pipeline(PEOPLE, RidgeClassifier(), keep_records=True),
        people,
        {"id": "id"},
        {"age": [0.5, 1.0], "city": ["Oslo", None]},
    ),
}


class Case:
    """A store, whole, and what it holds.

    Parameters
    ----------
    name : str
        Of one of :data:`CASES`.
    folder : Path
        Where files go.
    """

    def __init__(self, name, folder):
        model, table, more, self.asked = CASES[name]
        self.path, self.suppresses, self.key = folder / f"{name}.sqlearn", "suppress" in more, more.get("signing_key")
        self.table = table(150)
        self.more = {key: column[-5:] for key, column in table(160).items()}
        if "id" in more:
            self.more["id"] = [f"new {i}" for i in range(5)] if name in ("people", "steps") else range(9000, 9005)
        drawn = np.random.default_rng(3)
        with ExitStack() as stack:  # the same file each time
            stack.enter_context(patch("secrets.token_bytes", drawn.bytes))
            stack.enter_context(patch("sqlearn.storage.file.receipts.datetime")).now.return_value = HOUR
            with Store.create(self.path, model, self.table, **{"target": "y", **more}) as store:
                gone = store.ids()[3:40:4]
                store.forget(ids=gone)  # so that there are free places
                target = self.table["rating" if name == "tastes" else "y"]
                store.relabel(ids=store.ids()[:3], to=target[0], new=True)
                if name == "tastes":
                    store.forget(users=["user 1é"])
                if name == "club":
                    store.compact()
                    store.forget(ids=store.ids()[50:90:4])
        self.whole = self.path.read_bytes()
        self.telling = np.flatnonzero(np.frombuffer(self.whole, np.uint8))
        self.contents = self.read()

    def read(self):
        """All that the store tells, or None where ``verify`` is false, or a receipt is not signed any more."""
        with Store.open(self.path, timeout=0.1) as store:
            if not store.verify() or (self.key and not store.check_receipts(signing_key=self.key)):
                return None
            with store._database.reading():
                rows = [
                    {name: getattr(column, "values", lambda c=column: c)().tolist()
                     for name, column in store._rows.block(cells).items()}
                    for _, cells in store._rows.scan()
                ]  # fmt: skip
            return repr((
                store.ids(), [(receipt, receipt.signature) for receipt in store.receipts()],
                bool(store.check_receipts()), store.digest(), rows, store.columns,
                store.predict(self.asked).tolist(), store.id_column, store.textual_ids, store.model.get_params(),
                store.suppressed() if self.suppresses else None,
            ))  # fmt: skip

    def damaged(self, random):
        """Other contents of the file, and what was done."""
        content, kind = bytearray(self.whole), KINDS[random.integers(len(KINDS))]
        if random.random() < 0.15:
            at = int(random.integers(PAGE))  # the header and SQLite's list of tables
        elif random.random() < 0.7:
            at = int(random.choice(self.telling))
        else:
            at = int(random.integers(len(content)))
        if kind == "bit":
            content[at] ^= 1 << int(random.integers(8))
        elif kind == "byte":
            content[at] = int(random.integers(256))
        elif kind == "block":
            content[at : at + 16] = random.bytes(16)[: len(content) - at]
        elif kind == "cut":
            del content[at:]
        else:
            at -= at % PAGE
            content[at : at + PAGE] = (b"\xff" if kind == "ones" else b"\0") * PAGE
        return bytes(content), f"{kind} at {at}"

    def outcome(self, content):
        """What becomes of a damaged file."""
        for path in self.path.parent.glob(f"{self.path.name}*"):
            path.unlink()
        self.path.write_bytes(content)
        if content == self.whole:
            return "no change"
        try:
            found = self.read()
            if found is None:
                return "noticed"
            if found != self.contents:
                return "silent"
            with Store.open(self.path, timeout=0.1, signing_key=self.key) as store:
                store.learn(self.more)
                store.forget(where="true")
                if self.suppresses and "id" in self.table:
                    store.lift(self.table["id"][:60].tolist())
                elif self.suppresses:
                    store.lift(["user 1é"])
                store.learn({name: column[:60] for name, column in self.table.items()})
                sound = store.verify() and store.check_receipts() and len(store) == 60
            return "harmless" if sound else "silent"
        except SqlearnError:
            return "noticed"


def attack(count, seed, folder, names=tuple(CASES)):
    """Damage stores so many times. Returns how often each outcome came, and the damages that were silent or raw."""
    cases = {name: Case(name, folder) for name in names}
    outcomes, faults = Counter(), []
    for number in range(count):
        random = np.random.default_rng([seed, number])
        name = names[number % len(names)]
        content, told = cases[name].damaged(random)
        try:
            outcome = cases[name].outcome(content)
        except Exception as error:
            outcome = f"raw {type(error).__name__}"
            told += f": {error}"
        outcomes[outcome] += 1
        if outcome not in ("noticed", "harmless", "no change"):
            faults.append(f"{outcome}: {name}, {told} (seed {seed}, number {number})")
    return outcomes, faults


def main():
    warnings.simplefilter("ignore")
    count, seed = (int(given) for given in (*sys.argv[1:], *("10000", "0")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as folder:
        outcomes, faults = attack(count, seed, Path(folder))
    print(f"{count:,} damages: {', '.join(f'{n:,} {outcome}' for outcome, n in outcomes.most_common())}")
    print(*faults, sep="\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
