"""Errors as programs read them: classes, reasons, fields, and old names."""

import ast
import copy
import pickle
from pathlib import Path

import pytest

import sqlearn
from sqlearn import errors

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


@pytest.mark.parametrize("name", sorted(errors.MERGED))
def test_old_names_warn_and_are_the_merged_class(name):
    kind, *reasons = errors.MERGED[name]
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
