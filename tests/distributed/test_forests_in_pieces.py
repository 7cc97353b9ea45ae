"""Forests over pieces, whose trees workers grow: the bytes of one process, whatever happens."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from small_trees import CLASSIFIERS, KINDS, REGRESSORS, History
from sqlearn import verify
from sqlearn.distributed import asking, fit, forget, relabel, rows_of
from sqlearn.distributed.groves import growing
from sqlearn.distributed.groves.grove import Grove
from sqlearn.distributed.workers import Local
from sqlearn.engine.model import State
from sqlearn.engine.trees import forest as forest_module
from sqlearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sqlearn.errors import (
    FormatError,
    MergeError,
    NotLearnedError,
    TableError,
    TooLargeError,
    UndefinedAttributeError,
    UnsupportedError,
)
from sqlearn.tree import DecisionTreeClassifier

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def groves(monkeypatch):
    """Threads of this process pass for three workers."""
    monkeypatch.setattr(Local, "places", lambda self: {"first": 1, "second": 2, "third": 1})


def in_pieces(given, rng, n):
    """These records in `n` pieces of any size, some of which may be empty."""
    cuts = np.sort(rng.integers(0, len(given["X"]) + 1, n - 1))
    return [*zip(*(np.split(column, cuts) for column in given.values()), strict=True)]


class Pieced(History):
    """A history of a model in pieces; the records of the start are those of the pieces."""

    def __init__(self, seed, n, **given):
        super().__init__(seed, **given)
        self.model = fit(clone(self.learner), in_pieces(self.given(self.held), self.rng, n))
        assert type(self.model.state.statistic.rows) is growing.GroveRows

    def check(self, held=None):
        held = self.held if held is None else held
        fresh = self.fresh(held)
        assert self.model.digest() == fresh.digest()
        parts = fresh.canonical_parts()
        assert self.model.canonical_parts() == {name: part for name, part in parts.items() if name != "rows"}
        if fresh.state.statistic.record_counts.any():
            x = self.given(self.pool)["X"]
            np.testing.assert_array_equal(self.model.predict(x), fresh.predict(x))

    def step(self):
        rng = self.rng
        if self.held and rng.random() < 0.2:  # workers lose what they keep
            asking._kept.clear()
        steps = [lambda: self.learn(1), lambda: self.learn(60)]
        if self.held:
            of_label = [record for record in self.held if record[1] == self.held[0][1]]
            largest = max(self.held, key=lambda record: abs(record[1] * record[2]))
            steps += [
                lambda: self.forget(self.some(1)),
                lambda: self.forget(self.some(40)),
                lambda: self.forget(of_label),
                lambda: self.forget([largest]),
                lambda: self.forget(list(self.held)),
                lambda: self.relabel(1),
                lambda: self.relabel(20),
                self.lend,
                self.undone,
            ]
        chances = np.array([3, 2, 3, 2, 0.5, 1, 0.2, 2, 1, 2, 1][: len(steps)])
        steps[rng.choice(len(steps), p=chances / chances.sum())]()

    def undone(self):
        """An update that fails at its end."""
        with pytest.MonkeyPatch.context() as patch, pytest.raises(MemoryError):
            patch.setattr(State, "_check_emptied", lambda self: (_ for _ in ()).throw(MemoryError))
            self.model.forget(**self.given(self.some(30)))


@pytest.mark.parametrize("n", [1, 2, 7, 16])
@pytest.mark.parametrize("learner", [*CLASSIFIERS, *REGRESSORS], ids=lambda learner: learner.__name__)
@pytest.mark.crossed(2)
def test_a_history(learner, n):
    kind = KINDS[(n + len(learner.__name__)) % len(KINDS)]
    history = Pieced([n, len(learner.__name__)], n, most=120, learner=learner, kind=kind)
    history.check()
    history.run(6)


# ---------------------------------------------------------------------- tables, by ids and conditions


def table():
    rng = np.random.default_rng(3)
    rows = pd.DataFrame(
        {
            "person": np.arange(90),
            "age": rng.integers(18, 90, 90).astype(float),
            "port": rng.choice(["S", "C", "Q", None], 90),
            "buys": rng.choice(["no", "yes"], 90),
        }
    )
    rows.loc[rows.port == "Q", "buys"] = "yes"
    return rows


def test_rows_of_files(tmp_path):
    rows = table()
    for i, cut in enumerate([slice(0, 30), slice(30, 31), slice(31, 90)]):
        rows[cut].to_parquet(tmp_path / f"{i}.parquet")
    learner = RandomForestClassifier(8, max_samples=0.4)
    model = fit(clone(learner), tmp_path, y="buys", columns=["age", "port"])

    def agrees(left):
        alone = clone(learner).fit(left[["age", "port"]], left["buys"])
        assert model.digest() == alone.digest()
        assert (model.predict(rows[["age", "port"]]) == alone.predict(rows[["age", "port"]])).all()

    agrees(rows)
    assert forget(model, where="port = 'Q' or age > 80") == ((rows.port == "Q") | (rows.age > 80)).sum()
    left = rows[~((rows.port == "Q") | (rows.age > 80))]
    agrees(left)
    ids = left.person[:3].tolist()
    assert relabel(model, to="perhaps", ids=ids, id="person") == 3
    left = left.assign(buys=np.where(left.person.isin(ids), "perhaps", left.buys))
    agrees(left)
    again = rows_of(model, where="age <= 80 and port is null")
    assert len(again.X) == (left.port.isna()).sum()
    assert forget(model, ids=ids, id="person") == 3
    left = left[~left.person.isin(ids)]
    agrees(left)
    assert verify(model, left[["age", "port"]], left["buys"])


# ---------------------------------------------------------------------- copies


def records(n=80):
    rng = np.random.default_rng(0)
    x = np.round(rng.normal(size=(n, 3)), 1)
    return {"X": x, "y": (x[:, 0] > 0).astype(int)}


def some(given, *rows):
    return {name: column[list(rows)] for name, column in given.items()}


def small(learner=None, n=80):
    given, learner = records(n), RandomForestClassifier(5) if learner is None else learner
    return fit(learner, in_pieces(given, np.random.default_rng(1), 4)), given


@pytest.mark.parametrize("way", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
@pytest.mark.parametrize("learner", [RandomForestClassifier(40, max_samples=0.02), RandomForestRegressor(3)])
def test_copies_predict_and_refuse_to_change(learner, way):
    model, given = small(clone(learner), 30)  # some trees have no record
    model.forget(**some(given, 3, 4))
    copied = way(way(model))
    assert copied.digest() == model.digest()
    assert (copied.predict(given["X"]) == model.predict(given["X"])).all()
    for change in (copied.forget, copied.partial_fit):
        with pytest.raises(UnsupportedError, match=r"rows of this RandomForest.* lie in 4 pieces") as caught:
            change(**some(given, 0))
        assert caught.value.reason == "rows elsewhere"
    empty = pickle.loads(pickle.dumps(model.forget(**some(given, 0, 1, 2, *range(5, 30)))))
    assert empty.digest() == model.digest() and empty.n_records_ == 0


def test_altered_trees_of_a_copy_are_noticed():
    model, _ = small()
    contents = model.state.solution()
    for place in (0, 8, 16, 64, len(contents) - 1):  # sizes, and a node
        altered = contents[:place] + bytes([contents[place] ^ 65]) + contents[place + 1 :]
        forest = copy.deepcopy(model).state.statistic
        try:
            forest.restore_solution(altered)
        except (FormatError, ValueError, OverflowError):
            continue
        assert place == len(contents) - 1  # a value: the digest of a pickle covers it
    with pytest.raises(FormatError):
        forest.restore_solution(contents[:-8])


# ---------------------------------------------------------------------- refusals, and what is lost


def test_more_rows_than_allowed_are_refused(monkeypatch):
    given = records()
    model = RandomForestClassifier(5).fit(**some(given, *range(9)))
    digest = model.digest()
    parts = in_pieces(given, np.random.default_rng(1), 4)
    with pytest.raises(TooLargeError, match=r"each worker gathers.*more than the 3,839 bytes of gather_limit"):
        fit(model, parts, gather_limit=80 * 6 * 8 - 1)
    with pytest.raises(TooLargeError, match="gather_limit"):  # of pieces whose rows nobody has counted
        fit(model, [lambda part=part: part for part in parts], gather_limit=80 * 6 * 8 - 1)
    assert model.digest() == digest
    fit(model, parts, gather_limit=80 * 6 * 8)
    monkeypatch.setattr(forest_module, "_MOST_RECORDS", 85)
    digest = model.digest()
    with pytest.raises(TooLargeError, match="86 records are more than the 85 whose sums trees keep exactly"):
        model.partial_fit(**some(given, *range(6)))
    assert model.digest() == digest
    with pytest.raises(TooLargeError, match="90 records"):
        fit(RandomForestClassifier(2), [tuple(records(90).values())])


def test_what_only_trees_here_tell():
    model, given = small()
    with pytest.raises(UndefinedAttributeError):
        _ = model.last_update_
    digest = model.digest()
    with pytest.raises(UnsupportedError, match="grow where its rows lie"):
        model.cost_of_forgetting(**some(given, 0))
    with pytest.raises(NotLearnedError, match="Row 1 "):
        model.forget(given["X"][[0, 0, 0, 0]], given["y"][[0, 1, 1, 1]] ^ [0, 1, 1, 1])
    assert model.digest() == digest
    model, _ = small(RandomForestClassifier(5, oob_score=True))  # of which the rows themselves are asked
    assert model.digest() == RandomForestClassifier(5, oob_score=True).fit(**given).digest()
    assert 0 < model.oob_score_ <= 1 and model.forget(**some(given, 0)).last_update_.trees


def test_rows_that_change_between_workers_are_noticed():
    given, calls = records(), []

    def changing():
        calls.append(0)
        return given["X"] + len(calls), given["y"]

    with pytest.raises(TableError, match="have changed while they were read"):
        fit(RandomForestClassifier(5), [changing])


def test_a_grove_that_fails_is_read_again(monkeypatch):
    model, given = small()
    put, calls = Grove._put, []

    def failing(self, *args):
        calls.append(args)
        put(self, *args)
        if len(calls) == 1:
            raise MemoryError

    monkeypatch.setattr(Grove, "_put", failing)
    model.partial_fit(**some(given, 0, 1)).forget(**some(given, 5))
    with pytest.raises(MemoryError):
        model.digest()
    order = [*range(80), 0, 1]
    order.remove(5)
    assert model.digest() == RandomForestClassifier(5).fit(**some(given, *order)).digest()


def test_forests_merge():
    model, given = small()
    other = RandomForestClassifier(5).fit(**some(given, 3, 4, 5))
    twice = RandomForestClassifier(5).fit(**some(given, *range(80), 3, 4, 5))
    assert model.merge(other).digest() == twice.digest()
    assert (model.predict(given["X"]) == twice.predict(given["X"])).all()
    with pytest.raises(MergeError):
        other.merge(model)


def test_rows_that_were_gathered_are_found_in_a_forest_that_workers_grow(monkeypatch):
    rows, learner = table(), RandomForestClassifier(4)
    given = {"y": "buys", "columns": ["age", "port"]}
    model = fit(clone(learner), [rows[:50]], **given)
    monkeypatch.setattr(Local, "places", lambda self: {})
    gathered = rows[49:].assign(person=rows.person[49:] + 1000)  # one of which lies in both
    model.merge(fit(clone(learner), [gathered], **given))
    first = rows_of(model, ids=49, id="person")
    model.forget(first.X, first.y)
    for person in (49, 1049):  # nobody knows whose went
        with pytest.raises(
            NotLearnedError, match=r"equals 1 other row\(s\) of the pieces, and 1 of all these are held"
        ):
            forget(model, ids=person, id="person")
    assert forget(model, where="person < 30 or person > 1060") == 30 + 29
    left = pd.concat([rows[30:49], gathered[:12]])
    assert model.digest() == clone(learner).fit(left[["age", "port"]], left["buys"]).digest()


def test_one_tree_is_one_worker_s():
    model, given = small(DecisionTreeClassifier())
    assert len(model.state.statistic.rows.parts._parts) == 1
    assert model.forget(**some(given, 1)).n_records_ == 79
    assert model.tree_.node_count == DecisionTreeClassifier().fit(**some(given, 0, *range(2, 80))).tree_.node_count
