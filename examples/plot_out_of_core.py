"""
A table larger than memory
==========================

A learner of sums needs each row once. ``sqlearn.distributed.fit`` reads a folder of Parquet files block by block, in
the threads of this process, and finds the model that a fit to the whole table in memory would find. The same call with
a client of Dask does it on many machines.
"""

# %%
# Here are 32 files, of 160 MB in all. (This page is made in seconds; ``benchmarks/bench_distributed.py`` does the same
# with 10 GB.)

import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sqlearn.distributed import fit
from sqlearn.naive_bayes import GaussianNB

folder = tempfile.TemporaryDirectory()
random = np.random.default_rng(0)
names = [f"x{j}" for j in range(20)]
for i in range(32):
    y = random.integers(0, 3, 30_000)
    x = random.normal(size=(len(y), len(names))) + y[:, None]
    table = pa.table({**dict(zip(names, x.T.copy())), "y": y})
    pq.write_table(table, f"{folder.name}/part-{i:02d}.parquet", row_group_size=10_000, use_dictionary=False)
print(f"{sum(path.stat().st_size for path in Path(folder.name).iterdir()) / 1e6:.0f} MB")

# %%
# While the files are read, ``progress`` is told how many rows were, and we note how much memory this process has. The
# names of the records, 16 bytes for each, let the model refuse to forget a row that it never saw. Here they may take 1
# MB of memory, and are in a temporary file beyond that:


def memory():
    """MB of this process, as Linux counts them."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


fit(GaussianNB(), f"{folder.name}/part-0*.parquet", y="y")  # loads what any fit needs

rows, in_blocks = [0], [memory()]


def note(n):
    rows.append(rows[-1] + n)
    in_blocks.append(memory())


model = fit(GaussianNB(), folder.name, y="y", progress=note, memory=1_000_000)
print(f"{model.n_records_:,} rows, digest {model.digest()[:16]}...")

# %%
# A row is forgotten as from any model. Nothing but the name of the row is looked up:

gone = pd.read_parquet(f"{folder.name}/part-07.parquet").iloc[[123]]
model.forget(gone[names], gone["y"])

# %%
# Now all rows at once, for comparison. Both models are the same to the last byte:

whole, frames = [memory()], []
for path in sorted(Path(folder.name).iterdir()):
    frames.append(pd.read_parquet(path))
    whole.append(memory())
table = pd.concat(frames)
whole.append(memory())
reference = GaussianNB().fit(table[names], table["y"]).forget(gone[names], gone["y"])
whole.append(memory())
print(model.digest() == reference.digest())

fig, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
at = [*np.linspace(0, len(table), len(whole) - 2), len(table), len(table)]
ax.plot(at, np.subtract(whole, whole[0]), color="0.6", label="read as a whole, concatenated, fitted")
ax.plot(rows, np.subtract(in_blocks, in_blocks[0]), color="tab:blue", label="distributed.fit")
ax.set(xlabel="rows read", ylabel="memory more than before (MB)")
ax.legend()
plt.show()
