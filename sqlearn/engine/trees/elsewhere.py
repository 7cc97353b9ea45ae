"""Trees that grow where their records lie, and are asked there; or were described before a model was taken along."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from sqlearn.engine.rounds import ROWS_ELSEWHERE, ReadOnlyRows
from sqlearn.engine.sums import UNFIT
from sqlearn.engine.trees.tree import Description
from sqlearn.errors import FormatError, UnsupportedError


@runtime_checkable
class TreesElsewhere(Protocol):
    """What a :class:`~sqlearn.engine.rounds.row_source.RowSource` has beside, where all trees of its records are.

    `labels` has the label of each class slot.
    """

    def hashes(self, labels: dict[int, Any]) -> bytes:
        """The hashes of all trees, as one forest of them has them in its canonical bytes."""

    def described(self, labels: dict[int, Any]) -> list[Description | None]:
        """All trees in their canonical form; None for trees without records."""


class DescribedTrees(ReadOnlyRows):
    """The source of a model that was taken along without its records: it has the trees that answer.

    Parameters
    ----------
    hashes : bytes
        The hashes of all trees.
    trees : list of Description or None
        The trees.
    """

    why = ROWS_ELSEWHERE

    def __init__(self, hashes: bytes, trees: list[Description | None]) -> None:
        self._hashes, self._trees = hashes, trees

    def hashes(self, labels: dict[int, Any]) -> bytes:
        return self._hashes

    def described(self, labels: dict[int, Any]) -> list[Description | None]:
        return self._trees

    def blocks(self, limit: int) -> Any:
        self._refuse()


def no_trees_here() -> UnsupportedError:
    """The error of what only trees in this process tell."""
    return UnsupportedError(
        "The trees of this forest grow where its rows lie, and follow a change when they are read: what a change would "
        "cost is not known here. Nothing was changed: forget at once, or fit in one process.",
        reason="rows elsewhere",
    )


def in_bytes(trees: Sequence[Description | None]) -> bytes:
    """Trees as bytes."""
    columns = max((tree.values.shape[1] for tree in trees if tree is not None), default=1)
    sizes = [0 if tree is None else len(tree.split) for tree in trees]
    parts = [np.array([len(trees), columns, *sizes], "<i8").tobytes()]
    for tree in trees:
        parts += [] if tree is None else [array.astype(array.dtype.newbyteorder("<")).tobytes() for array in tree]
    return b"".join(parts)


def described_in(data: bytes, n_features: int) -> list[Description | None]:
    """The trees over so many features that :func:`in_bytes` was given.

    Raises
    ------
    FormatError
        When it was given none such: the bytes were altered.
    """
    n, columns = np.frombuffer(data, "<i8", 2).tolist()
    sizes, start = np.frombuffer(data, "<i8", n, 16).tolist(), 16 + 8 * n
    if min(sizes, default=0) < 0 or columns < 1 or len(data) != start + 8 * sum(sizes) * (7 + columns):
        raise FormatError(UNFIT)
    trees: list[Description | None] = []
    for size in sizes:
        arrays: list[np.ndarray] = []
        for kind, width in (("<i8", 4), ("<f8", 1), ("<f8", 2), ("<f8", columns)):
            array = np.frombuffer(data, kind, size * width, start).astype(kind[1:])
            arrays.append(array if len(arrays) == 1 else array.reshape(size, width))
            start += array.nbytes
        trees.append(Description(*arrays) if size else None)
        if size and not _is_tree(arrays[0], n_features):
            raise FormatError(UNFIT)
    return trees


def _is_tree(split: np.ndarray, n_features: int) -> bool:
    """Whether nodes come in preorder, each below one that is before it."""
    left, right, feature = split[:, 0], split[:, 1], split[:, 2]
    here, inner = np.arange(len(split)), left >= 0
    children = np.concatenate([left[inner], right[inner]])
    fits = (left[inner] == here[inner] + 1) & (right[inner] > left[inner]) & (feature[inner] >= 0)
    is_whole = np.array_equal(np.sort(children), here[1:]) and (feature[inner] < n_features).all()
    return bool(fits.all() and is_whole and (split[~inner, :3] == [-1, -1, -2]).all())
