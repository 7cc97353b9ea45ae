"""Recommenders: the laws of all learners, what they take and refuse, and what they answer."""

import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import naive_recommend
from laws import assert_same, unchanged
from small_recommend import LABELS, LEARNERS
from sqlearn import verify
from sqlearn.engine.interactions.raw_rows import RawRows
from sqlearn.errors import (
    BusyError,
    FormatError,
    InvalidValueError,
    MergeError,
    NotLearnedError,
    ParameterError,
    ShapeError,
    SqlearnError,
    TooLargeError,
    UndefinedAttributeError,
    UnknownLabelError,
    UnsupportedError,
)
from sqlearn.recommend import EASE, ItemKNN

RATINGS = [["anna", "tea", 5.0], ["anna", "rum", 1.0], ["ben", "tea", 3.0], ["ben", "rum", 2.0], ["ben", "gin", 4.0],
           ["cleo", "rum", 2.0], ["cleo", "gin", 5.0], ["dan", "tea", 4.5], ["dan", "gin", 3.0],
           ["dan", "rum", 4.0]]  # fmt: skip
ALL = pytest.mark.parametrize("learner", LEARNERS, ids=repr)


def drawn(rng, n_users=15, n_items=12, share=0.4):
    """Ratings of pairs, as a dict."""
    pairs = [(u, i) for u in range(n_users) for i in range(n_items) if rng.random() < share]
    return {pair: float(rng.integers(1, 11)) / 2 for pair in pairs}


def rows_of(held):
    return [(*pair, rating) for pair, rating in held.items()]


@ALL
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.crossed(2)
def test_order_batches_and_merges_do_not_show(learner, labels):
    """The laws of all learners, less that a record may be held twice: random histories check the others."""
    rng, names = np.random.default_rng(3), LABELS[labels]
    rows = [(names[u], names[i], rating) for u, i, rating in rows_of(drawn(rng, 6, 8))]
    whole = clone(learner).fit(rows)
    one_by_one = clone(learner)
    for k in rng.permutation(len(rows)):
        assert one_by_one.partial_fit(rows[k]) is one_by_one
    assert_same(one_by_one, whole)
    batches = clone(learner)
    for part in np.array_split(rng.permutation(len(rows)), 4):
        batches.partial_fit([rows[k] for k in part])
    assert_same(batches, whole)
    ours, theirs = clone(learner).fit(rows[::2]), clone(learner).fit(rows[1::2])
    assert_same(copy.deepcopy(ours).merge(theirs), whole)
    assert_same(copy.deepcopy(theirs).merge(ours), whole)
    assert_same(whole.forget(rows[1::2]), ours)
    nothing = clone(learner).fit(rows[:1]).forget(rows[:1])
    for k in rng.permutation(len(rows)):
        one_by_one.forget(rows[k])
    assert_same(one_by_one, nothing)
    assert_same(copy.deepcopy(nothing).merge(ours), ours)
    assert_same(nothing.partial_fit(rows[::2]), ours)


@ALL
def test_whatever_form_interactions_come_in(learner):
    held = drawn(np.random.default_rng(4))
    rows = rows_of(held)
    model = clone(learner).fit(rows)
    table = np.array(rows)
    users, items = (table[:, j].astype(int) for j in (0, 1))
    frame = pd.DataFrame({"user": users, "item": items, "rating": table[:, 2].astype(np.float32)})
    matrix = sp.csr_array((table[:, 2], (users, items)))
    ratings = pd.array(table[:, 2], "Float64")
    odd = pd.DataFrame({"u": pd.array(users, "Int64"), "i": pd.Categorical(items), "r": ratings})
    forms = [table, table.astype(object), tuple(rows), matrix, matrix.tocoo(), sp.csc_matrix(matrix)]
    for form in forms:
        assert_same(clone(learner).fit(form), model)
    names = clone(learner).fit(frame)
    assert names.canonical_parts()["rows"] == model.canonical_parts()["rows"]
    for form in (pl.DataFrame(frame), frame.sample(frac=1.0, random_state=1), frame.astype({"rating": float})):
        assert_same(clone(learner).fit(form), names)
    assert clone(learner).fit(odd).canonical_parts()["rows"] == model.canonical_parts()["rows"]
    labelled = clone(learner).fit(
        matrix, users=[f"u{k}" for k in range(matrix.shape[0])], items=np.arange(matrix.shape[1]) * 10
    )
    assert_same(labelled, clone(learner).fit([(f"u{u}", 10 * i, rating) for u, i, rating in rows]))
    assert not labelled.forget(matrix, users=[f"u{k}" for k in range(matrix.shape[0])],
                               items=np.arange(matrix.shape[1]) * 10).n_records_  # fmt: skip


@pytest.mark.parametrize("feedback", ["explicit", "implicit"])
def test_scores_are_those_of_the_definition(feedback):
    held = drawn(np.random.default_rng(5))
    model = ItemKNN(max_nbrs=4, min_nbrs=2, save_nbrs=6, feedback=feedback).fit(rows_of(held))
    twin = naive_recommend.NaiveItemKNN(held, max_nbrs=4, min_nbrs=2, save_nbrs=6, rated=feedback == "explicit")
    for user in twin.users:
        scores = twin.scores(user)
        assert np.array_equal(model.predict([(user, item) for item in twin.items]), [*scores.values()], equal_nan=True)
        for liked in (True, False):
            labels, best = model.recommend(user, 5, filter_already_liked_items=not liked)
            known = {i: s for i, s in scores.items() if s == s and (liked or (user, i) not in held)}
            expected = sorted(known, key=lambda i: (-known[i], i))[:5]
            assert labels.tolist() == expected and best.tolist() == [known[i] for i in expected]
    for item in twin.items:
        labels, similarities = model.similar_items(item, 3)
        expected = twin.neighbours(item)
        assert labels.tolist() == [*expected][:3] and similarities.tolist() == [*expected.values()][:3]


@pytest.mark.parametrize("use_ratings", [False, True])
def test_weights_are_those_of_the_definition(use_ratings):
    held = drawn(np.random.default_rng(6), 12, 7)
    model = EASE(regularization=0.5, use_ratings=use_ratings).fit(rows_of(held))
    expected = np.array(naive_recommend.weights(held, 0.5, use_ratings))
    np.testing.assert_allclose(model.weights_, expected, rtol=1e-10, atol=1e-12)
    assert model.weights_ is model.weights_ and not model.weights_.flags.writeable
    row = np.array([held.get((3, i), 0.0) if use_ratings else (3, i) in held for i in range(7)], float)
    np.testing.assert_allclose(model.predict([(3, i) for i in range(7)]), row @ expected, atol=1e-12)
    _, values = model.similar_items(2)
    assert values.tolist() == sorted(model.weights_[2][model.weights_[2] > 0])[::-1]
    assert "weights" not in model.partial_fit([[3, 99, 1.0]]).state.statistic.derived
    assert model.weights_.shape == (8, 8)


def test_verify_tells_what_is_held():
    model = ItemKNN().fit(RATINGS).forget(users="ben")
    left = [row for row in RATINGS if row[0] != "ben"]
    assert verify(model, left)
    assert not verify(model, RATINGS)
    assert verify(model.forget(left), np.zeros((0, 3)))


def test_everything_of_users_and_items():
    assert_same(ItemKNN().fit(RATINGS).forget(users=["ben", "dan"]), ItemKNN().fit(RATINGS[:2] + RATINGS[5:7]))
    assert_same(ItemKNN().fit(RATINGS).forget(items=np.array(["rum"])),
                ItemKNN().fit([row for row in RATINGS if row[1] != "rum"]))  # fmt: skip
    numbers = ItemKNN().fit([[1, 2, 3.0], [4, 5, 6.0]])
    assert numbers.forget(users=1).items_.tolist() == [5]
    assert numbers.items_.dtype == np.int64


def test_attributes_forget():
    model = ItemKNN().fit(RATINGS)
    assert model.step_ == 0.5 and model.n_interactions_ == 10 == model.n_records_ and model.n_features_in_ == 3
    assert model.item_counts_.tolist() == [3, 4, 3]
    model.forget(users="dan")
    assert model.step_ == 1.0 and model.users_.tolist() == ["anna", "ben", "cleo"]
    assert model.item_means_.tolist() == [4.5, 5 / 3, 4.0]
    model.forget([["anna", "tea"], ["ben", "tea"]])
    assert model.items_.tolist() == ["gin", "rum"]
    assert b"tea" not in pickle.dumps(model) and b"dan" not in pickle.dumps(model)
    model.forget(users=["anna", "ben", "cleo"])
    for name in ("users_", "items_", "item_means_", "step_"):
        assert not hasattr(model, name)
    with pytest.raises(UndefinedAttributeError, match="no interactions"):
        model.similarities()
    with pytest.raises(UnknownLabelError, match="cleo"):
        model.recommend("cleo")
    assert not hasattr(ItemKNN(feedback="implicit").fit(RATINGS), "item_means_")


def test_a_step_that_is_read_is_in_no_state():
    with_halves = ItemKNN().fit(RATINGS).forget(users=["dan"])
    assert with_halves.digest() == ItemKNN().fit(RATINGS[:7]).digest()
    assert b"step" in with_halves.canonical_parts()["header"]  # the parameter


def test_kept_rows_change_no_bit_and_go_with_their_users():
    held = drawn(np.random.default_rng(8), 30, 20)
    model = ItemKNN().fit(rows_of(held))
    plain = [model.recommend(user)[1].tobytes() for user in range(30)]
    digest, size = model.digest(), len(pickle.dumps(model))
    kept = model.keep_rows(10**6).state.statistic.raw_rows
    for _ in range(2):
        assert [model.recommend(user)[1].tobytes() for user in range(30)] == plain
    assert len(kept) and model.digest() == digest and len(pickle.dumps(model)) == size
    assert not len(copy.deepcopy(model).state.statistic.raw_rows)
    before = {item: kept.get(item).words.tobytes() for item in kept.items()}
    items = model.state.statistic.items
    hers = {items.slots[i] for u, i in held if u == 3}
    with model.without(users=3):
        assert not hers & {*model.state.statistic.raw_rows.items()}
    assert [model.recommend(user)[1].tobytes() for user in range(30)] == plain
    model.forget(users=3)
    left = model.state.statistic.raw_rows
    assert {*left.items()} == before.keys() - hers
    assert all(left.get(item).words.tobytes() == before[item] for item in left.items())
    fresh = ItemKNN().fit([row for row in rows_of(held) if row[0] != 3])
    assert all(model.recommend(u)[1].tobytes() == fresh.recommend(u)[1].tobytes() for u in range(30) if u != 3)
    model.keep_rows(1000)
    for user in (1, 2):
        model.recommend(user)
        assert model.state.statistic.raw_rows.nbytes <= 1000
    assert not len(model.keep_rows(0).state.statistic.raw_rows)
    for wrong in (-1, 1.5, True, "1 GB"):
        with pytest.raises(ParameterError, match="number of bytes"):
            model.keep_rows(wrong)


REFUSED = {
    "a pair twice": ([["a", "x", 1], ["b", "x", 2], ["a", "x", 3]], InvalidValueError, "repeated", 2, "relabel"),
    "no rating": ([["a", "x"]], ShapeError, "columns", None, "2 columns"),
    "four columns": ([["a", "x", 1, 9]], ShapeError, "columns", None, "4 columns"),
    "NaN": ([["a", "x", 1], ["b", "x", np.nan]], InvalidValueError, "not finite", 1, "row 1"),
    "infinite": ([["a", "x", np.inf]], InvalidValueError, "not finite", 0, "inf"),
    "no user": ([["a", "x", 1], [None, "x", 2]], InvalidValueError, "not finite", 1, "user in row 1"),
    "NaN as an item": (np.array([[1, np.nan, 1.0]]), InvalidValueError, "not finite", 0, "item in row 0"),
    "text as a rating": ([["a", "x", "5"]], InvalidValueError, "not numeric", 0, "'5'"),
    "an array of text": (np.array([["a", "x", 5]]), InvalidValueError, "not numeric", 0, "list of rows, or a frame"),
    "a list as a user": ([[["a"], "x", 1]], InvalidValueError, "label", 0, "number or a string"),
    "seven decimals": ([["a", "x", 0.1234567]], InvalidValueError, "out of range", 0, "6 decimals"),
    "too many steps": ([["a", "x", 0.000001], ["a", "y", 2.0]], InvalidValueError, "out of range", None, "coarser"),
    "huge": ([["a", "x", 1e300]], InvalidValueError, "out of range", 0, "6 decimals"),
    "nothing": ([], ShapeError, "empty", None, "at least one row"),
    "an empty frame": (pd.DataFrame({"u": [], "i": [], "r": []}), ShapeError, "empty", None, "at least one row"),
    "a dict": ({"a": 1}, ShapeError, "shape", None, "frame"),
    "text": ("anna", ShapeError, "shape", None, "frame"),
    "uneven rows": ([["a", "x", 1], ["a", "y"]], ShapeError, "shape", None, "rows"),
    "a stored zero": (sp.csr_array((np.array([1.0, 0.0]), ([0, 0], [0, 1]))), InvalidValueError, "out of range", 0,
                      "eliminate_zeros"),
    "records in a table": (np.zeros((2, 2), "U1,U1,f8"), ShapeError, "shape", None, "array of records"),
    "several values in a field": (np.zeros(2, "U1,2i8,f8"), ShapeError, "shape", None, "several values"),
    "an empty matrix": (sp.csr_array((3, 3)), ShapeError, "empty", None, "no stored entry"),
    "dates": (pd.DataFrame({"u": pd.to_datetime(["2020-01-01"]), "i": [1], "r": [1.0]}), InvalidValueError, "label", 0,
              "number or a string"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_bad_interactions_change_nothing(case):
    X, error, reason, row, words = REFUSED[case]
    with pytest.raises(error, match=words) as found:
        ItemKNN().fit(X)
    assert found.value.reason == reason and found.value.row == row
    model = ItemKNN().fit(RATINGS)
    with unchanged(model):
        with pytest.raises(error):
            model.partial_fit(X)
        with pytest.raises(SqlearnError):
            model.fit(X)


def test_what_is_held_is_not_learned_again():
    model = ItemKNN().fit(RATINGS)
    with unchanged(model):
        with pytest.raises(InvalidValueError, match=r"Row 1 .* 'ben' .* 'tea', a pair that is held.*relabel") as found:
            model.partial_fit([["eve", "tea", 1], ["ben", "tea", 1]])
        assert found.value.row == 1 and found.value.reason == "repeated"
        with pytest.raises(InvalidValueError, match="This row"):
            model.partial_fit(["ben", "tea", 1])
        with pytest.raises(MergeError, match="Both models hold the pair of user 'ben' and item 'tea'") as found:
            model.merge(ItemKNN().fit([["eve", "tea", 1], ["ben", "tea", 1]]))
        assert found.value.reason == "repeated"


def test_what_is_not_held_cannot_be_forgotten():
    model = ItemKNN().fit(RATINGS)
    with unchanged(model):
        for X, words in (
            ([["anna", "tea"], ["anna", "gin"]], "Row 1 .* 'anna' and item 'gin', and this ItemKNN holds no"),
            ([["anna", "tea"], ["ben", "tea"], ["anna", "tea"]], "Row 2 .* once more"),
            (["anna", "tea", 4], "This row .* rating 4.0, and this ItemKNN holds the rating 5.0"),
            (["anna", 7], "This row"),
        ):
            with pytest.raises(NotLearnedError, match=words):
                model.forget(X)
        with pytest.raises(UnknownLabelError, match=r"user 'eve' \(number 1") as found:
            model.forget(users=["ben", "eve"])
        assert found.value.row == 1 and found.value.value == "eve"
        with pytest.raises(UnknownLabelError, match="item 'ale', so"):
            model.forget(items="ale")
        for wrong in ({}, {"users": ["ben"], "items": ["tea"]}, {"users": []}, {"X": RATINGS[:1], "users": ["ben"]}):
            with pytest.raises(ShapeError, match="Nothing was changed"):
                model.forget(**wrong)
        with model.without(users="ben"):
            with pytest.raises(BusyError):
                model.forget(users="anna")
            assert "ben" not in model.users_
    with pytest.raises(NotFittedError):
        ItemKNN().forget(users=["ben"])


def test_relabel():
    model = ItemKNN().fit(RATINGS)
    changed = [row if row[:2] != ["ben", "tea"] else ["ben", "tea", 0.5] for row in RATINGS]
    assert_same(copy.deepcopy(model).relabel(["ben", "tea", 3], 0.5), ItemKNN().fit(changed))
    assert_same(copy.deepcopy(model).relabel(pd.DataFrame([["ben", "tea"]]), np.array([0.5])), ItemKNN().fit(changed))
    with unchanged(model):
        with pytest.raises(NotLearnedError, match=r"holds the rating 3\.0"):
            model.relabel(["ben", "tea", 2], 0.5)
        with pytest.raises(ShapeError, match="new_ratings"):
            model.relabel([["ben", "tea"]], [1.0, 2.0])
        for wrong, said in (
            (np.nan, "is nan"),
            ("five", "is 'five', which is not a number"),
            (0.1234567, "6 decimals"),
        ):
            with pytest.raises(InvalidValueError, match=f"rating in row 0 .* {said}"):
                model.relabel(["ben", "tea"], wrong)
    for learner in (EASE(), ItemKNN(feedback="implicit")):
        with pytest.raises(UnsupportedError, match="holds no ratings"):
            learner.fit(RATINGS).relabel(["ben", "tea"], 1.0)


def test_a_given_step():
    model = ItemKNN(step=0.5).fit(RATINGS)
    with unchanged(model):
        with pytest.raises(InvalidValueError, match=r"row 0 .* 3.25, which is no multiple of step=0.5") as found:
            model.partial_fit(pd.DataFrame({"u": ["eve"], "i": ["tea"], "r": [3.25]}))
        assert found.value.column == "r"
    assert ItemKNN(step=0.5).fit(RATINGS[:2]).step_ == 0.5
    for wrong in (1e-9, 0.1234567):
        with pytest.raises(ParameterError, match="no step"):
            ItemKNN(step=wrong).fit(RATINGS)
    assert ItemKNN(step=0.1).fit([["a", "b", 0.3], ["a", "c", 0.7]]).step_ == 0.1


def test_names_of_columns():
    frame = pd.DataFrame(RATINGS, columns=["user", "item", "rating"])
    model = ItemKNN().fit(frame)
    assert model.feature_names_in_.tolist() == ["user", "item", "rating"]
    with unchanged(model):
        with pytest.raises(ShapeError, match=r"column 0 .* 'item', and ItemKNN was fitted with 'user'"):
            model.forget(frame[["item", "user", "rating"]])
    assert model.forget(frame[["user", "item"]].head(2)).n_records_ == 8
    assert_same(EASE().fit(frame), EASE().fit(frame[["user", "item"]]))
    records = frame.astype({"user": "O", "item": "O", "rating": "f4"}).to_records(index=False)
    for given in records, np.asarray(records):
        assert_same(ItemKNN().fit(given[1:]).partial_fit(given[0]), ItemKNN().fit(frame))


def test_answers_refuse_what_is_not_held():
    model = ItemKNN().fit(RATINGS)
    with pytest.raises(UnknownLabelError, match=r"Row 1 .* user 'eve'") as found:
        model.predict([["ben", "tea"], ["eve", "tea"]])
    assert found.value.row == 1
    with pytest.raises(UnknownLabelError, match="item 7"):
        model.predict(["ben", 7])
    with pytest.raises(UnknownLabelError, match="This ItemKNN holds no interaction of the user 'eve'") as found:
        model.recommend("eve")
    assert found.value.row is None
    for label in ["ben"], b"ben", np.nan:
        with pytest.raises(InvalidValueError, match=r"^A user is a number or a string"):
            model.recommend(label)
    with pytest.raises(InvalidValueError, match=r"^An item is a number or a string, not None"):
        model.similar_items(None)
    for choice in "no", 1, None:
        with pytest.raises(ParameterError, match="filter_already_liked_items of recommend is True or False"):
            model.recommend("ben", filter_already_liked_items=choice)
    for wrong in (0, -1, 1.5, True):
        with pytest.raises(ParameterError, match="positive whole number"):
            model.recommend("ben", wrong)
    with pytest.raises(UnknownLabelError, match="item 'ale'"):
        model.similar_items("ale")
    with pytest.raises(UnsupportedError, match="counterpart"):
        model.to_sklearn()


@pytest.mark.parametrize(
    "params", [{"max_nbrs": 0}, {"min_sim": 0.0}, {"min_sim": -1}, {"save_nbrs": 0}, {"feedback": "both"}, {"step": -1}]
)
def test_parameters_are_checked(params):
    with pytest.raises(ValueError, match=next(iter(params))):
        ItemKNN(**params).fit(RATINGS)


@ALL
def test_altered_pickles_are_refused(learner):
    """Also such as have a fitting digest."""
    model = clone(learner).fit(RATINGS)
    contents = model.__getstate__()
    rows = contents["state"]["parts"]["rows"]
    assert_same(pickle.loads(pickle.dumps(model)), model)
    from sqlearn.engine.model import digest_of

    for at in range(0, len(rows), 3):
        for change in (1, 128):
            altered = bytes([*rows[:at], rows[at] ^ change, *rows[at + 1 :]])
            state = contents["state"] | {"parts": contents["state"]["parts"] | {"rows": altered}}
            state["digest"] = digest_of(state["parts"])
            twin = clone(learner)
            try:
                twin.__setstate__(contents | {"state": state})
            except FormatError:
                continue
            twin.forget(users=twin.users_.tolist())  # another model, but one in good order
            assert twin.n_records_ == 0


def test_html_and_repr():
    model = ItemKNN(max_nbrs=5, key="secret").fit(RATINGS)
    assert repr(model) == "ItemKNN(key='***', max_nbrs=5)" and "ItemKNN" in model._repr_html_()
    assert clone(model).get_params() == model.get_params()


def test_kept_rows_give_way_to_wide_ones_when_other_items_grow():
    rng = np.random.default_rng(0)
    rows = [[f"u{u}", f"i{i}", (1 + 999_000 * (u % 2)) / 1e6] for u in range(100) for i in range(2)]
    rows += [[f"u{u}", f"j{i}", int(rng.integers(1, 10**6)) / 1e6] for u in range(100) for i in range(4)]
    model = ItemKNN(step=1e-6).fit(rows).keep_rows(1 << 28)
    model.recommend("u0", filter_already_liked_items=False)
    assert len(model.state.statistic.raw_rows)
    more = [[f"v{u}", "i1", int(rng.integers(1, 10**6)) / 1e6] for u in range(8000)]
    model.partial_fit(more)
    fresh = ItemKNN(step=1e-6).fit(rows + more)
    for ask in (lambda of: of.similar_items("i0"), lambda of: of.recommend("u3", filter_already_liked_items=False)):
        assert [part.tolist() for part in ask(model)] == [part.tolist() for part in ask(fresh)]


def test_kept_rows_serve_several_readers():
    rows = rows_of(drawn(np.random.default_rng(9), 60, 40))
    plain = [ItemKNN().fit(rows).recommend(user)[1].tobytes() for user in range(60)]
    model = ItemKNN().fit(rows).keep_rows(20_000)
    with ThreadPoolExecutor(6) as threads:
        for _ in range(3):
            assert [*threads.map(lambda user: model.recommend(user)[1].tobytes(), range(60))] == plain


def test_memory_that_runs_out_while_rows_are_dropped(monkeypatch):
    rows = rows_of(drawn(np.random.default_rng(10), 30, 20))
    model = ItemKNN().fit(rows).keep_rows(10**6)
    model.recommend(0)

    def fail(self, items):
        raise MemoryError

    monkeypatch.setattr(RawRows, "without", fail)
    with unchanged(model), pytest.raises(MemoryError):
        model.forget(users=5)
    monkeypatch.undo()
    assert model.predict([[5, 0]]).tobytes() == ItemKNN().fit(rows).predict([[5, 0]]).tobytes()


def test_labels_of_a_refused_update_leave_no_trace():
    rows = [["a", "x", 1.0], ["b", "y", 2.0]]
    model = ItemKNN().fit(rows)
    many = [[f"u{i}", "x", i / 1000] for i in range(70_000)]
    with unchanged(model), pytest.raises(TooLargeError, match="different values"):
        model.partial_fit(many)
    assert_same(model.partial_fit(["c", "x", 3.0]), ItemKNN().fit([*rows, ["c", "x", 3.0]]))
    assert len(model.state.statistic.users.slots) == 3


def test_matrices_name_a_pair_once():
    twice = sp.coo_array(([5.0, 5.0], ([0, 0], [1, 1])), shape=(2, 2))
    model = ItemKNN().fit([[0, 0, 1.0]])
    for matrix in (twice, sp.csr_array(([5.0, -5.0], [1, 1], [0, 2, 2]), shape=(2, 2))):
        with unchanged(model), pytest.raises(InvalidValueError, match="several entries in row 0, column 1"):
            model.partial_fit(matrix)


def test_parameters_beyond_any_history():
    rows = [["anna", "tea", 5], ["anna", "rum", 4], ["ben", "tea", 3], ["ben", "rum", 2]]
    huge = ItemKNN(max_nbrs=10**30, save_nbrs=10**30).fit(rows)
    assert huge.predict([["anna", "tea"]]) == ItemKNN().fit(rows).predict([["anna", "tea"]])
    assert np.isnan(ItemKNN(min_nbrs=10**30).fit(rows).predict([["anna", "tea"]])).all()
    with pytest.raises(ParameterError, match="no step"):
        ItemKNN(step=1e308).fit(rows)


def test_tables_are_no_labels():
    frame = pd.DataFrame({"user": ["anna", "ben"], "item": ["tea", "tea"], "rating": [1, 2]})
    model = ItemKNN().fit(frame)
    for given in (frame[["user"]], {"user": ["anna"]}):
        with unchanged(model), pytest.raises(ShapeError, match="a table was given"):
            model.forget(users=given)
    assert model.forget(users=frame["user"][:1]).users_.tolist() == ["ben"]


def test_threads_that_update_read_and_pickle():
    rows = rows_of(drawn(np.random.default_rng(11), 40, 20))
    model = ItemKNN().fit(rows).keep_rows(10**5)
    stop = threading.Event()
    faults = []

    def work(call):
        try:
            while not stop.is_set():
                with suppress(BusyError):
                    call()
        except Exception as error:
            faults.append(error)
            stop.set()

    def update():
        model.partial_fit([[f"u{k}", f"i{k}", 3.0] for k in range(50)])
        while not stop.is_set():
            with suppress(BusyError):
                model.forget(items=[f"i{k}" for k in range(50)])
                return

    calls = [update, lambda: pickle.dumps(model), lambda: pickle.dumps(model), lambda: model.recommend(0)]
    threads = [threading.Thread(target=work, args=(call,)) for call in [*calls, lambda: model.item_means_]]
    for thread in threads:
        thread.start()
    stop.wait(2.0)
    stop.set()
    for thread in threads:
        thread.join()
    assert not faults, faults
    left = [f"i{k}" for k in range(50) if f"i{k}" in model.items_.tolist()]
    assert_same(model.forget(items=left) if left else model, ItemKNN().fit(rows))


def test_narrow_floats_are_read_as_they_print():
    rows = [["u", "i", np.float32(0.1)], ["v", "i", np.float16(0.2)]]
    model = ItemKNN().fit(rows)
    assert_same(model, ItemKNN().fit([["u", "i", 0.1], ["v", "i", 0.2]]))
    assert_same(
        model.relabel([["u", "i"]], np.array([0.3], np.float32)), ItemKNN().fit([["u", "i", 0.3], ["v", "i", 0.2]])
    )
    assert ItemKNN().fit([[-(2**63), 1, 2.0], [2**63 - 1, 1, 3.0]]).users_.dtype == np.int64


@pytest.mark.parametrize("learner", LEARNERS, ids=str)
def test_merging_with_one_that_is_empty(learner):
    rows = rows_of(drawn(np.random.default_rng(12), 8, 6))
    full, emptied = clone(learner).fit(rows), clone(learner).fit(rows[:3])
    emptied.forget([row[:2] for row in rows[:3]])
    assert_same(copy.deepcopy(full).merge(emptied), full)
    assert_same(emptied.merge(full), full)


PINNED = {
    "explicit": "2df4a1553d2c440fe4f7ccb80aead9364e8dd2f850ea0c9506dd2df2f9f6ab8c",
    "implicit": "8ba0d0797fb3969b6e0f6698d77b4a9b9b496e9fbf8abfc5345077ad3f841e1b",
    "step": "fc01e5009a6286b125354adf0fd12cf4c9ef3dbfbc97d628fe5a70343e3f84f0",
    "ease": "ad24bb429f3190bf8482ccef88f37c93374733f93cfcc2432524d4fb5b8181da",
    "weighted": "37f2c034e75fbf03d687f0c4413a485a09d0af74ea26386a5b360dbe97f2021d",
}


@pytest.mark.parametrize("name", ["explicit", "implicit", "step", "ease", "weighted"])
def test_digests(name):
    """Equal on every machine and in every version: see tests/project/test_digests.py."""
    rows = [["anna", "tea", 5.0], ["anna", 7, 3.5], [12, "tea", 0.5], [2.5, "rum", 4.0], ["ben", "caf\u00e9", -1.0]]
    learner = {
        "explicit": ItemKNN(key="k"),
        "implicit": ItemKNN(feedback="implicit", save_nbrs=3),
        "step": ItemKNN(step=0.5, max_nbrs=5),
        "ease": EASE(),
        "weighted": EASE(regularization=3.0, use_ratings=True),
    }[name]
    assert learner.fit(rows).forget(["ben", "caf\u00e9"]).digest() == PINNED[name]


@pytest.mark.parametrize("learner", [ItemKNN(), ItemKNN(feedback="implicit"), EASE()], ids=str)
def test_who_is_set_aside_is_not_known(learner):
    rows = [["anna", "tea", 5], ["anna", "rum", 4], ["ben", "tea", 3], ["ben", "rum", 2], ["cleo", "gin", 1]]
    model = clone(learner).fit(rows)
    before = model.digest()
    with model.without(users=["cleo"]):
        asked = [
            lambda: model.recommend("cleo"),
            lambda: model.predict([["cleo", "tea"]]),
            lambda: model.predict([["anna", "gin"]]),
            lambda: model.similar_items("gin"),
        ]
        for ask in asked:
            with pytest.raises(UnknownLabelError, match="holds no"):
                ask()
        assert model.users_.tolist() == ["anna", "ben"]
    assert model.digest() == before
    assert model.predict([["cleo", "gin"]]).shape == (1,)
