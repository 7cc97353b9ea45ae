"""Equal values among many."""

import numpy as np
import pytest

from sqlearn.distributed.grouping import begins, groups, ranks


@pytest.mark.parametrize("n", [0, 1, 2, 7, 500])
@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.uint8])
def test_ranks_and_groups_by_counting(n, dtype):
    values = np.random.default_rng(n).integers(0, max(1, n // 4), n).astype(dtype)
    before = [values[:i].tolist().count(value) for i, value in enumerate(values.tolist())]
    assert ranks(values).tolist() == before
    found = {key: places.tolist() for key, places in groups(values)}
    assert found == {key: np.flatnonzero(values == key).tolist() for key in values.tolist()}
    assert [*found] == sorted(found)
    ordered = np.sort(values)
    assert ordered[begins(ordered)].tolist() == sorted(found)


def test_rows_are_equal_if_both_of_their_words_are():
    digests = np.array([[1, 2], [1, 3], [2, 2], [1, 2], [2, 2], [1, 2]], np.uint64)
    assert ranks(digests).tolist() == [0, 0, 0, 1, 1, 2]
    assert ranks(np.zeros((0, 2), np.uint64)).tolist() == []
