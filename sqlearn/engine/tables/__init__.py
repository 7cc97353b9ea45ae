"""Tables of numbers, categories and missing values, as statistics of the columns.

May import: all other packages of the engine.
"""

from sqlearn.engine.tables.bayes import TableBayes
from sqlearn.engine.tables.bin_codes import BinCodes
from sqlearn.engine.tables.gram import FixedGram, TableGram
from sqlearn.engine.tables.indicators import categories_in, category_tree, indicators_of, over_indicators
from sqlearn.engine.tables.kept_table import KeptTable, TableForm, holds_categories, split_kept
from sqlearn.engine.tables.numbered import LARGEST, Numbers, joined, numbered, numbers_of
from sqlearn.engine.tables.reader import Fits, TableReader, table_tags
from sqlearn.engine.tables.rounds import TableRounds
from sqlearn.engine.tables.table import (
    Columns,
    as_columns,
    as_table,
    categorical_columns,
    check_table,
    chosen,
    is_missing,
    kinds_of,
    names_of,
    split,
    without_numbers,
)
