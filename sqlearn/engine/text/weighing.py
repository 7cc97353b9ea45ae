"""From tokens to counts, and from counts to what is summed of a document.

A document's words stand in the order in which it has them first. Norms are sums in this order, so they depend on the
document alone, and not on those that came with it.
"""

from typing import NamedTuple

import numpy as np

from sqlearn.engine.arithmetic import log
from sqlearn.engine.kernels import fma, kernel

NORMS = {None: 0, "l1": 1, "l2": 2}


class Weighing(NamedTuple):
    """What is summed of each word of a document.

    Attributes
    ----------
    binary : bool
        Whether a word counts once.
    sublinear : bool
        Whether a count is replaced by 1 plus its logarithm.
    norm : int
        The norm by which the row is divided, 0 for none: see `NORMS`.
    threshold : float
        Above it a value counts as 1, at most there as 0; negative where values are summed as they are.
    second : {"", "squares", "values"}
        What a second sum holds: nothing, the squares of the values, or the values before the threshold.
    """

    binary: bool = False
    sublinear: bool = False
    norm: int = 0
    threshold: float = -1.0
    second: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether values are whole numbers, whose squares are exact."""
        return not self.sublinear and not self.norm


@kernel
def count_tokens(tokens, ends, seen, words, counts, lengths):
    """Count the tokens of documents, one after the other; how many words they have, those of each document by itself.

    Parameters
    ----------
    tokens : int32[t]
        Word of each token, negative for those that do not count.
    ends : int64[n]
        Where each document's tokens end.
    seen : int64[w]
        Work space, one number for each word, all -1.
    words, counts : int32[t]
        Where the words of each document and their counts go.
    lengths : int64[n]
        Where the number of each document's words goes.
    """
    n = 0
    start = 0
    for d in range(len(ends)):
        first = n
        for t in range(start, ends[d]):
            word = tokens[t]
            if word < 0:
                continue
            if seen[word] >= first:
                counts[seen[word]] += 1
            else:
                seen[word] = n
                words[n] = word
                counts[n] = 1
                n += 1
        start = ends[d]
        lengths[d] = n - first
    return n


@kernel
def weigh_words(counts, indptr, binary, sublinear, norm, values):
    """Write the values of the words of documents: of counts float64[nnz] into `values`, float64[nnz]."""
    for d in range(len(indptr) - 1):
        start, stop = indptr[d], indptr[d + 1]
        total = 0.0
        for k in range(start, stop):
            value = 1.0 if binary else counts[k]
            if sublinear:
                value = log(value) + 1.0
            values[k] = value
            total += value * value if norm == 2 else value
        if norm == 2:
            total = np.sqrt(total)
        if norm > 0:
            for k in range(start, stop):
                values[k] = values[k] / total


@kernel
def square_words(values, out):
    """Write the square of each value, rounded, and behind it the rounding error."""
    for k in range(len(values)):
        product = values[k] * values[k]
        out[2 * k] = product
        out[2 * k + 1] = fma(values[k], values[k], -product)


@kernel
def count_documents(documents, occurrences, slots, counts, indptr, weights, sign):
    """Add documents of positive weight to the numbers of documents and occurrences of their words, or subtract."""
    for d in range(len(weights)):
        if weights[d] > 0.0:
            for k in range(indptr[d], indptr[d + 1]):
                documents[slots[k]] += np.int64(sign)
                occurrences[slots[k]] += np.int64(sign * counts[k])


@kernel
def first_uncounted(left, slots, indptr, weights):
    """Take documents off the numbers `left` of their words; the first for which nothing is left, or -1."""
    for d in range(len(weights)):
        if weights[d] > 0.0:
            for k in range(indptr[d], indptr[d + 1]):
                left[slots[k]] -= 1
                if left[slots[k]] < 0:
                    return d
    return -1
