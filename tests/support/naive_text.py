"""The slow twin of TextModel in plain Python: counts of words of the documents held, counted anew each time."""

import math
from collections import Counter
from fractions import Fraction

from sklearn.feature_extraction.text import CountVectorizer


def counted(texts, **parameters):
    """The words of each document, how often each occurs, in the order in which they come."""
    analyze = CountVectorizer(**parameters).build_analyzer()
    return [Counter(analyze(text)) for text in texts]


def values_of(counts, *, binary=False, sublinear=False, norm=None):
    """What a document's words count, as floats; a logarithm here may differ from the engine's in its last bits."""
    values = {word: 1.0 if binary else float(count) for word, count in counts.items()}
    if sublinear:
        values = {word: 1.0 + math.log(value) for word, value in values.items()}
    if norm is not None:
        total = sum(values.values()) if norm == "l1" else math.sqrt(sum(value * value for value in values.values()))
        values = {word: value / total for word, value in values.items()}
    return values


def sums_of(values, labels, weights):
    """Weight of each class, and exact sum of each word in each: dict of label to Fraction, of (label, word) to it."""
    classes, words = Counter(), Counter()
    for found, label, weight in zip(values, labels, weights, strict=True):
        if weight > 0:
            classes[label] += Fraction(weight)
            for word, value in found.items():
                words[label, word] += Fraction(weight) * Fraction(value)
    return classes, words


def documents_with(counts, weights):
    """Number of documents of positive weight that have each word, and of its occurrences there."""
    documents, occurrences = Counter(), Counter()
    for found, weight in zip(counts, weights, strict=True):
        if weight > 0:
            documents.update(found.keys())
            occurrences.update(found)
    return documents, occurrences


def kept_words(counts, weights, *, min_df=1, max_df=1.0, max_features=None, binary=False):
    """The words that are left, sorted."""
    documents, occurrences = documents_with(counts, weights)
    n = sum(weight > 0 for weight in weights)
    least, most = (limit * n if isinstance(limit, float) else limit for limit in (min_df, max_df))
    words = sorted(word for word, number in documents.items() if least <= number <= most)
    if max_features is not None:
        often = documents if binary else occurrences
        words = sorted(sorted(words, key=lambda word: -often[word])[:max_features])
    return words
