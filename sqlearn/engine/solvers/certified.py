"""The exact solution of a normal system of integers, rounded to a grid, by factors that may be stale.

The solution of ``(H + ridge I) x = g`` is *defined* as the exact, rational solution, rounded. So its bytes depend on H,
g, the ridge and the grid alone. How it is found does not matter, since every answer is proved before it is given:

- A candidate x is a fixed-point number: digits of base ``2**bits``, at most ``2**(bits - 1)`` each, where ``bits`` is
  so small that a row of ``H + ridge I`` times one digit of x is an integer of at most ``2**51``, and so is each of its
  partial sums. BLAS multiplies such digits without rounding, in whatever order it sums. The digits of the residual
  ``r = g - (H + ridge I) x`` follow without rounding too; carries leave nothing that cancels when r is rounded.
- No eigenvalue is below the ridge, so no entry of x is further from the exact solution than ``|r| / ridge``. If no
  boundary of the rounding is that near, all entries are rounded like those of the exact solution.
- Fractions are rounded up from ``sqrt(2**18 + 1) / 2**10``, which is 0.500001. It is irrational and the solution is
  rational, so the solution is never on a boundary: whatever it is, a candidate that is near enough to it is proved.

Candidates come from float64: a factor of an earlier H, and the changes since. If a correction does not halve the error,
H is factorized anew; if that does not help either, since H is almost singular beside the ridge, conjugate gradients use
the factor. A bad factor can only make this take longer.
"""

from math import frexp, inf, isqrt, ldexp

import numpy as np

from sqlearn.engine.arithmetic import one_thread
from sqlearn.engine.solvers.few_records import FewRecords
from sqlearn.engine.solvers.fixed_point import carry, cut, value
from sqlearn.engine.solvers.kept_factor import WrittenOut

_SQUARE = 2**18 + 1  # that of 2**10 times the fraction from which on numbers are rounded up
_SLACK = 2.0**-40  # more than float64 errs in a fraction
_TOP = 11  # exponent of the highest digit: int64 in such units is at most 2**52

Candidate = tuple[np.ndarray, int]  # digits, and the exponent of the highest


class NormalSystem:
    """A system ``(H + ridge I) x = g`` in integers, where H changes and x is asked for now and then.

    Parameters
    ----------
    h : float64[p, p], C-contiguous, or FewRecords
        The lower triangle of H, positive semidefinite, of integers; what is above the diagonal is not read. Or the
        records of which it is the sum: with fewer of them than about p, solutions cost less. It is kept, not copied:
        the caller changes it, and reports each change to :meth:`changed`. A change that is not reported costs time, but
        solutions remain right as long as no row's sum of absolute values has doubled.
    ridge : float
        A positive integer. Rows of ``H + ridge I`` have sums of absolute values below ``2**49``.
    """

    def __init__(self, h: np.ndarray | FewRecords, ridge: float):
        p = len(h)
        self._h, self._ridge, self._p = h if isinstance(h, FewRecords) else WrittenOut(h), ridge, p
        self._factor = self._h.new_factor()
        self._is_ready = False  # is there a factor
        self._is_fresh = False  # is it one of H as it is
        self._is_weak = False  # do corrections by it take conjugate gradients
        self._since: dict[bytes, float] | None = {}  # changes since the last solution; None: too many
        self._row_sum, self._bits = 0.0, 0  # the largest sum of a row at the factor; the digits that go with it
        self._candidate: Candidate = np.zeros((p, 1), order="F"), _TOP
        self._residual: np.ndarray | None = None  # that of this candidate, for _g
        self._g = np.zeros(p, np.int64)

    def changed(self, columns: np.ndarray, amount: float) -> None:
        """Take note that the caller added ``amount * outer(z, z)`` to H, where z is 1 in `columns` and 0 elsewhere.

        Parameters
        ----------
        columns : int64[k]
            Different from each other.
        amount : float
            An integer; below 0 if a record went.
        """
        if self._since is None:
            return
        try:
            key = np.asarray(columns, np.int64).tobytes()
            total = self._since.pop(key, 0.0) + amount
            if total:
                self._since[key] = total
            if len(self._since) > self._factor.most:
                self._since = None
        except MemoryError:  # a fresh factor needs no list, and no memory
            self._since = None

    def solution(self, g: np.ndarray, exponent: int) -> np.ndarray:
        """The exact solution for a right-hand side, rounded to multiples of ``2**exponent``.

        Parameters
        ----------
        g : int64[p]
            The right-hand side.
        exponent : int
            Between -400 and 400.

        Returns
        -------
        float64[p]
            The multiples: integers. Those above ``2**53`` are rounded once more, to float64.

        Raises
        ------
        OverflowError
            If the sum of a row is too large.
        """
        residual = self._expected_residual(g)
        is_ready, self._is_ready, self._residual = self._is_ready, False, None  # after an error all is found anew
        self._is_fresh = False
        with one_thread():
            is_near = is_ready and self._since is not None and self._factor.take_in(self._since)
            if not is_near or self._row_sum + self._factor.most_added() > 2.0 ** (52 - self._bits):
                self._factorize(self._ridge)
            self._since = {}
            x = self._certified(g, int(exponent), residual)
        self._is_ready = True
        return x

    def _certified(self, g: np.ndarray, exponent: int, residual: np.ndarray | None) -> np.ndarray:
        """Correct the candidate until its rounding is proved; `residual` is about its present one, if that is known."""
        usual = 2.0 ** (exponent - 8) / self._p  # an error that usually suffices
        error, steps = inf, 16
        before = self._candidate
        while True:
            if residual is not None:
                if self._is_weak:
                    correction = self._conjugate_gradients(residual, steps)
                else:
                    correction = self._factor.solve(residual)
                before = self._candidate
                self._candidate = self._corrected(before, correction, min(usual, error * 2.0**-10), self._bits)
            last, last_residual = error, residual
            residual = value(self._residual_digits(*self._candidate, g), self._candidate[1], self._bits)
            error = _norm(residual) / self._ridge * (1 + 2.0**-20) + 2.0**-1000
            x = self._rounded(error, exponent)
            if x is not None:
                self._residual, self._g = residual, g.copy()
                return x
            halved = error <= last / 2
            if not error <= last:
                self._candidate, residual, error = before, last_residual, last
            if halved:
                continue
            if not self._is_fresh:
                self._factorize(self._ridge)
            elif not self._is_weak:
                self._is_weak = True
            else:  # towards a multiple of the identity, with which conjugate gradients always get there
                self._factorize(self._factor.ridge * 4)
                steps *= 2

    def _factorize(self, ridge: float) -> None:
        """Factorize H as it is, and see how large the sums of its rows are."""
        self._row_sum = self._h.row_sum() + self._ridge
        bits = 51 - frexp(self._row_sum)[1]  # products of at most 2**50: sums may double before the next factor
        if bits < 2:
            raise OverflowError(f"a row of H has the sum {self._row_sum:g}; exact products need one below 2**49")
        if bits != self._bits:
            digits, top = self._candidate
            nearest = value(digits, top, self._bits)
            self._bits = 0  # if an error comes now, the next call does this again
            self._candidate = self._corrected((np.zeros((self._p, 1)), _TOP), nearest, 2.0**-60, bits)
            self._bits = bits
        self._factor.factorize(self._h, ridge)
        self._is_fresh, self._is_weak = True, self._factor.ridge > self._ridge

    def _expected_residual(self, g: np.ndarray) -> np.ndarray | None:
        """That of the last candidate, by float64; None if unknown."""
        if self._residual is None or self._since is None:
            return None
        residual = self._residual + (g - self._g)
        digits, top = self._candidate
        x = value(digits, top, self._bits)
        for key, amount in self._since.items():
            columns = np.frombuffer(key, np.int64)
            residual[columns] -= amount * x[columns].sum()
        return residual

    def _residual_digits(self, digits: np.ndarray, top: int, g: np.ndarray | None = None) -> np.ndarray:
        """Digits of ``g - (H + ridge I) x``, without any rounding; `digits` are those of x."""
        result = np.zeros_like(digits)
        if g is not None:
            for part in (g >> _TOP << _TOP, g & ((1 << _TOP) - 1)):
                result += cut(part.astype(np.float64), top, self._bits, digits.shape[1])
        first = int(np.argmax(digits.any(0)))
        result[:, first:] -= self._h.product(digits[:, first:])
        result[:, first:] -= self._ridge * digits[:, first:]
        return carry(result, self._bits)

    def _corrected(self, candidate: Candidate, correction: np.ndarray, precision: float, bits: int) -> Candidate:
        """A better candidate, of so many digits that what is dropped makes no error above `precision`."""
        digits, top = candidate
        if not np.isfinite(correction).all():
            return candidate
        lowest = frexp(precision * self._ridge / (self._row_sum * self._p**0.5))[1] - 1
        count = 1 - (min(lowest, 0) - top) // bits  # g has digits down to 2**0
        result = cut(correction, top, bits, count)
        kept = digits[:, :count]
        result[:, : kept.shape[1]] += kept
        carry(result, bits)
        while np.abs(result[:, 0]).max() > 2.0 ** (bits - 1):
            result = carry(np.asfortranarray(np.column_stack((np.zeros(self._p), result))), bits)
            top += bits
        return result, top

    def _rounded(self, error: float, exponent: int) -> np.ndarray | None:
        """The candidate, rounded; None unless all numbers as near as `error` are rounded alike."""
        if not error < 2.0**exponent:
            return None
        whole, fraction = np.zeros(self._p), np.full(self._p, 1 - _SQUARE**0.5 / 2**10)
        digits, top = self._candidate
        places = [top - self._bits * j - exponent for j in range(digits.shape[1])]
        for j in reversed(range(len(places))):
            part = digits[:, j] * ldexp(1.0, places[j])
            integer = np.rint(part)
            whole += integer
            fraction += part - integer
        integer = np.floor(fraction)
        whole += integer
        fraction -= integer
        doubtful = np.minimum(fraction, 1.0 - fraction) <= error * 2.0**-exponent + _SLACK
        doubtful |= np.abs(whole) >= 2.0**52
        # these by Python's integers, in units of 2**(exponent - low)
        low = max(-places[-1], 0)
        mantissa, power = frexp(error)
        power += low - exponent - 53
        margin = (int(mantissa * 2.0**53) << max(power, 0) >> max(-power, 0)) + 2
        shift = (1 << low) - (isqrt(_SQUARE << 2 * low) >> 10)
        for i in np.flatnonzero(doubtful):
            x = shift + sum(int(digit) << (place + low) for digit, place in zip(digits[i], places, strict=True))
            if (x - margin) >> low != (x + margin) >> low:
                return None
            whole[i] = float(x >> low)
        return whole

    def _conjugate_gradients(self, residual: np.ndarray, steps: int) -> np.ndarray:
        """About the solution for a residual: conjugate gradients, which the factor preconditions."""
        x, least = np.zeros(self._p), _norm(residual) * 2.0**-20
        above = direction = self._factor.solve(residual)
        for _ in range(steps):
            top = frexp(np.abs(direction).max())[1] - self._bits + 1
            digits = cut(direction, top, self._bits, 2 + 72 // self._bits)
            product = -value(self._residual_digits(digits, top), top, self._bits)
            slope, curvature = residual @ above, direction @ product
            if not (slope > 0 and curvature > 0):
                break
            x += slope / curvature * direction
            following = residual - slope / curvature * product
            if _norm(following) <= least:
                break
            above = self._factor.solve(following)
            direction = above + (above @ (following - residual)) / slope * direction
            residual = following
        return x


def _norm(values: np.ndarray) -> float:
    largest = np.abs(values).max()
    return float(largest * np.linalg.norm(values / largest)) if largest > 0 else 0.0
