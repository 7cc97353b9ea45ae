"""NumPy's memory, some of whose allocations fail: all that its arrays ask for comes through here."""

import ctypes
from contextlib import contextmanager

import numpy as np
from numba import carray, cfunc, njit, types
from numpy._core import _multiarray_umath

ONE, FROM, EVERY = 1, 2, 3  # which fail: number k; that and all later ones; every k-th
_SET_HANDLER = 304  # its place in NumPy's C interface, which is stable

_libc = ctypes.CDLL(None)
_malloc, _calloc, _realloc, _free = _libc.malloc, _libc.calloc, _libc.realloc, _libc.free
for _function, _n in ((_malloc, 1), (_calloc, 2), (_realloc, 2), (_free, 1)):
    _function.restype, _function.argtypes = ctypes.c_size_t, [ctypes.c_size_t] * _n

# The handler is compiled: NumPy frees arrays while it raises, and no code of Python's may run then.
_PLACE, _WORD = types.CPointer(types.int64), types.uintp


@njit
def _refused(place):
    count, rule, k = carray(place, 4), carray(place, 4)[2], carray(place, 4)[3]
    count[0] += 1
    i = count[0]
    bad = (rule == ONE and i == k) or (rule == FROM and i >= k) or (rule == EVERY and i % k == 0)
    count[1] += bad
    return bad


@cfunc(_WORD(_PLACE, _WORD))
def _new(place, size):
    return np.uint64(0) if _refused(place) else np.uint64(_malloc(size))


@cfunc(_WORD(_PLACE, _WORD, _WORD))
def _new_zeros(place, n, size):
    return np.uint64(0) if _refused(place) else np.uint64(_calloc(n, size))


@cfunc(_WORD(_PLACE, _WORD, _WORD))
def _resized(place, old, size):
    return np.uint64(0) if _refused(place) else np.uint64(_realloc(old, size))


@cfunc(types.void(_PLACE, _WORD, _WORD))
def _freed(place, old, size):
    _free(old)


class _Handler(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char * 127),
        ("version", ctypes.c_uint8),
        ("context", ctypes.c_void_p),
        ("functions", ctypes.c_void_p * 4),
    )


_api = ctypes.pythonapi
_api.PyCapsule_New.restype = ctypes.py_object
_api.PyCapsule_New.argtypes = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p
_api.PyCapsule_GetPointer.restype = ctypes.POINTER(ctypes.c_void_p)
_api.PyCapsule_GetPointer.argtypes = ctypes.py_object, ctypes.c_char_p
_set_handler = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(
    _api.PyCapsule_GetPointer(_multiarray_umath._ARRAY_API, None)[_SET_HANDLER]
)
_state = (ctypes.c_int64 * 4)()  # allocations asked for, and refused; the rule, and its number
_handler = _Handler(
    b"failing", 1, ctypes.addressof(_state), tuple(f.address for f in (_new, _new_zeros, _resized, _freed))
)
_name = b"mem_handler"  # which the capsule does not keep alive
_capsule = _api.PyCapsule_New(ctypes.addressof(_handler), _name, None)


@contextmanager
def failing(rule: int = 0, k: int = 1):
    """Refuse some allocations of the arrays made in here, none by default; they are counted in any case."""
    before = _set_handler(_capsule)
    _state[:] = 0, 0, rule, k
    try:
        yield
    finally:
        _state[2] = 0
        _set_handler(before)


def asked() -> tuple[int, int]:
    """How many allocations there were in the last :func:`failing`, and how many were refused."""
    return _state[0], _state[1]
