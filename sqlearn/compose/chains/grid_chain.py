"""Steps in front of a learner that keeps its records: scales that move with every record, and rounds that do not."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn import pipeline as peers
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from sqlearn.compose.chains.chain import Chain, check_chain
from sqlearn.compose.chains.columns import flat, is_idle, is_of_tables, leaves
from sqlearn.compose.chains.reading import Read, read_steps
from sqlearn.engine.chains import READ_FROM_TABLES, EncodedRounds, Margins, Table, Watch, on_grid, seen_state
from sqlearn.engine.model import Adaptive, Inner, RenamedReport, State, Steps, if_learner_has, refuse_large
from sqlearn.engine.readout import LinearMap
from sqlearn.engine.rounds import StandardUnits
from sqlearn.engine.validation import Layout
from sqlearn.errors import ParameterError
from sqlearn.preprocessing import StandardScaler

_SEEDS = 1009  # between the seeds of two steps
_BY_COLUMN = (StandardScaler, *READ_FROM_TABLES)  # steps that work column by column


class PlacedSteps(Steps):
    """Steps in force, and the width and the names of the rows that come in."""

    def __init__(
        self, parts: list[tuple[str, Any]], width: int, names: np.ndarray | None, ranked: tuple[int, ...] = ()
    ) -> None:
        super().__init__(parts, ranked)
        self.width, self.names = width, names

    @property
    def layout(self) -> Layout:
        """The layout of these rows."""
        return Layout(self.width, self.names)

    def part(self, stop: int) -> "PlacedSteps":
        """The first of them."""
        return PlacedSteps(self.parts[:stop], self.width, self.names)


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
                    "records behind it. StandardScaler, SimpleImputer, OneHotEncoder and OrdinalEncoder can, whose "
                    "means and scales lie on a grid; docs/pipelines.md lists the learners that this step can stand in "
                    "front of.",
                    value=step,
                )
        if flat(before):
            check_chain(before)

    # ------------------------------------------------------------------ records

    def _features(self, spec, X, layout):
        features, layout = super()._features(spec, X, layout)
        columns: Any = range(features.x.shape[1])
        if is_of_tables(self.steps):
            names = layout.feature_names_in_
            steps = self.steps if layout.columns is None else layout.columns
            places = [use.place for use in self._uses(steps, layout) if use.kind == "number"]
            columns = places if names is None else [names[place] for place in places]
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
        if params["steps"].ranked:  # medians, and the most frequent of numbers
            kind = type(flat(params["steps"])[-1]).__name__
            raise ParameterError(
                f"A SimpleImputer of this strategy needs numbers in order, which is not supported in front of {kind}: "
                "what stands for a missing value would have to lie on a grid there. Nothing was changed: take "
                "strategy='mean' or 'constant', or the strategy 'most_frequent' for categories."
            )
        return params | {
            "steps": PlacedSteps(params["steps"].parts, layout.n_features_in_, layout.feature_names_in_)
        }, layout

    def _new_statistic(self, params, n_features, n_targets):
        steps, last = params["steps"], flat(params["steps"])[-1]
        inner = Inner(last)
        if _are_units(steps):
            return inner.new_statistic(n_features, n_targets, _units(steps, n_features))
        seed = _seed(last)
        rounds = partial(inner.new_statistic, n_targets=n_targets)
        n_categorical = self._n_categorical(steps, steps.layout)
        return EncodedRounds(n_features, n_targets, n_categorical, rounds, partial(self._forms, steps, seed), seed)

    def _forms(self, steps: PlacedSteps, seed: int, table: Margins) -> tuple[LinearMap, Watch, np.ndarray | None]:
        """The map that the steps in front of the learner make of these records, rounded to a grid."""
        bare = State("Pipeline", {"ledger": False, "steps": steps}, steps.layout, table.empty(), False)
        given = self._input(bare, table)
        given.settle = settled = Settled(seed)
        forms, found = LinearMap.of([]), None
        exact = None
        for read in read_steps(steps.part(_place(steps)), bare, given):
            own, _ = read.mapping()
            forms = own if found is None else own.after(forms)
            found = read
        if found is not None and Inner(flat(steps)[-1]).takes_units(True):
            last = {id(step) for step in _standardizers(steps.parts[: _place(steps)])}
            plain = {key: mask for key, mask in settled.plain.items() if key in last}
            exact = np.array(_are_standard(found, plain), np.bool_)
        return forms, settled.watch, exact if exact is not None and exact.any() else None

    # ------------------------------------------------------------------ reading

    def _read(self, state):
        steps, statistic = state.params["steps"], state.statistic
        place = _place(steps)
        if isinstance(statistic, EncodedRounds):
            given = self._input(state, statistic.margins())
            last = flat(steps)[-1]
            exact = _standardizers(steps.parts[:place]) if Inner(last).takes_units(True) else []
            given.settle = Settled(_seed(last), exact)
        else:
            given = self._input(state, Margins.of_numbers(statistic))
        found = read_steps(steps.part(place), state, given)
        seen = self._seen(state)
        name, last = steps.parts[place]
        found.append(Read(name, last, Inner(last).fitted_sklearn(seen), seen, _no_map))
        return found + [Read(name, None, None, None, _no_map) for name, _ in steps.parts[place + 1 :]]

    def _seen(self, state: State) -> State:
        """The state that the learner would have after learning what comes out of the steps before it."""
        last, statistic, width = flat(state.params["steps"])[-1], state.statistic, state.n_features_in_
        if isinstance(statistic, EncodedRounds) and statistic.inner is not None and statistic.encoder is not None:
            width, statistic = statistic.encoder.n_columns, statistic.inner
        seen = seen_state(state, last, statistic, width)
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


class Settled:
    """Rounds what steps have learned to a grid, each step to a grid of its own.

    Parameters
    ----------
    seed : int
        Seed of the grids' offsets.
    exact : sequence of estimator, default=()
        StandardScalers that are left as they are, but for columns that are constant up to rounding.
    """

    def __init__(self, seed: int, exact: Sequence[Any] = ()) -> None:
        self._next, self._exact = seed, {id(step) for step in exact}
        self.watch = Watch()
        self.plain: dict[int, np.ndarray] = {}  # of scalers by their id: the columns whose scale is their deviation

    def __call__(self, step: Any, fitted: Any, table: Table) -> Any:
        assert isinstance(table, Margins)
        self._next += _SEEDS
        if isinstance(fitted, StandardScaler._sklearn_class):
            if fitted.mean_ is None:
                return fitted
            deviations = table.deviations() if fitted.var_ is None else np.sqrt(fitted.var_)
            mean, scale = on_grid(fitted.mean_, deviations, self._next), None
            own = np.zeros(len(deviations), bool)
            if fitted.scale_ is not None:
                # of columns that are constant but for rounding the scale is 1
                self.plain[id(step)] = plain = (fitted.scale_ == deviations) | (deviations == 0)
                scale = on_grid(fitted.scale_, np.where(plain, deviations, 0.0), self._next + 1, is_scale=True)
                own = plain & (id(step) in self._exact)
                fitted.scale_ = np.where(own, fitted.scale_, scale.values)
            fitted.mean_ = np.where(own, fitted.mean_, mean.values)
            self.watch.add(table, mean, scale)
        elif isinstance(fitted, SimpleImputer):
            if fitted.strategy == "mean":
                mean = on_grid(fitted.statistics_, table.deviations(), self._next)
                fitted.statistics_ = mean.values
                self.watch.add(table, mean)
            else:
                self.watch.add_fills(table)
            self.watch.is_blind |= fitted.strategy not in ("mean", "constant")
        elif not isinstance(fitted, OrdinalEncoder):
            frequent = getattr(fitted, "min_frequency", None), getattr(fitted, "max_categories", None)
            self.watch.is_blind |= not isinstance(fitted, OneHotEncoder) or frequent != (None, None)
        return fitted


def _standardizers(parts: list[tuple[str, Any]]) -> list[Any]:
    """The StandardScalers that columns come out of last, on their way to the learner."""
    for _, step in reversed(parts):
        if is_idle(step):
            continue
        if isinstance(step, peers.Pipeline):
            return _standardizers(step.steps)
        if isinstance(step, ColumnTransformer):
            weights = step.transformer_weights or {}
            inner = [(name, part) for name, part, _ in step.transformers if name not in weights]
            inner.append(("remainder", step.remainder))
            return [each for part in inner for each in _standardizers([part])]
        return [step] if isinstance(step, StandardScaler) and step.with_mean and step.with_std else []
    return []


def _are_standard(read: Read, plain: dict[int, np.ndarray]) -> list[bool]:
    """Whether each column that comes out of a step is what one of these scalers makes of one of these columns."""
    if isinstance(read.learner, ColumnTransformer):
        return [each for part in read.parts for each in _are_standard(part, plain)]
    used = [part for part in read.parts if part.learner is not None]
    if used:
        return _are_standard(used[-1], plain)
    found = plain.get(id(read.learner))
    return [False] * len(read.mapping()[1]) if found is None else found.tolist()


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
