"""Exact sums, what is summed for a learner, and how a change of them is undone.

May import: kernels, arithmetic, identity, errors.
"""

from sqlearn.engine.sums.categories import Categories
from sqlearn.engine.sums.deposit import deposit_each, deposit_outer, deposit_sparse
from sqlearn.engine.sums.exact import FEW_LIMBS, Deposit, ExactSum
from sqlearn.engine.sums.folded import FoldedGram
from sqlearn.engine.sums.fourth_moments import Spread
from sqlearn.engine.sums.gram import Gram, gram_rows
from sqlearn.engine.sums.gram_blocks import BLOCK, packed_cell
from sqlearn.engine.sums.joint import Correlations, Joint, Mixed
from sqlearn.engine.sums.memory import installed
from sqlearn.engine.sums.moments import Moments, moments
from sqlearn.engine.sums.one_record import GENERAL_FIRST, LABEL_WORDS, MOST_BITS, Holder, OneRecord, may_change, note
from sqlearn.engine.sums.sparse_sums import LabelSums, Sums, ThresholdCounts, as_csr, rows_of
from sqlearn.engine.sums.statistic import UNFIT, Block, Statistic
from sqlearn.engine.sums.transaction import InterruptsHeld, Log
