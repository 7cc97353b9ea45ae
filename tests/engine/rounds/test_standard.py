"""The scale of standardised records: by a kernel, and by Python's integers where the features are few."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlearn.engine.rounds import standard
from sqlearn.engine.sums import ExactSum, moments

VALUE = st.sampled_from([0.0, 1.0, -1.0, 3.0, 1e150, -1e-150, 2.0**-300]) | st.floats(-1e3, 1e3)


@given(
    st.lists(st.tuples(VALUE, VALUE), min_size=1, max_size=6), st.booleans(), st.sampled_from([1.0, 0.25, 2.0**-200])
)
@settings(deadline=None, max_examples=100)
def test_integers_and_the_kernel_agree_to_the_bit(rows, centred, weight):
    x = np.array(rows)
    total, counts = ExactSum(2, 5), np.zeros(2, np.int64)
    total.deposit(moments(x, np.full(len(x), weight), np.arange(len(x)) % 2), 1.0, counts)
    scales = []
    for at_once in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(standard._many_features, "is_worth", lambda work, at_once=at_once: at_once)
            scales.append(standard.standard_scale(total, len(x), centred, 7))
    first, second = scales
    assert first.mean.tobytes() == second.mean.tobytes()
    assert first.factor.tobytes() == second.factor.tobytes()
    assert (first.weight, first.octave, first.total) == (second.weight, second.octave, second.total)
