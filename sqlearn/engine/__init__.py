"""The engine: exact sums of records, what learners compute from them, and the models that hold them.

It knows nothing of single learners, stores or the command line. Import from its packages (``sqlearn.engine.sums``,
``sqlearn.engine.model``, ...), each of which offers its names and says what it may import; docs/architecture.md
describes them. Nothing is imported here, so that using one package does not load the others.
"""
