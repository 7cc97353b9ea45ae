"""What makes calls where the pieces lie: threads of this process, an executor, or a Dask cluster."""

from __future__ import annotations

import concurrent.futures
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import count
from pickle import PicklingError
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from sqlearn.errors import ParameterError, UnsupportedError, shown

_LOOK = 0.1  # seconds between two looks at what else happens, while there is no answer
_PATIENCE = 100  # looks between two questions whether anybody works on the answer
_running = threading.local()

Check = Callable[[], None]


class Future(Protocol):
    """A result to come, of `concurrent.futures` or of Dask."""

    def result(self) -> Any:
        """The result, once it is there; raises what the call raised."""

    def add_done_callback(self, function: Callable[[Any], Any]) -> Any:
        """Have a function called with this future when it is done."""


class Workers(Protocol):
    """Where calls are made.

    Attributes
    ----------
    count : int
        How many calls are made at once.
    """

    count: int

    def places(self) -> dict[str, int]:
        """The names of workers that keep what calls leave with them, and how many threads each has."""

    def submit(self, function: Callable[..., Any], *args: Any, at: str | None = None) -> Future:
        """Make a call where the pieces lie: by the worker of this name, if there is one."""

    def near(self, function: Callable[..., Any], *args: Any, at: str | None = None) -> Future:
        """Make a call where the results are that futures among the arguments, or in a list of these, stand for.

        Or have them brought to the worker `at`, if there is one. It comes before calls of :meth:`submit`.
        """

    def tell(self, place: str, function: Callable[..., Any], *args: Any) -> None:
        """Have a worker make a call whose result nobody needs, if it can be reached."""

    def cancel(self, futures: Sequence[Future]) -> None:
        """Do not make calls, or stop them."""

    def reached(self) -> Any:
        """Context in which errors of what makes the calls become UnsupportedError."""

    def check(self) -> None:
        """Raise UnsupportedError where it is known that no calls can be made any more."""

    def doubt(self) -> None:
        """Warn where nobody makes calls, but somebody may come who does."""


def workers_of(client: Any) -> Workers:
    """What makes calls for this client: None, an executor or a Dask client.

    Raises
    ------
    ParameterError
        For anything else.
    """
    if client is None:
        return Local()
    if isinstance(client, Executor):
        return Local(client)
    if hasattr(client, "scheduler_info") and hasattr(client, "submit"):
        return Cluster(client)
    raise ParameterError(
        f"`client` cannot be {shown(client)}. Nothing was changed: pass a dask.distributed.Client, an executor as "
        "those of concurrent.futures, or nothing for threads of this process.",
        value=client,
    )


# ---------------------------------------------------------------------- waiting


def finished(futures: Sequence[Future], check: Check | None = None, doubt: Check | None = None) -> Iterator[Future]:
    """These futures as they are done; `check`, which may raise, is called now and then, and `doubt` if none comes."""
    done: SimpleQueue[Future] = SimpleQueue()
    for future in futures:
        future.add_done_callback(done.put)
    for _ in futures:
        for looks in count(1):
            try:
                found = done.get(timeout=_LOOK)
                break
            except Empty:
                if check is not None:
                    check()
                if doubt is not None and looks % _PATIENCE == 0:
                    doubt()
        yield found


def run(
    workers: Workers,
    function: Callable[..., Any],
    calls: Sequence[tuple[Any, ...]],
    check: Check | None = None,
    places: Sequence[str | None] = (),
) -> list[Any]:
    """The results of calls with these arguments, made where the pieces lie, in their order.

    `places` has the worker that had better make each, if it is there still; see :func:`here`.

    Raises
    ------
    UnsupportedError
        When the workers cannot be reached.
    SqlearnError
        As the calls do.
    """
    with workers.reached():
        pairs = zip(calls, places or [None] * len(calls), strict=True)
        return results(workers, [workers.submit(function, *args, at=place) for args, place in pairs], check)


def results(workers: Workers, futures: Sequence[Future], check: Check | None = None) -> list[Any]:
    """The results of calls, in their order; if one fails, or while waiting an exception comes, all are cancelled."""
    with workers.reached():
        try:
            for future in finished(futures, check, workers.doubt):
                future.result()
            return [future.result() for future in futures]
        except BaseException:
            workers.cancel(futures)
            raise


def here() -> str | None:
    """The name of the worker that makes this call, if it is one of Dask."""
    dask = sys.modules.get("distributed")
    if dask is None:
        return None
    try:
        name: str = dask.get_worker().address
    except ValueError:  # this is no worker
        return None
    return name


class _Stopped(Exception):
    """A call is stopped since nobody waits for it any more."""


def pause() -> None:
    """Called by long work now and then: ends it, if it runs in a thread here and was cancelled."""
    stop = getattr(_running, "stop", None)
    if stop is not None and stop.is_set():
        raise _Stopped


# ---------------------------------------------------------------------- in this process, or by an executor


@cache
def _threads() -> ThreadPoolExecutor:
    """The threads of this process, which all fits share."""
    return ThreadPoolExecutor(_processors(), "sqlearn")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)  # threads stay behind in the parent


class Local:
    """Threads of this process, or an executor.

    Results come to this process, so that calls with them are made here.

    Parameters
    ----------
    executor : Executor, optional
        What makes calls; by default a thread for each processor.
    """

    def __init__(self, executor: Executor | None = None) -> None:
        self._given = executor
        self.count = _processors() if executor is None else max(1, getattr(executor, "_max_workers", _processors()))
        self._process = os.getpid()
        self._stops: dict[Any, threading.Event] = {}

    def places(self) -> dict[str, int]:
        return {}

    def submit(self, function: Callable[..., Any], *args: Any, at: str | None = None) -> Future:
        if self._given is None:
            return self._stoppable(_threads(), function, args)
        _check_process(self._process, "executor")
        if isinstance(self._given, ThreadPoolExecutor):
            return self._stoppable(self._given, function, args)
        return self._given.submit(function, *args)

    def near(self, function: Callable[..., Any], *args: Any, at: str | None = None) -> Future:
        return self._stoppable(_threads(), function, [_resolved(arg) for arg in args])

    def tell(self, place: str, function: Callable[..., Any], *args: Any) -> None:
        pass  # threads keep what this process does, and the processes of an executor have no names

    def _stoppable(self, executor: Executor, function: Callable[..., Any], args: Sequence[Any]) -> Future:
        if executor is not self._given and hasattr(_running, "stop"):  # such a thread must not wait for another one
            return _made_now(function, args)
        stop = threading.Event()
        future = executor.submit(_stopping, stop, function, *args)
        self._stops[future] = stop
        future.add_done_callback(lambda future: self._stops.pop(future, None))
        return future

    def cancel(self, futures: Sequence[Any]) -> None:
        for future in futures:
            stop = self._stops.get(future)
            if stop is not None:
                stop.set()
            future.cancel()

    @contextmanager
    def reached(self) -> Iterator[None]:
        try:
            yield
        except (BrokenExecutor, CancelledError) as error:
            raise lost(f"A process of the executor ended abruptly, for lack of memory perhaps: {error}") from error
        except RuntimeError as error:
            if "schedule new futures" not in str(error):
                raise
            raise lost(f"The executor was shut down: {error}") from error
        except (PicklingError, AttributeError, TypeError) as error:
            if self._given is None or "pickle" not in str(error):
                raise
            raise ParameterError(
                f"What the executor's processes are to do cannot be sent to them: {error}. Nothing was changed: pass "
                "functions that a module defines, files or frames; or let threads do the work."
            ) from error

    def check(self) -> None:
        if self._given is not None:
            _check_process(self._process, "executor")
            with self.reached():
                self._given.submit(int)  # which is refused at once, so nobody waits for the answer

    def doubt(self) -> None:
        pass  # an executor tells when it is broken


def _made_now(function: Callable[..., Any], args: Sequence[Any]) -> Future:
    future = concurrent.futures.Future[Any]()
    try:
        future.set_result(function(*args))
    except Exception as error:
        future.set_exception(error)
    return future


def _stopping(stop: threading.Event, function: Callable[..., Any], *args: Any) -> Any:
    _running.stop = stop
    try:
        return function(*args)
    finally:
        del _running.stop


def _resolved(arg: Any) -> Any:
    if isinstance(arg, list):
        return [_resolved(each) for each in arg]
    return arg.result() if hasattr(arg, "add_done_callback") else arg


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_process(made_in: int, what: str) -> None:
    """Refuse to wait for threads and connections that a fork has left behind in its parent."""
    if os.getpid() != made_in:
        raise UnsupportedError(
            f"This process was forked from the one whose {what} reaches the rows, which cannot be used here. Nothing "
            "was changed: change the model there, or start processes by spawn and fit in them.",
            reason="rows elsewhere",
        )


def lost(why: str) -> UnsupportedError:
    """The error of rows, or of the index of their names, that cannot be reached."""
    return UnsupportedError(
        f"{why.rstrip('.')}. So the rows cannot be reached. Nothing was changed: see that all workers run, and fit "
        "again if they were lost.",
        reason="rows elsewhere",
    )


# ---------------------------------------------------------------------- Dask


class Cluster:
    """The workers of a Dask cluster. Lost results are computed again, from the pieces if need be.

    Parameters
    ----------
    client : distributed.Client
        Its client.
    """

    def __init__(self, client: Any) -> None:
        self._client, self._process = client, os.getpid()
        with self.reached():
            self.count = max(1, sum(client.nthreads().values()))

    @property
    def _is_open(self) -> bool:
        return os.getpid() == self._process and self._client.status == "running"

    def places(self) -> dict[str, int]:
        with self.reached():
            return dict(self._client.nthreads())

    def submit(self, function: Callable[..., Any], *args: Any, at: str | None = None) -> Future:
        return self._submit(function, args, at, 0)

    def near(self, function: Callable[..., Any], *args: Any, at: str | None = None) -> Future:
        return self._submit(function, args, at, 1)

    def _submit(self, function: Callable[..., Any], args: Sequence[Any], at: str | None, priority: int) -> Future:
        best = {} if at is None else {"workers": [at], "allow_other_workers": True}
        future: Future = self._client.submit(function, *args, pure=False, priority=priority, **best)
        return future

    def tell(self, place: str, function: Callable[..., Any], *args: Any) -> None:
        from distributed import fire_and_forget

        if self._is_open:
            fire_and_forget(self.submit(function, *args, at=place))  # type: ignore[no-untyped-call]

    def cancel(self, futures: Sequence[Any]) -> None:
        if self._is_open:
            self._client.cancel([future for future in futures if not future.done()])

    @contextmanager
    def reached(self) -> Iterator[None]:
        from distributed import KilledWorker
        from distributed.comm import CommClosedError

        _check_process(self._process, "Dask client")
        if self._client.status != "running":
            raise lost(f"The Dask client is {self._client.status}.")
        try:
            yield
        except KilledWorker as error:
            raise lost(
                f"Dask gave up, as its workers ended again and again, for lack of memory perhaps: {error}"
            ) from error
        except (CancelledError, CommClosedError, TimeoutError) as error:
            raise lost(f"The Dask cluster does not answer: {type(error).__name__}: {error}.") from error

    def check(self) -> None:
        with self.reached():
            pass

    def doubt(self) -> None:
        if not self.places():
            warnings.warn(
                "The Dask cluster has no worker, so there is no answer until one comes. Nothing is changed before: "
                "start workers, or interrupt this call.",
                UserWarning,
                stacklevel=2,
            )
