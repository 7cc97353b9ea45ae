"""A store's SQLite file: the connection, places that are overwritten where they lie, and what is kept in them.

May import: the engine, errors.
"""

from sqlearn.storage.file.damage import damaged
from sqlearn.storage.file.database import Database
from sqlearn.storage.file.descriptors import File
from sqlearn.storage.file.dictionary import PIECE, Texts, Words, decoded, message, relinked
from sqlearn.storage.file.documents import DOCUMENT_PIECE, LONGEST_DOCUMENT, Documents, pieces_of
from sqlearn.storage.file.hash_index import HashIndex, hash_texts, hash_words, masked
from sqlearn.storage.file.receipts import ChainCheck, Receipt, Receipts, check_chain
from sqlearn.storage.file.residue import residue
from sqlearn.storage.file.saved_model import SavedModel, described_learner
from sqlearn.storage.file.settings import Settings
from sqlearn.storage.file.slots import Slots
from sqlearn.storage.file.values import refuse_unkept
