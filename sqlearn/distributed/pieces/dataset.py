"""Pieces of a pyarrow Dataset: its fragments, or runs of their row groups."""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlearn.distributed.pieces.block import ROWS
from sqlearn.distributed.pieces.files import FilePiece, reading
from sqlearn.distributed.pieces.loaded import InMemory
from sqlearn.distributed.pieces.parquet import groups_with, runs, schema_kinds
from sqlearn.distributed.pieces.piece import Found, Piece, PieceRows
from sqlearn.distributed.pieces.plan import Plan, lacking
from sqlearn.errors import TableError


@dataclass
class DatasetPiece(FilePiece):
    """A fragment of a data set.

    Attributes
    ----------
    fragment : pyarrow.dataset.Fragment
        What reads it.
    schema : pyarrow.Schema
        That of the data set: columns that the file has not are those of its folder, or have no values.
    before : int
        The number of rows of the fragment before it.
    """

    fragment: Any = None
    schema: Any = None
    before: int = 0

    def current(self) -> Any:
        with reading(self.name):
            found = self.fragment.filesystem.get_file_info(self.fragment.path)
            return found.size, found.mtime_ns

    def file(self) -> str | None:
        return self.path if self.fragment.filesystem.type_name == "local" else None

    def _fields(self) -> Any:
        """The schema of the fragment: the types of its file, and for other columns those of the data set."""
        import pyarrow as pa

        own = self.fragment.physical_schema
        more = [field for field in self.schema if own.get_field_index(field.name) < 0]
        return pa.schema([*own, *more])

    def survey(self) -> Found:
        whole = replace(self, version=self.current())
        with reading(self.name):
            kinds = schema_kinds(self._fields(), self.name)
            groups = getattr(self.fragment, "row_groups", None)  # of the file, or some of them
            if groups is None:
                return Found("frame", kinds, None, [whole], "pyarrow")
            ids, rows = [group.id for group in groups], [group.num_rows for group in groups]
        pieces = [
            replace(whole, fragment=self.fragment.subset(row_group_ids=ids[slice(*run)]), before=before, count=count)
            for run, before, count in runs(rows)
        ]
        return Found("frame", kinds, sum(rows), pieces, "pyarrow")

    def parts(self, name: Any = None, values: Collection[Any] = ()) -> Iterator[tuple[int, Piece]] | None:
        return self._parts(name, values) if hasattr(self.fragment, "row_groups") else None

    def _parts(self, name: Any, values: Collection[Any]) -> Iterator[tuple[int, Piece]]:
        self._check()
        with reading(self.name):
            for group, first, count in groups_with(self.fragment, name, values):
                part = self.fragment.subset(row_group_ids=[group])
                yield first, replace(self, fragment=part, before=self.before + first, count=count)

    def rows(self, plan: Plan) -> Iterator[PieceRows]:
        import pyarrow as pa

        with reading(self.name):
            schema = self._fields()
            missing = [name for name in plan.columns if name not in schema.names]
            if missing:
                raise lacking(self.name, missing[0], schema.names)
            options = {"use_threads": False, "batch_readahead": 1, "fragment_readahead": 1}
            by_group = hasattr(self.fragment, "row_groups")  # each on its own: pyarrow keeps what it has read
            for part in self.fragment.split_by_row_group() if by_group else [self.fragment]:
                for batch in part.to_batches(schema=schema, columns=plan.columns, batch_size=ROWS, **options):
                    yield PieceRows(pa.Table.from_batches([batch]))

    def place(self, row: int) -> tuple[str, dict[str, int]]:
        return f"{self.name}, row {self.before + row}", {"row": self.before + row}


def dataset_pieces(data: Any) -> list[Piece]:
    """The pieces of a pyarrow Dataset.

    Raises
    ------
    TableError
        When rows of it were filtered, which its fragments do not know of.
    """
    try:
        fragments = list(data.get_fragments())
    except ValueError as error:
        raise TableError(
            f"The data set has no fragments of its own: {error} Nothing was changed: pass the whole data set, and name "
            "the features in `columns`.",
            reason="table",
        ) from error
    return [
        DatasetPiece(each.path, path=each.path, fragment=each, schema=data.schema)
        if hasattr(each, "path")
        else InMemory(f"fragment {i}", value=each.to_table())
        for i, each in enumerate(fragments)
    ]


def hive_pieces(folder: Any) -> list[Piece]:
    """The pieces of a folder of Parquet files in such folders."""
    from pyarrow import dataset

    with reading(os.fspath(folder)):
        return dataset_pieces(dataset.dataset(os.fspath(folder), format="parquet", partitioning="hive"))


def is_dataset(data: Any) -> bool:
    """Whether this is a data set of pyarrow's."""
    return type(data).__module__ in ("pyarrow._dataset", "pyarrow.dataset") and hasattr(data, "get_fragments")
