"""The examples in docstrings of public modules run, and every public function and method of a store has one."""

import doctest
import inspect
from importlib import import_module
from pathlib import Path

import pytest

from sqlearn import Store

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "sqlearn"
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = [name for path in sorted(PACKAGE.rglob("*.py")) if "engine" not in path.parts
           and "__main__" not in (name := name_of(path))]  # fmt: skip
MODULES += [f"sqlearn.engine.model.{name}" for name in ("estimator", "predictions", "verbs")]  # of every learner
VERBS = [name for name, _ in inspect.getmembers(Store, callable) if not name.startswith("_")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = import_module(name)
    messages: list[str] = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS, verbose=False)
    for example in doctest.DocTestFinder(exclude_empty=True).find(module):
        runner.run(example, out=messages.append)
    assert not runner.failures, "".join(messages)


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_of_a_store_are_documented(verb):
    method = getattr(Store, verb)
    doc, signature = inspect.getdoc(method), inspect.signature(method)
    assert ">>> " in doc
    if [parameter for parameter in signature.parameters if parameter != "self"]:
        assert "Parameters\n----------\n" in doc
    if signature.return_annotation is not None:
        assert "Returns\n-------\n" in doc
