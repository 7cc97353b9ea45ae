"""What recommenders read from interactions: rows of similarities, and scores."""

import numpy as np

from sqlearn.engine.interactions.raw_rows import RawRow
from sqlearn.engine.interactions.rows import (
    WIDE,
    Reading,
    Rules,
    needs_wide,
    raw_row,
    read_raw,
    similar,
    similar_rows,
)
from sqlearn.engine.interactions.scores import neighbours, offer, score_all, settle
from sqlearn.engine.interactions.statistic import Interactions

_NONE = np.zeros(0, np.int64)
_AT_ONCE = 1 << 27  # similarities


class Reader:
    """Similarities and scores of the interactions held now.

    Parameters
    ----------
    held : Interactions
        The interactions; they must not change while this is in use.
    min_sim : float
        The least similarity that counts.
    save_nbrs : int or None
        How many neighbours of each item count.
    """

    def __init__(self, held: Interactions, min_sim: float, save_nbrs: int | None) -> None:
        self.held, self.index, self.kept = held, held.index.arrays, held.raw_rows
        sums, steps = held.item_sums(), held.steps() if held.rated else None
        n, most = len(sums.counts), int(sums.counts.max(initial=0))
        table = _NONE if steps is None else steps.table
        largest = 0 if steps is None else steps.largest
        self._step = 0 if steps is None else steps.step
        ranks = self._ranks() if save_nbrs else _NONE
        of_users, of_items = np.empty((2, most), np.int64), np.empty((3, n + 1), np.int64)
        self.reading = Reading(
            sums.counts, sums.sums, sums.roots, table, np.arange(n), ranks, np.zeros(4 * n, np.int64),
            of_users[0], of_users[1], of_items[0], of_items[1], of_items[2], np.empty(n + 1),
        )  # fmt: skip
        self.rules = Rules(held.rated, largest, most, min_sim, min(save_nbrs or 0, n))

    def _ranks(self) -> np.ndarray:
        ranks = np.zeros(len(self.index.item_start), np.int64)
        order = self.held.item_order()
        ranks[order] = np.arange(len(order))
        return ranks

    def similar_items(self, item: int) -> tuple[np.ndarray, np.ndarray]:
        """The similar items of an item, and their similarities, in any order."""
        n = self._similar(item)
        return self.reading.found[:n].copy(), self.reading.similarity[:n].copy()

    def rows(self, items: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows of similarities of these items: values, columns in the order of the labels, and where each row ends."""
        order = self.held.item_order()
        reading = self.reading._replace(order=order, ranks=self._ranks())
        ends, parts, start = np.zeros(len(items), np.int64), [], 0
        room, offset = max(len(order), min(_AT_ONCE, len(items) * len(order))), 0
        while start < len(items):
            columns, values = np.empty(room, np.int32), np.empty(room)  # memory that is not written to takes none
            stop = similar_rows(self.index, items, start, reading, self.rules, ends, columns, values)
            filled = int(ends[stop - 1])
            parts.append((columns[:filled], values[:filled]))
            ends[start:stop] += offset
            offset, start = offset + filled, stop
        if len(parts) == 1:
            return parts[0][1], parts[0][0], ends
        columns, values = (np.concatenate(part) for part in zip(*parts, strict=True))
        return values, columns, ends

    def scores(self, history: np.ndarray, values: np.ndarray, max_nbrs: int, min_nbrs: int) -> np.ndarray:
        """Scores of all items, by slot, for a user with these items and centred ratings; NaN where there are none."""
        n = len(self.reading.counts)
        most, min_nbrs = max_nbrs if max_nbrs < len(history) else 0, min(min_nbrs, len(history) + 1)
        near, scores = neighbours(n, most), np.empty(n)
        if self.kept.max_bytes:
            for at, item in enumerate(history.tolist()):
                offer(self._similar(item), at, values[at], most, self.reading, near)
            settle(values, most, min_nbrs, self.rules.rated, near, scores)
        else:
            score_all(self.index, history, values, most, min_nbrs, self.reading, self.rules, near, scores)
        return scores

    def _similar(self, item: int) -> int:
        """Write the similar items of an item; from its raw row, if that is kept or to be kept."""
        reading, rules, kept = self.reading, self.rules, self.kept
        if not kept.max_bytes:
            return int(similar(self.index, item, reading, rules, False))
        row = kept.get(item)
        if row is None or not self._is_valid(row):
            form, shift, visits, size = raw_row(self.index, item, reading, rules)
            words = reading.raw[: max(form, 1) * len(reading.counts)]
            row = RawRow(len(reading.counts), self._step, size, form, shift, words.copy())
            words[:] = 0
            if visits > 2 * len(reading.counts):
                kept.keep(item, row)
        return int(read_raw(row.words, item, row.form, row.shift, reading, rules))

    def _is_valid(self, row: RawRow) -> bool:
        """Whether it has today's places and step, and room for what other items have by now."""
        fits = row.form == WIDE or not needs_wide(row.size, self.rules)
        return fits and (row.n_items, row.step) == (len(self.reading.counts), self._step)
