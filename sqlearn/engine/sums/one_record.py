"""The fast path: learning or forgetting one record past scikit-learn's validation.

A statistic may offer such a path; what all of them have in common is here. Most paths are one kernel call, which takes
a few microseconds and which Ctrl-C cannot interrupt. The path of adaptive learners
(:class:`~sqlearn.engine.rounds.statistic.Rounds`) has the trace follow first. If that breaks, it calls the general
path, :meth:`~sqlearn.engine.model.state.State.change_one`.

The last record of a class or of a category goes by the general path: its label or category must then be removed too
(:meth:`~sqlearn.engine.model.state.State.prune`), which a kernel cannot do.
"""

from typing import Any, Protocol

import numpy as np
from numpy.ma import MaskedArray

from sqlearn.engine.identity import MOST_COPIES, add_one, add_term, copies_held, take_one
from sqlearn.engine.kernels import Postponed, kernel

GENERAL_FIRST = 200  # calls that go the general path, where the fast one is not compiled yet
MOST_BITS = 1023  # of an int: with more of them it may be beyond float64
LABEL_WORDS = 2  # how many words stand for a label in a digest; where there are more, they name the record as well


@kernel
def may_change(digest, sign, records):
    """Whether a record can be learned (fewer than `MOST_COPIES` copies are held) or forgotten (one copy is held)."""
    (keys, copies, _), _, record_counter = records
    number = copies_held(keys, copies, digest[0], digest[1])
    return number < MOST_COPIES if sign > 0 else record_counter[0] > 0 and number > 0


@kernel
def note(digest, sign, records):
    """Note a record in the ledger, the multiset hash and the count, or remove it; :func:`may_change` allows it."""
    (keys, copies, counters), multiset, record_counter = records
    if sign < 0:
        take_one(keys, copies, counters, digest[0], digest[1])
    else:
        add_one(keys, copies, counters, digest[0], digest[1])
    add_term(multiset, digest, sign)
    record_counter[0] += np.int64(sign)


class Holder(Protocol):
    """What a path needs of the state that holds the statistic; see :class:`~sqlearn.engine.model.state.State`."""

    statistic: Any
    vocabulary: Any  # None without labels
    ledger: Any  # None where records are kept elsewhere
    multiset: np.ndarray
    record_counter: np.ndarray
    key_state: np.ndarray
    layout: Any
    fitted_sklearn: Any
    version: int
    deferred: bool

    def trim(self) -> None:
        """Remove limbs that no record needs any more."""

    def change_one(self, x: np.ndarray, y: Any, sign: float, name: np.ndarray | None = None) -> None:
        """Learn or forget a record by the general path, without validation."""


class OneRecord:
    """The fast path of one statistic.

    Parameters
    ----------
    state : Holder
        What holds the statistic.

    Attributes
    ----------
    name : uint64[k] or None
        Words that stand for the row that :meth:`change` is given in its digest, in place of its features.
    """

    kernel: Postponed  # what is called for a record
    name: np.ndarray | None = None

    def __init__(self, state: Holder):
        statistic = state.statistic
        self.is_ready = False
        self.state = state
        self.width = statistic.n_features
        self.has_target = bool(state.layout.target_ndim)
        self.need = np.zeros(2, np.int64)

    def becomes_ready(self) -> bool:
        """Whether to take this path from here on; before, it is not worth its compilation."""
        self.is_ready = self.kernel.is_worth(1)
        return self.is_ready

    def take_names(self, n_words: int) -> bool:
        """Whether records may be named by so many words, as they are from here on."""
        return False

    def row(self, X: Any) -> Any:
        """The row that :meth:`change` takes, if `X` is one record in a plain form; None otherwise."""
        is_array = type(X) is np.ndarray or (isinstance(X, np.ndarray) and not isinstance(X, MaskedArray))
        return np.array(X, np.float64) if is_array and X.ndim == 1 and X.dtype.kind in "fiub" else None

    def change(self, row: Any, y: Any, sign: float) -> bool:
        """Learn (1.0) or forget (-1.0) a record of weight 1, or change nothing and return False.

        False means that the record needs the general path.

        Whatever it raises is final, even a ValueError: a signal's handler may have raised it, and the record may have
        been learned. So a row or a `y` that is out of the ordinary must make it return False, not raise.
        """
        raise NotImplementedError

    def _spelled(self, words: np.ndarray) -> np.ndarray:
        """The words in front of a digest's tail: those of the record's name, if it has one, and of its label."""
        return words if self.name is None else np.concatenate([self.name, words])

    def _reserved(self, sign: float, *members: Any) -> tuple[Any, ...]:
        """The state's ledger, multiset hash and record count; reserves memory there and in the sums for one record."""
        state = self.state
        if sign > 0:
            state.ledger.reserve(1)
        for member in members:
            member.total.reserve(1)
        state.fitted_sklearn = None
        state.version += 1
        return state.ledger.arrays, state.multiset, state.record_counter

    def _finished(self, done: bool, sign: float) -> bool:
        if done and sign < 0:
            state = self.state
            if not state.record_counter[0] & 255:
                state.ledger.shrink()
            state.trim()
        return done
