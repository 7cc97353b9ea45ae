"""What ``fit`` checks, whether it has the records at hand or others have learned them, and whom it tells."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.callback import CallbackSupportMixin

from sqlearn.engine.model.state import State
from sqlearn.engine.sklearn_private import callback_context, callback_management_context
from sqlearn.engine.validation import Batch, is_of_input, words_of
from sqlearn.errors import InvalidValueError, ParameterError, SqlearnError

_MOST = 1 << 22  # records that stand for all


def check_replaceable(model: Any) -> None:
    """Refuse a fit where the state from before is in use."""
    held = vars(model).get("_state")
    if held is not None and not held.broken and not held.taken_out:
        held.check_free()


@contextmanager
def fitting(weighted: bool) -> Iterator[None]:
    """Context in which records are compared with the parameters; `weighted` is whether any has a weight.

    Raises
    ------
    InvalidValueError
        If none has.
    ParameterError
        Where scikit-learn's own checks raise.
    """
    if not weighted:
        raise InvalidValueError(
            "Sample weights must contain at least one non-zero number. Nothing was changed: use partial_fit.",
            reason="weight",
        )
    try:
        yield
    except SqlearnError:
        raise
    except (TypeError, ValueError) as error:  # scikit-learn's own, of parameters that do not fit the records
        if not is_of_input(error, here=False):
            raise
        raise ParameterError(
            f"{words_of(error)}These parameters do not fit these records. Nothing was changed: set others."
        ) from error


def records_like(state: State, width: int, levels: Sequence[list[Any]] = ()) -> Batch:
    """Records of the labels that are held, of this width: what ``fit`` asks for the shape of its input.

    Of more than four million records, so many; their features differ from row to row. `levels` are the categories of
    each column, all of which they have.
    """
    counted = state.statistic.record_counts[state.class_slots()]
    labels = [] if state.vocabulary is None else state.labels()
    codes = np.repeat(np.arange(len(labels)), np.minimum(counted, max(2, _MOST // len(labels)))) if labels else None
    n = min(state.n_records, _MOST) if codes is None else len(codes)
    weights = np.ones(n)
    if codes is None:
        weights[int(counted.sum()) :] = 0.0
    numbers = np.broadcast_to(np.arange(n, dtype=np.float64)[:, None], (n, width))
    categories = [np.arange(n) % len(column) for column in levels]
    return Batch(
        numbers,
        np.array(categories, np.int64).T.reshape(n, len(levels)),
        list(levels),
        np.zeros(0, np.int64) if codes is None else codes,
        labels,
        np.zeros((n, state.layout.n_targets)),
        weights,
    )


def levels_held(state: State) -> list[list[Any]]:
    """The categories of each column that has any."""
    held = [label for vocabulary in state.statistic.vocabularies for label in vocabulary.labels()]
    places = sorted({label[0] for label in held if isinstance(label, tuple)})
    return [[label[1] for label in held if isinstance(label, tuple) and label[0] == place] for place in places]


@contextmanager
def observed(estimator, X, y, sample_weight):
    """Learn in here: the callbacks that `set_callbacks` gave the estimator, or one around it, hear of one task."""
    told = vars(estimator).keys() & {"_skl_callbacks", "_parent_callback_ctx"}
    if not told or not isinstance(estimator, CallbackSupportMixin):
        yield
        return
    with callback_management_context(estimator):
        context = callback_context(estimator)
        given = {"X": X, "y": y, "metadata": {"sample_weight": sample_weight}}
        context.call_on_fit_task_begin(estimator=estimator, **given)
        yield
        context.call_on_fit_task_end(estimator=estimator, **given, reconstruction_attributes={})
