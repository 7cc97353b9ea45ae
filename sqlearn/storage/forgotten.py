"""Ids that were forgotten for good: their list, exceptions from it, and its use on a restored backup."""

import numpy as np

from sqlearn.errors import StoreError
from sqlearn.storage.calls import called_as
from sqlearn.storage.changes import Changes
from sqlearn.storage.file import Receipt
from sqlearn.storage.types import Ids
from sqlearn.storage.upkeep import Suppressed, Suppression


class Forgotten(Changes):
    """What a store knows of the ids that were forgotten. Each method is a transaction."""

    @called_as("store.suppressed()")
    def suppressed(self) -> Suppressed:
        """Return the ids that were forgotten, as keyed hashes: for :meth:`replay` on a backup of this store.

        Returns
        -------
        Suppressed
            The list, which can be saved to a file.

        Raises
        ------
        StoreError
            If the store was created without ``suppress=True``.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> path = tempfile.mkdtemp() + "/people.sqlearn"
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> store = Store.create(path, GaussianNB(), people, target="buys", id="person", suppress=True)
        >>> _ = store.forget(ids=["bob"])
        >>> len(store.suppressed())
        1
        """
        with self._reading():
            return self._suppressing().all()

    @called_as("store.lift(ids)")
    def lift(self, ids: Ids | None) -> Receipt | None:
        """Allow ids to be learned again that were forgotten.

        Parameters
        ----------
        ids : id or sequence of ids
            The ids.

        Returns
        -------
        Receipt or None
            Of kind "lift", with the number of ids; None for no ids, as nothing has changed.

        Raises
        ------
        UnknownIdError
            When one is not suppressed, or is given twice. Nothing has changed.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> path = tempfile.mkdtemp() + "/people.sqlearn"
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> store = Store.create(path, GaussianNB(), people, target="buys", id="person", suppress=True)
        >>> _ = store.forget(ids=["bob"])
        >>> store.lift("bob").kind
        'lift'
        >>> store.learn({"person": ["bob"], "age": [22.0], "buys": [0]}).count
        1
        """
        with self._changing() as check:
            if self._labels:
                listed = self._labels["user"].canonical(ids)
                self._suppressing().lift_users(listed, self._labels["user"])
            else:
                listed = self._selection.checked(ids)
                self._suppressing().lift(listed, self._ids)
            return self._conclude("lift", len(listed), check) if len(listed) else None

    @called_as("store.replay(newer.suppressed())")
    def replay(self, suppressed: Suppressed) -> Receipt:
        """Forget what a newer copy of this store had forgotten: for a file that was restored from a backup.

        Parameters
        ----------
        suppressed : Suppressed
            What :meth:`suppressed` of the newer one gave.

        Returns
        -------
        Receipt
            Of kind "forget", with the number of rows that were there, even if that is 0: the list has changed.

        Raises
        ------
        StoreError
            If the store keeps no list of forgotten ids, or if the list is of another store. Nothing has changed.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> path = tempfile.mkdtemp() + "/people.sqlearn"
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> store = Store.create(path, GaussianNB(), people, target="buys", id="person", suppress=True)
        >>> import shutil
        >>> backup = shutil.copy(path, path + ".backup")
        >>> _ = store.forget(ids=["bob"])
        >>> restored = Store.open(backup)
        >>> restored.replay(store.suppressed()).count
        1
        >>> restored.digest() == store.digest()
        True
        """
        with self._changing() as check:
            hashes = self._suppressing().of(suppressed)
            slots = self._rows_of_users(hashes) if self._labels else self._ids.index.find(hashes)
            slots = np.sort(slots[slots > 0])
            self._forget_rows(slots, None, check)
            self._suppressing().add(hashes)
            return self._conclude("forget", len(slots), check)

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
                "created with suppress=True (sqlearn fit --suppress) has one.",
                reason="suppression",
            )
        return self._suppression
