"""Models with scikit-learn's names and parameters that can forget, exactly.

>>> from sqlearn.naive_bayes import GaussianNB
>>> model = GaussianNB().fit([[0.0], [1.0], [5.0]], [0, 0, 1])
>>> model.forget([1.0], 0).digest() == GaussianNB().fit([[0.0], [5.0]], [0, 1]).digest()
True
"""

from importlib import import_module
from typing import Any

import sqlearn.errors as errors
from sqlearn.errors import *
from sqlearn.old_errors import MERGED, renamed

__version__ = "0.1.0.dev0"

__all__ = errors.__all__ + ["Store", "__version__", "verify"]

_LAZY = {
    "Store": "sqlearn.store",
    "verify": "sqlearn.verification",
}  # module of each name, imported when it is asked for


def __getattr__(name: str) -> Any:
    if name in MERGED:
        return globals()[renamed(name)]
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_LAZY))
