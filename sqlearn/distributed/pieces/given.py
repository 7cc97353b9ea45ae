"""From what callers pass as data to pieces and the plan by which they are read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import scipy.sparse as sp

from sqlearn.distributed.pieces.dask_data import dask_pieces, delayed_piece, is_dask, is_delayed
from sqlearn.distributed.pieces.dataset import dataset_pieces, hive_pieces, is_dataset
from sqlearn.distributed.pieces.files import FilePiece, as_local, is_parquet, paths_of
from sqlearn.distributed.pieces.loaded import Called, InMemory, is_batch
from sqlearn.distributed.pieces.parquet import ParquetPiece
from sqlearn.distributed.pieces.piece import Found, Piece
from sqlearn.distributed.pieces.plan import Plan
from sqlearn.distributed.pieces.planning import planned
from sqlearn.distributed.pieces.text import TextPiece, opened_piece, text_piece
from sqlearn.errors import TableError, shown
from sqlearn.storage.table import as_list
from sqlearn.table_files import TableFile, names_columns, refuse_twice

Run = Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], list[Any]]


def _here(function: Callable[..., Any], args: Sequence[tuple[Any, ...]]) -> list[Any]:
    return [function(*each) for each in args]


def _survey(piece: Piece) -> Found:
    return piece.survey()


def pieces_of(
    learner: Any,
    data: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    columns: Sequence[Any] | Mapping[str, str] | None = None,
    run: Run = _here,
) -> tuple[list[Piece], Plan]:
    """The pieces of a data set, and the plan by which a learner's records are read from them.

    Parameters
    ----------
    learner : Learner
        What is to learn them.
    data : path, glob, folder, list of files, iterable of frames, arrays, (X, y) pairs or callables
        The data.
    y : name, list of names or array, optional
        The column of labels or targets, or several; or their values, beside one frame or array.
    sample_weight : name or array, optional
        The column of weights, or their values.
    columns : list of names, optional
        The features; by default all columns but these. Of text files, a mapping gives the kinds of some columns, as
        :class:`~sqlearn.table_files.TableFile` takes them; "drop" leaves one out.
    run : callable
        Calls a function with each of some tuples of arguments, where the pieces among them lie, and returns the
        results in order; by default here.

    Returns
    -------
    pieces : list of Piece
        The pieces, with what tells whether they have changed.
    plan : Plan
        Names and kinds of columns, settled over all pieces.

    Raises
    ------
    SqlearnError
        When a piece cannot be read, or pieces do not fit together; it names them.
    """
    target, weight = (_names(each, data) for each in (y, sample_weight))
    beside = (y if target is None else None, sample_weight if weight is None else None)
    given = _pieces(data, beside, columns if isinstance(columns, Mapping) else None)
    if not given:
        raise TableError(
            f"There is no data in {shown(data)}. Nothing was changed: pass at least one piece.", reason="table"
        )
    of_kinds = isinstance(columns, Mapping)
    others = [piece.name for piece in given if not isinstance(piece, TextPiece)] if of_kinds else []
    if others:
        raise TableError(
            f"`columns` gives kinds of columns, and {others[0]} is no text file: its columns have types. Nothing was "
            "changed: pass a list of the features.",
            reason="columns",
        )
    found = run(_survey, [(piece,) for piece in given])
    chosen = None if columns is None or of_kinds else as_list(columns)
    return planned(learner, [piece.name for piece in given], found, target, weight, chosen)


def _names(given: Any, data: Any) -> Any:
    """A name of a column, or several; None for values."""
    if isinstance(given, str):
        return given
    columns = _columns(data)
    if columns is None:  # there are many pieces, or they are Dask's
        are_names = isinstance(given, int) or (
            isinstance(given, list | tuple) and all(isinstance(n, str) for n in given)
        )
    else:
        several = isinstance(given, list | tuple) and all(isinstance(name, str | int) for name in given)
        are_names = given in columns if isinstance(given, int) else several and {*given} <= {*columns}
    return given if are_names else None


def _columns(data: Any) -> list[Any] | None:
    """The names of the columns of a frame; none of an array, and None of all else."""
    if is_batch(data):
        return [*data.schema.names]
    if nw.dependencies.is_into_dataframe(data):
        return [*nw.from_native(data, eager_only=True).columns]
    return [] if _is_table(data) else None


def _pieces(data: Any, beside: tuple[Any, Any], kinds: Mapping[str, str] | None) -> list[Piece]:
    """What was given, as pieces that were not looked at yet."""
    if is_delayed(data):
        data = [data]
    elif is_dask(data):
        return dask_pieces(data, *beside)
    elif is_dataset(data):
        data = [data]
    if _is_table(data):
        return [InMemory("the data", value=(data, *beside))]
    if any(each is not None for each in beside):
        values = next(each for each in beside if each is not None)
        raise TableError(
            f"`y` and `sample_weight` name columns of such data, and {shown(values)} is no name. Nothing was changed: "
            "pass a column's name, or pieces (X, y) or (X, y, sample_weight).",
            reason="target",
        )
    if isinstance(data, str | PathLike | TableFile):
        data = [data]
    if not isinstance(data, Iterable) or isinstance(data, Mapping | bytes):
        raise _no_data(data)
    pieces: list[Piece] = []
    files: list[str] = []
    for i, each in enumerate(data):
        if isinstance(each, str | PathLike | TableFile) or is_dataset(each):
            found = dataset_pieces(each) if is_dataset(each) else _files(each, kinds)
            pieces += found
            named = (piece.file() for piece in found if isinstance(piece, FilePiece))
            files += dict.fromkeys(name for name in named if name is not None)  # a Dataset may have a file in parts
        elif is_delayed(each) or (isinstance(each, tuple) and any(map(is_delayed, each))):
            pieces.append(delayed_piece(f"piece {i}", each))
        elif isinstance(each, tuple) or _is_table(each) or isinstance(each, list):
            pieces.append(InMemory(f"piece {i}", value=each))
        elif callable(each) and not is_dask(each):
            pieces.append(Called(f"piece {i}", function=each))
        else:
            raise _no_data(each)
    refuse_twice(files)
    return pieces


def _files(given: Any, kinds: Mapping[str, str] | None) -> list[Piece]:
    if isinstance(given, TableFile):
        return [opened_piece(given)]
    given = as_local(given)
    if names_columns(given):
        return hive_pieces(given)
    return [ParquetPiece(path, path=path) if is_parquet(path) else text_piece(path, kinds) for path in paths_of(given)]


def _is_table(data: Any) -> bool:
    is_array = isinstance(data, np.ndarray) or sp.issparse(data) or is_batch(data)
    return is_array or nw.dependencies.is_into_dataframe(data) or nw.dependencies.is_into_series(data)


def _no_data(data: Any) -> TableError:
    return TableError(
        f"{shown(data)} is no data that can be read in pieces. Nothing was changed: pass files, a pyarrow Dataset, a "
        "Dask DataFrame or Array, or an iterable of frames, arrays, tuples (X, y), delayed objects or callables.",
        reason="table",
    )
