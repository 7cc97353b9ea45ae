# Needs Python 3.11 or newer and this file; everything else goes into .venv, once.
#   make demo    the main job        make test    the tests        make lint    style and types
#   make bench   the benchmarks      make clean   remove .venv and caches
# Another Python: make demo PYTHON=/path/to/python       Only some tests: make test ARGS="tests/test_exact.py -x"

PYTHON ?=
ARGS ?= -n auto
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check

MAKEFLAGS += --no-print-directory
.NOTPARALLEL:
.PHONY: demo test lint bench clean

demo: $(VENV)/.package
	@$(BIN)/sqlearn demo

test: $(VENV)/.test
	@$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.test
	@echo "ruff check" && $(BIN)/python -m ruff check .
	@echo "mypy" && $(BIN)/python -m mypy

bench: $(VENV)/.bench
	@set -e; for script in benchmarks/bench_*.py; do echo "$$script"; $(BIN)/python "$$script" $(BENCH_ARGS); done

clean:
	@rm -rf $(VENV) build dist .pytest_cache .hypothesis .mypy_cache .ruff_cache
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
		echo "$$("$$bare" -c '$(NAME)') has no module venv." >&2; \
		echo "On Debian and Ubuntu: apt install python$$version-venv" >&2; \
	elif [ -n "$(PYTHON)" ]; then \
		echo "$(PYTHON) is no CPython 3.11 or newer, or does not run." >&2; \
	else \
		echo "sqlearn needs CPython 3.11 or newer, and none was found." >&2; \
		echo "Install one (https://www.python.org/downloads/), or name it: make demo PYTHON=/path/to/python3" >&2; \
	fi; \
	exit 1
