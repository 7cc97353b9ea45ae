"""The law of breaks, measured against its prediction: docs/law_of_breaks.svg.

    python benchmarks/law_of_breaks.py [--out docs/law_of_breaks.svg]

A forgotten record breaks a round when it moves a rounded parameter across the edge of its cell. With random offsets of
the grid that has the probability ``sum over coordinates of E|shift| / width`` (docs/exactness.md, "Rounds"). Here
LogisticRegression forgets single random records under many seeds (each has other offsets), and the share of breaks at
the rounds is set beside that sum, whose shifts are computed for every record by plain linear algebra.
"""

import argparse

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np
from bench_rounds import coin, features, predictor

from sqlearn.engine.problems import smooth_grid
from sqlearn.linear_model import LogisticRegression

N, D = 20_000, 10
SEEDS, FORGETS = 100, 8  # how near to an edge a model stands is a matter of its seed, so many of those


def predicted(model, x, y):
    """Probability that forgetting a random record moves a rounded parameter, over random offsets."""
    trace = model._state.statistic.trace
    theta, grid, scale = trace.theta, trace.grid, trace.scale
    z = np.column_stack([np.ones(len(x)), (x - scale.mean) * scale.factor])
    q = 1 / (1 + np.exp(-z @ theta))
    penalty = np.append(0.0, scale.factor**2)
    hessian = (z * (q * (1 - q))[:, None]).T @ z + np.diag(penalty)
    shift = np.abs(np.linalg.solve(hessian, (z * (q - y)[:, None]).T).T @ grid.low)
    expected = (len(trace.rounds) - 1) * float((shift / grid.width).mean(axis=0).sum())
    return -np.expm1(-expected)  # of many small probabilities, that of at least one


def measured(x, y, rng):
    """Share of breaks, its standard error and the prediction."""
    shares, expected = [], []
    for seed in range(SEEDS):
        model = LogisticRegression(random_state=seed).fit(x, y)
        expected.append(predicted(model, x, y))
        breaks = 0
        for i in rng.permutation(len(x))[:FORGETS]:
            model.forget(x[i], y[i])
            breaks += isinstance(model.last_update_.broke_at, int)
            model.partial_fit(x[[i]], y[[i]])
        shares.append(breaks / FORGETS)
    return float(np.mean(shares)), float(np.std(shares)) / SEEDS**0.5, float(np.mean(expected))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="docs/law_of_breaks.svg", help="where the plot goes")
    out = parser.parse_args().out
    plt.rcParams["svg.hashsalt"] = "sqlearn"  # the same file for the same numbers
    figure, axes = plt.subplots(figsize=(6, 4))
    axes.axvline(smooth_grid.FINE, color="grey", linestyle=":", label="the width in use")
    print(f"{'':16s} {'width':>8s} {'measured':>18s} {'predicted':>9s}")
    for correlation, marker in ((0.0, "o"), (0.9, "s")):
        rng = np.random.default_rng(1)
        x = features(rng, N, D, correlation)
        y = coin(rng, predictor(rng, x))
        points = []
        for exponent in range(-9, -2):
            smooth_grid.FINE = 2.0**exponent
            points.append((smooth_grid.FINE, *measured(x, y, rng)))
            width, found, error, law = points[-1]
            print(f"correlation {correlation:<4.1f} {width:8.4f} {found:9.4f} ± {error:.4f} {law:9.4f}", flush=True)
        widths, found, error, law = map(np.array, zip(*points, strict=True))
        line = axes.loglog(widths, law, label=f"predicted, correlation {correlation}")[0]
        axes.errorbar(widths, found, error, fmt=marker, color=line.get_color(), label="measured, ± 1 standard error")
    axes.set_xlabel("width of the cells, in standard deviations of the predictor")
    axes.set_ylabel("breaks per forgotten record")
    axes.set_title(f"LogisticRegression, {N:,} records, {D} features", fontsize=10)
    axes.legend(fontsize=8)
    axes.grid(True, which="major", alpha=0.3)
    figure.tight_layout()
    figure.savefig(out, metadata={"Date": None})
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
