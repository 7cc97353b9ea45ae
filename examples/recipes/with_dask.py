"""Fit on Parquet files with Dask: `sqlearn.distributed.fit` does what the other recipes do, and can look rows up."""

import sys

from dask.distributed import Client

from sqlearn.distributed import fit
from sqlearn.naive_bayes import GaussianNB

if __name__ == "__main__":
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=":0") as client:
        model = fit(GaussianNB(ledger=False), f"{sys.argv[1]}/*.parquet", y="y", client=client)
        print(f"{model.n_records_:,} rows, digest {model.digest()}")
