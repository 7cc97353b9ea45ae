"""Models that follow the records of another: what came and went is noted, and they learn and forget it when read.

They are no part of the state. Each is, to the bit, what a fit to the records held would make it, so whether it followed
or was made anew cannot show. Notes are checked: together with the multiset hash that the models were made for they must
give that of the state; if they do not, or a class came or went, or too much did, the models are made anew.
"""

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.utils.validation import has_fit_parameter

from sqlearn.engine.identity import add_terms
from sqlearn.engine.model import ExactEstimator, Inner, State
from sqlearn.engine.parts.keeping import Whole
from sqlearn.engine.readout import label_array
from sqlearn.engine.rounds import KeptRecords, OneOfKept
from sqlearn.engine.sums import Holder, Log, OneRecord
from sqlearn.errors import InvalidValueError, UndefinedAttributeError

_FEWEST, _SHARE = 64, 4  # so many changes are followed, or a share of the records, before models are made anew


def takes_weights(learner: Any) -> bool:
    """Whether a part learns from weighted records."""
    return learner.takes_weights if isinstance(learner, ExactEstimator) else has_fit_parameter(learner, "sample_weight")


def refuse_weights(learners: list[Any]) -> None:
    """Refuse weights where a part takes none: it must not learn as if there were none.

    Raises
    ------
    InvalidValueError
        With the class of the part.
    """
    for learner in learners:
        if not takes_weights(learner):
            raise InvalidValueError(
                f"Underlying estimator {type(learner).__name__} does not support sample weights. Nothing was changed: "
                "leave sample_weight out.",
                reason="weight",
            )


def target_of(learner: Any) -> str | None:
    """What records carry for a learner beside their features: "label", "value" or None."""
    if isinstance(learner, ExactEstimator):
        return learner.target
    return "label" if is_classifier(learner) else "value" if is_regressor(learner) else None


@dataclass
class Part:
    """A model to be made, and which records it is made of.

    Attributes
    ----------
    learner : estimator
        Not fitted, and not changed.
    responses : callable
        What it learns of records, a :class:`Whole`: labels or targets.
    selects : callable, optional
        Which of them it learns, bool[n]; all by default.
    """

    learner: Any
    responses: Callable[[Whole], np.ndarray]
    selects: Callable[[Whole], np.ndarray] | None = None

    @property
    def is_ours(self) -> bool:
        """Whether it can forget."""
        return isinstance(self.learner, ExactEstimator)

    def given(self, whole: Whole) -> dict[str, Any] | None:
        """Arguments of its verbs for those of these records that it learns; None if there are none."""
        if self.selects is not None:
            whole = whole.take(np.flatnonzero(self.selects(whole)))
        if not len(whole.w):
            return None
        found: dict[str, Any] = {"X": whole.x}
        target = self.learner.target if isinstance(self.learner, ExactEstimator) else "any"
        if target is not None:
            found["y"] = self.responses(whole)
        return found | ({"sample_weight": whole.w} if whole.weighted else {})

    def made(self, whole: Whole) -> Any:
        """The model; one that is not fitted if there are no records."""
        model, given = clone(self.learner), self.given(whole)
        if self.is_ours and "ledger" in model.get_params(deep=False) and not model.keeps_records:
            model.ledger = False  # whoever keeps the records knows which are held
        if given is not None:
            _ = model.partial_fit(**given) if self.is_ours else model.fit(**given)
        return model

    def follow(self, model: Any, gone: Whole, come: Whole) -> None:
        """Have a model that can forget learn what has come, and forget what has gone."""
        lost, found = self.given(gone), self.given(come)
        if found is not None:
            model.partial_fit(**found)
        if lost is not None:
            model.forget(**lost)


def answering(model: Any, learner: str) -> Any:
    """What answers for a model, as long as it is what it is now: scikit-learn's estimator, for one that can forget.

    Raises
    ------
    UndefinedAttributeError
        If it has no records; `learner` is the name of the whole, for the message.
    """
    if not isinstance(model, ExactEstimator):
        return model
    if "_state" not in vars(model) or not model.n_records_:
        raise UndefinedAttributeError(
            f"A {type(model).__name__} inside this {learner} has no records to learn from. Learn more rows.",
            reason="too few records",
        )
    if type(model).to_sklearn is not ExactEstimator.to_sklearn and model.target is None:
        return model.to_sklearn()
    fitted = Inner(model).fitted_sklearn(model.state)
    if not isinstance(fitted, Inner(model).sklearn_class):  # what a pipeline reads, with the states of its steps
        return model.to_sklearn()
    if "_boosted" in vars(fitted):  # what scikit-learn's boosted trees were made of
        fitted = copy.copy(fitted)
        del vars(fitted)["_boosted"]
    return fitted


@dataclass
class _Live:
    """Models, and what they were made for."""

    parts: list[Part]
    models: list[Any]
    multiset: np.ndarray
    occupied: tuple[list[int], list[Any]]


@dataclass
class _Note:
    """Records that came (1.0) or went (-1.0)."""

    x: np.ndarray
    y: np.ndarray
    w: np.ndarray
    digests: np.ndarray
    sign: float = field(default=1.0)


class Followed(KeptRecords):
    """Records that note what comes and goes once there are models that follow.

    Attributes
    ----------
    strict : bool
        Whether single records are left to the general path, since a part may refuse them.
    """

    def __init__(self, n_features: int, n_targets: int, strict: bool = False, takes_missing: bool = False) -> None:
        super().__init__(n_features, n_targets)
        self.strict, self.takes_missing = strict, takes_missing
        self._live: _Live | None = None
        self._noted: list[_Note] | None = None
        self._n_noted = 0
        self._lock = threading.RLock()

    def _empty(self) -> "Followed":
        return type(self)(self.n_features, self.n_targets, self.strict, self.takes_missing)

    # ------------------------------------------------------------------ noting

    def fast_path(self, state: Holder) -> OneRecord | None:
        return None if self.strict else OneOfFollowed(state)

    def _change(self, x, y, w, slots, digests, sign, log: Log) -> None:
        super()._change(x, y, w, slots, digests, sign, log)
        if self._noted is not None:
            note = partial(self.note, x, y, w, digests)
            log.do(partial(note, sign), partial(note, -sign))

    def note(self, x: np.ndarray, y: np.ndarray, w: np.ndarray, digests: np.ndarray, sign: float) -> None:
        """Note records that came or went; without memory, models will be made anew."""
        if self._noted is None:
            return
        self._n_noted += len(w)
        if self._n_noted > max(_FEWEST, int(self.record_counts.sum()) // _SHARE):
            self._drop()
            return
        try:
            self._noted.append(_Note(x, y, w, digests, sign))
        except MemoryError:
            self._drop()

    @property
    def notes(self) -> bool:
        """Whether anything is to be noted."""
        return self._noted is not None

    def _drop(self) -> None:
        self._live = self._noted = None
        self._n_noted = 0

    # ------------------------------------------------------------------ reading

    @contextmanager
    def models(self, state: State, parts: Callable[[Whole], list[Part]]) -> Iterator[list[Any]]:
        """Context of the parts' models over the records held, in which no other thread changes them."""
        with self._lock:
            live, noted = self._live, self._noted
            self._live, self._noted, self._n_noted = None, [], 0  # whatever begins from here on is noted
            version, steady = state.version, state.borrowed or not state.busy
            try:
                if live is None or noted is None or not self._follows(state, live, noted):
                    live = self._made(state, parts)
            except BaseException:  # also Ctrl-C: models may have learned a part of the notes
                self._drop()
                raise
            if steady and state.version == version:
                self._live = live
            else:  # an update has begun meanwhile: what was read is anything
                self._drop()
            yield live.models

    def _made(self, state: State, parts: Callable[[Whole], list[Part]]) -> _Live:
        """New models of the records held."""
        multiset, occupied = state.multiset.copy(), _occupied(state)
        whole = Whole.of(state)
        mine = parts(whole)
        return _Live(mine, [part.made(whole) for part in mine], multiset, occupied)

    def _follows(self, state: State, live: _Live, noted: list[_Note]) -> bool:
        """Whether the models of before could be brought up to date; else they must be made anew."""
        if live.occupied != _occupied(state):
            return False
        multiset = live.multiset.copy()
        for note in noted:
            add_terms(multiset, note.digests, note.sign)
        if (multiset != state.multiset).any():
            return False
        gone, come = _net(noted, state)
        if len(gone.w) or len(come.w):
            whole = None if all(part.is_ours for part in live.parts) else Whole.of(state)
            for i, part in enumerate(live.parts):
                if whole is None or part.is_ours:
                    part.follow(live.models[i], gone, come)
                else:
                    live.models[i] = part.made(whole)
        live.multiset = multiset
        return True


def _occupied(state: State) -> tuple[list[int], list[Any]]:
    slots, labels = state.occupied()
    return slots.tolist(), labels


def _net(noted: list[_Note], state: State) -> tuple[Whole, Whole]:
    """The records that went in all, and those that came, each as often."""
    counts: dict[bytes, int] = {}
    first: dict[bytes, tuple[_Note, int]] = {}
    last: dict[bytes, tuple[_Note, int]] = {}
    for note in noted:
        for i in np.flatnonzero(note.w > 0).tolist():
            name = note.digests[i].tobytes()
            counts[name] = counts.get(name, 0) + int(note.sign)
            first.setdefault(name, (note, i))
            last[name] = (note, i)
    # slots are those of the time: a class that is held at both ends had its present slot when it was last touched
    gone = [first[name] for name, count in counts.items() for _ in range(-count)]
    come = [last[name] for name, count in counts.items() for _ in range(count)]
    return _whole_of(gone, state), _whole_of(come, state)


def _whole_of(places: list[tuple[_Note, int]], state: State) -> Whole:
    d = state.statistic.n_features
    x = np.array([note.x[i] for note, i in places]).reshape(len(places), d)
    y, w = (np.array([getattr(note, name)[i] for note, i in places], np.float64) for name in "yw")
    if state.vocabulary is None:
        return Whole(x, y, w, None, [])
    slots = state.class_slots()
    codes = np.zeros(1 + int(max(slots, default=0)), np.intp)
    codes[slots] = np.arange(len(slots))
    return Whole(x, codes[y.astype(np.intp)], w, label_array(state), state.labels())


class OneOfFollowed(OneOfKept):
    """One kernel call, and a note if there are models that follow."""

    def _change_plain(self, row: np.ndarray, y: float, words: np.ndarray, slot: int, sign: float) -> bool:
        done = super()._change_plain(row, y, words, slot, sign)
        statistic = self.state.statistic
        if done and statistic.notes:
            x, target, weight, digest, _, _ = self.one
            statistic.note(x.copy(), target.copy(), weight.copy(), digest.copy(), sign)
        return done
