# Needs Python 3.11 or newer and this file; everything else goes into .venv, once.
#   make demo    see it work         make test    the tests        make lint    style and types
#   make bench   the benchmarks      make docs    the documentation, in docs/_build/html
#   make clean   remove .venv and caches
# Now and then:
#   make coverage        test coverage
#   make docs-long       the documentation with the gallery's long pages
#   make peer-tests      scikit-learn's own tests on sqlearn's classes (long); only some modules of them:
#                        make peer-tests MODULES="sklearn.linear_model.tests.test_ridge sklearn.tests.test_pipeline"
#   make release-check   build, check, install into a clean environment, try
#   make damage          10,000 damaged stores
#   make kills           10,000 processes killed while they write
#   make cluster-kills   100 workers of a Dask cluster killed during fits, and 100 during forgets
#   make set-kills       100 that change a set of stores
#   make memory          updates of all learners, interrupted at every step, each allocation failing in turn
#   make bounds          the kernels' tests, with every index checked; some: make bounds KERNELS=tests/engine/ordered
#   make thorough        tests of which CI runs a part, whole
#   make fuzz-losses     smooth losses against other solvers
#   make tree-histories  1,000 random histories of trees, each step against a fresh fit
#   make boosting-histories  the same for boosted trees
#   make recommend-histories  the same for recommenders
#   make recipes         fits with Ray, Spark and Dask, which are installed for it; their digests compared
#   make fuzz            100,000 public calls with hostile values, and 2,000 altered models
# Another Python: make demo PYTHON=/path/to/python       Only some tests: make test ARGS="tests/engine/sums/test_exact.py -x"

PYTHON ?=
ARGS ?= -n auto --dist worksteal
MODULES ?= sklearn
BENCH ?= *
KERNELS ?= tests/engine
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check

MAKEFLAGS += --no-print-directory
.NOTPARALLEL:
.PHONY: demo test coverage peer-tests lint bench fuzz fuzz-losses tree-histories damage kills set-kills memory bounds
.PHONY: thorough docs docs-long boosting-histories recommend-histories recipes cluster-kills release-check clean

# the modules whose docstrings make the reference
PUBLIC = sqlearn/*.py sqlearn/*_model/*.py sqlearn/naive_bayes/*.py sqlearn/neighbors/*.py sqlearn/tree/*.py \
	sqlearn/compose/*_features.py sqlearn/compose/*_model.py sqlearn/compose/*_transformer.py sqlearn/compose/*_union.py \
	sqlearn/compose/side_by_side.py \
	sqlearn/conformal/classifier.py sqlearn/conformal/regressor.py \
	sqlearn/datasets/*.py \
	sqlearn/ensemble/*.py sqlearn/ensemble/shards/learner.py sqlearn/ensemble/shards/verbs.py \
	sqlearn/impute/*.py \
	sqlearn/distributed/fitting.py sqlearn/distributed/selecting.py \
	sqlearn/inspection/leaving_out.py sqlearn/inspection/effects.py sqlearn/inspection/ranking.py \
	sqlearn/inspection/removal.py sqlearn/inspection/displays/*.py \
	sqlearn/preprocessing/*er.py \
	sqlearn/kernel_approximation/*.py sqlearn/recommend/base.py sqlearn/recommend/ease.py sqlearn/recommend/item_knn.py \
	sqlearn/svm/*.py sqlearn/model_selection/folds.py \
	sqlearn/model_selection/scoring.py sqlearn/model_selection/search.py \
	sqlearn/distributed/store_set/store_set.py sqlearn/distributed/store_set/view.py \
	sqlearn/storage/view.py sqlearn/storage/recommending.py sqlearn/storage/editing.py \
	sqlearn/storage/forgotten.py sqlearn/storage/supposing.py \
	sqlearn/engine/model/estimator.py sqlearn/engine/model/predictions.py sqlearn/engine/model/verbs.py

SPHINX = $(BIN)/python -m sphinx -b html -W --keep-going --quiet docs docs/_build/html

demo: $(VENV)/.package
	@$(BIN)/sqlearn demo

test: $(VENV)/.test
	@$(BIN)/python -m pytest $(ARGS)

# numba compiles kernels, so coverage cannot see their lines; pyproject.toml leaves them out
coverage: $(VENV)/.test
	@$(BIN)/python -m pytest $(ARGS) --cov --cov-report=term:skip-covered

peer-tests: $(VENV)/.test
	@$(BIN)/python -m pytest -c tests/peer_tests/pytest.ini $(ARGS) $(MODULES) \
		--rootdir "$$($(BIN)/python -c 'import sklearn; print(sklearn.__path__[0])')"

lint: $(VENV)/.test
	@echo "ruff check" && $(BIN)/python -m ruff check .
	@echo "ruff format" && $(BIN)/python -m ruff format --check --quiet .
	@echo "mypy" && $(BIN)/python -m mypy
	@echo "numpydoc" && $(BIN)/python -m numpydoc lint $(PUBLIC)

# a thousand random problems against scikit-learn and another solver: minutes; FUZZ_ARGS="300 5000" for 300 others
fuzz-losses: $(VENV)/.test
	@PYTHONPATH=.:tests/support $(BIN)/python tests/long/fuzz_losses.py $(FUZZ_ARGS)

# one of them: make bench BENCH=rounds BENCH_ARGS="--seeds 4"; data that may not be shipped: DATA=folder
bench: $(VENV)/.bench
	@set -e; for script in benchmarks/bench_$(BENCH).py; do echo "$$script"; DATA="$(DATA)" $(BIN)/python "$$script" $(BENCH_ARGS); done

docs: $(VENV)/.docs
	@rm -rf docs/reference/generated docs/gallery/long_*
	@$(SPHINX)
	@echo "The documentation is in docs/_build/html/index.html"

docs-long: $(VENV)/.docs
	@$(SPHINX) -D sphinx_gallery_conf.filename_pattern='/(plot|long)_' -D sphinx_gallery_conf.ignore_pattern='^$$'

# The wheel is built from the source distribution. It is tried where nothing but its own dependencies is installed, and
# from a folder in which there is no other sqlearn to import.
release-check: $(VENV)/.release
	@rm -rf dist build/release && mkdir -p build/release
	@$(BIN)/python -m build --outdir dist
	@$(BIN)/python -m twine check --strict dist/*
	@$(BIN)/python -m venv build/release/venv
	@build/release/venv/bin/python -m pip -qq --disable-pip-version-check install "$$(echo dist/*.whl)[tables]"
	@cd build/release && venv/bin/python -c 'import sqlearn; print("sqlearn", sqlearn.__version__, "at", sqlearn.__file__)'
	@cd build/release && venv/bin/sqlearn demo
	@echo "Ready for release:" dist/*

damage: $(VENV)/.test
	@PYTHONPATH=tests/support $(BIN)/python tests/long/damages.py

kills: $(VENV)/.test
	@PYTHONPATH=tests/support $(BIN)/python tests/long/kills.py

cluster-kills: $(VENV)/.test
	@$(BIN)/python -u tests/long/cluster_kills.py $(KILLS)

set-kills: $(VENV)/.test
	@PYTHONPATH=tests/support:tests/long $(BIN)/python tests/long/set_kills.py $(SET_KILLS)

tree-histories: $(VENV)/.test
	@PYTHONPATH=.:tests/support $(BIN)/python tests/long/tree_histories.py $(HISTORIES)

boosting-histories: $(VENV)/.test
	@PYTHONPATH=.:tests/support $(BIN)/python tests/long/boosting_histories.py $(HISTORIES)

recommend-histories: $(VENV)/.test
	@PYTHONPATH=.:tests/support $(BIN)/python tests/long/recommend_histories.py $(HISTORIES)

# every allocation of every update fails once, and Ctrl-C comes at every step
memory: $(VENV)/.test
	@SQLEARN_EVERYWHERE=1 $(BIN)/python -m pytest $(ARGS) tests/engine/sums/test_memory.py \
		tests/engine/model/test_interrupts.py -k 'memory or address or allocation or handler or step'

# An index past the end of an array, which compiled code would follow, raises an IndexError. The code lies in a folder of
# its own, and takes minutes to compile.
bounds: $(VENV)/.test
	@NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR="$(CURDIR)/build/bounds" $(BIN)/python -m pytest $(ARGS) $(KERNELS)

thorough: $(VENV)/.test
	@SQLEARN_EVERYWHERE=1 $(BIN)/python -m pytest $(ARGS) $$(grep -rlE "EVERYWHERE|crossed|over_each|over_kinds|some_of|thinned" \
		tests --include="test_*.py" | grep -v sums/test_memory)

fuzz: $(VENV)/.test
	@PYTHONPATH=tests/support $(BIN)/python tests/long/fuzz.py --calls 100000 --jobs 2 $(FUZZ_ARGS)
	@PYTHONPATH=tests/support $(BIN)/python tests/long/fuzz.py --calls 2000 --jobs 2 --kind altered $(FUZZ_ARGS)

recipes: $(VENV)/.recipes
	@$(BIN)/python examples/recipes/run_all.py

clean:
	@rm -rf $(VENV) build dist .coverage .pytest_cache .hypothesis .mypy_cache .ruff_cache
	@rm -rf docs/_build docs/gallery docs/reference/generated
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "Removed $(VENV) and all caches"

# One stamp for each set of packages: a set is installed anew when pyproject.toml is newer than its stamp.

$(VENV)/.package: pyproject.toml $(VENV)/.python
	@echo "Installing sqlearn and what it needs into $(VENV) (once) ..."
	@$(PIP) install --editable ".[tables]"
	@touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.python
	@echo "Installing sqlearn and what its tests need into $(VENV) (once) ..."
	@$(PIP) install --editable ".[test]"
	@touch $@ $(VENV)/.package

$(VENV)/.bench: pyproject.toml $(VENV)/.python
	@echo "Installing sqlearn and what its benchmarks need into $(VENV) (once) ..."
	@$(PIP) install --editable ".[bench]"
	@touch $@ $(VENV)/.package

$(VENV)/.docs: pyproject.toml $(VENV)/.python
	@echo "Installing sqlearn and what its documentation needs into $(VENV) (once) ..."
	@$(PIP) install --editable ".[docs]"
	@touch $@ $(VENV)/.package

# Both at once, in less time. Of packages, only the modules that are imported are compiled, when they are.
$(VENV)/.ci: pyproject.toml $(VENV)/.python
	@echo "Installing sqlearn and what its tests and its documentation need into $(VENV) (once) ..."
	@$(PIP) install --no-compile --editable ".[test,docs]"
	@touch $@ $(VENV)/.package $(VENV)/.test $(VENV)/.docs

$(VENV)/.recipes: pyproject.toml $(VENV)/.python
	@echo "Installing sqlearn, Ray, Spark and Dask into $(VENV) (once) ..."
	@$(PIP) install --editable ".[distributed,recipes]"
	@touch $@ $(VENV)/.package

$(VENV)/.release: pyproject.toml $(VENV)/.python
	@$(PIP) install --editable ".[release]"
	@touch $@

# A name that is found may still not run (pyenv's shims), be too old, or lack the module venv (Debian): ask each one.
FITS := import sys; sys.exit(sys.version_info < (3, 11) or sys.implementation.name != "cpython")
NAME := import sys; print("Python", sys.version.split()[0], "at", sys.executable)

$(VENV)/.python:
	@set -e; bare=; \
	for python in $(if $(PYTHON),"$(PYTHON)",python3.13 python3.12 python3.11 python3 python3.14 python); do \
		"$$python" -c '$(FITS)' >/dev/null 2>&1 || continue; \
		"$$python" -c 'import ensurepip, venv' >/dev/null 2>&1 || { bare="$${bare:-$$python}"; continue; }; \
		echo "Making $(VENV) with $$("$$python" -c '$(NAME)')"; \
		"$$python" -m venv --clear $(VENV); \
		touch $@; \
		exit 0; \
	done; \
	if [ -n "$$bare" ]; then \
		version=$$("$$bare" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
		echo "$$("$$bare" -c '$(NAME)') does not have the module venv." >&2; \
		echo "On Debian and Ubuntu: apt install python$$version-venv" >&2; \
	elif [ -n "$(PYTHON)" ]; then \
		echo "$(PYTHON) is not CPython 3.11 or newer, or does not run." >&2; \
	else \
		echo "sqlearn needs CPython 3.11 or newer, and none was found." >&2; \
		echo "Install one (https://www.python.org/downloads/), or name it: make demo PYTHON=/path/to/python3" >&2; \
	fi; \
	exit 1
