"""A Gram matrix of other variables: linear combinations of the ones that were summed, exactly."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from sqlearn.engine.arithmetic import trimmed
from sqlearn.engine.kernels import kernel, only_read
from sqlearn.engine.readout.gram_view import GramView

_MASK = 0xFFFFFFFF
_HALF = 1 << 31
_BLOCKS = 128  # rows of a matrix that are kept unpacked


@kernel
def _gather(low, high, a, b):
    """Add ``a * b``, balanced digits, to sums of the products' lower and upper halves: carrying comes at the end."""
    for k in range(a.shape[0]):
        factor = a[k]
        if factor != 0:
            for l in range(b.shape[0]):
                t = factor * b[l]
                low[k + l] += t & _MASK
                high[k + l + 1] += t >> 32


@kernel
def _settle(low, high, out):
    """Carry what :func:`_gather` gathered, of fewer than 2**29 products, and clear it."""
    carry = 0
    for l in range(out.shape[0]):
        t = low[l] + high[l] + carry
        carry = (t + _HALF) >> 32
        out[l] = t - (carry << 32)
        low[l] = 0
        high[l] = 0


@kernel
def _unpack(raw, width, variable, block):
    """Write a row of the symmetric matrix, digit by digit: of variables 1 to ``width - 1``, and of 0 at the end."""
    for other in range(width):
        k, l = min(variable, other), max(variable, other)
        cell, place = k * width - k * (k - 1) // 2 + l - k, other - 1 if other else width - 1
        for digit in range(raw.shape[1]):
            block[digit, place] = raw[cell, digit]


@kernel
def _map(raw, width, starts, sources, factors, out):
    """Fill in the packed triangle of ``T^T G T``: column i of T has `factors` in the rows `sources`.

    Row by row of ``T^T G``, of which only what later columns of T need is formed: all of its places at one stroke,
    digit by digit, which the compiler vectorises.
    """
    m, digits = len(starts) - 1, raw.shape[1]
    length = factors.shape[1] + digits + 1
    last = np.full(width, -1)  # column that needs each old variable, by its place in a block
    for j in range(m):
        for b in range(starts[j], starts[j + 1]):
            last[sources[b] - 1 if sources[b] else width - 1] = j
    blocks = np.empty((min(width, _BLOCKS), digits, width), np.int64)
    held = np.full(len(blocks), -1)
    row = np.zeros((width, length), np.int64)
    lower, upper = np.zeros((length, width), np.int64), np.zeros((length, width), np.int64)
    low, high = np.zeros(out.shape[1], np.int64), np.zeros(out.shape[1], np.int64)
    cell = start = 0
    for i in range(m):
        while start < width and last[start] < i:  # behind the last column with terms none is needed
            start += 1
        for a in range(starts[i], starts[i + 1]):
            place = sources[a] % len(blocks)
            if held[place] != sources[a]:
                held[place] = sources[a]
                _unpack(raw, width, sources[a], blocks[place])
            for k in range(factors.shape[1]):
                factor = factors[a, k]
                if factor != 0:
                    for l in range(digits):
                        own, below, above = blocks[place, l], lower[k + l], upper[k + l + 1]
                        for other in range(np.uintp(start), np.uintp(width)):
                            t = factor * own[other]
                            below[other] += t & _MASK
                            above[other] += t >> 32
        for other in range(start, width):
            carry = 0
            for l in range(length):
                t = lower[l, other] + upper[l, other] + carry
                carry = (t + _HALF) >> 32
                row[other, l] = t - (carry << 32)
                lower[l, other] = 0
                upper[l, other] = 0
        for j in range(i, m):
            for b in range(starts[j], starts[j + 1]):
                _gather(low, high, factors[b], row[sources[b] - 1 if sources[b] else width - 1])
            _settle(low, high, out[cell])
            cell += 1


def _pair(factor: Fraction) -> tuple[float, float]:
    """The factor as a sum of two numbers, to 106 bits."""
    high = float(factor)
    return high, float(factor - Fraction(high))


@dataclass
class LinearMap:
    """New variables as linear combinations of old ones: the intercept and the targets are not among them.

    Attributes
    ----------
    starts : int64[m + 1]
        Where the terms of each new variable begin, and where the last one's end.
    sources : int64[n]
        Of each term the old variable, 0 for the constant one.
    hi, lo : float64[n]
        Its factor is their sum, exactly.
    """

    starts: np.ndarray
    sources: np.ndarray
    hi: np.ndarray
    lo: np.ndarray

    @classmethod
    def of(cls, columns: Sequence[dict[int, Fraction]]) -> "LinearMap":
        """From the factors of old variables in every new one, rounded to 106 bits."""
        pairs = np.array([_pair(f) for column in columns for f in column.values()], np.float64).reshape(-1, 2)
        starts = np.append(0, np.cumsum([len(column) for column in columns])).astype(np.int64)
        sources = np.array([source for column in columns for source in column], np.int64)
        return cls(starts, sources, *np.ascontiguousarray(pairs.T))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def columns(self) -> list[dict[int, Fraction]]:
        """What :meth:`of` takes."""
        factors = [Fraction(hi) + Fraction(lo) for hi, lo in zip(self.hi.tolist(), self.lo.tolist(), strict=True)]
        terms = list(zip(self.sources.tolist(), factors, strict=True))
        return [dict(terms[start:stop]) for start, stop in zip(self.starts[:-1], self.starts[1:], strict=True)]

    def after(self, first: "LinearMap") -> "LinearMap":
        """This map of what `first` gives, in terms of the variables that `first` takes."""
        counts = np.append(1, np.diff(first.starts))
        are_kept = counts == 1
        starts = first.starts[:-1][counts[1:] == 1]
        are_kept[1:][counts[1:] == 1] &= (first.hi[starts] == 1.0) & (first.lo[starts] == 0.0)
        kept = np.zeros(1 + len(first), np.int64)  # the old variable that a new one is
        kept[1:][counts[1:] == 1] = first.sources[starts]
        earlier: list[dict[int, Fraction]] | None = None
        found: list[dict[int, tuple[float, float]]] = []
        for start, stop in zip(self.starts[:-1].tolist(), self.starts[1:].tolist(), strict=True):
            own = self.sources[start:stop]
            hi, lo = self.hi[start:stop].tolist(), self.lo[start:stop].tolist()
            if are_kept[own].all():
                names = kept[own].tolist()
                if len(set(names)) == len(names):
                    found.append(dict(zip(names, zip(hi, lo, strict=True), strict=True)))
                    continue
            earlier = [{0: Fraction(1)}, *first.columns()] if earlier is None else earlier
            terms: dict[int, Fraction] = {}
            for source, high, low in zip(own.tolist(), hi, lo, strict=True):
                factor = Fraction(high) + Fraction(low)
                for old, value in earlier[source].items():
                    terms[old] = terms.get(old, Fraction(0)) + factor * value
            found.append({old: _pair(factor) for old, factor in terms.items()})
        found = [{old: pair for old, pair in terms.items() if any(pair)} for terms in found]
        pairs = np.array([pair for terms in found for pair in terms.values()], np.float64).reshape(-1, 2)
        lengths = np.cumsum([0, *map(len, found)])
        sources = np.array([old for terms in found for old in terms], np.int64)
        return LinearMap(lengths.astype(np.int64), sources, *np.ascontiguousarray(pairs.T))

    @classmethod
    def side_by_side(cls, maps: Sequence["LinearMap"]) -> "LinearMap":
        """The new variables of all these maps, in their order."""
        counts = np.concatenate([np.zeros(1, np.int64), *(np.diff(each.starts) for each in maps)])
        sources = np.concatenate([np.zeros(0, np.int64), *(each.sources for each in maps)])
        hi, lo = (np.concatenate([np.zeros(0), *(getattr(each, name) for each in maps)]) for name in ("hi", "lo"))
        return cls(np.cumsum(counts), sources, hi, lo)

    def applied(self, gram: GramView) -> GramView:
        """The Gram matrix of the intercept, the new variables and the targets.

        No rounding: every new cell is a sum of products of whole numbers. Differences that cancel do so here.
        """
        m, t, width = len(self), gram.n_targets, gram.width
        starts = np.concatenate([[0], 1 + self.starts, 1 + self.starts[-1] + np.arange(1, 1 + t)])
        sources = np.concatenate([[0], self.sources, np.arange(width - t, width)])
        hi = np.concatenate([[1.0], self.hi, np.ones(t)])
        lo = np.concatenate([[0.0], self.lo, np.zeros(t)])
        factors, low = _digits_of_pairs(hi, lo)
        n, length = len(starts) - 1, gram.digits.shape[1]
        out = np.zeros((n * (n + 1) // 2, 2 * factors.shape[-1] + length + 2), np.int64)
        starts, sources = (np.ascontiguousarray(places, np.int64) for places in (starts, sources))
        _map(only_read(gram.digits), gram.width, starts, sources, factors, out)
        digits, low = trimmed(out, 2 * low + gram.low)
        return replace(gram, digits=digits, low=low, n_features=m, n_targets=t)


@kernel
def _write(wholes, shifts, places, digits):
    """Add each ``wholes[k, i] * 2**(shifts[k, i] + 32 * places[k, i])`` to the number ``digits[i]``, and carry."""
    for i in range(digits.shape[0]):
        for k in range(wholes.shape[0]):
            place = places[k, i]
            bottom = (wholes[k, i] & _MASK) << shifts[k, i]
            top = ((wholes[k, i] >> 32) << shifts[k, i]) + (bottom >> 32)
            digits[i, place] += bottom & _MASK
            digits[i, place + 1] += top & _MASK
            digits[i, place + 2] += top >> 32
        carry = 0
        for l in range(digits.shape[1]):
            t = digits[i, l] + carry
            carry = (t + _HALF) >> 32
            digits[i, l] = t - (carry << 32)


def _digits_of_pairs(hi: np.ndarray, lo: np.ndarray) -> tuple[np.ndarray, int]:
    """Balanced digits of each ``hi + lo``, int64[n, L], and the index of the lowest."""
    mantissa, exponent = np.frexp(np.stack([hi, lo]))
    whole = np.ldexp(mantissa, 53).astype(np.int64)
    exponent = np.where(whole == 0, 1 << 20, exponent.astype(np.int64) - 53)
    places = exponent >> 5
    low = int(places.min())
    exponent, places = np.where(whole == 0, 0, exponent), np.where(whole == 0, 0, places - low)
    digits = np.zeros((len(hi), int(places.max()) + 5), np.int64)
    _write(whole, exponent & 31, places, digits)
    return trimmed(digits, low)
