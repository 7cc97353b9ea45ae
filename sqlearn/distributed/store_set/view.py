"""What a set of stores tells of what it holds, and changes nothing."""

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

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
from sqlearn.errors import StoreBusyError, StoreError
from sqlearn.storage.asking import predicted, sought
from sqlearn.storage.calls import called_as
from sqlearn.storage.file import ChainCheck, Receipt
from sqlearn.storage.records import looking
from sqlearn.storage.table import Column, takes_labels
from sqlearn.storage.types import Progress, Table
from sqlearn.storage.upkeep import ErasureReport, report
from sqlearn.verification import Verification, compare


class SetView(SetContents):
    """What reads a set. Each method sees one moment of all parts."""

    def __len__(self) -> int:
        with self._reading():
            return sum(self._each(lambda part, _: part.count()).values())

    def __repr__(self) -> str:
        try:
            return (
                f"<StoreSet {self.path.name}: {self.model_name} on {len(self):,} rows of {len(self.features)} features "
                f"in {self.n_parts} parts>"
            )
        except StoreError as error:
            if error.reason != "closed" and not isinstance(error, StoreBusyError):
                raise
            return f"<StoreSet {self.path.name}: {error.reason or 'busy'}>"

    @property
    def n_parts(self) -> int:
        """Into how many stores the rows are divided."""
        with self._reading():
            return len(self._parts)

    @property
    def model(self) -> Any:
        """A copy of the model of all rows as it is now; see :attr:`sqlearn.Store.model`."""
        with self._reading():
            model = copy.deepcopy(self._whole())
            model.state.taken_out = True
            return model

    @property
    def features(self) -> list[str]:
        """Names of the feature columns, in the order in which the model takes them."""
        return self._columns.named("feature")

    @property
    def columns(self) -> list[Column]:
        """All columns but the ids: their names, roles and kinds."""
        return list(self._columns.all)

    @property
    def reading(self) -> dict[Any, Any]:
        """How the table was read that the set was made from; empty if nobody said it."""
        return copy.deepcopy(self._columns.reading)

    @property
    def model_name(self) -> str:
        """The model's class; the learner's inside where the model encodes tables for one."""
        with self._reading():
            return self._each(lambda part, _: part.model_name, [0])[0]

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the model, by their names."""
        with self._reading():
            return self._each(lambda part, _: part.parameters, [0])[0]

    @property
    def id_column(self) -> str | None:
        """Name of the column of ids; None where rows are numbered."""
        return self._columns.id

    @property
    def textual_ids(self) -> bool:
        """Whether ids are text; otherwise they are whole numbers."""
        return self._ids.textual

    @property
    def textual_target(self) -> bool:
        """Whether the rows have text as labels."""
        with self._reading():
            model = self._whole()
            return takes_labels(model) and any(isinstance(label, str) for label in model.state.labels())

    @called_as("store_set.digest()")
    def digest(self) -> str:
        """Return the digest of the state of the model of all rows: that of one store with the same rows.

        Returns
        -------
        str
            Hexadecimal digits, the same for equal states.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.distributed import StoreSet
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> folder = tempfile.mkdtemp()
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> store_set = StoreSet.create(folder + "/set", GaussianNB(), people, target="buys", id="person", parts=2)
        >>> store = Store.create(folder + "/one.sqlearn", GaussianNB(), people, target="buys", id="person")
        >>> store_set.digest() == store.digest()
        True
        """
        with self._reading():
            return self._whole().digest()

    @called_as("store_set.part_digests()")
    def part_digests(self) -> dict[int, str]:
        """Return the digest of each part's state, to which the last receipt of the part commits.

        Returns
        -------
        dict of int to str
            By the parts' numbers.
        """
        with self._reading():
            return self._each(lambda part, _: part.state_digest())

    @called_as("store_set.part_lengths()")
    def part_lengths(self) -> dict[int, int]:
        """Return the number of rows of each part.

        Returns
        -------
        dict of int to int
            By the parts' numbers.
        """
        with self._reading():
            return self._each(lambda part, _: part.count())

    @called_as("store_set.ids()", "store_set.ids(where=...)")
    def ids(self, where: str | None = None, *, progress: Progress | None = None) -> list[Any]:
        """Return the ids of all rows, or of those that fulfil a condition.

        Parameters
        ----------
        where : str, optional
            An SQL condition over the table's columns (target, weight and id among them).
        progress : callable, optional
            Called, under a condition, with the number of rows looked at since the last call; in all, ``len(self)``.

        Returns
        -------
        list of int or of str
            Running numbers, of a set without a column of ids, in ascending order; other ids part by part, in the order
            of the rows' places.

        Raises
        ------
        ConditionError
            If the condition cannot be read, or does not fit the columns.
        """
        looking(progress)
        with self._reading():
            if where is None:
                found = self._each(lambda part, _: part.ids_of(None))
            else:
                slots = self._named(self._each_with(progress), None, where, self._threads.look)
                found = self._each(lambda part, number: part.ids_of(slots[number][0]), slots)
            listed = [id for number in sorted(found) for id in found[number]]
            return listed if self._columns.id else sorted(listed)

    def _each_with(self, progress: Progress | None) -> Any:
        return lambda call, numbers: self._each(call, numbers, progress)

    @called_as("store_set.predict(table)")
    def predict(self, table: Table) -> np.ndarray:
        """Predict the target of each row of a table with the model of all parts; see :meth:`sqlearn.Store.predict`.

        Parameters
        ----------
        table : frame, dict of columns, or iterator of these
            Rows with the set's feature columns.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_targets)
            As the model's ``predict`` returns it; booleans if the target has these.

        Raises
        ------
        TableError, SqlearnError
            If a column is missing or of another kind, or if the table has no rows.
        """
        with self._reading():  # and no longer: predicting keeps nobody from writing
            model = self._whole()
        return predicted(model, self._columns, table, lambda: None)  # a later change makes another one

    @called_as("store_set.receipts()")
    def receipts(self) -> list[SetReceipt]:
        """Return the receipts of all changes, from the creation on.

        Returns
        -------
        list of SetReceipt
            In the order of the changes; of changes of different parts in the same second, in that of the parts.
        """
        with self._reading():
            now = self._receipts_of(self._each(lambda part, _: part.changes()))
            return grouped([*self._file.former(), *((self._file.division, *told) for told in now)])

    def _receipts_of(
        self, told: Mapping[int, tuple[list[Receipt], Mapping[int, tuple[int, int]]]]
    ) -> Iterator[tuple[int, Receipt, int]]:  # fmt: skip
        """From what parts told of their receipts: the part, the receipt, and the change of several parts or 0."""
        for number, (receipts, changes) in told.items():
            yield from ((number, receipt, changes.get(receipt.number, (0, 0))[0]) for receipt in receipts)

    @called_as("store_set.check_receipts()", "store_set.check_receipts(kept=[...])")
    def check_receipts(
        self, kept: Sequence[SetReceipt] = (), *, signing_key: bytes | str | None = None
    ) -> ChainCheck:  # fmt: skip
        """Walk the chains of receipts of all parts up to the states on file.

        Parameters
        ----------
        kept : sequence of SetReceipt, optional
            Receipts that earlier calls returned: each part's must be in its chain as it was.
        signing_key : bytes or str, optional
            The key with which each receipt must be signed.

        Returns
        -------
        ChainCheck
            False when a receipt is altered, missing or out of order, when the last are cut off, when a part's state is
            not the one that its last receipt commits to, or when a change of several parts is not in all of them, as
            some were put back from a backup without the others; printed as one line.

        Raises
        ------
        StoreError
            When what was kept is no receipt of a set.
        """
        known = listed(kept)
        with self._reading():
            return self._checked(known, signing_key)

    def _checked(self, known: list[SetReceipt], signing_key: bytes | str | None = None) -> ChainCheck:
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

    @called_as("store_set.verify()")
    def verify(self, *, progress: Progress | None = None) -> Verification:
        """Check that all files are as they were written, refit on all rows, and compare canonical bytes and attributes.

        Each part is read, refitted and compared in a thread; then the merged model is compared with the merged refits.

        Parameters
        ----------
        progress : callable, optional
            Called with the number of rows learned since the last call; in all, ``len(self)``.

        Returns
        -------
        Verification
            False on a difference, and printed as one line.

        Raises
        ------
        StoreCorruptError
            When a file is damaged, or a row lies in a part that is not its own.
        """
        looking(progress)
        with self._reading():
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
            chain = self._checked([])
            return replace(told, difference=f"its receipts: {chain.fault}") if told and not chain else told

    @called_as("store_set.erasure_report(values=[...])", "store_set.erasure_report(table=...)")
    def erasure_report(self, values: Iterable[float | int | str] = (), table: Table | None = None) -> ErasureReport:
        """Search all files of the set, and their journals, for values that should be gone.

        Parameters
        ----------
        values : iterable of float, int or str
            Values to look for, in every form they could have in a file; see :meth:`sqlearn.Store.erasure_report`.
        table : frame, dict of columns, or iterator of these, optional
            Rows, all of whose values (ids too) are looked for, and the words of their documents.

        Returns
        -------
        ErasureReport
            False when there is a trace of a value in a part of which no row holds it, or a byte that is not zero in a
            place that belongs to no row; printed as a list.
        """
        wanted, texts = sought(self._columns, values, table)
        with self._reading():
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
