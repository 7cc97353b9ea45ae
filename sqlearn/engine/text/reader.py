"""The predictor of models over documents: what scikit-learn has as a pipeline."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.feature_selection import SelectKBest, SelectorMixin, chi2
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags

from sqlearn.engine.model import PredictsAsInner
from sqlearn.engine.sklearn_private import param_names
from sqlearn.engine.text.documents import as_documents, fixed_words
from sqlearn.engine.validation import Layout


class TextReader(PredictsAsInner, BaseEstimator):
    """A fitted predictor over documents.

    Attributes
    ----------
    vocabulary_ : mapping of str to int
        Column of each word that the learner sees.
    document_frequency_ : int64[d]
        Documents that have each.
    idf_ : float64[d]
        Inverse document frequencies, where they are asked for.
    candidates_ : object[n]
        The words that there were to select from, where words are selected.
    scores_ : float64[n]
        The chi-square of each of these.
    learner_ : estimator
        scikit-learn's estimator, fitted.
    """

    vocabulary_: Mapping[str, int]
    document_frequency_: np.ndarray
    learner_: Any
    _steps: tuple[Pipeline, Any] | None  # from documents to what the learner reads, and what answers; made when needed

    def __init__(
        self, *, analyzer=None, ngram_range=None, stop_words=None, lowercase=None, strip_accents=None,
        token_pattern=None, preprocessor=None, tokenizer=None, vocabulary=None, min_df=None, max_df=None,
        max_features=None, binary=None, sublinear_tf=None, tf_norm=None, idf=None, smooth_idf=None, norm=None,
        select=None,
    ):  # fmt: skip
        self.analyzer, self.ngram_range, self.stop_words, self.lowercase = analyzer, ngram_range, stop_words, lowercase
        self.strip_accents, self.token_pattern, self.preprocessor = strip_accents, token_pattern, preprocessor
        self.tokenizer, self.vocabulary, self.min_df, self.max_df = tokenizer, vocabulary, min_df, max_df
        self.max_features, self.binary, self.sublinear_tf, self.tf_norm = max_features, binary, sublinear_tf, tf_norm
        self.idf, self.smooth_idf, self.norm, self.select = idf, smooth_idf, norm, select
        self._steps = None

    def __getattr__(self, name):
        if name.endswith("_") and not name.startswith("_") and "learner_" in self.__dict__:
            return getattr(self.learner_, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __dir__(self):
        return sorted({*super().__dir__(), *dir(self.learner_)})

    @property
    def _learner(self):
        return self.learner_

    def __sklearn_tags__(self):
        return text_tags(self.learner_)

    def __sklearn_is_fitted__(self):
        return True

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """The words that the learner sees, in the order of their columns."""
        return _array(self.vocabulary_)

    def _documents(self, X: Any) -> list[str]:
        names = vars(self).get("feature_names_in_")
        if names is not None and hasattr(X, "columns"):
            Layout(1, names).check_names(X, "TextModel")
        return as_documents(X, single=False)[:, 0].tolist()

    def _answer(self, name, X, *args, **kwargs):
        steps = self._steps
        if steps is None:  # of threads that come here at once, each makes them; they are equal
            self._steps = steps = Pipeline(_reading(self, for_user=False)), _quick(self.learner_)
        return getattr(steps[1], name)(steps[0].transform(self._documents(X)), *args, **kwargs)


class _Chosen(SelectorMixin, BaseEstimator):
    """What ``SelectKBest`` is once it has compared the scores, which it does at each call."""

    def __init__(self, mask: np.ndarray | None = None) -> None:
        self.mask = mask

    def _get_support_mask(self):
        return self.mask

    def __sklearn_is_fitted__(self):
        return True


def pipeline_of(reader: TextReader) -> Pipeline:
    """The steps of scikit-learn's that predict the same."""
    return Pipeline([*_reading(reader, for_user=True), ("learner", reader.learner_)])


def _reading(reader: TextReader, *, for_user: bool) -> list[tuple[str, Any]]:
    """The steps up to the learner: scikit-learn's `for_user`; else those that cost least, and share the vocabulary."""
    names = {*param_names(CountVectorizer)} & {*param_names(type(reader))}
    vectorizer = CountVectorizer(**{name: getattr(reader, name) for name in names})
    norm = reader.tf_norm or reader.norm
    selects = reader.select is not None and (for_user or bool(norm))  # else only the words that were chosen are counted
    words = reader.candidates_.tolist() if selects else reader.vocabulary_
    shares = not (for_user or selects)
    vectorizer.vocabulary_ = words if shares else {word: column for column, word in enumerate(words)}
    vectorizer.fixed_vocabulary_ = fixed_words(reader.vocabulary) is not None
    steps: list[tuple[str, Any]] = [("words", vectorizer)]
    together = not selects and not norm  # then nothing comes between weights of one word and of all
    if norm or (reader.sublinear_tf and not (together and reader.idf)):
        steps.append(("tf", _fitted(TfidfTransformer(norm=norm, use_idf=False, sublinear_tf=reader.sublinear_tf),
                                    n_features_in_=len(words))))  # fmt: skip
    if selects:
        selector = SelectKBest(chi2, k=reader.select)
        _fitted(selector, scores_=np.array(reader.scores_), n_features_in_=len(words))
        steps.append(("select", selector if for_user else _Chosen(selector.get_support())))
    if reader.idf:
        tf_idf = TfidfTransformer(
            norm=None, smooth_idf=reader.smooth_idf, sublinear_tf=reader.sublinear_tf and together
        )
        steps.append(("idf", _fitted(tf_idf, idf_=np.array(reader.idf_), n_features_in_=len(reader.idf_))))
    return steps


def _quick(learner: Any) -> Any:
    """The learner, whose products with few sparse rows need not put all its logarithms in another order first."""
    if not isinstance(learner, MultinomialNB | ComplementNB):
        return learner
    found = copy.copy(learner)
    found.feature_log_prob_ = np.asfortranarray(found.feature_log_prob_)
    return found


def _fitted(estimator: Any, **attributes: Any) -> Any:
    vars(estimator).update(attributes)
    return estimator


def _array(words) -> np.ndarray:
    found = np.empty(len(words), object)
    found[:] = list(words)
    return found


def text_tags(learner: Any) -> Tags:
    """The learner's tags, as far as they hold for documents."""
    tags = learner.__sklearn_tags__()
    inputs = tags.input_tags
    inputs.string, inputs.two_d_array, inputs.one_d_array = True, False, True
    inputs.sparse = inputs.allow_nan = inputs.positive_only = False
    tags.array_api_support = False
    if tags.classifier_tags is not None:
        tags.classifier_tags.multi_label = False
    return tags
