"""Tables in files: CSV, TSV and Parquet, read in blocks by pyarrow.

May import: storage, errors.
"""

from sqlearn.table_files.files import BOOLEANS, MISSING, TableFile
from sqlearn.table_files.source import Source, known_encoding
