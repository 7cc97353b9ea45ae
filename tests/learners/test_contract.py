"""A model is a function of the records it holds: every learner, against refits, whatever form the records come in."""

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.base import clone

import sqlearn
from laws import assert_same, check_contract, emptied, refit, told, unchanged
from learners import (
    ARRAYS,
    EVERYWHERE,
    LABELLED,
    LEARNERS,
    MULTILABEL,
    VALUED,
    WEIGHTED,
    crossed,
    kind_of,
    laws_met,
    name_of,
    over_each,
    over_kinds,
    some_of,
    takes_ledger,
)
from records import WIDTH, joined, pool_of, records_of, tame
from sqlearn import verify
from sqlearn.engine.model import describe
from sqlearn.engine.sums.moments import _change_dense
from sqlearn.ensemble import ShardedClassifier, ShardedRegressor
from sqlearn.errors import UndefinedAttributeError
from sqlearn.linear_model.folded import Chooses
from sqlearn.neighbors import NearestCentroid
from sqlearn.tree import TreeBased

pytestmark = pytest.mark.filterwarnings("ignore")

# ------------------------------------------------------------------------------------------------------- histories


@crossed(6, learner=some_of(LEARNERS + MULTILABEL, kind_of, __name__), level=range(3))
def test_contract(learner, level):
    rng = np.random.default_rng([level, 5])
    check_contract(learner, records_of(learner, rng, 20, level), rng)


@over_kinds(LEARNERS + MULTILABEL)
def test_contract_with_hard_records_among_tame_ones(learner):
    rng = np.random.default_rng(6)
    check_contract(learner, pool_of(learner, rng, 30 if EVERYWHERE else 22), rng)


@over_each(LEARNERS + MULTILABEL)
def test_contract_without_weights_ledger_and_default_key(learner):
    rng = np.random.default_rng(7)
    records = records_of(learner, rng, 20, 1, weighted=False)
    without = {"ledger": False} if takes_ledger(learner) else {}
    check_contract(clone(learner).set_params(key=b"secret", **without), records, rng)
    if without and EVERYWHERE:
        check_contract(clone(learner).set_params(ledger=False), records, rng)
        check_contract(clone(learner).set_params(key=b"secret"), records, rng)


@over_each(LABELLED)
def test_contract_with_strings(learner):
    rng = np.random.default_rng(8)
    records = records_of(learner, rng, 20)
    names = np.array(["", "a", "Überlänge", "z", "a "])
    check_contract(learner, replace(records, y=names[records.y % 5]), rng)


@over_kinds([learner for learner in VALUED if learner.__sklearn_tags__().target_tags.multi_output])
def test_contract_with_two_targets(learner):
    rng = np.random.default_rng(9)
    records = records_of(learner, rng, 20)
    check_contract(learner, replace(records, y=np.column_stack([records.y, -3 * records.y])), rng)


@over_each(ARRAYS + MULTILABEL)
def test_blocks_large_and_small(learner):
    """Thousands of rows, so that there are several blocks, and BLAS where it serves."""
    rng = np.random.default_rng(10)
    records = records_of(learner, rng, 5000, 1)
    wide = (
        replace(records, X=np.repeat(records.X, 40, axis=1))
        if type(learner).__name__ in ("GaussianNB", "NearestCentroid")
        else records
    )
    whole = clone(learner).partial_fit(**wide.given)
    part = clone(learner)
    for index in np.array_split(rng.permutation(len(wide)), [7, 8, 100, 3000]):
        part.partial_fit(**wide.take(index).given)
    assert part.digest() == whole.digest()
    gone, kept = np.split(rng.permutation(len(wide)), [4400])
    whole.forget(**wide.take(gone).given)
    assert_same(whole, refit(learner, wide.take(kept), rng))
    assert_same(part.forget(**wide.take(kept).given).forget(**wide.take(gone).given), emptied(learner, wide.take(kept)))


@over_each(LEARNERS + MULTILABEL)
def test_fit_forgets_what_was_before(learner):
    first, second = tame(learner), tame(learner, seed=1)
    model = clone(learner).fit(**first.given)
    assert_same(model.fit(**second.given), clone(learner).fit(**second.given))
    assert_same(model, refit(learner, second))


@over_each(LEARNERS)
def test_states_of_different_capacities_merge(learner):
    """Many labels, categories and limbs on one side, few on the other, and slots released on both."""
    rng = np.random.default_rng(11)
    wide, narrow = records_of(learner, rng, 20, 2), records_of(learner, rng, 4, 0)
    if wide.y is not None and learner._target == "label":
        wide.y[:] = np.arange(len(wide))
        narrow.y[:] = [100, 3, 101, -1]
    left, right = clone(learner).partial_fit(**wide.given), clone(learner).partial_fit(**narrow.given)
    gone, kept = np.split(rng.permutation(len(wide)), [15])
    left.forget(**wide.take(gone).given)
    right.forget(**narrow.take([0]).given)
    both = refit(learner, joined([wide.take(kept), narrow.take([1, 2, 3])]), rng)
    twin = pickle.loads(pickle.dumps(right))
    assert_same(twin.merge(left), both)
    assert_same(left.merge(right), both)
    assert_same(
        left.partial_fit(**wide.take(gone).given).forget(**narrow.take([1, 2, 3]).given), refit(learner, wide, rng)
    )


# ---------------------------------------------------------------------------------------------------- nothing left


@over_each(LEARNERS + MULTILABEL)
def test_the_empty_state(learner):
    records, others = tame(learner), pool_of(learner, np.random.default_rng(3), 20)
    model = emptied(learner, records)
    assert_same(model, emptied(learner, others))
    assert model.n_records_ == 0
    assert model.n_features_in_ == records.width
    for read in (lambda: model.fitted_attributes(), lambda: use(model, records.X)):
        with pytest.raises(UndefinedAttributeError):
            read()
    for name in vars(refit(learner, records)._fitted_sklearn()):
        assert (
            not hasattr(model, name)
            or name.startswith("n_features")
            or name.startswith("feature_names")
            or not name.endswith("_")
        )
    assert_same(model.partial_fit(**records.given), refit(learner, records))
    model.forget(**records.given)
    for i in range(len(records)):
        model.partial_fit(**records.row(i))
    assert_same(model, refit(learner, records))
    with pytest.raises(AttributeError, match=f"^'{type(model).__name__}' object has no attribute 'unheard_of_'$"):
        _ = model.unheard_of_  # not of the class of what answers for it


def use(model, X):
    """Predict or transform."""
    ask = next(getattr(model, name) for name in ("predict", "transform", "mahalanobis") if hasattr(model, name))
    return ask(X)


@over_each(WEIGHTED)
def test_records_of_weight_zero_are_held_and_counted_nowhere(learner):
    records = tame(learner, weighted=False)
    others = pool_of(learner, np.random.default_rng(4), 16)
    weightless = replace(others, w=np.zeros(len(others)))
    if learner._target == "label":
        weightless.y[0] = 777
    model = refit(learner, records)
    before, attributes = model.digest(), told(model)
    model.partial_fit(**weightless.given)
    assert model.digest() != before
    assert model.n_records_ == len(records) + len(others)
    assert told(model) == attributes
    assert verify(model, **joined([replace(records, w=np.ones(len(records))), weightless]).given)
    for i in range(len(others)):
        model.forget(**weightless.row(i))
    assert model.digest() == before
    model.partial_fit(**weightless.given).forget(**records.given)
    assert_same(model, refit(learner, weightless))
    with pytest.raises(UndefinedAttributeError):
        model.fitted_attributes()
    assert_same(model.forget(**weightless.given), emptied(learner, records))


# ------------------------------------------------------------------------------------------------- forms of records


@over_each(LEARNERS)
def test_one_row_in_any_form(learner):
    records = tame(learner, weighted=False)
    model = refit(learner, records)
    digest, without = model.digest(), refit(learner, records.take(np.arange(1, len(records)))).digest()
    X, y = records.X, records.y
    if isinstance(X, pd.DataFrame):
        rows = [X.iloc[0], X.iloc[[0]], X.iloc[0].tolist(), np.array(X.iloc[0], object)]
    elif X.ndim == 1:
        text = X[0]
        rows = [
            text,
            np.str_(text),
            [text],
            (text,),
            X[:1],
            X[:1].astype(str),
            np.array(text),
            [[text]],
            pl.Series([text]),
        ]
        rows += [pd.Series([text]), pd.Series([text], dtype="category"), {"text": text}, {"text": [text]}]
    else:
        frozen_row = X[0].copy()
        frozen_row.flags.writeable = False
        rows = [
            X[0],
            X[:1],
            X[0].tolist(),
            tuple(X[0].tolist()),
            X[:1].tolist(),
            pd.Series(X[0]),
            frozen_row,
            np.repeat(X[0], 2)[::2],
        ]
        rows += [X[0].astype(object), X[0].astype(np.longdouble), pl.Series(X[0])]
    labels = [None] if y is None else [y[0], y[0].item(), y[:1], [y[0].item()], pd.Series(y[:1])]
    for row, label in [*((row, labels[0]) for row in rows), *((rows[0], label) for label in labels[1:])]:
        given = (row,) if y is None else (row, label)
        model.forget(*given)
        assert model.digest() == without, (row, label)
        model.partial_fit(*given)
        assert model.digest() == digest, (row, label)


def test_no_form_of_a_row_is_compiled_for():
    records = tame(LEARNERS[0], weighted=False)
    model = refit(LEARNERS[0], records).forget(**records.row(0)).partial_fit(**records.row(0))
    compiled = list(_change_dense.signatures)
    row = records.row(0)
    row["X"] = np.repeat(row["X"], 2)[::2]
    model.forget(**row)
    row["X"] = row["X"].astype(">f8")
    model.partial_fit(**row)
    row["X"].flags.writeable = False
    model.forget(**row)
    assert _change_dense.signatures == compiled


def same_values(X):
    """Arrays of equal values and other types, layouts and flags."""
    readonly = X.copy()
    readonly.flags.writeable = False
    swapped = X.astype(X.dtype.newbyteorder())
    yield from (
        X,
        np.asfortranarray(X),
        np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3],
        X[::-1].copy()[::-1],
        readonly,
        swapped,
    )
    yield np.where(X == 0, -X, X)
    yield from (X.tolist(), X.astype(np.float32), X.astype(np.float16), X.astype(np.longdouble), X.astype(object))
    if (X >= 0).all():
        yield from (
            X.astype(np.int64),
            X.astype(np.uint8),
            X.astype(np.int8),
            pl.DataFrame(X.astype(np.int32)).to_numpy(),
        )
    if set(np.unique(X)) <= {0.0, 1.0}:
        yield X.astype(bool)


@crossed(
    5,
    learner=some_of(ARRAYS, kind_of, __name__),
    values=[[0.0, 1.0], [0.0, 1.0, 2.0, 5.0], [0.0, -1.5, 0.25, 3.0, -0.0]],
)
def test_equal_values_are_one_record(learner, values):
    rng = np.random.default_rng(12)
    if min(values) < 0 and (
        learner.__sklearn_tags__().input_tags.positive_only or type(learner).__name__ == "CategoricalNB"
    ):
        values = [0.0, 1.0, 3.0, -0.0]
    X = rng.choice(values, (10, WIDTH))
    records = replace(tame(learner, 10, weighted=False), X=X)
    reference = refit(learner, records)
    for form in same_values(X):
        given = dict(records.given, X=form)
        assert clone(learner).partial_fit(**given).digest() == reference.digest()
        assert_same(reference.forget(**given), emptied(learner, records))
        reference.partial_fit(**given)


@over_each(ARRAYS + MULTILABEL)
def test_zeros_have_no_sign(learner):
    records = tame(learner)
    records.X[records.X < 0.5] = 0.0
    if learner._target == "value" and type(learner).__name__ != "GammaRegressor":  # whose targets are positive
        records.y[::2] = 0.0
    minus = replace(records, X=np.where(records.X == 0, -0.0, records.X))
    if learner._target == "value":
        minus = replace(minus, y=np.where(records.y == 0, -0.0, records.y))
    if records.w is not None:
        minus = replace(minus, w=np.where(records.w == 0, -0.0, records.w))
    model = refit(learner, records)
    assert_same(model, refit(learner, minus))
    for i in range(len(records)):
        model.forget(**minus.row(i))
    assert_same(model, emptied(learner, records))
    for i in range(len(records)):
        model.partial_fit(**minus.row(i))
    assert_same(model, refit(learner, records))


@over_each([learner for learner in ARRAYS + MULTILABEL if learner.__sklearn_tags__().input_tags.sparse])
def test_sparse_and_dense_are_one_record(learner):
    records = tame(learner, 10, weighted=False)
    if "with_mean" in learner.get_params():
        learner = clone(learner).set_params(with_mean=False)
    X = records.X
    X[1] = 0.0
    reference = refit(learner, records)
    forms = [form(X) for form in (sp.csr_array, sp.csc_array, sp.coo_array, sp.csr_matrix, sp.lil_array)]
    untidy = sp.csr_array(X)
    n, indices, data, indptr = len(X), [], [], [0]
    for row in X:  # columns backwards, one value in two halves, explicit zeros
        for j in range(WIDTH)[::-1]:
            indices += [j, j]
            data += [row[j] / 2, row[j] / 2]
        indptr.append(len(indices))
    untidy = sp.csr_array((np.array(data), np.array(indices), np.array(indptr)), shape=(n, WIDTH))
    forms.append(untidy)
    kept = [part.copy() for part in (untidy.data, untidy.indices, untidy.indptr)]
    fixed = sp.csr_array((np.array(data), np.array(indices), np.array(indptr)), shape=(n, WIDTH))
    for part in (fixed.data, fixed.indices, fixed.indptr):
        part.flags.writeable = False
    forms.append(fixed)
    for form in forms:
        given = dict(records.given, X=form)
        assert refit(learner, records).digest() == clone(learner).fit(**given).digest(), form
        assert_same(reference.forget(**given), emptied(learner, records))
        reference.partial_fit(**given)
        row = dict(records.row(1), X=sp.csr_array(form)[[1]])
        assert_same(reference.forget(**row), refit(learner, records.take([0, *range(2, n)])))
        reference.partial_fit(**row)
    assert all(map(np.array_equal, kept, (untidy.data, untidy.indices, untidy.indptr)))


@over_each(LEARNERS + MULTILABEL)
def test_inputs_are_left_as_they_were(learner):
    records = tame(learner, level=1)
    before = pickle.dumps(records)
    model = clone(learner).fit(**records.given)
    model.forget(**records.row(0)).partial_fit(**records.row(0)).forget(**records.given)
    assert pickle.dumps(records) == before


@over_each(ARRAYS + MULTILABEL)
def test_frames(learner):
    """Names are part of the model; values are the record, whichever library holds them."""
    records = tame(learner, weighted=False)
    names = ["a", "ü", "c"]
    frames = [pd.DataFrame(records.X, columns=names), pl.DataFrame(records.X, schema=names)]
    models = [clone(learner).fit(**dict(records.given, X=frame)) for frame in frames]
    if not isinstance(learner, ShardedClassifier | ShardedRegressor):  # whose members see frames of that library
        assert_same(*models)
    model, kept = models[0], records.take(np.arange(1, 24))
    assert model.feature_names_in_.tolist() == names
    assert model.digest() != refit(learner, records).digest()
    expected = clone(learner).fit(**dict(kept.given, X=frames[0].iloc[1:]))
    rows = [frames[0].iloc[0], frames[0].iloc[:1], frames[1][:1], records.X[0], records.X[0].tolist(), records.X[:1]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *args, **kwargs: pytest.fail(str(args)))
        for row in rows:
            given = dict(records.row(0), X=row)
            model.forget(**given)
            assert model.digest() == expected.digest()
            model.partial_fit(**given)
    assert_same(pickle.loads(pickle.dumps(model)), model)
    assert_same(emptied(learner, replace(records, X=frames[0])), model.forget(**dict(records.given, X=frames[0])))
    assert model.feature_names_in_.tolist() == names


@over_each(LABELLED)
def test_equal_labels_are_one_label(learner):
    records = tame(learner, 10, weighted=False)
    ones = (records.y > 0).astype(int)
    reference = refit(learner, replace(records, y=ones))
    forms = [
        ones.astype(float),
        ones.astype(np.int8),
        ones.astype(np.uint64),
        ones.tolist(),
        pd.Series(ones),
        pl.Series(ones),
    ]
    for labels in [*forms, ones.astype(np.float32), ones.astype(float).tolist()]:
        model = clone(learner).fit(records.X, labels)
        assert_same(model, reference)
        model.forget(records.X, ones)
        assert_same(model, emptied(learner, records))
    truths = [ones.astype(bool), ones.astype(bool).tolist(), pd.Series(ones == 1), pl.Series(ones == 1)]
    for labels in truths:  # one label with the numbers, too; that the first ones were booleans shows in `classes_`
        model = refit(learner, replace(records, y=ones)).forget(records.X, labels).partial_fit(records.X, labels)
        assert_same(model, reference)
        model = clone(learner).fit(records.X, labels)
        assert_same(model, clone(learner).fit(records.X, truths[0]))
        assert model.digest() != reference.digest()
        assert_same(model.forget(records.X, ones).partial_fit(records.X, ones), clone(learner).fit(records.X, labels))
        assert_same(model.forget(records.X, ones).merge(reference), clone(learner).fit(records.X, labels))
    row = records.take([0]).X if isinstance(records.X, pd.DataFrame) else records.X[0]
    without = refit(learner, replace(records, y=ones).take(np.arange(1, 10)))
    one = ones[0]
    for label in (int(one), float(one), bool(one), np.int32(one), np.float32(one), np.bool_(one), np.uint8(one)):
        assert_same(reference.forget(row, label), without)
        reference.partial_fit(row, label)


@pytest.mark.parametrize("least", [0, 1, 2**62, -1])
def test_labels_beyond_int64_are_told_apart(least):
    """Beside smaller ones numpy makes float64 of them, which holds neither."""
    X, labels = np.eye(3), [least, 2**64 - 2, 2**64 - 1]
    model = NearestCentroid().partial_fit(X[0], least).partial_fit(X[1:], np.array(labels[1:], np.uint64))
    assert model.classes_.tolist() == model.predict(X).tolist() == labels


@over_each([learner for learner in LABELLED if hasattr(learner, "predict")])
def test_labels_come_back_as_they_were_learned(learner):
    records = tame(learner, 12, weighted=False)
    X, truth = records.X, records.y > 0
    model = clone(learner).fit(X, truth)
    twin = model._sklearn_class().fit(X, truth) if model._sklearn_class.__module__.startswith("sklearn") else None
    for found in (model.classes_, model.predict(X)):
        assert found.dtype == bool
    if twin is not None:
        assert model.predict(X).dtype == twin.predict(X).dtype
        assert (~model.predict(X)).dtype == bool and len(records.y[model.predict(X)]) <= len(records.y)
    model.partial_fit(records.take([0, 1]).X, [1, 0])  # the same two labels
    assert model.predict(X).dtype == bool
    model.partial_fit(X, [2] * len(X))
    assert model.classes_.dtype == np.int64 and model.classes_.tolist() == [0, 1, 2]
    assert model.forget(X, [2] * len(X)).classes_.dtype == bool
    assert pickle.loads(pickle.dumps(model)).classes_.dtype == bool
    assert clone(learner).fit(X, truth.astype(np.int32)).predict(X).dtype == np.int64
    assert clone(learner).fit(X, truth.astype(str)).predict(X).dtype.kind == "U"


@over_each(LABELLED)
def test_labels_shrink(learner):
    records = tame(learner, 10, weighted=False)
    names = np.array(["a", "bb"])[np.arange(10) % 2].astype("<U40")
    names[4] = "a very long name"
    kept = replace(records, y=names[np.arange(10) != 4].tolist(), X=records.take(np.flatnonzero(np.arange(10) != 4)).X)
    expected = clone(learner).partial_fit(kept.X, kept.y)
    for y in (names, names.astype(object), pd.Series(names), pd.Series(names, dtype="category")):
        model = clone(learner).partial_fit(records.X, y)
        model.forget(records.take([4]).X, names[4:5])
        assert_same(model, expected)
        if hasattr(model, "classes_"):
            assert model.classes_.dtype == np.array(["a", "bb"]).dtype


@over_each(LABELLED)
def test_the_last_row_of_a_class_takes_the_class(learner):
    records = tame(learner, 9, weighted=False)
    records.y[:] = [0, 0, 0, 0, 1, 1, 1, 1, 5]
    eight = refit(learner, records.take(range(8)))
    model = refit(learner, records)
    assert_same(model.forget(**records.row(8)), eight)
    for label in (5, 6, 7, 8, 9):  # its slot is used again, by others
        other = dict(records.row(8), y=label)
        model.partial_fit(**other)
        assert_same(model, refit(learner, replace(records, y=np.append(records.y[:8], label))))
        model.forget(**other)
        assert_same(model, eight)
    if hasattr(eight, "classes_"):
        assert model.classes_.tolist() == [0, 1]
    model.forget(**records.take(range(4)).given)
    assert_same(model, refit(learner, records.take(range(4, 8))))  # one class is left, and that is allowed


@over_kinds(LEARNERS + MULTILABEL)
def test_duplicates(learner):
    records = tame(learner, 6)
    thrice = joined([records, records, records.take(range(6)[::-1])])
    model = refit(learner, thrice)
    assert model.n_records_ == 18
    assert_same(model.forget(**records.row(0)), refit(learner, thrice.take(np.arange(1, 18))))
    model.partial_fit(**records.row(0)).forget(**joined([records, records]).given)
    assert_same(model, refit(learner, records))
    with unchanged(model), pytest.raises(ValueError, match="not held"):
        model.forget(**joined([records, records.take([3])]).given)


# ----------------------------------------------------------------------------------------- parameters, seeds, processes


@over_each(LEARNERS + MULTILABEL)
def test_parameters_set_later_wait_for_the_next_fit(learner):
    records = tame(learner)
    model = refit(learner, records)
    before, attributes = model.digest(), told(model)
    others = {"key": "other"} | ({"ledger": False} if takes_ledger(model) else {})
    for name, value in model.get_params().items():
        if isinstance(value, float):
            others[name] = value / 2 + 0.125
    kept = model.get_params()
    model.set_params(**others)
    assert (model.digest(), told(model)) == (before, attributes)
    model.forget(**records.row(0)).partial_fit(**records.row(0))
    assert (model.digest(), told(model)) == (before, attributes)
    assert verify(model, **records.given)
    twin = pickle.loads(pickle.dumps(model))
    plain = {name for name, value in model.get_params().items() if not hasattr(value, "get_params")}
    first, second = ({name: describe(one.get_params()[name]) for name in plain} for one in (twin, model))
    assert first == second
    assert_same(twin, model)
    try:
        model.fit(**records.given)
    except ValueError:  # not all values go together
        model.set_params(**kept | {"key": "other"}).fit(**records.given)
    assert_same(model, refit(model, records))
    assert model.digest() != before


@over_kinds([learner for learner in LEARNERS if "random_state" in learner.get_params()])
def test_no_random_state_is_a_constant_one(learner):
    records = tame(learner)
    models = [clone(learner).set_params(random_state=None).fit(**records.given) for _ in range(2)]
    assert_same(*models)


@over_each(LEARNERS + MULTILABEL)
def test_keys_change_digests_and_nothing_else(learner):
    records = tame(learner)
    models = [clone(learner).set_params(key=key).partial_fit(**records.given) for key in (None, "a", b"a", "b")]
    default, text, data, other = (model.digest() for model in models)
    assert text == data  # one key, however it is written
    assert len({default, text, other}) == 3
    by_digests = TreeBased | Chooses | ShardedClassifier | ShardedRegressor  # whose trees, folds and shards they decide
    if isinstance(getattr(learner, "learner", learner), by_digests):
        return
    assert len({pickle.dumps(sorted(told(model).items())) for model in models}) == 1


DIGESTS = """
import json, sys, warnings
import numpy as np
from learners import LEARNERS, kind_of, some_of
from records import pool_of
warnings.simplefilter("ignore")
digests = []
for learner in some_of(LEARNERS, kind_of, "processes"):
    records = pool_of(learner, np.random.default_rng(1), 24)
    digests.append(learner.partial_fit(**records.given).forget(**records.row(3)).digest())
json.dump(digests, sys.stdout)
"""
IN_PROCESSES = some_of(LEARNERS, kind_of, "processes")  # as there


def test_processes_agree():
    """This process and one whose hashes of strings are others, so that sets and dictionaries have other orders."""
    root = Path(sqlearn.__file__).parents[1]
    path = os.pathsep.join([str(root), str(root / "tests" / "support")])
    seed = "12345" if os.environ.get("PYTHONHASHSEED") != "12345" else "0"
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": path}
    other = subprocess.Popen([sys.executable, "-c", DIGESTS], env=environment, stdout=subprocess.PIPE)
    digests = []
    for learner in IN_PROCESSES:
        records = pool_of(learner, np.random.default_rng(1), 24)
        digests.append(clone(learner).partial_fit(**records.given).forget(**records.row(3)).digest())
    assert json.loads(other.communicate()[0]) == digests


def test_every_learner_meets_laws():
    """Members of one kind take turns in CI, so that none of them is left out."""
    assert min(laws_met(__name__)[name_of(learner)] for learner in LEARNERS + MULTILABEL) >= 4
