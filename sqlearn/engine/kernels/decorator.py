"""The one decorator for compiled code: ``@kernel`` is ``numba.njit`` with a disk cache that cannot go stale.

numba's own disk cache keys a function by its own source file alone: edit a callee in another file, and the caller goes
on running the old machine code. It also names its files by a counter kept in an index, and rewrites index and code in
two steps: of two processes that compile at once, one can leave its code under the other's name. For exact sums either
would mean silently wrong bits. So here

- the files live in a folder named after a hash of *all* kernel sources (the ``engine`` folder with its packages), of
  numba's version and of the settings that change code: one edit anywhere, and nothing compiled before is looked at
  again;
- every compiled function is one file, named after its key (signature, processor, bytecode), written at one stroke;
- code is saved only if the sources are still those that were hashed when the process started;
- a cache that cannot be read or written makes a process slower and never makes it fail; a warning says so, once.

Where the folder lies is numba's choice: ``NUMBA_CACHE_DIR``, else ``__pycache__`` beside the sources, else (a read-only
installation) the user's cache folder; ``NUMBA_CACHE_LOCATOR_CLASSES`` is heeded. numba's internals are touched here
and in :mod:`~sqlearn.engine.kernels.inner` only; here ``NullCache``, ``FunctionCache`` and its ``_cache_path``,
``_cache_file`` and ``_impl.filename_base``.
"""

import contextlib
import hashlib
import os
import pickle
import shutil
import uuid
import warnings
from pathlib import Path

import llvmlite
import numba
import numpy as np
from numba.core import caching
from numba.core.serialize import dumps

from sqlearn.engine.kernels.inner import Kernel

_FOLDER = Path(__file__).resolve().parent.parent
_KEPT = 3  # folders of other sources that stay: a few branches, or two environments on one checkout
_UNUSABLE = (OSError, EOFError, pickle.UnpicklingError)  # what a missing, full, foreign or torn cache raises


def sources_digest(folder: Path) -> str | None:
    """Hex digest of all that the machine code of `folder` depends on; None without sources (a zip, a frozen app)."""
    paths = sorted(folder.rglob("*.py"))
    if not paths:
        return None
    settings = (numba.__version__, llvmlite.__version__, numba.config.OPT, numba.config.BOUNDSCHECK)
    digest = hashlib.blake2b(repr(settings).encode(), digest_size=12)
    for path in paths:
        source = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()} {len(source)}\n".encode() + source)
    return digest.hexdigest()


_STAMP = sources_digest(_FOLDER)
_warned = False


def _warn(trouble: str) -> None:
    """Say once per process that what it compiles is lost with it, and what to do."""
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(
            f"sqlearn cannot keep its compiled code ({trouble}), so every process compiles it anew, for a minute or "
            "two in all. Set the environment variable NUMBA_CACHE_DIR to a folder that can be written.",
            RuntimeWarning,
            stacklevel=2,
        )


class _Files:
    """The compiled versions of one function: what numba asks of a cache file, without the index."""

    def __init__(self, folder: Path, name: str):
        self._folder, self._name = folder, name

    def _path(self, key) -> Path:
        digest = hashlib.blake2b(repr(key).encode(), digest_size=12).hexdigest()
        return self._folder / f"{self._name}.{digest}.nbc"

    def load(self, key):
        """The data saved under `key`, or None."""
        try:
            saved_key, data = pickle.loads(self._path(key).read_bytes())
        except _UNUSABLE:
            return None
        return data if saved_key == key else None

    def save(self, key, data) -> None:
        """Write `data`, whole or not at all."""
        try:
            if not self._folder.is_dir():
                self._folder.mkdir(parents=True, exist_ok=True)
                self._prune()
            path = self._path(key)
            part = path.with_name(f"{uuid.uuid4().hex}.part")
            try:
                part.write_bytes(dumps((key, data)))
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        except _UNUSABLE as error:
            _warn(f"{self._folder}: {getattr(error, 'strerror', None) or error}")

    def any_saved(self) -> bool:
        """Whether the function was compiled before, for whatever arguments."""
        return any(self._folder.glob(f"{self._name}.*.nbc"))

    def flush(self) -> None:
        """Delete every compiled version of the function."""
        for path in self._folder.glob(f"{self._name}.*.nbc"):
            path.unlink(missing_ok=True)

    def _prune(self) -> None:
        """Delete the folders of earlier sources, but for the newest few."""
        others = [path for path in self._folder.parent.glob("sqlearn-*") if path != self._folder]
        for path in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)[_KEPT:]:
            shutil.rmtree(path, ignore_errors=True)


class _Cache(caching.FunctionCache):
    """numba's cache of one function, in the place that numba chose, under our stamp."""

    def __init__(self, function):
        super().__init__(function)
        self._cache_path: str = os.path.join(super().cache_path, f"sqlearn-{_STAMP}")
        self._cache_file = _Files(Path(self._cache_path), self._impl.filename_base)

    def save_overload(self, sig, data):
        if sources_digest(_FOLDER) == _STAMP:  # no source was edited since the process started
            with contextlib.suppress(OSError):
                super().save_overload(sig, data)


class _NoCache(caching.NullCache):
    """No cache, for want of a place: the first function that has to be compiled says so."""

    def load_overload(self, sig, target_context):
        given = os.environ.get("NUMBA_CACHE_DIR")
        _warn(f"NUMBA_CACHE_DIR={given} cannot be written" if given else "its own folder and the user's are read-only")


def kernel(function):
    """Compile `function` with numba: no Python objects, no GIL, IEEE arithmetic as written (x / 0 too), cached on disk.

    A function from outside the ``engine`` folder is compiled too, but not cached: no stamp covers its source.
    """
    if numba.config.DISABLE_JIT:
        return function
    dispatcher = Kernel(function, {"nopython": True, "boundscheck": None, "nogil": True, "error_model": "numpy"})
    inside = Path(function.__code__.co_filename).resolve().is_relative_to(_FOLDER)
    if inside and _STAMP is not None:
        # what ``cache=True`` does, with our class; without a writable place for it, or when a later
        # numba has rearranged its internals, every process compiles for itself
        with contextlib.suppress(AttributeError, TypeError):
            try:
                dispatcher._cache = _Cache(function)
            except (RuntimeError, OSError):
                dispatcher._cache = _NoCache()
    return dispatcher


class Postponed:
    """A kernel that does faster what other kernels do as well: not worth compiling for little work.

    A cold start takes a second or two for such a kernel, in which the others do a lot.

    Parameters
    ----------
    compiled : kernel
        The fast one.
    patience : int
        How much work the others do in a process before it is compiled, unless it is on disk; in any unit.
    """

    all_at_once = False  # whether nothing is postponed: then the choice of kernels does not depend on history

    def __init__(self, compiled, patience: int):
        self._compiled, self._left, self._was_sought = compiled, patience, False

    def is_worth(self, work: int) -> bool:
        """Whether this work is one for the fast kernel; what others do instead is counted."""
        if self._left > 0 and not self.all_at_once:
            if not self._was_sought:
                self._was_sought = True
                files = getattr(getattr(self._compiled, "_cache", None), "_cache_file", None)
                if isinstance(files, _Files) and files.any_saved():
                    self._left = 0
            self._left -= work
        return self._left <= 0 or self.all_at_once


def only_read(array: np.ndarray) -> np.ndarray:
    """The array as a C-contiguous one that refuses to be written to: for a kernel that gets such arrays, among others.

    numba compiles a kernel once for each kind of array, some seconds each.
    """
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def make_ready(compiled, *arguments) -> None:
    """Call a kernel with arguments of which it makes nothing, if it was never called.

    So it is there when memory has come to an end: compiling it, or loading it from disk, takes memory.
    """
    if not getattr(compiled, "overloads", True):
        compiled(*arguments)
