"""The verbs of sharded ensembles: those of other learners, and the groups of the rows."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

import sys
from contextlib import AbstractContextManager
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from sqlearn.engine.model import Lending, State
from sqlearn.engine.sums import Log
from sqlearn.ensemble.shards.groups import Grouped, group_name, names_of
from sqlearn.ensemble.shards.learner import Sharded
from sqlearn.ensemble.shards.reading import records_of
from sqlearn.errors import InvalidValueError, UnsupportedError, shown


class ShardedVerbs(Sharded):
    """``fit``, ``forget``, ``relabel`` and ``without`` with groups."""

    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None, *, groups: Any = None) -> Self:
        """Learn these records alone, and fit all members; what was learned before is dropped.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records. Members see a frame with its names and kinds of columns, and anything else as an array.
        y : array-like of shape (n_records,)
            Labels (integers, booleans or strings) or targets (float64).
        sample_weight : array-like of shape (n_records,), default=None
            Weights of the records, if the estimator takes any; 1 by default. A record of weight 0 is held, and learned
            by nobody.
        groups : array-like of shape (n_records,), default=None
            Names of the records' groups, strings or numbers: each group is a shard, and the group is a part of the
            record. By default a record's digest decides to which of `n_shards` it goes.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        UndefinedAttributeError
            If a member cannot be fitted to the records of its shard; the message names the shard.
        SqlearnError
            A subclass that describes the problem. The model is unchanged.

        Examples
        --------
        >>> from sklearn.tree import DecisionTreeRegressor
        >>> from sqlearn.ensemble import ShardedRegressor
        >>> X, y, clinics = [[0.0], [1.0], [5.0]], [0.0, 2.0, 7.0], ["north", "north", "south"]
        >>> ShardedRegressor(DecisionTreeRegressor()).fit(X, y, groups=clinics).predict([[1.0]])
        array([4.5])
        """
        return self._fit_alone(Grouped(X, groups), y, sample_weight)

    def forget(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None, *, groups: Any = None) -> Self:
        """Forget records exactly: the model then has the bytes of one that never learned them.

        All records are forgotten or, if one of them is not held, none. Members that have learned one are dropped at
        once, and fitted again when they are next read, or by ``refit``; those of this package forget by themselves.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features) or (n_features,)
            Records as they were learned.
        y : scalar or array-like of shape (n_records,)
            Their labels or targets as they were learned.
        sample_weight : float or array-like of shape (n_records,), default=None
            The weights with which they were learned; 1 by default.
        groups : scalar or array-like of shape (n_records,), default=None
            Their groups, if the model has any. A row that one group alone holds is found without; the first such call
            makes an index of all rows.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        NotLearnedError
            If a record is not held, or in two groups; the message and the attribute ``row`` give the first such row.
        SqlearnError
            Another subclass that describes the problem. The model is unchanged.

        Examples
        --------
        >>> from sklearn.tree import DecisionTreeRegressor
        >>> from sqlearn.ensemble import ShardedRegressor
        >>> X, y, clinics = [[0.0], [1.0], [5.0]], [0.0, 2.0, 7.0], ["north", "north", "south"]
        >>> model = ShardedRegressor(DecisionTreeRegressor()).fit(X, y, groups=clinics)
        >>> model.forget([1.0], 2.0, groups="north").predict([[1.0]])
        array([3.5])
        """
        return self._update(Grouped(X, groups), y, sample_weight, -1.0)

    def relabel(
        self, X: Any, y_old: Any, y_new: Any, sample_weight: ArrayLike | None = None, *, groups: Any = None
    ) -> Self:  # fmt: skip
        """Forget records with their old labels or targets, and learn them with new ones: all of it or nothing.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features) or (n_features,)
            Records as they were learned.
        y_old : scalar or array-like of shape (n_records,)
            Their labels or targets as they were learned.
        y_new : scalar or array-like of the same shape
            What they should have been.
        sample_weight : float or array-like of shape (n_records,), default=None
            The weights with which they were learned, and which they keep; 1 by default.
        groups : scalar or array-like of shape (n_records,), default=None
            Their groups, which they keep, as for ``forget``.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        NotLearnedError
            If a record with its old label is not held, or in two groups.
        SqlearnError
            Another subclass that describes the problem. The model is unchanged.

        Examples
        --------
        >>> from sklearn.tree import DecisionTreeRegressor
        >>> from sqlearn.ensemble import ShardedRegressor
        >>> model = ShardedRegressor(DecisionTreeRegressor(), n_shards=1).fit([[0.0], [1.0]], [0.0, 2.0])
        >>> model.relabel([1.0], 2.0, 3.0).predict([[1.0]])
        array([3.])
        """
        return self._relabel(Grouped(X, groups), y_old, y_new, sample_weight)

    def without(
        self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None, *, groups: Any = None
    ) -> AbstractContextManager[Self]:  # fmt: skip
        """Return a context in which the model is as if it had never learned these records.

        At its end the model is exactly what it was, its members included. Updates are refused inside.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features) or (n_features,)
            Records as they were learned.
        y : scalar or array-like of shape (n_records,)
            Their labels or targets as they were learned.
        sample_weight : float or array-like of shape (n_records,), default=None
            The weights with which they were learned; 1 by default.
        groups : scalar or array-like of shape (n_records,), default=None
            Their groups, as for ``forget``.

        Returns
        -------
        context manager
            For one ``with`` block; it gives the model. Errors are those of ``forget``, and raised when it is entered.

        Examples
        --------
        >>> from sklearn.tree import DecisionTreeRegressor
        >>> from sqlearn.ensemble import ShardedRegressor
        >>> model = ShardedRegressor(DecisionTreeRegressor(), n_shards=1).fit([[0.0], [1.0]], [0.0, 2.0])
        >>> with model.without([1.0], 2.0):
        ...     print(model.predict([[1.0]]))
        [0.]
        >>> model.predict([[1.0]])
        array([2.])
        """
        return Lending(self, self._without(Grouped(X, groups), y, sample_weight))

    # ------------------------------------------------------------------ groups

    def forget_groups(self, names: Any) -> Self:
        """Forget all records of groups: the model then has the bytes of one that never learned them.

        Records, member, name and weight of a group go at once; no other member is touched.

        Parameters
        ----------
        names : str, number or list of these
            The groups. All are forgotten or, if one of them is not held, none.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        NotLearnedError
            If a group is not held.
        UnsupportedError
            If shards are numbered.
        SqlearnError
            Another subclass that describes the problem. The model is unchanged.

        Examples
        --------
        >>> from sklearn.tree import DecisionTreeClassifier
        >>> from sqlearn.ensemble import ShardedClassifier
        >>> X, y, clinics = [[0.0], [1.0], [5.0], [6.0]], [0, 1, 1, 0], ["north", "north", "south", "south"]
        >>> model = ShardedClassifier(DecisionTreeClassifier()).fit(X, y, groups=clinics)
        >>> model.forget_groups("north").n_records_
        2
        """
        state, wanted = self._fitted_state(), names_of(names)

        def step(log: Log) -> None:
            slots = self._slots(state, wanted)
            if slots:
                state.take_out(*records_of(state).take_out(slots, log), log)

        state.check_free()
        state.change_by(step)
        return self

    def set_group_weight(self, name: Any, weight: float) -> Self:
        """Give the vote of a group's member another weight: 0 switches it off, without forgetting anything.

        The weight stays as long as the group has records: it goes with the last of them.

        Parameters
        ----------
        name : str or number
            The group.
        weight : float
            The weight, not negative; 1 at first.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        NotLearnedError
            If the group is not held.
        InvalidValueError
            If the weight is negative, infinite or no number.
        UnsupportedError
            If shards are numbered.

        Examples
        --------
        >>> from sklearn.tree import DecisionTreeClassifier
        >>> from sqlearn.ensemble import ShardedClassifier
        >>> X, y, clinics = [[0.0], [1.0], [5.0], [6.0]], [0, 0, 1, 1], ["north", "north", "south", "south"]
        >>> model = ShardedClassifier(DecisionTreeClassifier()).fit(X, y, groups=clinics)
        >>> model.set_group_weight("north", 0).predict([[0.0]])
        array([1])
        >>> model.set_group_weight("north", 3).predict([[0.0]])
        array([0])
        """
        state, wanted = self._fitted_state(), [group_name(name)]
        given: Any = weight
        plain = isinstance(given, Real) and not isinstance(given, bool | np.bool_ | np.timedelta64)
        if not plain or not 0.0 <= weight <= sys.float_info.max:
            raise InvalidValueError(
                f"The weight of a group is a number that is not negative, and not {shown(weight)}. Nothing was "
                "changed: pass one; 0 switches its member off.",
                value=weight,
                reason="weight",
            )

        def step(log: Log) -> None:
            (slot,) = self._slots(state, wanted)
            records_of(state).weigh(slot, float(weight) + 0.0, log)

        state.check_free()
        state.change_by(step)
        return self

    def _slots(self, state: State, names: list[Any]) -> list[int]:
        """The slots of groups that are held."""
        if not state.params["grouped"]:
            raise UnsupportedError(
                f"This {type(self).__name__} has numbered shards and no groups. Nothing was changed: fit it with the "
                "group of each row, groups=.",
                reason="learner",
            )
        slots = records_of(state).names.slots
        for name in names:
            if name not in slots:
                raise self._unknown_group(state, name)
        return [slots[name] for name in names]
