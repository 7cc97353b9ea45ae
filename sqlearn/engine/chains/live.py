"""The states of a chain's steps: what each would hold after learning its input, as the chain's state is now."""

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from sqlearn.engine.identity import Vocabulary
from sqlearn.engine.model import State
from sqlearn.engine.sklearn_private import param_names
from sqlearn.engine.sums import Statistic
from sqlearn.errors import UnsupportedError


def seen_state(
    state: State, learner: Any, statistic: Statistic, width: int, names: np.ndarray | None = None
) -> State:  # fmt: skip
    """The state that a learner would have after learning records with this statistic, whose slots are in order."""
    seen = copy.copy(state)
    seen.learner = type(learner).__name__
    seen.params = {name: getattr(learner, name) for name in param_names(type(learner))}
    seen.fitted_sklearn, seen.statistic, seen.fast_path = None, statistic, None
    if state.vocabulary is not None:
        seen.vocabulary = Vocabulary()
        seen.vocabulary.restore(state.labels())
    values: dict[str, Any] = {
        "n_features_in_": width,
        "feature_names_in_": names,
        "columns": None,
        "n_targets": statistic.n_targets,
    }
    if learner.target is None:
        values |= {"target_ndim": 0, "labels": None}
    seen.layout = replace(state.layout, **values)
    return seen


class LiveState:
    """The state of a part of a model: always what it is now, and changed by updates of the model alone.

    Parameters
    ----------
    whole : State
        The model's state.
    make : callable
        Of that state, the part's.
    model : str
        The model's name.
    """

    def __init__(self, whole: State, make: Callable[[State], State], model: str):
        vars(self).update(_whole=whole, _make=make, _model=model, _made=None)

    def _current(self) -> State:
        own = vars(self)
        whole: State = own["_whole"]
        made = own["_made"]
        if made is None or made.version != whole.version:
            with whole.reading():
                made = own["_make"](whole)
            own["_made"] = made  # not before: an update that began meanwhile has the version of a torn one
        made.busy, made.borrowed, made.broken = whole.busy, whole.borrowed, whole.broken
        found: State = made
        return found

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._current(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._current(), name, value)

    is_part = True

    def reading(self) -> AbstractContextManager[int]:
        """Context in which the part's state is read: what is an update of the model is one of the part."""
        found: AbstractContextManager[int] = vars(self)["_whole"].reading()
        return found

    @property
    def fast_path(self) -> None:
        """None: updates go to the model."""

    def check_free(self, error: type[UnsupportedError] = UnsupportedError) -> NoReturn:
        """Refuse an update."""
        own = vars(self)
        raise UnsupportedError(
            f"This {self._current().learner} is a step of a {own['_model']}, which holds the records. Nothing was "
            f"changed: call the {own['_model']}'s own method.",
            reason="learner",
        )

    begin = check_free

    def parts(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse to become bytes: only the model's state is sums of records."""
        own = vars(self)
        raise UnsupportedError(
            f"This {self._current().learner} is a step of a {own['_model']}, which holds the records: the step has no "
            f"bytes or digest of its own. Take those of the {own['_model']}, or this step's to_sklearn().",
            reason="learner",
        )

    digest = parts
    held_parts = parts
