"""All or nothing: a log of what was done that can be taken back without memory; Ctrl-C held off until it is."""

import _signal  # type: ignore[import-not-found]  # signal without its enums, which take longer than all else here
import mmap
import threading
from collections.abc import Callable
from contextlib import contextmanager

__all__ = ["Log", "interrupts_held"]

_RESERVE = 4 << 20  # bytes: Python asks the system for its small objects' memory by the megabyte
_reserve: mmap.mmap | None = None


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
    """

    def __init__(self, keeps: bool = True):
        self.keeps = keeps
        self._undo: list[Callable[[], None]] = []
        self.at_leisure = False
        if keeps:
            _take_reserve()

    def do(self, step: Callable[[], None], undo: Callable[[], None]) -> None:
        """Call `step`, which does all or nothing, and note how to undo it."""
        if not self.keeps:
            step()
            return
        self._undo.append(undo)
        try:
            step()
        except BaseException:
            self._undo.pop()
            raise

    def note(self, undo: Callable[[], None]) -> None:
        """Note how to undo what is done next and cannot fail."""
        if self.keeps:
            self._undo.append(undo)

    def take_back(self) -> None:
        """Undo everything, last things first."""
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


@contextmanager
def interrupts_held():
    """Hold Ctrl-C off; yields a function that raises the KeyboardInterrupt that came meanwhile, if one did.

    Python delivers signals to the main thread alone, so in other threads there is nothing to hold off.
    """
    caught: list[tuple] = []
    handler = _signal.getsignal(_signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield lambda: None
        return

    def check():
        if caught:
            handler(*caught.pop())

    _signal.signal(_signal.SIGINT, lambda *args: caught.append(args))
    try:
        yield check
    finally:
        _signal.signal(_signal.SIGINT, handler)
        check()
