"""The verbs of sharded ensembles: those of other learners, and the groups of the rows."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

from contextlib import AbstractContextManager
from typing import Any, Self

from numpy.typing import ArrayLike

from sqlearn.engine.model import Lending
from sqlearn.ensemble.shards.groups import Grouped
from sqlearn.ensemble.shards.learner import Sharded


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
