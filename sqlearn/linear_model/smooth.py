"""Logistic regression that forgets."""

import warnings
from typing import Any

import numpy as np
from sklearn import linear_model as peers

from sqlearn.engine.model import Adaptive, Decides, PredictsProbabilities, SparseCoefficients, WeightedClassifier
from sqlearn.engine.problems import LOGISTIC, MULTINOMIAL, Smooth, class_weights, coefficients, ridge
from sqlearn.engine.readout import label_array
from sqlearn.engine.rounds import MOST_CLASS_WEIGHT
from sqlearn.engine.sparse import SparseSmooth, is_wide
from sqlearn.engine.validation import check_class_weights
from sqlearn.errors import DegenerateError, ParameterError, shown
from sqlearn.linear_model.generalized import PoissonRegressor  # pickles of earlier versions look for it here

__all__ = ["LogisticRegression", "PoissonRegressor"]


class LogisticRegression(
    SparseCoefficients, Adaptive, Decides, PredictsProbabilities, WeightedClassifier, peers.LogisticRegression
):
    """Logistic regression with an L2 penalty, binary and multinomial, that forgets.

    Parameters
    ----------
    penalty : {"deprecated", "l2", None}, default="deprecated"
        Deprecated, as in scikit-learn: leave it, and set `C`. "l1" and "elasticnet" are refused, since which
        coefficients are 0 changes with single records; None is no penalty, as is ``C=np.inf``.
    C : float, default=1.0
        Inverse strength of the penalty.
    l1_ratio : 0.0
        Other values are refused.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is not penalised.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, 1 where not named. "balanced" gives all classes the same weight,
        ``total / (n_classes * total of the class)`` with the totals of the weights held.
    random_state : int or None, default=None
        Seed of samples and grids; None is a constant.
    solver : str, default="lbfgs"
        Without effect, as all have one optimum; "liblinear", which penalises the intercept, is refused.
    max_iter, tol, dual, intercept_scaling, n_jobs : int, float, bool, float, int
        Without effect: rounds go on until they keep still.
    verbose : int, default=0
        Whether to report rounds over all records on stderr.
    warm_start : False
        True is refused: a model must not depend on its history.
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
    n_iter_ : int32[1]
        Rounds over all records.
    last_update_ : UpdateReport
        What the last update did.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    What is left after a forget has the bytes of a refit, always; see docs/exactness.md, "Rounds". Of few records an
    update changes the records held, in microseconds, and the optimum is searched for when an attribute is first read:
    L-BFGS over all records, whose loss is within 1e-6 or so of the least (measured: 4e-7). That is so up to 8,191
    records of two classes and up to 46 features, and up to a number of records that grows with the features and the
    classes: 131,071 of two classes and 64 features, 262,143 of ten classes and ten features.

    From then on a forget usually costs one query of one record per round; where rounds cannot tell the optimum
    (collinear features without a penalty, say), each update looks for it over all records. Up to 48 parameters of two
    classes, the last step uses third derivatives of a sample of 32,768 records or more, and the coefficients are near
    the optimum (measured, relative: 1.6e-6 on average, 1.2e-5 in the worst of 30 sets of data). With more, or more than
    two classes, it uses second ones on a finer grid, which breaks more often. A break costs what a fit costs at most.

    Where there is no optimum (classes that the features separate, without a penalty), the loss is within about 1e-9 per
    record of its infimum, and ConvergenceWarning says so: from `fit`, and once after an update.

    With more than 2,048 columns (the intercept included), records are kept as sparse rows and never made dense; an
    update takes microseconds, and the optimum is searched for when an attribute is read. With fewer, at most 2,048
    parameters (classes times columns) are learned, and more are refused.

    Examples
    --------
    >>> from sqlearn.linear_model import LogisticRegression
    >>> model = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0], [9.0]], [0, 1, 0, 1, 0])
    >>> _ = model.forget([9.0], 0)
    >>> model.digest() == LogisticRegression().fit([[3.0], [2.0], [1.0], [0.0]], [1, 0, 1, 0]).digest()
    True
    """

    _sklearn_class = peers.LogisticRegression
    _is_linear = True

    def __init__(
        self,
        penalty: str | None = "deprecated",
        *,
        C: float = 1.0,
        l1_ratio: float | None = 0.0,
        dual: bool = False,
        tol: float = 1e-4,
        fit_intercept: bool = True,
        intercept_scaling: float = 1,
        class_weight: dict[Any, float] | str | None = None,
        random_state: int | np.random.RandomState | None = None,
        solver: str = "lbfgs",
        max_iter: int = 100,
        verbose: int = 0,
        warm_start: bool = False,
        n_jobs: int | None = None,
        key: str | bytes | None = None,
    ) -> None:
        self.penalty = penalty
        self.C = C
        self.l1_ratio = l1_ratio
        self.dual = dual
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.key = key

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        if params["penalty"] in ("l1", "elasticnet") or params["l1_ratio"]:
            raise ParameterError(
                "An L1 or elastic-net penalty is not smooth: single records change which coefficients are 0, so "
                "nearly every update would have to iterate again. Use C with l1_ratio=0; for sparse coefficients, "
                "sqlearn's Lasso or ElasticNet on targets 0 and 1, or SelectKBest to choose the features."
            )
        if params["solver"] == "liblinear":
            raise ParameterError(
                "solver='liblinear' penalises the intercept, which is another model. Use any other solver; all "
                "give the optimum."
            )
        if params["dual"]:
            raise ParameterError("dual=True belongs to solver='liblinear', which is not supported. Leave dual False.")
        check_class_weights(params["class_weight"], MOST_CLASS_WEIGHT)

    def _check_fit(self, batch):
        if len(batch.labels) < 2:
            raise DegenerateError(
                f"This solver needs samples of at least 2 classes in the data, but the data contains only one "
                f"class: {shown(batch.labels[0])}. Nothing was changed: pass rows of another one, or use partial_fit."
            )
        self._warn_of_deprecated()

    def _warn_of_deprecated(self):
        """scikit-learn's own warnings."""
        said: list[tuple[str, type[Warning]]] = []
        if self.penalty != "deprecated":
            said.append(
                (
                    "'penalty' was deprecated in version 1.8 of scikit-learn and will be removed in 1.10. Leave it at "
                    "its default; use C=np.inf instead of penalty=None.",
                    FutureWarning,
                )
            )
        elif self.l1_ratio is None:
            said.append(
                (
                    "'l1_ratio=None' was deprecated in version 1.8 of scikit-learn and will trigger an error in 1.10. "
                    "Leave it at its default, 0.",
                    FutureWarning,
                )
            )
        if self.penalty is None and self.C != 1.0:
            said.append(("Setting penalty=None will ignore C.", UserWarning))
        if self.n_jobs is not None:
            said.append(
                (
                    "'n_jobs' has no effect since 1.8 of scikit-learn and will be removed in 1.10. You provided "
                    f"'n_jobs={self.n_jobs}', please leave it unspecified.",
                    FutureWarning,
                )
            )
        for message, category in said:
            warnings.warn(message, category, stacklevel=5)

    def _is_wide(self, params, n_features):
        return is_wide(n_features, params["fit_intercept"])

    def _problem(self, params, n_features, labels):
        return self._posed(Smooth, params, n_features, labels)

    def _sparse_problem(self, params, n_features, labels):
        return self._posed(SparseSmooth, params, n_features, labels)

    def _posed(self, kind, params, n_features, labels):
        if len(labels) < 2:
            return None
        n_outputs = 1 if len(labels) == 2 else len(labels)
        strength = 0.0 if params["penalty"] is None else 1.0 / params["C"]

        def penalty(scale):
            return ridge(scale, params["fit_intercept"], strength)

        return kind(
            LOGISTIC if n_outputs == 1 else MULTINOMIAL,
            n_features,
            n_outputs,
            params["fit_intercept"],
            penalty,
            params["random_state"] or 0,
            np.arange(float(len(labels))),
            class_weights(params["class_weight"], labels),
        )

    def _read_out(self, state):
        trace = self._trace(state)
        coef, intercept = coefficients(trace, state.n_features_in_, state.params["fit_intercept"])
        return {
            "classes_": label_array(state),
            "coef_": coef,
            "intercept_": intercept,
            "n_iter_": np.array([max(1, len(trace.rounds))], np.int32),
        }
