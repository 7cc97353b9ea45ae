"""Holes that a reviewer found once: each must stay closed."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import naive
from laws import unchanged
from refusals import NOT_FINITE, WEIGHT, raises
from sqlearn import FormatError, NotLearnedError, TooLargeError, UnknownLabelError, verify
from sqlearn.compose import TableModel
from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis
from sqlearn.engine.model.limits import _PEAK
from sqlearn.engine.sums.exact import FEW_LIMBS, ExactSum
from sqlearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sqlearn.naive_bayes import CategoricalNB, GaussianNB, MixedNB, MultinomialNB
from sqlearn.preprocessing import StandardScaler


@pytest.mark.parametrize("ledger", [True, False])
def test_memory_ends_while_learning(ledger, monkeypatch):
    """Without a ledger the undo of a half-learned block used to be refused, and the model kept the half."""
    model = LinearRegression(ledger=ledger).fit(np.eye(3), np.arange(3.0))
    before = model.canonical_parts()

    def full(self, *window):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(ExactSum, "grow_to", full)
        with pytest.raises(MemoryError):
            model.partial_fit(np.full((5, 3), 1e300), np.ones(5))
    assert model.canonical_parts() == before
    with pytest.raises(NotLearnedError):
        model.forget(np.ones((4, 3)), np.ones(4))
    assert model.canonical_parts() == before


def test_writing_to_an_attribute_leaves_the_state():
    model = GaussianNB(priors=np.array([0.5, 0.5])).fit([[0.0], [1.0]], [0, 1])
    before = model.canonical_parts()
    with pytest.raises(ValueError, match="read-only"):
        model.class_prior_[:] = [0.1, 0.9]
    model.fitted_params()["priors"][:] = [0.2, 0.8]
    assert model.canonical_parts() == before


def test_assume_finite_does_not_let_nan_in():
    with sklearn.config_context(assume_finite=True), raises(NOT_FINITE):
        GaussianNB().fit([[np.nan], [1.0]], [0, 1])


def altered_bit(state):
    sums = bytearray(state["parts"]["sums 1"])
    sums[-1] ^= 1
    state["parts"]["sums 1"] = bytes(sums)


def record_taken_out(state):
    ledger = state["parts"]["ledger"]
    n = len(ledger) // 20
    state["parts"]["ledger"] = ledger[16 : 16 * n] + ledger[16 * n + 4 :]


def part_missing(state):
    del state["parts"]["ledger"]


@pytest.mark.parametrize("alter", [altered_bit, record_taken_out, part_missing, lambda state: state.pop("layout")])
def test_altered_bytes_are_refused(alter):
    contents = GaussianNB().fit([[0.0], [1.0], [3.0]], [0, 1, 1]).__getstate__()
    GaussianNB().__setstate__(contents)
    alter(contents["state"])
    with pytest.raises(FormatError):
        GaussianNB().__setstate__(contents)


@pytest.mark.parametrize("update", ["partial_fit", "relabel"])
def test_new_labels_are_measured_before_memory_is_taken(update, monkeypatch):
    X, y = np.arange(6.0).reshape(3, 2), np.arange(3)
    model = LinearDiscriminantAnalysis(solver="lsqr").partial_fit(X, y)
    before = model.canonical_parts()
    monkeypatch.setattr("os.sysconf", lambda name: 40)
    with pytest.raises(TooLargeError):
        getattr(model, update)(X, *([y] if update == "relabel" else []), y + 10)
    assert model.canonical_parts() == before


@pytest.mark.filterwarnings("error")
def test_values_whose_float_sum_is_none_give_no_warning():
    X, y = np.random.default_rng(0).choice([1e308, -1e308], (64, 3)), np.arange(64) % 2
    for learner in (GaussianNB(), LinearRegression(), MixedNB(), StandardScaler()):
        learner.partial_fit(X, y).forget(X[20:], y[20:])


def small_machine(patch, n_sums):
    """Memory for so many exact sums."""
    patch.setattr("os.sysconf", lambda name: int((8 * FEW_LIMBS * _PEAK * n_sums) ** 0.5))


def test_many_new_labels_are_measured_before_memory_is_taken(monkeypatch):
    """They were measured as if the number of classes would double, whatever it came to."""
    X, y, many = np.random.default_rng(0).random((64, 30)), np.arange(64), np.arange(64) + 1000
    model, other = RidgeClassifier().partial_fit(X[:2], y[:2]), RidgeClassifier().partial_fit(X, many)
    before = model.canonical_parts()
    small_machine(monkeypatch, 32 * 31 * 33 / 2)
    with pytest.raises(TooLargeError):
        model.partial_fit(X, many)
    with pytest.raises(TooLargeError):
        model.merge(other)
    with pytest.raises(UnknownLabelError, match="Row 2 "):
        model.forget(X, [*y[:2], *many[2:]])
    with pytest.raises(UnknownLabelError, match="Row 2 "):
        model.relabel(X, [*y[:2], *many[2:]], y)
    with pytest.raises(UnknownLabelError, match="Row 0 "), model.without(X, many):
        pass
    assert model.canonical_parts() == before
    assert other.forget(X[:50], many[:50]).n_records_ == 14  # what is held is forgotten on any machine
    model.partial_fit(X[2:6], y[2:6]).forget(X[:2], y[:2])
    monkeypatch.undo()
    assert verify(model, X[2:6], y[2:6])


def test_a_model_without_memory_for_new_labels_goes_on(monkeypatch):
    X, y = np.arange(12.0).reshape(6, 2), np.arange(6) % 2
    model = RidgeClassifier().fit(X, y)
    grow = ExactSum._grow

    def small(self, below, shape):
        if shape[1] > 4:
            raise MemoryError
        grow(self, below, shape)

    monkeypatch.setattr(ExactSum, "_grow", small)
    digest = model.digest()
    with pytest.raises(MemoryError):
        model.partial_fit(X, np.arange(6) + 10)
    assert model.digest() == digest
    assert verify(model.forget(X[:2], y[:2]).relabel(X[2:3], [0], [7]), X[2:], [7, 1, 0, 1])


def test_categories_are_measured_before_memory_is_taken(monkeypatch):
    X, y = np.arange(600)[:, None], np.arange(600) % 32
    model = CategoricalNB().fit(X, y)
    small_machine(monkeypatch, 32 * 512)
    with pytest.raises(TooLargeError, match="600 categories"):
        CategoricalNB().fit(X, y)
    with unchanged(model), pytest.raises(TooLargeError):
        model.partial_fit(X + 600, y)
    assert model.forget(X[500:], y[500:]).n_records_ == 500


@pytest.mark.parametrize("learner", [GaussianNB(), LinearRegression(), MultinomialNB(), RidgeClassifier()])
@pytest.mark.parametrize("n", [1, 40, 400])
def test_weights_whose_products_leave_float64_are_summed_exactly(learner, n):
    """1e308 times 1e300 was refused, though the limbs hold it."""
    rng = np.random.default_rng(0)
    X, y, w = rng.random((60, 3)), np.arange(60) % 2, rng.random(60)
    model = clone(learner).fit(X, y, sample_weight=w)
    digest = model.digest()
    heavy = np.full((n, 3), [1e308, 3e-300, 1.7e308]), np.arange(n) % 2, np.linspace(1e300, 1.7e308, n)
    model.partial_fit(*heavy[:2], sample_weight=heavy[2])
    whole = [np.concatenate(pair) for pair in zip((X, y, w), heavy, strict=True)]
    assert model.digest() == clone(learner).fit(whole[0], whole[1], sample_weight=whole[2]).digest()
    assert model.forget(*heavy[:2], sample_weight=heavy[2]).digest() == digest


def test_the_sum_of_an_overflowing_product_is_right():
    model = GaussianNB().fit([[1e308], [3e307], [1.0]], [0, 0, 1], sample_weight=[1e300, 3e300, 1.0])
    digits, low = model._state.statistic.digits(model._state.class_slots())
    expected = Fraction(1e308) * Fraction(1e300) + Fraction(3e307) * Fraction(3e300)
    assert naive.value_of(digits[0, 1], low) == expected


@pytest.mark.parametrize("learner", [LinearRegression(), GaussianNB(), StandardScaler()])
def test_a_record_that_would_widen_sums_beyond_memory_is_refused(learner, monkeypatch):
    """Alone and as the last of many; what is held can be forgotten all the same."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 40)), rng.integers(0, 2, 30)
    given = {} if isinstance(learner, StandardScaler) else {"y": y}
    model = clone(learner).fit(X, **given)
    extreme = X[:5] + 1.0
    extreme[4, 3] = 1e308
    extreme[4, 5] = 5e-324
    sums = getattr(model._state.statistic, "moments", model._state.statistic).total
    monkeypatch.setattr("sqlearn.engine.sums.exact.installed", lambda: 12 * sums.nbytes)
    for rows in (slice(4, 5), slice(0, 5), 4):
        label = {name: value[rows] for name, value in given.items()}
        with unchanged(model), pytest.raises(TooLargeError, match="limbs in each of"):
            model.partial_fit(extreme[rows], **label)
    model.forget(X, **given)
    assert model.n_records_ == 0


def test_what_an_unfitted_model_is_asked_says_so():
    for learner, name in ((GaussianNB(), "n_records_"), (LogisticRegression(), "last_update_")):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            getattr(learner, name)
        assert not hasattr(learner, name)


def test_the_old_name_of_the_report_warns():
    model = LogisticRegression().fit([[0.0], [1.0], [2.0], [4.0]], [0, 1, 0, 1]).forget([4.0], 1)
    table = TableModel(LogisticRegression()).fit({"x": [0.0, 1.0, 2.0]}, [0, 1, 0])
    for updated in (model, table):
        with pytest.warns(FutureWarning, match="read last_update_"):
            assert updated.last_forget_.seconds == updated.last_update_.seconds
    assert not hasattr(TableModel(GaussianNB()).fit({"x": [0.0, 1.0]}, [0, 1]), "last_forget_")
    with pytest.raises(NotFittedError):
        LogisticRegression().last_forget_  # noqa: B018


def test_verify_refuses_weights_where_there_are_none():
    X, y = [[0.0], [1.0], [3.0]], [0, 1, 1]
    with raises(WEIGHT, match="takes no sample weights"):
        verify(LinearDiscriminantAnalysis().fit(X, y), X, y, [1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    "model",
    [
        MixedNB(categorical_features=[1], ledger=False),
        TableModel(MixedNB(), ledger=False),
        TableModel(Ridge(), ledger=False),
    ],
    ids=repr,
)
def test_a_category_that_is_not_held_without_a_ledger(model):
    """Its count would be less than 0, and such a model could not be loaded."""
    rows, y = [[1.0, "a"], [2.0, "b"], [3.0, "a"], [4.0, "b"]], [0, 1, 0, 1]
    model.fit(rows, y)
    for gone, labels, at in (([[1.0, "z"]], [0], 0), ([[1.0, "a"], [3.0, "a"], [1.0, "a"]], [0, 0, 1], 2)):
        with unchanged(model), pytest.raises(NotLearnedError) as caught:
            model.forget(gone, labels)
        assert caught.value.row == at
    assert pickle.loads(pickle.dumps(model.forget([rows[0]], [0]))).digest() == model.digest()
