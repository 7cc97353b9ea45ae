"""What a store and ``verify`` ask of a learner."""

from typing import Any, Protocol, Self

from sqlearn.engine.model.state import State


class Learner(Protocol):
    """What a learner offers to those who keep it, beside its verbs and its answers.

    :class:`~sqlearn.engine.model.estimator.ExactEstimator` has all of it. Names with an underscore are the learner's
    own: nothing outside the engine uses them.
    """

    n_records_: int

    @property
    def target(self) -> str | None:
        """What a record carries beside its features: "label", "value" or None."""

    @property
    def takes_weights(self) -> bool:
        """Whether a record may carry a weight."""

    @property
    def takes_tables(self) -> bool:
        """Whether rows may be tables of numbers and categories, as a dictionary of columns among others."""

    @property
    def takes_categories(self) -> bool:
        """Whether rows may hold categories, in arrays of objects."""

    @property
    def takes_documents(self) -> bool:
        """Whether rows are texts, one for each."""

    @property
    def state(self) -> State:
        """All that is held; raises NotFittedError when nothing is."""

    def started(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """What this learner becomes when it is fitted to records like these, and forgets them all."""

    def emptied(self) -> Self:
        """A copy without any record: what the model is when all are forgotten."""

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Learn more records."""

    def forget(self, X: Any, y: Any = None) -> Self:
        """Take records out, exactly."""

    def digest(self) -> str:
        """Hex digest of the state."""

    def canonical_parts(self) -> dict[str, bytes]:
        """The state's canonical bytes, part by part."""

    def fitted_attributes(self) -> dict[str, Any]:
        """All fitted attributes, by name."""

    def pending_params(self) -> list[str]:
        """Names of the parameters that were set since ``fit``."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters, as scikit-learn names them."""
