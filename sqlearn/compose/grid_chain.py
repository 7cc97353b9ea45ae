"""Steps in front of a learner that keeps its records: scales that move with every record, and rounds that do not."""

from typing import Any, Self

import numpy as np

from sqlearn.compose.chain import Chain, Read, read_steps
from sqlearn.engine.chains import Margins, seen_state
from sqlearn.engine.model import Adaptive, Inner, RenamedReport, State, Steps, if_learner_has, refuse_large
from sqlearn.engine.rounds import StandardUnits
from sqlearn.engine.sklearn_private import output_config, set_output_config
from sqlearn.errors import ParameterError
from sqlearn.preprocessing import StandardScaler


class GridChain(RenamedReport, Chain):
    """Steps of a pipeline whose last one is an adaptive learner, such as LogisticRegression or KMeans.

    The records are kept as they come in. A loss of linear predictors with an intercept is the same behind a scaler, but
    for its penalty: so the rounds go over these records, and the scales of the moment, which are exact, are what the
    penalty is in (see :mod:`~sqlearn.engine.rounds.units`).
    """

    _keeps_records = True

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        if not params["ledger"]:
            kind = type(params["steps"].learners[-1]).__name__
            raise ParameterError(f"{kind} keeps its records, and identifies them by its ledger. Leave `ledger` True.")

    def _check_chain(self, steps):
        last = steps.learners[-1]
        kind = type(last).__name__
        for step in steps.learners[:-1]:
            if not isinstance(step, StandardScaler):
                raise ParameterError(
                    f"{type(step).__name__} cannot stand in front of {kind} in a pipeline that forgets: {kind} keeps "
                    "its records, and single records would change what all others become behind this step. Scalers "
                    "can; docs/pipelines.md lists what else, and the learners that this step can stand in front of.",
                    value=step,
                )
        centred = any(step.with_mean for step in steps.learners[:-1])
        if not Inner(last).takes_units(centred):
            raise ParameterError(f"{kind} behind a scaler is not supported yet.", value=last)

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
        *steps, last = params["steps"].learners
        return Inner(last).new_statistic(n_features, n_targets, _units(steps, n_features))

    # ------------------------------------------------------------------ reading

    def _read(self, state):
        steps = state.params["steps"]
        last = steps.learners[-1]
        parts = [(name, step) for name, step in steps if step is not last]
        found = read_steps(Steps(parts), state, Margins.of_numbers(state.statistic))
        seen = self._seen(state)
        fitted = Inner(last).fitted_sklearn(seen)
        set_output_config(fitted, output_config(last))
        return [*found, *(Read(name, step, fitted, seen) for name, step in steps if step is last)]

    def _seen(self, state: State) -> State:
        """The state that the learner would have after learning what comes out of the steps before it."""
        last = state.params["steps"].learners[-1]
        seen = seen_state(state, last, state.statistic, state.n_features_in_)
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


def _units(steps: list[Any], n_features: int) -> StandardUnits:
    """The units that features are seen in behind these scalers: of several, the last one decides."""
    centred, scaled = (any(getattr(step, name) for step in steps) for name in ("with_mean", "with_std"))
    return StandardUnits(np.full(n_features, centred), np.full(n_features, scaled))


def is_adaptive(step: Any) -> bool:
    """Whether a step keeps its records and asks them in rounds."""
    return isinstance(step, Adaptive)
