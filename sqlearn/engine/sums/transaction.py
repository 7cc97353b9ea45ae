"""All or nothing: a log of what was done that can be taken back without memory; signals held off until it is."""

# CPython's, as signal makes enums of handlers: InterruptsHeld then takes 16 us instead of 1 (Python 3.11 and 3.12;
# 5 us in 3.13), at each update of one record
import _signal  # type: ignore[import-not-found]
import mmap
import threading
from collections.abc import Callable
from typing import Any

from sqlearn.errors import SqlearnError

# those by which programs are stopped or take note of time: their handlers may raise
_SIGNALS = tuple(
    getattr(_signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGUSR1", "SIGUSR2")
    if hasattr(_signal, name)
)
_RESERVE = 4 << 20  # bytes: Python asks the system for its small objects' memory by the megabyte
_reserve: mmap.mmap | None = None


class TornError(Exception):
    """A step was interrupted in its middle."""


class Log:
    """What an update has done so far.

    What undoing needs is made before anything is done, so that undoing asks for no arrays. The few small objects that
    Python makes on the way find room in a reserve, which the whole process has, and which is given up first.

    Parameters
    ----------
    keeps : bool
        Whether to note anything: False for a state that nobody holds yet, which is dropped when something fails.

    Attributes
    ----------
    keeps : bool
        The parameter.
    at_leisure : bool
        Whether undoing may take memory where that is quicker, since no update has failed.
    torn : bool
        Whether a step ended by an exception that it does not raise itself, which may have come in its middle.
    """

    def __init__(self, keeps: bool = True):
        self.keeps = keeps
        self._undo: list[Callable[[], None]] = []
        self.at_leisure = False
        self.torn = False
        if keeps:
            _take_reserve()

    def do(self, step: Callable[[], None], undo: Callable[[], None]) -> None:
        """Call `step`, which does all or nothing where it raises a SqlearnError or a MemoryError; note its undoing."""
        if not self.keeps:
            step()
            return
        self._undo.append(undo)
        try:
            step()
        except (SqlearnError, MemoryError):
            self._undo.pop()
            raise
        except BaseException:
            self.torn = True
            raise

    def note(self, undo: Callable[[], None]) -> None:
        """Note how to undo what is done next and cannot fail."""
        if self.keeps:
            self._undo.append(undo)

    def take_back(self) -> None:
        """Undo everything, last things first.

        Raises
        ------
        TornError
            If a step ended in its middle, so that it can be neither kept nor undone.
        """
        if self.torn:
            raise TornError
        if not self.at_leisure:
            _give_up_reserve()
        while self._undo:
            self._undo[-1]()
            del self._undo[-1]


def _take_reserve() -> None:
    global _reserve
    if _reserve is None:
        try:
            _reserve = mmap.mmap(-1, _RESERVE)  # never written to, so it takes up no memory but only room
        except OSError as error:
            raise MemoryError("There is no memory left to change a model. Nothing was changed.") from error


def _give_up_reserve() -> None:
    global _reserve
    if _reserve is not None:
        _reserve.close()
        _reserve = None


class InterruptsHeld:
    """Context in which Ctrl-C and other signals wait; gives a function that calls the handlers of those that came.

    Python calls handlers in the main thread alone, so in other threads there is nothing to hold off. (A generator with
    ``contextmanager`` takes a microsecond longer.)
    """

    __slots__ = ("_caught", "_handlers")

    def __enter__(self) -> Callable[[], None]:
        self._caught: list[tuple[Any, ...]] = []
        self._handlers: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            found = ((number, _signal.getsignal(number)) for number in _SIGNALS)
            self._handlers = {number: handler for number, handler in found if callable(handler)}
            try:
                for number in self._handlers:
                    _signal.signal(number, self._catch)
            except BaseException:  # of a handler that was still in place
                self._restore()
                raise
        return self._check

    def _catch(self, *args: Any) -> None:
        self._caught.append(args)

    def _check(self) -> None:
        first = None
        while self._caught:  # all of them, even where one raises: a signal comes only once
            args = self._caught.pop(0)
            try:
                self._handlers[args[0]](*args)
            except BaseException as error:
                first = error if first is None else first
        if first is not None:
            try:
                raise first
            finally:
                del first  # which refers to this frame

    def __exit__(self, *error: object) -> None:
        try:
            self._restore()
        finally:
            if len(self._handlers) > 1:  # one that was back in place may have raised before the others were
                self._restore()
        self._check()

    def _restore(self) -> None:
        for number, handler in self._handlers.items():
            _signal.signal(number, handler)
