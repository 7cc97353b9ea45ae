"""Sparse records of many features: kept as compressed rows, and solved for when a solution is read.

May import: kernels, arithmetic, identity, sums, rounds, solvers, problems, errors.
"""

from sqlearn.engine.sparse.problem import SparseOneVsRest, SparseSmooth, is_wide
from sqlearn.engine.sparse.statistic import SparseKept, SparseProblem
