"""Coordinate descent for linear regression with L1 and L2 penalties, along a path of penalties, from second moments.

The algorithm is that of scikit-learn's solver for Gram matrices (Friedman, Hastie, Tibshirani, 2010, with the gap safe
screening of Fercoq, Gramfort, Salmon, 2015): the same order of coordinates, the same screening and the same stopping
by the duality gap, so the iterations are the same but for rounding. It runs a whole path in one call, and starts each
solution at the one before.
"""

import math

import numpy as np

from sqlearn.engine.kernels import kernel


@kernel
def _gap(w, l1, l2, gram_w, products, y_square, size, slack, positive):
    """The duality gap, and the dual norm of `slack`, which is filled: what the penalties do not allow for."""
    d = len(w)
    w_square, inner, quadratic, l1_norm = 0.0, 0.0, 0.0, 0.0
    for j in range(d):
        w_square += w[j] * w[j]
        inner += w[j] * products[j]
        quadratic += w[j] * gram_w[j]
        l1_norm += abs(w[j])
    rest = y_square + quadratic - 2.0 * inner
    with_y = y_square - inner
    if l1 == 0.0:
        norm = 0.0
        for j in range(d):
            slack[j] = products[j] - gram_w[j]
            norm += slack[j] * slack[j]
        if l2 == 0.0:  # least squares: no dual, but the gradient
            return size * norm, norm
        return rest + 0.5 * l2 * w_square - with_y + norm / (2.0 * l2), norm
    norm = -np.inf if positive else 0.0
    for j in range(d):
        slack[j] = products[j] - gram_w[j] - l2 * w[j]
        norm = max(norm, slack[j] if positive else abs(slack[j]))
    scale = l1 / norm if norm > l1 else 1.0
    primal = 0.5 * (rest + l2 * w_square) + l1 * l1_norm
    dual = -0.5 * scale * scale * (rest + l2 * w_square) + scale * with_y
    return primal - dual, norm


@kernel
def _screen(w, l1, l2, gram, gram_w, slack, gap, norm, excluded, active):
    """List the coordinates that may be other than 0 at the minimum, and set the others to 0; how many there are."""
    n_active, radius = 0, math.sqrt(2.0 * abs(gap)) / l1
    for j in range(len(w)):
        if excluded[j]:
            continue
        distance = (1.0 - abs(slack[j] / max(l1, norm))) / math.sqrt(gram[j, j] + l2)
        if gram[j, j] > 0.0 and distance <= radius:
            active[n_active] = j
            n_active += 1
            continue
        excluded[j] = True
        if w[j] != 0.0:
            row, old = gram[j], w[j]
            for i in range(len(w)):
                gram_w[i] -= old * row[i]
            w[j] = 0.0
    return n_active


@kernel
def descend(gram, products, y_square, size, penalties, l1_ratio, max_iter, tol, positive, path, n_iter):
    """Fill in the solutions along a path of penalties, and the passes that each took; the number not converged.

    A solution minimizes ``w'Gw / 2 - p'w + penalty * (l1_ratio * sum |w| + (1 - l1_ratio) * w'w / 2)``.

    Parameters
    ----------
    gram, products, y_square : float64[d, d], float64[d], float
        Mean products of features with features, of features with the target, and of the target with itself.
    size : int
        Number of records; without any penalty, scikit-learn's bound of the gradient depends on it.
    penalties : float64[a]
        Penalties, in the order of the path.
    l1_ratio : float
        Share of the L1 penalty.
    max_iter, tol, positive : int, float, bool
        As of scikit-learn's ElasticNet.
    path : float64[a, d]
        Where the solutions go.
    n_iter : int64[a]
        Where the numbers of passes go.
    """
    d, failed = len(products), 0
    w, gram_w, slack = np.zeros(d), np.zeros(d), np.empty(d)
    active, excluded = np.empty(d, np.int64), np.empty(d, np.bool_)
    enough = tol * y_square
    for a in range(len(penalties)):
        l1, l2 = penalties[a] * l1_ratio, penalties[a] * (1.0 - l1_ratio)
        gap, norm = _gap(w, l1, l2, gram_w, products, y_square, size, slack, positive)
        n_iter[a] = 0
        if not abs(gap) < np.inf:  # beyond float64: nothing to find there
            path[a:] = np.nan
            return len(penalties) - a + failed
        if not 0.0 <= gap <= enough:  # rounding may make it negative
            n_active = d
            for j in range(d):
                active[j], excluded[j] = j, False
            if l1 > 0.0:
                n_active = _screen(w, l1, l2, gram, gram_w, slack, gap, norm, excluded, active)
            done = False
            for turn in range(max_iter):
                largest, moved = 0.0, 0.0
                for k in range(n_active):
                    j = active[k]
                    row, old = gram[j], w[j]
                    own = row[j]
                    if own == 0.0:
                        continue
                    t = products[j] - gram_w[j] + old * own
                    new = 0.0
                    if not (positive and t < 0.0):
                        new = math.copysign(max(abs(t) - l1, 0.0), t) / (own + l2)
                    if new != old:
                        step = new - old
                        for i in range(d):
                            gram_w[i] += step * row[i]
                        w[j] = new
                    if not abs(new) < np.inf:
                        path[a:] = np.nan
                        return len(penalties) - a + failed
                    moved = max(moved, abs(new - old))
                    largest = max(largest, abs(new))
                if largest == 0.0 or moved / largest <= tol or turn == max_iter - 1:
                    gap, norm = _gap(w, l1, l2, gram_w, products, y_square, size, slack, positive)
                    n_iter[a] = turn + 1
                    if gap <= enough:
                        done = True
                        break
                    if not abs(gap) < np.inf:
                        path[a:] = np.nan
                        return len(penalties) - a + failed
                    if l1 > 0.0:
                        n_active = _screen(w, l1, l2, gram, gram_w, slack, gap, norm, excluded, active)
            failed += not done
        for j in range(d):
            path[a, j] = w[j] + 0.0
    return failed
