"""States that memory cannot hold are refused before any is taken."""

import os

from sqlearn.engine.exact import FEW_LIMBS
from sqlearn.engine.state import Batch, State
from sqlearn.engine.statistics import Statistic
from sqlearn.errors import TooLargeError

__all__ = ["check_growth", "check_size"]


def check_growth(state: State, batch: Batch) -> None:
    """Refuse new labels and categories for which memory cannot hold the sums."""
    rows = 1
    if state.vocabulary is not None:
        new = len(state.vocabulary.slots.keys() | set(batch.labels)) > state.vocabulary.capacity
        rows = state.vocabulary.capacity * (2 if new else 1)  # the capacity doubles
    check_size(state.learner, state.statistic, rows, batch.levels)


def check_size(name: str, statistic: Statistic, rows: int, levels: list[list]) -> None:
    """Refuse a state that memory cannot hold before any is taken."""
    cells = statistic.foreseen(levels)
    needed = 8 * FEW_LIMBS * rows * cells
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 1 << 34
    if needed > memory // 2:
        sizes = ", ".join(f"{len(column):,}" for column in levels)
        categories = f" and columns of {sizes} categories" if levels else ""
        raise TooLargeError(
            f"The state of this {name} would take about {needed / 1e9:,.0f} GB: {rows} x {cells:,} exact sums for "
            f"{statistic.n_features:,} "
            f"features{categories}, and this machine has {memory / 1e9:,.0f} GB. Nothing was taken. Use fewer columns "
            "(SelectKBest, hashing), or a "
            "learner whose state is linear in the columns, such as those of sqlearn.naive_bayes."
        )
