"""Learners that keep their records: those of all pieces in one place, or none; they forget by ids as others do."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn import tree
from sklearn.base import clone

from learners import LEARNERS, over, over_kinds
from records import tame
from sqlearn.compose import TableModel
from sqlearn.distributed import fit, forget, gathering, relabel, rows_of
from sqlearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, ShardedClassifier
from sqlearn.errors import SqlearnError, TableError, TooLargeError, UnknownIdError, UnsupportedError
from sqlearn.linear_model import LogisticRegression
from sqlearn.naive_bayes import GaussianNB
from sqlearn.neighbors import KNeighborsClassifier
from sqlearn.recommend import ItemKNN

KEEPING = [learner for learner in LEARNERS if learner.keeps_records]


def pieces_of(records):
    order = np.random.default_rng(0).permutation(len(records))
    parts = [records.take(index) for index in np.split(order, [9, 9, 30])]
    return [(part.X, part.y, part.w) for part in parts]


@over_kinds(KEEPING)
def test_records_are_gathered(learner):
    records = tame(learner, 40)
    model = fit(clone(learner), pieces_of(records))
    assert model.digest() == clone(learner).fit(**records.given).digest()


def test_more_records_than_the_limit_are_refused():
    learner = next(learner for learner in KEEPING if type(learner).__name__ == "KNeighborsClassifier")
    records = tame(learner, 40)
    model = clone(learner).fit(**records.take(range(9)).given)
    digest = model.digest()
    with pytest.raises(TooLargeError, match=r"keeps its records.*more than the 800 bytes of gather_limit"):
        fit(model, pieces_of(records), gather_limit=800)
    assert model.digest() == digest
    assert fit(model, pieces_of(records), gather_limit=40 * (3 + 1) * 8).n_records_ == 40


# ---------------------------------------------------------------------- rows that are named

FEATURES = ["a", "b"]
HARD = [1e12, -1e12, 0.0, -0.0, 5e-324, 1 / 3]
NAMED = [
    KNeighborsClassifier(2),
    RandomForestClassifier(3, random_state=1),
    HistGradientBoostingClassifier(max_iter=3, pilot_size=9),
    ShardedClassifier(tree.DecisionTreeClassifier(max_depth=2), 2),
    TableModel(LogisticRegression()),  # which has a ledger
]


def people(rng, n, first=0):
    """Rows of which many are equal, but for their numbers."""
    columns = {name: rng.choice(HARD, n) for name in FEATURES}
    return pd.DataFrame({"who": np.arange(first, first + n), **columns, "y": rng.integers(0, 2, n)})


def fitted(learner, table, **given):
    pieces = [table[:5], table[:0], table[5:]]
    return fit(clone(learner), pieces, y="y", columns=FEATURES, memory=0, **given)


def given(rows):
    return rows[FEATURES], rows["y"].to_numpy()


@over(NAMED)
def test_a_history_of_rows_that_are_named(learner):
    rng = np.random.default_rng(2)
    held, others = people(rng, 20), people(rng, 12, 20)
    model, gone = fitted(learner, held), []
    fresh = others.sample(0)  # rows that came since: they are in no piece

    def some(rows, n):
        return rows.loc[rng.permutation(rows.index)[:n]]

    def left(rows, fewer):
        gone.extend(fewer.who)
        return rows.drop(fewer.index)

    for step in range(14):
        match step % 7:
            case 0:
                out = some(held, 3)
                assert forget(model, ids=out.who.tolist(), id="who") == len(out)
                held = left(held, out)
            case 1:
                to, chosen = int(rng.integers(0, 2)), some(held, 2)
                assert relabel(model, to=to, where=f"who in {(*chosen.who.tolist(), -1)}") == len(chosen)
                held.loc[chosen.index, "y"] = to
            case 2:  # equal to rows that are held or went
                come = some(pd.concat([held, others]), 4).assign(who=-1)
                model.partial_fit(*given(come))
                fresh = pd.concat([fresh, come], ignore_index=True)
            case 3:
                out = held[held.a > 1]
                assert forget(model, where="a > 1") == len(out)
                held = left(held, out)
            case 4:
                out = some(fresh, 2)
                model.forget(*given(out))
                fresh = fresh.drop(out.index)
            case 5 if step < 7:
                model.merge(fitted(learner, others))
                held = pd.concat([held, others], ignore_index=True)
            case 6:
                model.merge(clone(learner).fit(*given(others)))
                fresh = pd.concat([fresh, others.assign(who=-1)], ignore_index=True)
        rows = pd.concat([held, fresh])
        assert model.digest() == clone(learner).fit(*given(rows)).digest()
        assert sorted(rows_of(model, where="a < 1").y.tolist()) == sorted(held.y[held.a < 1])
    assert fresh.who.eq(-1).all() and len(held) > 4
    for number in gone:
        with pytest.raises(UnknownIdError, match=f"No row of the pieces has the id {number}, or it was forgotten"):
            forget(model, ids=number, id="who")


def test_names_are_read_once_and_only_when_asked(monkeypatch):
    table, read, names_in = people(np.random.default_rng(0), 30), [], gathering._names_in
    monkeypatch.setattr(gathering, "_names_in", lambda *args: read.append(args[3]) or names_in(*args))
    model = fitted(KNeighborsClassifier(2), table)
    assert not read
    for number in range(3):
        assert forget(model, ids=number, id="who") == 1
        assert sorted(read) == [0, 1]


@pytest.mark.parametrize("change", ["a value", "two rows swap labels"])
def test_rows_that_have_changed_are_not_taken_for_those_that_were_learned(change):
    table = people(np.random.default_rng(0), 30)
    model = fit(KNeighborsClassifier(2), [table[:12], lambda: table[12:]], y="y", columns=FEATURES)
    before, kept = model.digest(), table.copy()
    if change == "a value":
        table.loc[20, "a"] += 1e12
    else:
        i, j = (int(table.index[table.y == label][-1]) for label in (0, 1))
        table.loc[[i, j], "y"] = 1, 0
    for _ in range(2):
        with pytest.raises(TableError, match=r"^The pieces have other rows now than those.*Nothing was changed"):
            forget(model, ids=3, id="who")
        assert model.digest() == before
    table = kept
    assert forget(model, ids=3, id="who") == 1


def test_a_pickle_forgets_but_does_not_know_its_pieces():
    table = people(np.random.default_rng(1), 20)
    model = fitted(KNeighborsClassifier(2), table)
    assert forget(model, ids=[3, 4], id="who") == 2
    rest = table.drop([3, 4])
    alone = KNeighborsClassifier(2).fit(*given(rest))
    assert pickle.dumps(model) == pickle.dumps(alone)
    alone.forget(*given(rest[:1]))
    for copied in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        with pytest.raises(UnsupportedError, match="a pickle does not say where rows came from"):
            forget(copied, ids=5, id="who")
        assert copied.forget(*given(rest[:1])).digest() == alone.digest()
    assert forget(model, ids=0, id="who") == 1
    assert model.digest() == alone.digest()


def test_why_rows_cannot_be_looked_up():
    table = people(np.random.default_rng(1), 20)
    reasons = {
        "fitted with ledger=False": fit(GaussianNB(ledger=False), [table], y="y", columns=FEATURES),
        "a recommender finds rows by their users and items itself": fit(
            ItemKNN(), [table[["who", "y", "who"]].set_axis([*"uir"], axis=1)]
        ),
        "not fitted by distributed.fit": fitted(KNeighborsClassifier(2), table).fit(*given(table)),
    }
    for reason, model in reasons.items():
        before = model.digest()
        with pytest.raises(UnsupportedError, match=rf"cannot be looked up in pieces: .*{reason}.*Nothing was changed"):
            forget(model, where="who = 1")
        assert model.digest() == before


def test_what_cannot_be_forgotten_changes_nothing():
    table = people(np.random.default_rng(1), 20)
    model = fitted(KNeighborsClassifier(2), table)
    before = model.digest()
    for refused in (
        lambda: forget(model, ids=[1, 99], id="who"),
        lambda: forget(model, where="height > 1"),
        lambda: relabel(model, to=0.5, ids=1, id="who"),
    ):
        with pytest.raises(SqlearnError, match="othing was changed"):
            refused()
        assert model.digest() == before
    assert forget(model, ids=[1], id="who") == 1
