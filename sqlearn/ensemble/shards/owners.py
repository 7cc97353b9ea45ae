"""Which groups hold a row, where it is to be forgotten and its group is not given."""

from functools import partial

import numpy as np

from sqlearn.engine.sums import Log


class Owners:
    """The groups of each row, by a hash of the row without its group.

    It follows from the records, so it is no part of the state: it is made when it is first asked, and follows updates
    from there on.
    """

    def __init__(self) -> None:
        self._counts: dict[int, dict[int, int]] = {}

    def put(self, slot: int, x: np.ndarray, y: np.ndarray, w: np.ndarray, sign: float = 1.0) -> None:
        """Add (1.0) or take away (-1.0) rows of the group in this slot."""
        for key in _keys(x, y, w):
            counts = self._counts.setdefault(key, {})
            counts[slot] = counts.get(slot, 0) + int(sign)
            if not counts[slot]:
                del counts[slot]
            if not counts:
                del self._counts[key]

    def note(self, slot: int, x: np.ndarray, y: np.ndarray, w: np.ndarray, sign: float, log: Log) -> None:
        """As :meth:`put`, in a step of an update."""
        rows = x, y, w
        log.do(partial(self.put, slot, *rows, sign), partial(self.put, slot, *rows, -sign))

    def of(self, x: np.ndarray, y: np.ndarray, w: np.ndarray) -> list[list[int]]:
        """The slots of the groups that hold each row."""
        return [[*self._counts.get(key, {})] for key in _keys(x, y, w)]


def _keys(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> list[int]:
    rows = np.ascontiguousarray(np.column_stack([x, y, w]))
    return [hash(row.tobytes()) for row in rows]
