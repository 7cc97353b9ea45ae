"""Ridge regression that forgets, and the classifier that is made of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn import linear_model as peers
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import compute_class_weight

from sqlearn.engine.model import Decides, ExactEstimator, State, WeightedClassifier
from sqlearn.engine.readout import (
    GramView,
    LeastSquares,
    balanced_factors,
    combined,
    grams_of,
    grams_without_each,
    label_array,
    one_against_rest,
    signs_of,
)
from sqlearn.engine.sums import Gram, Statistic
from sqlearn.engine.validation import Responses, check_class_weights, check_indicator, shape_of
from sqlearn.errors import ParameterError, shown
from sqlearn.linear_model.least_squares import OneGram, are_plain, scores_of, shaped


class _Ridge(ExactEstimator):
    """What Ridge and RidgeClassifier have in common."""

    _statistic: type[Statistic] = Gram

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        solver, positive = params["solver"], params["positive"]
        if solver == "lbfgs" and not positive:
            raise ParameterError("'lbfgs' solver can be used only when positive=True. Please use another solver.")
        if positive and solver not in ("auto", "lbfgs"):
            raise ParameterError(
                f"solver='{solver}' does not support positive fitting. Please set the solver to 'auto' or 'lbfgs', or "
                "set `positive=False`"
            )

    def _solved(
        self, state: State, grams: Iterable[Sequence[GramView]], alphas: np.ndarray
    ) -> Iterator[dict[str, Any]]:
        """The attributes that both learners have, for each of several matrices, which are there under each penalty."""
        params = state.params
        positive, solver, fit_intercept = params["positive"], params["solver"], params["fit_intercept"]
        if solver == "auto":
            solver = "lbfgs" if positive else "cholesky"
        flat = len(alphas) == 1
        scalar = flat and state.layout.target_ndim == 1 and self._target == "value"
        for coef, intercepts in ridge_solutions(grams, alphas, fit_intercept, positive):
            own = shaped(coef, intercepts, flat=flat, scalar=scalar, fit_intercept=fit_intercept)
            yield {"n_iter_": None, "solver_": solver} | own

    def _solved_once(self, state: State, gram: GramView) -> dict[str, Any]:
        """These attributes, for one matrix."""
        alphas = penalties(state.params["alpha"], gram.n_targets)
        return next(self._solved(state, [penalized(gram, alphas)], alphas))

    def _solved_without_each(
        self, state: State, gram: GramView, x: np.ndarray, targets: np.ndarray, weights: np.ndarray
    ) -> Iterator[dict[str, Any]]:
        """These attributes, for the matrix without each of these records."""
        alphas = penalties(state.params["alpha"], gram.n_targets)
        each = (grams_without_each(under, x, targets, weights) for under in penalized(gram, alphas))
        return self._solved(state, zip(*each, strict=True), alphas)


def ridge_solution(
    gram: GramView, alphas: np.ndarray, fit_intercept: bool, positive: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients float64[t, d] and intercepts float64[t] under a penalty for each target, float64[t]."""
    return next(ridge_solutions([penalized(gram, alphas)], alphas, fit_intercept, positive))


def penalized(gram: GramView, alphas: np.ndarray) -> list[GramView]:
    """A matrix under each penalty, ascending."""
    return [gram.penalized(alpha) for alpha in np.unique(alphas)]


def ridge_solutions(
    grams: Iterable[Sequence[GramView]], alphas: np.ndarray, fit_intercept: bool, positive: bool
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each of several matrices, of which :func:`penalized` has made lists, what :func:`ridge_solution` returns."""
    chosen = [alphas == alpha for alpha in np.unique(alphas)]
    for under in grams:
        coef, intercepts = np.empty((len(alphas), under[0].n_features)), np.empty(len(alphas))
        for gram, own in zip(under, chosen, strict=True):
            found = LeastSquares(gram, fit_intercept).solve(positive)
            coef[own], intercepts[own] = found[0][own], found[1][own]
        yield coef, intercepts


def penalties(alpha: float | ArrayLike, n_targets: int) -> np.ndarray:
    """The penalty of each target, float64[n_targets]."""
    alphas = np.ravel(np.asarray(alpha, np.float64))
    if len(alphas) not in (1, n_targets):
        raise ParameterError(
            f"Number of targets and number of penalties do not correspond: {len(alphas)} != {n_targets}. Pass one "
            "alpha, or one per target."
        )
    if not (np.isfinite(alphas) & (alphas >= 0)).all():
        raise ParameterError(f"Every alpha must be a finite number of at least 0, not {shown(alpha)}.", value=alpha)
    return np.broadcast_to(alphas, n_targets)


class Ridge(_Ridge, OneGram, peers.Ridge):
    """Linear least squares with an L2 penalty that forgets.

    Parameters
    ----------
    alpha : float or array-like of shape (n_targets,), default=1.0
        Penalty, of all targets or of each.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is not penalized.
    copy_X : bool, default=True
        Has no effect: data are never written to.
    max_iter : int, default=None
        Has no effect: solutions are direct.
    tol : float, default=1e-4
        Has no effect.
    solver : {'auto', 'svd', 'cholesky', 'lsqr', 'sparse_cg', 'sag', 'saga', 'lbfgs'}, default='auto'
        Accepted as scikit-learn does. It changes nothing in the solution, which is the exact one whatever the name.
    positive : bool, default=False
        Whether to force coefficients to be at least 0 (solved as non-negative least squares).
    random_state : int, default=None
        Has no effect.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    coef_ : float64 array of shape (n_features,) or (n_targets, n_features)
        Coefficients.
    intercept_ : float or float64 array of shape (n_targets,)
        Intercept.
    n_iter_ : None
        There are no iterations.
    solver_ : str
        The solver named; 'cholesky' for 'auto', 'lbfgs' with ``positive=True``.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : object ndarray of shape (n_features_in_,)
        Names of the features, if the first records had names that are strings.
    n_records_ : int
        Number of records held.

    Notes
    -----
    State and solution as for :class:`LinearRegression`; the penalty is added to the exact Gram matrix, exactly.

    Examples
    --------
    >>> from sqlearn.linear_model import Ridge
    >>> model = Ridge(alpha=2.0).fit([[1.0], [2.0], [3.0], [1e12]], [3.0, 5.0, 7.0, 0.0])
    >>> model.forget([1e12], 0.0).coef_
    array([1.])
    """

    _sklearn_class = peers.Ridge

    def __init__(
        self,
        alpha: float | ArrayLike = 1.0,
        *,
        fit_intercept: bool = True,
        copy_X: bool = True,
        max_iter: int | None = None,
        tol: float = 1e-4,
        solver: str = "auto",
        positive: bool = False,
        random_state: int | np.random.RandomState | None = None,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        super().__init__(
            alpha, fit_intercept=fit_intercept, copy_X=copy_X, max_iter=max_iter, tol=tol, solver=solver,
            positive=positive, random_state=random_state,
        )  # fmt: skip
        self.ledger = ledger
        self.key = key

    def _check_fit(self, batch):
        penalties(self.alpha, batch.targets.shape[1])

    def _of_gram(self, state, gram, n_records):
        return self._solved_once(state, gram)

    def _read_out_without_each(self, state, block):
        gram = grams_of(state.statistic)[0]
        return self._solved_without_each(state, gram, block.x, block.targets, block.weights)


class AgainstRest(ExactEstimator):
    """Classifiers by regression on targets of -1 and 1, one class against the rest."""

    def _has_labels(self, params, layout):
        return layout.labels != "indicator" or params["class_weight"] == "balanced"

    def _responses(self, spec, y, x, layout, *, first):
        shape = shape_of(y)
        if first and len(shape) == 2 and shape[1] > 1:
            layout = replace(layout, labels="indicator", target_ndim=2)
            if isinstance(self.class_weight, dict):
                raise ParameterError("For multi-output, class_weight should be 'balanced' or None. Set one of them.")
        if layout.labels != "indicator":
            return super()._responses(spec, y, x, layout, first=first)
        return Responses(*check_indicator(y, x)), layout

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        check_class_weights(params["class_weight"])

    def _check_fit(self, batch):
        super()._check_fit(batch)
        if isinstance(self.class_weight, dict):
            labels = np.array(sorted(batch.labels))
            compute_class_weight(self.class_weight, classes=labels, y=labels)

    @staticmethod
    def _factors(state: State) -> list[float] | None:
        """What the weights of each class are multiplied by; of indicators, those of each combination, if balanced."""
        labels, class_weight = state.labels(), state.params["class_weight"]
        held, is_balanced = state.statistic.record_counts[state.class_slots()], class_weight == "balanced"
        if state.layout.labels == "indicator":
            return balanced_factors(labels, held) if is_balanced else None
        weights = class_weight or {}
        if is_balanced:
            return (held.sum() / (len(labels) * held)).tolist()
        return [weights.get(label, 1.0) for label in labels]

    @staticmethod
    def _against_rest(state: State, grams: list[GramView], factors: list[float] | None) -> GramView:
        """The Gram matrix of weighted records with targets of -1 and 1, from those of the classes."""
        if factors is None:
            return grams[0]
        return combined(grams, factors) if state.layout.labels == "indicator" else one_against_rest(grams, factors)

    @staticmethod
    def _classes_of(state: State, gram: GramView) -> dict:
        """The classes, and what scikit-learn's ``predict`` finds them by."""
        is_indicator = state.layout.labels == "indicator"
        known = np.eye(gram.n_targets, dtype=np.int64) if is_indicator else label_array(state)
        binarizer = LabelBinarizer(pos_label=1, neg_label=-1).fit(known)
        return {"classes_": binarizer.classes_, "_label_binarizer": binarizer}


class RidgeClassifier(_Ridge, AgainstRest, Decides, WeightedClassifier, peers.RidgeClassifier):
    """Ridge regression on targets of -1 and 1, one class against the rest, that forgets.

    Parameters
    ----------
    alpha : float, default=1.0
        Penalty.
    fit_intercept, copy_X, max_iter, tol, solver, positive, random_state : bool, int, float or str
        As for :class:`Ridge`.
    class_weight : dict or 'balanced', default=None
        Weights of the classes, 1 for those not named; 'balanced' gives each ``n / (n_classes * n_in_class)``.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    coef_ : float64 array of shape (n_features,) or (n_classes, n_features)
        Coefficients; 1-D for two classes.
    intercept_ : float64 array of shape (1,) or (n_classes,)
        Intercepts.
    classes_ : array of shape (n_classes,)
        The classes held, sorted.
    n_iter_ : None
        There are no iterations.
    solver_ : str
        As of :class:`Ridge`.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : object ndarray of shape (n_features_in_,)
        Names of the features, if the first records had names that are strings.
    n_records_ : int
        Number of records held.

    Notes
    -----
    The state is one exact Gram matrix of ``[1, X]`` for each class. Every moment of the targets follows from those, and
    so do class weights: the matrices are multiplied by them and added as integers, exactly, when they are read.
    'balanced' therefore follows every row that is learned or forgotten, as a refit would. It counts records of positive
    weight. Labels of several outputs, `y` of shape (n, n_outputs) with a column of 0 and 1 for each label, are
    learned as one Gram matrix of ``[1, X, 2 y - 1]``, as by :class:`Ridge`; with 'balanced', which weighs a record by
    all its labels, as one for each combination of labels held. Then ``classes_`` numbers the columns, ``coef_`` has a
    row and ``intercept_`` a number for each, predictions are dense indicator matrices, and a `class_weight` that is a
    dict is refused as scikit-learn refuses it.

    Examples
    --------
    >>> from sqlearn.linear_model import RidgeClassifier
    >>> model = RidgeClassifier().fit([[1.0], [2.0], [3.0], [1e12]], ["a", "a", "b", "a"])
    >>> model.forget([1e12], "a").predict([[0.0], [5.0]])
    array(['a', 'b'], dtype='<U1')
    """

    _sklearn_class = peers.RidgeClassifier
    _statistic = Gram

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        fit_intercept: bool = True,
        copy_X: bool = True,
        max_iter: int | None = None,
        tol: float = 1e-4,
        class_weight: dict[Any, float] | str | None = None,
        solver: str = "auto",
        positive: bool = False,
        random_state: int | np.random.RandomState | None = None,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        super().__init__(
            alpha, fit_intercept=fit_intercept, copy_X=copy_X, max_iter=max_iter, tol=tol, class_weight=class_weight,
            solver=solver, positive=positive, random_state=random_state,
        )  # fmt: skip
        self.ledger = ledger
        self.key = key

    def _check_fit(self, batch):
        super()._check_fit(batch)
        penalties(self.alpha, batch.targets.shape[1] or (len(batch.labels) if len(batch.labels) > 2 else 1))

    def _read_out(self, state):
        gram = self._against_rest(state, grams_of(state.statistic, state.class_slots()), self._factors(state))
        return self._solved_once(state, gram) | self._classes_of(state, gram)

    def _read_out_without_each(self, state, block):
        factors, targets = self._factors(state), block.targets
        if state.params["class_weight"] == "balanced" or set(factors or ()) - {1.0}:  # these weigh the record, too
            return None
        slots = state.class_slots()
        gram = self._against_rest(state, grams_of(state.statistic, slots), factors)
        if factors is not None:
            order = np.argsort(slots)
            targets = signs_of(order[np.searchsorted(slots[order], block.slots)], len(slots))
        classes = self._classes_of(state, gram)  # none of which goes
        each = self._solved_without_each(state, gram, block.x, targets, block.weights)
        return (found | classes for found in each)

    def _answers_without_each(self, name, state, block, rows):
        is_asked = name in ("decision_function", "predict") and state.layout.labels != "indicator"
        each = self._read_out_without_each(state, block) if is_asked and are_plain(rows) else None
        if each is None:
            return None
        decisions = (scores[0] for scores in scores_of(rows, each))
        if name == "decision_function":
            return decisions
        classes = label_array(state)
        return (classes[np.argmax(one) if one.ndim else int(one > 0)] for one in decisions)
