"""What is refused, and that a refused call changes nothing: not one byte, not one attribute."""

import copy
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from laws import assert_same, emptied, refit, renamed, unchanged
from learners import ARRAYS, LABELLED, LEARNERS, MULTILABEL, VALUED, WEIGHTED, named, over, over_each, takes_ledger
from records import joined, records_of, tame
from refusals import COLUMNS, EMPTY, LABEL, NOT_AN_INTEGER, NOT_FINITE, WEIGHT, is_one_of, raises
from sqlearn import errors
from sqlearn.engine.model.adaptive import Adaptive
from sqlearn.engine.model.verbs import UnweightedClassifier, WeightedClassifier
from sqlearn.errors import BusyError, MergeError, NotLearnedError, ParameterError, UnknownLabelError
from sqlearn.naive_bayes import GaussianNB
from sqlearn.tree import DecisionTreeClassifier

pytestmark = pytest.mark.filterwarnings("ignore")

N = 1000
BAD = 999


def large(learner, seed=0):
    """A model of 1000 records and more, its records, and its records with some spare ones that it does not hold."""
    rng = np.random.default_rng(seed)
    records = records_of(learner, rng, N + 50, weighted=False)
    if type(learner).__name__ == "CategoricalNB":  # no two alike
        records.X[:] = np.transpose(np.unravel_index(rng.permutation(11**3)[: N + 50], (11, 11, 11)))
    if records.X.ndim == 1:  # so are documents
        records.X[:] = [f"{text} {i}" for i, text in enumerate(records.X)]
    return refit(learner, records), records.take(range(N)), records


def spoilt(records, row, change):
    """The records with one of them changed."""
    one = change(records.take([row]))
    return joined([records.take(range(row)), one, records.take(range(row + 1, len(records)))])


def refused(model, kind, call, *words):
    """The call raises this kind of error, whose message has these words, changes nothing and breaks nothing."""
    with unchanged(model), raises(kind) as caught:
        call()
    message = str(caught.value)
    for word in words:
        assert word in message, message
    assert is_one_of(caught.value, kind), (type(caught.value), caught.value.reason)
    assert not message.endswith("Nothing was changed."), message  # but goes on: what to do
    return message


def still_works(model, records):
    """Learning and forgetting go on as ever."""
    digest = model.digest()
    model.partial_fit(**records.take([0, 1]).given).forget(**records.take([1, 0]).given)
    model.forget(**records.row(2)).partial_fit(**records.row(2))
    assert model.digest() == digest


def raised(records):
    """The same record with one feature one ulp higher, with another category, or with a space more."""
    if isinstance(records.X, pd.DataFrame):
        X = records.X.copy()
        X.iloc[0, 0] = np.nextafter(X.iloc[0, 0], np.inf) if X.iloc[0, 0] == X.iloc[0, 0] else 1.0
        return replace(records, X=X)
    X = records.X.copy()
    if X.ndim == 1:
        X[0] += " "
        return replace(records, X=X)
    X[0, 1] = X[0, 1] + 100 if (X == np.round(X)).all() else np.nextafter(X[0, 1], np.inf)
    return replace(records, X=X)


# --------------------------------------------------------------------------------------- records that are not held


@over_each(LEARNERS + MULTILABEL)
def test_rows_that_are_not_held(learner):
    model, records, more = large(learner)
    n = len(records)
    never = refit(learner, records.take(range(n - 1)))
    refused(
        never,
        NotLearnedError,
        lambda: never.forget(**records.row(n - 1)),
        "This row is not held",
        "nothing was changed",
    )
    refused(never, NotLearnedError, lambda: never.forget(**records.given), f"Row {BAD} (counted from 0) is not held")
    refused(never, NotLearnedError, lambda: never.without(**records.given).__enter__(), f"Row {BAD} ")
    still_works(never, records)
    again = copy.deepcopy(model).forget(**records.row(5))
    refused(again, NotLearnedError, lambda: again.forget(**records.row(5)), "forgotten already")
    refused(again, NotLearnedError, lambda: again.forget(**records.given), "Row 5 ")
    twice = joined([records.take(range(n - 1)), records.take([7])])
    refused(
        model, NotLearnedError, lambda: model.forget(**twice.given), f"Row {BAD} ", "more often than it was learned"
    )
    near = spoilt(records, BAD, raised)
    refused(model, NotLearnedError, lambda: model.forget(**near.given), f"Row {BAD} ", "last bit")
    refused(model, NotLearnedError, lambda: model.forget(**near.row(BAD)), "This row")
    first = spoilt(near, 3, raised)
    refused(model, NotLearnedError, lambda: model.forget(**first.given), "Row 3 ")
    still_works(model, records)
    assert_same(model, refit(learner, more))


@over_each(LABELLED)
def test_wrong_labels(learner):
    model, records, _ = large(learner)
    for label in (None, 2**70, np.datetime64("2020-01-01"), b"1"):
        bad = replace(records, y=np.append(records.y[:BAD].astype(object), label))
        refused(model, LABEL, lambda bad=bad: model.partial_fit(**bad.given), "pass integers")
    bad = replace(records, y=np.append(records.y[:BAD].astype(float), np.nan))
    refused(model, NOT_FINITE, lambda: model.partial_fit(**bad.given), f"row {BAD} ")
    other = {-1: 1, 1: 3, 3: -1}

    def mislabelled(one):
        return replace(one, y=np.array([other[one.y[0]]]))

    def unknown(one):
        return replace(one, y=np.array([77]))

    wrong, new = spoilt(records, BAD, mislabelled), spoilt(records, BAD, unknown)
    refused(model, NotLearnedError, lambda: model.forget(**wrong.given), f"Row {BAD} ", "another label or weight")
    refused(model, NotLearnedError, lambda: model.forget(**wrong.row(BAD)), "This row ")
    refused(model, UnknownLabelError, lambda: model.forget(**new.given), f"Row {BAD} ", "label 77", "[-1, 1, 3]")
    refused(model, UnknownLabelError, lambda: model.forget(**new.row(BAD)), "This row ", "label 77")
    refused(
        model, NotLearnedError, lambda: model.forget(**spoilt(new, 8, raised).given), "Row 8 "
    )  # the first offending one
    refused(model, UnknownLabelError, lambda: model.forget(**spoilt(new, 8, unknown).given), "Row 8 ")
    refused(model, UnknownLabelError, lambda: model.forget(records.X, records.y.astype(str)), "Row 0 ")
    refused(
        model,
        LABEL,
        lambda: model.partial_fit(records.X, np.array(["a"] * N)),
        "mixed",
        "nothing was changed",
    )
    one = records.row(3)
    refused(model, LABEL, lambda: model.partial_fit(one["X"], "a"), "mixed")
    for missing in (None, np.nan, [None]):
        with unchanged(model), pytest.raises((ValueError, TypeError)):
            model.forget(one["X"], missing)
    with unchanged(model), pytest.raises(ValueError, match="requires y"):
        model.forget(records.X)
    with unchanged(model), pytest.raises(ValueError, match="inconsistent"):
        model.forget(records.X, records.y[:-1])
    refused(model, NOT_FINITE, lambda: model.partial_fit(records.X, np.append(records.y[:BAD], np.nan)), f"row {BAD} ")
    if isinstance(model, UnweightedClassifier | WeightedClassifier):
        refused(
            model,
            UnknownLabelError,
            lambda: model.partial_fit(**records.given, classes=[-1, 1]),
            "not among the `classes`",
        )
    still_works(model, records)


@over_each(LABELLED)
def test_relabelling_from_numbers_to_strings_takes_all_rows(learner):
    records = tame(learner, weighted=False)
    names = replace(records, y=records.y.astype(str))
    model = refit(learner, records)
    half = records.take(range(12)), names.take(range(12))
    refused(model, LABEL, lambda: model.relabel(**renamed(*half)), "mixed")
    assert_same(model.relabel(**renamed(records, names)), refit(learner, names))
    other = refit(learner, records)
    refused(model, MergeError, lambda: model.merge(other), "mixed")
    assert_same(emptied(learner, names).merge(other), other)
    assert_same(emptied(learner, names).partial_fit(**records.given), other)


@over_each(VALUED)
def test_wrong_targets(learner):
    model, records, _ = large(learner)
    wrong = spoilt(records, BAD, lambda one: replace(one, y=np.nextafter(one.y, np.inf)))
    refused(model, NotLearnedError, lambda: model.forget(**wrong.given), f"Row {BAD} ")
    refused(model, NotLearnedError, lambda: model.forget(**wrong.row(BAD)), "This row ")
    for value in (np.nan, np.inf):
        bad = replace(records, y=np.append(records.y[:BAD], value))
        refused(model, NOT_FINITE, lambda bad=bad: model.partial_fit(**bad.given), f"row {BAD} ")
        refused(model, NOT_FINITE, lambda bad=bad: model.forget(**bad.row(BAD)))
    with unchanged(model), pytest.raises(ValueError):
        model.forget(records.X, np.column_stack([records.y, records.y]))
    with unchanged(model), pytest.raises(ValueError):
        model.forget(records.row(0)["X"], "a")
    still_works(model, records)


@over_each(WEIGHTED)
def test_wrong_weights(learner):
    model, records, _ = large(learner)
    ones = np.ones(N)
    wrong = replace(records, w=np.append(ones[:BAD], np.nextafter(1.0, 2.0)))
    refused(model, NotLearnedError, lambda: model.forget(**wrong.given), f"Row {BAD} ", "weight")
    refused(model, NotLearnedError, lambda: model.forget(**wrong.row(BAD)), "This row ")
    refused(model, NotLearnedError, lambda: model.forget(**replace(records, w=np.zeros(N)).given), "Row 0 ")
    negative = replace(records, w=np.append(ones[:BAD], -1.0))
    for update in (model.partial_fit, model.forget, model.fit, model.without):
        refused(model, WEIGHT, lambda update=update: entered(update(**negative.given)), f"row {BAD} ", "forget")
    for value in (np.nan, np.inf, -np.inf):
        bad = replace(records, w=np.append(ones[:BAD], value))
        refused(model, NOT_FINITE, lambda bad=bad: model.partial_fit(**bad.given), f"row {BAD} ")
        refused(
            model,
            NOT_FINITE,
            lambda bad=bad, value=value: model.partial_fit(**replace(bad, w=None).given, sample_weight=value),
        )
        refused(model, NOT_FINITE, lambda bad=bad: model.forget(**bad.row(BAD)))
    if isinstance(learner, Adaptive):
        heavy = spoilt(replace(records, w=ones), BAD, lambda one: replace(one, X=one.X + 1e150, w=np.array([1e200])))
        refused(model, WEIGHT, lambda: model.partial_fit(**heavy.given), f"row {BAD} ", "scale the weights down")
    refused(model, WEIGHT, lambda: model.fit(**replace(records, w=np.zeros(N)).given), "at least one non-zero")
    words = replace(records, w=np.append(ones[:BAD].astype(object), "heavy"))
    refused(model, WEIGHT, lambda: model.partial_fit(**words.given), f"'heavy' in row {BAD} ")
    for shape in (ones[:-1], np.ones((N, 2))):
        with unchanged(model), pytest.raises(ValueError):
            model.partial_fit(**replace(records, w=shape).given)
    still_works(model, records)


def entered(context):
    if hasattr(context, "__enter__"):
        context.__enter__()


# ------------------------------------------------------------------------------------------- records that are none


@over_each(ARRAYS)
def test_rows_of_the_wrong_width(learner):
    model, records, _ = large(learner)
    for columns in ([0, 1], [0, 1, 2, 2], [0]):
        bad = replace(records, X=records.X[:, columns])
        for update in (model.partial_fit, model.forget, model.without):
            refused(model, COLUMNS, lambda update=update, bad=bad: entered(update(**bad.given)), "features")
            refused(model, COLUMNS, lambda update=update, bad=bad: entered(update(**bad.row(3))), "features")
    still_works(model, records)


@over_each(ARRAYS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(learner, value):
    model, records, _ = large(learner)
    if np.isnan(value) and learner.__sklearn_tags__().input_tags.allow_nan:
        pytest.skip("NaN is missing here")
    bad = spoilt(records, BAD, lambda one: replace(one, X=np.where(np.arange(one.X.shape[1]) == 1, value, one.X)))
    for update in (model.partial_fit, model.forget, model.fit, model.without):
        refused(model, NOT_FINITE, lambda update=update: entered(update(**bad.given)), f"row {BAD} ", "column 1")
    refused(model, NOT_FINITE, lambda: model.partial_fit(**bad.row(BAD)))
    refused(model, NOT_FINITE, lambda: model.forget(**bad.row(BAD)))
    still_works(model, records)


@over_each(LEARNERS + MULTILABEL)
def test_empty_batches(learner):
    model, records, _ = large(learner)
    nothing = records.take([])
    for update in (model.partial_fit, model.forget, model.fit, model.without):
        refused(model, EMPTY, lambda update=update: entered(update(**nothing.given)), "at least one row")
    given = {"X": []} if records.y is None else {"X": [], "y": []}
    for update in (model.partial_fit, model.forget):
        refused(model, EMPTY, lambda update=update: update(**given), "at least one row")
    if records.y is not None:
        refused(model, EMPTY, lambda: model.relabel(**renamed(nothing, nothing)))
    still_works(model, records)


@over(named("CategoricalNB"))
@pytest.mark.parametrize("value", [0.5, -1.0, 1e300])
def test_categories_are_small_integers(learner, value):
    model, records, _ = large(learner)
    bad = spoilt(records, BAD, lambda one: replace(one, X=np.where(np.arange(one.X.shape[1]) == 1, value, one.X)))
    for update in (model.partial_fit, model.fit):
        with unchanged(model), pytest.raises(ValueError) as caught:
            update(**bad.given)
        if value == 0.5:
            assert is_one_of(caught.value, NOT_AN_INTEGER)
            assert f"row {BAD}" in str(caught.value).lower()
    still_works(model, records)


@over_each([learner for learner in ARRAYS if learner.__sklearn_tags__().input_tags.positive_only])
def test_negative_values(learner):
    model, records, _ = large(learner)
    bad = spoilt(records, BAD, lambda one: replace(one, X=-1.0 - one.X))
    for update in (model.partial_fit, model.fit):
        with unchanged(model), pytest.raises(ValueError, match=r"(?i)negative"):
            update(**bad.given)
    with unchanged(model), pytest.raises(ValueError):
        model.forget(**bad.row(BAD))
    still_works(model, records)


@over_each(LEARNERS)
def test_values_that_are_no_numbers(learner):
    model, records, _ = large(learner)
    if isinstance(records.X, pd.DataFrame):
        pytest.skip("categories may be strings")
    text = records.X.ndim == 1
    for X in (records.X.astype(object), np.ones(len(records)) if text else records.X + 1j):
        if X.dtype == object:
            X[(BAD,) if text else (BAD, 1)] = b"x" if text else "x"
        with unchanged(model), pytest.raises((ValueError, TypeError)):
            model.forget(**replace(records, X=X).given)
        with unchanged(model), pytest.raises((ValueError, TypeError)):
            model.forget(**replace(records, X=X).row(BAD))
    still_works(model, records)


@over_each(LEARNERS + MULTILABEL)
def test_unfitted(learner):
    records = tame(learner)
    model = clone(learner)
    y = {} if records.y is None else {"y_old": records.y, "y_new": records.y}
    calls = [lambda: model.forget(**records.given), lambda: model.digest(), lambda: model.canonical_parts()]
    calls += [
        lambda: model.without(**records.given).__enter__(),
        lambda: model.merge(refit(learner, records)),
        lambda: model.fitted_params(),
    ]
    calls += [
        lambda: refit(learner, records).merge(model),
        lambda: model.to_sklearn(),
        lambda: model.forget(**records.row(0)),
    ]
    if y:
        calls.append(lambda: model.relabel(records.X, **y))
    for call in calls:
        with pytest.raises(NotFittedError):
            call()
    assert "_state" not in vars(model)
    assert not hasattr(model, "n_records_")


# --------------------------------------------------------------------------------------------------------- relabel


@over_each(LEARNERS)
def test_relabel_with_a_bad_row_in_either_half(learner):
    model, records, _ = large(learner)
    if records.y is None:
        with unchanged(model), pytest.raises(TypeError):
            model.relabel(records.X, [0] * N, [1] * N)
        return
    fine = records.relabelled(np.random.default_rng(1))
    unknown = 77 if learner._target == "label" else 1e77
    kind = UnknownLabelError if learner._target == "label" else NotLearnedError
    old = replace(records, y=np.append(records.y[:BAD], unknown))
    refused(model, kind, lambda: model.relabel(**renamed(old, fine)), f"Row {BAD} ")
    near = spoilt(records, BAD, raised)
    refused(model, NotLearnedError, lambda: model.relabel(**renamed(near, fine)), f"Row {BAD} ")
    new = replace(records, y=np.append(records.y[:BAD].astype(float), np.nan))
    refused(model, NOT_FINITE, lambda: model.relabel(**renamed(records, new)), f"row {BAD} ")
    with unchanged(model), pytest.raises(ValueError):
        model.relabel(records.X, records.y, records.y[:-1])
    with unchanged(model), pytest.raises((ValueError, TypeError)):
        model.relabel(records.X, records.y, None)
    still_works(model, records)
    model.relabel(**renamed(records, fine)).relabel(**renamed(fine, records))
    still_works(model, records)


# ------------------------------------------------------------------------------------------------- merge and without


def test_an_array_where_trees_take_nothing():
    records = tame(DecisionTreeClassifier())
    with pytest.raises(ParameterError):
        DecisionTreeClassifier(monotonic_cst=np.array([0, 1, 0])).fit(**records.given)


@over_each(LEARNERS)
def test_models_that_do_not_merge(learner):
    records = tame(learner)
    model = refit(learner, records)
    refused(model, MergeError, lambda: model.merge(model), "itself")
    for params in [{"key": "x"}] + [{"ledger": False}] * takes_ledger(model):
        other = refit(clone(learner).set_params(**params), records)
        message = refused(model, MergeError, lambda other=other: model.merge(other), *params)
        assert "'x'" not in message  # keys are secrets
    for name, value in model.get_params().items():
        own = name.removeprefix("learner__")
        fixed = ["reg_param", "shrinkage", "ccp_alpha", "min_impurity_decrease", "min_weight_fraction_leaf"]
        fixed += ["max_features"] * ("refit_l2" in model.get_params() or "learner__refit_l2" in model.get_params())
        fixed += ["max_df"] * ("tf_norm" in model.get_params() and model.tf_norm is not None)  # which cuts no words
        if isinstance(value, float) and own not in fixed and (own, value) != ("l1_ratio", 0.0):
            changed = value / 2 + (0.5 if own == "power" else 0.125)  # powers below 1 are refused
            other = refit(clone(learner).set_params(**{name: changed}), records)
            refused(model, MergeError, lambda other=other: model.merge(other), name)
    other = GaussianNB() if not isinstance(learner, GaussianNB) else type("GaussianNB", (GaussianNB,), {})()
    refused(model, MergeError, lambda: model.merge(other), "own class")
    with unchanged(model), pytest.raises((ValueError, AttributeError)):
        model.merge(None)
    if isinstance(records.X, np.ndarray):
        named = [
            clone(learner).partial_fit(**dict(records.given, X=pd.DataFrame(records.X, columns=list(n))))
            for n in (("a", "b") if records.width == 1 else ("abc", "abd"))
        ]
        refused(named[0], MergeError, lambda: named[0].merge(named[1]), "feature_names_in_")
        refused(model, MergeError, lambda: model.merge(named[1]), "feature_names_in_")
        if records.width > 1:
            narrow = clone(learner).partial_fit(**replace(records, X=records.X[:, :2]).given)
            refused(model, MergeError, lambda: model.merge(narrow), "n_features_in_")
    with model.without(**records.row(0)):
        for pair in ((model, refit(learner, records)), (refit(learner, records), model)):
            with pytest.raises(BusyError):
                pair[0].merge(pair[1])
    assert_same(model, refit(learner, records))


@over_each(LEARNERS + MULTILABEL)
def test_updates_inside_without(learner):
    records = tame(learner, weighted=False)
    model, rest = refit(learner, records), refit(learner, records.take(range(1, 24)))
    with unchanged(model):
        with model.without(**records.row(0)):
            with unchanged(model):
                for row in (records.row(5), records.take([5, 6]).given):
                    for update in (model.partial_fit, model.forget, model.without):
                        refused(model, BusyError, lambda update=update, row=row: entered(update(**row)), "without")
                refused(model, BusyError, lambda: model.fit(**records.given))
                if records.y is not None:
                    refused(model, BusyError, lambda: model.relabel(**renamed(records, records)))
            twin = copy.deepcopy(model)  # a copy is a model of its own, and free
            assert_same(twin, rest)
            assert_same(twin.partial_fit(**records.row(0)), refit(learner, records))
        with pytest.raises(KeyError), model.without(**records.given):
            assert model.n_records_ == 0
            raise KeyError
        with pytest.raises(NotLearnedError), model.without(**joined([records, records]).given):
            pass
        with pytest.raises(StopIteration), model.without(**records.row(0)):
            raise StopIteration
    still_works(model, records)
    context = model.without(**records.row(0))  # never left: thrown away
    context.__enter__()
    del context
    assert_same(model, refit(learner, records))


# ------------------------------------------------------------------------------------------------------- parameters


@over_each(LEARNERS)
def test_parameters_outside_the_guarantee(learner):
    records = tame(learner)
    names = learner.get_params()
    cases = [("key", 5), ("key", 5.0), ("ledger", "no"), ("ledger", None)]
    cases = [case for case in cases if case[0] in names]
    if "random_state" in names:
        cases.append(("random_state", np.random.default_rng(0)))
        if learner._draws(names):
            cases.append(("random_state", np.random.RandomState(0)))
    if "warm_start" in names:
        cases.append(("warm_start", True))
    for name, value in cases:
        model = refit(learner, records)
        before = model.digest()
        model.set_params(**{name: value})
        with pytest.raises(ValueError) as caught:
            model.fit(**records.given)
        assert isinstance(caught.value, ParameterError) or f"The '{name}' parameter of" in str(caught.value)
        assert model.digest() == before
        with pytest.raises(ValueError):
            clone(learner).set_params(**{name: value}).partial_fit(**records.given)
        model.set_params(**{name: names[name]})
        still_works(model, records)


def test_every_kind_of_error_is_a_value_error_and_explains_itself():
    for name in errors.__all__:
        kind = getattr(errors, name)
        assert issubclass(kind, errors.SqlearnError) and issubclass(kind, ValueError)
        assert kind.__doc__ and "Notes" in kind.__doc__


def test_a_warning_turned_into_an_error_changes_nothing():
    X, y = np.arange(6.0).reshape(3, 2), np.array([[0], [1], [0]])
    model = GaussianNB().fit(X, y.ravel())
    with unchanged(model), warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(Warning):
            model.forget(X, y)
