"""The steps of the verbs that change a set of stores, or suppose a change."""

import copy
from typing import Any

import numpy as np

from sqlearn.distributed.grouping import groups
from sqlearn.distributed.store_set.change import Change
from sqlearn.distributed.store_set.filling import fill, in_files, refuse_none, rows_of
from sqlearn.distributed.store_set.merging import check_kinds
from sqlearn.distributed.store_set.receipts import SetReceipt, made_of
from sqlearn.distributed.store_set.routing import parts_of
from sqlearn.distributed.store_set.view import SetView
from sqlearn.errors import StoreError, UnknownIdError, shown
from sqlearn.storage.steps import Named, Places
from sqlearn.storage.table import frames_of, named_ids
from sqlearn.storage.types import Ids, Progress
from sqlearn.storage.upkeep import Suppressed


class SetEditing(SetView):
    """What changes a set. Each method is done in all parts or in none, and on the disk when it returns."""

    def _learn(self, table: Any, progress: Progress | None, change: Change) -> SetReceipt:
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

    def _forget(self, places: Places, named: Named, change: Change) -> SetReceipt:
        check = self._threads.check
        change.run(lambda part, number: part.forget_rows(*places[number], check), places)
        return self._receipt(change.settle("forget", {number: slots for number, (slots, _) in places.items()}))

    def _relabel(self, places: Places, target: dict[str, Any], change: Change) -> SetReceipt:
        check = self._threads.check
        change.run(lambda part, number: part.relabel_rows(*places[number], target, check), places)
        self._check_kinds()
        return self._receipt(change.settle("relabel", {number: slots for number, (slots, _) in places.items()}))

    def _without(self, named: Named, progress: Progress | None) -> Any:
        with self._changing(progress) as change:
            change.signed = False
            places, check = self._places(named, progress, change), self._threads.check
            change.run(lambda part, number: part.forget_rows(*places[number], check), places)
            model = copy.deepcopy(self._changed_whole(change.check)[0])
            change.undo()
            model.state.taken_out = True
            return model

    def _compacted(self) -> int:
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

    def _list(self) -> Suppressed:
        lists = [*self._each(lambda part, _: part.suppressed_here()).values()]
        return Suppressed(lists[0].store, tuple(sorted(hash for one in lists for hash in one.hashes)))

    def _lift(self, ids: Ids | None, change: Change) -> SetReceipt | None:
        self._refuse_unsuppressing()
        given = named_ids(ids, self._ids.textual, "this set")
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
        hashes = {number: own for number, (_, own) in divided.items()}
        change.run(lambda part, number: part.lift_hashes(hashes[number]), hashes)
        return self._receipt(change.settle("lift", hashes)) if hashes else None

    def _replay(self, suppressed: Suppressed, change: Change) -> SetReceipt:
        self._refuse_unsuppressing()
        hashes = change.run(lambda part, _: part.hashes_in(suppressed), [0])[0]
        to = {number: hashes[own] for number, own in groups(parts_of(hashes, len(self._parts)))} or {0: hashes}
        check = self._threads.check
        counts = change.run(lambda part, number: part.forget_listed(to[number], check), to)
        return self._receipt(change.settle("replay", to, counts))

    # ------------------------------------------------------------------ what they have in common

    def _receipt(self, receipts: dict[int, Any]) -> SetReceipt:
        return made_of(receipts, self._file.division)

    def _next_id(self) -> int:
        return max(self._each(lambda part, _: part.next_id()).values())

    def _check_kinds(self) -> None:
        check_kinds([model for _, model in self._each(lambda part, _: part.snapshot()).values()])

    def _refuse_unsuppressing(self) -> None:
        if not self._form.suppress:
            raise StoreError(
                f"The set {self.path} keeps no list of forgotten ids. Nothing was changed: only one that was created "
                "with `suppress=True` has one.",
                reason="suppression",
            )

    def _size(self) -> int:
        of_parts = sum(self._file.part_path(number).stat().st_size for number in range(len(self._parts)))
        return of_parts + self._trace.size()
