"""The members of an ensemble: those that are due are fitted to the records of their shards, each once."""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from sqlearn.engine.model import ExactEstimator, State
from sqlearn.engine.parts import Whole
from sqlearn.engine.readout import label_array
from sqlearn.engine.rounds import MAX_HASH
from sqlearn.ensemble.shards.members import Task, fitted, seeded_fit
from sqlearn.ensemble.shards.placing import digests_of, shards_of, slices_of, split
from sqlearn.ensemble.shards.reproducible import check_reproducible
from sqlearn.ensemble.shards.shard import Fitted, Shard
from sqlearn.ensemble.shards.statistic import ShardedRecords


def records_of(state: State) -> ShardedRecords:
    """The records that a state of an ensemble holds."""
    statistic = state.statistic
    assert isinstance(statistic, ShardedRecords)
    return statistic


def members_of(
    state: State, n_jobs: int | None, report: Callable[[int, int], None] | None = None, everything: bool = False
) -> list[tuple[Any, float, Fitted]]:
    """Names, weights and members of the shards that vote, in the order of the names.

    Parameters
    ----------
    state : State
        What is held.
    n_jobs : int or None
        How many members are fitted at a time.
    report : callable, optional
        Called with the number of members fitted so far, and of those that were due.
    everything : bool, default=False
        Whether shards that are switched off have members, too.

    Raises
    ------
    UndefinedAttributeError
        Where a member cannot be fitted; those that can are kept.
    """
    statistic = records_of(state)
    with statistic.fits:  # two threads that read do not fit the same
        with state.reading() as version:
            wanted = [(name, shard) for name, shard in statistic.named() if everything or shard.weight]
            found = {id(shard): shard.member for _, shard in wanted}
            tasks = _tasks(state, [(name, shard) for name, shard in wanted if found[id(shard)] is None])
        if tasks:
            found |= _fit(tasks, state.params, n_jobs, report)
        if state.version != version:
            raise state.is_busy()
    return [(name, shard.weight, member) for name, shard in wanted if (member := found[id(shard)]) is not None]


def check_members(state: State) -> None:
    """Refuse an estimator that two fits to the same records make differ: a small member is fitted twice.

    Raises
    ------
    ParameterError
        Naming the estimator, what differs, and what to set.
    """
    if isinstance(state.params["estimator"], ExactEstimator):
        return
    for one in sorted(records_of(state).named(), key=lambda named: -named[1].n_responses):  # the first of the most
        for task in _tasks(state, [one]):  # none where all records have weight 0
            check_reproducible(partial(seeded_fit, task, params=state.params), task.rows.x, task.rows.y)
            return


def _fit(
    tasks: list[Task], params: dict[str, Any], n_jobs: int | None, report: Callable[[int, int], None] | None
) -> dict[int, Fitted | None]:
    """Fit members, and keep each as soon as it is there.

    In threads: processes would have BLAS use other numbers of threads, and members other bits.
    """
    found: dict[int, Fitted | None] = {}
    if n_jobs is not None:
        n_jobs = min(n_jobs, len(tasks))
    parallel = Parallel(n_jobs=n_jobs, backend="threading", return_as="generator_unordered")
    for task, member in parallel(delayed(_done)(task, params) for task in tasks):
        task.shard.keep(member)
        found[id(task.shard)] = member
        if report is not None:
            report(len(found), len(tasks))
    return found


def _done(task: Task, params: dict[str, Any]) -> tuple[Task, Fitted]:
    return task, fitted(task, params)


def printing(learner: str) -> Callable[[int, int], None]:
    """A report of progress as lines on stderr."""

    def report(done: int, due: int) -> None:
        print(f"{learner}: {done} of {due} members fitted", file=sys.stderr, flush=True)

    return report


def _tasks(state: State, due: list[tuple[Any, Shard]]) -> list[Task]:
    """What is to be fitted: the records of these shards, copied."""
    statistic = records_of(state)
    if not due:
        return []
    classes = state.class_slots()
    contents = _contents(state, due)
    return [
        _task(state, statistic, name, shard, classes, *contents[id(shard)])
        for name, shard in due
        if id(shard) in contents
    ]


def _contents(state: State, due: list[tuple[Any, Shard]]) -> Mapping[int, tuple[np.ndarray, ...]]:
    """Features, responses, weights and digests of the records of shards, in the order of their digests.

    Shards that have only records of weight 0 are left out.
    """
    statistic = records_of(state)
    if statistic.in_shards:
        return {id(shard): found for _, shard in due if len((found := shard.contents())[0])}
    blocks: dict[int, list[tuple[np.ndarray, ...]]] = {name: [] for name, _ in due}
    n_shards = statistic.division.n_shards
    for block in statistic.rows.blocks(MAX_HASH):
        block = block.take(block.w > 0)
        digests = digests_of(state, block.x, block.y, block.w)[:, :2]
        for name, index in split(shards_of(digests, n_shards)):
            if name in blocks:
                blocks[name].append(tuple(part[index] for part in (block.x, block.y, block.w, digests)))
    contents = {}
    for name, shard in due:
        if not blocks[name]:
            continue
        x, y, w, digests = map(np.concatenate, zip(*blocks[name], strict=True))
        order = np.lexsort((digests[:, 1], digests[:, 0]))
        contents[id(shard)] = x[order], y[order], w[order], digests[order]
    return contents


def _task(
    state: State,
    statistic: ShardedRecords,
    name: Any,
    shard: Shard,
    classes: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    w: np.ndarray,
    digests: np.ndarray,
) -> Task:
    form, labels = statistic.division.form, []
    x = statistic.in_order(x, w)
    table = x[:, : statistic.n_features] if form is None else statistic.tabulated(x, form)
    if state.vocabulary is not None:
        every = state.labels()
        held, codes = np.unique(statistic.codes_of(classes)[y.astype(np.int64)].astype(np.int64), return_inverse=True)
        labels = [every[place] for place in held.tolist()]
        y = label_array(state, labels)[codes]
    slices = slices_of(digests, statistic.division.n_slices)
    rows = Whole(table, y, w, None, [])
    return Task(shard, name, shard.turn, shard.start, rows, slices, labels)
