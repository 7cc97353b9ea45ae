"""Learners over documents: vocabulary, document frequencies and choice of words that forget with the model."""

import copy
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from numbers import Integral
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.utils import Tags

from sqlearn.engine.model import ExactEstimator, Inner, PredictsAsInner, WeightedClassifier, records_like
from sqlearn.engine.readout import moments_of
from sqlearn.engine.sklearn_private import Interval, StrOptions, feature_names, parameter_constraints
from sqlearn.engine.text import (
    NORMS,
    TextReader,
    TextSums,
    Tokenizing,
    Weighing,
    as_documents,
    check_importable,
    check_tokens,
    chosen_words,
    inverse_frequencies,
    pipeline_of,
    seen_sums,
    text_tags,
)
from sqlearn.engine.validation import Features, Layout
from sqlearn.errors import DegenerateError, InvalidValueError, ParameterError, UndefinedAttributeError, shown
from sqlearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sqlearn.neighbors import NearestCentroid

_LEARNERS = (MultinomialNB, ComplementNB, BernoulliNB, NearestCentroid)
_OF_COUNTS = ("min_df", "max_df", "max_features")


class TextModel(PredictsAsInner, WeightedClassifier):
    """A learner over documents, which forgets them exactly: vocabulary, document frequencies and choice of words too.

    The state is how often each word occurs in each class, exactly. All that ``CountVectorizer``, ``TfidfTransformer``
    and ``SelectKBest(chi2)`` learn is read from these counts, so after ``forget`` it is what a refit without the
    document would have, bit for bit. A word whose last document goes is in no attribute, no pickle, and no digest.

    Parameters
    ----------
    learner : MultinomialNB, ComplementNB, BernoulliNB or NearestCentroid of this package
        What learns from the words. It is not changed; parameters of it are set as ``learner__alpha``.
    analyzer : {"word", "char", "char_wb"} or callable, default="word"
        As for scikit-learn's ``CountVectorizer``, as are the next ones. Callables are functions that can be imported.
    ngram_range : tuple (min_n, max_n), default=(1, 1)
        The lengths of n-grams.
    stop_words : {"english"} or list, default=None
        Words that do not count.
    lowercase : bool, default=True
        Whether letters are made small.
    strip_accents : {"ascii", "unicode"} or callable, default=None
        Whether accents are removed.
    token_pattern : str, default=r"(?u)\\b\\w\\w+\\b"
        Regular expression of a word.
    preprocessor, tokenizer : callable, default=None
        What makes a text of a text, and a list of words of a text.
    vocabulary : list, set or dict, default=None
        The words that count, in the order of their columns. It is a parameter: none of it is forgotten.
    min_df, max_df : float or int, default=1, 1.0
        Words in fewer, or in more, documents are left out: a share of the documents, or a number.
    max_features : int, default=None
        Only so many words are kept, those that occur most often; of equal ones those that come first in the alphabet.
    binary : bool, default=False
        Whether a word of a document counts once.
    sublinear_tf : bool, default=False
        Whether a count is replaced by 1 plus its logarithm.
    tf_norm : {"l1", "l2"}, default=None
        Norm by which the values of a document are divided, before `idf`. A document's norm must not depend on others,
        so `min_df`, `max_df` and `max_features` are left at their defaults then.
    idf : bool, default=False
        Whether values are multiplied by inverse document frequencies.
    smooth_idf : bool, default=True
        Whether these are smoothed, as if one more document had every word.
    norm : {"l1", "l2"}, default=None
        As for ``TfidfTransformer``: the norm after `idf`, which is refused with ``idf=True``, as its sums over
        documents do not follow from counts. Without `idf` it is `tf_norm`.
    select : int, default=None
        Only so many words are kept, those whose values have the greatest chi-square against the classes, as by
        ``SelectKBest(chi2, k=select)`` before `idf`; of equal ones those that come last in the alphabet.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    learner_ : estimator
        scikit-learn's estimator, fitted to the words. Its attributes (``feature_log_prob_``, ``classes_``, ...) are
        this model's, too.
    vocabulary_ : mapping of str to int
        Column of each word that the learner sees; it cannot be written to.
    document_frequency_ : int64 ndarray of shape (n_words,)
        Number of documents that have each of these words.
    idf_ : float64 ndarray of shape (n_words,)
        Their inverse document frequencies, with ``idf=True``.
    candidates_, scores_ : object and float64 ndarray of shape (n_candidates,)
        With `select`: the words that there were to select from, and the chi-square of each.
    n_features_in_ : int
        Number of columns: 1, the documents.
    feature_names_in_ : object ndarray of shape (1,)
        The name of this column, if the first documents came in a frame.
    n_records_ : int
        Number of documents held.

    See Also
    --------
    sqlearn.compose.TableModel : The same for tables of numbers and categories.
    sqlearn.verify : Compares a model with its refit.

    Notes
    -----
    A record is a document, by its text, and its label and weight. Another text with the same words is another record.
    Documents of weight 0 are held, and their words count nowhere; the weights of others count in sums and chi-squares,
    not in numbers of documents and occurrences. With ``fit``, documents without any word that is kept are refused, as
    scikit-learn does; updates may leave such, and then the fitted attributes are undefined. See docs/text.md.

    Examples
    --------
    >>> from sqlearn.compose import TextModel
    >>> from sqlearn.naive_bayes import MultinomialNB
    >>> texts = ["free prize, claim it now", "see you at lunch", "claim your cash prize"]
    >>> model = TextModel(MultinomialNB(), min_df=2).fit(texts, ["spam", "ham", "spam"])
    >>> model.get_feature_names_out()
    array(['claim', 'prize'], dtype=object)
    >>> model.partial_fit("lunch was a prize", "ham").predict(["lunch now"])
    array(['ham'], dtype='<U4')
    >>> model.forget("claim your cash prize", "spam").get_feature_names_out()
    array(['lunch', 'prize'], dtype=object)
    >>> texts = ["free prize, claim it now", "see you at lunch", "lunch was a prize"]
    >>> model.digest() == TextModel(MultinomialNB(), min_df=2).fit(texts, ["spam", "ham", "ham"]).digest()
    True
    """

    _sklearn_class = TextReader
    _parameter_constraints: ClassVar[dict] = {
        **{
            name: constraints
            for name, constraints in parameter_constraints(CountVectorizer).items()
            if name not in ("input", "encoding", "decode_error", "dtype")
        },
        **{name: parameter_constraints(TfidfTransformer)[name] for name in ("smooth_idf", "sublinear_tf")},
        "tf_norm": [StrOptions({"l1", "l2"}), None],
        "norm": [StrOptions({"l1", "l2"}), None],
        "idf": ["boolean"],
        "select": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        learner: ExactEstimator,
        *,
        analyzer: str | Callable = "word",
        ngram_range: tuple[int, int] = (1, 1),
        stop_words: str | list[str] | None = None,
        lowercase: bool = True,
        strip_accents: str | Callable | None = None,
        token_pattern: str | None = r"(?u)\b\w\w+\b",
        preprocessor: Callable | None = None,
        tokenizer: Callable | None = None,
        vocabulary: Collection[str] | Mapping[str, int] | None = None,
        min_df: float = 1,
        max_df: float = 1.0,
        max_features: int | None = None,
        binary: bool = False,
        sublinear_tf: bool = False,
        tf_norm: str | None = None,
        idf: bool = False,
        smooth_idf: bool = True,
        norm: str | None = None,
        select: int | None = None,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.learner = learner
        self.analyzer = analyzer
        self.ngram_range = ngram_range
        self.stop_words = stop_words
        self.lowercase = lowercase
        self.strip_accents = strip_accents
        self.token_pattern = token_pattern
        self.preprocessor = preprocessor
        self.tokenizer = tokenizer
        self.vocabulary = vocabulary
        self.min_df = min_df
        self.max_df = max_df
        self.max_features = max_features
        self.binary = binary
        self.sublinear_tf = sublinear_tf
        self.tf_norm = tf_norm
        self.idf = idf
        self.smooth_idf = smooth_idf
        self.norm = norm
        self.select = select
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
    def takes_documents(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Tags:
        return text_tags(self._learner)

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        learner = params["learner"]
        _check_learner(learner)
        own = Inner(learner).checked_params()
        if own["key"] is not None or own["ledger"] is not True:
            raise ParameterError(
                "The learner inside a TextModel must not have a ledger or key of its own. Set `ledger` and `key` of "
                "the TextModel, and leave the learner's at their defaults."
            )
        if own.get("metric") == "manhattan":
            raise ParameterError(
                "metric='manhattan' takes medians of the values of words, which are not sums over documents. Set "
                "metric='euclidean'."
            )
        for name, value in own.items():  # of a copy: `params` are what checked_params returned
            setattr(learner, name, value)
        if np.ndim(own.get("alpha", 0)):
            raise ParameterError(
                f"alpha={shown(own['alpha'])} is a number for each word, and words come and go. Set one number for all."
            )
        if params["idf"] and own.get("binarize", 0.0) != 0.0:
            raise ParameterError(
                f"binarize={shown(own['binarize'])} would look at values times idf, which change with every document, "
                "and so would what is counted of each. Leave binarize at 0.0, or idf at False."
            )
        _check_norms(params)
        check_importable(params)
        check_tokens(params)
        if params["idf"] and not params["smooth_idf"] and params["vocabulary"] is not None:
            raise ParameterError(
                "Without smooth_idf, a word of the given vocabulary that no document has would have an infinite idf. "
                "Leave smooth_idf True, or leave vocabulary out."
            )
        Tokenizing(params)

    # ------------------------------------------------------------------ records

    def _validated(self, params, X, y, sample_weight, layout, *, single):
        if sample_weight is not None and not params["learner"].takes_weights:
            raise InvalidValueError(
                f"{type(params['learner']).__name__} takes no sample weights. Nothing was changed: leave "
                "sample_weight out.",
                reason="weight",
            )
        names = feature_names(X) if hasattr(X, "columns") else None
        documents = as_documents(X, single=single)
        if names is not None and layout is not None:
            layout.check_names(X, type(self).__name__)
        batch, found = super()._validated(params, documents, y, sample_weight, layout, single=single)
        return batch, found if layout is not None else replace(found, feature_names_in_=names)

    def _features(self, spec, X, layout):
        tokenizing = Tokenizing(self.get_params(deep=False), first=layout is None)
        return tokenizing.features(X[:, 0].tolist()), Layout(1) if layout is None else layout

    def _understood(self, X, y):
        return super()._understood(as_documents(X, single=False), y)

    def _in_force(self, params, layout):
        return params | {"learner": clone(params["learner"])}, layout

    def _new_statistic(self, params, n_features, n_targets):
        return TextSums(n_targets, _weighing(params), Tokenizing(params))

    def _check_fit(self, batch):
        if not batch.x.shape[1]:
            raise DegenerateError(
                "empty vocabulary; perhaps the documents only contain stop words. Nothing was changed: pass documents "
                "with words, or learn these by partial_fit."
            )
        n = len(batch)
        one = Features.of_numbers(np.arange(n, dtype=np.float64)[:, None])
        Inner(self.learner).check_fit(replace(batch, x=one.x, inputs=None))

    def _check_fit_of(self, state):
        Inner(self.learner).check_fit(records_like(state, 1))

    def _check_learned(self, state):
        try:
            chosen = chosen_words(state)
        except UndefinedAttributeError as error:
            raise DegenerateError(
                f"After pruning, no terms remain. Try a lower min_df or a higher max_df. {error} Nothing was changed."
            ) from error
        if isinstance(state.params["learner"], NearestCentroid):
            variances = moments_of(seen_sums(state.statistic, chosen, None), None).variance()
            if not variances.any():
                raise DegenerateError(
                    "All features have zero variance. Division by zero. Nothing was changed: pass documents that "
                    "differ, or learn these by partial_fit."
                )

    # ------------------------------------------------------------------ reading

    def _read_out(self, state):
        params, learner = state.params, state.params["learner"]
        chosen = chosen_words(state)
        found: dict[str, Any] = {
            "vocabulary_": MappingProxyType({word: column for column, word in enumerate(chosen.words)}),
            "document_frequency_": chosen.documents,
        }
        idf = None
        if params["idf"]:
            n = int(state.statistic.record_counts.sum())
            found["idf_"] = idf = inverse_frequencies(chosen.documents, n, params["smooth_idf"])
        if chosen.scores is not None:
            candidates = np.empty(len(chosen.candidates), object)
            candidates[:] = chosen.candidates
            found |= {"candidates_": candidates, "scores_": chosen.scores}
        seen = copy.copy(state)
        seen.learner, seen.params = type(learner).__name__, learner.get_params(deep=False)
        seen.statistic, seen.fitted_sklearn = seen_sums(state.statistic, chosen, idf), None
        seen.layout = replace(state.layout, n_features_in_=len(chosen.words), feature_names_in_=None)
        return found | {"learner_": Inner(learner).fitted_sklearn(seen)}

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the words that the learner sees, in the order of their columns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Ignored.

        Returns
        -------
        object ndarray of shape (n_words,)
            The words.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        UndefinedAttributeError
            If the documents held determine no model, or have no words that are kept.
        """
        return self._fitted_sklearn().get_feature_names_out(input_features)

    def to_sklearn(self) -> Any:
        """Return a fitted scikit-learn ``Pipeline`` that predicts the same.

        Its steps are a ``CountVectorizer`` and, where they are asked for, ``TfidfTransformer`` and ``SelectKBest``, and
        the learner. It holds nothing of the model's state, so it cannot forget.

        Returns
        -------
        sklearn.pipeline.Pipeline
            The steps, fitted.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        UndefinedAttributeError
            If the documents held determine no model, or have no words that are kept.

        Examples
        --------
        >>> from sqlearn.compose import TextModel
        >>> from sqlearn.naive_bayes import MultinomialNB
        >>> model = TextModel(MultinomialNB()).fit(["good tea", "bad tea"], [1, 0])
        >>> list(model.to_sklearn().named_steps)
        ['words', 'learner']
        """
        return copy.deepcopy(pipeline_of(self._fitted_sklearn()))


def _check_learner(learner: Any) -> None:
    if isinstance(learner, _LEARNERS):
        return
    names = ", ".join(kind.__name__ for kind in _LEARNERS)
    if isinstance(learner, type) and issubclass(learner, _LEARNERS):
        raise ParameterError(
            f"learner must be an estimator, not a class. Pass an instance: {learner.__name__}().", value=learner
        )
    if not isinstance(learner, ExactEstimator):
        raise ParameterError(
            f"learner must be an estimator of sqlearn, not {shown(learner)}, which cannot forget. Take one of {names} "
            "of sqlearn.",
            value=learner,
        )
    raise ParameterError(
        f"{type(learner).__name__} cannot learn inside a TextModel: it does not follow from the sums of words in each "
        f"class, which are all that is kept of documents. Take one of {names}; or learn the rows of a "
        "HashingVectorizer, which learns nothing from documents, by that learner.",
        value=learner,
    )


def _check_norms(params: dict) -> None:
    norm, tf_norm = params["norm"], params["tf_norm"]
    if norm is not None and params["idf"]:
        raise ParameterError(
            f"norm={norm!r} divides the values of a document by their norm after idf, which changes with every other "
            "document: the sums over documents would not follow from counts, and none could be forgotten exactly. Set "
            f"tf_norm={norm!r} for the norm before idf, or idf=False."
        )
    if norm is not None and tf_norm is not None:
        raise ParameterError(f"Without idf, norm={norm!r} and tf_norm={tf_norm!r} are the same norm. Set one of them.")
    cut = [name for name in _OF_COUNTS if params[name] is not None]
    cut = [name for name in cut if not (name == "min_df" and params[name] == 1 and isinstance(params[name], int))]
    cut = [name for name in cut if not (name == "max_df" and params[name] == 1.0 and isinstance(params[name], float))]
    if (norm or tf_norm) and cut and params["vocabulary"] is None:
        raise ParameterError(
            f"With {' and '.join(cut)}, the words that count in a document's norm would depend on the other documents. "
            f"Set no {'norm' if norm else 'tf_norm'}, or choose words in another way: by `select`, which comes after "
            "the norm, by stop_words, or by a given vocabulary."
        )


def _weighing(params: dict) -> Weighing:
    """What is summed of a word for the learner inside."""
    learner, threshold, second = params["learner"], -1.0, ""
    if isinstance(learner, BernoulliNB) and learner.binarize is not None:
        threshold = float(learner.binarize)
        second = "" if params["select"] is None else "values"
    elif isinstance(learner, NearestCentroid):
        second = "squares"
    norm = NORMS[params["tf_norm"] or params["norm"]]
    return Weighing(params["binary"], params["sublinear_tf"], norm, threshold, second)
