"""Pieces while they are learned: who waits for whom."""

import concurrent.futures
import threading

import numpy as np

from sqlearn.distributed import fit, fitting, learning
from sqlearn.distributed.workers import Local
from sqlearn.naive_bayes import GaussianNB

PIECES = 12
PATIENCE = 30  # seconds


class OneTellsLate(Local):
    """Threads that tell of one piece when all pieces have begun, or when patience is at its end."""

    def __init__(self):
        super().__init__()
        self.begun, self.all_begun = 0, threading.Event()

    def submit(self, function, *args, at=None):
        self.begun += function is learning.learned
        if self.begun == PIECES:
            self.all_begun.set()
        return super().submit(function, *args, at=at)

    def near(self, function, *args, at=None):
        if function is not learning._told or args[0].result().model.classes_[0] != 0:
            return super().near(function, *args, at=at)
        late, told = concurrent.futures.Future(), super().near(function, *args).result()
        threading.Thread(target=lambda: late.set_result((self.all_begun.wait(PATIENCE), told)[1])).start()
        return late


def test_no_piece_waits_for_what_is_told_of_another(monkeypatch):
    rng = np.random.default_rng(0)
    pieces = [(rng.normal(size=(50, 2)), np.full(50, number)) for number in range(PIECES)]
    workers = OneTellsLate()
    monkeypatch.setattr(fitting, "workers_of", lambda client: workers)
    model = fit(GaussianNB(), pieces)
    assert workers.all_begun.is_set()
    whole = [np.concatenate(parts) for parts in zip(*pieces, strict=True)]
    assert model.digest() == GaussianNB().fit(*whole).digest()
