"""What is summed: the protocol of the few statistics that all learners read.

A statistic has slots (one per class; a single one for learners without classes) and holds, exactly, what its kernel
deposits for every record. Learners that share one differ in their read-outs alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
import scipy.sparse as sp

from sqlearn.engine.arithmetic import normalized
from sqlearn.engine.identity import Vocabulary
from sqlearn.engine.sums.exact import Deposit, ExactSum
from sqlearn.engine.sums.one_record import Holder, OneRecord
from sqlearn.engine.sums.transaction import Log
from sqlearn.errors import FormatError

UNFIT = "This model's bytes are inconsistent. Load an intact copy, or fit the model anew."


@dataclass
class Block:
    """Some canonical records.

    Attributes
    ----------
    x : float64[n, d] or CSR matrix of float64
        Features: no -0.0; CSR has sorted indices, int64, and no stored zeros. NaN only for
        :class:`~sqlearn.engine.sums.joint.Mixed`.
    codes : int64[n, c]
        Slots of the categories (see :class:`~sqlearn.engine.sums.categories.Categories`), -1 where missing.
    slots : int64[n]
        Slot of each record's class.
    targets : float64[n, t]
        Values to predict; no columns where there are none.
    weights : float64[n]
        Sample weights.
    digests : uint64[n, 6]
        Digests of the records.
    """

    x: np.ndarray | sp.csr_array
    codes: np.ndarray
    slots: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    digests: np.ndarray

    def __len__(self):
        return len(self.weights)


class Statistic:
    """An exact sum and the number of records in each of its slots.

    Attributes
    ----------
    total : ExactSum
        The sum.
    record_counts : int64[slots]
        Number of records of positive weight.
    takes_sparse : bool
        Whether it takes features as CSR rows; as arrays otherwise.
    keeps_records : bool
        Whether it keeps the records with their digests, so that no ledger is needed.
    n_parts : int
        Number of canonical byte strings.
    parts_of_own_rows : tuple of int
        Those of them that are empty where the records are kept elsewhere.
    is_share : bool
        Whether it holds a share of a model's records, and what depends on all of them is found for all shares together.
    """

    takes_sparse = False
    keeps_records = False
    n_parts = 2
    parts_of_own_rows: tuple[int, ...] = ()
    is_share = False

    def __init__(self, n_features: int, n_targets: int):
        self.n_features, self.n_targets = n_features, n_targets
        self.record_counts: np.ndarray = np.zeros(0, np.int64)
        self.total = ExactSum(0, self.cells(n_features, n_targets))

    @staticmethod
    def cells(n_features: int, n_targets: int) -> int:
        """Number of cells of a slot."""
        raise NotImplementedError

    def projected_size(self, levels: list[list]) -> int:
        """Number of cells of a slot, once these categories of each column are held too."""
        return self.cells(self.n_features, self.n_targets)

    @property
    def vocabularies(self) -> tuple[Vocabulary, ...]:
        """Where categories have slots."""
        return ()

    def deposit(self, block: Block, sign: float, log: Log) -> None:
        """Add (1.0) or subtract (-1.0) a block, in steps that the log can take back."""
        raise NotImplementedError

    def fast_path(self, state: Holder) -> OneRecord | None:
        """The fast path of one record for the state that holds this statistic; None where there is none."""
        return None

    def _put(self, deposit: Deposit, sign: float, log: Log, back: Deposit | None = None) -> None:
        """Add or subtract terms of the sum; `back` says how to take them back, if not as they came."""
        if log.keeps:
            self.total.make_ready(back, self.record_counts)
        log.do(
            partial(self.total.deposit, deposit, sign, self.record_counts),
            partial(self._take_out, back or deposit, sign),
        )

    def _take_out(self, deposit: Deposit, sign: float) -> None:
        self.total.take_back(deposit, deposit.n, sign, self.record_counts)

    def _put_blocks(self, blocks: Callable[[float], None], by_row: Deposit, sign: float, log: Log) -> None:
        """Add or subtract terms of the sum all at once, through BLAS; `by_row` takes them back without memory."""
        if log.keeps:
            self.total.make_ready(by_row, self.record_counts)
        log.do(partial(blocks, sign), partial(self._take_out_blocks, blocks, by_row, sign, log))

    def _take_out_blocks(self, blocks: Callable[[float], None], by_row: Deposit, sign: float, log: Log) -> None:
        if log.at_leisure:
            try:
                blocks(-sign)
            except Exception:  # no memory, say
                log.at_leisure = False
            else:
                return
        self._take_out(by_row, sign)

    def reserve(self, records: int) -> None:
        """Make room for so many more records, where they are kept."""

    def memory_for(self, x: Any, slots: int) -> int:
        """Bytes that it takes to hold these rows too, of so many classes, and to read what they give.

        0 where records are not kept, or are as large as the rows that were given.
        """
        return 0

    def first_missing(self, block: Block) -> int:
        """The first record of a block that cannot be held, or -1; without their digests, only counts can tell."""
        left = self.record_counts.copy()
        for i in np.flatnonzero(block.weights > 0):
            left[block.slots[i]] -= 1
            if left[block.slots[i]] < 0:
                return int(i)
        return -1

    def copies(self, digests: np.ndarray) -> np.ndarray:
        """How many copies of these digests, uint64[n, >=2], are held, int64[n]; where records are kept here."""
        raise NotImplementedError

    def resize(self, n_slots: int) -> None:
        """Make room for so many slots."""
        if n_slots > len(self.record_counts):
            self.total.resize(n_slots, self.total.shape[1])
            self.record_counts = np.concatenate(
                [self.record_counts, np.zeros(n_slots - len(self.record_counts), np.int64)]
            )

    def encode(self, codes: np.ndarray, levels: list[list]) -> tuple[np.ndarray, np.ndarray]:
        """Slots of categories, int64[n, c], and what they add to the records' messages, uint64[n, 2 * c]."""
        return np.zeros((len(codes), 0), np.int64), np.zeros((len(codes), 0), np.uint64)

    def text_held(self, column: int) -> set[bool]:
        """Of the categories held in a column: whether they are text; both, where there are text and numbers."""
        return set()

    def prune(self, temporary: bool = False) -> None:
        """Remove what no record needs any more; if the update will be undone (`temporary`), places stay."""

    def stays(self, before: int, now: int) -> None:
        """Note that an update was undone: version `now` of the state is version `before`."""

    @property
    def is_wide(self) -> bool:
        """Whether :meth:`trim` has work to do that pays."""
        return self.total.is_wide

    def trim(self) -> None:
        """Remove limbs that no record needs any more; see :meth:`~sqlearn.engine.sums.exact.ExactSum.trim`."""
        self.total.trim()

    def refresh(self, order: np.ndarray, labels: list, log: Log, check: Callable[[], None] = lambda: None) -> None:
        """Bring up to date what depends on all records; `order` has the slots that hold any, `labels` theirs, sorted.

        Long work calls `check`, which may raise, now and then.
        """

    def beside(self) -> dict[str, np.ndarray]:
        """What is kept beside the state and follows from it, by name: for ``verify`` to compare, if it is there."""
        return {}

    def canonical_values(self, slots: np.ndarray) -> bytes | None:
        """Canonical bytes of what is large and follows from the records, for which their hash stands in digests."""
        return None

    def restore_values(self, data: bytes) -> None:
        """Take what :meth:`canonical_values` gave."""
        raise FormatError(UNFIT)

    def canonical_rows(self, slots: np.ndarray) -> bytes | None:
        """Canonical bytes of the records themselves, where the statistic keeps them."""
        return None

    def restore_rows(self, data: bytes) -> int:
        """Take the records that :meth:`canonical_rows` gave, and tell how many they are."""
        raise NotImplementedError

    def leave_rows(self) -> bool:
        """Drop the records themselves, which are kept elsewhere, and return whether this statistic keeps any."""
        return False

    def solution_elsewhere(self, order: np.ndarray, labels: list[Any], version: int) -> bytes | None:
        """What was learned from records that are kept elsewhere; None where the canonical bytes tell it.

        `order` has the slots of the classes that hold records, `labels` these classes, sorted; `version` is the
        state's.
        """
        return None

    def restore_solution(self, solution: bytes) -> None:
        """Take what :meth:`solution_elsewhere` gave."""
        raise FormatError(UNFIT)

    def drop_obsolete(self, labels: list[Any]) -> bool:
        """Drop what an earlier version kept and this one reads from the records.

        Returns whether the rest is that of an earlier version too, and must be brought up to date.
        """
        return False

    def add(self, other: "Statistic", other_slots: np.ndarray, slots: np.ndarray) -> None:
        """Add these slots of `other` to `slots`, all different."""
        cells = np.arange(self.total.shape[1])
        self.total.add(other.total, (other_slots, cells), (slots, cells))
        self.record_counts[slots] += other.record_counts[other_slots]

    def copy(self) -> Self:
        copied = type(self)(self.n_features, self.n_targets)
        copied.total, copied.record_counts = self.total.copy(), self.record_counts.copy()
        return copied

    def canonical(self, slots: np.ndarray) -> list[bytes]:
        """Canonical bytes of these slots in this order."""
        return [self.record_counts[slots].astype("<i8").tobytes(), self.total.canonical(slots)]

    def restore(self, parts: list[bytes]) -> None:
        """Take the contents that :meth:`canonical` gave, as slots 0, 1, ..."""
        self.record_counts = np.frombuffer(parts[0], "<i8").astype(np.int64)
        self.total = ExactSum.restore(parts[1])

    def check_form(self, labels: list) -> None:
        """Raise FormatError where what was restored, for these labels, could not have been held: kernels trust it."""
        self._check_sums(self.cells(self.n_features, self.n_targets))

    def _check_sums(self, cells: int) -> None:
        if self.total.shape != (len(self.record_counts), cells) or self.record_counts.min(initial=0) < 0:
            raise FormatError(UNFIT)

    def digits(self, slots: np.ndarray | None = None) -> tuple[np.ndarray, int]:
        """Digits of these slots, int64[len(slots), cells, L]; of the sum of all slots, int64[1, cells, L], for None."""
        digits, low = self.total.digits()
        if slots is None:
            return normalized(digits.sum(axis=0, keepdims=True)), low
        return digits[slots], low
