"""Learning a data set in pieces one block after the other, as each worker does, and in one process."""

import pickle

from sklearn.base import clone

from sqlearn.distributed.pieces import joined, pieces_of


def fitted(learner, data, *, backwards=False, **given):
    """A learner that has learned all blocks, after pieces and plan have travelled."""
    pieces, plan = pickle.loads(pickle.dumps(pieces_of(learner, data, **given)))
    model = clone(learner)
    for piece in reversed(pieces) if backwards else pieces:
        for block in piece.blocks(plan):
            with block.located():
                model.partial_fit(**block.args())
    return model


def whole(learner, data, **given):
    """All rows of the data as one block."""
    pieces, plan = pieces_of(learner, data, **given)
    return joined([block for piece in pieces for block in piece.blocks(plan)])
