"""Data in pieces: files, data sets, partitions and frames, read block by block where they lie, in settled kinds.

May import: storage, table_files, the engine, errors.
"""

from sqlearn.distributed.pieces.block import Block, joined, stacked
from sqlearn.distributed.pieces.given import Run, pieces_of
from sqlearn.distributed.pieces.kinds import is_decimal
from sqlearn.distributed.pieces.piece import Piece
from sqlearn.distributed.pieces.plan import Plan
