"""Ids that were forgotten for good: their list, exceptions from it, and its use on a restored backup."""

from sqlearn.storage.calls import called_as
from sqlearn.storage.steps import R, Steps
from sqlearn.storage.types import Ids
from sqlearn.storage.upkeep import Suppressed


class Forgotten(Steps[R]):
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
            return self._list()

    @called_as("store.lift(ids)")
    def lift(self, ids: Ids | None) -> R | None:
        """Allow ids to be learned again that were forgotten.

        Parameters
        ----------
        ids : id or sequence of ids
            The ids.

        Returns
        -------
        Receipt (of a set of stores SetReceipt) or None
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
        with self._changing() as change:
            return self._lift(ids, change)

    @called_as("store.replay(newer.suppressed())")
    def replay(self, suppressed: Suppressed) -> R:
        """Forget what a newer copy of this store had forgotten: for one that was restored from a backup.

        Parameters
        ----------
        suppressed : Suppressed
            What :meth:`suppressed` of the newer one gave.

        Returns
        -------
        Receipt, of a set of stores SetReceipt
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
        >>> store.close()
        >>> import os, shutil
        >>> backup = (shutil.copytree if os.path.isdir(path) else shutil.copy)(path, path + ".backup")
        >>> store = Store.open(path)
        >>> _ = store.forget(ids=["bob"])
        >>> restored = Store.open(backup)
        >>> restored.replay(store.suppressed()).count
        1
        >>> restored.digest() == store.digest()
        True
        """
        with self._changing() as change:
            return self._replay(suppressed, change)
