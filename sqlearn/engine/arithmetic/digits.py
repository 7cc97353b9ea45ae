"""Whole numbers as rows of digits: exact products, differences, and their rounding to float64.

A number is ``sum over l of digits[l] * 2**(32 * (low + l))`` with balanced digits in [-2**31, 2**31): each number has
one such form, zero has no sign, and negation is digit by digit but for the end of the range. Differences that cancel in
floats (``n * Sxx - Sx * Sx``) are formed here, before rounding.
"""

import math

import numpy as np

from sqlearn.engine.kernels import Postponed, bits_float, kernel, leading_zeros, only_read

_MASK = 0xFFFFFFFF
_HALF = 1 << 31
NO_FLOOR = np.int64(-(1 << 40))
_MANY = 1 << 16  # digits for which one pass costs less than several over some of them


def trimmed(digits: np.ndarray, low: int) -> tuple[np.ndarray, int]:
    """Drop outer digits that are zero in every number; ``low`` is 0 when nothing is left."""
    start, stop = 0, digits.shape[-1]
    if digits.size > _MANY:
        used = np.flatnonzero(digits.any(axis=tuple(range(digits.ndim - 1))))
        start, stop = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 0)
    else:  # one by one from the outside
        while start < stop and not digits[..., start].any():
            start += 1
        while start < stop and not digits[..., stop - 1].any():
            stop -= 1
    if start == stop:
        return np.zeros((*digits.shape[:-1], 0), np.int64), 0
    return np.ascontiguousarray(digits[..., start:stop]), low + start


@kernel
def _normalize(digits):
    for i in range(digits.shape[0]):
        carry = 0
        for l in range(digits.shape[1]):
            t = digits[i, l] + carry
            carry = (t + _HALF) >> 32
            digits[i, l] = t - (carry << 32)


def normalized(digits: np.ndarray) -> np.ndarray:
    """Balanced form of digits of up to 62 bits each (sums of balanced ones), with two more digits at the top."""
    grown = np.concatenate([digits, np.zeros((*digits.shape[:-1], 2), np.int64)], axis=-1)
    flat = grown.reshape(-1, grown.shape[-1])
    _normalize(flat)
    return flat.reshape(grown.shape)


@kernel
def add_product(out, a, b, sign):
    """``out += sign * a * b`` on balanced digits; `out` has at least ``len(a) + len(b) + 1`` of them."""
    for i in range(a.shape[0]):
        if a[i] == 0:
            continue
        factor = sign * a[i]
        carry = 0
        for j in range(b.shape[0]):
            t = out[i + j] + factor * b[j] + carry
            carry = (t + _HALF) >> 32
            out[i + j] = t - (carry << 32)
        k = i + b.shape[0]
        while carry != 0:
            t = out[k] + carry
            carry = (t + _HALF) >> 32
            out[k] = t - (carry << 32)
            k += 1


@kernel
def _to_magnitude(digits, magnitude):
    """Write ``abs(digits)`` with digits in [0, 2**32); the sign."""
    sign = 1
    for _ in range(2):
        carry = 0
        for l in range(digits.shape[0]):
            t = sign * digits[l] + carry
            carry = t >> 32
            magnitude[l] = t & _MASK
        if carry >= 0:
            break
        sign = -1
    return sign


@kernel
def _leading(magnitude, floor):
    """The nearest integer below or at 2**53 times ``2**position`` (ties to even), with position at least `floor`."""
    k = magnitude.shape[0] - 1
    while k >= 0 and magnitude[k] == 0:
        k -= 1
    if k < 0:
        return 0, 0
    first = np.uint64(magnitude[k])
    second = np.uint64(magnitude[k - 1]) if k >= 1 else np.uint64(0)
    third = np.uint64(magnitude[k - 2]) if k >= 2 else np.uint64(0)
    zeros = leading_zeros(first) - 32
    left, right = np.uint64(zeros), np.uint64(32 - zeros)
    word = (((first << np.uint64(32)) | second) << left) | (third >> right)
    sticky = ((third << left) & np.uint64(_MASK)) != np.uint64(0)
    for l in range(k - 2):
        if magnitude[l] != 0:
            sticky = True
    position = 32 * (k - 1) - zeros
    drop = max(11, floor - position)
    if drop > 64:
        return 0, 0
    if drop == 64:
        kept = np.uint64(0)
        rest = word
    else:
        kept = word >> np.uint64(drop)
        rest = word - (kept << np.uint64(drop))
    half = np.uint64(1) << np.uint64(drop - 1)
    if rest > half or (rest == half and (sticky or kept & np.uint64(1))):
        kept += np.uint64(1)
    return np.int64(kept), position + drop


@kernel
def round_pair(digits, scratch):
    """``(hi, lo, exponent)``: the number is ``(hi + lo) * 2**exponent`` to 106 bits, hi its nearest float64.

    ``0.5 <= abs(hi) <= 1``, or all are zero. `scratch` is int64[len(digits)] and overwritten.
    """
    sign = _to_magnitude(digits, scratch)
    mantissa, position = _leading(scratch, NO_FLOOR)
    if mantissa == 0:
        return 0.0, 0.0, 0
    exponent = position + 53
    hi = sign * math.ldexp(float(mantissa), -53)
    if position < 0:  # all bits are in hi
        return hi, 0.0, exponent
    l, shift = position // 32, position % 32
    piece = (mantissa & _MASK) << shift
    scratch[l] -= piece & _MASK
    piece = (piece >> 32) + ((mantissa >> 32) << shift)
    scratch[l + 1] -= piece & _MASK
    if piece >> 32:
        scratch[l + 2] -= piece >> 32
    sign *= _to_magnitude(scratch, scratch)
    mantissa, position = _leading(scratch, NO_FLOOR)
    return hi, sign * math.ldexp(float(mantissa), position - exponent), exponent


@kernel
def _nearest(digits, low, out):
    length = digits.shape[1]
    if length <= 2 and -30 <= low <= 30:  # two numbers that float64 has, and one rounding, in a unit that keeps it so
        unit = math.ldexp(1.0, 32 * low)
        for i in range(digits.shape[0]):
            out[i] = (float(digits[i, 0]) + (2.0**32 * digits[i, 1] if length == 2 else 0.0)) * unit
        return
    magnitude = np.empty(length, np.int64)
    floor = -1074 - 32 * low
    for i in range(digits.shape[0]):
        sign = _to_magnitude(digits[i], magnitude)
        mantissa, position = _leading(magnitude, floor)
        out[i] = sign * math.ldexp(float(mantissa), position + 32 * low)


@kernel
def round_limbs(limbs, base, out):
    """The float64 nearest to each cell of float64[L, cells] limbs, carried or not; what ``ExactSum.round`` gives."""
    n_limbs, cells = limbs.shape
    digits = np.zeros(max(3, n_limbs + 2), np.int64)
    magnitude = np.empty(len(digits), np.int64)
    floor = -1074 - 32 * base
    # numbers of few bits become one 64-bit integer, which the processor rounds to nearest, ties to even, as well; two
    # or three limbs without carrying first
    few = -29 <= base <= 27
    for c in range(cells):
        if few and n_limbs == 2:
            if abs(limbs[1, c]) < 1 << 29:
                whole = np.int64(limbs[0, c]) + (np.int64(limbs[1, c]) << 32)
                out[c] = np.float64(whole) * bits_float((1023 + 32 * base) << 52)
                continue
        elif few and n_limbs == 3:
            low, middle, high = np.int64(limbs[0, c]), np.int64(limbs[1, c]), np.int64(limbs[2, c])
            if low & 0xFFFFF == 0 and abs(middle) < 1 << 49 and abs(high) < 1 << 17:
                whole = (low >> 20) + (middle << 12) + (high << 44)
                out[c] = np.float64(whole) * bits_float((1023 + 20 + 32 * base) << 52)
                continue
        carry = np.int64(0)
        for l in range(n_limbs):
            t = np.int64(limbs[l, c]) + carry
            carry = (t + _HALF) >> 32
            digits[l] = t - (carry << 32)
        top = (carry + _HALF) >> 32
        digits[n_limbs] = carry - (top << 32)
        digits[n_limbs + 1] = top
        if few and n_limbs >= 1:
            rest = 0
            for l in range(3, n_limbs + 2):
                rest |= digits[l]
            if rest == 0 and digits[0] & 0xFFFFF == 0 and abs(digits[2]) < 1 << 18:
                whole = (digits[0] >> 20) + (digits[1] << 12) + (digits[2] << 44)
                out[c] = np.float64(whole) * bits_float((1023 + 20 + 32 * base) << 52)
                continue
        sign = _to_magnitude(digits, magnitude)
        mantissa, position = _leading(magnitude, floor)
        out[c] = sign * math.ldexp(float(mantissa), position + 32 * base) + 0.0


@kernel
def _to_pairs(digits, low, hi, lo, exponents):
    scratch = np.empty(digits.shape[1], np.int64)
    for i in range(digits.shape[0]):
        hi[i], lo[i], exponents[i] = round_pair(digits[i], scratch)
        if hi[i] != 0.0:
            exponents[i] += 32 * low


# of few numbers, Python's integers make the same as the kernels do, and nothing has to be compiled
many_numbers = Postponed(_to_pairs, 50_000)


def integers(digits: np.ndarray) -> list[int]:
    """Numbers in units of their lowest digit: int64[n, L] as n integers."""
    numbers = []
    for row in digits.tolist():
        number = 0
        for digit in reversed(row):
            number = (number << 32) + digit
        numbers.append(number)
    return numbers


def _scaled(number: int, power: int) -> float:
    """The float64 nearest to ``number * 2**power``."""
    try:
        return number / (1 << -power) if power < 0 else float(number << power)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def pair_of(number: int) -> tuple[float, float, int]:
    """What :func:`round_pair` gives."""
    bits = number.bit_length()
    hi = number / (1 << bits)
    if bits < 53:
        return hi, 0.0, bits
    rest = number - (int(math.ldexp(hi, 53)) << (bits - 53))
    rest_bits = rest.bit_length()
    lo = math.ldexp(rest / (1 << rest_bits), rest_bits - bits)
    return hi, lo if rest or number > 0 else -0.0, bits


def fill_pairs(numbers: list[int], low: int, hi: np.ndarray, lo: np.ndarray, exponents: np.ndarray) -> None:
    """Fill in each number, in units of the digit `low`, as :func:`to_pairs` gives it."""
    pairs = np.array([pair_of(number) for number in numbers]).reshape(-1, 3)
    hi[:], lo[:], exponents[:] = pairs[:, 0], pairs[:, 1], pairs[:, 2]
    exponents[hi != 0] += 32 * low


def _as_rows(digits: np.ndarray) -> np.ndarray:
    return digits.reshape(-1, digits.shape[-1])


def nearest(digits: np.ndarray, low: int) -> np.ndarray:
    """The nearest float64 to each number, ties to even, infinite beyond float64's range."""
    out = np.zeros(digits.shape[:-1])
    if digits.shape[-1] and not many_numbers.is_worth(out.size):
        out[...] = np.reshape([_scaled(number, 32 * low) for number in integers(_as_rows(digits))], out.shape)
    elif digits.shape[-1]:
        _nearest(only_read(_as_rows(digits)), low, out.reshape(-1))
    return out + 0.0  # no -0.0


def to_pairs(digits: np.ndarray, low: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each number as ``(hi + lo) * 2**exponent``, see :func:`round_pair`; exponents are int64, 0 for zero."""
    hi, lo = np.zeros(digits.shape[:-1]), np.zeros(digits.shape[:-1])
    exponents = np.zeros(digits.shape[:-1], np.int64)
    if digits.shape[-1] and not many_numbers.is_worth(hi.size):
        fill_pairs(integers(_as_rows(digits)), low, hi.reshape(-1), lo.reshape(-1), exponents.reshape(-1))
    elif digits.shape[-1]:
        _to_pairs(only_read(_as_rows(digits)), low, hi.reshape(-1), lo.reshape(-1), exponents.reshape(-1))
    return hi, lo, exponents
