"""The model of all rows of a set: the sums of its parts, merged, and the rounds over all rows, which are kept.

A change that breaks no round asks no rows: the model is told of those that came and went, as a store's is. Where a
round breaks, all parts are asked at once. Which records a model was made of shows by their hash and number, so a model
that is kept, in memory or on file, is known to be that of the rows held, or not.
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from sqlearn.distributed.store_set.whole.noted_rows import Noted
from sqlearn.distributed.store_set.whole.set_rows import Each, SetRows
from sqlearn.distributed.store_set.whole.trace_file import TraceFile
from sqlearn.engine.identity import add_terms
from sqlearn.engine.model import Inner
from sqlearn.errors import SqlearnError, StoreError
from sqlearn.storage.table import Columns, arguments


def _nothing() -> None:
    pass


def records_of(models: Iterable[Any]) -> bytes:
    """What tells the records of these models together: how many they are, and the hash of their multiset."""
    counted = ((model.state.record_counter.view(np.uint64), model.state.multiset) for model in models)
    return together(np.concatenate(told).tobytes() for told in counted)


def together(told: Iterable[bytes]) -> bytes:
    """What tells the records of several parts together, of what tells those of each."""
    n, total = 0, np.zeros(4, np.uint64)
    for one in told:
        count, *multiset = np.frombuffer(one, np.uint64)
        n += int(count)
        add_terms(total, np.array([[0, 0, *multiset]], np.uint64), 1.0)
    return n.to_bytes(8, "little") + total.tobytes()


def merged(models: Sequence[Any]) -> Any:
    """A model of the records of all parts; the models are left as they are."""
    whole = copy.deepcopy(models[0])
    for model in models[1:]:
        whole.merge(model)
    return whole


class WholeModel:
    """The model of all rows.

    Parameters
    ----------
    each : callable
        Calls a function with every part and its number, within a transaction.
    columns : Columns
        What rows hold.
    file : TraceFile or None
        Where it is saved; None for a learner that makes no rounds.
    """

    def __init__(self, each: Each, columns: Columns, file: TraceFile | None) -> None:
        self._each, self._columns, self.file = each, columns, file
        self._known: Any = None  # the last one

    # ------------------------------------------------------------------ reading

    def of(self, models: Sequence[Any], check: Callable[[], None] = _nothing) -> Any:
        """The model of the rows that the parts' models have, which is not to be changed."""
        model = self._kept(records_of(models)) or self.anew(models, check)
        self._known = model
        self._solve(model)
        return model

    def is_kept(self, models: Sequence[Any]) -> bool:
        """Whether the model of these rows needs no rounds over all of them, here or in another process."""
        if self.file is None:
            return True
        records = records_of(models)
        kept = self._on_file(records)
        self._known = kept or self._known
        return kept is not None

    def on_file(self, models: Sequence[Any]) -> Any:
        """The model as it is saved, if it is that of these rows, or else a new one."""
        return self._on_file(records_of(models)) or self.anew(models)

    def anew(self, models: Sequence[Any], check: Callable[[], None] = _nothing) -> Any:
        """The model of these rows, of which nothing is known but the parts' models."""
        model = merged(models)
        if self.file is not None:
            model.state.statistic.is_share = False
            self._attach(model)
            self._catch_up(model, check)
            self._solve(model)
        return model

    def _kept(self, records: bytes) -> Any:
        """The model of these records, if there is one in memory or on file."""
        known = self._known
        return known if known is not None and records_of([known]) == records else self._on_file(records)

    def _on_file(self, records: bytes) -> Any:
        model = None if self.file is None else self.file.load()
        if model is None or records_of([model]) != records:
            return None
        self._attach(model)
        state = model.state
        if state.statistic.drop_obsolete(state.occupied()[1]):  # an earlier version wrote it
            self._catch_up(model, _nothing)
        return model

    def _attach(self, model: Any) -> None:
        """Let a model ask the rows of all parts, and wait with asking until it is told of all that has changed."""
        statistic = model.state.statistic
        statistic.read_from(SetRows(self._each, statistic))
        model.state.deferred, model.state.taken_out = True, False

    def _catch_up(self, model: Any, check: Callable[[], None]) -> None:
        model.state.catch_up(check)
        model.state.deferred = True

    def _solve(self, model: Any) -> None:
        """Solve for few rows now, as the parts cannot be asked later."""
        if self.file is not None:
            state = model.state
            state.statistic.rows.forget_numbers()
            state.statistic.solved(*state.occupied(), state.version)

    # ------------------------------------------------------------------ changes

    def before(self, told: Iterable[bytes]) -> Any:
        """The model that is kept, in memory or on file, of what was told of the records of each part; None for none."""
        return None if self.file is None else self._kept(together(told))

    def after(
        self, models: Sequence[Any], kept: Any, noted: list[Noted] | None, check: Callable[[], None]
    ) -> Any:  # fmt: skip
        """The model of the rows that the parts have now, in a change that is under way.

        Parameters
        ----------
        models : sequence of estimator
            The parts' models.
        kept : estimator or None
            What :meth:`before` gave of the rows before it.
        noted : list of Noted or None
            What has come and gone; None if it is too much to be told.
        check : callable
            Raises what a signal that came meanwhile asks for.
        """
        if self.file is None:  # nothing but the parts' sums
            return self.anew(models)
        if kept is None or noted is None:
            return self.anew(models, check)
        model: Any = Inner(kept).fitted(kept.state.copy())
        self._attach(model)
        statistic, known = model.state.statistic, kept.state.statistic
        statistic.memo, statistic.aside = known.memo, known.aside  # which save time, and are no part of the state
        for sign, change in ((-1.0, model.forget), (1.0, model.partial_fit)):
            for block in (block for block, its in noted if its == sign):
                check()
                change(**arguments(model, self._columns, block))
        self._catch_up(model, check)
        return model

    def keep(self, model: Any) -> None:
        """Save a model, and remember it: what it is of is about to be committed."""
        if self.file is not None:
            self.file.save(model)
        self._known = model

    def keep_where_possible(self, model: Any) -> None:
        """Remember a model of what is committed, and save it unless the file cannot be written: it can be made anew."""
        self._known = model
        try:
            self.keep(model)
        except StoreError as error:
            if error.reason not in ("full", "access"):
                raise

    def keep_again(self, before: Any) -> None:
        """Have the model before in place of the one that was kept last, as nothing of that was committed."""
        self._known = before
        if self.file is None:
            return
        try:
            if before is not None:
                self.file.save(before)
        except (SqlearnError, OSError):  # the disk is full, say
            before = None
        if before is None:  # whoever opens the set makes it anew
            self.file.remove()

    def close(self) -> None:
        """Let go of the file."""
        if self.file is not None:
            self.file.close()
