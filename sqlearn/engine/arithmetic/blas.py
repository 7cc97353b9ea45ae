"""How many threads BLAS uses. By itself it starts and ends its threads together at every product, which on a busy
machine takes many times longer than small products do."""

import _thread
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any

from threadpoolctl import OpenBLASController, ThreadpoolController

# since threadpoolctl 3.8 the thread that sets OpenBLAS's number of threads keeps others from it, until this is called
_release: Callable[..., object] = getattr(OpenBLASController, "clear_controlling_thread", lambda force: None)


@cache  # asking what libraries there are takes a while
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


class _OneThread:
    """The number is the process's: of all threads that are inside, the first one sets it, the last one restores it."""

    def __init__(self) -> None:
        self._lock, self._inside = _thread.allocate_lock(), 0
        self._limits: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._limits = _blas().limit(limits=1)
            self._inside += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                _release(force=True)
                self._limits.restore_original_limits()
                _release(force=True)

    def forked(self) -> None:
        """In a process that was just forked: nobody else is inside, or holds the lock."""
        self._lock = _thread.allocate_lock()


_one_thread = _OneThread()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_one_thread.forked)


def one_thread() -> AbstractContextManager[None]:
    """Context in which products use one thread."""
    return _one_thread


@contextmanager
def side_by_side(function: Callable, items: list) -> Iterator[Iterable]:
    """Yields ``map(function, items)``, by as many threads as BLAS may use, with one BLAS thread each."""
    threads = min(len(items), max((library["num_threads"] for library in _blas().info()), default=1))
    if threads < 2:
        yield map(function, items)
        return
    work = _Work(function, items)
    with one_thread():
        try:
            for _ in range(threads - 1):
                _thread.start_new_thread(work.help, ())
        except RuntimeError:  # there is no memory for a thread: this one does it all
            pass
        try:
            yield work.results()
        finally:
            work.stop()


class _Work:
    """Calls of one function that this thread and its helpers make, whoever is free.

    Nobody waits for a helper to begin: where memory ends, a thread may die at birth, and Python's own pools would then
    wait for it for ever. Helpers are waited for only at calls that they have begun.
    """

    def __init__(self, function: Callable, items: list):
        self._function, self._items = function, items
        self._answers: list = [None] * len(items)
        self._errors: list = [None] * len(items)
        self._ended = [_thread.allocate_lock() for _ in items]
        for lock in self._ended:
            lock.acquire()
        self._waiting = list(range(len(items)))[::-1]  # taken from its end, which no other thread can come between
        self._given = 0

    def help(self) -> None:
        """Make calls as long as there are any."""
        while self._make_one():
            pass

    def _make_one(self) -> bool:
        try:
            i = self._waiting.pop()
        except IndexError:
            return False
        try:
            self._answers[i] = self._function(self._items[i])
        except BaseException as error:
            self._errors[i] = error
        finally:
            self._ended[i].release()
        return True

    def results(self) -> Iterator:
        """The answers, in order."""
        for i, ended in enumerate(self._ended):
            while not ended.acquire(blocking=False):
                if not self._make_one():
                    ended.acquire()
                    break
            self._given = i + 1
            if self._errors[i] is not None:
                raise self._errors[i]
            answer, self._answers[i] = self._answers[i], None
            yield answer

    def stop(self) -> None:
        """Begin no more calls, and wait for those that have begun."""
        unmade = set()
        while self._waiting:
            try:
                unmade.add(self._waiting.pop())
            except IndexError:  # a helper took the last one
                break
        for i in range(self._given, len(self._items)):
            if i not in unmade:
                self._ended[i].acquire()
