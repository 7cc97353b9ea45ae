"""Who reads a set while another process changes it: what was before, at once; then what is after; nothing between."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from set_kills import FORK, create, label_of, row_of, table_of
from sqlearn.distributed import StoreSet
from sqlearn.distributed.store_set.part import Part
from sqlearn.errors import StoreBusyError

pytestmark = pytest.mark.skipif(FORK is None, reason="needs fork, so that a child costs milliseconds")


@pytest.fixture
def path(tmp_path):
    create(tmp_path / "set", "numbers", parts=3, n=100)
    return tmp_path / "set"


def ids_of(numbers):
    return [row_of(i)["id"] for i in numbers]


def rows_of(numbers):
    return table_of({i: label_of(i) for i in numbers}, "numbers")


class Reader:
    """Another process, which has a set open, and opens it anew, whenever it is asked what it sees."""

    def __init__(self, path):
        self._ours, theirs = FORK.Pipe()
        self._process = FORK.Process(target=self._read, args=(path, theirs))
        self._process.start()
        assert self._ours.poll(60) and self._ours.recv() == "open"

    def _read(self, path, pipe):
        with StoreSet.open(path, timeout=0.2) as store_set:
            pipe.send("open")
            while pipe.recv() is not None:
                try:
                    digest, n = store_set.digest(), len(store_set.ids())
                    assert store_set.verify() and len(store_set.rows().y) == n == len(store_set)
                    with StoreSet.open(path, timeout=0.2) as another:
                        assert (another.digest(), len(another.ids())) == (digest, n)
                    pipe.send((digest, n))
                except StoreBusyError:
                    pipe.send("busy")
                except BaseException as error:
                    pipe.send(repr(error))

    def __call__(self):
        self._ours.send("read")
        assert self._ours.poll(60)
        return self._ours.recv()

    def close(self):
        self._ours.send(None)
        self._process.join(60)
        assert self._process.exitcode == 0


@pytest.fixture
def reader(path):
    reader = Reader(path)
    yield reader
    reader.close()


def learned(store_set, look):
    store_set.learn(look(rows_of(range(first, first + 30))) for first in (200, 230, 260))


def forgotten(store_set, look):
    store_set.forget(where="y = 'a'", progress=look)


def relabelled(store_set, look):
    store_set.relabel(where="y = 'a'", to="b", progress=look)


def divided(store_set, look):
    store_set.rebalance(2, progress=look)


def supposed(store_set, look):
    assert store_set.model_without(where="y = 'a'", progress=look).n_records_ == 50


@pytest.mark.parametrize(
    "change, rows", [(learned, 190), (forgotten, 50), (relabelled, 100), (divided, 100), (supposed, 100)]
)
def test_a_set_is_read_while_it_is_changed(path, reader, change, rows):
    """Whoever has it open, and whoever opens it: the state before, however long the change takes; then that after."""
    seen = []

    def look(given):
        seen.append(reader())
        return given

    with StoreSet.open(path) as store_set:
        before = store_set.digest()
        change(store_set, look)
        assert seen and {*seen} == {(before, 100)}
        assert reader() == (store_set.digest(), rows)


@pytest.mark.parametrize("room", [1, 64])
def test_a_set_is_read_while_pages_wait_in_memory(path, reader, monkeypatch, room):
    """SQLite writes pages for which it has no room, and shuts readers out: there is more room for changed ones."""
    monkeypatch.setattr("sqlearn.distributed.store_set.contents.cache_of", lambda n: 16)  # KiB
    monkeypatch.setattr("sqlearn.distributed.store_set.part._CHANGED", room)
    seen = []

    def table():
        for first in range(200, 1700, 500):
            yield rows_of(range(first, first + 500))
            seen.append(reader())

    with StoreSet.open(path) as store_set:
        before = store_set.digest()
        store_set.learn(table())
        assert seen[-1] == ("busy" if room == 1 else (before, 100))
        assert reader() == (store_set.digest(), 1600)


@pytest.mark.parametrize("rows, parts", [(1, 1), (30, 3)])
def test_nothing_is_read_between_two_commits(path, reader, monkeypatch, rows, parts):
    """Of a change of one part, or of several: whoever asks for it then waits."""
    commit, seen = Part.commit, []

    with StoreSet.open(path) as store_set, ThreadPoolExecutor(1) as turns:
        before = store_set.digest()
        monkeypatch.setattr(Part, "commit", lambda part: (seen.append(turns.submit(reader).result()), commit(part)))
        store_set.forget(ids=ids_of(range(rows)))
        monkeypatch.undo()
        assert seen == ["busy"] * parts
        assert reader() == (store_set.digest(), 100 - rows) and store_set.digest() != before


def test_readers_that_take_turns_with_a_writer(path):
    """Rows go and come, in one part and in several: whoever reads sees one state or the other."""
    with StoreSet.open(path) as store_set:
        states = {(store_set.digest(), 100)}
        for gone in ([0], range(20)):
            states.add((store_set.model_without(ids=ids_of(gone)).digest(), 100 - len(gone)))

    def work():
        with StoreSet.open(path, timeout=60.0) as own:
            for _ in range(4):
                for gone in ([0], range(20)):
                    own.forget(ids=ids_of(gone))
                    own.lift(ids_of(gone))
                    own.learn(rows_of(gone))
            own.rebalance(4)

    writer = FORK.Process(target=work)
    writer.start()
    seen = set()
    with StoreSet.open(path, timeout=60.0) as store_set:
        while writer.exitcode is None:
            verified = store_set.verify()
            assert verified
            seen.add(store_set.digest())
            assert len(store_set.ids()) in {n for _, n in states}
        assert writer.exitcode == 0 and store_set.n_parts == 4
    assert seen <= {digest for digest, _ in states}
