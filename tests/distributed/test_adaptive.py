"""Adaptive learners over pieces, whose rows are asked where they lie: the bytes of one process, whatever happens."""

import copy
import gc
import os
import pickle
import sys
import time

import numpy as np
import pytest
from sklearn.base import clone

from laws import refit, snapshot
from learners import EVERYWHERE, over, over_kinds
from records import joined
from sqlearn import verify
from sqlearn.cluster import KMeans
from sqlearn.distributed import asking, fit, rows
from sqlearn.distributed.blocks import SHARE
from sqlearn.errors import NotLearnedError, TooLargeError, UnsupportedError
from sqlearn.linear_model import LogisticRegression
from tiny_rounds import ADAPTIVE, KINDS, cut, far, heavy, labelled, plain, sample

pytestmark = pytest.mark.filterwarnings("ignore")
SHAPED = [learner for learner in ADAPTIVE if learner._target == "label"]


def pieces(records, rng, n):
    """These records in `n` pieces of any size, some of which may be empty."""
    cuts = np.sort(rng.integers(0, len(records) + 1, n - 1))
    parts = [records.take(index) for index in np.split(np.arange(len(records)), cuts)]
    return [(part.X, part.y, part.w) for part in parts]


def fitted(learner, records, rng, n, **given):
    return fit(clone(learner), pieces(records, rng, n), **given)


def agree(model, learner, records, held, rng):
    """The model has the bytes of one that learned the records held in one process; but it does not keep them."""
    alone = refit(learner, records.take(held), rng)
    assert model.digest() == alone.digest()
    parts = alone.canonical_parts()
    assert model.canonical_parts() == {name: part for name, part in parts.items() if name != "rows"}


@over_kinds(ADAPTIVE)
def test_a_history_over_pieces(learner, monkeypatch):
    cut(monkeypatch)
    rng = np.random.default_rng(5)
    kind = KINDS[rng.integers(len(KINDS))]
    records = sample(learner, rng, 100, kind, classes=3)
    held = list(range(70))
    model = fitted(learner, records.take(held), rng, 5, memory=1 << 12)  # some of it lies in a file
    agree(model, learner, records, held, rng)
    for _ in range(3 if EVERYWHERE else 1):
        gone = rng.permutation(held)[: rng.integers(1, 30)].tolist()
        model.forget(**records.take(gone).given)
        held = [i for i in held if i not in gone]
        agree(model, learner, records, held, rng)
        out = [i for i in range(100) if i not in held]
        come = rng.permutation(out)[: rng.integers(1, len(out) + 1)].tolist()  # old ones and new ones
        model.partial_fit(**records.take(come).given)
        held += come
        agree(model, learner, records, held, rng)
        left = rng.permutation(held)[: len(held) // 2].tolist()
        with model.without(**records.take(left).given):
            agree(model, learner, records, [i for i in held if i not in left], rng)
        agree(model, learner, records, held, rng)


@over(SHAPED)
def test_labels_that_differ_by_piece_and_go(learner, monkeypatch):
    cut(monkeypatch)
    rng = np.random.default_rng(3)
    records = sample(learner, rng, 90, classes=3)
    records.y = np.array(["no", "maybe", "yes"])[(records.y + 2) // 2]
    by_label = records.take(np.argsort(records.y, kind="stable"))
    model, held = fitted(learner, by_label, rng, 9), np.arange(90)
    agree(model, learner, by_label, held, rng)
    for label in ("no", "yes"):  # the slot of one label is free for another
        chosen = np.flatnonzero(by_label.y == label)
        other = np.array(["maybe", "zebra"])[rng.integers(0, 2, len(chosen))]
        gone = by_label.take(chosen)
        model.relabel(gone.X, gone.y, other, **({} if gone.w is None else {"sample_weight": gone.w}))
        by_label.y[chosen] = other
        agree(model, learner, by_label, held, rng)


@over([LogisticRegression(), KMeans(2)])
@pytest.mark.parametrize("n", [1, 2, 7, 16, 64])
@pytest.mark.crossed(2)
def test_any_number_of_pieces(learner, n):
    """Enough records for rounds, among them copies in several pieces."""
    rng = np.random.default_rng(4)
    records = labelled(learner, rng, plain(rng, 9000), 2)
    records = joined([records, records.take(rng.integers(0, 9000, 2000))])
    alone = refit(learner, records)
    assert alone._state.statistic.trace is not None
    model = fitted(learner, records, rng, n)
    assert model.digest() == alone.digest()
    gone = rng.permutation(len(records))[:100]
    model.forget(**records.take(gone).given)
    assert model.digest() == alone.forget(**records.take(gone).given).digest()


@over([LogisticRegression(), KMeans(2)])
def test_what_breaks_nothing_asks_no_piece(learner, monkeypatch):
    rng = np.random.default_rng(5)
    records = labelled(learner, rng, plain(rng, 60_000))
    records.w = None
    model = fitted(learner, records, rng, 5)
    asked, made = [], rows.run
    monkeypatch.setattr(rows, "run", lambda workers, function, *more: asked.append(1) or made(workers, function, *more))
    quiet = 0
    for i in range(20):
        asked.clear()
        model.forget(**records.row(i))
        if model.last_update_.rows_scanned == 0:
            quiet += 1
            assert not asked
    assert quiet > 5
    agree(model, learner, records, np.arange(20, 60_000), rng)


@over([LogisticRegression()])
def test_extreme_rows_that_are_gone(learner, monkeypatch):
    cut(monkeypatch)
    rng = np.random.default_rng(6)
    for kind in (far, heavy):
        records = sample(learner, rng, 80, kind)
        model = fitted(learner, records, rng, 4)
        size = np.abs(records.X).max(axis=1)
        held = np.flatnonzero(size < 10)
        assert 0 < len(held) < 80
        model.forget(**records.take(np.flatnonzero(size >= 10)).given)
        agree(model, learner, records, held, rng)


def test_copies_are_numbered_through_all_pieces(monkeypatch):
    """Samples are drawn by the numbers of copies, so they tell."""
    cut(monkeypatch)
    learner, rng = LogisticRegression(), np.random.default_rng(7)
    few = sample(learner, rng, 6)
    few.w = None
    records = few.take(np.repeat(np.arange(6), 30))
    held = rng.permutation(180)
    model = fitted(learner, records.take(held), rng, 7)
    agree(model, learner, records, held, rng)
    assert all(part.repeated is None for part in model.state.statistic.rows.parts._parts)  # the index has them
    for _ in range(6):
        some = rng.permutation(180)[:60]
        model.forget(**records.take(some).given)
        agree(model, learner, records, np.setdiff1d(np.arange(180), some), rng)
        model.partial_fit(**records.take(some).given)
        agree(model, learner, records, np.arange(180), rng)
    with pytest.raises(NotLearnedError, match="not held"):
        model.forget(**records.take(np.zeros(31, int)).given)
    agree(model, learner, records, np.arange(180), rng)


@over([LogisticRegression(), KMeans(2)])
def test_pieces_that_nobody_keeps_are_read_again(learner, monkeypatch):
    cut(monkeypatch)
    rng = np.random.default_rng(8)
    records = sample(learner, rng, 90)
    model, held = fitted(learner, records, rng, 5), np.arange(90)
    for _ in range(4):
        for name in list(asking._kept):
            asking.let_go(name)
        gone, held = np.split(rng.permutation(held), [15])
        model.forget(**records.take(gone).given)
        agree(model, learner, records, held, rng)


@over([LogisticRegression(), KMeans(2)])
def test_an_error_leaves_the_model_as_it_was(learner, monkeypatch):
    cut(monkeypatch)
    rng = np.random.default_rng(9)
    records = sample(learner, rng, 90)
    model = fitted(learner, records, rng, 5)
    before, made = snapshot(model), rows.run

    def failing(*given):
        raise OSError("the disk is gone")

    monkeypatch.setattr(rows, "run", failing)
    for verb in (model.forget, model.partial_fit):
        with pytest.raises(OSError, match="the disk is gone"):
            verb(**records.take(range(40)).given)
        assert snapshot(model) == before
    monkeypatch.setattr(rows.Index, "count", failing)  # here nothing has been changed yet
    for verb in (model.forget, model.partial_fit):
        with pytest.raises(OSError, match="the disk is gone"):
            verb(**records.take(range(40)).given)
        assert snapshot(model) == before
    monkeypatch.undo()
    cut(monkeypatch)
    assert rows.run is made
    model.forget(**records.take(range(40)).given)
    agree(model, learner, records, np.arange(40, 90), rng)


def test_few_rows_are_gathered_up_to_a_limit():
    rng = np.random.default_rng(10)
    learner = LogisticRegression()
    records = labelled(learner, rng, plain(rng, 50))
    model = fitted(learner, records, rng, 4)
    alone = refit(learner, records)
    assert (model.coef_ == alone.coef_).all()
    assert (pickle.loads(pickle.dumps(model)).coef_ == alone.coef_).all()
    model.forget(**records.row(3))
    assert (model.coef_ == alone.forget(**records.row(3)).coef_).all()
    fresh = clone(learner)
    with pytest.raises(TooLargeError, match="gather_limit"):
        fit(fresh, pieces(records, rng, 4), gather_limit=100)
    assert not hasattr(fresh, "classes_")


def test_copies_of_a_model_say_where_its_rows_are(monkeypatch):
    cut(monkeypatch)
    rng = np.random.default_rng(11)
    learner = LogisticRegression()
    records = sample(learner, rng, 90)
    model = fitted(learner, records, rng, 5)
    for copied in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert copied.digest() == model.digest()
        assert (copied.predict(records.X) == model.predict(records.X)).all()
        with pytest.raises(UnsupportedError, match="5 pieces, piece 0 to piece 4"):
            copied.forget(**records.row(0))
    own = refit(learner, records)
    merged = own.merge(refit(learner, records.take(range(30))))
    assert model.merge(refit(learner, records.take(range(30)))).digest() == merged.digest()


def test_nothing_is_kept_of_a_model_that_is_gone(monkeypatch):
    cut(monkeypatch)
    rng = np.random.default_rng(12)
    learner = LogisticRegression()
    records = sample(learner, rng, 90)
    model = fitted(learner, records, rng, 5)
    name = next(reversed(asking._kept))
    blocks, used = [piece._blocks for piece in asking._kept[name].values()], SHARE.used
    assert len(blocks) == 5
    assert all(len(one) for one in blocks)
    del model
    gc.collect()
    assert name not in asking._kept
    assert not any(len(one) for one in blocks)
    assert SHARE.used < used


def test_a_question_looks_once_at_what_stays(monkeypatch):
    """A question of before that ends late tells a piece of other rows that are gone, in the midst of the next one."""
    rng = np.random.default_rng(11)
    X, y = rng.normal(size=(6000, 3)), rng.integers(0, 2, 6000)
    model = fit(LogisticRegression(), [(X[:3000], y[:3000]), (X[3000:], y[3000:])])
    model.forget(X[:500], y[:500])
    held = model.state.statistic.rows
    name, gone = held._gone_copies()
    key, sample = held.parts._parts[0].fit, asking.Sample([0, 1], asking.MAX_HASH)
    answer, late = asking.KeptPiece.answer, [asking.Copies(gone.digests[:100], gone.numbers[:100])]

    def answered_late(self, question, own, without):
        if late:
            answer(self, sample, b"another name", late.pop())
        return answer(self, question, own, without)

    assert len(asking.ask(key, 0, sample, name, gone)[1].w) == 2500
    assert sum(map(len, asking.kept(key, 0)._gone[1])) == 500  # kept are rows that are gone, as they are few
    monkeypatch.setattr(asking.KeptPiece, "answer", answered_late)
    for _ in range(2):
        found = asking.ask(key, 0, sample, name, None) or asking.ask(key, 0, sample, name, gone)
        assert len(found[1].w) == 2500


def test_nothing_is_kept_of_a_fit_that_fails(monkeypatch):
    cut(monkeypatch)
    rng = np.random.default_rng(13)
    X, y = rng.normal(size=(90, 3)), rng.integers(0, 2, 90)
    X[80, 1] = np.nan
    kept, used = {*asking._kept}, SHARE.used
    with pytest.raises(ValueError, match="NaN"):
        fit(LogisticRegression(), [(X[i : i + 15], y[i : i + 15]) for i in range(0, 90, 15)])
    until = time.monotonic() + 20
    while SHARE.used > used and time.monotonic() < until:  # threads end when they have done with a block
        time.sleep(0.05)
        gc.collect()
    assert {*asking._kept} <= kept
    assert SHARE.used <= used


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts the files that are open")
def test_many_pieces_without_memory_open_one_file(monkeypatch):
    cut(monkeypatch)
    rng = np.random.default_rng(14)
    X, y = rng.normal(size=(120, 3)), rng.integers(0, 2, 120)
    files = len(os.listdir("/proc/self/fd"))
    model = fit(LogisticRegression(), [(X[i : i + 3], y[i : i + 3]) for i in range(0, 120, 3)], memory=0)
    assert len(os.listdir("/proc/self/fd")) <= files + 2
    assert model.digest() == LogisticRegression().fit(X, y).digest()


def test_verify_compares_what_is_not_elsewhere(monkeypatch):
    cut(monkeypatch)
    rng = np.random.default_rng(15)
    for learner in (LogisticRegression(), KMeans(2, random_state=0)):
        records = sample(learner, rng, 90)
        model = fitted(learner, records, rng, 3)
        assert verify(model, records.X, **given(learner, records))
        rest = records.take(np.arange(1, 90))
        assert not verify(model, rest.X, **given(learner, rest))


def given(learner, records):
    """What a learner takes beside rows."""
    target = {"y": records.y} if learner._target else {}
    return target | {"sample_weight": records.w}
