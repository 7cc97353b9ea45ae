"""Single machine instructions that numba does not offer by name."""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def fma(typingctx, a, b, c):
    """``a * b + c`` rounded once: the error of a float64 product is ``fma(a, b, -(a * b))``, exactly."""

    def codegen(context, builder, signature, args):
        return builder.fma(*args)

    return types.float64(types.float64, types.float64, types.float64), codegen


@intrinsic
def float_bits(typingctx, value):
    """The 64 bits of a float64 as an int64."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), codegen


@intrinsic
def bits_float(typingctx, bits):
    """The float64 that has these 64 bits."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), codegen


@intrinsic
def trailing_zeros(typingctx, bits):
    """The number of zero bits below the lowest set one; 64 for zero."""

    def codegen(context, builder, signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.int64), codegen


@intrinsic
def leading_zeros(typingctx, bits):
    """The number of zero bits above the highest set one; 64 for zero."""

    def codegen(context, builder, signature, args):
        return builder.ctlz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), codegen


@intrinsic
def multiply_high(typingctx, a, b):
    """The upper 64 bits of the 128-bit product."""

    def codegen(context, builder, signature, args):
        a, b = (builder.zext(arg, ir.IntType(128)) for arg in args)
        product = builder.mul(a, b)
        return builder.trunc(builder.lshr(product, ir.Constant(ir.IntType(128), 64)), ir.IntType(64))

    return types.int64(types.uint64, types.uint64), codegen


@intrinsic
def prefetch(typingctx, array, index):
    """Ask for the line of a C-contiguous array that holds ``array[index]``, or row `index`: it changes nothing else."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0])
        stride = cgutils.unpack_tuple(builder, data.strides)[0]
        byte = builder.bitcast(data.data, ir.IntType(8).as_pointer())
        at = builder.gep(byte, [builder.mul(args[1], stride)])
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [at.type, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", [at.type], kind)
        builder.call(function, [at, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(array, types.int64), codegen


def _without_counts(context, builder, kinds, value):
    """A tuple's value whose arrays count no references."""
    for i, kind in enumerate(kinds):
        if isinstance(kind, types.Array):
            for name in ("meminfo", "parent"):
                at = i, context.data_model_manager.lookup(kind).get_field_position(name)
                nothing = cgutils.get_null_value(builder.extract_value(value, at).type)
                value = builder.insert_value(value, nothing, at)
    return value


@intrinsic
def borrowed(typingctx, arrays):
    """A named tuple's arrays without counts of references, which cost time in every call that they are passed to.

    Only for what the caller holds: the arguments of a kernel.
    """

    def codegen(context, builder, signature, args):
        return _without_counts(context, builder, signature.args[0].types, args[0])

    return arrays(arrays), codegen


@intrinsic
def arrays_at(typingctx, like, addresses, lengths, row):
    """A named tuple like another one, whose arrays lie at ``addresses[row]`` and have ``lengths[row]`` items.

    The arrays are C-contiguous, and count no references: the caller holds what lies there.

    Parameters
    ----------
    like : named tuple of arrays
        Has the dtypes and the shapes but for the lengths.
    addresses, lengths : int64[n, fields]
        One row for each tuple.
    row : int64
        Which one.
    """

    def codegen(context, builder, signature, args):
        kinds = signature.args[0].types
        value = _without_counts(context, builder, kinds, args[0])
        tables = [context.make_array(signature.args[i])(context, builder, args[i]).data for i in (1, 2)]
        start = builder.mul(args[3], context.get_constant(types.int64, len(kinds)))
        for i, kind in enumerate(kinds):
            model = context.data_model_manager.lookup(kind)
            data, shape, nitems = (model.get_field_position(name) for name in ("data", "shape", "nitems"))
            at = builder.add(start, context.get_constant(types.int64, i))
            address, length = (builder.load(builder.gep(table, [at])) for table in tables)
            value = builder.insert_value(value, length, (i, shape, 0))
            n = length
            for axis in range(1, kind.ndim):
                n = builder.mul(n, builder.extract_value(value, (i, shape, axis)))
            value = builder.insert_value(value, n, (i, nitems))
            pointer = builder.inttoptr(address, builder.extract_value(value, (i, data)).type)
            value = builder.insert_value(value, pointer, (i, data))
        return value

    return like(like, addresses, lengths, types.int64), codegen
