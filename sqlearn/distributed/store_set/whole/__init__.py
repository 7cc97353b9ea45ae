"""The model of all rows of a set of stores, with its rounds: kept, saved, and brought up to date with each change.

May import: storage, the engine, errors.
"""

from sqlearn.distributed.store_set.whole.model import WholeModel, merged, records_of
from sqlearn.distributed.store_set.whole.noted_rows import Noted, NotedRows
from sqlearn.distributed.store_set.whole.trace_file import TraceFile
