"""What new processes cost: importing, and the first calls of a learner, whose kernels are compiled.

    make bench BENCH=start

A cold start is the processor time of a new process with an empty folder for numba's compiled kernels (NUMBA_CACHE_DIR),
from its first line until it has imported a learner, fitted it, forgotten a row and predicted. It does not depend on the
number of rows, but adaptive learners need other kernels for many rows than for few.
"""

import tempfile
from collections.abc import Iterator

import numpy as np
from measuring import Row, at_most, duration, main, ratio_at_most, row, run_code

COLD_START = """
from time import process_time
import numpy as np
from numba.core.event import install_recorder
with install_recorder("numba:compile") as recorder:
    from sqlearn.{module} import {learner}
    x = np.random.default_rng(0).normal(size=({rows}, 5))
    given = (x, x[:, 0] > 0) if "{module}" in ("linear_model", "naive_bayes") else (x,)
    {learner}().fit(*given).forget(*(part[0] for part in given)).predict(x)
print(process_time(), sum(event.is_start for _, event in recorder.buffer))
"""
FEW, MANY = 300, 20_000
LEARNERS = [  # module, learner, numbers of rows, seconds
    ("naive_bayes", "GaussianNB", (FEW,), 4.0),
    ("linear_model", "LinearRegression", (FEW,), 4.0),
    ("linear_model", "LogisticRegression", (FEW, MANY), 7.0),
    ("cluster", "KMeans", (FEW, MANY), 7.0),
    ("mixture", "GaussianMixture", (FEW, MANY), 9.0),
]


def imports() -> Iterator[Row]:
    """Importing."""
    peers = "sklearn.naive_bayes, numba"
    for name in ("sqlearn", "sqlearn.naive_bayes"):
        timed = "from time import perf_counter; start = perf_counter(); import {}; print(perf_counter() - start)"
        times = [[run_code(timed.format(modules))[0] for modules in (name, peers)] for _ in range(6)][1:]
        yield ratio_at_most(f"import {name}; beside import {peers}", 1.2, *np.median(times, axis=0).tolist())


def cold() -> Iterator[Row]:
    """Cold starts; the second process finds the kernels of the first."""
    for module, learner, sizes, limit in LEARNERS:
        for rows in sizes:
            code = COLD_START.format(module=module, learner=learner, rows=rows)
            with tempfile.TemporaryDirectory() as empty:
                (seconds, compiled), (found, again) = (run_code(code, NUMBA_CACHE_DIR=empty) for _ in range(2))
            yield at_most(f"{learner}, {rows:,} rows: cold start, {compiled:.0f} kernels compiled", limit, seconds)
            what = f"  in the second process: {again:.0f} kernels compiled"
            yield row(what, duration(found), "-", None, "0 compiled", again == 0)


if __name__ == "__main__":
    main(__doc__, imports, cold)
