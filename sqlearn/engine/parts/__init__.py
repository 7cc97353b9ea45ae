"""Learners made of learners, and choices among them: what they have in common.

May import: identity, sums, readout, rounds, tables, validation, model, errors.
"""

from sqlearn.engine.parts.choosing import FOLDS, InFolds, best_of, is_count, mean_of_scored
from sqlearn.engine.parts.composite import Composite, checked_part, refuse_one_class, refuse_pairwise, refuse_unsafe
from sqlearn.engine.parts.following import Part, answering, refuse_weights, takes_weights, target_of
from sqlearn.engine.parts.keeping import KeepsRecords, Whole
from sqlearn.engine.parts.left_out import MISSING, Folds, method_of, predicted
from sqlearn.engine.parts.named import active, checked_names, codes, named_estimators
from sqlearn.engine.parts.names import digests_of, folds_of_groups
from sqlearn.engine.parts.seeds import check_seed, refuse_unseeded
from sqlearn.engine.parts.tabular import asks_for_columns, keeps_tables, takes_tables
