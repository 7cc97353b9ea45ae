"""States that memory cannot hold are refused before any is taken."""

import os

from sqlearn.engine.exact import FEW_LIMBS
from sqlearn.engine.state import Batch, State
from sqlearn.engine.statistics import Statistic
from sqlearn.errors import TooLargeError

__all__ = ["check_growth", "check_size"]


def check_growth(state: State, batch: Batch) -> None:
    """Refuse new labels for which memory cannot hold the rows."""
    if state.vocabulary is not None:
        rows = len(state.vocabulary.slots.keys() | set(batch.labels))
        if rows > state.vocabulary.capacity:  # the capacity doubles
            check_size(state.learner, state.statistic, 2 * state.vocabulary.capacity)


def check_size(name: str, statistic: Statistic, rows: int) -> None:
    """Refuse a state that memory cannot hold before any is taken."""
    cells = statistic.cells(statistic.n_features, statistic.n_targets)
    needed = 8 * FEW_LIMBS * rows * cells
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 1 << 34
    if needed > memory // 2:
        raise TooLargeError(
            f"The state of this {name} would take about {needed / 1e9:,.0f} GB: {rows} x {cells:,} exact sums for "
            f"{statistic.n_features:,} "
            f"features, and this machine has {memory / 1e9:,.0f} GB. Nothing was taken. Use fewer columns "
            "(SelectKBest, hashing), or a "
            "learner whose state is linear in the columns, such as those of sqlearn.naive_bayes."
        )
