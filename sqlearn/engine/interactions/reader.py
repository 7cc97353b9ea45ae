"""What recommenders read from interactions: rows of similarities, and scores."""

from typing import Any

import numpy as np

from sqlearn.engine.interactions.rows import Reading, Rules, raw_row, read_raw, similar, similar_rows
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
        self.held, self.index, self._kept_bytes = held, held.index.arrays, held.kept_bytes
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
        self.rules = Rules(held.rated, largest, most, min_sim, save_nbrs or 0)

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
        most = max_nbrs if max_nbrs < len(history) else 0
        near, scores = neighbours(n, most), np.empty(n)
        if self._kept_bytes:
            for at, item in enumerate(history.tolist()):
                offer(self._similar(item), at, values[at], most, self.reading, near)
            settle(values, most, min_nbrs, self.rules.rated, near, scores)
        else:
            score_all(self.index, history, values, most, min_nbrs, self.reading, self.rules, near, scores)
        return scores

    def _similar(self, item: int) -> int:
        """Write the similar items of an item; from its raw row, if that is kept or to be kept."""
        if not self._kept_bytes:
            return int(similar(self.index, item, self.reading, self.rules, False))
        rows, reading, rules = self.held.raw_rows, self.reading, self.rules
        kept = rows.get(item)
        facts = len(reading.counts), self._step
        if kept is None or kept[0] != facts:
            form, shift, visits = raw_row(self.index, item, reading, rules)
            cells = reading.raw[: max(form, 1) * len(reading.counts)]
            kept = facts, form, shift, cells.copy()
            cells[:] = 0
            if visits > 2 * len(reading.counts):
                self._keep(item, kept)
        elif item in rows:
            rows[item] = rows.pop(item)  # used last
        _, form, shift, raw = kept
        return read_raw(raw, item, form, shift, reading, rules)

    def _keep(self, item: int, kept: tuple[Any, ...]) -> None:
        rows = self.held.raw_rows
        size = sum(row[-1].nbytes for row in rows.values()) + kept[-1].nbytes
        for oldest in list(rows):
            if size <= self._kept_bytes:
                break
            size -= rows.pop(oldest)[-1].nbytes
        if size <= self._kept_bytes:
            rows[item] = kept
