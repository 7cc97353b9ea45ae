"""Where pickles of keyed models made before the engine had packages look for the key's classes."""

from sqlearn.engine.identity import HiddenBytes, HiddenText

__all__ = ["HiddenBytes", "HiddenText"]
