"""Models of data in many pieces: files, partitions of Dask, or frames, on one machine or several."""
