"""Tables in files: CSV, TSV and Parquet, read in blocks by pyarrow; a table may lie in several files.

May import: storage, errors.
"""

from sqlearn.table_files.files import BOOLEANS, MISSING, TableFile
from sqlearn.table_files.paths import is_data, is_url, names_columns, paths_at, refuse_twice, some
from sqlearn.table_files.several import TableFiles, table_in
from sqlearn.table_files.source import Source, known_encoding
