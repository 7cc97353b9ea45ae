"""Methods that no two threads are in at once: compiled code would walk over arrays that another thread changes."""

from collections.abc import Callable
from functools import wraps
from typing import Any


def alone(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method, with the lock of its object held."""

    @wraps(method)
    def locked(self: Any, *args: Any, **options: Any) -> Any:
        with self.lock:
            return method(self, *args, **options)

    return locked
