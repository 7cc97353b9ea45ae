"""How the member of one shard is made of its records: the same records and the same name make the same member."""

import copy
import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.dummy import DummyClassifier

from sqlearn.engine.model import ExactEstimator
from sqlearn.engine.parts import Whole, checked_part, takes_tables
from sqlearn.engine.tables import Columns
from sqlearn.ensemble.shards.placing import seed_of
from sqlearn.ensemble.shards.shard import Fitted, Shard
from sqlearn.errors import ParameterError, UndefinedAttributeError, shown

_OTHERS = ("steps", "estimators", "estimator", "base_estimator", "transformers", "transformer_list", "learner")


@dataclass
class Task:
    """A member to be fitted.

    Attributes
    ----------
    shard : Shard
        Whose it is.
    name : label
        Name of the shard.
    turn : int
        The shard's turn when its records were read.
    started : Fitted or None
        Slices that are learned already.
    rows : Whole
        The records in the order of their digests, labels as the user has them.
    slices : int64[n]
        The slice of each record.
    labels : list
        The labels in canonical form; empty for targets.
    """

    shard: Shard
    name: Any
    turn: int
    started: Fitted | None
    rows: Whole
    slices: np.ndarray
    labels: list[Any]

    def given(self, index: np.ndarray | None = None) -> dict[str, Any]:
        """Arguments of ``fit`` for all records, or for some of them, which alone decide whether weights are passed."""
        rows = self.rows if index is None else self.rows.take(index)
        weights = {"sample_weight": rows.w} if rows.weighted else {}
        return {"X": rows.x, "y": rows.y} | weights


def with_seeds(estimator: Any, name: Any, random_state: int | None) -> Any:
    """A copy of an estimator whose random numbers are those of the shard of this name."""
    made = clone(estimator)
    params = made.get_params(deep=True)
    found = {
        one: seed_of(name, random_state, one) for one in sorted(params) if one.rpartition("__")[2] == "random_state"
    }
    return made.set_params(**found) if found else made


def checked_estimator(estimator: Any, owner: str) -> Any:
    """A copy of an estimator that may be a member.

    Raises
    ------
    ParameterError
        When it may not: it is none, or learns a matrix between its rows.
    """
    if isinstance(estimator, ExactEstimator) or not hasattr(estimator, "get_params") or isinstance(estimator, type):
        return checked_part(estimator, owner)
    checked_part(with_seeds(estimator, 0, 0), owner)
    return clone(estimator)


def fitted(task: Task, params: dict[str, Any]) -> Fitted:
    """The member of a shard.

    Raises
    ------
    UndefinedAttributeError
        Where the estimator cannot be fitted to these records; it names the shard.
    """
    if len(task.labels) == 1:
        only = DummyClassifier(strategy="most_frequent").fit(np.zeros((len(task.rows.w), 1)), task.rows.y)
        return Fitted(only, task.turn, task.labels)
    made = with_seeds(params["estimator"], task.name, params["random_state"])
    try:
        if not isinstance(made, ExactEstimator) and params["n_slices"] > 1:
            return _in_slices(made, task, params["n_slices"])
        if isinstance(made, ExactEstimator):
            if "ledger" in made.get_params(deep=False) and not made.keeps_records:
                made.ledger = False  # the ensemble knows which records are held
            made.partial_fit(**task.given())
        else:
            made.fit(**task.given())
    except MemoryError:
        raise
    except Exception as error:  # an estimator is anybody's code
        raise _unfit(task, params["estimator"], error) from error
    return Fitted(made, task.turn, task.labels)


def seeded_fit(task: Task, X: Any, y: np.ndarray, params: dict[str, Any]) -> Any:
    """The member of a shard as some of its rows, all of weight 1 and in one slice, would make it."""
    rows = Whole(X, y, np.ones(len(y)), None, [])
    labels = task.labels and np.unique(y).tolist()
    return fitted(
        replace(task, started=None, rows=rows, slices=np.zeros(len(y), np.int64), labels=labels), params
    ).model


def _in_slices(made: Any, task: Task, n_slices: int) -> Fitted:
    """A member that has learned slice after slice, and what it was after each of them but the last."""
    started = task.started
    checkpoints: list[Any] = [None] * (n_slices - 1)
    first = 0
    if started is not None and json.dumps(started.labels) == json.dumps(task.labels):
        known = [place for place, model in enumerate(started.checkpoints) if model is not None]
        first = known[-1] + 1 if known else 0
        checkpoints[:first] = started.checkpoints[:first]
        made = copy.deepcopy(checkpoints[first - 1]) if first else made
    classes = {"classes": np.unique(task.rows.y)} if task.labels else {}
    for place in range(first, n_slices):
        index = np.flatnonzero(task.slices == place)
        if len(index):
            made.partial_fit(**task.given(index), **classes)
        if place < n_slices - 1:
            checkpoints[place] = copy.deepcopy(made)
    return Fitted(made, task.turn, task.labels, checkpoints)


def _unfit(task: Task, estimator: Any, error: Exception) -> UndefinedAttributeError:
    return UndefinedAttributeError(
        f"The member of the shard {shown(task.name)}, {type(estimator).__name__}, cannot be fitted to the "
        f"{len(task.rows.w)} records of this shard: {error} The records are intact: learn more rows, take fewer "
        "shards, set other parameters, or switch the group off with set_group_weight(name, 0).",
        reason="too few records",
    )


def refuse_no_slices(estimator: Any) -> None:
    """Refuse slices for an estimator that cannot learn one after the other.

    Raises
    ------
    ParameterError
        With what to do.
    """
    if not isinstance(estimator, ExactEstimator) and not hasattr(estimator, "partial_fit"):
        raise ParameterError(
            f"{type(estimator).__name__} has no partial_fit, so it cannot learn slice after slice. Nothing was "
            "changed: set n_slices=1, or take an estimator that has one, such as SGDClassifier.",
            value=estimator,
        )


def takes_numbers_only(estimator: Any) -> bool:
    """Whether an estimator is known to take nothing but numbers: then it is told early what is none.

    That is so for scikit-learn's and this package's own classifiers and regressors that are made of no others.
    """
    if type(estimator).__module__.partition(".")[0] not in ("sklearn", "sqlearn"):
        return False
    params = estimator.get_params(deep=False)
    is_made_of_others = any(hasattr(value, "get_params") or name in _OTHERS for name, value in params.items())
    return not is_made_of_others and "categorical_features" not in params and not takes_tables(estimator)


def as_given(X: Any) -> Any:
    """A frame, or the rows of a dictionary of columns."""
    return np.column_stack([np.asarray(values, object) for values in X.values]) if isinstance(X, Columns) else X
