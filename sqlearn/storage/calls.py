"""What a public method says to a call that its signature does not take."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")


def called_as(*ways: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Decorate a method, so that a call with wrong arguments is told the right ones.

    Parameters
    ----------
    *ways : str
        How the method is called, as one writes it.
    """

    def decorate(method: Callable[_P, _R]) -> Callable[_P, _R]:
        signature = inspect.signature(method)

        def called(*arguments: _P.args, **named: _P.kwargs) -> _R:
            try:
                return method(*arguments, **named)
            except TypeError:
                try:
                    signature.bind(*arguments, **named)
                except TypeError as wrong:
                    raise TypeError(
                        f"These arguments do not fit: {wrong}. Nothing was done: write {' or '.join(ways)}."
                    ) from None
                raise

        decorated: Any = functools.wraps(method)(called)
        decorated.ways = ways
        return decorated

    return decorate
