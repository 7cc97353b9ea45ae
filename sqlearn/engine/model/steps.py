"""Named parts of a model that is made of several, as one of its parameters."""

from collections.abc import Iterator
from typing import Any

from sqlearn.engine.model.header import describe


class Kept:
    """A parameter that stores keep by what its constructor is given."""

    def arguments(self) -> dict[str, Any]:
        """What the constructor is given, by name."""
        return dict(vars(self))


class Steps(Kept):
    """Names and estimators, in their order.

    Parameters
    ----------
    parts : list of (str, estimator or None)
        What is done one after the other; None does nothing.
    ranked : tuple of int, default=()
        Once the first records are known: which numbers are needed in their order.
    """

    def __init__(self, parts: list[tuple[str, Any]], ranked: tuple[int, ...] = ()):
        self.parts, self.ranked = parts, ranked

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Steps) and self.described() == other.described()

    __hash__ = None  # type: ignore[assignment]

    @property
    def learners(self) -> list[Any]:
        """The estimators."""
        return [part for _, part in self.parts if part is not None]

    def described(self) -> list[Any]:
        """Names, classes and parameters in JSON's types."""
        return [[name, _told(part)] for name, part in self.parts]


def _told(value: Any) -> Any:
    """A parameter, estimators in it by their classes and parameters."""
    if hasattr(value, "get_params") and not isinstance(value, type):
        params = value.get_params(deep=False).items()
        return [type(value).__name__, [[name, _told(own)] for name, own in sorted(params)]]
    if isinstance(value, list | tuple):
        return [_told(item) for item in value]
    return describe(value)
