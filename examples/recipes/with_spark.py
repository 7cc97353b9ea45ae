"""Fit on Parquet files with Spark: mapInPandas makes a model of each partition; the driver merges them."""

import pickle
import sys
from functools import reduce

import pandas as pd
from pyspark.sql import SparkSession

from sqlearn.naive_bayes import GaussianNB


def fit_partition(frames):
    model = None
    for frame in frames:
        if len(frame):
            model = model or GaussianNB(ledger=False)
            model.partial_fit(frame.drop(columns="y"), frame["y"])
    yield pd.DataFrame({"model": [] if model is None else [pickle.dumps(model)]})


spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
rows = spark.read.parquet(sys.argv[1]).mapInPandas(fit_partition, "model binary").toLocalIterator()
model = reduce(GaussianNB.merge, (pickle.loads(row.model) for row in rows))
print(f"{model.n_records_:,} rows, digest {model.digest()}")
