"""``sqlearn what-if`` and the store's methods behind it: they show what `forget` would leave, and change nothing."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.base import clone

from sqlearn import Store, cli
from sqlearn.commands.usage import in_options
from sqlearn.compose import TableModel, TextModel
from sqlearn.covariance import EmpiricalCovariance
from sqlearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sqlearn.errors import SqlearnError, StoreBusyError, UnknownIdError
from sqlearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sqlearn.naive_bayes import GaussianNB, MixedNB, MultinomialNB
from sqlearn.neighbors import KNeighborsClassifier
from sqlearn.recommend import EASE

N = 90
NUMBERS = {
    "id": [f"p{i}" for i in range(N)],
    "age": [1e12 if i == 3 else -0.0 if i == 5 else float(i % 13) for i in range(N)],
    "fare": [0.0 if i % 11 == 0 else i % 7 + 0.125 for i in range(N)],
    "lived": [int(i % 7 > 3 or i % 13 > 9) for i in range(N)],
}
MIXED = NUMBERS | {"port": [["S", "C", "Q", None][i % 4] if i else "only" for i in range(N)]}
LEARNERS = [
    (GaussianNB(), NUMBERS),
    (Ridge(), NUMBERS),
    (LogisticRegression(), NUMBERS),
    (KNeighborsClassifier(), NUMBERS),
    (MixedNB(), MIXED),
    (RandomForestClassifier(n_estimators=3), MIXED),
    (HistGradientBoostingClassifier(max_iter=3), NUMBERS),
    (TableModel(RidgeClassifier()), MIXED),
    (TableModel(LogisticRegression()), MIXED),
]
MESSAGES = {
    "text": [
        "free prize, claim it " + " ".join(f"word{i}" for i in range(20)),
        "see you at lunch",
        "claim your prize",
        "lunch was free",
    ],
    "kind": ["spam", "ham", "spam", "ham"],
}


def call(*arguments, given=None, code=0):
    """What a command printed on standard output, and on standard error."""
    result = CliRunner().invoke(cli.sqlearn, arguments, input=given)
    if isinstance(result.exception, SqlearnError):
        assert code == 1, result.exception
        return result.stdout, in_options(str(result.exception))
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def told(*arguments, **more):
    return json.loads(call(*arguments, "--json", **more)[0])


@pytest.fixture
def titanic(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Store.create("t", TableModel(RidgeClassifier()), MIXED, target="lived", id="id"):
        pass
    return tmp_path / "t"


@pytest.mark.parametrize("model, table", LEARNERS, ids=lambda value: str(value) if not isinstance(value, dict) else "")
def test_the_model_without_rows_is_the_one_that_forget_leaves(tmp_path, model, table):
    path = tmp_path / "s"
    with Store.create(path, model, table, target="lived", id="id") as store:
        before, digest = path.read_bytes(), store.digest()
        seen = []
        without = store.model_without(where="fare = 0", progress=seen.append)
        by_id = store.model_without(ids=store.ids(where="fare = 0"))
        assert sum(seen) == N
        assert path.read_bytes() == before and store.digest() == digest == store.model.digest()
        held = store.rows()
        answers = without.predict(held.X)
        refit = clone(store.model).fit(**{k: v for k, v in store.rows(where="fare <> 0").items() if k in ("X", "y")})
        assert np.array_equal(answers, np.asarray(refit.predict(held.X)))
        assert store.verify()
        store.forget(where="fare = 0")
        assert store.digest() == without.digest() == by_id.digest()
        assert answers.tobytes() == store.model.predict(held.X).tobytes()


def test_a_model_without_no_row_is_the_model(titanic):
    with Store.open(titanic) as store:
        assert store.model_without(where="fare = -1").digest() == store.digest()
        assert store.model_without(ids=[]).digest() == store.digest()


def test_what_cannot_be_left_out_changes_nothing(titanic):
    before = titanic.read_bytes()
    with Store.open(titanic) as store:
        digest = store.digest()
        with pytest.raises(UnknownIdError):
            store.model_without(ids=["p1", "nobody"])

        def stop(rows):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            store.model_without(where="fare = 0", progress=stop)
        assert store.digest() == digest and len(store) == N
    assert titanic.read_bytes() == before


def test_the_model_that_is_asked_of_meanwhile_is_not_another(titanic):
    with Store.open(titanic) as store:

        def frames():
            yield {"age": [1.0], "fare": [2.0], "port": ["S"]}
            store.model_without(where="fare = 0")
            yield {"age": [1.0], "fare": [2.0], "port": ["S"]}

        with pytest.raises(StoreBusyError):
            store.predict(frames())


def test_rows_are_those_that_the_model_learned(tmp_path):
    with Store.create(tmp_path / "s", TextModel(MultinomialNB()), MESSAGES, target="kind") as store:
        rows = store.rows()
        assert rows.ids == [0, 1, 2, 3] and rows.X.tolist() == MESSAGES["text"] and rows.y.tolist() == MESSAGES["kind"]
        assert rows.sample_weight is None and store.rows(ids=[2, 0]).ids == [0, 2]
        assert store.rows(where="text like '%free%'").ids == [0, 3] and store.rows(where="kind = 'x'").ids == []
    table = NUMBERS | {"w": [float(i % 3) for i in range(N)]}
    with Store.create(tmp_path / "w", GaussianNB(), table, target="lived", id="id", weight="w") as store:
        rows = store.rows()
        assert rows.sample_weight.tolist() == table["w"] and rows.X[:, 0].tolist() == table["age"]
        model = clone(store.model).set_params(ledger=True).fit(rows.X, rows.y, sample_weight=rows.sample_weight)
        assert model.theta_.tobytes() == store.model.theta_.tobytes()
        assert np.isfinite(store.model_without(where="w = 0").theta_).all()


def test_models_are_shown_side_by_side(titanic):
    before = titanic.read_bytes()
    printed, _ = call("what-if", "t", "--where", "fare = 0")
    lines = printed.splitlines()
    assert lines[0] == "Without 9 of 90 rows (nothing is changed):" and lines[1].split() == [
        "with",
        "without",
        "change",
    ]
    numbers = told("what-if", "t", "--where", "fare = 0")
    assert (numbers["rows"], numbers["of"]) == (9, 90)
    with Store.open("t") as store:
        model, other = store.model, store.model_without(where="fare = 0")
        stay = store.rows(where="fare <> 0")
        names = model.encoded_names_.tolist() if hasattr(model.encoded_names_, "tolist") else list(model.encoded_names_)
        held = store.rows()
    assert numbers["numbers"]["score of the other rows"] == {
        "with": model.score(stay.X, stay.y), "without": other.score(stay.X, stay.y),
    }  # fmt: skip
    assert numbers["numbers"]["predictions that change"]["without"] == np.sum(
        model.predict(held.X) != other.predict(held.X)
    )
    for name, value in zip(names, model.coef_, strict=True):
        assert numbers["numbers"][f"coef_ {name}"]["with"] == value
    gone = numbers["numbers"]["coef_ port_only"]  # the category of one row, that is left out
    assert gone["without"] is None and gone["with"] is not None
    assert any(line.startswith("coef_ port_only") and len(line.split()) == 3 for line in lines)
    call("what-if", "t", "--where", "fare = 0", "--out", "saved.csv")
    with open("saved.csv", newline="") as file:
        saved = list(csv.DictReader(file))
    assert [row["number"] for row in saved] == [*numbers["numbers"]]
    assert float(saved[0]["with"]) == numbers["numbers"]["score of the other rows"]["with"]
    assert "a file saved.csv already" in call("what-if", "t", "--where", "fare = 0", "--out", "saved.csv", code=1)[1]
    assert titanic.read_bytes() == before


def test_predictions_are_shown_side_by_side(titanic):
    printed, _ = call("what-if", "t", "--ids", "-", "--predictions", given="p0\np11\n")
    rows = list(csv.reader(printed.splitlines()))
    with Store.open("t") as store:
        held, other = store.rows(), store.model_without(ids=["p0", "p11"])
        pairs = zip(held.ids, store.model.predict(held.X), other.predict(held.X), strict=True)
    assert rows == [["id", "with", "without"], *([id, str(a), str(b)] for id, a, b in pairs)]
    assert len(told("what-if", "t", "--where", "fare = 0", "--predictions")["predictions"]) == N


def test_attributes_are_named_by_class_and_feature(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Store.create("g", GaussianNB(), NUMBERS, target="lived", id="id") as store:
        theta = store.model_without(where="fare = 0").theta_
    found = told("what-if", "g", "--where", "fare = 0", "--attribute", "theta_", "--attribute", "class_prior_")
    assert found["numbers"]["theta_ 1 fare"]["without"] == theta[1, 1]
    assert [*found["numbers"]][-2:] == ["class_prior_ 0", "class_prior_ 1"]
    for wrong in ("nonsense", "_state", "predict", "classes_x"):
        trouble = call("what-if", "g", "--where", "fare = 0", "--attribute", wrong, code=2)[1]
        assert "made of numbers" in trouble
    with Store.create("t", TextModel(MultinomialNB()), MESSAGES, target="kind"):
        pass
    lines = call("what-if", "t", "--ids", "-", "--attribute", "feature_log_prob_", given="0\n")[0].splitlines()
    assert lines[-1].endswith("more numbers change less: --out FILE has them all.")


def test_what_if_of_values_and_booleans(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Store.create("r", Ridge(), NUMBERS, target="fare", id="id"):
        pass
    found = told("what-if", "r", "--ids", "-", given="p3\n")["numbers"]  # R^2 of one row is undefined
    assert "score of these rows" not in found and found["largest change of a prediction"]["without"] > 0
    table = {"age": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "ok": [True, True, False, False, True, False]}
    with Store.create("b", MixedNB(), table, target="ok"):
        pass
    printed = call("what-if", "b", "--where", "age = 5", "--predictions")[0]
    assert printed.splitlines()[1] == "0,True,True"


def test_models_of_two_days_are_not_compared(titanic, monkeypatch):
    asked, going = Store.model_without, ["p1"]

    def meanwhile(store, **named):
        if going:
            with Store.open(titanic) as other:
                other.forget(ids=[going.pop()])
        return asked(store, **named)

    monkeypatch.setattr(Store, "model_without", meanwhile)
    found = told("what-if", "t", "--where", "fare = 0")
    assert found["of"] == N - 1 and found == told("what-if", "t", "--where", "fare = 0")
    going += ["p11"]  # one of those to leave out
    assert told("what-if", "t", "--where", "fare = 0")["rows"] == found["rows"] - 1
    going += ["p12"]
    assert "No row has the id" in call("what-if", "t", "--ids", "-", given="p12\n", code=1)[1]
    going += [f"p{i}" for i in range(70, 76)]
    assert "Another process" in call("what-if", "t", "--where", "fare = 0", code=1)[1]
    assert len(going) == 1


def test_numbers_that_json_does_not_know(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    counts = {"a": [1.0, 0.0, 2.0, 0.0, 1.0], "b": [0.0, 3.0, 0.0, 1.0, 0.0], "y": [0, 1, 0, 1, 0]}
    with Store.create("n", MultinomialNB(alpha=0.0), counts, target="y"):
        pass
    printed = call("what-if", "n", "--ids", "-", "--attribute", "feature_log_prob_", "--json", given="2\n")[0]

    def refuse(name):
        raise AssertionError(name)

    numbers = json.loads(printed, parse_constant=refuse)["numbers"]
    assert numbers["feature_log_prob_ 0 b"] == {"with": None, "without": None}
    assert numbers["feature_log_prob_ 0 a"] == {"with": 0.0, "without": 0.0}


def test_wrong_calls_of_what_if(titanic):
    assert "either --where or --ids" in call("what-if", "t", code=2)[1]
    assert "No row fulfils" in call("what-if", "t", "--where", "fare = -1", code=1)[1]
    assert "no such column" in call("what-if", "t", "--where", "fares = 0", code=1)[1]
    assert "No row has the id" in call("what-if", "t", "--ids", "-", given="nobody\n", code=1)[1]
    assert call("what-if", "t", "--where", "true", code=1)[1]  # a model of no rows has no answers
    with Store.create("e", EASE(), {"user": ["a", "b", "b"], "item": ["x", "x", "y"]}):
        pass
    assert "store of EASE" in call("what-if", "e", "--where", "user = 'a'", code=1)[1]
    with Store.open("e") as store:
        assert store.model_without(users=["a"]).users_.tolist() == ["b"] and len(store) == 3


def test_suspects_are_ranked_with_ids_and_suggestions(titanic):
    from sqlearn.inspection import suspects

    before = titanic.read_bytes()
    printed, _ = call("suspects", "t", "--top", "3")
    with Store.open("t") as store:
        rows = store.rows()
        found = suspects(clone(store.model).set_params(ledger=True).fit(rows.X, rows.y), rows.X, rows.y)
    wanted = [[rows.ids[i], int(found.given[i]), int(found.label[i]), float(found.score[i])] for i in found.order]
    head = ["id", "lived", "suggested lived", "score"]
    assert list(csv.reader(printed.splitlines())) == [head, *([*map(str, line)] for line in wanted[:3])]
    call("suspects", "t", "--out", "saved.csv")
    with open("saved.csv", newline="") as file:
        assert len(list(csv.reader(file))) == 1 + N
    assert told("suspects", "t")["suspects"] == [dict(zip(head, line, strict=True)) for line in wanted[:20]]
    assert "--top" in call("suspects", "t", "--top", "0", code=2)[1]
    assert titanic.read_bytes() == before


def test_suspects_of_weights_booleans_and_several_targets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ages = [1.0, 2.0, 3.0, 2.5, 10.0, 11.0, 12.0, 10.5, 11.5]
    table = {"age": ages, "ok": [True] * 4 + [False] * 4 + [True], "w": [1.0] * 8 + [0.5]}
    with Store.create("b", GaussianNB(), table, target="ok", weight="w"):
        pass
    lines = call("suspects", "b")[0].splitlines()
    assert lines[0] == "id,ok,suggested ok,score" and lines[1].startswith("8,True,False,")
    table = {"x": [0.0, 1.0, 2.0, 3.0], "a": [0.0, 1.0, 2.0, 9.0], "b": [0.0, 1.0, 2.0, 3.0]}
    with Store.create("r", Ridge(), table, target=["a", "b"]):
        pass
    found = told("suspects", "r", "--top", "1")["suspects"][0]
    assert (
        [*found] == ["id", "a", "b", "suggested a", "suggested b", "score"] and found["id"] == 3 and found["a"] == 9.0
    )
    with Store.create("only", GaussianNB(), {"x": [0.0, 1.0, 5.0], "y": [0, 0, 1]}, target="y"):
        pass
    assert told("suspects", "only")["suspects"][0]["score"] is None  # the only row of its class


def test_stores_that_have_no_suspects(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Store.create("c", EmpiricalCovariance(), {"x": [0.0, 1.0, 5.0], "y": [0.0, 2.0, 1.0]}):
        pass
    with Store.create("e", EASE(), {"user": ["a", "b", "b"], "item": ["x", "x", "y"]}):
        pass
    for path in "ce":
        assert "neither labels nor targets" in call("suspects", path, code=1)[1]
