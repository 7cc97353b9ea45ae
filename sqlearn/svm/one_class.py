"""A one-class support vector machine that forgets."""

import warnings
from numbers import Integral
from typing import Any, ClassVar, NoReturn

import numpy as np
from sklearn import svm as peers
from sklearn.exceptions import ConvergenceWarning

from sqlearn.engine.maps import draw_fourier, scale_of
from sqlearn.engine.model import DetectsOutliers, UnweightedEstimator, refuse_large
from sqlearn.engine.novelty import FourierDetector, as_pipeline, automatic_gamma, boundary, one_class, refuse_many
from sqlearn.engine.rounds import KeptRecords
from sqlearn.engine.sklearn_private import Interval, parameter_constraints
from sqlearn.errors import ParameterError, UndefinedAttributeError, shown

_LARGEST_GAMMA = 2.0**500


class OneClassSVM(DetectsOutliers, UnweightedEstimator, peers.OneClassSVM):
    """Novelty detection by a half-space of random Fourier features that holds most records, that forgets.

    Parameters
    ----------
    kernel : {"rbf"}, default="rbf"
        The kernel ``exp(-gamma * |x - y|**2)``, by random features; others are refused.
    degree : int, default=3
        Without effect: the kernel has none.
    gamma : {"scale", "auto"} or float, default="scale"
        Scale of the kernel: ``1 / (n_features * X.var())`` of the records held, ``1 / n_features``, or a number.
    coef0 : float, default=0.0
        Without effect: the kernel has none.
    tol : float, default=1e-3
        The steps end when the gradient is shorter than a thousandth of `tol` times its parts.
    nu : float, default=0.5
        Share of the records held that lie outside, to 1 / n, in (0, 1].
    shrinking : bool, default=True
        Without effect: the problem is solved without its dual.
    cache_size : float, default=200
        Without effect: there is no kernel matrix.
    verbose : bool, default=False
        Without effect.
    max_iter : int, default=-1
        Most steps of Newton's method; -1 for as many as it takes, up to 100.
    n_components : int, default=1000
        Number of random features. Similarities have errors of about ``n_components**-0.5``.
    random_state : int or None, default=None
        Seed of the random features; None is a constant.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    coef_ : float64[1, n_components]
        Weights of the random features.
    intercept_ : float64[1]
        The opposite of `offset_`.
    offset_ : float
        Score of the boundary: a share of `nu` of the records held has lower ones, or less, but by 1 / n at most.
    gamma_ : float
        Scale of the kernel in use.
    random_weights_ : float64[d, n_components]
        Directions of the random features.
    random_offset_ : float64[n_components]
        Their phases.
    cosine_weights_ : float64[n_components]
        What the cosines of a record are weighed with in its score.
    n_iter_ : int
        Steps of Newton's method.
    fit_status_ : int
        0 if they ended, 1 if `max_iter` stopped them (then a warning says so).
    shape_fit_ : tuple of (int, int)
        Number of records held, and of features.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    The model holds the records themselves and no ledger: to forget one is to remove it, which takes microseconds. After
    an update, the next prediction solves for all records held, in an order that they alone decide. So the model is a
    function of the records, and not of how it came to hold them; its digest is that of the records.

    The solution is that of the support vector machine with two differences. The kernel is approximated by random
    features, drawn from `random_state` alone; with "scale" they are multiplied by the scale that the records held have.
    And the corner of the hinge is rounded. Scores are in the units of scikit-learn's, `offset_` is a quantile of the
    scores of the records held, and a row has the same score alone, in every batch and on every machine. There are no
    support vectors, and no sample weights. `to_sklearn()` gives a pipeline of scikit-learn's `RBFSampler` and a linear
    detector. Absolute values are at most 2**500.

    Solving takes time in proportion to the number of records: it is faster than scikit-learn's ``fit`` from some
    thousands of them on. :class:`~sqlearn.kernel_approximation.KernelMean` needs no solving.

    References
    ----------
    Schölkopf, Platt, Shawe-Taylor, Smola, Williamson (2001), "Estimating the Support of a High-Dimensional
    Distribution", Neural Computation 13, doi:10.1162/089976601750264965.

    Rahimi, Recht (2007), "Random Features for Large-Scale Kernel Machines", NIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from sqlearn import verify
    >>> from sqlearn.svm import OneClassSVM
    >>> X = np.random.default_rng(0).normal(size=(500, 2))
    >>> X[7] = 9.0
    >>> model = OneClassSVM(nu=0.05).fit(X)
    >>> model.predict([[0.1, 0.2], [4.0, -4.0]])
    array([ 1, -1])
    >>> verify(model.forget(X[7]), np.delete(X, 7, axis=0))
    OneClassSVM equals its refit on 499 rows, byte for byte (digest ...)
    """

    _sklearn_class = FourierDetector
    _keeps_records = True
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **parameter_constraints(peers.OneClassSVM),
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "key": "no_validation",
    }

    def __init__(
        self,
        *,
        kernel: str = "rbf",
        degree: int = 3,
        gamma: float | str = "scale",
        coef0: float = 0.0,
        tol: float = 1e-3,
        nu: float = 0.5,
        shrinking: bool = True,
        cache_size: float = 200,
        verbose: bool = False,
        max_iter: int = -1,
        n_components: int = 1000,
        random_state: int | None = None,
        key: str | bytes | None = None,
    ) -> None:
        self.kernel = kernel
        self.degree = degree
        self.gamma = gamma
        self.coef0 = coef0
        self.tol = tol
        self.nu = nu
        self.shrinking = shrinking
        self.cache_size = cache_size
        self.verbose = verbose
        self.max_iter = max_iter
        self.n_components = n_components
        self.random_state = random_state
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
        >>> from sqlearn.svm import OneClassSVM
        >>> X = np.random.default_rng(0).normal(size=(500, 2))
        >>> model = OneClassSVM().fit(X)
        >>> bool(np.allclose(model.to_sklearn().score_samples(X), model.score_samples(X)))
        True
        """
        return as_pipeline(self._fitted_sklearn())

    @property
    def coef_(self) -> np.ndarray:
        """What the random features are weighed with.

        Returns
        -------
        float64 ndarray of shape (1, n_components)
            The weights.
        """
        coef: np.ndarray = self._fitted_sklearn().coef_
        return coef

    def _no_support(self) -> NoReturn:
        self._fitted_state()
        raise UndefinedAttributeError(
            "This OneClassSVM has no support vectors, so support_, support_vectors_, n_support_ and dual_coef_ are "
            "undefined: weights of random features are solved for in their place. Read coef_ and offset_.",
            reason="solver",
        )

    support_ = property(_no_support)
    support_vectors_ = property(_no_support)
    n_support_ = property(_no_support)
    dual_coef_ = property(_no_support)

    # ------------------------------------------------------------------ parameters

    def _draws(self, params):
        return True

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        if params["kernel"] != "rbf":
            raise ParameterError(
                f"kernel={shown(params['kernel'])} of OneClassSVM is not supported: random features approximate the "
                "kernel 'rbf' alone. Nothing was changed: set 'rbf'. sqlearn.covariance has the distances of a linear "
                "model.",
                value=params["kernel"],
            )
        if not isinstance(params["gamma"], str) and params["gamma"] > _LARGEST_GAMMA:
            raise ParameterError(
                f"gamma={shown(params['gamma'])} of OneClassSVM is beyond 2**500. Nothing was changed: set a number of "
                "a usual size.",
                value=params["gamma"],
            )

    def _features(self, spec, X, layout):
        features, layout = super()._features(spec, X, layout)
        refuse_large(features.x, spec.learner, range(features.x.shape[1]), cannot="compute its random features")
        return features, layout

    def _check_batch(self, batch):
        refuse_many(type(self).__name__, batch.x.shape[1], int(self.n_components))

    def _new_statistic(self, params, n_features, n_targets):
        return KeptRecords(n_features, n_targets)

    # ------------------------------------------------------------------ reading

    def _read_out(self, state):
        assert isinstance(state.statistic, KeptRecords)
        x, params, d = state.statistic.all_records(state.class_slots()).x, state.params, state.n_features_in_
        named = {"scale": automatic_gamma, "auto": lambda x: 1.0 / d}
        gamma = named[params["gamma"]](x) if isinstance(params["gamma"], str) else params["gamma"]
        directions, phases = draw_fourier(d, params["n_components"], gamma, params["random_state"] or 0)
        most = params["max_iter"] if params["max_iter"] >= 0 else None
        found = one_class(x, directions, phases, params["nu"], 1e-3 * params["tol"], most)
        if not found.converged:
            warnings.warn(
                f"OneClassSVM: Newton's method was stopped after {found.steps} steps, before its gradient was small. "
                "Scale the features, allow more steps (max_iter), or a larger gradient (tol).",
                ConvergenceWarning,
                stacklevel=4,
            )
        offset = boundary(found.scores, params["nu"])
        return {
            "coef_": found.coefficients[None] / scale_of(len(phases)),
            "intercept_": np.array([-offset]),
            "offset_": offset,
            "gamma_": float(gamma),
            "random_weights_": directions,
            "random_offset_": phases,
            "cosine_weights_": found.coefficients,
            "n_iter_": found.steps,
            "fit_status_": int(not found.converged),
            "shape_fit_": (len(x), d),
        }
