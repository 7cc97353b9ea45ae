"""One model over many machines: fits over pieces of data, in threads, processes or a Dask cluster; sets of stores."""

from importlib import import_module
from typing import Any

__all__ = ["StoreSet", "fit", "forget", "relabel", "rows_of"]

# module of each name, imported when it is asked for
_LAZY = {
    "StoreSet": "sqlearn.distributed.store_set",
    "fit": "sqlearn.distributed.fitting",
    "forget": "sqlearn.distributed.selecting",
    "relabel": "sqlearn.distributed.selecting",
    "rows_of": "sqlearn.distributed.selecting",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
