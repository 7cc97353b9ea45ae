"""The parts of a store, which keeps a model, its rows and its receipts in one SQLite file.

:class:`sqlearn.Store` is what users call; docs/store.md says what it does, docs/architecture.md where it is done.
Nothing is imported here, so that using one part does not load the others.
"""
