"""Trees that are functions of their records: forests that follow what comes and goes.

May import: kernels, arithmetic, sums, rounds, errors.
"""

from sqlearn.engine.trees.forest import Forest, ForestReport, Growth
