"""What a forget costs beside a refit, drawn."""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone

from sqlearn.engine.model import ExactEstimator
from sqlearn.errors import ParameterError, shown
from sqlearn.inspection.displays.axes import axes_for, pyplot_for
from sqlearn.inspection.responses import looking
from sqlearn.inspection.rows import Rows, check_model


class ForgetTimeDisplay:
    """The time to forget a row and answer, beside that of a refit, for models of more and more rows.

    Make one with :meth:`from_estimator`.

    Parameters
    ----------
    sizes : int64 ndarray of shape (n_sizes,)
        Numbers of rows held.
    forget, refit : float64 ndarray of shape (n_sizes,)
        Seconds.
    name : str, default=None
        What the title calls the learner.

    Attributes
    ----------
    lines_ : list of matplotlib Line2D
        The line of refits and that of forgets.
    ax_ : matplotlib Axes
        Where they are drawn.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    Examples
    --------
    >>> import numpy as np
    >>> from sqlearn.inspection import ForgetTimeDisplay
    >>> display = ForgetTimeDisplay(sizes=np.array([100, 1000]), forget=np.full(2, 1e-4), refit=np.array([1e-3, 1e-2]))
    >>> display.plot()                                          # doctest: +SKIP
    """

    def __init__(self, *, sizes: np.ndarray, forget: np.ndarray, refit: np.ndarray, name: str | None = None) -> None:
        self.sizes = sizes
        self.forget = forget
        self.refit = refit
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: ExactEstimator,
        X: Any,
        y: Any = None,
        *,
        sizes: Sequence[int] | None = None,
        peer: Any = None,
        n_repeats: int = 5,
        sample_weight: ArrayLike | None = None,
        progress: Callable[[int], object] | None = None,
        ax: Any = None,
        **line_kw: Any,
    ) -> Self:
        """Measure and draw: medians of `n_repeats` refits, and of as many forgets of one row each.

        After each of them the model answers for one row, by ``predict`` or, where there is none, ``transform``: some
        learners put off a part of the work until then. Clocks are the wall's, so a busy machine shows.

        Parameters
        ----------
        estimator : estimator
            A learner of this package, fitted or not; it is not changed.
        X : array-like, sparse matrix, frame or list of str of shape (n_rows, n_features)
            Rows, of which the first ones are learned.
        y : array-like of shape (n_rows,) or (n_rows, n_targets), default=None
            Their labels or targets.
        sizes : sequence of int, default=None
            Numbers of rows; five from a hundredth of the rows to all of them by default.
        peer : estimator, default=None
            What is refitted, such as scikit-learn's estimator of the same name; `estimator` by default.
        n_repeats : int, default=5
            How often each is done.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows; 1 by default.
        progress : callable, default=None
            Called with the number of rows of each size, when it is done. What it raises ends the work.
        ax : matplotlib Axes, default=None
            Where to draw; by default in a new figure.
        **line_kw : dict
            Passed to matplotlib's ``plot``.

        Returns
        -------
        ForgetTimeDisplay
            The display.

        Raises
        ------
        ParameterError
            If `sizes` or `n_repeats` are not numbers of these rows.
        ImportError
            Without matplotlib.
        SqlearnError
            Another subclass that describes the problem.
        """
        pyplot_for(f"{cls.__name__}.from_estimator")
        check_model(estimator)
        look = looking(progress)
        rows = Rows(X, y, sample_weight)
        chosen = _checked_sizes(sizes, n_repeats, len(rows))
        forget, refit = np.empty(len(chosen)), np.empty(len(chosen))
        for k, size in enumerate(chosen.tolist()):
            given, asked = rows.given(np.arange(size)), rows.features(0)
            model = clone(estimator).fit(**given)
            other = model if peer is None else peer
            _answer(model, asked)
            gone = np.linspace(0, size - 1, n_repeats).astype(np.int64).tolist()
            forget[k] = np.median([_seconds(model.forget, rows.given(i), asked) for i in gone])
            refit[k] = np.median([_seconds(clone(other).fit, given, asked) for _ in gone])
            look(size)
        return cls(sizes=chosen, forget=forget, refit=refit, name=type(estimator).__name__).plot(ax=ax, **line_kw)

    def plot(self, ax: Any = None, **line_kw: Any) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; by default in a new figure.
        **line_kw : dict
            Passed to matplotlib's ``plot``.

        Returns
        -------
        ForgetTimeDisplay
            The display itself.

        Raises
        ------
        ImportError
            Without matplotlib.
        """
        ax = axes_for(ax, self)
        self.lines_ = []
        for label, seconds, colour in (("refit", self.refit, "tab:gray"), ("forget a row", self.forget, "tab:blue")):
            style = {"marker": "o", "markersize": 4, "color": colour, "label": label}
            self.lines_ += ax.plot(self.sizes, 1e3 * np.asarray(seconds), **(style | line_kw))
        ratio = self.refit[-1] / self.forget[-1]
        ax.annotate(
            f"{ratio:,.0f} times" if ratio >= 10.0 else f"{ratio:.1f} times",
            (self.sizes[-1], 1e3 * np.sqrt(self.refit[-1] * self.forget[-1])),
            xytext=(-4, 0),
            textcoords="offset points",
            ha="right",
            va="center",
        )
        ends = [1e3 * self.forget[-1], 1e3 * self.refit[-1]]
        ax.plot([self.sizes[-1]] * 2, ends, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
        ax.set(xscale="log", yscale="log", xlabel="rows held", ylabel="milliseconds, with an answer", title=self.name)
        ax.legend(loc="upper left")
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _seconds(verb: Callable[..., Any], given: dict[str, Any], asked: Any) -> float:
    """How long a verb takes, and an answer for a row behind it."""
    started = perf_counter()
    _answer(verb(**given), asked)
    return perf_counter() - started


def _answer(model: Any, row: Any) -> Any:
    """What a model says of a row; of recommenders and the like, nothing."""
    for name in ("predict", "transform"):
        if hasattr(model, name):
            return getattr(model, name)(row)
    return None


def _checked_sizes(sizes: Any, n_repeats: Any, n: int) -> np.ndarray:
    if not isinstance(n_repeats, int | np.integer) or n_repeats < 1:
        raise ParameterError(
            f"n_repeats is {shown(n_repeats)}. Nothing was computed: pass a whole number above 0.", value=n_repeats
        )
    least = int(n_repeats) + 1
    chosen = np.geomspace(max(n / 100, least), n, 5).astype(np.int64) if sizes is None else np.asarray(sizes)
    chosen = np.unique(chosen)
    if chosen.ndim != 1 or not len(chosen) or chosen.dtype.kind not in "iu" or chosen[0] < least or chosen[-1] > n:
        raise ParameterError(
            f"sizes is {shown(sizes)}, of {n:,} rows. Nothing was computed: pass numbers of rows from {least} (as "
            f"{n_repeats} are forgotten) to {n:,}.",
            value=sizes,
        )
    return chosen
