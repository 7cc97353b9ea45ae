"""The steps of the verbs in a store, which is one file."""

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from sqlearn.errors import StoreBusyError, StoreError
from sqlearn.storage.asking import name_of
from sqlearn.storage.changes import Changes
from sqlearn.storage.file import ChainCheck, Receipt, check_chain
from sqlearn.storage.records import looking
from sqlearn.storage.steps import Named, Places, Steps
from sqlearn.storage.table import arguments, frames_of, words_of
from sqlearn.storage.types import Ids, Progress
from sqlearn.storage.upkeep import ErasureReport, Suppressed, Suppression, held_by, report

_NONE: tuple[np.ndarray, list[Any] | None] = np.zeros(0, np.int64), None


class OneFile(Changes, Steps[Receipt]):
    """What verbs do in one file. In :meth:`_changing`, `change` is a function that raises what a signal asks for."""

    # ------------------------------------------------------------------ reading

    @property
    def _learner(self) -> Any:
        return self._model

    def _count(self) -> int:
        return len(self._rows)

    def _described(self) -> str:
        held = "interactions" if self._labels else f"rows of {len(self._columns.named('feature'))} features"
        return f"{name_of(self._model)} on {len(self._rows):,} {held}"

    def _whole(self) -> Any:
        self._learn_rows()
        return self._model

    def _predicting(self) -> tuple[Any, Callable[[], None]]:
        self._learn_rows()
        generation = self._changes

        def check() -> None:
            if self._changes != generation:
                raise StoreBusyError(
                    f"The store {self.path} was changed by the iterator of the table given to predict(). Predict "
                    "first, or build the table first."
                )

        return self._model, check

    def _labels_held(self) -> Sequence[Any]:
        return self._model.state.labels()

    def _state_digest(self) -> str:
        return self._saved.digest

    def _places(self, named: Named, progress: Progress | None, change: Any = None) -> Places:
        look = looking(progress, change) if change else looking(progress)
        slots, ids = self._selection.named(named.ids, named.where, look, named.users, named.items)
        return {0: (slots, ids)} if len(slots) else {}

    def _read(self, places: Places | None) -> Any:
        """Packed rows, part by part, and their places."""
        return self._rows.scan() if places is None else self._selection.read(*places.get(0, _NONE))

    def _ids_at(self, places: Places | None) -> list[Any]:
        return [id for _, cells in self._read(places) for id in self._ids.of_cells(cells[:, -1])]

    def _rows_at(self, places: Places | None) -> Bunch:
        read = (cells for _, cells in self._read(places))
        cells = np.concatenate([np.zeros((0, self._rows.width), np.uint64), *read])
        found = Bunch(ids=self._ids.of_cells(cells[:, -1]), X=None, y=None, sample_weight=None)
        return Bunch(**found | arguments(self._model, self._columns, self._rows.block(cells)))

    def _others(self, target: dict[str, Any], places: Places, change: Any = None) -> Places:
        slots, named = self._with_another(target, *places.get(0, _NONE))
        return {0: (slots, named)} if len(slots) else {}

    def _all_receipts(self) -> list[Receipt]:
        return self._receipts.all()

    def _chain(self, kept: Sequence[Receipt], signing_key: bytes | str | None) -> ChainCheck:
        return check_chain(self._receipts.all(), self._saved.digest, kept, signing_key)

    def _searched(self, wanted: set[Any], texts: set[str]) -> ErasureReport:
        words = words_of(self._model)
        documents = self._columns.named("feature") if self._model.takes_documents else ()
        held = partial(held_by, self._rows, self._ids, documents, words)
        return report(self._database, wanted.union(*map(words, texts)), held, self._saved.pieces.read())

    # ------------------------------------------------------------------ changing

    def _learn(self, table: Any, progress: Progress | None, change: Any) -> Receipt:
        return self._conclude("learn", self._take_in(frames_of(table), change, progress), change)

    def _forget(self, places: Places, named: Named, change: Any) -> Receipt:
        self._forget_rows(*places[0], change)
        if named.users is not None and self._suppression:
            labels = self._labels["user"]
            self._suppression.add(labels.hashes(labels.canonical(named.users)))
        return self._conclude("forget", len(places[0][0]), change)

    def _relabel(self, places: Places, target: dict[str, Any], change: Any) -> Receipt:
        self._relabel_rows(*places[0], target, change)
        return self._conclude("relabel", len(places[0][0]), change)

    def _without(self, named: Named, progress: Progress | None) -> Any:
        with self._supposing() as check:
            for slots, ids in self._places(named, progress, check).values():
                self._forget_rows(slots, ids, check)
                if self._source:
                    self._source.catch_up(check)
            model = copy.deepcopy(self._model)
            model.state.taken_out = True
            return model

    def _compacted(self) -> int:
        before = self.path.stat().st_size
        with self._changing(signed=False):
            self._compact()
        return before - self.path.stat().st_size

    # ------------------------------------------------------------------ ids that are not learned again

    def _list(self) -> Suppressed:
        return self._suppressing().all()

    def _lift(self, ids: Ids | None, change: Any) -> Receipt | None:
        if self._labels:
            listed = self._labels["user"].canonical(ids)
            self._suppressing().lift_users(listed, self._labels["user"])
        else:
            listed = self._selection.checked(ids)
            self._suppressing().lift(listed, self._ids)
        return self._conclude("lift", len(listed), change) if len(listed) else None

    def _replay(self, suppressed: Suppressed, change: Any) -> Receipt:
        hashes = self._suppressing().of(suppressed)
        slots = self._rows_of_users(hashes) if self._labels else self._ids.index.find(hashes)
        slots = np.sort(slots[slots > 0])
        self._forget_rows(slots, None, change)
        self._suppressing().add(hashes)
        return self._conclude("forget", len(slots), change)

    def _rows_of_users(self, hashes: np.ndarray) -> np.ndarray:
        """Places of the rows of those users that have one of these hashes."""
        labels = self._labels["user"]
        users = labels.held()
        wanted = {*map(tuple, hashes.tolist())}
        named = [user for user, hash in zip(users, labels.hashes(users).tolist(), strict=True) if tuple(hash) in wanted]
        return labels.find(named, lambda rows: None) if named else np.zeros(0, np.int64)

    def _suppressing(self) -> Suppression:
        if self._suppression is None:
            raise StoreError(
                f"The store {self.path} keeps no list of forgotten ids. Nothing was changed: only a store that was "
                "created with `suppress=True` has one.",
                reason="suppression",
            )
        return self._suppression
