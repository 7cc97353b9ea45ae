"""The interactions themselves as a statistic: by user and by item, with the sums of each item."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from threading import RLock
from typing import Any, Self

import numpy as np

from sqlearn.engine.interactions.alone import alone
from sqlearn.engine.interactions.canonical import Table, packed, unpacked
from sqlearn.engine.interactions.given import SCALE
from sqlearn.engine.interactions.index import MOST_CODES, TwoWayIndex
from sqlearn.engine.interactions.names import Label, Names
from sqlearn.engine.interactions.raw_rows import RawRows
from sqlearn.engine.interactions.refusals import held_by_both, not_held, repeated, too_many_ratings
from sqlearn.engine.interactions.steps import (
    LARGEST_SUM,
    MOST_STEPS,
    Steps,
    add_to_sums,
    all_sums,
    count_codes,
    means,
    roots,
    steps_of,
)
from sqlearn.engine.sums import UNFIT, Block, Log, Statistic
from sqlearn.errors import FormatError, InvalidValueError

_LARGEST_STEP = 2.0**40
_Fresh = tuple[RawRows, dict[str, Any]]  # what takes the place of what was read


class BySlot(list[list[Any]]):
    """In place of a batch's levels: its codes are slots already."""


@dataclass
class ItemSums:
    """What scores need of every item, by slot: all of it as of now.

    Attributes
    ----------
    counts, sums : int64[items]
        Number of interactions, and the sum of their ratings in steps.
    roots : float64[items]
        See :func:`~sqlearn.engine.interactions.steps.roots`; without ratings, the root of the number.
    """

    counts: np.ndarray
    sums: np.ndarray
    roots: np.ndarray


class Interactions(Statistic):
    """All interactions held. No pair of user and item is held twice.

    Parameters
    ----------
    n_features, n_targets : int
        Shape of the records: without meaning here.
    rated : bool
        Whether an interaction has a rating.
    step : int or None
        The step of ratings in millionths; None to read it from those held.

    Attributes
    ----------
    users, items, ratings : Names
        Slots of users and items; codes of ratings, whose labels are whole millionths.
    rating_counts : int64[codes]
        How many interactions have the rating.
    index : TwoWayIndex
        The interactions.
    derived : dict
        What was computed of them; dropped when anything changes.
    raw_rows : RawRows
        What is kept between answers.
    lock : RLock
        Held by whoever changes the interactions, or walks over them in a kernel: what lies where must not move then.
    """

    keeps_records = True
    n_parts = 1

    def __init__(self, n_features: int, n_targets: int, rated: bool = True, step: int | None = None) -> None:
        super().__init__(n_features, n_targets)
        self.rated, self.given_step = rated, step
        self.users, self.items, self.ratings = Names(), Names(), Names()
        self.rating_counts = np.zeros(0, np.int64)
        self.index = TwoWayIndex()
        self.derived: dict[str, Any] = {}
        self.raw_rows = RawRows()
        self.lock = RLock()
        self._waiting: list[tuple[np.ndarray, ...]] = []  # of a state that nobody holds yet
        self._encoded: tuple[list[list[Any]], list[np.ndarray]] | None = None
        self._steps: Steps | None = None
        self._sums: tuple[Steps, np.ndarray, np.ndarray] | None = None

    @staticmethod
    def cells(n_features: int, n_targets: int) -> int:
        return 1

    @property
    def is_wide(self) -> bool:
        return False

    # ------------------------------------------------------------------ changing

    @alone
    def encode(self, codes: np.ndarray, levels: list[list[Any]]) -> tuple[np.ndarray, np.ndarray]:
        """Slots of users, items and, if there are any, ratings; and the words of their labels."""
        if isinstance(levels, BySlot):
            slots = codes.astype(np.int64)
            columns = [names.hash_words[slots[:, j]] for j, names in enumerate(self._names)]
            return slots, np.concatenate(columns, axis=1)
        if self._encoded is None or self._encoded[0] is not levels:
            self._check_number(levels[2] if self.rated else [])
            self._encoded = levels, [names.slots_of(column) for names, column in zip(self._names, levels, strict=True)]
            self._resize()
        slots = np.empty(codes.shape, np.int64)
        words = np.empty((len(codes), codes.shape[1], 2), np.uint64)
        for j, (names, table) in enumerate(zip(self._names, self._encoded[1], strict=True)):
            slots[:, j] = table[codes[:, j]]
            words[:, j] = names.hash_words[slots[:, j]]
        return slots, words.reshape(len(codes), -1)

    @property
    def _names(self) -> tuple[Names, ...]:
        return (self.users, self.items, self.ratings) if self.rated else (self.users, self.items)

    def _check_number(self, ratings: list[Any]) -> None:
        """Refuse more ratings than there are codes for."""
        if len(self.ratings.slots.keys() | {*ratings}) > MOST_CODES:
            raise too_many_ratings(MOST_CODES)

    def _resize(self) -> None:
        self.index.resize(self.users.capacity, self.items.capacity)
        more = self.ratings.capacity - len(self.rating_counts)
        if more > 0:
            self.rating_counts = np.concatenate([self.rating_counts, np.zeros(more, np.int64)])
        if self._sums is not None and self.items.capacity > len(self._sums[1]):
            steps, sums, squares = self._sums
            none = np.zeros(self.items.capacity - len(sums), np.int64)
            self._sums = steps, np.concatenate([sums, none]), np.concatenate([squares, none])

    def first_missing(self, block: Block) -> int:
        return -1  # taking them out looks

    def deposit(self, block: Block, sign: float, log: Log) -> None:
        users, items = (np.ascontiguousarray(block.codes[:, j], np.int32) for j in (0, 1))
        codes = block.codes[:, 2].astype(np.int32) if self.rated else np.zeros(len(users), np.int32)
        if not log.keeps:
            assert sign > 0
            self._waiting.append((users, items, codes))
            return
        self.settle()
        self.index.make_ready()
        fresh = RawRows(self.raw_rows.max_bytes), dict[str, Any]()
        back = partial(self._take_back, users, items, codes, sign, fresh)
        log.do(partial(self._change, users, items, codes, sign), back)

    @alone
    def _change(self, users: np.ndarray, items: np.ndarray, codes: np.ndarray, sign: float) -> None:
        # all memory first: from the index on, nothing may fail
        fresh = self._rows_left(users, items), dict[str, Any]()
        if sign < 0:
            for names, slots in zip(self._names, (users, items, codes), strict=False):
                names.touch(slots)
        if sign > 0:
            refused = self.index.insert(users, items, codes)
            if refused >= 0:
                raise repeated(self._named(users[refused], items[refused]), refused)
        else:
            refused = self.index.remove(users, items, codes)
            if refused >= 0:
                raise not_held(self._named(users[refused], items[refused]), refused)
        self._note(items, codes, sign, fresh)

    @alone
    def _take_back(self, users: np.ndarray, items: np.ndarray, codes: np.ndarray, sign: float, fresh: _Fresh) -> None:
        """Undo :meth:`_change`, without memory: labels that came with it were noted when they came."""
        self.index.take_back(users, items, codes, sign)
        self._note(items, codes, -sign, fresh)

    def _note(self, items: np.ndarray, codes: np.ndarray, sign: float, fresh: _Fresh) -> None:
        """Follow interactions that have come or gone."""
        self.raw_rows, self.derived = fresh
        self.record_counts[0] += int(sign) * len(items)
        if not self.rated:
            return
        if count_codes(codes, int(sign), self.rating_counts):
            self._steps = None
        if self._sums is not None:
            steps, sums, squares = self._sums
            if not add_to_sums(items, codes, steps.table, steps.used, int(sign), sums, squares):
                self._sums = None

    def _rows_left(self, users: np.ndarray, items: np.ndarray) -> RawRows:
        """The raw rows that interactions of these users with these items leave as they are."""
        if not len(self.raw_rows):
            return self.raw_rows.without([])
        index, others = self.index.arrays, [items]
        for u in np.unique(users):
            first = index.user_start[u]
            others.append(index.item[first : first + index.user_length[u]])
        return self.raw_rows.without(np.unique(np.concatenate(others)).tolist())

    @alone
    def settle(self) -> None:
        """Build the index of interactions that nobody has asked about yet."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        users, items, codes = (np.concatenate(parts) for parts in zip(*waiting, strict=True))
        del waiting
        come = self.index.insert if self.index.count else self.index.fill
        refused = come(users, items, codes)
        if refused >= 0:
            raise repeated(self._named(users[refused], items[refused]), refused)
        self.record_counts[0] += len(users)
        if self.rated:
            self.rating_counts += np.bincount(codes, minlength=len(self.rating_counts))
        self.derived, self.raw_rows = {}, RawRows(self.raw_rows.max_bytes)
        self._steps, self._sums = None, None

    def _named(self, user: int, item: int) -> tuple[Label, Label]:
        return self.users.of(np.array([user]))[0], self.items.of(np.array([item]))[0]

    def refresh(self, order: np.ndarray, labels: list[Any], log: Log, check: Callable[[], None] = lambda: None) -> None:
        self.settle()
        if not self.rated:
            return
        steps, most = self.steps(), int(self.record_counts[0])
        if most * steps.largest**2 >= LARGEST_SUM:
            most = int(self.index.arrays.item_length.max(initial=0))
        if steps.largest > MOST_STEPS or most * steps.largest**2 >= LARGEST_SUM:
            raise InvalidValueError(
                f"Ratings are whole numbers of steps, at most {MOST_STEPS:,}, and with these the largest would be "
                f"{steps.largest:,} steps of {steps.size:g}. Nothing was changed: round the ratings to a coarser step, "
                "or take ratings out that are far from the others.",
                reason="out of range",
            )

    @alone
    def prune(self, temporary: bool = False) -> None:
        self._encoded = None
        if temporary or self._waiting:  # labels and room stay for those who come back
            return
        index = self.index.arrays
        self.users.drop_unused(index.user_length)
        self.items.drop_unused(index.item_length)
        if self._sums is not None:  # a code that goes may come back for another rating
            self._sums[0].used[self.rating_counts[: len(self._sums[0].used)] == 0] = False
        if self.rated:
            self.ratings.drop_unused(self.rating_counts)
        try:
            self.index.compact(int(self.record_counts[0]))
        except MemoryError:  # it is there, and larger than it need be
            pass

    # ------------------------------------------------------------------ reading

    @alone
    def steps(self) -> Steps:
        """What the ratings held are whole numbers of."""
        if self._steps is None:
            units = np.zeros(len(self.rating_counts), np.int64)
            slots = list(self.ratings.slots.values())
            units[slots] = list(self.ratings.slots.keys())
            self._steps = steps_of(units, self.rating_counts > 0, self.given_step)
        return self._steps

    @alone
    def item_sums(self) -> ItemSums:
        """What scores need of every item."""
        found = self.derived.get("item sums")
        if found is None:
            counts = self.index.arrays.item_length
            if self.rated:
                sums, squares = self._sums_now()
                found = ItemSums(counts, sums, roots(counts, sums, squares, self.steps().largest))
            else:
                found = ItemSums(counts, np.zeros_like(counts), np.sqrt(counts.astype(np.float64)))
            self.derived["item sums"] = found
        return found

    def _sums_now(self) -> tuple[np.ndarray, np.ndarray]:
        steps, held = self.steps(), self._sums
        if held is not None:
            n = min(len(held[0].table), len(steps.table))
            fits = held[0].step == steps.step and not steps.used[n:].any() and held[0].used[:n][steps.used[:n]].all()
            if fits:
                return held[1], held[2]
        sums, squares = all_sums(self.index.arrays, steps.table)
        self._sums = replace(steps, used=steps.used.copy()), sums, squares
        return sums, squares

    def item_means(self, slots: np.ndarray) -> np.ndarray:
        """Mean ratings of these items."""
        sums = self.item_sums()
        return means(sums.counts[slots], sums.sums[slots], self.steps().step)

    def centred(self, items: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Ratings of items less their means, in steps, each rounded once."""
        sums, table = self.item_sums(), self.steps().table
        counts = sums.counts[items]
        result: np.ndarray = (table[codes] * counts - sums.sums[items]) / counts
        return result

    @alone
    def user_order(self) -> np.ndarray:
        """Slots of the users held, in the order of their labels."""
        return self._order("users", self.users, self.index.arrays.user_length)

    def held_slots(self, name: str, labels: list[Label]) -> np.ndarray:
        """Slots of users or items (`name`: "user" or "item"), int64; -1 for those unknown, or set aside for a while."""
        arrays = self.index.arrays
        names, counts = (self.users, arrays.user_length) if name == "user" else (self.items, arrays.item_length)
        slots = names.known_slots(labels)
        if len(counts):
            slots[counts[slots] == 0] = -1
        return slots

    @alone
    def item_order(self) -> np.ndarray:
        """Slots of the items held, in the order of their labels."""
        return self._order("items", self.items, self.index.arrays.item_length)

    def _order(self, name: str, names: Names, counts: np.ndarray) -> np.ndarray:
        found = self.derived.get(name)
        if found is None:
            found = self.derived[name] = names.in_order(counts)
        return found

    @alone
    def history(self, user: int) -> tuple[np.ndarray, np.ndarray]:
        """The items of a user, in the order of their labels, and the codes of their ratings."""
        index = self.index.arrays
        row = slice(index.user_start[user], index.user_start[user] + index.user_length[user])
        items, codes = index.item[row].astype(np.int64), index.code[row]
        order = self.by_label(items)
        return items[order], codes[order]

    def by_label(self, items: np.ndarray) -> np.ndarray:
        """The order of items by their labels."""
        names: list[Any] = self.items.of(items)
        if {type(name) for name in names} == {int} and -(1 << 63) <= min(names) and max(names) < 1 << 63:
            return np.argsort(np.array(names, np.int64))
        return np.array(sorted(range(len(names)), key=lambda k: (isinstance(names[k], str), names[k])), np.int64)

    @alone
    def entries(self, users: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All interactions of these users, or of these items: slots of users and items, codes of ratings."""
        index = self.index.arrays
        if len(users):
            rows = [slice(index.user_start[u], index.user_start[u] + index.user_length[u]) for u in users]
            of_users = np.repeat(users, index.user_length[users])
            found, codes = (np.concatenate([pool[row] for row in rows]) for pool in (index.item, index.code))
            return of_users, found, codes
        rows = [slice(index.item_start[i], index.item_start[i] + index.item_length[i]) for i in items]
        of_items = np.repeat(items, index.item_length[items])
        of_users, places = (np.concatenate([pool[row] for row in rows]) for pool in (index.user, index.at_user))
        return of_users, of_items, index.code[index.user_start[of_users] + places]

    # ------------------------------------------------------------------ whole states

    @alone
    def add(self, other: Statistic, other_slots: np.ndarray, slots: np.ndarray) -> None:
        """Take in the interactions of `other`."""
        assert isinstance(other, Interactions)
        if not other.record_counts[0]:
            return
        self._check_number(list(other.ratings.slots))
        users, items, codes = other.entries(other.user_order(), np.zeros(0, np.int64))
        found = []
        for names, theirs, used in zip(self._names, other._names, (users, items, codes), strict=False):
            table, slots_used = np.zeros(theirs.capacity, np.int64), np.unique(used)
            table[slots_used] = names.slots_of(theirs.of(slots_used))
            found.append(table[used].astype(np.int32))
        self._resize()
        ours = found if self.rated else [*found, np.zeros(len(users), np.int32)]
        refused = self.index.insert(*ours)
        if refused >= 0:
            raise held_by_both(self._named(ours[0][refused], ours[1][refused]))
        self._sums = None
        self._note(ours[1], ours[2], 1.0, (RawRows(self.raw_rows.max_bytes), {}))

    @alone
    def copy(self) -> Self:
        self.settle()
        copied = type(self)(self.n_features, self.n_targets, self.rated, self.given_step)
        copied.total, copied.record_counts = self.total.copy(), self.record_counts.copy()
        copied.users, copied.items, copied.ratings = (names.copy() for names in (self.users, self.items, self.ratings))
        copied.rating_counts, copied.index = self.rating_counts.copy(), self.index.copy()
        return copied

    def canonical(self, slots: np.ndarray) -> list[bytes]:
        """The number of interactions: the multiset hash, beside it, stands for them."""
        return [self.record_counts[slots].astype("<i8").tobytes()]

    def restore(self, parts: list[bytes]) -> None:
        self.record_counts = np.frombuffer(parts[0], "<i8").astype(np.int64)

    @alone
    def canonical_rows(self, slots: np.ndarray) -> bytes | None:
        """All interactions: labels sorted, users in their order, the items of each in theirs."""
        users, items = self.user_order(), self.item_order()
        codes = self.ratings.in_order(self.rating_counts)
        labels = [self.users.of(users), self.items.of(items), self.ratings.of(codes)]
        return packed(self.index.arrays, users, items, codes, labels)

    def restore_rows(self, data: bytes) -> int:
        found: Table = unpacked(data)
        if not self.rated and found.labels[2]:
            raise FormatError(UNFIT)
        for names, labels in zip((self.users, self.items, self.ratings), found.labels, strict=True):
            names.restore(labels)
        units: list[Label] = found.labels[2]
        if not all(isinstance(unit, int) and abs(unit) < 1 << 53 for unit in units) or len(units) > MOST_CODES:
            raise FormatError(UNFIT)
        self._resize()
        if self.rated:
            self.rating_counts = np.bincount(found.codes, minlength=len(self.rating_counts))
        if self.index.fill(found.users, found.items, found.codes.astype(np.int32)) >= 0:
            raise FormatError(UNFIT)
        return len(found.users)

    def check_form(self, labels: list[Any]) -> None:
        index = self.index.arrays
        counts = [index.user_length, index.item_length, *([self.rating_counts] if self.rated else [])]
        if any((count == 0).any() for count in counts):  # a label that nothing has
            raise FormatError(UNFIT)
        if len(self.record_counts) != 1 or self.record_counts[0] != self.index.count:
            raise FormatError(UNFIT)
        step = self.given_step
        if self.rated and step and any(unit % step for unit in self.ratings.slots):
            raise FormatError(UNFIT)
        if self.rated and self.steps().largest > MOST_STEPS:
            raise FormatError(UNFIT)


def units_of(step: float) -> int:
    """A step in millionths; 0 if it is none."""
    units = round(step * SCALE) if abs(step) < _LARGEST_STEP else 0
    return units if units / SCALE == step else 0
