"""Sets of labels that hold the true one as often as they say."""

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin

from sqlearn.conformal.answers import SetAnswers
from sqlearn.conformal.base import Conformal
from sqlearn.engine.model import ExactEstimator, Predicts, UnweightedClassifier
from sqlearn.engine.parts import Whole, refuse_one_class
from sqlearn.engine.sklearn_private import StrOptions
from sqlearn.errors import ParameterError, UndefinedAttributeError
from sqlearn.linear_model import LogisticRegression


class FullConformalClassifier(Conformal, ClassifierMixin, UnweightedClassifier):
    """Sets of labels with guaranteed coverage, by full conformal prediction, that forget.

    Whether a label is in the set of a row is a test: the row with this label is learned, and it is in the set unless
    the row is among the strangest of all to that model. No rows are set aside for it, as split conformal prediction
    does.

    Parameters
    ----------
    estimator : estimator, default=None
        A classifier of this package; by default ``LogisticRegression()``. It learns and forgets each candidate.
    confidence_level : float or list of float, default=0.9
        The share of rows whose label is in the set, or several.
    conformity_score : {"lac", "margin"}, default="lac"
        How strange a record is: "lac" for one less the probability of its label, "margin" for how far another label is
        in front of it, which is for classifiers without probabilities.
    class_conditional : bool, default=False
        Whether a row with a label is compared with the records of this label only, so that coverage holds for each
        class alone; sets are then larger.
    smoothed : bool, default=False
        Whether records that are exactly as strange as a candidate count with a random share, so that coverage is the
        level and not at least the level.
    random_state : int, default=None
        Seed of these shares, which are hashes of the row and the label; None is a constant.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    estimator_ : estimator
        scikit-learn's estimator, fitted to all records: its predictions are the points.
    classes_ : array[n_classes]
        Labels held, sorted.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    See Also
    --------
    FullConformalRegressor : Intervals of targets.

    Notes
    -----
    If rows are exchangeable (drawn alike, in any order), the label of a new one is in its set with a probability of at
    least the level: over the draw of all rows, not for each kind of them. A learner of this package is a function of
    its records, bit for bit, which is the symmetry that the argument asks for; docs/conformal.md has it in full, and
    what holds after rows are forgotten. Records with weights would not be exchangeable, so there are none.

    The model keeps its records. With linear, logistic and naive Bayes learners, scores of many candidates are computed
    in one product of matrices; comparisons that rounding might turn are made again by the learner's own method, so
    p-values are those of the definition, exactly. Other learners predict all rows for each candidate.

    References
    ----------
    V. Vovk, A. Gammerman and G. Shafer, "Algorithmic Learning in a Random World", Springer (2005), section 2.2.

    G. Cherubin, K. Chatzikokolakis and M. Jaggi, "Exact Optimization of Conformal Predictors via Incremental and
    Decremental Learning", ICML (2021).

    M. Sadinle, J. Lei and L. Wasserman, "Least ambiguous set-valued classifiers with bounded error levels", Journal of
    the American Statistical Association 114 (2019): the score "lac".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sqlearn.conformal import FullConformalClassifier
    >>> from sqlearn.naive_bayes import GaussianNB
    >>> X, y = load_iris(return_X_y=True)
    >>> model = FullConformalClassifier(GaussianNB(), confidence_level=0.99).fit(X, y)
    >>> points, sets = model.predict_set([[6.0, 2.7, 5.1, 1.6], [5.0, 3.4, 1.5, 0.2]])
    >>> points, sets[:, :, 0]
    (array([1, 0]), array([[False,  True,  True],
           [ True, False, False]]))
    >>> refit = FullConformalClassifier(GaussianNB(), confidence_level=0.99).fit(X[9:], y[9:])
    >>> model.forget(X[:9], y[:9]).digest() == refit.digest()
    True
    """

    _sklearn_class = SetAnswers
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": "no_validation",
        "confidence_level": "no_validation",
        "conformity_score": [StrOptions({"lac", "margin"})],
        "class_conditional": ["boolean"],
        "smoothed": ["boolean"],
        "random_state": [Integral, None],
        "key": "no_validation",
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        confidence_level: float | ArrayLike = 0.9,
        conformity_score: str = "lac",
        class_conditional: bool = False,
        smoothed: bool = False,
        random_state: int | None = None,
        key: str | bytes | None = None,
    ) -> None:
        self.estimator = estimator
        self.confidence_level = confidence_level
        self.conformity_score = conformity_score
        self.class_conditional = class_conditional
        self.smoothed = smoothed
        self.random_state = random_state
        self.key = key

    def predict_set(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Predict a label for each row, and the set of labels for each level.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Rows.

        Returns
        -------
        points : ndarray of shape (n_records,)
            Labels, as of ``predict``.
        sets : bool ndarray of shape (n_records, n_classes, n_levels)
            Which of ``classes_`` are in the set; it may be empty: then every label is strange.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        UndefinedAttributeError
            If the records held determine no model, such as those of one class.
        SqlearnError
            Another subclass that describes the problem.

        Examples
        --------
        >>> from sqlearn.conformal import FullConformalClassifier
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> model = FullConformalClassifier(GaussianNB(), confidence_level=[0.5, 0.9])
        >>> model = model.fit([[0.0], [1.0], [2.0], [7.0], [8.0], [9.0]], [0, 0, 0, 1, 1, 1])
        >>> points, sets = model.predict_set([[1.5]])
        >>> sets.shape
        (1, 2, 2)
        """
        return self._answer("predict_set", X)

    def p_values(self, X: Any) -> np.ndarray:
        """Return, for each row and label, the share of records that are at least as strange as the row with this label.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Rows.

        Returns
        -------
        float64 ndarray of shape (n_records, n_classes)
            Shares of the records held and the row, in the order of ``classes_``.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        UndefinedAttributeError
            If the records held determine no model, such as those of one class.
        SqlearnError
            Another subclass that describes the problem.

        Examples
        --------
        >>> from sqlearn.conformal import FullConformalClassifier
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> model = FullConformalClassifier(GaussianNB())
        >>> model.fit([[0.0], [1.0], [2.0], [7.0], [8.0], [9.0]], [0, 0, 0, 1, 1, 1]).p_values([[1.5]]).shape
        (1, 2)
        """
        return self._answer("p_values", X)

    score = Predicts.score

    def _default(self) -> ExactEstimator:
        return LogisticRegression()

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        learner = self._learner(params)
        has = [name for name in ("predict_proba", "decision_function") if hasattr(learner, name)]
        if params["conformity_score"] == "lac" and "predict_proba" not in has:
            raise ParameterError(
                f"{type(learner).__name__} has no probabilities, which conformity_score='lac' ranks by. Nothing was "
                "changed: set conformity_score='margin', or take a classifier with probabilities.",
                value=learner,
            )
        if not has:
            raise ParameterError(
                f"{type(learner).__name__} has neither predict_proba nor decision_function, so it does not tell how "
                "strange a record is. Nothing was changed: take a classifier that has one of them.",
                value=learner,
            )

    def _check_fit(self, batch):
        refuse_one_class(batch.labels)
        super()._check_fit(batch)

    def _read_out(self, state):
        classes = Whole.classes_of(state)
        if len(classes) < 2:
            raise UndefinedAttributeError(
                f"This {state.learner} holds rows of one class: there is no other to tell it from. Learn more rows.",
                reason="too few records",
            )
        return self._told(state) | {"classes_": classes}
