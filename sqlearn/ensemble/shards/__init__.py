"""Ensembles by shards: records in shards, a member for each, and what of them is fitted when."""
