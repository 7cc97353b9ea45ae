"""Where displays draw, and how much of it they name."""

from typing import Any

import numpy as np

from sqlearn.errors import ParameterError, shown


def pyplot_for(caller: str) -> Any:
    """Import matplotlib's pyplot, for a display that draws or is about to compute what it draws.

    Parameters
    ----------
    caller : str
        The display and its method.

    Returns
    -------
    module
        Pyplot.

    Raises
    ------
    ImportError
        Without matplotlib.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{caller} requires matplotlib. You can install matplotlib with `pip install matplotlib`"
        ) from error
    return plt


def axes_for(ax: Any, display: object) -> Any:
    """Return the axes given, or those of a new figure.

    Parameters
    ----------
    ax : matplotlib Axes or None
        The axes given.
    display : object
        What is drawn there.

    Returns
    -------
    matplotlib Axes
        Where to draw.

    Raises
    ------
    ImportError
        Without matplotlib.
    """
    plt = pyplot_for(f"{type(display).__name__}.plot")
    return plt.subplots(layout="constrained")[1] if ax is None else ax


def check_named(n_named: Any) -> None:
    """Refuse what is no number of things to name.

    Raises
    ------
    ParameterError
        If it is no whole number of at least 0.
    """
    if not isinstance(n_named, int | np.integer) or isinstance(n_named, bool) or n_named < 0:
        raise ParameterError(
            f"n_named is {shown(n_named)}. Nothing was drawn: pass how many are to be named, or 0.", value=n_named
        )
