"""Pieces of Parquet files: runs of row groups."""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import Any

import narwhals.stable.v2 as nw

from sqlearn.distributed.pieces.block import ROWS
from sqlearn.distributed.pieces.files import FilePiece, filesystem_of, reading
from sqlearn.distributed.pieces.kinds import column_kind
from sqlearn.distributed.pieces.piece import Found, Piece, PieceRows
from sqlearn.distributed.pieces.plan import Plan, lacking
from sqlearn.errors import TableError, shown
from sqlearn.table_files import is_url

_FEW = 1 << 21  # rows: the row groups of a larger file are several pieces
_FEW_VALUES = 100  # for more, statistics are asked for the whole range of them
_INDEX = re.compile(r"__index_level_\d+__|__null_dask_index__")  # how pandas and Dask write an index without a name


@dataclass
class ParquetPiece(FilePiece):
    """Row groups of a Parquet file.

    Attributes
    ----------
    groups : tuple of int
        The first row group and the one behind the last; none before the survey.
    before : int
        The number of rows before them.
    """

    groups: tuple[int, int] = 0, 0
    before: int = 0

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        from pyarrow import parquet

        with reading(self.name):
            if is_url(self.path):
                filesystem, path = filesystem_of(self.path)
                with filesystem.open(path, "rb") as raw, parquet.ParquetFile(raw) as file:
                    yield file
            else:
                with parquet.ParquetFile(self.path) as file:
                    yield file

    def survey(self) -> Found:
        version = self.current()
        with self._opened() as file:
            schema, metadata = file.schema_arrow, file.metadata
            rows = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        kinds = schema_kinds(schema, self.name)
        whole = replace(self, version=version)
        pieces = [replace(whole, groups=groups, before=before, count=count) for groups, before, count in runs(rows)]
        return Found("frame", kinds, sum(rows), pieces, "pyarrow")

    def parts(self, name: Any = None, values: Collection[Any] = ()) -> Iterator[tuple[int, Piece]] | None:
        return None if is_url(self.path) else self._parts(name, values)

    def _parts(self, name: Any, values: Collection[Any]) -> Iterator[tuple[int, Piece]]:
        from pyarrow import dataset, fs

        self._check()
        with reading(self.name):
            form = dataset.ParquetFileFormat()
            fragment = form.make_fragment(self.path, fs.LocalFileSystem(), row_groups=[*range(*self.groups)])
            for group, first, count in groups_with(fragment, name, values):
                before = self.before + first
                yield first, replace(self, groups=(group, group + 1), before=before, count=count)

    def rows(self, plan: Plan) -> Iterator[PieceRows]:
        import pyarrow as pa

        with self._opened() as file:
            names = file.schema_arrow.names
            missing = [name for name in plan.columns if name not in names]
            if missing:
                raise lacking(self.name, missing[0], names)
            for group in range(*self.groups):  # each on its own: pyarrow keeps what it has read until the last one
                for batch in file.iter_batches(ROWS, row_groups=[group], columns=plan.columns, use_threads=False):
                    yield PieceRows(pa.Table.from_batches([batch]))

    def place(self, row: int) -> tuple[str, dict[str, int]]:
        return f"{self.name}, row {self.before + row}", {"row": self.before + row}


def runs(rows: list[int]) -> Iterator[tuple[tuple[int, int], int, int]]:
    """Runs of row groups of these many rows: first and end, rows before, and rows. There is one at least."""
    first = before = count = 0
    for group, n in enumerate(rows):
        count += n
        if count >= _FEW or group == len(rows) - 1:
            yield (first, group + 1), before, count
            first, before, count = group + 1, before + count, 0
    if not rows:
        yield (0, 0), 0, 0


def groups_with(fragment: Any, name: Any, values: Collection[Any]) -> Iterator[tuple[int, int, int]]:
    """The row groups of a fragment, each with the rows of the fragment before it, and its own.

    Without those whose statistics tell that none of these values, texts or whole numbers, is in a column of their type.
    """
    import pyarrow as pa
    from pyarrow import compute

    chosen = fragment
    if len(values) and name in fragment.physical_schema.names:
        kind = fragment.physical_schema.field(name).type
        texts = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        if all(isinstance(value, str) for value in values) if texts else pa.types.is_integer(kind):
            try:
                ordered = pa.array(sorted(values), kind)
            except (pa.ArrowException, OverflowError, UnicodeError):  # what the type has not
                ordered = None
            if ordered is not None:
                column = compute.field(name)
                few = ordered if len(ordered) <= _FEW_VALUES else []
                tests = [column == value for value in few] or [(column >= ordered[0]) & (column <= ordered[-1])]
                chosen = fragment.subset(filter=reduce(or_, tests))
    left, before = {group.id for group in chosen.row_groups}, 0
    for group in fragment.row_groups:
        if group.id in left:
            yield group.id, before, group.num_rows
        before += group.num_rows


def schema_kinds(schema: Any, name: str) -> dict[str, str]:
    """Kind of each column of a pyarrow schema, without an index of pandas or Dask that has no name of its own."""
    twice = [column for column in schema.names if schema.names.count(column) > 1]
    if twice:
        raise TableError(
            f"{name} has two columns {shown(twice[0])}. Nothing was changed: rename one of them.",
            column=twice[0],
            reason="file",
        )
    frame = nw.from_native(schema.empty_table(), eager_only=True)
    return {column: column_kind(frame.get_column(column)) for column in frame.columns if not _INDEX.fullmatch(column)}
