"""Chains of steps that are read from exact sums: what each step sees, and its transform as a linear map.

May import: kernels, identity, arithmetic, sums, ordered, readout, rounds, tables, validation, model, errors.
"""

from sqlearn.engine.chains.encoded_rounds import EncodedRounds, RankedRounds
from sqlearn.engine.chains.encoding import (
    ENCODERS,
    READ_FROM_TABLES,
    check_reader,
    completed,
    has_value,
    read_from_table,
)
from sqlearn.engine.chains.linear import is_linear, mapping_of
from sqlearn.engine.chains.live import LiveState, seen_state
from sqlearn.engine.chains.margins import Margins, Source, Terms
from sqlearn.engine.chains.one_row import (
    Through,
    is_default,
    one_by_one,
    one_predicted,
    predicted,
    row_map,
    row_of,
    side_by_side,
)
from sqlearn.engine.chains.order import Ranked
from sqlearn.engine.chains.scores import class_scores, is_scored, variances
from sqlearn.engine.chains.steady import QUARTILES, Watch, on_grid, settled_centres, settled_medians
from sqlearn.engine.chains.table import Category, Column, Number, Table
from sqlearn.engine.chains.table_encoder import TableEncoder
