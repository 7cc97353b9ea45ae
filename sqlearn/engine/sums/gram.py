"""The statistic of dense features and targets: their Gram matrix."""

from functools import partial

import numpy as np

from sqlearn.engine.kernels import Postponed
from sqlearn.engine.sums.deposit import deposit_gram_rows, deposit_triangle
from sqlearn.engine.sums.exact import Deposit
from sqlearn.engine.sums.gram_blocks import deposit_gram
from sqlearn.engine.sums.moments import OneDense
from sqlearn.engine.sums.statistic import Statistic

many_products = Postponed(deposit_triangle, 1_000_000)  # which blocks call, and nothing else does from Python


class Gram(Statistic):
    """Per slot: the weighted Gram matrix of ``[1, features, targets]``, upper triangle packed row by row."""

    @staticmethod
    def cells(n_features, n_targets):
        p = 1 + n_features + n_targets
        return p * (p + 1) // 2

    def deposit(self, block, sign, log):
        order = np.argsort(block.slots, kind="stable")
        by_row = gram_rows(block.x, block.targets, block.weights, block.slots, order)
        if many_products.is_worth(len(block) * self.total.shape[1]):
            self._put_blocks(partial(self._deposit, block, order, by_row), by_row, sign, log)
        else:
            self._put(by_row, sign, log)

    def fast_path(self, state):
        return None if state.ledger is None else OneDense(state, is_gram=True)

    def _deposit(self, block, order, by_row, sign):
        """By blocks, through BLAS, all or nothing."""
        z = np.concatenate([np.ones((len(block), 1)), block.x, block.targets], axis=1)
        slots, starts = np.unique(block.slots[order], return_index=True)
        groups: list = [slice(None)] if len(slots) == 1 else np.split(order, starts)[1:]
        done = 0
        try:
            for slot, group in zip(slots.tolist(), groups, strict=True):
                for n in deposit_gram(self.total, z[group], block.weights[group], slot, sign, self.record_counts):
                    done += n
        except BaseException:
            self.total.take_back(by_row, done, sign, self.record_counts)
            raise


def gram_rows(
    x: np.ndarray, targets: np.ndarray, weights: np.ndarray, slots: np.ndarray, order: np.ndarray | None = None
) -> Deposit:
    """What :class:`Gram` sums, record by record in an `order`; as they come by default."""
    order = np.arange(len(x)) if order is None else order
    workspace = np.empty((3, 1 + x.shape[1] + targets.shape[1]))
    return Deposit(len(x), deposit_gram_rows, (x, targets, weights, slots, order), (workspace,))
