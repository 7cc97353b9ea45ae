"""Adaptive learners: rounds of sums at parameters on a grid, their trace, and where the rows lie.

May import: kernels, arithmetic, sums, errors.
"""

from sqlearn.engine.rounds.row_source import EVERY, ROWS_ELSEWHERE, Elsewhere, Records, RowSource
from sqlearn.engine.rounds.rows import Rows, copy_hashes, numbers_of, packed, unpacked
from sqlearn.engine.rounds.standard import Scale, balanced, dithers, standard_scale
from sqlearn.engine.rounds.trace import Trace, Walk, kept
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
    share,
)

__all__ = [
    "BLOCK",
    "EVERY",
    "GRID_SAMPLE",
    "LARGEST",
    "ROWS_ELSEWHERE",
    "Changes",
    "Elsewhere",
    "Problem",
    "Records",
    "Rounds",
    "RowSource",
    "Rows",
    "Scale",
    "Trace",
    "Walk",
    "balanced",
    "check_rows",
    "check_sums",
    "copy_hashes",
    "dithers",
    "kept",
    "move",
    "numbers_of",
    "packed",
    "parts_of",
    "share",
    "standard_scale",
    "unpacked",
]
