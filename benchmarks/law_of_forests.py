"""The law of repair, measured: docs/law_of_forests.svg.

    python benchmarks/law_of_forests.py [--adult adult.data] [--out docs/law_of_forests.svg]

When one of the m records of a node is forgotten, its split moves with a probability of about c / m (docs/forests.md).
Here single random records are forgotten from forests. In each tree the way of the record is followed from the root down
to the first node that gets another split; the nodes on these ways are counted by m, in octaves, and so are those whose
split moved. The plot has c, their share times m.
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np
from forest_data import Data, data_sets

from sqlearn.engine.rounds import MAX_HASH
from sqlearn.engine.trees.layout import ROOT
from sqlearn.ensemble import RandomForestClassifier, RandomForestRegressor

FORGETS = 400
LEAST = 30  # moves that an octave must have to be plotted


def way(tree, row):
    """The split and the size of each inner node on the way of a record."""
    pool, found = tree.pool, []
    nodes, node = pool.nodes, int(pool.extent[ROOT])
    while node >= 0:
        feature, threshold, left, right, n = nodes[node].item()[:5]
        if feature < 0:
            found.append((-1, 0.0, n))
            break
        found.append((feature, threshold, n))
        node = left if row[feature] <= threshold else right
    return found


def counted(data: Data, n: int, forgets: int) -> np.ndarray:
    """Of each octave of m: nodes on the ways, those whose split moved, and the sum of m."""
    x, _, y, _ = data.split(0, n)
    model = (RandomForestRegressor if data.regression else RandomForestClassifier)().fit(x, y)
    counts = np.zeros((3, 40))
    statistic, seen = model._state.statistic, x.astype(np.float32)
    rows = next(statistic.rows.blocks(MAX_HASH))  # a fit keeps rows in their order
    *_, of_row, copies = np.unique(np.column_stack([x, y]), axis=0, return_inverse=True, return_counts=True)
    alone = np.flatnonzero(copies[of_row] == 1)  # of equal records, another one may go
    for i in np.random.default_rng(0).permutation(alone)[:forgets]:
        trees = [t for t, found in enumerate(statistic.members(rows.take([i]))) if len(found)]
        before = {t: way(statistic.trees[t], seen[i]) for t in trees}
        model.forget(x[i], y[i])
        for t in trees:
            for old, new in zip(before[t], way(statistic.trees[t], seen[i]), strict=False):
                if old[0] < 0:
                    break
                octave = int(old[2]).bit_length()
                counts[:, octave] += 1, old[:2] != new[:2], old[2]
                if old[:2] != new[:2]:
                    break
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adult", type=Path, help="the file adult.data")
    parser.add_argument("--forgets", type=int, default=FORGETS, help="records that are forgotten of each data set")
    parser.add_argument("--out", default="docs/law_of_forests.svg", help="where the plot goes")
    parser.add_argument("--quick", action="store_true", help="a tenth of the records")
    asked = parser.parse_args()
    plt.rcParams["svg.hashsalt"] = "sqlearn"  # the same file for the same numbers
    figure, axes = plt.subplots(figsize=(6.5, 4))
    print("c = share of moved splits times m, by the octave of m")
    for data, marker in zip(data_sets(asked.adult), "osDv^<>", strict=False):
        nodes, moved, sizes = counted(data, data.n // 10 if asked.quick else data.n, asked.forgets)
        enough = moved >= LEAST
        m = sizes[enough] / nodes[enough]
        c = moved[enough] / nodes[enough] * m
        error = c / np.sqrt(moved[enough])
        axes.errorbar(m, c, error, fmt=marker, linestyle="-", markersize=4, label=data.name)
        told = ", ".join(f"{size:,.0f}: {found:.1f}" for size, found in zip(m, c, strict=True))
        print(f"{data.name:22s} {told}; all octaves {moved.sum():,.0f} of {nodes.sum():,.0f} nodes", flush=True)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("m, records of the node")
    axes.set_ylabel("c: share of splits that move, times m")
    axes.set_title("One record is forgotten; ± 1 standard error", fontsize=10)
    axes.legend(fontsize=8)
    axes.grid(True, which="major", alpha=0.3)
    figure.tight_layout()
    figure.savefig(asked.out, metadata={"Date": None})
    print(f"wrote {asked.out}")


if __name__ == "__main__":
    main()
