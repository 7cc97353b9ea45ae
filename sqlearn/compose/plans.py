"""How a model of several parts does its work: what learns in its place."""

from typing import Any

from sqlearn.compose.chain import Chain
from sqlearn.compose.fixed_features import FixedFeatures
from sqlearn.engine.model import ExactEstimator, Inner, State, Steps
from sqlearn.engine.sklearn_private import param_names


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

    def __init__(self, model: ExactEstimator, params: dict[str, Any], fixed: list[str], learned: list[str]):
        self.model, self.params, self.fixed, self.learned = model, params, fixed, learned

    def in_force(self) -> "InForce":
        """What is kept of it with the records."""
        model = self.model
        return InForce(
            type(model), model.target, model.takes_weights, model.keeps_records, self.params, self.fixed, self.learned
        )


class InForce:
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
    """

    def __init__(
        self, kind: type, target: str | None, takes_weights: bool, keeps_records: bool, params: dict[str, Any],
        fixed: list[str], learned: list[str],
    ):  # fmt: skip
        self.kind, self.target, self.takes_weights, self.keeps_records = kind, target, takes_weights, keeps_records
        self.params, self.fixed, self.learned = params, fixed, learned

    def described(self) -> list[Any]:
        """What the parameters of what learns do not tell, in JSON's types."""
        return [self.kind.__name__, self.fixed, self.learned]

    def steps_of(self, state: State) -> dict[str, Any]:
        """The steps of a chain, with what the first records have fixed of them."""
        chain = state.params.get("learner") if issubclass(self.kind, FixedFeatures) else None
        steps = chain.steps if isinstance(chain, Chain) else state.params.get("steps")
        return {name: step for name, step in steps if step is not None} if isinstance(steps, Steps) else {}

    def model(self, state: State) -> Any:
        """What learns, with this state."""
        made = self.kind(**{name: state.params[name] for name in param_names(self.kind)})
        return Inner(made).fitted(state)
