"""The key of the records' digests: what it may be, and strings that do not show themselves."""

import hashlib

from sqlearn.errors import ParameterError

_DEFAULT = b"sqlearn"


class HiddenText(str):
    """A str whose repr does not tell it: of parameters, that is what scikit-learn prints, plain and as HTML."""

    def __repr__(self):
        return "'***'"


class HiddenBytes(bytes):
    """Bytes whose repr does not tell them, as :class:`HiddenText`."""

    def __repr__(self):
        return "b'***'"


def hidden(key):
    """An equal key that does not show in a repr, nor change; what is no key as it is."""
    if isinstance(key, HiddenText | HiddenBytes):
        return key
    if isinstance(key, str):
        return HiddenText(key)
    return HiddenBytes(key) if isinstance(key, bytes | bytearray | memoryview) else key


def key_bytes(key) -> bytes:
    """The 32 bytes that a key stands for, or those of the public default for None.

    Raises
    ------
    ParameterError
        When it is neither a str nor bytes.
    """
    if key is None:
        return _DEFAULT
    if not isinstance(key, str | bytes):  # bytes(5) would be five zeros
        raise ParameterError(f"key must be bytes or a str, not {type(key).__name__}. Encode it first.")
    data = key.encode("utf-8", "surrogatepass") if isinstance(key, str) else bytes(key)
    return hashlib.blake2b(data, digest_size=32).digest()
