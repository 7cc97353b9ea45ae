"""How a model of several parts does its work, and what is kept of that with the records."""

from typing import Any

from sqlearn.compose.chains.chain import Chain
from sqlearn.compose.chains.lazy_chain import LazyChain
from sqlearn.compose.fixed_features import FixedFeatures
from sqlearn.engine.model import ExactEstimator, Inner, Kept, State, Steps
from sqlearn.engine.sklearn_private import output_config, param_names, set_output_config


class Plan:
    """How a model of several parts does its work.

    Parameters
    ----------
    model : ExactEstimator
        What learns in its place.
    params : dict
        The parameters of the whole, in force.
    fixed, learned : list of str
        Names of the parts that learn nothing, and of those behind them that do, in their order.
    """

    def __init__(self, model: ExactEstimator, params: dict[str, Any], fixed: list[str], learned: list[str]) -> None:
        self.model, self.params, self.fixed, self.learned = model, params, fixed, learned

    def in_force(self) -> "InForce":
        """What is kept of it with the records."""
        model = self.model
        return InForce(
            type(model), model.target, model.takes_weights, model.keeps_records, self.params, self.fixed, self.learned
        )


class InForce(Kept):
    """What a state of such a model keeps of its plan, beside the parameters of what learns in its place.

    Attributes
    ----------
    kind : type
        The class of what learns.
    target, takes_weights, keeps_records
        What it says of itself.
    params : dict
        The parameters of the whole.
    fixed, learned : list of str
        As of :class:`Plan`.
    given : estimator or None
        An unfitted copy of the model as it was when the first records came, whose columns may be chosen by a function.
        It is no part of the state, and stores do not keep it.
    """

    given: Any = None

    def __init__(
        self, kind: type, target: str | None, takes_weights: bool, keeps_records: bool, params: dict[str, Any],
        fixed: list[str], learned: list[str],
    ) -> None:  # fmt: skip
        self.kind, self.target, self.takes_weights, self.keeps_records = kind, target, takes_weights, keeps_records
        self.params, self.fixed, self.learned = params, fixed, learned

    def arguments(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "given"}

    def described(self) -> list[Any]:
        """What the parameters of what learns do not tell, in JSON's types."""
        return [self.kind.__name__, self.fixed, self.learned]

    def steps_of(self, state: State) -> dict[str, Any]:
        """The steps of a chain, with what the first records have fixed of them."""
        if issubclass(self.kind, LazyChain):
            return {}
        chain = state.params.get("learner") if issubclass(self.kind, FixedFeatures) else None
        steps = chain.steps if isinstance(chain, Chain) else state.params.get("steps")
        return {name: step for name, step in steps if step is not None} if isinstance(steps, Steps) else {}

    def model(self, state: State) -> Any:
        """What learns, with this state."""
        made = self.kind(**{name: state.params[name] for name in param_names(self.kind)})
        if len(self.learned) == 1:
            given = next((part[1] for part in self.params.get("steps", ()) if part[0] == self.learned[0]), None)
            set_output_config(made, output_config(given))
        return Inner(made).fitted(state)
