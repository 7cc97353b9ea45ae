"""Random numbers of what is fitted again: a refit must draw the same."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sqlearn.engine.model import ExactEstimator
from sqlearn.errors import ParameterError, shown


def check_seed(params: Mapping[str, Any], whose: str, name: str = "random_state", advice: str = "") -> None:
    """Refuse a seed that is no int.

    Raises
    ------
    ParameterError
        With what to do.
    """
    value = params[name]
    if not isinstance(value, int | np.integer):
        raise ParameterError(
            f"{whose} has {name}={shown(value)}: whatever random numbers it draws, a refit must draw the same. Nothing "
            f"was changed: set it to an int{advice}.",
            value=value,
        )


def refuse_unseeded(part: Any, owner: str) -> None:
    """Refuse a part of another package, or one inside of it, that has a `random_state` which is no int.

    Those of this package check it themselves.

    Raises
    ------
    ParameterError
        At the first.
    """
    params = part.get_params(deep=True)
    for name in params:
        inside, _, last = name.rpartition("__")
        whose = params.get(inside, part)
        if last == "random_state" and not isinstance(whose, ExactEstimator):
            advice = ", or take sqlearn's class of that name"
            check_seed(params, f"{type(whose).__name__} inside {owner}", name, advice)
