"""Kernels are compiled once for each kind of arguments, and kinds are few."""

import numpy as np

from sqlearn.engine.kernels import kernel, only_read


@kernel
def _weighed(values, i, weight, doubled):
    return values[i] * weight * (2.0 if doubled else 1.0)


@kernel
def _total(values):
    total, i = _weighed(values, 0, 3, True), 1  # the numbers of this call are written out
    while i < len(values):
        total += _weighed(values, i, i, total < 0.0)
        i += 1
    return total


def test_numbers_that_are_written_out_make_no_translation_of_their_own():
    assert _total(np.array([1.0, 5.0, 7.0])) == 6.0 + 5.0 + 14.0
    assert len(_weighed._parts) == 1
    assert not _weighed.overloads


def test_arrays_that_are_only_read_are_of_one_kind():
    @kernel
    def total(rows):
        return rows[0, 0] + rows[1, 1]

    rows = np.arange(6.0).reshape(2, 3)
    fixed = rows.copy()
    fixed.flags.writeable = False
    assert total(only_read(rows)) == total(only_read(fixed)) == total(only_read(rows.T)) == 4.0
    assert len(total.signatures) == 1
    assert rows.flags.writeable
