"""A model without some of the rows that it holds."""

from collections.abc import Callable
from typing import Any

import numpy as np

from sqlearn.engine.model import ExactEstimator
from sqlearn.errors import UndefinedAttributeError
from sqlearn.inspection.rows import Rows


def asked_without(
    copied: ExactEstimator, rows: Rows, part: int | np.ndarray, ask: Callable[[Any, Any], Any]
) -> Any:  # fmt: skip
    """Ask a model without one row, or without several that go together.

    Parameters
    ----------
    copied : ExactEstimator
        A copy of the model that nothing else uses, see :meth:`~sqlearn.inspection.rows.Rows.held_by`; afterwards it is
        as it was.
    rows : Rows
        The rows.
    part : int or int64[k]
        The place of the row, or the places of several.
    ask : callable
        Asks the model without it; takes the part, too.

    Returns
    -------
    object
        What `ask` returns.

    Raises
    ------
    UndefinedAttributeError
        If the model has no answer.
    """
    with copied.without(**rows.given(part)) as left:
        try:
            return ask(left, part)
        except ValueError as error:
            places = np.atleast_1d(part)
            more, these = f" and {len(places) - 1:,} more", "these rows"
            if len(places) == 1:
                more, these = "", "this row"
            named = UndefinedAttributeError(
                f"Without row {places[0]}{more} (counted from 0), the model has no answer: {str(error).rstrip('.')}. "
                f"Nothing was returned, and the model is as it was: leave {these} out of X.",
                row=int(places[0]),
                reason="too few records",
            )
            if isinstance(error, UndefinedAttributeError):
                named.reason = error.reason
            raise named from error
