"""Which record is which: digests, the ledger, the multiset hash, labels and categories, the key.

May import: kernels, errors.
"""

from sqlearn.engine.identity.blake2b import HashKey, digest_dense, digest_one, digest_sparse
from sqlearn.engine.identity.buckets import find, pack
from sqlearn.engine.identity.checksum import first_bad, stamp
from sqlearn.engine.identity.cuts import cuts
from sqlearn.engine.identity.folds import MOST_FOLDS, fold_of, folds_of
from sqlearn.engine.identity.key import HiddenBytes, HiddenText, hidden, key_bytes
from sqlearn.engine.identity.ledger import MOST_COPIES, Ledger, add_one, copies_held, take_one
from sqlearn.engine.identity.multiset import add_term, add_terms
from sqlearn.engine.identity.vocabulary import PLAIN_LABELS, LabelError, Vocabulary, canonical_label, label_words
