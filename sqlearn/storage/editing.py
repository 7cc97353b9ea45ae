"""The verbs that change a store: learn, forget, relabel, compact."""

from collections.abc import Sequence
from typing import Any, Literal, overload

from sqlearn.errors import UnknownLabelError, shown
from sqlearn.storage.calls import called_as
from sqlearn.storage.steps import Named, R, Steps, count_of
from sqlearn.storage.table import as_flag, takes_labels, target_of
from sqlearn.storage.types import Given, Ids, Progress


class Editing(Steps[R]):
    """What changes a store's rows. Each method is a transaction, and returns when it is on the disk."""

    @called_as('store.learn({"feature": [...], "target": [...]})')
    def learn(self, table: Given, *, progress: Progress | None = None) -> R:
        """Keep more rows, and learn them.

        Parameters
        ----------
        table : frame, dict of columns, iterator of these, or path
            Rows with the store's columns, ids included if the store has a column of them. A set of stores takes files,
            too, as its ``create`` does.
        progress : callable, optional
            Called with the number of rows learned since the last call.

        Returns
        -------
        Receipt, of a set of stores SetReceipt
            Of kind "learn", with the number of rows.

        Raises
        ------
        TableError, DuplicateIdError, SuppressedIdError, SqlearnError
            See their descriptions. Nothing has changed.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> path = tempfile.mkdtemp() + "/people.sqlearn"
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> store = Store.create(path, GaussianNB(), people, target="buys", id="person")
        >>> receipt = store.learn({"person": ["dot"], "age": [58.0], "buys": [1]})
        >>> receipt.kind, receipt.count, len(store)
        ('learn', 1, 4)
        """
        with self._changing(progress) as change:
            return self._learn(table, progress, change)

    @overload
    def forget(
        self,
        *,
        ids: Ids | None = None,
        where: str | None = None,
        users: Ids | None = None,
        items: Ids | None = None,
        dry_run: Literal[False] = False,
        progress: Progress | None = None,
    ) -> R | None: ...

    @overload
    def forget(
        self,
        *,
        ids: Ids | None = None,
        where: str | None = None,
        users: Ids | None = None,
        items: Ids | None = None,
        dry_run: Literal[True],
        progress: Progress | None = None,
    ) -> int: ...

    @overload
    def forget(
        self,
        *,
        ids: Ids | None = None,
        where: str | None = None,
        users: Ids | None = None,
        items: Ids | None = None,
        dry_run: bool,
        progress: Progress | None = None,
    ) -> R | int | None: ...

    @called_as("store.forget(ids=...)", "store.forget(where=...)", "store.forget(users=...)")
    def forget(
        self,
        *,
        ids: Ids | None = None,
        where: str | None = None,
        users: Ids | None = None,
        items: Ids | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> R | int | None:
        """Take rows out of the model, and erase them.

        Parameters
        ----------
        ids : id or sequence of ids, optional
            The rows to forget, by id.
        where : str, optional
            The rows to forget, by an SQL condition over the table's columns (target, weight and id among them).
        users, items : label or sequence of labels, optional
            In a recommender's store: the users, or the items, of whom all rows are forgotten.
        dry_run : bool, default=False
            Whether to count the rows only.
        progress : callable, optional
            Called, unless rows are named by ids, with the number of rows looked at since the last call; in all,
            ``len(store)``.

        Returns
        -------
        Receipt (of a set of stores SetReceipt), int or None
            The receipt; the number of rows for a dry run; None if no row is meant, as nothing has changed.

        Raises
        ------
        UnknownIdError, UnknownLabelError, ConditionError, SqlearnError
            See their descriptions. Nothing has changed.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> path = tempfile.mkdtemp() + "/people.sqlearn"
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> store = Store.create(path, GaussianNB(), people, target="buys", id="person")
        >>> store.forget(where="age < 40", dry_run=True)
        2
        >>> store.forget(ids="bob").count
        1
        >>> sorted(store.ids())
        ['ann', 'cid']
        """
        named = Named(ids, where, users, items)
        if as_flag(dry_run, "dry_run"):
            with self._reading():
                return count_of(self._places(named, progress))
        with self._changing(progress) as change:
            places = self._places(named, progress, change)
            return self._forget(places, named, change) if places else None

    @overload
    def relabel(
        self,
        *,
        to: Any,
        ids: Ids | None = None,
        where: str | None = None,
        new: bool = False,
        dry_run: Literal[False] = False,
        progress: Progress | None = None,
    ) -> R | None: ...

    @overload
    def relabel(
        self,
        *,
        to: Any,
        ids: Ids | None = None,
        where: str | None = None,
        new: bool = False,
        dry_run: Literal[True],
        progress: Progress | None = None,
    ) -> int: ...

    @overload
    def relabel(
        self,
        *,
        to: Any,
        ids: Ids | None = None,
        where: str | None = None,
        new: bool = False,
        dry_run: bool,
        progress: Progress | None = None,
    ) -> R | int | None: ...

    @called_as("store.relabel(ids=..., to=...)", "store.relabel(where=..., to=...)")
    def relabel(
        self,
        *,
        to: Any,
        ids: Ids | None = None,
        where: str | None = None,
        new: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> R | int | None:
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
        Receipt (of a set of stores SetReceipt), int or None
            The receipt; the number of rows for a dry run; None if no row is meant that has another target, as nothing
            has changed. Rows that have this target already are not counted.

        Raises
        ------
        UnknownLabelError
            When no row has the label, and `new` is not given. Nothing has changed.
        UnknownIdError, ConditionError, SqlearnError
            As for :meth:`forget`.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> path = tempfile.mkdtemp() + "/people.sqlearn"
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> store = Store.create(path, GaussianNB(), people, target="buys", id="person")
        >>> store.relabel(ids=["bob"], to=1).count
        1
        >>> sorted(store.ids(where="buys = 1"))
        ['ann', 'bob']
        """
        target, new = target_of(self._learner, self._columns, to), as_flag(new, "new")
        named = Named(ids, where)
        if as_flag(dry_run, "dry_run"):
            with self._reading():
                self._check_label(target, new)
                return count_of(self._others(target, self._places(named, progress)))
        with self._changing(progress) as change:
            places = self._places(named, progress, change)
            self._check_label(target, new)
            others = self._others(target, places, change)
            return self._relabel(others, target, change) if others else None

    def _check_label(self, target: dict[str, Any], new: bool) -> None:
        if takes_labels(self._learner) and not new:
            refuse_unheld(target, self._labels_held())

    @called_as("store.compact()")
    def compact(self) -> int:
        """Shrink the file by the space of forgotten rows, which is otherwise kept for rows to come.

        Every table is written anew in one transaction; of a set of stores, in one transaction for each part. Meanwhile
        that needs disk space for the journal and the new tables, and 8 bytes of memory per row and text.

        Returns
        -------
        int
            By how many bytes the file has shrunk.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> path = tempfile.mkdtemp() + "/people.sqlearn"
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> store = Store.create(path, GaussianNB(), people, target="buys", id="person")
        >>> _ = store.forget(ids=["bob"])
        >>> store.compact() >= 0
        True
        """
        return self._compacted()


def refuse_unheld(target: dict[str, Any], held: Sequence[Any]) -> None:
    """Raise UnknownLabelError for a new target that is none of the labels held."""
    for label in target.values():
        if label not in held:
            raise UnknownLabelError(
                f"No row has the label {shown(label)}; those held are {shown(held)}. Nothing was "
                "changed: pass one of these or, if it is a label of its own, `new=True`.",
                value=label,
            )
