"""Univariate feature selection that forgets."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from sklearn import feature_selection as peers
from sklearn.feature_selection import chi2, f_classif, f_regression, r_regression
from sklearn.utils import Tags

from sqlearn.engine.model import Selects, UnweightedEstimator
from sqlearn.engine.readout import moments_of, score_of
from sqlearn.engine.sklearn_private import check_selector, make_selector, validate_params
from sqlearn.engine.sums import LabelSums, Mixed, Moments, Sums
from sqlearn.engine.validation import Responses, check_indicator, refuse_negative, shape_of
from sqlearn.errors import DegenerateError, ParameterError

__all__ = [
    "GenericUnivariateSelect",
    "SelectFdr",
    "SelectFpr",
    "SelectFwe",
    "SelectKBest",
    "SelectPercentile",
    "VarianceThreshold",
    "chi2",
    "f_classif",
    "f_regression",
    "r_regression",
]

_Class = TypeVar("_Class", bound=type)
_SHARED = {
    "<score function>": """score_func : {f_classif, chi2, f_regression, r_regression}, default=f_classif
        scikit-learn's function of that name (also here). Others are refused: they are not known to be functions of
        sums. `r_regression` gives no p-values, and is refused where features are selected by them.""",
    "<ledger, key, attributes>": """ledger : bool, default=True
        Whether to remember which records are held, so that forgetting others is refused.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    scores_ : float64[d]
        Scores, NaN where undefined.
    pvalues_ : float64[d] or None
        p-values of the scores; None for `r_regression`.
    n_features_in_, feature_names_in_
        As in scikit-learn.""",
}


def _documented(cls: _Class) -> _Class:
    """Write into a selector's docstring what all selectors by a score function share."""
    for mark, text in _SHARED.items():
        cls.__doc__ = cls.__doc__ and cls.__doc__.replace(mark, text)  # None under python -OO
    return cls


class _Filter(Selects, UnweightedEstimator):
    """What all selectors by a score function share."""

    _statistic = Moments

    def __init__(self, score_func: Callable, ledger: bool, key: str | bytes | None) -> None:
        self.score_func = score_func
        self.ledger = ledger
        self.key = key

    @property
    def _target(self):
        state = self.__dict__.get("_state")  # a function that is set after fit holds from the next one
        return score_of(self.score_func if state is None else state.params["score_func"]).target

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.positive_only = self.score_func is chi2
        return tags

    def _needs_chances(self, params) -> bool:
        """Whether features are selected by their p-values."""
        return False

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        score_of(params["score_func"])
        if params["score_func"] is r_regression and self._needs_chances(params):
            raise ParameterError(
                f"r_regression computes no p-values, by which this {type(self).__name__} selects. Use f_regression, "
                "whose order is that of the correlations' absolute values."
            )

    def _check_fit(self, batch):
        check_selector(self, batch.x)

    @property
    def _sparse_form(self):
        return self.score_func is chi2

    def _features(self, spec, X, layout):
        features, layout = super()._features(spec, X, layout)
        if self.score_func is chi2:
            refuse_negative(features.x, layout, f"{type(self).__name__} with chi2", "f_classif")
        return features, layout

    def _responses(self, spec, y, x, layout, *, first):
        shape = shape_of(y)
        if first and self.score_func is chi2 and len(shape) == 2 and shape[1] > 1:
            layout = replace(layout, labels="indicator", target_ndim=2)
        if layout.labels != "indicator":
            return super()._responses(spec, y, x, layout, first=first)
        _, _, signs = check_indicator(y, x)
        return Responses(np.zeros(0, np.int64), [], (signs + 1.0) / 2.0), layout

    def _has_labels(self, params, layout):
        return score_of(params["score_func"]).target == "label" and layout.labels != "indicator"

    def _new_statistic(self, params, n_features, n_targets):
        statistic = score_of(params["score_func"]).statistic
        return (LabelSums if statistic is Sums and n_targets else statistic)(n_features, n_targets)

    def _read_out(self, state):
        scores, chances = score_of(state.params["score_func"]).read(state)
        return {"scores_": scores, "pvalues_": chances}


@_documented
class SelectKBest(_Filter, peers.SelectKBest):
    """Select the features with the k highest scores.

    Parameters
    ----------
    <score function>
    k : int or "all", default=10
        Number of features to select.
    <ledger, key, attributes>

    Notes
    -----
    The scores of classes are sums of ``n_k (mean_k - mean)**2`` over the variance within classes (`f_classif`) or
    over the mean (`chi2`). Those of values to predict are the correlation r (`r_regression`), or ``r**2 / (1 - r**2)``
    times the degrees of freedom (`f_regression`). The differences of means, the products about the mean and
    ``1 - r**2`` are formed exactly before they are rounded, so nothing cancels.

    `chi2` keeps sums of features alone, at the cost of the non-zeros of sparse rows; the others keep sums of squares
    as well and make sparse rows dense block by block. `chi2` takes several labels per record, too: `y` of shape
    (n, n_labels) with a column of 0 and 1 for each label.

    Examples
    --------
    >>> from sqlearn.feature_selection import SelectKBest, chi2
    >>> selector = SelectKBest(chi2, k=1).fit([[3, 1], [2, 1], [0, 9], [0, 1]], [0, 0, 1, 1])
    >>> selector.get_support()
    array([False,  True])
    >>> selector.forget([0, 9], 1).get_support()
    array([ True, False])
    """

    _sklearn_class = peers.SelectKBest

    def __init__(
        self,
        score_func: Callable[..., Any] = f_classif,
        *,
        k: int | str = 10,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        super().__init__(score_func, ledger, key)
        self.k = k


@_documented
class SelectPercentile(_Filter, peers.SelectPercentile):
    """Select the features whose scores are among the highest few per cent.

    Parameters
    ----------
    <score function>
    percentile : float, default=10
        Percentage of the features to select.
    <ledger, key, attributes>

    Examples
    --------
    >>> from sqlearn.feature_selection import SelectPercentile, f_regression
    >>> selector = SelectPercentile(f_regression, percentile=50)
    >>> selector.fit([[0, 1], [1, 0], [2, 1], [3, 9]], [0.0, 1.0, 2.1, 9.0]).get_support()
    array([False,  True])
    >>> selector.forget([3, 9], 9.0).get_support()
    array([ True, False])
    """

    _sklearn_class = peers.SelectPercentile

    def __init__(
        self,
        score_func: Callable[..., Any] = f_classif,
        *,
        percentile: int = 10,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        super().__init__(score_func, ledger, key)
        self.percentile = percentile


class _ByChance(_Filter):
    """What the selectors by p-values share."""

    def __init__(
        self,
        score_func: Callable[..., Any] = f_classif,
        *,
        alpha: float = 5e-2,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        super().__init__(score_func, ledger, key)
        self.alpha = alpha

    def _needs_chances(self, params):
        return True


@_documented
class SelectFpr(_ByChance, peers.SelectFpr):
    """Select the features whose p-values are below a threshold: a test of the false positive rate.

    Parameters
    ----------
    <score function>
    alpha : float, default=0.05
        Features with lower p-values are selected.
    <ledger, key, attributes>

    Examples
    --------
    >>> from sqlearn.feature_selection import SelectFpr
    >>> X, y = [[0.0, 1.0], [0.1, 2.0], [5.0, 1.0], [5.1, 2.0], [1e6, 1.0]], [0, 0, 1, 1, 0]
    >>> SelectFpr().fit(X, y).forget([1e6, 1.0], 0).get_support()
    array([ True, False])
    """

    _sklearn_class = peers.SelectFpr


@_documented
class SelectFdr(_ByChance, peers.SelectFdr):
    """Select features by p-values at a false discovery rate (Benjamini and Hochberg).

    Parameters
    ----------
    <score function>
    alpha : float, default=0.05
        Highest expected share of false discoveries.
    <ledger, key, attributes>

    Examples
    --------
    >>> from sqlearn.feature_selection import SelectFdr
    >>> X, y = [[0.0, 1.0], [0.1, 2.0], [5.0, 1.0], [5.1, 2.0], [1e6, 1.0]], [0, 0, 1, 1, 0]
    >>> SelectFdr().fit(X, y).forget([1e6, 1.0], 0).get_support()
    array([ True, False])
    """

    _sklearn_class = peers.SelectFdr


@_documented
class SelectFwe(_ByChance, peers.SelectFwe):
    """Select features by p-values at a family-wise error rate (Bonferroni).

    Parameters
    ----------
    <score function>
    alpha : float, default=0.05
        Features with p-values below ``alpha / d`` are selected.
    <ledger, key, attributes>

    Examples
    --------
    >>> from sqlearn.feature_selection import SelectFwe
    >>> X, y = [[0.0, 1.0], [0.1, 2.0], [5.0, 1.0], [5.1, 2.0], [1e6, 1.0]], [0, 0, 1, 1, 0]
    >>> SelectFwe().fit(X, y).forget([1e6, 1.0], 0).get_support()
    array([ True, False])
    """

    _sklearn_class = peers.SelectFwe


@_documented
class GenericUnivariateSelect(_Filter, peers.GenericUnivariateSelect):
    """Select features in the mode that a parameter names.

    Parameters
    ----------
    <score function>
    mode : {"percentile", "k_best", "fpr", "fdr", "fwe"}, default="percentile"
        Which selector to be.
    param : float, int or "all", default=1e-5
        That selector's `percentile`, `k` or `alpha`.
    <ledger, key, attributes>

    Examples
    --------
    >>> from sqlearn.feature_selection import GenericUnivariateSelect, chi2
    >>> selector = GenericUnivariateSelect(chi2, mode="k_best", param=1)
    >>> selector.fit([[3, 1], [2, 1], [0, 9], [0, 1]], [0, 0, 1, 1]).forget([0, 9], 1).get_support()
    array([ True, False])
    """

    _sklearn_class = peers.GenericUnivariateSelect

    def __init__(
        self,
        score_func: Callable[..., Any] = f_classif,
        *,
        mode: str = "percentile",
        param: float | int | str = 1e-5,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        super().__init__(score_func, ledger, key)
        self.mode = mode
        self.param = param

    def _needs_chances(self, params):
        return params["mode"] in ("fpr", "fdr", "fwe")

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        validate_params(make_selector(self))  # scikit-learn's would find out when features are selected


class VarianceThreshold(Selects, UnweightedEstimator, peers.VarianceThreshold):
    """Select the features whose variance is above a threshold.

    Parameters
    ----------
    threshold : float, default=0.0
        Features of at most this variance are left out; 0 leaves out those that are constant.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    variances_ : float64[d]
        Variances (divided by n); NaN where all values are missing.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    Variances are centred before they are rounded: they are 0 for constant features, and only for those. With
    ``threshold=0``, scikit-learn gives the range of a feature in place of its variance where that is smaller, and this
    gives the variance. The features selected are the same. NaN is not counted, and `y` is ignored.

    Examples
    --------
    >>> from sqlearn.feature_selection import VarianceThreshold
    >>> selector = VarianceThreshold().fit([[0, 2, 0], [0, 1, 3], [0, 1, 1], [7, 1, 1]])
    >>> selector.get_support()
    array([ True,  True,  True])
    >>> selector.forget([7, 1, 1]).get_support()
    array([False,  True,  True])
    """

    _sklearn_class = peers.VarianceThreshold
    _statistic = Mixed

    def __init__(self, threshold: float = 0.0, ledger: bool = True, key: str | bytes | None = None) -> None:
        self.threshold = threshold
        self.ledger = ledger
        self.key = key

    def _check_learned(self, state):
        variances = self._read_out(state)["variances_"]
        if not (variances > state.params["threshold"]).any():
            only = " (X contains only one sample)" if state.n_records == 1 else ""
            raise DegenerateError(
                f"No feature in X meets the variance threshold {state.params['threshold']:.5f}{only}. Nothing was "
                "changed: lower the threshold, or learn these rows by partial_fit."
            )

    def _read_out(self, state):
        return {"variances_": moments_of(state.statistic, None).variance()[0]}
