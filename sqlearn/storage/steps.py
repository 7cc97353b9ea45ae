"""The steps that verbs are made of, which are all in which a store and a set of stores differ."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import numpy as np
from sklearn.utils import Bunch

from sqlearn.storage.file import ChainCheck
from sqlearn.storage.table import Columns
from sqlearn.storage.types import Ids, Progress
from sqlearn.storage.upkeep import ErasureReport, Suppressed

R = TypeVar("R")  # a receipt

# by part, places of rows, and their ids if they were named by them; parts without any are left out. A store is part 0
Places: TypeAlias = Mapping[int, tuple[np.ndarray, list[Any] | None]]


class Named(NamedTuple):
    """What names rows: one of these."""

    ids: Ids | None = None
    where: str | None = None
    users: Ids | None = None
    items: Ids | None = None


def count_of(places: Places) -> int:
    """How many rows these are."""
    return sum(len(slots) for slots, _ in places.values())


class Steps(ABC, Generic[R]):
    """What a verb does, in the order in which it is done. All but the first two are called within a transaction.

    `change` is what :meth:`_changing` gave. Where it may be None, something is asked within :meth:`_reading`.
    """

    path: Path
    _columns: Columns
    _ids: Any  # of which `textual` tells whether ids are text
    _learner: Any  # a model of the class and the parameters

    @abstractmethod
    def _reading(self) -> AbstractContextManager[None]:
        """One moment of everything."""

    @abstractmethod
    def _changing(self, progress: Progress | None = None) -> AbstractContextManager[Any]:
        """All or nothing."""

    # ------------------------------------------------------------------ reading

    @abstractmethod
    def _count(self) -> int:
        """Number of rows."""

    @abstractmethod
    def _described(self) -> str:
        """What there is, in a line."""

    @abstractmethod
    def _whole(self) -> Any:
        """The model of all rows, which is not to be changed."""

    @abstractmethod
    def _predicting(self) -> tuple[Any, Callable[[], None]]:
        """A model to predict with after the transaction, and what raises when a change has reached it."""

    @abstractmethod
    def _labels_held(self) -> Sequence[Any]:
        """The labels that rows have, of a model that takes labels."""

    @abstractmethod
    def _state_digest(self) -> str:
        """Digest of the state of the model of all rows."""

    @abstractmethod
    def _places(self, named: Named, progress: Progress | None, change: Any = None) -> Places:
        """The rows that are named."""

    @abstractmethod
    def _ids_at(self, places: Places | None) -> list[Any]:
        """Ids of rows; of all rows for None."""

    @abstractmethod
    def _rows_at(self, places: Places | None) -> Bunch:
        """Rows as models take them; all rows for None."""

    @abstractmethod
    def _others(self, target: dict[str, Any], places: Places, change: Any = None) -> Places:
        """Those of these rows that have another target than this one."""

    @abstractmethod
    def _all_receipts(self) -> list[R]:
        """All receipts, in order."""

    @abstractmethod
    def _chain(self, kept: Sequence[R], signing_key: bytes | str | None) -> ChainCheck:
        """Whether receipts lead up to the state on file."""

    @abstractmethod
    def _searched(self, wanted: set[Any], texts: set[str]) -> ErasureReport:
        """What is found of values, and of the words of those that are texts."""

    # ------------------------------------------------------------------ changing

    @abstractmethod
    def _learn(self, table: Any, progress: Progress | None, change: Any) -> R:
        """Learn the rows of a table."""

    @abstractmethod
    def _forget(self, places: Places, named: Named, change: Any) -> R:
        """Forget rows that were so named."""

    @abstractmethod
    def _relabel(self, places: Places, target: dict[str, Any], change: Any) -> R:
        """Give rows another target."""

    @abstractmethod
    def _without(self, named: Named, progress: Progress | None) -> Any:
        """The model without rows, in a transaction of its own that changes nothing."""

    @abstractmethod
    def _compacted(self) -> int:
        """Shrink what there is, in transactions of its own, by so many bytes."""

    # ------------------------------------------------------------------ ids that are not learned again

    @abstractmethod
    def _list(self) -> Suppressed:
        """The ids that are refused."""

    @abstractmethod
    def _lift(self, ids: Ids | None, change: Any) -> R | None:
        """Allow ids again."""

    @abstractmethod
    def _replay(self, suppressed: Suppressed, change: Any) -> R:
        """Forget the rows, and refuse the ids, of a list."""
