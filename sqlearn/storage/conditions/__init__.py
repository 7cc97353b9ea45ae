"""Conditions on rows: parsed, typed and evaluated in a sandbox of SQLite.

May import: table, file, errors.
"""

from sqlearn.storage.conditions.condition import Condition, Seen
