"""Steps one behind the other that are fitted when they are read, to the records in an order of their own."""

from typing import Any, ClassVar

from sklearn.base import clone
from sklearn.utils import Tags, get_tags

from sqlearn.compose.chains.columns import is_idle
from sqlearn.compose.chains.plain_steps import check_deterministic, exported, innermost, parts_of, set_names, unused
from sqlearn.compose.chains.reader import ChainReader, ReadsSteps
from sqlearn.compose.chains.reading import Read
from sqlearn.engine.model import ExactEstimator, State, Steps, WeightedClassifier, refuse_untold
from sqlearn.engine.parts import (
    KeepsRecords,
    Whole,
    keeps_tables,
    refuse_pairwise,
    refuse_weights,
    takes_tables,
    takes_weights,
    target_of,
)
from sqlearn.engine.readout import LinearMap
from sqlearn.errors import UndefinedAttributeError


class LazyChain(ReadsSteps, KeepsRecords, WeightedClassifier):
    """Steps of a pipeline that keeps its records, and fits all steps anew when one of them is read after an update.

    What is read is a function of the records: they are in an order that they alone decide, so that any steps serve
    that are deterministic.

    Parameters
    ----------
    steps : Steps
        Estimators, of this package or scikit-learn's, or None for steps that do nothing.
    name : str, default="Pipeline"
        What errors call the model.
    key : str or bytes, default=None
        Secret key of the records' digests.
    """

    _sklearn_class = ChainReader
    _parameter_constraints: ClassVar[dict] = {"steps": "no_validation", "name": [str]}

    def __init__(self, steps: Steps, *, name: str = "Pipeline", key: str | bytes | None = None) -> None:
        self.steps = steps
        self.name = name
        self.key = key

    @property
    def _learner(self) -> Any:
        return self._steps.learners[-1]

    @property
    def _takes_weights(self):  # type: ignore[override]
        return all(takes_weights(step) for step in self._steps.learners)

    @property
    def _target(self):  # type: ignore[override]
        found = [target for target in map(_target_of, self._steps.learners) if target is not None]
        return found[-1] if found else None

    def __sklearn_tags__(self) -> Tags:
        first, last = self._steps.learners[0], self._steps.learners[-1]
        tags, inputs = get_tags(last), get_tags(first).input_tags
        tags.input_tags.allow_nan, tags.input_tags.positive_only = inputs.allow_nan, inputs.positive_only
        tags.input_tags.sparse, tags.array_api_support = True, False
        tags.input_tags.categorical = tags.input_tags.string = False  # as a forest alone takes them
        if takes_tables(self._steps.learners[0]):
            tags.input_tags.allow_nan = tags.input_tags.categorical = tags.input_tags.string = True
            tags.input_tags.sparse = tags.input_tags.positive_only = False
        tags.target_tags.multi_output = False
        return tags

    def _spec(self, params):
        spec = super()._spec(params)
        object.__setattr__(spec, "learner", params["name"])
        return spec

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        refuse_untold(dict(params["steps"]))
        refuse_pairwise(params["steps"].learners[0], params["name"])
        for step in params["steps"].learners:
            check_deterministic(step)

    # ------------------------------------------------------------------ records

    def _keeps_tables(self, X):
        return keeps_tables(self.steps.learners[0], X)

    def _unused(self, names, width):
        return unused(self.steps.learners[0], names, width)

    def _validated(self, params, X, y, sample_weight, layout, *, single):
        if sample_weight is not None:
            refuse_weights(params["steps"].learners)
        return super()._validated(params, X, y, sample_weight, layout, single=single)

    # ------------------------------------------------------------------ reading

    def _read(self, state: State) -> list[Read]:
        """All steps, fitted to the records held."""
        whole, found = Whole.of(state), []
        x: Any = whole.x
        y = None if self._target is None else whole.responses
        last = len(state.params["steps"].learners)
        for name, step in state.params["steps"]:
            if step is None:
                found.append(Read(name, None, None, None, _unknown))
                continue
            last -= 1
            weights = {"sample_weight": whole.w} if whole.weighted else {}
            made = clone(step)
            try:
                made.fit(x, y, **weights)
                x = made.transform(x) if last else x
            except (ArithmeticError, TypeError, ValueError) as error:
                raise UndefinedAttributeError(
                    f"The step {name}, {type(step).__name__}, cannot be fitted to the records that are held: {error} "
                    "The model is intact: learn more rows.",
                    reason="too few records",
                ) from error
            fitted = exported(made)
            if not len(found) and state.feature_names_in_ is not None and state.layout.kinds is None:
                set_names(fitted, state.feature_names_in_)
            found.append(Read(name, made, fitted, None, _unknown))
        return found

    def fitted_attributes(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for read in self.reads():
            if isinstance(read.learner, ExactEstimator):
                own = read.learner.fitted_attributes()
            elif read.fitted is None:
                continue
            else:
                own = {}
                for name, step in innermost(read.fitted):
                    given, prefix = step.get_params(deep=False), f"{name}__" if name else ""
                    own |= {f"{prefix}{known}": v for known, v in vars(step).items() if known not in given}
            found |= {f"{read.name}__{name}": value for name, value in own.items()}
        return found | {"n_features_in_": self._fitted_state().n_features_in_}


def _unknown() -> tuple[LinearMap, list[Any]]:
    raise AssertionError("a step that is fitted to rows is not read from sums")


def _target_of(step: Any) -> str | None:
    parts = [] if isinstance(step, ExactEstimator) else parts_of(step)
    inner = [_target_of(part) for _, part in parts if not (is_idle(part) or isinstance(part, str))]
    known = [target for target in inner if target is not None]
    return known[-1] if known else target_of(step)
