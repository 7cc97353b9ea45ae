"""The records of a sharded ensemble as a statistic: each shard's apart, and what is counted over all of them."""

import json
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from sqlearn.engine.identity import Vocabulary, add_terms
from sqlearn.engine.rounds import ReadOnlyRows, Records, Rows, move, packed, unpacked
from sqlearn.engine.sums import UNFIT, Block, Log, Statistic
from sqlearn.engine.tables import KeptTable, TableForm
from sqlearn.ensemble.shards.following import Followers
from sqlearn.ensemble.shards.owners import Owners
from sqlearn.ensemble.shards.placing import shards_of, slices_of, split
from sqlearn.ensemble.shards.shard import Shard
from sqlearn.errors import FormatError, MergeError, shown


@dataclass(frozen=True)
class Division:
    """How records are divided.

    Attributes
    ----------
    n_shards : int
        Number of shards, to which records go by their digests; 0 where each group is one.
    n_slices : int
        Number of slices of a shard.
    form : TableForm or None
        The table that members see; None for arrays of numbers.
    """

    n_shards: int
    n_slices: int
    form: TableForm | None

    @property
    def is_grouped(self) -> bool:
        """Whether each group is a shard."""
        return not self.n_shards


class InShards(ReadOnlyRows):
    """The source of records that lie in shards: it is only read, since shards change one by one."""

    def __init__(self, shards: dict[int, Shard]) -> None:
        self._shards = shards

    def blocks(self, limit: int) -> Iterator[Records]:
        for shard in list(self._shards.values()):
            assert shard.rows is not None
            yield from shard.rows.blocks(limit)


class ShardedRecords(KeptTable):
    """Records by shard, and the weight of each category among them.

    Parameters
    ----------
    n_features, n_targets : int
        Numbers and targets of a record.
    division : Division
        How records are divided.

    Attributes
    ----------
    names : Vocabulary
        The groups held; empty where shards are numbered.
    shards : dict of int to Shard
        Those that hold records, by slot of their name or by number.
    fits : threading.Lock
        Held by who fits members, so that no other thread fits the same.
    """

    n_parts = KeptTable.n_parts + 1

    def __init__(self, n_features: int, n_targets: int, division: Division) -> None:
        n_categorical = 0 if division.form is None else division.form.n_categorical
        super().__init__(n_features, n_targets, n_categorical, largest=math.inf)
        self.division = division
        self.names = Vocabulary()
        self.shards: dict[int, Shard] = {}
        self.rows = InShards(self.shards)
        self.owners: Owners | None = None
        self.followers = Followers()
        self.fits = threading.RLock()
        self._touched: set[int] = set()
        self._taken_out: dict[int, Shard] = {}
        self._restored: np.ndarray | None = None

    def _empty(self) -> "ShardedRecords":
        return type(self)(self.n_features, self.n_targets, self.division)

    @property
    def in_shards(self) -> bool:
        """Whether records lie in shards, and not in a store."""
        return isinstance(self.rows, InShards)

    # ------------------------------------------------------------------ changing

    def projected_size(self, levels: list[list[Any]]) -> int:
        return super().projected_size(levels[: self.n_categorical])

    @property
    def vocabularies(self) -> tuple[Vocabulary, ...]:
        return *super().vocabularies, self.names

    def encode(self, codes: np.ndarray, levels: list[list[Any]]) -> tuple[np.ndarray, np.ndarray]:
        slots, words = super().encode(codes[:, : self.n_categorical], levels[: self.n_categorical])
        if not self.division.is_grouped:
            return slots, words
        (names,) = levels[self.n_categorical :]
        of_name = np.array([self.names.slot(name) for name in names], np.int64)
        groups = of_name[codes[:, -1]]
        return np.column_stack([slots, groups]), np.concatenate([words, self.names.hash_words[groups]], axis=1)

    def reserve(self, records: int) -> None:
        if not self.in_shards:
            super().reserve(records)

    def first_missing(self, block: Block) -> int:
        if not self.in_shards:
            return super().first_missing(block)
        first = len(block)
        for slot, index in split(self._slots_of(block)):
            shard = self.shards.get(slot)
            missing = 0 if shard is None or shard.rows is None else shard.rows.missing(block.digests[index])
            first = min(first, int(index[missing])) if missing >= 0 else first
        return first if first < len(block) else -1

    def copies(self, digests: np.ndarray) -> np.ndarray:
        found = np.zeros(len(digests), np.int64)
        for shard in self.shards.values():  # all copies of a record lie in one
            assert shard.rows is not None
            found += shard.rows.copies(digests)
        return found

    def _slots_of(self, block: Block) -> np.ndarray:
        if self.division.is_grouped:
            return block.codes[:, -1]
        return shards_of(block.digests, self.division.n_shards)

    def deposit(self, block: Block, sign: float, log: Log) -> None:
        self.begin()
        y = block.targets[:, 0].copy() if self.n_targets else block.slots.astype(np.float64)
        codes = np.ascontiguousarray(block.codes[:, : self.n_categorical])
        x, w = np.concatenate([block.x, codes], axis=1), block.weights
        counts = w > 0
        if not counts.all():  # records of weight 0 leave their digests alone
            x, y = np.where(counts[:, None], x, 0.0), np.where(counts, y, 0.0)
        self._sum_all(x[:, self.n_features :], w, block.slots, sign, log)
        if not self.in_shards:
            move(self.rows, x, y, w, block.digests, sign, log)
        slices = slices_of(block.digests, self.division.n_slices) if self.division.n_slices > 1 else None
        for slot, index in split(self._slots_of(block)):
            shard, change = self._shard(slot), (x[index], y[index], w[index], sign)
            if self.owners is not None:
                self.owners.note(slot, *change, log)
            if self.in_shards and self.division.form is None:
                self.followers.note(slot, shard, change, log)
            first = 0 if slices is None else int(slices[index].min())
            shard.change(*change[:3], block.digests[index], sign, first, log)

    def _sum_all(self, codes: np.ndarray, w: np.ndarray, slots: np.ndarray, sign: float, log: Log) -> None:
        """Add or subtract what is counted over all records: weights of classes, and of categories, float64[n, c]."""
        n, counted = len(w), np.where(w[:, None] > 0, codes, -1.0).astype(np.int64)
        nothing, no_digests = np.zeros((n, 0)), np.zeros((n, 6), np.uint64)
        self.categories.deposit(Block(nothing, counted, np.zeros(n, np.int64), nothing, w, no_digests), sign, log)
        self._sum(nothing, w, slots, sign, log)

    def _shard(self, slot: int) -> Shard:
        """The shard of this slot; a new one is dropped again by :meth:`prune` if nothing comes to lie in it."""
        self._touched.add(slot)
        shard = self.shards.get(slot)
        if shard is None:
            shard = self.shards[slot] = Shard(Rows(self._width, self.seed) if self.in_shards else None)
        return shard

    def take_out(self, slots: list[int], log: Log) -> tuple[np.ndarray, int]:
        """Let go of whole shards. Returns the sum of the hashes of their records, uint64[4], and how many they were."""
        self.begin()
        multiset, n = np.zeros(4, np.uint64), 0
        self.owners = None
        for slot in slots:
            shard = self.shards[slot]
            rows = shard.rows
            assert rows is not None
            places = rows.places()
            w = rows.w[places]
            classes = np.zeros(len(w), np.int64) if self.n_targets else rows.y[places].astype(np.int64)
            self._sum_all(rows.x[places, self.n_features :], w, classes, -1.0, log)
            shard.drop(0, log)
            self._taken_out[slot] = shard
            log.do(partial(self.shards.__delitem__, slot), partial(self.shards.__setitem__, slot, shard))
            add_terms(multiset, shard.hashes, 1.0)
            n += shard.count
        return multiset, n

    def weigh(self, slot: int, weight: float, log: Log) -> None:
        """Give the vote of a shard another weight."""
        shard = self.shards[slot]
        log.do(partial(setattr, shard, "weight", weight), partial(setattr, shard, "weight", shard.weight))

    def refresh(self, order: np.ndarray, labels: list[Any], log: Log, check: Callable[[], None] = lambda: None) -> None:
        super().refresh(order, labels, log, check)
        known = self.followers.labels
        self.followers.labels = known | dict(zip(order.tolist(), labels, strict=True))

    def compact(self) -> None:
        for slot in self._touched:
            shard = self.shards.get(slot)
            if shard is not None and shard.rows is not None:
                shard.rows.compact()
        if not self.in_shards:
            super().compact()

    def prune(self, temporary: bool = False) -> None:
        super().prune(temporary)
        if temporary:
            self.followers.drop()
        else:
            self.followers.follow(self.shards, not self.n_targets)
        for slot, shard in self._taken_out.items():
            if self.shards.get(slot) is not shard:  # else this was undone
                shard.wipe()
        self._taken_out.clear()
        emptied = {slot for slot in self._touched if slot in self.shards and not self.shards[slot].count}
        if not temporary:
            for slot in emptied:
                del self.shards[slot]
        if self.division.is_grouped and (emptied or len(self.names) != len(self.shards)):
            self._prune_names()
        self._touched.clear()

    def _prune_names(self) -> None:
        try:
            counts = np.zeros(self.names.capacity, np.int64)
        except MemoryError:  # then at the next update
            return
        for slot, shard in self.shards.items():
            counts[slot] = shard.count
        self.names.prune(counts)

    # ------------------------------------------------------------------ reading

    def named(self) -> list[tuple[Any, Shard]]:
        """The shards that hold records, by name and in the order of their names."""
        found = self.shards.copy()
        slots = self.names.slots if self.division.is_grouped else {slot: slot for slot in sorted(found)}
        order = self.names.labels() if self.division.is_grouped else list(slots)
        return [(name, found[slots[name]]) for name in order if found[slots[name]].count]

    def in_order(self, x: np.ndarray, w: np.ndarray) -> np.ndarray:
        """Features of records, with the places of their categories among those held in place of slots."""
        return self._in_order(x, w)

    def codes_of(self, slots: np.ndarray) -> np.ndarray:
        """The place of each class slot among these."""
        return self._codes(slots)

    def find(self, state: Any, batch: Any) -> list[list[int]]:
        """The slots of the groups that hold each of these records; of those of weight 0 none is found."""
        x, y, known = self._as_kept(state, batch)
        owners = self.owners
        if owners is None:
            turn, owners = self.turn, Owners()
            with state.reading():
                for slot, shard in self.shards.copy().items():
                    kept_x, kept_y, kept_w, _ = shard.contents()
                    owners.put(slot, kept_x, kept_y, kept_w)
            self.owners = owners
            if self.turn != turn:  # an update has begun meanwhile, of which it was not told
                self.owners = None
        found = owners.of(x, y, batch.weights)
        return [own if is_known else [] for own, is_known in zip(found, known.tolist(), strict=True)]

    def _as_kept(self, state: Any, batch: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Records as they are kept, and which of them have only labels and categories that are held."""
        dense = batch.x if isinstance(batch.x, np.ndarray) else batch.x.toarray()
        known, columns = batch.weights > 0, [np.add(dense, 0.0)]
        vocabulary = self.categories.vocabulary.slots
        for j, levels in enumerate(batch.levels):
            slots = np.array([*(vocabulary.get((j, level), -2) for level in levels), -1], np.float64)[batch.codes[:, j]]
            known &= slots != -2
            columns.append(slots[:, None])
        if self.n_targets:
            return np.column_stack(columns), batch.targets[:, 0] + 0.0, known
        classes = np.array([state.vocabulary.slots.get(label, -1) for label in batch.labels], np.float64)
        y = classes[batch.label_codes]
        return np.column_stack(columns), y, known & (y >= 0)

    # ------------------------------------------------------------------ whole states

    def add(self, other: Statistic, other_slots: np.ndarray, slots: np.ndarray) -> None:
        assert isinstance(other, ShardedRecords)
        if not other.in_shards:
            super().add(other, other_slots, slots)  # which refuses it
        table = np.zeros(len(other.record_counts), np.int64)
        table[other_slots] = slots
        log = Log(keeps=False)
        for name, theirs in other.named():
            rows = theirs.rows
            assert rows is not None
            slot = self.names.slot(name) if self.division.is_grouped else name
            ours = self._shard(slot)
            if not ours.count:
                ours.weight = theirs.weight
            if ours.weight != theirs.weight:
                raise MergeError(
                    f"These models give the group {shown(name)} the weights {ours.weight} and {theirs.weight}, so "
                    "nothing was changed. Set one of them with set_group_weight first.",
                    reason="parameters",
                )
            keep = rows.places()
            w = rows.w[keep]
            x = np.where(w[:, None] > 0, self._taken_over(other, rows.x[keep]), 0.0)
            classes = np.zeros(len(w), np.int64) if self.n_targets else table[rows.y[keep].astype(np.int64)]
            y = rows.y[keep] if self.n_targets else classes * (w > 0)
            self._sum_all(x[:, self.n_features :], w, classes, 1.0, log)
            ours.drop(0, log)
            ours.tally(theirs.hashes, theirs.count, 1.0)
            assert ours.rows is not None
            move(ours.rows, x, y.astype(np.float64), w, rows.digests[keep], 1.0, log)

    def copy(self) -> "ShardedRecords":
        copied = self._empty()
        copied.total, copied.record_counts = self.total.copy(), self.record_counts.copy()
        copied.categories, copied.names = self.categories.copy(), self.names.copy()
        copied.shards.update((slot, shard.copy()) for slot, shard in self.shards.items())
        if not self.in_shards:
            copied.rows = self.rows.copy()
        return copied

    def canonical(self, slots: np.ndarray) -> list[bytes]:
        told = [
            [name, float(shard.weight).hex(), shard.count, shard.multiset.astype("<u8").tobytes().hex()]
            for name, shard in self.named()
        ]
        return [*super().canonical(slots), json.dumps(told).encode()]

    def restore(self, parts: list[bytes]) -> None:
        super().restore(parts[:-1])
        told = json.loads(parts[-1])
        if self.division.is_grouped:
            self.names.restore([name for name, *_ in told])
        for slot, (name, weight, count, multiset) in enumerate(told):
            shard = self._shard(slot if self.division.is_grouped else name)
            shard.weight, shard.count = float.fromhex(weight), count
            shard.multiset[:] = np.frombuffer(bytes.fromhex(multiset), "<u8")
            fits = 0.0 <= shard.weight < math.inf and type(count) is int and count > 0
            if not fits or not (self.division.is_grouped or 0 <= name < self.division.n_shards):
                raise FormatError(UNFIT)
        self._touched.clear()

    def solution_elsewhere(self, order: np.ndarray, labels: list[Any], version: int) -> bytes | None:
        return None if self.in_shards else super().solution_elsewhere(order, labels, version)

    def canonical_rows(self, slots: np.ndarray) -> bytes | None:
        if not self.in_shards:
            return None
        none = Rows(self._width, self.seed)
        parts = [(none, none.places(), 0)]
        for place, (_, shard) in enumerate(self.named()):
            assert shard.rows is not None
            parts.append((shard.rows, shard.rows.places(), place))
        names = ("x", "y", "w", "digests", "numbers")
        arrays = ([getattr(rows, name)[keep] for rows, keep, _ in parts] for name in names)
        x, y, w, digests, numbers = map(np.concatenate, arrays)
        places = np.concatenate([np.full(len(keep), place) for _, keep, place in parts])
        order = np.lexsort((numbers, digests[:, 1], digests[:, 0]))
        x, y, w = self._in_order(x[order], w[order]), y[order], w[order]
        if not self.n_targets:
            y = self._codes(slots)[y.astype(np.int64)] * (w > 0)
        found = packed(x, y, w, digests[order])
        return found + places[order].astype("<i8").tobytes() if self.division.is_grouped else found

    def restore_rows(self, data: bytes) -> int:
        n = int(np.frombuffer(data, "<i8", 1)[0])
        end = 8 + 8 * n * (self._width + 4)
        rows, n = unpacked(data[:end], self._width, self.seed)
        if self.division.is_grouped:
            self._restored = np.frombuffer(data[end:], "<i8")
        elif len(data) > end:
            raise FormatError(UNFIT)
        else:
            self._restored = shards_of(rows.digests[:n], self.division.n_shards)
        self.rows = rows
        return n

    def check_form(self, labels: list[Any]) -> None:
        super().check_form(labels)
        self.followers.labels = dict(enumerate(labels))
        if isinstance(self.rows, Rows):
            assert self._restored is not None
            rows, self.rows = self.rows, InShards(self.shards)
            for slot, index in split(self._restored):
                own = self.shards[slot].rows
                assert own is not None
                places = np.empty(len(index), np.int64)
                own.vacant(places)
                x, y, w, digests = (array[index] for array in (rows.x, rows.y, rows.w, rows.digests))
                own.put(places, x, y, w, digests, np.empty(len(index), np.uint64))
            if any(shard.rows is None or len(shard.rows) != shard.count for shard in self.shards.values()):
                raise FormatError(UNFIT)
            self._restored = None
        elif not self.in_shards:
            for shard in self.shards.values():
                shard.rows = None
