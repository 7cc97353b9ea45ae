"""Systems whose matrix is a list of few records: the bytes of those where it is written out."""

import numpy as np
import pytest

from sqlearn.engine.solvers import FewRecords, NormalSystem, merged

ROOM = 400


class Owner:
    """Random records, the sums over those held, and the system that has the list alone."""

    def __init__(self, widths, seed, most=2**18, ridge=2.0**20, columns_behind=0):
        self.random = np.random.default_rng(seed)
        self.widths, self.most, self.ridge = np.array(widths), most, ridge
        self.starts = np.concatenate([[0], np.cumsum(widths)])
        self.p = int(self.starts[-1]) + columns_behind
        self.places, self.amounts = np.empty((len(widths), ROOM), np.uint8), np.empty(ROOM, np.int64)
        self.count = np.zeros(1, np.int64)
        self.few = FewRecords(self.p, self.starts, self.places, self.amounts, self.count)
        self.system = NormalSystem(self.few, ridge)
        self.h, self.g, self.held = np.zeros((self.p, self.p)), np.zeros(self.p, np.int64), []

    def change(self, record, sign):
        places, amount, gradient = record
        columns = self.starts[:-1] + places
        self.h[np.ix_(columns, columns)] += sign * amount
        self.g[columns] += sign * gradient
        n = self.count[0]
        self.places[:, n], self.amounts[n], self.count[0] = places, sign * amount, n + 1
        self.system.changed(columns, float(sign * amount))

    def learn(self, n=1, copies=1):
        for _ in range(n):
            record = (
                self.random.integers(0, self.widths).astype(np.uint8),
                int(self.random.integers(1, self.most + 1)),
                int(self.random.integers(-(2**20), 2**20)),
            )
            for _ in range(copies):
                self.held.append(record)
                self.change(record, 1)

    def forget(self, n=1):
        for _ in range(n):
            self.change(self.held.pop(self.random.integers(len(self.held))), -1)

    def check(self, exponent=-16):
        found = self.system.solution(self.g, exponent)
        assert found.tobytes() == NormalSystem(self.h, self.ridge).solution(self.g, exponent).tobytes()
        return found


@pytest.mark.parametrize("ridge", [1.0, 2.0**20])
@pytest.mark.parametrize("most", [1, 2**18, 2**33])
@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.crossed(2)
def test_histories(ridge, most, copies):
    owner = Owner([5, 31, 64, 2, 2, 9] * 4, seed=0, most=most, ridge=ridge, columns_behind=3)
    assert not owner.check().any()
    for n in (1, 2, 20, 40):
        owner.learn(n, copies)
        owner.check()
        for _ in range(min(5, len(owner.held))):
            owner.forget()
            owner.check()
        owner.learn(2)
        owner.forget(2)
        owner.check(-30)
    owner.forget(len(owner.held))
    assert not owner.check().any()


def test_blocks_beyond_a_byte():
    """Records that share more columns than a byte can count."""
    owner = Owner([2] * 600, seed=1)
    owner.learn(2, copies=2)
    owner.learn(30)
    owner.check()
    owner.forget(3)
    owner.check()


def test_a_forget_and_a_read_need_no_factor(monkeypatch):
    owner = Owner([6, 9, 30, 30, 12] * 5, seed=2)
    owner.learn(200)
    owner.check()
    factorized, factorize = [], owner.system._factor.factorize
    monkeypatch.setattr(owner.system._factor, "factorize", lambda *args: factorized.append(args) or factorize(*args))
    for _ in range(20):
        owner.forget()
        owner.check()
    assert not factorized
    owner.forget(40)
    owner.check()
    assert len(factorized) == 1


def test_sums_beyond_float64_that_cancel():
    """A heavy record that comes and goes again and again: products pass 2**53 on the way."""
    owner = Owner([3, 3, 3], seed=3, most=2**46, ridge=1.0)
    owner.learn(4)
    owner.check()
    for _ in range(150):
        record = owner.held[0]
        owner.change(record, -1)
        owner.change(record, 1)
    owner.check()
    owner.forget(2)
    owner.check()


def test_merged():
    places = np.array([[1, 1, 2, 1, 2], [0, 0, 3, 0, 3]], np.uint8)
    amounts = np.array([[5, 7, 3, -5, -3], [1, 1, 2, -1, -2]])
    found, sums = merged(places, amounts)
    assert (found.tolist(), sums.tolist()) == ([[1], [0]], [[7], [1]])
    assert merged(places[:, :0], amounts[:, :0])[0].shape == (2, 0)
