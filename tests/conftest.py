"""What holds for all tests."""

import gc
import os

# one thread for each worker: the threads that BLAS and OpenMP start by themselves wait for each other, and for workers
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from sqlearn.engine.kernels import Postponed  # noqa: E402 - after the settings that numpy reads

# which kernel does a piece of work must not depend on which tests ran before; tests of what is postponed say so
Postponed.all_at_once = True


def pytest_collection():
    """What collecting makes stays until the end, so nothing searches it for garbage: not now, and not later."""
    gc.disable()


def pytest_collection_finish():
    gc.freeze()
    gc.enable()
