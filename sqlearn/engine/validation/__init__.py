"""From what users pass to canonical records: a batch, and the layout that the first records fix.

May import: identity, sums, errors.
"""

from sqlearn.engine.validation.batch import Batch
from sqlearn.engine.validation.chosen_columns import columns_listed, place_of_column
from sqlearn.engine.validation.given import GivenRecords
from sqlearn.engine.validation.layout import Layout
from sqlearn.engine.validation.refusals import explained, first_without_number, is_of_input, is_worded, words_of
from sqlearn.engine.validation.rows import check_features, refuse_negative, unmasked
from sqlearn.engine.validation.sparse_format import check_sparse
from sqlearn.engine.validation.spec import Features, Responses, Spec
from sqlearn.engine.validation.targets import check_classes, check_indicator, check_responses, levels_of, shape_of
from sqlearn.engine.validation.validate import comparable, validate
from sqlearn.engine.validation.weights import check_class_weights, check_weights
