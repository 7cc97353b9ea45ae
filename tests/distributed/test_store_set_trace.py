"""The rounds of a set are kept: a change that breaks none asks no rows, and the bytes are those of one store."""

import shutil
import signal
from contextlib import nullcontext

import numpy as np
import pytest

from learners import EVERYWHERE, over
from set_kills import FORK, killed_at
from sqlearn import Store
from sqlearn.cluster import KMeans
from sqlearn.distributed import StoreSet
from sqlearn.distributed.store_set.part import Part
from sqlearn.distributed.store_set.whole import NotedRows, TraceFile, WholeModel, noted_rows, set_rows, trace_file
from sqlearn.engine.problems import smooth_terms
from sqlearn.engine.rounds import walk
from sqlearn.errors import DuplicateIdError, StoreCorruptError, StoreError
from sqlearn.linear_model import LogisticRegression, PoissonRegressor
from sqlearn.mixture import GaussianMixture
from tiny_rounds import shrink

LARGEST_SAMPLE = set_rows.LARGEST_SAMPLE
CUBES, PILOT = smooth_terms.CUBES, walk.PILOT
pytestmark = pytest.mark.filterwarnings("ignore")
LEARNERS = [LogisticRegression(), PoissonRegressor(), KMeans(2)] + EVERYWHERE * [GaussianMixture(2)]


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    shrink(monkeypatch)
    monkeypatch.setattr(set_rows, "LARGEST_SAMPLE", 16)


@pytest.fixture
def asked(monkeypatch):
    """Which questions over all rows were asked, and what was made anew."""
    return noted(monkeypatch)


def noted(patch):
    found = []

    def note(kind, name):
        method = getattr(kind, name)
        patch.setattr(kind, name, lambda *given: (found.append(name), method(*given))[1])

    for kind, name in ((NotedRows, "answer"), (NotedRows, "classed"), (WholeModel, "anew")):
        note(kind, name)
    return found


def table_of(learner, rng, numbers, step=2.0, hard=0.04):
    """Rows of which many are equal, in different parts therefore, and some are extreme."""
    n = len(numbers)
    x = np.round(rng.normal(size=(n, 2)) * step) / step + 0.0
    x[rng.random(n) < hard] *= rng.choice([1e12, -1e120, 5e-324, -0.0])
    y = np.array(["abc"[i] for i in rng.integers(0, 3, n)]) if learner._target == "label" else rng.poisson(2.0, n)
    table = {"id": [f"p{i}" for i in numbers], "a": x[:, 0].tolist(), "b": x[:, 1].tolist()}
    table |= {"w": rng.choice([1.0, 1.0, 2.0, 0.0], n).tolist()} if learner._takes_weights else {}
    return table | ({"y": y.tolist()} if learner._target else {})


def roles_of(table):
    return {role: name for role, name in {"id": "id", "target": "y", "weight": "w"}.items() if name in table}


def some(table, rows):
    return {name: [column[i] for i in rows] for name, column in table.items()}


def ids_of(rows):
    return [f"p{i}" for i in rows]


class Twins:
    """A set and a store with the same rows, which go through the same history."""

    def __init__(self, folder, learner, n, parts=4, **given):
        self.rng, self.folder, self.learner = np.random.default_rng(5), folder, learner
        self.table = table_of(learner, self.rng, range(2 * n), **given)
        self.held, self.gone, self.new = list(range(n)), [], list(range(n, 2 * n))
        made = {"suppress": True} | roles_of(self.table)
        self.set = StoreSet.create(folder / "set", learner, some(self.table, self.held), parts=parts, **made)
        self.store = Store.create(folder / "one.sqlearn", learner, some(self.table, self.held), **made)
        self.other = StoreSet.open(folder / "set")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for one in (self.set, self.other, self.store):
            one.close()

    def forget(self, rows, by=None):
        for one in (by or self.set, self.store):
            one.forget(ids=ids_of(rows))
        self.held, self.gone = [i for i in self.held if i not in rows], self.gone + rows

    def learn(self, rows):
        for one in (self.set, self.store):
            one.learn(some(self.table, rows))
        self.held += rows

    def relabel(self, rows, to):
        for one in (self.set, self.store):
            one.relabel(ids=ids_of(rows), to=to, **({"new": True} if isinstance(to, str) else {}))
        for i in rows:
            self.table["y"][i] = to

    def step(self, kind):
        some_held = self.rng.permutation(self.held)[: self.rng.choice([1, 1, 2, 9])].tolist()
        if kind == "forget":
            self.forget(some_held, self.rng.choice([self.set, self.other]))
        elif kind == "learn":
            come, self.new = self.new[: len(some_held)], self.new[len(some_held) :]
            self.learn(come)
        elif kind == "lift" and self.gone:
            come = self.gone[: len(some_held)]
            for one in (self.set, self.store):
                one.lift(ids_of(come))
            self.gone = [i for i in self.gone if i not in come]
            self.learn(come)
        elif kind == "relabel" and self.learner._target:
            self.relabel(some_held, "zebra" if self.learner._target == "label" else 3.0)
        elif kind == "last of a class" and self.learner._target == "label":
            self.forget([i for i in self.held if self.table["y"][i] == self.table["y"][some_held[0]]])
        elif kind == "error":
            table = some(self.table, [*self.new[:9], some_held[0]])
            with pytest.raises(DuplicateIdError):
                self.set.learn(table)
        elif kind == "without":
            models = [one.model_without(ids=ids_of(some_held)) for one in (self.set, self.store)]
            assert models[0].digest() == models[1].digest()
        elif kind == "rebalance":
            self.set.rebalance(int(self.rng.integers(1, 6)))
        elif kind == "reopen":
            self.set.close()
            self.set = StoreSet.open(self.folder / "set")
        elif kind == "compact":
            self.set.compact()

    def check(self):
        assert self.set.digest() == self.store.digest()


KINDS = ["forget", "learn", "relabel", "lift", "error", "without", "rebalance", "reopen", "compact"]
OFTEN = [0.3, 0.15, 0.15, 0.1, 0.05, 0.1, 0.05, 0.05, 0.05]


@over(LEARNERS)
def test_a_history_is_that_of_one_store(learner, tmp_path):
    with Twins(tmp_path, learner, 90) as twins:
        twins.check()
        for kind in [*twins.rng.permutation(KINDS), *twins.rng.choice(KINDS, 60 * EVERYWHERE, p=OFTEN)]:
            twins.step(kind)
            twins.check()
        twins.step("last of a class")
        twins.check()
        assert twins.set.verify() and twins.other.verify()
        assert twins.other.digest() == twins.store.digest()
        table = twins.table
        assert (twins.set.predict(table) == twins.store.predict(table)).all()
        assert (twins.set.model.predict(np.ones((3, 2))) == twins.store.model.predict(np.ones((3, 2)))).all()


def test_a_change_that_breaks_nothing_asks_no_rows(tmp_path, monkeypatch):
    """Nor does reading after it, nor opening, nor another process; and it is one part's."""
    monkeypatch.undo()
    asked, calm = noted(monkeypatch), 0
    with Twins(tmp_path, LogisticRegression(), 12_000, step=1e9, hard=0.0) as twins:
        for i in range(12):
            asked.clear()
            twins.relabel(twins.held[:1], "a") if i % 4 == 3 else twins.forget(twins.held[:1])
            twins.set.predict(some(twins.table, range(3)))
            assert "anew" not in asked
            assert bool(asked) == bool(twins.set._whole_model._known.last_update_.rows_scanned)
            calm += not asked
            asked.clear()
            twins.check()
            assert twins.other.digest() == twins.set.digest()
            twins.step("error")
            if i % 4 == 0:
                twins.step("reopen")
            twins.set.predict(some(twins.table, range(3)))
            assert not asked
        assert calm >= 4
        twins.set.rebalance(3)
        twins.check()
        assert not asked
        assert twins.set.verify() and "anew" in asked


@pytest.mark.parametrize("learner", [LogisticRegression(), PoissonRegressor()], ids=lambda one: type(one).__name__)
def test_copies_are_numbered_a_share_at_a_time(learner, tmp_path, monkeypatch):
    """Few different rows, of which all parts have many, and all that is done at once is small."""
    monkeypatch.setattr(set_rows, "_NAMES", 16)
    for name, size in (("_COPIES", 7), ("_AT_ONCE", 5)):
        monkeypatch.setattr(noted_rows, name, size)
    with Twins(tmp_path, learner, 120, step=0.5, hard=0.02) as twins:
        twins.check()
        for kind in ["forget", "relabel", "learn", "forget"]:
            twins.step(kind)
            twins.check()
        assert twins.set.verify()


def test_samples_are_as_large_as_is_told():
    assert LARGEST_SAMPLE == max(2 * CUBES, 8 * PILOT)


def test_more_changes_than_are_remembered(tmp_path, monkeypatch, asked):
    monkeypatch.setattr(noted_rows, "_NOTED", 5)
    with Twins(tmp_path, LogisticRegression(), 90) as twins:
        asked.clear()
        twins.forget(twins.held[:40])
        assert "anew" in asked
        twins.check()
        asked.clear()
        twins.forget(twins.held[:1])
        assert "anew" not in asked
        twins.check()


def is_kept(store_set):
    """Whether the model on file is that of the rows."""
    with store_set._reading():
        return store_set._trace.load().digest() == store_set._whole().digest()


@pytest.mark.skipif(FORK is None, reason="needs fork, so that a child costs milliseconds")
@pytest.mark.parametrize("kind", ["forget", "learn"] if EVERYWHERE else ["forget"])
def test_killed_at_every_step(tmp_path, kind):
    """The model on file is that of the rows when the set is next opened, whenever a process was killed."""
    learner, step, is_killed, left = LogisticRegression(), 0, True, set()
    table = table_of(learner, np.random.default_rng(3), range(110))
    held = list(range(50))
    StoreSet.create(tmp_path / "set", learner, some(table, held), parts=2, **roles_of(table)).close()

    def work(rows):
        with StoreSet.open(tmp_path / "set") as store_set:
            store_set.forget(ids=ids_of(rows)) if kind == "forget" else store_set.learn(some(table, rows))

    while is_killed:
        rows = held[:6] if kind == "forget" else [i for i in range(110) if i not in held][:6]
        is_killed = killed_at(step // 2, step % 2 == 1, work, rows)
        with StoreSet.open(tmp_path / "set") as store_set:
            assert is_kept(store_set)
            held = sorted(int(id[1:]) for id in store_set.ids())
            digest, report = store_set.digest(), store_set.erasure_report()
            left.add(len({*rows} & {*held}))
        assert report.residue == 0 and "trace.sqlearn" in report.files
        with Store.create(tmp_path / f"{step}", learner, some(table, held), **roles_of(table)) as store:
            assert store.digest() == digest
        step += 1
    assert left == {0, 6} and step > 4  # of one part; the ids of a new set may lie in one by chance


@pytest.mark.parametrize("fails", ["first", "last", "all"])
def test_a_change_that_fails(fails, tmp_path, monkeypatch, asked):
    """The model before is kept again: nobody makes rounds for it, here, elsewhere or at the next opening."""
    with Twins(tmp_path, LogisticRegression(), 90, parts=3) as twins:
        for kind, n in (("learn", 1), ("learn", 40), ("forget", 1), ("forget", 40)):
            rows, committed, commit = (twins.new if kind == "learn" else twins.held)[:n], [], Part.commit

            def fail(part, fails=fails, committed=committed, commit=commit, n=n):
                committed.append(part)
                if n == 1 or fails == "all" or len(committed) == (1 if fails == "first" else 3):
                    part.undo()
                    raise OSError("no room")
                commit(part)

            is_finished = kind == "forget" and n > 1 and fails != "all"
            with monkeypatch.context() as patch:
                patch.setattr(Part, "commit", fail)
                with pytest.raises(OSError, match="no room") if not is_finished else nullcontext():
                    twins.set.learn(some(twins.table, rows)) if kind == "learn" else twins.set.forget(ids=ids_of(rows))
            if is_finished:
                twins.store.forget(ids=ids_of(rows))
                twins.held = [i for i in twins.held if i not in rows]
            asked.clear()
            assert is_kept(twins.set) and is_kept(twins.other)
            twins.check()
            StoreSet.open(tmp_path / "set").close()
            assert twins.other.digest() == twins.store.digest() and "anew" not in asked
            twins.step(kind)
            twins.check()


def test_a_change_that_fails_where_nothing_can_be_saved(tmp_path, monkeypatch):
    """Then there is no file, as it would be of rows that were never committed."""
    with Twins(tmp_path, LogisticRegression(), 90, parts=3) as twins:
        digest, saved, save = twins.set.digest(), [], TraceFile.save

        def once(file, model):
            saved.append(model)
            if len(saved) > 1:
                raise OSError("no room")
            save(file, model)

        def fail(part):
            part.undo()
            raise OSError("no commit")

        with monkeypatch.context() as patch:
            patch.setattr(TraceFile, "save", once)
            patch.setattr(Part, "commit", fail)
            with pytest.raises(OSError, match="no commit"):
                twins.set.forget(ids=ids_of(twins.held[:1]))
        assert len(saved) == 2 and not twins.set._trace.path.exists()
        assert twins.set.digest() == twins.other.digest() == digest
        with StoreSet.open(tmp_path / "set") as opened:
            assert is_kept(opened)


@pytest.mark.skipif(FORK is None, reason="needs fork, so that a child costs milliseconds")
def test_who_puts_right_what_a_crash_left(tmp_path, asked):
    """Saves the model of what it has found, so that the next one makes no rounds."""
    table = table_of(LogisticRegression(), np.random.default_rng(3), range(110))
    made = StoreSet.create(tmp_path / "set", LogisticRegression(), some(table, range(50)), parts=2, **roles_of(table))

    def learn():
        with StoreSet.open(tmp_path / "set") as store_set:
            store_set.learn(some(table, range(50, 110)))

    with made:
        step = left = 0
        while len(made) == 50:
            assert killed_at(step, True, learn)
            step, left = step + 1, left + (made._journal.read() is not None)
            digest = made.digest()  # which puts it right
            asked.clear()
            with StoreSet.open(tmp_path / "set") as opened:
                assert is_kept(opened) and opened.digest() == digest
            assert "anew" not in asked
        assert len(made) == 110 and left > 1


@pytest.mark.skipif(FORK is None, reason="needs fork, so that a child costs milliseconds")
@pytest.mark.parametrize("lost", [False, True], ids=["crash", "lost"])
def test_ctrl_c_when_the_rounds_are_made_at_the_opening(lost, tmp_path, monkeypatch):
    """What a crash left is finished, and the rounds over all rows are given up at once."""
    table = table_of(LogisticRegression(), np.random.default_rng(3), range(180))
    made = StoreSet.create(tmp_path / "set", LogisticRegression(), some(table, range(150)), parts=2, **roles_of(table))

    def learn():
        with StoreSet.open(tmp_path / "set") as store_set:
            store_set.learn(some(table, range(150, 180)))

    with made:
        before, step = made.digest(), 0
        if lost:
            made._trace.path.unlink()
        while not lost and made._trace.load().digest() == before:  # until it is that of rows which are not committed
            assert killed_at(step, True, learn)
            step += 1
        assert (made._journal.read() is None) == lost
        asked, evaluate = [], set_rows.SetRows.evaluate

        def interrupted(*given):
            asked.append(signal.raise_signal(signal.SIGINT))
            return evaluate(*given)

        with monkeypatch.context() as patch:
            patch.setattr(set_rows.SetRows, "evaluate", interrupted)
            with pytest.raises(KeyboardInterrupt):
                StoreSet.open(tmp_path / "set")
        assert len(asked) == 1 and made._journal.read() is None
        assert len(made) == 150 and made.digest() == before
        assert made.forget(ids=ids_of(range(5))).count == 5 and made.verify()


def test_a_set_is_read_where_the_file_cannot_be_made(tmp_path, monkeypatch):
    """It holds nothing that the parts do not tell. A change needs it, and is refused."""

    def full(file, model):
        raise StoreError("the disk is full", reason="full")

    with Twins(tmp_path, LogisticRegression(), 60, parts=2) as twins:
        digest = twins.set.digest()
        (tmp_path / "set" / "trace.sqlearn").unlink()
        with monkeypatch.context() as patch:
            patch.setattr(TraceFile, "save", full)
            with StoreSet.open(tmp_path / "set") as opened:
                assert opened.digest() == digest and not opened._trace.path.exists()
                with pytest.raises(StoreError, match="the disk is full"):
                    opened.forget(ids=ids_of(twins.held[:1]))
                assert opened.digest() == digest
        with StoreSet.open(tmp_path / "set") as opened:
            assert is_kept(opened) and opened.digest() == digest


def test_what_is_in_the_file(tmp_path):
    """Without the file, or where it is damaged, its model is made anew; what is forgotten is not in it."""
    with Twins(tmp_path, KMeans(2), 60) as twins:
        twins.forget(twins.held[:50])
        some_gone = [twins.table[name][i] for name in "ab" for i in twins.gone]
        held = {twins.table[name][i] for name in "ab" for i in twins.held}
        report = twins.set.erasure_report(values={value for value in some_gone if value not in held})
        assert report and "trace.sqlearn" in report.files
        digest, size = twins.set.digest(), twins.set.compact()
        assert size >= 0 and twins.set.digest() == digest and twins.set.verify()
    file = tmp_path / "set" / "trace.sqlearn"
    whole = file.read_bytes()
    place, middle = whole.rindex(b"learner"), len(whole) // 2
    altered = whole[:place] + b"LEARNER" + whole[place + 7 :]
    flipped = whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]
    for content in (altered, flipped, whole[: -len(whole) // 3], b"x" * 5000, b"", None):
        file.write_bytes(content) if content is not None else file.unlink()
        with StoreSet.open(tmp_path / "set") as store_set:
            assert store_set.digest() == digest and is_kept(store_set) and store_set.erasure_report()


@pytest.mark.parametrize("content", [b"x" * 40_000, b"", None])
def test_a_file_that_is_lost_while_it_is_open(content, tmp_path):
    """The next change makes it anew, and others that have the set open follow."""
    with Twins(tmp_path, KMeans(2), 60) as twins:
        file = tmp_path / "set" / "trace.sqlearn"
        assert twins.set.digest() == twins.other.digest()
        file.unlink()
        if content is not None:
            file.write_bytes(content)
        twins.check()
        if content:
            with pytest.raises(StoreCorruptError, match="holds no row: close the set and open it again"):
                twins.set.erasure_report()
        for by in (twins.set, twins.other, twins.set):
            twins.forget(twins.held[:1], by)
            twins.check()
            assert twins.other.digest() == twins.store.digest() and is_kept(twins.set) and is_kept(twins.other)


def test_a_file_of_another_set(tmp_path):
    """Of the same rows, with other parameters: it is not taken for this set's."""
    table = table_of(LogisticRegression(), np.random.default_rng(2), range(60))
    digests = []
    for name, learner in (("one", LogisticRegression(C=1.0)), ("two", LogisticRegression(C=0.01))):
        with StoreSet.create(tmp_path / name, learner, table, parts=2, **roles_of(table)) as store_set:
            digests.append(store_set.digest())
    shutil.copy(tmp_path / "one" / "trace.sqlearn", tmp_path / "two" / "trace.sqlearn")
    for _ in range(2):
        with StoreSet.open(tmp_path / "two") as store_set:
            assert store_set.digest() == digests[1] != digests[0]
            assert store_set.model.C == 0.01 and store_set.verify() and is_kept(store_set)
        assert (tmp_path / "one" / "trace.sqlearn").read_bytes() != (tmp_path / "two" / "trace.sqlearn").read_bytes()


@pytest.mark.skipif(FORK is None, reason="needs fork, so that a child costs milliseconds")
def test_killed_when_the_file_is_half_made(tmp_path, monkeypatch):
    """SQLite has written pages of the first model into the file, and not committed them."""
    table = table_of(KMeans(2), np.random.default_rng(2), range(60))
    with StoreSet.create(tmp_path / "set", KMeans(2), table, parts=2, **roles_of(table)) as store_set:
        digest = store_set.digest()
    file = tmp_path / "set" / "trace.sqlearn"
    file.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(trace_file, "_CACHE", 4)  # KiB, so that pages are written early
        assert killed_at(0, False, StoreSet.open, tmp_path / "set")
    assert file.stat().st_size and file.with_name("trace.sqlearn-journal").stat().st_size
    for _ in range(2):
        with StoreSet.open(tmp_path / "set") as store_set:
            assert store_set.digest() == digest and is_kept(store_set)


def test_a_share_is_no_store(tmp_path):
    """A part's model has no rounds; a store whose model has none either was altered."""
    table = table_of(KMeans(2), np.random.default_rng(1), range(60))
    with Store.create(tmp_path / "one.sqlearn", KMeans(2), table, **roles_of(table)) as store, store._changing():
        store._model.state.statistic.is_share = True
        store._saved.save(store._model)
    with pytest.raises(StoreCorruptError, match="a share of another one"):
        Store.open(tmp_path / "one.sqlearn")
