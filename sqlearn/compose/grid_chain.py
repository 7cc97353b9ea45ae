"""Steps in front of a learner that keeps its records: scales that move with every record, and rounds that do not."""

from functools import partial
from typing import Any, Self

import numpy as np

from sqlearn.compose.chain import Chain, Read
from sqlearn.engine.chains import EncodedRounds, Margins, mapping_of, on_grid, seen_state
from sqlearn.engine.model import Adaptive, Inner, RenamedReport, State, Steps, if_learner_has, refuse_large
from sqlearn.engine.readout import LinearMap
from sqlearn.engine.rounds import StandardUnits
from sqlearn.engine.sklearn_private import output_config, set_output_config
from sqlearn.engine.sums import Statistic
from sqlearn.engine.validation import Layout
from sqlearn.errors import ParameterError
from sqlearn.preprocessing import StandardScaler

_SEEDS = 1009  # between the seeds of two steps


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
            kind = type(params["steps"].learners[-1]).__name__
            raise ParameterError(f"{kind} keeps its records, and identifies them by its ledger. Leave `ledger` True.")

    def _check_chain(self, steps):
        kind = type(steps.learners[-1]).__name__
        for step in steps.learners[:-1]:
            if not isinstance(step, StandardScaler):
                raise ParameterError(
                    f"{type(step).__name__} cannot stand in front of {kind} in a pipeline that forgets: {kind} keeps "
                    "its records, and single records would change what all others become behind this step. Scalers "
                    "can; docs/pipelines.md lists what else, and the learners that this step can stand in front of.",
                    value=step,
                )

    # ------------------------------------------------------------------ records

    def _features(self, spec, X, layout):
        features, layout = super()._features(spec, X, layout)
        refuse_large(features.x, type(self._learner).__name__, range(features.x.shape[1]))
        return features, layout

    def _check_batch(self, batch):
        inner = Inner(self._learner)
        inner.check_targets(batch.targets)
        inner.check_batch(batch)

    def _check_fit(self, batch):
        for step in self._steps.learners:
            Inner(step).check_fit(batch)

    def _new_statistic(self, params, n_features, n_targets):
        steps = params["steps"]
        *before, last = steps.learners
        inner = Inner(last)
        if _are_units(before, last):
            return inner.new_statistic(n_features, n_targets, _units(before, n_features))
        seed = last.get_params(deep=False).get("random_state") or 0
        rounds = partial(inner.new_statistic, n_targets=n_targets)
        return EncodedRounds(n_features, n_targets, 0, rounds, partial(_forms, steps, seed), seed)

    # ------------------------------------------------------------------ reading

    def _read(self, state):
        steps = state.params["steps"]
        last = steps.learners[-1]
        seen = self._seen(state)
        if isinstance(state.statistic, EncodedRounds):
            seed = last.get_params(deep=False).get("random_state") or 0
            found, _ = _read_before(steps, state, state.statistic.margins(), Settled(seed))
        else:
            found, _ = _read_before(steps, state, Margins.of_numbers(state.statistic), None)
        fitted = Inner(last).fitted_sklearn(seen)
        set_output_config(fitted, output_config(last))
        return [*found, Read(steps.parts[-1][0], last, fitted, seen)]

    def _seen(self, state: State) -> State:
        """The state that the learner would have after learning what comes out of the steps before it."""
        last, statistic, width = state.params["steps"].learners[-1], state.statistic, state.n_features_in_
        if isinstance(statistic, EncodedRounds) and statistic.inner is not None and statistic.encoder is not None:
            statistic, width = statistic.inner, statistic.encoder.n_columns
        seen = seen_state(state, last, statistic, width)
        seen.vocabulary = state.vocabulary
        return seen

    @property
    def last_update_(self) -> Any:
        """What the last update did: rounds kept, where the trace broke, rows evaluated anew, seconds."""
        state = self._fitted_state()
        return Inner(state.params["steps"].learners[-1]).fitted(self._seen(state)).last_update_

    @if_learner_has
    def drop_memo(self) -> Self:
        """Drop the sums kept from before the last breaks, which save time but tell of the past.

        Returns
        -------
        Self
            The model itself.
        """
        state = self._fitted_state()
        Inner(state.params["steps"].learners[-1]).fitted(self._seen(state)).drop_memo()
        return self


class Settled:
    """Rounds what steps have learned to a grid, each step to a grid of its own.

    Parameters
    ----------
    seed : int
        Seed of the grids' offsets.
    """

    def __init__(self, seed: int) -> None:
        self._next = seed

    def __call__(self, fitted: Any) -> Any:
        self._next += _SEEDS
        if isinstance(fitted, StandardScaler._sklearn_class):
            deviations = np.zeros(fitted.n_features_in_) if fitted.var_ is None else np.sqrt(fitted.var_)
            if fitted.mean_ is not None:
                fitted.mean_ = on_grid(fitted.mean_, deviations, self._next)
            if fitted.scale_ is not None:
                varies = np.where(fitted.scale_ == deviations, deviations, 0.0)  # others' scale is 1
                fitted.scale_ = on_grid(fitted.scale_, varies, self._next + 1, is_scale=True)
        return fitted


def _read_before(steps: Steps, state: State, table: Margins, settled: Settled | None) -> tuple[list[Read], LinearMap]:
    """The steps in front of the learner, read from the margins of the records, and the map that they make together."""
    found, names = [], state.feature_names_in_
    forms, _ = mapping_of(None, table)
    for name, step in steps.parts[:-1]:
        if step is None:
            found.append(Read(name, None, None, None))
            continue
        seen = seen_state(state, step, table.statistic(), len(table.columns), names)
        fitted = Inner(step).fitted_sklearn(seen)
        if settled is not None:
            fitted = settled(fitted)
            seen.fitted_sklearn = fitted, seen.version
        set_output_config(fitted, output_config(step))
        found.append(Read(name, step, fitted, seen))
        later, columns = mapping_of(fitted, table)
        forms, table, names = later.after(forms), table.through(later, columns), None
    return found, forms


def _forms(steps: Steps, seed: int, table: Margins) -> LinearMap:
    """The map that the steps in front of the learner make of these records, rounded to a grid."""
    layout = Layout(len(table.columns))
    bare = State("Pipeline", {"ledger": False}, layout, table.statistic(), False)
    return _read_before(steps, bare, table, Settled(seed))[1]


def _are_units(before: list[Any], last: Any) -> bool:
    """Whether the steps only change the units in which the learner sees features."""
    return Inner(last).takes_units(any(step.with_mean for step in before))


def _units(steps: list[Any], n_features: int) -> StandardUnits:
    """The units that features are seen in behind these scalers: of several, the last one decides."""
    centred, scaled = (any(getattr(step, name) for step in steps) for name in ("with_mean", "with_std"))
    return StandardUnits(np.full(n_features, centred), np.full(n_features, scaled))


def is_adaptive(step: Any) -> bool:
    """Whether a step keeps its records and asks them in rounds."""
    return isinstance(step, Adaptive)
