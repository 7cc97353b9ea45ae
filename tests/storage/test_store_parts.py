"""The parts of a store on their own: places, texts, words, the index, and models as bytes."""

import sys

import numpy as np
import pytest
from sklearn.feature_selection import f_classif, r_regression
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline

from sqlearn.errors import FormatError, ParameterError, StoreCorruptError, UnsupportedError
from sqlearn.linear_model import LogisticRegression, Ridge
from sqlearn.naive_bayes import GaussianNB
from sqlearn.storage.file.database import Database
from sqlearn.storage.file.dictionary import PIECE, Texts, Words
from sqlearn.storage.file.hash_index import HashIndex
from sqlearn.storage.file.residue import residue
from sqlearn.storage.file.saved_model import packed, unpacked
from sqlearn.storage.file.slots import Slots
from sqlearn.storage.file.values import decoded, encoded


@pytest.fixture
def database(tmp_path):
    database = Database.create(tmp_path / "a", 1.0)
    with database.writing():
        database.lay_out()
        yield database
    assert residue(database) == 0
    database.close()


@pytest.mark.parametrize("words", [1, 12, 252, 300, 506, 900])
def test_places_are_used_again(database, words):
    slots = Slots(database, "t", words)
    slots.lay_out()
    slots.check()

    def filled(values):
        return np.repeat(np.asarray(values, np.uint64)[:, None], words, axis=1)

    first = slots.put(filled(np.arange(1, 200)))
    assert first.tolist() == list(range(1, 200)) and len(slots) == 199
    end = database.execute("SELECT max(cell), length(bytes) FROM t").fetchone()
    slots.erase(first[::3])
    slots.check()
    for wrong in (slots.read, slots.erase, lambda some: slots.overwrite(some, filled([7, 8]))):
        with pytest.raises(StoreCorruptError, match=f"place {first[3]}"):
            wrong(first[3:5])
    again = slots.put(filled([2**64 - 1] * 40))
    again = np.append(again, slots.put(filled([2**64 - 1] * (len(first[::3]) - 40))))
    assert set(again.tolist()) == set(first[::3].tolist())
    assert database.execute("SELECT max(cell), length(bytes) FROM t").fetchone() == end
    assert (slots.read(first[[2, 1]]) == filled([3, 2])).all()
    slots.overwrite(first[[1]], filled([7]))
    content = {}
    for part, data in slots.scan():
        content |= dict(zip(part.tolist(), data.tolist(), strict=True))
    assert len(content) == 199 and content[first[1]] == [7] * words and content[again[0]] == [2**64 - 1] * words
    slots.check()
    for wrong in (0, -1, 200, 2**40, 2**63 - 1):
        with pytest.raises(StoreCorruptError):
            slots.read(np.array([wrong]))


def test_every_bit_of_a_place_is_checked(database):
    """In use, free, or never used: one flipped bit shows."""
    slots = Slots(database, "t", 3)
    slots.lay_out()
    slots.erase(slots.put(np.arange(9, dtype=np.uint64).reshape(3, 3))[1:])
    (cell,) = database.execute("SELECT bytes FROM t WHERE cell = 1").fetchone()
    for bit in range(8 * 32 * 4):
        damaged = bytearray(cell)
        damaged[bit // 8] ^= 1 << bit % 8
        database.execute("UPDATE t SET bytes = ? WHERE cell = 1", (bytes(damaged),))
        with pytest.raises(StoreCorruptError, match=f"place {bit // 256 + 1} of 't'"):
            slots.check()
        if bit < 256:
            with pytest.raises(StoreCorruptError, match="place 1 of 't'"):
                slots.read(np.array([1]))
    database.execute("UPDATE t SET bytes = ? WHERE cell = 1", (cell,))
    slots.check()
    database.execute("UPDATE t SET bytes = ? WHERE cell = 2", (cell,))  # whole, but of another place
    with pytest.raises(StoreCorruptError):
        slots.check()


def test_index_with_hashes_that_agree_in_part(database):
    """Full buckets, and hashes that differ in their second half alone."""
    random = np.random.default_rng(0)
    index = HashIndex(database, "t")
    index.lay_out()
    hashes = random.integers(0, 2**64, (3000, 2), np.uint64)
    hashes[:, 1] &= ~np.uint64(2**40 - 1)
    hashes[:400, 0] &= ~np.uint64(63)  # all in one bucket of 64
    hashes[400:440, 0] = hashes[400, 0]
    numbers = np.arange(1, 3001) + 2**40 - 3001
    index.add(hashes[:1500], numbers[:1500])
    assert index.flush() == 0
    assert (index.find(hashes) == np.where(numbers <= numbers[1499], numbers, 0)).all()
    index.add(hashes[1500:], numbers[1500:])
    assert index.flush() == 0
    assert (index.find(hashes) == numbers).all()
    index.remove(hashes[::2])
    assert (index.find(hashes) == np.where(np.arange(3000) % 2, numbers, 0)).all()
    index.add(hashes[[0, 3]], numbers[[0, 3]])
    assert index.flush() == numbers[3]
    index.add(hashes[[0, 0]], np.array([7, 8]))
    assert index.flush() == 8
    index.add(hashes[::2], numbers[::2])
    assert index.flush() == 0
    assert (index.find(hashes) == numbers).all()
    entries = np.concatenate(list(index.entries()))
    assert sorted(index.numbers_of(entries).tolist()) == numbers.tolist()
    with pytest.raises(StoreCorruptError):
        index.remove(np.array([[1, 0]], np.uint64))


def test_words_are_counted(database):
    texts = Texts(database)
    words = Words(database, texts, b"key")
    texts.lay_out()
    words.lay_out()
    given = ["", "a", "é" * 500, "nul\0s\0", "\ud800", 7, -(10**30), 0.1, 1e300, "7", "x" * PIECE, "y" * (PIECE - 1)]
    numbers = words.use(given, np.arange(1, len(given) + 1))
    words.use(given[2:4], np.array([5, 5]))
    words.drop_remembered()
    assert (words.numbers(given) == numbers).all()
    assert words.numbers(["b", 8]).tolist() == [0, 0]
    words.drop_remembered()
    assert [type(w) for w in words.words(numbers)] == [type(w) for w in given] and words.words(numbers) == given
    words.disuse(numbers, np.arange(1, len(given) + 1))
    words.drop_remembered()
    assert words.numbers(given).tolist() == [0, 0, numbers[2], numbers[3], *[0] * 8]
    with pytest.raises(StoreCorruptError, match="more often"):
        words.disuse(numbers[2:3], np.array([6]))
    words.disuse(numbers[2:4], np.array([5, 5]))
    assert len(texts.slots) == 0
    assert b"\xc3\xa9\xc3\xa9" not in database.path.read_bytes()


class Sortable:
    pass


def test_parameters_as_json():
    values = [
        None, True, 3, -0.0, 1e308, "text", b"\0bytes", [1, [2.5]], (1, "a"), {"a": {1: None}}, np.float64(0.1),
        np.arange(6.0).reshape(2, 3), np.array(["ab", "c"]), np.array([None, "x", 2], object), {3, 1}, np.int32(4),
        Ridge(alpha=0.1), LinearRegression(positive=True), np.log1p, slice(1, None), f_classif, r_regression,
    ]  # fmt: skip
    for value in values:
        back = decoded(encoded(value))
        assert type(back) is type(value)
        assert repr(back) == repr(value)
    for value in (Sortable(), lambda: 1, np.mean, object(), Pipeline([], memory="folder")):
        with pytest.raises(ParameterError):
            encoded(value)
    for name in ("subprocess:Popen", "sqlearn.linear_model:Lasso.fit", "sklearn.linear_model:Lasso", "os:system"):
        with pytest.raises(FormatError, match=r"not an estimator of sqlearn|Import sklearn.linear_model first"):
            decoded(["estimator", name, ["dict", [["list"], "args"]]])
    with pytest.raises(FormatError):
        decoded(["pickle", "x"])


def test_names_in_a_file_import_and_call_nothing():
    for name in ("os:system", "sqlearn.__main__:main", "sklearn.preprocessing:FunctionTransformer", "numpy:mean"):
        with pytest.raises(FormatError, match="not a score function"):
            decoded(["named", name])
    for module in ("sqlearn.__main__", "sklearn.externals.conftest", "antigravity"):
        before = set(sys.modules)
        with pytest.raises(FormatError, match=f"Import {module} first"):
            decoded(["estimator", f"{module}:Ridge", ["dict"]])
        assert set(sys.modules) == before
    for name in ("sqlearn.linear_model:Gone", "sqlearn.linear_model.gone:Ridge", "sqlearn.svm:LinearSVC.gone"):
        with pytest.raises(FormatError, match=r"was not found: .* Use the version of sqlearn"):
            decoded(["estimator", name, ["dict"]])


def test_models_as_bytes():
    model = GaussianNB(ledger=False, priors=[0.5, 0.5], key=b"k").fit([[1.0, 1e300], [2.0, -1e-300]], ["a", "b"])
    content, digest = packed(model)
    back, told = unpacked(content)
    assert told == back.digest() == model.digest() == digest and packed(back) == (content, digest)
    with_rows = LogisticRegression().fit([[1.0], [2.0], [4.0]], [0, 1, 1])
    back, told = unpacked(packed(with_rows)[0])
    assert told == back.digest() == with_rows.digest()
    assert "rows" not in back.canonical_parts()
    with pytest.raises(UnsupportedError, match="a store, which keeps its rows"):  # which it would have to solve for
        back.coef_  # noqa: B018
