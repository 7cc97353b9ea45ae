"""What the sharded classifier and the sharded regressor have in common."""

import copy
from collections.abc import Callable
from dataclasses import replace
from numbers import Integral
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import scipy.sparse as sp
from sklearn import ensemble as peers
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.utils import Bunch, Tags, get_tags

from sqlearn.engine.identity import MOST_FOLDS
from sqlearn.engine.model import ExactEstimator, State, refuse_untold
from sqlearn.engine.parts import KeepsRecords, answering, keeps_tables, refuse_weights, takes_tables, takes_weights
from sqlearn.engine.sklearn_private import Interval, drop_links, visual_block
from sqlearn.engine.tables import Columns, TableForm, split_kept
from sqlearn.engine.validation import Batch, Features
from sqlearn.ensemble.shards.groups import Grouped, group_codes
from sqlearn.ensemble.shards.members import as_given, checked_estimator, refuse_no_slices, takes_numbers_only
from sqlearn.ensemble.shards.reading import check_members, members_of, printing, records_of
from sqlearn.ensemble.shards.shard import Shard
from sqlearn.ensemble.shards.statistic import Division, ShardedRecords
from sqlearn.errors import (
    NotLearnedError,
    ParameterError,
    ShapeError,
    UndefinedAttributeError,
    UnsupportedError,
    shown,
)

# parameters that tell how members are fitted, not which they are, and what a state has of them
_HOW = {"n_jobs": None, "verbose": False, "check_refit": True}


class ShardInfo(NamedTuple):
    """What there is to say of a shard.

    Attributes
    ----------
    name : str, int or float
        The group, or the number of the shard.
    n_records : int
        Records in it.
    weight : float
        Weight of its member's vote.
    is_fitted : bool
        Whether the member is fitted; False if it is due, or if there is none since there are no records.
    """

    name: Any
    n_records: int
    weight: float
    is_fitted: bool


class Sharded(KeepsRecords):
    """Base of ensembles whose members learn a shard of the records each."""

    _parameter_constraints: ClassVar[dict] = {
        "estimator": "no_validation",
        "n_shards": [Interval(Integral, 1, MOST_FOLDS, closed="both")],
        "n_slices": [Interval(Integral, 1, MOST_FOLDS, closed="both")],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "verbose": ["boolean"],
        "check_refit": ["boolean"],
    }

    # ------------------------------------------------------------------ what it takes

    @property
    def _takes_weights(self):  # type: ignore[override]
        estimator = vars(self).get("estimator")
        return hasattr(estimator, "fit") and takes_weights(estimator)

    def _draws(self, params):
        return True

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        inputs = tags.input_tags
        inputs.sparse, inputs.pairwise = True, False  # rows are made dense
        inputs.categorical = inputs.string = False
        if hasattr(self.estimator, "get_params") and not isinstance(self.estimator, type):
            inner = get_tags(self.estimator).input_tags
            inputs.allow_nan, inputs.positive_only = inner.allow_nan, inner.positive_only
            if takes_tables(self.estimator):
                inputs.allow_nan = inputs.categorical = inputs.string = True
                inputs.sparse = inputs.positive_only = False
        tags.target_tags.multi_output = tags.array_api_support = False
        if tags.classifier_tags is not None:
            tags.classifier_tags.multi_label = False
        return tags

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        refuse_untold(params)
        self._check_jobs()
        estimator = params["estimator"] = checked_estimator(params["estimator"], type(self).__name__)
        fits, kind = (is_classifier, "classifier") if self._target == "label" else (is_regressor, "regressor")
        if not fits(estimator):
            raise ParameterError(
                f"The estimator {type(estimator).__name__} should be a {kind}. Nothing was changed: pass one.",
                value=estimator,
            )
        if params["n_slices"] > 1:
            refuse_no_slices(estimator)

    def _check_jobs(self) -> int | None:
        """The number of jobs that is set now, which may be another than at the time of ``fit``."""
        n_jobs = vars(self)["n_jobs"]
        if n_jobs is not None and (isinstance(n_jobs, bool) or not isinstance(n_jobs, Integral) or n_jobs == 0):
            raise ParameterError(
                f"n_jobs is {shown(n_jobs)}. Nothing was changed: set the number of members that are fitted at a time, "
                "or -1 for one on each processor.",
                value=n_jobs,
            )
        return None if n_jobs is None else int(n_jobs)

    def pending_params(self) -> list[str]:
        return [name for name in super().pending_params() if name not in _HOW]

    # ------------------------------------------------------------------ records

    def _keeps_tables(self, X):
        named = isinstance(X, Columns) or hasattr(X, "columns")
        return not sp.issparse(X) and (named or keeps_tables(self.estimator, X))

    def _features(self, spec, X, layout):
        if self._keeps_tables(X) if layout is None else layout.kinds is not None:
            if takes_numbers_only(self.estimator):
                ExactEstimator._features(self, spec, as_given(X), layout)  # tells the row of what is none
            found, layout = split_kept(X, layout, spec.learner)
            return Features(*found), layout
        return ExactEstimator._features(self, spec, X, layout)  # without a limit: members alone compute with them

    def _check_batch(self, batch):
        ExactEstimator._check_batch(self, batch)

    def _validated(self, params, X, y, sample_weight, layout, *, single):
        given = X if isinstance(X, Grouped) else Grouped(X, None)
        if sample_weight is not None:
            refuse_weights([params["estimator"]])
        batch, found = super()._validated(params, given.X, y, sample_weight, layout, single=single)
        if given.groups is None:
            return batch, found
        if layout is None:
            found = replace(found, columns={"groups": "group"})  # which _in_force moves to the parameters
        elif not params["grouped"]:
            raise UnsupportedError(
                f"This {type(self).__name__} has numbered shards, to which rows go by their digests, and no groups. "
                "Nothing was changed: leave groups out, or fit anew with the group of each row.",
                reason="learner",
            )
        return _in_groups(batch, *group_codes(given.groups, len(batch))), found

    def _batch(self, state, X, y, sample_weight, sign) -> Batch:
        batch: Batch = super()._batch(state, X, y, sample_weight, sign)
        if not state.params["grouped"]:
            return batch
        held = records_of(state)
        if len(batch.levels) == held.n_categorical:
            if sign > 0:
                raise ShapeError(
                    f"The shards of this {type(self).__name__} are groups, and no groups are given. Nothing was "
                    "changed: pass the group of each row as groups.",
                    reason="shape",
                )
            return _in_groups(batch, *self._groups_of(state, batch))
        if sign < 0:
            for code, name in enumerate(batch.levels[-1]):
                if name not in held.names.slots:
                    row = int(np.flatnonzero(batch.codes[:, -1] == code)[0])
                    raise self._unknown_group(state, name, row, batch.name(row))
        return batch

    def _groups_of(self, state: State, batch: Batch) -> tuple[np.ndarray, list[Any]]:
        """The groups of rows that are given without, by an index of the rows held."""
        held = records_of(state)
        found = held.find(state, batch)
        by_slot = {slot: name for name, slot in held.names.slots.items()}
        slots = np.zeros(len(batch), np.int64)
        for row, own in enumerate(found):
            if not own and batch.weights[row] > 0:
                raise state.not_held(batch, row)
            if len(own) != 1:
                where = f"is held in the groups {shown(sorted((by_slot[slot] for slot in own), key=str))}"
                raise NotLearnedError(
                    f"{batch.name(row)} {where if own else 'has weight 0, so it cannot be found without its group'}. "
                    "Nothing was changed: pass the group of each row as groups.",
                    row=row,
                )
            slots[row] = own[0]
        names, codes = np.unique(slots, return_inverse=True)
        return codes, [by_slot[slot] for slot in names.tolist()]

    def _unknown_group(self, state: State, name: Any, row: int | None = None, what: str = "") -> NotLearnedError:
        known = shown(records_of(state).names.labels())
        said = f"The group {shown(name)}" if row is None else f"{what} is in the group {shown(name)}, which"
        return NotLearnedError(
            f"{said} is not held by this {type(self).__name__}, so nothing was changed. It holds {known}: pass the "
            "group that was learned.",
            row=row,
        )

    def _relabel(self, X, y_old, y_new, sample_weight):
        state = self._fitted_state()
        if state.params["grouped"] and isinstance(X, Grouped) and X.groups is None:
            old = self._batch(state, X, y_old, sample_weight, -1.0)
            names = np.empty(len(old.levels[-1]), object)
            names[:] = old.levels[-1]
            X = Grouped(X.X, names[old.codes[:, -1]])
        return super()._relabel(X, y_old, y_new, sample_weight)

    def _in_force(self, params, layout):
        grouped = layout.columns is not None
        params, layout = super()._in_force(params, replace(layout, columns=None))
        form = None
        if layout.kinds is not None:
            names = layout.feature_names_in_
            form = [list(layout.kinds), None if names is None else names.tolist(), layout.library or "pandas"]
        return params | _HOW | {"grouped": grouped, "form": form}, layout

    def _new_statistic(self, params, n_features, n_targets):
        form = params["form"]
        if form is not None:
            kinds, names, library = form
            form = TableForm(tuple(kinds), None if names is None else tuple(names), library)
        n_shards = 0 if params["grouped"] else params["n_shards"]
        return ShardedRecords(n_features, n_targets, Division(n_shards, params["n_slices"], form))

    # ------------------------------------------------------------------ reading

    def _sk_visual_block_(self):
        inside = clone(self.estimator)
        drop_links(inside)
        return visual_block(peers.VotingClassifier, Bunch(estimators=[("estimator", inside)]))

    @property
    def shards_(self) -> list[ShardInfo]:
        """Name, number of records and weight of each shard, and whether its member is fitted or due.

        Returns
        -------
        list of ShardInfo
            The groups held, sorted; without groups all numbered shards.
        """
        state = self._fitted_state()
        with state.reading():
            held = records_of(state)
            found = [_info(name, shard) for name, shard in held.named()]
        if held.division.is_grouped:
            return found
        known = {info.name: info for info in found}
        return [known.get(i, ShardInfo(i, 0, 1.0, False)) for i in range(held.division.n_shards)]

    def refit(self, progress: Callable[[int], object] | None = None) -> Self:
        """Fit the members that are due, also of groups that are switched off; else they are fitted when next read.

        Parameters
        ----------
        progress : callable, default=None
            Called with the number of members fitted since the last call. ``verbose=True`` prints lines instead.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        UndefinedAttributeError
            If a member cannot be fitted to the records of its shard; the message names the shard.

        Examples
        --------
        >>> from sklearn.tree import DecisionTreeClassifier
        >>> from sqlearn.ensemble import ShardedClassifier
        >>> X, y = [[0.0], [1.0], [5.0], [6.0]], [0, 0, 1, 1]
        >>> model = ShardedClassifier(DecisionTreeClassifier(), n_shards=1).fit(X, y).forget(X[0], y[0])
        >>> [shard.is_fitted for shard in model.shards_], [shard.is_fitted for shard in model.refit().shards_]
        ([False], [True])
        """
        lines = self._report()

        def report(done: int, due: int) -> None:
            if lines is not None:
                lines(done, due)
            if progress is not None:
                progress(1)

        members_of(self._fitted_state(), self._check_jobs(), report, everything=True)
        return self

    def _check_learned(self, state):
        if vars(self)["check_refit"]:
            check_members(state)
        super()._check_learned(state)

    def fitted_attributes(self) -> dict[str, Any]:
        found = super().fitted_attributes()
        state = self._fitted_state()
        everyone = members_of(state, self._check_jobs(), everything=True)
        return found | {"_members": {name: answering(member.model, state.learner) for name, _, member in everyone}}

    def _report(self) -> Callable[[int, int], None] | None:
        return printing(type(self).__name__) if vars(self)["verbose"] else None

    def _read_out(self, state):
        found = members_of(state, self._check_jobs(), self._report())
        if not found:
            raise UndefinedAttributeError(
                f"All groups of this {state.learner} that hold records are switched off, so that nobody votes. Switch "
                "one on: set_group_weight(name, 1).",
                reason="too few records",
            )
        names, weights, members = zip(*found, strict=True)
        models = [answering(member.model, state.learner) for member in members]
        return {"estimators_": models, "names_": [*names], "weights_": np.array(weights)}

    def __getattr__(self, name: str) -> Any:
        value = super().__getattr__(name)
        return copy.deepcopy(value) if name == "estimators_" else value  # or a fit of them would change predictions

    def _answer(self, name: str, *args: Any, **kwargs: Any) -> Any:
        if args and self._fitted_state().layout.kinds is None:
            X, *rest = args
            self._fitted_sklearn()
            x = self._understood(X, None)
            args = (x.toarray() if sp.issparse(x) else x), *rest
        return super()._answer(name, *args, **kwargs)


def _info(name: Any, shard: Shard) -> ShardInfo:
    return ShardInfo(name, shard.count, shard.weight, shard.member is not None)


def _in_groups(batch: Batch, codes: np.ndarray, names: list[Any]) -> Batch:
    """Records with their group as a last column of categories."""
    return replace(batch, codes=np.column_stack([batch.codes, codes]), levels=[*batch.levels, names])
