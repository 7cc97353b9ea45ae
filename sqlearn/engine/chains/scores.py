"""Scores of columns against classes, from exact sums: each rounded once, so which columns are chosen is exact."""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from sklearn.feature_selection import chi2, f_classif

from sqlearn.engine.chains.margins import Source, Terms, moments_of_terms

_Class = tuple[Fraction, Fraction, Fraction]  # weight, sum, and sum of squares


def _rounded(over: Fraction, under: Fraction) -> float:
    """A quotient of numbers that are not negative, as float64 divides them."""
    if not under:
        return math.inf if over else math.nan
    try:
        return float(over / under)
    except OverflowError:
        return math.inf


def _between_classes(classes: Sequence[_Class]) -> float:
    """The F statistic of one-way analysis of variance, as f_classif has it."""
    weight, total, square = (sum(values, Fraction(0)) for values in zip(*classes, strict=True))
    own = sum((part * part / number for number, part, _ in classes), Fraction(0))
    return _rounded((own - total * total / weight) * (weight - len(classes)), (square - own) * (len(classes) - 1))


def _of_counts(classes: Sequence[_Class]) -> float:
    """The chi-square statistic of sums, as chi2 has it."""
    weight, total = (sum(values, Fraction(0)) for values in list(zip(*classes, strict=True))[:2])
    shifts = sum(((part * weight - number * total) ** 2 / number for number, part, _ in classes), Fraction(0))
    return _rounded(shifts, weight * total)


_SCORES: list[tuple[Any, Callable[[Sequence[_Class]], float]]] = [(f_classif, _between_classes), (chi2, _of_counts)]


def is_scored(function: Any) -> bool:
    """Whether the scores of this function are known here."""
    return any(known is function for known, _ in _SCORES)


def class_scores(function: Any, source: Source, columns: Sequence[Terms]) -> np.ndarray:
    """Scores of columns against the classes of the records, float64[d]; NaN where a column or the classes say nothing.

    Parameters
    ----------
    function : callable
        One of scikit-learn's score functions that are known here.
    source : Source
        The sums of the records of each class.
    columns : list of dict
        Each column in terms of the variables that came in; no column is missing anywhere.
    """
    score = next(score for known, score in _SCORES if known is function)
    classes = [sums for sums in source.classes if sums.first[0]]
    found = [
        score([(sums.first[0], *moments_of_terms(terms, sums.first, sums.second)) for sums in classes])
        for terms in columns
        if classes
    ]
    return np.array(found if classes else [math.nan] * len(columns))


def variances(source: Source, columns: Sequence[Terms]) -> np.ndarray:
    """The variances of such columns, float64[d]; NaN without records."""
    first, second = source.whole.first, source.whole.second
    moments = [moments_of_terms(terms, first, second) for terms in columns]
    return np.array([_rounded(square * first[0] - total * total, first[0] ** 2) for total, square in moments])
