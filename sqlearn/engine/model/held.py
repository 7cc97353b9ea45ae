"""What a fitted model holds, and its canonical bytes."""

import hashlib
import json
from typing import Any

import numpy as np
import scipy.sparse as sp

from sqlearn.engine.identity import HashKey, Ledger, Vocabulary, digest_dense, digest_sparse, key_bytes
from sqlearn.engine.maps import FixedMap
from sqlearn.engine.model.header import describe, digest_of, plain
from sqlearn.engine.rounds import ROWS_ELSEWHERE, AskedRows
from sqlearn.engine.sums import UNFIT, Block, Statistic, rows_of
from sqlearn.engine.validation import Batch, Layout
from sqlearn.errors import FormatError, NotLearnedError, UnknownLabelError, shown

FORMAT = 1


class Held:
    """A function of the multiset of records held, the parameters and the key; see docs/exactness.md.

    Parameters
    ----------
    learner : str
        Name of the learner.
    params : dict
        Its parameters at the time of ``fit``.
    layout : Layout
        What the first records fixed.
    statistic : Statistic
        What is summed.
    has_labels : bool
        Whether records carry a class label.
    """

    def __init__(self, learner: str, params: dict, layout: Layout, statistic: Statistic, has_labels: bool):
        self.learner = learner
        self.params = params
        self.layout = layout
        self.statistic = statistic
        self.vocabulary = Vocabulary() if has_labels else None
        self.ledger = Ledger() if params.get("ledger", True) and not statistic.keeps_records else None
        self.multiset = np.zeros(4, np.uint64)
        self.record_counter = np.zeros(1, np.int64)
        self._key = HashKey(key_bytes(params.get("key")))
        self.key_state = self._key.state
        self.rows_stayed = False  # whether the records were left where the state was read from
        self.taken_out = False  # whether it is a copy that cannot look up what was learned, as of a store's model
        self.rows_lie = ROWS_ELSEWHERE  # what is said where they are needed then
        self.sources: tuple[Any, ...] = ()  # what its records came from, if that is known: for copies and merged states
        if not has_labels:
            statistic.resize(1)

    # ------------------------------------------------------------------ reading

    @property
    def n_features_in_(self) -> int:
        return self.layout.n_features_in_

    @property
    def feature_names_in_(self) -> np.ndarray | None:
        return self.layout.feature_names_in_

    @property
    def n_records(self) -> int:
        return self.record_counter.item()

    @property
    def looks_up_here(self) -> bool:
        """Whether no other place is asked which records are held."""
        ledger_is_here = self.ledger is None or self.ledger.is_here
        return ledger_is_here and not isinstance(getattr(self.statistic, "rows", None), AskedRows)

    def labels(self) -> list:
        """The classes held, sorted; [None] for learners without classes."""
        return self.vocabulary.labels() if self.vocabulary is not None else [None]

    def class_slots(self) -> np.ndarray:
        """The statistic's rows in the order of :meth:`labels`."""
        return self.vocabulary.sorted_slots() if self.vocabulary is not None else np.zeros(1, np.int64)

    def occupied(self) -> tuple[np.ndarray, list]:
        """The slots of the classes that hold records, and these classes, sorted."""
        slots = self.class_slots()
        used = self.statistic.record_counts[slots] > 0
        return slots[used], [label for label, is_used in zip(self.labels(), used, strict=True) if is_used]

    def labels_held(self) -> set:
        counts = self.statistic.record_counts
        return {label for label, slot in zip(self.labels(), self.class_slots(), strict=True) if counts[slot]}

    # ------------------------------------------------------------------ canonical bytes

    def header(self) -> dict:
        """What two models must share to be merged. Of the key it holds a hash, as keys may be secrets."""
        names = self.feature_names_in_
        left_out = {"key"} if self.layout.is_categorical is not None else {"key", "categorical_features"}
        params = {name: describe(value) for name, value in sorted(plain(self.params).items()) if name not in left_out}
        return {
            "format": FORMAT,
            "learner": self.learner,
            "parameters": params,
            "key": hashlib.blake2b(self.key_state.astype("<u8").tobytes(), digest_size=16).hexdigest(),
            "n_features_in_": self.n_features_in_,
            "feature_names_in_": None if names is None else list(names),
            "targets": [self.statistic.n_targets, self.layout.target_ndim],
            "layout": self.layout.described(),
        }

    def parts(self, ledger: bool = True, values: bool = True) -> dict[str, bytes]:
        """Canonical bytes, part by part; for ``values=False`` without those for which the multiset hash stands."""
        return {"header": json.dumps(self.header()).encode()} | self.held_parts(ledger, values)

    def held_parts(self, ledger: bool = True, values: bool = True) -> dict[str, bytes]:
        """Canonical bytes of what is held of records, part by part: those of :meth:`parts` without the header."""
        parts = {"labels": json.dumps(self.labels()).encode()}
        parts["records"] = self.record_counter.astype("<i8").tobytes() + self.multiset.astype("<u8").tobytes()
        for i, part in enumerate(self.statistic.canonical(self.class_slots())):
            parts[f"sums {i}"] = part
        large = self.statistic.canonical_values(self.class_slots()) if values else None
        if large is not None:
            parts["values"] = large
        if ledger and self.ledger is not None and self.ledger.is_here:
            parts["ledger"] = self.ledger.canonical()
        rows = self.statistic.canonical_rows(self.class_slots()) if ledger else None
        if rows is not None:
            parts["rows"] = rows
        return parts

    def digest(self) -> str:
        """Hex BLAKE2b-256 of all parts but those for which the multiset hash stands, as the ledger: never O(n)."""
        return digest_of(self.parts(ledger=False, values=False))

    def restore(self, parts: dict[str, bytes]) -> None:
        """Take the contents that :meth:`parts` gave; the header has been used to make this state."""
        labels = json.loads(parts["labels"])
        self.taken_out = "taken out" in parts
        self.rows_lie = parts.get("taken out", b"").decode() or ROWS_ELSEWHERE
        if self.vocabulary is not None:
            self.vocabulary.restore(labels)
        sums = [part for name, part in parts.items() if name.startswith("sums ")]
        self.statistic.restore(sums)
        if "values" in parts:
            self.statistic.restore_values(parts["values"])
        numbers = np.frombuffer(parts["records"], "<u8")
        self.record_counter[0] = int(numbers[0])
        self.multiset[:] = numbers[1:]
        self.rows_stayed = "rows" not in parts and self.statistic.leave_rows()
        if "solution" in parts:
            self.statistic.restore_solution(parts["solution"])
        if self.ledger is not None:
            without = self.rows_stayed or (self.taken_out and "ledger" not in parts)
            self.ledger = None if without else Ledger.restore(parts["ledger"])
        kept = self.n_records if self.ledger is None else len(self.ledger)
        if "rows" in parts:
            restored = self.statistic.restore_rows(parts["rows"])
            kept = restored if self.statistic.keeps_records else kept
        if len(self.statistic.record_counts) != len(labels) or kept != self.n_records:
            raise FormatError(UNFIT)

    # ------------------------------------------------------------------ records

    def encode(self, batch: Batch, rows: slice, sign: float) -> tuple[Block, np.ndarray]:
        """A block in canonical form and its records' digests, uint64[n, 6]."""
        n = rows.stop - rows.start
        weights = batch.weights[rows]
        targets = np.add(batch.targets[rows], 0.0, order="C")  # no -0.0
        tails = []
        slots, digests = np.zeros(n, np.int64), np.empty((n, 6), np.uint64)
        if self.vocabulary is not None:
            of_label = np.array([self.vocabulary.slot(label) for label in batch.labels], np.int64)
            self.statistic.resize(self.vocabulary.capacity)
            slots = of_label[batch.label_codes[rows]]
            tails.append(self.vocabulary.hash_words[slots])
        x: Any = rows_of(batch.x, rows) if sp.issparse(batch.x) else batch.x[rows]
        sparse = sp.issparse(x)
        if sparse and not self.statistic.takes_sparse:
            x, sparse = x.toarray(), False  # so that a sparse row and a dense one are the same record
        codes, words = self.statistic.encode(batch.codes[rows], batch.levels)
        block = Block(x if sparse else np.add(x, 0.0, order="C"), codes, slots, targets, weights, digests)
        tails += [words, targets.view(np.uint64), weights.view(np.uint64)[:, None]]
        tail = np.ascontiguousarray(np.concatenate(tails, axis=1))
        if batch.inputs is not None:
            digest_dense(np.ascontiguousarray(batch.inputs[rows]).view(np.float64), tail, self._key, digests)
        elif sparse:
            digest_sparse(x.data, x.indices, x.indptr, tail, self.key_state, digests)
        else:
            digest_dense(block.x, tail, self._key, digests)
        return block, digests

    def not_held(self, batch: Batch, row: int) -> NotLearnedError | UnknownLabelError:
        """Why this row cannot be forgotten, the rows before it being forgotten already."""
        if self.vocabulary is not None and batch.weights[row] > 0:
            code = batch.label_codes[row]
            label = batch.labels[code]
            slot = self.vocabulary.slots.get(label)
            if (slot is None or not self.statistic.record_counts[slot]) and code not in batch.label_codes[:row]:
                known = self.labels_held().union(batch.labels[i] for i in np.unique(batch.label_codes[:row]))
                held = shown([label for label in self.labels() if label in known])
                return UnknownLabelError(
                    f"{batch.name(row)} has the label {shown(label)}, which no row of this {self.learner} has, so "
                    f"nothing was changed. It holds {held}; pass the label the row was learned with.",
                    row=row,
                    value=label,
                )
        mapped = isinstance(self.params.get("transformer"), FixedMap)
        other = " Or the map in front gives it other bits here than where it was learned." if mapped else ""
        grouped = self.params.get("grouped")
        another, also = ("label, weight or group", ", groups") if grouped else ("label or weight", "")
        return NotLearnedError(
            f"{batch.name(row)} is not held by this {self.learner}, so nothing was changed. It was never learned, has "
            f"been forgotten already, is given more often than it was learned, or was learned with another {another}; "
            f"rows are compared to the last bit.{other} Pass rows, labels{also} and sample weights as they were "
            "learned.",
            row=row,
        )

    def copies(self, digests: np.ndarray) -> np.ndarray:
        """How many copies of each of these digests, uint64[n, >=2], are held, int64[n]."""
        found: np.ndarray = (self.statistic if self.ledger is None else self.ledger).copies(digests)
        return found

    def first_missing(self, block: Block) -> int:
        """Without a ledger: the first row that cannot be held, or -1."""
        missing = self.statistic.first_missing(block)
        return len(block) - 1 if missing < 0 and len(block) > self.n_records else missing
