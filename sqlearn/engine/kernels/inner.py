"""Kernels that call kernels are compiled as one: what only they call gets no machine code of its own.

numba compiles whatever a compiled function calls as if Python called it too, with a wrapper that takes Python objects,
optimises it, turns it into machine code, and then does most of this once more inside each of its callers. Here a kernel
that a kernel calls is only translated, which yields a `_Part`; the kernel that Python calls takes in all parts that it
needs, and is optimised and turned into machine code as a whole. So a kernel that is called from both is translated
twice, and optimised once for each kernel that Python calls.
"""

import gc
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from llvmlite.binding import Linkage
from numba.core import compiler, event, sigutils, types, typing
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import _FunctionCompiler  # type: ignore[attr-defined]
from numba.core.registry import CPUDispatcher


class _Part(JITCodeLibrary):
    """The translation of a kernel that kernels call, and which other libraries it calls."""

    def finalize(self):
        self._raise_if_finalized()
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage == Linkage.external:
                function.linkage = "linkonce_odr"  # one of many equal ones, and none where all calls were inlined
        self._shared_module = self._final_module
        self._finalized = True


class _Whole(JITCodeLibrary):
    """The machine code of a kernel that Python calls, and of all that it calls."""

    def finalize(self):
        self._linking_libraries: list = _callers_first(self._linking_libraries)
        super().finalize()

    def _optimize_functions(self, ll_module):
        if ll_module.name == "wrapper":  # as much as it needs will follow
            ll_module.data_layout = self._codegen._data_layout
        else:
            super()._optimize_functions(ll_module)

    def _optimize_final_module(self):
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage == Linkage.linkonce_odr:
                function.linkage = "internal"
        super()._optimize_final_module()


def _callers_first(libraries) -> list:
    """These libraries and all that they call, callees behind callers: of a library, LLVM takes what has been called."""
    found, finished = set(), []

    def visit(library):
        if library not in found:
            found.add(library)
            if isinstance(library, _Part):
                for callee in library._linking_libraries:
                    visit(callee)
            finished.append(library)

    for library in libraries:
        visit(library)
    return finished[::-1]


class _Flags(compiler.Flags):
    """numba's flags, at less cost: it compares those of a kernel thousands of times, one option after the other."""

    __slots__ = ()
    _hashed = hash(compiler.Flags())  # numba's own hash is one of the options' names alone

    def __hash__(self):
        return self._hashed

    def __eq__(self, other):
        if type(other) is _Flags and self._values == other._values:
            return True
        return super().__eq__(other)


class _Compiler(_FunctionCompiler):
    """numba's compiler of one function, for libraries of one kind."""

    def __init__(self, dispatcher, library):
        super().__init__(
            dispatcher.py_func, dispatcher.targetdescr, dispatcher.targetoptions, dispatcher.locals, compiler.Compiler
        )
        self._library = library

    def _compile_core(self, args, return_type):
        flags = _Flags()
        self.targetdescr.options.parse_as_flags(flags, self.targetoptions)
        flags.no_cfunc_wrapper = True  # no kernel is called from C
        flags.no_cpython_wrapper = flags.no_compile = self._library is _Part
        context = self.targetdescr.target_context
        library = self._library(context.codegen(), self.py_func.__qualname__)
        library.enable_object_caching()
        return compiler.compile_extra(
            self.targetdescr.typing_context, context, self.py_func, args, return_type, flags, self.locals, library
        )


@contextmanager
def _ctrl_c_waits() -> Iterator[None]:
    """Ctrl-C is handled at the end: in the middle it would leave numba's registries half filled, for good."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    came: list[tuple] = []
    signal.signal(signal.SIGINT, lambda *signalled: came.append(signalled))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            handler(*came[-1])


class Kernel(CPUDispatcher):
    """What ``numba.njit`` makes of a function, except that kernels call a part and Python the whole."""

    def __init__(self, function, targetoptions):
        super().__init__(function, targetoptions=targetoptions)
        self._compiler = _Compiler(self, _Whole)
        self._parts: dict = {}

    def compile(self, sig):
        collects = gc.isenabled()
        gc.disable()  # a compiler leaves many objects that live on, which would be searched for garbage again and again
        try:
            with _ctrl_c_waits():
                return super().compile(sig)
        finally:
            if collects:
                gc.enable()

    def get_call_template(self, args, kws):
        signature, args = self._compiler.fold_argument_types(args, kws)
        # one translation for all numbers, written out or not
        args = tuple(types.unliteral(kind) for kind in args)  # type: ignore[attr-defined]
        name = self.py_func.__name__
        template = typing.make_concrete_template(f"CallTemplate({name})", name, [self._part(tuple(args)).signature])
        return template, signature, args, {}

    def get_overload(self, sig):
        args, _ = sigutils.normalize_signature(sig)
        return self._part(tuple(args)).library

    def _part(self, args):
        """The function compiled for kernels that pass such arguments."""
        if args not in self._parts:
            details = {"dispatcher": self, "args": args, "return_type": None}
            with global_compiler_lock, self._compiling_counter, event.trigger_event("numba:compile", data=details):
                part = _Compiler(self, _Part).compile(args, None)
                self.targetctx.insert_user_function(part.library, part.fndesc, [part.library])
                self._parts[args] = part
        return self._parts[args]
