"""A table in many stores, with one model over all of them: rows are forgotten where they lie, all or nothing."""

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from sqlearn.distributed.store_set.change import Joint
from sqlearn.distributed.store_set.editing import SetEditing
from sqlearn.distributed.store_set.filling import TableRows, in_files, rows_of
from sqlearn.distributed.store_set.journal import Journal
from sqlearn.distributed.store_set.making import NewParts, as_parts, made_folder
from sqlearn.distributed.store_set.merging import part_of, refuse_unmerged
from sqlearn.distributed.store_set.part import Form
from sqlearn.distributed.store_set.receipts import start_of
from sqlearn.distributed.store_set.set_file import SetFile
from sqlearn.distributed.store_set.threads import Threads
from sqlearn.engine.model import ExactEstimator
from sqlearn.engine.sums import InterruptsHeld
from sqlearn.errors import StoreError
from sqlearn.storage.calls import called_as
from sqlearn.storage.planning import Planned
from sqlearn.storage.records import looking
from sqlearn.storage.table import arguments, as_names, as_path, as_seconds, asks_in_rounds
from sqlearn.storage.types import Given, Progress

__all__ = ["StoreSet"]


class StoreSet(SetEditing):
    """A table in many stores in one folder, divided by a keyed hash of the ids, with one model over all rows.

    Make one with :meth:`create`, come back to it with :meth:`open`. It is used as a :class:`~sqlearn.Store` is.

    Attributes
    ----------
    path : Path
        The folder.

    Notes
    -----
    - *The same bytes*: the model has the digest of that of one store with the same rows, into however many parts they
      are divided. It is the merge of the parts' models, so learners whose sums merge are taken. Adaptive learners over
      numbers are taken as well: their rounds are kept on file, and a change that breaks none of them asks no rows.
    - *All or nothing*: a change that lies in one part is one transaction there. One that lies in several is made in
      each, noted in a journal that holds places of rows and nothing else, and then committed in each; what a crash
      leaves in between is finished, or taken back, when the set is next used.
    - *Erased*: as in a store, in every file of the set.
    - *In parallel*: the parts work in as many threads as the machine has processors.

    One thread at a time uses a set, and several processes may open one. They change it one after another, and read it
    meanwhile as it was.

    Examples
    --------
    >>> import tempfile, os
    >>> from sqlearn.distributed import StoreSet
    >>> from sqlearn.naive_bayes import GaussianNB
    >>> path = os.path.join(tempfile.mkdtemp(), "people")
    >>> people = {
    ...     "person": ["ann", "bob", "cid", "dot", "eve"],
    ...     "age": [41.0, 22.0, 35.0, 58.0, 29.0],
    ...     "income": [5.1, 1.9, 3.2, 4.8, 2.5],
    ...     "buys": ["yes", "no", "no", "yes", "no"],
    ... }
    >>> store_set = StoreSet.create(path, GaussianNB(), people, target="buys", id="person", parts=2)
    >>> store_set
    <StoreSet people: GaussianNB on 5 rows of 2 features in 2 parts>
    >>> receipt = store_set.forget(where="age < 30 and buys = 'no'")
    >>> receipt.kind, receipt.count
    ('forget', 2)
    >>> store_set.verify()
    GaussianNB equals its refit on 3 rows, byte for byte (digest ...)
    >>> bool(store_set.erasure_report(values=["bob", 22.0, 1.9]))
    True
    >>> store_set.predict({"age": [50.0], "income": [5.0]})
    array(['yes'], dtype='<U3')
    >>> store_set.close()
    """

    # ------------------------------------------------------------------ making and opening

    @classmethod
    @called_as('StoreSet.create(path, model, table, target="...", id="...", parts=8)')
    def create(
        cls,
        path: str | os.PathLike[str],
        model: ExactEstimator,
        table: Given,
        *,
        target: str | Sequence[str] | None = None,
        id: str | None = None,
        parts: int = 8,
        weight: str | None = None,
        categorical: Sequence[str] | None = None,
        keep: str | Sequence[str] = (),
        booleans: Mapping[str, Any] | None = None,
        text: str | Sequence[str] = (),
        reading: Mapping[str, Any] | None = None,
        suppress: bool = False,
        signing_key: bytes | str | None = None,
        timeout: float = 5.0,
        progress: Progress | None = None,
    ) -> "StoreSet":
        """Make a set: divide a table, keep it, and fit a model on it.

        Parameters
        ----------
        path : str or Path
            The folder to make. It must not exist.
        model : estimator
            A learner of this package whose sums merge, with its parameters. It is not changed.
        table : frame, dict of columns, iterator of these, or path
            The rows: pandas or polars frames, or dicts of equally long columns. An iterator is read frame by frame,
            so that a table may be larger than memory; so are files: CSV or Parquet, by a path, a pattern such as
            ``"folder/*.parquet"``, a folder, or a list of these.
        target, id, weight, categorical, keep, booleans, text, reading : str, list, dict, optional
            As for :meth:`sqlearn.Store.create`.
        parts : int, default=8
            Into how many stores the rows are divided. It is no part of any digest.
        suppress : bool, default=False
            Whether to keep a keyed hash of each id that is forgotten, and to refuse to learn it again.
        signing_key : bytes or str, optional
            A secret of at least 16 bytes to sign receipts with; it is not kept in the files.
        timeout : float, default=5.0
            Seconds to wait for other processes in later calls.
        progress : callable, optional
            Called with the number of rows learned since the last call.

        Returns
        -------
        StoreSet
            The open set.

        Raises
        ------
        UnsupportedError
            When the learner keeps its records, or sums over more than numbers in rounds.
        StoreError, TableError, SqlearnError
            See their descriptions. No folder is left.
        """
        named = dict.fromkeys(as_names(categorical, "categorical"), "category")
        named |= dict.fromkeys(as_names(text, "text"), "text")
        plan = Planned(
            model, in_files(table, id, named), target=target, id=id, user=None, item=None, rating=None, weight=weight,
            categorical=categorical, keep=keep, booleans=booleans, text=text, reading=reading, suppress=suppress,
        )  # fmt: skip
        refuse_unmerged(model)
        folder, seconds, n = as_path(path), as_seconds(timeout), as_parts(parts)
        looking(progress)
        with made_folder(folder) as unfinished, InterruptsHeld() as check:
            file, threads = SetFile.create(unfinished, seconds, n), Threads()
            try:
                with file.making():
                    frames = plan.recognise()
                    first = next(frames)
                    given = arguments(plan.model, plan.columns, plan.columns.block(first))
                    empty = part_of(plan.model.started(**given))
                    form = Form(plan.columns, plan.textual, file.key, plan.suppress, asks_in_rounds(empty))
                    new = NewParts(file, 0, n, form, empty, threads, "", signing_key, seconds)
                    rows = rows_of(itertools.chain([first], frames), plan.columns, plan.textual, 0)
                    new.fill(rows, check, progress)
                    Journal.create(unfinished, seconds).close()
            finally:
                threads.close()
                file.close()
        return cls.open(path, signing_key=signing_key, timeout=timeout)

    @classmethod
    @called_as("StoreSet.open(path)", "StoreSet.open(path, signing_key=...)")
    def open(
        cls, path: str | os.PathLike[str], *, signing_key: bytes | str | None = None, timeout: float = 5.0
    ) -> "StoreSet":
        """Open a set. What a crash left half done is finished or taken back.

        Parameters
        ----------
        path : str or Path
            The folder.
        signing_key : bytes or str, optional
            The secret to sign receipts with. A set whose last receipts are signed is changed with the same key alone;
            whoever only reads it needs none.
        timeout : float, default=5.0
            Seconds to wait for other processes, here and in later calls.

        Returns
        -------
        StoreSet
            The open set.

        Raises
        ------
        StoreError, StoreCorruptError, StoreBusyError
            As their names say.
        """
        folder, seconds = as_path(path), as_seconds(timeout)
        file = SetFile.open(folder, seconds)
        try:
            opened = cls(folder, file, Journal.open(folder, seconds), signing_key, seconds)
        except BaseException:
            file.close()
            raise
        try:
            with opened._reading():
                kept = not file.leftovers() and opened._whole_model.is_kept(opened._models())
            if not kept:
                opened._tidy()
            return opened
        except BaseException:
            opened._close()
            raise

    def __reduce__(self) -> NoReturn:
        raise StoreError(
            "A set of stores is its files, and is neither pickled nor copied. Nothing was done: pass its path, and "
            f"open it where it is used, with StoreSet.open({str(self.path)!r}).",
            reason="argument",
        )

    @called_as("store.rebalance(parts)")
    def rebalance(self, parts: int, *, progress: Progress | None = None) -> None:
        """Divide the rows anew, among another number of parts: all of them, or nothing has changed.

        The parts are written anew beside the old ones, put in force in one transaction, and the old ones are deleted.
        The model, its digest and the list of forgotten ids stay; receipts are kept, and new ones follow them.

        Parameters
        ----------
        parts : int
            How many.
        progress : callable, optional
            Called with the number of rows that were moved since the last call; in all, ``len(self)``.

        Raises
        ------
        StoreError
            When the disk is full, say. Nothing has changed.
        """
        n = as_parts(parts)
        with self._changing(progress) as change:
            numbers = range(len(self._parts))
            receipts = list(self._receipts_of(change.run(lambda part, _: part.changes(), numbers)))
            now = ((self._file.division, *told) for told in receipts)
            start = start_of([*self._file.former(), *now], self._file.name)
            new = NewParts(
                self._file, self._file.division + 1, n, self._form, self._learner.emptied(), self._threads, start,
                self._signing_key, self._timeout,
            )  # fmt: skip
            listed = change.run(lambda part, _: part.hashes_suppressed(), numbers) if self._form.suppress else {}
            new.fill(_held(change, numbers), change.check, progress, self._next_id(), [*listed.values()])
            self._file.divide(n, receipts)
            change.divides = True
        self._tidy()  # now that it is in force: the old parts go


def _held(change: Joint, numbers: Iterable[int]) -> Iterator[TableRows]:
    """All rows of these parts, block by block."""
    for number in numbers:
        scans = change.run(lambda part, _: part.blocks(), [number])
        while (found := change.run(lambda part, n: next(scans[n], None), [number])[number]) is not None:  # noqa: B023
            yield TableRows(*found, None, 0)
