"""pytest plugin: run scikit-learn's own tests on sqlearn's classes.

While a test module of scikit-learn is imported, and while its tests run, each class of sqlearn stands in scikit-learn's
public module of the same name: ``sklearn.linear_model.Ridge`` is ``sqlearn.linear_model.Ridge``. All modules of both
libraries are imported before, so they keep the originals. Test modules that use none of the classes are not collected.

A failure that ``allowed.txt`` does not list fails the run. In that file a reason, after ``#``, stands above the tests
that may fail for it; a name that ends in ``*`` stands for all tests whose names begin so. Entries that no failing test
needs are reported at the end. Names are relative to scikit-learn's folder, which must be pytest's ``--rootdir``.
"""

import ast
import functools
import importlib
import pkgutil
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

import pytest
import sklearn
from sklearn.utils.discovery import all_estimators

import sqlearn

HOME = Path(sklearn.__file__).parent
ALLOWED = Path(__file__).with_name("allowed.txt")


def _classes() -> dict[str, dict[str, type]]:
    """sqlearn's classes under the names that scikit-learn's public modules have too, by module."""
    found = defaultdict(dict)
    for module in pkgutil.iter_modules(sqlearn.__path__):
        if not list(HOME.glob(f"{module.name}.py")) + list(HOME.glob(f"{module.name}/__init__.py")):
            continue
        ours, theirs = (importlib.import_module(f"{package}.{module.name}") for package in ("sqlearn", "sklearn"))
        for name in ours.__all__:
            if isinstance(getattr(theirs, name, None), type):
                found[module.name][name] = getattr(ours, name)
    return dict(found)


all_estimators()  # imports all modules of scikit-learn except the next one
importlib.import_module("sklearn.utils.estimator_checks")
CLASSES = _classes()


def their_estimators(type_filter=None):
    """scikit-learn's function without the classes that it finds in its own modules meanwhile."""
    return [pair for pair in all_estimators(type_filter) if not pair[1].__module__.startswith("sqlearn.")]


@contextmanager
def swapped():
    """Have sqlearn's classes in scikit-learn's public modules."""
    with ExitStack() as stack:
        for module in ("sklearn.utils", "sklearn.utils.discovery"):
            stack.enter_context(mock.patch(f"{module}.all_estimators", their_estimators))
        for module, classes in CLASSES.items():
            stack.enter_context(mock.patch.multiple(f"sklearn.{module}", **classes))
        yield


def uses_classes(path: Path) -> bool:
    """Whether a test module imports one of the classes, or a public module that has some."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            known = CLASSES if module == "sklearn" else CLASSES.get(module.removeprefix("sklearn."), {})
            if any(alias.name in known for alias in node.names):
                return True
    return False


class AllowList:
    """The entries of ``allowed.txt``: their reasons."""

    def __init__(self, text: str):
        self.reasons: dict[str, str] = {}
        reason = ""
        for line in filter(None, text.splitlines()):
            if line.startswith("# "):
                reason = line.removeprefix("# ")
            else:
                self.reasons[line] = reason
        self.prefixes = tuple(entry[:-1] for entry in self.reasons if entry.endswith("*"))

    def entry(self, test: str) -> str | None:
        """The entry that covers a test."""
        if test in self.reasons:
            return test
        return next((f"{prefix}*" for prefix in self.prefixes if test.startswith(prefix)), None)


@functools.cache
def allow_list() -> AllowList:
    return AllowList(ALLOWED.read_text(encoding="utf-8"))


def pytest_report_header():
    count, entries = sum(map(len, CLASSES.values())), len(allow_list().reasons)
    return f"scikit-learn {sklearn.__version__} with {count} classes of sqlearn's; {ALLOWED.name} has {entries} entries"


def pytest_ignore_collect(collection_path):
    if collection_path.match("test_*.py") and not uses_classes(collection_path):
        return True
    return None  # others decide


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    with swapped():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol():
    with swapped():
        return (yield)


def pytest_collection_modifyitems(items):
    allowed = allow_list()
    for item in items:
        entry = allowed.entry(item.nodeid)
        if entry:
            item.add_marker(pytest.mark.xfail(reason=allowed.reasons[entry], strict=False))


def pytest_terminal_summary(terminalreporter, config):
    if config.option.keyword or any("::" in argument for argument in config.args):
        return  # not all tests of an entry have run
    allowed, modules, outcomes = allow_list(), set(), defaultdict(set)
    for outcome, reports in terminalreporter.stats.items():
        for report in reports if outcome else []:  # without one: what was set up and torn down
            if "::" in getattr(report, "nodeid", ""):
                modules.add(report.nodeid.partition("::")[0])
                outcomes[allowed.entry(report.nodeid)].add(outcome)
    unneeded = [
        entry
        for entry in allowed.reasons
        if entry.partition("::")[0] in modules and not outcomes[entry] & {"xfailed", "failed", "error"}
    ]
    if unneeded:
        terminalreporter.section(f"Entries of {ALLOWED.name} that can go")
        for entry in unneeded:
            terminalreporter.write_line(f"{entry} ({', '.join(sorted(outcomes[entry])) or 'no such test'})")
