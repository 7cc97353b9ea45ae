"""Maps of single rows, as users write them."""

import numpy as np


def widened(rows: np.ndarray) -> np.ndarray:
    """Twice as many columns; finite where the rows are."""
    return np.concatenate([rows, -0.5 * rows], axis=1)


class Shouting:
    """An embedding of texts: their length, and how many capitals they have."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def encode(self, texts: list[str]) -> np.ndarray:
        return np.array([[len(text) * self.factor, sum(map(str.isupper, text))] for text in texts], np.float32)


class Padding:
    """A network that pads texts to one length, so that a text has other bits in a batch than alone."""

    version = 1

    def __call__(self, texts: list[str]) -> np.ndarray:
        longest = max(map(len, texts))
        return np.array([[len(text) + 2.0**-40 * longest, 1.0] for text in texts])
