"""Workers of a Dask cluster that are killed while models are fitted over pieces, and while they forget.

``make cluster-kills`` kills 100 during fits and 100 during forgets. After each, digests are those of one process.
"""

import argparse
import os
import random
import signal
import threading
import time
from contextlib import contextmanager
from multiprocessing import set_forkserver_preload

import numpy as np

from sqlearn.distributed import fit
from sqlearn.naive_bayes import GaussianNB

ROWS, PIECES = 400, 12
_LOOK = 0.02  # seconds
_LATEST = 0.4  # seconds from the start of a call to the last kill


def piece_of(number, seconds=0.05):
    """The rows of a piece, which take a moment to make; some are those of other pieces."""
    time.sleep(seconds)
    rng = np.random.default_rng(number)
    X, y = rng.normal(size=(ROWS, 3)), rng.integers(0, 3, ROWS)
    again = np.random.default_rng(number // 2)
    X[:9], y[:9] = again.normal(size=(9, 3)) * 1e150, again.integers(0, 3, 9)
    return X, y


class Piece:
    """A call that makes a piece."""

    def __init__(self, number):
        self.number = number

    def __call__(self):
        return piece_of(self.number)


def all_rows():
    """The rows of all pieces."""
    parts = [piece_of(number, 0.0) for number in range(PIECES)]
    return np.concatenate([X for X, _ in parts]), np.concatenate([y for _, y in parts])


@contextmanager
def cluster(n_workers=2):
    """A client of a cluster of processes, which are started again when they end."""
    import dask
    from distributed import Client, LocalCluster
    from distributed.utils import get_mp_context

    kept = {
        "distributed.worker.multiprocessing-method": "forkserver",  # workers start from a process that has imported all
        "distributed.deploy.lost-worker-timeout": "600s",
        "distributed.scheduler.allowed-failures": 1000,
    }
    given = {"threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": 50}
    with dask.config.set(kept):
        get_mp_context()  # which names what is imported there
        set_forkserver_preload(["distributed", "sqlearn.distributed.fitting", "sqlearn.naive_bayes"])
        with LocalCluster(n_workers=n_workers, **given) as local, Client(local) as client:
            yield client


class Killer:
    """Kills workers at random moments of calls.

    Parameters
    ----------
    client : distributed.Client
        Its workers are killed.
    seed : int
        Of the moments.
    """

    def __init__(self, client, seed):
        self._client, self._random, self.kills = client, random.Random(seed), 0

    def during(self, call):
        """Make a call, and kill a worker in it; the result."""
        pids = self._pids()
        pid, wait = self._random.choice(pids), self._random.random() * _LATEST
        timer = threading.Timer(wait, os.kill, (pid, signal.SIGKILL))
        timer.start()
        try:
            return call()
        finally:
            timer.join()
            self.kills += 1
            while len(now := self._pids()) < len(pids) or pid in now:
                time.sleep(_LOOK)

    def _pids(self):
        """Process numbers of the workers; none where one that has just ended is not known to have."""
        try:
            return [*self._client.run(os.getpid).values()]
        except OSError:
            return []


def kill_in_fits(client, kills, seed=0):
    """Fit until so many workers were killed; the number of digests that are not those of one process."""
    killer, wrong = Killer(client, seed), 0
    digest = GaussianNB().fit(*all_rows()).digest()
    while killer.kills < kills:
        model = killer.during(lambda: fit(GaussianNB(), map(Piece, range(PIECES)), client=client))
        wrong += model.digest() != digest
    return wrong


def kill_in_forgets(client, kills, seed=0):
    """Forget until so many workers were killed; the number of digests that are not those of one process."""
    rng, killer, wrong = np.random.default_rng(seed), Killer(client, seed), 0
    X, y = all_rows()
    model, plain = fit(GaussianNB(), map(Piece, range(PIECES)), client=client), GaussianNB().fit(X, y)
    order = rng.permutation(len(X))
    for k in range(kills):
        gone, wanted = order[20 * k : 20 * k + 20], order[20 * k]

        def changes(gone=gone, wanted=wanted):
            for row in np.split(gone, 4):
                model.forget(X[row], y[row])
            model.partial_fit(X[wanted], y[wanted]).forget(X[wanted], y[wanted])

        killer.during(changes)
        plain.forget(X[gone], y[gone])
        wrong += model.digest() != plain.digest()
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    with cluster() as client:
        for kill in (kill_in_fits, kill_in_forgets):
            start = time.time()
            wrong = kill(client, args.kills, args.seed)
            print(f"{kill.__name__}: {args.kills} kills, {wrong} wrong digests, {time.time() - start:.0f} s")
            if wrong:
                raise SystemExit(f"seed {args.seed}: wrong digests")


if __name__ == "__main__":
    main()
