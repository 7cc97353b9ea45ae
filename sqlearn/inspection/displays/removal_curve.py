"""The score as rows go, drawn."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from sqlearn.engine.model import ExactEstimator
from sqlearn.errors import ParameterError, shown
from sqlearn.inspection.displays.axes import axes_for, pyplot_for
from sqlearn.inspection.removal import RemovalCurve, removal_curve


class RemovalCurveDisplay:
    """Scores of a model as its rows are forgotten one after another, the worst first.

    Make one with :meth:`from_estimator` or :meth:`from_curve`.

    Parameters
    ----------
    removed : int64 ndarray of shape (n_steps,)
        How many rows were forgotten.
    score : float64 ndarray of shape (n_steps,)
        The score without them.
    random : sequence of RemovalCurve, default=()
        Curves of rows in random order, for comparison.
    name : str, default=None
        What the legend calls the order.
    score_name : str, default="score"
        What the axis calls the score.

    Attributes
    ----------
    line_ : matplotlib Line2D
        The curve.
    random_lines_ : list of matplotlib Line2D
        The curves of random orders.
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    See Also
    --------
    sqlearn.inspection.removal_curve : Computes such a curve.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sqlearn.inspection import RemovalCurveDisplay, removal_curve
    >>> from sqlearn.naive_bayes import GaussianNB
    >>> X, y = load_iris(return_X_y=True)
    >>> curve = removal_curve(GaussianNB().fit(X[::2], y[::2]), X[::2], y[::2], X[1::2], y[1::2], steps=3)
    >>> display = RemovalCurveDisplay.from_curve(curve)         # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        removed: np.ndarray,
        score: np.ndarray,
        random: Sequence[RemovalCurve] = (),
        name: str | None = None,
        score_name: str = "score",
    ) -> None:
        self.removed = removed
        self.score = score
        self.random = random
        self.name = name
        self.score_name = score_name

    @classmethod
    def from_estimator(
        cls,
        model: ExactEstimator,
        X: Any,
        y: Any,
        X_test: Any,
        y_test: Any,
        *,
        order: ArrayLike | None = None,
        steps: int | ArrayLike = 11,
        scoring: str | Callable[..., Any] | None = None,
        n_random: int = 3,
        random_state: Any = 0,
        sample_weight: ArrayLike | None = None,
        progress: Callable[[int], object] | None = None,
        name: str | None = None,
        ax: Any = None,
        **line_kw: Any,
    ) -> Self:
        """Compute the curve and draw it.

        Parameters
        ----------
        model, X, y, X_test, y_test, order, steps, scoring, sample_weight, progress : object
            As for :func:`~sqlearn.inspection.removal_curve`.
        n_random : int, default=3
            How many curves of random orders of the same rows are drawn behind it.
        random_state : int, RandomState instance or None, default=0
            Draws these orders.
        name : str, default=None
            What the legend calls the order; "worst first" by default.
        ax : matplotlib Axes, default=None
            Where to draw; by default in a new figure.
        **line_kw : dict
            Passed to matplotlib's ``plot``.

        Returns
        -------
        RemovalCurveDisplay
            The display.

        Raises
        ------
        ImportError
            Without matplotlib.
        SqlearnError
            As :func:`~sqlearn.inspection.removal_curve`.
        """
        pyplot_for(f"{cls.__name__}.from_estimator")
        if not isinstance(n_random, int | np.integer) or n_random < 0:
            raise ParameterError(
                f"n_random is {shown(n_random)}. Nothing was computed: pass how many random orders to draw, or 0.",
                value=n_random,
            )
        given: dict[str, Any] = {"scoring": scoring, "sample_weight": sample_weight, "progress": progress}
        curve = removal_curve(model, X, y, X_test, y_test, order=order, steps=steps, **given)
        drawn = check_random_state(random_state)
        random = [
            removal_curve(
                model, X, y, X_test, y_test, order=drawn.permutation(curve.order), steps=curve.removed, **given
            )
            for _ in range(n_random)
        ]
        score_name = scoring if isinstance(scoring, str) else "score"
        return cls.from_curve(curve, random=random, name=name or "worst first", score_name=score_name, ax=ax, **line_kw)

    @classmethod
    def from_curve(
        cls,
        curve: RemovalCurve,
        *,
        random: Sequence[RemovalCurve] = (),
        name: str | None = None,
        score_name: str = "score",
        ax: Any = None,
        **line_kw: Any,
    ) -> Self:
        """Draw a curve that was computed.

        Parameters
        ----------
        curve : RemovalCurve
            What :func:`~sqlearn.inspection.removal_curve` returned.
        random : sequence of RemovalCurve, default=()
            Curves of rows in random order.
        name, score_name : str
            See :class:`RemovalCurveDisplay`.
        ax : matplotlib Axes, default=None
            Where to draw; by default in a new figure.
        **line_kw : dict
            Passed to matplotlib's ``plot``.

        Returns
        -------
        RemovalCurveDisplay
            The display.

        Raises
        ------
        ImportError
            Without matplotlib.
        """
        display = cls(removed=curve.removed, score=curve.score, random=random, name=name, score_name=score_name)
        return display.plot(ax=ax, **line_kw)

    def plot(self, ax: Any = None, *, name: str | None = None, **line_kw: Any) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; by default in a new figure.
        name : str, default=None
            What the legend calls the order.
        **line_kw : dict
            Passed to matplotlib's ``plot``.

        Returns
        -------
        RemovalCurveDisplay
            The display itself.

        Raises
        ------
        ImportError
            Without matplotlib.
        """
        ax = axes_for(ax, self)
        label = name or self.name
        self.random_lines_ = [
            *(
                line
                for i, curve in enumerate(self.random)
                for line in ax.plot(
                    curve.removed,
                    curve.score,
                    color="0.7",
                    linewidth=1,
                    zorder=1,
                    label="random order" if i == 0 else None,
                )
            )
        ]
        (self.line_,) = ax.plot(
            self.removed, self.score, **({"marker": "o", "markersize": 4, "label": label, "zorder": 2} | line_kw)
        )
        ax.set(xlabel="rows forgotten", ylabel=self.score_name)
        if label or self.random:
            ax.legend(loc="best")
        self.ax_, self.figure_ = ax, ax.figure
        return self
