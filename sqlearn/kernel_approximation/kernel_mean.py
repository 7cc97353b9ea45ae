"""Novelty by a plain sum: how similar a record is to those held, on average."""

from numbers import Integral, Real
from typing import Any, ClassVar

from sklearn.base import OutlierMixin
from sklearn.utils import Tags

from sqlearn.engine.maps import scale_of, weighed
from sqlearn.engine.model import DetectsOutliers, UnweightedEstimator, refuse_large
from sqlearn.engine.novelty import FeatureSums, FourierDetector, as_pipeline, refuse_many
from sqlearn.engine.rounds import LARGEST
from sqlearn.engine.sklearn_private import Interval, StrOptions
from sqlearn.errors import ParameterError

__all__ = ["KernelMean"]


class KernelMean(DetectsOutliers, OutlierMixin, UnweightedEstimator):
    """Novelty detection by the mean similarity to the records held, which is a plain sum, so it forgets at once.

    The similarity of two records is ``exp(-gamma * |x - y|**2)``, by random Fourier features. In other words, it is
    a density estimate with this kernel, whose cost does not depend on how many records are held.

    Parameters
    ----------
    gamma : float or "auto", default="auto"
        Scale of the kernel; "auto" for 1 / n_features, which fits standardised features. "scale" is refused: the
        features of all records would change with each of them.
    n_components : int, default=1000
        Number of random features. Similarities have errors of about ``n_components**-0.5``.
    threshold : float, default=0.5
        Records whose score is below `threshold` times the mean score of the records held are outliers.
    random_state : int or None, default=None
        Seed of the random features; None is a constant.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    mean_ : float64[n_components]
        Mean of the random features of the records held.
    offset_ : float
        Score of the boundary: `threshold` times the mean score of the records held, which is the squared length of
        `mean_`.
    random_weights_ : float64[d, n_components]
        Directions of the random features.
    random_offset_ : float64[n_components]
        Their phases.
    cosine_weights_ : float64[n_components]
        What the cosines of a record are weighed with in its score.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    The model holds the sums of the features as integers (cosines are rounded to multiples of 2**-31), so it forgets as
    exactly as all learners do. A row has the same features alone, in every batch and on every machine.

    There is no `contamination`: the offset that leaves a given share of the records outside is a quantile of their
    scores, and all of these change with every update. No sums give it: it takes the records.
    :class:`~sqlearn.svm.OneClassSVM` keeps them, and ``np.quantile(model.score_samples(X), share)`` is for those who
    have them. The mean score, however, is exactly ``mean_ @ mean_``, so `offset_` is a share of that.

    Absolute values are at most 2**500. `to_sklearn()` gives a pipeline of scikit-learn's `RBFSampler` and a linear
    detector.

    References
    ----------
    Rahimi, Recht (2007), "Random Features for Large-Scale Kernel Machines", NIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from sqlearn.kernel_approximation import KernelMean
    >>> X = np.random.default_rng(0).normal(size=(500, 2))
    >>> model = KernelMean().fit(X).partial_fit([6.0, 6.0])
    >>> model.forget([6.0, 6.0]).digest() == KernelMean().fit(X).digest()
    True
    >>> model.predict([[0.1, 0.2], [6.0, 6.0]])
    array([ 1, -1])
    """

    _sklearn_class = FourierDetector
    _statistic = FeatureSums
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "gamma": [StrOptions({"auto", "scale"}), Interval(Real, 0.0, 2.0**500, closed="neither")],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "threshold": [Interval(Real, 0.0, 1.0, closed="both")],
        "random_state": ["random_state"],
        "ledger": "no_validation",
        "key": "no_validation",
    }

    def __init__(
        self,
        *,
        gamma: float | str = "auto",
        n_components: int = 1000,
        threshold: float = 0.5,
        random_state: int | None = None,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.gamma = gamma
        self.n_components = n_components
        self.threshold = threshold
        self.random_state = random_state
        self.ledger = ledger
        self.key = key

    def to_sklearn(self) -> Any:
        """Return a fitted scikit-learn pipeline that decides alike: random features, and a linear detector.

        It holds nothing of the model's state, so it cannot forget, and its attributes may be changed.

        Returns
        -------
        Pipeline
            Of an `RBFSampler` and an `SGDOneClassSVM`.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        UndefinedAttributeError
            If no record is held.

        Examples
        --------
        >>> import numpy as np
        >>> from sqlearn.kernel_approximation import KernelMean
        >>> X = np.random.default_rng(0).normal(size=(500, 2))
        >>> model = KernelMean().fit(X)
        >>> bool((model.to_sklearn().predict(X) == model.predict(X)).all())
        True
        """
        return as_pipeline(self._fitted_sklearn())

    def _draws(self, params):
        return True

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        if params["gamma"] == "scale":
            raise ParameterError(
                "gamma='scale' of KernelMean is computed from the variance of the records: every update would change "
                "the random features of all of them, and their sum with them. Nothing was changed: set a number, such "
                "as 1 / (n_features * X.var()), or use sqlearn.svm.OneClassSVM, which keeps its records.",
                value=params["gamma"],
            )

    def _features(self, spec, X, layout):
        features, layout = super()._features(spec, X, layout)
        refuse_large(features.x, spec.learner, range(features.x.shape[1]), cannot="compute its random features")
        return features, layout

    def _check_batch(self, batch):
        refuse_many(type(self).__name__, batch.x.shape[1], int(self.n_components))

    def _new_statistic(self, params, n_features, n_targets):
        gamma = 1.0 / n_features if params["gamma"] == "auto" else params["gamma"]
        return FeatureSums(n_features, n_targets, params["n_components"], gamma, params["random_state"] or 0, LARGEST)

    def _read_out(self, state):
        statistic = state.statistic
        assert isinstance(statistic, FeatureSums)
        cosines, scale = statistic.mean(), scale_of(statistic.size)
        return {
            "mean_": scale * cosines,
            "offset_": state.params["threshold"] * scale**2 * weighed(cosines, cosines),
            "random_weights_": statistic.directions,
            "random_offset_": statistic.phases,
            "cosine_weights_": scale**2 * cosines,
        }

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
