"""What holds for all tests."""

import functools
import gc
import inspect
import math
import os
import weakref
from collections import defaultdict
from types import FunctionType

# one thread for each worker: the threads that BLAS and OpenMP start by themselves wait for each other, and for workers
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# ruff: noqa: E402 - after the settings that numpy reads
import narwhals.stable.v2 as narwhals
import numpy as np
import pytest

from sqlearn.engine.kernels import Postponed
from sqlearn.engine.kernels.inner import Kernel

try:
    import fcntl
except ImportError:  # on Windows each worker compiles for itself
    fcntl = None

# which kernel does a piece of work must not depend on which tests ran before; tests of what is postponed say so
Postponed.all_at_once = True


def _answered_at_once(is_table):
    """Of an array, a function that tells tables from other values."""

    @functools.wraps(is_table)
    def asked(value):
        return type(value) is not np.ndarray and is_table(value)

    return asked


def _found_once(signature):
    """The signature of a function, looked up once."""
    found = weakref.WeakKeyDictionary()

    @functools.wraps(signature)
    def looked_up(function, **given):
        if given or type(function) is not FunctionType:
            return signature(function, **given)
        if function not in found:
            found[function] = signature(function)
        return found[function]

    return looked_up


# scikit-learn asks for the signature of a constructor at each `get_params` and `clone`, and narwhals whether an array
# is a table several times in each call: both together a seventh of the time of tests, whose arrays are small
inspect.signature = _found_once(inspect.signature)
for _name in ("is_into_dataframe", "is_into_series"):
    setattr(narwhals.dependencies, _name, _answered_at_once(getattr(narwhals.dependencies, _name)))


def pytest_collection():
    """What collecting makes stays until the end, so nothing searches it for garbage: not now, and not later."""
    gc.disable()


def pytest_collection_finish():
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def kernels_are_compiled_once(request, tmp_path_factory):
    """Of the workers that need one kernel at one moment, one compiles it, and the others wait, and read what it saved.

    They begin with the same kernels, some of which take many seconds.
    """
    if fcntl is None or not hasattr(request.config, "workerinput"):
        yield
        return
    folder, compile_ = tmp_path_factory.getbasetemp().parent / "kernels", Kernel.compile  # a folder of all workers
    folder.mkdir(exist_ok=True)

    def compile_alone(kernel, signature):
        with (folder / f"{kernel.__module__}.{kernel.__name__}").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            return compile_(kernel, signature)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Kernel, "compile", compile_alone)
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Of a test marked `crossed(n)` CI takes one case in n: where the sum of its parameters' places is a multiple.

    So each value of one parameter meets as many of another as its list has places in a row; of a single parameter, each
    n-th value is taken. `make thorough` takes all, and so does who names the cases to run.
    """
    cases_of = defaultdict(list)
    for item in items:
        if "SQLEARN_EVERYWHERE" not in os.environ and item.get_closest_marker("crossed"):
            cases_of[item.nodeid.partition("[")[0]].append(item)
    left_out = set()
    for cases in cases_of.values():
        lengths = [len(list(mark.args[1])) for mark in cases[0].iter_markers("parametrize")]
        if len(cases) == math.prod(lengths):
            places = np.transpose(np.unravel_index(range(len(cases)), lengths)).sum(axis=1)
            (every,) = cases[0].get_closest_marker("crossed").args
            left_out.update(case for case, place in zip(cases, places, strict=True) if place % every)
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    items[:] = [item for item in items if item not in left_out]
