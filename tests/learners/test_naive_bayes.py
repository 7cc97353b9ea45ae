"""The naive Bayes classifiers: against scikit-learn, and what is special to each."""

import math
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn import naive_bayes as peers
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris

from refusals import COLUMNS, EMPTY, NEGATIVE, NOT_AN_INTEGER, NOT_FINITE, NOT_NUMERIC, OUT_OF_RANGE, raises
from sqlearn import verify
from sqlearn.datasets import load_titanic
from sqlearn.errors import MergeError, NotLearnedError, ParameterError, UndefinedAttributeError
from sqlearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MixedNB, MultinomialNB

COUNTING = [MultinomialNB(), ComplementNB(), BernoulliNB()]
PREDICTIONS = ["predict_proba", "predict_log_proba", "predict_joint_log_proba"]


def peer_of(model):
    params = {name: value for name, value in model.get_params().items() if name not in ("ledger", "key")}
    return getattr(peers, type(model).__name__)(**params)


def assert_agrees(model, X, y, weights=None):
    peer = peer_of(model).fit(X, y, weights)
    model = clone(model).fit(X, y, weights)
    attributes = {name for name in vars(peer) if name.endswith("_")}
    assert attributes == set(model.fitted_attributes())
    for name in attributes:
        ours, theirs = getattr(model, name), getattr(peer, name)
        if name == "classes_":
            np.testing.assert_array_equal(ours, theirs)
            continue
        for a, b in zip(ours, theirs, strict=True) if isinstance(theirs, list) else [(ours, theirs)]:
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12, err_msg=name)
    np.testing.assert_array_equal(model.predict(X), peer.predict(X))
    for name in PREDICTIONS:
        np.testing.assert_allclose(getattr(model, name)(X), getattr(peer, name)(X), rtol=1e-7, atol=1e-9)


def shares(n_classes):
    return (np.arange(n_classes) + 1.0) / (n_classes * (n_classes + 1) / 2)


@pytest.mark.parametrize(
    "model",
    [
        *COUNTING,
        MultinomialNB(alpha=1e-12, force_alpha=False),
        MultinomialNB(alpha=np.linspace(0.1, 2.0, 64)),
        MultinomialNB(fit_prior=False),
        ComplementNB(norm=True, alpha=0.3),
        ComplementNB(class_prior=shares(10)),
        BernoulliNB(binarize=7.0, class_prior=shares(10)),
        BernoulliNB(alpha=0.5, fit_prior=False),
        CategoricalNB(),
        CategoricalNB(min_categories=20, alpha=0.1),
        CategoricalNB(min_categories=[17] * 64, fit_prior=False),
    ],
    ids=lambda model: repr(model).replace(" ", "").replace("\n", ""),
)
@pytest.mark.crossed(3)
@pytest.mark.filterwarnings("ignore:alpha too small", "ignore:divide by zero")
def test_agrees_with_scikit_learn_on_digits(model):
    X, y = load_digits(return_X_y=True)
    assert_agrees(model, X, y)
    weights = np.random.default_rng(0).random(len(y)) + 0.1
    assert_agrees(model, X, y, weights)


def test_agrees_with_scikit_learn_on_sparse_fractions():
    rng = np.random.default_rng(1)
    X = sp.random_array((300, 80), density=0.1, rng=rng, format="csr")
    y = rng.choice(["a", "b", "c"], 300)
    for model in COUNTING:
        assert_agrees(model, X, y)
        assert_agrees(model, X, y, rng.random(300) + 0.5)
    assert_agrees(BernoulliNB(binarize=None), (X > 0.5).astype(float), y)


def some_counts(n=40, d=6, seed=2):
    rng = np.random.default_rng(seed)
    return rng.poisson(0.7, (n, d)).astype(float), rng.integers(0, 3, n)


@pytest.mark.parametrize("model", [*COUNTING, CategoricalNB()], ids=repr)
def test_a_record_has_one_form(model):
    X, y = some_counts()
    expected = clone(model).fit(X, y).digest()
    forms = [X.astype(np.float32), X.astype(np.int8), X.astype(object), X.tolist(), np.asfortranarray(X)]
    if not isinstance(model, CategoricalNB):
        unsorted = sp.csr_matrix(X)
        unsorted.indices, unsorted.data = unsorted.indices.copy(), unsorted.data.copy()
        for start, stop in zip(unsorted.indptr[:-1], unsorted.indptr[1:], strict=True):
            unsorted.indices[start:stop] = unsorted.indices[start:stop][::-1]
            unsorted.data[start:stop] = unsorted.data[start:stop][::-1]
        unsorted.has_sorted_indices = False
        free = np.flatnonzero(X[-1] == 0)[:1]
        indptr = np.append(unsorted.indptr[:-1], unsorted.nnz + 1)
        zeros = sp.csr_array((np.append(unsorted.data, -0.0), np.append(unsorted.indices, free), indptr), X.shape)
        forms += [sp.csr_array(X), sp.csc_matrix(X), sp.coo_array(X.astype(np.int32)), unsorted, zeros]
    for form in forms:
        assert clone(model).fit(form, y.astype(float)).digest() == expected
    flags = X > 0
    assert clone(model).fit(flags, y).digest() == clone(model).fit(flags.astype(float), y).digest()


@pytest.mark.parametrize("model", COUNTING, ids=repr)
def test_one_sparse_row_is_forgotten_in_every_form(model):
    X, y = some_counts()
    table = sp.csr_array(X)
    expected = clone(model).fit(X[1:], y[1:]).digest()
    for row, label in [
        (X[0], y[0]),
        (table[[0]], y[0]),
        (table[[0]], [y[0]]),
        (sp.csr_matrix(table)[0], y[0]),
        (table[0], y[0]),  # 1-D
        (X[:1], y[0]),
    ]:
        given = clone(model).fit(table, y)
        assert given.forget(row, label).digest() == expected
        with pytest.raises(NotLearnedError, match="is not held"):
            given.forget(77 * row, label)
        assert given.digest() == expected


@pytest.mark.parametrize("model", COUNTING, ids=repr)
@pytest.mark.parametrize("sparse", [False, True])
def test_hard_values_leave_no_trace(model, sparse):
    X, y = some_counts()
    weights = np.random.default_rng(3).choice([1.0, 0.1, 1e-300, 3.0, 0.0], len(y))
    hard = np.array([[9e307, 5e-324, 0.0, 1e-200, 1.0, 1e16], [1.7e308, -0.0, 5e-324, 0.3, 0.0, 1.0]])
    form = sp.csr_array if sparse else np.asarray
    left = clone(model).fit(form(X), y, weights)
    full = clone(model).fit(form(np.concatenate([hard, X])), np.append([7, 8], y), np.append([1.0, 0.5], weights))
    assert 7 in full.classes_
    full.forget(form(hard), [7, 8], [1.0, 0.5])
    assert full.digest() == left.digest()
    assert verify(full, X, y, weights)


def test_sparse_rows_may_change_while_they_are_lent():
    X, y = sp.csr_array(np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0], [4.0, 5.0, 0.5]])), [0, 1, 0]
    model = MultinomialNB().fit(X, y)
    before = model.canonical_parts()
    with model.without(X[[0, 2]], [0, 0]):
        X.data[:] = 7.0
    assert model.canonical_parts() == before


@pytest.mark.parametrize("length", [*range(12), 40, 41, 200])
def test_counts_and_others_of_any_length_add_up(length):
    rng = np.random.default_rng(length)
    X = np.zeros((50, 300))
    for i in range(len(X)):
        X[i, rng.permutation(300)[: (length * i) // 25]] = rng.choice([1.0, 2.0, 2.0**31 - 1, 2.0**31, 0.1, 1e-300])
    y = rng.integers(0, 3, len(X))
    model = MultinomialNB().fit(sp.csr_array(X), y)
    for label in model.classes_:
        expected = [math.fsum(column) for column in X[y == label].T]
        assert model.feature_count_[list(model.classes_).index(label)].tolist() == expected
    one_by_one = MultinomialNB()
    for i in rng.permutation(len(X)):
        one_by_one.partial_fit(sp.csr_array(X[[i]]), y[[i]])
    assert one_by_one.canonical_parts() == model.canonical_parts()


@pytest.mark.parametrize(
    "labels",
    [
        np.array([127, -128, 0, 127], np.int8),
        np.array([-(2**63), -(2**63) + 5, -(2**63)], np.int64),
        np.array([2**63 - 1, 2**63 - 4000, 2**63 - 1], np.uint64),
        np.array([2**31 - 1, -(2**31)], np.int32),
        np.array([7, 4102, 4103, 7]),
    ],
)
def test_labels_are_numbered_by_value(labels):
    model = MultinomialNB().fit(np.ones((len(labels), 1)), labels)
    assert model.classes_.tolist() == sorted(set(labels.tolist()))
    assert model.class_count_.tolist() == [labels.tolist().count(label) for label in model.classes_.tolist()]


def test_sums_beyond_float64_are_held_and_can_be_forgotten():
    model = MultinomialNB().fit([[1e308, 1.0], [1e308, 2.0], [1.0, 3.0]], [0, 0, 1])
    digest = model.digest()
    with pytest.raises(UndefinedAttributeError, match="beyond float64's range"):
        model.predict([[1.0, 1.0]])
    assert model.digest() == digest
    assert model.forget([1e308, 1.0], 0).feature_count_.tolist() == [[1e308, 2.0], [1.0, 3.0]]


@pytest.mark.parametrize("model", [MultinomialNB(), ComplementNB(), CategoricalNB()], ids=repr)
def test_negative_features_are_refused(model):
    X, y = some_counts()
    model = clone(model).fit(X, y)
    digest = model.digest()
    X[3, 2] = -1.0
    kind = NOT_AN_INTEGER if isinstance(model, CategoricalNB) else NEGATIVE
    with raises(kind, match=r"Negative values in data passed to .* -1\.0 first, in row 3.*, column 2"):
        model.partial_fit(X, y)
    with pytest.raises(ValueError, match="Negative values in data passed to"):
        clone(model).fit(X, y)
    assert model.digest() == digest


@pytest.mark.parametrize("model", [*COUNTING, CategoricalNB()], ids=repr)
def test_priors_and_alphas_that_do_not_fit(model):
    X, y = some_counts()
    with pytest.raises(ValueError, match="Number of priors must match"):
        clone(model).set_params(class_prior=[0.5, 0.5]).fit(X, y)
    model = clone(model).set_params(class_prior=[0.5, 0.3, 0.2]).fit(X, y)
    model.partial_fit(X[0], 9)  # updates are not refused
    assert not hasattr(model, "class_log_prior_")
    with pytest.raises(UndefinedAttributeError, match="Number of priors must match"):
        model.predict(X)
    assert model.forget(X[0], 9).class_log_prior_[0] == np.log(0.5)
    with pytest.raises(ValueError, match="alpha"):
        clone(model).set_params(alpha=[1.0, 2.0]).fit(X, y)
    with pytest.warns(UserWarning, match="alpha too small"):
        clone(model).set_params(alpha=0.0, force_alpha=False).fit(X, y)


def test_complements_are_exact():
    X = np.array([[2.0**60, 1.0], [2.0**60, 2.0], [1.0, 1.0]])
    model = ComplementNB(alpha=0.5).fit(X, [0, 0, 1])
    expected = np.array([[1.0, 1.0], [2.0**61, 3.0]]) + 0.5
    np.testing.assert_array_equal(model.feature_log_prob_, -np.log(expected / expected.sum(axis=1, keepdims=True)))


def test_bernoulli_records_are_the_rows_as_given():
    model = BernoulliNB(binarize=0.5).fit([[1.0, 0.2], [3.0, 0.0]], [0, 1])
    digest = model.digest()
    with pytest.raises(NotLearnedError):
        model.forget([2.0, 0.2], 0)  # the same above and below the threshold
    assert model.digest() == digest
    assert model.forget([1.0, 0.2], 0).feature_count_.tolist() == [[1.0, 0.0]]
    twin = pickle.loads(pickle.dumps(model)).partial_fit([[1.0, 0.4]], [1])
    with model.without([3.0, 0.0], 1):
        assert model.n_records_ == 0
    assert twin.feature_count_.tolist() == [[2.0, 0.0]]
    with pytest.raises(ParameterError, match="one alpha"):
        BernoulliNB(alpha=[1.0]).fit([[1.0]], [0])
    with pytest.raises(ValueError, match="binarize"):
        BernoulliNB(binarize=-1.0).fit([[1.0]], [0])  # as scikit-learn: zeros would be there


# -------------------------------------------------------------------------------------------------- CategoricalNB


def test_categories_go_with_their_last_record():
    X, y = np.array([[0, 1], [1, 0], [0, 7], [0, 7]]), np.array([0, 1, 0, 2])
    model = CategoricalNB().fit(X, y)
    assert model.n_categories_.tolist() == [2, 8]
    model.forget(X[2], 0)
    assert model.n_categories_.tolist() == [2, 8]
    model.forget(X[3], 2)
    assert model.n_categories_.tolist() == [2, 2]
    assert model.classes_.tolist() == [0, 1]
    assert verify(model, X[:2], y[:2])
    with raises(OUT_OF_RANGE, match="category 7"):
        model.predict([[0, 7]])
    assert CategoricalNB(min_categories=8).fit(X[:2], y[:2]).predict([[0, 7]]) in (0, 1)


def test_categories_are_whole_numbers():
    X, y = np.array([[0, 1], [1, 0], [0, 7]]), [0, 1, 0]
    model = CategoricalNB().fit(X, y)
    digest = model.digest()
    for bad, message in [(0.5, "0.5 first, in row 2, column 1"), (2.0**60, "not integers up to"), (-3.0, "Negative")]:
        rows = X.astype(float)
        rows[2, 1] = bad
        for update in (model.partial_fit, model.forget, clone(model).fit):
            with raises(NOT_AN_INTEGER, match=message):
                update(rows, y)
    with pytest.raises(ValueError, match="min_categories"):
        CategoricalNB(min_categories=[2.5, 3.0]).fit(X, y)
    assert model.digest() == digest
    model.partial_fit([[0, 2**50]], [0])  # held, but no table of 2**50 categories can be made
    with pytest.raises(UndefinedAttributeError, match="too large for memory"):
        model.predict(X)
    assert model.forget([0, 2**50], 0).digest() == digest


# -------------------------------------------------------------------------------------------------------- MixedNB


NUMBERS, KINDS = ["age", "sibsp", "parch", "fare"], ["pclass", "sex", "embarked"]


def titanic():
    """A frame of numbers, strings, a category and a boolean, with missing values; and who survived."""
    data = load_titanic()
    frame = pd.DataFrame(data.data, columns=data.feature_names)[[*NUMBERS, *KINDS]]
    frame = frame.astype(dict.fromkeys(NUMBERS, float) | {"pclass": "category", "sex": "str", "embarked": "str"})
    return frame.assign(alone=frame.sibsp + frame.parch == 0), data.target


def in_polars(frame):
    return pl.from_pandas(frame).with_columns(pl.col("embarked").cast(pl.Categorical), pl.col("sibsp").cast(pl.Int16))


def naive_scores(X, y, query, numbers, kinds, alpha=1.0, smoothing=1e-9):
    """Joint log-probabilities, value by value."""
    classes = np.unique(y)
    epsilon = smoothing * np.nanmax([np.nanvar(X[name].astype(float)) for name in numbers])
    scores = np.zeros((len(query), len(classes)))
    for c, label in enumerate(classes):
        held = X[y == label]
        for i, (_, row) in enumerate(query.iterrows()):
            scores[i, c] = np.log(len(held) / len(X))
            for name in numbers:
                if not pd.isna(row[name]):
                    mean, variance = held[name].mean(), held[name].var(ddof=0) + epsilon
                    scores[i, c] -= np.log(2 * np.pi * variance) / 2 + (row[name] - mean) ** 2 / (2 * variance)
            for name in kinds:
                known = X[name].dropna().unique()
                if not pd.isna(row[name]) and row[name] in known:
                    count = (held[name] == row[name]).sum() + alpha
                    scores[i, c] += np.log(count / (held[name].notna().sum() + alpha * len(known)))
    return scores


def test_mixed_reads_a_table_value_by_value():
    X, y = titanic()
    model = MixedNB().fit(X, y)
    assert model.is_categorical_.tolist() == [False] * 4 + [True] * 4
    assert [c.tolist() for c in model.categories_] == [["1", "2", "3"], ["female", "male"], ["C", "Q", "S"], [0, 1]]
    assert model.present_count_[:, 0].tolist() == [424.0, 290.0]
    query = X.iloc[:40].copy()
    query.loc[0, "embarked"] = "Atlantis"  # a category that no record holds is as good as missing
    expected = naive_scores(X, y, query, NUMBERS, [*KINDS, "alone"])
    np.testing.assert_allclose(model.predict_joint_log_proba(query), expected, rtol=1e-10)
    assert model.score(X, y) > 0.75
    scores = model.to_sklearn().predict_proba(in_polars(X))
    np.testing.assert_array_equal(scores, model.predict_proba(X))


@pytest.mark.parametrize("form", [lambda frame: frame, in_polars], ids=["pandas", "polars"])
def test_mixed_forgets_rows_of_frames(form):
    X, y = titanic()
    model = MixedNB().fit(form(X), y)
    assert model.digest() == MixedNB().fit(X, y).digest()
    free = (X.fare == 0).to_numpy()
    model.forget(form(X[free]), y[free])
    assert verify(model, form(X[~free]), y[~free])
    model.partial_fit(form(X[free]), y[free]).forget(X.iloc[0], y[0]).forget(form(X)[1:2], y[1])
    model.relabel(X.iloc[2], y[2], 1 - y[2])
    y[2] = 1 - y[2]
    assert verify(model, form(X)[2:], y[2:])
    half = MixedNB().fit(form(X)[2:100], y[2:100]).merge(MixedNB().fit(form(X)[100:], y[100:]))
    assert half.digest() == model.digest() == pickle.loads(pickle.dumps(model)).digest()


def test_mixed_names_indices_and_masks_choose_columns():
    X, y = titanic()
    X = X.drop(columns="alone")
    choices = [KINDS, [4, 5, 6], [False] * 4 + [True] * 3, np.array(KINDS, object)]
    expected = MixedNB().fit(X, y).fitted_attributes()
    for chosen in choices:
        found = MixedNB(categorical_features=chosen).fit(X, y).fitted_attributes()
        np.testing.assert_equal(found, expected)
    table = np.array(X.astype(object).where(X.notna(), None))
    arrays = [table, table.tolist(), [tuple(row) for row in table]]
    models = [MixedNB(categorical_features=[4, 5, 6]).fit(array, y) for array in arrays]
    assert len({model.digest() for model in models}) == 1
    np.testing.assert_equal(models[0].var_, expected["var_"])
    for row in (table[0], list(table[0]), tuple(table[0])):
        models[0].forget(row, y[0]).partial_fit(row, y[0])
    assert models[0].digest() == models[1].digest()
    for chosen, message in [(["port"], "not a valid feature name"), ([9], "integer indices"), ([True], "boolean mask")]:
        with pytest.raises(ValueError, match=message):
            MixedNB(categorical_features=chosen).fit(X, y)


def test_the_smoothing_of_gaussians_counts_weights():
    """As rows that are there twice; scikit-learn's takes no notice of weights. The notes say so."""
    X, y = load_iris(return_X_y=True)
    weights = np.arange(len(y)) % 3
    model = GaussianNB().fit(X, y, weights)
    assert model.epsilon_ == GaussianNB().fit(X.repeat(weights, axis=0), y.repeat(weights)).epsilon_
    assert model.epsilon_ != peers.GaussianNB().fit(X, y, weights).epsilon_


def test_mixed_is_gaussian_and_categorical():
    X, y = load_iris(return_X_y=True)
    weights = np.random.default_rng(4).random(len(y))
    gaussian = peers.GaussianNB(var_smoothing=0.0).fit(X, y, weights)  # its smoothing takes no notice of weights
    model = MixedNB(var_smoothing=0.0).fit(X, y, weights)
    np.testing.assert_allclose(model.var_, gaussian.var_, rtol=1e-9)
    np.testing.assert_allclose(model.predict_proba(X), gaussian.predict_proba(X), rtol=1e-7)
    codes = np.digitize(X, [2.0, 4.0, 6.0])
    codes[:4] = np.arange(4)[:, None]
    categorical = peers.CategoricalNB(alpha=0.3).fit(codes, y, weights)
    model = MixedNB(categorical_features=[0, 1, 2, 3], alpha=0.3).fit(codes, y, weights)
    scores = categorical.predict_joint_log_proba(codes)
    np.testing.assert_allclose(model.predict_joint_log_proba(codes), scores, rtol=1e-9)
    both = MixedNB(categorical_features=range(4, 8), alpha=0.3, var_smoothing=0.0)
    both.fit(np.hstack([X, codes]), y, weights)
    expected = gaussian.predict_joint_log_proba(X) + scores - categorical.class_log_prior_
    np.testing.assert_allclose(both.predict_joint_log_proba(np.hstack([X, codes])), expected, rtol=1e-8)


def test_mixed_equal_categories_and_all_that_is_missing():
    ways = [[1, 1.0, True, np.int8(1)], ["a", np.str_("a")], [None, np.nan, np.float32("nan"), pd.NA, pd.NaT]]
    for same in ways:
        digests = {MixedNB(categorical_features=[0]).fit([[v, 0.5], ["b", None]], [0, 1]).digest() for v in same}
        assert len(digests) == 1
    missing = [None, np.nan, np.float32("nan"), -np.nan, pd.NA]
    assert len({MixedNB(categorical_features=[0]).fit([["a", v]], [0]).digest() for v in missing}) == 1
    model = MixedNB(categorical_features=[0]).fit([[1, 0.0], ["1", -0.0], [0.5, 2.0], ["b\0", 1.0]], [0, 1, 0, 1])
    assert model.categories_[0].tolist() == [0.5, 1, "1", "b\0"]
    assert model.forget(["b\0", 1.0], 1).forget([0.5, 2.0], 0).categories_[0].tolist() == [1, "1"]


def test_mixed_a_column_without_values():
    rows = [[1.0, None, "a"], [3.0, None, None], [None, None, "a"], [None, None, None]]
    model = MixedNB(categorical_features=[2], alpha=0.0).fit(rows, [0, 0, 1, 1])
    assert model.theta_[:, 0].tolist() == [2.0, 2.0]  # of all classes, where a class has none
    assert model.var_[0, 0] == model.var_[1, 0] == 1.0 + 1e-9
    assert np.isnan(model.theta_[:, 1]).all()
    np.testing.assert_allclose(model.predict_proba([[17.0, 5.0, "a"], [None, None, None]]), 0.5)
    model.forget([[None, None, "a"]], [1])
    assert np.isfinite(model.predict_joint_log_proba([[1.0, 2.0, "a"]])).all()
    constant = MixedNB().fit([[1.0], [1.0]], [0, 1])
    assert constant.epsilon_ == 1e-9
    np.testing.assert_allclose(constant.predict_proba([[1.0], [2.0]]), 0.5)


def test_mixed_kinds_are_those_of_the_first_records():
    rows = [["a", "1"], ["b", "2"]]
    model = MixedNB(categorical_features=[0, 1]).fit(rows, [0, 1])
    frame = pd.DataFrame({"kind": ["a", "b"], "size": [1.0, None]})
    mixed = MixedNB().fit(frame, [0, 1])
    undecided = MixedNB().fit(frame.astype(object), [0, 1])
    assert undecided.is_categorical_.tolist() == [True, True]
    assert mixed.digest() != undecided.digest()
    with pytest.raises(MergeError, match="layout"):
        mixed.merge(undecided)
    refit = pickle.loads(pickle.dumps(mixed)).forget(frame.astype(object), [0, 1])  # None in it, and no dtypes
    assert refit.n_records_ == 0
    assert refit.partial_fit(frame, [0, 1]).digest() == mixed.digest()
    assert model.forget(["b", "2"], 1).categories_[0].tolist() == ["a"]


@pytest.mark.parametrize(
    ("column", "value", "error", "message"),
    [
        ("age", "22", NOT_NUMERIC, "row 998 .* column 'age' is the string '22'"),
        ("age", np.inf, NOT_FINITE, "row 998 .* column 'age' is infinite"),
        ("age", {"a": 1}, TypeError, "row 998 .* column 'age' is not a number: .* a string or a real number"),
        ("sex", -np.inf, NOT_FINITE, "row 998 .* column 'sex' is infinite"),
        ("sex", pd.Timestamp(0), TypeError, "row 998 .* column 'sex' is not a category"),
        ("sex", [1], TypeError, "row 998 .* column 'sex' is not a category"),
    ],
)
def test_mixed_errors_name_the_value_and_change_nothing(column, value, error, message):
    X, y = titanic()
    X, y = pd.concat([X, X.iloc[:109]], ignore_index=True), np.append(y, y[:109])
    model = MixedNB().fit(X, y)
    digest = model.digest()
    bad = X.copy().astype({column: object})
    bad.at[998, column] = value
    for update in (model.partial_fit, model.forget):
        with raises(error, match=message):
            update(bad, y)
    with raises(error, match=message):
        model.predict(bad)
    assert model.digest() == digest


def test_mixed_refuses_other_tables():
    X, y = titanic()
    model = MixedNB().fit(X, y)
    digest = model.digest()
    unheld = X.iloc[[5, 6]].assign(embarked=["S", "Atlantis"])
    for update, error in [
        (lambda: model.forget(X.iloc[:0], y[:0]), EMPTY),
        (lambda: model.forget(in_polars(X)[:0], y[:0]), EMPTY),
        (lambda: model.partial_fit(np.zeros((2, 3)), [0, 1]), COLUMNS),
        (lambda: model.partial_fit(X.rename(columns={"age": "years"}), y), ValueError),
        (lambda: model.partial_fit(X[X.columns[::-1]], y), ValueError),
        (lambda: model.partial_fit(sp.csr_array(np.eye(8)), np.arange(8)), TypeError),
        (lambda: model.forget(unheld, y[[5, 6]]), NotLearnedError),
        (lambda: model.forget(X.iloc[0], 1 - y[0]), NotLearnedError),
    ]:
        with raises(error):
            update()
        assert model.digest() == digest
    assert "Atlantis" not in model.categories_[2]


def test_messages_name_the_learner_that_users_know():
    model = MixedNB().fit([[1.0, 2.0], [3.0, 4.0]], [0, 1])
    with pytest.warns(UserWarning, match="feature names") as caught:
        model.predict(pd.DataFrame({"a": [1.0], "b": [2.0]}))
    assert all("MixedNB was fitted" in str(warning.message) for warning in caught)
    assert pickle.loads(pickle.dumps(model.to_sklearn())).predict([[1.0, 2.0]]).tolist() == [0]
