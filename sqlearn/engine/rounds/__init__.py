"""Adaptive learners: rounds of sums at parameters on a grid, their trace, and where the rows lie.

May import: kernels, arithmetic, sums, errors.
"""

from sqlearn.engine.rounds.row_source import MAX_HASH, ROWS_ELSEWHERE, DetachedRows, Records, RowSource
from sqlearn.engine.rounds.rows import Rows, copy_hashes, numbers_of, packed, unpacked
from sqlearn.engine.rounds.standard import Scale, balanced, dithers, standard_scale
from sqlearn.engine.rounds.trace import Trace, UpdateReport, serializable
from sqlearn.engine.rounds.walk import (
    BLOCK,
    GRID_SAMPLE,
    LARGEST,
    Changes,
    Problem,
    Rounds,
    check_rows,
    check_sums,
    move,
    parts_of,
    sample_threshold,
)

__all__ = [
    "BLOCK",
    "GRID_SAMPLE",
    "LARGEST",
    "MAX_HASH",
    "ROWS_ELSEWHERE",
    "Changes",
    "DetachedRows",
    "Problem",
    "Records",
    "Rounds",
    "RowSource",
    "Rows",
    "Scale",
    "Trace",
    "UpdateReport",
    "balanced",
    "check_rows",
    "check_sums",
    "copy_hashes",
    "dithers",
    "move",
    "numbers_of",
    "packed",
    "parts_of",
    "sample_threshold",
    "serializable",
    "standard_scale",
    "unpacked",
]
