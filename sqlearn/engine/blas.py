"""How many threads BLAS uses. By itself it starts and ends its threads together at every product, which on a busy
machine takes many times longer than small products do."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

__all__ = ["one_thread", "side_by_side"]


@cache  # asking what libraries there are takes a while
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


def one_thread():
    """Context in which products use one thread."""
    return _blas().limit(limits=1)


@contextmanager
def side_by_side(function: Callable, items: list) -> Iterator[Iterable]:
    """Yields ``map(function, items)``, by as many threads as BLAS may use, with one BLAS thread each."""
    threads = min(len(items), max((library["num_threads"] for library in _blas().info()), default=1))
    if threads < 2:
        yield map(function, items)
    else:
        with one_thread(), ThreadPoolExecutor(threads) as workers:
            yield workers.map(function, items)
