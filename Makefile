# Prerequisites: Python 3.11, make, git. Everything else goes into .venv, from the lock.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv

BIN := $(VENV)/bin
RUNNABLE := $(VENV)/.runnable
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check install
RESOLVE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

.DEFAULT_GOAL := help
.PHONY: help install run test test-quick tests-of check bench bench-flat bench-risk kill faults hammer schema docs lock clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' Makefile

install: $(INSTALLED) ## make .venv and install what a developer needs, from the lock

run: $(RUNNABLE) ## install what the gate needs, and start the gate with a small demo on an embedded database
	@exec $(BIN)/gate serve --demo

test: $(INSTALLED) ## run every test, on SQLite and on PostgreSQL
	$(BIN)/pytest

test-quick: $(INSTALLED) ## run the tests that need neither PostgreSQL nor a browser nor a server of their own nor long
	$(BIN)/pytest -m "not postgres and not browser and not server and not slow"

tests-of: $(INSTALLED) ## run the tests of files or folders: make tests-of gate/flow/changes/admit.py
	@$(BIN)/python -m tests.mirror $(filter-out $@,$(MAKECMDGOALS))

check: $(INSTALLED) ## format, lint, types, architecture, schema: what comes before the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest tests/test_architecture.py tests/storage/test_frozen_schema.py -n 0 -m "not postgres"

bench: $(INSTALLED) ## measure: ratios of one interleaved run, the disk beside them (KEEP=1 keeps what a decision costs the processor)
	$(BIN)/python -m benchmarks $(if $(KEEP),--keep)

bench-flat: $(INSTALLED) ## measure what takes how much longer at many decisions than at few (MANY=10000000 for so many, ONLY=PostgreSQL)
	$(BIN)/python -m benchmarks.flat $(if $(MANY),--many $(MANY)) $(if $(ONLY),--only $(ONLY))

bench-risk: $(INSTALLED) ## measure how well the shipped points order the newest changes of the shared data
	$(BIN)/python -m benchmarks.risk

kill: $(INSTALLED) ## kill the server under load, again and again, and look for what was lost
	$(BIN)/python -m benchmarks.kill

faults: $(INSTALLED) ## kill, cut off, stop and misdate real servers under load, and check all that was answered (TIMES=100 faults of each kind, ONLY=kills)
	$(BIN)/python -m benchmarks.faults $(if $(TIMES),--times $(TIMES)) $(if $(ONLY),--only $(ONLY))

hammer: $(INSTALLED) ## write, seal and read at once, and check all that is served, until interrupted (ROUNDS=3 for so many)
	$(BIN)/python -m tests.flow.ledger.hammering $(if $(ROUNDS),--rounds $(ROUNDS))

schema: $(INSTALLED) ## write the first migration and its dump anew, after a change of the tables (until the first release)
	$(BIN)/python -m tests.storage.frozen

docs: $(INSTALLED) ## write the pages of the reference that are made from the code
	$(BIN)/python -m tests.reference

lock: $(INSTALLED) ## resolve the dependencies again (UPGRADE=--upgrade for newer ones)
	$(RESOLVE) $(UPGRADE) --all-extras --output-file requirements-dev.lock
	$(RESOLVE) --extra postgres --extra otel --constraint requirements-dev.lock --output-file requirements.lock
	echo hatchling | $(BIN)/uv pip compile - --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--constraint requirements-dev.lock --output-file requirements-build.lock

clean: ## remove what was made, but not .gate, which holds data
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis dist build

# What the gate itself needs, and no developer's tool: 160 MB instead of 590.
$(RUNNABLE): requirements.lock requirements-build.lock pyproject.toml
	$(ENVIRONMENT)
	@echo 'make: installing the gate into $(VENV), from requirements.lock; once, about half a minute'
	@$(PIP) --progress-bar off --require-hashes --requirement requirements.lock --requirement requirements-build.lock
	@$(PIP) --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Holds the above, too, in the same versions. It comes on top of them because the pip of an older Python 3.11
# resolves 'pydantic[email]' before it reads which pydantic is pinned, unless that one is installed already.
$(INSTALLED): $(RUNNABLE) requirements-dev.lock
	$(PIP) --quiet --require-hashes --requirement requirements-dev.lock
	@touch $@

# A half-made environment has no pip; it is made anew.
define ENVIRONMENT
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "make: '$(PYTHON)' is not Python 3.11 or newer; name one with PYTHON=..." >&2; exit 1; }
@$(BIN)/python -m pip --version >/dev/null 2>&1 || \
	{ echo "make: making a virtual environment in $(VENV)"; $(PYTHON) -m venv --clear $(VENV); } || \
	{ echo "make: no virtual environment; on Debian: apt-get install python3.11-venv" >&2; exit 1; }
endef
