"""Malformed sparse matrices are refused before any compiled code sees them, and change nothing."""

import numpy as np
import pytest
import scipy.sparse as sp

from laws import assert_same, refit, unchanged
from learners import crossed
from records import Records
from refusals import SHAPE, raises
from sqlearn.cluster import KMeans
from sqlearn.linear_model import LogisticRegression, Ridge
from sqlearn.naive_bayes import BernoulliNB, MultinomialNB
from sqlearn.preprocessing import StandardScaler

OF = (6, 5)
LABELS = np.arange(6) % 2
LEARNERS = [MultinomialNB(), BernoulliNB(), Ridge(), LogisticRegression(), KMeans(2), StandardScaler(with_mean=False)]


def whole(form="csr"):
    rng = np.random.default_rng(0)
    return sp.csr_array(rng.integers(0, 3, OF) + np.eye(*OF)).asformat(form)


def broken(form, name, value, at=None):
    """A matrix one of whose arrays is another one, or has another entry."""
    X = whole(form)
    part = np.array(getattr(X, name))
    if at is None:
        part = value(part)
    else:
        part[at] = value
    setattr(X, name, part)
    return X


def faults():
    for form in ("csr", "csc", "bsr"):
        for value in (99, 2**31 - 1, -1, -(2**31)):
            yield f"{form} index {value}", broken(form, "indices", value, 0)
        yield f"{form} last index", broken(form, "indices", 99, -1)
        yield f"{form} pointers fall", broken(form, "indptr", 0, 3)
        yield f"{form} pointers rise", broken(form, "indptr", 10**6, 3)
        yield f"{form} pointers negative", broken(form, "indptr", -5, 3)
        yield f"{form} first pointer", broken(form, "indptr", 1, 0)
        yield f"{form} last pointer", broken(form, "indptr", 10**6, -1)
        yield f"{form} few pointers", broken(form, "indptr", lambda part: part[:-1])
        yield f"{form} many pointers", broken(form, "indptr", lambda part: np.append(part, part[-1]))
        yield f"{form} few indices", broken(form, "indices", lambda part: part[:-2])
        yield f"{form} few values", broken(form, "data", lambda part: part[:-2])
        yield f"{form} fractional indices", broken(form, "indices", lambda part: part + 0.5)
        yield f"{form} a table of indices", broken(form, "indices", lambda part: part[None])
    for axis in (0, 1):
        for value in (99, -1):
            X = whole("coo")
            X.coords[axis][0] = value
            yield f"coo axis {axis} index {value}", X
        X = whole("coo")
        X.coords = tuple(part[: -1 if k == axis else None] for k, part in enumerate(X.coords))
        yield f"coo axis {axis} is short", X
    yield "dia offsets", broken("dia", "offsets", lambda part: part[:-1])
    X = whole("lil")
    X.rows[2] = [0, 99]
    X.data[2] = [1.0, 2.0]
    yield "lil index", X
    X = whole("lil")
    X.data[2] = [1.0]
    yield "lil lengths", X
    X = whole("dok")
    X._dict[99, 0] = 1.0
    yield "dok key", X


FAULTS = dict(faults())


@crossed(3, learner=LEARNERS, fault=FAULTS)
def test_malformed_matrices_are_refused(learner, fault):
    y = None if learner._target is None else LABELS
    records = Records(whole().toarray(), y, None)
    model = refit(learner, records)
    given = {"X": FAULTS[fault], **({} if y is None else {"y": y})}
    calls = [model.fit, model.partial_fit, model.forget, lambda **given: model.without(**given).__enter__()]
    for name in ("predict", "transform"):
        if hasattr(model, name):
            calls.append(lambda name=name, **_: getattr(model, name)(FAULTS[fault]))
    for call in calls:
        with unchanged(model), raises(SHAPE, match="malformed") as caught:
            call(**given)
        assert "create it again" in str(caught.value)
    with raises(SHAPE, match="malformed"):
        type(learner)(**learner.get_params()).fit(**given)


def test_the_message_names_the_row_and_the_index():
    X = whole()
    X.indices[X.indptr[4]] = 77
    with raises(SHAPE, match=r"row 4 .* column index 77, but there are 5 columns"):
        MultinomialNB().fit(X, LABELS)
    X = whole("csc")
    X.indices[X.indptr[2]] = 77
    with raises(SHAPE, match=r"column 2 .* row index 77, but there are 6 rows"):
        MultinomialNB().fit(X, LABELS)


@pytest.mark.parametrize("index", [5, 99, -1])
@pytest.mark.parametrize("learner", [MultinomialNB(), BernoulliNB()])
def test_a_single_malformed_row(learner, index):
    """On the short path, too."""
    X = whole()
    model = learner.fit(X, LABELS)
    row = X[[0]]
    row.indices[-1] = index
    with unchanged(model), raises(SHAPE, match="malformed"):
        model.forget(row, 0)
    row = X[[0]]
    row.data = row.data[:-1]
    with unchanged(model), raises(SHAPE, match="malformed"):
        model.partial_fit(row, 0)
    row = X[[0]]
    row.indptr = np.array([0, row.nnz - 1])  # well-formed: the last value is none of the row's
    assert_same(model.partial_fit(row, 0).forget(X[[0]][:, :].multiply(0) + sp.csr_array(row.toarray()), 0), model)


def test_labels_as_a_malformed_matrix():
    y = sp.csr_array(LABELS[:, None])
    y.indices[0] = 99
    with raises(SHAPE, match="malformed"):
        MultinomialNB().fit(whole(), y)


@pytest.mark.parametrize("form", ["csr", "csc", "bsr", "coo", "dia", "lil", "dok"])
def test_what_is_unusual_but_well_formed_is_taken(form):
    expected = MultinomialNB().fit(whole().toarray(), LABELS)
    assert_same(MultinomialNB().fit(whole(form), LABELS), expected)
    X = whole()
    X.data, X.indices = np.append(X.data, 5.0), np.append(X.indices, 99)  # beyond the last pointer: never looked at
    assert_same(MultinomialNB().fit(X, LABELS), expected)
    twice = whole("coo")
    twice.data = twice.data / 2
    twice = sp.coo_array((np.tile(twice.data, 2), tuple(np.tile(part, 2) for part in twice.coords)), OF)
    assert_same(MultinomialNB().fit(twice, LABELS), expected)
    assert_same(MultinomialNB().fit(twice.tocsr(), LABELS), expected)
