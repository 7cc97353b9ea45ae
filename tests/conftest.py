"""What holds for all tests."""

import functools
import gc
import inspect
import os
import weakref
from types import FunctionType

# one thread for each worker: the threads that BLAS and OpenMP start by themselves wait for each other, and for workers
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# ruff: noqa: E402 - after the settings that numpy reads
import narwhals.stable.v2 as narwhals
import numpy as np

from sqlearn.engine.kernels import Postponed

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
