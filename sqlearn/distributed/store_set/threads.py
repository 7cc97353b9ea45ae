"""Threads in which the parts of a set are worked on, each part always in the same one, as its SQLite connection is."""

import os
import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from sqlearn.errors import SqlearnError

_T = TypeVar("_T")
_LOOK = 0.05  # seconds between two looks for Ctrl-C


class Cancelled(BaseException):
    """What a thread raises in the middle of its work when the others are to stop, too."""


class Threads:
    """A few threads for the parts of a set.

    Parameters
    ----------
    n : int
        How many.
    """

    def __init__(self, n: int | None = None) -> None:
        n = os.cpu_count() or 1 if n is None else n
        self._pools = [ThreadPoolExecutor(1, thread_name_prefix=f"sqlearn-part-{i}") for i in range(max(1, n))]
        self._cancelled = threading.Event()
        self._done: queue.SimpleQueue[int] = queue.SimpleQueue()

    def check(self) -> None:
        """Called in the middle of a thread's work: stop it, if all is to stop."""
        if self._cancelled.is_set():
            raise Cancelled

    def look(self, rows: int) -> None:
        """The same; it tells how many rows were done, too."""
        self.check()
        self._done.put(rows)

    def start(self, calls: Mapping[int, Callable[[], _T]]) -> dict[int, "Future[_T]"]:
        """Begin calls, each by the number of its part."""
        return {number: self._pools[number % len(self._pools)].submit(call) for number, call in calls.items()}

    def finish(
        self,
        begun: Mapping[int, "Future[_T]"],
        check: Callable[[], None] = lambda: None,
        progress: Callable[[int], object] | None = None,
    ) -> dict[int, _T]:
        """Wait for calls. When one raises, the others stop early, and the first row's error is raised.

        Parameters
        ----------
        begun : mapping of int to Future
            What :meth:`start` returned.
        check : callable
            Called now and then in the meantime; what it raises stops the calls.
        progress : callable, optional
            Called with how many rows were done.
        """
        waiting = {*begun.values()}
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=_LOOK, return_when=FIRST_EXCEPTION)
                if any(future.exception() for future in done):
                    break
                self._tell(progress)
                check()
            else:
                return {number: future.result() for number, future in begun.items()}
        except BaseException:
            self.stop(begun.values())
            raise
        self.stop(begun.values())
        raise _first({number: future.exception() for number, future in begun.items()})

    def run(self, calls: Mapping[int, Callable[[], _T]], **told: Any) -> dict[int, _T]:
        """Call, and wait; see :meth:`finish`."""
        return self.finish(self.start(calls), **told)

    def tried(self, calls: Mapping[int, Callable[[], object]]) -> dict[int, BaseException]:
        """Call, wait for all whatever happens, and return what was raised."""
        begun = self.start(calls)
        wait(begun.values())
        return {number: error for number, future in begun.items() if (error := future.exception()) is not None}

    def close(self) -> None:
        for pool in self._pools:
            pool.shutdown()

    def _tell(self, progress: Callable[[int], object] | None) -> None:
        rows = 0
        while not self._done.empty():
            rows += self._done.get()
        if rows and progress is not None:
            progress(rows)

    def stop(self, begun: Iterable["Future[Any]"]) -> None:
        """Let calls end early, and wait until they have."""
        self._cancelled.set()
        wait(begun)
        self._cancelled.clear()
        self._tell(None)


def _first(errors: Mapping[int, BaseException | None]) -> BaseException:
    """Of several errors the one to raise: what is no error of a row, or that of the first row."""
    found = [error for error in errors.values() if error is not None and not isinstance(error, Cancelled)]

    def place(error: BaseException) -> int:
        row = error.row if isinstance(error, SqlearnError) else None
        return -1 if row is None else row

    return min(found, key=place)
