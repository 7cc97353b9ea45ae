"""The check of a store's whole file, and the refit of its model on the rows."""

from typing import Any

import numpy as np
from sklearn.base import clone

from sqlearn.errors import SqlearnError, StoreCorruptError
from sqlearn.storage.contents import Contents
from sqlearn.storage.records import Recount, StoredRows, learn_rows, looking
from sqlearn.storage.table import arguments
from sqlearn.storage.types import Progress
from sqlearn.storage.upkeep import Audit


class Refit(Contents):
    """What reads a store's contents from end to end. All methods are called within a transaction."""

    def _refitted(self, progress: Progress | None) -> tuple[Any, Any, bool, str]:
        """The model, its refit on the rows, whether these have the keyed hashes that it gives them, and a digest.

        The digest is that of the state on file, which may be of an earlier version and be evaluated anew.

        The whole file is read, and StoreCorruptError says what is not as it was written.
        """
        look = looking(progress)
        model, recount = self._saved.load(), None
        digest = model.digest()
        copies = None
        if self._source:  # the model may have to be solved for on the rows
            copies = self._source.copies
            StoredRows(self._columns, self._rows, copies, model).renew()
        audit = Audit(self._database, self._columns, self._words, self._rows, self._ids, copies)
        audit.check_places(self._saved, self._receipts)
        if self._suppression:
            self._suppression.index.check()
        refit = clone(model) if len(self._rows) and not self._source else model.emptied()
        if self._source:
            recount = Recount(self._columns, self._rows, refit)
        found: list[np.ndarray] = []
        for slots, cells in self._rows.scan_and_check():
            audit.see(slots, cells)
            look(len(cells))
            if self._labels:
                found.append(cells)
                continue
            try:
                refit.partial_fit(**arguments(refit, self._columns, self._rows.block(cells)))
            except SqlearnError as error:
                raise StoreCorruptError(
                    f"The store {self.path} is damaged: it holds a row that could not be learned. {error}"
                ) from error
        learn_rows(refit, self._columns, self._rows, found, self.path)
        audit.finish()
        if self._labels:  # last, as the audit tells of damage what it is
            self._learn_rows()
            model, digest = self._model, self._model.digest()
        if recount:
            recount.catch_up(lambda: None)
        return model, refit, not recount or recount.agrees(), digest
