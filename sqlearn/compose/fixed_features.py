"""Fixed maps of single rows in front of a learner: hashed words, polynomials, splines, frozen networks."""

import copy
import warnings
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import EfficiencyWarning
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import Tags, get_tags

from sqlearn.compose.answers import BehindMap, MapAnswers
from sqlearn.compose.behind import check_learner, of_images
from sqlearn.compose.inputs import as_given, canonical, kind_for, name_of, named
from sqlearn.engine.maps import FixedMap, Image
from sqlearn.engine.model import (
    Adaptive,
    ExactEstimator,
    Inner,
    RenamedReport,
    State,
    WeightedClassifier,
    if_learner_has,
)
from sqlearn.engine.validation import check_sparse, comparable, unmasked
from sqlearn.errors import InvalidValueError, SqlearnError


class FixedFeatures(RenamedReport, MapAnswers, WeightedClassifier):
    """A fixed map of single rows in front of a learner: the model forgets rows exactly, whatever they are mapped to.

    The image of a row under a map that looks at this row alone is a function of the record, so whatever learns images
    forgets rows. Texts are hashed to words, numbers expanded to polynomials or random Fourier features, or all of it
    goes through a network that stays as it is; see docs/fixed_features.md.

    Parameters
    ----------
    transformer : transformer, function or object with ``encode``
        What maps rows. Of scikit-learn's transformers those that learn nothing from rows: HashingVectorizer,
        PolynomialFeatures, SplineTransformer with given `knots`, RBFSampler with a number as `gamma` and an int as
        `random_state`, Normalizer, FunctionTransformer of a function that can be imported, and pipelines of such. They
        are told by two fits to made-up rows, which must leave them in one state. What was fitted to rows is taken if
        it is frozen on purpose, inside ``sklearn.frozen.FrozenEstimator``: it remembers those rows. Anything else that
        has ``transform`` or ``encode``, or can be called, is given an array of rows or a list of texts and returns a
        row of numbers for each. Parameters of it are set as ``transformer__degree``.
    learner : estimator of this package
        What learns the images. It is not changed; parameters of it are set as ``learner__alpha``.
    fingerprint : str, default=None
        What names the map in digests, for one whose parts cannot be walked, such as a network in a library's own
        memory. With it you promise that a map of this name stays as it is; it is then not copied.
    row_by_row : bool, default=False
        Whether to map every row on its own. By default rows go in batches, if those of a sample have the same bits
        there as alone.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    learner_ : estimator
        scikit-learn's estimator, fitted to the images. Its attributes (``coef_``, ``classes_``, ...) are this model's,
        too.
    transform_digest_ : str
        Identity of the map: a hash of its class, its package's version, its parameters and fitted arrays, or of
        `fingerprint`.
    n_features_in_ : int
        Number of columns of a row; 1 for texts.
    feature_names_in_ : object ndarray of shape (n_features_in_,)
        Names of the features, if the first records had names that are strings.
    n_records_ : int
        Number of records held.

    See Also
    --------
    TableModel : Encodes and scales with what it holds, and forgets that too.
    sqlearn.verify : Compares a model with its refit.

    Notes
    -----
    A record is the row as it was given, with its label and weight: its digest covers the row, and the bits of its
    image. Two rows of one image are two records. The first rows tell whether rows are numbers, sparse numbers, texts,
    or tables of text and numbers; later ones are brought to that form.

    A map that goes through BLAS, or pads texts to one length, gives a row other bits in a batch than alone. ``fit``
    looks for that on a sample; where it finds it, rows are mapped one by one, and an ``EfficiencyWarning`` says so.
    RBFSampler is evaluated by this package's own kernel. Digests agree across machines as far as the map's bits do.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import HashingVectorizer
    >>> from sqlearn.compose import FixedFeatures
    >>> from sqlearn.linear_model import RidgeClassifier
    >>> texts, spam = ["buy now", "see you", "cheap, buy", "at noon"], [1, 0, 1, 0]
    >>> hashed = HashingVectorizer(n_features=16)
    >>> model = FixedFeatures(hashed, RidgeClassifier()).fit(texts, spam)
    >>> model.predict(["buy"])
    array([1])
    >>> model.forget("cheap, buy", 1).n_records_
    3
    >>> model.digest() == FixedFeatures(hashed, RidgeClassifier()).fit(texts[:2] + texts[3:], [1, 0, 0]).digest()
    True
    """

    _sklearn_class = BehindMap
    _not_copied = frozenset({"transformer"})
    _parameter_constraints: ClassVar[dict] = {"fingerprint": [str, None], "row_by_row": ["boolean"]}

    def __init__(
        self,
        transformer: Any,
        learner: ExactEstimator,
        *,
        fingerprint: str | None = None,
        row_by_row: bool = False,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.transformer = transformer
        self.learner = learner
        self.fingerprint = fingerprint
        self.row_by_row = row_by_row
        self.ledger = ledger
        self.key = key

    # ------------------------------------------------------------------ whose rules hold

    @property
    def _learner(self):
        """The learner in force: that of the last ``fit``."""
        state = self.__dict__.get("_state")
        return self.learner if state is None else state.params["learner"]

    @property
    def _takes_weights(self):  # type: ignore[override]
        return self._learner.takes_weights

    @property
    def _target(self):  # type: ignore[override]
        return self._learner.target

    @property
    def takes_documents(self) -> bool:
        state = self.__dict__.get("_state")
        return kind_for(self.transformer if state is None else state.params["transformer"]) == "text"

    def __sklearn_tags__(self) -> Tags:
        tags = self._learner.__sklearn_tags__()
        own = tags.input_tags
        own.categorical = own.pairwise = False
        given = self.transformer.transform if isinstance(self.transformer, FixedMap) else self.transformer
        if hasattr(given, "get_params") and not isinstance(given, type):
            theirs = get_tags(given).input_tags
            own.string, own.positive_only = theirs.string, theirs.positive_only
            own.two_d_array, own.allow_nan = theirs.two_d_array, theirs.allow_nan
        else:
            own.allow_nan = own.positive_only = False
        own.sparse = own.two_d_array  # where the map takes none, they are written out
        tags.array_api_support = False
        if tags.transformer_tags is not None:
            tags.transformer_tags.preserves_dtype = ["float64"]
        return tags

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        check_learner(params, FixedFeatures)

    # ------------------------------------------------------------------ records

    def _validated(self, params, X, y, sample_weight, layout, *, single):
        through, learner = params["transformer"], params["learner"]
        if sample_weight is not None and not learner.takes_weights:
            raise InvalidValueError(
                f"{type(learner).__name__} takes no sample weights. Nothing was changed: leave sample_weight out.",
                reason="weight",
            )
        X = as_given(X, kind_for(through))
        return super()._validated(params, X, y, sample_weight, layout, single=single)

    def _features(self, spec, X, layout):
        through = None if layout is None else self.transformer
        rows, kind, found = canonical(spec, X, layout, through or self.transformer)
        if through is None:
            names = None if found.feature_names_in_ is None else tuple(found.feature_names_in_.tolist())
            with named(self.transformer, rows):
                through, images, differs = FixedMap.of(
                    self.transformer, rows, kind, names, self.fingerprint, self.row_by_row
                )
            if differs:
                warnings.warn(
                    f"{name_of(self.transformer)} gives a row other bits in a batch than alone, so FixedFeatures "
                    "maps rows one by one. That takes longer; row_by_row=True says that it is meant.",
                    EfficiencyWarning,
                    stacklevel=2,
                )
            own = None
        else:
            with named(through.transform, rows):
                images = through.images(rows, checked=True)
            own = of_images(layout, through)
        try:
            features, own = Inner(self.learner).features(images, own)
        except SqlearnError as error:
            raise type(error)(
                f"The images of these rows are not taken. {error}",
                row=error.row,
                column=error.column,
                value=error.value,
                reason=error.reason,
            ) from error
        layout = replace(
            own,
            n_features_in_=found.n_features_in_,
            feature_names_in_=found.feature_names_in_,
            through=through,
        )
        return features._replace(inputs=through.names_of(rows, images)), layout

    def _responses(self, spec, y, x, layout, *, first):
        return Inner(self.learner).responses(spec, y, x, layout, first=first)

    def _check_batch(self, batch):
        inner = Inner(self.learner)
        inner.check_targets(batch.targets)
        inner.check_batch(batch)

    def _in_force(self, params, layout):
        learner, own = Inner(params["learner"]).in_force(of_images(layout, layout.through))
        whole = replace(
            own, n_features_in_=layout.n_features_in_, feature_names_in_=layout.feature_names_in_, through=None
        )
        return params | {"learner": learner, "transformer": layout.through}, whole

    def _has_labels(self, params, layout):
        return Inner(params["learner"]).has_labels(layout)

    def _new_statistic(self, params, n_features, n_targets):
        return Inner(params["learner"]).own_statistic(n_features, n_targets)

    def _check_fit(self, batch):
        Inner(self.learner).check_fit(batch)

    def _check_learned(self, state):
        inner = Inner(state.params["learner"])
        if inner.checks_learned:
            inner.check_learned(self._seen(state))

    # ------------------------------------------------------------------ reading

    def pending_params(self) -> list[str]:
        state = self._fitted_state()
        through: FixedMap = state.params["transformer"]
        pending = [
            name for name in super().pending_params() if name.partition("__")[0] not in ("transformer", "learner")
        ]
        if type(self.learner) is type(state.params["learner"]):
            inner = Inner(self.learner).fitted(self._seen(state))
            pending += [f"learner__{name}" for name in inner.pending_params()]
        else:
            pending.append("learner")
        if not through.computes_as(self.transformer, self.fingerprint):
            pending.append("transformer")
        return sorted(pending)

    def _seen(self, state: State) -> State:
        """The state that the learner would have after learning the images."""
        learner, seen = state.params["learner"], copy.copy(state)
        seen.learner, seen.params = type(learner).__name__, learner.get_params(deep=False)
        seen.layout = of_images(state.layout, state.params["transformer"])
        seen.fitted_sklearn = None
        return seen

    def _inner(self) -> Any:
        """The learner with that state."""
        return self._fitted_sklearn().inner

    def _read_out(self, state):
        inner = Inner(state.params["learner"]).fitted(self._seen(state))
        Inner(inner).check_answers()
        return {"inner": inner, "transform_digest_": state.params["transformer"].digest}

    @property
    def learner_(self) -> Any:
        """scikit-learn's estimator, fitted to the images: a copy."""
        return self._inner().to_sklearn()

    def fitted_attributes(self) -> dict[str, Any]:
        fitted = self._fitted_sklearn()
        found = fitted.inner.fitted_attributes() | {"transform_digest_": fitted.transform_digest_}
        names = self._fitted_state().feature_names_in_
        found |= {"n_features_in_": fitted.n_features_in_}
        return found if names is None else found | {"feature_names_in_": names}

    def _images_of(self, X: Any) -> Image:
        state = self._fitted_state()
        through: FixedMap = state.params["transformer"]
        check_sparse(X)
        X = as_given(unmasked(X, "X"), through.kind)
        rows, _, _ = canonical(self._spec(state.params), X, comparable(state.layout, X), through)
        with named(through.transform, rows):
            return through.images(rows)

    def _understood(self, X: Any, y: Any) -> Any:
        return self._images_of(X)

    def _answer(self, name: str, *args: Any, **kwargs: Any) -> Any:
        X, *rest = args
        inner = self._inner()
        return getattr(inner, name)(self._images_of(X), *rest, **kwargs)

    def images(self, X: Any) -> Any:
        """Map rows as the learner sees them.

        Parameters
        ----------
        X : array-like, sparse matrix, frame or list of str
            Rows, as they are learned.

        Returns
        -------
        float64 ndarray or CSR array of shape (n_rows, n_features_out)
            Their images, each with the bits that it has alone.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.

        Examples
        --------
        >>> from sklearn.preprocessing import PolynomialFeatures
        >>> from sqlearn.compose import FixedFeatures
        >>> from sqlearn.linear_model import Ridge
        >>> model = FixedFeatures(PolynomialFeatures(3), Ridge()).fit([[1.0], [2.0], [3.0]], [1.0, 8.0, 27.0])
        >>> model.images([[2.0]])
        array([[1., 2., 4., 8.]])
        """
        return self._images_of(X)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the names of the columns of ``transform``; for learners without it, of :meth:`images`.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features, if the first records had none.

        Returns
        -------
        ndarray of str
            The names.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        state = self._fitted_state()
        through: FixedMap = state.params["transformer"]
        given = state.feature_names_in_ if input_features is None else input_features
        names = through.names_out(given)
        inner = self._inner()
        if hasattr(inner, "transform") and hasattr(inner, "get_feature_names_out"):
            return inner.get_feature_names_out(names)
        return names

    def to_sklearn(self) -> Any:
        """Return a fitted pipeline of scikit-learn's: the map, and an estimator with this model's attributes.

        It holds nothing of the model's state, so it cannot forget, and its attributes may be changed. It maps rows in
        the batches in which they come, so predictions may differ from the model's in their last bits.

        Returns
        -------
        Pipeline
            With the steps ``"transform"`` and ``"learner"``.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        UndefinedAttributeError
            If the records held determine no model.

        Examples
        --------
        >>> from sklearn.preprocessing import PolynomialFeatures
        >>> from sqlearn.compose import FixedFeatures
        >>> from sqlearn.linear_model import LinearRegression
        >>> model = FixedFeatures(PolynomialFeatures(2), LinearRegression()).fit([[1.0], [2.0], [4.0]], [1.0, 4, 16])
        >>> model.to_sklearn().predict([[3.0]]).round(6)
        array([9.])
        """
        fitted = self.learner_
        through: FixedMap = self._fitted_state().params["transformer"]
        given = through.transform
        if not (hasattr(given, "fit") and hasattr(given, "transform")):
            given = FunctionTransformer(through.function)
        elif through.fingerprint is None:
            given = copy.deepcopy(given)
        return Pipeline([("transform", given), ("learner", fitted)])

    @property
    def last_update_(self) -> Any:
        """What the last update did, of a learner that keeps its records."""
        if not hasattr(type(self._learner), "last_update_"):
            raise AttributeError(f"{type(self._learner).__name__} does not report updates.")
        if isinstance(self._learner, Adaptive):
            self._fitted_sklearn()
        state = self._fitted_state()
        return Inner(state.params["learner"]).fitted(self._seen(state)).last_update_

    @if_learner_has
    def drop_memo(self) -> Self:
        """Drop the sums kept from before the last breaks, which save time but tell of the past.

        Returns
        -------
        FixedFeatures
            The model itself.
        """
        state = self._fitted_state()
        Inner(state.params["learner"]).fitted(self._seen(state)).drop_memo()
        return self
