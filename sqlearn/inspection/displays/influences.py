"""Influences of rows or groups, drawn."""

from collections.abc import Callable
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from sqlearn.engine.model import ExactEstimator
from sqlearn.errors import ShapeError
from sqlearn.inspection.displays.axes import axes_for, check_named, pyplot_for
from sqlearn.inspection.effects import check_mode, influence

_HELPS, _HARMS = "tab:blue", "tab:red"


class InfluenceDisplay:
    """What rows that were learned, or groups of them, do to test rows, on average.

    Rows are drawn in their order, and the most helpful and most harmful of them are named. Groups are drawn as bars.
    Make one with :meth:`from_estimator` or :meth:`from_influence`.

    Parameters
    ----------
    influence : float64 ndarray of shape (n_rows,) or (n_groups,)
        Influences, averaged over test rows.
    groups : array-like of shape (n_groups,), default=None
        Names of the groups; None where each row is on its own.
    mode : {"loss", "prediction"}, default="loss"
        Of what they are.

    Attributes
    ----------
    bars_ : matplotlib LineCollection or BarContainer
        What was drawn: lines for rows, bars for groups.
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    See Also
    --------
    sqlearn.inspection.influence : Computes influences.

    Examples
    --------
    >>> import numpy as np
    >>> from sqlearn.inspection import InfluenceDisplay, influence
    >>> from sqlearn.linear_model import LinearRegression
    >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [1.0, 2.0, 3.0, 9.0]
    >>> found = influence(LinearRegression().fit(X, y), X, y, [[5.0]], [5.0])
    >>> display = InfluenceDisplay.from_influence(found)        # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        influence: np.ndarray,
        groups: ArrayLike | None = None,
        mode: Literal["loss", "prediction"] = "loss",
    ) -> None:
        self.influence = influence
        self.groups = groups
        self.mode = mode

    @classmethod
    def from_estimator(
        cls,
        model: ExactEstimator,
        X: Any,
        y: Any,
        X_test: Any,
        y_test: Any,
        *,
        groups: ArrayLike | None = None,
        mode: Literal["loss", "prediction"] = "loss",
        sample_weight: ArrayLike | None = None,
        progress: Callable[[int], object] | None = None,
        n_named: int = 3,
        ax: Any = None,
        **bar_kw: Any,
    ) -> Self:
        """Compute influences and draw them.

        Parameters
        ----------
        model, X, y, X_test, y_test, groups, mode, sample_weight, progress : object
            As for :func:`~sqlearn.inspection.influence`.
        n_named : int, default=3
            How many of the most helpful rows, and of the most harmful ones, are named.
        ax : matplotlib Axes, default=None
            Where to draw; by default in a new figure.
        **bar_kw : dict
            Passed to matplotlib's ``vlines``, or ``barh`` for groups.

        Returns
        -------
        InfluenceDisplay
            The display.

        Raises
        ------
        ImportError
            Without matplotlib.
        SqlearnError
            As :func:`~sqlearn.inspection.influence`.
        """
        pyplot_for(f"{cls.__name__}.from_estimator")
        check_named(n_named)
        found = influence(
            model, X, y, X_test, y_test, groups=groups, mode=mode, sample_weight=sample_weight, progress=progress
        )
        names = None if groups is None else np.unique(np.asarray(groups))
        return cls.from_influence(found, groups=names, mode=mode, n_named=n_named, ax=ax, **bar_kw)

    @classmethod
    def from_influence(
        cls,
        influence: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        mode: Literal["loss", "prediction"] = "loss",
        n_named: int = 3,
        ax: Any = None,
        **bar_kw: Any,
    ) -> Self:
        """Draw influences that were computed.

        Parameters
        ----------
        influence : array-like of shape (n_test, n_rows) or (n_rows,)
            What :func:`~sqlearn.inspection.influence` returned, of which the mean over test rows is drawn; or what
            :func:`~sqlearn.inspection.self_influence` returned.
        groups : array-like of shape (n_groups,), default=None
            Names of the columns, if they are groups.
        mode : {"loss", "prediction"}, default="loss"
            Of what they are.
        n_named : int, default=3
            How many of the most helpful rows, and of the most harmful ones, are named.
        ax : matplotlib Axes, default=None
            Where to draw; by default in a new figure.
        **bar_kw : dict
            Passed to matplotlib's ``vlines``, or ``barh`` for groups.

        Returns
        -------
        InfluenceDisplay
            The display.

        Raises
        ------
        ShapeError
            If there is not one name for each column.
        ParameterError
            If `mode` or `n_named` are not as described.
        ImportError
            Without matplotlib.
        """
        given = np.asarray(influence, np.float64)
        mean = given.mean(axis=0) if given.ndim == 2 else given
        if mean.ndim != 1 or (groups is not None and len(np.asarray(groups)) != len(mean)):
            raise ShapeError(
                f"influence has the shape {given.shape}. Nothing was drawn: pass a column for each row, or for each of "
                "the groups.",
                reason="shape",
            )
        return cls(influence=mean, groups=groups, mode=mode).plot(ax=ax, n_named=n_named, **bar_kw)

    def plot(self, ax: Any = None, *, n_named: int = 3, **bar_kw: Any) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; by default in a new figure.
        n_named : int, default=3
            How many of the most helpful rows, and of the most harmful ones, are named.
        **bar_kw : dict
            Passed to matplotlib's ``vlines``, or ``barh`` for groups.

        Returns
        -------
        InfluenceDisplay
            The display itself.

        Raises
        ------
        ParameterError
            If `n_named`, or the display's `mode`, are not as described.
        ImportError
            Without matplotlib.
        """
        check_named(n_named)
        check_mode(self.mode)
        ax = axes_for(ax, self)
        what = "mean influence on the " + ("loss" if self.mode == "loss" else "prediction")
        what += " (positive: helps)" if self.mode == "loss" else " (positive: raises it)"
        colours = np.where(self.influence >= 0.0, _HELPS, _HARMS)
        if self.groups is not None:
            order = np.argsort(self.influence, kind="stable")
            names = [str(name) for name in np.asarray(self.groups)[order].tolist()]
            self.bars_ = ax.barh(names, self.influence[order], **({"color": colours[order]} | bar_kw))
            ax.axvline(0.0, color="black", linewidth=0.8)
            ax.set(xlabel=what)
        else:
            places = np.arange(len(self.influence))
            self.bars_ = ax.vlines(places, 0.0, self.influence, **({"colors": colours, "linewidth": 1} | bar_kw))
            ax.axhline(0.0, color="black", linewidth=0.8)
            order = np.argsort(self.influence, kind="stable")
            for i in sorted({*order[:n_named].tolist(), *order[len(order) - min(n_named, len(order)) :].tolist()}):
                above = self.influence[i] >= 0.0
                ax.annotate(
                    f"{i}",
                    (i, self.influence[i]),
                    xytext=(0, 2 if above else -2),
                    textcoords="offset points",
                    ha="center",
                    va="bottom" if above else "top",
                    fontsize="small",
                )
            ax.margins(y=0.12)
            ax.set(xlabel="row", ylabel=what)
        self.ax_, self.figure_ = ax, ax.figure
        return self
