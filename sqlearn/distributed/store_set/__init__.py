"""Sets of stores: a table in many stores in one folder, with one model over all of them.

May import: storage, store, verification, the engine, errors.
"""

from sqlearn.distributed.store_set.receipts import SetReceipt
from sqlearn.distributed.store_set.store_set import StoreSet
