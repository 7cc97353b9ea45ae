"""Coefficients as one group of rows after another goes, drawn."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from sqlearn.engine.model import ExactEstimator
from sqlearn.errors import ParameterError, ShapeError, UndefinedAttributeError, listed, shown
from sqlearn.inspection.displays.axes import axes_for, check_named, pyplot_for
from sqlearn.inspection.responses import looking
from sqlearn.inspection.rows import Rows, check_model, checked_groups


class CoefficientPathDisplay:
    """Coefficients of a linear model as groups of its rows are forgotten, one after another.

    Make one with :meth:`from_estimator`.

    Parameters
    ----------
    coef : float64 ndarray of shape (n_steps, n_features)
        Coefficients with all rows, without the first group, without the first two, and so on; NaN where the rows left
        determine none.
    groups : sequence of length n_steps - 1
        Names of the groups, in the order in which they go.
    feature_names : sequence of str of length n_features, default=None
        Names of the features; x0, x1, ... by default.

    Attributes
    ----------
    lines_ : list of matplotlib Line2D
        A line for each feature.
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    Examples
    --------
    >>> import numpy as np
    >>> from sqlearn.inspection import CoefficientPathDisplay
    >>> display = CoefficientPathDisplay(coef=np.array([[1.0, 2.0], [1.5, 0.5]]), groups=["b"])
    >>> display.plot()                                          # doctest: +SKIP
    """

    def __init__(self, *, coef: np.ndarray, groups: Sequence[Any], feature_names: Sequence[str] | None = None) -> None:
        self.coef = coef
        self.groups = groups
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls,
        model: ExactEstimator,
        X: Any,
        y: Any,
        *,
        groups: ArrayLike,
        order: Sequence[Any] | None = None,
        output: int = 0,
        sample_weight: ArrayLike | None = None,
        feature_names: Sequence[str] | None = None,
        progress: Callable[[int], object] | None = None,
        n_named: int = 6,
        ax: Any = None,
        **line_kw: Any,
    ) -> Self:
        """Forget the groups, one after another, on a copy of a model, and draw its coefficients.

        Parameters
        ----------
        model : estimator
            A fitted model of this package with ``coef_`` that holds these rows; it is not changed.
        X : array-like, sparse matrix, frame or list of str of shape (n_rows, n_features)
            Rows.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            Their labels or targets as they were learned.
        groups : array-like of shape (n_rows,)
            The group of each row.
        order : sequence, default=None
            The groups that go, in their order; all but the last one of ``np.unique(groups)`` by default.
        output : int, default=0
            Which coefficients are drawn, where there are some for each class or target.
        sample_weight : float or array-like of shape (n_rows,), default=None
            Weights of the rows as they were learned; 1 by default.
        feature_names : sequence of str, default=None
            Names of the features; those of the model by default.
        progress : callable, default=None
            Called now and then with the number of rows forgotten since the last call. What it raises ends the work.
        n_named : int, default=6
            How many features are named: those whose coefficients change most.
        ax : matplotlib Axes, default=None
            Where to draw; by default in a new figure.
        **line_kw : dict
            Passed to matplotlib's ``plot``.

        Returns
        -------
        CoefficientPathDisplay
            The display.

        Raises
        ------
        NotLearnedError
            If a row is not held.
        ParameterError
            If the model has no coefficients, `order` names no group, `output` no class or target, or `n_named` is not
            as described.
        ImportError
            Without matplotlib.
        SqlearnError
            Another subclass that describes the problem.
        """
        pyplot_for(f"{cls.__name__}.from_estimator")
        check_named(n_named)
        check_model(model)
        look = looking(progress)
        rows = Rows(X, y, sample_weight)
        given = checked_groups(groups, len(rows))
        going = np.unique(given)[:-1].tolist() if order is None else list(order)
        unknown = [group for group in going if group not in given.tolist()]
        if unknown or len(set(going)) < len(going):
            raise ParameterError(
                f"order is {listed(going)}. Nothing was computed: name groups of these rows, each once.",
                value=unknown[0] if unknown else None,
            )
        copied = rows.held_by(model)
        path = [_coefficients(copied, output)]
        for group in going:
            places = np.flatnonzero(given == group)
            copied.forget(**rows.given(places))
            look(len(places))
            try:
                path.append(_coefficients(copied, output))
            except UndefinedAttributeError:
                path.append(np.full(len(path[0]), np.nan))
        names = feature_names
        if names is None and len(getattr(model, "feature_names_in_", ())) == len(path[0]):
            names = model.feature_names_in_.tolist()
        if len({len(step) for step in path}) > 1 or (names is not None and len(names) != len(path[0])):
            raise ShapeError(
                f"The numbers of coefficients are {listed(len(step) for step in path)}. Nothing was drawn: pass a "
                "model whose features stay when rows go, and a name for each feature.",
                reason="columns",
            )
        return cls(coef=np.array(path), groups=going, feature_names=names).plot(ax=ax, n_named=n_named, **line_kw)

    def plot(self, ax: Any = None, *, n_named: int = 6, **line_kw: Any) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; by default in a new figure.
        n_named : int, default=6
            How many features are named: those whose coefficients change most.
        **line_kw : dict
            Passed to matplotlib's ``plot``.

        Returns
        -------
        CoefficientPathDisplay
            The display itself.

        Raises
        ------
        ParameterError
            If `n_named` is not as described.
        ImportError
            Without matplotlib.
        """
        check_named(n_named)
        ax = axes_for(ax, self)
        names = self.feature_names or [f"x{j}" for j in range(self.coef.shape[1])]
        steps = np.arange(len(self.coef))
        drawn = np.where(np.isnan(self.coef).all(axis=0), 0.0, self.coef)
        change = np.nanmax(drawn, axis=0) - np.nanmin(drawn, axis=0)
        named = np.argsort(-change, kind="stable")[:n_named].tolist()
        self.lines_ = []
        for j, name in enumerate(names):
            style = {"label": name, "zorder": 2} if j in named else {"color": "0.75", "linewidth": 1, "zorder": 1}
            self.lines_ += ax.plot(steps, self.coef[:, j], **(style | line_kw))
        handles = [self.lines_[j] for j in sorted(named, key=lambda j: -np.nan_to_num(self.coef[-1, j]))]
        if handles:
            ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        ax.axhline(0.0, color="black", linewidth=0.8, zorder=0)
        ax.set_xticks(steps, ["all rows", *(f"− {group}" for group in self.groups)])
        if len(self.groups) > 5:
            ax.tick_params(axis="x", rotation=60)
        ax.set(xlabel="groups forgotten, one after another", ylabel="coefficient")
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _coefficients(model: Any, output: int) -> np.ndarray:
    """A copy of the coefficients of one class or target."""
    try:
        found = np.array(model.coef_, np.float64)
    except UndefinedAttributeError:
        raise
    except AttributeError as error:
        raise ParameterError(
            f"This {type(model).__name__} has no coef_. Nothing was computed: pass a linear model."
        ) from error
    table = np.atleast_2d(found)
    if not isinstance(output, int | np.integer) or not 0 <= output < len(table):
        raise ParameterError(
            f"output is {shown(output)}, and the model has coefficients of {len(table)} classes or targets. Nothing "
            f"was computed: pass a number from 0 to {len(table) - 1}.",
            value=output,
        )
    row: np.ndarray = table[output]
    return row
