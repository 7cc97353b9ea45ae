"""Copies of the first entries of arrays.

``target[:n] = source[:n]`` would compile the message of an error with formatted shapes into each kernel, some seconds.
"""

import numpy as np

from sqlearn.engine.kernels.decorator import kernel


@kernel
def copy_first(source, target, n):
    """Copy the first n entries."""
    for i in range(n):
        target[i] = source[i]


@kernel
def copy_rows(source, target, n):
    """Copy the first n rows."""
    for i in range(n):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]


@kernel
def widened(values):
    """An array of twice as many places that begins with these values."""
    found = np.empty(2 * len(values), values.dtype)
    copy_first(values, found, len(values))
    return found


@kernel
def widened_rows(rows):
    """An array of twice as many rows that begins with these."""
    found = np.empty((2 * len(rows), rows.shape[1]), rows.dtype)
    copy_rows(rows, found, len(rows))
    return found
