"""Docstrings: examples of public modules run, verbs of a store have one, and references lead somewhere."""

import ast
import doctest
import inspect
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module

import pytest

from sources import PATHS, by_module, module_name, tree_of
from sqlearn import Store

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


MODULES = [name for path in PATHS if "engine" not in path.parts
           and "__main__" not in (name := module_name(path))]  # fmt: skip
MODULES += [f"sqlearn.engine.model.{name}" for name in ("estimator", "predictions", "verbs")]  # of every learner
SOURCES = [path for path in PATHS if path.name != "__main__.py"]
REFERENCE = re.compile(r":(mod|class|func|meth|attr|data|exc):`([^`]+)`")
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


def documented(node: ast.AST, inside: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every docstring under a node, with the names of the classes that it is inside of."""
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
        inside = (*inside, node.name) if isinstance(node, ast.ClassDef) else inside
        yield ast.get_docstring(node) or "", inside
    for child in ast.iter_child_nodes(node):
        yield from documented(child, inside)


@cache
def own_attributes(kind: type) -> set[str]:
    """The attributes that a class or one of its bases annotates, or sets in a method."""
    found = {name for base in kind.__mro__ for name in getattr(base, "__annotations__", ())}
    return found.union(*(set_in(base) for base in kind.__mro__ if base.__module__.split(".")[0] == "sqlearn"))


@cache
def set_in(kind: type) -> set[str]:
    """The attributes that a method of this class itself sets; to find a class's source takes milliseconds."""
    source = inspect.getsource(kind)
    return {*re.findall(r"\bself\.(\w+)(?:: [^=\n]+)? = ", source), *re.findall(r"\bself\.(\w+), ", source)}


def has(owner: object, name: str) -> bool:
    """Whether an object has an attribute, or its instances do if it is a class."""
    return hasattr(owner, name) or (inspect.isclass(owner) and name in own_attributes(owner))


def leads_somewhere(target: str, module: str, inside: tuple[str, ...]) -> bool:
    """Whether a reference in a docstring of this module, inside of these classes, names what there is.

    A function or a class is to be named by the module that defines it, or by a package that offers it; a short name is
    one of the class, of the module or of its package, as the reference shows learners under their packages.
    """
    if not target.startswith("sqlearn"):
        owner: object = import_module(module)
        classes = [owner := getattr(owner, name) for name in inside]
        around = [import_module(name) for name in (module, module.rpartition(".")[0] or module)]
        first, *rest = target.split(".")
        found = next((kind for kind in [*reversed(classes), *around] if has(kind, first)), None)
        return found is not None and (not rest or has(getattr(found, first), ".".join(rest)))
    parts = target.split(".")
    for n in range(len(parts), 0, -1):
        try:
            thing: object = import_module(".".join(parts[:n]))
        except ModuleNotFoundError:
            continue
        for name in parts[n:-1]:
            thing = getattr(thing, name, None)
        if n == len(parts):
            return True
        package = hasattr(import_module(".".join(parts[:n])), "__path__")
        last = getattr(thing, parts[-1], None)
        own = package or n < len(parts) - 1 or getattr(last, "__module__", ".".join(parts[:n])) == ".".join(parts[:n])
        return has(thing, parts[-1]) and own
    return False


def test_references_lead_somewhere():
    def lost(path):
        found = [(match[2].lstrip("~").removesuffix("()"), inside)
                 for text, inside in documented(tree_of(path))
                 for match in REFERENCE.finditer(text)]  # fmt: skip
        found = [(target, inside) for target, inside in found if not re.match(r"(sklearn|numpy|scipy)\.", target)]
        return [target for target, inside in found if not leads_somewhere(target, module_name(path), inside)]

    assert not by_module(lost, SOURCES)
