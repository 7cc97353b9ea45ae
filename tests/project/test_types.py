"""The public layer has types: every public function and method annotates what it takes and what it returns."""

import ast
from collections.abc import Iterator

from sources import PACKAGE, PATHS, by_module, tree_of


def is_public(name: str) -> bool:
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """Public functions, and public methods of public classes, by their names."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and is_public(node.name):
            if isinstance(node, ast.ClassDef):
                yield from functions(node, f"{prefix}{node.name}.")
            else:
                yield prefix + node.name, node


def without_type(function: ast.FunctionDef) -> list[str]:
    """What a function does not annotate: parameters and, by the name "return", the result."""
    arguments = function.args
    several = [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
    taken = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *several]
    missing = [one.arg for one in taken if one.annotation is None and one.arg not in ("self", "cls")]
    return missing + ["return"] * (function.returns is None)


def test_public_functions_are_annotated():
    def lacking(path):
        return [f"{name}: {missing}" for name, function in functions(tree_of(path))
                if (missing := without_type(function))]  # fmt: skip

    assert not by_module(lacking, [path for path in PATHS if not path.is_relative_to(PACKAGE / "engine")])


def test_what_is_not_annotated_is_found():
    tree = ast.parse(
        "class A:\n def f(self, a, *b, c: int, **d): ...\n def _g(self, x): ...\nclass _B:\n def f(x): ..."
    )
    assert [(name, without_type(function)) for name, function in functions(tree)] == [
        ("A.f", ["a", "b", "d", "return"])
    ]


def test_type_checkers_see_the_types():
    assert (PACKAGE / "py.typed").is_file()
