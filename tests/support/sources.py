"""The sources of the package, parsed once per process for all tests that look at them."""

import ast
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "sqlearn"
PATHS = sorted(PACKAGE.rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(path.read_text("utf-8"))


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    """All nodes of a module."""
    return list(ast.walk(tree_of(path)))


def module_name(path: Path) -> str:
    """The dotted name of the module that is in this file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def by_module(find: Callable[[Path], Iterable], paths: Iterable[Path] = PATHS) -> dict[str, list]:
    """What `find` finds in each module, of the modules in which it finds anything."""
    return {module_name(path): found for path in paths if (found := list(find(path)))}
