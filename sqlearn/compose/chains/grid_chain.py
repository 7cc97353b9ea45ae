"""Steps in front of a learner that keeps its records: scales that move with every record, and rounds that do not."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.feature_selection import SelectorMixin
from sklearn.pipeline import Pipeline

from sqlearn.compose.chains.chain import Chain
from sqlearn.compose.chains.checks import check_chain
from sqlearn.compose.chains.columns import SIDE_BY_SIDE, flat, inner_parts, is_idle, is_map, is_of_tables, leaves
from sqlearn.compose.chains.reading import Input, Read, names_out, read_steps
from sqlearn.compose.chains.settling import Settled
from sqlearn.engine.chains import READ_FROM_TABLES, EncodedRounds, Margins, RankedRounds, Watch, is_scored, seen_state
from sqlearn.engine.model import Adaptive, Inner, RenamedReport, State, Steps, if_learner_has, refuse_large
from sqlearn.engine.readout import LinearMap
from sqlearn.engine.rounds import StandardUnits
from sqlearn.engine.validation import Layout
from sqlearn.errors import DegenerateError, ParameterError, UndefinedAttributeError
from sqlearn.feature_selection import SelectKBest, SelectPercentile
from sqlearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

_BY_COLUMN = (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler, SelectorMixin, *READ_FROM_TABLES)
_BY_SCORE = (SelectKBest, SelectPercentile)


class PlacedSteps(Steps):
    """Steps in force, and the width and the names of the rows that come in."""

    def __init__(
        self, parts: list[tuple[str, Any]], width: int, names: np.ndarray | None, ranked: tuple[int, ...] = (),
        n_images: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(parts, ranked, n_images)
        self.width, self.names = width, names

    @property
    def layout(self) -> Layout:
        """The layout of these rows."""
        return Layout(self.width, self.names)

    def part(self, stop: int) -> "PlacedSteps":
        """The first of them."""
        return PlacedSteps(self.parts[:stop], self.width, self.names, self.ranked, self.n_images)


class GridChain(RenamedReport, Chain):
    """Steps of a pipeline whose last one is an adaptive learner, such as LogisticRegression or KMeans.

    The records are kept as they come in. A loss of linear predictors with an intercept is the same behind a scaler, but
    for its penalty: so the rounds go over these records, and the scales of the moment, which are exact, are what the
    penalty is in (see :mod:`~sqlearn.engine.rounds.units`). Elsewhere what the steps have learned is rounded to a grid,
    so that one record seldom changes it, and the rounds go over what they make of the records
    (:mod:`~sqlearn.engine.chains.encoded_rounds`).
    """

    _keeps_records = True

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        if not params["ledger"]:
            kind = type(flat(params["steps"])[-1]).__name__
            raise ParameterError(f"{kind} keeps its records, and identifies them by its ledger. Leave `ledger` True.")

    def _check_chain(self, steps):
        before, kind = Steps(steps.parts[: _place(steps)]), type(flat(steps)[-1]).__name__
        for step in leaves(before):
            if not isinstance(step, _BY_COLUMN):
                raise ParameterError(
                    f"{type(step).__name__} cannot stand in front of {kind} in a pipeline that forgets: {kind} looks "
                    "at its records again, and what this step has learned would change with every record, and all "
                    "records behind it. Set keep_records=True, and the pipeline fits all steps anew when it is read. "
                    "Scalers, SimpleImputer, OneHotEncoder, OrdinalEncoder and selectors can stand there without, "
                    "since what they have learned seldom changes on a grid; docs/pipelines.md lists the learners that "
                    "this step can stand in front of.",
                    value=step,
                )
            if isinstance(step, SelectorMixin):
                _check_selector(step, flat(steps)[-1])
            if getattr(step, "unit_variance", False):
                raise ParameterError(
                    f"unit_variance=True of {type(step).__name__} divides by quantiles of the normal distribution, of "
                    f"which the last bit may differ by machine, and {kind} looks at its records again. Set it False.",
                    value=True,
                )
        if flat(before):
            check_chain(before)

    # ------------------------------------------------------------------ records

    def _features(self, spec, X, layout):
        features, layout = super()._features(spec, X, layout)
        columns: Any = range(features.x.shape[1])
        if is_of_tables(self.steps):
            steps = self.steps if layout.columns is None else layout.columns
            names = self._column_names(steps, layout)
            columns = [names[use.place] for use in self._uses(steps, layout) if use.kind == "number"]
        refuse_large(features.x, type(self._learner).__name__, columns)
        return features, layout

    def _check_batch(self, batch):
        inner = Inner(self._learner)
        inner.check_targets(batch.targets)
        inner.check_batch(batch)

    def _check_fit(self, batch):
        super()._check_fit(batch)
        if not is_of_tables(self._steps):
            Inner(self._learner).check_fit(batch)

    def _in_force(self, params, layout):
        params, layout = super()._in_force(params, layout)
        steps = params["steps"]
        if _by_class(steps) and not self._has_labels(params, layout):
            raise ParameterError(
                "A selector by scores in front of a learner of several labels per record is not supported: its scores "
                "are those of classes. Nothing was changed: pass one label per row, or set keep_records=True."
            )
        names = layout.feature_names_in_
        placed = PlacedSteps(steps.parts, layout.n_features_in_, names, steps.ranked, steps.n_images)
        return params | {"steps": placed}, layout

    def _new_statistic(self, params, n_features, n_targets):
        steps, last = params["steps"], flat(params["steps"])[-1]
        inner = Inner(last)
        if _are_units(steps):
            return inner.new_statistic(n_features, n_targets, _units(steps, n_features))
        seed = _seed(last)
        rounds = partial(inner.new_statistic, n_targets=n_targets)
        n_categorical = self._n_categorical(steps, steps.layout)
        given = n_features, n_targets, n_categorical, rounds, partial(self._forms, steps), seed
        by_class = _by_class(steps)
        if steps.ranked:
            return RankedRounds(*given, ranked=steps.ranked, by_class=by_class)
        return EncodedRounds(*given, by_class=by_class)

    def _forms(self, steps: PlacedSteps, table: Margins) -> tuple[LinearMap, Watch, np.ndarray | None, None]:
        """The map that the steps in front of the learner make of these records, rounded to a grid."""
        by_class = bool(table.source.classes)
        bare = State("Pipeline", {"ledger": False, "steps": steps}, steps.layout, table.empty(), by_class)
        if bare.vocabulary is not None:  # scores depend on no order of the classes, and on no name
            bare.vocabulary.restore(list(range(len(table.source.classes))))
        parts, last = steps.parts[: _place(steps)], flat(steps)[-1]
        forms, watch, exact, _ = forms_on_grid(parts, last, bare, self._input(bare, table))
        return forms, watch, exact, None

    def _check_learned(self, state):
        if self._has_no_columns(state):
            try:
                self._read(state)
            except UndefinedAttributeError as error:
                raise DegenerateError(f"{error} Nothing was changed.") from error
        super()._check_learned(state)

    def _has_no_columns(self, state: State) -> bool:
        """Whether the steps in front of the learner make no columns of the records held."""
        statistic = state.statistic
        return isinstance(statistic, EncodedRounds) and statistic.inner is None and bool(statistic.record_counts.any())

    # ------------------------------------------------------------------ reading

    def _read(self, state):
        steps, statistic = state.params["steps"], state.statistic
        place = _place(steps)
        if isinstance(statistic, EncodedRounds):
            given = self._input(state, statistic.margins(state.class_slots()))
            last = flat(steps)[-1]
            exact = _standardizers(steps.parts[:place]) if Inner(last).takes_units(True) else []
            given.settle = settled_for(last, exact)
        else:
            given = self._input(state, Margins.of_numbers(statistic))
        found = read_steps(steps.part(place), state, given)
        seen = self._seen(state, names_out(found[-1]) if found else None)
        name, last = steps.parts[place]
        found.append(Read(name, last, Inner(last).fitted_sklearn(seen), seen, _no_map))
        return found + [Read(name, None, None, None, _no_map) for name, _ in steps.parts[place + 1 :]]

    def _seen(self, state: State, names: np.ndarray | None = None) -> State:
        """The state that the learner would have after learning what comes out of the steps before it."""
        last, statistic, width = flat(state.params["steps"])[-1], state.statistic, state.n_features_in_
        if self._has_no_columns(state):
            raise UndefinedAttributeError(
                f"No column of the records held is left for {type(last).__name__}, so there are no fitted attributes: "
                "the steps before it drop all. The model is intact: learn rows whose columns these steps keep.",
                reason="too few records",
            )
        if isinstance(statistic, EncodedRounds) and statistic.inner is not None and statistic.encoder is not None:
            width, statistic = statistic.encoder.n_columns, statistic.inner
        seen = seen_state(state, last, statistic, width, names)
        seen.vocabulary = state.vocabulary
        return seen

    def taken(self) -> tuple[list[int], list[int]]:
        """Return the positions of the columns that are taken as numbers and as categories, in their order.

        Returns
        -------
        tuple of list of int
            Both.
        """
        state = self._fitted_state()
        uses = self._uses(state.params["steps"], state.layout)
        numbers, categories = ([use.place for use in uses if use.kind == kind] for kind in ("number", "category"))
        return numbers, categories

    @property
    def last_update_(self) -> Any:
        """What the last update did: rounds kept, where the trace broke, rows evaluated anew, seconds."""
        return Inner(self._learner).fitted(self._seen(self._fitted_state())).last_update_

    @if_learner_has
    def drop_memo(self) -> Self:
        """Drop the sums kept from before the last breaks, which save time but tell of the past.

        Returns
        -------
        Self
            The model itself.
        """
        Inner(self._learner).fitted(self._seen(self._fitted_state())).drop_memo()
        return self


def forms_on_grid(
    parts: list[tuple[str, Any]], learner: Any, bare: State, given: Input
) -> tuple[LinearMap, Watch, np.ndarray | None, list[Read]]:  # fmt: skip
    """What steps in front of a learner make of records, rounded to a grid.

    Parameters
    ----------
    parts : list of (str, estimator or None)
        The steps.
    learner : estimator
        An adaptive learner.
    bare : State
        The state of a model of them, of which the layout is known.
    given : Input
        What comes to the first step; its table is a :class:`~sqlearn.engine.chains.margins.Margins`.

    Returns
    -------
    tuple
        The map, what watches it, the columns that the learner sees standardized exactly, and the steps.
    """
    given.settle = settled = settled_for(learner)
    forms, found, exact = LinearMap.of([]), None, None
    reads = read_steps(parts, bare, given)
    reads = [read for read in reads if read.learner is not None] or reads
    for read in reads:
        own, _ = read.mapping()
        forms = own if found is None else own.after(forms)
        found = read
    if found is not None and Inner(learner).takes_units(True):
        last = {id(step) for step in _standardizers(parts)}
        plain = {key: mask for key, mask in settled.plain.items() if key in last}
        exact = np.array(_are_standard_behind(reads, plain), np.bool_)
    return forms, settled.watch, exact if exact is not None and exact.any() else None, reads


def settled_for(learner: Any, exact: Sequence[Any] = ()) -> Settled:
    """What rounds steps in front of a learner, but for the scales of these steps."""
    return Settled(_seed(learner), exact)


def _standardizers(parts: list[tuple[str, Any]]) -> list[Any]:
    """The StandardScalers that columns come out of last, on their way to the learner."""
    for _, step in reversed(parts):
        if is_idle(step) or is_map(step) or isinstance(step, SelectorMixin):
            continue
        if isinstance(step, Pipeline):
            return _standardizers(step.steps)
        if isinstance(step, SIDE_BY_SIDE):
            weights = step.transformer_weights or {}
            inner = [(name, part) for name, part in inner_parts(step) if name not in weights]
            return [each for part in inner for each in _standardizers([part])]
        return [step] if isinstance(step, StandardScaler) and step.with_mean and step.with_std else []
    return []


def _are_standard_behind(reads: list[Read], plain: dict[int, np.ndarray]) -> list[bool]:
    """The same of steps one behind the other: what selectors leave of it."""
    selectors = []
    while len(reads) > 1 and isinstance(reads[-1].learner, SelectorMixin):
        *reads, last = reads
        selectors.append(last)
    found = np.array(_are_standard(reads[-1], plain), np.bool_)
    for selector in reversed(selectors):
        found = found[selector.fitted.get_support()]
    return [bool(own) for own in found]


def _are_standard(read: Read, plain: dict[int, np.ndarray]) -> list[bool]:
    """Whether each column that comes out of a step is what one of these scalers makes of one of these columns."""
    if isinstance(read.learner, SIDE_BY_SIDE):
        return [each for part in read.parts for each in _are_standard(part, plain)]
    used = [part for part in read.parts if part.learner is not None]
    if used:
        return _are_standard_behind(used, plain)
    found = plain.get(id(read.learner))
    return [False] * len(read.mapping()[1]) if found is None else found.tolist()


def _by_class(steps: Steps) -> bool:
    """Whether some step in front of the learner looks at labels."""
    return any(step.target == "label" for step in leaves(steps.parts[: _place(steps)]))


def _check_selector(step: Any, learner: Any) -> None:
    """Refuse a selector whose choice is no function of exact sums of the columns of each class."""
    kind, name = type(learner).__name__, type(step).__name__
    if step.target is None:  # VarianceThreshold
        return
    if step.target != learner.target or not is_scored(step.score_func):
        raise ParameterError(
            f"{name} with score_func={step.score_func.__name__} cannot stand in front of {kind} in a pipeline that "
            "forgets: selection by scores is exact there for learners of labels alone, with f_classif or chi2. Set "
            "keep_records=True, and the pipeline fits all steps anew when it is read; or take VarianceThreshold.",
            value=step,
        )
    if not (isinstance(step, _BY_SCORE) or getattr(step, "mode", None) in ("k_best", "percentile")):
        raise ParameterError(
            f"{name} selects by p-values, of which the last bit may differ by machine, and {kind} looks at its records "
            "again. Take SelectKBest or SelectPercentile, or set keep_records=True, and the pipeline fits all steps "
            "anew when it is read.",
            value=step,
        )


def _no_map() -> Any:
    raise NotImplementedError


def _place(steps: Steps) -> int:
    """The place of the learner."""
    return max(place for place, (_, step) in enumerate(steps) if step is not None)


def _seed(learner: Any) -> int:
    return learner.get_params(deep=False).get("random_state") or 0


def _are_units(steps: Steps) -> bool:
    """Whether the steps only change the units in which the learner sees features."""
    *before, last = flat(steps)
    scalers = [step for step in before if isinstance(step, StandardScaler)]
    return len(scalers) == len(before) and Inner(last).takes_units(any(step.with_mean for step in scalers))


def _units(steps: Steps, n_features: int) -> StandardUnits:
    """The units that features are seen in behind scalers: of several, the last one decides."""
    before = flat(steps)[:-1]
    centred, scaled = (any(getattr(step, name) for step in before) for name in ("with_mean", "with_std"))
    return StandardUnits(np.full(n_features, centred), np.full(n_features, scaled))


def is_adaptive(step: Any) -> bool:
    """Whether a step keeps its records and asks them in rounds."""
    return isinstance(step, Adaptive)
