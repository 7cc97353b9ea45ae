"""The files of a set, and the contexts in which they are read and changed together."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from sqlearn.distributed.grouping import groups
from sqlearn.distributed.store_set.change import Change, Following
from sqlearn.distributed.store_set.journal import Journal
from sqlearn.distributed.store_set.making import cache_of
from sqlearn.distributed.store_set.part import Form, Part
from sqlearn.distributed.store_set.recovery import recover
from sqlearn.distributed.store_set.routing import parts_of
from sqlearn.distributed.store_set.set_file import SetFile
from sqlearn.distributed.store_set.threads import Threads
from sqlearn.distributed.store_set.whole import TraceFile, WholeModel
from sqlearn.engine.sums import InterruptsHeld
from sqlearn.errors import StoreBusyError, StoreError
from sqlearn.storage.conditions import Seen
from sqlearn.storage.contents import Completion
from sqlearn.storage.file import damaged
from sqlearn.storage.records import IdHashes, looking, refuse_unknown
from sqlearn.storage.table import Columns, named_ids
from sqlearn.storage.types import Progress

_MOMENT = 0.05  # seconds
_T = TypeVar("_T")


class SetContents:
    """The parts of a set, its lock and its journal.

    Parameters
    ----------
    path : Path
        The folder.
    file : SetFile
        The set's own file.
    journal : Journal
        The changes of several parts.
    signing_key : bytes, str or None
        What to sign receipts with.
    timeout : float
        Seconds to wait for other processes.
    """

    _form: Form
    _columns: Columns
    _ids: IdHashes
    _learner: Any  # a part's model, for what is the same in all
    _whole_model: WholeModel

    def __init__(
        self,
        path: Path,
        file: SetFile | None = None,
        journal: Journal | None = None,
        signing_key: bytes | str | None = None,
        timeout: float = 5.0,
    ) -> None:
        if not isinstance(file, SetFile) or not isinstance(journal, Journal):
            raise StoreError(
                "Open a set of stores with StoreSet.open(path), or create one with StoreSet.create(path, model, "
                "table).",
                reason="argument",
            )
        self.path, self._file, self._journal = path, file, journal
        self._signing_key, self._timeout = signing_key, timeout
        self._threads, self._parts = Threads(), list[Part]()
        self._opened: int | None = None  # of which division the parts are that are open
        self._trace = TraceFile(path, lambda: self._file.name, timeout)
        self._process = os.getpid()

    # ------------------------------------------------------------------ opening

    def _open_parts(self) -> None:
        """Open the parts of the division in force, instead of those that were open. The set is locked."""
        self._close_parts()
        of, n = self._file.form_name(), self._file.n_parts
        paths = {number: self._file.part_path(number) for number in range(n)}
        missing = [path.name for path in paths.values() if not path.is_file()]
        if missing:
            raise damaged(self.path, f"it lacks its part {missing[0]}")

        def opened(number: int) -> Callable[[], Part]:
            return lambda: Part.of_set(
                paths[number], of, number, timeout=self._timeout, cache=cache_of(n), signing_key=self._signing_key
            )

        begun = self._threads.start({number: opened(number) for number in paths})
        try:
            self._parts = [*self._threads.finish(begun).values()]
        except BaseException:
            for number, future in begun.items():
                if not future.exception():
                    self._threads.tried({number: future.result().close})
            raise
        self._form = self._parts[0].form
        self._columns = self._form.columns
        self._ids = IdHashes(self._file.key, self._form.textual)
        self._learner = self._threads.run({0: self._parts[0].snapshot})[0][1]
        self._whole_model = WholeModel(self._each, self._columns, self._trace if self._form.asks else None)
        self._opened = self._file.division

    def _close_parts(self) -> None:
        parts, self._parts, self._opened = self._parts, [], None
        self._threads.run({number: part.close for number, part in enumerate(parts)})

    def _look(self) -> None:
        """Follow what another process has made of the set, which is locked."""
        if self._opened != self._file.division:
            self._open_parts()

    # ------------------------------------------------------------------ transactions

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """One consistent view of all parts."""
        until = time.monotonic() + self._timeout
        while True:
            with self._file.shared(), self._journal.shared() as is_whole:
                if is_whole:
                    self._look()
                    yield
                    return
            try:  # only for a moment, as who has committed that change may be followed by another one for long
                with InterruptsHeld() as check, self._file.changing(wait=min(self._timeout, _MOMENT)):
                    self._put_right(check)
            except StoreBusyError:
                if time.monotonic() >= until:
                    raise

    @contextmanager
    def _changing(self, progress: Progress | None = None, wait: float | None = None) -> Iterator[Change]:
        """All or nothing: what the change settles, it settles in the end. Others read until then.

        Another one that changes the set is waited for, for so many seconds instead of the `timeout`.
        """
        looking(progress)  # which refuses what is no function
        with Completion() as completion, InterruptsHeld() as check:
            with self._file.changing(wait):
                self._put_right(check)
                change = Change(self._parts, self._threads, self._journal, self._file.division, check, progress)
                change.follow = self._follow
                try:
                    yield change
                    completion.made = change.is_settled
                    change.commit()
                except BaseException:
                    completion.made = change.is_settled
                    change.undo()
                    raise
            completion.made |= change.divides

    def _put_right(self, check: Callable[[], None]) -> None:
        """Finish what a crash left half committed, and delete files of parts that are in force no more.

        Signals wait until the change is finished, but not for the rounds over all rows that may follow.
        """
        unfinished = self._journal.read()
        self._look()
        if unfinished is not None:
            if unfinished.division != self._opened or not unfinished.to.keys() <= {*range(len(self._parts))}:
                raise damaged(self._journal.database.path, "its change is of other parts than those of the set")
            try:
                recover(unfinished, self._parts, self._threads, self._journal)
            except StoreError as error:
                if error.reason != "signature":
                    raise
                raise StoreError(
                    f"The set of stores {self.path} was left in the middle of a change ({unfinished}): to finish it, "
                    "signed receipts are written. Nothing was changed: open it once with the key that they are signed "
                    "with, StoreSet.open(path, signing_key=...); then it is read without it.",
                    reason="signature",
                ) from error
            self._keep_whole(check)
        for file in self._file.leftovers():
            file.unlink(missing_ok=True)

    def _tidy(self) -> None:
        """Delete files of parts that are in force no more, and have the model of all rows on file; where another one is
        at work, the next change does so."""
        with suppress(StoreBusyError), self._changing(wait=0.0) as change:
            self._keep_whole(change.check)

    def _keep_whole(self, check: Callable[[], None]) -> None:
        """Have the model of all rows on file, where it can be written."""
        models = self._models()
        if not self._whole_model.is_kept(models):
            self._whole_model.keep_where_possible(self._whole_model.of(models, check))

    # ------------------------------------------------------------------ parts

    def _each(
        self, call: Callable[[Part, int], _T], numbers: Iterable[int] | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> dict[int, _T]:  # fmt: skip
        """Call something with parts, all by default, each with its number, within a transaction."""

        def with_part(number: int) -> Callable[[], _T]:
            return lambda: call(self._parts[number], number)

        numbers = range(len(self._parts)) if numbers is None else numbers
        with InterruptsHeld() as check:
            return self._threads.run({n: with_part(n) for n in numbers}, check=check, progress=progress)

    def _whole(self) -> Any:
        """The model of all rows, which is not to be changed."""
        return self._whole_model.of(self._models())

    def _models(self) -> list[Any]:
        """The models of the parts, which are not to be changed."""
        return [model for _, model in self._each(lambda part, _: part.snapshot()).values()]

    def _changed_whole(self, check: Callable[[], None]) -> tuple[Any, Any]:
        """The model of the rows that the parts have in the change that is under way, and the one before, or None."""
        models, before, some = zip(*self._each(lambda part, _: part.changed()).values(), strict=True)
        noted = None if None in some else [one for noted in some for one in noted]
        kept = self._whole_model.before(before)
        return self._whole_model.after(models, kept, noted, check), kept

    def _follow(self, check: Callable[[], None]) -> Following:
        """Make the model of all rows of what has changed; returns what saves it."""
        if not self._form.asks:
            return Following()
        model, before = self._changed_whole(check)
        return Following(partial(self._whole_model.keep, model), partial(self._whole_model.keep_again, before))

    def _divided(self, ids: list[Any]) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """By part: which of the ids would lie there, and their hashes. What is no id of any row is in no part."""
        fits, hashes = self._ids.hashes_of_given(ids)
        places = np.flatnonzero(fits)
        return {number: (places[own], hashes[own]) for number, own in groups(parts_of(hashes, len(self._parts)))}

    def _named(
        self, run: Callable[..., dict[int, Any]], ids: Any, where: str | None, look: Callable[[int], None]
    ) -> dict[int, tuple[np.ndarray, list[Any] | None]]:
        """By part: places of the rows meant, and their ids if they were named by them.

        Parameters
        ----------
        run : callable
            Calls a function with parts and their numbers.
        ids, where : id, sequence of ids, str or None
            What names the rows: one of the two.
        look : callable
            What a part calls at each block of rows that a condition is asked of.

        Raises
        ------
        UnknownIdError, ConditionError
            When they do not name rows.
        """
        if where is not None:
            seen = {number: Seen({}, {}) for number in range(len(self._parts))}
            found = run(lambda part, number: part.matching(where, look, seen[number]), seen)
            self._condition(where).settle([*seen.values()])
            return {number: (slots, None) for number, slots in found.items() if len(slots)}
        listed = named_ids(ids, self._ids.textual, "this set")
        divided = self._divided(listed)
        found = run(lambda part, number: part.places_of(divided[number][1]), divided)
        known = np.zeros(len(listed), bool)
        for number, slots in found.items():
            known[divided[number][0]] = slots > 0
        refuse_unknown(listed, known)
        return {number: (slots, [listed[i] for i in divided[number][0].tolist()]) for number, slots in found.items()}

    def _condition(self, where: str) -> Any:
        return self._parts[0].condition(where)

    # ------------------------------------------------------------------ the end

    def _close(self) -> None:
        if self._process == os.getpid():  # threads do not outlive a fork
            self._close_parts()
            self._threads.close()
        self._trace.close()
        self._journal.close()
        self._file.close()
