"""What follows from the counts of words: which are kept, their inverse document frequencies, what a learner reads."""

from dataclasses import dataclass
from fractions import Fraction
from numbers import Integral
from typing import Any

import numpy as np

from sqlearn.engine.arithmetic import add_product, nearest, normalized
from sqlearn.engine.kernels import kernel
from sqlearn.engine.readout import aligned, as_float, digits_of
from sqlearn.engine.sums import Statistic, Sums
from sqlearn.engine.text.documents import fixed_words
from sqlearn.engine.text.statistic import TextSums
from sqlearn.errors import UndefinedAttributeError


class FixedSums(Sums):
    """Sums made elsewhere, for a read-out to look at.

    Parameters
    ----------
    digits : int64[slots, cells, L]
        Balanced digits.
    low : int
        Index of the lowest.
    record_counts : int64[slots]
        Number of records of positive weight in each slot.
    n_features : int
        Number of features.
    """

    def __init__(self, digits: np.ndarray, low: int, record_counts: np.ndarray, n_features: int):
        self.n_features, self.n_targets, self.record_counts = n_features, 0, record_counts
        self._digits, self._low = digits, low

    def digits(self, slots=None):
        if slots is None:
            return normalized(self._digits.sum(axis=0, keepdims=True)), self._low
        return self._digits[slots], self._low


@dataclass
class Chosen:
    """The words that a learner sees.

    Attributes
    ----------
    words : list of str
        The words, in the order of their columns.
    slots : int64[n]
        Their slots, -1 for a word of a given vocabulary that no document has.
    documents : int64[n]
        Documents that have each.
    candidates : list of str
        The words that there were to select from.
    scores : float64[len(candidates)] or None
        The chi-square of each of these, where words are selected by it.
    """

    words: list[str]
    slots: np.ndarray
    documents: np.ndarray
    candidates: list[str]
    scores: np.ndarray | None = None


def chosen_words(state: Any) -> Chosen:
    """The words that are left of those held when all cuts have been made.

    Raises
    ------
    UndefinedAttributeError
        When there are none.
    """
    params, statistic = state.params, state.statistic
    fixed = fixed_words(params["vocabulary"])
    if fixed is None:
        words, slots = _cut(state)
    else:
        words, held = fixed, dict(zip(*statistic.words.ordered(), strict=True))
        slots = np.array([held.get(word, -1) for word in words], np.int64)
    documents = np.append(statistic.words.documents, 0)[slots]
    if params["select"] is None:
        return Chosen(words, slots, documents, words)
    scores = _chi_square(state, slots)
    ranked = np.where(np.isnan(scores), -np.inf, scores)
    kept = np.sort(np.argsort(ranked, kind="stable")[-params["select"] :])
    return Chosen([words[i] for i in kept.tolist()], slots[kept], documents[kept], words, scores)


def _cut(state: Any) -> tuple[list[str], np.ndarray]:
    """The words held that are neither too rare nor too common, and their slots."""
    params, counts = state.params, state.statistic.words
    words, slots = counts.ordered()
    if not words:
        raise _no_words(state, "its documents have no words, or stop words alone")
    n, lowest, highest = state.statistic.record_counts.sum(), params["min_df"], params["max_df"]
    at_least = lowest if isinstance(lowest, Integral) else lowest * n
    at_most = highest if isinstance(highest, Integral) else highest * n
    if at_most < at_least:
        raise _no_words(state, f"of its {n} documents, max_df={highest} allows fewer than min_df={lowest}")
    documents = counts.documents[slots]
    kept = np.flatnonzero((documents >= at_least) & (documents <= at_most))
    if not len(kept):
        raise _no_words(state, f"none is in at least min_df={lowest} and at most max_df={highest} of {n} documents")
    limit = params["max_features"]
    if limit is not None and len(kept) > limit:
        often = documents if params["binary"] else counts.occurrences[slots]
        kept = np.sort(kept[np.argsort(-often[kept], kind="stable")[:limit]])
    if len(kept) == len(words):
        return words, slots
    return [words[i] for i in kept.tolist()], slots[kept]


def _no_words(state: Any, why: str) -> UndefinedAttributeError:
    return UndefinedAttributeError(
        f"This {state.learner} has no words to tell classes by: {why}. Learn more documents, or fit with a lower "
        "min_df or a higher max_df.",
        reason="too few records",
    )


def _digits(member: Statistic, slots: np.ndarray) -> tuple[np.ndarray, int]:
    """Digits of the weights and of the sums of these words; all classes."""
    digits, low = member.digits(np.arange(len(member.record_counts)))
    found = digits[:, np.append(0, 1 + slots)]
    found[:, 1:][:, slots < 0] = 0
    return found, low


def _chi_square(state: Any, slots: np.ndarray) -> np.ndarray:
    """The chi-square of each word's values against the classes, by the operations of scikit-learn's `chi2`."""
    statistic: TextSums = state.statistic
    second = statistic.second if statistic.weighing.second == "values" else None
    digits, low = _digits(statistic if second is None else second, slots)
    of_classes = digits[state.class_slots()]
    whole = as_float(nearest(normalized(digits.sum(axis=0)), low), 0, "A sum")
    observed = as_float(nearest(of_classes, low), 0, "A sum")
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        expected = (observed[:, :1] / whole[0]) * whole[1:]
        scores = (observed[:, 1:] - expected) ** 2
        scores /= expected
        return scores.sum(axis=0)


def inverse_frequencies(documents: np.ndarray, n: int, smooth: bool) -> np.ndarray:
    """Inverse document frequencies of words that so many of n documents have, as ``TfidfTransformer`` computes them."""
    found = np.full(len(documents), float(n + smooth))
    found /= documents + float(smooth)
    np.log(found, out=found)
    found += 1.0
    return found


@kernel
def _multiply(digits, factors, out):
    """``out = digits * factors``: int64[slots, cells, L] by int64[cells, F]."""
    for r in range(digits.shape[0]):
        for c in range(digits.shape[1]):
            add_product(out[r, c], digits[r, c], factors[c], 1)


def _scaled(digits: np.ndarray, low: int, factors: np.ndarray, power: int) -> tuple[np.ndarray, int]:
    """Digits int64[slots, cells, L] times the powers of float64 factors, exactly."""
    different, codes = np.unique(factors, return_inverse=True)
    each = [digits_of(Fraction(factor) ** power) for factor in different.tolist()]
    table, factor_low = aligned(*each)
    of_cells = np.stack(table)[codes]
    out = np.zeros((*digits.shape[:2], digits.shape[2] + of_cells.shape[1] + 1), np.int64)
    _multiply(np.ascontiguousarray(digits), of_cells, out)
    return out, low + factor_low


def seen_sums(statistic: TextSums, chosen: Chosen, idf: np.ndarray | None) -> FixedSums:
    """What a learner would have summed of documents whose words have been cut and weighed."""
    parts = [_digits(statistic, chosen.slots)]
    if statistic.weighing.second == "squares" and statistic.second is not None:
        digits, low = _digits(statistic.second, chosen.slots)
        parts.append((digits[:, 1:], low))
    if idf is not None and statistic.weighing.threshold < 0.0:  # what counts as 1 does so times idf, too
        weights, low = parts[0][0][:, :1], parts[0][1]
        sums = (parts[0][0][:, 1:], low), *parts[1:]
        parts = [(weights, low), *(_scaled(*part, idf, power) for power, part in enumerate(sums, 1))]
    found, low = aligned(*parts)
    return FixedSums(np.concatenate(found, axis=1), low, statistic.record_counts, len(chosen.words))
