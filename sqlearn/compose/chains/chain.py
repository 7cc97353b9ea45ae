"""Steps one behind the other, all of which are read from the exact sums of the rows that come in."""

import copy
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags

from sqlearn.compose.chains.categories import check_categories, check_kinds, check_kinds_held
from sqlearn.compose.chains.checks import check_chain, check_step, refuse_weights, teacher
from sqlearn.compose.chains.columns import (
    Use,
    flat,
    image_width,
    is_of_tables,
    leaves,
    may_miss,
    ranked,
    resolved,
    unweighted,
    uses_of,
)
from sqlearn.compose.chains.maps import check_maps, fix_maps, images_of, names_of_images
from sqlearn.compose.chains.plain_steps import as_array, by_place, with_nan
from sqlearn.compose.chains.reader import ChainReader, ReadsSteps, predicted_of_table
from sqlearn.compose.chains.reading import Input, Read, read_steps
from sqlearn.engine.chains import READ_FROM_TABLES, Ranked, Table, one_predicted
from sqlearn.engine.model import Inner, State, Steps, WeightedClassifier, records_like
from sqlearn.engine.sums import Gram
from sqlearn.engine.tables import Columns, TableGram, as_columns, as_table, names_of, split
from sqlearn.engine.validation import Batch, Features, Layout
from sqlearn.errors import InvalidValueError, ParameterError, ShapeError, UndefinedAttributeError, listed


class _Transformer(TransformerMixin, BaseEstimator):
    """What has the tags of a transformer."""


class Chain(ReadsSteps, WeightedClassifier):
    """Steps of a pipeline, each of which learns what comes out of those before it, from one exact Gram matrix.

    The state is the Gram matrix of the rows as they come in. What a step learns, and where it sends rows, is computed
    when it is read: the transforms are linear maps, and map that matrix without error.

    Parameters
    ----------
    steps : Steps
        Estimators of this package, or None for steps that do nothing.
    name : str, default="Pipeline"
        What errors call the model.
    ledger : bool, default=True
        Whether to keep the digest of every record.
    key : str or bytes, default=None
        Secret key of the records' digests.
    """

    _sklearn_class = ChainReader
    _parameter_constraints: ClassVar[dict] = {"steps": "no_validation", "name": [str]}

    def __init__(
        self, steps: Steps, *, name: str = "Pipeline", ledger: bool = True, key: str | bytes | None = None
    ) -> None:  # fmt: skip
        self.steps = steps
        self.name = name
        self.ledger = ledger
        self.key = key

    # ------------------------------------------------------------------ whose rules hold

    @property
    def _learner(self) -> Any:
        return flat(self._steps)[-1]

    @property
    def _teacher(self) -> Any:
        """The step that tells what a record carries beside its features."""
        return teacher(self._steps)

    @property
    def _takes_weights(self):  # type: ignore[override]
        return unweighted(self._steps) is None

    @property
    def _target(self):  # type: ignore[override]
        found = self._teacher
        return None if found is None else found.target

    def __sklearn_tags__(self) -> Tags:
        last, learners = flat(self._steps)[-1], leaves(self._steps)
        tags = last.__sklearn_tags__() if any(last is step for step in learners) else _Transformer().__sklearn_tags__()
        if learners:
            tags.input_tags = copy.copy(learners[0].__sklearn_tags__().input_tags)
        tags.input_tags.allow_nan = False
        if is_of_tables(self._steps):
            tags.input_tags.allow_nan = tags.input_tags.categorical = tags.input_tags.string = _has_gaps(self._steps)
            tags.input_tags.sparse = False
        if self._teacher is not None:
            tags.target_tags = self._teacher.__sklearn_tags__().target_tags
        tags.array_api_support = False
        return tags

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        check_maps(params["steps"])
        for step in leaves(params["steps"]):
            check_step(step, params["name"])
        self._check_chain(params["steps"])

    def _check_chain(self, steps: Steps) -> None:
        """Refuse steps that cannot be read one behind the other."""
        check_chain(steps)

    # ------------------------------------------------------------------ records

    def _spec(self, params):
        return replace(super()._spec(params), learner=params["name"])

    def _validated(self, params, X, y, sample_weight, layout, *, single):
        found = unweighted(params["steps"])
        if sample_weight is not None and found is not None:
            refuse_weights(found)
        if is_of_tables(params["steps"]):
            X = as_columns(X)  # so that a dictionary has the names of its columns
        return super()._validated(params, X, y, sample_weight, layout, single=single)

    def _features(self, spec, X, layout):
        if is_of_tables(self.steps):
            return self._of_table(spec, X, layout)
        return Inner(flat(self.steps)[0]).features(X, layout, spec)

    def _of_table(self, spec, X, layout):
        """The columns that are used, each once as numbers and once as categories, if it is both."""
        table, steps = as_table(X), self.steps
        names, first = (names_of(table), True) if layout is None else (_names(layout), False)
        layout = layout or Layout(table.shape[1], None if names is None else np.array(names, object))
        width = layout.n_features_in_

        def numbers_of(columns: list[int]) -> np.ndarray:
            found = _found(table, columns, layout, names, spec.learner)
            values: np.ndarray = split(_taken(table, found), np.zeros(len(columns), bool))[0]
            return values

        if first:
            steps = resolved(steps, X, width, names)
            fix_maps(steps, numbers_of, width, names)
            layout = replace(layout, columns=steps)  # which _in_force takes
        images = images_of(steps, numbers_of, width, names)
        column_names = [*(range(width) if names is None else names), *images.names]
        uses = uses_of(steps, width, names)
        of_table = [use for use in uses if use.place < width]
        places = _found(table, [use.place for use in of_table], layout, names, spec.learner)
        is_categorical = np.array([use.kind == "category" for use in of_table], bool)
        x, codes, levels = split(_taken(table, places), is_categorical)
        if not places:  # whose number of rows nothing tells
            x, codes = np.empty((table.shape[0], 0)), np.empty((table.shape[0], 0), np.int64)
        if images.names:
            x = np.concatenate([x, images.values], axis=1)
        numbers = [use.place for use in uses if use.kind == "number"]
        missable = may_miss(steps, width, names) if _has_gaps(steps) else set()
        for k, place in enumerate(numbers):
            rows: Any = np.flatnonzero(np.isnan(x[:, k])) if place not in missable else ()
            if len(rows):
                column = column_names[place]
                if place >= width:
                    raise InvalidValueError(
                        f"A map of one row alone makes NaN of row {rows[0]} (counted from 0), in {column!r}. Nothing "
                        "was changed: drop such rows, or put a SimpleImputer behind the map, in the same part.",
                        row=rows[0],
                        column=column,
                        reason="not finite",
                    )
                raise InvalidValueError(
                    f"Input X contains NaN. The first is in row {rows[0]} (counted from 0), column {column!r}. Nothing "
                    "was changed: drop such rows, or put a SimpleImputer in front.",
                    row=rows[0],
                    column=column,
                    reason="not finite",
                )
        categories = [use.place for use in uses if use.kind == "category"]
        for k, place in enumerate(categories):
            rows = np.flatnonzero(codes[:, k] < 0) if place not in missable else ()
            if len(rows):
                column = column_names[place]
                raise InvalidValueError(
                    f"The value in row {rows[0]} (counted from 0), column {column!r}, is missing: OrdinalEncoder makes "
                    "NaN of it, which no step behind it takes. Nothing was changed: set its encoded_missing_value to a "
                    "number (-2, say), or put a SimpleImputer in front.",
                    row=rows[0],
                    column=column,
                    reason="not finite",
                )
        check_categories(steps, layout.n_features_in_, names, categories, codes, levels)
        return Features(x, codes, levels), layout

    def _batch(self, state, X, y, sample_weight, sign):
        batch = super()._batch(state, X, y, sample_weight, sign)
        if sign > 0:
            self._check_kinds(state, batch)
        return batch

    def _started(self, X, y, sample_weight, *, single):
        state, batch = super()._started(X, y, sample_weight, single=single)
        self._check_kinds(state, batch)
        return state, batch

    def _check_kinds(self, state: State, batch: Batch) -> None:
        if batch.codes.shape[1]:
            check_kinds(state.statistic, self._categories(state), batch.codes, batch.levels)

    def _check_merged(self, merged):
        check_kinds_held(merged.statistic, self._categories(merged))

    def _categories(self, state: State) -> list[Any]:
        """Names or positions of the columns that are taken as categories."""
        names, uses = state.feature_names_in_, self._uses(state.params["steps"], state.layout)
        return [use.place if names is None else names[use.place] for use in uses if use.kind == "category"]

    def _responses(self, spec, y, x, layout, *, first):
        found = self._teacher
        if found is None:
            return super()._responses(spec, y, x, layout, first=first)
        return Inner(found).responses(spec, y, x, layout, first=first)

    def _in_force(self, params, layout):
        has_labels = self._has_labels(params, layout)
        for step in leaves(params["steps"]):
            if step.target == "label" and Inner(step).has_labels(layout) != has_labels:
                raise ParameterError(
                    f"{type(step).__name__} does not take several labels per record, and the learner behind it does. "
                    "Nothing was changed: pass one label per row."
                )
        steps = params["steps"] if layout.columns is None else layout.columns
        places = ranked(steps, layout.n_features_in_, _names(layout))
        numbers = [use.place for use in self._uses(steps, layout) if use.kind == "number"]
        order = tuple(k for k, place in enumerate(numbers) if place in places)
        steps = Steps(steps.parts, order, image_width(steps))
        return params | {"steps": steps}, replace(layout, columns=None)

    def _has_labels(self, params, layout):
        found = teacher(params["steps"])
        return found is not None and Inner(found).has_labels(layout)

    def _new_statistic(self, params, n_features, n_targets):
        steps = params["steps"]
        sums = (TableGram if _has_gaps(steps) else Gram)(n_features, n_targets)
        return Ranked(sums, steps.ranked) if steps.ranked else sums

    def _check_fit(self, batch):
        if not is_of_tables(self.steps):
            Inner(flat(self.steps)[0]).check_fit(batch)

    def _check_learned(self, state):
        try:
            found = self._fitted_sklearn_of(state).read_  # which is kept, to be asked next
        except UndefinedAttributeError:
            return  # of records that are a legal state
        for read in _all(found):
            if read.seen is None or isinstance(read.learner, READ_FROM_TABLES):
                continue
            inner = Inner(read.learner)
            inner.check_fit(records_like(state, read.seen.n_features_in_))
            if inner.checks_learned:
                inner.check_learned(read.seen)

    # ------------------------------------------------------------------ reading

    def _read(self, state: State) -> list[Read]:
        """All steps, read from the sums."""
        n_categorical = self._n_categorical(state.params["steps"], state.layout)
        table = Table.of(state.statistic, state.class_slots(), n_categorical)
        return read_steps(state.params["steps"], state, self._input(state, table))

    def _n_categorical(self, steps: Steps, layout: Layout) -> int:
        """How many columns are taken as categories."""
        return sum(use.kind == "category" for use in self._uses(steps, layout))

    def _column_names(self, steps: Steps, layout: Layout) -> list[Any]:
        """Names or positions of the columns, and names of those of images, for messages."""
        names = _names(layout)
        own = range(layout.n_features_in_) if names is None else names
        return [*own, *names_of_images(steps, layout.n_features_in_, names)]

    def _uses(self, steps: Steps, layout: Layout) -> list[Use]:
        if not is_of_tables(steps):
            return [Use(place, "number") for place in range(layout.n_features_in_)]
        return uses_of(steps, layout.n_features_in_, _names(layout))

    def _input(self, state: State, table: Table) -> Input:
        """A table of the columns that are used, as what comes to the first step."""
        places = {use: k for k, use in enumerate(self._uses(state.params["steps"], state.layout))}
        names = state.feature_names_in_
        return Input(table, state.n_features_in_, lambda place, kind: places[Use(place, kind)], names)

    def _answer(self, name: str, *args: Any, **kwargs: Any) -> Any:
        is_table = is_of_tables(self._steps)
        if name == "predict" and len(args) == 1 and not (kwargs or is_table):
            found = one_predicted(self._fitted_sklearn().pipeline_.steps, args[0])
            if found is not None:
                return found
        if name == "predict" and len(args) == 1 and not kwargs and is_table:
            found = predicted_of_table(self.reads(), args[0], self._fitted_state().feature_names_in_)
            if found is not None:
                return found
        if args and is_table:
            X, *rest = args
            if not _has_gaps(self._steps):
                self._understood(as_columns(X), None)  # parts that take NaN would let it through
            names = self._fitted_state().feature_names_in_
            if isinstance(X, Mapping) and names is not None:
                fitted = by_place(self._fitted_sklearn().pipeline_, names.tolist())
                return getattr(fitted, name)(as_array(X, names.tolist()), *rest, **kwargs)
            if not (isinstance(X, np.ndarray) or hasattr(X, "columns") or sp.issparse(X)):
                numbers = np.asarray(X)
                if numbers.dtype.kind in "biuf":  # or what passes through would come out as objects
                    args = (numbers, *rest)
            args = (with_nan(args[0]), *args[1:])
            if image_width(self._steps):
                with warnings.catch_warnings():  # a frame may go through a function, to a step that learned arrays
                    warnings.filterwarnings("ignore", "X has feature names, but", UserWarning)
                    return super()._answer(name, *args, **kwargs)
        return super()._answer(name, *args, **kwargs)

    def to_sklearn(self) -> Any:
        """Return a fitted pipeline of scikit-learn's, which holds nothing of the state.

        Returns
        -------
        sklearn.pipeline.Pipeline
            With the same names of steps.
        """
        return copy.deepcopy(self._fitted_sklearn().pipeline_)

    def fitted_attributes(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        _add_attributes(found, "", self.reads())
        state = self._fitted_state()
        names = state.feature_names_in_
        found |= {"n_features_in_": state.n_features_in_}
        return found if names is None else found | {"feature_names_in_": names}


def _names(layout: Layout) -> list[str] | None:
    """Names of the columns that come in."""
    return None if layout.feature_names_in_ is None else layout.feature_names_in_.tolist()


def _has_gaps(steps: Steps) -> bool:
    """Whether rows may have categories and missing values: some step takes them."""
    return any(isinstance(step, READ_FROM_TABLES) for step in leaves(steps))


def _all(reads: list[Read]) -> list[Read]:
    """These, and what they are made of."""
    return [each for read in reads for each in (read, *_all(read.parts))]


def _add_attributes(found: dict[str, Any], prefix: str, reads: list[Read]) -> None:
    for read in reads:
        name = f"{prefix}{read.name}__"
        if read.parts:
            _add_attributes(found, name, read.parts)
        elif read.seen is not None:
            own = Inner(read.learner).fitted(read.seen).fitted_attributes()
            found |= {f"{name}{attribute}": value for attribute, value in own.items()}


def _found(table: Any, places: list[int], layout: Layout, names: list[str] | None, learner: str) -> list[int]:
    """Where a table has the columns of these positions: by name, or at the same positions."""
    if names is not None and not isinstance(table, np.ndarray):
        held = {name: place for place, name in enumerate(table.columns)}
        wanted = [names[place] for place in places]
        missing = [name for name in wanted if name not in held]
        if missing:
            raise ShapeError(
                f"columns are missing: {{{listed(sorted(set(missing)))}}}. Nothing was changed: pass the columns the "
                "model was fitted on, in any order.",
                column=missing[0],
                reason="columns",
            )
        return [held[name] for name in wanted]
    layout.check_width(table.shape[1], learner)
    return places


def _taken(table: Any, places: list[int]) -> Any:
    """These columns of a table."""
    if isinstance(table, np.ndarray):
        return table[:, places]
    names = list(table.columns)
    chosen = [names[place] for place in places]
    if isinstance(table, Columns):
        return Columns(chosen, [table.values[place] for place in places])
    return Columns(chosen, [table.get_column(name) for name in chosen])
