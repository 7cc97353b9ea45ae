"""States that memory cannot hold are refused before any is taken."""

import numpy as np

from sqlearn.engine.model.state import State
from sqlearn.engine.sums import FEW_LIMBS, Statistic, installed
from sqlearn.engine.validation import Batch
from sqlearn.errors import TooLargeError

_PEAK = 6  # learning multiplies slices of a Gram matrix, reading copies the sums: so many times their size, measured


def check_growth(state: State, batch: Batch, sign: float) -> None:
    """Refuse records, labels and categories that memory cannot hold, also such labels as cannot be forgotten."""
    if sign > 0:
        slots = 1 if state.vocabulary is None else state.vocabulary.projected_size(batch.labels)
        check_records(state.learner, state.statistic, batch, slots)
    try:
        _check_growth(state, batch.labels, batch.levels if sign > 0 else [])
    except TooLargeError:
        if sign > 0 or state.vocabulary is None:
            raise
        unknown = [label not in state.vocabulary.slots for label in batch.labels]
        strange = np.flatnonzero(np.array(unknown)[batch.label_codes] & (batch.weights > 0)).tolist()
        if not strange:
            raise
        raise state.not_held(batch, strange[0]) from None


def check_merge(state: State, other: State) -> None:
    """Refuse to take in labels for which memory cannot hold the sums."""
    _check_growth(state, other.labels(), [])


def _check_growth(state: State, labels: list, levels: list[list]) -> None:
    held = 1 if state.vocabulary is None else state.vocabulary.capacity
    slots = 1 if state.vocabulary is None else state.vocabulary.projected_size(labels)
    if slots > held or levels:  # what is held already is not refused, on no machine
        check_size(state.learner, state.statistic, slots, levels)


def check_records(name: str, statistic: Statistic, batch: Batch, slots: int) -> None:
    """Refuse records that memory cannot hold beside those held, of so many classes in all."""
    needed, memory = statistic.memory_for(batch.x, slots), installed()
    if needed > memory:
        raise TooLargeError(
            f"To hold these rows too and to solve for them, this {name} would take about {needed / 1e9:,.1f} GB, and "
            f"this machine has {memory / 1e9:,.0f} GB. Nothing was changed. Use fewer columns (HashingVectorizer with "
            "a smaller n_features, SelectKBest), fewer classes, or a learner of sqlearn.naive_bayes."
        )


def check_size(name: str, statistic: Statistic, slots: int, levels: list[list]) -> None:
    """Refuse a state that memory cannot hold before any is taken."""
    cells = statistic.projected_size(levels)
    needed = 8 * FEW_LIMBS * slots * cells
    memory = installed()
    if needed > memory // _PEAK:
        sizes = ", ".join(f"{len(column):,}" for column in levels)
        categories = f" and columns of {sizes} categories" if levels else ""
        raise TooLargeError(
            f"The state of this {name} would take about {needed / 1e9:,.1f} GB, and {_PEAK} times that while it "
            f"learns or is read: {slots} x {cells:,} exact sums for {statistic.n_features:,} features{categories}, and "
            f"this machine has {memory / 1e9:,.0f} GB. Nothing was allocated. Use fewer columns (SelectKBest, "
            "hashing), or a learner whose state grows linearly with the columns, such as those of "
            "sqlearn.naive_bayes."
        )
