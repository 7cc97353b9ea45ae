"""The table that a store is made of: its columns, and blocks of them.

May import: file, the engine, errors.
"""

from sqlearn.storage.table.blocks import Block, Category, category_of, length, take
from sqlearn.storage.table.columns import Column, Columns
from sqlearn.storage.table.dates import DATES, NO_DATE, microseconds
from sqlearn.storage.table.feeding import (
    arguments,
    asks_in_rounds,
    images_of,
    named_categories,
    predicting,
    prepared,
    relabelled,
    takes_categories,
    takes_labels,
    target_names,
    target_of,
    words_of,
)
from sqlearn.storage.table.frames import as_whole, frames_of, is_number, length_of
from sqlearn.storage.table.given import (
    as_flag,
    as_list,
    as_names,
    as_path,
    as_reading,
    as_seconds,
    as_values,
    check_given_once,
    named_ids,
)
from sqlearn.storage.table.interactions import (
    check_roles,
    check_whose,
    found_names,
    interaction_columns,
    refuse_recommending,
    takes_interactions,
)
from sqlearn.storage.table.places import Place, PlacedColumns, located, name_column, name_place, place_of
from sqlearn.storage.table.selectors import with_chosen_columns, without_chosen_columns
