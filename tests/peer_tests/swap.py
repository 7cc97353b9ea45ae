"""pytest plugin: run scikit-learn's own tests on sqlearn's classes.

While a test module of scikit-learn is imported, and while its tests run, each class of sqlearn stands in scikit-learn's
public module of the same name: ``sklearn.linear_model.Ridge`` is ``sqlearn.linear_model.Ridge``. All modules of both
libraries are imported before, so they keep the originals. Test modules that use none of the classes are not collected.

Tests of pipelines have steps of their own and scikit-learn's, which cannot forget. A Pipeline, ColumnTransformer or
FeatureUnion of such steps keeps its records here (``keep_records=True``), where it would refuse them otherwise; all
else about it is as it is.

A failure that ``allowed.txt`` does not list fails the run. In that file a reason, after ``#``, stands above the tests
that may fail for it; a name that ends in ``*`` stands for all tests whose names begin so. Entries that no failing test
needs are reported at the end. Names are relative to scikit-learn's folder, which must be pytest's ``--rootdir``.

sqlearn's own modules see copies of scikit-learn's modules, so that what they look up there is scikit-learn's.

Where tests of models of parts and of choices use what these refuse, and mean what they take, they get what means the
same (``SAME_MEANING``): parts that might draw random numbers draw them from the seed 0; folds by position are hashed
folds; and a function inside a test stands for one at the top of a module.
"""

import ast
import functools
import importlib
import pkgutil
import sys
import types
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import sklearn
from sklearn.utils.discovery import all_estimators

import sqlearn
import sqlearn.model_selection
from sqlearn.engine.model import checked_params
from sqlearn.errors import ParameterError
from sqlearn.model_selection import HashedKFold

HOME = Path(sklearn.__file__).parent
ALLOWED = Path(__file__).with_name("allowed.txt")


MAKERS = {"make_column_transformer": "ColumnTransformer", "make_pipeline": "Pipeline", "make_union": "FeatureUnion"}


def keeping(kind: type) -> type:
    """The class, with instances that keep their records where what they are made of cannot forget without."""

    class Keeping(kind):
        def _planned(self):
            if "_keeps" not in vars(self):
                try:
                    return super()._planned()
                except ParameterError:
                    pass
            params = checked_params(self) | {"keep_records": True, "ledger": True}
            self._check_supported_params(params)
            return self._plan(params)

        def _started(self, *args, **kwargs):
            vars(self).pop("_keeps", None)
            try:
                return super()._started(*args, **kwargs)
            except ParameterError:
                vars(self)["_keeps"] = True
                return super()._started(*args, **kwargs)

    Keeping.__name__ = Keeping.__qualname__ = kind.__name__
    Keeping.__module__ = __name__
    globals()[kind.__name__] = Keeping  # where pickle looks for it
    return Keeping


def maker(function: Callable[..., Any], kind: type) -> Callable[..., Any]:
    """A function that makes estimators by calling one of the classes, with another in its place."""

    @functools.wraps(function)
    def made(*args, **kwargs):
        return kind(**function(*args, **kwargs).get_params(deep=False))

    return made


def _classes() -> dict[str, dict[str, Any]]:
    """sqlearn's classes under the names that scikit-learn's public modules have too, by module; and some functions."""
    found = defaultdict(dict)
    for module in pkgutil.iter_modules(sqlearn.__path__):
        if not list(HOME.glob(f"{module.name}.py")) + list(HOME.glob(f"{module.name}/__init__.py")):
            continue
        ours, theirs = (importlib.import_module(f"{package}.{module.name}") for package in ("sqlearn", "sklearn"))
        for name in ours.__all__:
            own, wholes = getattr(ours, name), MAKERS.values()
            if isinstance(getattr(theirs, name, None), type):
                found[module.name][name] = keeping(own) if name in wholes else own
        for name in MAKERS.keys() & {*ours.__all__}:
            found[module.name][name] = maker(getattr(ours, name), found[module.name][MAKERS[name]])
    return dict(found)


all_estimators()  # imports all modules of scikit-learn except the next one
importlib.import_module("sklearn.utils.estimator_checks")
CLASSES = _classes()
# functions that stand there too, while a file runs that tests them
FUNCTIONS = {
    "tests/test_calibration.py": ("cross_val_predict",),
    "model_selection/tests/test_validation.py": ("cross_val_predict", "cross_val_score", "cross_validate"),
}


def _keep_originals() -> None:
    """Give sqlearn's modules copies of the modules of scikit-learn that they look classes up in while they run."""
    copies = {}
    for name in CLASSES:
        theirs = sys.modules[f"sklearn.{name}"]
        copies[id(theirs)] = types.ModuleType(theirs.__name__)
        vars(copies[id(theirs)]).update(vars(theirs))
    for module in pkgutil.walk_packages(sqlearn.__path__, "sqlearn."):
        if module.name.endswith("__main__"):
            continue
        ours = vars(importlib.import_module(module.name))
        ours.update({name: copies[id(value)] for name, value in ours.items() if id(value) in copies})


_keep_originals()


# modules of tests whose folds by position mean no more than folds
ANY_FOLDS = {
    "ensemble/tests/test_stacking.py",
    "linear_model/tests/test_coordinate_descent.py",
    "linear_model/tests/test_logistic.py",
    "linear_model/tests/test_ridge.py",
    "model_selection/tests/test_search.py",
    "tests/test_calibration.py",
}
SPLITTERS = ("KFold", "StratifiedKFold")


class AnyFolds(HashedKFold):
    """Hashed folds that are asked for as folds by position are."""

    def __init__(self, n_splits=5, *, shuffle=False, random_state=None, key=None):
        super().__init__(n_splits, key=key)
        self.shuffle, self.random_state = False, None


def seeded(part, owner):
    """Seed a part that might draw random numbers, instead of refusing it."""
    for name, value in part.get_params(deep=True).items():
        if name.rpartition("__")[2] == "random_state" and not isinstance(value, int):
            part.set_params(**{name: 0})


def seed_given(params, whose):
    """Seed a search, instead of refusing it."""
    if not isinstance(params["random_state"], int):
        params["random_state"] = 0


SAME_MEANING = {
    "sqlearn.engine.parts.composite.refuse_unseeded": seeded,
    "sqlearn.compose.chains.plain_steps.refuse_unseeded": seeded,
    "sqlearn.model_selection.search.check_seed": seed_given,
    "sqlearn.engine.parts.composite.refuse_untold": lambda params: None,
    "sqlearn.linear_model.logistic_choice.refuse_untold": lambda params: None,
    "sqlearn.compose.chains.lazy_chain.refuse_untold": lambda params: None,
}


def their_estimators(type_filter=None):
    """scikit-learn's function without the classes that it finds in its own modules meanwhile."""
    return [pair for pair in all_estimators(type_filter) if not pair[1].__module__.startswith("sqlearn.")]


@contextmanager
def swapped(path: Path):
    """Have sqlearn's classes in scikit-learn's public modules while something of this file runs."""
    with ExitStack() as stack:
        for name, instead in SAME_MEANING.items():
            stack.enter_context(mock.patch(name, instead))
        file = path.relative_to(HOME).as_posix() if path.is_relative_to(HOME) else ""
        others = dict.fromkeys(SPLITTERS, AnyFolds) if file in ANY_FOLDS else {}
        others |= {name: getattr(sqlearn.model_selection, name) for name in FUNCTIONS.get(file, ())}
        if others:
            stack.enter_context(mock.patch.multiple("sklearn.model_selection", **others))
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
def pytest_make_collect_report(collector):
    with swapped(collector.path):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    with swapped(item.path):
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
