"""What an adaptive learner adds to the engine: a problem, whose sums the walk evaluates and steps from."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

import numpy as np

from sqlearn.engine.rounds.row_source import Records
from sqlearn.engine.rounds.trace import Evaluation
from sqlearn.engine.sums import ExactSum
from sqlearn.errors import TooLargeError

MOST_SUMS = 1 << 23  # of a round: each takes about 40 bytes, and a trace has a dozen rounds

ScaleT = TypeVar("ScaleT")
GridT = TypeVar("GridT")
ScaleT_contra = TypeVar("ScaleT_contra", contravariant=True)

Source = Callable[[], Iterable[Records]]  # gives blocks of records, in any order
Evaluate = Callable[[np.ndarray], tuple[ExactSum, ...]]  # from theta to the sums over the pilot's records
Recover = Callable[[ScaleT, Source, np.ndarray], tuple[np.ndarray, bool]]


class Followed(Protocol):
    """How one record changes rounds, each of which stays as it is; None where that has to be asked of the problem."""

    def brought(self, past: Evaluation) -> Evaluation | None:
        """The round with the record, or without it."""

    def stepped(self, past: Evaluation) -> tuple[Evaluation, tuple[np.ndarray, np.ndarray, Any]] | None:
        """The same, and the step from there."""


class Problem(Protocol[ScaleT, GridT]):
    """An adaptive learner's part of the rounds, in fixed arithmetic: no libm, no LAPACK, BLAS where it is exact.

    With records i and their terms ``s_i(theta)``, the walk keeps ``S(theta) = sum over i of s_i(theta)`` exactly, and
    goes from theta to ``round(step(theta, S(theta)))``. `ScaleT` is what standardises the records, `GridT` the grid
    that theta is rounded to.
    """

    # Of fewer pilots of records no trace is kept, as solving for all of them costs less; a power of two, at least 2.
    lazy_pilots: int
    shape: tuple[int, ...]  # part of the trace's key: a trace of another shape is not continued
    revisions: tuple[int, ...]  # of how rounds went, now last; a trace of an earlier one is evaluated anew
    refines: bool  # whether rounds that go in a circle go on with narrower cells

    def scale(self, total: ExactSum, n: int, order: np.ndarray) -> ScaleT:
        """What standardises the records, rounded so that one record seldom moves it; compared by ``==``.

        `total` has the moments of class c in slot ``order[c]``.
        """

    def converge(self, scale: ScaleT, source: Source) -> tuple[np.ndarray, bool]:
        """Theta for these records, all that are held, and whether it came to rest."""

    @property
    def recover(self) -> Recover[ScaleT] | None:
        """Searches theta over all records, from where rounds did not come to rest; None to accept that theta.

        Returns what :meth:`converge` does.
        """

    def follow(self, scale: ScaleT, grid: GridT, record: Records, sign: float) -> "Followed | None":
        """What adds (1.0) or subtracts (-1.0) one record faster than :meth:`query`; None where nothing does."""

    def doubts(self, scale: ScaleT, n_rounds: int) -> bool:
        """Whether so many rounds are suspicious, though they came to rest; needed where there is :meth:`recover`."""

    def grid(self, scale: ScaleT, source: Source) -> GridT:
        """The grid that theta is rounded to, from a few records."""

    def finer(self, grid: GridT) -> GridT:
        """The grid with narrower cells; asked only where the problem `refines`."""

    def pilot(self, scale: ScaleT, grid: GridT, source: Source, evaluate: Evaluate) -> np.ndarray:
        """The first theta, rounded, from the pilot, whose records `source` gives and `evaluate` sums over."""

    def empty(self, scale: ScaleT, grid: GridT) -> tuple[ExactSum, ...]:
        """Sums of no records."""

    def query(
        self,
        theta: np.ndarray,
        scale: ScaleT,
        grid: GridT,
        records: Records,
        sums: tuple[ExactSum, ...],
        sign: float,
    ) -> None:
        """Add (1.0) or subtract (-1.0) the terms of records at theta."""

    def step(
        self, theta: np.ndarray, scale: ScaleT, grid: GridT, sums: tuple[ExactSum, ...]
    ) -> tuple[np.ndarray, np.ndarray, Any]:
        """Next theta, unrounded and rounded, and whether the rounded one has stopped moving."""


def check_sums(n: int, what: str, advice: str) -> None:
    """Refuse a problem whose every round would have so many sums, before memory is taken for them."""
    if n > MOST_SUMS:
        raise TooLargeError(
            f"{what} have {n:,} sums, which would be kept for every iteration. Nothing was allocated. The maximum is "
            f"{MOST_SUMS:,}: {advice}."
        )
