"""verify: true for a refit, false on the smallest difference, and it names the first one."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from laws import frozen, refit, unchanged
from learners import LEARNERS, MULTILABEL, WEIGHTED, over_each
from records import joined, tame
from sqlearn import verify
from sqlearn.engine.maps import first_difference
from sqlearn.errors import InvalidValueError
from sqlearn.naive_bayes import GaussianNB
from sqlearn.recommend import ItemKNN

pytestmark = pytest.mark.filterwarnings("ignore")


@over_each(LEARNERS)
def test_verify_finds_every_difference(learner):
    records = tame(learner, weighted=False)
    model = refit(learner, records)
    assert verify(model, **records.given)
    assert verify(model, **records.take(np.arange(24)[::-1]).given)
    with unchanged(model):
        missing = verify(model, **records.take(range(23)).given)
        twice = verify(model, **joined([records, records.take([0])]).given)
        wrong = [missing, twice]
        if learner._target == "label":
            wrong.append(verify(model, **replace(records, y=np.append(records.y[:23], -99)).given))
            changed, (i, j) = records.y.copy(), np.unique(records.y, return_index=True)[1][:2]
            changed[[i, j]] = changed[[j, i]]
            wrong.append(verify(model, **replace(records, y=changed).given))
        if learner._target == "value":
            wrong.append(verify(model, **replace(records, y=np.nextafter(records.y, 0)).given))
        if learner in WEIGHTED:
            wrong.append(verify(model, **records.given, sample_weight=np.append(np.ones(23), 2.0)))
        X = records.X.copy()
        if isinstance(X, np.ndarray):
            if X.ndim == 1:
                X[3] += " other"
            else:
                X[3, 1] += 1.0
            wrong.append(verify(model, **replace(records, X=X).given))
        for verification in wrong:
            assert not verification
            assert verification.difference.startswith("the state's ")
            assert "differs" in str(verification) and verification.difference in repr(verification)
            assert "\n" not in str(verification)
            assert verification.digest != verification.refit_digest


@over_each(LEARNERS + MULTILABEL)
def test_verify_finds_an_altered_limb_count_or_attribute(learner):
    records = tame(learner, weighted=False)

    def altered(change):
        model = refit(learner, records)
        assert verify(model, **records.given)
        change(model)
        return verify(model, **records.given).difference

    def statistic(model):
        whole = getattr(model._state.statistic, "sums", model._state.statistic)
        return next((getattr(whole, name) for name in ("moments", "gram", "grams") if hasattr(whole, name)), whole)

    def limb(model):
        if hasattr(statistic(model), "ordered"):  # which has no limbs
            statistic(model).ordered.missing[0] += 1
            return
        statistic(model).total.limbs[0, model._state.class_slots()[0], 0] += 1.0

    assert "sums" in altered(limb)

    def held(model):
        statistic(model).record_counts[model._state.class_slots()[0]] += 1

    assert "sums" in altered(held)

    def counted(model):
        model._state.record_counter += 1

    assert altered(counted) == "the state's records"

    def multiset(model):
        model._state.multiset[3] ^= np.uint64(1)

    assert altered(multiset) == "the state's records"

    keeps_records = refit(learner, records)._state.ledger is None  # in a TableModel, those in rounds have one too

    def name(model):
        if keeps_records:
            kept = model._state.statistic
            rows = next(iter(kept.shards.values())).rows if hasattr(kept, "shards") else kept.rows
            rows.digests[rows.places()[0], 1] ^= np.uint64(1)
        else:
            model._state.ledger._arrays[0][np.flatnonzero(model._state.ledger._arrays[1])[0], 1] ^= np.uint64(1)

    assert altered(name) == ("the state's rows" if keeps_records else "the state's ledger")

    def parameters(model):
        model._state.params["key"] = "x"  # without the key

    assert altered(parameters) == "the state's header"

    def attribute(model):
        reader = model._fitted_sklearn()
        for name, value in vars(reader).items():
            if isinstance(value, np.ndarray) and value.dtype == np.float64 and name.endswith("_") and value.size:
                vars(reader)[name] = value.copy()
                vars(reader)[name].reshape(-1)[-1] = np.nextafter(value.reshape(-1)[-1], np.inf)
                model.altered = name
                return

    model = refit(learner, records)
    attribute(model)
    if hasattr(model, "altered"):
        assert verify(model, **records.given).difference.startswith(f"the attribute {model.altered}[")


NAN = float("nan")
# alike to `==` or to bytes, and all of them different
DIFFERENT = [0.0, -0.0, 0, None, "0", np.float64(0), np.float32(0), [0.0], (0.0,), {"a": 0.0}, {"a": -0.0}, NAN, [NAN]]
DIFFERENT += [np.zeros(1), np.zeros((1, 1)), np.zeros(1, np.int64), np.array([-0.0]), np.array([None])]
DIFFERENT += [np.array(["0"], object), np.array([np.nan, 0.0]), np.array([0.0, np.nan], object)]


def test_frozen_tells_bits_types_and_shapes_apart():
    values = [*DIFFERENT, False]
    assert len({frozen(value) for value in values}) == len(values)
    assert frozen(np.array([np.nan])) == frozen(np.array([np.nan]))


def test_the_walk_compares_bits():
    for i, a in enumerate(DIFFERENT):
        for j, b in enumerate(DIFFERENT):
            assert (first_difference(a, b) is None) == (i == j), (a, b)


def test_verify_compares_fields():
    """Nodes of scikit-learn's trees have bytes between their fields, which hold what was in memory before."""
    kind = np.dtype([("left", np.int64), ("is_low", np.uint8)], align=True)
    a, b = (np.frombuffer(bytearray([filler] * 3 * kind.itemsize), kind) for filler in (0, 1))
    for name, values in (("left", [1, 2, 3]), ("is_low", [0, 1, 0])):
        a[name] = b[name] = values
    assert a.tobytes() != b.tobytes()
    assert first_difference(a, b) is None
    b["is_low"][2] = 1
    assert first_difference(a, b) is not None


def test_an_emptied_model_is_verified_against_nothing():
    X, y = np.arange(6.0).reshape(3, 2), [0, 1, 1]
    model = GaussianNB().fit(X, y)
    assert not verify(model, X[:0], [])
    assert verify(model.forget(X, y), X[:0], [])
    assert not verify(model, X, y)


def test_labels_of_a_sparse_matrix_are_passed_on():
    matrix = sp.csr_array(np.array([[5.0, 0.0], [3.0, 4.0]]))
    labels = {"users": ["anna", "ben"], "items": ["tea", "rum"]}
    model = ItemKNN().fit(matrix, **labels)
    assert verify(model, matrix, **labels) and not verify(model, matrix)
    with pytest.raises(InvalidValueError, match="GaussianNB takes no users and items, which recommenders have"):
        verify(GaussianNB().fit([[0.0], [1.0]], [0, 1]), [[0.0], [1.0]], [0, 1], **labels)
