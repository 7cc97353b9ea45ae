"""Where displays draw."""

from typing import Any


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
