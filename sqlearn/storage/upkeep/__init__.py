"""What a store does beside learning and forgetting: suppression, compaction, erasure reports, audits.

May import: records, table, file, the engine, errors.
"""

from sqlearn.storage.upkeep.audit import Audit
from sqlearn.storage.upkeep.compaction import compact, give_back
from sqlearn.storage.upkeep.erasure import ErasureReport, held_by, report
from sqlearn.storage.upkeep.format_1 import OldStore
from sqlearn.storage.upkeep.suppression import Suppressed, Suppression
