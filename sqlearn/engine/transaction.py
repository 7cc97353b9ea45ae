"""All or nothing: steps that can be taken back, and Ctrl-C held off until they are."""

import _signal  # type: ignore[import-not-found]  # signal without its enums, which take longer than all else here
import threading
from collections.abc import Callable, Iterable
from contextlib import contextmanager

__all__ = ["apply_all", "interrupts_held"]


def apply_all(steps: Iterable[Callable[[float], None]], sign: float) -> None:
    """Call every step with `sign`; when one raises, call those before it with ``-sign`` and raise.

    Parameters
    ----------
    steps : iterable of callable
        Each does something and its exact inverse under the opposite sign, and is all or nothing itself.
    sign : float
        1.0 or -1.0.
    """
    done: list[Callable[[float], None]] = []
    try:
        for step in steps:
            step(sign)
            done.append(step)
    except BaseException:
        for step in reversed(done):
            step(-sign)
        raise


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
