"""What the model of a set would be without some rows, and the rows themselves: nothing is changed."""

import copy
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from sqlearn.distributed.store_set.editing import SetEditing
from sqlearn.storage.calls import called_as
from sqlearn.storage.records import looking
from sqlearn.storage.types import Ids, Progress


class SetSupposing(SetEditing):
    """What is asked of a set for the sake of an argument."""

    @called_as("store_set.model_without(ids=...)", "store_set.model_without(where=...)")
    def model_without(
        self, *, ids: Ids | None = None, where: str | None = None, progress: Progress | None = None
    ) -> Any:  # fmt: skip
        """Return the model that :meth:`forget` would leave, and change nothing.

        Parameters
        ----------
        ids : id or sequence of ids, optional
            The rows to leave out, by id.
        where : str, optional
            The rows to leave out, by an SQL condition over the table's columns (target, weight and id among them).
        progress : callable, optional
            Called, unless rows are named by ids, with the number of rows looked at since the last call; in all,
            ``len(self)``.

        Returns
        -------
        estimator
            A copy as :attr:`model` is one, without these rows: it predicts, and has scikit-learn's attributes.

        Raises
        ------
        UnknownIdError, ConditionError, SqlearnError
            See their descriptions.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn.distributed import StoreSet
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> path = tempfile.mkdtemp() + "/people"
        >>> store_set = StoreSet.create(path, GaussianNB(), people, target="buys", id="person", parts=2)
        >>> store_set.model_without(ids="bob").theta_.ravel(), len(store_set)
        (array([35., 41.]), 3)
        """
        with self._changing(progress) as change:
            change.signed = False
            named = self._named(change.run, ids, where, self._threads.look)
            check = self._threads.check
            change.run(lambda part, number: part.forget_rows(*named[number], check), named)
            model = copy.deepcopy(self._changed_whole(change.check))
            change.undo()
            model.state.taken_out = True
            return model

    @called_as("store_set.rows()", "store_set.rows(where=...)", "store_set.rows(ids=...)")
    def rows(self, *, ids: Ids | None = None, where: str | None = None, progress: Progress | None = None) -> Bunch:
        """Return rows as the model's methods take them: to fit a model of one's own, or to inspect this one.

        Parameters
        ----------
        ids : id or sequence of ids, optional
            The rows to return, by id; all rows by default.
        where : str, optional
            The rows to return, by an SQL condition over the table's columns (target, weight and id among them).
        progress : callable, optional
            Called, under a condition, with the number of rows looked at since the last call; in all, ``len(self)``.

        Returns
        -------
        Bunch
            As :meth:`sqlearn.Store.rows` returns them: ids, X, y and sample_weight; part by part.

        Raises
        ------
        UnknownIdError, ConditionError, SqlearnError
            See their descriptions.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn.distributed import StoreSet
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> path = tempfile.mkdtemp() + "/people"
        >>> store_set = StoreSet.create(path, GaussianNB(), people, target="buys", id="person", parts=2)
        >>> rows = store_set.rows(where="age > 30")
        >>> sorted(zip(rows.ids, rows.X.ravel().tolist(), rows.y.tolist()))
        [('ann', 41.0, 1), ('cid', 35.0, 0)]
        """
        looking(progress)
        with self._reading():
            if ids is None and where is None:
                found = self._each(lambda part, _: part.rows_at(None))
            else:
                named = self._named(self._each_with(progress), ids, where, self._threads.look)
                numbers = named or [0]
                none = np.zeros(0, np.int64), None
                found = self._each(lambda part, number: part.rows_at(named.get(number, none)[0]), numbers)
        parts = [found[number] for number in sorted(found)]
        return Bunch(**{name: _joined([part[name] for part in parts]) for name in parts[0]})


def _joined(values: list[Any]) -> Any:
    """Rows of several parts: arrays, lists of ids, dicts of columns, or None."""
    first = values[0]
    if isinstance(first, dict):
        return {name: _joined([value[name] for value in values]) for name in first}
    if isinstance(first, list):
        return [id for value in values for id in value]
    filled = [value for value in values if value is not None and len(value)] or [first]
    return None if first is None else np.concatenate(filled)
