"""The rows in the file: packed, with their ids, as a source for adaptive learners, and selected.

May import: conditions, table, file, the engine, errors.
"""

from sqlearn.storage.records.copies import Copies, Count
from sqlearn.storage.records.ids import IdHashes, Ids, refuse_unknown
from sqlearn.storage.records.labels import Labels, labels_of, learn_rows, named_role
from sqlearn.storage.records.row_source import Recount, RowsOnFile, StoredRows, seed_of
from sqlearn.storage.records.rows import Rows
from sqlearn.storage.records.selection import Selection, in_order, looking
