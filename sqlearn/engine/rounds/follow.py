"""Following one record: the walk of an update that breaks nothing, found out before anything has changed."""

from typing import Any

from sqlearn.engine.rounds.row_source import Records
from sqlearn.engine.rounds.samples import lowest_hash
from sqlearn.engine.rounds.trace import Evaluation, Trace
from sqlearn.engine.rounds.walk import SampleLimits, Walk, key_of


def followed(walk: Walk[Any, Any], record: Records, sign: float) -> Trace | None:
    """The trace once a record has come (1.0) or gone (-1.0), if no level of it breaks.

    None leaves it to :meth:`~sqlearn.engine.rounds.walk.Walk.run` of another walk to find out what does. The records
    held need not have changed yet, only the moments that the walk was given.
    """
    problem, past, key = walk.problem, walk.past, key_of(walk.problem, walk.n)
    walk.fix_scale(key, walk.n)
    changed = lowest_hash(record)
    if past is None or walk.broke or walk.returns:
        return None
    if changed <= SampleLimits.of(key[1], walk.statistic.large_pilot).pilot:
        return None
    record, walk.grid = walk.classed(record), past.grid
    changes, rounds, last = [(record, sign)], [], len(past.rounds) - 1
    follow = problem.follow(walk.scale, walk.grid, record, sign)
    for t, before in enumerate(past.rounds):
        found = None if follow is None else follow.stepped(before)
        if found is None:
            now = walk.updated(before, changes)
            found = now, problem.step(now.theta, walk.scale, walk.grid, now.sums)
        evaluation, (end, rounded, rests) = found
        rounds.append(evaluation)
        ends = bool(rests and t)
        if ends != (t == last) or not (ends or rounded.tobytes() == past.rounds[t + 1].theta.tobytes()):
            return None
    if problem.recover is not None and problem.doubts(walk.scale, len(rounds)):
        return None
    if walk.statistic.memo:
        known, unused = walk.remembered()
        for evaluation in rounds:
            known.pop(evaluation.theta.tobytes(), None)

        def updated(one: Evaluation) -> Evaluation:
            return (None if follow is None else follow.brought(one)) or walk.updated(one, changes)

        walk.memo = walk.to_remember(known, unused, updated)
    if walk.put is not None:
        walk.put_aside(past, changed, changes)
    return Trace(key, walk.scale, past.grid, past.pilot, tuple(rounds), end, True)
