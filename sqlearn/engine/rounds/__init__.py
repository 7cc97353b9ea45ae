"""Adaptive learners: rounds of sums at parameters on a grid, their trace, and where the rows lie.

May import: kernels, arithmetic, identity, sums, errors.
"""

from sqlearn.engine.rounds.changes import Changes, move
from sqlearn.engine.rounds.kept import LARGEST, LARGEST_BITS, KeptRecords
from sqlearn.engine.rounds.one_record import OneOfKept
from sqlearn.engine.rounds.problem import Evaluate, Problem, Source, check_sums
from sqlearn.engine.rounds.question import AskedRows, Question, add_all
from sqlearn.engine.rounds.row_index import copy_hashes, enter, held, insert, leave, numbers_of, vacant
from sqlearn.engine.rounds.row_source import (
    MAX_HASH,
    ROWS_ELSEWHERE,
    CopiedRows,
    DetachedRows,
    PassedRows,
    ReadOnlyRows,
    Records,
    RowSource,
)
from sqlearn.engine.rounds.rows import Rows, check_rows, gathered, packed, unpacked
from sqlearn.engine.rounds.samples import parts_of, sample_threshold
from sqlearn.engine.rounds.standard import MOST_CLASS_WEIGHT, BalancedScale, Scale, balanced, dithers, standard_scale
from sqlearn.engine.rounds.statistic import Rounds
from sqlearn.engine.rounds.trace import (
    NO_TRACE,
    Evaluation,
    Trace,
    UpdateReport,
    from_bytes,
    serializable,
    to_bytes,
)
from sqlearn.engine.rounds.units import (
    StandardUnits,
    Units,
    constants,
    gains,
    in_units,
    is_in_units,
    roughly,
    zeros,
)
from sqlearn.engine.rounds.walk import GRID_SAMPLE, PILOT
