"""Linear and quadratic discriminant analysis that forget."""

import warnings

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg
from sklearn import discriminant_analysis as peers
from sklearn.base import BaseEstimator
from sklearn.covariance import shrunk_covariance
from sklearn.utils import Tags

from sqlearn.engine.model import Decides, PredictsProbabilities, Transforms, UnweightedClassifier
from sqlearn.engine.readout import as_float, grams_of, label_array, moments_of, spreads_of, weights_of
from sqlearn.engine.sums import Gram, Spread
from sqlearn.errors import DegenerateError, ParameterError, UndefinedAttributeError, shown

__all__ = ["LinearDiscriminantAnalysis", "QuadraticDiscriminantAnalysis"]


class _SingularCovariance(UndefinedAttributeError, linalg.LinAlgError):
    """A covariance matrix of too low a rank, which scikit-learn's ``fit`` refuses as a ``LinAlgError``."""


class _DiscriminantAnalysis(Decides, PredictsProbabilities, UnweightedClassifier):
    """What the two have in common: the moments of each class, and covariance matrices from them."""

    _statistic = Gram

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        if params["solver"] == "svd" and params["shrinkage"] is not None:
            raise ParameterError("shrinkage not supported with 'svd' solver. Choose 'lsqr' or 'eigen'.")
        if params["covariance_estimator"] is not None:
            raise ParameterError(
                "A covariance_estimator needs the rows themselves, not sums over them, so rows could not be "
                "forgotten exactly. Leave it None; with the solver 'eigen', `shrinkage` takes a number or 'auto' "
                "(Ledoit-Wolf)."
            )

    def _new_statistic(self, params, n_features, n_targets):
        return (Spread if params["shrinkage"] == "auto" else Gram)(n_features, n_targets)

    def _check_learned(self, state):
        try:
            self._read_out(state)
        except _SingularCovariance:
            raise
        except UndefinedAttributeError:  # out of float64's range: the state is a legal one
            pass


class LinearDiscriminantAnalysis(Transforms, _DiscriminantAnalysis, peers.LinearDiscriminantAnalysis):
    """Linear discriminant analysis: Gaussian classes of one covariance matrix, and the directions that tell them apart.

    Parameters
    ----------
    solver : {"svd", "lsqr", "eigen"}, default="svd"
        Which of scikit-learn's solutions to take; each from the same exact moments.
    shrinkage : float or "auto", default=None
        Share of the identity mixed into the covariance matrices ("lsqr" and "eigen"). "auto" takes Ledoit and Wolf's
        estimate of the best one, of each class standardized; it needs moments of fourth order.
    priors : array-like of shape (n_classes,), default=None
        Class priors; the classes' shares by default.
    n_components : int, default=None
        Number of directions that ``transform`` gives.
    store_covariance : bool, default=False
        Whether the solver "svd" gives `covariance_` too.
    tol : float, default=1e-4
        Singular values of the scaled data up to here count as zero ("svd").
    covariance_estimator : None
        Others are refused: they see the rows.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    coef_ : float64[n_classes, d] or, for two classes, float64[1, d]
        Weights of the features.
    intercept_ : float64[n_classes] or float64[1]
        Intercepts.
    covariance_ : float64[d, d]
        Within-class covariance matrix, weighted by the priors.
    explained_variance_ratio_ : float64[n_components]
        Shares of the variance between classes ("svd", "eigen").
    means_ : float64[n_classes, d]
        Means of the classes.
    priors_ : float64[n_classes]
        Class priors.
    scalings_ : float64[d, rank]
        Directions, each up to its sign those of scikit-learn ("svd", "eigen").
    xbar_ : float64[d]
        The classes' means, weighted by the priors ("svd").
    classes_ : array[n_classes]
        Classes of the records held.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    Covariance matrices and the differences between means are formed exactly and rounded once. "svd" takes eigenvalues
    where scikit-learn takes singular values of the data: those below about 1e-8 of the largest count as zero, whatever
    `tol`. With too few classes left, `n_components` is what they allow.

    References
    ----------
    O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional covariance matrices",
    J. Multivar. Anal. 88 (2004), doi:10.1016/S0047-259X(03)00096-4.

    Examples
    --------
    >>> from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> model = LinearDiscriminantAnalysis().fit([[0.0], [1.0], [4.0], [5.0], [1e12]], [0, 0, 1, 1, 1])
    >>> model.forget([1e12], 1).predict([[2.0], [3.0]])
    array([0, 1])
    """

    _sklearn_class = peers.LinearDiscriminantAnalysis

    def __init__(
        self,
        solver: str = "svd",
        shrinkage: float | str | None = None,
        priors: ArrayLike | None = None,
        n_components: int | None = None,
        store_covariance: bool = False,
        tol: float = 1e-4,
        covariance_estimator: BaseEstimator | None = None,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.solver = solver
        self.shrinkage = shrinkage
        self.priors = priors
        self.n_components = n_components
        self.store_covariance = store_covariance
        self.tol = tol
        self.covariance_estimator = covariance_estimator
        self.ledger = ledger
        self.key = key

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.array_api_support = False
        return tags

    def _check_fit(self, batch):
        classes = len(batch.labels)
        if len(batch) < 2:
            raise DegenerateError(
                f"Found array with 1 sample(s) while a minimum of 2 is required by {type(self).__name__}. Nothing was "
                "changed: pass more rows, or learn this one by partial_fit."
            )
        if len(batch) == classes:
            raise DegenerateError(
                "The number of samples must be more than the number of classes. Nothing was changed: pass more rows, "
                "or learn these by partial_fit."
            )
        if self.n_components is not None and self.n_components > min(classes - 1, batch.x.shape[1]):
            raise ParameterError("n_components cannot be larger than min(n_features, n_classes - 1).")
        normalized_priors(self.priors, np.bincount(batch.label_codes), warn=True)

    def _read_out(self, state):
        params, solver = state.params, state.params["solver"]
        counts = weights_of(state.statistic, state.class_slots())
        gram = getattr(state.statistic, "gram", state.statistic)
        moments = moments_of(gram, state.class_slots())
        priors, means, shifts = normalized_priors(params["priors"], counts), moments.mean(), moments.deviation()
        most = min(len(counts) - 1, state.n_features_in_)
        most = most if params["n_components"] is None else min(most, params["n_components"])
        units = _units(state.statistic)
        covariances = np.stack(_covariances(state.statistic, state.class_slots(), units))
        shares = counts / counts.sum()
        found = {"classes_": label_array(state), "priors_": priors, "means_": means}
        found |= {"_max_components": most, "_n_features_out": most}
        if solver != "svd" or params["store_covariance"]:
            within = _shrunk(_mixture(priors, covariances), params["shrinkage"])
            found["covariance_"] = as_float(within, np.add.outer(units, units), "A covariance")
        if solver == "svd":
            centre = priors @ shifts  # zero but for rounding where the priors are the shares
            shifts = shifts - centre
            scalings, ratios = _svd(_mixture(shares, covariances), shifts, counts.sum() * priors, params["tol"])
            coordinates = shifts @ scalings
            coef = coordinates @ scalings.T
            xbar = moments_of(gram, None).mean()[0] + centre
            intercept = -0.5 * (coordinates**2).sum(axis=1) + np.log(priors) - xbar @ coef.T
            found |= {"xbar_": xbar, "scalings_": scalings, "explained_variance_ratio_": ratios[:most]}
        elif solver == "lsqr":
            centres = np.ldexp(means, -units)
            coef = linalg.lstsq(within, centres.T)[0].T
            intercept = -0.5 * (centres * coef).sum(axis=1) + np.log(priors)
            coef = as_float(coef, -units, "A coefficient")
        else:
            if params["shrinkage"] == "auto":  # the total is shrunk by a share of its own
                between = _covariances(state.statistic, None, units)[0] - within
            else:  # total less within, without the difference: between, and within where priors are not the shares
                between = _mixture(shares, shifts[:, :, None] * shifts[:, None, :])
                between = _shrunk(between + _mixture(shares - priors, covariances), params["shrinkage"])
            centres = np.ldexp(means, -units)
            scalings, ratios = _eigen(between, within)
            coef = centres @ scalings @ scalings.T
            intercept = -0.5 * (centres * coef).sum(axis=1) + np.log(priors)
            coef = as_float(coef, -units, "A coefficient")
            scalings = as_float(scalings, -units[:, None], "A scaling")
            found |= {"scalings_": scalings, "explained_variance_ratio_": ratios[:most]}
        if len(counts) <= 2:  # as seen from the first class: one row for two, which is zero where it is the only one
            coef, intercept = coef[-1:] - coef[:1], intercept[-1:] - intercept[:1]
        return found | {"coef_": coef, "intercept_": intercept}


class QuadraticDiscriminantAnalysis(_DiscriminantAnalysis, peers.QuadraticDiscriminantAnalysis):
    """Quadratic discriminant analysis: Gaussian classes, each with a covariance matrix of its own.

    Parameters
    ----------
    solver : {"svd", "eigen"}, default="svd"
        "svd" takes `reg_param`, "eigen" takes `shrinkage`; both decompose the same exact covariance matrices.
    shrinkage : float or "auto", default=None
        Share of the identity mixed into the covariance matrices ("eigen"). "auto" takes Ledoit and Wolf's estimate of
        the best one, of each class standardized; it needs moments of fourth order.
    priors : array-like of shape (n_classes,), default=None
        Class priors; the classes' shares by default.
    reg_param : float, default=0.0
        Share of the identity mixed into the variances along principal axes ("svd").
    store_covariance : bool, default=False
        Whether to give `covariance_`.
    tol : float, default=1e-4
        Variances along principal axes up to here count as zero.
    covariance_estimator : None
        Others are refused: they see the rows.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    covariance_ : list of float64[d, d]
        Covariance matrix of each class, for `store_covariance`.
    means_ : float64[n_classes, d]
        Means of the classes.
    priors_ : float64[n_classes]
        Class priors.
    rotations_ : list of float64[d, d]
        Principal axes of each class, each up to its sign those of scikit-learn.
    scalings_ : list of float64[d]
        Variances along them, falling.
    classes_ : array[n_classes]
        Classes of the records held.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    Covariance matrices are centred exactly and rounded once. A class whose covariance matrix is not of full rank is
    refused by ``fit``, as in scikit-learn; left by ``forget`` it is a legal state, whose attributes raise
    ``UndefinedAttributeError`` until more is learned.

    References
    ----------
    O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional covariance matrices",
    J. Multivar. Anal. 88 (2004), doi:10.1016/S0047-259X(03)00096-4.

    Examples
    --------
    >>> from sqlearn.discriminant_analysis import QuadraticDiscriminantAnalysis
    >>> model = QuadraticDiscriminantAnalysis().fit([[0.0], [1.0], [4.0], [8.0], [1e12]], [0, 0, 1, 1, 1])
    >>> model.forget([1e12], 1).predict([[1.5], [3.0]])
    array([0, 1])
    """

    _sklearn_class = peers.QuadraticDiscriminantAnalysis

    def __init__(
        self,
        *,
        solver: str = "svd",
        shrinkage: float | str | None = None,
        priors: ArrayLike | None = None,
        reg_param: float = 0.0,
        store_covariance: bool = False,
        tol: float = 1e-4,
        covariance_estimator: BaseEstimator | None = None,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.solver = solver
        self.shrinkage = shrinkage
        self.priors = priors
        self.reg_param = reg_param
        self.store_covariance = store_covariance
        self.tol = tol
        self.covariance_estimator = covariance_estimator
        self.ledger = ledger
        self.key = key

    def _check_fit(self, batch):
        if len(batch.labels) < 2:
            raise DegenerateError(
                f"The number of classes has to be greater than one. Got {len(batch.labels)} class. Nothing was "
                "changed: pass rows of two classes, or learn these by partial_fit."
            )

    def _read_out(self, state):
        params, svd = state.params, state.params["solver"] == "svd"
        counts, classes = weights_of(state.statistic, state.class_slots()), label_array(state)
        covariances, scalings, rotations = [], [], []
        plain = _covariances(state.statistic, state.class_slots())
        for label, count, covariance in zip(classes.tolist(), counts, plain, strict=True):
            if count == 1:
                raise _SingularCovariance(
                    f"y has only 1 sample in class {shown(label)}, covariance is ill defined. Learn more rows of it.",
                    reason="singular",
                )
            covariance = _shrunk(covariance, params["shrinkage"])
            scaling, rotation = (part[..., ::-1] for part in linalg.eigh(covariance))
            if svd:
                scaling = (1 - params["reg_param"]) * np.maximum(scaling, 0.0) + params["reg_param"]
                covariance = (scaling * rotation) @ rotation.T
            if (scaling > params["tol"]).sum() < len(scaling):
                raise _SingularCovariance(
                    f"The covariance matrix of class {label} is not full rank. Learn more rows of it, or fit with "
                    + ("a larger `reg_param`." if svd else "a larger `shrinkage`."),
                    reason="singular",
                )
            covariances.append(covariance)
            scalings.append(scaling)
            rotations.append(rotation)
        found = {
            "classes_": classes,
            "priors_": _given_priors(params["priors"], counts),
            "means_": moments_of(getattr(state.statistic, "gram", state.statistic), state.class_slots()).mean(),
            "scalings_": scalings,
            "rotations_": rotations,
        }
        return found | ({"covariance_": covariances} if params["store_covariance"] else {})


def _given_priors(priors, counts: np.ndarray) -> np.ndarray:
    """The priors as they are given, one per class, or the classes' shares."""
    if priors is None:
        return counts / counts.sum()
    priors = np.array(priors, np.float64)
    if priors.shape != counts.shape:
        raise UndefinedAttributeError(
            f"{len(priors)} priors are given, but {len(counts)} classes are held. Pass one prior per class.",
            reason="priors",
        )
    return priors


def normalized_priors(priors: ArrayLike | None, counts: np.ndarray, warn: bool = False) -> np.ndarray:
    """Priors that are not negative and sum to 1."""
    priors = _given_priors(priors, counts)
    if (priors < 0).any():
        raise ParameterError("priors must be non-negative. They are the probabilities of the classes.")
    if abs(priors.sum() - 1.0) <= 1e-5:
        return priors
    if warn:
        warnings.warn("The priors do not sum to 1. Renormalizing", UserWarning, stacklevel=5)
    return priors / priors.sum()


def _units(statistic: Gram | Spread) -> np.ndarray:
    """Exponents of the powers of two, int64[d], that features are divided by: other than 0 for Spread alone."""
    if isinstance(statistic, Spread):
        return spreads_of(statistic)[0].units()
    return np.zeros(statistic.n_features, np.int64)


def _covariances(statistic: Gram | Spread, slots, units: np.ndarray | int = 0) -> list[np.ndarray]:
    """The covariance matrix of each class, by its slot, of all records for None, of features divided by 2**units.

    After Ledoit and Wolf for Spread.
    """
    if isinstance(statistic, Spread):
        return [spread.covariance(units) for spread in spreads_of(statistic, slots)]
    return [gram.covariance(units=units) for gram in grams_of(statistic, slots)]


def _mixture(weights, matrices) -> np.ndarray:
    return (weights[:, None, None] * matrices).sum(axis=0)


def _shrunk(covariance, shrinkage) -> np.ndarray:
    """By a given share; :func:`_covariances` has done what "auto" asks for."""
    return covariance if shrinkage in (None, "auto") else shrunk_covariance(covariance, shrinkage)


def _svd(within, shifts, weights, tol):
    """scikit-learn's solver "svd" on moments: features are made white within classes, then centres span the axes."""
    deviations = np.sqrt(within.diagonal())
    deviations[deviations == 0] = 1.0
    values, axes = (part[..., ::-1] for part in linalg.eigh(within / deviations / deviations[:, None]))
    rank = (values > max(tol**2, len(values) * np.finfo(float).eps * values[0])).sum()
    if not rank:
        raise _SingularCovariance(
            "No feature varies within any class, so the classes cannot be compared. Learn more rows.", reason="singular"
        )
    scalings = axes[:, :rank] / deviations[:, None] / np.sqrt(values[:rank])
    centres = np.sqrt(weights / max(1, len(weights) - 1))[:, None] * shifts @ scalings
    _, values, axes = linalg.svd(centres, full_matrices=False)
    with np.errstate(invalid="ignore"):  # one class, or classes of one mean
        ratios = values**2 / (values**2).sum()
    return scalings @ axes.T[:, : (values > tol * values[0]).sum()], ratios


def _eigen(between, within):
    """scikit-learn's solver "eigen": axes of the variance between classes against that within."""
    try:
        values, axes = (part[..., ::-1] for part in linalg.eigh(between, within))
    except linalg.LinAlgError as error:
        raise _SingularCovariance(
            "The covariance matrix within classes is not positive definite, so the solver 'eigen' has no solution. "
            "Learn more rows, or fit with another solver or with `shrinkage`.",
            reason="singular",
        ) from error
    with np.errstate(invalid="ignore"):
        return axes, values / values.sum()
