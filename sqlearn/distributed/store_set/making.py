"""New parts: of a table that a set is created from, and of the parts of a set that is divided anew."""

import copy
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from sqlearn.distributed.store_set.change import Joint
from sqlearn.distributed.store_set.filling import TableRows, fill, refuse_none
from sqlearn.distributed.store_set.merging import check_kinds
from sqlearn.distributed.store_set.part import Form, Part
from sqlearn.distributed.store_set.routing import parts_of
from sqlearn.distributed.store_set.set_file import NAME, SetFile
from sqlearn.distributed.store_set.threads import Threads
from sqlearn.errors import StoreBusyError, StoreError, shown
from sqlearn.storage.records import IdHashes

MOST_PARTS = 999
_UNFINISHED = ".unfinished"
_OWN = re.compile(r"(set|journal|trace|part-\d+-\d+)\.sqlearn(-journal)?")
_CACHE = 65536  # KiB of pages of all parts together
_LEAST = 2048  # KiB of pages of one


def as_parts(parts: Any) -> int:
    """A number of parts."""
    if isinstance(parts, bool) or not isinstance(parts, int) or not 1 <= parts <= MOST_PARTS:
        raise StoreError(
            f"`parts` must be a whole number from 1 to {MOST_PARTS}, not {shown(parts)}. Nothing was done: pass into "
            "how many stores the rows are to be divided.",
            value=parts,
            reason="argument",
        )
    return parts


def cache_of(n_parts: int) -> int:
    """How much a part keeps in memory, in KiB."""
    return max(_LEAST, _CACHE // n_parts)


@contextmanager
def made_folder(folder: Path) -> Iterator[Path]:
    """Context in which a folder is made under another name, and then gets its own; or nothing is left of it.

    What an earlier process left under that name when it was killed is deleted first.
    """
    if folder.exists() or folder.is_symlink():
        raise StoreError(
            f"There already is a file or folder at {folder}. Choose another path, or delete it first.", reason="exists"
        )
    unfinished = folder.with_name(folder.name + _UNFINISHED)
    try:
        if unfinished.exists():
            _take_over(unfinished)
        unfinished.mkdir()
    except OSError as error:
        raise _not_made(folder, error) from error
    try:
        yield unfinished
        os.rename(unfinished, folder)
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise _not_made(folder, error) from error
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)  # another creation may have begun, and deleted it
        raise
    _sync(folder.parent)


def _take_over(unfinished: Path) -> None:
    """Delete what a process left that was killed; one that is at work has locked the set's file."""
    others = [file.name for file in unfinished.iterdir() if not (_OWN.fullmatch(file.name) and file.is_file())]
    if others:
        raise StoreError(
            f"The folder {unfinished}, in which the set would be made, holds {shown(others[0])}, which is of no set of "
            "stores. Nothing was done: choose another path, or move that folder.",
            reason="exists",
        )
    if (unfinished / NAME).exists():
        with closing(sqlite3.connect(unfinished / NAME, timeout=0.0, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                raise StoreBusyError(
                    f"Another process creates a set of stores at {unfinished.with_suffix('')}. Nothing was done: "
                    "choose another path, or wait until it is there."
                ) from error
    shutil.rmtree(unfinished)


def _not_made(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        f"No set of stores can be created at {str(folder)[:1000]}: {error.strerror}. Choose a path in a folder that "
        "exists and can be written.",
        reason="access",
    )


def _sync(folder: Path) -> None:
    """Let the names in a folder reach the disk, where the system can do so."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class NewParts:
    """Parts in the making, which nobody sees before they are in force.

    Parameters
    ----------
    file : SetFile
        The set's.
    division, n : int
        Which division they make, and how many they are.
    form : Form
        What they have in common.
    empty : estimator
        The model of a part without rows.
    threads : Threads
        Theirs.
    start : str
        What their first receipts follow.
    signing_key, timeout : bytes, str or None, float
        As for a part.
    """

    def __init__(
        self, file: SetFile, division: int, n: int, form: Form, empty: Any, threads: Threads, start: str,
        signing_key: bytes | str | None, timeout: float,
    ) -> None:  # fmt: skip
        self._threads, self._form, self._start = threads, form, start
        self._hashes = IdHashes(form.key, form.textual)
        of = file.form_name(division)

        def made(number: int) -> Callable[[], Part]:
            path, model = file.part_path(number, division), copy.deepcopy(empty)
            return lambda: Part.make(
                path, form, of, number, model, timeout=timeout, cache=cache_of(n), signing_key=signing_key, start=start
            )

        begun = threads.start({number: made(number) for number in range(n)})
        try:
            self._parts = [*threads.finish(begun).values()]
        except BaseException:
            for number, future in begun.items():
                if not future.exception():
                    threads.tried({number: future.result().discard})
            raise

    def fill(
        self, rows: Iterable[TableRows], check: Callable[[], None], progress: Callable[[int], object] | None,
        next_id: int | None = None, suppressed: Sequence[np.ndarray] = (),
    ) -> None:  # fmt: skip
        """Learn rows, write receipts, commit and close; or delete the files.

        Parameters
        ----------
        rows : iterable of TableRows
            The rows.
        check, progress : callable
            As for :class:`~sqlearn.distributed.store_set.change.Joint`.
        next_id : int, optional
            The running number that comes next then; by default the number of rows, of which there must be some.
        suppressed : sequence of uint64[n, 2]
            Hashes of ids that are refused.
        """
        n, numbers = len(self._parts), range(len(self._parts))
        work = Joint(self._parts, self._threads, check, progress, numbers)
        try:
            count = fill(work, rows, self._hashes, n)
            if next_id is None:
                refuse_none(count)
            end = 0 if self._form.columns.id else count if next_id is None else next_id
            slots = work.run(lambda part, _: part.took(end), numbers)
            for hashes in suppressed:
                of_part = parts_of(hashes, n)
                work.run(lambda part, number: part.suppress(hashes[of_part == number]), numbers)  # noqa: B023
            check_kinds([model for _, model in work.run(lambda part, _: part.snapshot(), numbers).values()])
            work.run(lambda part, number: part.conclude("create", len(slots[number]), self._threads.check), numbers)
            check()
            work.commit()
            self._threads.run({number: part.close for number, part in enumerate(self._parts)})
        except BaseException:
            failed = self._threads.tried({number: part.discard for number, part in enumerate(self._parts)})
            if failed:
                raise next(iter(failed.values())) from None
            raise
