"""A binary problem per class over the same records, as one problem."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from sqlearn.engine.problems.optimum import in_order
from sqlearn.engine.problems.smooth_grid import Grid
from sqlearn.engine.problems.smooth_problem import NewtonPilot, Smooth, Solution
from sqlearn.engine.problems.smooth_terms import REVISIONS
from sqlearn.engine.rounds import Records, Scale, Source, Units, check_sums
from sqlearn.engine.sums import ExactSum

Grids = tuple[Grid, ...]


class OneVsRest(NewtonPilot[Grids]):
    """Several problems over the same records, one after the other.

    Parameters
    ----------
    problems : list of Smooth
        Problems of the same features, intercept and seed.
    """

    revisions, refines = REVISIONS, False

    def __init__(self, problems: list[Smooth]) -> None:
        n, p = len(problems), problems[0].p
        check_sums(n * (3 + p) * p, f"{n} classes of {p} parameters, a Hessian each,", "use fewer columns")
        self.problems = problems
        # Earlier versions gave a class's weight to the other classes too. One more entry makes this shape differ from
        # theirs, so that their traces are evaluated anew.
        weighted = any(problem.class_weight is None or (problem.class_weight != 1.0).any() for problem in problems)
        self.lazy_pilots = problems[0].lazy_pilots
        self.shape = (len(problems), *problems[0].shape, *[1] * weighted)
        self.sizes = np.cumsum([problem.size for problem in problems])[:-1]

    def see_in(self, units: Units) -> None:
        """Penalize the coefficients of features in these units, not in those that records come in."""
        for problem in self.problems:
            problem.see_in(units)

    def scale(self, total: ExactSum, n: int, order: np.ndarray) -> Scale:
        return self.problems[0].scale(total, n, order)

    def converge(self, scale: Scale, source: Source) -> tuple[np.ndarray, bool]:
        return self.solve(scale, in_order(source))

    def solve(self, scale: Scale, records: Records) -> Solution:
        """The minimum of each problem over all records, given in canonical order."""
        return Solution(*_joined(problem.solve(scale, records) for problem in self.problems))

    def recover(self, scale: Scale, source: Source, theta: np.ndarray) -> tuple[np.ndarray, bool]:
        parts = zip(self.problems, np.split(theta, self.sizes), strict=True)
        return _joined(problem.recover(scale, source, part) for problem, part in parts)

    def doubts(self, scale: Scale, n_rounds: int) -> bool:
        return any(problem.doubts(scale, n_rounds) for problem in self.problems)

    def follow(self, *args: Any) -> None:
        return None

    def grid(self, scale: Scale, source: Source) -> Grids:
        return tuple(problem.grid(scale, source) for problem in self.problems)

    def start(self, grid: Grids) -> np.ndarray:
        return np.concatenate([part.start for part in grid])

    def empty(self, scale: Scale, grid: Grids) -> tuple[ExactSum, ...]:
        return tuple(
            total for problem, part in zip(self.problems, grid, strict=True) for total in problem.empty(scale, part)
        )

    def _parts(
        self, theta: np.ndarray, grid: Grids, sums: tuple[ExactSum, ...]
    ) -> list[tuple[Smooth, np.ndarray, Grid, tuple[ExactSum, ...]]]:
        each = len(sums) // len(self.problems)
        thetas = np.split(theta, self.sizes)
        return [
            (p, t, g, sums[i * each : (i + 1) * each])
            for i, (p, t, g) in enumerate(zip(self.problems, thetas, grid, strict=True))
        ]

    def query(
        self,
        theta: np.ndarray,
        scale: Scale,
        grid: Grids,
        records: Records,
        sums: tuple[ExactSum, ...],
        sign: float,
    ) -> None:
        for problem, part, cells, answers in self._parts(theta, grid, sums):
            problem.query(part, scale, cells, records, answers, sign)

    def step(
        self, theta: np.ndarray, scale: Scale, grid: Grids, sums: tuple[ExactSum, ...], pilot: bool = False
    ) -> tuple[np.ndarray, np.ndarray, bool]:
        ends, rounded, rests = zip(
            *(
                problem.step(part, scale, cells, answers, pilot)
                for problem, part, cells, answers in self._parts(theta, grid, sums)
            ),
            strict=True,
        )
        return np.concatenate(ends), np.concatenate(rounded), all(rests)


def _joined(answers: Iterable[tuple[np.ndarray, bool]]) -> tuple[np.ndarray, bool]:
    thetas, rests = zip(*answers, strict=True)
    return np.concatenate(thetas), all(rests)
