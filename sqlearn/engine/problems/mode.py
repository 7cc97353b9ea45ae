"""Which mode a smooth loss is learned in: rounds with a trace, or solving for all records when the solution is read.

The mode follows from the numbers of features and outputs and the octave of the number of records alone, never from
history. It need not be the best one: the costs are rough, measured in seconds on one core of a server.
"""

from sqlearn.engine.rounds import PILOT

_MOST = 20  # octaves above the pilot
_LARGEST = 1 << 26  # values: more are not copied to be solved for
_SOLVE = 1.2e-8  # seconds per value and output: a dozen passes
_SCAN = 4e-10  # per product of two features of a record, in three parts
_STEP = 3e-10  # per cubed parameter: Newton's step is factorised in every round
_CELL = 4e-9  # per sum of a round, which is copied and rounded in every update
_ROUNDS = 3
_BREAKS = 15.0  # of a thousand updates of a thousand records, per parameter to the power of 1.5, to end in third order
_MORE_BREAKS = 80.0  # the same, to end in second order, with finer cells


def lazy_pilots(p: int, n_outputs: int, third: bool) -> int:
    """How many pilots of records make rounds cheaper than solving, at each update: a power of two, at least 2.

    Parameters
    ----------
    p : int
        Number of features, with the intercept.
    n_outputs : int
        Number of outputs.
    third : bool
        Whether rounds end with a step of third order.
    """
    size, products = n_outputs * p, n_outputs * (n_outputs + 1) // 2 * p * p
    walk = _ROUNDS * (_STEP * size**3 + _CELL * products)
    breaks = (_BREAKS if third else _MORE_BREAKS) * size**1.5
    pilots = 2
    for _ in range(_MOST):
        n = pilots * PILOT
        rounds = walk + min(1.0, breaks / n) * _SCAN * products * n
        if rounds < _SOLVE * size * n or 2 * n * p > _LARGEST:
            break
        pilots *= 2
    return pilots
