"""Digits rounded to float64: by kernels, and by Python's integers where the numbers are few."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlearn.engine.arithmetic import digits as module
from sqlearn.engine.arithmetic.digits import nearest, to_pairs

DIGIT = st.sampled_from([0, 1, -1, 2**31 - 1, -(2**31), 2**20, -(2**21)]) | st.integers(-(2**31), 2**31 - 1)


def both(function, *arguments):
    """What kernels make of it, and what Python's integers do."""
    results = []
    for at_once in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module.many_numbers, "is_worth", lambda work, at_once=at_once: at_once)
            results.append(function(*arguments))
    return results


@given(st.integers(1, 70), st.integers(-70, 40), st.data())
@settings(deadline=None, max_examples=50)
def test_integers_and_kernels_agree_to_the_bit(length, low, data):
    numbers = data.draw(st.lists(st.lists(DIGIT, min_size=length, max_size=length), min_size=1, max_size=3))
    digits = np.array(numbers, np.int64)
    kernel, integers = both(nearest, digits, low)
    assert kernel.tobytes() == integers.tobytes()
    for kernel, integers in zip(*both(to_pairs, digits, low), strict=True):
        assert kernel.tobytes() == integers.tobytes()


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (2, 3, 2)])
def test_shapes(shape):
    for made in both(nearest, np.ones(shape, np.int64), 0):
        assert made.shape == shape[:-1]
    for made in both(to_pairs, np.ones(shape, np.int64), 0):
        assert [part.shape for part in made] == 3 * [shape[:-1]]
