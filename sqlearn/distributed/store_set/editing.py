"""The verbs that change a set of stores: learn, forget, relabel; compact."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sqlearn.distributed.store_set.filling import Files, fill, in_files, refuse_none, rows_of
from sqlearn.distributed.store_set.merging import check_kinds
from sqlearn.distributed.store_set.receipts import SetReceipt, made_of
from sqlearn.distributed.store_set.routing import parts_of
from sqlearn.distributed.store_set.view import SetView
from sqlearn.errors import StoreError, UnknownIdError, shown
from sqlearn.storage.calls import called_as
from sqlearn.storage.editing import refuse_unheld
from sqlearn.storage.records import looking
from sqlearn.storage.table import as_flag, frames_of, named_ids, takes_labels, target_of
from sqlearn.storage.types import Ids, Progress, Table
from sqlearn.storage.upkeep import Suppressed


class SetEditing(SetView):
    """What changes a set. Each method is done in all parts or in none, and on the disk when it returns."""

    @called_as('store_set.learn({"feature": [...], "target": [...]})')
    def learn(self, table: Table | Files | Sequence[Files], *, progress: Progress | None = None) -> SetReceipt:
        """Keep more rows, and learn them.

        Parameters
        ----------
        table : frame, dict of columns, iterator of these, or path
            Rows with the set's columns, ids included if the set has a column of them; files as for ``create``.
        progress : callable, optional
            Called with the number of rows learned since the last call.

        Returns
        -------
        SetReceipt
            Of kind "learn", with the number of rows.

        Raises
        ------
        TableError, DuplicateIdError, SuppressedIdError, SqlearnError
            See their descriptions. Nothing has changed.
        """
        with self._changing(progress) as change:
            first = 0 if self._columns.id else self._next_id()
            kinds = {column.name: column.kind for column in self._columns.all}
            given = in_files(table, self._columns.id, kinds, textual_ids=self._ids.textual)
            rows = rows_of(frames_of(given), self._columns, self._ids.textual, first)
            count = fill(change, rows, self._ids, len(self._parts))
            refuse_none(count)
            end = 0 if self._columns.id else first + count
            slots = change.run(lambda part, _: part.took(end), change.begun)
            self._check_kinds()
            return self._receipt(change.settle("learn", slots))

    @called_as("store_set.forget(ids=...)", "store_set.forget(where=...)")
    def forget(
        self,
        *,
        ids: Ids | None = None,
        where: str | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> SetReceipt | int | None:
        """Take rows out of the model, and erase them.

        Parameters
        ----------
        ids : id or sequence of ids, optional
            The rows to forget, by id.
        where : str, optional
            The rows to forget, by an SQL condition over the table's columns (target, weight and id among them).
        dry_run : bool, default=False
            Whether to count the rows only.
        progress : callable, optional
            Called, unless rows are named by ids, with the number of rows looked at since the last call; in all,
            ``len(self)``.

        Returns
        -------
        SetReceipt, int or None
            The receipt; the number of rows for a dry run; None if no row is meant, as nothing has changed.

        Raises
        ------
        UnknownIdError, ConditionError, SqlearnError
            See their descriptions. Nothing has changed.
        """
        if as_flag(dry_run, "dry_run"):
            return self._count(ids, where, progress)
        with self._changing(progress) as change:
            named = self._named(change.run, ids, where, self._threads.look)
            check = self._threads.check
            change.run(lambda part, number: part.forget_rows(*named[number], check), named)
            if not named:
                return None
            return self._receipt(change.settle("forget", {number: slots for number, (slots, _) in named.items()}))

    @called_as("store_set.relabel(ids=..., to=...)", "store_set.relabel(where=..., to=...)")
    def relabel(
        self,
        *,
        to: Any,
        ids: Ids | None = None,
        where: str | None = None,
        new: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> SetReceipt | int | None:
        """Give rows another target, as if they had been learned with it.

        Parameters
        ----------
        to : label, value, or sequence of values
            The new target; one value per target column.
        new : bool, default=False
            Whether `to` may be a label that no row has.
        ids, where, dry_run, progress : list, str, bool, callable
            As for :meth:`forget`.

        Returns
        -------
        SetReceipt, int or None
            The receipt; the number of rows for a dry run; None if no row is meant that has another target, as nothing
            has changed. Rows that have this target already are not counted.

        Raises
        ------
        UnknownLabelError
            When no row has the label, and `new` is not given. Nothing has changed.
        UnknownIdError, ConditionError, SqlearnError
            As for :meth:`forget`.
        """
        target, new = target_of(self._learner, self._columns, to), as_flag(new, "new")
        if as_flag(dry_run, "dry_run"):
            looking(progress)
            with self._reading():
                self._check_label(target, new)
                rows = self._named(self._each_with(progress), ids, where, self._threads.look)
                others = self._each(lambda part, number: part.with_another(*rows[number], target), rows)
                return sum(len(slots) for slots, _ in others.values())
        with self._changing(progress) as change:
            rows = self._named(change.run, ids, where, self._threads.look)
            self._check_label(target, new)
            others = change.run(lambda part, number: part.with_another(*rows[number], target), rows)
            named = {number: other for number, other in others.items() if len(other[0])}
            check = self._threads.check
            change.run(lambda part, number: part.relabel_rows(*named[number], target, check), named)
            if not named:
                return None
            self._check_kinds()
            return self._receipt(change.settle("relabel", {number: slots for number, (slots, _) in named.items()}))

    @called_as("store_set.compact()")
    def compact(self) -> int:
        """Shrink the files by the space of forgotten rows, which is otherwise kept for rows to come.

        The parts are written anew one after another, each in one transaction.

        Returns
        -------
        int
            By how many bytes they have shrunk.
        """
        with self._changing() as change:
            change.signed = False
            before = self._size()
            for number in range(len(self._parts)):
                change.run(lambda part, _: part.shrink(), [number])
                with self._journal.alone():  # as who reads remembers places
                    change.commit()
            with self._journal.alone():
                self._trace.compact()
            return before - self._size()

    # ------------------------------------------------------------------ ids that are not learned again

    @called_as("store_set.suppressed()")
    def suppressed(self) -> Suppressed:
        """Return the ids that were forgotten, as keyed hashes: for :meth:`replay` on a backup of this set.

        Returns
        -------
        Suppressed
            The list, which can be saved to a file.

        Raises
        ------
        StoreError
            If the set was created without ``suppress=True``.
        """
        with self._reading():
            lists = [*self._each(lambda part, _: part.suppressed_here()).values()]
            return Suppressed(lists[0].store, tuple(sorted(hash for one in lists for hash in one.hashes)))

    @called_as("store_set.lift(ids)")
    def lift(self, ids: Ids | None) -> SetReceipt | None:
        """Allow ids to be learned again that were forgotten.

        Parameters
        ----------
        ids : id or sequence of ids
            The ids.

        Returns
        -------
        SetReceipt or None
            Of kind "lift", with the number of ids; None for no ids, as nothing has changed.

        Raises
        ------
        UnknownIdError
            When one is not suppressed, or is given twice. Nothing has changed.
        """
        with self._changing() as change:
            self._refuse_unsuppressing()
            given = named_ids(ids, self._ids.textual)
            divided = self._divided(given)
            known = np.zeros(len(given), bool)
            for number, there in change.run(lambda part, n: part.are_suppressed(divided[n][1]), divided).items():
                known[divided[number][0]] = there
            if not known.all():
                id = given[int(np.flatnonzero(~known)[0])]
                raise UnknownIdError(
                    f"The id {shown(id)} is not suppressed. Nothing was changed: leave it out, as it may be learned.",
                    value=id,
                )
            hashes = {number: own for number, (_, own, _) in divided.items()}
            change.run(lambda part, number: part.lift_hashes(hashes[number]), hashes)
            return self._receipt(change.settle("lift", hashes)) if hashes else None

    @called_as("store_set.replay(newer.suppressed())")
    def replay(self, suppressed: Suppressed) -> SetReceipt:
        """Forget what a newer copy of this set had forgotten: for a folder that was restored from a backup.

        Parameters
        ----------
        suppressed : Suppressed
            What :meth:`suppressed` of the newer one gave.

        Returns
        -------
        SetReceipt
            Of kind "forget", with the number of rows that were there, even if that is 0: the list has changed.

        Raises
        ------
        StoreError
            If the set keeps no list of forgotten ids, or if the list is of another set. Nothing has changed.
        """
        with self._changing() as change:
            self._refuse_unsuppressing()
            hashes = change.run(lambda part, _: part.hashes_in(suppressed), [0])[0]
            of_part, n = parts_of(hashes, len(self._parts)), len(self._parts)
            to = {number: hashes[of_part == number] for number in range(n) if (of_part == number).any()} or {0: hashes}
            check = self._threads.check
            counts = change.run(lambda part, number: part.forget_listed(to[number], check), to)
            return self._receipt(change.settle("replay", to, counts))

    # ------------------------------------------------------------------ what they have in common

    def _count(self, ids: Ids | None, where: str | None, progress: Progress | None) -> int:
        looking(progress)
        with self._reading():
            named = self._named(self._each_with(progress), ids, where, self._threads.look)
            return sum(len(slots) for slots, _ in named.values())

    def _receipt(self, receipts: dict[int, Any]) -> SetReceipt:
        return made_of(receipts, self._file.division)

    def _next_id(self) -> int:
        return max(self._each(lambda part, _: part.next_id()).values())

    def _check_label(self, target: dict[str, Any], new: bool) -> None:
        models = [model for _, model in self._each(lambda part, _: part.snapshot()).values()]
        if takes_labels(models[0]) and not new:
            refuse_unheld(target, sorted({label for model in models for label in model.state.labels()}))

    def _check_kinds(self) -> None:
        check_kinds([model for _, model in self._each(lambda part, _: part.snapshot()).values()])

    def _refuse_unsuppressing(self) -> None:
        if not self._form.suppress:
            raise StoreError(
                f"The set {self.path} keeps no list of forgotten ids. Nothing was changed: only one that was created "
                "with suppress=True (sqlearn fit --suppress) has one.",
                reason="suppression",
            )

    def _size(self) -> int:
        of_parts = sum(self._file.part_path(number).stat().st_size for number in range(len(self._parts)))
        return of_parts + self._trace.size()
