"""A model's bytes, altered and given the right digest: refused, or those of another model; never followed blindly."""

import copy
import warnings
from itertools import islice

import numpy as np
import pytest
from sklearn.base import clone

from laws import assert_same, refit, unchanged
from learners import EVERYWHERE, LEARNERS, MULTILABEL, over_each
from sqlearn import FormatError
from sqlearn.compose import TableModel
from sqlearn.engine.model.header import digest_of
from sqlearn.linear_model import LogisticRegression
from sqlearn.naive_bayes import GaussianNB
from sqlearn.svm import LinearSVC
from tiny_rounds import cut
from updates import prepared

pytestmark = pytest.mark.filterwarnings("ignore")

ALL = LEARNERS + MULTILABEL


def restored(model, parts):
    contents = model.__getstate__()
    return taken_from(type(model), contents, parts)


def taken_from(kind, contents, parts):
    twin = object.__new__(kind)
    state = contents["state"] | {"parts": parts, "digest": digest_of(parts)}
    twin.__setstate__(contents | {"state": state})
    return twin


def alterations(parts, rng):
    """Parts of which one has other bytes."""
    for name, part in parts.items():
        for size in {0, 1, len(part) // 2, len(part) - 1} - {len(part)}:
            yield name, parts | {name: part[:size]}
        yield name, parts | {name: part + part[:8] + bytes(8)}
        yield name, {other: part for other, part in parts.items() if other != name}
        words = range(0, max(0, len(part) - 7), 8)
        places = {*words[:4], *rng.permutation(np.array(words, int))[:1].tolist()}
        for place in sorted(places):  # numbers of 64 bits: lengths, shapes, counts, slots, values
            for value in (-1, 2, 2**40, 0x7FF8 << 48):
                changed = bytearray(part)
                changed[place : place + 8] = (value % 2**64).to_bytes(8, "little")
                yield name, parts | {name: bytes(changed)}
        for place in rng.integers(0, max(1, len(part)), 2 if part else 0):
            changed = bytearray(part)
            changed[place] ^= 1 << rng.integers(8)
            yield name, parts | {name: bytes(changed)}


def use(model, records):
    """Whatever else a model does then, it ends in an answer or in an error of this package."""
    for call in (
        lambda: model.forget(**records.row(0)),
        lambda: model.partial_fit(**records.given),
        lambda: model.forget(**records.take(range(9)).given),
        model.fitted_attributes,
        lambda: model.merge(copy.deepcopy(model)),
    ):
        try:
            call()
        except ValueError:
            pass


@over_each(ALL)
def test_altered_bytes(learner, monkeypatch):
    cut(monkeypatch)
    warnings.simplefilter("ignore")
    _, records, others = prepared(learner)
    model = refit(learner, records.take(range(50)))
    parts = model.canonical_parts()
    assert_same(restored(model, parts), model)
    contents, refused, taken = model.__getstate__(), 0, 0
    first, step = (0, 1) if EVERYWHERE else (ALL.index(learner) % 4, 4)  # CI takes every fourth: others the others
    for name, altered in islice(alterations(parts, np.random.default_rng(0)), first, None, step):
        if altered == parts or ("rows" in parts and "rows" not in altered):  # as if the rows had stayed in a store
            continue
        try:
            twin = taken_from(type(model), contents, altered)
        except FormatError:
            refused += 1
            continue
        taken += 1
        found = twin.canonical_parts()
        kept = {key: found[key] for key in altered}
        if name.startswith("sums") and kept == {key: parts[key] for key in altered}:
            continue  # a trace of an earlier version: it was evaluated anew
        assert kept == altered, name  # another model, whole
        if taken % 10 == 0:
            use(twin, others)
    assert refused > 20 // step


def test_a_round_asked_elsewhere_is_refused(monkeypatch):
    """Its parts are of the right form, but another width."""
    cut(monkeypatch)
    model, _, _ = prepared(LogisticRegression())
    trace = model._state.statistic.trace
    assert trace.rounds
    theta = trace.rounds[-1].theta
    trace.rounds[-1].theta = theta[:-1].copy()
    altered = model.canonical_parts()
    trace.rounds[-1].theta = theta
    with pytest.raises(FormatError):
        restored(model, altered)
    assert_same(
        restored(model, model.canonical_parts()), refit(LogisticRegression(), prepared(LogisticRegression())[1])
    )


@pytest.mark.parametrize("learner", [LogisticRegression(), LinearSVC(), TableModel(LogisticRegression()), GaussianNB()])
def test_labels_that_are_not_those_of_the_records(learner):
    """Forgetting took the records away from another class than they are of: IndexError in the next iterations."""
    X, y = np.arange(18.0).reshape(9, 2) % 7, np.array(["a", "b", "c"] * 3)
    model = clone(learner).fit(X, y)
    parts = model.canonical_parts()
    altered = taken_from(type(model), model.__getstate__(), parts | {"labels": b'["a", "b", "v"]'})
    altered.partial_fit(X[:1] + 1.0, ["c"])
    with unchanged(altered), pytest.raises(FormatError, match="inconsistent"):
        altered.forget(X, y)


def test_a_share_has_no_rows(monkeypatch):
    """Without its rounds, a model is a share of another one, whose records lie elsewhere."""
    cut(monkeypatch)
    model, _, _ = prepared(LogisticRegression())
    parts = model.canonical_parts()
    assert "rows" in parts and parts["sums 2"]
    with pytest.raises(FormatError, match="inconsistent"):
        restored(model, parts | {"sums 2": b""})
