"""What steps in front of an adaptive learner have learned, rounded to a grid where one record would move it."""

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from sklearn.feature_selection import SelectorMixin
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from sqlearn.engine.chains import (
    QUARTILES,
    Category,
    Margins,
    Number,
    Source,
    Table,
    Terms,
    Watch,
    class_scores,
    on_grid,
    settled_centres,
    settled_medians,
    variances,
)
from sqlearn.engine.model import Inner
from sqlearn.engine.ordered import OrderView
from sqlearn.feature_selection import VarianceThreshold
from sqlearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sqlearn.preprocessing.ranges import divisors

_SEEDS = 1009  # between the seeds of two steps


class Settled:
    """Rounds what steps have learned to a grid, each step to a grid of its own.

    Parameters
    ----------
    seed : int
        Seed of the grids' offsets.
    exact : sequence of estimator, default=()
        StandardScalers that are left as they are, but for columns that are constant up to rounding.
    """

    def __init__(self, seed: int, exact: Sequence[Any] = ()) -> None:
        self._next, self._exact = seed, {id(step) for step in exact}
        self.watch = Watch()
        self.plain: dict[int, np.ndarray] = {}  # of scalers by their id: the columns whose scale is their deviation

    def __call__(self, step: Any, fitted: Any, table: Table) -> Any:
        assert isinstance(table, Margins)
        self._next += _SEEDS
        for kind, settle in _SETTLED:
            if isinstance(step, kind):
                settle(self, step, fitted, table)
                return fitted
        raise AssertionError(f"no step that works column by column: {type(step).__name__}")

    def _standardized(self, step: Any, fitted: Any, table: Margins) -> None:
        if fitted.mean_ is None:
            return
        deviations = table.deviations() if fitted.var_ is None else np.sqrt(fitted.var_)
        mean, scale = on_grid(fitted.mean_, deviations, self._next), None
        equal = np.flatnonzero(deviations == 0)
        constants = table.constants(equal.tolist())
        mean.values[equal] = np.where(np.isnan(constants), mean.values[equal], constants)
        own = np.zeros(len(deviations), bool)
        if fitted.scale_ is not None:
            # of columns that are constant but for rounding the scale is 1
            self.plain[id(step)] = plain = (fitted.scale_ == deviations) | (deviations == 0)
            scale = on_grid(fitted.scale_, np.where(plain, deviations, 0.0), self._next + 1, is_scale=True)
            own = plain & (id(step) in self._exact)
            fitted.scale_ = np.where(own, fitted.scale_, scale.values)
        fitted.mean_ = np.where(own, fitted.mean_, mean.values)
        self.watch.add(table, mean, scale)

    def _extremes(self, step: Any, fitted: Any, table: Margins) -> None:
        """Least and greatest values are left as they are: they belong to few records."""
        self.watch.add_order(table, OrderView.extremes)

    def _robust(self, step: Any, fitted: Any, table: Margins) -> None:
        read = partial(_robust, np.true_divide(fitted.quantile_range, 100), self._next)
        self.watch.add_order(table, read)
        centres, scales = read(OrderView(table.order()))
        if fitted.center_ is not None:
            fitted.center_ = centres
        if fitted.scale_ is not None:
            fitted.scale_ = scales

    def _imputed(self, step: Any, fitted: Any, table: Margins) -> None:
        if fitted.strategy == "mean":
            mean = on_grid(fitted.statistics_, table.deviations(), self._next)
            fitted.statistics_ = mean.values
            self.watch.add(table, mean)
            return
        if fitted.strategy == "constant":
            self.watch.add_fills(table)
        elif any(isinstance(column, Category) for column in table.columns):
            self.watch.add_frequent(table)
        elif fitted.strategy == "most_frequent":
            self.watch.add_order(table, OrderView.most_frequent)
        else:
            read = partial(settled_medians, seed=self._next)
            self.watch.add_order(table, read)
            medians = read(OrderView(table.order()))
            fitted.statistics_ = np.where(np.isnan(medians), fitted.statistics_, medians)

    def _selected(self, step: Any, fitted: Any, table: Margins) -> None:
        """Which columns are selected depends on sums alone, which are exact, and so does the comparison."""
        score, columns = partial(_scored, step), [c for c in table.columns if isinstance(c, Number)]
        for name, values in score(table.source, [table.origins[column.value] for column in columns]).items():
            setattr(fitted, name, values)
        self.watch.add_choice(table, partial(_support, Inner(step).new_sklearn(), score))

    def _encoded(self, step: Any, fitted: Any, table: Margins) -> None:
        """Encoders have what categories there are, which are other variables; but for those that are rare."""
        self.watch.is_blind |= (step.min_frequency, step.max_categories) != (None, None)


def _robust(levels: np.ndarray, seed: int, view: OrderView) -> np.ndarray:
    """What a RobustScaler subtracts and what it divides by, on a grid, float64[2, d]."""
    ends = view.quantiles(levels)
    ranges = ends[1] - ends[0]
    scales = divisors(ranges)
    plain = np.where(scales == ranges, ranges, 0.0)
    ends = np.where(ranges > 0, ends, view.quantiles(QUARTILES))
    return np.array([settled_centres(view, ends, seed), on_grid(scales, plain, seed + 1, is_scale=True).values])


def _scored(step: Any, source: Source, columns: list[Terms]) -> dict[str, np.ndarray]:
    """What a selector compares of each column: variances, or scores against the classes."""
    if isinstance(step, VarianceThreshold):
        return {"variances_": variances(source, columns)}
    return {"scores_": class_scores(step.score_func, source, columns)}


def _support(unfitted: Any, score: Callable[..., dict[str, np.ndarray]], *given: Any) -> np.ndarray:
    """Which columns a selector selects, bool[d]."""
    fitted = copy.copy(unfitted)
    fitted.pvalues_ = None
    for name, values in score(*given).items():
        setattr(fitted, name, values)
    found: np.ndarray = fitted.get_support()
    return found


_SETTLED: list[tuple[Any, Callable[..., None]]] = [
    (StandardScaler, Settled._standardized),
    ((MinMaxScaler, MaxAbsScaler), Settled._extremes),
    (RobustScaler, Settled._robust),
    (SimpleImputer, Settled._imputed),
    (SelectorMixin, Settled._selected),
    ((OneHotEncoder, OrdinalEncoder), Settled._encoded),
]
