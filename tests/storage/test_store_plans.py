"""Stores of all that a pipeline may plan, and of encoders: words, maps of one row, kept tables, chosen columns."""

import json
import pickle
import random
import subprocess
import sys

import numpy as np
import pandas
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_selector
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.kernel_approximation import RBFSampler
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures
from sklearn.preprocessing import StandardScaler as PeerScaler

from sqlearn import Store
from sqlearn.compose import ColumnTransformer, FixedFeatures, TextModel, make_column_transformer
from sqlearn.ensemble import RandomForestClassifier
from sqlearn.errors import ParameterError, StoreError, TableError
from sqlearn.impute import SimpleImputer
from sqlearn.linear_model import LogisticRegression, Ridge
from sqlearn.model_selection import GridSearchCV
from sqlearn.naive_bayes import ComplementNB, GaussianNB, MultinomialNB
from sqlearn.neighbors import KNeighborsClassifier
from sqlearn.pipeline import make_pipeline, make_union
from sqlearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler
from sqlearn.recommend import EASE
from sqlearn.storage.file.values import encoded
from tiny_rounds import cut

pytestmark = pytest.mark.filterwarnings("ignore")

COLUMNS = ColumnTransformer(
    [
        ("n", make_pipeline(SimpleImputer(), StandardScaler()), ["a", "b"]),
        ("c", OneHotEncoder(handle_unknown="ignore"), ["c"]),
    ]
)
CHOSEN = make_column_transformer(
    (make_pipeline(SimpleImputer(), StandardScaler()), make_column_selector(dtype_include="number")),
    (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
)
SCALED = FrozenEstimator(PeerScaler().fit([[0.0, 1.0], [3.0, 9.0]]))
# each with the columns that it learns from
KINDS = {
    "words": (make_pipeline(TfidfVectorizer(norm=None), ComplementNB()), "t"),
    "hashed words": (make_pipeline(HashingVectorizer(n_features=16), LogisticRegression()), "t"),
    "sparse rows": (make_pipeline(HashingVectorizer(), LogisticRegression()), "t"),
    "a map and a chain": (make_pipeline(PolynomialFeatures(2), StandardScaler(), Ridge()), "xz"),
    "a union": (make_union(MinMaxScaler(), make_pipeline(PolynomialFeatures(2), StandardScaler())), "xz"),
    "a map and neighbours": (FixedFeatures(RBFSampler(gamma=0.5, random_state=0), KNeighborsClassifier(3)), "xz"),
    "a frozen map": (FixedFeatures(SCALED, GaussianNB()), "xz"),
    "a kept table": (make_pipeline(COLUMNS, RandomForestClassifier(2, random_state=0)), "abc"),
    "chosen columns": (make_pipeline(CHOSEN, LogisticRegression(), keep_records=True), "abc"),
    "a search": (GridSearchCV(make_pipeline(COLUMNS, Ridge()), {"ridge__alpha": [0.1, 1.0]}, cv=2), "abc"),
    "categories": (OneHotEncoder(), "cd"),
    "gaps": (SimpleImputer(strategy="most_frequent"), "cd"),
}  # fmt: skip


def a_row(rnd, i):
    """A row of hard values; its text has a word of its own."""
    words = " ".join(rnd.choice(["cat", "dog", "ran", "é漢", "sat" * 60]) for _ in range(rnd.randrange(9)))
    return {
        "x": rnd.choice([-0.0, 1.0, rnd.gauss(0, 1)]),
        "z": rnd.gauss(3, 1),
        "a": rnd.choice([float("nan"), -0.0, rnd.gauss(0, 1), 1e9 + i]),
        "b": rnd.choice([2.0**-1074, rnd.gauss(0, 1)]),
        "c": rnd.choice(["p", "", None, "q" * 70]),
        "d": rnd.choice(["p", None]) if i % 9 else f"only {i}",
        "t": f"{words} unique{i}",
    }


def table_of(rows, columns, more=()):
    return {name: np.array([row[name] for row in rows.values()], object) for name in [*columns, *more]}


def given_to(model, rows, columns):
    """What a refit is given: the columns as a store hands them over."""
    table = {name: np.array(values.tolist(), object if name in "cdt" else float)
             for name, values in table_of(rows, columns).items()}  # fmt: skip
    if columns == "t":
        return table["t"]
    return table if model.takes_tables else np.column_stack([*table.values()])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.crossed(2)
def test_random_histories(tmp_path, kind, monkeypatch):
    """After every step the model is that of the rows that should be there, in another process too."""
    cut(monkeypatch)
    model, columns = KINDS[kind]
    rnd, rows, gone, following = random.Random(7), {}, {}, 0
    target = "y" if model.target else None
    labels = (0.5, 2.0, -1.0) if model.target == "value" else ("yes", "no")

    def new(n):
        nonlocal following
        some = {following + i: a_row(rnd, following + i) | {"y": labels[i % 2]} for i in range(n)}
        following += n
        rows.update(some)
        table = table_of(some, columns, ["y"] if target else [])
        return table | {"id": [f"row{i:04d}" for i in some]}

    def named(n):
        return rnd.sample(sorted(rows), n)

    store = Store.create(tmp_path / "a", model, new(60), target=target, id="id", suppress=True)
    for step in range(8):
        doing = ["forget", "learn", "relabel", "open", "forget", "compact", "learn", "forget"][step]
        if doing == "learn":
            store.learn(new(15))
        elif doing == "forget":
            some = named(8)
            store.forget(ids=[f"row{i:04d}" for i in some])
            gone |= {i: rows.pop(i) for i in some}
        elif doing == "relabel" and target:
            some = named(3)
            store.relabel(ids=[f"row{i:04d}" for i in some], to=labels[0])
            for i in some:
                rows[i] = rows[i] | {"y": labels[0]}
        elif doing == "compact":
            store.compact()
        else:
            store.close()
            store = Store.open(tmp_path / "a")
        fresh = clone(store.model)
        y = [np.array([row["y"] for row in rows.values()])] if target else []
        fresh.partial_fit(given_to(model, rows, columns), *y)
        assert store.digest() == fresh.digest(), (step, doing)
    assert store.verify() and store.check_receipts()
    asked = table_of(dict([*rows.items()][:9]), columns)
    if hasattr(model, "predict"):
        given = given_to(model, dict([*rows.items()][:9]), columns)
        np.testing.assert_array_equal(store.predict(asked), fresh.predict(given))
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(store.model)).predict(given), fresh.predict(given))
    found = store.erasure_report(table=table_of(gone, columns))
    assert found and store.erasure_report(values=[f"unique{i}" for i in gone])
    with pytest.raises(StoreError, match="forgotten"):
        store.learn(table_of({0: a_row(rnd, 0) | {"y": labels[0]}}, columns, ["y"] if target else [])
                    | {"id": [f"row{next(iter(gone)):04d}"]})  # fmt: skip
    store.forget(where="true")
    assert store.verify() and len(store) == 0


def test_a_process_that_has_imported_nothing():
    """Classes are found by the names that users import them by."""
    values = [
        *(model for name, (model, _) in KINDS.items() if name != "chosen columns"),
        KINDS["a map and a chain"][0].fit([[1.0], [2.0]], [1.0, 2.0]),
    ]
    told = [encoded(values[:-1]), encoded(values[-1].state.params)]
    assert '"sqlearn.linear_model:Ridge"' in json.dumps(told) and "sqlearn.linear_model." not in json.dumps(told)
    code = f"from sqlearn.storage.file.values import decoded; print(*map(decoded, {told!r}), sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0].startswith(repr(values[0])[:50].join(["[", ""])) and "InForce" in done.stdout


def letters(text):
    return text.split("e")


@pytest.mark.parametrize(
    "model, name, said",
    [
        (make_pipeline(CountVectorizer(analyzer=letters), MultinomialNB()), "countvectorizer__analyzer", "it is code"),
        (TextModel(MultinomialNB(), tokenizer=letters), "tokenizer", "it is code"),
        (FixedFeatures(FunctionTransformer(lambda X: X), Ridge()), "transformer__func", "it is code"),
        (FixedFeatures(letters, Ridge()), "transformer", "it is code"),
        (make_pipeline(FunctionTransformer(letters), Ridge()), "functiontransformer__func", "it is code"),
        (FixedFeatures(object(), Ridge()), "transformer", "of type object"),
    ],
)
def test_what_no_file_keeps_is_refused_before_there_is_one(tmp_path, model, name, said, monkeypatch):
    monkeypatch.setattr("sqlearn.storage.file.Database.create", lambda *given: pytest.fail("a file was made"))
    with pytest.raises(ParameterError, match=f"parameter {name} holds.*{said}.*No store was created"):
        Store.create(tmp_path / "a", model, {"t": ["a b", "b c"], "y": [0, 1]}, target="y")


def test_columns_of_kinds_that_a_model_does_not_take(tmp_path):
    table = {"t": ["cat sat", "dog ran"], "x": [1.0, 2.0], "y": [0, 1]}
    words = make_pipeline(CountVectorizer(), MultinomialNB())
    with pytest.raises(TableError, match="learns from one column of text"):
        Store.create(tmp_path / "a", words, table, target="y")
    with pytest.raises(TableError, match="learns from a column of text, and 'x' holds other values"):
        Store.create(tmp_path / "a", words, {"x": [1.0, 2.0], "y": [0, 1]}, target="y")
    with pytest.raises(TableError, match=r"takes numbers, but the columns 't' hold categories.*ColumnTransformer"):
        Store.create(tmp_path / "a", make_pipeline(StandardScaler(), Ridge()), table, target="y")
    with pytest.raises(ParameterError, match=r"cannot: division by zero. No store was created"):
        broken = make_pipeline(make_column_transformer((StandardScaler(), lambda frame: 1 / 0)), Ridge())
        Store.create(tmp_path / "a", broken, {"x": [1.0, 2.0], "y": [0, 1]}, target="y")
    assert not [*tmp_path.iterdir()]


def scaled(choose):
    return make_pipeline(make_column_transformer((StandardScaler(), choose)), Ridge())


@pytest.mark.parametrize(
    "chosen",
    [
        ["a", "c"],
        [0, -1],
        np.array([0, 2]),
        [True, False, True],
        np.array([True, False, True]),
        slice(None, None, 2),
        slice("a", "c", 2),
        pandas.Index(["a", "c"]),
    ],
    ids=lambda chosen: f"{type(chosen).__name__}{chosen}",
)
def test_what_a_function_may_choose(tmp_path, chosen):
    """Columns are named once, whatever a function chooses them by, and as they are without a store."""
    table = {name: np.random.default_rng(ord(name)).normal(size=9) for name in "abcy"}
    store = Store.create(tmp_path / "a", scaled(lambda frame: chosen), table, target="y")
    ((_, _, columns),) = store.model.named_steps["columntransformer"].transformers
    assert columns == ["a", "c"]
    features = pandas.DataFrame(table)[["a", "b", "c"]]
    np.testing.assert_array_equal(
        store.predict(table), scaled(lambda frame: chosen).fit(features, table["y"]).predict(features)
    )
    assert store.verify()


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (1, "the columns 1 are one column"),
        ("a", "the columns 'a' are one column"),
        ([7], r"all features must be in \[0, 2\]"),
        (["y"], r"not a column of the dataframe: 'y'. Its columns are"),
        ([True, False], "A mask of columns has 2 values, and X 3 columns"),
        ([0, "c"], "No valid specification of the columns"),
        (slice("a", "q"), "not a column of the dataframe: 'q'"),
        (None, "No valid specification of the columns"),
        ({"a"}, "No valid specification of the columns"),
    ],
    ids=repr,
)
def test_what_a_function_may_not_choose(tmp_path, chosen, said):
    table = {name: [1.0, 2.0, 4.0] for name in "abcy"}
    with pytest.raises(ParameterError, match=said):
        Store.create(tmp_path / "a", scaled(lambda frame: chosen), table, target="y")
    assert not [*tmp_path.iterdir()]


def test_roles_that_labels_do_not_have(tmp_path):
    store = Store.create(tmp_path / "a", EASE(), {"user": [1, 2, 2], "item": ["tea", "tea", "rum"]})
    with pytest.raises(StoreError, match="`role` must be 'user' or 'item', not 'rating'"):
        store.label_of("rating", "1")


def test_encoders_of_numbers_take_them_as_they_are(tmp_path):
    store = Store.create(tmp_path / "a", OrdinalEncoder(), {"n": [3, 1, 2]}, id=None)
    assert store.verify() and store.model.categories_[0].tolist() == [1.0, 2.0, 3.0]
