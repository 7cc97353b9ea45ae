"""The contracts: what every sum and every learner must obey, checked on whatever it is given."""

import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.tree._tree import Tree

from records import Records, joined

# --------------------------------------------------------------------------------------------------------- sums


@dataclass
class Group:
    """How to handle one kind of sum: `put` deposits the records of an index under a sign, `canonical` gives bytes."""

    empty: Callable[[], Any]
    put: Callable[[Any, np.ndarray, float], None]
    canonical: Callable[[Any], Any]
    copied: Callable[[Any], Any]
    merged: Callable[[Any, Any], Any]
    restored: Callable[[Any], Any]


def check_group(group: Group, n: int, rng: np.random.Generator) -> None:
    """Order, batches, inverses, copies, merges and files do not show in the canonical form of `n` records' sum."""

    def summed(index, total=None, sign=1.0):
        total = group.empty() if total is None else total
        group.put(total, np.asarray(index), sign)
        return total

    every = np.arange(n)
    nothing = group.canonical(group.empty())
    reference = group.canonical(summed(every))
    assert reference != nothing
    shuffled = rng.permutation(n)
    one_by_one = group.empty()
    for i in shuffled:
        summed([i], one_by_one)
    assert group.canonical(one_by_one) == reference
    cuts = np.sort(rng.integers(0, n, 3))
    batches = group.empty()
    for part in np.split(shuffled, cuts):
        summed(part, batches)
    assert group.canonical(batches) == reference
    # inverses, in any order, and in the middle of other things
    kept, gone = shuffled[: n // 2], shuffled[n // 2 :]
    half = group.canonical(summed(kept))
    summed(gone[::-1], batches, -1.0)
    assert group.canonical(batches) == half
    before_learnt = summed(gone, summed(gone, group.empty(), -1.0))
    assert group.canonical(before_learnt) == nothing
    for i in kept:
        summed([i], batches, -1.0)
    assert group.canonical(batches) == nothing
    assert group.canonical(summed(every, batches)) == reference  # what is empty again works as new
    # merges commute, and leave their arguments alone
    ours, theirs = summed(kept), summed(gone)
    assert group.canonical(group.merged(ours, theirs)) == reference == group.canonical(group.merged(theirs, ours))
    assert (
        group.canonical(group.merged(ours, group.empty())) == half == group.canonical(group.merged(group.empty(), ours))
    )
    assert group.canonical(ours) == half
    # copies are independent, also of what is empty
    twin = group.copied(ours)
    summed(gone, twin)
    assert group.canonical(twin) == reference
    assert group.canonical(ours) == half
    bare = group.empty()
    summed(every, group.copied(bare))
    assert group.canonical(bare) == nothing
    # files
    for canonical in (reference, half):
        restored = group.restored(canonical)
        assert group.canonical(restored) == canonical
        if canonical == reference:
            assert group.canonical(summed(gone, restored, -1.0)) == half
        else:
            assert group.canonical(summed(gone, restored)) == reference
    assert group.canonical(group.restored(nothing)) == nothing


# ----------------------------------------------------------------------------------------------------- learners


def frozen(value):
    """Type, shape and every bit of a value, as nested tuples; on purpose not the code of sqlearn.verify."""
    if isinstance(value, np.ndarray):
        bits = tuple(map(frozen, value.ravel().tolist())) if value.dtype == object else value.tobytes()
        return "array", value.dtype.str, value.shape, bits
    if isinstance(value, np.generic):
        return type(value).__name__, value.tobytes()
    if isinstance(value, dict | MappingProxyType):
        return "dict", tuple((frozen(k), frozen(v)) for k, v in value.items())
    if isinstance(value, list | tuple):
        return type(value).__name__, tuple(map(frozen, value))
    if isinstance(value, float):
        return "float", value.hex()
    if value is None or isinstance(value, int | str | bytes):
        return type(value).__name__, value
    if isinstance(value, np.dtype):
        return "dtype", value.str
    if isinstance(value, Tree):
        return "tree", frozen(value.__getstate__())
    if not hasattr(value, "__dict__") and not isinstance(value, type):  # of a compiled class
        return type(value).__name__, frozen(value.__reduce_ex__(2))
    if callable(value):
        return "callable", value.__module__, getattr(value, "__qualname__", type(value).__qualname__)
    return type(value).__name__, frozen(vars(value))


def told(model) -> dict:
    """Everything a model tells: its fitted attributes, frozen, or the error that reading them gives."""
    try:
        return {name: frozen(value) for name, value in model.fitted_attributes().items()}
    except ValueError as error:
        return {"error": (type(error).__name__, str(error))}


class Facts:
    """All bytes and attributes of a model, read once: for models that many others are compared with."""

    def __init__(self, model):
        self.parts, self.digest, self.n_records = model.canonical_parts(), model.digest(), model.n_records_
        self.told = told(model)


def assert_same(model, other) -> None:
    """Two models, or a model and the facts of another, have equal canonical bytes, digests and fitted attributes."""
    ours, theirs = Facts(model), other if isinstance(other, Facts) else Facts(other)
    assert list(ours.parts) == list(theirs.parts)
    for name, part in ours.parts.items():
        assert part == theirs.parts[name], name
    assert ours.digest == theirs.digest
    assert ours.n_records == theirs.n_records
    assert ours.told.keys() == theirs.told.keys(), (ours.told.get("error"), theirs.told.get("error"))
    for name, value in ours.told.items():
        assert value == theirs.told[name], name


class unchanged:
    """Context at whose end a model must have the bytes and attributes that it had at its beginning."""

    def __init__(self, model):
        self.model = model

    def __enter__(self):
        self.before = snapshot(self.model)

    def __exit__(self, *_):
        assert snapshot(self.model) == self.before


def snapshot(model) -> tuple:
    """All bytes and attributes of a model."""
    return model.digest(), model.canonical_parts(), told(model)


def refit(learner, records: Records, rng=None):
    """A new model of these records alone, learned in a shuffled order if there is an `rng`."""
    if rng is not None:
        records = records.take(rng.permutation(len(records)))
    return clone(learner).partial_fit(**records.given)


def emptied(learner, records: Records):
    """A model that has forgotten all it learned."""
    return clone(learner).partial_fit(**records.given).forget(**records.given)


def check_contract(learner, records: Records, rng: np.random.Generator) -> None:
    """Whatever its history, a model is its refit: fit, partial_fit, forget, relabel, merge, without, pickle, copy."""
    n = len(records)
    shuffled = rng.permutation(n)
    kept, gone = records.take(np.sort(shuffled[: n // 2])), records.take(shuffled[n // 2 :])
    whole, half = refit(learner, records, rng), refit(learner, kept, rng)
    of_whole, of_half = Facts(whole), Facts(half)

    model = refit(learner, records.take(shuffled[:1]))  # a batch of one: a frame tells the types of its columns
    for i in shuffled[1:]:
        model.partial_fit(**records.row(i))
    assert_same(model, of_whole)
    batches = clone(learner)
    for part in np.array_split(shuffled[::-1], 4):
        batches.partial_fit(**records.take(part).given)
    assert_same(batches, of_whole)
    assert model.partial_fit(**gone.given) is model
    assert model.forget(**gone.given) is model
    assert_same(model, of_whole)
    for i in rng.permutation(len(gone)):
        model.forget(**gone.row(i))
    assert_same(model, of_half)
    batches.forget(**gone.given)
    assert_same(batches, of_half)
    # copies of all kinds are the model, and independent of it
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), copy.copy(model)):
        assert_same(twin, of_half)
        twin.partial_fit(**gone.given)
        assert_same(twin, of_whole)
    assert_same(model, of_half)
    assert "_state" not in vars(clone(model))
    # two shards
    other = refit(learner, gone, rng)
    with unchanged(other):
        assert model.merge(other) is model
    assert_same(model, of_whole)
    assert_same(copy.deepcopy(other).merge(half), of_whole)
    # as if never seen
    with model.without(**gone.given) as lent:
        assert lent is model
        assert_same(model, of_half)
    assert_same(model, of_whole)
    if n > 2:
        with model.without(**records.row(0)):
            assert_same(model, refit(learner, records.take(np.arange(1, n)), rng))
        assert_same(model, of_whole)
    # other labels, and back
    if records.y is not None:
        changed = gone.relabelled(rng)
        assert model.relabel(**renamed(gone, changed)) is model
        assert_same(model, refit(learner, joined([kept, changed]), rng))
        model.relabel(**renamed(changed, gone))
        assert_same(model, of_whole)
    # nothing left, whatever the history
    nothing = Facts(emptied(learner, records))
    for i in shuffled:
        model.forget(**records.row(i))
    assert_same(model, nothing)
    assert_same(half.forget(**kept.given), nothing)
    assert_same(copy.deepcopy(model), nothing)
    assert_same(copy.deepcopy(model).merge(whole), of_whole)
    assert_same(model, nothing)
    assert_same(copy.deepcopy(whole).merge(model), of_whole)
    assert_same(model.partial_fit(**records.given), of_whole)


def renamed(old: Records, new: Records) -> dict:
    """The arguments of relabel."""
    given = old.given
    return {name: value for name, value in given.items() if name != "y"} | {"y_old": old.y, "y_new": new.y}
