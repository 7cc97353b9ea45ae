"""What a piece is: rows that lie somewhere, which are read again in the same order."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sqlearn.distributed.pieces.block import Block
from sqlearn.distributed.pieces.plan import Plan
from sqlearn.errors import TableError
from sqlearn.storage.table import Place


@dataclass(frozen=True)
class Found:
    """What a survey found in a piece.

    Attributes
    ----------
    form : {"frame", "array", "sparse", "texts"}
        Of its features.
    library : str or None
        Whose frames they are.
    kinds : mapping
        Kind of each column, by name or, of arrays, by position.
    y, weight : sequence of str
        Kind of each column of the labels or targets, and of the weights, where they come beside the features.
    ndim : int
        Dimensions of the labels or targets that come beside the features.
    count : int or None
        Number of rows, where it is known.
    pieces : sequence of Piece
        What to read in its place: parts of a large file, or the piece with what tells whether it has changed.
    written : bool
        Whether booleans were recognised in text, and are text if any piece has other words in their place.
    declared : bool
        Whether kinds were declared, and nobody has looked: numbers may be of another type.
    """

    form: str
    kinds: Mapping[Any, str]
    count: int | None
    pieces: Sequence["Piece"]
    library: str | None = None
    y: Sequence[str] = ()
    weight: Sequence[str] = ()
    ndim: int = 0
    written: bool = False
    declared: bool = False


@dataclass
class PieceRows:
    """Rows of a piece as they are read, before they take the plan's form."""

    X: Any
    y: Any = None
    weight: Any = None
    place: Place | None = None
    exact: Mapping[Any, np.ndarray] = field(default_factory=dict)  # as of a block


@dataclass
class Piece(ABC):
    """Rows that lie somewhere. It is small and can be pickled: what travels to a worker.

    Attributes
    ----------
    name : str
        What messages call it, such as a path.
    count : int or None
        Number of rows, where it is known.
    """

    name: str
    count: int | None = field(default=None, kw_only=True)

    @abstractmethod
    def survey(self) -> Found:
        """What its columns are."""

    @abstractmethod
    def read(self, plan: Plan) -> Iterator[PieceRows]:
        """Its rows, always in the same order."""

    def parts(self, name: Any = None, values: Collection[Any] = ()) -> Iterator[tuple[int, "Piece"]] | None:
        """Smaller pieces, with the number of the first row of each; None where one column costs as much as all to read.

        Parameters
        ----------
        name : str, optional
            A column: then those are left out of which it is known that none of these values is in it.
        values : collection of str or of int
            The values.
        """
        return None

    def place(self, row: int) -> tuple[str, dict[str, int]]:
        """Where a row of the piece stands, in words and as fields of errors."""
        return f"{self.name}, row {row}", {"row": row}

    def blocks(self, plan: Plan) -> Iterator[Block]:
        """Its rows in the plan's form, at most 65,536 at once, always in the same order.

        Raises
        ------
        SqlearnError
            When a column is missing, of another kind than the plan says, or when the rows have changed.
        """
        start = 0
        for rows in self.read(plan):
            for block in plan.blocks(rows, start, self):
                yield block
                start += len(block)
        if self.count is not None and start != self.count:
            raise TableError(
                f"{self.name} has {start:,} rows, and had {self.count:,} when it was first read. Nothing was changed: "
                "pass data that stays as it is, and fit again.",
                reason="table",
            )
