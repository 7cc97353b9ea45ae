"""Steps one behind the other, all of which are read from the exact sums of the rows that come in."""

import copy
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn import pipeline as peers
from sklearn.base import BaseEstimator
from sklearn.utils import Tags

from sqlearn.compose.answers import MapAnswers
from sqlearn.engine.chains import Table, is_linear, mapping_of, seen_state
from sqlearn.engine.model import Adaptive, ExactEstimator, Inner, State, Steps, WeightedClassifier
from sqlearn.engine.sklearn_private import output_config, set_output_config
from sqlearn.engine.sums import Correlations, Gram, Mixed, Moments, Sums
from sqlearn.engine.validation import Batch, Features
from sqlearn.errors import InvalidValueError, ParameterError, UndefinedAttributeError

_READ = (Correlations, Gram, Mixed, Moments)


@dataclass
class Read:
    """A step, read from the sums.

    Attributes
    ----------
    name : str
        Its name.
    learner : ExactEstimator or None
        The step; None for one that does nothing.
    fitted : estimator or None
        scikit-learn's, fitted.
    seen : State or None
        The state that the step would have after learning its input.
    """

    name: str
    learner: Any
    fitted: Any
    seen: State | None


class ChainReader(BaseEstimator):
    """A pipeline of scikit-learn's, fitted, and what its steps were read from.

    Attributes
    ----------
    pipeline_ : sklearn.pipeline.Pipeline
        The pipeline.
    read_ : list of Read
        Its steps.
    """

    pipeline_: Any
    read_: list[Read]

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and "pipeline_" in self.__dict__:
            return getattr(self.pipeline_, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __sklearn_is_fitted__(self) -> bool:
        return True


class Chain(MapAnswers, WeightedClassifier):
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
    def _steps(self) -> Steps:
        """The steps in force: those of the last ``fit``."""
        state = self.__dict__.get("_state")
        found: Steps = self.steps if state is None else state.params["steps"]
        return found

    @property
    def _learner(self) -> Any:
        return self._steps.learners[-1]

    @property
    def _teacher(self) -> Any:
        """The step that tells what a record carries beside its features."""
        return teacher(self._steps)

    @property
    def _takes_weights(self):  # type: ignore[override]
        return all(step.takes_weights for step in self._steps.learners)

    @property
    def _target(self):  # type: ignore[override]
        found = self._teacher
        return None if found is None else found.target

    def __sklearn_tags__(self) -> Tags:
        learners = self._steps.learners
        tags, first = learners[-1].__sklearn_tags__(), learners[0].__sklearn_tags__()
        tags.input_tags = copy.copy(first.input_tags)
        tags.input_tags.allow_nan = False
        tags.target_tags = (self._teacher or learners[-1]).__sklearn_tags__().target_tags
        tags.array_api_support = False
        return tags

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        steps = params["steps"]
        for step in steps.learners:
            check_step(step, params["name"])
        check_chain(steps)

    # ------------------------------------------------------------------ records

    def _spec(self, params):
        spec = super()._spec(params)
        object.__setattr__(spec, "learner", params["name"])
        return spec

    def _validated(self, params, X, y, sample_weight, layout, *, single):
        unweighted = next((step for step in params["steps"].learners if not step.takes_weights), None)
        if sample_weight is not None and unweighted is not None:
            raise InvalidValueError(
                f"{type(unweighted).__name__} takes no sample weights. Nothing was changed: leave sample_weight out.",
                reason="weight",
            )
        return super()._validated(params, X, y, sample_weight, layout, single=single)

    def _features(self, spec, X, layout):
        return Inner(self.steps.learners[0]).features(X, layout, spec)

    def _responses(self, spec, y, x, layout, *, first):
        found = self._teacher
        if found is None:
            return super()._responses(spec, y, x, layout, first=first)
        return Inner(found).responses(spec, y, x, layout, first=first)

    def _in_force(self, params, layout):
        has_labels = self._has_labels(params, layout)
        for step in params["steps"].learners:
            if step.target == "label" and Inner(step).has_labels(layout) != has_labels:
                raise ParameterError(
                    f"{type(step).__name__} does not take several labels per record, and the learner behind it does. "
                    "Nothing was changed: pass one label per row."
                )
        return params, layout

    def _has_labels(self, params, layout):
        found = teacher(params["steps"])
        return found is not None and Inner(found).has_labels(layout)

    def _new_statistic(self, params, n_features, n_targets):
        return Gram(n_features, n_targets)

    def _check_fit(self, batch):
        Inner(self.steps.learners[0]).check_fit(batch)

    def _check_learned(self, state):
        try:
            found = self._read(state)
        except UndefinedAttributeError:
            return  # of records that are a legal state
        for read in found:
            if read.seen is None:
                continue
            inner = Inner(read.learner)
            inner.check_fit(_like(state, read.seen.n_features_in_))
            if inner.checks_learned:
                inner.check_learned(read.seen)

    # ------------------------------------------------------------------ reading

    def _read(self, state: State) -> list[Read]:
        """All steps, read from the sums."""
        return read_steps(state.params["steps"], state, Table.of(state.statistic, state.class_slots()))

    def _read_out(self, state):
        found = self._read(state)
        steps = [(read.name, "passthrough" if read.learner is None else read.fitted) for read in found]
        return {"pipeline_": peers.Pipeline(steps), "read_": found}

    def reads(self) -> list[Read]:
        """Return the steps as they are read from the records held.

        Returns
        -------
        list of Read
            One for each step.
        """
        found: list[Read] = self._fitted_sklearn().read_
        return found

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
        for read in self.reads():
            if read.learner is not None:
                own = Inner(read.learner).fitted(read.seen).fitted_attributes()
                found |= {f"{read.name}__{name}": value for name, value in own.items()}
        state = self._fitted_state()
        names = state.feature_names_in_
        found |= {"n_features_in_": state.n_features_in_}
        return found if names is None else found | {"feature_names_in_": names}

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the columns of ``transform``.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features, if the first records had none.

        Returns
        -------
        ndarray of str
            The names.
        """
        found: np.ndarray = self._answer("get_feature_names_out", input_features=input_features)
        return found


def teacher(steps: Steps) -> Any:
    """The last step that takes labels or targets; None if none does."""
    taking = [step for step in steps.learners if step.target is not None]
    return taking[-1] if taking else None


def read_steps(steps: Steps, state: State, table: Table) -> list[Read]:
    """Each step, as it would be after learning what the ones before it make of a table."""
    found, names = [], state.feature_names_in_
    last = len(steps.learners)
    for name, step in steps:
        if step is None:
            found.append(Read(name, None, None, None))
            continue
        if not table.columns:
            raise UndefinedAttributeError(
                f"No column is left for the step {name} of this {state.learner}, so there are no fitted attributes. "
                "The model is intact: learn rows whose columns the steps before it keep.",
                reason="too few records",
            )
        seen = seen_state(state, step, table.statistic(step.target == "value" or state.layout.labels == "indicator"), len(table.columns), names)
        fitted = Inner(step).fitted_sklearn(seen)
        set_output_config(fitted, output_config(step))
        found.append(Read(name, step, fitted, seen))
        last, names = last - 1, None
        if last:
            table = table.through(*mapping_of(fitted, table))
    return found


def _like(state: State, width: int) -> Batch:
    """Records of the labels that are held, of this width: what the ``fit`` of a step asks for its input's shape."""
    n, codes = state.n_records, np.zeros(0, np.int64)
    labels: list[Any] = []
    if state.vocabulary is not None:
        labels = state.labels()
        codes = np.repeat(np.arange(len(labels)), state.statistic.record_counts[state.class_slots()])
        n = len(codes)
    features = Features.of_numbers(np.broadcast_to(np.arange(n, dtype=np.float64)[:, None], (n, width)))
    return Batch(*features[:3], codes, labels, np.zeros((n, state.layout.n_targets)), np.ones(n))


def check_step(step: Any, model: str) -> None:
    """Refuse a step with parameters that it does not take; set its parameters to those that it takes."""
    own = Inner(step).checked_params()
    kind = type(step).__name__
    if own.get("key") is not None or own.get("ledger", True) is not True:
        raise ParameterError(
            f"{kind} is a step, and must not have a ledger or key of its own. Set `ledger` and `key` of the {model}, "
            "and leave the step's at their defaults."
        )
    for name, value in own.items():  # of a copy: `params` are what checked_params returned
        setattr(step, name, value)


def check_chain(steps: Steps) -> None:
    """Refuse steps that cannot be read one behind the other from sums."""
    learners = steps.learners
    for place, step in enumerate(learners):
        kind, is_last = type(step).__name__, place == len(learners) - 1
        statistic = None if isinstance(step, Adaptive) else Inner(step).new_statistic(1, 1)
        first_of_counts = isinstance(statistic, Sums) and place == 0 and hasattr(step, "score_func")
        if not (isinstance(statistic, _READ) or first_of_counts):
            raise ParameterError(
                f"{kind} cannot stand behind {', '.join(type(each).__name__ for each in learners[:place])} in a "
                "pipeline that forgets: what it holds of its rows does not follow from the sums of products of columns, "
                "from which the steps before it are read. Learners of means and covariances can, such as Ridge, "
                "LinearDiscriminantAnalysis or GaussianNB; docs/pipelines.md lists them."
                if place
                else f"{kind} cannot stand in front of {type(learners[-1]).__name__} in a pipeline that forgets: its "
                "transform is no linear map that is read from sums. docs/pipelines.md lists the steps that can.",
                value=step,
            )
        if not is_last and not is_linear(type(step)._sklearn_class):
            raise ParameterError(
                f"{kind} cannot stand in front of {type(learners[place + 1]).__name__} in a pipeline that forgets: its "
                "transform is no linear map of the columns. docs/pipelines.md lists the steps that can.",
                value=step,
            )
    targets = {step.target for step in learners if step.target is not None}
    if len(targets) > 1:
        last = teacher(steps)
        other = next(step for step in learners if step.target not in (None, last.target))
        advice = " Set its score_func to f_regression." if last.target == "value" else " Set its score_func to f_classif."
        raise ParameterError(
            f"{type(last).__name__} learns {_what(last)}, and {type(other).__name__} {_what(other)}: one y cannot be "
            f"both.{advice if hasattr(other, 'score_func') else ''}",
            value=other,
        )


def _what(step: ExactEstimator) -> str:
    return "labels" if step.target == "label" else "values"
