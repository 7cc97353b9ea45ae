"""Documents: exact counts of their words, and what learners of words read from these.

May import: kernels, arithmetic, identity, sums, readout, validation, model, errors.
"""

from sqlearn.engine.text.documents import Tokenizing, as_documents, check_importable, check_tokens
from sqlearn.engine.text.reader import TextReader, pipeline_of, text_tags
from sqlearn.engine.text.readout import chosen_words, inverse_frequencies, seen_sums
from sqlearn.engine.text.statistic import TextSums
from sqlearn.engine.text.weighing import NORMS, Weighing
