"""The state of a fitted model: the one place where what is held changes."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from sqlearn.engine.identity import MOST_COPIES, Vocabulary, add_terms, canonical_label
from sqlearn.engine.maps import FixedMap, OneMapped
from sqlearn.engine.model.held import Held
from sqlearn.engine.sums import UNFIT, Block, InterruptsHeld, Log, OneRecord, Statistic
from sqlearn.engine.validation import Batch, Layout
from sqlearn.errors import (
    BrokenError,
    BusyError,
    FormatError,
    InvalidValueError,
    MergeError,
    NotLearnedError,
    SqlearnError,
    TooLargeError,
    UnsupportedError,
    shown,
)

_PARTS = ("steps", "transformers", "estimators")  # parameters that list estimators by their names
# of a batch of one record
_NO_CODES, _FIRST, _NO_CATEGORIES, _WEIGHT = np.zeros(0, int), np.zeros(1, int), np.zeros((1, 0), int), np.ones(1)


class State(Held):
    """What a model holds, and how it changes: all of a call or, on any error and on Ctrl-C, nothing.

    Attributes
    ----------
    busy : bool
        Whether an update is under way, or the model inside ``without``.
    borrowed : bool
        Whether it is inside ``without``.
    broken : bool
        Whether an update could be neither completed nor undone: then it stays busy.
    version : int
        Counts updates.
    deferred : bool
        Whether what depends on all records waits for :meth:`catch_up`.
    fitted_sklearn : tuple or None
        The fitted scikit-learn estimator that was made last, and the version that it belongs to.
    fast_path : OneRecord or None
        The statistic's path of one record.
    is_part : bool
        Whether it is a part of another model's state, which alone can be changed and saved.
    """

    is_part = False

    def __init__(self, learner: str, params: dict, layout: Layout, statistic: Statistic, has_labels: bool):
        super().__init__(learner, params, layout, statistic, has_labels)
        self.busy = self.borrowed = self.broken = self.deferred = False
        self.version = 0
        self.fitted_sklearn: Any = None
        self.fast_path: OneRecord | None = None

    # ------------------------------------------------------------------ changing

    def take_fast_path(self) -> None:
        """Offer the statistic's path of one record, from here on."""
        path, through = None, self.params.get("transformer")
        if self.layout.target_ndim <= 1 and not self.taken_out and (self.ledger is None or self.ledger.is_here):
            path = self.statistic.fast_path(self)
        self.fast_path = OneMapped.behind(through, path) if isinstance(through, FixedMap) else path

    def learn(self, batch: Batch) -> None:
        """Take in a batch without a way back: for a state nobody holds yet."""
        self.statistic.reserve(len(batch))
        if self.ledger is not None:
            self.ledger.reserve(len(batch))
        log = Log(keeps=False)
        for rows in batch.slices(self.statistic.takes_sparse):
            self._apply(batch, rows, 1.0, log)
        self._refresh(log)
        self.prune()

    def catch_up(self, *check) -> None:
        """End :attr:`deferred`: bring up to date what waited."""
        self.deferred = False
        self._refresh(Log(keeps=False), *check)
        self.prune()

    def renew(self) -> None:
        """Bring what an earlier version has written up to date, if the records are here; else it can still be read."""
        is_old = self.statistic.drop_obsolete(self.occupied()[1])
        if is_old and not self.rows_stayed:
            self._refresh(Log(keeps=False))

    def _refresh(self, log: Log, *check) -> None:
        if self.deferred:
            return
        slots, labels = self.occupied()
        self.statistic.refresh(slots, labels, log, *check)

    def begin(self) -> None:
        """Take the turn to update; whoever does sets :attr:`busy` to False at the end.

        Asking and taking are one line without a call, in which Python switches to no other thread and delivers no
        signal; a lock would take longer, and a Ctrl-C just after it was taken would leave it so for good.
        """
        busy, self.busy = self.busy, True
        if busy:
            raise self.is_busy()

    def change(self, *changes: tuple[Batch, float]) -> None:
        """Learn (1.0) or forget (-1.0) batches in this order: all of it or, on any error and on Ctrl-C, none."""
        self.begin()
        try:
            self.change_in_turn(*changes)
            self.trim()
        finally:
            self.busy = self.broken

    def change_by(self, step: Callable[[Log], None]) -> None:
        """Change by a step of the statistic's own, which may :meth:`take_out` records: all of it or nothing."""
        self.begin()
        try:
            with InterruptsHeld() as check:
                self._change_by(step, Log(), check)
            self.trim()
        finally:
            self.busy = self.broken

    def take_out(self, multiset: np.ndarray, n: int, log: Log) -> None:
        """Note that `n` records with this sum of hashes, uint64[4], are held no more."""
        digests = np.concatenate([np.zeros(2, np.uint64), multiset])[None]
        log.do(partial(self._tally, digests, -n), partial(self._tally, digests, n))

    def _tally(self, digests: np.ndarray, n: int) -> None:
        add_terms(self.multiset, digests, float(np.sign(n)))
        self.record_counter[0] += n

    def change_in_turn(self, *changes: tuple[Batch, float]) -> None:
        """Learn or forget batches as :meth:`change` does; the caller has called :meth:`begin`."""
        with InterruptsHeld() as check:
            self._change(Log(), changes, check)

    def change_one(self, x: np.ndarray, y: Any, sign: float, name: np.ndarray | None = None) -> None:
        """Learn (1.0) or forget (-1.0) one record of weight 1, which a fast path has validated, after :meth:`begin`.

        `y` is its label or target; `name` has the words that stand for its features in its digest, if any do.
        """
        label_codes, labels, targets = _NO_CODES, [], np.zeros((1, self.layout.n_targets))
        if self.vocabulary is not None:
            label_codes, labels = _FIRST, [canonical_label(y)]
        elif self.layout.target_ndim:
            targets[0, 0] = y
        inputs = None if name is None else name[None]
        batch = Batch(x[None], _NO_CATEGORIES, [], label_codes, labels, targets, _WEIGHT, True, inputs)
        self.change_in_turn((batch, sign))
        self.trim()

    def lend(self, batch: Batch) -> Log:
        """Forget a batch for a while: until :meth:`give_back` is given the log."""
        self.begin()
        try:
            log = Log()
            self._change(log, [(batch, -1.0)], lambda: None, lent=True)
            self.borrowed = True
            return log
        finally:
            self.busy = self.borrowed or self.broken

    def give_back(self, log: Log) -> None:
        """Take back what :meth:`lend` did."""
        self.borrowed = False  # so that reading is refused until the end, as in any update
        log.at_leisure = True
        self._touch()
        self._take_back(log)
        self.prune()
        self.busy = False

    def _touch(self) -> None:
        self.version += 1
        self.fitted_sklearn = None

    def _change(self, log: Log, changes, check, lent: bool = False) -> None:
        def step(log: Log) -> None:
            for batch, sign in changes:
                for rows in batch.slices(self.statistic.takes_sparse):
                    check()
                    self._apply(batch, rows, sign, log, check)

        self._change_by(step, log, check, any(sign > 0 for _, sign in changes), lent)

    def _change_by(self, step, log: Log, check, learns: bool = False, lent: bool = False) -> None:
        before = self.version
        self._touch()
        try:
            step(log)
            self._refresh(log, check)
            if learns:
                self._check_kinds(InvalidValueError)
            self._check_emptied()
            if lent:
                for vocabulary in self._vocabularies():
                    log.note(vocabulary.way_back())
            check()
        except BaseException:
            self._take_back(log)
            self.prune()
            self.statistic.stays(before, self.version)
            raise
        self.prune(lent)

    def _take_back(self, log: Log) -> None:
        try:
            log.take_back()
        except BaseException as error:
            self.broken = True
            raise self.is_broken() from error

    def _vocabularies(self) -> tuple[Vocabulary, ...]:
        own = () if self.vocabulary is None else (self.vocabulary,)
        return (*own, *self.statistic.vocabularies)

    def _check_kinds(self, error: type[SqlearnError]) -> None:
        """Refuse strings beside numbers, which scikit-learn's ``classes_`` and ``categories_`` cannot hold."""
        if self.vocabulary is not None and len({isinstance(label, str) for label in self.labels_held()}) > 1:
            raise error(
                f"Strings and numbers would be mixed among the labels of this {self.learner}, so nothing was changed. "
                "Convert the labels to the type of those held, or relabel all rows in one call.",
                reason="label",
            )
        for column, kind in enumerate(self.layout.kinds or ()):
            if kind == "any" and len(self.statistic.text_held(column)) > 1:
                raise error(
                    f"Text and numbers would be mixed in column {column} (counted from 0) of this {self.learner}, so "
                    "nothing was changed. Convert the column to the type of what is held.",
                    column=column,
                    reason="label",
                )

    def _check_emptied(self) -> None:
        """Without a ledger: what is left of no records is nothing, or else others were forgotten."""
        if self.params.get("ledger", True) or self.statistic.keeps_records:  # a store looks its rows up itself
            return
        slots = self.class_slots()
        empty = slots[self.statistic.record_counts[slots] == 0]
        if len(empty) and self.statistic.digits(empty)[0].any():
            raise NotLearnedError(
                f"The sums of this {self.learner} show that some of these rows were never learned with these labels, "
                "so nothing was changed. Pass rows, labels and sample weights as they were learned."
            )

    def prune(self, lent: bool = False) -> None:
        """Remove labels and categories that no record has any more, and free their slots; never fails.

        Every update ends with it, except a fast path that is one kernel call: that leaves the last record of a class or
        category to the general path.
        """
        if self.deferred:  # what waits may name them
            return
        self.statistic.prune(lent)
        if self.ledger is not None and not lent:
            self.ledger.shrink()
        if self.vocabulary is not None:
            self.vocabulary.prune(self.statistic.record_counts)

    def trim(self) -> None:
        """Remove limbs that no record needs any more, if there is memory to move the others to.

        Not inside ``without``, whose end must not need memory.
        """
        try:
            if self.statistic.is_wide:
                with InterruptsHeld():
                    self.statistic.trim()
        except MemoryError:  # the wider window serves as well, and the update is done
            pass

    def _apply(self, batch: Batch, rows: slice, sign: float, log: Log, check: Callable[[], None] | None = None) -> None:
        """Learn or forget one block of a batch."""
        block, digests = self.encode(batch, rows, sign)
        if sign < 0 and self.ledger is None:  # here, not in a step: undoing a half-learned block must not be refused
            missing = self.first_missing(block)
            if missing >= 0:
                raise self.not_held(batch, rows.start + missing)
        if log.keeps and self.ledger is not None:
            self.ledger.make_ready(digests, sign, check)
        log.do(partial(self._record, digests, batch, rows.start, sign), partial(self._strike, digests, sign))
        if sign < 0 and (self.ledger is not None or self.statistic.keeps_records):
            self._check_counts(block)
        self.statistic.deposit(block, sign, log)

    def _check_counts(self, block: Block) -> None:
        """Refuse to take more records from a class than it has: the labels of a model that was read were altered."""
        counts = self.statistic.record_counts
        asked = np.bincount(block.slots[block.weights > 0], minlength=len(counts))
        if len(asked) > len(counts) or (asked > counts).any():
            raise FormatError(UNFIT)

    def _record(self, digests, batch, start, sign):
        """Note the records in the ledger, the multiset hash and the count, or strike them out."""
        if self.ledger is not None:
            if sign > 0:
                excess = self.ledger.add(digests)
                if excess >= 0:
                    raise TooLargeError(
                        f"{batch.name(start + excess)} would be copy {MOST_COPIES + 1:,} of its record, and the ledger "
                        f"of this {self.learner} counts to {MOST_COPIES:,}, so nothing was changed. Fit with "
                        "ledger=False, or learn one row with a sample_weight instead of many copies.",
                        row=start + excess,
                    )
            else:
                missing = self.ledger.take(digests)
                if missing >= 0:
                    raise self.not_held(batch, start + missing)
        self._count(digests, sign)

    def _strike(self, digests, sign):
        """Undo :meth:`_record`, without memory."""
        if self.ledger is not None:
            self.ledger.take_back(digests, sign)
        self._count(digests, -sign)

    def _count(self, digests, sign):
        add_terms(self.multiset, digests, sign)
        self.record_counter[0] += int(sign) * len(digests)

    # ------------------------------------------------------------------ whose turn it is

    def check_free(self, error: type[UnsupportedError] | type[MergeError] = UnsupportedError) -> None:
        """Refuse an update inside ``without``, while another is under way, or where nobody can look up what is held."""
        if self.taken_out:
            raise error(self.rows_lie, reason="rows elsewhere")
        if self.busy:
            raise self.is_busy()

    def is_busy(self) -> BusyError | BrokenError:
        """Why an update, or a question while there is one, has to wait."""
        if self.broken:
            return self.is_broken()
        if self.borrowed:
            return BusyError(
                f"This {self.learner} is inside a `without` block, where some of its rows are set aside: it cannot be "
                "updated there. Leave the block first, or work on a copy (copy.deepcopy)."
            )
        return BusyError(
            f"This {self.learner} is being updated by another thread, or by the call that this one interrupted. This "
            "call has changed nothing: let threads take turns (a threading.Lock around all calls of the model), or "
            "give each a copy of its own (copy.deepcopy)."
        )

    def is_broken(self) -> BrokenError:
        """Why a model that is neither as it was nor as it should be answers nothing."""
        return BrokenError(
            f"An update of this {self.learner} could not be undone: there was no memory left, or an exception from "
            "outside (of a signal's handler, say) came in the middle of a step. Its state is inconsistent, so it "
            "cannot be used. Load the model again, or fit it anew."
        )

    @contextmanager
    def reading(self) -> Iterator[int]:
        """Context in which the state is read, of the version that it gives; an error when it was updated meanwhile."""
        version = self.version  # first: an update that begins just after this line has another one
        if self.busy and not self.borrowed:
            raise self.is_busy()
        try:
            yield version
        except Exception as error:
            if self.version != version:  # then what was read is anything
                raise self.is_busy() from error
            if isinstance(error, SystemError) and isinstance(error.__cause__, KeyboardInterrupt):
                raise error.__cause__ from None  # it came while numba made arrays of what a kernel returned
            raise
        if self.version != version:
            raise self.is_busy()

    # ------------------------------------------------------------------ whole states

    def solution(self) -> bytes | None:
        """What was learned from records that lie elsewhere, if the canonical bytes do not tell it."""
        with self.reading() as version:
            return self.statistic.solution_elsewhere(*self.occupied(), version)

    def merged(self, other: "State") -> "State":
        """A new state that holds the records of both."""
        ours, theirs = self.header(), other.header()
        ours, theirs = ours | ours.pop("parameters"), theirs | theirs.pop("parameters")
        for header in (ours, theirs):
            if header["layout"].get("labels") == "bool":  # whether labels are returned as bool is no reason to refuse
                header["layout"] = {k: v for k, v in header["layout"].items() if k != "labels"}
        for name in ours:
            if json.dumps(ours[name]) != json.dumps(theirs.get(name)):  # NaN equals NaN
                where, one, another = _difference(name, ours[name], theirs.get(name))
                is_key = where.rpartition("__")[2] == "key"  # keys are secrets
                values = "" if is_key else f": {shown(one)} and {shown(another)}"
                raise MergeError(
                    f"These models differ in {where}{values}, so nothing was changed. Only models of "
                    "the same learner with equal parameters, keys, features and targets merge.",
                    reason="parameters",
                )
        merged = self.copy()
        if merged.vocabulary is None:
            slots = np.zeros(1, np.int64)
        else:
            slots = np.array([merged.vocabulary.slot(label) for label in other.labels()], np.int64)
            merged.statistic.resize(merged.vocabulary.capacity)
        merged.statistic.add(other.statistic, other.class_slots(), slots)
        merged._check_kinds(MergeError)
        if merged.ledger is not None and other.ledger is not None:
            merged.ledger = merged.ledger.merged(other.ledger)
        digests = np.concatenate([np.zeros(2, np.uint64), other.multiset])[None]
        add_terms(merged.multiset, digests, 1.0)
        merged.record_counter += other.record_counter
        merged.sources += tuple(source.copy() for source in other.sources)
        merged._refresh(Log(keeps=False))
        merged.prune()
        return merged

    def copy(self) -> "State":
        """An independent state of the same contents."""
        copied = State(self.learner, self.params, self.layout, self.statistic.copy(), self.vocabulary is not None)
        copied.vocabulary = None if self.vocabulary is None else self.vocabulary.copy()
        copied.ledger = None if self.ledger is None else self.ledger.copy()
        copied.multiset, copied.record_counter = self.multiset.copy(), self.record_counter.copy()
        copied.version, copied.rows_stayed, copied.deferred = self.version, self.rows_stayed, self.deferred
        copied.taken_out, copied.rows_lie = self.taken_out, self.rows_lie
        copied.sources = tuple(source.copy() for source in self.sources)
        copied.take_fast_path()
        return copied


def _difference(name: str, ours: Any, theirs: Any) -> tuple[str, Any, Any]:
    """Where a described parameter differs: the name of what does, inside of parts, and its two values."""
    path, is_part = [name], False
    while name in _PARTS and isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        at = next(i for i in range(len(ours)) if json.dumps(ours[i]) != json.dumps(theirs[i]))
        is_named = at > 0 and isinstance(ours[0], str)  # a pair of a name and a value, or of a part's class and its own
        if is_named and not is_part:
            path.append(ours[0])
        is_part = is_named and not is_part
        ours, theirs = ours[at], theirs[at]
    return "__".join(path[1:] or path), ours, theirs
