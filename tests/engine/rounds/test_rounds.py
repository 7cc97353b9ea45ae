"""Rounds: with samples so small and grids so fine that all levels break, a model is still its refit, byte for byte."""

import copy
import os
import pickle
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from history import history_of
from laws import assert_same, check_contract, emptied, refit, renamed, unchanged
from learners import EVERYWHERE, crossed, over_each, over_kinds
from records import Records, joined, pool_of, records_of
from sqlearn.engine.rounds import samples
from sqlearn.errors import NotLearnedError
from sqlearn.linear_model import LogisticRegression, PoissonRegressor
from sqlearn.svm import LinearSVC
from tiny_rounds import ADAPTIVE, KINDS, WIDTHS, broke_at, cut, far, heavy, plain, sample, shrink, some, ties, twins

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    return cut(monkeypatch)


# --------------------------------------------------------------------------------------------------------- the laws


@crossed(20, learner=ADAPTIVE, kind=KINDS, width=WIDTHS)
def test_updates_equal_refits(learner, kind, width, tiny):
    shrink(tiny, width=width)
    rng = np.random.default_rng(len(kind.__name__))
    records = sample(learner, rng, 70, kind)
    model, held = refit(learner, records.take(range(60)), rng), list(range(60))
    seen = Counter()

    def check():
        seen[broke_at(model)] += 1
        assert_same(model, refit(learner, records.take(held), rng))

    check()
    for i in rng.permutation(held)[:4].tolist():  # one by one
        model.forget(**records.row(i))
        held.remove(i)
        check()
    for i in (60, 61):
        model.partial_fit(**records.row(i))
        held.append(i)
        check()
    gone = rng.permutation(held)[:9].tolist()  # a batch
    model.forget(**records.take(gone).given)
    held = [i for i in held if i not in gone]
    check()
    model = pickle.loads(pickle.dumps(model))
    check()
    model.merge(refit(learner, records.take(range(62, 70)), rng))
    held += range(62, 70)
    check()
    if records.y is not None:
        changed = replace(records, y=records.relabelled(rng).y)
        some = rng.permutation(held)[:5].tolist()
        model.relabel(**renamed(records.take(some), changed.take(some)))
        rest = records.take([i for i in held if i not in some])
        assert_same(model, refit(learner, joined([rest, changed.take(some)]), rng))
        model.relabel(**renamed(changed.take(some), records.take(some)))
        check()
    for part in np.array_split(rng.permutation(held), 5)[:-1]:  # below two pilots, octave by octave
        model.forget(**records.take(part).given)
        held = [i for i in held if i not in part]
        check()
    model.partial_fit(**records.take([i for i in range(70) if i not in held]).given)
    held = list(range(70))
    check()
    assert len(model._state.statistic.trace.rounds)


@crossed(15, learner=ADAPTIVE, level=range(3), width=WIDTHS)
def test_contract(learner, level, width, tiny):
    shrink(tiny, width=width)
    rng = np.random.default_rng([level, len(width)])
    check_contract(learner, records_of(learner, rng, 36, level), rng)


@over_kinds(ADAPTIVE)
def test_contract_with_hard_records_among_tame_ones(learner):
    rng = np.random.default_rng(6)
    check_contract(learner, pool_of(learner, rng, 60 if EVERYWHERE else 28), rng)


@over_kinds(ADAPTIVE)
@pytest.mark.parametrize("pilot", [2, 4])
@pytest.mark.crossed(2)
def test_history(learner, pilot, tiny):
    """n crosses octaves and two pilots up and down."""
    shrink(tiny, pilot, "fine")
    run_state_machine_as_test(
        history_of(learner),
        settings=settings(
            max_examples=int(os.environ.get("HISTORY_EXAMPLES", 5 if EVERYWHERE else 3)),
            stateful_step_count=int(os.environ.get("HISTORY_STEPS", 12)),
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@over_each(ADAPTIVE)
def test_crossing_two_pilots_up_and_down(learner):
    rng = np.random.default_rng(3)
    records = sample(learner, rng, 70)
    records.w = None
    model = refit(learner, records.take(range(14)))
    walked = Counter()
    for n in [*range(15, 19), *range(31, 35), *range(63, 67)]:
        model.partial_fit(**records.take(range(model.n_records_, n)).given)
        assert (model._state.statistic.trace is None) == (n < 16)
        assert_same(model, refit(learner, records.take(range(n)), rng))
    for n in range(65, 12, -1):
        model.forget(**records.row(n))
        walked[broke_at(model)] += 1
        if n % 8 in (0, 7):
            assert_same(model, refit(learner, records.take(range(n)), rng))
    assert walked["scale"] >= 1


# ------------------------------------------------------------------------------------------------------------ breaks


@over_kinds([LogisticRegression(), LogisticRegression(C=100.0, fit_intercept=False), PoissonRegressor(), LinearSVC()])
def test_every_level_breaks_and_holds(learner, tiny):
    """Single forgets break at the scale, the grid, the pilot and the rounds, and walk to the end; all equal a refit."""
    seen, later, compared = Counter(), 0, Counter()
    for grid, kind, seed in (("fine", heavy, 0), ("coarse", plain, 1), ("fine", plain, 2), ("coarse", twins, 3)):
        shrink(tiny, 4, grid)
        rng = np.random.default_rng(seed)
        records = sample(learner, rng, 120, kind)
        model = refit(learner, records)
        for i in range(55):
            before = model._state.statistic.trace
            model._state.statistic.aside = None  # which it might return to
            model.forget(**records.row(i))
            after, last = model._state.statistic.trace, model.last_update_
            seen[last.broke_at] += 1
            if last.broke_at in (None, "rest"):  # all rounds hold, and in the end theta is at rest, or it is not
                assert last.rounds_kept == len(after.rounds) <= len(before.rounds)
                kept = before.rounds[: len(after.rounds)]
                assert [a.theta.tobytes() for a in after.rounds] == [b.theta.tobytes() for b in kept]
                compared[last.broke_at] += len(kept)
            elif isinstance(last.broke_at, int):
                later += last.broke_at > 1
                assert last.rounds_kept == last.broke_at
                assert [a.theta.tobytes() for a in after.rounds[: last.rounds_kept]] == [
                    b.theta.tobytes() for b in before.rounds[: last.rounds_kept]
                ]
            if i % 3 == 0:
                assert_same(model, refit(learner, records.take(range(i + 1, 120)), rng))
    assert {"scale", "grid", "pilot", 1, "rest", None} <= seen.keys(), seen
    assert later, seen
    assert min(compared[None], compared["rest"]) > 30, compared  # else holding is not tested


@over_kinds(ADAPTIVE)
def test_a_memo_is_no_part_of_the_state(learner, tiny):
    rng = np.random.default_rng(4)
    shrink(tiny, 4, "coarse")
    records = sample(learner, rng, 90)
    model, other = refit(learner, records), refit(learner, records)
    for i in range(25):
        for one in (model, other):
            one.forget(**records.row(i))
        if i % 2:
            one.partial_fit(**records.row(i)).forget(**records.row(i))
        other.drop_memo()
        assert model.canonical_parts() == other.canonical_parts()
    assert_same(model, refit(learner, records.take(range(25, 90)), rng))


@over_kinds(ADAPTIVE)
def test_nothing_of_the_past_is_kept(learner):
    rng = np.random.default_rng(5)
    records = sample(learner, rng, 50)
    mark = 123456.789
    records.X[7] = mark
    records.w = None
    model = refit(learner, records)
    model.forget(**records.row(7))
    statistic = model._state.statistic
    assert not statistic.changes
    assert not (statistic.rows.x == mark).any()
    with pytest.raises(ValueError):
        model.forget(**records.take([1, 2, 3, 7]).given)
    assert not statistic.changes
    assert_same(model, refit(learner, records.take([i for i in range(50) if i != 7]), rng))


# ---------------------------------------------------------------------------------------------------------- classes

CLASSIFIERS = [learner for learner in ADAPTIVE if learner._target == "label"]


@crossed(5, learner=CLASSIFIERS, width=WIDTHS)
def test_classes_come_go_and_come_back(learner, width, tiny):
    shrink(tiny, width=width)
    rng = np.random.default_rng(8)
    records = sample(learner, rng, 60, classes=3)
    third = np.flatnonzero(records.y == 3)
    two = np.flatnonzero(records.y != 3)
    model, both = refit(learner, records.take(two)), refit(learner, records, rng)
    for _ in range(2):  # 2 -> 3 -> 2
        model.partial_fit(**records.take(third).given)
        assert_same(model, both)
        for i in third[:-1]:
            model.forget(**records.row(i))
        assert_same(model, refit(learner, records.take([*two, third[-1]]), rng))
        model.forget(**records.row(third[-1]))
        assert_same(model, refit(learner, records.take(two), rng))
    for label in (-5, 0, 9):  # all rows of a class get another label, before, between and after the others, in one call
        ones = records.take(np.flatnonzero(records.y == 1))
        changed = replace(ones, y=np.full(len(ones), label))
        rest = records.take(np.flatnonzero(records.y == -1))
        model.relabel(**renamed(ones, changed))
        assert_same(model, refit(learner, joined([rest, changed]), rng))
        model.relabel(**renamed(changed, ones))
        assert_same(model, refit(learner, records.take(two), rng))
    swapped = replace(records, y=-records.y).take(two)  # all change places
    model.relabel(**renamed(records.take(two), swapped))
    assert_same(model, refit(learner, swapped, rng))
    one = swapped.take(np.flatnonzero(swapped.y == 1))  # one class is left, and then another
    model.forget(**swapped.take(np.flatnonzero(swapped.y != 1)).given)
    assert_same(model, refit(learner, one, rng))
    model.partial_fit(**records.take(third).given)
    assert_same(model, refit(learner, joined([one, records.take(third)]), rng))


@over_kinds(CLASSIFIERS)
def test_a_class_of_one_record_moves_past_the_others(learner):
    """Seldom in any sample, it changes what the classes of all other records are called, and nothing else."""
    rng = np.random.default_rng(14)
    records = sample(learner, rng, 60)
    records.w = None
    for i in range(12):
        last, first = (replace(records, y=np.where(np.arange(60) == i, label, records.y)) for label in (9, -9))
        model = refit(learner, last)
        model.relabel(**renamed(last.take([i]), first.take([i])))
        assert_same(model, refit(learner, first, rng))


@over_kinds(CLASSIFIERS)
def test_labels_of_all_kinds(learner):
    rng = np.random.default_rng(9)
    records = sample(learner, rng, 50, classes=3)
    names = replace(records, y=np.array(["", "Überlänge", "z"])[(records.y + 1) // 2])
    model = clone(learner)
    for part in np.array_split(rng.permutation(50), 6):  # from nothing; at times one class
        model.partial_fit(**names.take(part[np.argsort(names.y[part])]).given)
    assert_same(model, refit(learner, names, rng))
    kept, gone = some(rng, names, 30)
    for i in gone:
        model.forget(**names.row(i))
    assert_same(model, refit(learner, names.take(kept), rng))


@over_kinds(CLASSIFIERS)
def test_one_class_and_then_a_second(learner):
    rng = np.random.default_rng(10)
    records = sample(learner, rng, 60)
    records.w = None
    order = np.argsort(records.y, kind="stable")
    model, held = clone(learner), []
    for part in np.array_split(order, 12):
        model.partial_fit(**records.take(part).given)
        held += part.tolist()
        assert_same(model, refit(learner, records.take(held), rng))
    for i in order[::-1]:
        model.forget(**records.row(i))
        held.pop()
        if len(held) % 9 == 0 and held:
            assert_same(model, refit(learner, records.take(held), rng))
    assert_same(model, emptied(learner, records))


@crossed(6, learner=CLASSIFIERS, margin=[0.0, 1.0], width=WIDTHS)
def test_separable_data(learner, margin, width, tiny):
    shrink(tiny, width=width)
    rng = np.random.default_rng(11)
    learner = clone(learner).set_params(C=1e6)
    X = rng.normal(size=(60, 3))
    X[:, 0] += margin * np.sign(X[:, 0])
    records = Records(X, (X[:, 0] > 0) * 2 - 1, None)
    model = refit(learner, records)
    for i in range(20):
        model.forget(**records.row(i))
        if i % 4 == 3:
            assert_same(model, refit(learner, records.take(range(i + 1, 60)), rng))


# ------------------------------------------------------------------------------------- what must not make a difference


@crossed(16, learner=ADAPTIVE, kind=[plain, ties, heavy, far])
def test_blocks_orders_and_threads_do_not_show(learner, kind, tiny):
    rng = np.random.default_rng(12)
    records = sample(learner, rng, 90, kind)
    kept, gone = some(rng, records, 60)
    reference, digests = refit(learner, records.take(kept)), []
    for block in (1, 3, 16, 64, 2048) if EVERYWHERE else (1, 16, 2048):
        tiny.setattr(samples, "BLOCK", block)
        for threads in (1, 2):
            with threadpool_limits(threads):
                model = refit(learner, records, rng)
                for part in np.array_split(rng.permutation(gone), 3 if threads == 1 else 30):
                    model.forget(**records.take(part).given)
            digests.append(model.digest())
            if block == 16:
                assert_same(model, reference)
    assert set(digests) == {reference.digest()}


@over_kinds(ADAPTIVE)
def test_whole_blocks_of_empty_places_do_not_show(learner, tiny):
    """Below two pilots too, where theta is not rounded."""
    rng = np.random.default_rng(13)
    records = sample(learner, rng, 90, plain, classes=3)
    for pilot in (8, 64):
        shrink(tiny, pilot)
        tiny.setattr(samples, "BLOCK", 8)
        model = refit(learner, records.take(range(20)))
        extra = records.take(range(20, 90))
        model.partial_fit(**extra.given)
        model.forget(**extra.given)
        assert_same(model, refit(learner, records.take(range(20))))
        model.partial_fit(**extra.given).forget(**records.take(range(20)).given)
        assert_same(model, refit(learner, extra, rng))


@over_each(ADAPTIVE)
def test_copies_are_independent(learner):
    rng = np.random.default_rng(14)
    records = sample(learner, rng, 60)
    model = refit(learner, records)
    model.forget(**records.row(0))
    for twin in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        with unchanged(model):
            for i in range(1, 12):
                twin.forget(**records.row(i))
            assert_same(twin, refit(learner, records.take(range(12, 60)), rng))
        with unchanged(twin):
            model.partial_fit(**records.row(0)).forget(**records.row(0))
    stream = pickle.loads(pickle.dumps(model))
    for i in rng.permutation(np.arange(1, 60))[:30]:
        model.forget(**records.row(i))
        stream.forget(**records.row(i))
        assert model.canonical_parts() == stream.canonical_parts()


@crossed(6, learner=ADAPTIVE, width=WIDTHS)
def test_shards_merge(learner, width, tiny):
    shrink(tiny, width=width)
    rng = np.random.default_rng(15)
    records = sample(learner, rng, 120, classes=3)
    parts = np.array_split(rng.permutation(120), [50, 100])
    shards = [refit(learner, records.take(part)) for part in parts]
    shards[0].forget(**records.take(parts[0][:5]).given)
    kept = np.concatenate([parts[0][5:], *parts[1:]])
    with unchanged(shards[1]), unchanged(shards[2]):
        shards[0].merge(shards[1]).merge(shards[2])
    assert_same(shards[0], refit(learner, records.take(kept), rng))
    for i in kept[:10]:
        shards[0].forget(**records.row(i))
    assert_same(shards[0], refit(learner, records.take(kept[10:]), rng))


def test_records_of_weight_0_leave_their_names_alone():
    """Their class may go, and its slot be another's, before they do."""
    rng = np.random.default_rng(17)
    X, y, w = rng.normal(size=(40, 2)), rng.integers(0, 2, 40), np.ones(40)
    more, ghost = rng.normal(size=(3, 2)), np.array([[77.0, 88.0], [77.0, 88.0]])
    model = LogisticRegression().fit(X, y, w)
    model.partial_fit(more, [7, 7, 7]).partial_fit(ghost, [7, 7], sample_weight=[0.0, 0.0])
    model.forget(more, [7, 7, 7]).partial_fit(more, [5, 5, 5])
    assert not (model._state.statistic.rows.x == 77.0).any()
    held = np.concatenate([X, ghost, more]), [*y, 7, 7, 5, 5, 5], [*w, 0.0, 0.0, 1.0, 1.0, 1.0]
    assert_same(model, LogisticRegression().fit(*held))
    with pytest.raises(NotLearnedError, match="Row 2"):
        model.forget(ghost[[0, 1, 1]], [7, 7, 7], sample_weight=[0.0] * 3)
    model.forget(ghost[0], 7, sample_weight=0.0)
    assert_same(model, LogisticRegression().fit(*(np.delete(part, 40, axis=0) for part in held)))
