"""Linear support vector machines that forget."""

from typing import Any

import numpy as np
from sklearn import svm as peers

from sqlearn.engine.model import Adaptive, Decides, SparseCoefficients, WeightedClassifier
from sqlearn.engine.problems import (
    SQUARED_HINGE,
    OneVsRest,
    Smooth,
    class_weights,
    coefficients,
    ridge,
)
from sqlearn.engine.readout import label_array
from sqlearn.engine.rounds import MOST_CLASS_WEIGHT, Scale, constants, zeros
from sqlearn.engine.sparse import SparseOneVsRest, SparseSmooth, is_wide
from sqlearn.engine.validation import check_class_weights
from sqlearn.errors import DegenerateError, ParameterError, shown

__all__ = ["LinearSVC"]


class LinearSVC(SparseCoefficients, Adaptive, Decides, WeightedClassifier, peers.LinearSVC):
    """Linear support vector classification, one class against the rest, with squared hinge loss and L2 penalty.

    Parameters
    ----------
    penalty : {"l2"}, default="l2"
        "l1" is refused: it has no smooth local model.
    loss : {"squared_hinge"}, default="squared_hinge"
        "hinge" is refused for the same reason.
    C : float, default=1.0
        Inverse strength of the penalty.
    fit_intercept : bool, default=True
        Whether to fit an intercept. As in scikit-learn it is penalised, the less the larger `intercept_scaling` is.
    intercept_scaling : float, default=1
        See `fit_intercept`.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, 1 where not named; "balanced" gives all classes the same weight, as for
        :class:`~sqlearn.linear_model.LogisticRegression`. With more than two classes, a class has its weight where it
        stands against the rest, and the rest have none, as in scikit-learn.
    multi_class : {"ovr"}, default="ovr"
        "crammer_singer" is refused.
    random_state : int or None, default=None
        Seed of samples and grids; None is a constant.
    dual, tol, max_iter : bool or 'auto', float, int
        Without effect: rounds go on until they keep still.
    verbose : int, default=0
        Whether to report rounds over all records on stderr.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    classes_ : array[n_classes]
        Labels held, sorted.
    coef_ : float64[1, d] or float64[n_classes, d]
        Coefficients; one row for two classes.
    intercept_ : float64[1] or float64[n_classes]
        Intercepts.
    n_iter_ : int
        Rounds over all records.
    last_update_ : UpdateReport
        What the last update did.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    As for :class:`~sqlearn.linear_model.LogisticRegression`. The loss has no third derivative to use, so its
    grid is finer (1/1024 of a deviation); the coefficients are within about 1e-5 of the optimum (measured: 2e-6).
    With more than 2,048 parameters a class, records are kept as sparse rows. With fewer, at most 2**23 sums a round
    (classes times parameters squared) are taken.

    Examples
    --------
    >>> from sqlearn.svm import LinearSVC
    >>> model = LinearSVC().fit([[0.0], [1.0], [2.0], [9.0]], [0, 0, 1, 0])
    >>> model.forget([9.0], 0).digest() == LinearSVC().fit([[2.0], [1.0], [0.0]], [1, 0, 0]).digest()
    True
    """

    _sklearn_class = peers.LinearSVC
    _is_linear = True

    def __init__(
        self,
        penalty: str = "l2",
        loss: str = "squared_hinge",
        *,
        dual: bool | str = "auto",
        tol: float = 1e-4,
        C: float = 1.0,
        multi_class: str = "ovr",
        fit_intercept: bool = True,
        intercept_scaling: float = 1,
        class_weight: dict[Any, float] | str | None = None,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
        max_iter: int = 1000,
        key: str | bytes | None = None,
    ) -> None:
        self.penalty = penalty
        self.loss = loss
        self.dual = dual
        self.tol = tol
        self.C = C
        self.multi_class = multi_class
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.verbose = verbose
        self.random_state = random_state
        self.max_iter = max_iter
        self.key = key

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        for name, only in (("penalty", "l2"), ("loss", "squared_hinge"), ("multi_class", "ovr")):
            if params[name] != only:
                raise ParameterError(
                    f"{name}={params[name]!r} is not supported: exact forgetting needs a smooth loss. Use "
                    f"{name}={only!r}.",
                    value=params[name],
                )
        check_class_weights(params["class_weight"], MOST_CLASS_WEIGHT)

    def _check_fit(self, batch):
        if len(batch.labels) < 2:
            raise DegenerateError(
                f"The number of classes has to be greater than one; got 1 class: {shown(batch.labels[0])}. Nothing was "
                "changed: pass rows of another one, or use partial_fit."
            )

    def _is_wide(self, params, n_features):
        return is_wide(n_features, params["fit_intercept"])

    def _problem(self, params, n_features, labels):
        problems = self._posed(Smooth, params, n_features, labels)
        return OneVsRest(problems) if len(problems) > 1 else next(iter(problems), None)

    def _sparse_problem(self, params, n_features, labels):
        problems = self._posed(SparseSmooth, params, n_features, labels)
        return SparseOneVsRest(problems) if problems else None

    def _posed(self, kind, params, n_features, labels):
        if len(labels) < 2:
            return []

        def penalty(scale):
            held = ridge(scale, params["fit_intercept"], 1.0 / params["C"])
            if not params["fit_intercept"]:
                return held
            own = np.empty(1 + len(scale.factor))  # the user's intercept is theta_0 - sum_j theta_j factor_j mean_j
            own[0], own[1:] = 1.0, zeros(scale)
            return held._replace(bond=own, weight=scale.weight / (params["C"] * _parts(params, scale)))

        positive = range(len(labels)) if len(labels) > 2 else [1]
        several, weights = len(labels) > 2, class_weights(params["class_weight"], labels)
        problems = []
        for k in positive:
            own = np.arange(len(labels)) == k
            problems.append(
                kind(
                    SQUARED_HINGE,
                    n_features,
                    1,
                    params["fit_intercept"],
                    penalty,
                    params["random_state"] or 0,
                    np.where(own, 1.0, -1.0),
                    np.where(own, weights, 1.0) if several and weights is not None else weights,  # as liblinear does
                    k if several else None,
                )
            )
        return problems

    def _read_out(self, state):
        trace = self._trace(state)
        coef, intercept = coefficients(trace, state.n_features_in_, state.params["fit_intercept"])
        if state.params["fit_intercept"]:
            total, scale = _parts(state.params, trace.scale), trace.scale
            coef = coef + intercept[:, None] * (constants(scale) / total)
            intercept = intercept * (state.params["intercept_scaling"] ** 2 / total)
        return {
            "classes_": label_array(state),
            "coef_": coef,
            "intercept_": intercept if state.params["fit_intercept"] else 0.0,
            "n_iter_": max(1, len(trace.rounds)),
        }


def _parts(params: dict, scale: Scale) -> float:
    """Features that are constant have a part in the intercept, since it is penalised: the sum of all parts.

    A part is the square of the intercept's scaling or of the constant; the penalty is least when they share an
    intercept as ``scaling ** 2`` and ``constant * coefficient`` do.
    """
    total = params["intercept_scaling"] ** 2
    for constant in constants(scale)[scale.factor == 0].tolist():
        total += constant * constant
    return total
