"""Calls with wrong arguments: each public method of a store, and each command, says what to write instead."""

import ast
import inspect
import time

import numpy as np
import pytest
from click.testing import CliRunner

from sqlearn import Store, cli
from sqlearn.commands import COMMANDS
from sqlearn.errors import TableError
from sqlearn.naive_bayes import GaussianNB

METHODS = sorted(
    name
    for name, member in inspect.getmembers_static(Store)
    if (not name.startswith("_") or name == "__init__") and not isinstance(member, property)
    if callable(getattr(Store, name))
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    table = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": ["yes", "no", "no"]}
    path = tmp_path_factory.mktemp("calls") / "people.sqlearn"
    with Store.create(path, GaussianNB(), table, target="buys", id="person", suppress=True) as store:
        yield store


@pytest.mark.parametrize("name", METHODS)
def test_what_a_method_advises_fits_it(name):
    ways = getattr(Store, name).ways
    assert ways
    for way in ways:
        call = ast.parse(way, mode="eval").body
        assert isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
        method = getattr(Store, call.func.attr)
        bound = inspect.ismethod(method)  # a method of the class
        arguments = [None] * (len(call.args) + (not bound))
        inspect.signature(method).bind(*arguments, **{keyword.arg: None for keyword in call.keywords})


@pytest.mark.parametrize("name", [name for name in METHODS if name not in ("__init__", "create", "open")])
def test_wrong_arguments_are_told_the_right_ones(name, store):
    digest = store.digest()
    method = getattr(store, name)
    for arguments, named in ((range(9), {}), ((), {"X": 1})):
        with pytest.raises(TypeError, match="Nothing was done") as caught:
            method(*arguments, **named)
        assert all(way in str(caught.value) for way in method.ways)
    assert store.digest() == digest


def test_an_id_without_its_name(store):
    with pytest.raises(TypeError, match=r"write store\.forget\(ids=\.\.\.\) or store\.forget\(where=\.\.\.\)"):
        store.forget("ann")
    for make in (Store, Store.open, Store.create):
        with pytest.raises(TypeError, match=r"write Store\.(open|create)\("):
            make()
    assert store.ids() == ["ann", "bob", "cid"]


def test_an_error_of_the_call_itself_is_not_one_of_its_arguments(store):
    def frames():
        yield time.time(1)  # a TypeError of the caller's own

    with pytest.raises(TypeError, match=r"time\(\) takes no arguments|time\.time\(\)"):
        store.learn(frames())


def test_a_row_of_single_values(store):
    with pytest.raises(TableError, match="not a sequence of single values"):
        store.predict({"age": 41.0})


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_command_shows_how_to_call_it(command):
    """In its help, and before an error: its arguments and the options that it needs."""
    needed = [parameter for parameter in command.params if parameter.required]
    names = [parameter.opts[0] for parameter in needed if parameter.param_type_name == "option"]
    names += [parameter.make_metavar(command.make_context("x", [], resilient_parsing=True)) for parameter in needed]
    for arguments in (["--help"], ["no such file", *"abcdefgh"]):
        result = CliRunner().invoke(cli.sqlearn, [command.name, *arguments])
        assert result.exit_code == (0 if "--help" in arguments else 2)
        for way in command.ways:
            usage = " ".join(result.output.split())
            assert f"sqlearn {command.name} {way}" in usage
            assert all(name in way for name in names)


def test_ids_beside_their_option(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli.sqlearn, ["forget", str(store.path), "--ids", "ann", "--yes"])
    assert result.exit_code == 2 and "a file with one id per line, not the ids themselves" in result.output
    assert store.ids() == ["ann", "bob", "cid"]


def test_names_in_an_array_without_dimensions(tmp_path):
    table = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": ["yes", "no", "no"]}
    path = tmp_path / "people.sqlearn"
    with pytest.raises(TableError, match="must name columns by text"):
        Store.create(path, GaussianNB(), table, target=np.array(1.0), id="person")
    with Store.create(path, GaussianNB(), table, target=np.array("buys"), id="person") as store:
        assert store.relabel(ids=np.array("bob"), to=np.array("yes")).count == 1
