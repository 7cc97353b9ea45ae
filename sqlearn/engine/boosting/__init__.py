"""Boosted trees that are functions of their records: a structure from a pilot, leaves from exact sums over all.

May import: kernels, arithmetic, sums, rounds, solvers, errors.
"""

from sqlearn.engine.boosting.design import Chosen, Design
from sqlearn.engine.boosting.layout import MOST_BINS, MOST_LEAVES
from sqlearn.engine.boosting.reading import (
    COLUMN,
    COUNT,
    DEPTH,
    EDGE,
    FEATURE,
    LEFT,
    MISSING_LEFT,
    RIGHT,
    Boosted,
    coded,
)
from sqlearn.engine.boosting.statistic import Boosting, BoostingReport
