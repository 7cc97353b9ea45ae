"""Passes over sparse records in compressed rows: predictors, gradients and products with the Hessian.

`rows` are ``(values, indices, starts, mean)``: float64[nnz], uint32[nnz], int64[n + 1] and float64[p]. They stand for
records from whose features the means are subtracted, which no pass writes out. Theta is float64[K, p], predictors are
float64[K, n]. `first` is 1 if the first parameter of each output is an intercept, which no row has an entry for.
All is summed in the order of the rows and, within a row, of its entries, one output after the other: so what is read
and written here and there, the parameters of one output, stays in the cache.
"""

from sqlearn.engine.kernels import fma, kernel

_LEAST_PART = 2.0**-20  # of a feature's squares, that is left when its mean is subtracted


@kernel
def _along(a, b):
    """The inner product of float64[p], p a multiple of 4."""
    s, t, u, v = 0.0, 0.0, 0.0, 0.0
    for j in range(0, len(a), 4):
        s += a[j] * b[j]
        t += a[j + 1] * b[j + 1]
        u += a[j + 2] * b[j + 2]
        v += a[j + 3] * b[j + 3]
    return (s + t) + (u + v)


@kernel
def predict(rows, first, theta, eta):
    """Write the predictors of all rows."""
    values, indices, starts, mean = rows
    for o in range(len(theta)):
        own, out = theta[o], eta[o]
        common = (own[0] if first else 0.0) - _along(mean, own)
        for r in range(len(starts) - 1):
            k, stop = starts[r], starts[r + 1]
            a, b, c, d = 0.0, 0.0, 0.0, 0.0
            while k + 4 <= stop:  # sums side by side: each waits for its own products only
                a = fma(values[k], own[indices[k]], a)
                b = fma(values[k + 1], own[indices[k + 1]], b)
                c = fma(values[k + 2], own[indices[k + 2]], c)
                d = fma(values[k + 3], own[indices[k + 3]], d)
                k += 4
            while k < stop:
                a = fma(values[k], own[indices[k]], a)
                k += 1
            out[r] = ((a + b) + (c + d)) + common


@kernel
def spread(rows, first, slopes, out):
    """Write the sum over rows of their entries times slopes[K, n] to out[K, p]."""
    values, indices, starts, mean = rows
    for o in range(len(out)):
        own = out[o]
        own[:] = 0.0
        common = 0.0
        for r in range(len(starts) - 1):
            slope = slopes[o, r]
            common += slope
            for k in range(starts[r], starts[r + 1]):
                own[indices[k]] += values[k] * slope
        for j in range(len(own)):
            own[j] -= mean[j] * common
        if first:
            own[0] = common


@kernel
def spread_squares(rows, first, second, out):
    """Write about the sum over rows of their squared entries times second[K, n] to out[K, p].

    What the means take off is computed as if they were those of the weighted rows.
    """
    values, indices, starts, mean = rows
    for o in range(len(out)):
        own = out[o]
        own[:] = 0.0
        common = 0.0
        for r in range(len(starts) - 1):
            bend = second[o, r]
            common += bend
            for k in range(starts[r], starts[r + 1]):
                own[indices[k]] += values[k] * values[k] * bend
        for j in range(len(own)):
            own[j] = max(own[j] - mean[j] * mean[j] * common, _LEAST_PART * own[j])
        if first:
            own[0] = common


@kernel
def add_penalty(penalty, theta, out):
    """Add the penalty's gradient at theta to out."""
    ridge, bond, weight = penalty
    n_outputs, p = theta.shape
    for o in range(n_outputs):
        for j in range(p):
            out[o, j] += ridge[j] * theta[o, j]
        if weight > 0.0:
            along = 0.0
            for j in range(p):
                along += bond[j] * theta[o, j]
            for j in range(p):
                out[o, j] += weight * along * bond[j]
