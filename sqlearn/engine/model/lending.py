"""What ``without`` returns: a context that is entered once."""

from contextlib import AbstractContextManager
from typing import Any

from sqlearn.errors import BusyError


class Lending(AbstractContextManager):
    """The model without some rows, for one ``with`` block.

    Parameters
    ----------
    model : estimator
        The model.
    lent : context manager
        Takes the rows out, and puts them back.
    """

    def __init__(self, model: Any, lent: AbstractContextManager):
        self._model, self._lent, self._used = model, lent, False

    def __enter__(self):
        if self._used:
            raise BusyError(
                f"This `without` of a {type(self._model).__name__} was entered before, and serves one `with` block. "
                "Nothing was changed: call model.without(...) again for each block."
            )
        self._used = True
        return self._lent.__enter__()

    def __exit__(self, *error):
        return self._lent.__exit__(*error)
