"""Learners made of learners, and choices among them: what they have in common.

May import: kernels, identity, sums, rounds, validation, model, errors.
"""

from sqlearn.engine.parts.names import digests_of, folds_of_groups
