"""The memory of arrays, some of whose allocations fail: NumPy's, and those that kernels make.

NumPy has an interface for its allocator. numba keeps the addresses of the functions that it allocates with in its
module's memory, where they are found and replaced (on Linux). Allocations of Python's own objects do not fail.
"""

import ctypes
import struct
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numba import carray, cfunc, njit, types
from numba.core.runtime import _nrt_python
from numba.extending import intrinsic
from numpy._core import _multiarray_umath

ONE, FROM, EVERY = 1, 2, 3  # which fail: number k; that and all later ones; every k-th
_SET_HANDLER = 304  # its place in NumPy's C interface, which is stable

_libc = ctypes.CDLL(None)
_malloc, _calloc, _realloc, _free = _libc.malloc, _libc.calloc, _libc.realloc, _libc.free
_raw_malloc, _raw_realloc, _raw_free = _libc.PyMem_RawMalloc, _libc.PyMem_RawRealloc, _libc.PyMem_RawFree
for _function, _n in zip(
    (_malloc, _calloc, _realloc, _free, _raw_malloc, _raw_realloc, _raw_free), (1, 2, 2, 1, 1, 2, 1), strict=True
):
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


@intrinsic
def _place(typing, address):
    """The place at an address: numba passes its allocator no context."""

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(_PLACE))

    return _PLACE(_WORD), generate


_ADDRESS = np.uint64(ctypes.addressof(_state))


@cfunc(_WORD(_WORD))
def _kernel_new(size):
    return np.uint64(0) if _refused(_place(_ADDRESS)) else np.uint64(_raw_malloc(size))


@cfunc(_WORD(_WORD, _WORD))
def _kernel_resized(old, size):
    return np.uint64(0) if _refused(_place(_ADDRESS)) else np.uint64(_raw_realloc(old, size))


def _allocator_of_kernels():
    """Where numba keeps the addresses of PyMem_RawMalloc, PyMem_RawRealloc and PyMem_RawFree; None if not found."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return None
    functions = (_raw_malloc, _raw_realloc, _raw_free)
    wanted = struct.pack("3N", *(ctypes.cast(function, ctypes.c_void_p).value for function in functions))
    for line in maps.read_text().splitlines():
        if " rw-p " in line and line.endswith(_nrt_python.__file__):
            start, stop = (int(end, 16) for end in line.split()[0].split("-"))
            at = ctypes.string_at(start, stop - start).find(wanted)
            if at >= 0:
                return (ctypes.c_size_t * 3).from_address(start + at)
    return None


_kernels = _allocator_of_kernels()
_name = b"mem_handler"  # which the capsule does not keep alive
_capsule = _api.PyCapsule_New(ctypes.addressof(_handler), _name, None)


@contextmanager
def failing(rule: int = 0, k: int = 1):
    """Refuse some allocations of the arrays made in here, none by default; they are counted in any case."""
    before = _set_handler(_capsule)
    _state[:] = 0, 0, rule, k
    if _kernels is not None:
        plain = _kernels[:]
        _kernels[:2] = _kernel_new.address, _kernel_resized.address
    try:
        yield
    finally:
        _state[2] = 0
        if _kernels is not None:
            _kernels[:] = plain
        _set_handler(before)


def asked() -> tuple[int, int]:
    """How many allocations there were in the last :func:`failing`, and how many were refused."""
    return _state[0], _state[1]
