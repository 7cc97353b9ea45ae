"""Fit on Parquet files with Ray Data: a model of each block, merged by hundreds where they are, then by the driver."""

import pickle
import sys
from functools import reduce

import ray

from sqlearn.naive_bayes import GaussianNB


def fit_block(frame):
    model = GaussianNB(ledger=False).fit(frame.drop(columns="y"), frame["y"])
    return {"model": [pickle.dumps(model)]}


def merge(models):
    return {"model": [pickle.dumps(reduce(GaussianNB.merge, map(pickle.loads, models["model"])))]}


ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
blocks = ray.data.read_parquet(sys.argv[1]).map_batches(fit_block, batch_format="pandas", batch_size=65_536)
merged = blocks.map_batches(merge, batch_size=256).iter_rows()
model = reduce(GaussianNB.merge, (pickle.loads(row["model"]) for row in merged))
print(f"{model.n_records_:,} rows, digest {model.digest()}")
