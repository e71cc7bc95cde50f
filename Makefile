# make demo      the planner's problem on two real economies, answered three ways -> out/demo.html
# make test      style, types and the fast tests
# make test-all  the slow tests as well
# make docs      the documentation, readable without a server -> build/docs/index.html
# make lessons   run the notebooks of reports/lessons again, in place
# make clean     forget the environment, caches and output
#
# Only Python 3.11 or newer with pip and venv is assumed; PYTHON=... names another interpreter.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development

.DEFAULT_GOAL := help
.PHONY: help demo test test-all docs lessons check clean

help:
	@sed -n 's/^# //p' Makefile

# The stamps make the environment follow pyproject.toml and nothing else.
$(RUNTIME): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "endonet needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(DEVELOPMENT): $(RUNTIME)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: $(RUNTIME)
	$(BIN)/endonet report demo --out out

check: $(DEVELOPMENT)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict

test: check
	$(BIN)/pytest -n auto

test-all: check
	$(BIN)/pytest -n auto -m 'slow or not slow'

docs: $(DEVELOPMENT)
	$(BIN)/python -m sphinx -b html -W --keep-going -q docs build/docs
	@echo "the documentation is in build/docs/index.html"

lessons: $(DEVELOPMENT)
	$(BIN)/python reports/lessons/execute.py

clean:
	rm -rf $(VENV) out build dist docs/generated src/endonet.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
