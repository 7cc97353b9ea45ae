"""Errors as programs read them: classes, reasons, fields, and old names."""

import ast
import copy
import pickle
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import sqlearn
from sqlearn import Store, errors
from sqlearn.compose import TableModel
from sqlearn.linear_model import LogisticRegression, Ridge
from sqlearn.naive_bayes import CategoricalNB, GaussianNB, MixedNB, MultinomialNB
from sqlearn.old_errors import MERGED
from sqlearn.table_files.files import TableFile

KINDS = [getattr(errors, name) for name in errors.__all__]
SOURCES = sorted(Path(sqlearn.__file__).parent.rglob("*.py"))


def made(path):
    """Every call in a module that makes an error of this package: the class's name, the reasons given, the line."""
    tree = ast.parse(path.read_text())
    names = {*errors.__all__, "_SingularCovariance"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            reason = next((word.value for word in node.keywords if word.arg == "reason"), None)
            choices = [reason.body, reason.orelse] if isinstance(reason, ast.IfExp) else [reason]
            yield node.func.id, [choice and ast.literal_eval(choice) for choice in choices], node.lineno


def reasons_of(name):
    return errors.UndefinedAttributeError.reasons if name == "_SingularCovariance" else getattr(errors, name).reasons


def test_every_raise_site_gives_a_listed_reason():
    count, used = 0, set()
    for path in SOURCES:
        for name, given, line in made(path):
            for reason in given:
                where = f"{path}:{line}: {name}, reason={reason!r}"
                assert reason in reasons_of(name) if reasons_of(name) else reason is None, where
                used.add((name, reason))
            count += 1
    assert count > 150
    listed = {(kind.__name__, reason) for kind in KINDS for reason in kind.reasons}
    used.add(("MergeError", "label"))  # where the class is an argument
    used |= {("UndefinedAttributeError", reason) for name, reason in used if name == "_SingularCovariance"}
    assert listed <= used


def test_the_classes_are_few_and_list_their_reasons():
    assert len(errors.__all__) <= 22
    for kind in KINDS:
        assert issubclass(kind, errors.SqlearnError) and kind is getattr(sqlearn, kind.__name__)
        for reason in kind.reasons:
            assert f'``"{reason}"``' in kind.__doc__, (kind, reason)


def test_a_reason_that_is_not_listed_is_refused():
    with pytest.raises(AssertionError, match="not a reason of ShapeError"):
        errors.ShapeError("text", reason="wieght")
    with pytest.raises(AssertionError):
        errors.StoreBusyError("text", reason="full")


@pytest.mark.parametrize("kind", KINDS)
def test_fields_survive_pickling_and_copying(kind):
    fields = {"row": 3, "column": "age", "value": float("inf"), "reason": (*kind.reasons, None)[0]}
    if kind is errors.TableError:
        fields["line"] = 7
    error = kind("Row 3 is wrong.", **fields)
    error.add_note("a note")
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for twin in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error), copy.deepcopy(error)):
            assert type(twin) is kind and str(twin) == "Row 3 is wrong." and twin.args == error.args
            assert {name: getattr(twin, name) for name in fields} == fields and twin.__notes__ == ["a note"]


def test_values_are_kept_if_they_can_be_pickled():
    for value in (None, 0.5, "x", b"x", 10**400):
        assert errors.SqlearnError("text", value=value).value == value
    error = pickle.loads(pickle.dumps(errors.SqlearnError("text", value=lambda: None)))
    assert error.value.startswith("<function")


@pytest.mark.parametrize("name", sorted(MERGED))
def test_old_names_warn_and_are_the_merged_class(name):
    new, *reasons = MERGED[name]
    kind = getattr(errors, new)
    assert name not in errors.__all__ and set(reasons) <= set(kind.reasons)
    for module in (errors, sqlearn):
        with pytest.warns(DeprecationWarning, match=f"{name} was merged into {kind.__name__}") as caught:
            assert getattr(module, name) is kind
        assert caught[0].filename == __file__
        assert all(reason in str(caught[0].message) for reason in reasons)


def test_names_that_never_were():
    for module in (errors, sqlearn):
        with pytest.raises(AttributeError, match="NoSuchError"):
            module.NoSuchError  # noqa: B018


X = np.arange(12.0).reshape(6, 2)
Y = np.array([0, 0, 1, 1, 0, 1])


def with_(row, column, value):
    """X, as objects, with another value in a cell."""
    table = X.astype(object)
    table[row, column] = value
    return table


@pytest.mark.parametrize(
    "call, fields",
    [
        (lambda: GaussianNB().fit(with_(3, 1, np.nan).astype(float), Y), (3, 1, None, "not finite")),
        (lambda: MultinomialNB().fit(sp.csr_array(with_(3, 1, np.inf).astype(float)), Y), (3, 1, np.inf, "not finite")),
        (lambda: GaussianNB().fit(with_(3, 1, 10**400), Y), (3, 1, 10**400, "not finite")),
        (lambda: GaussianNB().fit(np.ma.masked_equal(X, 5.0), Y), (2, 1, None, "not finite")),
        (lambda: GaussianNB().fit(with_(3, 1, "x"), Y), (3, 1, "x", "not numeric")),
        (lambda: GaussianNB().fit(X.tolist()[:5] + [[1.0]], Y), (5, None, None, "shape")),
        (lambda: GaussianNB().fit(X, ["a", "b", "a", 1, "b", "a"]), (3, None, 1, "label")),
        (lambda: GaussianNB().fit(X, Y, [1, 1, -2.0, 1, 1, 1]), (2, None, -2.0, "weight")),
        (lambda: GaussianNB().fit(X, Y, np.array([1, "x", 1, 1, 1, 1], object)), (1, None, "x", "weight")),
        (lambda: GaussianNB().fit(X, Y).partial_fit(X[:, :1], Y), (None, None, None, "columns")),
        (lambda: GaussianNB().fit(X[:0], Y[:0]), (None, None, None, "empty")),
        (lambda: GaussianNB().fit(X), (None, None, None, "no target")),
        (lambda: GaussianNB().fit(X, Y).forget(X + (np.arange(6) == 4)[:, None], Y), (4, None, None, None)),
        (lambda: GaussianNB().fit(X, Y).forget(X, [0, 0, 7, 1, 0, 1]), (2, None, 7, None)),
        (lambda: MultinomialNB().fit(with_(4, 0, -1.0).astype(float), Y), (4, 0, -1.0, "negative")),
        (lambda: CategoricalNB().fit(with_(4, 0, 0.5).astype(float), Y), (4, 0, 0.5, "not an integer")),
        (
            lambda: MixedNB().fit(pd.DataFrame(with_(4, 0, np.inf), columns=["a", "b"]), Y),
            (4, "a", np.inf, "not finite"),
        ),
        (lambda: LogisticRegression().fit(with_(4, 1, -1e200).astype(float), Y), (4, 1, -1e200, "out of range")),
        (
            lambda: LogisticRegression().fit(sp.csr_array(with_(4, 1, 1e200).astype(float)), Y),
            (4, 1, 1e200, "out of range"),
        ),
        (
            lambda: TableModel(LogisticRegression()).fit(
                pd.DataFrame({"c": list("uvuvuv"), "a": X[:, 0], "b": [0.0, 1.0, np.nan, -1e200, 2.0, 3.0]}), Y
            ),
            (3, "b", -1e200, "out of range"),
        ),
        (lambda: Ridge().fit(X, ["x", *Y[1:]]), (0, None, "x", "not numeric")),
    ],
)
def test_fields_name_the_first_fault(call, fields):
    with pytest.raises(errors.SqlearnError) as caught:
        call()
    error = caught.value
    found = (error.row, error.column, error.value, error.reason)
    assert found[:2] == fields[:2] and found[3] == fields[3], (found, str(error))
    assert found[2] == fields[2] or np.isnan(found[2]), (found, str(error))
    assert error.row is None or re.search(rf"[Rr]ow {error.row}\b", str(error))


def test_fields_of_stores_and_files(tmp_path):
    with pytest.raises(errors.StoreError) as caught:
        Store.open(tmp_path / "none")
    assert caught.value.reason == "missing"
    table = {"a": [0.0, 1.0, 2.0], "y": [0, 1, 0], "id": ["u", "v", "w"]}
    with Store.create(tmp_path / "s", GaussianNB(), table, target="y", id="id") as store:
        with pytest.raises(errors.InvalidValueError) as caught:
            store.learn({"a": [1.0, "x"], "y": [0, 1], "id": ["x", "z"]})
        assert (caught.value.row, caught.value.column, caught.value.value) == (1, "a", "x")
        with pytest.raises(errors.UnknownIdError) as caught:
            store.forget(ids=["u", "nobody"])
        assert caught.value.value == "nobody" and caught.value.reason is None
        with pytest.raises(errors.DuplicateIdError) as caught:
            store.learn({"a": [1.0], "y": [0], "id": ["v"]})
        assert caught.value.value == "v"
    (tmp_path / "t.csv").write_text("a,b\n1,2\n\n3,x\n")
    pytest.importorskip("pyarrow")
    with pytest.raises(errors.TableError) as caught:
        list(TableFile(tmp_path / "t.csv", kinds={"b": "number"}))
    error = caught.value
    assert (error.reason, error.line, error.column, error.value) == ("file", 4, "b", "x"), vars(error)
