"""The statistic of random Fourier features: their sums over all records, as integers."""

from typing import Any

import numpy as np

from sqlearn.engine.arithmetic import nearest
from sqlearn.engine.identity import digest_one
from sqlearn.engine.kernels import Postponed, float_bits, kernel
from sqlearn.engine.maps import draw_fourier, fourier_row
from sqlearn.engine.sums import (
    GENERAL_FIRST,
    Block,
    Deposit,
    ExactSum,
    Holder,
    Log,
    OneRecord,
    Statistic,
    may_change,
    note,
)

_UNIT = 2.0**31  # cosines are rounded to multiples of 1 / _UNIT, so that a sum of them is an integer of one limb
_ROUNDER = 1.5 * 2.0**52


@kernel
def _deposit_features(x, directions, phases, start, stop, sign, limbs, base, record_counts, need, features):
    """Deposit ``[1, cosines (D cells)]`` of each record, the cosines in units, into slot 0; `features` is float64[D].

    All goes to limb 0, so a record's span needs no look at it.
    """
    need[0] = need[1] = 0
    if base > 0 or base + limbs.shape[0] <= 0:
        return start
    limb = limbs[-base, 0]
    for r in range(start, stop):
        fourier_row(x[r], directions, phases, _UNIT, features)
        limb[0] += sign
        for k in range(len(features)):
            limb[1 + k] += sign * ((features[k] + _ROUNDER) - _ROUNDER)
        record_counts[0] += np.int64(sign)
    return stop


@kernel
def _change_mapped(x, largest, sign, record, tail, digest, key_state, records, directions, phases, sums, features):
    """Check everything, then change everything; False, and nothing has changed, when anything is not plain."""
    limbs, base, need, record_counts = sums
    usual = True
    for j in range(len(x)):
        record[0, j] = x[j] + 0.0  # no -0.0
        usual &= abs(x[j]) <= largest
    if not usual:
        return False
    tail[0] = np.uint64(float_bits(1.0))
    digest_one(record[0], tail, key_state, digest)
    if not may_change(digest, sign, records):
        return False
    stop = len(record)  # not the literal 1, for which numba would compile the kernels once more
    done = _deposit_features(
        record, directions, phases, stop - 1, stop, sign, limbs, base, record_counts, need, features
    )
    if done < stop:
        return False
    note(digest, sign, records)
    return True


class FeatureSums(Statistic):
    """The number of records, and the sums of their random Fourier features without the factor: of cosines.

    Cosines are rounded to multiples of 2**-31, so that sums of them are small integers: the features approximate a
    kernel to about ``size**-0.5``, for which this is more than enough.

    Parameters
    ----------
    n_features, n_targets : int
        Shape of the records.
    size : int
        Number of random features.
    gamma : float
        Scale of the kernel.
    seed : int
        From which they are drawn.
    largest : float
        What features of records must not exceed.

    Attributes
    ----------
    directions, phases : float64[d, size], float64[size]
        What draws gave; see :func:`~sqlearn.engine.maps.fourier.draw_fourier`.
    """

    def __init__(self, n_features: int, n_targets: int, size: int, gamma: float, seed: int, largest: float) -> None:
        self.n_features, self.n_targets = n_features, n_targets
        self.size, self.gamma, self.seed, self.largest = size, gamma, seed, largest
        self.record_counts = np.zeros(0, np.int64)
        self.total = ExactSum(0, 1 + size)
        self.directions, self.phases = draw_fourier(n_features, size, gamma, seed)

    def projected_size(self, levels: list[list[Any]]) -> int:
        return 1 + self.size

    def deposit(self, block: Block, sign: float, log: Log) -> None:
        arrays = np.ascontiguousarray(block.x), self.directions, self.phases
        self._put(Deposit(len(block), _deposit_features, arrays, (np.empty(self.size),)), sign, log)

    def fast_path(self, state: Holder) -> OneRecord | None:
        return None if state.ledger is None else _OneMapped(state)

    def copy(self) -> "FeatureSums":
        copied = type(self)(self.n_features, self.n_targets, self.size, self.gamma, self.seed, self.largest)
        copied.total, copied.record_counts = self.total.copy(), self.record_counts.copy()
        return copied

    def check_form(self, labels: list[Any]) -> None:
        self._check_sums(1 + self.size)

    def mean(self) -> np.ndarray:
        """The mean of the cosines, float64[size], to about an ulp."""
        digits, low = self.digits()
        mean: np.ndarray = nearest(digits[0, 1:], low) / (_UNIT * self.record_counts[0])
        return mean


class _OneMapped(OneRecord):
    """The path of one dense record."""

    kernel = Postponed(_change_mapped, GENERAL_FIRST)

    def __init__(self, state: Holder) -> None:
        super().__init__(state)
        self.record, self.features = np.empty((1, self.width)), np.empty(state.statistic.size)
        self.tail, self.digest = np.empty(1, np.uint64), np.empty(6, np.uint64)

    def change(self, row: np.ndarray, y: Any, sign: float) -> bool:
        state, statistic = self.state, self.state.statistic
        if len(row) != self.width:
            return False
        total = statistic.total
        records = self._reserved(sign, statistic)
        done = _change_mapped(
            row, statistic.largest, sign, self.record, self.tail, self.digest, state.key_state, records,
            statistic.directions, statistic.phases, (total.limbs, total.base, self.need, statistic.record_counts),
            self.features,
        )  # fmt: skip
        return self._finished(bool(done), sign)
