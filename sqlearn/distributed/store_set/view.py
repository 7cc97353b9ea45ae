"""What a set of stores tells of what it holds, and changes nothing: the steps of the verbs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from sqlearn.distributed.store_set.change import Change
from sqlearn.distributed.store_set.contents import SetContents
from sqlearn.distributed.store_set.merging import compared
from sqlearn.distributed.store_set.receipts import (
    SetReceipt,
    as_one,
    fault_of_changes,
    faults_of_former,
    grouped,
    listed,
    start_of,
)
from sqlearn.distributed.store_set.routing import parts_of
from sqlearn.storage.asking import name_of
from sqlearn.storage.calls import called_as
from sqlearn.storage.file import ChainCheck, Receipt
from sqlearn.storage.records import looking, named_role
from sqlearn.storage.steps import Named, Places
from sqlearn.storage.types import Progress
from sqlearn.storage.upkeep import ErasureReport, report
from sqlearn.store import Verbs
from sqlearn.verification import Verification, compare


class SetView(SetContents, Verbs[SetReceipt]):
    """What reads a set."""

    def _count(self) -> int:
        return sum(self._each(lambda part, _: part.count()).values())

    def _described(self) -> str:
        features, n = len(self._columns.named("feature")), len(self._parts)
        return f"{name_of(self._learner)} on {self._count():,} rows of {features} features in {n} parts"

    @property
    def n_parts(self) -> int:
        """Into how many stores the rows are divided."""
        with self._reading():
            return len(self._parts)

    @called_as("store.part_digests()")
    def part_digests(self) -> dict[int, str]:
        """Return the digest of each part's state, to which the last receipt of the part commits.

        Returns
        -------
        dict of int to str
            By the parts' numbers.
        """
        with self._reading():
            return self._each(lambda part, _: part.state_digest())

    @called_as("store.part_lengths()")
    def part_lengths(self) -> dict[int, int]:
        """Return the number of rows of each part.

        Returns
        -------
        dict of int to int
            By the parts' numbers.
        """
        with self._reading():
            return self._each(lambda part, _: part.count())

    def _predicting(self) -> tuple[Any, Callable[[], None]]:
        return self._whole(), lambda: None  # a later change makes another one

    def _labels_held(self) -> Sequence[Any]:
        models = [model for _, model in self._each(lambda part, _: part.snapshot()).values()]
        return sorted({label for model in models for label in model.state.labels()})

    def _state_digest(self) -> str:
        return self._whole().digest()

    def _places(self, named: Named, progress: Progress | None, change: Change | None = None) -> Places:
        looking(progress)  # which refuses what is no function
        named_role(named.users, named.items, {}, named.ids, named.where)  # no rows of a set are a recommender's
        run = change.run if change else self._each_with(progress)
        return self._named(run, named.ids, named.where, self._threads.look)

    def _ids_at(self, places: Places | None) -> list[Any]:
        if places is None:
            found = self._each(lambda part, _: part.ids_of(None))
        else:
            found = self._each(lambda part, number: part.ids_of(places[number][0]), places)
        listed = [id for number in sorted(found) for id in found[number]]
        return listed if self._columns.id else sorted(listed)

    def _rows_at(self, places: Places | None) -> Bunch:
        if places is None:
            found = self._each(lambda part, _: part.rows_at(None))
        else:
            none = np.zeros(0, np.int64), None
            found = self._each(lambda part, number: part.rows_at(places.get(number, none)[0]), places or [0])
        parts = [found[number] for number in sorted(found)]
        return Bunch(**{name: _joined([part[name] for part in parts]) for name in parts[0]})

    def _others(self, target: dict[str, Any], places: Places, change: Change | None = None) -> Places:
        run = change.run if change else self._each
        found = run(lambda part, number: part.with_another(*places[number], target), places)
        return {number: other for number, other in found.items() if len(other[0])}

    def _each_with(self, progress: Progress | None) -> Any:
        return lambda call, numbers: self._each(call, numbers, progress)

    def _all_receipts(self) -> list[SetReceipt]:
        now = self._receipts_of(self._each(lambda part, _: part.changes()))
        return grouped([*self._file.former(), *((self._file.division, *told) for told in now)])

    def _receipts_of(
        self, told: Mapping[int, tuple[list[Receipt], Mapping[int, tuple[int, int]]]]
    ) -> Iterator[tuple[int, Receipt, int]]:  # fmt: skip
        """From what parts told of their receipts: the part, the receipt, and the change of several parts or 0."""
        for number, (receipts, changes) in told.items():
            yield from ((number, receipt, changes.get(receipt.number, (0, 0))[0]) for receipt in receipts)

    def _chain(self, kept: Sequence[SetReceipt], signing_key: bytes | str | None) -> ChainCheck:
        known = listed(kept)
        former, division = self._file.former(), self._file.division
        starts = {d: start_of([told for told in former if told[0] < d], self._file.name) for d in range(division + 1)}
        own: dict[int, list[Receipt]] = {number: [] for number in range(len(self._parts))}
        fault = faults_of_former(former, {d: s for d, s in starts.items() if d < division}, known, signing_key)
        for receipt in known:
            for number, told in receipt.parts.items():
                if receipt.division == division and number in own:
                    own[number].append(told)
                elif receipt.division >= division:
                    fault = fault or f"a receipt of part {number}, which was kept, is of no part of this set"
        changed = self._each(lambda part, _: part.changes())
        found = self._each(lambda part, number: part.chain(own[number], signing_key, starts[division]))
        fault = fault or fault_of_changes({n: by_receipt.values() for n, (_, by_receipt) in changed.items()})
        of_parts = (None if check.fault is None else f"part {n}: {check.fault}" for n, check in found.items())
        return as_one(len(former) + sum(check.count for check in found.values()), [fault, *of_parts])

    def _verified(self, progress: Progress | None) -> tuple[Verification, ChainCheck]:
        looking(progress)  # which refuses what is no function
        n = len(self._parts)
        found = self._each(lambda part, _: part.refitted(self._threads.look), progress=progress)
        astray = self._each(lambda part, number: bool((parts_of(part.hashes_held(), n) != number).any()))
        models, refits = zip(*((model, refit) for model, refit, _, _ in found.values()), strict=True)
        told = compare(self._whole_model.on_file(models), self._whole_model.anew(refits))
        for number, (model, refit, hashes_agree, _) in found.items():
            fault = compared(model, refit)
            fault = fault if fault or hashes_agree else "the keyed hashes of the rows on file"
            fault = fault or ("a row lies in it that belongs to another part" if astray[number] else None)
            if fault and told:
                told = replace(told, difference=f"part {number}: {fault}")
        return told, self._chain([], None)

    def _searched(self, wanted: set[Any], texts: set[str]) -> ErasureReport:
        found = [*self._each(lambda part, _: part.searched(wanted, texts)).values()]
        own = [report(db, wanted, _nobody, b"") for db in (self._file.database, self._journal.database)]
        own += self._trace.searched(wanted, self._accounted_for)
        reports = [*found, *own]
        return ErasureReport(
            files={name: size for one in reports for name, size in one.files.items()},
            searched=found[0].searched,
            skipped=found[0].skipped,
            findings=[finding for one in reports for finding in one.findings],
            held=[finding for one in reports for finding in one.held],
            residue=sum(one.residue for one in reports),
        )

    def _accounted_for(self, found_as: dict[Any, Any]) -> dict[Any, Any]:
        """How many rows of all parts account for values."""
        told = self._each(lambda part, _: part.accounts_for(found_as)).values()
        return {value: sum(counts.get(value, 0) for counts in told) for value in found_as}


def _nobody(found_as: dict[Any, Any]) -> dict[Any, Any]:
    """No row lies in these files."""
    return {}


def _joined(values: list[Any]) -> Any:
    """Rows of several parts: arrays, lists of ids, dicts of columns, or None."""
    first = values[0]
    if isinstance(first, dict):
        return {name: _joined([value[name] for value in values]) for name in first}
    if isinstance(first, list):
        return [id for value in values for id in value]
    filled = [value for value in values if value is not None and len(value)] or [first]
    return None if first is None else np.concatenate(filled)
